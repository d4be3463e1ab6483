package mqtt

import (
	"strconv"
	"strings"
	"time"

	"mwm/server/broker"
	"mwm/server/topic"
)

// The server tells about itself under $SYS, with Mosquitto's names, every
// [Options.SysInterval]. Nothing is made while nobody is subscribed; who subscribes
// is told at once, as if the messages were retained.

// sysRoot is the canonical name of what only the server publishes to.
const sysRoot = "$SYS"

// sysBroker is before the names of the values.
const sysBroker = sysRoot + ".broker."

// sysValue is one topic under $SYS/broker.
type sysValue struct {
	name  string
	value func(r *sysReading) uint64
}

// sysReading is what the values are taken from.
type sysReading struct {
	s         *Server
	uptime    time.Duration
	connected int
	traffic   broker.Traffic // of all connections so far
	sessions  SessionTotals
}

var sysValues = []sysValue{
	{"clients.connected", func(r *sysReading) uint64 { return uint64(r.connected) }},
	{"clients.disconnected", func(r *sysReading) uint64 { return uint64(max(0, r.sessions.Sessions-r.connected)) }},
	{"clients.total", func(r *sysReading) uint64 { return uint64(max(r.sessions.Sessions, r.connected)) }},
	{"clients.maximum", func(r *sysReading) uint64 { return uint64(max(r.s.maxConns.Load(), int64(r.connected))) }},
	{"clients.expired", func(r *sysReading) uint64 { return r.s.stats.Ended.Load() }},
	{"publish.messages.received", func(r *sysReading) uint64 { return r.traffic.MessagesIn }},
	{"publish.messages.sent", func(r *sysReading) uint64 { return r.traffic.MessagesOut }},
	{"publish.messages.dropped", func(r *sysReading) uint64 {
		return r.traffic.Dropped + r.s.stats.Overflowed.Load() + r.s.stats.Unkept.Load()
	}},
	{"messages.inflight", func(r *sysReading) uint64 { return uint64(r.sessions.Inflight) }},
	{"bytes.received", func(r *sysReading) uint64 { return r.traffic.BytesIn }},
	{"bytes.sent", func(r *sysReading) uint64 { return r.traffic.BytesOut }},
	{"store.messages.count", func(r *sysReading) uint64 { return uint64(r.sessions.Queued + r.sessions.Inflight) }},
	{"store.messages.bytes", func(r *sysReading) uint64 { return uint64(r.sessions.QueuedBytes) }},
	{"retained messages.count", func(r *sysReading) uint64 { return uint64(r.s.b.RetainedCount()) }},
	{"subscriptions.count", func(r *sysReading) uint64 { return uint64(r.s.b.Subscriptions()) }},
}

// sysMessages are the messages under $SYS that a filter matches, as they are now.
func (s *Server) sysMessages(filter string) (all []*broker.Message) {
	var r *sysReading
	add := func(name string, body func() string) {
		if !topic.Match(filter, sysBroker+name) {
			return
		}
		if r == nil {
			r = s.readSys()
		}
		all = append(all, &broker.Message{Name: sysBroker + name, Body: []byte(body()), Retain: true, Retained: true})
	}
	add("version", func() string { return "mwm " + s.opt.Version })
	add("uptime", func() string { return strconv.Itoa(int(r.uptime.Seconds())) + " seconds" })
	for _, v := range sysValues {
		add(v.name, func() string { return strconv.FormatUint(v.value(r), 10) })
	}
	return all
}

// readSys gathers what the values are taken from.
func (s *Server) readSys() *sysReading {
	r := &sysReading{s: s, uptime: time.Since(s.started), sessions: s.SessionTotals()}
	s.mu.Lock()
	r.traffic = s.gone
	conns := make([]*conn, 0, len(s.conns))
	for c := range s.conns {
		conns = append(conns, c)
	}
	s.mu.Unlock()
	for _, c := range conns {
		if c.session() != nil {
			r.connected++
			r.traffic.Add(c.client.Traffic())
		}
	}
	return r
}

// isSys reports whether a filter can match what is under $SYS.
func isSys(filter string) bool { return filter == sysRoot || strings.HasPrefix(filter, sysRoot+".") }

// wakeSys begins to publish, when somebody who is subscribed to $SYS can be told.
func (s *Server) wakeSys() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.sysTimer == nil && !s.closed {
		s.sysTimer = time.AfterFunc(s.opt.SysInterval, s.publishSys)
	}
}

// publishSys publishes what somebody is subscribed to, and plans the next time, if
// there is anybody.
func (s *Server) publishSys() {
	s.mu.Lock()
	s.sysTimer = nil // who comes while this looks for listeners may be missed: wakeSys plans anew
	s.mu.Unlock()
	p := s.b.NewPublisher(nil)
	heard := false
	for _, m := range s.sysMessages(sysRoot + ".>") {
		route, err := p.Topic([]byte(m.Name))
		if err != nil || route.Listeners() == 0 {
			continue
		}
		heard = true
		p.Add(route).Body = m.Body
	}
	p.Flush()
	if heard {
		s.wakeSys()
	}
}
