package devicesim

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"mwm/devicesim/terminal"
)

var sequence = regexp.MustCompile("\x1b\\[[0-9;]*m")

// plain returns the frame as a person reads it.
func plain(frame []string) string { return sequence.ReplaceAllString(strings.Join(frame, "\n"), "") }

func still(t *testing.T, cfg Config) *Fleet {
	t.Helper()
	cfg.STOMP, cfg.MQTT, cfg.Seed = "127.0.0.1:61613", "127.0.0.1:1883", 1
	f, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	trucks, phones := f.devices()
	for _, d := range trucks {
		d.step(now)
	}
	for _, d := range phones {
		d.step(now)
	}
	return f
}

func TestViewFitsEveryTerminal(t *testing.T) {
	for _, fleet := range []Config{{Trucks: 50, Phones: 20}, {Trucks: 1}, {Phones: 1}, {}, {Trucks: 3, Phones: 400, PerConnection: 100}} {
		f := still(t, fleet)
		v := newView(f, terminal.Palette{}, time.Now())
		for i := range 20 {
			v.note(event{at: time.Now(), kind: eventKind(i % 2), device: strings.Repeat("가", 128), text: strings.Repeat("x가", 300)})
		}
		if _, phones := f.devices(); len(phones) > 0 {
			phones[0].alert([]byte("orange"))
		}
		for _, width := range []int{1, 2, 12, 31, 80, 81, 200} {
			for _, height := range []int{1, 3, 5, 10, 24, 60} {
				frame, _ := v.render(time.Now(), width, height)
				if len(frame) > max(height, 2) {
					t.Errorf("%dx%d: %d lines", width, height, len(frame))
				}
				for _, line := range frame {
					if w := terminal.Width(plain([]string{line})); w > width {
						t.Errorf("%dx%d: %d columns: %q", width, height, w, line)
					}
				}
			}
		}
	}
}

func TestViewShowsTheFleet(t *testing.T) {
	f := still(t, Config{Trucks: 3, Phones: 2})
	v := newView(f, terminal.Palette{TrueColor: true}, time.Now())
	trucks, phones := f.devices()
	trucks[1].seen.text, trucks[1].seen.textAt, trucks[1].texts = "Where are you heading to?", time.Now(), 1
	phones[0].alert([]byte("orange"))
	now := phones[0].seen.screen.since.Add(time.Second)
	v.note(event{at: now, device: "BBB", text: "Where are you heading to?"})
	v.note(event{at: now, kind: alertEvent, device: "XYZ", text: "orange", color: 0xFF8000})

	lines, fading := v.render(now, 120, 30)
	if !fading {
		t.Error("it does not know that a colour fades")
	}
	frame := plain(lines)
	for _, want := range []string{"3 trucks and 2 phones", "0/5 up", "AAA", "BBB", "CCC", "XYZ", "WXY", "φ:42.", "λ:1.", "km/h", "Where are you heading to?", "alert: orange", "LAST TEXTS"} {
		if !strings.Contains(frame, want) {
			t.Errorf("the view lacks %q:\n%s", want, frame)
		}
	}
	if !strings.Contains(strings.Join(lines, ""), "\x1b[48;2;255;128;0m") {
		t.Error("the alert is not shown as its colour")
	}
	if _, fading := v.render(now.Add(alertTime), 120, 30); fading {
		t.Error("it fades for ever")
	}
}

func TestViewAcknowledgesWhatWasDrawn(t *testing.T) {
	v := newView(still(t, Config{}), terminal.Palette{}, time.Now())
	shown := 0
	v.note(event{device: "AAA", text: "hello", shown: func() { shown++ }})
	v.render(time.Now(), 80, 24)
	if shown != 0 {
		t.Error("acknowledged before it was on the terminal")
	}
	v.drawn()
	v.drawn()
	if shown != 1 {
		t.Errorf("acknowledged %d times", shown)
	}
}

func TestViewForgetsOldEvents(t *testing.T) {
	v := newView(still(t, Config{}), terminal.Palette{}, time.Now())
	for i := range 10 * maxRecent {
		v.note(event{device: fmt.Sprint(i)})
		v.drawn()
	}
	if len(v.recent) != maxRecent || v.recent[maxRecent-1].device != fmt.Sprint(10*maxRecent-1) {
		t.Errorf("remembers %d events", len(v.recent))
	}
}

func TestLinesTellWhatChanges(t *testing.T) {
	f := still(t, Config{Trucks: 3, Phones: 1})
	now := time.Now()
	l := lines{fleet: f, since: now}
	expect := func(after time.Duration, want ...string) {
		t.Helper()
		got := l.status(now.Add(after))
		if len(want) == 0 && got != "" {
			t.Errorf("after %v it says %q; there is no news", after, got)
		}
		for _, w := range want {
			if !strings.Contains(got, w) {
				t.Errorf("after %v it says %q, without %q", after, got, w)
			}
		}
	}
	f.count.lastError.Store(&failure{at: now, text: errors.New("refused\x1b[2J").Error()})
	expect(time.Second, "3 trucks and 1 phone", "0 of 4 connections", "refused\uFFFD[2J")
	expect(2 * time.Second)
	f.count.connected.Store(4)
	expect(3*time.Second, "all connected (4 connections)")
	expect(4 * time.Second)
	f.count.locations.Store(180)
	expect(3*time.Second+statusEvery, "3 locations and 0 motions a second")
	f.count.connected.Store(1)
	expect(2*statusEvery, "1 of 4 connections up")
}

// A text must not be lost, nor a device hang, because nobody reads the output any more.
func TestConsoleGoesOnWithoutItsOutput(t *testing.T) {
	f := still(t, Config{Output: gone{}})
	end, ended := make(chan struct{}), make(chan struct{})
	go func() { defer close(ended); f.console.run(end) }()
	shown := make(chan struct{}, 200)
	for range 200 {
		f.console.show(event{device: "AAA", text: "x", shown: func() { shown <- struct{}{} }})
	}
	within(t, shown, "acknowledgement")
	close(end)
	<-ended
}

type gone struct{}

func (gone) Write([]byte) (int, error) { return 0, errors.New("broken pipe") }
