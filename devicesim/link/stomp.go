package link

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"sync"
	"time"

	"github.com/go-stomp/stomp/v3"
	"github.com/go-stomp/stomp/v3/frame"
)

const (
	// standstill is how long the timer of a machine that is busy, or was paused, may be late.
	standstill = 5 * time.Second
	// writeQueue is how many frames wait in the library for its writer.
	writeQueue = 32
	// maxUnsentAcks bounds the acknowledgements that wait to be written; a server leaves far fewer messages unacknowledged.
	maxUnsentAcks = 4096
)

// STOMPConfig says how to connect to a STOMP broker. Addr is required.
type STOMPConfig struct {
	Addr      string        // host:port
	ClientID  string        // client-id header; empty: none
	HeartBeat time.Duration // asked for in both directions; 0 means 10 s
	Buffer    int           // bytes of the library's read and write buffer, each; 0 means 4096
	Access    Access
	Logger    *slog.Logger // nil: silent
}

// STOMP is one connection to a STOMP broker. Its methods may be called concurrently. Close must be called, also once the
// link is lost.
//
// What it keeps its callers from, in go-stomp v3.1.5: Dial ignores its context; Send blocks while the server reads nothing, so that one
// stuck connection would hold up a goroutine that sends for many ([STOMP.TrySend] does not block); an ACK from the goroutine that
// receives can deadlock with deliveries ([STOMP.Ack] hands it over); a subscription's channel that nobody reads stops the whole
// connection; a receipt that comes after its timeout blocks the library's loop for ever (so the connection is cut first); and so does a
// SUBSCRIBE block a goroutine that is still queued when the connection ends (see unqueue).
type STOMP struct {
	conn *stomp.Conn
	net  *conn
	work sync.WaitGroup // goroutines of this value

	mu      sync.Mutex
	refusal error            // the server's ERROR; guarded by mu
	acks    []*stomp.Message // waiting to be acknowledged; guarded by mu
	acking  bool             // a goroutine is at it; guarded by mu
}

// DialSTOMP connects and waits for CONNECTED.
func DialSTOMP(ctx context.Context, cfg STOMPConfig) (*STOMP, error) {
	ctx, cancel := context.WithTimeout(ctx, HandshakeTimeout)
	defer cancel()
	s, beats, err := connectSTOMP(ctx, cfg, true)
	if err == nil && !beats {
		// The library waits for heart-beats even of a server that has declined to send any, and hangs up; unless it asks for none.
		s.Close()
		s, _, err = connectSTOMP(ctx, cfg, false)
	}
	if err != nil {
		return nil, fmt.Errorf("STOMP: %w", err)
	}
	return s, nil
}

// connectSTOMP reports whether the server sends the heart-beats it was asked for.
func connectSTOMP(ctx context.Context, cfg STOMPConfig, askBeats bool) (s *STOMP, beats bool, err error) {
	nc, err := dial(ctx, cfg.Addr, 0)
	if err != nil {
		return nil, false, err
	}
	beats = true
	opts := append(stompOptions(cfg, askBeats), stomp.ConnOpt.ResponseHeaders(func(h *frame.Header) {
		if text, given := h.Contains(frame.HeartBeat); given {
			sent, _, err := frame.ParseHeartBeat(text)
			beats = err != nil || sent > 0
		}
	}))
	cut := context.AfterFunc(ctx, func() { _ = nc.Close() })
	wire, err := cfg.Access.over(ctx, nc, cfg.Addr)
	if err != nil {
		cut()
		return nil, false, fmt.Errorf("%s: %w", cfg.Addr, err)
	}
	c, err := stomp.ConnectWithContext(ctx, wire, opts...)
	if !cut() && err == nil {
		_ = c.MustDisconnect()
		err = ctx.Err()
	}
	if err != nil {
		_ = nc.Close()
		if _, told := refusal(err); !told {
			err = cfg.Access.doubt("STOMP", err)
		}
		return nil, false, fmt.Errorf("%s: %w", cfg.Addr, serverError(err))
	}
	return &STOMP{conn: c, net: nc}, beats, nil
}

