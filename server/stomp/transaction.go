package stomp

import (
	"sync"

	"mwm/server/broker"
	"mwm/server/netx"
	"mwm/server/stomp/frame"
)

// transaction holds what COMMIT will do. (STOMP 1.2, BEGIN)
type transaction struct {
	steps []step
	bytes int
}

// step is a SEND, ACK or NACK inside a transaction.
type step struct {
	to      destination
	message *broker.Message // of a SEND; nil: the step is an answer
	answer  answer
}

// stepBytes is what a step counts beside its message.
const stepBytes = 256

// begin handles BEGIN.
func (s *session) begin(f *frame.Frame, done func(error)) error {
	name, ok := f.Get("transaction")
	if !ok {
		return refuse("transaction missing", "BEGIN needs a transaction header")
	}
	if s.transactions[name] != nil {
		return refuse("transaction exists", "the transaction %.80q is open already", name)
	}
	if len(s.transactions) >= s.srv.opt.MaxTransactions {
		return refuse("too many transactions", "%d are open, no more are allowed", len(s.transactions))
	}
	if s.transactions == nil {
		s.transactions = map[string]*transaction{}
	}
	s.transactions[name] = &transaction{}
	done(nil)
	return nil
}

// open returns the transaction that a header names.
func (s *session) open(name string) (*transaction, error) {
	t := s.transactions[name]
	if t == nil {
		return nil, refuse("unknown transaction", "no transaction %.80q has been begun", name)
	}
	return t, nil
}

// take ends the transaction that a COMMIT or ABORT names and returns it.
func (s *session) take(f *frame.Frame) (*transaction, error) {
	name, ok := f.Get("transaction")
	if !ok {
		return nil, refuse("transaction missing", "%s needs a transaction header", f.Command)
	}
	t, err := s.open(name)
	if err != nil {
		return nil, err
	}
	delete(s.transactions, name)
	s.transactionBytes -= t.bytes
	netx.Unbook(t.bytes)
	return t, nil
}

// abort handles ABORT.
func (s *session) abort(f *frame.Frame, done func(error)) error {
	_, err := s.take(f)
	if err == nil {
		done(nil)
	}
	return err
}

// commit handles COMMIT.
func (s *session) commit(f *frame.Frame, done func(error)) error {
	t, err := s.take(f)
	if err != nil {
		return err
	}
	steps := make([]broker.Step, 0, len(t.steps))
	for _, x := range t.steps {
		if x.message == nil {
			answers, err := s.steps(x.answer)
			if err != nil {
				return err
			}
			steps = append(steps, answers...)
			continue
		}
		if x.to.owner != "" && x.to.kind == broker.QueueKind {
			if s.srv.hasGone(x.to.owner) {
				continue // see enqueue
			}
			x.message.Persistent = false
		}
		x.message.Name = x.to.name
		steps = append(steps, broker.Step{Message: x.message, Kind: x.to.kind})
	}
	if err := s.pub.Commit(steps, done); err != nil {
		return err
	}
	s.pub.Flush()
	for _, x := range t.steps {
		s.giveUp(x.to)
	}
	return nil
}

// join calls a function when all parts are done, with the first error.
type join struct {
	mu    sync.Mutex
	waits int
	err   error
	then  func(error)
}

// newJoin returns the join of n parts; with none it is done at once.
func newJoin(n int, then func(error)) *join {
	j := &join{waits: n + 1, then: then}
	j.done(nil)
	return j
}

func (j *join) done(err error) {
	j.mu.Lock()
	if j.err == nil {
		j.err = err
	}
	j.waits--
	last := j.waits == 0
	j.mu.Unlock()
	if last {
		j.then(j.err)
	}
}

// stageSend keeps a SEND for its transaction.
func (s *session) stageSend(f *frame.Frame, to destination, done func(error)) error {
	var m broker.Message
	s.fill(&m, f, false)
	err := s.stage(f.Value(f.Transaction), step{to: to, message: m.Clone()})
	if err == nil {
		done(nil)
	}
	return err
}

// stage keeps a step for its transaction.
func (s *session) stage(name string, x step) error {
	t, err := s.open(name)
	if err != nil {
		return err
	}
	n := stepBytes
	if x.message != nil {
		n += x.message.Size()
	}
	if netx.Pressed() {
		return netx.ErrMemory
	}
	if s.transactionBytes+n > s.srv.opt.MaxTransactionBytes {
		return refuse("transactions too large", "the open transactions may hold %d bytes together", s.srv.opt.MaxTransactionBytes)
	}
	t.steps = append(t.steps, x)
	t.bytes += n
	s.transactionBytes += n
	netx.Book(n)
	return nil
}
