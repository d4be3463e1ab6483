package e2e

import (
	"testing"

	"mwm/server"
)

// The QR code on the dashboard says an address at which the phone's page is.
func TestPhoneCode(t *testing.T) {
	s := serve(t, server.Config{}, server.Options{})
	p := open(t, s.page())
	p.wait(find("#connect") + ".open && " + find(tagged("copy-phone"))) // listening on this machine alone: the page says what to start
	p.wait("!" + find(tagged("qr")))

	// A name that only this browser knows stands in for the network's address.
	eval[bool](p, `(() => {
		const fetched = window.fetch;
		window.fetch = async (...args) => {
			const response = await fetched(...args);
			if (!String(args[0]).endsWith('/status')) return response;
			const status = await response.json();
			status.phone = { urls: ['http://192.168.1.5:8080/phone'], container: false };
			return new Response(JSON.stringify(status), { headers: { 'content-type': 'application/json' } });
		};
		return true;
	})()`)
	p.press("\x1b")
	p.click(tagged("connect-open"))
	p.wait(find(tagged("qr")+" canvas") + "?.getAttribute('aria-label') === 'http://192.168.1.5:8080/phone'")
	p.waitText(tagged("phone-link"), "http://192.168.1.5:8080/phone")
	dark := eval[float64](p, `(() => {
		const { width, height } = `+find(tagged("qr")+" canvas")+`;
		const { data } = `+find(tagged("qr")+" canvas")+`.getContext('2d').getImageData(0, 0, width, height);
		return data.filter((v, i) => i % 4 === 0 && v === 0).length / (width * height);
	})()`)
	if dark < 0.2 || dark > 0.5 {
		t.Errorf("%.0f %% of the code are dark", 100*dark)
	}
}

// A link with another ID does not take a phone's away while it has positions to
// send: it is offered, and taken when the user agrees.
func TestPhoneLinkWastesNothing(t *testing.T) {
	s := serve(t, server.Config{}, server.Options{})
	h := pickUp(t, s, "#id=AAA", sensors...)
	h.settled()
	eval[bool](h.page, `(localStorage.setItem('mwm.phone.outbox', JSON.stringify([{ lat: 42.5, lng: 1.5, ts: new Date().toISOString() }])), true)`)
	h.navigate("about:blank")
	h.navigate(s.page() + "phone#id=BBB")
	h.wait(find(tagged("sheet")) + ".open && " + find(tagged("sheet-id")) + ".value === 'BBB'")
	h.waitText(tagged("device-id"), "AAA")
	h.connected()
	eventually(t, "what AAA had still to send", func() bool {
		d := s.device("AAA")
		return d != nil && d.Location != nil
	})
	h.click(tagged("sheet-save"))
	h.waitText(tagged("device-id"), "BBB")
	h.connected()
}

// A link to the page that is open already is not lost, either.
func TestPhoneLinkWhileOpen(t *testing.T) {
	s := serve(t, server.Config{}, server.Options{})
	h := pickUp(t, s, "#id=AAA", sensors...)
	h.wait("(location.hash = '#id=BBB')")
	h.wait(find(tagged("sheet")) + ".open && location.hash === '' && " + find(tagged("sheet-id")) + ".value === 'BBB'")
	h.waitText(tagged("device-id"), "AAA")
	h.click(tagged("sheet-save"))
	h.waitText(tagged("device-id"), "BBB")
	h.connected()
}
