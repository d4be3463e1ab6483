package stomp

import (
	"sync"

	"mwm/server/broker"
	"mwm/server/stomp/frame"
)

// browseAtOnce is how many messages a browser is given between two looks at its
// connection.
const browseAtOnce = 64

// browser is a subscription that looks at queues and takes nothing (ActiveMQ's
// browser:true): it is sent what waits when it subscribes, and then a MESSAGE with
// browser:end.
type browser struct {
	sub *subscription

	mu    sync.Mutex
	look  *broker.Browser
	ended bool
}

// parseBrowser reads whether the subscription is a browser.
func (s *session) parseBrowser(f *frame.Frame, sub *subscription) error {
	switch v, _ := f.Get("browser"); v {
	case "", "false":
		return nil
	case "true":
	default:
		return refuse("malformed browser", "%.40q is neither true nor false", v)
	}
	if sub.to.kind != broker.QueueKind {
		return refuse("invalid destination", "a browser looks at what waits, on a destination that begins with %s or %s", queuePrefix, tempQueuePrefix)
	}
	sub.browses, sub.mode = true, ackAuto // there is nothing to acknowledge
	return nil
}

// browse begins to look.
func (sub *subscription) browse(done func(error)) error {
	look, err := sub.s.srv.b.NewBrowser(sub.to.name, sub.enc.match)
	if err != nil {
		return err
	}
	sub.browser = &browser{sub: sub, look: look}
	done(nil)
	return nil
}

// run sends messages while the connection has room, and goes on when it has some
// again.
func (w *browser) run() {
	w.mu.Lock()
	defer w.mu.Unlock()
	out := w.sub.s.out
	for !w.ended && !w.sub.s.ending.Load() {
		if out.Pending() >= out.Limit()/2 && out.NotifyRoom(w.run) {
			return
		}
		page := w.look.Next(browseAtOnce)
		if len(page) == 0 {
			w.finish()
			w.sub.s.reply(w.end())
			return
		}
		var frames []byte
		for _, d := range page {
			frames = w.sub.enc.appendDelivery(frames, d.Message, nil, d.Redelivered)
		}
		if _, wake := out.SendMessages(frames, len(page)); wake {
			out.Wake()
		}
	}
}

// end is the frame after the last message.
func (w *browser) end() []byte {
	e := &w.sub.enc
	p := append(append([]byte{}, e.head...), "0\nbrowser:end\n"...)
	p = e.d.AppendHeader(p, "destination", e.to+w.sub.to.name)
	return append(p, "content-length:0\n\n\x00"...)
}

// stop ends a browser that may be under way.
func (w *browser) stop() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.finish()
}

// finish gives back what the look at the queues holds. w.mu is held.
func (w *browser) finish() {
	w.ended = true
	w.look.Close()
}
