package stomp

import (
	"context"
	"crypto/rand"
	"errors"
	"io"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"mwm/server/broker"
	"mwm/server/netx"
	"mwm/server/stomp/frame"
)

// session is one connection. What is not marked otherwise belongs to its reader.
type session struct {
	srv *Server
	nc  net.Conn
	id  string // unguessable: it is part of the names of temporary destinations
	in  *netx.Reader
	out *netx.Outbound // safe for concurrent use

	parser  frame.Parser
	frame   frame.Frame
	dialect atomic.Pointer[frame.Dialect] // set by the reader
	pub     *broker.Publisher             // nil until CONNECT
	client  atomic.Pointer[broker.Client] // nil until CONNECT; set by the reader
	scratch *[]byte                       // header blocks rewritten in this read

	transactions     map[string]*transaction
	transactionBytes int
	receipts         receipts    // safe for concurrent use
	replays          replays     // safe for concurrent use
	noReceipt        func(error) // the promise of a frame that asks for none

	mu    sync.Mutex // guards what follows
	left  bool       // the subscriptions have been ended, no more may come
	subs  map[string]*subscription
	byNum map[uint64]*subscription // those that acknowledge
	nums  uint64

	connecting *netx.Watchdog
	silence    *netx.Watchdog
	beat       beat

	meters netx.Meters // what the client sends is held to
	sends  int         // SENDs of this read

	asking  atomic.Pointer[context.CancelFunc] // ends the authenticator's work
	ending  atomic.Bool
	leaving sync.Once     // see leave
	over    chan struct{} // closed when the farewell is done
}

func newSession(srv *Server, nc net.Conn) *session {
	s := &session{srv: srv, nc: nc, id: rand.Text(), over: make(chan struct{})}
	s.meters = netx.Meters{netx.NewMeter(srv.opt.Rate), nil, srv.opt.Total}
	s.parser = frame.Parser{Dialect: frame.V10, Limits: srv.opt.Limits}
	s.parser.Limits.Body = min(s.parser.Limits.Body, maxConnectBody)
	s.dialect.Store(frame.V10)
	s.in = netx.NewReader(nc, srv.opt.Limits.Frame())
	s.out = netx.NewOutbound(nc, srv.opt.MaxOutbound, srv.opt.WriteTimeout, s.end)
	s.receipts.init(s.out, srv.opt.MaxReceipts)
	s.noReceipt = func(err error) {
		if err != nil {
			s.end(err)
		}
	}
	s.silence = netx.NewWatchdog(s.in.Idle, func() { s.end(ErrSilent) })
	opened := time.Now()
	s.connecting = netx.NewWatchdog(func() time.Duration { return time.Since(opened) }, func() { s.end(ErrNoConnect) })
	return s
}

// maxConnectBody is how long a body a stranger may send: CONNECT has none.
const maxConnectBody = 4 << 10

// serve runs the session to its end.
func (s *session) serve() {
	s.connecting.Set(s.srv.opt.ConnectTimeout)
	err := s.in.Serve(s)
	if errors.Is(err, io.EOF) {
		err = errPeerClosed
	}
	s.end(err)
	<-s.over
	netx.Unbook(s.transactionBytes)
	s.transactionBytes = 0
	s.nc.Close()
	s.out.Close()
	s.out.Join()
	if c := s.client.Load(); c != nil {
		s.srv.b.Detach(c, err) // does nothing if the farewell did it
	}
}

// Data takes input: all whole frames in p. It never fails: after a bad frame
// the session ends, and what still comes is discarded.
func (s *session) Data(p []byte) (used, need int, err error) {
	if s.pub != nil {
		s.pub.Begin(time.Now())
	}
	s.frame = frame.Frame{} // it pointed to other input
	for used < len(p) && !s.ending.Load() {
		if used += frame.EOLs(p[used:]); used == len(p) {
			break
		}
		n, more, err := s.parser.Parse(p[used:], &s.frame)
		if n > 0 && err == nil {
			err = s.handle(&s.frame)
		}
		if err != nil {
			s.flush()
			s.end(s.answering(err, s.frame.Receipt))
			break
		}
		if n == 0 {
			need = more
			break
		}
		used += n
	}
	s.flush()
	if s.ending.Load() {
		return len(p), 0, nil
	}
	if !s.meters.None() {
		s.in.Delay(s.meters.Take(time.Now(), s.sends, used))
	}
	s.sends = 0
	return used, need, nil
}

// answering notes the receipt that the bad frame asked for, which is in the
// read buffer.
func (s *session) answering(err error, receipt []byte) error {
	pe := asProtocolError(err)
	if pe == nil || receipt == nil {
		return err
	}
	answer := *pe
	answer.receipt = append([]byte{}, receipt...)
	if answer.Err == nil {
		answer.Err = err
	}
	return &answer
}

// handle acts on one frame.
func (s *session) handle(f *frame.Frame) error {
	if s.pub == nil {
		return s.connect(f)
	}
	if f.Command == frame.Send {
		return s.send(f)
	}
	s.pub.Flush() // frames have their effect in their order
	if err := s.command(f, s.promise(f.Receipt)); err != nil {
		return err
	}
	if f.Command == frame.Disconnect {
		s.flush()
		s.end(errGoodbye)
	}
	return nil
}

