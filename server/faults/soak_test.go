package faults

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// TestSoak lets the server work for MWM_SOAK, with MWM_SOAK_DEVICES trucks and
// phones that report once a second, come and go, and are sent numbered texts and
// alerts, while dashboards look on. Its time has three parts:
//
//   - an eighth with restarts, every other one a kill;
//   - three quarters without: after a third of warming up, memory, goroutines, file
//     descriptors and disk of the last third may not be more than those of the first;
//   - an eighth with restarts again.
//
// Then everybody gets what is left, and after one more stop and one more kill
// everything has to be there: each text and alert that the API confirmed was
// delivered, and a second time only with a mark; each phone's last value is
// retained; each position that a truck was given a RECEIPT for is in the history.
//
// MWM_SOAK_LOG names a file that gets the report as well.
func TestSoak(t *testing.T) {
	length, devices := duration(t, "MWM_SOAK", 8*time.Second), number(t, "MWM_SOAK_DEVICES", 60)
	s := newSoak(t, length, devices)
	s.say("%v with %d devices", length, devices)
	s.start()
	work, end := context.WithCancel(context.Background())
	defer end()
	var all sync.WaitGroup
	defer all.Wait()
	defer end()
	for _, d := range s.devices() {
		all.Go(func() { s.live(work, d) })
	}
	senders := s.headquarters(work)
	s.restarts(length / 8)
	s.steady = len(s.samples)
	s.watch(length * 3 / 4)
	s.settledAt = len(s.samples)
	s.restarts(length / 8)
	senders()
	s.finish()
	end()
	all.Wait()
	s.afterwards()
	s.book.check(t)
	s.judge()
}

// soak is a run.
type soak struct {
	t       *testing.T
	length  time.Duration
	every   time.Duration // of samples
	age     time.Duration // for which the server keeps positions at least
	args    []string
	report  io.Writer
	began   time.Time
	process *process

	trucks []*truck
	phones []*phone
	book   *book

	// mu makes address and run of the book one: what is sent in a run goes to the
	// server of that run.
	mu    sync.RWMutex
	at    addresses
	kills []span

	finishing chan struct{} // closed when devices are to stay
	settled   atomic.Int64  // devices that have said their last

	samples           []sample
	steady, settledAt int // which of them are judged

	count struct {
		reports, texts, alerts, sessions, frames, checked atomic.Int64
	}
}

// span is from when to when something was done.
type span struct{ from, to time.Time }

func newSoak(t *testing.T, length time.Duration, devices int) *soak {
	s := &soak{
		t: t, length: length, every: max(time.Second, min(10*time.Second, length/100)), age: max(2*time.Minute, length/10),
		report: io.Discard, began: time.Now(), book: newBook(), finishing: make(chan struct{}),
	}
	// In the first hour nothing of the history goes because of its age, so that its size
	// is what keeps it flat: a report is a second's, and takes up to ten bytes. Trucks
	// leave as they like: the same text may be what they were busy with, each time.
	size := max(1<<20, 10*devices*int(s.age.Seconds()))
	s.args = []string{"--data=" + t.TempDir(), "--pprof=127.0.0.1:0", "--history=all", fmt.Sprint("--history-size=", size), "--max-deliveries=10000"}
	if name := os.Getenv("MWM_SOAK_LOG"); name != "" {
		f, err := os.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { f.Close() })
		s.report = f
	}
	for i := range devices - devices/2 {
		s.trucks = append(s.trucks, newTruck(s, i))
	}
	for i := range devices / 2 {
		s.phones = append(s.phones, newPhone(s, i))
	}
	return s
}

// device is a truck or a phone.
type device interface {
	// session connects, reports and takes messages until the connection is lost or
	// stay ends, and leaves in some way. It returns why it could not go on.
	session(ctx context.Context, at addresses, stay <-chan time.Time) error
}

func (s *soak) devices() (all []device) {
	for _, d := range s.trucks {
		all = append(all, d)
	}
	for _, d := range s.phones {
		all = append(all, d)
	}
	return all
}

