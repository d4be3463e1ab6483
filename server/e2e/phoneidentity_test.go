package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"mwm/server"
	"mwm/server/auth"
)

// Two pages with one ID do not throw each other out for ever: the older one stops,
// and says so.
func TestPhoneInUseElsewhere(t *testing.T) {
	s := serve(t, server.Config{}, server.Options{})
	one := pickUp(t, s, "#id=AAA", sensors...)
	one.click(tagged("start-simulated"))
	two := pickUp(t, s, "#id=AAA", sensors...)
	one.wait(find(having("link-stomp", "data-state", "taken")) + "&&" + find(having("link-mqtt", "data-state", "taken")))
	two.connected()
	one.wait(find(tagged("doing")) + ".textContent.startsWith('Not reporting')") // although there are values
	one.wait(find(tagged("banner")) + ".textContent.includes('Another page or device reports as AAA')")
	one.click(tagged("retry"))
	one.connected()
	two.wait(find(having("link-stomp", "data-state", "taken")) + "&&" + find(having("link-mqtt", "data-state", "taken")))
}

// The ID can be changed to whatever the server takes, and is kept; texts wait for
// the new one.
func TestPhoneIsRenamed(t *testing.T) {
	s := serve(t, server.Config{}, server.Options{})
	h := pickUp(t, s, "", sensors...)
	h.click(tagged("start-simulated"))
	scripts := eval[int](h.page, "document.scripts.length")
	for _, id := range hostileIDs[:4] {
		id = strings.TrimSpace(id)
		h.click(tagged("device-open"))
		h.wait(find(tagged("sheet")) + ".open")
		eval[bool](h.page, find(tagged("sheet-id"))+".select() ?? true")
		h.enter("a/b")
		h.click(tagged("sheet-save"))
		h.wait(find(tagged("sheet-wrong")) + ".textContent && " + find(tagged("sheet")) + ".open")
		eval[bool](h.page, find(tagged("sheet-id"))+".select() ?? true")
		h.enter(id)
		h.wait(find(tagged("sheet-id")) + ".value === " + js(id))
		h.click(tagged("sheet-save"))
		h.waitText(tagged("device-id"), id)
		h.connected()
		h.id = id
		eventually(t, "the fleet knows "+id, func() bool { d := s.device(id); return d != nil && d.Online.STOMP && d.Online.MQTT })
	}
	h.reload()
	h.waitText(tagged("device-id"), h.id)
	h.wait(fmt.Sprintf("document.scripts.length === %d && !document.querySelector('#injected') && typeof hacked === 'undefined'", scripts))
}

// Where the server wants a password the page asks for it, and keeps it.
func TestPhonePassword(t *testing.T) {
	hash, err := auth.HashPassword("open sesame")
	if err != nil {
		t.Fatal(err)
	}
	accounts := filepath.Join(t.TempDir(), "accounts")
	if err := os.WriteFile(accounts, []byte("operator alice -\ndevice AAA "+hash+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	s := serve(t, server.Config{Accounts: accounts}, server.Options{})
	h := handsetOf(t, s, sensors...)
	h.navigate(s.page() + "phone#id=AAA")
	refused := find(having("link-stomp", "data-state", "refused")) + "&&" + find(having("link-mqtt", "data-state", "refused"))
	h.wait(refused)
	h.click(tagged("start-simulated"))
	for _, password := range []string{"wrong", "open sesame"} {
		h.wait(refused)
		// The attempt before may just be under way: then there is nothing to enter yet.
		h.wait(find(tagged("sheet")) + ".open || (" + find(tagged("retry")) + ".click(), false)")
		h.wait("document.activeElement === " + find(tagged("sheet-password")))
		eval[bool](h.page, find(tagged("sheet-password"))+".select() ?? true")
		h.enter(password)
		h.click(tagged("sheet-save"))
	}
	h.connected()
	h.wait(find(tagged("sent")) + ".textContent.includes('sent')")
	h.reload()
	h.connected()
}
