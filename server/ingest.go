package server

import (
	"time"

	"mwm/server/auth"
	"mwm/server/broker"
	"mwm/server/fleet"
	"mwm/server/history"
	"mwm/server/telemetry"
	"mwm/server/topic"
	"mwm/server/wire"
)

// ingest tells the fleet what happens in the broker: what devices report, the
// alerts and texts they are sent, when they come and go.
type ingest struct {
	fleet   *fleet.Fleet
	history *history.Recorder // nil: none is kept
	broker  *broker.Broker    // set once it exists: it is told of its observer first
	wire    *wire.Monitor     // the same
}

// subscribe begins to listen. What is retained already is a last value of each
// device, and no sign of life.
func (in *ingest) subscribe() error {
	now := time.Now()
	in.broker.Retained(telemetry.MotionFilter, func(m *broker.Message) {
		if id, ok := telemetry.MotionID(m.Name); ok {
			in.fleet.Motion(id, m.Body, now, true)
		}
	})
	in.broker.Retained(telemetry.LocationFilter, func(m *broker.Message) {
		if id, ok := telemetry.LocationID(m.Name); ok {
			in.location(id, m.Body, now, true)
		}
	})
	for filter, take := range map[string]receiver{
		telemetry.LocationFilter: in.reports(telemetry.LocationID, in.location),
		telemetry.MotionFilter:   in.reports(telemetry.MotionID, in.fleet.Motion),
		telemetry.LastWill:       in.wills,
		telemetry.AlertFilter:    in.alerts,
	} {
		if err := in.broker.Subscribe(&broker.Subscription{Filter: filter, Receiver: take, Internal: true}); err != nil {
			return err
		}
	}
	return nil
}

// receiver takes a batch.
type receiver func(*broker.Batch)

func (r receiver) Deliver(_ *broker.Subscription, b *broker.Batch) { r(b) }

// reports takes what a device reports. A batch is to one topic, and so of one device;
// whoever watches the wire wants to know over which connection.
func (in *ingest) reports(idOf func(name string) (id string, ok bool), take func(id string, payload []byte, at time.Time, retained bool)) receiver {
	return func(b *broker.Batch) {
		id, ok := idOf(b.Topic())
		if !ok {
			return
		}
		if in.wire.Watching() {
			in.wire.Reported(id, b.Client())
		}
		for i := range b.Messages {
			m := &b.Messages[i]
			take(id, m.Body, time.UnixMilli(m.Timestamp), false)
		}
	}
}

func (in *ingest) location(id string, payload []byte, at time.Time, retained bool) {
	if fix, ok := in.fleet.Location(id, payload, at, retained); ok && in.history != nil {
		p := history.At(fix.TS, fix.Lat, fix.Lng)
		p.Speed, p.Heading, p.Accuracy = history.Known(float64(fix.Speed)), history.Known(float64(fix.Heading)), history.Known(float64(fix.Accuracy))
		in.history.Add(id, p)
	}
}

func (in *ingest) wills(b *broker.Batch) {
	for i := range b.Messages {
		m := &b.Messages[i]
		in.fleet.Will(m.Sender, m.Body, time.UnixMilli(m.Timestamp))
	}
}

func (in *ingest) alerts(b *broker.Batch) {
	for i := range b.Messages {
		m := &b.Messages[i]
		if id, ok := telemetry.AlertID(m.Name); ok {
			in.fleet.Alerted(id, string(m.Body), b.Listeners(), time.UnixMilli(m.Timestamp))
		}
	}
}

// Connected and Disconnected make ingest the broker's observer.
func (in *ingest) Connected(c *broker.Client) {
	in.wire.Connected(c)
	if p, ok := protocol(c); ok {
		in.fleet.Connected(c.ID, p, time.Now())
	}
}

// Disconnected is the counterpart of Connected.
func (in *ingest) Disconnected(c *broker.Client, err error, _ bool) {
	in.wire.Disconnected(c)
	if p, ok := protocol(c); ok {
		in.fleet.Disconnected(c.ID, p, err != nil, time.Now())
	}
}

// protocol returns what the fleet calls it; ok is false for clients that cannot
// be devices: who only looks is none, whatever its client-id.
func protocol(c *broker.Client) (p fleet.Proto, ok bool) {
	if who, known := c.Access.(*auth.Principal); known && who.Role == auth.Viewer || telemetry.CheckID(c.ID) != nil {
		return 0, false
	}
	switch c.Protocol {
	case broker.STOMP:
		return fleet.STOMP, true
	case broker.MQTT:
		return fleet.MQTT, true
	}
	return 0, false
}

// isTextQueue tells the broker which queues the fleet follows.
func isTextQueue(name string) bool { return topic.Match(telemetry.TextFilter, name) }

var textStates = map[broker.QueueStep]fleet.TextState{
	broker.Accepted:  fleet.TextAccepted,
	broker.Delivered: fleet.TextDelivered,
	broker.Consumed:  fleet.TextConsumed,
	broker.Returned:  fleet.TextWaiting,
	broker.Refused:   fleet.TextRefused,
	broker.Expired:   fleet.TextExpired,
	broker.Dead:      fleet.TextRefused,
	broker.Discarded: fleet.TextDeleted,
}

// Queued tells what becomes of a text.
func (in *ingest) Queued(ev broker.QueueEvent) {
	id, ok := telemetry.TextID(ev.Message.Name)
	if !ok {
		return
	}
	u := textUpdate(id, ev.Message, textStates[ev.Step])
	in.fleet.Text(u)
	if ev.Step == broker.Accepted && in.broker.Consumers(ev.Message.Name) == 0 {
		u.State = fleet.TextWaiting
		in.fleet.Text(u)
	}
}

func textUpdate(device string, m *broker.Message, state fleet.TextState) fleet.TextUpdate {
	u := fleet.TextUpdate{ID: m.ID.String(), State: state, At: time.Now(), Device: device, Body: string(m.Body)}
	if m.Expires != 0 {
		u.Expires = time.UnixMilli(m.Expires)
	}
	return u
}
