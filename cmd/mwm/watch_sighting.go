package main

import (
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"time"
	"unicode/utf8"

	"mwm/devicesim/link"
	"mwm/devicesim/terminal"
	"mwm/server/telemetry"
)

// Kinds of sightings.
const (
	kindLocation = "location"
	kindMotion   = "motion"
	kindText     = "text"
	kindAlert    = "alert"
	kindWill     = "lastwill"
	kindOnline   = "online"
	kindSilent   = "silent"
)

// sighting is one thing that a watcher has seen of a device. Its strings are as they came: hostile.
type sighting struct {
	at       time.Time
	At       string   `json:"at"`
	Kind     string   `json:"kind"`
	Device   string   `json:"device"`
	Lat      *float64 `json:"lat,omitempty"`
	Lng      *float64 `json:"lng,omitempty"`
	Speed    *float64 `json:"speed,omitempty"`
	Heading  *float64 `json:"heading,omitempty"`
	Pitch    *float64 `json:"pitch,omitempty"`
	Roll     *float64 `json:"roll,omitempty"`
	Yaw      *float64 `json:"yaw,omitempty"`
	Retained bool     `json:"retained,omitempty"`
	State    string   `json:"state,omitempty"` // of a text
	Text     string   `json:"text,omitempty"`
	Error    string   `json:"error,omitempty"`
}

func newSighting(kind, device string) sighting {
	return sighting{at: time.Now(), Kind: kind, Device: device}
}

// alive reports whether the device itself has spoken just now.
func (s *sighting) alive() bool {
	return (s.Kind == kindLocation || s.Kind == kindMotion) && !s.Retained && s.Error == ""
}

func sightLocation(id string, body []byte) sighting {
	s := newSighting(kindLocation, id)
	l, err := telemetry.DecodeLocation(body, id)
	if err != nil {
		s.Error = err.Error()
		return s
	}
	s.Lat, s.Lng = &l.Lat, &l.Lng
	s.Speed, s.Heading = optional(l.Speed), optional(l.Heading)
	return s
}

func optional(o telemetry.Optional) *float64 {
	if !o.Set {
		return nil
	}
	return &o.Value
}

func sightMessage(m link.Message) (sighting, bool) {
	name := strings.ReplaceAll(m.Topic, "/", ".")
	if id, ok := telemetry.MotionID(name); ok {
		return sightMotion(id, m), true
	}
	if id, ok := telemetry.AlertID(name); ok {
		s := newSighting(kindAlert, id)
		s.Text = string(m.Payload[:min(len(m.Payload), 200)])
		return s, true
	}
	switch m.Topic {
	case telemetry.LastWillMQTT:
		s := newSighting(kindWill, "")
		var err error
		if s.Device, err = telemetry.DecodeWill(m.Payload); err != nil {
			s.Error = err.Error()
		}
		return s, true
	case telemetry.LastWillWebMQTT:
		s := newSighting(kindWill, "web")
		s.Text = string(m.Payload[:min(len(m.Payload), 200)])
		return s, true
	}
	return sighting{}, false
}

func sightMotion(id string, m link.Message) sighting {
	s := newSighting(kindMotion, id)
	s.Retained = m.Retained
	v, err := telemetry.DecodeMotion(m.Payload)
	if err != nil {
		s.Error = err.Error()
		return s
	}
	s.Pitch, s.Roll, s.Yaw = &v.Pitch, &v.Roll, &v.Yaw
	return s
}

// line returns the sighting for a person, made harmless.
func (s *sighting) line() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %-8s %s", s.at.Format("15:04:05.000"), s.Kind, s.Device)
	switch {
	case s.Error != "":
		fmt.Fprintf(&b, "  not believed: %s", s.Error)
	case s.Lat != nil:
		fmt.Fprintf(&b, "  φ:%.4f, λ:%.4f", *s.Lat, *s.Lng)
		if s.Speed != nil {
			fmt.Fprintf(&b, "  %.0f km/h", *s.Speed*3.6)
		}
		if s.Heading != nil {
			fmt.Fprintf(&b, "  %.0f°", *s.Heading)
		}
	case s.Pitch != nil:
		fmt.Fprintf(&b, "  pitch: %.0f°  roll: %.0f°  yaw: %.0f°", deg(*s.Pitch), deg(*s.Roll), deg(*s.Yaw))
	case s.State != "" && s.Text != "":
		fmt.Fprintf(&b, "  %s: %s", s.State, s.Text)
	case s.State+s.Text != "":
		fmt.Fprintf(&b, "  %s", s.State+s.Text)
	case s.Kind == kindSilent:
		fmt.Fprintf(&b, "  no sign of life for %v", silentAfter)
	}
	if s.Retained {
		b.WriteString("  (last known)")
	}
	return terminal.Clean(b.String())
}

// deg is for people: whole degrees, and no −0.
func deg(rad float64) float64 { return math.Round(rad*180/math.Pi) + 0 }

// json returns the sighting as a JSON object in ASCII, so that no character of it means anything to a terminal.
func (s *sighting) json() string {
	s.At = s.at.UTC().Format("2006-01-02T15:04:05.000Z07:00")
	text, err := json.Marshal(s)
	if err != nil { // a number that JSON has no word for
		return fmt.Sprintf(`{"at":%q,"kind":%q,"error":"not representable"}`, s.At, s.Kind)
	}
	return ascii(string(text))
}

func ascii(s string) string {
	var b strings.Builder
	for _, r := range s {
		switch {
		case r < 0x7F:
			b.WriteByte(byte(r))
		case r < 0x10000:
			fmt.Fprintf(&b, `\u%04x`, r)
		case r <= utf8.MaxRune:
			r -= 0x10000
			fmt.Fprintf(&b, `\u%04x\u%04x`, 0xD800+r>>10, 0xDC00+r&0x3FF)
		}
	}
	return b.String()
}
