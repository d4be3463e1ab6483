package httpd

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"strings"
	"time"

	"github.com/go-chi/chi/v5"

	"mwm/server/auth"
)

// Accounts decide who may use the page and the API.
type Accounts interface {
	// Authenticate returns who shows the credentials. It may block until ctx ends.
	Authenticate(ctx context.Context, c auth.Credentials) (*auth.Principal, error)
	// Valid returns why a principal may not stay.
	Valid(p *auth.Principal) error
}

// Names of the session's cookie. With TLS its prefix has browsers refuse one that
// was not set by this very host over TLS (RFC 6265bis §4.1.3.2): nobody can plant
// a session of his own.
const (
	cookieName       = "mwm-session"
	secureCookieName = "__Host-mwm-session"
)

// watchSession is how often an open feed looks whether it may go on.
const watchSession = time.Second

// user is who makes a request.
type user struct {
	*auth.Principal
	session *auth.Session // nil: the request itself has the credentials
}

// userView is what the page is told about who has signed in.
type userView struct {
	User     string `json:"user"`
	Role     string `json:"role"`
	Accounts bool   `json:"accounts"` // false: there are none, and nobody need sign in
}

func (s *Server) sessionAPI(r chi.Router) {
	r.Get("/session", s.getSession)
	r.Post("/session", s.signIn)
	r.Delete("/session", s.signOut)
}

// recognised lets requests pass of those who have signed in, or bring their
// credentials along. Viewers may read; a device has no business here.
func (s *Server) recognised(next http.Handler) http.Handler {
	if s.opts.Accounts == nil {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		u, err := s.who(r)
		switch {
		case err != nil:
			refuseUser(w, err)
		case u.Role == auth.Device:
			problem(w, http.StatusForbidden, "the account of a device is for STOMP and MQTT, not for the page and the API")
		case u.Role != auth.Operator && r.Method != http.MethodGet && r.Method != http.MethodHead:
			problem(w, http.StatusForbidden, "a viewer looks; this takes an operator")
		default:
			s.serveUser(u, next, w, r)
		}
	})
}

// userKey is under what a request has the name of who makes it.
type userKey struct{}

// note logs what an operator has done, and who it was if that is known.
func (s *Server) note(r *http.Request, what string, args ...any) {
	log := s.opts.Logger
	if name, ok := r.Context().Value(userKey{}).(string); ok {
		log, args = s.opts.Audit, append(args, "user", name)
	}
	log.Info(what, append(args, "from", r.RemoteAddr)...)
}

// serveUser serves a request. One that lasts, the feed, ends when its user may
// not stay.
func (s *Server) serveUser(u user, next http.Handler, w http.ResponseWriter, r *http.Request) {
	r = r.WithContext(context.WithValue(r.Context(), userKey{}, u.Name))
	if r.Header.Get("Upgrade") == "" {
		next.ServeHTTP(w, r)
		return
	}
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	var ended <-chan struct{}
	if u.session != nil {
		ended = u.session.Done()
	}
	go func() {
		defer cancel()
		tick := time.NewTicker(watchSession)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-ended:
				return
			case <-tick.C:
				if s.opts.Accounts.Valid(u.Principal) != nil {
					return
				}
				if u.session != nil {
					s.opts.SignedIn.Touch(u.session)
				}
			}
		}
	}()
	next.ServeHTTP(w, r.WithContext(ctx))
}

// who returns who makes a request. Credentials are taken from its head, never
// from its URL, which ends up in logs and histories.
func (s *Server) who(r *http.Request) (user, error) {
	if header := r.Header.Get("Authorization"); header != "" {
		c, ok := credentials(r, header)
		if !ok {
			return user{}, auth.ErrCredentials
		}
		p, err := s.opts.Accounts.Authenticate(r.Context(), c)
		return user{Principal: p}, err
	}
	session, err := s.session(r)
	if err != nil {
		return user{}, err
	}
	return user{session.Principal, session}, nil
}

// credentials reads an Authorization header: a name and password (RFC 7617), or a
// signed token (RFC 6750).
func credentials(r *http.Request, header string) (c auth.Credentials, ok bool) {
	c.Remote = r.RemoteAddr
	if scheme, token, found := strings.Cut(header, " "); found && strings.EqualFold(scheme, "Bearer") {
		c.Password = auth.Secret(strings.TrimSpace(token))
		return c, true
	}
	name, password, ok := r.BasicAuth()
	c.Name, c.Password = name, auth.Secret(password)
	return c, ok
}

// session returns the one that the request's cookie stands for.
func (s *Server) session(r *http.Request) (*auth.Session, error) {
	cookie, err := r.Cookie(cookieFor(r))
	if err != nil {
		return nil, auth.ErrNoSession
	}
	return s.opts.SignedIn.Find(auth.Secret(cookie.Value))
}

