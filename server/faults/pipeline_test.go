package faults

import (
	"fmt"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// The pipeline takes messages from one queue and, in a transaction that also holds
// the acknowledgement, puts some on each of two others: so many that the disk would
// be caught in the middle of them.
const (
	pipeOut   = "/queue/crash.out"
	pipeAudit = "/queue/crash.audit"
	pipeParts = 100 // of a transaction, on both together
)

// pipeWorkers is how many transactions are under way at a time.
const pipeWorkers = 3

// pipeline knows of every transaction what has become of it.
type pipeline struct {
	mu       sync.Mutex
	attempts []*attempt // by number, from 0
	of       map[string][]*attempt

	committed, aborted int
	ends               map[string]bool
}

// attempt is one transaction.
type attempt struct {
	input   string
	run     int
	aborts  bool        // it is not meant to be committed
	receipt bool        // of its COMMIT
	seen    map[int]int // by part: the run in which it was delivered last
}

// left is the number of parts that were on disk after the attempt's own run.
func (a *attempt) left() (n int) {
	for _, run := range a.seen {
		if run > a.run {
			n++
		}
	}
	return n
}

func newPipeline() *pipeline {
	return &pipeline{of: map[string][]*attempt{}, ends: map[string]bool{}}
}

func (p *pipeline) begin(b *book, input string, aborts bool) (number string, a *attempt) {
	p.mu.Lock()
	defer p.mu.Unlock()
	a = &attempt{input: input, run: b.run, aborts: aborts, seen: map[int]int{}}
	p.attempts = append(p.attempts, a)
	p.of[input] = append(p.of[input], a)
	return strconv.Itoa(len(p.attempts) - 1), a
}

func (p *pipeline) receipt(a *attempt) {
	p.mu.Lock()
	defer p.mu.Unlock()
	a.receipt = true
	if a.aborts {
		p.aborted++
	} else {
		p.committed++
	}
}

// work handles inputs, one transaction at a time, until the connection breaks.
func (p *pipeline) work(b *book, g *group, at addresses) error {
	conn, err := dialSTOMP(at.stomp, "")
	if err != nil {
		return err
	}
	defer conn.close()
	if err := subscribe(conn, g.name, ""); err != nil {
		return err
	}
	if err := conn.flush(); err != nil {
		return err
	}
	r := b.reader(g)
	waiting := []stompFrame{} // messages that came while a receipt was waited for
	for {
		var f stompFrame
		if len(waiting) > 0 {
			f, waiting = waiting[0], waiting[1:]
		} else if f, err = conn.read(); err != nil {
			return err
		}
		if f.command != "MESSAGE" {
			return fmt.Errorf("%s %s", f.command, f.body)
		}
		key, _ := r.delivery(f.body, f.headers["redelivered"] == "true")
		if key == "" {
			continue
		}
		more, err := p.transact(b, conn, key, f.headers["ack"])
		if err != nil {
			return err
		}
		waiting = append(waiting, more...)
	}
}

// transact handles one input: now and then with a transaction that is aborted
// before the one that counts. It returns the messages that came meanwhile.
func (p *pipeline) transact(b *book, conn *stompConn, input, ack string) (more []stompFrame, err error) {
	n, _ := strconv.Atoi(input[strings.LastIndexByte(input, ':')+1:])
	steps := []bool{false}
	if n%10 == 0 {
		steps = []bool{true, false}
	}
	for _, aborts := range steps {
		number, a := p.begin(b, input, aborts)
		tx := "transaction:t" + number
		conn.send("BEGIN", "", tx)
		for part := range pipeParts {
			to := pipeOut
			if part >= pipeParts/2 {
				to = pipeAudit
			}
			if part == pipeParts/4 {
				conn.send("ACK", "", "id:"+ack, tx)
			}
			conn.send("SEND", number+":"+strconv.Itoa(part), "destination:"+to, "persistent:true", tx)
		}
		command := "COMMIT"
		if aborts {
			command = "ABORT"
		}
		conn.send(command, "", tx, "receipt:"+number)
		if err := conn.flush(); err != nil {
			return nil, err
		}
		for done := false; !done; {
			f, err := conn.read()
			switch {
			case err != nil:
				return nil, err
			case f.command == "MESSAGE":
				more = append(more, f)
			case f.headers["receipt-id"] == number:
				p.receipt(a)
				done = true
			default:
				return nil, fmt.Errorf("%s %s", f.command, f.body)
			}
		}
	}
	return more, nil
}

// collect takes what transactions have sent, until the connection breaks.
func (p *pipeline) collect(b *book, at addresses) error {
	conn, err := dialSTOMP(at.stomp, "")
	if err != nil {
		return err
	}
	defer conn.close()
	for i, name := range []string{pipeOut, pipeAudit} {
		if err := conn.send("SUBSCRIBE", "", "id:"+strconv.Itoa(i), "ack:client-individual", "destination:"+name); err != nil {
			return err
		}
	}
	for {
		if err := conn.flush(); err != nil {
			return err
		}
		f, err := conn.read()
		if err != nil {
			return err
		}
		if f.command != "MESSAGE" {
			return fmt.Errorf("%s %s", f.command, f.body)
		}
		p.delivery(b, f)
		if err := conn.send("ACK", "", "id:"+f.headers["ack"]); err != nil {
			return err
		}
	}
}

func (p *pipeline) delivery(b *book, f stompFrame) {
	p.mu.Lock()
	defer p.mu.Unlock()
	to := f.headers["destination"]
	if f.body == theEnd {
		p.ends[to] = true
		return
	}
	var n, part int
	if _, err := fmt.Sscanf(f.body, "%d:%d", &n, &part); err != nil || n < 0 || n >= len(p.attempts) {
		b.fault("%s got %.60q, which nobody has sent", to, f.body)
		return
	}
	a := p.attempts[n]
	if before := a.seen[part]; before > 0 && f.headers["redelivered"] != "true" {
		b.fault("%s got part %d of transaction %d again, not marked as redelivered (before: run %d)", to, part, n, before)
	}
	a.seen[part] = b.run
}

// finish waits until everything has come through.
func (p *pipeline) finish(t *testing.T, server *process) {
	t.Helper()
	conn, err := dialSTOMP(server.stomp, "")
	if err != nil {
		t.Fatal(err)
	}
	defer conn.close()
	// The input's end has come: what was before it has been sent on.
	for _, to := range []string{pipeOut, pipeAudit} {
		if err := conn.call("SEND", theEnd, "destination:"+to, "persistent:true"); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, "the pipeline is empty", func() bool {
		p.mu.Lock()
		defer p.mu.Unlock()
		return p.ends[pipeOut] && p.ends[pipeAudit]
	})
}

// check checks that of the transactions for one input one happened, whole, and the
// others have left nothing behind.
func (p *pipeline) check(t *testing.T, b *book) {
	t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	for input, attempts := range p.of {
		happened := theOne(attempts)
		s, i := b.find(input)
		lost := !s.sent[i-1].receipt && len(happened.seen) == 0 // it was given to a consumer before it was on disk
		if n := len(happened.seen); n != pipeParts && !lost {
			t.Errorf("%s: the transaction of run %d happened in part: %d of %d messages came, and the input was acknowledged", input, happened.run, n, pipeParts)
		}
		for _, a := range attempts {
			switch {
			case a == happened:
			case a.aborts && len(a.seen) > 0:
				t.Errorf("%s: of an aborted transaction came %d messages", input, len(a.seen))
			case !a.aborts && a.receipt:
				t.Errorf("%s: came again after a transaction with its acknowledgement was committed in run %d", input, a.run)
			case a.left() > 0:
				t.Errorf("%s: came again in run %d, but its transaction of run %d has left %d messages", input, happened.run, a.run, a.left())
			}
		}
	}
}

// theOne is the attempt that happened: the one with a RECEIPT, or with messages
// that were there in a later run, or else the last one.
func theOne(attempts []*attempt) *attempt {
	for _, a := range attempts {
		if a.receipt && !a.aborts {
			return a
		}
	}
	for _, a := range attempts {
		if a.left() > 0 && !a.aborts {
			return a
		}
	}
	return attempts[len(attempts)-1]
}
