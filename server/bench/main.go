package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"runtime/debug"
	"time"
)

const usage = `bench measures message brokers over loopback TCP.

  bench -mode MODE -proto mqtt|stomp -addr HOST:PORT [-pid BROKERPID] [flags]
  bench -mode compare [-rounds 3] [-cases fanin,queue] [-peers mwm,mosquitto] [-quick] [-out FILE]

Modes
  fanin    N publishers, each on its own topic, to 1 wildcard subscriber
  fanout   1 publisher to N subscribers of the same wildcard
  pairs    N publisher/subscriber pairs on distinct topics
  qos1     (mqtt) N publishers at QoS 1, at most -window 32 unconfirmed each,
           to 1 wildcard subscriber at QoS 1 that acknowledges all
  queue    (stomp) N publishers (give -n 1) send persistent messages with
           receipts, at most -window 64 unconfirmed each, to one queue whose
           one consumer acknowledges each (ack:client-individual)
  latency  N publishers at -rate per second each, 1 wildcard subscriber;
           end-to-end percentiles
  idle     N connections, each subscribed to its own topic; memory of each,
           and one message to each as proof that it is alive
  slow     1 publisher, N healthy wildcard subscribers; then one more joins
           that never reads, or reads -pace bytes per second. Compares healthy
           rate and memory before and after
  queues   (stomp) N queues with one consumer each, 100 a connection, and one
           publisher that sends to all of them in turn; memory of each
  backlog  (stomp) -msgs persistent messages to one queue without a consumer,
           then one consumer: rates of both, memory of each message
  devices  N devices that report their locations once a second through ten
           gateways, over STOMP, until it is killed: work beside other runs
  compare  start mwm and the peers that are installed, measure them in turns,
           print the tables; -rounds, -cases, -peers, -quick and -out are its
  table    read JSON lines on standard input, print the tables
  relay, mochi, gostomp
           serve at -addr: the physical limit, a TCP copier without any protocol
           work (measure it with -relay), or the servers of these libraries

fanin, fanout and pairs send open loop by default (whatever TCP accepts; what
the broker drops counts as lost). With -window W they keep at most W messages
between publishers and subscribers: the rate a broker carries without loss.
Every load ends at -msgs published messages or after -time, whichever is first.

The human line: delivered messages per second; published, delivered and lost
messages; late ones (repeated or out of order within a publisher); the broker's
CPU seconds per million deliveries and resident memory (with -pid, children
included); the generator's own CPU; the cores everything else on the machine
used meanwhile ("others": discard a run where this is large).

Flags
`

// runID sets this run's client ids and queue apart from earlier ones, nonce
// its messages.
var (
	runID = time.Now().UnixMilli()
	nonce = uint16(runID)
)

// config is the command line.
type config struct {
	mode, addr, label string
	w                 wire
	n                 int
	msgs              int64
	time, quiet       time.Duration
	drain, settle     time.Duration
	window, batch     int
	rate              float64
	pid               int
	pace              int // bytes per second
	compare           comparison
}

func main() {
	c, asJSON := parse(os.Args[1:])
	debug.SetGCPercent(800)
	settle(c.pid, c.settle)
	r, err := c.run()
	if err != nil {
		fmt.Fprintf(os.Stderr, "bench: %s %s %s: %v\n", c.label, c.w.name(), c.mode, err)
		os.Exit(1)
	}
	switch {
	case r == nil:
	case asJSON:
		err = json.NewEncoder(os.Stdout).Encode(r)
	default:
		_, err = fmt.Println(r.human())
	}
	if err != nil {
		os.Exit(1)
	}
}

// parse reads the command line, or says what it may be and ends the program.
func parse(args []string) (c *config, asJSON bool) {
	c = &config{}
	fs := flag.NewFlagSet("bench", flag.ExitOnError)
	fs.Usage = func() {
		fmt.Fprint(fs.Output(), usage)
		fs.PrintDefaults()
	}
	proto := fs.String("proto", "mqtt", "mqtt or stomp")
	fs.BoolVar(&asJSON, "json", false, "print a JSON line instead of the human one")
	c.flags(fs)
	c.compare.flags(fs)
	_ = fs.Parse(args) // it ends the program
	c.w.stomp = *proto == "stomp"
	if fs.NArg() > 0 || c.mode == "" || *proto != "stomp" && *proto != "mqtt" || c.n < 1 || c.n > 50000 || c.batch < 1 {
		fs.Usage()
		os.Exit(2)
	}
	return c, asJSON
}

