package server_test

import (
	"bufio"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"mwm/server"
	"mwm/server/auth"
	"mwm/server/broker"
)

// sink takes messages.
type sink struct{ n int }

func (s *sink) Deliver(_ *broker.Subscription, b *broker.Batch) { s.n += len(b.Messages) }

// A message of somebody whose permissions are checked takes no more allocations
// than one of somebody who may do everything.
func TestPermissionsAllocateNothing(t *testing.T) {
	b := broker.New(broker.Options{})
	in := &sink{}
	if err := b.Subscribe(&broker.Subscription{Filter: "device.*.location", Receiver: in}); err != nil {
		t.Fatal(err)
	}
	names := [][]byte{[]byte("device.BBB.location"), []byte(".mwm.BBB.motion")}
	body := []byte(`{"deviceID":"BBB","lat":1,"lng":1}`)
	allocs := func(access broker.Access) float64 {
		p := b.NewPublisher(&broker.Client{ID: "BBB", Protocol: broker.STOMP, Access: access})
		return testing.AllocsPerRun(500, func() {
			for _, name := range names {
				r, err := p.TopicFor(name, body)
				if err != nil {
					t.Fatal(err)
				}
				p.Add(r).Body = body
			}
			p.Flush()
		})
	}
	free := allocs(nil)
	checked := allocs(auth.DefaultPolicy.Principal(auth.Account{Role: auth.Device, Name: "BBB"}))
	if checked > free {
		t.Errorf("%v allocations, %v without permissions", checked, free)
	}
	if in.n != 2*501 {
		t.Errorf("%d messages came", in.n)
	}
}

// A device reports where it is, and somebody listens: without accounts, with
// them, and over TLS. What they cost is told by running the three in turns
// (-count), on a machine that does nothing else.
func BenchmarkAccounts(b *testing.B) {
	for _, name := range []string{"without", "with", "with and TLS"} {
		b.Run(name, func(b *testing.B) {
			cfg := server.Config{}
			user, pass, operator, way := "", "", "", "STOMP"
			if name != "without" {
				file, passwords := accountsFile(b, "BBB")
				cfg.Accounts, user, pass, operator = file, "BBB", passwords["BBB"], "olga"
			}
			all := ways
			if name == "with and TLS" {
				cfg.STOMPS, cfg.TLSSelfSigned = "127.0.0.1:0", true
				way, all = "STOMP with TLS", secureWays
			}
			s, stop := start(b, cfg)
			defer stop()
			connect := func(user, pass, id string) *stompPeer {
				p, err := all[way].connect(b, s, user, pass, id, nil)
				if err != nil {
					b.Fatal(err)
				}
				b.Cleanup(p.drop)
				return p.(*stompPeer)
			}
			pass2 := password
			if operator == "" {
				pass2 = ""
			}
			headquarters, truck := connect(operator, pass2, "hq"), connect(user, pass, "BBB")
			if !headquarters.do("subscribe", "/topic/device.*.location", "") {
				b.Fatal("not permitted to listen")
			}
			report(b, truck.nc, headquarters)
		})
	}
}

// report sends b.N messages, some at a time, and waits until all have come.
func report(b *testing.B, from net.Conn, to *stompPeer) {
	b.Helper()
	frame := "SEND\ndestination:/topic/device.BBB.location\n\n" + strings.Repeat("x", 128) + "\x00"
	came := make(chan error, 1)
	b.ReportAllocs()
	b.ResetTimer()
	go func() {
		for range b.N {
			if _, err := to.hear(); err != nil {
				came <- err
				return
			}
		}
		came <- nil
	}()
	_ = from.SetDeadline(time.Now().Add(time.Hour))
	w := bufio.NewWriterSize(from, 16<<10)
	for range b.N {
		if _, err := fmt.Fprint(w, frame); err != nil {
			b.Fatal(err)
		}
	}
	if err := w.Flush(); err != nil {
		b.Fatal(err)
	}
	if err := <-came; err != nil {
		b.Fatal(err)
	}
	b.StopTimer() // ending the server is none of it
}
