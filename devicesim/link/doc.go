// Package link connects to the brokers with the real client libraries and keeps those connections up.
//
// A [STOMP] or [MQTT] is one connection: it is dialled, used, and lost or closed once. [Keep] holds a link up by
// dialling again, waiting ever longer in between ([Backoff]), so that a fleet does not trample a server that comes back.
//
// STOMP goes through github.com/go-stomp/stomp/v3. MQTT goes through github.com/eclipse/paho.golang (MQTT 5) and not
// through paho.mqtt.golang (3.1.1): both are kept up, but the former takes an established connection (so deadlines, buffers
// and the moment of loss are ours), costs three goroutines a connection instead of seven, and hands on the reason codes of MQTT 5,
// without which nobody learns that no phone was listening (PUBACK 0x10) or that another client took the ID (DISCONNECT 0x8E).
//
// Both libraries have traps which this package is there to hide; the comments at [STOMP] and [MQTT] name them.
package link

import "time"

const (
	// HandshakeTimeout bounds dialling and the protocol's handshake together.
	HandshakeTimeout = 10 * time.Second
	// WriteTimeout bounds one write: a peer that takes nothing for so long is gone.
	WriteTimeout = 10 * time.Second
	// CloseTimeout bounds an orderly end; after it the connection is cut.
	CloseTimeout = 2 * time.Second
)
