package frame

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
)

// parseOne parses a frame that is complete.
func parseOne(t testing.TB, d *Dialect, text string) *Frame {
	t.Helper()
	x := Parser{Dialect: d, Limits: Limits{}.WithDefaults()}
	f := new(Frame)
	n, _, err := x.Parse([]byte(text), f)
	if err != nil || n != len(text) {
		t.Fatalf("STOMP %s: Parse(%q) = %d, %v", d.Version, text, n, err)
	}
	return f
}

func TestParse(t *testing.T) {
	for _, c := range []struct {
		name, text string
		d          *Dialect
		command    Command
		dest, body string
		verbatim   bool
	}{
		{"plain", "SEND\ndestination:/topic/a\n\nhi\x00", V12, Send, "/topic/a", "hi", true},
		{"CR LF", "SEND\r\ndestination:/topic/a\r\n\r\nhi\x00", V12, Send, "/topic/a", "hi", false},
		{"content-length", "SEND\ndestination:/topic/a\ncontent-length:3\n\n\x00\n\x00\x00", V12, Send, "/topic/a", "\x00\n\x00", true},
		{"colons in the value", "SEND\ndestination:/topic/a:b:c\n\n\x00", V12, Send, "/topic/a:b:c", "", true},
		{"the first counts", "SEND\ndestination:/topic/a\ndestination:/topic/b\n\n\x00", V12, Send, "/topic/a", "", true},
		{"reserved header", "SEND\ndestination:/topic/a\nmessage-id:1\n\n\x00", V11, Send, "/topic/a", "", false},
		{"1.0 trims", "SEND\n destination : /topic/a \t\n\n\x00", V10, Send, "/topic/a", "", false},
		{"1.1 does not", "SEND\ndestination: /topic/a\n\n\x00", V11, Send, " /topic/a", "", true},
		{"1.0 has no escapes", "SEND\ndestination:/topic/\\x\n\n\x00", V10, Send, `/topic/\x`, "", false},
		{"escapes stay", "SEND\ndestination:/topic/a\\cb\n\n\x00", V12, Send, `/topic/a\cb`, "", true},
		{"empty value", "SEND\ndestination:/topic/a\nx:\n\n\x00", V12, Send, "/topic/a", "", true},
		{"no escapes in CONNECT", "CONNECT\nlogin:a\\tb\n\n\x00", V12, Connect, "", "", true},
		{"a body in CONNECT is let pass", "CONNECT\n\nx\x00", V12, Connect, "", "x", true},
		{"no headers", "DISCONNECT\n\n\x00", V12, Disconnect, "", "", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := parseOne(t, c.d, c.text)
			if f.Command != c.command || string(f.Destination) != c.dest || string(f.Body) != c.body || f.Verbatim != c.verbatim {
				t.Errorf("got %v %q %q verbatim=%v", f.Command, f.Destination, f.Body, f.Verbatim)
			}
		})
	}
}

func TestSendHeaders(t *testing.T) {
	f := parseOne(t, V12, "SEND\ndestination:/queue/a\npersistent:true\npersistent:false\nretain:false\nretain:true\npriority:7\npriority:x\n"+
		"expires:12\nexpires:13\ntransaction:t\nreceipt:r\nreceipt:s\nreply-to:/temp-queue/x\n\n\x00")
	if !f.Persistent || f.Retain || f.Priority != 7 || f.Expires != 12 || string(f.Transaction) != "t" || string(f.Receipt) != "r" || string(f.ReplyTo) != "/temp-queue/x" {
		t.Errorf("got %+v", f)
	}
	if f := parseOne(t, V12, "SEND\ndestination:/queue/a\n\n\x00"); f.Persistent || f.Retain || f.Priority != 4 || f.Expires != 0 || f.Receipt != nil {
		t.Errorf("without headers: %+v", f)
	}
}

