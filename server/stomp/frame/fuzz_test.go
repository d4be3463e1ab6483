package frame

import (
	"bytes"
	"io"
	"reflect"
	"strconv"
	"testing"

	gostomp "github.com/go-stomp/stomp/v3/frame"
)

var fuzzLimits = Limits{HeaderLine: 200, Headers: 10, HeaderBytes: 600, Body: 1000}

// seeds are the specification's examples and what has been wrong before.
func seeds(f *testing.F) {
	for _, s := range []string{
		"CONNECT\naccept-version:1.2\nhost:stomp.github.org\n\n\x00",
		"CONNECT\r\naccept-version:1.2\r\n\r\n\x00\r\n",
		"SEND\ndestination:/queue/a\ncontent-type:text/plain\n\nhello queue a\n\x00",
		"SEND\ndestination:/queue/a\ncontent-length:3\n\na\x00b\x00\n\n",
		"SUBSCRIBE\nid:0\ndestination:/queue/foo\nack:client\n\n\x00",
		"ACK\nid:12345\ntransaction:tx1\n\n\x00",
		"MESSAGE\nfoo:World\nfoo:Hello\n\n\x00",
		"SEND\na\\cb:c\\nd\\\\e\\rf\n\n\x00",
		"SEND\nx:\\r\n\n\x00",
		"SEND\na:b\n\nc\x00SEND\na:b\n\nd\x00SEND\na:c\n\n\x00",
		"SEND\n a : b \nx:\\z\n\n\x00",
		"SEND\ncontent-length:99999999999999999999\n\n\x00",
		"ERROR\nversion:1.2,2.1\ncontent-type:text/plain\n\nSupported protocol versions are 1.2 2.1\x00",
	} {
		f.Add([]byte(s), uint8(3))
	}
}

// result is what a parser made of an input.
type result struct {
	frames []string
	err    bool
}

// parseAll parses p, given to the parser in pieces as a reader does it: again
// with more when a frame is not complete.
func parseAll(t *testing.T, d *Dialect, p []byte, pieces int) (r result) {
	x := Parser{Dialect: d, Limits: fuzzLimits}
	done, have, wait := 0, 0, 0
	for have < len(p) {
		have = min(have+pieces, len(p))
		var f Frame
		for have-done >= wait && !r.err {
			wait = 0
			done += EOLs(p[done:have])
			if done == have {
				break
			}
			n, need, err := x.Parse(p[done:have:have], &f)
			switch {
			case err != nil:
				r.err = true
			case n == 0 && need <= have-done:
				t.Fatalf("with %d bytes it needs %d", have-done, need)
			case n == 0:
				wait = need
			default:
				r.frames = append(r.frames, string(f.Command)+string(f.Head)+"|"+string(f.Body)+"|"+string(f.Destination))
				done += n
			}
		}
	}
	return r
}

// FuzzParse: whatever comes, in whatever pieces, the result is the same, within
// the limits, and what is forwarded is legal 1.2.
func FuzzParse(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, p []byte, pieces uint8) {
		for _, d := range Dialects {
			whole := parseAll(t, d, p, len(p)+1)
			if cut := parseAll(t, d, p, int(pieces)+1); len(cut.frames) < len(whole.frames) && !cut.err ||
				!reflect.DeepEqual(cut.frames, whole.frames[:min(len(cut.frames), len(whole.frames))]) {
				t.Errorf("STOMP %s: %q in pieces of %d gives %q, whole %q", d.Version, p, pieces+1, cut.frames, whole.frames)
			}
		}
	})
}

// FuzzForward: the headers that receivers are sent can be parsed in each
// version, hold nothing reserved, and mean the same.
func FuzzForward(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, p []byte, _ uint8) {
		for _, d := range Dialects {
			x := Parser{Dialect: d, Limits: fuzzLimits}
			var f Frame
			p := p[EOLs(p):]
			if n, _, err := x.Parse(p, &f); n == 0 || err != nil || f.Command != Send {
				continue
			}
			head := f.Forward(nil, "")
			if f.Verbatim && !bytes.ContainsRune(head, '\r') && string(head) != string(f.Head) {
				t.Errorf("STOMP %s: %q is said to be verbatim, but %q is forwarded", d.Version, f.Head, head)
			}
			for _, to := range Dialects {
				out, _ := to.AppendHead([]byte("SEND\n"), head)
				y := Parser{Dialect: to, Limits: Limits{}.WithDefaults()}
				var g Frame
				out = append(out, "content-length:0\n\n\x00"...)
				if bytes.Contains(f.Head, []byte("content-length")) {
					out = append([]byte("MESSAGE\ncontent-length:0\n"), out[len("SEND\n"):]...)
				}
				if n, _, err := y.Parse(out, &g); n != len(out) || err != nil {
					t.Fatalf("STOMP %s to %s: %q becomes %q: %v", d.Version, to.Version, f.Head, out, err)
				}
				if v, ok := g.Get("x"); ok && d != V10 {
					if w, _ := f.Get("x"); v != w && to != V10 {
						t.Errorf("STOMP %s to %s: x was %q, is %q", d.Version, to.Version, w, v)
					}
				}
			}
		}
	})
}

// FuzzGoStomp: what go-stomp's codec writes we read, and the other way round.
func FuzzGoStomp(f *testing.F) {
	f.Add("destination", "/queue/a:b", "x\\y", "a\nb\rc", []byte("body\x00with NUL"))
	f.Fuzz(func(t *testing.T, k1, v1, k2, v2 string, body []byte) {
		reserved := func(k string) bool { return k == "content-length" || k == "priority" || k == "expires" }
		if !V12.CanCarry(k1, v1) || !V12.CanCarry(k2, v2) || reserved(k1) || reserved(k2) {
			return
		}
		headers := []Header{{k1, v1}, {k2, v2}}
		ours := V12.Append(nil, Send, headers, body)
		theirs := gostomp.New("SEND", k1, v1, k2, v2)
		theirs.Body = body
		if len(body) > 0 {
			theirs.Header.Add("content-length", strconv.Itoa(len(body)))
		}
		var buf bytes.Buffer
		if err := gostomp.NewWriter(&buf).Write(theirs); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(buf.Bytes(), ours) {
			t.Errorf("go-stomp writes %q, we %q", buf.Bytes(), ours)
		}
		got, err := gostomp.NewReader(bytes.NewReader(ours)).Read()
		if err == io.EOF || err != nil || got == nil {
			return // go-stomp limits the header block to 4 KiB
		}
		x := Parser{Dialect: V12, Limits: Limits{HeaderLine: 1 << 20, HeaderBytes: 1 << 21, Body: 1 << 21}.WithDefaults()}
		var fr Frame
		n, _, err := x.Parse(ours, &fr)
		if n != len(ours) || err != nil {
			t.Fatalf("we cannot read %q: %v", ours, err)
		}
		if v, _ := fr.Get(string(V12.AppendEscaped(nil, k1))); v != got.Header.Get(k1) && k1 != k2 {
			t.Errorf("%q: we read %q, go-stomp %q", k1, v, got.Header.Get(k1))
		}
		if !bytes.Equal(fr.Body, got.Body) {
			t.Errorf("we read the body %q, go-stomp %q", fr.Body, got.Body)
		}
	})
}
