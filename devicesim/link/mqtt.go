package link

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/eclipse/paho.golang/packets"
	"github.com/eclipse/paho.golang/paho"
	"github.com/eclipse/paho.golang/paho/session/state"
)

// NoMatchingSubscribers is the reason code of a PUBACK that says that the message was accepted and nobody was listening
// (MQTT 5, section 3.4.2.1).
const NoMatchingSubscribers = packets.PubackNoMatchingSubscribers

// Will is the message that the broker publishes on the client's behalf when the connection is lost.
type Will struct {
	Topic   string
	Payload []byte
	QoS     byte
}

// Message is what a subscription got. Payload belongs to the receiver.
type Message struct {
	Topic    string
	Payload  []byte
	Retained bool
}

// MQTTConfig says how to connect to an MQTT 5 broker. Addr and ClientID are required.
type MQTTConfig struct {
	Addr      string        // host:port
	ClientID  string        // client identifier
	KeepAlive time.Duration // whole seconds; 0 means 30 s
	Will      *Will         // nil: none
	Handle    func(Message) // called in one goroutine for each message; nil: there are no subscriptions
	Window    uint16        // Receive Maximum; 0 means 32
	Buffer    int           // bytes of the read buffer; 0 means 512
	Access    Access
}

// MQTT is one connection to an MQTT broker, with a clean start. Its methods may be called concurrently. Close must be called,
// also once the link is lost.
//
// What it keeps its callers from, in paho.golang v0.23: without a Receive Maximum each client allocates a channel of 65,535
// pointers; packets are read byte by byte from the socket; a connection that is not safe for concurrent writes interleaves
// pings with publications; a refusal loses its reason code.
type MQTT struct {
	client *paho.Client
	net    *conn
}

// DialMQTT connects and waits for CONNACK.
func DialMQTT(ctx context.Context, cfg MQTTConfig) (*MQTT, error) {
	ctx, cancel := context.WithTimeout(ctx, HandshakeTimeout)
	defer cancel()
	nc, err := dial(ctx, cfg.Addr, cmp.Or(cfg.Buffer, 512))
	if err != nil {
		return nil, fmt.Errorf("MQTT: %w", err)
	}
	wire, err := cfg.Access.over(ctx, nc, cfg.Addr)
	if err != nil {
		return nil, fmt.Errorf("MQTT: %s: %w", cfg.Addr, err)
	}
	m := &MQTT{net: nc}
	m.client = paho.NewClient(paho.ClientConfig{
		Conn:              wire,
		PacketTimeout:     HandshakeTimeout,
		Session:           session{state.NewInMemory(), nc},
		PingHandler:       pinger{paho.NewDefaultPinger(), nc},
		OnPublishReceived: []func(paho.PublishReceived) (bool, error){receiver(cfg.Handle)},
	})
	ack, err := m.client.Connect(ctx, connectPacket(cfg))
	if err != nil {
		_ = nc.Close()
		if ack != nil && ack.ReasonCode >= 0x80 {
			err = refused(ack)
		} else {
			err = cfg.Access.doubt("MQTT", err)
		}
		return nil, fmt.Errorf("MQTT: %s: %w", cfg.Addr, err)
	}
	return m, nil
}

func connectPacket(cfg MQTTConfig) *paho.Connect {
	window := cmp.Or(cfg.Window, 32)
	p := &paho.Connect{
		ClientID:   cfg.ClientID,
		CleanStart: true,
		KeepAlive:  uint16(cmp.Or(cfg.KeepAlive, 30*time.Second) / time.Second),
		Properties: &paho.ConnectProperties{ReceiveMaximum: &window, RequestProblemInfo: true},
	}
	if a := cfg.Access; a.User != "" || a.Password != "" {
		p.UsernameFlag, p.Username = true, a.User
		p.PasswordFlag, p.Password = true, []byte(a.Password)
	}
	if w := cfg.Will; w != nil {
		p.WillMessage = &paho.WillMessage{Topic: w.Topic, Payload: w.Payload, QoS: w.QoS}
	}
	return p
}

