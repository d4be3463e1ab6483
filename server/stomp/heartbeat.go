package stomp

import (
	"sync"
	"time"

	"mwm/server/netx"
)

// startBeats starts the heart-beats in both directions.
func (s *session) startBeats(toClient, toServer time.Duration) {
	if toServer > 0 {
		// The client's beats may be late on the way: a second interval, at
		// least a second, is allowed for.
		s.silence.Set(toServer + max(toServer, time.Second))
	}
	if toClient > 0 {
		s.beat.start(s.out, toClient)
	}
}

// beat sends a line end when nothing else has been sent for an interval. It
// costs nothing per frame: its timer looks at the time of the last write when it
// fires.
type beat struct {
	mu      sync.Mutex
	timer   *time.Timer
	stopped bool
}

var heartBeatFrame = []byte{'\n'}

func (b *beat) start(out *netx.Outbound, interval time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.stopped {
		return
	}
	interval -= interval / 10 // so that it is there in time
	b.timer = time.AfterFunc(interval, func() {
		left := interval - out.Idle()
		if left <= 0 {
			if out.Pending() == 0 { // else the peer does not read: a beat would not reach it either
				if _, wake := out.Send(heartBeatFrame); wake {
					out.Wake()
				}
			}
			left = interval
		}
		b.mu.Lock()
		defer b.mu.Unlock()
		if !b.stopped {
			b.timer.Reset(left)
		}
	})
}

func (b *beat) stop() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.stopped = true
	if b.timer != nil {
		b.timer.Stop()
	}
}
