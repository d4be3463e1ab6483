package mqtt

import (
	"log/slog"
	"net"
	"testing"

	"mwm/server/broker"
)

// coming is told of each client that comes.
type coming func()

func (f coming) Connected(*broker.Client)               { f() }
func (coming) Disconnected(*broker.Client, error, bool) {}
func (coming) Queued(broker.QueueEvent)                 {}

// A session that is just being made has nobody who is away: it is counted without.
func TestTotalsWhileSomebodyComes(t *testing.T) {
	var s *Server
	seen := make(chan SessionTotals, 1)
	b := broker.New(broker.Options{Observer: coming(func() { seen <- s.SessionTotals() })})
	s, err := New(b, Options{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	here, there := net.Pipe()
	served := make(chan struct{})
	go func() {
		defer close(served)
		s.ServeConn(there)
	}()
	p := newPeer(t, here)
	p.shake(forMinutes("A"))
	if got := <-seen; got != (SessionTotals{Sessions: 1}) {
		t.Errorf("%+v", got)
	}
	here.Close()
	<-served
	if got := s.SessionTotals(); got != (SessionTotals{Sessions: 1, Away: 1}) {
		t.Errorf("when it has gone: %+v", got)
	}
	if err := s.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
}
