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
	"testing"
)

// smallDisk is the size of a disk that a test fills.
const smallDisk = 8 << 20

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

// A full disk: what has to be kept is refused, and says why; what needs no disk
// goes on; /readyz tells; the log is not flooded. When there is room again
// everything works again, and what had been promised is there, after a kill, too.
func TestDiskFull(t *testing.T) {
	data := t.TempDir()
	p := serveUnder(t, onSmallDisk(t, data), "--data="+data)
	send := func(queue, body string) error {
		c, err := dialSTOMP(p.stomp, "")
		if err != nil {
			t.Fatal(err)
		}
		defer c.close()
		return c.call("SEND", body, "destination:/queue/"+queue, "persistent:true")
	}
	promised := 0
	fill := func() (err error) {
		for err == nil && promised < smallDisk/1000 {
			if err = send("kept", fmt.Sprintf("%d:%s", promised+1, strings.Repeat("x", 50_000))); err == nil {
				promised++
			}
		}
		return err
	}
	err := fill()
	if err == nil || !strings.Contains(err.Error(), "full") {
		t.Fatalf("with a full disk a SEND gets %v after %d", err, promised)
	}
	t.Logf("%d messages of 50 kB fit; then: %v", promised, err)

	// What needs no disk goes on.
	for range 20 {
		if err := roundTrip(p, "/topic/live"); err != nil {
			t.Fatalf("a topic: %v", err)
		}
		if err := roundTrip(p, "/queue/live"); err != nil {
			t.Fatalf("a queue of messages that are not persistent: %v", err)
		}
		if err := send("other", strings.Repeat("y", 50_000)); err == nil {
			t.Fatal("a persistent message was accepted")
		}
	}
	if code, _ := p.status("/healthz"); code != http.StatusOK {
		t.Errorf("/healthz answers %d", code)
	}
	res, err := http.Post("http://"+p.http+"/api/v1/devices/AAA/texts", "application/json", strings.NewReader(`{"body":"`+strings.Repeat("z", 4000)+`"}`))
	if err != nil {
		t.Fatal(err)
	}
	answer, _ := io.ReadAll(res.Body)
	res.Body.Close()
	if res.StatusCode < 500 {
		t.Errorf("the API accepts a text: %s %s", res.Status, answer)
	}
	eventually(t, "/readyz says so", func() bool {
		// Last values have to be saved for it to be noticed.
		if err := roundTrip(p, "/topic/device.NEW.location"); err != nil {
			t.Fatal(err)
		}
		code, body := p.status("/readyz")
		return code == http.StatusServiceUnavailable && strings.Contains(body, "database")
	})
	if n := strings.Count(p.log.String(), "level=ERROR"); n == 0 || n > 10 {
		t.Errorf("the log has %d lines about it", n)
	}

	// Room again: here by taking away what lies beside the database.
	if err := drainQueue(p, "kept", promised); err != nil {
		t.Fatalf("taking messages away while the disk is full: %v", err)
	}
	promised = 0
	eventually(t, "there is room again", func() bool { return send("kept", "1:") == nil })
	promised++
	eventually(t, "/readyz is content", func() bool { code, _ := p.status("/readyz"); return code == http.StatusOK })
	if fill() == nil {
		t.Error("the disk does not fill again")
	}
	// What is on disk outlives a kill; the disk itself ends with its process, so
	// it is copied out before.
	copied := t.TempDir()
	if err := copyDir(p.inside(data), copied); err != nil {
		t.Fatal(err)
	}
	p.kill()
	p = serve(t, "--data="+copied)
	if err := drainQueue(p, "kept", promised); err != nil {
		t.Errorf("after a kill: %v", err)
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
