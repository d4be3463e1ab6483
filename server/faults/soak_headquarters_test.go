package faults

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/coder/websocket"

	"mwm/server/live"
)

const (
	textsPerSecond  = 20
	alertsPerSecond = 10
)

// headquarters sends texts and alerts through the API, looks at dashboards, and
// compares tracks with what witnesses were promised, until ctx ends or it is
// stopped; stop waits for the end.
func (s *soak) headquarters(ctx context.Context) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	var all sync.WaitGroup
	all.Go(func() { s.often(ctx, textsPerSecond, s.sendText) })
	all.Go(func() { s.often(ctx, alertsPerSecond, s.sendAlert) })
	for i := range 4 {
		all.Go(func() { s.onlook(ctx, func(ctx context.Context) { s.dashboard(ctx, i) }) })
	}
	all.Go(func() { s.onlook(ctx, s.page) })
	all.Go(func() { s.historian(ctx) })
	return func() {
		cancel()
		all.Wait()
	}
}

// often does something so many times a second.
func (s *soak) often(ctx context.Context, perSecond int, do func(ctx context.Context, client *http.Client)) {
	client := &http.Client{Transport: &http.Transport{}, Timeout: patience}
	defer client.CloseIdleConnections()
	tick := time.NewTicker(time.Second / time.Duration(perSecond))
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			do(context.WithoutCancel(ctx), client) // what is begun is finished: its answer counts
		}
	}
}

// next makes the next message of a stream, for the server of the same run.
func (s *soak) next(to *stream) (at addresses, n int, body string) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	n, body = s.book.next(to)
	return s.at, n, body[:min(len(body), 4000)]
}

// sendText sends a text to one of the trucks that are sent any.
func (s *soak) sendText(ctx context.Context, client *http.Client) {
	t := s.trucks[rand.IntN((len(s.trucks)+4)/5)*5]
	to := t.texts.streams[0]
	at, n, body := s.next(to)
	if s.post(ctx, client, at, "devices/"+t.id+"/texts", map[string]any{"body": body}) {
		s.book.receipt(to, n)
		s.count.texts.Add(1)
	}
}

// sendAlert sends a numbered alert to a phone whose session is kept, which the
// server has to keep for it, or a colour to any phone that is there.
func (s *soak) sendAlert(ctx context.Context, client *http.Client) {
	p := s.phones[rand.IntN(len(s.phones))]
	if rand.IntN(2) == 0 {
		p = s.phones[rand.IntN((len(s.phones)+9)/10)*10]
	}
	if p.alerts == nil {
		s.post(ctx, client, s.here(), "devices/"+p.id+"/alerts", map[string]any{"color": "green"})
		return
	}
	p.mu.Lock()
	there := p.there
	p.mu.Unlock()
	if !there {
		return
	}
	to := p.alerts.streams[0]
	at, n, body := s.next(to)
	message := map[string]any{"destination": "/topic/.mwm." + p.id + ".alert", "body": body, "persistent": true}
	if s.post(ctx, client, at, "messages", message) {
		s.book.receipt(to, n)
		s.count.alerts.Add(1)
	}
}

