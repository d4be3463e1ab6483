package mqtt

import (
	"sync"

	"mwm/server/broker"
)

// inbound are the packet identifiers of QoS 2 messages that a session has taken
// and that wait for their PUBREL (MQTT 5.0 §4.3.3). Its lock is taken last.
type inbound struct {
	mu sync.Mutex
	m  map[uint16]arrival
}

// arrival is one of them.
type arrival struct {
	safe   bool           // PUBREC may be sent
	rec    *broker.Record // nil: it is not on disk, and need not be
	again  *conn          // where it was asked for again before it was safe; nil: nowhere
	ticket uint16         // of again
}

// find returns what is known of an identifier.
func (in *inbound) find(id uint16) (a arrival, known bool) {
	in.mu.Lock()
	defer in.mu.Unlock()
	a, known = in.m[id]
	return a, known
}

func (in *inbound) len() int {
	in.mu.Lock()
	defer in.mu.Unlock()
	return len(in.m)
}

func (in *inbound) set(id uint16, a arrival) {
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.m == nil {
		in.m = map[uint16]arrival{}
	}
	in.m[id] = a
}

// keep notes the record of an identifier. It reports whether that needs one: not if
// PUBREL has come already, nor twice if a PUBLISH after that has the identifier, too.
func (in *inbound) keep(id uint16, rec *broker.Record) bool {
	in.mu.Lock()
	defer in.mu.Unlock()
	a, known := in.m[id]
	if !known || a.rec != nil {
		return false
	}
	a.rec = rec
	in.m[id] = a
	return true
}

// confirmed notes that the message of an identifier is safe, or that it was
// refused and the identifier is free. It returns what was known of it.
func (in *inbound) confirmed(id uint16, ok bool) arrival {
	in.mu.Lock()
	defer in.mu.Unlock()
	a, known := in.m[id]
	if known && ok {
		in.m[id] = arrival{safe: true, rec: a.rec}
	} else {
		delete(in.m, id)
	}
	return a
}

// askAgain arranges for a connection to be told when an identifier is safe; unless
// it is by now, or was refused and is not known any more.
func (in *inbound) askAgain(id uint16, c *conn, ticket uint16) (waits, safe bool) {
	in.mu.Lock()
	defer in.mu.Unlock()
	a, known := in.m[id]
	if !known || a.safe {
		return false, a.safe
	}
	a.again, a.ticket = c, ticket
	in.m[id] = a
	return true, false
}

// release frees an identifier and returns its record.
func (in *inbound) release(id uint16) (rec *broker.Record, known bool) {
	in.mu.Lock()
	defer in.mu.Unlock()
	a, known := in.m[id]
	delete(in.m, id)
	return a.rec, known
}

// forget empties the set, and returns the records.
func (in *inbound) forget() (records []*broker.Record) {
	in.mu.Lock()
	defer in.mu.Unlock()
	for _, a := range in.m {
		records = append(records, a.rec)
	}
	in.m = nil
	return records
}
