package netx

import (
	"runtime"
	"time"
)

// Wake starts the writer; the caller was told to by what appended.
func (o *Outbound) Wake() { go o.drain() }

// drain writes until nothing is pending.
func (o *Outbound) drain() {
	for {
		runtime.Gosched() // let those who are about to append do so: fewer, longer writes
		if !o.next() || !o.writeOut() {
			return
		}
	}
}

// next takes what is to be written now. False: there is nothing, and the writer
// has ended.
func (o *Outbound) next() bool {
	o.mu.Lock()
	more := !o.closed && o.take()
	var notify []func()
	if o.bytes < o.limit/4 || o.closed {
		o.stuck = false
		notify = o.roomLocked()
	}
	if !more {
		o.writing = false
		o.endedLocked()
	}
	o.mu.Unlock()
	call(notify)
	if more {
		o.show()
	}
	return more
}

// show has a tap see what was taken.
func (o *Outbound) show() {
	if tap := o.tap.Load(); tap != nil {
		for _, c := range o.taken {
			(*tap).Sending(c.b)
		}
	}
}

// writeOut is write, and ends the queue if that fails.
func (o *Outbound) writeOut() bool {
	err := o.write()
	if err == nil {
		return true
	}
	o.fail(err)
	o.mu.Lock()
	o.writing = false
	o.endedLocked()
	o.mu.Unlock()
	return false
}

// take moves pending chunks to the writer. o.mu is held.
func (o *Outbound) take() bool {
	n := 0
	for o.head < len(o.queue) {
		c := o.queue[o.head]
		if n > 0 && n+len(c.b) > maxWrite {
			break
		}
		n += len(c.b)
		o.taken = append(o.taken, c)
		o.queue[o.head] = nil
		o.head++
	}
	o.bytes -= n
	if o.head < len(o.queue) {
		o.compact()
		return n > 0
	}
	o.queue, o.head = o.queue[:0], 0
	if cap(o.queue) > 64 {
		o.queue = nil
	}
	return n > 0
}

// write writes what was taken and gives the chunks back.
func (o *Outbound) write() error {
	o.began()
	err := o.writeTaken()
	o.wrote(err)
	return err
}

// began notes that a write begins.
func (o *Outbound) began() {
	// Moving a deadline costs more than the clock: once a quarter will do.
	now := time.Now()
	o.last.Store(int64(now.Sub(epoch)))
	if now.Sub(o.deadline) > o.timeout/4 {
		o.deadline = now
		o.nc.SetWriteDeadline(now.Add(o.timeout))
	}
}

// wrote accounts for what was taken, and gives it back.
func (o *Outbound) wrote(err error) {
	mark, sent := uint64(0), 0
	for i, c := range o.taken {
		mark = max(mark, c.mark)
		sent += len(c.b)
		c.Release()
		o.taken[i] = nil
	}
	o.taken = o.taken[:0]
	if err == nil {
		o.sent.Add(uint64(sent))
	}
	if err == nil && mark > 0 {
		o.written.Store(mark)
	}
	o.skip = 0
}

// writeTaken writes the chunks that were taken: with one system call where the
// connection can do that, else one after the other.
func (o *Outbound) writeTaken() error {
	if !o.gathers || len(o.taken) == 1 {
		for i, c := range o.taken {
			b := c.b
			if i == 0 {
				b = b[o.skip:]
			}
			if _, err := o.nc.Write(b); err != nil {
				return err
			}
			o.progress.Add(1)
		}
		return nil
	}
	o.iov = o.iov[:0]
	for _, c := range o.taken {
		o.iov = append(o.iov, c.b)
	}
	o.bufs = o.iov // WriteTo consumes the slice it is called on
	_, err := o.bufs.WriteTo(o.nc)
	clear(o.iov)
	if err == nil {
		o.progress.Add(1)
	}
	return err
}
