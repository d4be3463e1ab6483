package devicesim

import (
	"fmt"
	"math"
	"strings"
	"time"

	"mwm/devicesim/terminal"
)

// maxRecent is how many events the view remembers.
const maxRecent = 50

// view is the picture of a fleet on a terminal: the state of the connections, trucks with their last text, phones with the colour of their
// screen, and what came last. It renders to lines and knows nothing of the terminal but its size.
type view struct {
	fleet   *Fleet
	palette terminal.Palette
	began   time.Time

	recent  []event  // newest last
	unshown []func() // to be called once the next frame is on the terminal

	rated                 time.Time
	before                Stats
	locationRate, motions float64
}

func newView(f *Fleet, p terminal.Palette, now time.Time) *view {
	return &view{fleet: f, palette: p, began: now, rated: now}
}

// note takes an event into the next frame.
func (v *view) note(e event) {
	v.recent = append(v.recent, e)
	if over := len(v.recent) - maxRecent; over > 0 {
		v.recent = append(v.recent[:0], v.recent[over:]...)
	}
	if e.shown != nil {
		v.unshown = append(v.unshown, e.shown)
	}
}

// drawn says that the last frame is on the terminal.
func (v *view) drawn() {
	for _, shown := range v.unshown {
		shown()
	}
	v.unshown = v.unshown[:0]
}

// render returns a frame of at most height lines, each at most width columns wide, and whether a colour is fading.
func (v *view) render(now time.Time, width, height int) (frame []string, fading bool) {
	trucks, phones := v.fleet.devices()
	truckRows, phoneRows, recentRows := divide(height-3, len(trucks), len(phones))

	frame = append(frame, v.title(now, width), v.state(now, width))
	if truckRows > 0 {
		frame = append(frame, heading(width, "TRUCK", "POSITION", "SPEED", "", "DOING", "LAST TEXT"))
		for _, t := range trucks[:min(truckRows-1, len(trucks))] {
			frame = append(frame, v.truckRow(t, now, width))
		}
	}
	if phoneRows > 0 {
		frame = append(frame, heading(width, "PHONE", "PITCH   ROLL    YAW", "", "", "", "SCREEN"))
		for _, p := range phones[:min(phoneRows-1, len(phones))] {
			row, active := v.phoneRow(p, now, width)
			frame = append(frame, row)
			fading = fading || active
		}
	}
	return append(frame, v.recentRows(recentRows, width)...), fading
}

// divide gives each part of the view its rows, headings included: what happened last gets a quarter and what is left over.
func divide(rows, trucks, phones int) (truckRows, phoneRows, recentRows int) {
	want := func(devices int) int {
		if devices == 0 {
			return 0
		}
		return devices + 1
	}
	left := rows - max(rows/4, 2)
	phoneRows = min(want(phones), max(left/2, left-want(trucks)))
	truckRows = min(want(trucks), left-phoneRows)
	if truckRows < 2 { // a heading alone tells nothing
		truckRows = 0
	}
	if phoneRows < 2 {
		phoneRows = 0
	}
	return truckRows, phoneRows, rows - truckRows - phoneRows
}

func (v *view) title(now time.Time, width int) string {
	up := now.Sub(v.began).Truncate(time.Second)
	to := strings.Trim(v.fleet.cfg.STOMP+"  "+v.fleet.cfg.MQTT, " ")
	s := v.fleet.Stats()
	left := fmt.Sprintf(" mwm sim  %s → %s", things(s.Trucks, s.Phones), terminal.Clean(to))
	right := fmt.Sprintf("%v  Ctrl-C ends ", up)
	return terminal.Inverse + terminal.Fit(left, width-terminal.Width(right)) + terminal.Fit(right, min(width, terminal.Width(right)))
}