func refused(ack *paho.Connack) error {
	text := (&packets.Connack{ReasonCode: ack.ReasonCode}).Reason()
	if ack.Properties != nil && ack.Properties.ReasonString != "" {
		text = ack.Properties.ReasonString
	}
	return fmt.Errorf("the server refused the connection (0x%02X): %s", ack.ReasonCode, text)
}

func receiver(handle func(Message)) func(paho.PublishReceived) (bool, error) {
	return func(p paho.PublishReceived) (bool, error) {
		if handle != nil {
			handle(Message{Topic: p.Packet.Topic, Payload: p.Packet.Payload, Retained: p.Packet.Retain})
		}
		return true, nil
	}
}

// session notes the server's DISCONNECT before paho closes the connection, after which nobody could tell who ended it. It
// closes itself with the connection, as paho does with a session of its own making, so that whoever waits for an answer is told.
type session struct {
	*state.State
	net *conn
}

// ConnectionLost implements paho's SessionManager. It is called with the server's DISCONNECT if there was one, and always with nil.
func (s session) ConnectionLost(d *packets.Disconnect) error {
	if d != nil {
		s.net.fail(fmt.Errorf("the server disconnected (0x%02X): %s", d.ReasonCode, d.Reason()))
		return s.State.ConnectionLost(d)
	}
	return errors.Join(s.State.ConnectionLost(nil), s.State.Close())
}

// pinger notes a missing PINGRESP before paho closes the connection.
type pinger struct {
	*paho.DefaultPinger
	net *conn
}

// Run implements paho.Pinger.
func (p pinger) Run(ctx context.Context, c net.Conn, keepAlive uint16) error {
	err := p.DefaultPinger.Run(ctx, c, keepAlive)
	if err != nil {
		p.net.fail(err)
	}
	return err
}

// Lost is closed when the connection has ended, for whatever reason.
func (m *MQTT) Lost() <-chan struct{} { return m.net.lost }

// Err says why the connection ended; nil while it has not.
func (m *MQTT) Err() error { return m.net.err() }

// Subscribe subscribes to all filters with one packet and waits for its answer. Any failure ends the link.
func (m *MQTT) Subscribe(ctx context.Context, qos byte, filters ...string) error {
	p := &paho.Subscribe{Subscriptions: make([]paho.SubscribeOptions, len(filters))}
	for i, f := range filters {
		p.Subscriptions[i] = paho.SubscribeOptions{Topic: f, QoS: qos}
	}
	if _, err := m.client.Subscribe(ctx, p); err != nil {
		_ = m.net.Close()
		return fmt.Errorf("MQTT: subscribe %s: %w", filters[0], err)
	}
	return nil
}

// Publish publishes at QoS 0.
func (m *MQTT) Publish(topic string, payload []byte, retain bool) error {
	_, err := m.client.Publish(context.Background(), &paho.Publish{Topic: topic, Payload: payload, Retain: retain})
	return err
}

// PublishConfirmed publishes at QoS 1 and returns the PUBACK's reason code, [NoMatchingSubscribers] among them.
func (m *MQTT) PublishConfirmed(ctx context.Context, topic string, payload []byte) (byte, error) {
	r, err := m.client.Publish(ctx, &paho.Publish{Topic: topic, Payload: payload, QoS: 1})
	if err != nil {
		return 0, fmt.Errorf("MQTT: publish to %s: %w", topic, err)
	}
	return r.ReasonCode, nil
}

// Close disconnects in order, so that the broker does not publish the last will, and returns when everything that belonged to
// the link has ended.
func (m *MQTT) Close() {
	cut := time.AfterFunc(CloseTimeout, func() { _ = m.net.Close() })
	_ = m.client.Disconnect(&paho.Disconnect{}) // the error says no more than that the link is gone
	cut.Stop()
	_ = m.net.Close()
}

// Abort cuts the connection without a word to the server, which then publishes the last will.
func (m *MQTT) Abort() { _ = m.net.Close() }
