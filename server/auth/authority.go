package auth

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"mwm/server/netx"
	"mwm/server/telemetry"
)

// Options are an Authority's settings.
type Options struct {
	File         string        // of accounts; "": none
	Tokens       *TokenOptions // nil: none are taken
	Certificates bool          // client certificates are devices
	Policy       Policy        // nil: DefaultPolicy

	// DeviceRate and Rate are what each device, and each account of any kind, may
	// send in a second over all its connections.
	DeviceRate netx.Rate
	Rate       netx.Rate
	// DeviceConns is how many connections each device may have; 0: any number.
	DeviceConns int

	// Extra are accounts beside those of the file.
	Extra []Account
	// Changed is called, now and then, when principals may have become invalid.
	Changed func()
	Logger  *slog.Logger // nil: slog.Default
}

// Authority recognises those who want to come in. Its methods are safe for
// concurrent use.
type Authority struct {
	opt      Options
	log      *slog.Logger
	accounts atomic.Pointer[map[string]*entry]
	verifier *verifier
	decoy    *hash
	tokens   *tokens

	accountFile, keyFile *Follower // of Run

	stats Stats

	metersMu sync.Mutex
	meters   map[string]*netx.Meter
}

// Stats count what has happened since the start.
type Stats struct {
	Refused atomic.Uint64 // attempts to come in with wrong credentials, or where that is forbidden
	Delayed atomic.Uint64 // attempts that were told to come again later, unseen
}

// Stats returns the counters.
func (a *Authority) Stats() *Stats { return &a.stats }

// entry is an account with what belongs to it.
type entry struct {
	Account
	line string // as in the file: entries with the same are the same
	hash *hash  // nil if there is no password
	once sync.Once
	p    *Principal
}

// Credentials are what somebody shows.
type Credentials struct {
	Name        string
	Password    Secret
	Certificate *x509.Certificate // verified; nil: none
	Remote      string            // the address, with or without a port
}

// failAfter is how long a refusal takes at least: how long it took tells nothing,
// and guessing is slow.
const failAfter = 300 * time.Millisecond

// maxMeters bounds the accounts whose rates are remembered.
const maxMeters = 100_000

// New returns an authority that has read its files.
func New(opt Options) (*Authority, error) {
	if opt.Policy == nil {
		opt.Policy = DefaultPolicy
	}
	if opt.Logger == nil {
		opt.Logger = slog.Default()
	}
	if opt.Changed == nil {
		opt.Changed = func() {}
	}
	a := &Authority{
		opt: opt, log: opt.Logger.With("component", "auth"), verifier: newVerifier(),
		decoy: newHash("no account has this", chosenCost), meters: map[string]*netx.Meter{},
	}
	a.accounts.Store(&map[string]*entry{})
	a.accountFile, a.keyFile = Follow(opt.File), Follow()
	for _, r := range opt.Policy {
		if err := r.check(); err != nil {
			return nil, err
		}
	}
	if opt.Tokens != nil {
		if !isURL(opt.Tokens.Keys) {
			a.keyFile = Follow(opt.Tokens.Keys)
		}
		var err error
		if a.tokens, err = newTokens(*opt.Tokens); err != nil {
			return nil, err
		}
	}
	if err := a.load(); err != nil {
		return nil, err
	}
	a.warnReadable()
	return a, nil
}

// load takes the accounts of the file. Those that have not changed go on as they
// were; the principals of others are revoked.
func (a *Authority) load() error {
	file := &Accounts{}
	if a.opt.File != "" {
		var err error
		if file, err = ReadAccounts(a.opt.File); err != nil {
			return err
		}
	}
	old, now := *a.accounts.Load(), make(map[string]*entry, file.Len()+len(a.opt.Extra))
	for _, account := range append(file.All(), a.opt.Extra...) {
		if _, twice := now[account.Name]; twice {
			return fmt.Errorf("the name %q is reserved", account.Name)
		}
		e := &entry{Account: account, line: account.line("")}
		if was := old[account.Name]; was != nil && was.line == e.line {
			e = was
		} else if account.Hash != NoPassword && account.Hash != Blocked {
			h, err := parseHash(account.Hash)
			if err != nil {
				return err
			}
			e.hash = h
		}
		now[account.Name] = e
	}
	if len(now) == 0 && a.tokens == nil && !a.opt.Certificates {
		return errors.New("there is no account: add one with mwm user add or mwm device add")
	}
	a.accounts.Store(&now)
	for name, e := range old {
		if now[name] != e {
			e.principal(a).revoked.Store(true)
		}
	}
	return nil
}

