package server_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"mwm/server"
	"mwm/server/netx"
)

// memoryToSpare is a limit of memory that leaves 768 KiB beyond what servers of
// other tests, which have ended with full queues, are still booked with.
func memoryToSpare() (limit, used int64) {
	used = netx.MemoryUsed()
	return memoryFor(used + 768<<10), used
}

// memoryFor is a limit of which so much is three quarters, where memory is short.
func memoryFor(bytes int64) int64 { return bytes / 3 * 4 }

// --max-memory: from three quarters on nothing more is kept, what only passes
// through does, and when some is taken away there is room again.
func TestMaxMemoryOverTheWire(t *testing.T) {
	limit, before := memoryToSpare()
	s, _ := start(t, server.Config{MaxMemory: limit})
	grew(t, s, "mwm_memory_limit_bytes", 0, float64(limit))
	body := strings.Repeat("x", 8<<10)
	sender := anonymous(t, s, "STOMP", "truck")
	taken := 0
	for sender.do("publish", "/queue/q", body) {
		if taken++; taken > 10_000 {
			t.Fatal("there is no limit")
		}
	}
	if taken < 50 {
		t.Errorf("only %d messages are taken", taken)
	}
	grew(t, s, "mwm_queue_refused_total", 0, 1)
	if held := figure(t, s, "mwm_memory_held_bytes"); held < float64(limit)/2 || held > float64(limit) {
		t.Errorf("%v bytes are held", held)
	}
	sender = anonymous(t, s, "STOMP", "truck")
	if !sender.do("subscribe", "/topic/t", "") || !sender.do("publish", "/topic/t", body) {
		t.Error("full queues keep others out")
	}
	if !anonymous(t, s, "STOMP", "reader").do("consume", "/queue/q", "") {
		t.Fatal("consuming is refused")
	}
	eventually(t, "there is room again", func() bool {
		p := anonymous(t, s, "STOMP", "other")
		defer p.drop()
		return p.do("publish", "/queue/other", body) && p.do("consume", "/queue/other", "")
	})
	eventually(t, "all is given back", func() bool { return figure(t, s, "mwm_memory_held_bytes") < float64(before)+1<<17 })
}

