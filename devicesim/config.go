package devicesim

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"time"

	"mwm/devicesim/gpx"
	"mwm/devicesim/link"
	"mwm/server/telemetry"
)

// MaxDevices bounds a fleet.
const MaxDevices = 200_000

// Config says what to simulate. STOMP is required where there are trucks, MQTT where there are phones.
type Config struct {
	STOMP string // host:port of the STOMP broker
	MQTT  string // host:port of the MQTT broker

	Trucks int         // that drive the roads
	Replay []*gpx.Path // each is replayed by a truck of its own; these come first in the order of IDs
	Phones int

	Rate  time.Duration // interval of reports, 10 ms to 1 h; 0 means 1 s
	Speed float64       // of the replays: 1 is their own time, more is faster; 0 means 1

	// Access is how a client shows who it is: by its client identifier, which is the device's ID unless it is a gateway's. Nil: no client does.
	Access func(clientID string) link.Access

	// PerConnection is how many devices report over one connection. 0 and 1 mean one: every device is a client of its own.
	PerConnection int

	Prefix string // put before every ID, so that several simulators may run against one server

	// Output gets what the devices show: a view that redraws if it is a terminal, lines if not. Nil: nothing, and
	// texts count as shown when they arrive.
	Output io.Writer
	Logger *slog.Logger // nil: silent

	// ServerInProcess says that the server runs in this process too, so that a connection takes two file descriptors.
	ServerInProcess bool

	Seed uint64 // of all that is random; 0: a different one each time
}

// check returns a copy with the defaults filled in, or what is wrong.
func (c Config) check() (Config, error) {
	if c.Rate == 0 {
		c.Rate = time.Second
	}
	if c.Speed == 0 {
		c.Speed = 1
	}
	if c.PerConnection == 0 {
		c.PerConnection = 1
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Seed == 0 {
		c.Seed = rand.Uint64() // #nosec G404 -- of a simulation
	}
	if c.Access == nil {
		c.Access = func(string) link.Access { return link.Access{} }
	}
	switch {
	case c.Rate < 10*time.Millisecond || c.Rate > time.Hour:
		return c, fmt.Errorf("devicesim: rate is %v; it is the interval of reports, between 10ms and 1h", c.Rate)
	case !(c.Speed > 0 && c.Speed <= 1000):
		return c, fmt.Errorf("devicesim: speed is %v; it must be greater than 0 and at most 1000", c.Speed)
	case c.PerConnection < 1 || c.PerConnection > 10_000:
		return c, fmt.Errorf("devicesim: per-connection is %d; it must be between 1 and 10000", c.PerConnection)
	}
	if c.Prefix != "" {
		if err := telemetry.CheckID(c.Prefix); err != nil {
			return c, fmt.Errorf("devicesim: prefix: %w", err)
		}
	}
	return c, errors.Join(c.checkCount(c.Trucks+len(c.Replay), c.Phones), checkAddr("stomp", c.STOMP), checkAddr("mqtt", c.MQTT))
}

func (c Config) checkCount(trucks, phones int) error {
	switch {
	case trucks < 0 || phones < 0:
		return fmt.Errorf("devicesim: %d trucks and %d phones; neither may be negative", trucks, phones)
	case trucks > MaxDevices || phones > MaxDevices || trucks+phones > MaxDevices:
		return fmt.Errorf("devicesim: %d trucks and %d phones; a fleet has at most %d devices", trucks, phones, MaxDevices)
	case trucks > 0 && c.STOMP == "":
		return errors.New("devicesim: trucks need stomp, the host:port of a STOMP broker")
	case phones > 0 && c.MQTT == "":
		return errors.New("devicesim: phones need mqtt, the host:port of an MQTT broker")
	}
	return nil
}

func checkAddr(name, addr string) error {
	if addr == "" {
		return nil
	}
	if _, port, err := net.SplitHostPort(addr); err != nil || port == "" {
		return fmt.Errorf("devicesim: %s is %q; it must be host:port", name, addr)
	}
	return nil
}
