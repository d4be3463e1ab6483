package mqtt

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// What the server says under $SYS: at once to who subscribes, as if it were
// retained, then every five seconds, as set; not to wildcards at the first level, and
// nothing while nobody is subscribed.
func TestSys(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, Options{SysInterval: 5 * time.Second}, false)
		f.pipe().shake(hello{id: "other"})
		all := f.pipe()
		all.shake(hello{id: "all"})
		all.subscribe(1, "#", 0)
		all.expect("SUBACK 1 [00]")
		p := f.pipe()
		p.shake(hello{id: "A"})
		time.Sleep(5 * time.Second)
		p.subscribe(1, "$SYS/broker/clients/connected", 0)
		p.expect("SUBACK 1 [00]", `PUBLISH $SYS/broker/clients/connected "3" retain`)
		p.subscribe(2, "$SYS/broker/uptime", 1)
		p.expect("SUBACK 2 [01]", `PUBLISH $SYS/broker/uptime "5 seconds" retain`)
		for i := range 3 {
			p.expect(`PUBLISH $SYS/broker/uptime "`+fmt.Sprint(10+5*i)+` seconds"`, `PUBLISH $SYS/broker/clients/connected "3"`)
		}
		p.unsubscribe(3, "$SYS/broker/uptime")
		p.unsubscribe(4, "$SYS/broker/clients/connected")
		p.expect("UNSUBACK 3 []", "UNSUBACK 4 []")
		time.Sleep(time.Hour)
		f.Server.mu.Lock()
		if f.sysTimer != nil {
			t.Error("it goes on although nobody is subscribed")
		}
		f.Server.mu.Unlock()
		p.subscribe(5, "$SYS/#", 0)
		p.expect("SUBACK 5 [00]")
		seen := map[string]bool{}
		for range 2 + len(sysValues) {
			text := p.read()
			seen[text[:max(0, strings.IndexByte(text, '"'))]] = true
			if !strings.HasPrefix(text, "PUBLISH $SYS/broker/") || !strings.HasSuffix(text, " retain") {
				t.Errorf("got %s", text)
			}
		}
		if len(seen) != 2+len(sysValues) {
			t.Errorf("%d different topics, want %d", len(seen), 2+len(sysValues))
		}
		all.expectNothing()
	})
}

// They come also to who takes no retained ones, to who shares, and to who was away so
// long that nobody was subscribed meanwhile.
func TestSysGoesOn(t *testing.T) {
	for _, c := range []struct {
		filter  string
		options byte
	}{{"$SYS/broker/clients/connected", 0x20}, {"$share/g/$SYS/broker/clients/connected", 0}} {
		synctest.Test(t, func(t *testing.T) {
			f := newFixture(t, Options{SysInterval: 5 * time.Second}, false)
			h := forMinutes("A")
			p := f.pipe()
			p.shake(h)
			p.subscribe(1, c.filter, c.options)
			p.expect("SUBACK 1 [00]")
			for range 2 {
				p.expect(`PUBLISH $SYS/broker/clients/connected "1"`)
				p.goodbye()
				time.Sleep(time.Minute)
				p = f.pipe()
				p.shake(h)
			}
			p.goodbye()
		})
	}
}
