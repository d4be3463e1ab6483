package e2e

import (
	"path/filepath"
	"testing"

	"github.com/chromedp/chromedp/kb"
	gostomp "github.com/go-stomp/stomp/v3"

	"mwm/server"
	"mwm/server/auth"
)

// An operator finds a queue, reads its messages, and moves and deletes some, then
// all.
func TestConsoleOfQueues(t *testing.T) {
	s := busy(t)
	p := console(t, s, "queues")
	p.waitText(tagged("console-summary"), "5 queues")
	p.wait(cell("queues", "/queue/orders", "waiting") + " === '41'")
	p.click(tagged("sort-waiting"))
	p.wait(columnOf("queues", "destination") + "[0] === '/queue/orders'")
	s.send("/queue/device.BBB.text", "and one more") // the list keeps up
	p.wait(cell("queues", "/queue/device.BBB.text", "waiting") + " === '2'")
	p.write(tagged("console-search"), "device.*.text")
	p.waitText(tagged("console-summary"), "3 found")
	p.wait(same(columnOf("queues", "destination"), "/queue/device.BBB.text", "/queue/device.CCC.text", "/queue/device.reader.text"))
	p.wait(find(tagged("sort-waiting")) + ".closest('[aria-sort]').ariaSort === 'descending'")

	p.click(tagged("console-queues"))
	p.wait(find(tagged("console-search")) + ".value === 'device.*.text'")
	p.press("/" + kb.Backspace)
	p.openRow("queues", "/queue/orders")
	p.waitText(tagged("queue-name"), "orders")
	p.wait("new URLSearchParams(location.hash.slice(1)).get('console') === 'queue/orders'")
	p.waitText(tagged("count-waiting"), "41")
	p.press("/서울" + kb.Enter)
	p.waitText(tagged("found"), "40 found")
	p.press("/" + kb.Backspace + `"order":17,` + kb.Enter)
	p.waitText(tagged("found"), "1 found")
	p.wait(all(tagged("messages-row")+":not([hidden])") + ".length === 1 && " + rowOf("messages", "18"))
	p.press("/" + kb.Backspace + "nowhere" + kb.Enter)
	p.waitText(tagged("messages-note"), "Nothing matches this filter.")
	p.press(kb.Escape)
	p.openRow("messages", "1")
	p.wait(find(tagged("message-body")) + "?.textContent === " + js("{\n  \"order\": 0,\n  \"items\": [\n    \"apples\",\n    \"pears\"\n  ],\n  \"total\": 12.50,\n  \"to\": \"서울\"\n}"))
	p.wait(find(tagged("console-side")) + ".innerText.includes('country')")
	p.click(tagged("form-hex"))
	p.wait(find(tagged("message-body")) + ".textContent.startsWith('000000  7b 22 6f 72')")
	p.click(tagged("side-close"))
	p.write(tagged("go-to"), "41")
	p.press(kb.Enter)
	p.wait(rowOf("messages", "5 bytes, not text"))
	p.press(kb.Enter)
	p.wait(find(tagged("message-body")) + "?.textContent.startsWith('000000  00 01 02 03 ff')")
	p.click(tagged("message-delete"))
	p.click(tagged("ask-yes"))
	p.waitText(tagged("count-waiting"), "40")
	p.wait(find(tagged("console-side")) + ".hidden")

	p.write(tagged("go-to"), "1")
	p.press(kb.Enter + "  " + " " + kb.ArrowDown + " ") // marked, not marked, marked
	p.waitText(tagged("marked"), "2 selected")
	p.click(tagged("marks-move"))
	p.write(tagged("move-to"), "")
	p.wait(find(tagged("move-to")) + ".value === ''")
	p.enter("/queue/urgent")
	p.press(kb.Enter)
	p.wait(find(tagged("notices")) + ".textContent.includes('2 messages moved to urgent.')")
	p.waitText(tagged("count-waiting"), "38")

	p.click(tagged("queue-purge"))
	p.wait(find(tagged("ask-yes")) + ".disabled")
	p.write(tagged("ask-count"), "37")
	p.press(kb.Enter)
	p.wait(find(tagged("ask-yes")) + ".disabled")
	p.press(kb.Backspace + "8" + kb.Enter)
	p.waitText(tagged("sweep-words"), "38 messages deleted.")
	p.click(tagged("sweep-close"))
	p.waitText(tagged("messages-note"), "No message is waiting.")
	p.click(tagged("queue-forget"))
	p.click(tagged("ask-yes"))
	p.waitText(tagged("console-summary"), "5 queues")
	p.wait(cell("queues", "/queue/urgent", "waiting") + " === '2' && !" + rowOf("queues", "/queue/orders"))
}