// STOMP 1.2, "Size Limits": each limit has an error that names it.
func TestLimits(t *testing.T) {
	l := Limits{HeaderLine: 100, Headers: 5, HeaderBytes: 300, Body: 1000}
	for _, c := range []struct{ name, text, message, detail string }{
		{"line", "SEND\nx:" + strings.Repeat("y", 99) + "\n", "header line too long", "at most 100"},
		{"unfinished line", "SEND\nx:" + strings.Repeat("y", 101), "header line too long", "at most 100"},
		{"number", "SEND\n" + strings.Repeat("a:b\n", 6), "too many headers", "at most 5"},
		{"all", "SEND\n" + strings.Repeat("a:"+strings.Repeat("b", 90)+"\n", 4) + "\n", "headers too long", "at most 300"},
		{"all, unfinished", "SEND\n" + strings.Repeat("a:"+strings.Repeat("b", 90)+"\n", 4), "headers too long", "at most 300"},
		{"body announced", "SEND\ncontent-length:1001\n\n", "body too large", "at most 1000"},
		{"body announced absurdly", "SEND\ncontent-length:9223372036854775807\n\n", "body too large", "at most 1000"},
		{"body", "SEND\n\n" + strings.Repeat("x", 1001) + "\x00", "body too large", "at most 1000"},
		{"body without end", "SEND\n\n" + strings.Repeat("x", 1001), "body too large", "at most 1000"},
		{"2^63", "SEND\ncontent-length:9223372036854775808\n\n", "malformed content-length", "9223372036854775808"},
		{"negative", "SEND\ncontent-length:-1\n\n", "malformed content-length", "-1"},
		{"hexadecimal", "SEND\ncontent-length:0x10\n\n", "malformed content-length", "0x10"},
		{"none", "SEND\ncontent-length:\n\n", "malformed content-length", "number"},
		{"length is not the body's", "SEND\ncontent-length:2\n\nabc\x00", "body not ended", "2 bytes"},
		{"no colon", "SEND\nabc\n\n\x00", "malformed header", "abc"},
		{"no name", "SEND\n:abc\n\n\x00", "malformed header", "abc"},
		{"no blank line", "SEND\na:b\n\x00", "malformed header", "blank line"},
		{"NUL in the headers", "SEND\na:\x00b\n\n\x00", "malformed header", "blank line"},
		{"lower case", "send\n\n\x00", "unknown command", "send"},
		{"endless command", strings.Repeat("S", 100), "unknown command", "SSSS"},
		{"TLS", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", "unknown command", `\x16`},
		{"escape", "SEND\na:\\x\n\n\x00", "undefined escape sequence", `\\x`},
		{"escape at the end", "SEND\na:\\\n\n\x00", "undefined escape sequence", `\\`},
		{"body where there is none", "ACK\nid:1\n\nx\x00", "unexpected body", "ACK"},
		{"priority", "SEND\npriority:44\n\n\x00", "malformed priority", "44"},
		{"expires", "SEND\nexpires:-5\n\n\x00", "malformed expires", "-5"},
	} {
		t.Run(c.name, func(t *testing.T) {
			x := Parser{Dialect: V12, Limits: l}
			n, _, err := x.Parse([]byte(c.text), new(Frame))
			e, ok := err.(*Error)
			if !ok || n != 0 || e.Message != c.message || !strings.Contains(e.Detail, c.detail) {
				t.Errorf("Parse = %d, %v; want %s, %s", n, err, c.message, c.detail)
			}
			// The same when it comes byte by byte.
			x = Parser{Dialect: V12, Limits: l}
			err = nil
			for i := 1; i <= len(c.text) && err == nil; i++ {
				_, _, err = x.Parse([]byte(c.text[:i]), new(Frame))
			}
			if err == nil {
				t.Error("byte by byte it is accepted")
			}
		})
	}
}

func TestDefaultLimits(t *testing.T) {
	if got, want := (Limits{}).WithDefaults(), (Limits{8 << 10, 128, 32 << 10, 8 << 20}); got != want {
		t.Errorf("defaults are %+v, want %+v", got, want)
	}
}

// need never lets a finished frame wait, and makes an announced body cost one
// more call.
func TestNeed(t *testing.T) {
	text := "SEND\ndestination:/topic/a\ncontent-length:1000\n\n" + strings.Repeat("x", 1000) + "\x00"
	x := Parser{Dialect: V12, Limits: Limits{}.WithDefaults()}
	calls := 0
	for i := 1; ; calls++ {
		n, need, err := x.Parse([]byte(text[:i]), new(Frame))
		if err != nil {
			t.Fatal(err)
		}
		if n > 0 {
			break
		}
		if need <= i || need > len(text) {
			t.Fatalf("with %d bytes of %d, need = %d", i, len(text), need)
		}
		i = need
	}
	if head := strings.Index(text, "\n\n") + 2; calls > head {
		t.Errorf("%d calls, want at most one for each of the %d bytes of the headers", calls, head)
	}
}

func TestGetAndForward(t *testing.T) {
	f := parseOne(t, V11, "SEND\r\ndestination:/topic/a\r\nreceipt:1\r\na\\cb:c\\nd\r\nx: y \r\nack:9\r\nx:z\r\ncr:a\rb\r\n\r\n\x00")
	for name, want := range map[string]string{"a:b": "", `a\cb`: "c\nd", "x": " y ", "receipt": "1"} {
		if got, _ := f.Get(name); got != want {
			t.Errorf("Get(%q) = %q, want %q", name, got, want)
		}
	}
	if _, ok := f.Get("none"); ok {
		t.Error("Get finds what is not there")
	}
	if got, want := string(f.Forward(nil, "")), "destination:/topic/a\na\\cb:c\\nd\nx: y \nx:z\ncr:a\\rb\n"; got != want {
		t.Errorf("Forward = %q, want %q", got, want)
	}
	f = parseOne(t, V12, "SEND\na:1\nreply-to:x\nb:2\n\n\x00")
	if got, want := string(f.Forward(nil, "y:z")), "a:1\nreply-to:y\\cz\nb:2\n"; got != want {
		t.Errorf("Forward = %q, want %q", got, want)
	}
	f = parseOne(t, V10, "SEND\ndestination: /topic/a\nwin : C:\\new\n\n\x00")
	if got, want := string(f.Forward(nil, "")), "destination:/topic/a\nwin:C\\c\\\\new\n"; got != want {
		t.Errorf("Forward = %q, want %q", got, want)
	}
}

// STOMP 1.2, "Value Encoding", and how it was before.
func TestEscapes(t *testing.T) {
	const s = "a\\b:c\nd\re"
	for d, want := range map[*Dialect]string{V10: s, V11: `a\\b\cc\nd` + "\re", V12: `a\\b\cc\nd\re`} {
		if got := string(d.AppendEscaped(nil, s)); got != want {
			t.Errorf("STOMP %s: %q is escaped as %q, want %q", d.Version, s, got, want)
		}
		if back, err := d.Unescape([]byte(want)); back != s || err != nil {
			t.Errorf("STOMP %s: %q is unescaped as %q, %v", d.Version, want, back, err)
		}
	}
	if _, err := V11.Unescape([]byte(`a\rb`)); err == nil {
		t.Error("STOMP 1.1 accepts \\r")
	}
}

func TestAppendHead(t *testing.T) {
	const head = "plain:1\nesc:a\\cb\\\\\nlf:a\\nb\ncr:a\\rb\nna\\cme:x\nraw:a:b\nend:\\r\n"
	for _, c := range []struct {
		d    *Dialect
		want string
		lost int
	}{
		{V12, head, 0},
		{V11, "plain:1\nesc:a\\cb\\\\\nlf:a\\nb\ncr:a\rb\nna\\cme:x\nraw:a\\cb\n", 1},
		{V10, "plain:1\nesc:a:b\\\nraw:a:b\n", 4},
	} {
		if got, lost := c.d.AppendHead(nil, []byte(head)); string(got) != c.want || lost != c.lost {
			t.Errorf("STOMP %s: %q, lost %d; want %q, %d", c.d.Version, got, lost, c.want, c.lost)
		}
	}
	const blanks = "a: x \n message-id:forged\nack :forged\n\t:forged\n"
	if got, lost := V10.AppendHead(nil, []byte(blanks)); string(got) != "a: x \n" || lost != 3 {
		t.Errorf("STOMP 1.0, which trims: %q, lost %d", got, lost)
	}
}

func TestLen(t *testing.T) {
	frames := []string{
		"\n",
		string(V12.Append(nil, Message, []Header{{"destination", "/topic/a"}}, []byte("a\x00b\n\n"))),
		string(AppendReceipt(nil, []byte("r"))),
		string(V11.AppendError(nil, "m", nil, "content-length:1\n\n")),
		"\n",
		string(V10.Append(nil, Connected, nil, nil)),
	}
	p := []byte(strings.Join(frames, ""))
	for i, want := range frames {
		if n := Len(p); n != len(want) {
			t.Fatalf("frame %d: Len = %d, want %d", i, n, len(want))
		}
		p = p[len(want):]
	}
}

// A frame that comes in pieces is not parsed anew with each, and the pieces do
// not change what it is.
func TestSlowBody(t *testing.T) {
	x := Parser{Dialect: V12, Limits: Limits{Body: 1 << 20}.WithDefaults()}
	text := []byte("SEND\ndestination:/topic/a\n\n" + strings.Repeat("x", 1<<19) + "\x00")
	f := new(Frame)
	for i := 1; i < len(text); i++ { // quadratic, this would take minutes
		if n, _, err := x.Parse(text[:i], f); n != 0 || err != nil {
			t.Fatalf("with %d bytes: %d, %v", i, n, err)
		}
	}
	if n, _, err := x.Parse(text, f); n != len(text) || err != nil || len(f.Body) != 1<<19 {
		t.Errorf("Parse = %d, %v, a body of %d", n, err, len(f.Body))
	}
}

// Headers that come again are compared, and not parsed anew: that makes no difference.
func TestRepeatedHeaders(t *testing.T) {
	const (
		short = "SEND\ndestination:/topic/a\nreceipt:1\npriority:7\nx:a\\cb\ncontent-length:2\n\n"
		open  = "SEND\ndestination:/topic/a\n\n"
	)
	rest := []byte(short + "{}\x00" + short + "a\x00\x00" + open + "a\x00" + open + "bcd\x00" + open + "\x00" + short + "{}\x00" +
		"DISCONNECT\nreceipt:2\n\n\x00" + "DISCONNECT\nreceipt:2\n\n\x00" + short + "[]\x00" + short + "too long\x00")
	x, frames := Parser{Dialect: V12, Limits: Limits{}.WithDefaults()}, 0
	var f Frame
	for {
		y, want := x, Frame{}
		n, _, err := x.Parse(rest, &f)
		m, _, wantErr := y.Parse(rest, &want)
		if n != m || !reflect.DeepEqual(err, wantErr) || err == nil && !reflect.DeepEqual(f, want) {
			t.Fatalf("at %q: %+v, %v; parsed anew: %+v, %v", rest, f, err, want, wantErr)
		}
		if err != nil {
			break
		}
		frames++
		rest = rest[n:]
	}
	if frames != 9 {
		t.Errorf("%d frames before the bad one, want 9", frames)
	}
}

func TestParseAllocates(t *testing.T) {
	x := Parser{Dialect: V12, Limits: Limits{}.WithDefaults()}
	text := []byte("SEND\ndestination:/topic/device.BBB.location\ncontent-type:application/json\ncontent-length:2\n\n{}\x00")
	f := new(Frame)
	if n := testing.AllocsPerRun(1000, func() {
		*f = Frame{}
		if n, _, err := x.Parse(text, f); n != len(text) || err != nil {
			t.Fatal(n, err)
		}
	}); n != 0 {
		t.Errorf("%v allocations a frame, want none", n)
	}
}

func BenchmarkParse(b *testing.B) {
	x := Parser{Dialect: V12, Limits: Limits{}.WithDefaults()}
	text := []byte("SEND\ndestination:/topic/device.BBB.location\ncontent-type:application/json\ncontent-length:110\n\n" + strings.Repeat("x", 110) + "\x00")
	for _, repeated := range []bool{false, true} {
		b.Run(fmt.Sprintf("repeated=%t", repeated), func(b *testing.B) {
			f := new(Frame)
			b.SetBytes(int64(len(text)))
			b.ReportAllocs()
			for b.Loop() {
				if !repeated {
					*f = Frame{}
				}
				x.Parse(text, f)
			}
		})
	}
}

func ExampleDialect_Append() {
	p := V12.Append(nil, Send, []Header{{"destination", "/queue/a"}, {"note", "10:30"}}, []byte("hi"))
	fmt.Println(strings.TrimSuffix(string(p), "\x00"))
	// Output:
	// SEND
	// destination:/queue/a
	// note:10\c30
	// content-length:2
	//
	// hi
}
