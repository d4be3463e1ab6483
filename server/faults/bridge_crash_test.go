package faults

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"mwm/server/internal/mqttmodel"
)

// stompSender sends numbered messages with STOMP to a topic that MQTT sessions
// subscribe to. What has no RECEIPT it sends again, in order, when it is back.
type stompSender struct {
	model     *mqttmodel.Sender // as the receivers know it
	confirmed map[int]bool      // from done on
	done      int               // all before have their RECEIPT
}

func newSTOMPSender() *stompSender {
	return &stompSender{model: &mqttmodel.Sender{ID: "stomp", QoS: 1}, confirmed: map[int]bool{}}
}

// run sends until the connection breaks or limit messages are confirmed.
func (s *stompSender) run(at addresses, limit int) error {
	conn, err := dialSTOMP(at.stomp, "")
	if err != nil {
		return err
	}
	defer conn.close()
	for next := s.done; s.done < limit; {
		for ; next < limit && next-s.done < 50; next++ {
			n := strconv.Itoa(next)
			err := conn.send("SEND", n, "destination:/topic/crash."+s.model.ID, "persistent:true", "receipt:"+n)
			if err != nil {
				return err
			}
			s.model.Next = max(s.model.Next, next+1)
		}
		if err := conn.flush(); err != nil {
			return err
		}
		f, err := conn.read()
		if err != nil {
			return err
		}
		n, err := strconv.Atoi(f.headers["receipt-id"])
		if err != nil {
			return fmt.Errorf("%s: %s", f.command, f.body)
		}
		for s.confirmed[n] = true; s.confirmed[s.done]; s.done++ {
			delete(s.confirmed, s.done)
		}
	}
	return nil
}

// paper is a durable subscriber of STOMP of what MQTT clients publish.
type paper struct {
	senders []*mqttmodel.Sender
	last    map[string]int // by destination: the highest number so far
	got     int
	faults  []string
}

// subscribe begins the subscription, or takes it up again.
func (d *paper) subscribe(at addresses) (*stompConn, error) {
	conn, err := dialSTOMP(at.stomp, "paper")
	if err != nil {
		return nil, err
	}
	headers := []string{"id:1", "ack:client-individual", "destination:/topic/crash.>", "activemq.subscriptionName:paper"}
	if err := errors.Join(conn.send("SUBSCRIBE", "", headers...), conn.flush()); err != nil {
		conn.close()
		return nil, err
	}
	return conn, nil
}

// run takes messages until the connection breaks or stop says so.
func (d *paper) run(at addresses, stop func() bool) error {
	conn, err := d.subscribe(at)
	if err != nil {
		return err
	}
	defer conn.close()
	for !stop() {
		f, err := conn.next()
		if err != nil {
			return err
		}
		if f.command != "MESSAGE" {
			return fmt.Errorf("%s: %s", f.command, f.body)
		}
		d.take(f)
		if err := conn.send("ACK", "", "id:"+f.headers["ack"]); err != nil {
			return err
		}
	}
	return nil
}

// take checks the number of a message: none is missing. Some come again, as they may
// come before they are on disk, and their sender sends them again after a crash.
func (d *paper) take(f stompFrame) {
	to := f.headers["destination"]
	digits, _, _ := strings.Cut(f.body, ":")
	n, err := strconv.Atoi(digits)
	last, seen := d.last[to]
	if !seen {
		last = -1
	}
	switch {
	case err != nil:
		d.fault("got %.20q at %s", f.body, to)
	case n > last+1:
		d.fault("got %s %d after %d: those between are lost", to, n, last)
	}
	d.got++
	if d.last == nil {
		d.last = map[string]int{}
	}
	d.last[to] = max(last, n)
}

func (d *paper) fault(format string, args ...any) {
	if len(d.faults) < 5 {
		d.faults = append(d.faults, "the durable subscriber "+fmt.Sprintf(format, args...))
	}
}

// destination is what STOMP calls the topic of a sender.
func destination(s *mqttmodel.Sender) string {
	return "/topic/" + strings.ReplaceAll(s.Topic(), "/", ".")
}

// has reports whether it has got the first limit messages of every sender.
func (d *paper) has(limit int) bool {
	for _, s := range d.senders {
		if d.last[destination(s)] < limit-1 {
			return false
		}
	}
	return true
}

// again calls f until a server is gone.
func again(p *process, f func() error) {
	for {
		_ = f() // it ends with its connection
		select {
		case <-p.ended:
			return
		case <-time.After(5 * time.Millisecond):
		}
	}
}
