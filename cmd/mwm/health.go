package main

import (
	"context"
	"fmt"
	"net/http"
	"time"
)

// HealthCmd is `mwm health`, for containers that have no other tool to ask with.
type HealthCmd struct {
	URL string `arg:"" optional:"" default:"http://127.0.0.1:8080/healthz" help:"What to ask. Default: ${default}"`
}

// Run fails unless the server answers 200 within two seconds.
func (c *HealthCmd) Run(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.URL, nil)
	if err != nil {
		return err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answers %s", c.URL, res.Status)
	}
	return nil
}
