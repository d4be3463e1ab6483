package stomp_test

import (
	"bytes"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"mwm/server/broker"
	"mwm/server/netx"
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

// torn is a connection whose writes return late when it is closed meanwhile.
type torn struct{ net.Conn }

func (c torn) Write(p []byte) (int, error) {
	n, err := c.Conn.Write(p)
	if err != nil {
		time.Sleep(time.Minute)
	}
	return n, err
}

// A session has ended when its writer has, too: nothing is held for it any more.
func TestEndOfTheWriter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := broker.New(broker.Options{})
		w := pipeWorld(t, b, stomp.Options{})
		before, left := netx.MemoryUsed(), make(chan int64)
		here, there := net.Pipe()
		go func() {
			w.server.ServeConn(torn{there})
			left <- netx.MemoryUsed() - before
		}()
		p := newPeer(t, here)
		p.send("CONNECT\n\n^@")
		p.want("CONNECTED")
		p.send("SUBSCRIBE\nid:0\ndestination:/topic/a\n\n^@")
		synctest.Wait()
		pub := b.NewPublisher(nil)
		r, err := pub.Topic([]byte("a"))
		if err != nil {
			t.Fatal(err)
		}
		pub.Add(r).Body = bytes.Repeat([]byte("x"), 100<<10)
		pub.Flush()
		synctest.Wait() // it is being written
		here.Close()
		if n := <-left; n != 0 {
			t.Errorf("%d bytes are still booked", n)
		}
	})
}
