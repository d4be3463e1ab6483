package stomp

import (
	"bytes"
	"strconv"

	"mwm/server/broker"
	"mwm/server/stomp/frame"
)

// explain takes apart what the session has read or written, for somebody who
// looks. It believes nothing: bad frames are shown, too.
func (s *session) explain(p []byte, _ bool) (frames []broker.WireFrame) {
	d := s.dialect.Load()
	for len(p) > 0 {
		var f broker.WireFrame
		var n int
		if n = frame.EOLs(p); n > 0 {
			f = broker.WireFrame{Type: "heart-beat", Raw: p[:n], Size: n} // or the end of a line between frames
		} else {
			f, n = explainFrame(d, p)
		}
		frames = append(frames, f)
		p = p[n:]
	}
	return frames
}

// maxShown is a body length that is believed.
const maxShown = 1 << 30

// explainFrame takes apart the first frame of p, of which the end may be missing,
// and returns how much of p it is.
func explainFrame(d *frame.Dialect, p []byte) (f broker.WireFrame, n int) {
	line, rest := cutLine(p)
	f.Type = string(line)
	if len(line) > 20 || bytes.ContainsFunc(line, func(r rune) bool { return r < 'A' || r > 'Z' }) {
		return broker.WireFrame{Type: "unknown", Raw: p, Size: len(p), Err: "no STOMP command"}, len(p)
	}
	length := -1
	for {
		if line, rest = cutLine(rest); len(line) == 0 {
			break
		}
		name, value, _ := bytes.Cut(line, []byte(":"))
		if string(name) == "passcode" {
			broker.Blot(value)
		}
		h := broker.Property{Name: plain(d, f.Type, name), Value: plain(d, f.Type, value)}
		if v, err := strconv.Atoi(h.Value); h.Name == "content-length" && err == nil && v >= 0 && v <= maxShown && length < 0 {
			length = v
		}
		f.Fields = append(f.Fields, h)
	}
	body := len(p) - len(rest)
	if length < 0 {
		if length = bytes.IndexByte(rest, 0); length < 0 {
			length = len(rest)
		}
	}
	f.Size = body + length + 1
	n = min(f.Size, len(p))
	f.Raw = p[:n]
	if length > 0 {
		f.BodyAt, f.BodySize = body, length
	}
	return f, n
}

// cutLine returns the first line of p and what is behind it.
func cutLine(p []byte) (line, rest []byte) {
	line, rest, _ = bytes.Cut(p, []byte("\n"))
	return bytes.TrimSuffix(line, []byte("\r")), rest
}

// plain is the name or value of a header without its escapes. (Those of the
// frames that begin a session have none.)
func plain(d *frame.Dialect, command string, raw []byte) string {
	if command != "CONNECT" && command != "STOMP" && command != "CONNECTED" {
		if s, err := d.Unescape(raw); err == nil {
			return s
		}
	}
	return string(raw)
}
