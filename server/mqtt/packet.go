package mqtt

import (
	"encoding/binary"
	"fmt"
	"strings"

	"github.com/mochi-mqtt/server/v2/packets"
)

// Protocol levels (MQTT 5.0 §3.1.2.2).
const (
	v31  = 3
	v311 = 4
	v5   = 5
)

func versionName(level byte) string {
	switch level {
	case v31:
		return "3.1"
	case v311:
		return "3.1.1"
	}
	return "5.0"
}

// fault ends a connection: the reason code is for the peer, the text for both
// the peer and the log.
type fault struct {
	code byte // MQTT 5.0 §2.4
	text string
}

func (f *fault) Error() string { return f.text }

func newFault(code packets.Code, format string, args ...any) *fault {
	return &fault{code.Code, fmt.Sprintf(format, args...)}
}

func malformed(format string, args ...any) error {
	return newFault(packets.ErrMalformedPacket, "malformed packet: "+format, args...)
}

func violation(format string, args ...any) error {
	return newFault(packets.ErrProtocolViolation, "protocol error: "+format, args...)
}

// split finds the first packet of p: the length of its fixed header and of the
// whole. head is 0 if more input is needed to tell. limit is the longest
// permitted packet.
func split(p []byte, limit int) (head, total int, err error) {
	n := 0
	for i := 1; i < len(p) && i <= 4; i++ {
		n |= int(p[i]&0x7f) << (7 * (i - 1))
		if p[i] < 0x80 {
			if i > 1 && p[i] == 0 { // MQTT 5.0 §1.5.5
				return 0, 0, malformed("the remaining length is not encoded in the fewest bytes")
			}
			if total = 1 + i + n; total > limit {
				return 0, 0, newFault(packets.ErrPacketTooLarge, "a packet of %d bytes, at most %d are allowed", total, limit)
			}
			return 1 + i, total, nil
		}
	}
	if len(p) > 4 {
		return 0, 0, malformed("the remaining length has more than four bytes")
	}
	return 0, 0, nil
}

// checkFlags enforces the reserved bits of the fixed header (MQTT 5.0 §2.1.3).
func checkFlags(first byte) error {
	want := byte(0)
	switch first >> 4 {
	case packets.Publish:
		return nil
	case packets.Pubrel, packets.Subscribe, packets.Unsubscribe:
		want = 2
	}
	if first&15 != want {
		return malformed("%s has the flags %d, must be %d", packetName(first), first&15, want)
	}
	return nil
}

func packetName(first byte) string { return packets.PacketNames[first>>4] }

// varintLen is the length of n as a variable byte integer.
func varintLen(n int) int {
	switch {
	case n < 1<<7:
		return 1
	case n < 1<<14:
		return 2
	case n < 1<<21:
		return 3
	}
	return 4
}

func appendVarint(dst []byte, n int) []byte {
	for n >= 0x80 {
		dst = append(dst, byte(n)|0x80)
		n >>= 7
	}
	return append(dst, byte(n))
}

func appendString[S ~string | ~[]byte](dst []byte, s S) []byte {
	dst = binary.BigEndian.AppendUint16(dst, uint16(len(s)))
	return append(dst, s...)
}

// maxReason is the longest reason string of an acknowledgement, in bytes, and
// maxAck the acknowledgement with it.
const (
	maxReason = 100
	maxAck    = 9 + maxReason
)

// appendAck appends a PUBACK, PUBREC, PUBREL or PUBCOMP. A code that is not
// zero is told to 5.0 clients, and without one the packet is the same in all
// versions (MQTT 5.0 §3.4.2.1).
func appendAck(dst []byte, kind byte, id uint16, code byte, reason string) []byte {
	first := kind << 4
	if kind == packets.Pubrel {
		first |= 2
	}
	switch {
	case code == 0:
		return append(dst, first, 2, byte(id>>8), byte(id))
	case reason == "":
		return append(dst, first, 3, byte(id>>8), byte(id), code)
	}
	reason = strings.ToValidUTF8(reason[:min(len(reason), maxReason)], "")
	dst = append(dst, first, byte(7+len(reason)), byte(id>>8), byte(id), code, byte(3+len(reason)), packets.PropReasonString)
	return appendString(dst, reason)
}
