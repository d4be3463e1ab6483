package stomp_test

import (
	"regexp"
	"strconv"
	"strings"
	"testing"

	"mwm/server/broker"
	"mwm/server/stomp"
	"mwm/server/stomp/frame"
)

// The specifications (https://stomp.github.io) as a table: each sentence that binds
// a server, where it stands, the versions it holds for, and the transcript that
// proves it, which is carried out over a socket once for each version. Where 1.0,
// which knows no MUST, says a thing plainly, that counts as one.
type sentence struct {
	section  string // by its heading, in the newest of the versions
	level    string // MUST, SHOULD or MAY
	versions string
	says     string // in short
	script   string // see [conversation]
	// prove is what a transcript cannot say.
	prove func(t *testing.T, version string)
}

const (
	all   = "1.0 1.1 1.2"
	new11 = "1.1 1.2" // what came with 1.1
)

// TestConformance goes through the table, whose parts stand in the files named
// after the chapters.
func TestConformance(t *testing.T) {
	for _, part := range [][]sentence{frameSentences, connectSentences, heartBeatSentences,
		sendSentences, subscribeSentences, ackSentences, transactionSentences, serverSentences} {
		for _, s := range part {
			for version := range strings.FieldsSeq(s.versions) {
				t.Run(s.section+"/"+s.level+" "+s.says+"/"+version, func(t *testing.T) {
					if s.prove != nil {
						s.prove(t, version)
						return
					}
					hold(t, version, s.script)
				})
			}
		}
	}
}

// conversation is a transcript that is being carried out. Each of its lines begins
// with who is concerned:
//
//	C, B  clients that speak the version the sentence is tested for
//	V     a client that speaks 1.2
//	R, Q  connections on which nothing has been said yet
//
// and goes on with what happens to it:
//
//	C> SEND|destination:/topic/a||^@  it sends that; | is a line feed, ^@ is NUL
//	C< MESSAGE id:0 x !y =body ~raw   it gets a frame, with what [peer.want] knows,
//	                                  and that in its header block as it came
//	C< ERROR words that it says !y    it gets an ERROR
//	C< END                            its connection is closed
//	C~                                nothing else has come
//	C!                                it breaks off
//
// ␣ is a space and ␍ a carriage return. In what is sent, {x} is the header x of the
// last MESSAGE; {ACK 2} acknowledges the second one in the words of the version, and
// {NACK 2 t} refuses it in the transaction t. The subscription's id must be 0. {V} is
// the version, everywhere.
type conversation struct {
	*world
	version string
	parties map[string]*peer
	got     map[string][]message // the MESSAGEs of each
}

var smallFrames = frame.Limits{HeaderLine: 300, Headers: 20, Body: 1000}

// hold carries out a transcript.
func hold(t *testing.T, version, script string) {
	// Of a queue, at most 5 messages and 2 deliveries, so that both limits are met.
	b := broker.New(broker.Options{MaxQueueMessages: 5, MaxDeliveries: 2})
	w := serveBroker(t, b, stomp.Options{Limits: smallFrames, Authenticator: guard{}, Version: "9:9"})
	c := &conversation{w, version, map[string]*peer{}, map[string][]message{}}
	for line := range strings.Lines(script) {
		if line = strings.ReplaceAll(strings.TrimSpace(line), "{V}", version); line != "" {
			c.step(line)
		}
		if t.Failed() {
			t.Fatalf("after %q", line)
		}
	}
}

// party returns somebody, who comes in with the first line about it.
func (c *conversation) party(name string) *peer {
	p := c.parties[name]
	if p != nil {
		return p
	}
	switch name {
	case "R", "Q":
		p = c.dial()
	case "V":
		p = c.connect("1.2")
	default:
		p = c.connect(c.version)
	}
	c.parties[name] = p
	return p
}

var invisible = strings.NewReplacer("|", "\n", "␣", " ", "␍", "\r", "^@", "\x00")

// step carries out one line.
func (c *conversation) step(line string) {
	c.t.Helper()
	name, kind, rest := line[:1], line[1:2], strings.TrimSpace(line[2:])
	p := c.party(name)
	switch kind {
	case ">":
		p.send(invisible.Replace(c.fillIn(name, rest)))
	case "<":
		c.expect(name, p, rest)
	case "~":
		p.sync()
	case "!":
		p.nc.Close()
		gone := p.nc.LocalAddr().String()
		eventually(c.t, "it is gone", func() bool {
			for _, x := range c.broker.Clients() {
				if x.Remote == gone {
					return false
				}
			}
			return true
		})
	default:
		c.t.Fatalf("what is %q?", line)
	}
}

// expect reads what a line says comes next.
func (c *conversation) expect(name string, p *peer, line string) {
	c.t.Helper()
	words := strings.Fields(line)
	for i := range words {
		words[i] = invisible.Replace(words[i])
	}
	switch command, words := words[0], words[1:]; command {
	case "END":
		p.wantEnd()
	case "ERROR":
		m := p.want("ERROR", "message", "content-length", "content-type")
		for _, w := range words {
			if name, absent := strings.CutPrefix(w, "!"); absent && m.get(name) != "" || !absent && !strings.Contains(m.head+m.body, w) {
				c.t.Errorf("the ERROR is %q %q; want %q", m.head, m.body, w)
			}
		}
	default:
		m := p.want(command, without(words, "~")...)
		for _, w := range words {
			if raw, ok := strings.CutPrefix(w, "~"); ok && !strings.Contains(m.head, raw) {
				c.t.Errorf("%s has the headers %q, want %q among them", command, m.head, raw)
			}
		}
		if command == "MESSAGE" {
			c.got[name] = append(c.got[name], m)
		}
	}
}

func without(words []string, prefix string) (rest []string) {
	for _, w := range words {
		if !strings.HasPrefix(w, prefix) {
			rest = append(rest, w)
		}
	}
	return rest
}

var blank = regexp.MustCompile(`\{(?:(ACK|NACK) (\d+)(?: (\w+))?|([\w-]+))\}`)

// fillIn replaces what stands in braces.
func (c *conversation) fillIn(name, text string) string {
	return blank.ReplaceAllStringFunc(text, func(s string) string {
		got, m := c.got[name], blank.FindStringSubmatch(s)
		if m[1] == "" {
			return got[len(got)-1].get(m[4])
		}
		n, _ := strconv.Atoi(m[2])
		answer := answerTo(c.version, m[1], got[n-1])
		if m[3] != "" {
			answer = strings.Replace(answer, "\n\n", "\ntransaction:"+m[3]+"\n\n", 1)
		}
		return answer
	})
}
