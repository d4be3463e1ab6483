package auth

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

func addDevice(name string) func(*Accounts) error {
	return func(a *Accounts) error { return a.Set(Account{Role: Device, Name: name, Hash: NoPassword}) }
}

func TestEditAccounts(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "accounts")
	if err := EditAccounts(file, addDevice("AAA")); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(file)
	if err != nil || runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
		t.Errorf("a new file is %v, %v", info.Mode(), err)
	}
	if text, _ := os.ReadFile(file); !strings.HasPrefix(string(text), "# Accounts of mwm") {
		t.Errorf("%s", text)
	}
	// The group of the server may read it; the world may not, whatever was.
	if err := os.Chmod(file, 0o666); err != nil {
		t.Fatal(err)
	}
	if err := EditAccounts(file, addDevice("BBB")); err != nil {
		t.Fatal(err)
	}
	if info, _ := os.Stat(file); runtime.GOOS != "windows" && info.Mode().Perm() != 0o640 {
		t.Errorf("an old file became %v", info.Mode())
	}
	refused := errors.New("no")
	if err := EditAccounts(file, func(*Accounts) error { return refused }); !errors.Is(err, refused) {
		t.Error(err)
	}
	if a, err := ReadAccounts(file); err != nil || a.Len() != 2 {
		t.Errorf("%v", err)
	}
	if left, _ := os.ReadDir(dir); len(left) != 1 {
		t.Errorf("left in the directory: %v", left)
	}
	if err := os.WriteFile(file, []byte("nonsense"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := EditAccounts(file, addDevice("CCC")); err == nil || !strings.Contains(err.Error(), "line 1") {
		t.Errorf("a file that cannot be read is changed: %v", err)
	}
}

// A link goes on pointing to the file that is changed.
func TestEditAccountsThroughLink(t *testing.T) {
	dir := t.TempDir()
	file, link := filepath.Join(dir, "accounts"), filepath.Join(dir, "link")
	if err := EditAccounts(file, addDevice("AAA")); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(file, link); err != nil {
		t.Skip(err)
	}
	if err := EditAccounts(link, addDevice("BBB")); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Lstat(link); err != nil || info.Mode()&os.ModeSymlink == 0 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	if a, err := ReadAccounts(file); err != nil || a.Len() != 2 {
		t.Errorf("%v", err)
	}
}

// Of many who change the file at once none undoes what another did, and who
// reads meanwhile always finds a whole file.
func TestEditAccountsAtOnce(t *testing.T) {
	file := filepath.Join(t.TempDir(), "accounts")
	if err := EditAccounts(file, addDevice("first")); err != nil {
		t.Fatal(err)
	}
	var work sync.WaitGroup
	for i := range 8 {
		work.Go(func() {
			for k := range 5 {
				if err := EditAccounts(file, addDevice(fmt.Sprintf("D%d-%d", i, k))); err != nil {
					t.Error(err)
				}
				if a, err := ReadAccounts(file); err != nil || a.Len() == 0 {
					t.Errorf("%v", err)
				}
			}
		})
	}
	work.Wait()
	if a, err := ReadAccounts(file); err != nil || a.Len() != 41 {
		t.Errorf("%d accounts, %v", a.Len(), err)
	}
}

func TestFileWatch(t *testing.T) {
	name := filepath.Join(t.TempDir(), "f")
	at := time.Unix(1_700_000_000, 0)
	write := func(text string) {
		t.Helper()
		at = at.Add(time.Second) // also where one moment of the clock sees all of this
		if err := errors.Join(os.WriteFile(name, []byte(text), 0o600), os.Chtimes(name, at, at)); err != nil {
			t.Fatal(err)
		}
	}
	write("1")
	w := NewFileWatch(name)
	expect := func(step string, want ...bool) {
		t.Helper()
		for i, x := range want {
			if got := w.Changed(); got != x {
				t.Fatalf("%s, look %d: %t", step, i+1, got)
			}
		}
	}
	expect("as it was", false, false)
	write("12")
	expect("being written", false)
	write("123")
	expect("written", false, true, true)
	w.Take()
	expect("taken", false)
	if err := os.Remove(name); err != nil {
		t.Fatal(err)
	}
	expect("away", false, false)
	write("123")
	expect("replaced by its like", false, true, true)
	write("1234")
	expect("not taken before it changes again", false, true)
	w.Take()
	expect("taken at last", false)
}

// A changed file that cannot be read is tried again until it can, and the log hears
// of each reason once.
func TestFollow(t *testing.T) {
	name := filepath.Join(t.TempDir(), "f")
	if err := os.WriteFile(name, []byte("1"), 0o600); err != nil {
		t.Fatal(err)
	}
	f := Follow(name, "")
	var fails error
	reads := 0
	look := func(step string, due, taken bool, want error) {
		t.Helper()
		got, err := f.Look(due, func() error {
			reads++
			return fails
		})
		if got != taken || !errors.Is(err, want) {
			t.Fatalf("%s: %t, %v", step, got, err)
		}
	}
	look("as it was", false, false, nil)
	if reads != 0 {
		t.Fatal("it was read for nothing")
	}
	if err := os.WriteFile(name, []byte("12"), 0o600); err != nil {
		t.Fatal(err)
	}
	look("being written", false, false, nil)
	fails = syscall.EMFILE
	look("no descriptor left", false, false, syscall.EMFILE)
	look("still none", false, false, nil)
	fails = fs.ErrPermission
	look("another reason", false, false, fs.ErrPermission)
	fails = nil
	look("it can be read", false, true, nil)
	look("as it was again", false, false, nil)
	if reads != 4 {
		t.Errorf("it was read %d times", reads)
	}
	look("due for another reason", true, true, nil)
}
