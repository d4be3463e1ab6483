package faults

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// random is a length of time of this mean.
func random(mean time.Duration) time.Duration {
	return time.Duration(min(4, rand.ExpFloat64()) * float64(mean))
}

// errLeft says that a device has left because it wanted to.
var errLeft = errors.New("left")

// leave ends a connection as devices do: in order, without a word, with a reset,
// or by falling silent until the server has had enough.
func (s *soak) leave(ctx context.Context, nc net.Conn, goodbye []byte, silent *atomic.Bool, closed <-chan struct{}) {
	switch rand.IntN(4) {
	case 0:
		_, _ = nc.Write(goodbye)
	case 1:
		_ = nc.(*net.TCPConn).SetLinger(0)
	case 2:
		silent.Store(true)
		select {
		case <-closed:
		case <-ctx.Done():
		case <-s.finishing:
		case <-time.After(patience):
			s.fault("a connection that fell silent is kept")
		}
	}
	nc.Close()
}

// beat is how often a device must be heard, in seconds; the server waits longer.
const beat = 10

// work reports each second until the connection is closed, the device leaves, or
// all finish: then it reports for the last time, calls last, and stays.
func (s *soak) work(ctx context.Context, stay <-chan time.Time, closed <-chan struct{}, report, last func() error) error {
	phase := time.NewTimer(rand.N(time.Second))
	defer phase.Stop()
	for {
		select {
		case <-phase.C:
			phase.Reset(time.Second)
			if err := report(); err != nil {
				return err
			}
			s.count.reports.Add(1)
		case <-stay:
			return errLeft
		case <-closed:
			return io.EOF
		case <-ctx.Done():
			return errLeft
		case <-s.finishing:
			if err := errors.Join(report(), last()); err != nil {
				return err
			}
			s.settled.Add(1)
			return s.stay(ctx, closed, last)
		}
	}
}

// stay keeps a connection alive until ctx ends.
func (s *soak) stay(ctx context.Context, closed <-chan struct{}, ping func() error) error {
	tick := time.NewTicker(beat * time.Second / 2)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			if err := ping(); err != nil {
				return err
			}
		case <-ctx.Done():
			return errLeft
		case <-closed:
			s.fault("a connection was closed at the end")
			return io.EOF
		}
	}
}

// truck drives in circles and acknowledges its texts.
type truck struct {
	*soak
	id    string
	texts *group // nil: is sent none

	angle float64

	mu      sync.Mutex
	witness bool           // its positions are compared with the history
	sent    map[int64]bool // when, in ms since 1970: true once there was a RECEIPT
}

func newTruck(s *soak, i int) *truck {
	t := &truck{soak: s, id: fmt.Sprintf("truck-%d", i), angle: rand.Float64() * 6, witness: i%20 == 0, sent: map[int64]bool{}}
	if i%5 == 0 {
		name := fmt.Sprintf("text%d", i)
		t.texts = s.book.group(t.id, true, s.book.stream(name))
	}
	return t
}

func (t *truck) session(ctx context.Context, at addresses, stay <-chan time.Time) error {
	c, err := dialSTOMP(at.stomp, t.id, fmt.Sprintf("heart-beat:%d,0", beat*1000))
	if err != nil {
		return err
	}
	if err := c.nc.SetReadDeadline(time.Time{}); err != nil {
		return err
	}
	closed, silent := make(chan struct{}), new(atomic.Bool)
	go func() {
		defer close(closed)
		t.receive(c, silent)
	}()
	defer func() { <-closed }()
	defer c.close()
	_, err = fmt.Fprintf(c.nc, "SUBSCRIBE\nid:1\nack:client-individual\ndestination:/queue/device.%s.text\n\n\x00", t.id)
	if err != nil {
		return err
	}
	beat := func() error { // nothing is to be waited for: the reports' receipts tell
		_, err := c.nc.Write([]byte("\n"))
		return err
	}
	err = t.work(ctx, stay, closed, func() error { return t.report(c.nc) }, beat)
	if errors.Is(err, errLeft) {
		t.leave(ctx, c.nc, []byte("DISCONNECT\n\n\x00"), silent, closed)
		return nil
	}
	return err
}

// report sends a position, some 30 m from the one before.
func (t *truck) report(nc net.Conn) error {
	t.angle += 0.03
	now := time.Now()
	receipt := ""
	if t.witness {
		receipt = fmt.Sprintf("receipt:at%d\n", now.UnixMilli())
		t.mu.Lock()
		t.sent[now.UnixMilli()] = false
		t.mu.Unlock()
	}
	_, err := fmt.Fprintf(nc, "SEND\ndestination:/topic/device.%s.location\ncontent-type:application/json;charset=utf-8\n%s\n"+
		`{"deviceID":%q,"lat":%.7f,"lng":%.7f,"ts":%q,"speed":30}`+"\x00",
		t.id, receipt, t.id, 42.5+0.01*math.Sin(t.angle), 1.5+0.01*math.Cos(t.angle), now.UTC().Format("2006-01-02T15:04:05.000Z"))
	return err
}

