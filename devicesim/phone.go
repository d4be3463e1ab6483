package devicesim

import (
	"context"
	"sync"
	"time"

	"mwm/devicesim/link"
	"mwm/devicesim/terminal"
	"mwm/server/telemetry"
)

// maxFilters is how many topics one SUBSCRIBE names.
const maxFilters = 100

// phone is moved about, reports its motion and turns to the colour of an alert.
type phone struct {
	id    string
	topic string
	up    *uplink[*link.MQTT]
	fleet *Fleet

	// Of the goroutine that steps.
	handling *handling
	stepped  time.Time

	mu   sync.Mutex
	seen phoneState // guarded by mu
}

// phoneState is what a phone shows.
type phoneState struct {
	telemetry.Motion
	what   string
	screen background
}

func (p *phone) state() phoneState {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.seen
}

// step implements stepper.
func (p *phone) step(now time.Time) {
	m := p.handling.step(p.fleet.elapsed(&p.stepped, now))
	p.mu.Lock()
	p.seen.Motion, p.seen.what = m, p.handling.what()
	p.mu.Unlock()

	l, up := p.up.get()
	if !up {
		return
	}
	if l.Publish(p.topic, telemetry.AppendMotion(make([]byte, 0, telemetry.MotionSize), m), true) == nil {
		p.fleet.count.motions.Add(1)
	}
}

// alert turns the screen to the colour that the payload names. Any other name means red.
func (p *phone) alert(payload []byte) {
	name := string(payload[:min(len(payload), maxText)])
	c, _ := telemetry.ColorNamed(name)
	now := time.Now()
	p.mu.Lock()
	p.seen.screen.alert(c, now)
	p.mu.Unlock()
	p.fleet.count.alerts.Add(1)
	p.fleet.console.show(event{at: now, kind: alertEvent, device: p.id, text: terminal.Clean(name), color: c.RGB})
}

// openPhones dials for phones and subscribes to their alerts. A phone of its own leaves a last will; a gateway cannot, for one speaks
// for its sender alone.
func (f *Fleet) openPhones(ctx context.Context, clientID string, phones []*phone) (*link.MQTT, error) {
	byTopic := make(map[string]*phone, len(phones))
	topics := make([]string, len(phones))
	for i, p := range phones {
		topics[i] = telemetry.AlertTopic(p.id)
		byTopic[topics[i]] = p
	}
	cfg := link.MQTTConfig{Addr: f.cfg.MQTT, ClientID: clientID, Access: f.cfg.Access(clientID), Handle: func(m link.Message) {
		if p := byTopic[m.Topic]; p != nil {
			p.alert(m.Payload)
		}
	}}
	if len(phones) == 1 && phones[0].id == clientID {
		cfg.Will = &link.Will{Topic: telemetry.LastWillMQTT, Payload: telemetry.AppendWill(nil, clientID), QoS: 2}
	}
	l, err := link.DialMQTT(ctx, cfg)
	if err != nil {
		return nil, err
	}
	for len(topics) > 0 {
		n := min(len(topics), maxFilters)
		if err := l.Subscribe(ctx, 1, topics[:n]...); err != nil {
			l.Close()
			return nil, err
		}
		topics = topics[n:]
	}
	return l, nil
}
