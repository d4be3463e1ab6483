package e2e

import (
	"slices"
	"strconv"
	"strings"
	"testing"

	"mwm/server"
	"mwm/server/telemetry"
)

// A page without devices says how to get some, and what it says is true: the
// commands work as they stand.
func TestEmptyFleetSaysHowToFillIt(t *testing.T) {
	s := serve(t, server.Config{}, server.Options{})
	p := open(t, s.page())
	dialog := find(tagged("connect"))
	command := func(name string) string {
		t.Helper()
		p.wait(dialog + ".open && " + dialog + ".querySelector('.dialog-body')")
		c := eval[string](p, find(tagged("copy-"+name))+".closest('.command').querySelector('code').textContent")
		t.Logf("the page says: %s", c)
		return c
	}
	p.waitText("#connect-title", "No devices yet")
	p.wait("!" + find(tagged("demo-start"))) // this server simulates none
	netcat, sim := command("netcat"), command("sim")

	run(t, "bash", "-c", command("mosquitto")).wait(0)
	p.wait("mwm.position('BBB')")
	p.wait("!" + dialog + ".open") // it has served its purpose
	run(t, "bash", "-c", netcat)
	p.wait("mwm.position('CCC')?.status === 'idle'")
	run(t, "bash", "-c", sim)
	p.wait("mwm.devices === 25 && mwm.counts.moving > 10")
}

// In a demo, the page itself can start devices.
func TestDemoButton(t *testing.T) {
	demo := run(t, mwm, slices.Concat([]string{"demo", "--trucks", "0", "--phones", "0"}, freePorts)...)
	p := open(t, demo.expect(`Open (http://127\.0\.0\.1:\d+)`)[1]+"/")
	p.waitText("#connect-title", "No devices yet")
	p.click(tagged("demo-start"))
	p.wait("mwm.devices === 20 && mwm.counts.moving >= 5")
	p.wait("!" + find(tagged("connect")) + ".open")
	p.withoutServer()
	demo.interrupt()
	out := demo.wait(0)
	if !strings.Contains(out, "stopped: 15 trucks and 5 phones sent ") {
		t.Errorf("the demo ended with\n%s", out)
	}
}

// freePorts are the flags of a server that takes free ports of this machine.
var freePorts = []string{
	"--http=127.0.0.1:0", "--stomp=127.0.0.1:0", "--stomp-ws=127.0.0.1:0", "--mqtt=127.0.0.1:0", "--mqtt-ws=127.0.0.1:0",
}

// The card has all the colours that phones know, under the names that they know.
func TestAlertColours(t *testing.T) {
	s := serve(t, server.Config{}, server.Options{})
	p := open(t, s.page())
	phones := []*phone{newPhone(t, s, "WXY"), newPhone(t, s, "XYZ")} // neither is alerted too often
	for _, ph := range phones {
		ph.move(telemetry.Motion{})
	}
	p.choose("WXY")
	want := map[string]string{ // SYSTEM.md §3
		"black": "#000000", "darkGray": "#555555", "lightGray": "#AAAAAA", "white": "#FFFFFF", "gray": "#808080", "red": "#FF0000", "green": "#00FF00",
		"blue": "#0000FF", "cyan": "#00FFFF", "yellow": "#FFFF00", "magenta": "#FF00FF", "orange": "#FF8000", "purple": "#800080", "brown": "#996633",
	}
	swatches := all(tagged("card")+" .swatch") + ".map((e) => [e.dataset.testid.replace('alert-', ''), getComputedStyle(e).backgroundColor])"
	shown := eval[[][2]string](p, swatches)
	if len(shown) != len(want) {
		t.Errorf("there are %d colours: %v", len(shown), shown)
	}
	for i, colour := range shown {
		name, ph := colour[0], phones[2*i/len(shown)]
		if i == len(shown)/2 {
			p.choose(ph.id)
		}
		if got := hex(colour[1]); got != want[name] {
			t.Errorf("%s looks like %s, not %q", name, got, want[name])
		}
		p.click(".swatch" + tagged("alert-"+name))
		if got := receive(t, "alert", ph.alerts); got != name {
			t.Errorf("a click on %s turns the phone %q", name, got)
		}
	}
	// Nobody listens any more: the page says so.
	phones[1].client.Disconnect(100)
	p.wait("mwm.counts.offline === 1")
	p.click(tagged("alert-red") + ":not(.swatch)")
	p.wait(find(tagged("alert-result") + "[data-tone=warn]"))
	// Somebody leans on the key: the phone is spared.
	p.choose("WXY")
	p.provoke("status of 429")
	p.click(tagged("card-id")) // out of the search field
	eventually(t, "the server has enough", func() bool {
		p.press(strings.Repeat("a", 15))
		return strings.Contains(p.text(tagged("notices")), "Too many alerts")
	})
}

// hex writes a computed colour, rgb(1, 2, 3), as #010203.
func hex(rgb string) string {
	out := "#"
	for part := range strings.SplitSeq(strings.Trim(rgb, "rgb()"), ",") {
		n, err := strconv.Atoi(strings.TrimSpace(part))
		if err != nil {
			return rgb
		}
		out += strings.ToUpper(strconv.FormatInt(int64(n)+0x100, 16)[1:])
	}
	return out
}