// What clients made the server hold is off the books when they have gone, and
// nobody begins what lasts while memory is short.
func TestMemoryIsGivenBack(t *testing.T) {
	limit, _ := memoryToSpare()
	s, _ := start(t, server.Config{MaxMemory: limit, MaxSubscriptions: 1_000_000})
	held := func() float64 { return figure(t, s, "mwm_memory_held_bytes") }
	before := held()
	for name, w := range ways {
		p, err := w.connect(t, s, "", "", "somebody", nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, action := range []string{"subscribe", "durable", "share"} {
			if strings.Contains(w.actions, action) && !p.do(action, "/topic/a.*", "") {
				t.Errorf("%s: %s is refused", name, action)
			}
		}
		if strings.Contains(w.actions, "consume") && !(p.do("consume", "/queue/a", "") && p.do("consume", "/queue/b.>", "")) {
			t.Errorf("%s: consuming is refused", name)
		}
		if got := held(); got < before+14<<10 {
			t.Errorf("%s: %v bytes are held, %v before", name, got, before)
		}
		p.drop()
		eventually(t, name+" is off the books", func() bool { return held() == before })
	}
	for _, way := range []string{"STOMP", "MQTT 5"} {
		p := anonymous(t, s, way, way)
		permitted := 0
		for p.do("subscribe", fmt.Sprint("/topic/", permitted, ".", strings.Repeat("x", 500)), "") {
			if permitted++; permitted > 200_000 {
				t.Fatal("there is no limit")
			}
		}
		if permitted < 100 {
			t.Errorf("%s: %d subscriptions are permitted", way, permitted)
		}
		p.drop()
		eventually(t, way+" is off the books", func() bool { return held() == before })
	}
}

// Consumers of all queues, and queues that all of them consume, are refused when there
// is no memory left for them, before it is taken.
func TestWildConsumersKeepWithinMemory(t *testing.T) {
	limit := memoryFor(netx.MemoryUsed() + 6<<20)
	s, _ := start(t, server.Config{MaxMemory: limit, MaxSubscriptions: 1_000_000})
	// refused goes on until it is refused, and fails if too much is held before that.
	refused := func(what string, do func(i int) bool) {
		t.Helper()
		for i := 0; do(i); i++ {
			if held := netx.MemoryUsed(); i > 10_000 || held > limit+64<<10 {
				t.Fatalf("%s: %d bytes are held, more than %d", what, held, limit)
			}
		}
	}
	trucks := anonymous(t, s, "STOMP", "trucks")
	for i := range 1000 {
		if !trucks.do("consume", fmt.Sprint("/queue/truck.", i), "") {
			t.Fatal("a queue is refused")
		}
	}
	begun := netx.MemoryUsed()
	all := anonymous(t, s, "STOMP", "all")
	permitted := 0
	refused("consumers of all", func(int) bool { permitted++; return all.do("consume", "/queue/truck.>", "") })
	if permitted < 3 {
		t.Errorf("consumer %d is refused", permitted)
	}
	eventually(t, "they are off the books", func() bool { return netx.MemoryUsed() < begun+32<<10 })

	later, one := anonymous(t, s, "STOMP", "later"), anonymous(t, s, "STOMP", "one")
	for range 1000 {
		if !later.do("consume", "/queue/later.*", "") {
			t.Fatal("a consumer of no queue is refused")
		}
	}
	permitted = 0
	refused("queues", func(i int) bool { permitted++; return one.do("consume", fmt.Sprint("/queue/later.", i), "") })
	if permitted < 2 {
		t.Errorf("queue %d is refused", permitted)
	}
}

// When there is no memory left a client may consume what lies on some queues, but not
// begin to hoard consumers, or what is kept for good.
func TestNoMemoryForMoreConsumers(t *testing.T) {
	limit, _ := memoryToSpare()
	s, _ := start(t, server.Config{MaxMemory: limit})
	sender, keeper := anonymous(t, s, "STOMP", "truck"), anonymous(t, s, "STOMP", "keeper")
	reader, greedy := anonymous(t, s, "STOMP", "reader").(*stompPeer), anonymous(t, s, "STOMP", "greedy").(*stompPeer)
	if !sender.do("publish", "/queue/q", "x") || !keeper.do("durable", "/topic/t", "") {
		t.Fatal("refused while there is memory")
	}
	netx.Book(int(limit))
	defer netx.Unbook(int(limit))
	if keeper.do("durable", "/topic/t", "") {
		t.Error("a durable subscriber is taken")
	}
	permitted := 0
	for reader.do("consume", "/queue/q", "") {
		if permitted++; permitted > 100 {
			t.Fatal("there is no limit")
		}
	}
	if permitted < 10 {
		t.Errorf("only %d consumers are permitted", permitted)
	}
	selector := "selector:" + strings.TrimSuffix(strings.Repeat("a=1 OR ", 500), " OR ")
	_ = greedy.say("SUBSCRIBE", "", "id:1", "destination:/queue/q", selector, "receipt:r")
	if f, err := greedy.hear(); err != nil || !strings.HasPrefix(f, "ERROR") || !strings.Contains(f, "short of memory") {
		t.Errorf("a large selector: %.100q, %v", f, err)
	}
}

// --min-free: what has to be on disk is refused, by everybody who could promise
// it, and what has not goes on.
func TestDiskLimitOverTheWire(t *testing.T) {
	s, _ := start(t, server.Config{Data: t.TempDir(), MinFree: 1 << 60})
	if got := figure(t, s, "mwm_disk_short"); got != 1 {
		t.Errorf("mwm_disk_short is %v", got)
	}
	a := apiParty{t, s, "", ""}
	if got := a.ask("POST", "/devices/BBB/texts", `{"body":"hello"}`); got != http.StatusServiceUnavailable {
		t.Errorf("a text: %d", got)
	}
	if got := ask(t, s, "GET", "/readyz"); got != http.StatusServiceUnavailable {
		t.Errorf("/readyz: %d", got)
	}
	p := anonymous(t, s, "STOMP", "truck").(*stompPeer)
	if !p.do("publish", "/queue/q", "in memory") {
		t.Error("a message that need not be on disk is refused")
	}
	_ = p.say("SEND", "x", "destination:/queue/q", "persistent:true", "receipt:r")
	if f, err := p.hear(); err != nil || !strings.HasPrefix(f, "ERROR") || !strings.Contains(f, "disk") {
		t.Errorf("a persistent message: %q, %v", f, err)
	}
	if got := figure(t, s, "mwm_queue_refused_total"); got < 2 {
		t.Errorf("%v are counted", got)
	}
}
