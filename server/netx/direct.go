package netx

// maxDirect is up to how many bytes WakeHere writes.
const maxDirect = 1 << 10

// WakeHere is Wake for little output: what the socket takes at once is written
// by the caller, which spares a message that comes alone the way through another
// goroutine. It never waits for the peer.
func (o *Outbound) WakeHere() {
	o.mu.Lock()
	here := o.gathers && !o.closed && o.bytes <= maxDirect && len(o.queue)-o.head == 1
	if here {
		o.take()
	}
	o.mu.Unlock()
	switch {
	case !here:
		o.Wake()
	case !o.writeHere() || o.next():
		go o.finish()
	}
}

// writeHere writes the one chunk that was taken, as far as that is possible
// without waiting, and reports whether that was all of it.
func (o *Outbound) writeHere() bool {
	o.show()
	if o.direct == nil {
		o.direct = newRawWriter(o.nc)
	}
	o.began()
	b := o.taken[0].b
	o.skip = o.direct.write(b)
	if o.skip < len(b) {
		return false
	}
	o.progress.Add(1)
	o.wrote(nil)
	return true
}

// finish writes what was taken, and all that has come since.
func (o *Outbound) finish() {
	if o.writeOut() {
		o.drain()
	}
}
