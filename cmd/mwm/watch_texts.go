package main

import (
	"context"
	"net/url"
	"time"
)

// textsEvery is how often the server is asked for news of texts.
const textsEvery = 500 * time.Millisecond

// textEvent is what the API tells when the state of a text has changed.
type textEvent struct {
	Seq    uint64 `json:"seq"`
	At     int64  `json:"at"`
	Device string `json:"device"`
	Code   string `json:"code"` // the state
	Detail string `json:"detail"`
}

// after reports whether e is later than another one. A server that starts anew may count anew.
func (e *textEvent) after(o textEvent) bool { return e.At > o.At || e.At == o.At && e.Seq > o.Seq }

// texts follows what becomes of texts, as the server's API tells it: in their queues nobody but their device can read them.
func (w *watcher) texts(ctx context.Context, what string) error {
	server := newAPI(w.cmd.HTTP, w.access)
	defer server.http.CloseIdleConnections()
	tick := time.NewTicker(textsEvery)
	defer tick.Stop()
	var last textEvent
	for first := true; ; first = false {
		var answer struct {
			Events []textEvent `json:"events"`
		}
		if err := server.get(ctx, "/events?kind=text&limit=1000", &answer); err != nil {
			return err
		}
		if first {
			w.tell(what + ": connected")
		}
		for _, e := range answer.Events {
			if !e.after(last) {
				continue
			}
			last = e
			if !first {
				w.see(sightText(ctx, server, e))
			}
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
}

// sightText looks up which text an event is about: the one that changed at that time. One that has changed again is not found.
func sightText(ctx context.Context, server *api, e textEvent) sighting {
	s := newSighting(kindText, e.Device)
	if e.Device == "" { // it sums up what came too fast
		s.Text = e.Detail
		return s
	}
	s.State = e.Code
	var answer struct {
		Texts []struct {
			Body    string `json:"body"`
			Updated int64  `json:"updated"`
		} `json:"texts"`
	}
	if server.get(ctx, "/devices/"+url.PathEscape(e.Device)+"/texts", &answer) != nil {
		return s
	}
	for _, t := range answer.Texts {
		if t.Updated == e.At {
			s.Text = t.Body
		}
	}
	return s
}
