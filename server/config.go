package server

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"strings"
	"time"

	"mwm/server/netx"
)

// Config is every setting of the server, in one place. The tags make the flags
// and variables of `mwm serve`, whose --help is the reference; the same names
// stand in a configuration file.
//
// An address is "host:port"; port 0 takes a free one, and an empty address
// switches the listener off.
type Config struct {
	HTTP    string `name:"http" env:"MWM_HTTP" default:"127.0.0.1:8080" placeholder:"ADDR" help:"Dashboard and API; also STOMP at /stomp and MQTT at /mqtt. Default: ${default}" group:"Listeners"`
	STOMP   string `name:"stomp" env:"MWM_STOMP" default:"127.0.0.1:61613" placeholder:"ADDR" help:"STOMP over TCP. Default: ${default}" group:"Listeners"`
	STOMPWS string `name:"stomp-ws" env:"MWM_STOMP_WS" default:"127.0.0.1:61614" placeholder:"ADDR" help:"STOMP over WebSocket, at any path. Default: ${default}" group:"Listeners"`
	MQTT    string `name:"mqtt" env:"MWM_MQTT" default:"127.0.0.1:1883" placeholder:"ADDR" help:"MQTT over TCP. Default: ${default}" group:"Listeners"`
	MQTTWS  string `name:"mqtt-ws" env:"MWM_MQTT_WS" default:"127.0.0.1:1884" placeholder:"ADDR" help:"MQTT over WebSocket, at any path. Default: ${default}" group:"Listeners"`

	HTTPS   string `name:"https" env:"MWM_HTTPS" placeholder:"ADDR" help:"Like --http, with TLS (8443 is usual)." group:"TLS"`
	STOMPS  string `name:"stomps" env:"MWM_STOMPS" placeholder:"ADDR" help:"Like --stomp, with TLS (61612 is usual)." group:"TLS"`
	MQTTS   string `name:"mqtts" env:"MWM_MQTTS" placeholder:"ADDR" help:"Like --mqtt, with TLS (8883 is usual)." group:"TLS"`
	TLSCert string `name:"tls-cert" env:"MWM_TLS_CERT" placeholder:"FILE" help:"Certificate chain in PEM form." group:"TLS"`
	TLSKey  string `name:"tls-key" env:"MWM_TLS_KEY" placeholder:"FILE" help:"Private key in PEM form." group:"TLS"`

	TLSSelfSigned     bool   `name:"tls-self-signed" env:"MWM_TLS_SELF_SIGNED" help:"Make a certificate for this machine's names and addresses, and keep it in --data. Compare its fingerprint, which is in the log, with what the browser shows." group:"TLS"`
	TLSClientCA       string `name:"tls-client-ca" env:"MWM_TLS_CLIENT_CA" placeholder:"FILE" help:"Certificates, in PEM form, of those who sign client certificates: whose common name is a device, is that device." group:"TLS"`
	TLSClientRequired bool   `name:"tls-client-required" env:"MWM_TLS_CLIENT_REQUIRED" help:"Refuse connections to --stomps and --mqtts without a client certificate." group:"TLS"`

	Data           string   `name:"data" env:"MWM_DATA" placeholder:"DIR" help:"Keep queues, last known values and tracks here, across restarts. Default: memory only."`
	Accounts       string   `name:"accounts" env:"MWM_ACCOUNTS" placeholder:"FILE" help:"Who may connect, as mwm user and mwm device write it; read again when it changes." group:"Access"`
	AllowAnonymous bool     `name:"allow-anonymous" env:"MWM_ALLOW_ANONYMOUS" help:"Listen beyond this machine although anybody may connect without credentials." group:"Access"`
	WSOrigin       []string `name:"ws-origin" env:"MWM_WS_ORIGIN" placeholder:"ORIGIN" help:"Let pages of this origin (https://host[:port]) connect to the brokers over WebSocket, besides the server's own and those of this machine." group:"Access"`

	JWTKeys       string   `name:"jwt-keys" env:"MWM_JWT_KEYS" placeholder:"FILE|URL" help:"Public keys (JWKS or PEM) of signed tokens that are taken in place of a password; sub is the account's name, role its role (none: device)." group:"Access"`
	JWTIssuer     string   `name:"jwt-issuer" env:"MWM_JWT_ISSUER" placeholder:"NAME" help:"The iss that tokens must have." group:"Access"`
	JWTAudience   string   `name:"jwt-audience" env:"MWM_JWT_AUDIENCE" placeholder:"NAME" help:"The aud that tokens must have." group:"Access"`
	JWTAlgorithms []string `name:"jwt-algorithms" env:"MWM_JWT_ALGORITHMS" placeholder:"ALG" help:"Signatures that are taken. Default: all asymmetric ones." group:"Access"`
	TrustedProxy  []string `name:"trusted-proxy" env:"MWM_TRUSTED_PROXY" placeholder:"ADDR" help:"Address or network of a reverse proxy, whose X-Forwarded-For and X-Forwarded-Proto are believed. Those of this machine always are." group:"Access"`

	SessionIdle time.Duration `name:"session-idle" env:"MWM_SESSION_IDLE" default:"12h" placeholder:"TIME" help:"Sign out who has not used the page for this long. Default: ${default}" group:"Access"`
	SessionAge  time.Duration `name:"session-age" env:"MWM_SESSION_AGE" default:"168h" placeholder:"TIME" help:"Sign out after this time in any case. Default: ${default}, 7 days" group:"Access"`

	Tiles            string `name:"tiles" env:"MWM_TILES" placeholder:"URL" help:"Template of map tiles, https://host/{z}/{x}/{y}.png, drawn over the embedded map." group:"Map"`
	TilesAttribution string `name:"tiles-attribution" env:"MWM_TILES_ATTRIBUTION" placeholder:"TEXT" help:"Whose map it is; shown on the map." group:"Map"`
	TilesMaxZoom     int    `name:"tiles-max-zoom" env:"MWM_TILES_MAX_ZOOM" default:"19" placeholder:"N" help:"Largest zoom of the tiles. Default: ${default}" group:"Map"`

	MaxDeliveries int  `name:"max-deliveries" env:"MWM_MAX_DELIVERIES" default:"6" placeholder:"N" help:"A message that has been delivered this often without acknowledgement goes to the dead letter queue, DLQ. and its queue's name. Default: ${default}" group:"Queues"`
	KeepExpired   bool `name:"keep-expired" env:"MWM_KEEP_EXPIRED" help:"Persistent messages whose time is over go to the dead letter queue instead of being given up." group:"Queues"`

	SessionExpiry      time.Duration `name:"mqtt-session-expiry" env:"MWM_MQTT_SESSION_EXPIRY" default:"168h" placeholder:"TIME" help:"An MQTT session is kept at most this long while its client is away; MQTT 3 cannot ask for less. Default: ${default}, a week" group:"MQTT"`
	MaxMQTTSessions    int           `name:"max-mqtt-sessions" env:"MWM_MAX_MQTT_SESSIONS" default:"100000" placeholder:"N" help:"MQTT sessions that are kept beyond their connections; clients that ask for one more are refused. Default: ${default}" group:"MQTT"`
	MaxSessionMessages int           `name:"max-session-messages" env:"MWM_MAX_SESSION_MESSAGES" default:"100000" placeholder:"N" help:"Messages on disk that wait for one MQTT session; further ones are discarded, their publishers and the client are told. Default: ${default}" group:"MQTT"`
	MaxSessionBytes    int           `name:"max-session-bytes" env:"MWM_MAX_SESSION_BYTES" default:"67108864" placeholder:"BYTES" help:"The same in bytes. Default: ${default}" group:"MQTT"`
	MaxFilters         int           `name:"max-filters" env:"MWM_MAX_FILTERS" default:"1000" placeholder:"N" help:"Filters of one SUBSCRIBE; further ones are refused. Default: ${default}" group:"MQTT"`
	MaxInflight        int           `name:"max-inflight" env:"MWM_MAX_INFLIGHT" default:"1024" placeholder:"N" help:"QoS 1 and 2 messages that one client is sent before it acknowledges one, and may send before one is acknowledged. Default: ${default}" group:"MQTT"`

	StaleAfter   time.Duration `name:"stale-after" env:"MWM_STALE_AFTER" default:"15s" placeholder:"TIME" help:"A device that says nothing for this long is stale. Default: ${default}" group:"Fleet"`
	OfflineAfter time.Duration `name:"offline-after" env:"MWM_OFFLINE_AFTER" default:"2m" placeholder:"TIME" help:"A device without a connection that says nothing for this long is offline. Default: ${default}" group:"Fleet"`
	MaxDevices   int           `name:"max-devices" env:"MWM_MAX_DEVICES" default:"100000" placeholder:"N" help:"Devices that are remembered; reports of others are not taken. Default: ${default}" group:"Fleet"`

	History         string        `name:"history" env:"MWM_HISTORY" enum:"sampled,all,off" default:"sampled" placeholder:"WHICH" help:"Positions that are kept: sampled (by distance, turn and time), all, or off. Default: ${default}" group:"History"`
	HistoryDistance float64       `name:"history-distance" env:"MWM_HISTORY_DISTANCE" default:"5" placeholder:"METERS" help:"A sampled position lies this far from the one before, or comes after --history-interval. Default: ${default}" group:"History"`
	HistoryInterval time.Duration `name:"history-interval" env:"MWM_HISTORY_INTERVAL" default:"30s" placeholder:"TIME" help:"See --history-distance. Default: ${default}" group:"History"`
	HistoryAge      time.Duration `name:"history-age" env:"MWM_HISTORY_AGE" default:"720h" placeholder:"TIME" help:"How long positions are kept. Default: ${default}, 30 days" group:"History"`
	HistorySize     int64         `name:"history-size" env:"MWM_HISTORY_SIZE" default:"2147483648" placeholder:"BYTES" help:"Positions of all devices; the oldest go first. Without --data at most 64 MiB. Default: ${default}" group:"History"`

	MaxConns         int           `name:"max-connections" env:"MWM_MAX_CONNECTIONS" default:"100000" placeholder:"N" help:"Open connections per listener. Default: ${default}" group:"Limits"`
	MaxMessage       int           `name:"max-message" env:"MWM_MAX_MESSAGE" default:"1048576" placeholder:"BYTES" help:"Body of a STOMP message, or whole MQTT packet. Default: ${default}" group:"Limits"`
	MaxOutbound      int           `name:"max-outbound" env:"MWM_MAX_OUTBOUND" default:"4194304" placeholder:"BYTES" help:"What may wait to be written to one connection; beyond, it loses its oldest topic messages. Default: ${default}" group:"Limits"`
	MaxQueueMessages int           `name:"max-queue-messages" env:"MWM_MAX_QUEUE_MESSAGES" default:"1000000" placeholder:"N" help:"Messages on one queue; further ones are refused. Default: ${default}" group:"Limits"`
	MaxQueueBytes    int           `name:"max-queue-bytes" env:"MWM_MAX_QUEUE_BYTES" default:"268435456" placeholder:"BYTES" help:"Bytes of one queue; further messages are refused. Default: ${default}" group:"Limits"`
	MaxQueues        int           `name:"max-queues" env:"MWM_MAX_QUEUES" default:"100000" placeholder:"N" help:"Queues that have messages or consumers. Default: ${default}" group:"Limits"`
	MaxDurables      int           `name:"max-durables" env:"MWM_MAX_DURABLES" default:"100000" placeholder:"N" help:"Durable topic subscribers of STOMP. Default: ${default}" group:"Limits"`
	MaxRetained      int           `name:"max-retained" env:"MWM_MAX_RETAINED" default:"1000000" placeholder:"N" help:"Topics with a retained message; those of further topics are delivered, but not retained. Default: ${default}" group:"Limits"`
	MaxRetainedBytes int           `name:"max-retained-bytes" env:"MWM_MAX_RETAINED_BYTES" default:"268435456" placeholder:"BYTES" help:"Retained messages of all topics; further ones are delivered, but not retained. Default: ${default}" group:"Limits"`
	MaxPerAddress    int           `name:"max-connections-per-address" env:"MWM_MAX_CONNECTIONS_PER_ADDRESS" default:"4096" placeholder:"N" help:"Open connections of one address, over all listeners; further ones are closed. Not for this machine and --trusted-proxy. 0: no limit. Default: ${default}" group:"Limits"`
	MaxConnectRate   int           `name:"max-connect-rate" env:"MWM_MAX_CONNECT_RATE" default:"200" placeholder:"N" help:"Connections that one address may open in a second; a tenfold at once. 0: no limit. Default: ${default}" group:"Limits"`
	MaxMemory        int64         `name:"max-memory" env:"MWM_MAX_MEMORY" placeholder:"BYTES" help:"What clients may make the server hold, all together: unread output, half frames, waiting messages. Default: half of GOMEMLIMIT, or of what Go may use without it: 7/8 of the container's or service's memory, half of the machine's" group:"Limits"`
	MaxSubscriptions int           `name:"max-subscriptions" env:"MWM_MAX_SUBSCRIPTIONS" default:"1000" placeholder:"N" help:"Subscriptions of one connection or session; further ones are refused. Default: ${default}" group:"Limits"`
	DeviceConns      int           `name:"device-connections" env:"MWM_DEVICE_CONNECTIONS" default:"10" placeholder:"N" help:"Connections that one device's account may have at a time, over both protocols; further ones are refused. 0: no limit. Default: ${default}" group:"Limits"`
	DeviceRate       netx.Rate     `name:"device-rate" env:"MWM_DEVICE_RATE" default:"200,1MiB" placeholder:"N[,BYTES]" help:"What one device may send in a second, over all its connections; beyond, it is read more slowly. Default: ${default}" group:"Limits"`
	AccountRate      netx.Rate     `name:"account-rate" env:"MWM_ACCOUNT_RATE" placeholder:"N[,BYTES]" help:"The same for any account. Default: no limit" group:"Limits"`
	ConnectionRate   netx.Rate     `name:"connection-rate" env:"MWM_CONNECTION_RATE" placeholder:"N[,BYTES]" help:"The same for one connection. Default: no limit" group:"Limits"`
	TotalRate        netx.Rate     `name:"total-rate" env:"MWM_TOTAL_RATE" placeholder:"N[,BYTES]" help:"The same for all clients together. Default: no limit" group:"Limits"`
	MaxTransactions  int           `name:"max-transactions" env:"MWM_MAX_TRANSACTIONS" default:"100" placeholder:"N" help:"Open transactions of one STOMP connection. Default: ${default}" group:"Limits"`
	MaxTxBytes       int           `name:"max-transaction-bytes" env:"MWM_MAX_TRANSACTION_BYTES" default:"16777216" placeholder:"BYTES" help:"What the open transactions of one STOMP connection may hold together. Default: ${default}" group:"Limits"`
	MaxHeaders       int           `name:"max-headers" env:"MWM_MAX_HEADERS" default:"128" placeholder:"N" help:"Headers of one STOMP frame. Default: ${default}" group:"Limits"`
	MaxHeader        int           `name:"max-header" env:"MWM_MAX_HEADER" default:"8192" placeholder:"BYTES" help:"Length of one header of a STOMP frame. Default: ${default}" group:"Limits"`
	MaxHeaderBytes   int           `name:"max-header-bytes" env:"MWM_MAX_HEADER_BYTES" default:"32768" placeholder:"BYTES" help:"Length of all headers of a STOMP frame. Default: ${default}" group:"Limits"`
	MaxLevels        int           `name:"max-levels" env:"MWM_MAX_LEVELS" default:"128" placeholder:"N" help:"Levels of the name of a topic or queue. Default: ${default}" group:"Limits"`
	MaxMessageAge    time.Duration `name:"max-message-age" env:"MWM_MAX_MESSAGE_AGE" placeholder:"TIME" help:"Give messages up this long after they came at the latest, whatever their expiry says. Default: no limit" group:"Limits"`
	MinFree          int64         `name:"min-free" env:"MWM_MIN_FREE" default:"67108864" placeholder:"BYTES" help:"Disk space that stays free for acknowledgements: with less, persistent messages are refused. Default: ${default}" group:"Limits"`
	ConnectTimeout   time.Duration `name:"connect-timeout" env:"MWM_CONNECT_TIMEOUT" default:"10s" placeholder:"TIME" help:"A connection must introduce itself within this time. Default: ${default}" group:"Limits"`
	ShutdownTimeout  time.Duration `name:"shutdown-timeout" env:"MWM_SHUTDOWN_TIMEOUT" default:"10s" placeholder:"TIME" help:"An orderly stop takes at most this long. Default: ${default}" group:"Limits"`

	PProf string `name:"pprof" env:"MWM_PPROF" placeholder:"ADDR" help:"Serve Go profiles at /debug/pprof/ of this address, which must be of this machine." group:"Diagnosis"`
}

