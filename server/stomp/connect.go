package stomp

import (
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"mwm/server/broker"
	"mwm/server/stomp/frame"
)

// maxClientID is the longest client-id in bytes. A device's ID has up to 128
// characters, whose UTF-8 may take four times that.
const maxClientID = 1024

// connect handles the first frame. (STOMP 1.2, "Connecting")
func (s *session) connect(f *frame.Frame) error {
	if f.Command != frame.Connect && f.Command != frame.Stomp {
		return refuse("not connected", "the session is not connected yet: CONNECT or STOMP must come first, not %s", f.Command)
	}
	f.Receipt = nil // CONNECT has none
	d, err := negotiate(f)
	if err != nil {
		return err
	}
	f.Dialect = d // how its headers are to be read
	s.parser.Dialect = d
	s.dialect.Store(d)
	client, err := s.identify(f, d)
	if err != nil {
		return err
	}
	beats, err := parseHeartBeat(f)
	if err != nil {
		return err
	}
	principal, err := s.authenticate(f, client)
	if err != nil {
		return err
	}
	s.connecting.Stop()
	s.client.Store(client)
	if err := s.srv.b.Attach(client); err != nil {
		return err
	}
	if err := s.stillValid(principal); err != nil {
		return err
	}
	s.pub = s.srv.b.NewPublisher(client)
	s.parser.Limits = s.srv.opt.Limits
	toClient, toServer := beats.agree(s.srv.opt.HeartBeatFloor)
	s.reply(d.Append(nil, frame.Connected, []frame.Header{
		{Name: "version", Value: d.Version},
		{Name: "session", Value: s.id},
		{Name: "server", Value: "mwm/" + s.srv.opt.Version},
		{Name: "heart-beat", Value: fmt.Sprintf("%d,%d", toClient.Milliseconds(), toServer.Milliseconds())},
	}, nil))
	s.startBeats(toClient, toServer)
	s.srv.log.Debug("client connected", "client", client.ID, "remote", client.Remote, "version", d.Version)
	return nil
}

// negotiate chooses the best version that the client accepts; one that names
// none speaks 1.0. (STOMP 1.2, "Protocol Negotiation")
func negotiate(f *frame.Frame) (*frame.Dialect, error) {
	accept, ok := f.Get("accept-version")
	if !ok {
		return frame.V10, nil
	}
	for _, d := range frame.Dialects {
		for v := range strings.SplitSeq(accept, ",") {
			if strings.TrimSpace(v) == d.Version {
				return d, nil
			}
		}
	}
	return nil, refuse("unsupported protocol version", "supported protocol versions are %s; accept-version has %.60q", frame.Versions, accept)
}

// identify asks who the client is.
func (s *session) identify(f *frame.Frame, d *frame.Dialect) (*broker.Client, error) {
	c := &broker.Client{
		Protocol: broker.STOMP, Version: d.Version, Remote: s.nc.RemoteAddr().String(), Since: time.Now(),
		Close: s.end, Leave: s.leave, In: s.in, Out: s.out, Subscriptions: s.subscriptions, Explain: s.explain,
	}
	c.ID, _ = f.Get("client-id")
	if len(c.ID) > maxClientID || !utf8.ValidString(c.ID) || strings.ContainsFunc(c.ID, unicode.IsControl) {
		return nil, refuse("malformed client-id", "it must be UTF-8 of at most %d bytes, without control characters", maxClientID)
	}
	return c, nil
}

// heartBeat is what a client says in its heart-beat header. (STOMP 1.2, "Heart-beating")
type heartBeat struct {
	can   time.Duration // how often it can send
	wants time.Duration // how often it wants to get
}

// maxHeartBeat keeps absurd intervals from overflowing: beyond it there is none.
const maxHeartBeat = 24 * time.Hour

func parseHeartBeat(f *frame.Frame) (h heartBeat, err error) {
	v, ok := f.Get("heart-beat")
	if !ok {
		return h, nil
	}
	can, wants, ok := strings.Cut(v, ",")
	if ok {
		h.can, ok = parseMillis(can)
	}
	if ok {
		h.wants, ok = parseMillis(wants)
	}
	if !ok {
		return h, refuse("malformed heart-beat", "%.40q is not of the form cx,cy, two numbers of milliseconds", v)
	}
	return h, nil
}

func parseMillis(s string) (time.Duration, bool) {
	n, err := strconv.ParseUint(strings.TrimSpace(s), 10, 64)
	if err != nil {
		return 0, false
	}
	return time.Duration(min(n, uint64(maxHeartBeat.Milliseconds()))) * time.Millisecond, true
}

// agree returns the intervals in both directions, 0 for none. The server takes
// what the client names, but never less than the floor.
func (h heartBeat) agree(floor time.Duration) (toClient, toServer time.Duration) {
	if h.wants > 0 {
		toClient = max(h.wants, floor)
	}
	if h.can > 0 {
		toServer = max(h.can, floor)
	}
	return toClient, toServer
}
