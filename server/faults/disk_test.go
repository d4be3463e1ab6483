package faults

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// smallDisk is the size of a disk that a test fills.
const smallDisk = 32 << 20

// onSmallDisk returns what to run a server under so that dir is a disk of its own
// of that size, in a mount namespace that ends with the process.
func onSmallDisk(t *testing.T, dir string) []string {
	t.Helper()
	under := []string{"unshare", "--user", "--map-root-user", "--mount", "sh", "-c",
		fmt.Sprintf(`mount -t tmpfs -o size=%d tmpfs "$0" && exec "$@"`, smallDisk), dir}
	if out, err := exec.Command(under[0], append(under[1:], "true")...).CombinedOutput(); err != nil {
		t.Skipf("this machine lets nobody mount a disk in a namespace of his own: %v %s", err, out)
	}
	return under
}

// inside is the path of a file as the process sees it.
func (p *process) inside(path string) string {
	return fmt.Sprintf("/proc/%d/root%s", p.cmd.Process.Pid, path)
}

// status is what the server answers to a GET.
func (p *process) status(path string) (int, string) {
	p.t.Helper()
	res, err := http.Get("http://" + p.http + path)
	if err != nil {
		p.t.Fatal(err)
	}
	defer res.Body.Close()
	defer http.DefaultClient.CloseIdleConnections()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		p.t.Fatal(err)
	}
	return res.StatusCode, string(body)
}

// filler is a test's view of a server that keeps numbered messages on a small disk.
type filler struct {
	*process
	promised int
}

// send sends a persistent message and waits for its RECEIPT.
func (f *filler) send(queue, body string) error {
	c, err := dialSTOMP(f.stomp, "")
	if err != nil {
		return err
	}
	defer c.close()
	return c.call("SEND", body, "destination:/queue/"+queue, "persistent:true")
}

// fill sends messages until one is refused.
func (f *filler) fill() (err error) {
	body := strings.Repeat("x", 50_000)
	for f.promised < 10*smallDisk/len(body) {
		if err = f.send("kept", fmt.Sprintf("%d:%s", f.promised+1, body)); err != nil {
			return err
		}
		f.promised++
	}
	return errors.New("everything fits")
}

// goesOn checks that what needs no disk goes on, and that the rest is refused and
// says so.
func (f *filler) goesOn() {
	t := f.t
	t.Helper()
	for range 20 {
		if err := roundTrip(f.process, "/topic/live"); err != nil {
			t.Fatalf("a topic: %v", err)
		}
		if err := roundTrip(f.process, "/queue/live"); err != nil {
			t.Fatalf("a queue of messages that are not persistent: %v", err)
		}
		if err := f.send("other", strings.Repeat("y", 50_000)); err == nil || !strings.Contains(err.Error(), "the disk refuses to write") {
			t.Fatalf("a persistent message: %v", err)
		}
	}
	if code, _ := f.status("/healthz"); code != http.StatusOK {
		t.Errorf("/healthz answers %d", code)
	}
	res, err := http.Post("http://"+f.http+"/api/v1/devices/AAA/texts", "application/json", strings.NewReader(`{"body":"`+strings.Repeat("z", 4000)+`"}`))
	if err != nil {
		t.Fatal(err)
	}
	answer, _ := io.ReadAll(res.Body)
	res.Body.Close()
	if res.StatusCode < 500 {
		t.Errorf("the API accepts a text: %s %s", res.Status, answer)
	}
	eventually(t, "/readyz says so", func() bool {
		code, body := f.status("/readyz")
		return code == http.StatusServiceUnavailable && (strings.Contains(body, "database") || strings.Contains(body, "disk"))
	})
}

// recovers checks that everything works again, and that the log was not flooded.
func (f *filler) recovers() {
	f.t.Helper()
	eventually(f.t, "persistent messages are accepted again", func() bool { return f.send("other", "y") == nil })
	eventually(f.t, "/readyz is content", func() bool { code, _ := f.status("/readyz"); return code == http.StatusOK })
	log := f.log.String()
	if n := strings.Count(log, "level=ERROR") + strings.Count(log, "level=WARN"); n == 0 || n > 15 {
		f.t.Errorf("the log has %d lines about it", n)
	}
}

