package main

import (
	"bytes"
	"encoding/binary"
	"errors"
)

// scan calls on for each whole frame in p and returns the bytes it consumed.
// For a message, body is its payload; for any other frame it is nil.
func (w *wire) scan(p []byte, on func(frame, body []byte)) (int, error) {
	if w.stomp {
		return scanSTOMP(p, on)
	}
	return scanMQTT(p, on)
}

func scanMQTT(p []byte, on func(frame, body []byte)) (int, error) {
	done := 0
	for {
		q := p[done:]
		if len(q) < 2 {
			return done, nil
		}
		n, h := int(q[1]), 2
		if n >= 0x80 {
			v, k := binary.Uvarint(q[1:])
			if k == 0 {
				return done, nil
			}
			if k < 0 || k > 4 {
				return done, errors.New("bad MQTT length")
			}
			n, h = int(v), 1+k
		}
		if len(q) < h+n {
			return done, nil
		}
		f := q[:h+n]
		if f[0]>>4 == 3 && n >= mqttBody {
			on(f, f[len(f)-mqttBody:])
		} else {
			on(f, nil)
		}
		done += h + n
	}
}

// scanSTOMP relies on the bodies of this tool holding no NUL, so that a frame
// ends at the first one.
func scanSTOMP(p []byte, on func(frame, body []byte)) (int, error) {
	done := 0
	for {
		for done < len(p) && (p[done] == '\n' || p[done] == '\r') {
			done++ // heart-beats, and line ends after a frame
		}
		i := bytes.IndexByte(p[done:], 0)
		if i < 0 {
			return done, nil
		}
		f := p[done : done+i+1]
		if f[0] == 'M' && i > stompBody && f[i-stompBody] == '{' {
			on(f, f[i-stompBody:i])
		} else {
			on(f, nil)
		}
		done += i + 1
	}
}

// header returns a STOMP header's raw value (still escaped, which is what an
// answer needs).
func header(frame []byte, name string) []byte {
	_, v, ok := bytes.Cut(frame, []byte("\n"+name+":"))
	if !ok {
		return nil
	}
	v, _, _ = bytes.Cut(v, []byte("\n"))
	return bytes.TrimSuffix(v, []byte("\r"))
}
