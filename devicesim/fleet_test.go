package devicesim

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-stomp/stomp/v3"

	"mwm/devicesim/gpx"
	"mwm/devicesim/link"
	"mwm/devicesim/testbroker"
	"mwm/server/telemetry"
)

const quick = 20 * time.Millisecond

// hear returns what is sent to a STOMP destination.
func hear(t *testing.T, addr, destination string) <-chan *stomp.Message {
	t.Helper()
	l, err := link.DialSTOMP(t.Context(), link.STOMPConfig{Addr: addr})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.Close)
	got := make(chan *stomp.Message, 100)
	err = l.Subscribe(destination, stomp.AckAuto, func(m *stomp.Message) {
		select {
		case got <- m:
		default:
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// hearMQTT returns a client and what is published to the filter.
func hearMQTT(t *testing.T, addr, id, filter string) (*link.MQTT, <-chan link.Message) {
	t.Helper()
	got := make(chan link.Message, 100)
	l, err := link.DialMQTT(t.Context(), link.MQTTConfig{Addr: addr, ClientID: id, Handle: func(m link.Message) {
		select {
		case got <- m:
		default:
		}
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.Close)
	if err := l.Subscribe(t.Context(), 2, filter); err != nil {
		t.Fatal(err)
	}
	return l, got
}

func within[T any](t *testing.T, ch <-chan T, what string) (v T) {
	t.Helper()
	select {
	case v = <-ch:
	case <-time.After(time.Minute):
		t.Fatalf("%s: nothing after a minute", what)
	}
	return v
}

func TestTrucksReportWhereTheyDrive(t *testing.T) {
	b := testbroker.STOMP(t)
	got := hear(t, b.Addr, "/topic/device.BBB.location")
	running(t, Config{STOMP: b.Addr, Trucks: 2, Rate: quick, Seed: 1})
	var last telemetry.Location
	for i := range 20 {
		m := within(t, got, "location")
		if ct := m.ContentType; ct != "application/json;charset=utf-8" {
			t.Fatalf("content-type %q", ct)
		}
		l, err := telemetry.DecodeLocation(m.Body, "BBB")
		if err != nil {
			t.Fatalf("%s: %v", m.Body, err)
		}
		if l.Lat < 42.4 || l.Lat > 42.7 || l.Lng < 1.4 || l.Lng > 1.8 {
			t.Fatalf("%s is not in Andorra", m.Body)
		}
		if age := time.Since(l.TS); age < -time.Second || age > 10*time.Second {
			t.Fatalf("%s is %v old", m.Body, age)
		}
		if !l.Speed.Set || !l.Heading.Set || !l.Accuracy.Set || l.Speed.Value > 25.1 {
			t.Fatalf("%s", m.Body)
		}
		if moved := distance(last.Lat, last.Lng, l.Lat, l.Lng); i > 0 && moved > 40 {
			t.Fatalf("it jumped %.0f m", moved)
		}
		last = l
	}
}

func TestReplayedTracksAreTrucksToo(t *testing.T) {
	b := testbroker.STOMP(t)
	got := hear(t, b.Addr, "/topic/device.AAA.location")
	track := []gpx.Point{{Lat: 45, Lng: 14, Time: time.Unix(0, 0)}, {Lat: 45.01, Lng: 14, Time: time.Unix(1000, 0)}}
	running(t, Config{STOMP: b.Addr, Replay: []*gpx.Path{gpx.NewPath([][]gpx.Point{track})}, Rate: quick, Speed: 10})
	l, err := telemetry.DecodeLocation(within(t, got, "location").Body, "AAA")
	if err != nil {
		t.Fatal(err)
	}
	if d := distance(45, 14, l.Lat, l.Lng); d > 1200 {
		t.Errorf("%.0f m from the track's start", d)
	}
	if want := 10 * 1.11; l.Speed.Value < want-0.2 || l.Speed.Value > want+0.2 {
		t.Errorf("drives at %.1f m/s, not at ten times 1.11", l.Speed.Value)
	}
	if time.Since(l.TS) > time.Minute {
		t.Errorf("ts is the recording's, %v", l.TS)
	}
}

func TestPhonesReportHowTheyAreHeld(t *testing.T) {
	b := testbroker.MQTT(t)
	_, got := hearMQTT(t, b.Addr, "page", telemetry.MotionFilterMQTT)
	f, stop := running(t, Config{MQTT: b.Addr, Phones: 1, Rate: quick})
	for range 5 {
		m := within(t, got, "motion")
		if m.Topic != "/mwm/XYZ/motion" {
			t.Fatalf("from %s", m.Topic)
		}
		if _, err := telemetry.DecodeMotion(m.Payload); err != nil {
			t.Fatal(err)
		}
	}
	stop()
	if f.Stats().Motions < 5 {
		t.Errorf("counted %d motions", f.Stats().Motions)
	}
	_, late := hearMQTT(t, b.Addr, "late", telemetry.MotionFilterMQTT)
	if m := within(t, late, "retained motion"); !m.Retained {
		t.Error("the motion was not retained")
	}
}

func TestPhonesLeaveALastWill(t *testing.T) {
	b := testbroker.MQTT(t)
	_, got := hearMQTT(t, b.Addr, "page", telemetry.LastWillMQTT+"/#")
	f, stop := running(t, Config{MQTT: b.Addr, Phones: 2, Rate: quick})
	eventually(t, "both are connected", func() bool { return f.Stats().Connected == 2 })
	_, phones := f.devices()
	l, _ := phones[1].up.get()
	l.Abort()
	if m := within(t, got, "last will"); string(m.Payload) != `{"deviceID":"WXY"}` || m.Retained {
		t.Errorf("last will %+v", m)
	}
	eventually(t, "it is back", func() bool {
		again, up := phones[1].up.get() // the count may not know of the loss yet
		return up && again != l && f.Stats().Connected == 2
	})
	stop()
	_, probe := hearMQTT(t, b.Addr, "probe", "probe")
	sender, _ := hearMQTT(t, b.Addr, "sender", "none")
	if _, err := sender.PublishConfirmed(t.Context(), "probe", nil); err != nil { // whatever was before it has been sent
		t.Fatal(err)
	}
	within(t, probe, "probe")
	select {
	case m := <-got:
		t.Errorf("phones that stop in order left %s", m.Payload)
	default:
	}
}

func TestPhonesTurnToTheColourOfAnAlert(t *testing.T) {
	b := testbroker.MQTT(t)
	var out buffer
	f, _ := running(t, Config{MQTT: b.Addr, Phones: 2, Output: &out})
	eventually(t, "both are connected", func() bool { return f.Stats().Connected == 2 })
	page, _ := hearMQTT(t, b.Addr, "page", "none")
	_, phones := f.devices()
	for _, tt := range []struct {
		payload string
		rgb     uint32
	}{{"yellow", 0xFFFF00}, {"no\x1b[2Jsuch", 0xFF0000}} {
		if _, err := page.PublishConfirmed(t.Context(), "/mwm/XYZ/alert", []byte(tt.payload)); err != nil {
			t.Fatal(err)
		}
		eventually(t, tt.payload, func() bool {
			s := phones[0].state().screen
			return s.active(s.since) && s.color.RGB == tt.rgb // now it may be over
		})
	}
	if other := phones[1].state().screen; !other.since.IsZero() {
		t.Error("another phone turned too")
	}
	eventually(t, "lines", func() bool { return strings.Contains(out.String(), "XYZ alert: no") })
	if s := out.String(); !strings.Contains(s, "XYZ alert: yellow\n") || strings.Contains(s, "\x1b") {
		t.Errorf("output %q", s)
	}
}

func TestFleetSurvivesARestart(t *testing.T) {
	s, m := testbroker.STOMP(t), testbroker.MQTT(t)
	f, _ := running(t, Config{STOMP: s.Addr, MQTT: m.Addr, Trucks: 5, Phones: 5, Rate: quick})
	eventually(t, "all are connected", func() bool { return f.Stats().Connected == 10 })
	s.Down()
	m.Down()
	eventually(t, "all notice", func() bool { return f.Stats().Connected == 0 })
	before := f.Stats()
	s.Up()
	m.Up()
	eventually(t, "all are back and report", func() bool {
		now := f.Stats()
		return now.Connected == 10 && now.Locations > before.Locations+20 && now.Motions > before.Motions+20
	})
}

func TestGatewaysReportForMany(t *testing.T) {
	s, m := testbroker.STOMP(t), testbroker.MQTT(t)
	last := hear(t, s.Addr, "/topic/device."+TruckID(24)+".location")
	page, motions := hearMQTT(t, m.Addr, "page", "/mwm/"+PhoneID(11)+"/motion")
	f, _ := running(t, Config{STOMP: s.Addr, MQTT: m.Addr, Trucks: 25, Phones: 12, PerConnection: 10, Rate: quick})
	eventually(t, "all are connected", func() bool { return f.Stats().Connected == 5 })
	if st := f.Stats(); st.Connections != 5 || st.Trucks != 25 || st.Phones != 12 {
		t.Errorf("%+v", st)
	}
	within(t, last, "location of the last truck")
	within(t, motions, "motion of the last phone")
	if _, err := page.PublishConfirmed(t.Context(), telemetry.AlertTopic(PhoneID(11)), []byte("red")); err != nil {
		t.Fatal(err)
	}
	eventually(t, "alert", func() bool { return f.Stats().Alerts == 1 })
	trucks, _ := f.devices()
	if id := trucks[24].up.id; id != "gateway-stomp-3" {
		t.Errorf("the third gateway is %s", id)
	}
}

func TestAddWhileRunning(t *testing.T) {
	s, m := testbroker.STOMP(t), testbroker.MQTT(t)
	got := hear(t, s.Addr, "/topic/device.CCC.location")
	f, stop := running(t, Config{STOMP: s.Addr, MQTT: m.Addr, Rate: quick})
	if err := f.Add(2, 1); err != nil {
		t.Fatal(err)
	}
	if err := f.Add(1, 0); err != nil {
		t.Fatal(err)
	}
	within(t, got, "location of the third truck")
	eventually(t, "all are connected", func() bool { return f.Stats().Connected == 4 })
	if err := f.Add(-1, 0); err == nil {
		t.Error("added -1 trucks")
	}
	if err := f.Add(MaxDevices, 0); err == nil {
		t.Error("added more than the most")
	}
	stop()
	if err := f.Add(1, 0); err != ErrStopped {
		t.Errorf("added to a fleet that has stopped: %v", err)
	}
}

// server speaks as much STOMP as a test wants: it answers CONNECT, then hands every frame to handle, which returns what to answer.
func server(t *testing.T, handle func(frame string) string) (addr string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var work sync.WaitGroup
	work.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			work.Go(func() {
				defer func() { _ = c.Close() }()
				r := bufio.NewReader(c)
				for {
					f, err := r.ReadString(0)
					if err != nil {
						return
					}
					f = strings.TrimLeft(f, "\n")
					answer := "CONNECTED\nversion:1.2\nheart-beat:10000,10000\n\n\x00"
					if !strings.HasPrefix(f, "CONNECT\n") {
						answer = handle(f)
					}
					_, _ = io.WriteString(c, answer)
				}
			})
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		work.Wait()
	})
	return l.Addr().String()
}

func header(frame, name string) string {
	_, after, _ := strings.Cut(frame, "\n"+name+":")
	value, _, _ := strings.Cut(after, "\n")
	return value
}

// receipt answers the DISCONNECT of an orderly stop.
func receipt(frame string) string {
	if id := header(frame, "receipt"); id != "" {
		return "RECEIPT\nreceipt-id:" + id + "\n\n\x00"
	}
	return ""
}

func TestTextsAreAcknowledgedOnceShown(t *testing.T) {
	acked, subscribed := make(chan string, 1), make(chan string, 1)
	addr := server(t, func(f string) string {
		switch command, _, _ := strings.Cut(f, "\n"); command {
		case "SUBSCRIBE":
			subscribed <- f
			return fmt.Sprintf("MESSAGE\nsubscription:%s\nmessage-id:1\nack:7\ndestination:/queue/device.AAA.text\n\nhello \x1b[31mred\x00", header(f, "id"))
		case "ACK":
			acked <- header(f, "id")
		}
		return receipt(f)
	})
	out := &buffer{hold: make(chan struct{})}
	f, _ := running(t, Config{STOMP: addr, Trucks: 1, Output: out})
	sub := within(t, subscribed, "SUBSCRIBE")
	if header(sub, "destination") != "/queue/device.AAA.text" || header(sub, "ack") != "client-individual" {
		t.Errorf("subscribed with %q", sub)
	}
	eventually(t, "the text is there", func() bool { return f.Stats().Texts == 1 })
	select {
	case <-acked:
		t.Error("acknowledged before it was shown")
	default:
	}
	close(out.hold)
	if id := within(t, acked, "ACK"); id != "7" {
		t.Errorf("acknowledged %q", id)
	}
	if s := out.String(); !strings.Contains(s, "AAA text: hello \uFFFD[31mred\n") {
		t.Errorf("output %q", s)
	}
}

// buffer is an output that may be held back.
type buffer struct {
	hold chan struct{} // nil: not held
	mu   sync.Mutex
	b    strings.Builder
}

func (b *buffer) Write(p []byte) (int, error) {
	if b.hold != nil {
		<-b.hold
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// A server that answers nothing any more must not hold up the stop of many.
func TestStopIsBounded(t *testing.T) {
	addr := server(t, func(string) string { return "" })
	f, stop := running(t, Config{STOMP: addr, Trucks: 3 * closesAtOnce})
	f.stopTimeout = 100 * time.Millisecond
	f.closes = make(chan struct{}, closesAtOnce/8) // 24 rounds
	eventually(t, "all are connected", func() bool { return f.Stats().Connected == 3*closesAtOnce })
	began := time.Now()
	stop()
	if d := time.Since(began); d > 10*link.CloseTimeout {
		t.Errorf("stopping took %v", d)
	}
}

// An output that takes nothing, as a pipe to a pager that waits, must hold up neither the devices' reports nor the stop.
func TestStuckOutputHoldsUpNothingElse(t *testing.T) {
	b := testbroker.MQTT(t)
	out := &buffer{hold: make(chan struct{})}
	defer close(out.hold)
	f, stop := running(t, Config{MQTT: b.Addr, Phones: 2, Rate: quick, Output: out})
	f.stopTimeout = 100 * time.Millisecond
	eventually(t, "both are connected", func() bool { return f.Stats().Connected == 2 })
	page, _ := hearMQTT(t, b.Addr, "page", "none")
	for range 100 { // more than the console holds
		if err := page.Publish("/mwm/XYZ/alert", []byte("red"), false); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, "the console is full", func() bool { return len(f.console.events) == cap(f.console.events) })
	before := f.Stats().Motions
	eventually(t, "motions go on", func() bool { return f.Stats().Motions > before+10 })
	began := time.Now()
	stop()
	if d := time.Since(began); d > 30*time.Second {
		t.Errorf("stopping took %v", d)
	}
}
