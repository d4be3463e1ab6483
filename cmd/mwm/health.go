package main

import (
	"cmp"
	"context"
	"crypto/tls"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"time"
)

// HealthCmd is `mwm health`, for containers that have no other tool to ask with.
type HealthCmd struct {
	URL string `arg:"" optional:"" default:"http://127.0.0.1:8080/healthz" help:"What to ask; over https on this machine itself with any certificate. Default: ${default}"`

	patience time.Duration // how long the answer may take; 0: two seconds
}

// Run fails unless the server answers 200 in time.
func (c *HealthCmd) Run(ctx context.Context) error {
	if u, err := url.Parse(c.URL); err != nil || u.Host == "" {
		return fmt.Errorf("%q is not a URL like http://127.0.0.1:8080/healthz", c.URL)
	}
	ctx, cancel := context.WithTimeout(ctx, cmp.Or(c.patience, 2*time.Second))
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.URL, nil)
	if err != nil {
		return err
	}
	// Within the machine nobody stands in between, the certificate is for another
	// name or signs itself, and nothing is said that matters.
	transport := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: ownMachine(req.URL)}} // #nosec G402 -- see above
	defer transport.CloseIdleConnections()
	res, err := (&http.Client{Transport: transport}).Do(req)
	if err != nil {
		return err
	}
	res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answers %s", c.URL, res.Status)
	}
	return nil
}

// ownMachine reports whether an address cannot be that of another machine.
func ownMachine(u *url.URL) bool {
	addr, err := netip.ParseAddr(u.Hostname())
	return err == nil && addr.IsLoopback() || u.Hostname() == "localhost"
}
