package httpd

import (
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"net/http"
	"strings"
	"time"

	"mwm/server/broker"
	"mwm/server/telemetry"
	"mwm/server/wire"
)

// frameView is a frame or packet as it crossed the wire.
type frameView struct {
	Seq        uint64      `json:"seq"`
	At         int64       `json:"at"`
	Direction  string      `json:"direction"` // in: from the client; out: to it
	Connection string      `json:"connection"`
	Protocol   string      `json:"protocol"`
	Version    string      `json:"version"`
	Address    string      `json:"address"`
	Type       string      `json:"type"`
	Fields     [][2]string `json:"fields"`
	Meaning    string      `json:"meaning"` // of a body that is known here; else ""
	Size       int         `json:"size"`
	Raw        string      `json:"raw"` // hex, the beginning
	BodyAt     int         `json:"bodyAt"`
	BodySize   int         `json:"bodySize"`
	Text       *string     `json:"text"` // the body, if it is text; else null
	Error      string      `json:"error"`
}

const (
	defaultRaw = 2 << 10
	maxRaw     = 16 << 10
	maxFrames  = 500
	maxWait    = 20 // s; less than an answer may take
)

// getDeviceWire shows what crosses the connections of a device.
func (s *Server) getDeviceWire(w http.ResponseWriter, r *http.Request) {
	if id, ok := deviceID(w, r); ok {
		s.showWire(w, r, wire.Target{Client: id})
	}
}

// getConnectionWire shows what crosses one connection.
func (s *Server) getConnectionWire(w http.ResponseWriter, r *http.Request) {
	if c := s.connection(w, r); c != nil {
		s.showWire(w, r, wire.Target{Num: c.Num()})
	}
}

// showWire answers with frames after one that is known; with wait, once there is
// one.
func (s *Server) showWire(w http.ResponseWriter, r *http.Request, t wire.Target) {
	q := queryOf(r)
	after, limit := q.seq("after"), q.number("limit", 100, 1, maxFrames)
	wait, raw := q.number("wait", 0, 0, maxWait), q.number("bytes", defaultRaw, 0, maxRaw)
	if q.bad(w) {
		return
	}
	timer := time.NewTimer(time.Duration(wait) * time.Second)
	defer timer.Stop()
	for over := wait == 0; ; {
		frames, links, more, err := s.opts.Wire.Frames(t, after, limit)
		if errors.Is(err, wire.ErrTooMany) {
			problem(w, http.StatusServiceUnavailable, err.Error())
			return
		}
		if len(frames) > 0 || over {
			next := after
			views := make([]frameView, len(frames))
			for i, f := range frames {
				views[i], next = viewFrame(f, raw), f.Seq
			}
			replyJSON(w, http.StatusOK, map[string]any{"frames": views, "next": next, "connections": links.Own, "gateways": links.Gateways})
			return
		}
		select {
		case <-more:
		case <-timer.C:
			over = true
		case <-r.Context().Done():
			return
		}
	}
}

func viewFrame(f wire.Frame, raw int) frameView {
	v := frameView{
		Seq: f.Seq, At: f.At.UnixMilli(), Direction: "out", Connection: connectionID(f.Client), Protocol: string(f.Client.Protocol),
		Version: f.Client.Version, Address: f.Client.Remote, Type: strings.ToValidUTF8(f.Type, "\uFFFD"), Fields: [][2]string{}, Size: f.Size,
		Raw: hex.EncodeToString(f.Raw[:min(raw, len(f.Raw))]), BodyAt: f.BodyAt, BodySize: f.BodySize, Error: f.Err,
	}
	if f.In {
		v.Direction = "in"
	}
	for _, h := range f.Fields {
		v.Fields = append(v.Fields, [2]string{strings.ToValidUTF8(h.Name, "\uFFFD"), strings.ToValidUTF8(h.Value, "\uFFFD")})
	}
	if f.BodySize > 0 {
		body := f.Raw[f.BodyAt:min(len(f.Raw), f.BodyAt+min(f.BodySize, raw))]
		if isText(body) {
			text := string(body)
			v.Text = &text
		}
		v.Meaning = meaning(f.WireFrame, body)
	}
	return v
}

// meaning explains a body that is no text: a motion, in degrees as phones show it.
func meaning(f broker.WireFrame, body []byte) string {
	for _, h := range f.Fields {
		name := ""
		switch h.Name {
		case "topic":
			name = mqttName(h.Value)
		case "destination":
			name = strings.TrimPrefix(h.Value, "/topic/")
		}
		if _, ok := telemetry.MotionID(name); !ok {
			continue
		}
		if m, err := telemetry.DecodeMotion(body); err == nil {
			degrees := func(radians float64) float64 { return radians * 180 / math.Pi }
			return fmt.Sprintf("pitch: %.0f°, roll: %.0f°, yaw: %.0f°", degrees(m.Pitch), degrees(m.Roll), degrees(m.Yaw))
		}
	}
	return ""
}
