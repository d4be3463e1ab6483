package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/go-stomp/stomp/v3"

	"mwm/devicesim/link"
	"mwm/devicesim/terminal"
	"mwm/server/telemetry"
)

// WatchCmd follows what devices say, and what is said to them, as lines. It is one more subscriber of the public topics. Texts travel in
// queues, where nobody but their device can read them without taking them away: of these the server's API tells.
type WatchCmd struct {
	STOMP string   `name:"stomp" env:"MWM_CLIENT_STOMP" default:"127.0.0.1:61613" placeholder:"HOST:PORT" help:"The server's STOMP address; empty: no locations. Default: ${default}"`
	MQTT  string   `name:"mqtt" env:"MWM_CLIENT_MQTT" default:"127.0.0.1:1883" placeholder:"HOST:PORT" help:"The server's MQTT address; empty: no motions, alerts and last wills. Default: ${default}"`
	HTTP  string   `name:"http" env:"MWM_CLIENT_HTTP" default:"127.0.0.1:8080" placeholder:"HOST:PORT" help:"The server's HTTP address; empty: no texts. Default: ${default}"`
	JSON  bool     `name:"json" help:"Write one JSON object a line."`
	Only  []string `enum:"location,motion,text,alert,lastwill,online,silent" placeholder:"KIND" help:"Only these kinds: location, motion, text, alert, lastwill, online, silent."`

	AccessFlags `embed:""`

	IDs []string `arg:"" optional:"" name:"id" help:"Only these devices."`
}

// silentAfter is how long a device may say nothing before it is called silent: what the server calls stale.
const silentAfter = 15 * time.Second

// maxWatched bounds the devices whose coming and going is told.
const maxWatched = 100_000

// Run follows until ctx ends.
func (c *WatchCmd) Run(ctx context.Context) error { return c.follow(ctx, os.Stdout, os.Stderr) }

// follow writes what happens to out, and the state of its connections to log.
func (c *WatchCmd) follow(ctx context.Context, out, log io.Writer) error {
	if c.STOMP == "" && c.MQTT == "" && c.HTTP == "" {
		return errors.New("--stomp, --mqtt and --http are all empty: there is nothing to follow")
	}
	access, err := c.access()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	w := &watcher{cmd: c, access: access, news: make(chan sighting, 256), log: make(chan string, 16), ctx: ctx, heard: map[string]time.Time{}}
	var links sync.WaitGroup
	if c.STOMP != "" {
		links.Go(func() { w.keep("STOMP "+c.STOMP, w.locations) })
	}
	if c.MQTT != "" {
		links.Go(func() { w.keep("MQTT "+c.MQTT, w.motions) })
	}
	if c.HTTP != "" {
		links.Go(func() { w.keep("HTTP "+c.HTTP, w.texts) })
	}
	err = w.write(out, log)
	cancel()
	links.Wait()
	return err
}

// watcher gathers from both protocols; one goroutine writes.
type watcher struct {
	cmd    *WatchCmd
	access link.Access
	ctx    context.Context // of follow
	news   chan sighting
	log    chan string
	heard  map[string]time.Time // last sign of life; of the goroutine that writes
}

func (w *watcher) keep(what string, session func(context.Context, string) error) {
	link.Keep(w.ctx, link.Backoff{}, func(ctx context.Context) error { return session(ctx, what) }, func(err error, wait time.Duration) {
		w.tell(fmt.Sprintf("%s: %v; again in %v", what, err, wait.Round(100*time.Millisecond)))
	})
}

func (w *watcher) tell(line string) {
	select {
	case w.log <- line:
	case <-w.ctx.Done():
	}
}

// see hands a sighting over. Waiting here holds the connection up: the server then drops what is oldest.
func (w *watcher) see(s sighting) {
	select {
	case w.news <- s:
	case <-w.ctx.Done():
	}
}

func (w *watcher) locations(ctx context.Context, what string) error {
	l, err := link.DialSTOMP(ctx, link.STOMPConfig{Addr: w.cmd.STOMP, Access: w.access, Buffer: 64 << 10})
	if err != nil {
		return err
	}
	defer l.Close()
	err = l.Subscribe(telemetry.LocationFilterSTOMP, stomp.AckAuto, func(m *stomp.Message) {
		name := strings.TrimPrefix(m.Destination, "/topic/")
		if id, ok := telemetry.LocationID(name); ok {
			w.see(sightLocation(id, m.Body))
		}
	})
	if err != nil {
		return err
	}
	return w.attend(ctx, what, l.Lost(), l.Err)
}

func (w *watcher) motions(ctx context.Context, what string) error {
	l, err := link.DialMQTT(ctx, link.MQTTConfig{
		Addr: w.cmd.MQTT, ClientID: clientID("watch"), Access: w.access, Window: 1000, Buffer: 64 << 10,
		Handle: func(m link.Message) {
			if s, ok := sightMessage(m); ok {
				w.see(s)
			}
		},
	})
	if err != nil {
		return err
	}
	defer l.Close()
	if err := l.Subscribe(ctx, 0, telemetry.MotionFilterMQTT, telemetry.AlertFilterMQTT, telemetry.LastWillMQTT+"/#"); err != nil {
		return err
	}
	return w.attend(ctx, what, l.Lost(), l.Err)
}

func (w *watcher) attend(ctx context.Context, what string, lost <-chan struct{}, why func() error) error {
	w.tell(what + ": connected")
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-lost:
		return why()
	}
}

// write writes until ctx ends or the output is gone.
func (w *watcher) write(out, log io.Writer) error {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		var err error
		select {
		case <-w.ctx.Done():
			return nil
		case line := <-w.log:
			_, _ = fmt.Fprintln(log, terminal.Clean(line))
		case s := <-w.news:
			err = w.note(out, s)
		case now := <-tick.C:
			err = w.silent(out, now)
		}
		if err != nil {
			return err
		}
	}
}

// note writes a sighting, before it that its device is new or back.
func (w *watcher) note(out io.Writer, s sighting) error {
	if len(w.cmd.IDs) > 0 && !slices.Contains(w.cmd.IDs, s.Device) {
		return nil
	}
	_, known := w.heard[s.Device]
	switch {
	case s.Kind == kindWill:
		delete(w.heard, s.Device)
	case !s.alive():
	case known:
		w.heard[s.Device] = s.at
	case len(w.heard) < maxWatched:
		w.heard[s.Device] = s.at
		if err := w.print(out, sighting{at: s.at, Kind: kindOnline, Device: s.Device}); err != nil {
			return err
		}
	}
	return w.print(out, s)
}

// silent writes which devices have not been heard for long.
func (w *watcher) silent(out io.Writer, now time.Time) error {
	for id, last := range w.heard {
		if now.Sub(last) >= silentAfter {
			delete(w.heard, id)
			if err := w.print(out, sighting{at: now, Kind: kindSilent, Device: id}); err != nil {
				return err
			}
		}
	}
	return nil
}

func (w *watcher) print(out io.Writer, s sighting) error {
	if len(w.cmd.Only) > 0 && !slices.Contains(w.cmd.Only, s.Kind) {
		return nil
	}
	line := s.line()
	if w.cmd.JSON {
		line = s.json()
	}
	_, err := io.WriteString(out, line+"\n")
	return err
}
