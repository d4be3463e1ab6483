package server_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"mwm/server"
)

// accessTable is who may do what where. The devices AAA and BBB, the operator
// olga and the viewer vera try everything; what is published is about BBB.
//
// To do what is allowed in a row is refused to all that the row does not name. A
// way to the server tries the actions that it has.
var accessTable = []struct{ actions, address, allowed string }{
	// A device speaks at its own addresses, and nowhere near them.
	{publishing, "/topic/device.BBB.location", "BBB olga"},
	{publishing, "/topic/device.AAA.location", "AAA olga"},
	{publishing, "/topic/device.BBB.location.more", "olga"},
	{publishing, "/topic/device.bbb.location", "olga"},
	{publishing, "/topic/device.BBB", "olga"},
	{publishing, "/topic/device.BBB.text", "olga"},
	{publishing, "/topic/.mwm.BBB.motion", "BBB olga"},
	{publishing, "/topic/.mwm.AAA.motion", "AAA olga"},
	{publishing, "/topic/mwm.BBB.motion", "olga"},
	{publishing, "/topic/.mwm.BBB.alert", "olga"},
	{publishing, "/topic/.mwm.BBB.lastWill", "olga"},
	{publishing, "/queue/device.BBB.text", "olga"},
	{publishing, "/queue/DLQ.device.BBB.text", "olga"},
	{publishing, "/queue/.mwm.BBB.motion", "olga"},
	// Last wills are about the device that sends them, as the body says.
	{publishing, "/topic/.mwm.lastWill", "BBB olga"},
	{publishing, "/topic/.mwm.lastWill.web", "BBB olga"},
	{publishing, "/topic/.mwm.lastWill.AAA", "BBB olga"},
	{publishing, "/topic/.mwm.lastwill", "olga"},
	// Temporary destinations are known to those who were told of them.
	{"publish transaction", "/temp-queue/own", "AAA BBB olga vera"},
	{"publish transaction", "/temp-topic/own", "AAA BBB olga vera"},
	{"publish transaction", "/temp-queue/$temp.ABCDEFGHIJKLMNOPQRSTUVWXYZ.x", "olga"},
	{"subscribe", "/temp-queue/own", "AAA BBB olga vera"},
	{"subscribe", "/temp-topic/own", "AAA BBB olga vera"},
	{"subscribe browse", "/temp-queue/$temp.ABCDEFGHIJKLMNOPQRSTUVWXYZ.x", ""},
	{"subscribe browse", "/queue/$temp.>", ""},
	{listening, "/topic/$temp.>", ""},
	{listening, "/topic/$temp.*.x", ""},

	// A device hears what is for it, wildcards or not, shared, kept, or durable.
	{listening, "/topic/.mwm.BBB.alert", "BBB olga vera"},
	{listening, "/topic/.mwm.AAA.alert", "AAA olga vera"},
	{listening, "/topic/.mwm.*.alert", "olga vera"},
	{listening, "/topic/.mwm.BBB.>", "olga vera"},
	{listening, "/topic/.mwm.BBB.*", "olga vera"},
	{listening, "/topic/.mwm.BBB.alert.>", "olga vera"},
	{listening, "/topic/.mwm.BBB.motion", "olga vera"},
	{listening, "/topic/.mwm.lastWill.>", "olga vera"},
	{listening, "/topic/device.BBB.location", "olga vera"},
	{listening, "/topic/device.AAA.location", "olga vera"},
	{listening, "/topic/device.*.location", "olga vera"},
	{listening, "/topic/*.BBB.location", "olga vera"},
	{listening, "/topic/>", "olga vera"},
	{listening, "/topic/*", "olga vera"},
	{listening, "/topic/$SYS.>", "olga vera"},

	{"consume", "/queue/device.BBB.text", "BBB olga"},
	{"consume", "/queue/device.AAA.text", "AAA olga"},
	{"consume", "/queue/device.*.text", "olga"},
	{"consume", "/queue/device.BBB.*", "olga"},
	{"consume", "/queue/DLQ.device.BBB.text", "olga"},
	{"consume", "/queue/>", "olga"},
	{"browse", "/queue/device.BBB.text", "BBB olga vera"},
	{"browse", "/queue/device.AAA.text", "AAA olga vera"},
	{"browse", "/queue/device.>", "olga vera"},
	{"browse", "/queue/>", "olga vera"},
}

