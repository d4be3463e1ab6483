package netx

// Tap is shown what crosses a connection, in whole frames. Its methods may be
// called concurrently and must not block; what they are given is valid only
// during the call.
type Tap interface {
	// Received is called with frames that the handler has taken, and with input
	// that it has refused.
	Received(p []byte)
	// Sent is called with frames that have been written.
	Sent(p []byte)
}

// SetTap shows a tap what comes in from now on; nil ends that. A connection
// without one pays a look at a pointer for each read.
func (r *Reader) SetTap(t Tap) { r.tap.Store(pointer(t)) }

// SetTap shows a tap what is written from now on; nil ends that.
func (o *Outbound) SetTap(t Tap) { o.tap.Store(pointer(t)) }

func pointer(t Tap) *Tap {
	if t == nil {
		return nil
	}
	return &t
}

// Received is the number of bytes that have come in.
func (r *Reader) Received() uint64 { return r.received.Load() }

// show gives the tap what the handler has taken. With an error it has taken all.
func (r *Reader) show(t Tap, used int, err error) {
	if err != nil {
		used = r.have
	}
	if used > 0 {
		t.Received(r.buf[:used])
	}
}