// receive takes what comes until the connection breaks. Some texts are not
// acknowledged: they come again on the next one.
func (t *truck) receive(c *stompConn, silent *atomic.Bool) {
	var r *reader
	if t.texts != nil {
		r = t.book.reader(t.texts)
	}
	for {
		f, err := c.frame()
		if err != nil {
			return
		}
		var ms int64
		id := f.headers["receipt-id"]
		switch {
		case f.command == "RECEIPT" && len(id) > 2 && id[:2] == "at":
			if _, err := fmt.Sscanf(id, "at%d", &ms); err == nil {
				t.processed(ms)
			}
		case f.command == "RECEIPT":
			r.acknowledged(id)
		case f.command == "MESSAGE" && r != nil:
			if t.text(c.nc, r, f, silent) != nil {
				return
			}
		default: // an ERROR: the server stops
			return
		}
	}
}

func (t *truck) text(nc net.Conn, r *reader, f stompFrame, silent *atomic.Bool) error {
	key, times := r.delivery(f.body, f.headers["redelivered"] == "true")
	if key == "" || silent.Load() || times == 0 && rand.IntN(20) == 0 {
		return nil
	}
	_, err := fmt.Fprintf(nc, "ACK\nid:%s\nreceipt:%s\n\n\x00", f.headers["ack"], key)
	return err
}

func (t *truck) processed(ms int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.sent[ms] = true
}

// phone sends what it measures, which is retained, and takes its alerts.
type phone struct {
	*soak
	id     string
	alerts *group // nil: its session is not kept

	n  float64 // reports so far
	mu sync.Mutex
	// there is set once the server keeps a session.
	there bool
	last  []byte
}

func newPhone(s *soak, i int) *phone {
	p := &phone{soak: s, id: fmt.Sprintf("phone-%d", i)}
	if i%10 == 0 {
		name := fmt.Sprintf("alert%d", i)
		p.alerts = s.book.group(p.id, true, s.book.stream(name))
	}
	return p
}

func (p *phone) session(ctx context.Context, at addresses, stay <-chan time.Time) error {
	nc, err := net.DialTimeout("tcp", at.mqtt, patience)
	if err != nil {
		return err
	}
	defer nc.Close()
	err = mqttIntroduce(nc, mqttHello{id: p.id, keepAlive: beat, keep: p.alerts != nil,
		willTopic: "/mwm/lastWill", will: fmt.Sprintf(`{"deviceID":%q}`, p.id)})
	if err != nil {
		return err
	}
	closed, answered, silent := make(chan struct{}), make(chan struct{}, 1), new(atomic.Bool)
	go func() {
		defer close(closed)
		p.receive(nc, answered, silent)
	}()
	defer func() { <-closed }()
	defer nc.Close()
	if _, err := nc.Write(mqttSubscribe("/mwm/"+p.id+"/alert", 1)); err != nil {
		return err
	}
	last := func() error { // what was sent before the ping has arrived when it is answered
		if _, err := nc.Write([]byte{0xC0, 0}); err != nil {
			return err
		}
		select {
		case <-answered:
			return nil
		case <-closed:
			return io.EOF
		}
	}
	err = p.work(ctx, stay, closed, func() error { return p.report(nc) }, last)
	if errors.Is(err, errLeft) {
		p.leave(ctx, nc, []byte{0xE0, 0}, silent, closed)
		return nil
	}
	return err
}

func (p *phone) report(nc net.Conn) error {
	p.n++
	var motion []byte
	for _, angle := range []float64{math.Sin(p.n), math.Cos(p.n), math.Mod(p.n, 3)} {
		motion = binary.BigEndian.AppendUint64(motion, math.Float64bits(angle))
	}
	p.mu.Lock()
	p.last = motion
	p.mu.Unlock()
	_, err := nc.Write(mqttPublish("/mwm/"+p.id+"/motion", motion, true))
	return err
}

// receive takes what comes until the connection breaks.
func (p *phone) receive(nc net.Conn, answered chan<- struct{}, silent *atomic.Bool) {
	var r *reader
	if p.alerts != nil {
		r = p.book.reader(p.alerts)
	}
	in := newMQTTReader(nc)
	for {
		first, body, err := in.next()
		if err != nil {
			return
		}
		switch first >> 4 {
		case 3:
			_, id, payload := mqttMessage(first, body)
			if r != nil && len(payload) > 0 && payload[0] == 'a' {
				// A crash may forget that a message was on its way, so DUP tells nothing.
				r.delivery(string(payload), true)
			}
			if silent.Load() {
				continue
			}
			if _, err := nc.Write([]byte{0x40, 2, byte(id >> 8), byte(id)}); err != nil {
				return
			}
		case 9: // SUBACK
			p.mu.Lock()
			p.there = true
			p.mu.Unlock()
		case 13: // PINGRESP
			answered <- struct{}{}
		}
	}
}