// minFree is what MinFree says, or its default.
func (c *Config) minFree() int64 {
	if c.MinFree == 0 {
		return 64 << 20
	}
	return c.MinFree
}

// check reports the first setting that cannot be, by its name.
func (c *Config) check() error {
	for _, l := range c.listeners() {
		if l.addr == "" {
			continue
		}
		host, _, err := net.SplitHostPort(l.addr)
		if err != nil {
			return fmt.Errorf("--%s: %q is not host:port (write \":8080\" for all addresses, \"127.0.0.1:0\" for a free port): %w", l.flag, l.addr, err)
		}
		if l.flag == "pprof" && !isLoopback(host) {
			return fmt.Errorf("--pprof: %q can be reached from other machines, and profiles show what is in memory; write 127.0.0.1:port", l.addr)
		}
		if !c.AllowAnonymous && !c.hasAccounts() && !isLoopback(host) {
			return fmt.Errorf("--%s: %q can be reached from other machines, and anybody may connect without credentials; give it --accounts, listen on 127.0.0.1, or say --allow-anonymous", l.flag, l.addr)
		}
	}
	if err := c.checkTLS(); err != nil {
		return err
	}
	if err := c.checkAccess(); err != nil {
		return err
	}
	if c.MaxMemory < 0 {
		return fmt.Errorf("--max-memory is %d; it must be positive, or 0 for the default", c.MaxMemory)
	}
	for _, o := range c.WSOrigin {
		if u, err := url.Parse(o); err != nil || u.Scheme == "" || u.Host == "" || u.Path != "" {
			return fmt.Errorf("--ws-origin: %q is not an origin; write https://host or https://host:port", o)
		}
	}
	if c.Tiles != "" {
		if u, err := url.Parse(c.Tiles); err != nil || u.Host == "" || !strings.Contains(c.Tiles, "{z}") {
			return fmt.Errorf("--tiles: %q is not a template like https://host/{z}/{x}/{y}.png", c.Tiles)
		}
		if c.TilesAttribution == "" {
			return errors.New("--tiles needs --tiles-attribution: who made a map has to be said on it")
		}
	}
	if err := c.checkHistory(); err != nil {
		return err
	}
	return c.checkNumbers()
}