// live lets a device come and go until ctx ends.
func (s *soak) live(ctx context.Context, d device) {
	stay, away := min(4*time.Minute, s.length/8), min(20*time.Second, s.length/60)
	for ctx.Err() == nil {
		s.rest(ctx, random(away))
		leave := time.NewTimer(random(stay))
		s.count.sessions.Add(1)
		if err := d.session(ctx, s.here(), leave.C); err != nil {
			s.rest(ctx, random(away)/2)
		}
		leave.Stop()
	}
}

// rest waits for a time, or until all finish.
func (s *soak) rest(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-s.finishing:
		await(ctx, 10*time.Millisecond) // between attempts
	case <-ctx.Done():
	}
}

// here is where the server is.
func (s *soak) here() addresses {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.at
}

// start runs the server, again if it did before.
func (s *soak) start() {
	s.t.Helper()
	p := serve(s.t, s.args...)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.process, s.at = p, p.addresses
	s.book.mu.Lock()
	s.book.run++
	s.book.mu.Unlock()
}

// stop ends it, in order or not.
func (s *soak) stop(kill bool) {
	s.t.Helper()
	if !kill {
		s.process.stop()
		return
	}
	began := time.Now()
	s.process.kill()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.kills = append(s.kills, span{began, time.Now()})
}

// restarts passes time with some restarts.
func (s *soak) restarts(d time.Duration) {
	n := max(1, min(8, int(d/(20*time.Second))))
	for i := range n {
		s.watch(d / time.Duration(n+1))
		kill := i%2 == 0
		s.stop(kill)
		s.start()
		s.say("restarted, killed: %v; the database has %.1f MB", kill, s.disk()/1e6)
	}
	s.watch(d / time.Duration(n+1))
}

// watch passes time and takes samples.
func (s *soak) watch(d time.Duration) {
	end := time.After(d)
	tick := time.NewTicker(s.every)
	defer tick.Stop()
	for {
		select {
		case <-end:
			return
		case <-tick.C:
			if s.process.over() {
				s.t.Fatalf("the server ended by itself:\n%s", s.process.log.Tail())
			}
			s.sample()
		}
	}
}

// finish lets everybody get what is left, say the last, and compares what the
// server has.
func (s *soak) finish() {
	s.say("waiting for what is left")
	close(s.finishing)
	eventually(s.t, "all devices are there", func() bool { return int(s.settled.Load()) == len(s.trucks)+len(s.phones) })
	eventually(s.t, "all that was promised has come", func() bool { return s.book.owed() == 0 })
	s.checkAll()
}

// afterwards compares again what the server has when everybody has left and it
// was stopped, and killed.
func (s *soak) afterwards() {
	for _, kill := range []bool{false, true} {
		await(context.Background(), 2*time.Second) // retained values are written each second
		s.stop(kill)
		s.start()
		s.checkAll()
	}
}

// checkAll compares what is retained, and the tracks.
func (s *soak) checkAll() {
	s.t.Helper()
	s.checkRetained()
	before := s.count.checked.Load()
	if err := s.checkTracks(); err != nil {
		s.fault("%v", err)
	}
	// Of seconds, all may be near a kill, when nothing is promised.
	if s.length >= time.Minute && s.count.checked.Load() == before {
		s.fault("there was no track to compare")
	}
}

// owed is how many messages that had a RECEIPT are yet to come.
func (b *book) owed() (n int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, g := range b.groups {
		for _, s := range g.streams {
			for i, m := range s.sent {
				if m.receipt && g.of(s, i+1).times == 0 {
					n++
				}
			}
		}
	}
	return n
}

// fault notes what should not have happened.
func (s *soak) fault(format string, args ...any) { s.book.fault(format, args...) }

// say writes a line of the report.
func (s *soak) say(format string, args ...any) {
	line := fmt.Sprintf("%8v  ", time.Since(s.began).Round(time.Second)) + fmt.Sprintf(format, args...)
	s.t.Log(line)
	if _, err := fmt.Fprintln(s.report, line); err != nil {
		s.t.Error(err)
	}
}

// duration is a length of time from the environment, for the long form of a test.
func duration(t *testing.T, name string, short time.Duration) time.Duration {
	t.Helper()
	text, ok := os.LookupEnv(name)
	if !ok {
		return short
	}
	d, err := time.ParseDuration(text)
	if err != nil || d < time.Second {
		t.Fatal(errors.Join(err, fmt.Errorf("%s is %q, not a length of time such as 1h", name, text)))
	}
	return d
}