func stompOptions(cfg STOMPConfig, askBeats bool) []func(*stomp.Conn) error {
	send := cmp.Or(cfg.HeartBeat, 10*time.Second)
	receive := send
	if !askBeats {
		receive = 0
	}
	size := cmp.Or(cfg.Buffer, 4096)
	opts := []func(*stomp.Conn) error{
		stomp.ConnOpt.HeartBeat(send, receive),
		stomp.ConnOpt.ReadBufferSize(size),
		stomp.ConnOpt.WriteBufferSize(size),
		stomp.ConnOpt.WriteChannelCapacity(writeQueue),
		stomp.ConnOpt.MsgSendTimeout(CloseTimeout),
		// Longer than ours, by more than a machine stands still: by then the connection has been cut and the library's loop is not left
		// with a receipt nobody takes.
		stomp.ConnOpt.DisconnectReceiptTimeout(CloseTimeout + standstill),
		stomp.ConnOpt.RcvReceiptTimeout(HandshakeTimeout + standstill),
		stomp.ConnOpt.Logger(stompLog{cfg.Logger}),
	}
	if cfg.Access.User != "" || cfg.Access.Password != "" {
		opts = append(opts, stomp.ConnOpt.Login(cfg.Access.User, string(cfg.Access.Password)))
	}
	if cfg.ClientID != "" {
		opts = append(opts, stomp.ConnOpt.Header("client-id", cfg.ClientID))
	}
	return opts
}

// refusal reports whether an error is an ERROR frame of the server, and which.
func refusal(err error) (e stomp.Error, ok bool) {
	if p := (*stomp.Error)(nil); errors.As(err, &p) {
		e = *p
	} else if !errors.As(err, &e) {
		return e, false
	}
	return e, e.Frame != nil && e.Frame.Command == frame.ERROR
}

// serverError puts the explanation in the body of an ERROR frame beside its message.
func serverError(err error) error {
	e, ok := refusal(err)
	if !ok || len(e.Frame.Body) == 0 {
		return err
	}
	return fmt.Errorf("%s: %.300s", e.Message, bytes.TrimSpace(e.Frame.Body))
}

// Server is what the server calls itself, with its version; empty if it does not say.
func (s *STOMP) Server() string { return s.conn.Server() }

// Lost is closed when the connection has ended, for whatever reason.
func (s *STOMP) Lost() <-chan struct{} { return s.net.lost }

// Err says why the connection ended; nil while it has not. After Close it prefers the server's own words.
func (s *STOMP) Err() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.refusal != nil {
		return s.refusal
	}
	return s.net.err()
}

// Subscribe has handle called, in one goroutine, for each message of destination. handle must not call Close.
func (s *STOMP) Subscribe(destination string, ack stomp.AckMode, handle func(*stomp.Message), opts ...func(*frame.Frame) error) error {
	sub, err := s.conn.Subscribe(destination, ack, opts...)
	if err != nil {
		return fmt.Errorf("STOMP: subscribe %s: %w", destination, err)
	}
	s.work.Go(func() { s.receive(sub, handle) })
	return nil
}

// receive reads the subscription until the library closes it, at most for a grace period after the loss.
func (s *STOMP) receive(sub *stomp.Subscription, handle func(*stomp.Message)) {
	lost := s.net.lost
	var grace <-chan time.Time
	for {
		select {
		case m, ok := <-sub.C:
			switch {
			case !ok:
				return
			case m.Err != nil:
				s.fail(m.Err)
			default:
				handle(m)
			}
		case <-lost:
			lost = nil
			grace = time.After(CloseTimeout)
		case <-grace:
			return
		}
	}
}

func (s *STOMP) fail(err error) {
	var e *stomp.Error
	if errors.As(err, &e) && e.Frame != nil && e.Frame.Header.Get(frame.Message) != "connection closed" {
		s.mu.Lock()
		s.refusal = cmp.Or(s.refusal, serverError(err))
		s.mu.Unlock()
	}
	s.net.fail(err)
}

// TrySend sends without a receipt and without waiting. It reports whether the frame was taken: false without an error
// says that the connection is behind, and what has been said would only be older when it arrives. body must not be changed afterwards.
func (s *STOMP) TrySend(destination, contentType string, body []byte) (bool, error) {
	if s.conn.Stats().CurrentWriteChanSize >= writeQueue/2 {
		return false, nil
	}
	if err := s.conn.Send(destination, contentType, body); err != nil {
		return false, err
	}
	return true, nil
}