// command acts on a frame; unless it returns an error, done is called when the
// effect is complete.
func (s *session) command(f *frame.Frame, done func(error)) error {
	switch f.Command {
	case frame.Subscribe:
		return s.subscribe(f, done)
	case frame.Unsubscribe:
		return s.unsubscribe(f, done)
	case frame.Ack, frame.Nack:
		return s.ack(f, done)
	case frame.Begin:
		return s.begin(f, done)
	case frame.Commit:
		return s.commit(f, done)
	case frame.Abort:
		return s.abort(f, done)
	case frame.Disconnect:
		// Once the client has its receipt it reads no more: a message that was
		// given to it after that would count as delivered, and be lost.
		s.leave()
		done(nil)
		return nil
	case frame.Connect, frame.Stomp:
		return refuse("already connected", "the session is connected: %s comes once, first", f.Command)
	}
	return refuse("unexpected frame", "%s is a frame that servers send", f.Command)
}

// promise returns what is to be called when a frame has had its effect, from
// any goroutine: it sends the receipt, or ends the session if it failed.
func (s *session) promise(receipt []byte) func(error) {
	if receipt == nil {
		return s.noReceipt
	}
	if s.receipts.full() {
		s.pub.Flush()
		s.receipts.waitRoom()
	}
	ticket := s.receipts.add(receipt)
	return func(err error) {
		if err == nil {
			s.receipts.done(ticket)
			return
		}
		s.end(s.answering(err, s.receipts.id(ticket)))
	}
}

// flush completes the work of one read.
func (s *session) flush() {
	if s.pub != nil {
		s.pub.Flush()
	}
	s.receipts.flush()
	if s.scratch != nil {
		*s.scratch = (*s.scratch)[:0]
		if cap(*s.scratch) <= maxScratch {
			scratches.Put(s.scratch)
		}
		s.scratch = nil
	}
}

// scratches are buffers for rewritten header blocks, held by sessions only
// while they work on a read.
var scratches = sync.Pool{New: func() any { return new([]byte) }}

const maxScratch = 64 << 10

// end ends the session for the given reason; only the first counts. It may be
// called from any goroutine and does not block.
func (s *session) end(err error) {
	if s.ending.CompareAndSwap(false, true) {
		if stop := s.asking.Load(); stop != nil {
			(*stop)()
		}
		s.in.Hurry()
		go s.farewell(err)
	}
}

// farewell leaves what the session is in, tells the client, and makes its
// reader end.
func (s *session) farewell(err error) {
	defer close(s.over)
	s.connecting.Stop()
	s.silence.Stop()
	s.beat.stop()
	s.report(err) // before others notice
	s.leave()
	s.replays.end(s)
	gone := err
	switch err {
	case errGoodbye:
		s.receipts.wait(s.srv.opt.Linger)
		gone = nil
	case errPeerClosed: // its sending side, perhaps: it may still read what it was promised
		s.receipts.wait(s.srv.opt.Linger)
	}
	s.receipts.flush() // the reader may be about to, and else would be too late
	s.receipts.close()
	if c := s.client.Load(); c != nil {
		s.srv.b.Detach(c, gone)
	}
	pe := asProtocolError(err)
	if pe != nil {
		s.srv.refused(pe)
		s.reply(s.dialect.Load().AppendError(nil, pe.Message, pe.receipt, pe.Detail+"\n"))
	}
	if isNetwork(err) || !s.out.Flush(s.srv.opt.Linger) {
		s.nc.Close()
		return
	}
	s.hangUp(pe)
}

// hangUp ends the connection after its last frame. The client may still be
// sending: closing a socket with unread input would reset it, and the client
// could lose what it was told. So only the sending side is closed, and the reader
// goes on until the client closes or the time is over.
func (s *session) hangUp(pe *ProtocolError) {
	switch nc := s.nc.(type) {
	case *wsConn:
		nc.hangUp(pe, s.srv.opt.Linger)
	case interface{ CloseWrite() error }:
		nc.CloseWrite()
		s.nc.SetReadDeadline(time.Now().Add(s.srv.opt.Linger))
	default:
		s.nc.SetReadDeadline(time.Now())
	}
}

// reply sends a frame that must arrive.
func (s *session) reply(p []byte) {
	if _, wake := s.out.Send(p); wake {
		s.out.Wake()
	}
}

// report logs the end.
func (s *session) report(err error) {
	level, args := slog.LevelInfo, []any{"remote", s.nc.RemoteAddr().String(), "reason", reasonText(err)}
	if asProtocolError(err) == nil || errors.Is(err, ErrShutdown) { // of the stop there is a line
		level = slog.LevelDebug
	}
	if errors.Is(err, ErrUnreadAcks) || errors.Is(err, netx.ErrOverflow) {
		s.srv.stats.TooSlow.Add(1)
	}
	if c := s.client.Load(); c != nil && c.ID != "" {
		args = append(args, "client", c.ID)
	}
	if n := s.out.Dropped(); n > 0 {
		level = slog.LevelInfo
		args = append(args, "dropped", n)
	}
	s.srv.log.Log(context.Background(), level, "client disconnected", args...)
}

// reasonText is why a session ended, without what the client may have meant for
// nobody's eyes: a frame that cannot be read is not quoted.
func reasonText(err error) string {
	if fe := (*frame.Error)(nil); errors.As(err, &fe) {
		return fe.Message
	}
	return err.Error()
}
