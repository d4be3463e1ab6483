package e2e

import (
	"encoding/binary"
	"encoding/json"
	"math"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coder/websocket"

	"mwm/server/live"
	"mwm/web"
)

// recording is what a browser was sent: first what tells it of all devices, then
// the ticks.
type recording struct {
	devices  int
	prologue []message
	ticks    []tick
	length   time.Duration
}

type message struct {
	kind websocket.MessageType
	data []byte
}

// tick is the frames that share a number.
type tick struct {
	after  time.Duration // from the first one
	frames [][]byte
}

// Where a frame's header has its number and time: see server/live/frame.go.
const (
	seqAt  = 8
	timeAt = 16
)

// record runs a server and a crowd, and records what a browser that keeps up is
// sent.
func record(t *testing.T, c crowd, length time.Duration) *recording {
	s, _ := c.start(t)
	conn, _, err := websocket.Dial(t.Context(), "ws://"+s.at.HTTP+"/api/v1/feed", &websocket.DialOptions{Subprotocols: []string{live.Subprotocol}})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.CloseNow()
	conn.SetReadLimit(64 << 20)
	r := &recording{devices: c.devices}
	var started time.Time
	var snapshot uint64
	for started.IsZero() || time.Since(started) < length {
		kind, data, err := conn.Read(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if kind == websocket.MessageText {
			if started.IsZero() {
				r.prologue = append(r.prologue, message{kind, data})
			}
			continue
		}
		seq := binary.LittleEndian.Uint64(data[seqAt:])
		ack, _ := json.Marshal(map[string]any{"type": "ack", "seq": seq})
		if err := conn.Write(t.Context(), websocket.MessageText, ack); err != nil {
			t.Fatal(err)
		}
		if snapshot == 0 || seq == snapshot { // the first set is all there is
			snapshot = seq
			r.prologue = append(r.prologue, message{kind, data})
			continue
		}
		if started.IsZero() {
			started = time.Now()
		}
		r.add(seq, time.Since(started), data)
	}
	r.length = time.Since(started)
	bytes := 0
	for _, tick := range r.ticks {
		for _, f := range tick.frames {
			bytes += len(f)
		}
	}
	t.Logf("recorded %d ticks, %d KB/s, in %v", len(r.ticks), int(float64(bytes)/r.length.Seconds()/1000), r.length)
	return r
}

// add adds a frame to the tick of its number.
func (r *recording) add(seq uint64, after time.Duration, frame []byte) {
	if n := len(r.ticks); n > 0 && binary.LittleEndian.Uint64(r.ticks[n-1].frames[0][seqAt:]) == seq {
		r.ticks[n-1].frames = append(r.ticks[n-1].frames, frame)
		return
	}
	r.ticks = append(r.ticks, tick{after, [][]byte{frame}})
}

// feed serves the page and the recording, over and over, until the test ends.
func (r *recording) feed(t *testing.T) (address string) {
	mux := http.NewServeMux()
	mux.Handle("/", http.FileServerFS(web.FS))
	mux.HandleFunc("/api/v1/session", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte("{}")) // there are no accounts
	})
	mux.HandleFunc("/api/v1/feed", func(w http.ResponseWriter, req *http.Request) {
		conn, err := websocket.Accept(w, req, &websocket.AcceptOptions{Subprotocols: []string{live.Subprotocol}})
		if err == nil {
			r.play(t, conn)
		}
	})
	srv := httptest.NewServer(mux)
	t.Cleanup(srv.Close)
	return srv.URL + "/"
}

// play sends the recording to a browser until it leaves. Like the server it has
// at most two ticks on the way; unlike it, it never sends what it skips.
func (r *recording) play(t *testing.T, conn *websocket.Conn) {
	defer conn.CloseNow()
	var acked atomic.Uint64
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		for {
			_, data, err := conn.Read(t.Context())
			if err != nil {
				return
			}
			var m struct{ Seq uint64 }
			if json.Unmarshal(data, &m) == nil && m.Seq > 0 {
				acked.Store(m.Seq)
			}
		}
	}()
	seq := uint64(1)
	for _, m := range r.prologue {
		if conn.Write(t.Context(), m.kind, m.now(seq)) != nil {
			return
		}
	}
	for started := time.Now(); ; started = started.Add(r.length) {
		for _, k := range r.ticks {
			select {
			case <-gone:
				return
			case <-time.After(time.Until(started.Add(k.after))):
			}
			if seq >= acked.Load()+2 {
				continue
			}
			seq++
			for _, f := range k.frames {
				m := message{websocket.MessageBinary, f}
				if conn.Write(t.Context(), m.kind, m.now(seq)) != nil {
					return
				}
			}
		}
	}
}

// now returns a message as if it were sent now.
func (m message) now(seq uint64) []byte {
	data := append([]byte(nil), m.data...)
	if m.kind == websocket.MessageBinary {
		binary.LittleEndian.PutUint64(data[seqAt:], seq)
		binary.LittleEndian.PutUint64(data[timeAt:], math.Float64bits(float64(time.Now().UnixMilli())))
		return data
	}
	if !strings.HasPrefix(string(data), `{"type":"hello"`) {
		return data
	}
	var hello map[string]any
	if json.Unmarshal(data, &hello) != nil {
		return data
	}
	hello["now"], hello["seq"] = time.Now().UnixMilli(), 0
	data, _ = json.Marshal(hello)
	return data
}
