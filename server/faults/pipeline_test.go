package faults

import (
	"fmt"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// The pipeline takes messages from one queue and, in a transaction that also holds
// the acknowledgement, puts one on each of two others.
const (
	pipeOut   = "/queue/crash.out"
	pipeAudit = "/queue/crash.audit"
)

// pipeline knows of every transaction what has become of it.
type pipeline struct {
	mu       sync.Mutex
	attempts []*attempt // by number, from 0
	of       map[string][]*attempt
	taken    map[string]int // the run in which an input came last

	committed, aborted int
	ends               map[string]bool
}

// attempt is one transaction.
type attempt struct {
	input   string
	run     int
	aborts  bool           // it is not meant to be committed
	receipt bool           // of its COMMIT
	seen    map[string]int // by destination: the run in which a part was delivered last
}

func newPipeline() *pipeline {
	return &pipeline{of: map[string][]*attempt{}, taken: map[string]int{}, ends: map[string]bool{}}
}

func (p *pipeline) begin(b *book, input string, aborts bool) (number string, a *attempt) {
	p.mu.Lock()
	defer p.mu.Unlock()
	a = &attempt{input: input, run: b.run, aborts: aborts, seen: map[string]int{}}
	p.attempts = append(p.attempts, a)
	p.of[input] = append(p.of[input], a)
	p.taken[input] = b.run
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
func (p *pipeline) work(b *book, g *group, server *process) error {
	conn, err := dialSTOMP(server.stomp, "")
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
		conn.send("SEND", number, "destination:"+pipeOut, "persistent:true", tx)
		conn.send("ACK", "", "id:"+ack, tx)
		conn.send("SEND", number, "destination:"+pipeAudit, "persistent:true", tx)
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
func (p *pipeline) collect(b *book, server *process) error {
	conn, err := dialSTOMP(server.stomp, "")
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
	n, err := strconv.Atoi(f.body)
	if err != nil || n >= len(p.attempts) {
		b.fault("%s got %.60q, which nobody has sent", to, f.body)
		return
	}
	a := p.attempts[n]
	if before := a.seen[to]; before > 0 && f.headers["redelivered"] != "true" {
		b.fault("%s got that of transaction %d again, not marked as redelivered (before: run %d)", to, n, before)
	}
	a.seen[to] = b.run
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

// check checks that of the transactions for one input the last one happened, whole,
// and the others have left nothing behind.
func (p *pipeline) check(t *testing.T, b *book) {
	t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	for input, attempts := range p.of {
		for i, a := range attempts {
			last := i == len(attempts)-1
			switch {
			case a.aborts:
				if len(a.seen) > 0 {
					t.Errorf("%s: of an aborted transaction came %v", input, a.seen)
				}
			case last:
				if len(a.seen) != 2 {
					t.Errorf("%s: the transaction of run %d happened in part: %v of two messages came, and the input was acknowledged", input, a.run, a.seen)
				}
			case a.receipt:
				t.Errorf("%s: came again after a transaction with its acknowledgement was committed in run %d", input, a.run)
			case a.seen[pipeOut] > a.run || a.seen[pipeAudit] > a.run:
				t.Errorf("%s: came again in run %d, but its transaction of run %d has left messages: %v", input, attempts[i+1].run, a.run, a.seen)
			}
		}
	}
}
