package stomp_test

import (
	"net"
	"testing"
	"testing/synctest"
	"time"

	"mwm/server/broker"
	"mwm/server/stomp"
)

// tardy is a connection whose peer has what was written before the writer knows it.
type tardy struct{ net.Conn }

func (c tardy) Write(p []byte) (int, error) {
	n, err := c.Conn.Write(p)
	time.Sleep(10 * time.Millisecond)
	return n, err
}

// A client that gets a message with ack:auto, and at once says that it has enough,
// has received it, although its write is not accounted for yet: nobody else gets it.
func TestReceivedAndLeft(t *testing.T) {
	for _, enough := range []string{"UNSUBSCRIBE\nid:0\n\n^@", "DISCONNECT\n\n^@"} {
		for _, destination := range []string{"/queue/q", "/queue/>"} {
			synctest.Test(t, func(t *testing.T) {
				w := pipeWorld(t, broker.New(broker.Options{}), stomp.Options{})
				here, there := net.Pipe()
				go w.server.ServeConn(tardy{there})
				p := newPeer(t, here)
				p.send("CONNECT\n\n^@")
				p.want("CONNECTED")
				p.send("SUBSCRIBE\nid:0\ndestination:" + destination + "\n\n^@")
				sender := w.connect("1.2")
				sender.send("SEND\ndestination:/queue/q\n\n1^@")
				p.want("MESSAGE", "=1")
				p.send(enough)
				time.Sleep(time.Second)
				sender.send("SUBSCRIBE\nid:0\ndestination:/queue/q\n\n^@")
				sender.sync()
				here.Close()
			})
		}
	}
}
