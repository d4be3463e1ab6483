package faults

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// usage is what the process uses.
type usage struct {
	rss   int // KiB
	files int
}

func (p *process) usage() (u usage) {
	p.t.Helper()
	dir := fmt.Sprintf("/proc/%d/", p.cmd.Process.Pid)
	status, err := os.ReadFile(dir + "status")
	if err != nil {
		p.t.Skipf("this system does not tell: %v", err)
	}
	if _, rest, ok := strings.Cut(string(status), "VmRSS:"); ok {
		u.rss, _ = strconv.Atoi(strings.Fields(rest)[0])
	}
	files, err := os.ReadDir(dir + "fd")
	if err != nil {
		p.t.Fatal(err)
	}
	u.files = len(files)
	return u
}

// openMany opens n connections, some at a time, and returns those that the server
// has taken.
func openMany(n int, open func(i int) (net.Conn, error)) (conns []net.Conn, errs []error) {
	var mu sync.Mutex
	var all sync.WaitGroup
	work := make(chan int)
	for range 20 {
		all.Go(func() {
			for i := range work {
				c, err := open(i)
				mu.Lock()
				if err != nil {
					errs = append(errs, err)
				} else {
					conns = append(conns, c)
				}
				mu.Unlock()
			}
		})
	}
	for i := range n {
		work <- i
	}
	close(work)
	all.Wait()
	return conns, errs
}

func closeAll(conns []net.Conn) {
	for _, c := range conns {
		c.Close()
	}
}

// openEither connects every other one with STOMP, the others with MQTT.
func openEither(p *process) func(i int) (net.Conn, error) {
	return func(i int) (net.Conn, error) {
		id := fmt.Sprint("many", i)
		if i%2 == 0 {
			c, err := dialSTOMP(p.stomp, id)
			if err != nil {
				return nil, err
			}
			return c.nc, nil
		}
		c, err := net.DialTimeout("tcp", p.mqtt, patience)
		if err != nil {
			return nil, err
		}
		if err := mqttConnect(c, id, 0); err != nil {
			c.Close()
			return nil, err
		}
		return c, nil
	}
}

// Ten thousand clients at a time: they are served, a message takes no longer than
// before, and when they vanish nothing is left of them.
func TestTenThousandConnections(t *testing.T) {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	n := min(10_000, int(min(limit.Max, 1<<20))-1000)
	p := serve(t)
	before := p.usage()
	began := time.Now()
	conns, errs := openMany(n, openEither(p))
	defer closeAll(conns)
	if len(errs) > 0 {
		t.Fatalf("%d of %d were refused: %v", len(errs), n, errs[0])
	}
	took := time.Since(began)
	if got := p.clients(); got != n {
		t.Errorf("the server knows %d clients, not %d", got, n)
	}
	with := p.usage()
	began = time.Now()
	for range 50 {
		if err := roundTrip(p, "/topic/live"); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("%d clients in %v, %.1f KiB each; a connection with a message there and back takes %v",
		n, took.Round(time.Millisecond), float64(with.rss-before.rss)/float64(n), (time.Since(began) / 50).Round(10*time.Microsecond))
	closeAll(conns) // without a word
	eventually(t, "all are gone", func() bool { return p.clients() == 0 && p.usage().files <= before.files+10 })
}

// More connections than the process may have files: those that fit are served, the
// rest has to wait and is not turned away, the log is not flooded, what is on disk
// can be written, and when some leave, others come in.
func TestMoreConnectionsThanFiles(t *testing.T) {
	const files = 150
	p := serveUnder(t, []string{"prlimit", fmt.Sprint("--nofile=", files)}, "--data="+t.TempDir())
	hq, err := dialSTOMP(p.stomp, "hq") // it was there before
	if err != nil {
		t.Fatal(err)
	}
	defer hq.close()
	var conns []net.Conn
	for range 3 * files {
		c, err := net.DialTimeout("tcp", p.stomp, patience) // the system accepts it in any case
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if _, err := io.WriteString(c, "CONNECT\n\n\x00"); err != nil {
			t.Fatal(err)
		}
		conns = append(conns, c)
	}
	began := time.Now()
	eventually(t, "the server is out of files", func() bool { return strings.Contains(p.log.String(), "too many open files") })
	for i := range 100 {
		if err := hq.call("SEND", fmt.Sprint(i+1, ":"), "destination:/queue/full", "persistent:true"); err != nil {
			t.Fatalf("a client that was there before: %v", err)
		}
	}
	answered := func(c net.Conn) bool {
		_ = c.SetReadDeadline(time.Now().Add(patience))
		b := make([]byte, 9)
		_, err := io.ReadFull(c, b)
		return err == nil && string(b) == "CONNECTED"
	}
	// As long as each makes place for the others, all are served.
	for i, c := range conns {
		if !answered(c) {
			t.Fatalf("connection %d was not served", i)
		}
		c.Close()
	}
	if n := strings.Count(p.log.String(), "cannot accept"); n > 60+int(time.Since(began).Seconds()) { // one each second
		t.Errorf("the log has %d lines about it", n)
	}
	if err := drainQueue(p, "full", 100); err != nil {
		t.Error(err)
	}
	if code, body := p.status("/readyz"); code != 200 {
		t.Errorf("/readyz: %d %s", code, body)
	}
}

// Who says nothing, or not enough, is disconnected: connections that do not
// introduce themselves cannot keep others out.
func TestSilentConnections(t *testing.T) {
	p := serve(t, "--connect-timeout=1s", "--max-connections=50")
	var conns []net.Conn
	for _, addr := range []string{p.stomp, p.mqtt, p.stompWS, p.mqttWS, p.http} {
		for i := range 50 {
			c, err := net.DialTimeout("tcp", addr, patience)
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			if i%2 == 0 {
				_, _ = io.WriteString(c, "G")
			}
			conns = append(conns, c)
		}
	}
	eventually(t, "somebody else is served", func() bool {
		return roundTrip(p, "/topic/live") == nil
	})
	for _, c := range conns[:100] { // STOMP and MQTT; HTTP gives more time
		_ = c.SetReadDeadline(time.Now().Add(patience))
		if _, err := io.Copy(io.Discard, c); errors.Is(err, os.ErrDeadlineExceeded) {
			t.Fatal("a connection that says nothing is kept")
		}
	}
}
