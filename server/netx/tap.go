package netx

import "bytes"

// Tap is shown what crosses a connection, in whole frames. Its methods may be
// called concurrently and must not block; what they are given is valid only
// during the call.
type Tap interface {
	// Receiving is called before input is handled, so that it comes before the
	// answers to it. What it returns is called once, with the frames that the
	// handler has taken, or the input that it has refused; perhaps with nothing.
	Receiving() (received func(p []byte))
	// Sending is called with frames before they are written, so that they come before
	// what the peer says to them.
	Sending(p []byte)
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

// handle lets the handler take what has come in, and a tap see it.
func (r *Reader) handle(h Handler) (used, need int, err error) {
	received, input := r.receiving(), r.buf[:r.have]
	if received != nil {
		input = bytes.Clone(input) // handlers rewrite names in place
	}
	used, need, err = h.Data(r.buf[:r.have])
	if received == nil {
		received = r.receiving() // the input may have been what the tap waits for
	}
	switch {
	case received == nil:
	case err != nil:
		received(input)
	default:
		received(input[:used])
	}
	return used, need, err
}

func (r *Reader) receiving() func(p []byte) {
	if tap := r.tap.Load(); tap != nil {
		return (*tap).Receiving()
	}
	return nil
}
