// Package httpd serves the dashboard, its API and its feed, and hands the
// WebSocket endpoints of STOMP and MQTT to those who speak them.
//
//	/                the page, and below it its assets
//	/phone           the page that makes a phone a device
//	/healthz         200 once the server serves
//	/readyz          200 while everything works, the disk too
//	/metrics         for Prometheus
//	/stomp, /mqtt    STOMP and MQTT over WebSocket, either at both
//	/api/v1/feed     the live feed, a WebSocket
//	/api/v1/...      the API, which /api/v1/openapi.json describes
//
// All but the two protocols' endpoints are for the server's own page, and for
// what is no browser: requests of other pages are refused (auth.OriginPolicy).
// With accounts, API, feed and metrics are for those who have signed in
// (/api/v1/session), or bring their credentials along in the Authorization
// header. Only the way to the phone's page anybody may ask for (/api/v1/phone), as
// anybody may have that page.
// Errors of the API are problem details (RFC 9457).
package httpd

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"sync/atomic"
	"time"

	"github.com/go-chi/chi/v5"

	"mwm/server/auth"
	"mwm/server/broker"
	"mwm/server/fleet"
	"mwm/server/history"
	"mwm/server/wire"
)

// WebSocketServer is a protocol's front end. It accepts the WebSocket itself,
// and may return before or after the connection has ended.
type WebSocketServer interface {
	ServeWS(w http.ResponseWriter, r *http.Request)
}

// Headquarters does what the page asks for. Its errors are shown to the user.
type Headquarters interface {
	// SendText queues a text and returns when it is accepted. A zero expires
	// means never.
	SendText(ctx context.Context, device, body string, expires time.Time) (fleet.Text, error)
	// SendTexts does it for several devices: there is a text or an error for each.
	SendTexts(ctx context.Context, devices []string, body string, expires time.Time) ([]fleet.Text, []error)
	// SendAlert publishes a colour and returns how many subscribers got it.
	SendAlert(ctx context.Context, device, color string) (listeners int, err error)
	// Publish sends a message and returns when it is accepted, with its ID and how
	// many consumers or subscribers there are for it.
	Publish(ctx context.Context, m Outgoing) (id string, listeners int, err error)
	// StartDemo starts simulated devices.
	StartDemo(ctx context.Context, devices int) error
}

// Status is what the server tells about itself.
type Status struct {
	Version   string    `json:"version"`
	Started   time.Time `json:"started"`
	Demo      bool      `json:"demo"`
	Addresses Addresses `json:"addresses"`
	Phone     Phone     `json:"phone"`
	TLS       *TLS      `json:"tls,omitempty"`
	Devices   int       `json:"devices"`
	Clients   int       `json:"clients"`
}

// Addresses are where the server listens, as host:port; empty where it does not.
type Addresses struct {
	STOMP   string `json:"stomp"`
	STOMPWS string `json:"stompWs"`
	MQTT    string `json:"mqtt"`
	MQTTWS  string `json:"mqttWs"`
	HTTP    string `json:"http"`
	STOMPS  string `json:"stomps"`
	MQTTS   string `json:"mqtts"`
	HTTPS   string `json:"https"`
}

// TLS is the certificate that the server shows.
type TLS struct {
	SelfSigned bool      `json:"selfSigned"`
	SHA256     string    `json:"sha256"` // its fingerprint, as browsers show it
	Expires    time.Time `json:"expires"`
}

// Phone is how a phone reaches its page.
type Phone struct {
	// URLs are those for other machines, best first, with TLS before without;
	// empty when the server listens on this machine only.
	URLs []string `json:"urls"`
	// Container says that the server runs in one, whose addresses may mean
	// nothing outside of it.
	Container bool `json:"container"`
}

// SecurePhone is how a phone that came without TLS reaches its page with it.
type SecurePhone struct {
	URL        string `json:"url"`        // empty: it cannot
	SelfSigned bool   `json:"selfSigned"` // browsers will warn of the certificate
}

