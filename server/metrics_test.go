package server

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"regexp"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write deploy/METRICS.md anew")

// The documented list is the list.
func TestMetricsDocument(t *testing.T) {
	var b strings.Builder
	b.WriteString("# Metrics\n\n`GET /metrics` on the HTTP port answers in Prometheus' text format. Besides the Go runtime's own (`go_*`, `process_*`):\n\n| metric | kind | what |\n|---|---|---|\n")
	for _, m := range metrics {
		kind := "gauge"
		if m.counter {
			kind = "counter"
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", m.name, kind, m.help)
	}
	for _, m := range labelledMetrics {
		fmt.Fprintf(&b, "| `%s` | counter by `%s` | %s |\n", m.name, m.label, m.help)
	}
	for _, m := range histograms {
		fmt.Fprintf(&b, "| `%s` | histogram | %s |\n", m.name, m.help)
	}
	b.WriteString("\n`deploy/grafana.json` is a dashboard of them.\n")
	const file = "../deploy/METRICS.md"
	if *update {
		if err := os.WriteFile(file, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := os.ReadFile(file); err != nil || string(got) != b.String() {
		t.Errorf("%s is not what the table says (%v); go test ./server -run TestMetricsDocument -update writes it", file, err)
	}
}

// The dashboard shows only figures that there are.
func TestGrafana(t *testing.T) {
	text, err := os.ReadFile("../deploy/grafana.json")
	if err != nil {
		t.Fatal(err)
	}
	var any map[string]any
	if err := json.Unmarshal(text, &any); err != nil {
		t.Fatal(err)
	}
	known := map[string]bool{}
	for _, m := range metrics {
		known[m.name] = true
	}
	for _, m := range labelledMetrics {
		known[m.name] = true
	}
	for _, m := range histograms {
		known[m.name+"_bucket"] = true
	}
	used := regexp.MustCompile(`mwm_[a-z_]+`).FindAllString(string(text), -1)
	if len(used) < 10 {
		t.Errorf("it shows only %d figures", len(used))
	}
	for _, name := range used {
		if !known[name] {
			t.Errorf("it shows %s, which does not exist", name)
		}
	}
}

// Every figure of the table is served, and the one that counts topic messages
// counts.
func TestMetricsServed(t *testing.T) {
	s, err := New(Config{HTTP: "127.0.0.1:0"}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	ctx, cancel := context.WithCancel(t.Context())
	go func() { ended <- s.Run(ctx) }()
	defer func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		http.DefaultClient.CloseIdleConnections()
	}()
	hq := newHeadquarters(s.broker, s.fleet, nil)
	for range 3 {
		if _, err := hq.SendAlert(ctx, "AAA", "red"); err != nil {
			t.Fatal(err)
		}
	}
	res, err := http.Get("http://" + s.Addresses().HTTP + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range metrics {
		if !strings.Contains(string(text), "\n"+m.name+" ") {
			t.Errorf("%s is not served", m.name)
		}
	}
	for _, m := range labelledMetrics {
		if !strings.Contains(string(text), "\n"+m.name+"{"+m.label+"=") {
			t.Errorf("%s is not served", m.name)
		}
	}
	for _, m := range histograms {
		if !strings.Contains(string(text), "\n"+m.name+"_bucket{le=") {
			t.Errorf("%s is not served", m.name)
		}
	}
	if !strings.Contains(string(text), "\nmwm_topic_messages_total 3\n") {
		t.Error("three messages do not count as three")
	}
}