// post asks the API for something, and reports whether it promised it.
func (s *soak) post(ctx context.Context, client *http.Client, at addresses, path string, what any) bool {
	text, err := json.Marshal(what)
	if err != nil {
		panic(err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+at.http+"/api/v1/"+path, bytes.NewReader(text))
	if err != nil {
		panic(err)
	}
	req.Header.Set("Content-Type", "application/json")
	res, err := client.Do(req)
	if err != nil {
		return false // the server is being restarted, or its end would be seen elsewhere
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(res.Body)
	if err != nil {
		return false
	}
	switch res.StatusCode {
	case http.StatusAccepted, http.StatusOK:
		return true
	case http.StatusServiceUnavailable: // it is being stopped
	default:
		s.fault("the API answers %s: %s", res.Status, answer)
	}
	return false
}

// onlook lets somebody look on, again and again, now and then for a while only.
func (s *soak) onlook(ctx context.Context, look func(ctx context.Context)) {
	for ctx.Err() == nil {
		some, cancel := context.WithTimeout(ctx, time.Second+random(min(5*time.Minute, s.length/4)))
		look(some)
		cancel()
		await(ctx, random(min(3*time.Second, s.length/20)))
	}
}

// dashboard reads the feed. The higher its number, the slower it reads.
func (s *soak) dashboard(ctx context.Context, slowness int) {
	conn, _, err := websocket.Dial(ctx, "ws://"+s.here().http+"/api/v1/feed", &websocket.DialOptions{Subprotocols: []string{live.Subprotocol}})
	if err != nil {
		return
	}
	defer conn.CloseNow()
	conn.SetReadLimit(64 << 20)
	for {
		kind, data, err := conn.Read(ctx)
		if err != nil {
			return
		}
		s.count.frames.Add(1)
		if kind != websocket.MessageBinary {
			continue
		}
		await(ctx, time.Duration(slowness)*200*time.Millisecond)
		ack := fmt.Appendf(nil, `{"type":"ack","seq":%d}`, binary.LittleEndian.Uint64(data[8:]))
		if conn.Write(ctx, websocket.MessageText, ack) != nil {
			return
		}
	}
}

// page subscribes to all locations, as the book's page does.
func (s *soak) page(ctx context.Context) {
	c, err := dialSTOMP(s.here().stomp, "")
	if err != nil {
		return
	}
	defer c.close()
	defer context.AfterFunc(ctx, c.close)()
	if c.nc.SetReadDeadline(time.Time{}) != nil {
		return
	}
	if _, err := io.WriteString(c.nc, "SUBSCRIBE\nid:1\ndestination:/topic/device.*.location\n\n\x00"); err == nil {
		_, _ = io.Copy(io.Discard, c.nc)
	}
}

// historian compares tracks now and then.
func (s *soak) historian(ctx context.Context) {
	for {
		await(ctx, s.age/4)
		if ctx.Err() != nil {
			return
		}
		_ = s.checkTracks() // the server may be about to be restarted: there is a next time
	}
}

// killCosts is from when on before a kill reports may be lost: the last second, on a
// busy machine some more.
const killCosts = 5 * time.Second

// checkTracks compares the tracks of the witnesses with the reports that had a
// RECEIPT.
func (s *soak) checkTracks() error {
	client := &http.Client{Transport: &http.Transport{}, Timeout: patience}
	defer client.CloseIdleConnections()
	s.mu.RLock()
	kills := slices.Clone(s.kills)
	s.mu.RUnlock()
	to := time.Now().Add(-killCosts) // the server may be killed while it is asked
	from := to.Add(-s.age).Add(10 * time.Second)
	for _, t := range s.trucks {
		if !t.witness {
			continue
		}
		owed := t.promised(from, to, kills)
		if len(owed) == 0 {
			continue
		}
		has, err := s.track(client, t.id, from, to)
		if err != nil {
			return fmt.Errorf("the track of %s: %w", t.id, err)
		}
		for _, ms := range owed {
			if !has[ms] {
				s.fault("the history of %s has no position of %v", t.id, time.UnixMilli(ms))
			}
		}
		s.count.checked.Add(int64(len(owed)))
	}
	return nil
}

// promised are the times of the reports in a span that the history has to have.
// Those before are forgotten.
func (t *truck) promised(from, to time.Time, kills []span) (all []int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for ms, receipt := range t.sent {
		at := time.UnixMilli(ms)
		switch {
		case at.Before(from):
			delete(t.sent, ms)
		case !receipt || at.After(to):
		case slices.ContainsFunc(kills, func(k span) bool { return at.After(k.from.Add(-killCosts)) && at.Before(k.to) }):
		default:
			all = append(all, ms)
		}
	}
	return all
}

// track asks for the times of a device's positions.
func (s *soak) track(client *http.Client, id string, from, to time.Time) (map[int64]bool, error) {
	res, err := client.Get(fmt.Sprintf("http://%s/api/v1/devices/%s/track?from=%d&to=%d", s.here().http, id, from.UnixMilli(), to.Add(time.Second).UnixMilli()))
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return nil, errors.New(res.Status)
	}
	var track struct{ Points [][]*float64 }
	if err := json.NewDecoder(res.Body).Decode(&track); err != nil {
		return nil, err
	}
	has := map[int64]bool{}
	for _, p := range track.Points {
		has[int64(*p[2])] = true
	}
	return has, nil
}

// checkRetained compares what is retained of each phone with what it said last.
func (s *soak) checkRetained() {
	s.t.Helper()
	nc, err := net.DialTimeout("tcp", s.here().mqtt, patience)
	if err != nil {
		s.t.Fatal(err)
	}
	defer nc.Close()
	if err := mqttConnect(nc, "auditor", 0); err != nil {
		s.t.Fatal(err)
	}
	if _, err := nc.Write(mqttSubscribe("/mwm/+/motion", 0)); err != nil {
		s.t.Fatal(err)
	}
	_ = nc.SetReadDeadline(time.Now().Add(patience))
	got := map[string][]byte{}
	for in := newMQTTReader(nc); len(got) < len(s.phones); {
		first, body, err := in.next()
		if err != nil {
			s.fault("only %d phones have a retained value: %v", len(got), err)
			return
		}
		if first>>4 == 3 {
			topic, _, payload := mqttMessage(first, body)
			got[topic] = payload
		}
	}
	for _, p := range s.phones {
		if value := got["/mwm/"+p.id+"/motion"]; !bytes.Equal(value, p.last) {
			s.fault("the retained value of %s is % x, not % x", p.id, value, p.last)
		}
	}
}