// Messages that were given up are given another chance, some or all; and who
// holds a message can be seen.
func TestConsoleOfDeadLetters(t *testing.T) {
	s := busy(t)
	p := console(t, s, "queue/DLQ.orders")
	p.waitText(tagged("count-waiting"), "3")
	p.click(tagged("messages-row") + " .tick")
	p.click(tagged("marks-retry"))
	p.waitText(tagged("count-waiting"), "2")
	p.click(tagged("queue-retry"))
	p.waitText(tagged("sweep-words"), "2 messages moved to orders.")
	p.click(tagged("sweep-close"))
	p.click(tagged("console-back"))
	p.wait(cell("queues", "/queue/orders", "waiting") + " === '44'")

	tr := newTruck(t, s, "worker")
	if _, err := tr.conn.Subscribe("/queue/orders", gostomp.AckClientIndividual, gostomp.SubscribeOpt.Header("activemq.prefetchSize", "2")); err != nil {
		t.Fatal(err)
	}
	p.openRow("queues", "/queue/orders")
	p.waitText(tagged("count-unacknowledged"), "2")
	p.click(tagged("show-unacknowledged"))
	p.wait(all(tagged("messages-row")+":not([hidden])") + ".length === 2")
	p.click(tagged("messages-row"))
	p.wait(find(tagged("side-title")) + " && !" + find(tagged("message-delete")))
	p.click(tagged("show-consumers"))
	p.wait(find(tagged("consumers")) + ".innerText.includes('worker')")
}

// An operator sees who is connected, with what, and what is said when they are
// lost, and sends them away.
func TestConsoleOfClients(t *testing.T) {
	s := busy(t)
	p := console(t, s, "connections")
	p.waitText(tagged("console-summary"), "2 connections")
	side := find(tagged("console-side")) + ".innerText"
	p.openRow("connections", "XYZ")
	for _, said := range []string{"MQTT 3.1.1", "/topic/news.#", "QoS 1", "/mwm/lastWill", `"deviceID": "XYZ"`} {
		if said == "/topic/news.#" {
			said = "news/#"
		}
		p.wait(side + ".includes(" + js(said) + ")")
	}
	p.openRow("connections", "reader")
	p.wait(side + `.includes("country IN ('FR', 'DE', 'IT')")`)
	p.click(tagged("connection-close"))
	p.click(tagged("ask-yes"))
	p.waitText(tagged("console-summary"), "1 connection")

	p.click(tagged("console-topics"))
	p.openRow("topics", "/topic/news.weather")
	for _, said := range []string{"desk · Away", "XYZ", "/topic/news.>", "sunny"} {
		p.wait(side + ".includes(" + js(said) + ")")
	}
	p.click(tagged("console-subscriptions"))
	p.waitText(tagged("console-summary"), "2 subscriptions")
	p.openRow("subscriptions", "XYZ")
	p.click(tagged("subscription-connection"))
	p.waitText(tagged("side-title"), "XYZ")
	p.wait("location.hash.includes('console=connections')")
	p.click(tagged("connection-close"))
	p.click(tagged("ask-yes"))
	p.waitText(tagged("connections-note"), "Nobody is connected.")

	p.click(tagged("console-sessions"))
	p.openRow("sessions", "XYZ")
	p.click(tagged("session-end"))
	p.click(tagged("ask-yes"))
	p.waitText(tagged("sessions-note"), "No MQTT client has a session.")
	p.click(tagged("console-durables"))
	p.openRow("durables", "all news")
	p.waitText(tagged("count-waiting"), "2")
	p.openRow("messages", "goal")
	p.wait(side + ".includes('/topic/news.sport')")
	p.click(tagged("durable-end"))
	p.click(tagged("ask-yes"))
	p.waitText(tagged("durables-note"), "No STOMP client has a durable subscription.")

	p.click(tagged("console-retained"))
	p.openRow("retained", "/topic/.mwm.XYZ.motion")
	p.wait(find(tagged("message-body")) + "?.textContent.includes('pitch: 0.5000 rad = 29°')")
	p.click(tagged("retained-clear"))
	p.click(tagged("ask-yes"))
	p.waitText(tagged("console-summary"), "1 retained value")
	p.click(tagged("retained-row") + " .tick")
	p.click(tagged("marks-clear-retained"))
	p.click(tagged("ask-yes"))
	p.waitText(tagged("retained-note"), "No topic has a retained value.")
}

