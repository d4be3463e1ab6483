package stomp_test

import (
	"context"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"mwm/server/auth"
	"mwm/server/broker"
	"mwm/server/stomp"
)

// guard lets everybody in but strangers, and literal with a password that looks
// escaped.
type guard struct{}

func (guard) Authenticate(_ context.Context, c auth.Credentials) (*auth.Principal, error) {
	if c.Name == "stranger" || c.Name == "literal" && c.Password != `a\tb:c` {
		return nil, auth.ErrCredentials
	}
	return auth.DefaultPolicy.Principal(auth.Account{Role: auth.Operator, Name: "somebody"}), nil
}

func (guard) Valid(*auth.Principal) error { return nil }

// "Connecting", "Protocol Negotiation", "Connection Lingering".
var connectSentences = []sentence{
	{"Connecting", "MUST", all, "an accepted CONNECT is answered by CONNECTED", `
		R> CONNECT|accept-version:{V}|host:example.org||^@
		R< CONNECTED version:{V}`, nil},
	{"Connecting", "SHOULD", all, "a refused one is answered by an ERROR and the close", `
		R> CONNECT|accept-version:{V}|host:example.org|login:stranger|passcode:x||^@
		R< ERROR access␣refused login␣or␣passcode
		R< END`, nil},
	{"Connecting", "MUST", all, "somebody may type it, in CR LF, after line ends", `
		R> ␍|||␍|CONNECT␍|accept-version:{V}␍|host:example.org␍|␍|^@␍|
		R< CONNECTED version:{V}`, nil},
	{"Connecting", "MUST", all, "nothing comes before it", `
		R> SEND|destination:/topic/a||^@
		R< ERROR not␣connected
		R< END`, nil},
	{"Connecting", "MUST", all, "it comes once", `
		C> CONNECT|accept-version:{V}||^@
		C< ERROR already␣connected
		C< END`, nil},
	{"CONNECT or STOMP Frame", "MUST", all, "STOMP is as good as CONNECT", `
		R> STOMP|accept-version:{V}|host:example.org||^@
		R< CONNECTED version:{V}`, nil},
	{"CONNECT or STOMP Frame", "MAY", all, "any host is the only one", `
		R> CONNECT|accept-version:{V}|host:no.such.host||^@
		R< CONNECTED version:{V}
		Q> CONNECT|accept-version:{V}||^@
		Q< CONNECTED version:{V}`, nil},
	{"CONNECT or STOMP Frame", "SHOULD", all, "of repeated headers the first counts", `
		R> CONNECT|accept-version:{V}|accept-version:3.0|login:somebody|login:stranger||^@
		R< CONNECTED version:{V}`, nil},
	{"CONNECTED Frame", "MUST", all, "it has the version", `
		R> CONNECT|accept-version:{V}||^@
		R< CONNECTED version:{V}`, nil},
	{"CONNECTED Frame", "MUST", all, "each session has an id of its own", "", differentSessions},
	{"CONNECTED Frame", "MUST", all, "server is a name and its version", `
		R> CONNECT|accept-version:{V}||^@
		R< CONNECTED server:mwm/9:9`, nil},

	{"Protocol Negotiation", "MUST", "1.0", "a client that names no version speaks 1.0", `
		R> CONNECT|login:somebody||^@
		R< CONNECTED version:1.0 session
		R> SUBSCRIBE|destination:/topic/a|receipt:r||^@
		R< RECEIPT receipt-id:r`, nil},
	{"Protocol Negotiation", "MUST", "1.0", "whose headers may be padded", `
		R> CONNECT|accept-version␣:␣1.0␣|login:␣somebody||^@
		R< CONNECTED version:1.0`, nil},
	{"Protocol Negotiation", "MUST", "1.1", "the highest version in common is taken", `
		R> CONNECT|accept-version:1.0,1.1,2.0||^@
		R< CONNECTED version:1.1
		R> NACK|message-id:000001-000000000001||^@
		R< ERROR subscription␣missing
		R< END`, nil},
	{"Protocol Negotiation", "MUST", "1.2", "in whatever order they are listed", `
		R> CONNECT|accept-version:1.2,␣1.0,1.1||^@
		R< CONNECTED version:1.2`, nil},
	{"Protocol Negotiation", "MUST", all, "if there is none, an ERROR lists those there are, then the close", `
		R> CONNECT|accept-version:2.0,2.1||^@
		R< ERROR unsupported␣protocol␣version version:1.0,1.1,1.2
		R< END`, nil},

	{"Connection Lingering", "MUST", all, "clients may come and go quickly", "", comeAndGo},
	{"Connection Lingering", "MUST", all, "an ERROR can be read by a client that is still sending", "", readableWhileSending},
}

func differentSessions(t *testing.T, version string) {
	w := serve(t, stomp.Options{})
	seen := map[string]bool{}
	for range 100 {
		p := w.dial()
		p.send("CONNECT\naccept-version:" + version + "\n\n^@")
		seen[p.want("CONNECTED", "session").get("session")] = true
		p.nc.Close()
	}
	if len(seen) != 100 {
		t.Errorf("100 sessions have %d ids", len(seen))
	}
}