func (c *config) flags(fs *flag.FlagSet) {
	fs.StringVar(&c.mode, "mode", "", "see above")
	fs.StringVar(&c.addr, "addr", "127.0.0.1:1883", "broker's address; or where to listen")
	fs.StringVar(&c.label, "label", "broker", "name of the broker in the output")
	fs.IntVar(&c.n, "n", 100, "connections, as the mode says")
	fs.Int64Var(&c.msgs, "msgs", 2_000_000, "messages to publish in total, at most")
	fs.DurationVar(&c.time, "time", 5*time.Second, "publish for this long, at most (idle: how long to hold)")
	fs.DurationVar(&c.quiet, "quiet", 3*time.Second, "after publishing, give up on the rest after this long without a delivery")
	fs.DurationVar(&c.drain, "drain", 20*time.Second, "after publishing, wait for the rest this long, at most")
	fs.DurationVar(&c.settle, "settle", 20*time.Second, "with -pid: before starting, wait until the broker is idle, this long at most")
	fs.IntVar(&c.window, "window", 0, "messages in flight: in total for fanin, fanout, pairs, slow (0: open loop, slow 1000); for each publisher for qos1 (0: 32), queue and queues (0: 64), backlog (0: 1024)")
	fs.IntVar(&c.batch, "batch", 64, "messages per write, at most")
	fs.Float64Var(&c.rate, "rate", 1, "latency: messages per second and publisher")
	fs.IntVar(&c.pace, "pace", 0, "slow: bytes per second that the slow one reads")
	fs.IntVar(&c.pid, "pid", 0, "broker's process id: measure its CPU and memory, children included")
	fs.BoolVar(&c.w.fixed, "fixed", false, "one topic instead of wildcards (for a broker that has none)")
	fs.BoolVar(&c.w.relay, "relay", false, "the peer is a relay")
	fs.BoolVar(&c.w.blind, "blind", false, "ask for no receipt of SUBSCRIBE (for a broker that sends none)")
	fs.BoolVar(&c.w.v11, "v11", false, "offer STOMP 1.1 alone (for a broker whose 1.2 is broken)")
	fs.BoolVar(&c.w.tls, "tls", false, "connect with TLS, to any certificate")
	fs.BoolVar(&c.w.devices, "devices", false, "publishers of topics log in as the device of their topic")
	fs.StringVar(&c.w.user, "user", "guest", "login")
	fs.StringVar(&c.w.pass, "pass", "guest", "passcode")
	fs.StringVar(&c.w.vhost, "vhost", "/", "STOMP host header")
}

// run does what -mode says. There is no result where the mode serves or compares.
func (c *config) run() (r *result, err error) {
	switch c.mode {
	case "compare":
		return nil, c.compare.run()
	case "table":
		return nil, tables(os.Stdin, os.Stdout)
	case "relay":
		return nil, serveRelay(c.addr)
	case "mochi":
		return nil, serveMochi(c.addr)
	case "gostomp":
		return nil, serveGoSTOMP(c.addr)
	case "devices":
		return nil, c.reports()
	case "fanin", "fanout", "pairs":
		return c.flood()
	case "latency":
		return c.latency()
	case "idle":
		return c.idle()
	case "slow":
		return c.slow()
	case "qos1":
		if !c.w.stomp {
			return c.confirmed()
		}
	case "queue", "queues", "backlog":
		if c.w.stomp {
			return map[string]func() (*result, error){"queue": c.confirmed, "queues": c.queues, "backlog": c.backlog}[c.mode]()
		}
	default:
		return nil, fmt.Errorf("unknown mode %q; see -h", c.mode)
	}
	return nil, fmt.Errorf("mode %s is not for %s", c.mode, c.w.name())
}