// warnReadable says when others can read the hashes.
func (a *Authority) warnReadable() {
	if a.opt.File == "" {
		return
	}
	if info, err := os.Stat(a.opt.File); err == nil && info.Mode()&0o004 != 0 {
		a.log.Warn("everybody on this machine can read the accounts; chmod o= would prevent it", "file", a.opt.File)
	}
}

// Len is the number of accounts.
func (a *Authority) Len() int { return len(*a.accounts.Load()) }

// Run follows changes of the files, until ctx ends.
func (a *Authority) Run(ctx context.Context) error {
	var fetching sync.WaitGroup
	defer fetching.Wait()
	if a.tokens != nil && isURL(a.tokens.opt.Keys) {
		fetching.Go(func() { a.tokens.keys.run(ctx, a.reporter("cannot fetch the keys of tokens")) })
	}
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		changed := a.tokens != nil || a.opt.Certificates // some may have expired
		changed = a.reread("accounts", a.accountFile, a.load) || changed
		if a.tokens != nil {
			a.reread("keys of tokens", a.keyFile, a.tokens.keys.readFile)
		}
		if changed {
			a.opt.Changed()
		}
	}
}

// reread takes a file if it has changed. One that is wrong changes nothing.
func (a *Authority) reread(what string, f *Follower, read func() error) (taken bool) {
	taken, err := f.Look(false, read)
	switch {
	case err != nil:
		a.log.Error("the changed "+what+" are not taken, the old ones stay; trying again", "err", err)
	case taken:
		a.log.Info("took the changed "+what, "accounts", a.Len())
	}
	return taken
}

// reporter logs the first of several errors that follow each other.
func (a *Authority) reporter(text string) func(error) {
	failed := false
	return func(err error) {
		if err != nil && !failed {
			a.log.Error(text+"; trying again", "err", err)
		}
		failed = err != nil
	}
}

// principal returns the one of an account.
func (e *entry) principal(a *Authority) *Principal {
	e.once.Do(func() { e.p = a.newPrincipal(e.Account) })
	return e.p
}

func (a *Authority) newPrincipal(acc Account) *Principal {
	p := a.opt.Policy.Principal(acc)
	p.owners, p.Meter = a.isDevice, a.meter(p)
	if p.Role == Device {
		p.MaxConns = a.opt.DeviceConns
	}
	return p
}

// isDevice reports whether a device has an account of that name.
func (a *Authority) isDevice(name string) bool {
	e := (*a.accounts.Load())[name]
	return e != nil && e.Role == Device
}

// meter returns the meter of all connections of somebody.
func (a *Authority) meter(p *Principal) *netx.Meter {
	rate := a.opt.Rate
	if d := a.opt.DeviceRate; p.Role == Device {
		rate = netx.Rate{Messages: stricter(rate.Messages, d.Messages), Bytes: stricter(rate.Bytes, d.Bytes)}
	}
	if rate == (netx.Rate{}) {
		return nil
	}
	a.metersMu.Lock()
	defer a.metersMu.Unlock()
	m := a.meters[p.String()]
	if m == nil {
		for name := range a.meters { // in no order; who is connected keeps its own
			if len(a.meters) < maxMeters {
				break
			}
			delete(a.meters, name)
		}
		m = netx.NewMeter(rate)
		a.meters[p.String()] = m
	}
	return m
}

func stricter(a, b int) int {
	if a == 0 || b != 0 && b < a {
		return b
	}
	return a
}

// Authenticate returns who it is that shows the credentials. The error is
// [ErrCredentials], [ErrForbidden] or a [*BusyError]. It may block, until ctx
// ends.
func (a *Authority) Authenticate(ctx context.Context, c Credentials) (*Principal, error) {
	start := time.Now()
	p, err := a.recognise(ctx, c)
	if err == nil {
		return p, nil
	}
	a.note(c, err)
	left := time.NewTimer(failAfter - time.Since(start))
	defer left.Stop()
	select {
	case <-left.C:
	case <-ctx.Done():
	}
	return nil, err
}