// Options are a Server's settings.
type Options struct {
	Assets       fs.FS             // the page, with index.html at its root; required
	Fleet        *fleet.Fleet      // required
	Broker       *broker.Broker    // required
	History      *history.Recorder // nil: none is kept
	Wire         *wire.Monitor     // required
	Feed         http.Handler      // the live feed; required
	Headquarters Headquarters      // required
	STOMP, MQTT  WebSocketServer   // required
	Status       func() Status     // required; must not block
	Sessions     func() []Session  // of MQTT; nil: none
	Ready        func() error      // what does not work; nil: everything does
	Metrics      http.Handler      // required
	Origins      auth.OriginPolicy // who may connect
	Accounts     Accounts          // who may use page and API; nil: everybody
	SignedIn     *auth.Sessions    // those who have signed in; required with Accounts
	Proxies      Proxies           // in front of the server
	// Admit books a WebSocket that came over a proxy for its client's address, until
	// what it returns is called; nil refuses it. Nil: any number may come.
	Admit    func(client netip.Addr) (leave func())
	Demo     bool         // whether StartDemo may be asked for
	OnlyTLS  bool         // browsers that came over TLS are to use nothing else of this host
	TilesURL string       // template of the map tiles that the page may load; empty for none
	Logger   *slog.Logger // default slog.Default
	Audit    *slog.Logger // of what known users do, who are not to be left out; default Logger

	// EndSession ends a session of MQTT whose client is away; nil: there are none.
	EndSession func(client string) (found, away bool)
	// SecurePhone says where one who has come to a host, with or without a port,
	// finds the phone's page over HTTPS. Nil: nowhere.
	SecurePhone func(host string) SecurePhone

	MaxText      int           // bytes of a text; default 4096
	MaxDemo      int           // devices that one request may start; default 1000
	MaxHeld      int           // bytes that large requests and answers hold, all together; default 32 MiB
	Timeout      time.Duration // for a whole request or answer but WebSockets; default 30 s
	HeadTimeout  time.Duration // for the TLS handshake, and for the head of a request; default 10 s
	DrainTimeout time.Duration // for requests under way when the server stops; default 5 s
}

func (o *Options) setDefaults() error {
	switch {
	case o.Assets == nil:
		return errors.New("httpd: Assets is not set")
	case o.Fleet == nil:
		return errors.New("httpd: Fleet is not set")
	case o.Broker == nil:
		return errors.New("httpd: Broker is not set")
	case o.Wire == nil:
		return errors.New("httpd: Wire is not set")
	case o.Feed == nil:
		return errors.New("httpd: Feed is not set")
	case o.Headquarters == nil:
		return errors.New("httpd: Headquarters is not set")
	case o.STOMP == nil || o.MQTT == nil:
		return errors.New("httpd: STOMP or MQTT is not set")
	case o.Accounts != nil && o.SignedIn == nil:
		return errors.New("httpd: SignedIn is not set")
	case o.Metrics == nil:
		return errors.New("httpd: Metrics is not set")
	case o.Status == nil:
		return errors.New("httpd: Status is not set")
	case o.MaxText < 0 || o.MaxDemo < 0 || o.MaxHeld < 0 || o.Timeout < 0 || o.HeadTimeout < 0 || o.DrainTimeout < 0:
		return errors.New("httpd: MaxText, MaxDemo, MaxHeld, Timeout, HeadTimeout and DrainTimeout must be positive, or 0 for their defaults")
	}
	if o.Ready == nil {
		o.Ready = func() error { return nil }
	}
	if o.SecurePhone == nil {
		o.SecurePhone = func(string) SecurePhone { return SecurePhone{} }
	}
	if o.Sessions == nil || o.EndSession == nil {
		o.Sessions = func() []Session { return nil }
		o.EndSession = func(string) (found, away bool) { return false, false }
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	if o.Audit == nil {
		o.Audit = o.Logger
	}
	if o.MaxHeld == 0 {
		o.MaxHeld = 32 << 20
	}
	if o.MaxText == 0 {
		o.MaxText = 4096
	}
	if o.MaxDemo == 0 {
		o.MaxDemo = 1000
	}
	if o.Timeout == 0 {
		o.Timeout = 30 * time.Second
	}
	if o.HeadTimeout == 0 {
		o.HeadTimeout = 10 * time.Second
	}
	if o.DrainTimeout == 0 {
		o.DrainTimeout = 5 * time.Second
	}
	return o.Origins.Check()
}

// Server is the HTTP side of the product. Make one with New.
type Server struct {
	opts    Options
	ready   atomic.Bool
	handler http.Handler
	assets  *assets

	alerts, allAlerts *limiter // for each device, and for all together
	limited           atomic.Uint64

	room  room          // of what is under way
	whole chan struct{} // the turn of those who need a whole list
}

// Limited is how many requests were refused because their bodies were too large,
// there were too many of their kind, or there was no room for what they hold.
func (s *Server) Limited() uint64 { return s.limited.Load() }

// New reads the assets and returns a server that is not ready yet.
func New(opts Options) (*Server, error) {
	if err := opts.setDefaults(); err != nil {
		return nil, err
	}
	policy, err := newPagePolicy(opts.TilesURL)
	if err != nil {
		return nil, err
	}
	policy.onlyTLS = opts.OnlyTLS
	s := &Server{opts: opts, room: room{max: int64(opts.MaxHeld)}, whole: make(chan struct{}, 1), alerts: newLimiter(500*time.Millisecond, 20), allAlerts: newLimiter(5*time.Millisecond, 1000)}
	if s.assets, err = loadAssets(opts.Assets); err != nil {
		return nil, fmt.Errorf("httpd: reading the page's assets: %w", err)
	}
	s.handler = s.routes(policy)
	return s, nil
}

// Demo reports whether the page may start simulated devices.
func (s *Server) Demo() bool { return s.opts.Demo }

// SetReady says what /healthz answers: 200, or 503 before and while stopping.
func (s *Server) SetReady(ready bool) { s.ready.Store(ready) }

// ServeHTTP makes the server a handler, for tests and for other listeners.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.handler.ServeHTTP(w, r) }

// Serve serves a listener until ctx is done; then it stops accepting, waits for
// requests under way, and returns nil. WebSockets are not waited for: those who
// serve them end them. It closes the listener.
func (s *Server) Serve(ctx context.Context, l net.Listener) error {
	return s.serve(ctx, l, s.handler)
}

func (s *Server) serve(ctx context.Context, l net.Listener, handler http.Handler) error {
	srv := &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: min(s.opts.HeadTimeout, s.opts.Timeout),
		ReadTimeout:       s.opts.Timeout, // a hijacked connection has none
		WriteTimeout:      s.opts.Timeout,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    32 << 10,
		ErrorLog:          slog.NewLogLogger(s.opts.Logger.Handler(), slog.LevelDebug), // peers cause most of it
	}
	stopped := make(chan error, 1)
	stop := context.AfterFunc(ctx, func() {
		drain, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.opts.DrainTimeout)
		defer cancel()
		err := srv.Shutdown(drain)
		if errors.Is(err, context.DeadlineExceeded) {
			err = srv.Close()
		}
		stopped <- err
	})
	err := srv.Serve(l)
	if stop() { // ctx is not done: the listener has failed
		return errors.Join(fmt.Errorf("serving HTTP on %v: %w", l.Addr(), err), srv.Close())
	}
	return <-stopped
}

