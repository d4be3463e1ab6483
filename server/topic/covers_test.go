package topic

import "testing"

func TestCovers(t *testing.T) {
	for _, c := range []struct {
		pattern, filter string
		want            bool
	}{
		{"device.BBB.location", "device.BBB.location", true},
		{"device.BBB.location", "device.AAA.location", false},
		{"device.BBB.location", "device.*.location", false},
		{"device.BBB.location", "device.BBB.>", false},
		{"device.BBB.location", ">", false},
		{"device.BBB.location", "device.BBB", false},
		{"device.BBB.location", "device.BBB.location.x", false},
		{"device.*.location", "device.BBB.location", true},
		{"device.*.location", "device.*.location", true},
		{"device.*.location", "device.>", false},
		{"device.>", "device", true},
		{"device.>", "device.*.x.>", true},
		{"device.>", "device.>", true},
		{"device.>", "*", false},
		{">", ">", true},
		{">", ".mwm.+", true},
		{">", "$SYS.>", false},
		{"*", "$SYS", false},
		{"$SYS.>", "$SYS.broker.*", true},
		{"$SYS.>", ">", false},
		{".mwm.*.alert", ".mwm.*.alert", true},
		{".mwm.*.alert", "*.mwm.x.alert", false},
		{"*", "*", true},
		{"*", ">", false},
		{"a.*", "a.>", false},
		{"a.*.>", "a.b", true},
	} {
		if got := Covers(c.pattern, c.filter); got != c.want {
			t.Errorf("Covers(%q, %q) is %t", c.pattern, c.filter, got)
		}
	}
}

// What is covered is matched: no filter that a pattern covers lets a name
// through that the pattern does not match.
func FuzzCovers(f *testing.F) {
	f.Add("device.*.location", "device.BBB.location", "device.BBB.location")
	f.Add(">", "$SYS.>", "$SYS.x")
	f.Add("a.>", "a", "a")
	f.Add("a.*.>", "a.*", "a.b")
	f.Fuzz(func(t *testing.T, pattern, filter, name string) {
		if CheckFilter(pattern) != nil || CheckFilter(filter) != nil || CheckName(name) != nil {
			return
		}
		if Covers(pattern, filter) && Match(filter, name) && !Match(pattern, name) {
			t.Errorf("%q covers %q, but does not match %q", pattern, filter, name)
		}
		if Match(pattern, name) != Covers(pattern, name) {
			t.Errorf("of the name %q: Match says %t, Covers says %t", name, Match(pattern, name), Covers(pattern, name))
		}
	})
}
