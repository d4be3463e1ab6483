package stomp

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"

	"mwm/server/broker"
	"mwm/server/netx"
	"mwm/server/stomp/frame"
	"mwm/server/topic"
)

// ProtocolError ends a session; the client is told with an ERROR frame.
type ProtocolError struct {
	Message string // the message header: a few words
	Detail  string // the body: what was found, and what would be right
	Err     error  // the cause, for the log; may be nil
	receipt []byte // of the frame that it answers, nil if it asked for none
}

func (e *ProtocolError) Error() string { return e.Message + ": " + e.Detail }
func (e *ProtocolError) Unwrap() error { return e.Err }

func refuse(message, format string, args ...any) error {
	return &ProtocolError{Message: message, Detail: fmt.Sprintf(format, args...)}
}

// Reasons for which the server ends a session.
var (
	ErrShutdown   = errors.New("the server is shutting down")
	ErrSilent     = errors.New("no heart-beat came in time")
	ErrNoConnect  = errors.New("no CONNECT frame came in time")
	ErrUnreadAcks = errors.New("the subscriber did not acknowledge in time")
	errGoodbye    = errors.New("DISCONNECT")
	errPeerClosed = errors.New("the client closed the connection without DISCONNECT")
)

// asProtocolError says how the client is told of err; nil if it cannot be told,
// or need not.
func asProtocolError(err error) *ProtocolError {
	var pe *ProtocolError
	var fe *frame.Error
	tell := func(message string) *ProtocolError {
		return &ProtocolError{Message: message, Detail: err.Error(), Err: err}
	}
	switch {
	case errors.As(err, &pe):
		return pe
	case errors.As(err, &fe):
		return &ProtocolError{Message: fe.Message, Detail: fe.Detail}
	case errors.Is(err, topic.ErrDeep):
		return tell("too many levels")
	case errors.Is(err, topic.ErrInvalid):
		return tell("invalid destination")
	case errors.Is(err, netx.ErrMemory):
		return tell("short of memory")
	case errors.Is(err, broker.ErrQueueFull):
		return tell("queue full")
	case errors.Is(err, broker.ErrQueues):
		return tell("too many queues")
	case errors.Is(err, broker.ErrDurables):
		return tell("too many durable subscriptions")
	case errors.Is(err, broker.ErrTakenOver):
		return tell("connection taken over")
	case errors.Is(err, broker.ErrClosedByOperator):
		return tell("connection closed")
	case errors.Is(err, broker.ErrUnknownDelivery):
		return tell("unknown message")
	case errors.Is(err, broker.ErrUnknownSubscriber):
		return tell("unknown subscription")
	case errors.Is(err, broker.ErrForbidden):
		return tell("access refused")
	case errors.Is(err, broker.ErrRevoked):
		return tell("access revoked")
	case errors.Is(err, broker.ErrTooMany):
		return tell("too many connections")
	case errors.Is(err, broker.ErrOtherPrincipal):
		return tell("client-id in use")
	case errors.Is(err, ErrShutdown):
		return tell("server shutting down")
	case errors.Is(err, ErrSilent):
		return tell("heart-beat missing")
	case errors.Is(err, ErrNoConnect):
		return tell("connect timeout")
	case errors.Is(err, ErrUnreadAcks), errors.Is(err, netx.ErrOverflow):
		return tell("too slow")
	case errors.Is(err, errGoodbye), errors.Is(err, errPeerClosed), isNetwork(err):
		return nil
	}
	return tell("refused")
}

// isNetwork reports whether err comes from the connection itself.
func isNetwork(err error) bool {
	var ne net.Error
	return errors.Is(err, io.EOF) || errors.Is(err, net.ErrClosed) || errors.Is(err, os.ErrDeadlineExceeded) || errors.As(err, &ne)
}