const (
	publishing = "publish publish0 publish2 retain transaction will"
	listening  = "subscribe durable retroactive share kept"
)

// attempt is somebody's try of a row over a way.
type attempt struct {
	way, who, action, address, body string
	allowed                         bool
}

func (a attempt) String() string {
	return fmt.Sprintf("%s: %s does %s at %s", a.way, a.who, a.action, a.address)
}

// attempts are those of the whole table over a way.
func attempts(name string, w way) (all []attempt) {
	for _, row := range accessTable {
		for action := range strings.FieldsSeq(row.actions) {
			queue := !strings.HasPrefix(row.address, "/topic/")
			switch {
			case !slices.Contains(strings.Fields(w.actions), action):
				continue
			case queue && (w.actions == mqttActions || action == "retain"): // queues are STOMP's, and retain nothing
				continue
			case w.actions != stompActions && queue && strings.Contains(row.address, "temp"): // nor have others temporary ones
				continue
			}
			for _, who := range []string{"AAA", "BBB", "olga", "vera"} {
				a := attempt{name, who, action, row.address, "", slices.Contains(strings.Fields(row.allowed), who)}
				a.body = fmt.Sprintf(`{"deviceID":"BBB","by":%q}`, a.String())
				all = append(all, a)
			}
		}
	}
	return all
}

// try makes the attempt and reports whether it was permitted.
func (a attempt) try(t *testing.T, s *server.Server, w way, pass string) bool {
	t.Helper()
	var last *will
	if a.action == "will" {
		last = &will{a.address, a.body}
	}
	p, err := w.connect(t, s, a.who, pass, a.who, last)
	if err != nil {
		if last == nil {
			t.Fatalf("%v: %v", a, err)
		}
		return false
	}
	defer p.drop()
	return last != nil || p.do(a.action, a.address, a.body)
}

// The table, over every way there is. What is refused reaches nobody, is not
// retained, and makes no queue.
func TestAccessTable(t *testing.T) {
	file, passwords := accountsFile(t, "AAA", "BBB")
	s := secure(t, newAuthority(t, "somebody"), server.Config{Accounts: file})
	all := map[string]way{"API": apiWay}
	maps.Copy(all, ways)
	maps.Copy(all, secureWays)
	watcher := watch(t, s)
	arrive, places := map[string]bool{}, map[string]bool{}
	for _, name := range slices.Sorted(maps.Keys(all)) {
		var bodies []string
		for _, a := range attempts(name, all[name]) {
			if name == "API" && (a.who == "AAA" || a.who == "BBB") {
				a.allowed = false // whatever a device may do elsewhere
			}
			if got := a.try(t, s, all[name], passwords[a.who]); got != a.allowed && (a.action != "publish0" || !got) {
				t.Errorf("%v: permitted %t", a, got)
			}
			if a.allowed && strings.Contains(publishing, a.action) && !strings.Contains(a.address, "temp") {
				bodies, arrive[a.body], places[a.address] = append(bodies, a.body), true, true
			}
		}
		watcher.await(bodies...)
	}
	for body := range watcher.seen {
		if !arrive[body] {
			t.Errorf("came although it was refused: %s", body)
		}
	}
	retained := getAs[struct {
		Retained []struct{ Destination string }
	}](t, s, "olga", "/api/v1/retained?limit=1000")
	queues := getAs[struct {
		Queues []struct{ Destination string }
	}](t, s, "olga", "/api/v1/queues?limit=1000")
	if len(retained.Retained) < 10 || len(queues.Queues) < 2 {
		t.Errorf("retained %v, queues %v", retained, queues)
	}
	for _, m := range retained.Retained {
		if !places[m.Destination] {
			t.Errorf("%s is retained", m.Destination)
		}
	}
	for _, q := range queues.Queues {
		if !places[q.Destination] && !strings.Contains(q.Destination, "temp") && !strings.HasSuffix(q.Destination, ".text") {
			t.Errorf("%s was made", q.Destination)
		}
	}
}
