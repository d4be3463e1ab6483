package mqtt

import (
	"fmt"
	"log/slog"
	"net/http"
	"sync/atomic"
	"time"

	"mwm/server/broker"
	"mwm/server/netx"
)

// Options are the settings of a [Server]. A zero field means its default.
type Options struct {
	// MaxPacket is the longest packet taken from a client, in bytes; default 1 MiB.
	MaxPacket int
	// MaxClientID is the longest client identifier in bytes; default 1024. (The
	// 23 of MQTT 3.1 are not enforced.)
	MaxClientID int
	// MaxSubscriptions is how many subscriptions a session may have; default 1000.
	MaxSubscriptions int
	// MaxFilterBytes is how long the filters of a session may be together: they are
	// written anew with each SUBSCRIBE if it is on disk; default 256 for each of
	// MaxSubscriptions, at least 256,000.
	MaxFilterBytes int
	// MaxFilters is how many filters of one SUBSCRIBE are granted; default 1000. More than
	// ten times as many end the connection, as in an UNSUBSCRIBE.
	MaxFilters int
	// ReceiveMaximum is how many QoS 1 and 2 messages a 5.0 client may have
	// unacknowledged by the server; default 1024, at most 65535.
	ReceiveMaximum int
	// MaxInflight is how many QoS 1 and 2 messages a client is sent before it
	// acknowledges one; default 1024, at most 65535. A 5.0 client may ask for less, and
	// one whose session is kept is sent no more than MaxQueuedBytes of them.
	MaxInflight int
	// TopicAliasMaximum is how many topic aliases a 5.0 client may set, and has set
	// towards it at most; default 64.
	TopicAliasMaximum int
	// MaxQueued and MaxQueuedBytes bound the QoS 1 and 2 messages that wait for a
	// session in memory; defaults 10,000 and 16 MiB. The publishers of a connected
	// client wait from half of it on; of messages whose senders wait for an
	// acknowledgement there may be four times as many.
	MaxQueued      int
	MaxQueuedBytes int
	// MaxStored and MaxStoredBytes bound them instead for a session that is on
	// disk; defaults 100,000 and 64 MiB.
	MaxStored      int
	MaxStoredBytes int
	// MaxHold is how long a client may hold back those who publish to it before it
	// is disconnected; default 1 s.
	MaxHold time.Duration
	// SessionExpiry is how long a session is kept at most while its client is
	// away, and how long for 3.x clients that ask for it; default 7 days.
	SessionExpiry time.Duration
	// MaxSessions is how many sessions may be kept beyond their connections;
	// default 100,000. Clients that ask for one more are refused.
	MaxSessions int
	// Version is what $SYS/broker/version says of the program.
	Version string
	// SysInterval is how often what is under $SYS is published; default 10 s.
	SysInterval time.Duration
	// ConnectTimeout is how long a new connection may take to send its CONNECT;
	// default 10 s.
	ConnectTimeout time.Duration
	// MaxOutbound and WriteTimeout are those of [netx.NewOutbound].
	MaxOutbound  int
	WriteTimeout time.Duration
	// Rate is what a connection may send, Total all of them together. Beyond it
	// they are read more slowly. Default: no limit.
	Rate  netx.Rate
	Total *netx.Meter
	// Authenticator decides who may connect; nil: everybody, anonymously.
	Authenticator Authenticator
	// CheckOrigin refuses WebSocket handshakes by their Origin; nil: none.
	CheckOrigin func(r *http.Request) error
	Logger      *slog.Logger // nil: slog.Default
}

