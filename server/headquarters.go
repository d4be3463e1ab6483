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
	"mwm/server/httpd"
	"mwm/server/telemetry"
)

// MaxText is the longest text that headquarters sends, in bytes.
const MaxText = 4096

// headquarters is what the page and the API do: texts to trucks, alerts to
// phones. It publishes like any client.
type headquarters struct {
	broker *broker.Broker
	fleet  *fleet.Fleet
	demo   func(ctx context.Context, devices int) error // nil: not a demo

	mu  sync.Mutex
	out *broker.Publisher // a publisher belongs to one goroutine at a time
}

func newHeadquarters(b *broker.Broker, f *fleet.Fleet, demo func(context.Context, int) error) *headquarters {
	return &headquarters{
		broker: b, fleet: f, demo: demo,
		out: b.NewPublisher(&broker.Client{Protocol: broker.Internal, Since: time.Now(), Close: func(error) {}}),
	}
}

// SendText puts a text on the device's queue and returns when it is accepted:
// on disk, if the server has one. A zero expires means never.
func (h *headquarters) SendText(ctx context.Context, device, body string, expires time.Time) (fleet.Text, error) {
	texts, errs := h.SendTexts(ctx, []string{device}, body, expires)
	return texts[0], errs[0]
}

// SendTexts is SendText for several devices: there is a text or an error for
// each.
func (h *headquarters) SendTexts(ctx context.Context, devices []string, body string, expires time.Time) ([]fleet.Text, []error) {
	updates := make([]fleet.TextUpdate, len(devices))
	errs := make([]error, len(devices))
	answers := make([]chan error, len(devices))
	h.mu.Lock()
	h.out.Begin(time.Now())
	for i, device := range devices {
		if errs[i] = checkText(device, body); errs[i] == nil {
			answers[i] = make(chan error, 1)
			h.enqueueText(device, body, expires, &updates[i], answers[i])
		}
	}
	h.out.Flush()
	h.mu.Unlock()
	texts := make([]fleet.Text, len(devices))
	for i, answer := range answers {
		if answer == nil {
			continue
		}
		select {
		case errs[i] = <-answer:
		case <-ctx.Done():
			errs[i] = ctx.Err()
		}
		if errs[i] != nil {
			continue
		}
		var ok bool
		if texts[i], ok = h.fleet.Text(updates[i]); !ok {
			errs[i] = errors.New("the text was not taken")
		}
	}
	return texts, errs
}

// enqueueText sends one text. h.mu is held.
func (h *headquarters) enqueueText(device, body string, expires time.Time, update *fleet.TextUpdate, answer chan<- error) {
	h.out.Enqueue(telemetry.TextName(device), func(m *broker.Message) {
		m.Body = []byte(body)
		m.Persistent = true
		m.Properties = &broker.Properties{ContentType: "text/plain;charset=utf-8", PayloadFormat: true}
		if !expires.IsZero() {
			m.Expires = expires.UnixMilli()
		}
		*update = textUpdate(device, m, fleet.TextAccepted)
	}, func(err error) { answer <- err })
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

// Publish sends a message to a topic or a queue. It returns when the message is
// accepted, on disk if it is persistent, with its ID and how many there are that
// get it now.
func (h *headquarters) Publish(ctx context.Context, out httpd.Outgoing) (id string, listeners int, err error) {
	answer := make(chan error, 1)
	fill := func(m *broker.Message) {
		m.Body = out.Body
		m.Priority, m.Persistent, m.Retain, m.QoS = out.Priority, out.Persistent, out.Retain, out.QoS
		m.SetHead(out.Kind, out.Headers)
		if !out.Expires.IsZero() {
			m.Expires = out.Expires.UnixMilli()
		}
		id = m.ID.String()
	}
	h.mu.Lock()
	h.out.Begin(time.Now())
	if out.Kind == broker.QueueKind {
		listeners = h.broker.Consumers(out.Name)
		h.out.Enqueue(out.Name, fill, func(err error) { answer <- err })
	} else {
		var route *broker.Route
		if route, err = h.out.Topic([]byte(out.Name)); err == nil {
			fill(h.out.AddConfirmed(route, func(err error) { answer <- err }))
			listeners = route.Listeners()
		}
	}
	h.out.Flush()
	h.mu.Unlock()
	if err != nil {
		return "", 0, err
	}
	select {
	case err = <-answer:
		return id, listeners, err
	case <-ctx.Done():
		return "", 0, ctx.Err()
	}
}

// StartDemo starts simulated devices beside the server.
func (h *headquarters) StartDemo(ctx context.Context, devices int) error {
	if h.demo == nil {
		return errors.New("this server simulates no devices; run mwm sim, or mwm demo")
	}
	return h.demo(ctx, devices)
}
