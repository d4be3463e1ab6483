package stomp_test

import (
	"context"
	"errors"
	"net"
	"os/exec"
	"strings"
	"testing"
	"time"

	gostomp "github.com/go-stomp/stomp/v3"
	"github.com/go-stomp/stomp/v3/frame"

	"mwm/server/stomp"
)

// Go-stomp, which the simulator uses.
func TestGoStomp(t *testing.T) {
	for _, version := range []gostomp.Version{gostomp.V10, gostomp.V11, gostomp.V12} {
		t.Run(string(version), func(t *testing.T) {
			w := serve(t, stomp.Options{})
			dial := func() *gostomp.Conn {
				nc, err := net.Dial("tcp", w.addr)
				if err != nil {
					t.Fatal(err)
				}
				c, err := gostomp.Connect(nc, gostomp.ConnOpt.AcceptVersion(version), gostomp.ConnOpt.HeartBeat(time.Second, time.Second),
					gostomp.ConnOpt.UnsubscribeReceiptTimeout(patience))
				if err != nil {
					t.Fatal(err)
				}
				return c
			}
			a, b := dial(), dial()
			if a.Version() != version {
				t.Errorf("agreed on %v", a.Version())
			}
			topic, err := a.Subscribe("/topic/device.*.location", gostomp.AckAuto)
			if err != nil {
				t.Fatal(err)
			}
			queue, err := a.Subscribe("/queue/q", gostomp.AckClientIndividual)
			if err != nil {
				t.Fatal(err)
			}
			for range 2 { // receipts order the subscription before the rest
				if err := a.Send("/queue/q", "text/plain", []byte("to the queue"), gostomp.SendOpt.Receipt); err != nil {
					t.Fatal(err)
				}
			}
			if err := b.Send("/topic/device.BBB.location", "application/json", []byte("{}"), gostomp.SendOpt.Header("note", "10:30")); err != nil {
				t.Fatal(err)
			}
			m := receive(t, topic.C)
			if m.Destination != "/topic/device.BBB.location" || m.ContentType != "application/json" || string(m.Body) != "{}" || m.Header.Get("note") != "10:30" {
				t.Errorf("got %q %q %q %v", m.Destination, m.ContentType, m.Body, m.Header)
			}
			if err := a.Ack(receive(t, queue.C)); err != nil {
				t.Error(err)
			}
			m = receive(t, queue.C)
			if version == gostomp.V10 {
				err = a.Ack(m)
			} else if err = a.Nack(m); err == nil {
				m = receive(t, queue.C)
				if m.Header.Get("redelivered") != "true" {
					t.Errorf("after a NACK it comes without redelivered: %v", m.Header)
				}
				err = a.Ack(m)
			}
			if err != nil {
				t.Error(err)
			}
			tx := b.Begin()
			if err := tx.Send("/queue/q", "text/plain", []byte("in a transaction")); err != nil {
				t.Error(err)
			}
			if err := tx.Commit(); err != nil {
				t.Error(err)
			}
			if m := receive(t, queue.C); string(m.Body) != "in a transaction" {
				t.Errorf("got %q", m.Body)
			}
			unsubscribe(t, topic)
			for _, c := range []*gostomp.Conn{a, b} {
				if err := c.Disconnect(); err != nil {
					t.Error(err)
				}
			}
		})
	}
}

// unsubscribe ends a subscription. The library may sleep through its own wake-up: that
// the channel is closed says that the RECEIPT has come.
func unsubscribe(t *testing.T, s *gostomp.Subscription) {
	t.Helper()
	if err := s.Unsubscribe(); err != nil && !errors.Is(err, &gostomp.ErrUnsubscribeReceiptTimeout) {
		t.Error(err)
	}
	for open := true; open; {
		select {
		case _, open = <-s.C:
		case <-time.After(patience):
			t.Fatal("the UNSUBSCRIBE is not answered")
		}
	}
}

func receive(t *testing.T, c <-chan *gostomp.Message) *gostomp.Message {
	t.Helper()
	select {
	case m := <-c:
		if m == nil || m.Err != nil {
			t.Fatalf("got %+v", m)
		}
		return m
	case <-time.After(patience):
		t.Fatal("nothing came")
		return nil
	}
}

// A refused client gets to know why.
func TestGoStompError(t *testing.T) {
	w := serve(t, stomp.Options{})
	nc, err := net.Dial("tcp", w.addr)
	if err != nil {
		t.Fatal(err)
	}
	c, err := gostomp.Connect(nc)
	if err != nil {
		t.Fatal(err)
	}
	defer c.MustDisconnect()
	err = c.Send("nowhere", "text/plain", nil, gostomp.SendOpt.Receipt)
	e, ok := err.(gostomp.Error)
	if !ok || e.Message != "invalid destination" || e.Frame.Header.Get(frame.ReceiptId) == "" {
		t.Errorf("Send to nowhere: %v", err)
	}
}

// Stomp.py, Debian's python3-stomp, over all versions.
func TestStompPy(t *testing.T) {
	const python = "/usr/bin/python3"
	if out, err := exec.Command(python, "-c", "import stomp").CombinedOutput(); err != nil {
		t.Fatalf("this test needs stomp.py: apt-get install python3-stomp (%v: %s)", err, out)
	}
	w := serve(t, stomp.Options{})
	_, port, _ := net.SplitHostPort(w.addr)
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	out, err := exec.CommandContext(ctx, python, "testdata/client.py", port).CombinedOutput()
	if err != nil || strings.Count(string(out), "ok\n") != 3 {
		t.Errorf("%v\n%s", err, out)
	}
}