// A message is sent from the console to a consumer of the other side, with what
// was asked for.
func TestConsoleSends(t *testing.T) {
	s := serve(t, server.Config{}, server.Options{})
	tr := newTruck(t, s, "BBB")
	tr.listen()
	p := console(t, s, "queues")
	p.press("/" + kb.Tab)
	p.click(tagged("console-send"))
	p.wait("document.activeElement === " + find(tagged("send-to")))
	p.press("/queue/device.BBB.text" + kb.Tab)
	p.enter(hostileText)
	p.click(tagged("send-add"))
	p.press("country" + kb.Tab + "FR")
	p.click(tagged("send-now"))
	p.wait(find(tagged("send-result")) + ".textContent.startsWith('Sent to 1 receiver.')")
	m := tr.text()
	if string(m.Body) != hostileText || m.Header.Get("country") != "FR" || m.Header.Get("persistent") != "true" || m.Header.Get("content-type") != "text/plain" {
		t.Errorf("%q %v", m.Body, m.Header)
	}
	if !eval[bool](p, find(tagged("send-retain"))+".closest('label').hidden") {
		t.Error("a queue cannot retain")
	}
	eval[bool](p, find(tagged("send-to"))+".select(), true")
	p.press("nowhere")
	p.click(tagged("send-now"))
	p.wait(find(tagged("send-to")) + ".matches(':invalid')")
	eval[bool](p, find(tagged("send-to"))+".select(), true")
	p.press("/topic/a.*")
	p.provoke("status of 422")
	p.click(tagged("send-now"))
	p.wait(find(tagged("send-result")) + ".textContent.includes('wildcard')")
	eval[bool](p, find(tagged("send-to"))+".select(), true")
	p.press("/topic/news")
	p.click(tagged("send-retain"))
	p.click(tagged("send-now"))
	p.wait(find(tagged("send-result")) + ".textContent.startsWith('Sent, but nobody was listening.')")
	p.press(kb.Escape)
	p.wait("!" + find("dialog[open]"))
	p.click(tagged("console-retained"))
	p.waitText(tagged("console-summary"), "1 retained value")
}

// The console is used without a mouse.
func TestConsoleByKeyboard(t *testing.T) {
	s := busy(t)
	p := open(t, s.page())
	p.wait("mwm.connection === 'live'")
	p.press("c")
	p.wait(find(tagged("queues-row")) + "?.dataset.key")
	p.press("/orders" + kb.Enter)
	p.waitText(tagged("console-summary"), "2 found")
	p.wait("document.activeElement.role === 'grid'")
	p.press(kb.Home + kb.ArrowDown + kb.Enter)
	p.waitText(tagged("queue-name"), "orders")
	p.wait("document.activeElement === " + find(tagged("queue-name")))
	p.waitText(tagged("count-waiting"), "41")
	p.press("/" + kb.Tab + "40" + kb.Enter)
	p.wait("document.activeElement.role === 'grid' && document.activeElement.getAttribute('aria-activedescendant')")
	p.press(kb.Enter)
	p.wait(find(tagged("message-body")) + "?.textContent.includes('\"order\": 39')")
	p.wait("document.activeElement === " + find(tagged("side-title")))
	p.press(kb.Escape)
	p.wait(find(tagged("console-side")) + ".hidden && document.activeElement.role === 'grid'")
	p.press(" " + kb.ArrowUp + " ")
	p.waitText(tagged("marked"), "2 selected")
	p.tab(tagged("marks-none"))
	p.press(kb.Enter)
	p.wait(find(tagged("marked")) + ".parentElement.hidden && document.activeElement.role === 'grid'")
	for range 2 { // each begins where it stands
		extend := find(tagged("messages")) + ".dispatchEvent(new KeyboardEvent('keydown', { key: 'ArrowUp', shiftKey: true, bubbles: true }))"
		eval[bool](p, extend)
		p.press(kb.ArrowUp + kb.ArrowUp)
	}
	p.waitText(tagged("marked"), "4 selected")
	p.tab(tagged("marks-delete"))
	p.press(kb.Enter)
	p.tab(tagged("ask-yes"))
	p.press(kb.Enter)
	p.wait("!" + find("dialog[open]") + " && document.activeElement.role === 'grid'")
	p.waitText(tagged("count-waiting"), "37")
	p.press(" ")
	p.waitText(tagged("marked"), "1 selected")
	p.press(kb.Escape)
	p.wait(find(tagged("marked")) + ".parentElement.hidden")
	p.press(kb.Escape)
	p.wait(rowOf("queues", "/queue/orders") + " && document.activeElement.role === 'grid'")
	p.press("c")
	p.wait("mwm.view === 'map'")
}

