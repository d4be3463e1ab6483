package faults

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// TestCrash kills the server again and again while publishers, consumers, durable
// subscribers and transactions are at work, and checks every message by its
// number:
//
//   - what had a RECEIPT is delivered, over whatever number of runs it takes;
//   - what is delivered a second time is marked as redelivered;
//   - what had a RECEIPT for its ACK does not come again;
//   - each publisher's messages come in order, and what is lost without a RECEIPT is
//     lost from the end of a run, without gaps;
//   - a transaction happens whole or not at all.
//
// Every fifth run is ended in order instead. A machine that gets little done in a
// run makes more of them.
func TestCrash(t *testing.T) {
	kills := number(t, "MWM_CRASH_KILLS", 20)
	data := "--data=" + t.TempDir()
	c := newCrash()
	for run := 1; run <= kills || run <= 3*kills && !c.worked(100*kills, kills); run++ {
		p := serve(t, data)
		c.book.run = run
		c.work(p.addresses, func() {
			switch {
			case p.over():
				c.book.fault("the server ended by itself:\n%s", p.log.Tail())
			case run%5 == 0:
				p.stop()
			default:
				p.kill()
			}
		})
		if t.Failed() || len(c.book.faults) > 0 {
			break
		}
	}
	c.drain(t, serve(t, data))
	c.book.check(t)
	c.pipe.check(t, c.book)
	b := c.book
	t.Logf("%d runs: %d messages confirmed, %d delivered, %d of these again; %d transactions committed, %d aborted",
		b.run, b.confirmed, b.delivered, b.repeated, c.pipe.committed, c.pipe.aborted)
	if !c.worked(100*kills, kills) {
		t.Error("that is too little work to prove anything")
	}
}

// crash is the cast of the test.
type crash struct {
	book *book
	pipe *pipeline

	queue, shared, input, texts *group
	durables                    [2]*group
	senders                     []*sender
}

// sender is a publisher of one stream, where it sends to, and how far it may be
// ahead of those who get it: what is left must fit into the last run.
type sender struct {
	s   *stream
	to  string
	lag int
}

const crashTopic = "/topic/crash.news"

func newCrash() *crash {
	b := newBook()
	c := &crash{book: b, pipe: newPipeline()}
	send := func(name, to string) *stream {
		s := b.stream(name)
		lag := 10_000
		if name == "in" {
			lag = 100 // in the end they are handled one by one, and each waits for the disk
		}
		c.senders = append(c.senders, &sender{s, to, lag})
		return s
	}
	c.queue = b.group("/queue/crash.ordered", true, send("a", "/queue/crash.ordered"), send("b", "/queue/crash.ordered"))
	c.shared = b.group("/queue/crash.shared", false, send("c", "/queue/crash.shared"), send("d", "/queue/crash.shared"))
	c.input = b.group("/queue/crash.in", false, send("in", "/queue/crash.in"))
	news := []*stream{send("e", crashTopic), send("f", crashTopic)}
	for i := range c.durables {
		c.durables[i] = b.group(fmt.Sprintf("durable%d", i+1), true, news...)
	}
	c.texts = b.group("/queue/device.CRASH.text", true, b.stream("text"))
	return c
}

// worked reports whether so much has been done that it proves something.
func (c *crash) worked(confirmed, committed int) bool {
	return c.book.confirmed >= confirmed && c.book.repeated > 0 && c.pipe.committed >= committed
}