// A disk that fills up: persistent messages are refused while there is still room
// for acknowledgements, so that who consumes makes room. What needs no disk goes
// on, /readyz tells, and what had been promised is there, in order.
func TestDiskFillsUp(t *testing.T) {
	data := t.TempDir()
	f := &filler{process: serveUnder(t, onSmallDisk(t, data), "--data="+data, fmt.Sprint("--min-free=", smallDisk/2))}
	err := f.fill()
	t.Logf("%d messages of 50 kB fit; then: %v", f.promised, err)
	if !strings.Contains(err.Error(), "--min-free") {
		t.Errorf("a SEND gets %v", err)
	}
	f.goesOn()
	if err := drainQueue(f.process, "kept", f.promised); err != nil {
		t.Fatalf("taking messages away: %v", err)
	}
	f.recovers() // although SQLite gives nothing of its file back to the disk
	if err := f.send("last", "1:"); err != nil {
		t.Error(err)
	}
	if err := f.fill(); !strings.Contains(err.Error(), "the disk refuses to write") {
		t.Errorf("when it has filled up again a SEND gets %v", err)
	}
}

// A disk that somebody else has filled to the last byte.
func TestDiskFull(t *testing.T) {
	data := t.TempDir()
	f := &filler{process: serveUnder(t, onSmallDisk(t, data), "--data="+data, "--min-free=1")}
	for range 20 {
		f.promised++
		if err := f.send("kept", fmt.Sprint(f.promised, ":")); err != nil {
			t.Fatal(err)
		}
	}
	other := f.inside(filepath.Join(data, "of somebody else"))
	if err := os.WriteFile(other, make([]byte, smallDisk), 0o600); err == nil {
		t.Fatal("the disk cannot be filled")
	}
	err := f.fill()
	t.Logf("%d messages fit; then: %v", f.promised, err)
	f.goesOn()
	// Consumers go on, too; that their messages are gone is noted later.
	if err := drainQueue(f.process, "kept", f.promised); err != nil {
		t.Fatalf("taking messages away while the disk is full: %v", err)
	}
	if err := os.Remove(other); err != nil {
		t.Fatal(err)
	}
	f.recovers()
	f.promised = 0
	for range 20 {
		f.promised++
		if err := f.send("kept", fmt.Sprint(f.promised, ":")); err != nil {
			t.Fatal(err)
		}
	}
	// The disk ends with its process: it is copied, as a crash would leave it, all at
	// one moment.
	copied := t.TempDir()
	signal(t, f.process, syscall.SIGSTOP)
	if err := copyDir(f.inside(data), copied); err != nil {
		t.Fatal(err)
	}
	f.kill()
	p := serve(t, "--data="+copied)
	if err := drainQueue(p, "kept", f.promised); err != nil {
		t.Errorf("after a crash: %v", err)
	}
}

// copyDir copies the files of a directory.
func copyDir(from, to string) error {
	files, err := os.ReadDir(from)
	if err != nil {
		return err
	}
	for _, f := range files {
		b, err := os.ReadFile(filepath.Join(from, f.Name()))
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(to, f.Name()), b, 0o600); err != nil {
			return err
		}
	}
	return nil
}

// roundTrip sends a message that is not persistent and gets it back.
func roundTrip(p *process, destination string) error {
	c, err := dialSTOMP(p.stomp, "")
	if err != nil {
		return err
	}
	defer c.close()
	if err := c.call("SUBSCRIBE", "", "id:1", "destination:"+destination); err != nil {
		return err
	}
	const body = `{"deviceID":"NEW","lat":42.5,"lng":1.5}`
	if err := errors.Join(c.send("SEND", body, "destination:"+destination), c.flush()); err != nil {
		return err
	}
	for {
		f, err := c.read()
		switch {
		case err != nil:
			return err
		case f.command == "MESSAGE" && f.body == body:
			return nil
		case f.command == "ERROR":
			return errors.New(f.body)
		}
	}
}

// drainQueue takes the messages numbered from 1 to n, in order and no others.
func drainQueue(p *process, queue string, n int) error {
	c, err := dialSTOMP(p.stomp, "")
	if err != nil {
		return err
	}
	defer c.close()
	if err := c.call("SEND", theEnd, "destination:/queue/"+queue); err != nil { // not persistent
		return err
	}
	if err := errors.Join(c.send("SUBSCRIBE", "", "id:1", "destination:/queue/"+queue, "ack:client-individual"), c.flush()); err != nil {
		return err
	}
	for i := 1; ; i++ {
		f, err := c.read()
		if err != nil {
			return fmt.Errorf("waiting for message %d: %w", i, err)
		}
		if f.body == theEnd {
			if i != n+1 {
				return fmt.Errorf("only %d messages came of %d", i-1, n)
			}
			return c.call("ACK", "", "id:"+f.headers["ack"])
		}
		if got, _, _ := strings.Cut(f.body, ":"); f.command != "MESSAGE" || got != fmt.Sprint(i) {
			return fmt.Errorf("%s %.40q, want message %d", f.command, f.body, i)
		}
		if err := errors.Join(c.send("ACK", "", "id:"+f.headers["ack"]), c.flush()); err != nil {
			return err
		}
	}
}
