package stomp_test

import (
	"bytes"
	"log/slog"
	"strings"
	"sync"
	"testing"

	"mwm/server/stomp"
)

// logged is a log that is written while the test reads it.
type logged struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logged) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// The log has neither payloads nor passwords in it, also of frames that were
// refused for what is in them; and a line for each end.
func TestLogSaysNoSecrets(t *testing.T) {
	var log logged
	w := serve(t, stomp.Options{Logger: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))})
	const connect = "CONNECT\naccept-version:1.2\nlogin:u\npasscode:sesame\n\n^@"
	conversations := []string{
		connect + "SEND\ndestination:/topic/t\n\nsesame^@",
		connect + "SEND\ndestination:/topic/t\na:sesame\\xsesame\n\n^@",
		connect + "SEND\ndestination:/topic/t\na:sesame\\\n\n^@",
		connect + "SEND\ndestination:/topic/t\ncontent-length:2\n\nsesame^@",
		connect + connect,
		"CONNECT\naccept-version:1.2\nlogin:u\npasscode sesame\n\n^@",
		"CONNECT\naccept-version:1.2\nlogin:u\npasscode:sesame\n\nsesame^@",
		"sesame\npasscode:sesame\n\n^@",
	}
	for _, c := range conversations {
		p := w.dial()
		p.send(c + "NONSENSE\n\n^@")
		for m, err := p.read(); err == nil && m.command != "ERROR"; m, err = p.read() {
		}
	}
	eventually(t, "a line for each end", func() bool {
		return strings.Count(log.String(), `msg="client disconnected"`) == len(conversations)
	})
	if strings.Contains(log.String(), "sesame") {
		t.Errorf("the log says:\n%s", log.String())
	}
}
