package faults

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"time"
)

// Strangers who are refused as fast as they can come do not fill the log: it says
// that there are more, and goes on to tell of other things.
func TestLogOfAFlood(t *testing.T) {
	p := serve(t)
	const times = 500
	for range times {
		for addr, bad := range map[string]string{
			p.stomp: "CONNECT\naccept-version:7.0\npasscode:sesame\n\n\x00",
			p.mqtt:  "\x10\x0c\x00\x04MQTT\x63\x02\x00\x00\x00\x00", // version 99
		} {
			if err := refusedAt(addr, bad); err != nil {
				t.Fatal(err)
			}
		}
	}
	eventually(t, "all are gone", func() bool { return p.clients() == 0 })
	p.stop()
	log := p.log.String()
	if n := strings.Count(log, "\n"); n > times/2 {
		t.Errorf("%d lines of %d that were refused", n, 2*times)
	}
	for _, want := range []string{"left out while there are so many", "msg=stopped"} {
		if !strings.Contains(log, want) {
			t.Errorf("the log does not say %q", want)
		}
	}
	if strings.Contains(log, "sesame") {
		t.Error("the log has a password")
	}
}

// refusedAt says something wrong to a port, and waits for the end.
func refusedAt(addr, bad string) error {
	c, err := net.DialTimeout("tcp", addr, patience)
	if err != nil {
		return fmt.Errorf("nobody is there: %w", err)
	}
	defer c.Close()
	if _, err := c.Write([]byte(bad)); err != nil {
		return fmt.Errorf("it was not read: %w", err)
	}
	if err := c.SetReadDeadline(time.Now().Add(patience)); err != nil {
		return err
	}
	if _, err := io.Copy(io.Discard, c); errors.Is(err, os.ErrDeadlineExceeded) {
		return fmt.Errorf("%s did not end it", addr)
	}
	return nil
}
