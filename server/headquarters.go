package server

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
	"unicode/utf8"

	"mwm/server/broker"
	"mwm/server/fleet"
	"mwm/server/telemetry"
)

// MaxText is the longest text that headquarters sends, in bytes.
const MaxText = 4096

// headquarters is what the page and the API do: texts to trucks, alerts to
// phones. It publishes like any client.
type headquarters struct {
	fleet *fleet.Fleet
	demo  func(ctx context.Context, devices int) error // nil: not a demo

	mu  sync.Mutex
	out *broker.Publisher // a publisher belongs to one goroutine at a time
}

func newHeadquarters(b *broker.Broker, f *fleet.Fleet, demo func(context.Context, int) error) *headquarters {
	return &headquarters{
		fleet: f, demo: demo,
		out: b.NewPublisher(&broker.Client{Protocol: broker.Internal, Since: time.Now(), Close: func(error) {}}),
	}
}

// SendText puts a text on the device's queue and returns when it is accepted:
// on disk, if the server has one. A zero expires means never.
func (h *headquarters) SendText(ctx context.Context, device, body string, expires time.Time) (fleet.Text, error) {
	if err := checkText(device, body); err != nil {
		return fleet.Text{}, err
	}
	var update fleet.TextUpdate
	accepted := make(chan error, 1)
	h.mu.Lock()
	h.out.Begin(time.Now())
	h.out.Enqueue(telemetry.TextName(device), func(m *broker.Message) {
		m.Body = []byte(body)
		m.Persistent = true
		m.Properties = &broker.Properties{ContentType: "text/plain;charset=utf-8", PayloadFormat: true}
		if !expires.IsZero() {
			m.Expires = expires.UnixMilli()
		}
		update = textUpdate(device, m, fleet.TextAccepted)
	}, func(err error) { accepted <- err })
	h.out.Flush()
	h.mu.Unlock()
	select {
	case err := <-accepted:
		if err != nil {
			return fleet.Text{}, err
		}
	case <-ctx.Done():
		return fleet.Text{}, ctx.Err()
	}
	text, ok := h.fleet.Text(update)
	if !ok {
		return fleet.Text{}, errors.New("the text was not taken")
	}
	return text, nil
}

func checkText(device, body string) error {
	if err := telemetry.CheckID(device); err != nil {
		return err
	}
	switch {
	case body == "":
		return errors.New("the text is empty")
	case len(body) > MaxText:
		return fmt.Errorf("the text has %d bytes, at most %d are allowed", len(body), MaxText)
	case !utf8.ValidString(body):
		return errors.New("the text is not UTF-8")
	}
	return nil
}

// SendAlert publishes a colour to the device and returns how many subscribers
// are connected to get it.
func (h *headquarters) SendAlert(_ context.Context, device, color string) (listeners int, err error) {
	if err := telemetry.CheckID(device); err != nil {
		return 0, err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.out.Begin(time.Now())
	route, err := h.out.Topic([]byte(telemetry.AlertName(device)))
	if err != nil {
		return 0, err
	}
	m := h.out.Add(route)
	m.Body = []byte(color)
	m.QoS = 1
	m.Properties = &broker.Properties{ContentType: "text/plain;charset=utf-8", PayloadFormat: true}
	h.out.Flush()
	return route.Listeners(), nil
}

// StartDemo starts simulated devices beside the server.
func (h *headquarters) StartDemo(ctx context.Context, devices int) error {
	if h.demo == nil {
		return errors.New("this server simulates no devices; run mwm sim, or mwm demo")
	}
	return h.demo(ctx, devices)
}
