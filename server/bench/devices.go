package main

import (
	"fmt"
	"math"
	"time"
)

const (
	gateways = 10
	ticks    = 20 // per second
)

// reports lets n devices drive in circles and report once a second, as trucks do
// that report through gateways. It ends with an error, or is killed.
func (c *config) reports() error {
	conns := make([]*client, gateways)
	for g := range conns {
		cl, err := c.w.dial(c.addr, clientID("g", g), 4<<10)
		if err != nil {
			return err
		}
		defer cl.bye()
		conns[g] = cl
	}
	var frames []byte
	tick := time.NewTicker(time.Second / ticks)
	defer tick.Stop()
	for k := 0; ; k++ {
		now := (<-tick.C).UTC().Format("2006-01-02T15:04:05.000Z")
		angle := float64(k/ticks) * 0.03 // 30 m of a circle of 1 km
		for g, cl := range conns {
			frames = frames[:0]
			for i := k%ticks*gateways + g; i < c.n; i += ticks * gateways {
				lat, lng := 40+float64(i%100)/10+0.01*math.Sin(angle), float64(i/100%100)/10+0.01*math.Cos(angle)
				frames = fmt.Appendf(frames, "SEND\ndestination:/topic/device.reports%d.location\ncontent-type:application/json\n\n"+
					`{"deviceID":"reports%d","lat":%.7f,"lng":%.7f,"ts":%q,"speed":30}`+"\x00", i, i, lat, lng, now)
			}
			if _, err := cl.Write(frames); err != nil {
				return err
			}
		}
	}
}