// work lets everybody work on a server for a moment, until end breaks their
// connections.
func (c *crash) work(at addresses, end func()) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	var all sync.WaitGroup
	start := func(f func() error) {
		all.Go(func() { _ = f() }) // it ends with its connection
	}
	if c.book.run == 1 { // afterwards they are on disk
		for _, g := range c.durables {
			if err := c.subscribeOnce(at, g); err != nil {
				c.book.fault("durable subscription: %v", err)
			}
		}
	}
	for _, s := range c.senders {
		start(func() error { return c.publish(ctx, at, s) })
	}
	start(func() error { return c.sendTexts(ctx, at) })
	start(func() error { return c.consume(at, c.queue, "") })
	start(func() error { return c.consume(at, c.texts, "") })
	for range 2 {
		start(func() error { return c.consume(at, c.shared, "") })
	}
	for i, g := range c.durables {
		if (c.book.run+i)%3 != 0 { // each stays away now and then
			start(func() error { return c.consume(at, g, g.name) })
		}
	}
	for range pipeWorkers {
		start(func() error { return c.pipe.work(c.book, c.input, at) })
	}
	start(func() error { return c.pipe.collect(c.book, at) })
	await(ctx, 50*time.Millisecond+rand.N(700*time.Millisecond))
	end()
	cancel()
	all.Wait()
}

// publish sends numbered messages until the connection breaks, at most 100 of them
// without a RECEIPT.
func (c *crash) publish(ctx context.Context, at addresses, s *sender) error {
	conn, err := dialSTOMP(at.stomp, "")
	if err != nil {
		return err
	}
	defer conn.close()
	window := make(chan struct{}, 100)
	var reading sync.WaitGroup
	defer reading.Wait()
	defer conn.close()
	ctx, cancel := context.WithCancel(ctx)
	reading.Go(func() {
		defer cancel()
		for {
			f, err := conn.read()
			if err != nil {
				return
			}
			if f.command == "ERROR" && !strings.Contains(f.body, "shutting down") {
				c.book.fault("publisher %s: %s", s.s.name, f.body)
			}
			if n, err := strconv.Atoi(f.headers["receipt-id"]); err == nil {
				c.book.receipt(s.s, n)
				<-window
			}
		}
	})
	for {
		select {
		case window <- struct{}{}:
		case <-ctx.Done():
			return ctx.Err()
		}
		for c.book.lag(s.s) > s.lag && ctx.Err() == nil {
			if err := conn.flush(); err != nil {
				return err
			}
			await(ctx, 5*time.Millisecond)
		}
		n, body := c.book.next(s.s)
		if err := conn.send("SEND", body, "destination:"+s.to, "persistent:true", "receipt:"+strconv.Itoa(n)); err != nil {
			return err
		}
		if n%7 == 0 || len(window) == cap(window) {
			if err := conn.flush(); err != nil {
				return err
			}
		}
	}
}

// sendTexts sends texts through the API until the server is gone. 202 is a promise,
// too.
func (c *crash) sendTexts(ctx context.Context, at addresses) error {
	client := &http.Client{Transport: &http.Transport{}, Timeout: patience}
	defer client.CloseIdleConnections()
	s := c.book.streams["text"]
	for ctx.Err() == nil {
		n, body := c.book.next(s)
		text, err := json.Marshal(map[string]string{"body": body[:min(len(body), 4000)]})
		if err != nil {
			return err
		}
		res, err := client.Post("http://"+at.http+"/api/v1/devices/CRASH/texts", "application/json", bytes.NewReader(text))
		if err != nil {
			return err
		}
		answer, err := io.ReadAll(res.Body)
		res.Body.Close()
		if err != nil {
			return err
		}
		if res.StatusCode != http.StatusAccepted {
			if res.StatusCode != http.StatusServiceUnavailable {
				c.book.fault("the API answers %s: %s", res.Status, answer)
			}
			return nil
		}
		c.book.receipt(s, n)
	}
	return nil
}

