package fleet

import (
	"context"
	"strings"
	"time"
)

// Status says how present a device is. The values are the feed's.
type Status uint8

// The states of a device.
const (
	Offline Status = iota // known to have left, or silent for OfflineAfter without a connection
	Stale                 // silent for StaleAfter
	Idle                  // there, but not on the move
	Moving                // a location came within StaleAfter with a speed of 0.5 m/s or more
)

const movingSpeed = 0.5 // m/s

func (s Status) String() string {
	return [...]string{"offline", "stale", "idle", "moving"}[s]
}

// Proto is the protocol of a connection.
type Proto uint8

// The protocols that a device may connect with.
const (
	STOMP Proto = iota
	MQTT
)

func (p Proto) String() string { return [...]string{"STOMP", "MQTT"}[p] }

// conns counts a client's open connections by Proto: during a take-over there
// may be two.
type conns [2]uint16

func (c conns) any() bool { return c[STOMP]|c[MQTT] != 0 }

// Connected says that the client id has connected. Most clients are no devices;
// whether this one is shows when it reports.
func (f *Fleet) Connected(id string, p Proto, at time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	d := f.byID[id]
	if d == nil {
		c, known := f.clients[id]
		if !known {
			id = strings.Clone(id)
		}
		c[p]++
		f.clients[id] = c
		return
	}
	d.conns[p]++
	f.mark(d, presence)
	f.alive(d, millis(at), newsOf("connected", p, "connected with "+p.String()))
}

// Disconnected says that a connection of the client id has ended; lost, that it
// did without saying so. Every call of Connected is followed by one of this.
func (f *Fleet) Disconnected(id string, p Proto, lost bool, at time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	d := f.byID[id]
	if d == nil {
		c := f.clients[id]
		if c[p] > 0 {
			c[p]--
		}
		if f.clients[id] = c; !c.any() {
			delete(f.clients, id)
		}
		return
	}
	if d.conns[p] > 0 {
		d.conns[p]--
	}
	f.mark(d, presence)
	n := newsOf("closed", p, p.String()+" connection closed")
	if lost {
		n = newsOf("lost", p, p.String()+" connection lost")
	}
	d.gone = !d.conns.any()
	f.refreshStatus(d, millis(at), n)
}

// alive notes a sign of life.
func (f *Fleet) alive(d *device, at int64, n news) {
	d.seenAt, d.gone = max(d.seenAt, at), false
	f.refreshStatus(d, at, n)
}

// refreshStatus recomputes a device's status; n explains the event if it came or
// went.
func (f *Fleet) refreshStatus(d *device, now int64, n news) {
	was, is := d.status, f.statusOf(d, now)
	if was == is {
		return
	}
	d.status = is
	f.byStatus[was]--
	f.byStatus[is]++
	f.mark(d, presence)
	switch {
	case was == Offline:
		f.event(EventOnline, d.id, n, now)
	case is == Offline:
		f.event(EventOffline, d.id, n, now)
	}
}

// statusOf computes a device's status. One that keeps a connection open is
// there, however silent: the protocols' heart-beats end those that are not, and
// a parked truck reports nothing.
func (f *Fleet) statusOf(d *device, now int64) Status {
	if d.gone || d.seenAt == 0 {
		return Offline
	}
	switch silent := now - d.seenAt; {
	case silent > f.goneMs && !d.conns.any():
		return Offline
	case silent > f.staleMs:
		return Stale
	case d.located && d.fix.speed >= movingSpeed && d.reportedAt != 0 && now-d.reportedAt <= f.staleMs:
		return Moving
	}
	return Idle
}

// ageEvery is how often Run looks for devices that have fallen silent.
const ageEvery = time.Second

// Run lets silent devices age until ctx is done.
func (f *Fleet) Run(ctx context.Context) error {
	t := time.NewTicker(ageEvery)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-t.C:
			f.age()
		}
	}
}

func (f *Fleet) age() {
	now := f.nowMs()
	f.noticeSetBack(now)
	f.scan(func(d *device) {
		if d.status == Offline {
			return // only a sign of life ends this
		}
		f.refreshStatus(d, now, newsSilent)
	})
	f.mu.Lock()
	defer f.mu.Unlock()
	f.summarize(now)
}

func (f *Fleet) nowMs() int64 { return f.opts.Now().UnixMilli() }

// scanChunk is how many devices are looked at in one go: some ten microseconds.
const scanChunk = 512

// scan calls visit with every device, letting others at the fleet in between.
func (f *Fleet) scan(visit func(*device)) {
	for i := 0; ; i += scanChunk {
		f.mu.Lock()
		n := len(f.devices)
		for _, d := range f.devices[min(i, n):min(i+scanChunk, n)] {
			visit(d)
		}
		f.mu.Unlock()
		if i+scanChunk >= n {
			return
		}
	}
}