// withDefaults returns a checked copy with the defaults filled in.
func (o Options) withDefaults() (Options, error) {
	for _, f := range []struct {
		name     string
		p        *int
		def, max int
	}{
		{"MaxPacket", &o.MaxPacket, 1 << 20, 268_435_460},
		{"MaxClientID", &o.MaxClientID, 1024, 65535},
		{"MaxSubscriptions", &o.MaxSubscriptions, 1000, 1 << 30},
		{"MaxFilterBytes", &o.MaxFilterBytes, min(max(1000, o.MaxSubscriptions), 1<<20) * 256, 1 << 30},
		{"MaxFilters", &o.MaxFilters, 1000, 1 << 30},
		{"ReceiveMaximum", &o.ReceiveMaximum, 1024, 65535},
		{"MaxInflight", &o.MaxInflight, 1024, 65535},
		{"TopicAliasMaximum", &o.TopicAliasMaximum, 64, 65535},
		{"MaxQueued", &o.MaxQueued, 10_000, 1 << 30},
		{"MaxQueuedBytes", &o.MaxQueuedBytes, 16 << 20, 1 << 30},
		{"MaxStored", &o.MaxStored, max(100_000, o.MaxQueued), 1 << 30},
		{"MaxStoredBytes", &o.MaxStoredBytes, max(64<<20, o.MaxQueuedBytes), 1 << 30},
		{"MaxSessions", &o.MaxSessions, 100_000, 1 << 30},
		{"MaxOutbound", &o.MaxOutbound, netx.DefaultMaxOutbound, 1 << 30},
	} {
		if *f.p == 0 {
			*f.p = f.def
		}
		if *f.p < 0 || *f.p > f.max {
			return o, fmt.Errorf("mqtt: %s is %d, must be from 1 to %d", f.name, *f.p, f.max)
		}
	}
	for _, f := range []struct {
		name string
		p    *time.Duration
		def  time.Duration
	}{
		{"MaxHold", &o.MaxHold, time.Second},
		{"SessionExpiry", &o.SessionExpiry, 7 * 24 * time.Hour},
		{"SysInterval", &o.SysInterval, 10 * time.Second},
		{"ConnectTimeout", &o.ConnectTimeout, 10 * time.Second},
		{"WriteTimeout", &o.WriteTimeout, netx.DefaultWriteTimeout},
	} {
		if *f.p == 0 {
			*f.p = f.def
		}
		if *f.p < 0 {
			return o, fmt.Errorf("mqtt: %s is %s, must be positive", f.name, *f.p)
		}
	}
	o.SessionExpiry = min(o.SessionExpiry, maxExpiry*time.Second)
	if o.CheckOrigin == nil {
		o.CheckOrigin = func(*http.Request) error { return nil }
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	o.Logger = o.Logger.With("component", "mqtt")
	return o, nil
}

// maxExpiry is the longest session expiry interval in seconds that is not "for
// ever" (MQTT 5.0 §3.1.2.11.2).
const maxExpiry = 0xFFFFFFFE

// Stats count what has happened since the start.
type Stats struct {
	Connected  atomic.Uint64 // CONNECTs accepted
	Refused    atomic.Uint64 // CONNECTs refused
	Faults     atomic.Uint64 // connections ended for what the client sent
	Slow       atomic.Uint64 // clients disconnected because they held publishers back, or did not read
	Overflowed atomic.Uint64 // messages discarded because a session's queue was full
	Unkept     atomic.Uint64 // messages that no session took because disk or memory was short
	TooLarge   atomic.Uint64 // messages not sent: longer than the receiver's maximum packet size
	// LostHeaders are headers of STOMP senders that a receiver was not told: they are
	// not UTF-8, contain NUL, or are too long.
	LostHeaders atomic.Uint64

	RefusedFilters atomic.Uint64 // filters of SUBSCRIBE refused
	Expired        atomic.Uint64 // messages given up in a session's queue: their time was over
	Denied         atomic.Uint64 // messages that their clients may not send
	Wills          atomic.Uint64 // last wills published
	Ended          atomic.Uint64 // sessions that were kept for their time, in vain
}

// SessionInfo describes a session at one moment.
type SessionInfo struct {
	ClientID      string
	Principal     string
	Client        *broker.Client // nil while away
	Expiry        time.Duration  // how long it outlives its connection
	Subscriptions []SubscriptionInfo
	Queued        int // messages that wait
	QueuedBytes   int
	Inflight      int                // messages sent, not acknowledged
	Dropped       uint64             // messages that there was no room for, since the start
	Lost          uint64             // messages at QoS 0 that this connection did not take in time
	Will          *broker.ClientWill // what is published if the client is lost, or does not come back; nil: nothing
}

// SubscriptionInfo describes a subscription.
type SubscriptionInfo struct {
	Filter string // as the client wrote it
	QoS    byte
}
