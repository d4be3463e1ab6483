package main

import (
	"bufio"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
)

// tables turns JSON lines of repeated runs into Markdown.
func tables(in io.Reader, out io.Writer) error {
	var all []result
	sc := bufio.NewScanner(in)
	sc.Buffer(nil, 1<<20)
	for sc.Scan() {
		var r result
		if err := json.Unmarshal(sc.Bytes(), &r); err != nil {
			return fmt.Errorf("%w in %.80q", err, sc.Text())
		}
		all = append(all, r)
	}
	return errors.Join(sc.Err(), tabulate(all, out))
}

// limit is the label of the physical limit, ours that of which the ratios are.
const (
	limit = "relay"
	ours  = "mwm"
)

// tabulate writes one table for each protocol and case, one row for each broker.
func tabulate(all []result, out io.Writer) error {
	groups := map[string]map[string][]result{}
	var order []string
	for _, r := range all {
		k := r.Proto + ", " + r.Case
		if groups[k] == nil {
			groups[k] = map[string][]result{}
			order = append(order, k)
		}
		groups[k][r.Label] = append(groups[k][r.Label], r)
	}
	w := bufio.NewWriter(out)
	for _, k := range order {
		tabulateCase(w, k, groups[k])
	}
	return w.Flush()
}

// tabulateCase writes the table of one case. The column "mwm ÷" is our figure
// divided by the row's, "÷ relay" the row's by the limit's.
func tabulateCase(w io.Writer, name string, rows map[string][]result) {
	labels := slices.Collect(maps.Keys(rows))
	cols := columns[rows[labels[0]][0].Mode]
	if cols == nil {
		cols = columns["flood"]
	}
	first := func(label string) float64 { return median(rows[label], cols[0].get) }
	slices.SortFunc(labels, func(a, b string) int {
		if cols[0].low {
			a, b = b, a
		}
		return cmp.Compare(first(b), first(a))
	})
	fmt.Fprintf(w, "\n### %s\n\n| peer | %s | min-max | ÷ relay | mwm ÷ |", name, cols[0].name)
	for _, c := range cols[1:] {
		fmt.Fprintf(w, " %s |", c.name)
	}
	fmt.Fprintf(w, " memory MiB, at the end and at most | generator CPU s/M | others' cores | remarks |\n|---%s\n", strings.Repeat("|---", len(cols)+7)+"|")
	for _, l := range labels {
		rs := rows[l]
		lo, hi := bounds(rs, cols[0].get)
		fmt.Fprintf(w, "| %s | %s | %s-%s | %s | %s |", l, num(first(l)), num(lo), num(hi), ratio(first(l), rows[limit], l == limit, cols[0].get), quotient(rows[ours], first(l), l == ours, cols[0].get))
		for _, c := range cols[1:] {
			fmt.Fprintf(w, " %s |", num(median(rs, c.get)))
		}
		fmt.Fprintf(w, " %s, %s | %s | %s | %s |\n",
			num(median(rs, func(r *result) float64 { return float64(r.RSS) / (1 << 20) })),
			num(median(rs, func(r *result) float64 { return float64(r.RSSPeak) / (1 << 20) })),
			num(median(rs, func(r *result) float64 { return r.GenPerM })),
			num(median(rs, func(r *result) float64 { return r.OtherCores })), remarks(rs))
	}
}

// ratio is v divided by a row's figure, quotient a row's figure divided by v.
func ratio(v float64, of []result, same bool, get func(*result) float64) string {
	if same || len(of) == 0 || median(of, get) == 0 {
		return "-"
	}
	return fmt.Sprintf("%.2f", v/median(of, get))
}

func quotient(of []result, v float64, same bool, get func(*result) float64) string {
	if same || len(of) == 0 || v == 0 {
		return "-"
	}
	return fmt.Sprintf("%.2f", median(of, get)/v)
}

type column struct {
	name string
	low  bool // less is better
	get  func(*result) float64
}

var cpuCol = column{"broker CPU s/M", true, func(r *result) float64 { return r.CPUPerM }}

var lostCol = column{"lost %", true, func(r *result) float64 { return 100 * float64(r.Lost) / float64(max(1, r.Expected)) }}

