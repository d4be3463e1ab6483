package main

import (
	"bytes"
	"encoding/binary"
	"fmt"
)

// Payload sizes of the two applications: a location report in JSON (STOMP)
// and a binary motion report (MQTT).
const (
	stompBody = 110
	mqttBody  = 24
)

// wire knows how one protocol puts a message on a socket. Every frame a
// publisher sends has one fixed length, so that a batch is encoded once and
// only its counters are patched before each write.
type wire struct {
	stomp bool // STOMP, else MQTT 3.1.1
	relay bool // the peer is "brokerbench -mode relay": frames pass as they are
	fixed bool // one topic for all publishers (for a broker without wildcards)
	blind bool // ask for no receipt of SUBSCRIBE (for a broker that sends none)
	v11   bool // offer STOMP 1.1 alone (for a broker whose 1.2 is broken)
	tls   bool

	devices bool // publishers of topics log in as the device of their topic

	user  string
	pass  string
	vhost string
}

func (w *wire) name() string {
	if w.stomp {
		return "stomp"
	}
	return "mqtt"
}

// device is the name of publisher id, which stands in its topic.
func device(id int) string { return fmt.Sprintf("%06d", id) }

// topic is the destination of publisher id.
func (w *wire) topic(id int) string {
	switch {
	case w.stomp && w.fixed:
		return "/topic/device.all.location"
	case w.stomp:
		return fmt.Sprintf("/topic/device.%06d.location", id)
	case w.fixed:
		return "/mwm/all/motion"
	}
	return fmt.Sprintf("/mwm/%06d/motion", id)
}

// wildcard is the destination that covers all publishers.
func (w *wire) wildcard() string {
	switch {
	case w.fixed:
		return w.topic(0)
	case w.stomp:
		return "/topic/device.*.location"
	}
	return "/mwm/+/motion"
}

// batch is a run of equal-length frames of one publisher, ready to be written.
type batch struct {
	buf  []byte
	size int // of one frame
	seq  int // offset of the sequence number inside a frame
	ts   int // offset of the timestamp
	pid  int // offset of the MQTT packet id or of the receipt's digits; -1: none
	txt  bool
}

// setSeq and setTS patch message i of the batch.
func (b *batch) setSeq(i int, seq uint32) {
	p := b.buf[i*b.size+b.seq:]
	if b.txt {
		putDigits(p[:10], 1e9+uint64(seq))
		return
	}
	binary.BigEndian.PutUint32(p, seq)
}

func (b *batch) setTS(i int, ns int64) {
	p := b.buf[i*b.size+b.ts:]
	if b.txt {
		putDigits(p[:19], uint64(ns))
		return
	}
	binary.BigEndian.PutUint64(p, uint64(ns))
}

func (b *batch) setPID(i int, id uint32) {
	p := b.buf[i*b.size+b.pid:]
	if b.txt {
		putDigits(p[:10], 1e9+uint64(id))
		return
	}
	binary.BigEndian.PutUint16(p, uint16(id))
}

func putDigits(p []byte, v uint64) {
	for i := len(p) - 1; i >= 0; i-- {
		p[i] = byte('0' + v%10)
		v /= 10
	}
}

func digits(p []byte) (v uint64) {
	for _, c := range p {
		v = v*10 + uint64(c-'0')
	}
	return v
}

// Offsets inside the STOMP body, which is valid JSON of fixed width.
const (
	jsonDev = len(`{"dev":`)
	jsonSeq = jsonDev + len(`100000000000,"seq":`)
	jsonTS  = jsonSeq + len(`1000000000,"ts":`)
)

func body(stomp bool, id int) []byte {
	if !stomp {
		p := make([]byte, mqttBody)
		binary.BigEndian.PutUint16(p, nonce)
		binary.BigEndian.PutUint16(p[2:], uint16(id))
		binary.BigEndian.PutUint64(p[16:], 0x3ff0c0ffee123456)
		return p
	}
	s := fmt.Sprintf(`{"dev":%d,"seq":1000000000,"ts":1000000000000000000,"lat":60.1698571,"lon":24.9383791,"spd":12.345}`, uint64(1e11)+uint64(nonce)*1e6+uint64(id))
	for len(s) < stompBody {
		s = s[:len(s)-1] + "0}"
	}
	return []byte(s)
}

// Message kinds a publisher can send.
const (
	kindTopic = iota // QoS 0, or SEND without receipt
	kindQoS1         // MQTT QoS 1
	kindQueue        // STOMP SEND, persistent, with receipt
)

// newBatch encodes n messages of publisher id to dest.
func (w *wire) newBatch(kind, id, n int, dest string) *batch {
	b := &batch{txt: w.stomp, pid: -1}
	bd := body(w.stomp, id)
	var f []byte
	if w.stomp {
		cmd := "SEND"
		if w.relay {
			cmd = "MESSAGE" // the relay copies: send what a subscriber reads
		}
		f = fmt.Appendf(f, "%s\ndestination:%s\ncontent-type:application/json\ncontent-length:%d\n", cmd, dest, len(bd))
		if w.relay { // the headers a broker adds, so that the sizes agree
			f = fmt.Appendf(f, "subscription:0\nmessage-id:T-1000000000\n")
		}
		if kind == kindQueue {
			f = append(f, "persistent:true\nreceipt:"...)
			b.pid = len(f)
			f = append(f, "1000000000\n"...)
		}
		f = append(f, '\n')
		b.seq, b.ts = len(f)+jsonSeq, len(f)+jsonTS
		f = append(append(f, bd...), 0)
	} else {
		first, extra := byte(0x30), 0
		if kind == kindQoS1 {
			first, extra = 0x32, 2
		}
		f = append(f, first)
		f = binary.AppendUvarint(f, uint64(2+len(dest)+extra+len(bd)))
		f = appendStr(f, dest)
		if extra > 0 {
			b.pid = len(f)
			f = append(f, 0, 0)
		}
		b.seq, b.ts = len(f)+4, len(f)+8
		f = append(f, bd...)
	}
	b.size = len(f)
	b.buf = bytes.Repeat(f, n)
	return b
}

func appendStr(p []byte, s string) []byte {
	p = binary.BigEndian.AppendUint16(p, uint16(len(s)))
	return append(p, s...)
}

// ids reads publisher and sequence number from a received payload. The
// publisher is -1 if the message is of an earlier run.
func ids(stomp bool, p []byte) (pub int, seq uint32) {
	if stomp {
		d := digits(p[jsonDev:jsonDev+12]) - 1e11
		pub, seq = int(d%1e6), uint32(digits(p[jsonSeq:jsonSeq+10])-1e9)
		if d/1e6 != uint64(nonce) {
			pub = -1
		}
		return
	}
	pub, seq = int(binary.BigEndian.Uint16(p[2:])), binary.BigEndian.Uint32(p[4:])
	if binary.BigEndian.Uint16(p) != nonce {
		pub = -1
	}
	return
}

func stamp(stomp bool, p []byte) int64 {
	if stomp {
		return int64(digits(p[jsonTS : jsonTS+19]))
	}
	return int64(binary.BigEndian.Uint64(p[8:]))
}