// note logs and counts who was refused. A name that there is not may be a password typed
// into the wrong field.
func (a *Authority) note(c Credentials, err error) {
	level, name := slog.LevelInfo, "(unknown)"
	if (*a.accounts.Load())[c.Name] != nil {
		name = c.Name
	}
	if busy := (*BusyError)(nil); errors.As(err, &busy) {
		level = slog.LevelDebug // there is a line for what led to it
		a.stats.Delayed.Add(1)
	} else {
		a.stats.Refused.Add(1)
	}
	a.log.Log(context.Background(), level, "refused", "name", name, "remote", c.Remote, "reason", err)
}

func (a *Authority) recognise(ctx context.Context, c Credentials) (*Principal, error) {
	switch {
	case a.opt.Certificates && c.Certificate != nil && a.speaksFor(c.Certificate.Subject.CommonName, c):
		return a.byCertificate(c.Certificate)
	case a.tokens != nil && looksLikeToken(c.Password):
		return a.byToken(ctx, c)
	}
	return a.byPassword(ctx, c)
}

// speaksFor reports whether a certificate is what somebody comes with, and not
// only what the connection was let in by: a person may sign in over a device's.
func (a *Authority) speaksFor(name string, c Credentials) bool {
	if c.Name == "" {
		return c.Password == ""
	}
	e := (*a.accounts.Load())[name]
	return c.Name == name && (e == nil || e.Role == Device || c.Password == "")
}

func (a *Authority) byPassword(ctx context.Context, c Credentials) (*Principal, error) {
	if c.Name == "" && c.Password == "" { // no guess, so that it need not be slowed down with those who come from the same address
		return nil, ErrCredentials
	}
	e := (*a.accounts.Load())[c.Name]
	h := a.decoy
	if e != nil && e.hash != nil {
		h = e.hash
	}
	if err := a.verifier.check(ctx, c.Name, h, h == a.decoy, c.Password, c.Remote); err != nil {
		return nil, err
	}
	p := e.principal(a)
	if p.revoked.Load() { // just now
		return nil, ErrCredentials
	}
	return p, nil
}

func (a *Authority) byToken(ctx context.Context, c Credentials) (*Principal, error) {
	said, key, err := a.tokens.verify(ctx, c.Password)
	if err != nil {
		return nil, err
	}
	account, err := said.account()
	if err != nil {
		return nil, fmt.Errorf("%w: the token's %w", ErrForbidden, err)
	}
	if c.Name != "" && c.Name != account.Name {
		return nil, fmt.Errorf("%w: the token is not that of the user name", ErrForbidden)
	}
	p, err := a.outsider(account, said.Expiry.Time().Add(leeway))
	if err == nil {
		p.key = key
	}
	return p, err
}

func (a *Authority) byCertificate(c *x509.Certificate) (*Principal, error) {
	name := c.Subject.CommonName
	if err := telemetry.CheckID(name); err != nil {
		return nil, fmt.Errorf("%w: the certificate's common name: %w", ErrForbidden, err)
	}
	return a.outsider(Account{Role: Device, Name: name, Hash: NoPassword}, c.NotAfter)
}

// outsider returns the principal of somebody whom others vouch for. If the file
// knows the name it has the last word: that is how one is blocked, or permitted
// more.
func (a *Authority) outsider(account Account, until time.Time) (*Principal, error) {
	e := (*a.accounts.Load())[account.Name]
	if e != nil {
		if e.Hash == Blocked || e.Role != account.Role {
			return nil, fmt.Errorf("%w: the account of that name is blocked, or is no %s", ErrForbidden, account.Role)
		}
		account.More = append(account.More, e.More...)
	}
	p := a.newPrincipal(account)
	p.Expires, p.outside, p.entry = until, true, e
	return p, nil
}

// Valid returns ErrRevoked when a principal may not stay.
func (a *Authority) Valid(p *Principal) error {
	if err := p.Valid(time.Now()); err != nil {
		return err
	}
	if p.key != nil && !a.tokens.keys.has(p.key) {
		return ErrRevoked
	}
	if p.outside && (*a.accounts.Load())[p.Name] != p.entry { // it would get other permissions now, or none
		return ErrRevoked
	}
	return nil
}