func (c *Config) checkHistory() error {
	switch c.History {
	case "", "sampled", "all", "off":
	default:
		return fmt.Errorf("--history is %q; it must be sampled, all or off", c.History)
	}
	if c.HistoryDistance < 0 || c.HistoryInterval < 0 || c.HistoryAge < 0 || c.HistorySize < 0 {
		return errors.New("--history-distance, --history-interval, --history-age and --history-size must be positive, or 0 for their defaults")
	}
	return nil
}

func (c *Config) checkNumbers() error {
	for _, n := range []struct {
		flag  string
		value int
	}{
		{"max-devices", c.MaxDevices}, {"max-connections", c.MaxConns}, {"max-message", c.MaxMessage},
		{"max-outbound", c.MaxOutbound}, {"max-queue-messages", c.MaxQueueMessages},
		{"max-connections-per-address", c.MaxPerAddress}, {"max-connect-rate", c.MaxConnectRate}, {"max-subscriptions", c.MaxSubscriptions}, {"device-connections", c.DeviceConns},
		{"max-queue-bytes", c.MaxQueueBytes}, {"max-retained", c.MaxRetained}, {"max-retained-bytes", c.MaxRetainedBytes},
		{"max-mqtt-sessions", c.MaxMQTTSessions}, {"max-session-messages", c.MaxSessionMessages}, {"max-session-bytes", c.MaxSessionBytes},
		{"max-filters", c.MaxFilters}, {"max-inflight", c.MaxInflight}, {"min-free", int(min(c.MinFree, 1))},
		{"max-queues", c.MaxQueues}, {"max-durables", c.MaxDurables}, {"max-deliveries", c.MaxDeliveries},
		{"max-transactions", c.MaxTransactions}, {"max-transaction-bytes", c.MaxTxBytes},
		{"max-headers", c.MaxHeaders}, {"max-header", c.MaxHeader}, {"max-header-bytes", c.MaxHeaderBytes}, {"max-levels", c.MaxLevels}, {"tiles-max-zoom", c.TilesMaxZoom},
	} {
		if n.value < 0 {
			return fmt.Errorf("--%s is %d; it must be positive, or 0 for the default", n.flag, n.value)
		}
	}
	for _, d := range []struct {
		flag  string
		value time.Duration
	}{
		{"stale-after", c.StaleAfter}, {"offline-after", c.OfflineAfter},
		{"mqtt-session-expiry", c.SessionExpiry}, {"session-idle", c.SessionIdle}, {"session-age", c.SessionAge},
		{"max-message-age", c.MaxMessageAge}, {"connect-timeout", c.ConnectTimeout}, {"shutdown-timeout", c.ShutdownTimeout},
	} {
		if d.value < 0 {
			return fmt.Errorf("--%s is %v; it must be positive, or 0 for the default", d.flag, d.value)
		}
	}
	return nil
}

