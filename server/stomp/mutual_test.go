package stomp_test

import (
	"io"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"mwm/server/broker"
	"mwm/server/stomp"
)

// Two clients that flood each other, and acknowledge what they get, both go on: while a
// client's input is not read, since it has to wait for the other, nobody can expect
// acknowledgements of it.
func TestMutualFlood(t *testing.T) {
	const n = 1000
	synctest.Test(t, func(t *testing.T) {
		w := pipeWorld(t, broker.New(broker.Options{}), stomp.Options{})
		var flooding sync.WaitGroup
		topics := []string{"a", "b"}
		var peers []*peer
		for _, own := range topics {
			p := w.connect("1.2")
			p.send("SUBSCRIBE\nid:0\ndestination:/topic/" + own + "\nack:client-individual\nprefetch-count:100\n\n^@")
			p.sync()
			peers = append(peers, p)
		}
		for i, p := range peers {
			// What is typed first is read first: its acknowledgements stand behind SENDs.
			typed := make(chan string, 2*n)
			for range n {
				typed <- "SEND\ndestination:/topic/" + topics[1-i] + "\n\nx^@"
			}
			flooding.Go(func() {
				for text := range typed {
					if _, err := io.WriteString(p.nc, strings.ReplaceAll(text, "^@", "\x00")); err != nil {
						t.Error(err)
						return
					}
				}
			})
			flooding.Go(func() {
				defer close(typed)
				for i := range n {
					m, err := p.read()
					if err != nil || m.command != "MESSAGE" {
						t.Errorf("after %d messages: %s %q, %v", i, m.command, m.body, err)
						return
					}
					typed <- answerTo("1.2", "ACK", m)
				}
			})
		}
		flooding.Wait()
	})
}