var columns = map[string][]column{
	"flood": {{"delivered/s", false, func(r *result) float64 { return r.Rate }}, lostCol, cpuCol},
	"qos1": {{"consumed/s", false, func(r *result) float64 { return r.Rate }},
		{"confirmed/s", false, func(r *result) float64 { return r.ConfirmRate }}, lostCol,
		{"duplicates", true, func(r *result) float64 { return float64(r.Late) }}, cpuCol},
	"latency": {{"p50 us", true, func(r *result) float64 { return r.P50 }},
		{"p99 us", true, func(r *result) float64 { return r.P99 }},
		{"p99.9 us", true, func(r *result) float64 { return r.P999 }},
		{"max us", true, func(r *result) float64 { return r.Max }}, lostCol, cpuCol,
		{"pacer lag p99 us", true, func(r *result) float64 { return r.LagP99 }}},
	"idle": {{"KiB/connection", true, func(r *result) float64 { return r.KiBConn }},
		{"connections", false, func(r *result) float64 { return float64(r.Conns) }},
		{"connects/s", false, func(r *result) float64 { return r.ConnRate }},
		{"idle cores", true, func(r *result) float64 { return r.IdleCores }},
		{"proof delivered %", false, func(r *result) float64 { return 100 * float64(r.Delivered) / float64(max(1, r.Expected)) }}},
	"slow": {{"healthy deliveries/s with slow one", false, func(r *result) float64 { return r.Rate }},
		{"without", false, func(r *result) float64 { return r.RateBefore }},
		{"kept %", false, func(r *result) float64 { return 100 * r.Kept }}, lostCol,
		{"memory growth MiB", true, func(r *result) float64 { return r.GrowthMiB }},
		{"published", false, func(r *result) float64 { return float64(r.Sent) }},
		{"slow one got", false, func(r *result) float64 { return float64(r.SlowGot) }}, cpuCol},
	"queues": {{"consumed/s", false, func(r *result) float64 { return r.Rate }},
		{"confirmed/s", false, func(r *result) float64 { return r.ConfirmRate }}, lostCol,
		{"KiB/queue", true, func(r *result) float64 { return r.KiBConn }},
		{"subscribed/s", false, func(r *result) float64 { return r.ConnRate }}, cpuCol},
	"backlog": {{"consumed/s", false, func(r *result) float64 { return r.Rate }},
		{"stored/s", false, func(r *result) float64 { return r.ConfirmRate }}, lostCol,
		{"stored", false, func(r *result) float64 { return float64(r.Confirmed) }},
		{"KiB/message", true, func(r *result) float64 { return r.KiBConn }}, cpuCol},
}

func init() { columns["queue"] = columns["qos1"] }

func median(rs []result, get func(*result) float64) float64 {
	v := make([]float64, len(rs))
	for i := range rs {
		v[i] = get(&rs[i])
	}
	slices.Sort(v)
	return (v[(len(v)-1)/2] + v[len(v)/2]) / 2
}

func bounds(rs []result, get func(*result) float64) (lo, hi float64) {
	lo, hi = get(&rs[0]), get(&rs[0])
	for i := range rs {
		lo, hi = min(lo, get(&rs[i])), max(hi, get(&rs[i]))
	}
	return
}

func num(v float64) string {
	switch {
	case v >= 100 || v == 0:
		return fmt.Sprintf("%.0f", v)
	case v >= 10:
		return fmt.Sprintf("%.1f", v)
	}
	return fmt.Sprintf("%.2f", v)
}

// remarks gathers what a number cannot say.
func remarks(rs []result) string {
	var cut, late, stalls int
	var first, closed string
	for _, r := range rs {
		if r.Cut {
			cut++
		}
		if r.Late > 0 && r.Mode != "qos1" && r.Mode != "queue" {
			late++
		}
		if r.Stalls > 0 {
			stalls++
		}
		if first == "" {
			first = r.FirstErr
		}
		if r.SlowClosed != "" && !strings.Contains(closed, r.SlowClosed) {
			closed += " " + r.SlowClosed
		}
	}
	var s []string
	add := func(n int, what string) {
		if n > 0 {
			s = append(s, fmt.Sprintf("%s in %d of %d", what, n, len(rs)))
		}
	}
	add(cut, "still delivering at the end")
	add(late, "late messages")
	add(stalls, "window stalled")
	if closed != "" {
		s = append(s, "slow one"+closed)
	}
	if first != "" {
		s = append(s, strings.NewReplacer("|", "/", "\n", " ").Replace(first))
	}
	return strings.Join(s, "; ")
}
