package server_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"mwm/server"
)

// fill sends persistent messages to a queue and waits until they are on disk.
func fill(b *testing.B, addr, queue string, n int) {
	b.Helper()
	nc, err := net.Dial("tcp", addr)
	if err != nil {
		b.Fatal(err)
	}
	defer nc.Close()
	go func() {
		w := bufio.NewWriterSize(nc, 1<<20)
		fmt.Fprint(w, "CONNECT\naccept-version:1.2\nhost:x\n\n\x00")
		for i := range n {
			fmt.Fprintf(w, "SEND\ndestination:/queue/%s\npersistent:true\ncontent-type:text/plain\n", queue)
			if i == n-1 {
				fmt.Fprint(w, "receipt:last\n")
			}
			fmt.Fprintf(w, "\norder number %d, which is as long as such messages are\x00", i)
		}
		w.Flush()
	}()
	_ = nc.SetReadDeadline(time.Now().Add(5 * time.Minute))
	r := bufio.NewReader(nc)
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			b.Fatal(err)
		}
		if strings.HasPrefix(line, "receipt-id:last") {
			return
		}
	}
}

// BenchmarkConsole measures what each click on a queue of a million messages
// takes, on disk: it should be below 200 ms.
func BenchmarkConsole(b *testing.B) {
	const million = 1_000_000
	s, err := server.New(server.Config{
		HTTP: "127.0.0.1:0", STOMP: "127.0.0.1:0", Data: b.TempDir(), MaxQueueMessages: 3 * million, MaxQueueBytes: 2 << 30,
	}, server.Options{Logger: slog.New(slog.NewTextHandler(io.Discard, nil))})
	if err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	defer func() {
		cancel()
		<-ended
		http.DefaultClient.CloseIdleConnections()
	}()
	fill(b, s.Addresses().STOMP, "orders", million)

	call := func(b *testing.B, method, path, body string) (v map[string]any) {
		b.Helper()
		req, _ := http.NewRequest(method, "http://"+s.Addresses().HTTP+"/api/v1"+path, strings.NewReader(body))
		req.Header.Set("Content-Type", "application/json")
		start := time.Now()
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			b.Fatal(err)
		}
		defer res.Body.Close()
		answer, err := io.ReadAll(res.Body)
		if err != nil || res.StatusCode/100 != 2 {
			b.Fatalf("%s %s: %s %s", method, path, res.Status, answer)
		}
		if took := time.Since(start); took > worst {
			worst = took
		}
		_ = json.Unmarshal(answer, &v)
		return v
	}
	click := func(name, method, path, body string) {
		b.Run(name, func(b *testing.B) {
			worst = 0
			for b.Loop() {
				call(b, method, path, body)
			}
			b.ReportMetric(float64(worst.Milliseconds()), "worst-ms")
		})
	}
	click("queues", "GET", "/queues", "")
	click("first page", "GET", "/queues/messages?queue=orders", "")
	click("last page", "GET", "/queues/messages?queue=orders&offset=999950", "")
	key := list(call(b, "GET", "/queues/messages?queue=orders&offset=500000&limit=1", ""), "messages")[0]["key"].(string)
	click("page behind a message", "GET", "/queues/messages?queue=orders&after="+key, "")
	click("message", "GET", "/queues/message?queue=orders&key="+key, "")
	b.Run("delete one", func(b *testing.B) {
		worst = 0
		for b.Loop() {
			page := call(b, "GET", "/queues/messages?queue=orders&offset=400000&limit=1", "")
			call(b, "POST", "/queues/messages/delete", fmt.Sprintf(`{"queue":"orders","keys":[%q]}`, list(page, "messages")[0]["key"]))
		}
		b.ReportMetric(float64(worst.Milliseconds()), "worst-ms")
	})
	all := func(name, what, body string) {
		b.Run(name, func(b *testing.B) {
			worst = 0
			for n := 0; b.Loop(); n++ {
				if n == 0 { // what is gone is gone
					clicks := 1
					for call(b, "POST", "/queues/messages/"+what, body)["more"] == true {
						clicks++
					}
					b.ReportMetric(float64(clicks), "clicks")
				}
			}
			b.ReportMetric(float64(worst.Milliseconds()), "worst-ms")
		})
	}
	all("move all", "move", `{"queue":"orders","all":true,"to":"other"}`)
	all("delete all", "delete", `{"queue":"other","all":true}`)
}

// worst is the longest time that a click took.
var worst time.Duration
