package auth

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
)

// cheap is a hash that costs little to make.
var cheap = newHash("correct horse", madeUpCost).text

func TestParseAccounts(t *testing.T) {
	file := strings.ReplaceAll("# those who may\r\n\r\noperator alice HASH\n  viewer\tbob@example.org HASH # looks only\n"+
		"device   BBB      HASH     publish:/topic/a.{id} \"subscribe:/queue/b c\"\n"+
		`device "left <b" -`+"\n"+`device "\"q\\" !`+"\n# the end", "HASH", cheap)
	a, err := ParseAccounts([]byte(file))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, x := range a.All() {
		got = append(got, fmt.Sprintf("%s %s %s %d", x.Role, x.Name, strings.ReplaceAll(x.Hash, cheap, "HASH"), len(x.More)))
	}
	want := []string{"operator alice HASH 0", "viewer bob@example.org HASH 0", "device BBB HASH 2", "device left <b - 0", `device "q\ ! 0`}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%q", got)
	}
	if string(a.Bytes()) != strings.ReplaceAll(file, "\r", "")+"\n" {
		t.Errorf("written as\n%s", a.Bytes())
	}
}

func TestAccountErrors(t *testing.T) {
	for line, want := range map[string]string{
		"operator alice":          "at least a role",
		"root alice HASH":         "no role",
		"operator a:b HASH":       "none of",
		"operator \"a\\nb\" HASH": "control",
		"device a.b HASH":         "none of . /",
		"device BBB plain":        "password hash",
		"device BBB $argon2id$v=19$m=9999999,t=1,p=1$a$b": "at most m=",
		"device BBB HASH write:/topic/a":                  "publish:, subscribe: or browse:",
		"device BBB HASH publish:/topic/a.>.b":            "multi-level",
		"viewer a.b HASH publish:/topic/{id}":             "one level",
		`device "BBB HASH`:                                "does not end",
		`device "BBB"x HASH`:                              "blank is missing",
		"device AAA HASH\ndevice AAA HASH":                "line 2: there is an account \"AAA\" already, in line 1",
	} {
		_, err := ParseAccounts([]byte(strings.ReplaceAll(line, "HASH", cheap)))
		if err == nil || !strings.Contains(err.Error(), want) || !strings.HasPrefix(err.Error(), "line ") {
			t.Errorf("%s: %v, want %q", line, err, want)
		}
		if err != nil && strings.Contains(err.Error(), "argon2id$v=19$m=64") {
			t.Errorf("the error shows a hash: %v", err)
		}
	}
}

// A change leaves everything else as it is.
func TestChangeAccounts(t *testing.T) {
	a, err := ParseAccounts(fmt.Appendf(nil, "# top\noperator  alice   %s   # the boss\n\n# trucks\ndevice AAA -\ndevice BBB -\n", cheap))
	if err != nil {
		t.Fatal(err)
	}
	alice, _ := a.Get("alice")
	alice.Role = Viewer
	for _, x := range []Account{alice, {Role: Device, Name: "C <c", Hash: Blocked, More: []Rule{{Actions: Publish, Address: "/topic/x y"}}}} {
		if err := a.Set(x); err != nil {
			t.Fatal(err)
		}
	}
	if !a.Remove("AAA") || a.Remove("AAA") {
		t.Error("AAA was there once")
	}
	bbb, _ := a.Get("BBB")
	bbb.Hash = Blocked
	if err := a.Set(bbb); err != nil {
		t.Fatal(err)
	}
	want := fmt.Sprintf("# top\nviewer   alice %s # the boss\n\n# trucks\ndevice   BBB !\ndevice   \"C <c\" ! \"publish:/topic/x y\"\n", cheap)
	if string(a.Bytes()) != want {
		t.Errorf("%s\nwant\n%s", a.Bytes(), want)
	}
	if err := a.Set(Account{Role: Device, Name: "a.b", Hash: "-"}); err == nil {
		t.Error("a name with a dot is taken")
	}
	if a.Len() != 3 {
		t.Errorf("%d accounts", a.Len())
	}
}

// What is read is written such that it reads the same.
func FuzzAccounts(f *testing.F) {
	f.Add("device BBB -\n# x\noperator a ! publish:/topic/a # c\n")
	f.Add("viewer \"a b\" " + cheap + "\r\n")
	f.Add("device \"\\u00e5\" - \"browse:/queue/\\x41\"")
	f.Fuzz(func(t *testing.T, text string) {
		a, err := ParseAccounts([]byte(text))
		if err != nil {
			return
		}
		for _, x := range a.All() {
			if err := a.Set(x); err != nil {
				t.Fatalf("%+v was read and cannot be set: %v", x, err)
			}
		}
		again, err := ParseAccounts(a.Bytes())
		if err != nil {
			t.Fatalf("%q was written as %q: %v", text, a.Bytes(), err)
		}
		if got, want := again.All(), a.All(); !reflect.DeepEqual(got, want) {
			t.Errorf("%+v became %+v", want, got)
		}
	})
}