func comeAndGo(t *testing.T, version string) {
	w := serve(t, stomp.Options{})
	for range 100 {
		p := w.connect(version)
		p.send("SEND\ndestination:/queue/q\n\nx^@DISCONNECT\nreceipt:d\n\n^@")
		p.want("RECEIPT", "receipt-id:d")
		p.wantEnd()
	}
	for range 100 {
		w.dial().nc.Close()
		w.connect(version).nc.Close()
	}
	eventually(t, "nobody is left", func() bool { return w.server.Sessions() == 0 && len(w.broker.Clients()) == 0 })
	if n := w.broker.Queues("q")[0].Waiting; n != 100 {
		t.Errorf("%d messages of 100 have come", n)
	}
}

// Closing a socket with input that nobody has read resets the connection, and the
// client could lose what it was told.
func readableWhileSending(t *testing.T, version string) {
	w := serve(t, stomp.Options{})
	for range 10 {
		p := w.connect(version)
		sent := make(chan struct{})
		go func() {
			defer close(sent)
			io.WriteString(p.nc, "NONSENSE\n\n\x00")
			junk := strings.Repeat("SEND\ndestination:/topic/a\n\nx\x00\n", 1000)
			for range 50 {
				if _, err := io.WriteString(p.nc, junk); err != nil {
					return
				}
			}
		}()
		p.want("ERROR", "message:unknown command")
		p.nc.Close()
		<-sent
	}
}

// "Heart-beating".
var heartBeatSentences = []sentence{
	{"Heart-beating", "MUST", all, "no header means 0,0", `
		R> CONNECT|accept-version:{V}||^@
		R< CONNECTED heart-beat:0,0`, nil},
	{"Heart-beating", "MUST", all, "it is two numbers that are not negative", `
		R> CONNECT|accept-version:{V}|heart-beat:10000||^@
		R< ERROR malformed␣heart-beat cx,cy
		R< END
		Q> CONNECT|accept-version:{V}|heart-beat:-1,0||^@
		Q< ERROR malformed␣heart-beat
		Q< END`, nil},
	{"Heart-beating", "MUST", all, "each side gets them as rarely as the other can, or it wants", `
		R> CONNECT|accept-version:{V}|heart-beat:5000,10000||^@
		R< CONNECTED heart-beat:10000,5000
		Q> CONNECT|accept-version:{V}|heart-beat:1,0||^@
		Q< CONNECTED heart-beat:0,100`, nil},
	{"Heart-beating", "MUST", all, "the server sends something at least so often, a line end if there is nothing else", "", beats},
	{"Heart-beating", "MUST", all, "none are sent to who wants none", "", noBeats},
	{"Heart-beating", "MAY", all, "a client that is silent for longer than it promised is ended", "", silence},
	{"Heart-beating", "SHOULD", all, "there is a margin", "", margin},
	{"Heart-beating", "MUST", all, "any data will do", "", anyData},
	{"Heart-beating", "MUST", all, "nobody is ended who promised none", "", noPromise},
}

// inFakeTime runs a proof with a client that has connected with a heart-beat.
func inFakeTime(t *testing.T, version, heartBeat string, prove func(p *peer)) {
	synctest.Test(t, func(t *testing.T) {
		w := pipeWorld(t, broker.New(broker.Options{}), stomp.Options{})
		p := w.connect(version, "heart-beat:"+heartBeat)
		prove(p)
		p.nc.Close()
		synctest.Wait()
	})
}

func beats(t *testing.T, version string) {
	inFakeTime(t, version, "0,1000", func(p *peer) {
		for range 100 {
			if got := p.readFor(time.Second); strings.Trim(got, "\n") != "" || got == "" {
				t.Fatalf("in a second there came %q, want line ends", got)
			}
		}
	})
}

func noBeats(t *testing.T, version string) {
	inFakeTime(t, version, "1000,0", func(p *peer) {
		for range 100 {
			p.send("\n")
			if got := p.readFor(time.Second); got != "" {
				t.Fatalf("there came %q", got)
			}
		}
	})
}

func silence(t *testing.T, version string) {
	inFakeTime(t, version, "5000,0", func(p *peer) {
		start := time.Now()
		p.wantError("heart-beat missing")
		if d := time.Since(start); d < 5*time.Second || d > 15*time.Second {
			t.Errorf("ended after %v", d)
		}
	})
}

func margin(t *testing.T, version string) {
	inFakeTime(t, version, "1000,0", func(p *peer) {
		for range 100 {
			time.Sleep(1500 * time.Millisecond)
			p.send("\n")
		}
		p.sync()
	})
}

func anyData(t *testing.T, version string) {
	inFakeTime(t, version, "1000,0", func(p *peer) {
		for _, c := range strings.Repeat("SEND\ndestination:/topic/a\n\nx\x00", 5) {
			p.send(string(c))
			time.Sleep(time.Second)
		}
		p.sync()
	})
}

func noPromise(t *testing.T, version string) {
	inFakeTime(t, version, "0,0", func(p *peer) {
		time.Sleep(24 * time.Hour)
		p.sync()
	})
}