func (v *view) state(now time.Time, width int) string {
	s := v.fleet.Stats()
	if d := now.Sub(v.rated); d >= time.Second {
		v.locationRate = float64(s.Locations-v.before.Locations) / d.Seconds()
		v.motions = float64(s.Motions-v.before.Motions) / d.Seconds()
		v.before, v.rated = s, now
	}
	bar := ""
	if s.Connected < s.Connections {
		const cells = 20
		full := cells * s.Connected / s.Connections
		bar = "[" + strings.Repeat("#", full) + strings.Repeat(".", cells-full) + "] "
	}
	text := fmt.Sprintf(" %s%d/%d up   %.0f locations/s   %.0f motions/s   %s   %s",
		bar, s.Connected, s.Connections, v.locationRate, v.motions, count(int(s.Texts), "text"), count(int(s.Alerts), "alert"))
	if f := v.fleet.count.lastError.Load(); f != nil && s.Connected < s.Connections && now.Sub(f.at) < 30*time.Second {
		text += "   " + terminal.Clean(f.text)
	}
	return terminal.Bold + terminal.Fit(text, width)
}

// Widths of the columns; the last takes the rest.
var columns = [...]int{10, 22, 9, 4, 24}

func cells(width int, parts ...string) string {
	var b strings.Builder
	for i, p := range parts {
		w := width - 1
		if i < len(columns) {
			w = min(columns[i], width-1)
		}
		if w < 0 {
			break
		}
		b.WriteString(" " + terminal.Fit(p, max(w-1, 0)))
		width -= max(w, 1)
	}
	return b.String()
}

func heading(width int, parts ...string) string {
	return terminal.Dim + cells(width, parts...)
}

func (v *view) truckRow(t *truck, now time.Time, width int) string {
	s, texts := t.state()
	_, up := t.up.get()
	position, speed, course := "", "", ""
	if s.known {
		position = fmt.Sprintf("φ:%.4f, λ:%.4f", s.lat, s.lng)
		speed = fmt.Sprintf("%3.0f km/h", s.speed*3.6)
		course = compass(s.heading)
	}
	text := ""
	if texts > 0 {
		text = fmt.Sprintf("%s (%s)", s.text, s.textAt.Format(clock))
	}
	style := ""
	switch {
	case !up:
		style = terminal.Dim
	case texts > 0 && now.Sub(s.textAt) < 5*time.Second:
		style = terminal.Bold
	}
	return style + cells(width, terminal.Clean(t.id), position, speed, course, s.what, text)
}

func (v *view) phoneRow(p *phone, now time.Time, width int) (row string, active bool) {
	s := p.state()
	_, up := p.up.get()
	attitude := fmt.Sprintf("%4.0f° %5.0f° %5.0f°", degrees(s.Pitch), degrees(s.Roll), degrees(s.Yaw))
	active = s.screen.active(now)
	name := ""
	if active {
		name = " alert: " + s.screen.color.Name
	}
	style := ""
	if !up {
		style = terminal.Dim
	}
	left := min(75, width-12)
	if left < 20 {
		return style + cells(width, terminal.Clean(p.id), attitude), active
	}
	return style + terminal.Fit(cells(left, terminal.Clean(p.id), attitude, "", "", s.what), left) + " " +
		v.palette.Background(s.screen.at(now)) + "    " + terminal.Plain + terminal.Fit(name, width-left-5), active
}

func (v *view) recentRows(rows, width int) []string {
	if rows < 2 {
		return nil
	}
	out := []string{terminal.Dim + terminal.Fit(" LAST TEXTS AND ALERTS", width)}
	for i := len(v.recent) - 1; i >= 0 && len(out) < rows; i-- {
		e := v.recent[i]
		line := fmt.Sprintf(" %s  %s  %s", e.at.Format(clock), terminal.Clean(e.device), eventText(e))
		if e.kind == alertEvent && width > 10 {
			out = append(out, v.palette.Background(e.color)+"  "+terminal.Plain+terminal.Fit(line, width-2))
		} else {
			out = append(out, terminal.Fit("  "+line, width))
		}
	}
	return out
}

// degrees is for people: whole ones, and no −0.
func degrees(rad float64) float64 { return math.Round(rad*180/math.Pi) + 0 }

func compass(deg float64) string {
	names := [...]string{"N", "NE", "E", "SE", "S", "SW", "W", "NW"}
	return names[(int(math.Round(deg/45))%8+8)%8]
}