// consume takes messages until the connection breaks. durable is the client-id of
// a durable subscriber. It acknowledges some at once, some with a receipt, holds
// some back, and refuses some of a queue that is shared.
func (c *crash) consume(at addresses, g *group, durable string) error {
	conn, err := dialSTOMP(at.stomp, durable)
	if err != nil {
		return err
	}
	defer conn.close()
	if err := subscribe(conn, g.name, durable); err != nil {
		return err
	}
	r := c.book.reader(g)
	var held []string
	for {
		f, err := conn.next()
		if err != nil {
			return err
		}
		if id := f.headers["receipt-id"]; id != "" {
			r.acknowledged(id)
			continue
		}
		if f.command != "MESSAGE" {
			return fmt.Errorf("%s %s", f.command, f.body)
		}
		key, times := r.delivery(f.body, f.headers["redelivered"] == "true")
		id := "id:" + f.headers["ack"]
		switch dice := rand.IntN(10); {
		case dice == 0 && !g.ordered && times == 0:
			err = conn.send("NACK", "", id)
		case dice <= 1 && len(held) < 100:
			held = append(held, id)
		case dice <= 5 && key != "":
			err = conn.send("ACK", "", id, "receipt:"+key)
		default:
			err = conn.send("ACK", "", id)
		}
		if err != nil {
			return err
		}
	}
}

func subscribe(conn *stompConn, name, durable string) error {
	headers := []string{"id:1", "ack:client-individual", "destination:" + name}
	if durable != "" {
		headers = []string{"id:1", "ack:client-individual", "destination:" + crashTopic, "activemq.subscriptionName:" + durable}
	}
	return conn.send("SUBSCRIBE", "", headers...)
}

// subscribeOnce makes a durable subscription.
func (c *crash) subscribeOnce(at addresses, g *group) error {
	conn, err := dialSTOMP(at.stomp, g.name)
	if err != nil {
		return err
	}
	defer conn.close()
	if err := conn.call("SUBSCRIBE", "", "id:1", "ack:client-individual", "destination:"+crashTopic,
		"activemq.subscriptionName:"+g.name); err != nil {
		return err
	}
	return conn.goodbye()
}

// drain ends every stream, takes what is left, and waits for the ends.
func (c *crash) drain(t *testing.T, p *process) {
	t.Helper()
	c.book.run++
	conn, err := dialSTOMP(p.stomp, "")
	if err != nil {
		t.Fatal(err)
	}
	defer conn.close()
	for _, to := range []string{c.queue.name, c.shared.name, c.input.name, c.texts.name, crashTopic} {
		if err := conn.call("SEND", theEnd, "destination:"+to, "persistent:true"); err != nil {
			t.Fatal(err)
		}
	}
	var all sync.WaitGroup
	for _, g := range c.book.groups {
		if g == c.input {
			all.Go(func() { _ = c.pipe.work(c.book, g, p.addresses) })
			continue
		}
		durable := ""
		if !strings.HasPrefix(g.name, "/queue/") {
			durable = g.name
		}
		all.Go(func() { _ = c.consume(p.addresses, g, durable) })
	}
	all.Go(func() { _ = c.pipe.collect(c.book, p.addresses) })
	for _, g := range c.book.groups {
		eventually(t, g.name+" has got all", func() bool { return c.book.ended(g) })
	}
	c.pipe.finish(t, p)
	c.noDeadLetters(t, p)
	p.stop()
	all.Wait()
}

// noDeadLetters checks that no message was worn out by the kills and stops.
func (c *crash) noDeadLetters(t *testing.T, p *process) {
	t.Helper()
	const fence = "/queue/DLQ.fence"
	conn, err := dialSTOMP(p.stomp, "")
	if err != nil {
		t.Fatal(err)
	}
	defer conn.close()
	for i, destination := range []string{"/queue/DLQ.>", fence} {
		if err := conn.send("SUBSCRIBE", "", "id:"+strconv.Itoa(i), "destination:"+destination); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(conn.send("SEND", theEnd, "destination:"+fence), conn.flush()); err != nil {
		t.Fatal(err)
	}
	for {
		f, err := conn.read()
		if err != nil {
			t.Fatal(err)
		}
		if f.body == theEnd {
			return
		}
		c.book.fault("%s holds %.40s: %s", f.headers["destination"], f.body, f.headers["dlqDeliveryFailureCause"])
	}
}
