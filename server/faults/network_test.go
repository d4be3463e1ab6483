package faults

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"
)

// clients is how many clients the server believes to be connected.
func (p *process) clients() int {
	p.t.Helper()
	code, body := p.status("/api/v1/status")
	var s struct{ Clients int }
	if err := json.Unmarshal([]byte(body), &s); code != http.StatusOK || err != nil {
		p.t.Fatalf("%d %s %v", code, body, err)
	}
	return s.Clients
}

// On a network that is slow, cuts packets anywhere and breaks all connections
// again and again, the same holds as when the server is killed.
func TestBrokenConnections(t *testing.T) {
	rounds := number(t, "MWM_CRASH_KILLS", 10)
	// Each time a consumer loses its connection it may have been busy with the same
	// message: dice decide which it holds back, and in a short round none gets through.
	p := serve(t, "--data="+t.TempDir(), fmt.Sprint("--max-deliveries=", 3*rounds+1))
	c := newCrash()
	for run := 1; run <= rounds || run <= 3*rounds && !c.worked(50*rounds, 0); run++ {
		net := network(t, p.stomp, 20*time.Millisecond)
		through := p.addresses
		through.stomp = net.addr()
		c.book.run = run
		c.work(through, net.cut)
		eventually(t, "the server has noticed", func() bool { return p.clients() == 0 })
	}
	c.drain(t, p)
	c.book.check(t)
	c.pipe.check(t, c.book)
	b := c.book
	t.Logf("%d rounds: %d messages confirmed, %d delivered, %d of these again; %d transactions committed, %d aborted",
		b.run, b.confirmed, b.delivered, b.repeated, c.pipe.committed, c.pipe.aborted)
	if !c.worked(50*rounds, 0) {
		t.Error("that is too little work to prove anything")
	}
}

// A truck whose network has gone without a word (both ends half open): the server
// notices by the heart-beats that were agreed, and what the truck had not
// acknowledged goes to who comes next. It does not have to wait for that: a
// connection with the same client-id takes over at once.
func TestHalfOpen(t *testing.T) {
	p := serve(t)
	net := network(t, p.stomp, 0)
	const queue = "/queue/device.HALF.text"
	connect := func(addr, id string, headers ...string) *stompConn {
		t.Helper()
		c, err := dialSTOMP(addr, id, headers...)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(c.close)
		return c
	}
	subscription := []string{"id:1", "destination:" + queue, "ack:client-individual"}
	expect := func(c *stompConn, body string, redelivered bool) {
		t.Helper()
		f, err := c.read()
		if err != nil || f.body != body || (f.headers["redelivered"] == "true") != redelivered {
			t.Fatalf("%+v, %v, want %q, redelivered %v", f, err, body, redelivered)
		}
	}
	lost := connect(net.addr(), "HALF", "heart-beat:2000,0") // longer than a busy machine takes to get to the freeze
	other := connect(net.addr(), "TAKEN")                    // no heart-beats at all
	for _, c := range []*stompConn{lost, other} {
		if err := c.call("SUBSCRIBE", "", subscription...); err != nil { // before there is anything to take turns with
			t.Fatal(err)
		}
	}
	hq, err := dialSTOMP(p.stomp, "")
	if err != nil {
		t.Fatal(err)
	}
	defer hq.close()
	send := func(body string) {
		t.Helper()
		if err := hq.call("SEND", body, "destination:"+queue, "persistent:true"); err != nil {
			t.Fatal(err)
		}
	}
	send("one") // the consumers take turns
	send("two")
	for _, c := range []*stompConn{lost, other} {
		if f, err := c.read(); err != nil || f.command != "MESSAGE" {
			t.Fatalf("%+v %v", f, err)
		}
	}
	net.freeze()
	next := connect(p.stomp, "TAKEN") // takes over: gets back what TAKEN had, at once
	if err := errors.Join(next.send("SUBSCRIBE", "", subscription...), next.flush()); err != nil {
		t.Fatal(err)
	}
	f, err := next.read()
	if err != nil || f.headers["redelivered"] != "true" {
		t.Fatalf("%+v, %v", f, err)
	}
	first := f.body
	began := time.Now()
	second := map[string]string{"one": "two", "two": "one"}[first]
	expect(next, second, true) // once the server has noticed
	if d := time.Since(began); d > patience/2 {
		t.Errorf("the server noticed after %v", d)
	}
	eventually(t, "the new one and headquarters are left", func() bool { return p.clients() == 2 })
	eventually(t, "the log says why", func() bool { return strings.Contains(p.log.String(), "no heart-beat came in time") })
}

// A server that did not run for a while (a machine that was paused, or had too much
// to do) blames nobody: clients that kept sending are still connected.
func TestPause(t *testing.T) {
	p := serve(t)
	const limit = 3 * time.Second // for both protocols: twice the interval, and half as much again
	beating, err := dialSTOMP(p.stomp, "BEAT", "heart-beat:1500,0")
	if err != nil {
		t.Fatal(err)
	}
	defer beating.close()
	phone, err := net.Dial("tcp", p.mqtt)
	if err != nil {
		t.Fatal(err)
	}
	defer phone.Close()
	if err := mqttConnect(phone, "phone", 2); err != nil {
		t.Fatal(err)
	}
	stop := make(chan struct{})
	done := make(chan error, 1)
	go func() {
		tick := time.NewTicker(200 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				_, err1 := beating.nc.Write([]byte("\n"))
				_, err2 := phone.Write([]byte{0xC0, 0}) // PINGREQ
				if err := errors.Join(err1, err2); err != nil {
					done <- err
					return
				}
			case <-stop:
				done <- nil
				return
			}
		}
	}()
	for range 2 {
		signal(t, p, syscall.SIGSTOP)
		await(t.Context(), limit+time.Second)
		signal(t, p, syscall.SIGCONT)
		await(t.Context(), 500*time.Millisecond)
		if n := p.clients(); n != 2 {
			t.Fatalf("%d clients are left of 2:\n%s", n, p.log.Tail())
		}
	}
	close(stop)
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func signal(t *testing.T, p *process, sig syscall.Signal) {
	t.Helper()
	if err := p.cmd.Process.Signal(sig); err != nil {
		t.Fatal(err)
	}
}
