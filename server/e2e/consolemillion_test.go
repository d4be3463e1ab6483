package e2e

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"mwm/server"
)

// Each click on a queue of a million messages is answered in less than 200 ms,
// from the click until the page shows what it should. MWM_MILLION=1 asks for it: it
// takes a gigabyte of memory.
func TestConsoleOfAMillion(t *testing.T) {
	if os.Getenv("MWM_MILLION") == "" {
		t.Skip("MWM_MILLION is not set")
	}
	const million = 1_000_000
	s := serve(t, server.Config{Data: t.TempDir(), MaxQueueMessages: 3 * million, MaxQueueBytes: 2 << 30}, server.Options{})
	fillQueue(t, s.at.STOMP, "orders", million)
	p := console(t, s, "queues")
	p.wait(cell("queues", "/queue/orders", "waiting") + " === '1,000,000'")
	worst := 0.0
	click := func(what, act, shown string) {
		t.Helper()
		took := eval[float64](p, `(async () => {
			const began = performance.now();
			`+act+`;
			do {
				if (performance.now() - began > 20000) throw new Error('it never showed');
				await new Promise(requestAnimationFrame); // what is there still is from before the click
			} while (!(`+shown+`));
			return performance.now() - began;
		})()`)
		t.Logf("%-40s %4.0f ms", what, took)
		if worst = max(worst, took); took > 200 {
			t.Errorf("%s took %.0f ms", what, took)
		}
	}
	press := func(testid string) string { return find(tagged(testid)) + ".click()" }
	has := func(text string) string {
		return all(tagged("messages-row")+":not([hidden])") + ".some((e) => e.textContent.includes(" + js(text) + "))"
	}
	goTo := func(n int) string {
		return find(tagged("go-to")) + ".value = '" + fmt.Sprint(n) + "'; " + find(tagged("go-to")) + ".form.requestSubmit()"
	}
	grid := find("[role=grid]")
	waiting := func(n string) string { return find(tagged("count-waiting")) + "?.textContent === '" + n + "'" }

	click("sort the queues", press("sort-waiting"), rowOf("queues", "/queue/orders"))
	click("open the queue", rowOf("queues", "/queue/orders")+".click()", has("order number 0,")+" && "+waiting("1,000,000"))
	click("go to the last message", goTo(million), has("order number 999999,"))
	click("drag the scroll bar to the middle", grid+".scrollTop = "+grid+".scrollHeight / 2",
		all(tagged("messages-row")+":not([hidden])")+".some((e) => /order number 5000\\d\\d,/.test(e.textContent))")
	key := func(name string) string {
		return grid + ".dispatchEvent(new KeyboardEvent('keydown', { key: '" + name + "', bubbles: true }))"
	}
	click("press End", key("End"), has("order number 999999,"))
	click("press Home", key("Home"), has("order number 0,"))
	click("turn the page", key("PageDown")+"; "+key("PageDown"), has("order number 20,"))
	click("go to the 700,000th", goTo(700_000), has("order number 699999,"))
	click("open a message", all(tagged("messages-row")+":not([hidden])")+".find((e) => e.textContent.includes('order number 699999,')).click()", find(tagged("message-body"))+"?.textContent.startsWith('order number 699999,')")
	click("show it as bytes", press("form-hex"), find(tagged("message-body"))+".textContent.startsWith('000000')")
	click("ask to delete it", press("message-delete"), find(tagged("ask-yes")))
	click("delete it", press("ask-yes"), waiting("999,999")+" && !"+find("dialog[open]"))
	click("look for something", find(tagged("find-message"))+".value = 'number 987654,'; "+find(tagged("find-message"))+".form.requestSubmit()", find(tagged("found"))+".textContent !== ''")
	began := time.Now()
	p.waitText(tagged("found"), "1 found")
	t.Logf("it was found after %v", time.Since(began).Round(time.Millisecond))
	p.wait(has("order number 987654,"))
	click("show all again", find(tagged("find-message"))+".value = ''; "+find(tagged("find-message"))+".dispatchEvent(new Event('input', { bubbles: true }))", has("order number 0,"))
	click("show who consumes", press("show-consumers"), find(tagged("consumers"))+".textContent !== ''")
	click("show what is unacknowledged", press("show-unacknowledged"), find(tagged("messages-note"))+".textContent.startsWith('No consumer')")
	click("show what waits", press("show-waiting"), has("order number 0,"))
	click("mark two and ask to move them", all(tagged("messages-row")+" .tick")+".slice(0, 2).forEach((e) => e.click()); "+press("marks-move"), find(tagged("move-to")))
	click("move them", find(tagged("move-to"))+".value = 'other'; "+press("ask-yes"), waiting("999,997"))
	click("ask to delete all", press("queue-purge"), find(tagged("ask-count")))
	click("the first answer to it", find(tagged("ask-count"))+".value = '999997'; "+find(tagged("ask-count"))+".dispatchEvent(new Event('input')); "+press("ask-yes"),
		find(tagged("sweep-words"))+"?.textContent.match(/^[1-9]/)")
	p.wait(find(tagged("sweep-words")) + ".textContent === '999,997 messages deleted.'")
	click("back to the list", press("sweep-close")+"; "+press("console-back"), cell("queues", "/queue/other", "waiting")+" === '2'")
	t.Logf("the slowest click took %.0f ms", worst)
}

// fillQueue sends messages to a queue, and returns when the server has all.
func fillQueue(t *testing.T, addr, queue string, n int) {
	t.Helper()
	nc, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	sent := make(chan struct{})
	go func() {
		defer close(sent)
		w := bufio.NewWriterSize(nc, 1<<20)
		fmt.Fprint(w, "CONNECT\naccept-version:1.2\nhost:x\n\n\x00")
		for i := range n {
			fmt.Fprintf(w, "SEND\ndestination:/queue/%s\npersistent:true\ncontent-type:text/plain\n", queue)
			if i == n-1 {
				fmt.Fprint(w, "receipt:last\n")
			}
			fmt.Fprintf(w, "\norder number %d, which is as long as such messages are\x00", i)
		}
		_ = w.Flush() // the receipt tells whether all came through
	}()
	_ = nc.SetReadDeadline(time.Now().Add(5 * time.Minute))
	for r := bufio.NewReader(nc); ; {
		line, err := r.ReadString('\n')
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasPrefix(line, "receipt-id:last") {
			break
		}
	}
	<-sent
}
