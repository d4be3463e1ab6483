package netx

import (
	"bytes"
	"io"
	"net"
	"testing"
	"time"
)

// thirds takes frames of 3,000 bytes.
type thirds struct{ longest, total int }

func (h *thirds) Data(p []byte) (used, need int, err error) {
	h.longest = max(h.longest, len(p))
	used = len(p) / 3000 * 3000
	h.total += used
	return used, 3000, nil
}

// A peer that sends as fast as it can fills the buffer with every read. That is
// no reason to make it larger: it once grew until the limit ended the connection.
func TestReaderFullBuffer(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	const frames = 5000
	go func() {
		nc, err := net.Dial("tcp", ln.Addr().String())
		if err != nil {
			return
		}
		defer nc.Close()
		nc.SetDeadline(time.Now().Add(30 * time.Second))
		io.Copy(nc, bytes.NewReader(make([]byte, frames*3000)))
	}()
	nc, err := ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	var h thirds
	if err := NewReader(nc, ReadSize).Serve(&h); err != io.EOF {
		t.Errorf("Serve ended with %v, want %v", err, io.EOF)
	}
	if h.total != frames*3000 || h.longest > ReadSize {
		t.Errorf("%d bytes in pieces of at most %d, want %d in at most %d", h.total, h.longest, frames*3000, ReadSize)
	}
}
