package mqtt

import (
	"bytes"
	"encoding/binary"

	"github.com/mochi-mqtt/server/v2/packets"

	"mwm/server/broker/header"
	"mwm/server/topic"
)

// saidElsewhere reports whether a header of a STOMP sender is not for the receiver, or
// becomes something else than a property.
func saidElsewhere(name []byte) bool {
	switch string(name) {
	case "destination", "content-length", "retain", "persistent":
		return true
	}
	return header.Reserved(name)
}

// appendHead turns the header block of a STOMP sender into MQTT 5 properties.
// Of a header that is repeated the first counts (STOMP 1.2), which keeps the
// properties that may stand only once single. lost is how many of those meant for
// the receiver cannot be carried.
func appendHead(dst, head []byte) (_ []byte, lost int) {
	var content, reply, correlation bool
	for len(head) > 0 {
		line, rest, _ := bytes.Cut(head, []byte{'\n'})
		head = rest
		name, value, ok := bytes.Cut(line, []byte{':'})
		switch {
		case !ok || saidElsewhere(name):
		case len(line) > topic.MaxLength || !validText(line):
			lost++
		case string(name) == "content-type" && !content:
			content = true
			dst = appendUnescaped(append(dst, packets.PropContentType), value)
		case string(name) == "correlation-id" && !correlation:
			correlation = true
			dst = appendUnescaped(append(dst, packets.PropCorrelationData), value)
		case string(name) == "reply-to" && !reply && isTopic(value):
			reply = true
			dst = append(dst, packets.PropResponseTopic)
			at := len(dst)
			dst = appendUnescaped(dst, value[len("/topic/"):])
			topic.SwapInPlace(dst[at+2:])
		default:
			dst = appendUnescaped(append(dst, packets.PropUser), name)
			dst = appendUnescaped(dst, value)
		}
	}
	return dst, lost
}

// isTopic reports whether a reply-to header, escaped or not, names a topic that MQTT can
// publish to.
func isTopic(dest []byte) bool {
	name, ok := bytes.CutPrefix(dest, []byte("/topic/"))
	return ok && len(name) > 0 && !bytes.ContainsAny(name, "*>")
}

// appendUnescaped appends a string whose STOMP 1.2 escapes are resolved.
func appendUnescaped(dst, s []byte) []byte {
	at := len(dst)
	dst = append(dst, 0, 0)
	for {
		i := bytes.IndexByte(s, '\\')
		if i < 0 || i+1 == len(s) {
			dst = append(dst, s...)
			break
		}
		dst = append(dst, s[:i]...)
		switch s[i+1] {
		case 'n':
			dst = append(dst, '\n')
		case 'r':
			dst = append(dst, '\r')
		case 'c':
			dst = append(dst, ':')
		default:
			dst = append(dst, s[i+1])
		}
		s = s[i+2:]
	}
	binary.BigEndian.PutUint16(dst[at:], uint16(len(dst)-at-2))
	return dst
}
