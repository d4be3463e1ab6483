package faults

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"mwm/server/broker"
	"mwm/server/netx"
	"mwm/server/stomp"
)

// slowDisk is a disk on which each transaction takes a while.
type slowDisk struct {
	delay        time.Duration
	transactions atomic.Int64
	records      atomic.Int64
}

func (d *slowDisk) Apply(c *broker.Changes) error {
	await(context.Background(), d.delay)
	d.transactions.Add(1)
	d.records.Add(int64(len(c.Insert)))
	return nil
}

// onDisk serves STOMP on a broker with that disk, until the test ends.
func onDisk(t *testing.T, d broker.Store) (addr string, stop func()) {
	t.Helper()
	b := broker.New(broker.Options{Store: d})
	quiet := slog.New(slog.DiscardHandler)
	s, err := stomp.New(b, stomp.Options{Logger: quiet})
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	serving, stopServing := context.WithCancel(context.Background())
	running, stopRunning := context.WithCancel(context.Background())
	var front, core sync.WaitGroup
	front.Go(func() { _ = netx.Serve(serving, l, s.ServeConn, quiet) })
	core.Go(func() { _ = b.Run(running) })
	stop = sync.OnceFunc(func() {
		stopServing()
		limited, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := s.Shutdown(limited); err != nil {
			t.Error(err)
		}
		front.Wait()
		stopRunning()
		core.Wait()
	})
	t.Cleanup(stop)
	return l.Addr().String(), stop
}

// A disk of which each sync takes half a second: those who need it wait, together,
// so that many share one; nobody else notices. What was sent before a stop is
// written.
func TestDiskSlow(t *testing.T) {
	d := &slowDisk{delay: 500 * time.Millisecond}
	addr, stop := onDisk(t, d)
	const publishers, each = 20, 50
	began := time.Now()
	var all sync.WaitGroup
	errs := make(chan error, publishers)
	for i := range publishers {
		all.Go(func() { errs <- publishConfirmed(addr, fmt.Sprint("/queue/slow.", i), each) })
	}

	// Meanwhile topics are as quick as ever.
	c, err := dialSTOMP(addr, "")
	if err != nil {
		t.Fatal(err)
	}
	defer c.close()
	if err := c.call("SUBSCRIBE", "", "id:1", "destination:/topic/quick"); err != nil {
		t.Fatal(err)
	}
	var took []time.Duration
	for time.Since(began) < 3*d.delay {
		sent := time.Now()
		if err := errors.Join(c.send("SEND", "now", "destination:/topic/quick"), c.flush()); err != nil {
			t.Fatal(err)
		}
		if f, err := c.read(); err != nil || f.body != "now" {
			t.Fatalf("%+v %v", f, err)
		}
		took = append(took, time.Since(sent))
	}
	slices.Sort(took)
	half := took[len(took)/2] // on a busy machine some may take long
	if half > d.delay/2 {
		t.Errorf("half of the messages to a topic took over %v", half)
	}
	all.Wait()
	close(errs)
	for err := range errs {
		if err != nil {
			t.Error(err)
		}
	}
	t.Logf("%d confirmed messages in %v and %d transactions; %d messages to a topic, half of them in %v",
		publishers*each, time.Since(began), d.transactions.Load(), len(took), half)
	if n := d.transactions.Load(); n > 20 {
		t.Errorf("%d transactions for %d messages that came together", n, publishers*each)
	}
	before := d.records.Load()
	if before != publishers*each {
		t.Errorf("%d are on disk", before)
	}
	// Nobody waits for these: they are written although the server stops.
	for range 10 {
		if err := c.send("SEND", "last", "destination:/queue/last", "persistent:true"); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(c.send("SEND", "fence", "destination:/topic/quick"), c.flush()); err != nil {
		t.Fatal(err)
	}
	if f, err := c.read(); err != nil || f.body != "fence" {
		t.Fatalf("%+v %v", f, err)
	}
	stop()
	if n := d.records.Load() - before; n != 10 {
		t.Errorf("%d of 10 messages were written before the end", n)
	}
}

// publishConfirmed sends persistent messages, all at once, and waits for their
// receipts.
func publishConfirmed(addr, to string, n int) error {
	c, err := dialSTOMP(addr, "")
	if err != nil {
		return err
	}
	defer c.close()
	for i := range n {
		if err := c.send("SEND", "x", "destination:"+to, "persistent:true", fmt.Sprint("receipt:", i)); err != nil {
			return err
		}
	}
	if err := c.flush(); err != nil {
		return err
	}
	for i := range n {
		f, err := c.read()
		if err != nil || f.headers["receipt-id"] != fmt.Sprint(i) {
			return fmt.Errorf("%+v, %w", f, err)
		}
	}
	return nil
}

// A disk that hangs does not let memory grow without bound: publishers wait, and
// the network holds what they send.
func TestDiskHangs(t *testing.T) {
	hang := &hangingDisk{free: make(chan struct{})}
	addr, stop := onDisk(t, hang)
	c, err := dialSTOMP(addr, "")
	if err != nil {
		t.Fatal(err)
	}
	defer c.close()
	body := strings.Repeat("x", 1<<20-1000)
	sent := 0
	for ; sent < 300; sent++ {
		if err := c.nc.SetWriteDeadline(time.Now().Add(2 * time.Second)); err != nil {
			t.Fatal(err)
		}
		err := errors.Join(c.send("SEND", body, "destination:/queue/hangs", "persistent:true"), c.flush())
		if timeout, ok := errors.AsType[net.Error](err); ok && timeout.Timeout() {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("%d MB were taken", sent)
	if sent >= 200 {
		t.Error("memory has no bound")
	}
	close(hang.free)
	stop()
}

// hangingDisk does nothing until it is freed.
type hangingDisk struct{ free chan struct{} }

func (d *hangingDisk) Apply(*broker.Changes) error {
	<-d.free
	return nil
}
