package mqtt

import (
	"sync"

	"mwm/server/broker"
)

const (
	// minAliased is from how many bytes on a topic gets an alias: the property takes
	// three, and the packet that introduces it has both.
	minAliased = 8
	// maxAliased is up to how many: of longer names a client could have the server
	// remember megabytes, for nothing.
	maxAliased = 1 << 10
)

// sentAliases are the topic aliases towards a client that permits some (MQTT 5.0
// §3.1.2.11.5): the first topics that it gets messages of have one, until the
// connection ends. A packet that introduces one must not get lost, or be
// overtaken: it is appended to what must arrive, and only then are others told.
type sentAliases struct {
	max int

	mu sync.Mutex
	m  map[string]uint16 // by canonical name
}

// newSentAliases returns nil for a client that permits none.
func newSentAliases(permitted, limit int) *sentAliases {
	if permitted == 0 {
		return nil
	}
	return &sentAliases{max: min(permitted, limit)}
}

// get returns the alias of a topic; 0: it has none, and does not get one. If it is
// to be introduced, send is called to do so: with it held back that others use it.
// send reports whether it has.
func (a *sentAliases) get(name string, send func(alias uint16) bool) (alias uint16) {
	if len(name) < minAliased || len(name) > maxAliased {
		return 0
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if alias, known := a.m[name]; known || len(a.m) >= a.max || send == nil {
		return alias
	}
	alias = uint16(len(a.m) + 1)
	if !send(alias) {
		return 0
	}
	if a.m == nil {
		a.m = map[string]uint16{}
	}
	a.m[name] = alias
	return alias
}

// aliased encodes the QoS 0 messages of one run, whose topic has an alias.
type aliased struct {
	encoder
	alias uint16
	sent  *broker.Message // has introduced it, and is left out; nil: none
}

// Append implements [broker.Encoder].
func (e *aliased) Append(dst []byte, m *broker.Message) []byte {
	if m == e.sent {
		return dst
	}
	return e.append(dst, m, e.alias, false)
}

// encoderFor returns the encoder for the QoS 0 messages first to end of a batch.
func (t *terms) encoderFor(b *broker.Batch, first, end int) broker.Encoder {
	a := t.conn.sent
	if a == nil {
		return &t.enc
	}
	e := &aliased{encoder: t.enc}
	e.alias = a.get(b.Messages[first].Name, func(alias uint16) bool {
		probe, counted := t.enc, Stats{}
		probe.stats = &counted // without the alias it may not be too large
		for i := first; i < end; i++ {
			if p := probe.append(nil, &b.Messages[i], alias, true); len(p) > 0 {
				if _, wake := t.conn.out.SendMessages(p, 0); wake { // the run counts it
					b.Wake(t.conn.out)
				}
				e.sent = &b.Messages[i]
				t.enc.stats.LostHeaders.Add(counted.LostHeaders.Load())
				return true
			}
		}
		return false // none is at QoS 0
	})
	return e
}

// frameAliased is frame for a client that permits topic aliases. What is retained
// comes but once, and introduces none. s.mu is held.
func (s *session) frameAliased(p *publication) bool {
	introduced := false
	introduce := func(alias uint16) bool {
		p.alias, p.named = alias, true
		if introduced = s.frame(p); introduced && s.handOver() {
			s.conn.out.Wake()
		}
		return introduced
	}
	if p.retain {
		introduce = nil
	}
	alias := s.conn.sent.get(p.Name, introduce)
	if introduced {
		return true
	}
	p.alias, p.named = alias, false
	return s.frame(p)
}
