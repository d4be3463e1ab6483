package server_test

import (
	"bytes"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"mwm/server"
)

// However much a known operator does in a short time, each deed is in the log: nobody
// hides one behind many.
func TestEveryDeedIsLogged(t *testing.T) {
	file, passwords := accountsFile(t)
	var log bytes.Buffer
	s, stop := startLogged(t, server.Config{Accounts: file}, slog.NewTextHandler(&log, nil))
	const deeds = 120
	for range deeds {
		r, err := http.NewRequest("POST", "http://"+s.Addresses().HTTP+"/api/v1/messages", strings.NewReader(`{"destination":"/queue/q"}`))
		if err != nil {
			t.Fatal(err)
		}
		r.SetBasicAuth("olga", passwords["olga"])
		r.Header.Set("Content-Type", "application/json")
		res, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if res.StatusCode != http.StatusAccepted {
			t.Fatal(res.Status)
		}
	}
	stop()
	if n := strings.Count(log.String(), `msg="an operator sent a message"`); n != deeds {
		t.Errorf("%d lines for %d deeds", n, deeds)
	}
}
