package mqtt

import (
	"errors"
	"sync"

	"github.com/mochi-mqtt/server/v2/packets"

	"mwm/server/broker"
	"mwm/server/netx"
)

// maxOwed is how many acknowledgements a client may wait for: there are no more
// packet identifiers.
const maxOwed = 65534

// owed are the PUBACKs and PUBRECs that a connection owes its client. They go out
// in the order of the PUBLISHes [MQTT-4.6.0-2], [MQTT-4.6.0-3], each once its
// message is safe. The reader adds; any goroutine settles, even with the lock of
// a session held.
type owed struct {
	out *netx.Outbound

	mu      sync.Mutex
	ring    []answer // a power of two long
	head, n int
	first   uint32 // the number of the oldest
	pubacks int    // those among them
	reading bool   // the reader will flush
	buf     []byte
}

// answer is one acknowledgement.
type answer struct {
	reason string
	id     uint16
	kind   byte
	code   byte
	ready  bool
}

func (o *owed) at(i int) *answer { return &o.ring[(o.head+i)&(len(o.ring)-1)] }

// add owes one more and returns its ticket.
func (o *owed) add(a answer) (ticket uint16, err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.n == maxOwed {
		return 0, newFault(packets.ErrReceiveMaximum, "%d unacknowledged messages", o.n)
	}
	if o.n == len(o.ring) {
		bigger := make([]answer, max(8, 2*len(o.ring)))
		for i := range o.n {
			bigger[i] = *o.at(i)
		}
		o.ring, o.head = bigger, 0
	}
	o.n++
	*o.at(o.n - 1) = a
	if a.kind == packets.Puback {
		o.pubacks++
	}
	o.reading = true
	return uint16((o.first+uint32(o.n)-1)%65535) + 1, nil
}

// find returns the answer of a ticket. o.mu is held.
func (o *owed) find(ticket uint16) *answer {
	i := (uint32(ticket) - 1 + 65535 - o.first%65535) % 65535
	if int(i) >= o.n {
		return nil
	}
	return o.at(int(i))
}

// get returns the answer of a ticket.
func (o *owed) get(ticket uint16) answer {
	o.mu.Lock()
	defer o.mu.Unlock()
	if a := o.find(ticket); a != nil {
		return *a
	}
	return answer{}
}

// settle says what becomes of a ticket; code 0: what was planned.
func (o *owed) settle(ticket uint16, code byte, reason string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	a := o.find(ticket)
	if a == nil {
		return
	}
	a.ready = true
	if code != 0 {
		a.code, a.reason = code, reason
	}
	if !o.reading && o.send() {
		o.out.Wake()
	}
}

// waiting is how many PUBACKs are owed.
func (o *owed) waiting() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.pubacks
}

// flush sends what is ready, behind other packets, and reports whether the writer
// has to be woken.
func (o *owed) flush(before []byte) (wake bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.reading = false
	if len(before) == 0 && (o.n == 0 || !o.at(0).ready) {
		return false
	}
	o.buf = append(o.buf[:0], before...)
	return o.send()
}

// send sends what is ready, behind what is in buf. o.mu is held.
func (o *owed) send() (wake bool) {
	for o.n > 0 && o.at(0).ready {
		a := o.at(0)
		o.buf = appendAck(o.buf, a.kind, a.id, a.code, a.reason)
		if a.kind == packets.Puback {
			o.pubacks--
		}
		*a = answer{}
		o.head = (o.head + 1) & (len(o.ring) - 1)
		o.n--
		o.first++
	}
	if len(o.buf) > 0 {
		_, wake = o.out.Send(o.buf)
	}
	o.buf = o.buf[:0]
	if o.n == 0 && len(o.ring) > 64 {
		o.ring, o.head = nil, 0
	}
	if cap(o.buf) > 512 {
		o.buf = nil // an idle connection holds none
	}
	return wake
}

// Confirmed implements [broker.Tickets]: the message of a PUBLISH is safe, or
// cannot be made so.
func (c *conn) Confirmed(ticket uint16, err error) {
	if a := c.owed.get(ticket); a.kind == packets.Pubrec {
		code, _, told := c.outcome(err)
		c.arrived(a.id, told && code < 0x80, err)
	}
	c.conclude(ticket, err)
}

// arrived notes that a PUBLISH at QoS 2 is safe, or that it was refused, as err says, and
// its identifier is free; and tells who has asked again.
func (c *conn) arrived(id uint16, ok bool, err error) {
	was := c.sess.inbound.confirmed(id, ok)
	if !ok {
		c.srv.b.Journal().Remove(nil, was.rec)
	}
	if was.again != nil {
		was.again.conclude(was.ticket, err)
	}
}

// conclude tells the client what has become of a message; if it cannot be told, the
// connection ends, and the client sends it again when it is back.
func (c *conn) conclude(ticket uint16, err error) {
	code, reason, ok := c.outcome(err)
	if !ok {
		c.close(newFault(packets.ErrUnspecifiedError, "a message cannot be stored: %s", err))
		return
	}
	c.owed.settle(ticket, code, reason)
}

// errRefused answers the repetition of a PUBLISH that was refused just now.
var errRefused = newFault(packets.ErrUnspecifiedError, "the message was refused")

// outcome is the reason code for the fate of a message; 0 is what was planned. ok
// is false if the version cannot tell the client, and it must not be told anything
// else. When a session is full, clients of 3.x are not told: they would send the
// message again for ever, and one that is away would stop all who publish to it. The
// client that misses the message is, in 5.0, when it is back. That memory is short is
// the server's trouble, and passes.
func (c *conn) outcome(err error) (code byte, reason string, ok bool) {
	full := broker.Full(err)
	switch {
	case err == nil, full && c.level < v5:
		return 0, "", true
	case c.level < v5:
		return 0, "", false
	}
	code = packets.ErrUnspecifiedError.Code
	if full || errors.Is(err, netx.ErrMemory) || err == errNoDisk {
		code = packets.ErrQuotaExceeded.Code
	}
	if c.problems {
		reason = err.Error()
	}
	return code, reason, true
}

// Kept implements [broker.Tickets]: some subscriber keeps the message of a PUBLISH
// at QoS 2, and so the session of its sender keeps its packet identifier.
func (c *conn) Kept(ticket uint16, m *broker.Message, done func(error)) {
	id := c.owed.get(ticket).id
	note := &broker.Message{Name: m.Name, ID: m.ID}
	rec := c.srv.b.Journal().PutState(c.sess.box.Load(), note, recordState{id: id, inbound: true}.pack(), done)
	if !c.sess.inbound.keep(id, rec) {
		c.srv.b.Journal().Remove(nil, rec)
	}
}
