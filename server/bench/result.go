package main

import "fmt"

// result is one JSON line.
type result struct {
	Label string  `json:"label"`
	Case  string  `json:"case"` // mode and shape: what may be compared
	Proto string  `json:"proto"`
	Mode  string  `json:"mode"`
	N     int     `json:"n"`
	Secs  float64 `json:"secs"`

	Sent      int64   `json:"sent"`      // published
	Expected  int64   `json:"expected"`  // deliveries due
	Delivered int64   `json:"delivered"` // deliveries, without repeats where known
	Lost      int64   `json:"lost"`
	Late      int64   `json:"late"`            // repeated or out of order
	Stale     int64   `json:"stale,omitempty"` // of an earlier run: not counted
	Rate      float64 `json:"rate"`            // deliveries per second
	Stalls    int64   `json:"stalls,omitempty"`
	Errors    int64   `json:"errors,omitempty"`
	FirstErr  string  `json:"first_error,omitempty"`
	Cut       bool    `json:"cut,omitempty"` // still delivering when time ran out

	Confirmed   int64   `json:"confirmed,omitempty"`
	ConfirmRate float64 `json:"confirm_rate,omitempty"`

	P50    float64 `json:"p50_us,omitempty"`
	P99    float64 `json:"p99_us,omitempty"`
	P999   float64 `json:"p999_us,omitempty"`
	Max    float64 `json:"max_us,omitempty"`
	LagP99 float64 `json:"pacer_lag_p99_us,omitempty"`
	LagMax float64 `json:"pacer_lag_max_us,omitempty"`

	Conns     int     `json:"conns,omitempty"`
	KiBConn   float64 `json:"kib_per_conn,omitempty"`
	ConnRate  float64 `json:"conns_per_s,omitempty"`
	IdleCores float64 `json:"idle_cores,omitempty"`

	RateBefore float64 `json:"rate_before,omitempty"` // slow: without the slow one
	Kept       float64 `json:"kept,omitempty"`        // slow: rate after / before
	SlowClosed string  `json:"slow_closed,omitempty"`
	SlowGot    int64   `json:"slow_got,omitempty"`
	GrowthMiB  float64 `json:"growth_mib,omitempty"`

	BrokerCPU  float64 `json:"broker_cpu_s"`
	CPUPerM    float64 `json:"cpu_s_per_m"`
	RSS        int64   `json:"rss"`
	RSSPeak    int64   `json:"rss_peak"`
	RSSStart   int64   `json:"rss_start"`
	GenCPU     float64 `json:"gen_cpu_s"`
	GenPerM    float64 `json:"gen_cpu_s_per_m"`
	OtherCores float64 `json:"other_cores"`
}

// human is the line for a person.
func (r *result) human() string {
	s := fmt.Sprintf("%-10s %-5s %-26s", r.Label, r.Proto, r.Case)
	switch r.Mode {
	case "latency":
		s += fmt.Sprintf(" p50 %.0f  p99 %.0f  p99.9 %.0f  max %.0f us (pacer lag p99 %.0f max %.0f)", r.P50, r.P99, r.P999, r.Max, r.LagP99, r.LagMax)
	case "idle":
		s += fmt.Sprintf(" %d connected at %.0f/s, %.1f KiB each, %.3f cores idle", r.Conns, r.ConnRate, r.KiBConn, r.IdleCores)
	case "slow":
		s += fmt.Sprintf(" healthy %.0f/s before, %.0f/s with the slow one (%.0f%%), memory +%.0f MiB, slow one: %s after %d", r.RateBefore, r.Rate, 100*r.Kept, r.GrowthMiB, r.SlowClosed, r.SlowGot)
	default:
		s += fmt.Sprintf(" %9.0f msg/s", r.Rate)
	}
	if r.Confirmed > 0 {
		s += fmt.Sprintf(", confirmed %.0f/s", r.ConfirmRate)
	}
	s += fmt.Sprintf(" | published %d delivered %d lost %d", r.Sent, r.Delivered, r.Lost)
	if r.Expected > 0 && r.Lost > 0 {
		s += fmt.Sprintf(" (%.2f%%)", 100*float64(r.Lost)/float64(r.Expected))
	}
	if r.Late > 0 {
		s += fmt.Sprintf(" late %d", r.Late)
	}
	if r.Stale > 0 {
		s += fmt.Sprintf(" stale %d", r.Stale)
	}
	if r.Stalls > 0 {
		s += fmt.Sprintf(" stalls %d", r.Stalls)
	}
	if r.Cut {
		s += " CUT"
	}
	s += fmt.Sprintf(" in %.2f s", r.Secs)
	if r.RSS > 0 {
		s += fmt.Sprintf(" | broker %.2f CPU s/M, %d MiB (peak %d)", r.CPUPerM, r.RSS>>20, r.RSSPeak>>20)
	}
	s += fmt.Sprintf(" | generator %.2f CPU s/M, others %.2f cores", r.GenPerM, r.OtherCores)
	if r.Errors > 0 {
		s += fmt.Sprintf(" | %d errors: %s", r.Errors, r.FirstErr)
	}
	return s
}