// listenerConfig is one address that may be listened on.
type listenerConfig struct {
	flag, addr string
	tls        bool
}

func (c *Config) listeners() []listenerConfig {
	return []listenerConfig{
		{"http", c.HTTP, false}, {"stomp", c.STOMP, false}, {"stomp-ws", c.STOMPWS, false},
		{"mqtt", c.MQTT, false}, {"mqtt-ws", c.MQTTWS, false},
		{"https", c.HTTPS, true}, {"stomps", c.STOMPS, true}, {"mqtts", c.MQTTS, true},
		{"pprof", c.PProf, false},
	}
}

// warn says what is dangerous about the configuration.
func (c *Config) warn(log *slog.Logger) {
	for _, l := range c.listeners() {
		if l.addr == "" {
			continue
		}
		host, _, err := net.SplitHostPort(l.addr)
		switch {
		case err != nil || isLoopback(host):
		case !c.hasAccounts():
			log.Warn("anybody who reaches this machine may connect without credentials", "listener", l.flag, "addr", l.addr)
			return
		case !l.tls:
			log.Warn("passwords cross the network unencrypted to this listener; use TLS, or a proxy that does", "listener", l.flag, "addr", l.addr)
			return
		}
	}
}

// isLoopback reports whether listening on a host lets nobody in from elsewhere. It
// is stricter than [auth.IsLoopback]: what a name below localhost is, is up to the
// system's resolver.
func isLoopback(host string) bool {
	if host == "localhost" {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}
