package server_test

import (
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"mwm/server"
)

// Who watches the wire of a device sees its frames, but not the credentials that
// it connects with, not even when the watch was there before.
func TestWireShowsNoCredentials(t *testing.T) {
	file, passwords := accountsFile(t, "BBB")
	s, _ := start(t, server.Config{Accounts: file})
	look := func() string {
		req, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+s.Addresses().HTTP+"/api/v1/devices/BBB/wire?after=0&limit=200", nil)
		req.SetBasicAuth("olga", password)
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		b, _ := io.ReadAll(res.Body)
		return string(b)
	}
	look()
	nc, err := net.Dial("tcp", s.Addresses().STOMP)
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	say := func(text, answer string) {
		t.Helper()
		if _, err := io.WriteString(nc, text); err != nil {
			t.Fatal(err)
		}
		nc.SetReadDeadline(time.Now().Add(patience))
		buf := make([]byte, 4096)
		n, err := nc.Read(buf)
		if err != nil || !strings.HasPrefix(string(buf[:n]), answer) {
			t.Fatalf("%q, %v", buf[:n], err)
		}
	}
	say("CONNECT\naccept-version:1.2\nclient-id:BBB\nlogin:BBB\npasscode:"+passwords["BBB"]+"\n\n\x00", "CONNECTED")
	eventually(t, "a frame is shown", func() bool {
		say("SEND\ndestination:/topic/device.BBB.location\nreceipt:1\n\n{}\x00", "RECEIPT")
		shown := look()
		if strings.Contains(shown, passwords["BBB"]) {
			t.Fatal("the password is shown")
		}
		return strings.Contains(shown, "device.BBB.location")
	})
}
