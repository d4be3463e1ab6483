package stomp

import (
	"log/slog"
	"net/http"
	"time"

	"mwm/server/broker"
	"mwm/server/netx"
	"mwm/server/stomp/frame"
)

// Options configure a server. A zero field means its default.
type Options struct {
	// Limits bound frames; see frame.Limits for the defaults.
	Limits frame.Limits
	// MaxSubscriptions is how many a connection may have; default 1,000.
	MaxSubscriptions int
	// MaxTransactions is how many a connection may have open, MaxTransactionBytes
	// what they may hold together; defaults 100 and 16 MiB.
	MaxTransactions     int
	MaxTransactionBytes int
	// MaxReceipts is how many receipts of a connection may wait for their effect
	// before no more of its input is read; default 10,000.
	MaxReceipts int
	// MaxOutbound bounds what waits to be written to a connection, in bytes;
	// default 4 MiB.
	MaxOutbound int
	// MaxPrefetch is the largest window that a subscription may ask for; a
	// larger wish means this. Default 65,535.
	MaxPrefetch int
	// ConnectTimeout is how long a new connection has to send CONNECT; default 10 s.
	ConnectTimeout time.Duration
	// WriteTimeout ends a connection whose peer takes nothing for so long;
	// default 30 s.
	WriteTimeout time.Duration
	// HeartBeatFloor is the shortest interval of heart-beats; default 100 ms.
	HeartBeatFloor time.Duration
	// AckTimeout is how long a topic's subscriber that acknowledges may hold its
	// publishers before it is disconnected: at a time, and in total if others wait
	// meanwhile; default 1 s.
	AckTimeout time.Duration
	// Rate is what a connection may send, Total all of them together. Beyond it
	// they are read more slowly. Default: no limit.
	Rate  netx.Rate
	Total *netx.Meter
	// Linger is how long a connection is read after an ERROR, for the client to
	// read it before the close; default 1 s.
	Linger time.Duration

	// Version is what CONNECTED names after "mwm/".
	Version string
	// Authenticator is asked about each CONNECT; nil: everybody may connect.
	Authenticator Authenticator
	// Origin refuses the WebSocket handshake of a page that may not connect; nil:
	// only pages of the server's own host may, and clients that are no browsers.
	Origin func(r *http.Request) error
	Logger *slog.Logger // nil: slog.Default
}

// withDefaults returns a copy with the defaults filled in.
func (o Options) withDefaults() Options {
	o.Limits = o.Limits.WithDefaults()
	num := func(p *int, v int) {
		if *p <= 0 {
			*p = v
		}
	}
	num(&o.MaxSubscriptions, 1000)
	num(&o.MaxTransactions, 100)
	num(&o.MaxTransactionBytes, 16<<20)
	num(&o.MaxReceipts, 10_000)
	num(&o.MaxOutbound, netx.DefaultMaxOutbound)
	num(&o.MaxPrefetch, 65_535)
	dur := func(p *time.Duration, v time.Duration) {
		if *p <= 0 {
			*p = v
		}
	}
	dur(&o.ConnectTimeout, 10*time.Second)
	dur(&o.WriteTimeout, netx.DefaultWriteTimeout)
	dur(&o.HeartBeatFloor, 100*time.Millisecond)
	dur(&o.AckTimeout, time.Second)
	dur(&o.Linger, time.Second)
	if o.Version == "" {
		o.Version = "dev"
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	return o
}

// defaultWindow is how many messages a subscription may have unacknowledged if
// it names no number.
const defaultWindow = broker.DefaultWindow