func (s *Server) routes(policy pagePolicy) http.Handler {
	r := chi.NewRouter()
	r.Use(s.front, policy.headers)
	for path, probe := range map[string]http.HandlerFunc{"/healthz": s.healthz, "/readyz": s.readyz} {
		r.Get(path, probe)
		r.Head(path, probe)
	}
	r.Method(http.MethodGet, "/metrics", only(s.opts.Origins.AllowPage)(s.recognised(s.opts.Metrics)))
	r.Method(http.MethodGet, "/stomp", s.stompEndpoint())
	r.Method(http.MethodGet, "/mqtt", s.mqttEndpoint())
	r.Route("/api/v1", s.api)
	r.Method(http.MethodGet, "/phone/", http.RedirectHandler("/phone", http.StatusPermanentRedirect)) // the page's links are relative
	page := only(s.opts.Origins.AllowHost)(s.orSignIn(s.assets))
	r.Method(http.MethodGet, "/*", page)
	r.Method(http.MethodHead, "/*", page)
	return r
}

// only lets requests pass that a check has nothing against.
func only(check func(*http.Request) error) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if err := check(r); err != nil {
				problem(w, http.StatusForbidden, err.Error())
				return
			}
			next.ServeHTTP(w, r)
		})
	}
}

func (s *Server) healthz(w http.ResponseWriter, _ *http.Request) {
	var err error
	if !s.ready.Load() {
		err = errNotServing
	}
	answerProbe(w, err)
}

func (s *Server) readyz(w http.ResponseWriter, _ *http.Request) {
	err := s.opts.Ready()
	if err != nil && s.opts.Accounts != nil {
		err = errDegraded // anybody may ask, and what is wrong is not for all
	}
	if !s.ready.Load() {
		err = errNotServing
	}
	answerProbe(w, err)
}

var (
	errNotServing = errors.New("not ready")
	errDegraded   = errors.New("something does not work; the server's log says what")
)

// answerProbe answers one who asks again and again.
func answerProbe(w http.ResponseWriter, err error) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	if err != nil {
		w.WriteHeader(http.StatusServiceUnavailable)
		_, _ = fmt.Fprintln(w, err)
		return
	}
	_, _ = fmt.Fprintln(w, "ok")
}
