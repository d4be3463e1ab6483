package topic

import (
	"slices"
	"strings"
	"testing"
)

func TestSwap(t *testing.T) {
	for _, c := range []struct{ mqtt, name string }{
		{"device/BBB/location", "device.BBB.location"},
		{"/mwm/AAA/motion", ".mwm.AAA.motion"},
		{"chat.room.5", "chat/room/5"},
		{"/mwm/+/motion", ".mwm.*.motion"},
		{"/mwm/lastWill/#", ".mwm.lastWill.>"},
		{"plain", "plain"},
	} {
		if got := Swap(c.mqtt); got != c.name {
			t.Errorf("Swap(%q) = %q, want %q", c.mqtt, got, c.name)
		}
		if got := Swap(c.name); got != c.mqtt {
			t.Errorf("Swap(%q) = %q, want %q", c.name, got, c.mqtt)
		}
		b := []byte(c.mqtt)
		if SwapInPlace(b); string(b) != c.name {
			t.Errorf("SwapInPlace(%q) makes %q, want %q", c.mqtt, b, c.name)
		}
	}
}

// The cases of MQTT 5.0 §4.7.1.2, §4.7.1.3 and §4.7.2, in canonical form.
func TestMatch(t *testing.T) {
	for _, c := range []struct {
		filter, name string
		want         bool
	}{
		{"sport.tennis.player1.>", "sport.tennis.player1", true},
		{"sport.tennis.player1.>", "sport.tennis.player1.ranking", true},
		{"sport.tennis.player1.>", "sport.tennis.player1.score.wimbledon", true},
		{"sport.>", "sport", true},
		{">", "sport.tennis", true},
		{"sport.tennis.*", "sport.tennis.player1", true},
		{"sport.tennis.*", "sport.tennis.player1.ranking", false},
		{"sport.*", "sport", false},
		{"sport.*", "sport.", true},
		{"*.*", ".finance", true},
		{".*", ".finance", true},
		{"*", ".finance", false},
		{"*.>", "finance", true},
		{">", "$SYS.broker", false},
		{"*.broker", "$SYS.broker", false},
		{"$SYS.>", "$SYS.broker", true},
		{"$SYS.*", "$SYS.broker", true},
		{"device.*.location", "device.BBB.location", true},
		{"device.*.location", "device.BBB.text", false},
		{"device.BBB.location", "device.BBB.location", true},
		{"device.BBB", "device.BBB.location", false},
		{"a.>", "ab", false},
	} {
		if got := Match(c.filter, c.name); got != c.want {
			t.Errorf("Match(%q, %q) = %v, want %v", c.filter, c.name, got, c.want)
		}
		checkTrees(t, []string{c.filter}, []string{c.name})
	}
}

func TestCheck(t *testing.T) {
	deep := strings.Repeat(".", DefaultMaxLevels)
	for _, c := range []struct {
		s            string
		name, filter bool
	}{
		{"device.BBB.location", true, true},
		{".mwm.AAA.motion", true, true},
		{"<b>", false, false}, // ">" inside a level
		{"a+b#", true, true},
		{"", false, false},
		{"device.*.location", false, true},
		{"device.>", false, true},
		{">", false, true},
		{"device.>.x", false, false},
		{"device.B*", false, false},
		{"device.x>", false, false},
		{"a\x00b", false, false},
		{"\xff", false, false},
		{deep, false, false},
		{deep[1:], true, true},
		{strings.Repeat("x", MaxLength+1), false, false},
	} {
		if err := CheckName(c.s); (err == nil) != c.name {
			t.Errorf("CheckName(%.40q) = %v", c.s, err)
		}
		if err := CheckFilter(c.s); (err == nil) != c.filter {
			t.Errorf("CheckFilter(%.40q) = %v", c.s, err)
		}
	}
}

// checkTrees compares both trees with Match.
func checkTrees(t *testing.T, filters, names []string) {
	t.Helper()
	var tree Tree[string]
	for _, f := range filters {
		tree.Add(f, f)
	}
	var all Names[string]
	for _, n := range names {
		all.Set(n, n)
	}
	for _, n := range names {
		var got, want []string
		tree.Match(n, func(f string) { got = append(got, f) })
		for _, f := range filters {
			if Match(f, n) {
				want = append(want, f)
			}
		}
		if !equalSets(got, want) {
			t.Errorf("Tree%q.Match(%q) = %q, want %q", filters, n, got, want)
		}
	}
	for _, f := range filters {
		var got, want []string
		all.Match(f, func(n string) { got = append(got, n) })
		for n := range distinct(names) {
			if Match(f, n) {
				want = append(want, n)
			}
		}
		if !equalSets(got, want) {
			t.Errorf("Names%q.Match(%q) = %q, want %q", names, f, got, want)
		}
	}
	for _, f := range filters {
		if !tree.Remove(f, f) {
			t.Errorf("Tree%q.Remove(%q) found nothing", filters, f)
		}
	}
	for n := range distinct(names) {
		if !all.Delete(n) {
			t.Errorf("Names%q.Delete(%q) found nothing", names, n)
		}
	}
	if len(tree.root.next) != 0 || len(all.root.next) != 0 || all.Len() != 0 {
		t.Errorf("filters %q, names %q: nodes are left after everything was removed", filters, names)
	}
}

func distinct(s []string) map[string]bool {
	m := map[string]bool{}
	for _, x := range s {
		m[x] = true
	}
	return m
}

func equalSets(a, b []string) bool {
	slices.Sort(a)
	slices.Sort(b)
	return slices.Equal(a, b)
}

// FuzzTrees compares the trees with the naive matcher.
func FuzzTrees(f *testing.F) {
	f.Add("device.*.location device.> > *.BBB.>", "device.BBB.location device $SYS.x .mwm.A.motion")
	f.Add("a.* a.> a", "a a. a.b a.b.c")
	f.Fuzz(func(t *testing.T, fs, ns string) {
		var filters, names []string
		for _, x := range strings.Fields(fs) {
			if CheckFilter(x) == nil {
				filters = append(filters, x)
			}
		}
		for _, x := range strings.Fields(ns) {
			if CheckName(x) == nil {
				names = append(names, x)
			}
		}
		checkTrees(t, filters, names)
	})
}

// FuzzSwap shows that the mapping loses nothing and keeps levels and matching.
func FuzzSwap(f *testing.F) {
	f.Add("device.*.location")
	f.Add("/mwm/+/motion/#")
	f.Fuzz(func(t *testing.T, s string) {
		if back := Swap(Swap(s)); back != s {
			t.Errorf("Swap(Swap(%q)) = %q", s, back)
		}
		if strings.Count(s, ".") != strings.Count(Swap(s), "/") {
			t.Errorf("Swap(%q) = %q has other levels", s, Swap(s))
		}
	})
}