// Send sends and waits until the server confirms with a receipt that it has processed the frame. Any failure ends the link.
func (s *STOMP) Send(ctx context.Context, destination, contentType string, body []byte, opts ...func(*frame.Frame) error) error {
	ctx, cancel := context.WithTimeout(ctx, HandshakeTimeout)
	defer cancel()
	cut := context.AfterFunc(ctx, func() { _ = s.net.Close() })
	err := s.conn.Send(destination, contentType, body, append(opts, stomp.SendOpt.Receipt)...)
	if !cut() && err != nil {
		err = fmt.Errorf("no receipt: %w", ctx.Err())
	}
	if err != nil {
		_ = s.net.Close()
		return fmt.Errorf("STOMP: send to %s: %w", destination, serverError(err))
	}
	return nil
}

// Ack acknowledges m, without making the caller wait for the connection.
func (s *STOMP) Ack(m *stomp.Message) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.acks) >= maxUnsentAcks {
		_ = s.net.Close()
		return
	}
	s.acks = append(s.acks, m)
	if !s.acking {
		s.acking = true
		s.work.Go(s.sendAcks)
	}
}

func (s *STOMP) sendAcks() {
	for {
		s.mu.Lock()
		batch := s.acks
		s.acks = nil
		s.acking = len(batch) > 0
		s.mu.Unlock()
		if len(batch) == 0 {
			return
		}
		for _, m := range batch {
			if s.conn.Ack(m) != nil {
				break // the link is lost and the server delivers again
			}
		}
	}
}

// Close disconnects in order (DISCONNECT, its receipt) or, when that takes longer than CloseTimeout, cuts the connection. It
// returns when everything that belonged to the link has ended.
func (s *STOMP) Close() {
	select {
	case <-s.net.lost:
	default:
		cut := time.AfterFunc(CloseTimeout, func() { _ = s.net.Close() })
		_ = s.conn.Disconnect() // the error says no more than that the link is gone
		cut.Stop()
	}
	_ = s.net.Close()
	unqueue(s.conn)
	s.work.Wait()
}

// unqueue takes the frames that the library will never write from its queue, and tells those who wait for an answer. Nobody else
// can: the library's loop has ended without them, and the goroutine of a subscription would wait for ever. A server that takes clients
// and drops them at once would cost one for each attempt.
func unqueue(c *stomp.Conn) {
	queue := reflect.ValueOf(c).Elem().FieldByName("writeCh")
	queue = reflect.NewAt(queue.Type(), queue.Addr().UnsafePointer()).Elem() // the field is not exported
	for {
		request, ok := queue.TryRecv()
		if !ok {
			return
		}
		answer, _ := request.FieldByName("C").Interface().(chan *frame.Frame)
		if answer == nil {
			continue
		}
		select { // not closed: who waits for a receipt would take the nil that comes of it for a frame
		case answer <- frame.New(frame.ERROR, frame.Message, "connection closed"):
		case <-time.After(CloseTimeout): // a receipt was waited for long enough
		}
	}
}

// Abort cuts the connection without a word to the server.
func (s *STOMP) Abort() { _ = s.net.Close() }

// stompLog hands the library's remarks on as debug lines: what matters of them is in the errors.
type stompLog struct{ log *slog.Logger }

func (l stompLog) debug(format string, v ...any) {
	if l.log != nil && l.log.Enabled(context.Background(), slog.LevelDebug) {
		l.log.Debug("stomp client", "detail", fmt.Sprintf(format, v...))
	}
}

func (l stompLog) Debugf(format string, v ...any)   { l.debug(format, v...) }
func (l stompLog) Infof(format string, v ...any)    { l.debug(format, v...) }
func (l stompLog) Warningf(format string, v ...any) { l.debug(format, v...) }
func (l stompLog) Errorf(format string, v ...any)   { l.debug(format, v...) }
func (l stompLog) Debug(message string)             { l.debug("%s", message) }
func (l stompLog) Info(message string)              { l.debug("%s", message) }
func (l stompLog) Warning(message string)           { l.debug("%s", message) }
func (l stompLog) Error(message string)             { l.debug("%s", message) }
