package main

import (
	"fmt"
	"strings"
	"testing"
)

// FuzzSettings holds that a file of settings that is read means the same when its
// settings are written again, one a line.
func FuzzSettings(f *testing.F) {
	f.Add("# comment\n\nhttp = :1\nmqtt= :3 \nws-origin = https://a\nws-origin = https://b\n")
	f.Add("= x\n")
	f.Add("a\r\nb=\x00=")
	f.Fuzz(func(t *testing.T, text string) {
		r, err := settingsFile(strings.NewReader(text))
		if err != nil {
			return
		}
		var again strings.Builder
		for name, s := range r.(settings) {
			if name == "" || strings.TrimSpace(name) != name || strings.TrimSpace(s.value) != s.value && !strings.Contains(s.value, ",") {
				t.Errorf("%q has the setting %q = %q", text, name, s.value)
			}
			if s.line < 1 || s.line > strings.Count(text, "\n")+1 {
				t.Errorf("%q has a setting in line %d", text, s.line)
			}
			fmt.Fprintf(&again, "%s = %s\n", name, s.value)
		}
		r2, err := settingsFile(strings.NewReader(again.String()))
		if err != nil {
			t.Fatalf("%q becomes %q: %v", text, again.String(), err)
		}
		for name, s := range r.(settings) {
			if got := r2.(settings)[name].value; got != strings.TrimSpace(s.value) {
				t.Errorf("%q: %s was %q, is %q", text, name, s.value, got)
			}
		}
	})
}