// A viewer sees everything, and is offered nothing that takes an operator.
func TestConsoleForViewers(t *testing.T) {
	accounts := accountsWith(t, "vera", auth.Viewer)
	s := serve(t, server.Config{Accounts: accounts}, server.Options{})
	p := open(t, s.page()+"#view=console", "status of 401")
	p.wait(find(tagged("user")))
	p.write(tagged("user"), "vera")
	p.write(tagged("password"), accountsPassword)
	p.click(tagged("submit"))
	p.wait("window.mwm?.view === 'console' && document.documentElement.dataset.role === 'viewer'")
	p.waitText(tagged("queues-note"), "No queue has had a message yet. A text to a device makes the first one.")
	p.wait(all(".operator") + ".length > 0")
	for _, section := range []string{"queues", "topics", "connections", "subscriptions", "durables", "sessions", "retained"} {
		p.click(tagged("console-" + section))
		p.wait(all(".console-view .operator, .console-view .button-danger") + ".every((e) => !e.checkVisibility())")
	}
}

// accountsPassword is that of the accounts which accountsWith makes.
const accountsPassword = "open sesame"

func accountsWith(t *testing.T, name string, role auth.Role) (file string) {
	t.Helper()
	hash, err := auth.HashPassword(accountsPassword)
	if err != nil {
		t.Fatal(err)
	}
	file = filepath.Join(t.TempDir(), "accounts")
	err = auth.EditAccounts(file, func(a *auth.Accounts) error { return a.Set(auth.Account{Role: role, Name: name, Hash: hash}) })
	if err != nil {
		t.Fatal(err)
	}
	return file
}

// Whatever clients call themselves, their destinations and headers, and whatever
// they send is shown as text.
func TestConsoleShowsMarkupAsText(t *testing.T) {
	s := serve(t, server.Config{}, server.Options{})
	name := `<img src=x onerror=hacked=1 id=injected "'&lt;/%2F%25`
	s.send("/queue/"+name, hostileText, [2]string{`<b id=injected onclick=hacked=1>`, hostileText})
	s.send("/queue/"+name, `{"a":`+js(hostileText)+`}`)
	s.send("/queue/"+name, "\u202eback to front")
	s.post("/messages", outgoing{Destination: "/topic/" + name, Body: hostileText, Retain: true})
	tr := newTruck(t, s, name)
	if _, err := tr.conn.Subscribe("/topic/"+name, gostomp.AckAuto, gostomp.SubscribeOpt.Header("activemq.subscriptionName", hostileText)); err != nil {
		t.Fatal(err)
	}
	p := console(t, s, "queues")
	scripts := eval[int](p, "document.scripts.length")
	p.openRow("queues", "/queue/"+name)
	p.waitText(tagged("queue-name"), name)
	p.openRow("messages", "1")
	p.waitText(tagged("message-body"), hostileText)
	p.wait(find(tagged("console-side")) + ".innerText.includes(" + js(hostileText) + ")")
	p.wait("location.hash.includes('onerror')")
	link := eval[string](p, "location.href")
	for _, section := range []string{"topics", "connections", "subscriptions", "retained"} {
		p.click(tagged("console-" + section))
		p.click(tagged(section+"-row") + ":not([hidden])")
		p.wait(find(tagged("side-title")) + "?.textContent.includes(" + js(name) + ")")
		harmless(p, scripts)
	}
	p.click(tagged("console-durables"))
	p.openRow("durables", hostileText)
	p.waitText(tagged("queue-name"), hostileText)
	p.wait(find(tagged("durable-end")) + ".disabled") // somebody is connected
	p.navigate("about:blank")
	p.navigate(link)
	p.waitText(tagged("queue-name"), name)
	p.click(tagged("queue-purge"))
	p.wait(find("dialog[open]") + ".textContent.includes(" + js(name) + ")")
	harmless(p, scripts)
}

// While the server is away the console says so, and goes on by itself.
func TestConsoleWithoutServer(t *testing.T) {
	s := serve(t, server.Config{Data: t.TempDir()}, server.Options{})
	s.send("/queue/orders", "kept")
	p := console(t, s, "queues")
	p.withoutServer()
	s.stop()
	p.wait("mwm.connection !== 'live'")
	p.waitText(tagged("console-state"), "No connection: this is how it was last.")
	p.wait(rowOf("queues", "/queue/orders"))
	s.start()
	p.wait("mwm.connection === 'live'")
	p.waitText(tagged("console-state"), "")
	s.send("/queue/orders", "another")
	p.wait(cell("queues", "/queue/orders", "waiting") + " === '2'")
}
