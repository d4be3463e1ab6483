package mqtt

import (
	"encoding/binary"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mochi-mqtt/server/v2/packets"
)

// hang makes the next transaction wait, and returns what ends that: it fails then, and
// those after it do not.
func (d *disk) hang() (free func()) {
	d.set(0)
	return func() {
		d.set(-1)
		close(d.over)
	}
}

// While the disk hangs, a client whose session is kept cannot have the server keep any
// number of answers that wait for it: it is read no further, and gets them all later.
func TestAnswersWaitForAHangingDisk(t *testing.T) {
	const many = 40_000
	number := func(first byte, id uint16) []byte { return binary.BigEndian.AppendUint16([]byte{first, 2}, id) }
	for name, c := range map[string]struct {
		packet func(id uint16) []byte
		answer byte
	}{
		"SUBSCRIBE": {func(id uint16) []byte {
			return frame(packets.Subscribe<<4|2, append(binary.BigEndian.AppendUint16(nil, id), 0, 1, 't', 1))
		}, packets.Suback},
		"UNSUBSCRIBE": {func(id uint16) []byte {
			return frame(packets.Unsubscribe<<4|2, append(binary.BigEndian.AppendUint16(nil, id), 0, 1, 't'))
		}, packets.Unsuback},
		"PUBREL": {func(id uint16) []byte { return number(packets.Pubrel<<4|2, id) }, packets.Pubcomp},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := newDisk()
				l := live(t, d, Options{}, false)
				p := l.meet(hello{id: "A", keep: true})
				synctest.Wait()
				free := d.hang()
				p.subscribe(many+1, "t", 1) // what it hangs with
				var taken atomic.Int32
				l.wg.Go(func() {
					for i := range many {
						if _, err := p.nc.Write(c.packet(uint16(i + 1))); err != nil {
							return
						}
						taken.Add(1)
					}
				})
				synctest.Wait()
				if n := taken.Load(); n < 1000 || n == many {
					t.Errorf("%d of %d are taken while the disk hangs", n, many)
				}
				free()
				answered := map[uint16]bool{} // what the disk has refused at first, later than others
				for len(answered) <= many {
					first, body, err := p.next()
					if err != nil {
						t.Errorf("after %d answers: %v", len(answered), err)
						break
					}
					id := binary.BigEndian.Uint16(body)
					if first>>4 != c.answer && id <= many || answered[id] {
						t.Errorf("after %d answers: %x %x", len(answered), first, body)
					}
					answered[id] = true
				}
				l.stop()
			})
		})
	}
}

// Nor can clients that come, and go at once with their sessions. Each is refused when it
// has waited for as long as a CONNECT may take.
func TestSessionsWaitForAHangingDisk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDisk()
		l := live(t, d, Options{ConnectTimeout: patience / 2}, false)
		free := d.hang()
		w := lastWill(packets.Properties{})
		w.Payload = []byte(strings.Repeat("x", 60_000))
		const many = 1000
		come := func(n int) *peer {
			p := l.peer()
			p.say(hello{level: v5, id: fmt.Sprint(n), props: forever, will: w})
			return p
		}
		n, began := 0, time.Now()
		for ; n < many; n++ {
			p := come(n)
			if got := p.read(); !strings.HasPrefix(got, "CONNACK session=false code=0x00") {
				const refused = `CONNACK session=false code=0x89 reason="too much waits for the disk"`
				if took := time.Since(began); got != refused || took != patience/2 {
					t.Errorf("after %v: %s", took, got)
				}
				p.expectClosed()
				break
			}
			p.write(frame(packets.Disconnect<<4, []byte{0, 5, packets.PropSessionExpiryInterval, 0, 0, 0, 0}))
			p.expectClosed()
		}
		if n < 50 || n == many {
			t.Errorf("%d of %d sessions are taken while the disk hangs", n, many)
		}
		last := come(n)
		synctest.Wait()
		free()
		if got := last.read(); !strings.HasPrefix(got, "CONNACK session=false code=0x00") {
			t.Errorf("the one that waited: %s", got)
		}
		l.stop()
	})
}
