package devicesim

import (
	"time"

	"mwm/server/telemetry"
)

// An alert turns a phone's background to its colour and back.
const (
	fadeIn    = 500 * time.Millisecond
	hold      = 2 * time.Second
	fadeOut   = 500 * time.Millisecond
	alertTime = fadeIn + hold + fadeOut
)

// screenColor is a phone's background when there is no alert.
const screenColor = 0xFFFFFF

// background is what a phone shows. It is a function of time alone: whoever draws asks what the colour is now. The zero value shows
// the original colour.
type background struct {
	color telemetry.Color
	from  uint32    // what was shown when the alert came
	since time.Time // zero: there was none yet
}

// alert starts the fade, from what is shown now: an alert during an alert starts again.
func (b *background) alert(c telemetry.Color, now time.Time) {
	b.from = b.at(now)
	b.color, b.since = c, now
}

// active reports whether something else than the original colour is shown.
func (b *background) active(now time.Time) bool {
	return !b.since.IsZero() && now.Sub(b.since) < alertTime
}

// at returns the colour shown, 0xRRGGBB.
func (b *background) at(now time.Time) uint32 {
	if !b.active(now) {
		return screenColor
	}
	switch d := now.Sub(b.since); {
	case d < fadeIn:
		return blend(b.from, b.color.RGB, d, fadeIn)
	case d < fadeIn+hold:
		return b.color.RGB
	default:
		return blend(b.color.RGB, screenColor, d-fadeIn-hold, fadeOut)
	}
}

// blend returns the colour part/whole of the way between two, channel by channel.
func blend(from, to uint32, part, whole time.Duration) uint32 {
	var out uint32
	for shift := 16; shift >= 0; shift -= 8 {
		a, b := int64(from>>shift&0xFF), int64(to>>shift&0xFF)
		out = out<<8 | uint32(a+(b-a)*int64(part)/int64(whole))
	}
	return out
}