func cookieFor(r *http.Request) string {
	if isSecure(r) {
		return secureCookieName
	}
	return cookieName
}

// refuseUser answers a request of somebody who is not recognised. The challenge
// is not Basic, for which browsers would show a window of their own, and then
// send the password along with every request, whoever's page makes it.
func refuseUser(w http.ResponseWriter, err error) {
	busy := (*auth.BusyError)(nil)
	switch {
	case errors.As(err, &busy):
		w.Header().Set("Retry-After", fmt.Sprint(int(math.Ceil(max(busy.Wait, time.Second).Seconds()))))
		problem(w, http.StatusTooManyRequests, err.Error())
	case errors.Is(err, auth.ErrForbidden):
		problem(w, http.StatusForbidden, err.Error())
	case errors.Is(err, auth.ErrNoSession):
		w.Header().Set("WWW-Authenticate", `Bearer realm="mwm"`)
		problem(w, http.StatusUnauthorized, "sign in first, or send credentials with the request")
	default:
		w.Header().Set("WWW-Authenticate", `Bearer realm="mwm"`)
		problem(w, http.StatusUnauthorized, auth.ErrCredentials.Error())
	}
}

func (s *Server) getSession(w http.ResponseWriter, r *http.Request) {
	if s.opts.Accounts == nil {
		replyJSON(w, http.StatusOK, userView{Role: auth.Operator.String()})
		return
	}
	u, err := s.who(r)
	if err != nil {
		refuseUser(w, err)
		return
	}
	replyJSON(w, http.StatusOK, userView{u.Name, u.Role.String(), true})
}

// maxSignIn is enough for a name and a password. Anybody may send it.
const maxSignIn = 4 << 10

// signIn begins a session, a new one whatever the browser had before.
func (s *Server) signIn(w http.ResponseWriter, r *http.Request) {
	var req struct {
		User     string      `json:"user"`
		Password auth.Secret `json:"password"`
	}
	if !s.decodeUpTo(w, r, &req, maxSignIn) {
		return
	}
	if s.opts.Accounts == nil {
		problem(w, http.StatusNotFound, "this server has no accounts: nobody need sign in")
		return
	}
	p, err := s.opts.Accounts.Authenticate(r.Context(), auth.Credentials{Name: req.User, Password: req.Password, Remote: r.RemoteAddr})
	if err != nil {
		refuseUser(w, err)
		return
	}
	if p.Role == auth.Device {
		problem(w, http.StatusForbidden, "the account of a device is for STOMP and MQTT, not for the page and the API")
		return
	}
	if old, err := s.session(r); err == nil {
		s.opts.SignedIn.End(old)
	}
	token, _ := s.opts.SignedIn.Begin(p)
	s.setCookie(w, r, token.Reveal(), s.opts.SignedIn.Lifetime())
	s.opts.Audit.Info("signed in", "user", p.Name, "role", p.Role, "remote", r.RemoteAddr)
	replyJSON(w, http.StatusOK, userView{p.Name, p.Role.String(), true})
}

// signOut ends the session, and the feeds that are open in it.
func (s *Server) signOut(w http.ResponseWriter, r *http.Request) {
	if s.opts.Accounts != nil {
		if session, err := s.session(r); err == nil {
			s.opts.SignedIn.End(session)
			s.opts.Audit.Info("signed out", "user", session.Principal.Name, "remote", r.RemoteAddr)
		}
		s.setCookie(w, r, "", -time.Second)
	}
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(http.StatusNoContent)
}

func (s *Server) setCookie(w http.ResponseWriter, r *http.Request, value string, age time.Duration) {
	http.SetCookie(w, &http.Cookie{ // #nosec G124 -- Secure where there is TLS, which a server in the local network may not have
		Name: cookieFor(r), Value: value, Path: "/", MaxAge: int(age / time.Second),
		HttpOnly: true, Secure: isSecure(r), SameSite: http.SameSiteStrictMode,
	})
}

// orSignIn sends those who have not signed in from the page to where they can. A
// fragment, which says what the page is to show, goes with them (RFC 9110
// §10.2.2). The page's parts are no secret: everybody may have them.
func (s *Server) orSignIn(page http.Handler) http.Handler {
	if s.opts.Accounts == nil {
		return page
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/" || r.URL.Path == "/index.html" || r.URL.Path == "/index" {
			w.Header().Set("Vary", "Cookie")
			if _, err := s.session(r); err != nil {
				w.Header().Set("Cache-Control", "no-store")
				http.Redirect(w, r, "/signin", http.StatusSeeOther)
				return
			}
		}
		page.ServeHTTP(w, r)
	})
}
