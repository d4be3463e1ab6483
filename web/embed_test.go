package web

import (
	"crypto/sha256"
	"encoding/hex"
	"io/fs"
	"path"
	"regexp"
	"strings"
	"testing"
)

// The page is served with a policy that allows neither inline scripts nor inline
// styles: markup that needs them would fail in the browser, silently for a style.
func TestMarkupHasNothingInline(t *testing.T) {
	page := read(t, "index.html") + read(t, "signin.html")
	for name, pattern := range map[string]string{
		"style attribute": `\sstyle\s*=`,
		"style element":   `<style`,
		"event handler":   `\son[a-z]+\s*=`,
		"inline script":   `<script(?:[^>]*[^/])?>[^<]`,
		"foreign address": `(?:href|src)="(?:https?:)?//`,
	} {
		if found := regexp.MustCompile(pattern).FindString(page); found != "" {
			t.Errorf("index.html has an inline %s: %q", name, found)
		}
	}
}

// Every file that the page or a module names must be embedded.
func TestReferencesAreEmbedded(t *testing.T) {
	attribute := regexp.MustCompile(`(?:href|src)="([^"#:]+)"`)
	for _, match := range attribute.FindAllStringSubmatch(read(t, "index.html")+read(t, "signin.html"), -1) {
		if match[1] != "phone" { // phone.html
			read(t, match[1])
		}
	}
	module := regexp.MustCompile(`(?:from|import\()\s*'(\.[^']+)'`)
	err := fs.WalkDir(FS, "js", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		for _, match := range module.FindAllStringSubmatch(read(t, name), -1) {
			read(t, path.Join(path.Dir(name), match[1]))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestVendoredFilesAreUnchanged(t *testing.T) {
	sums := strings.Split(strings.TrimSpace(read(t, "vendor/SHA256SUMS")), "\n")
	listed := map[string]bool{"SHA256SUMS": true, "VENDOR.md": true}
	for _, line := range sums {
		sum, name, _ := strings.Cut(line, "  ")
		listed[name] = true
		got := sha256.Sum256([]byte(read(t, "vendor/"+name)))
		if hex.EncodeToString(got[:]) != sum {
			t.Errorf("vendor/%s is not the file that SHA256SUMS names; web/vendor.sh fetches it", name)
		}
	}
	entries, err := fs.ReadDir(FS, "vendor")
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		if !listed[entry.Name()] {
			t.Errorf("vendor/%s is not in SHA256SUMS", entry.Name())
		}
	}
}

func read(t *testing.T, name string) string {
	t.Helper()
	content, err := fs.ReadFile(FS, name)
	if err != nil {
		t.Errorf("not embedded: %v", err)
	}
	return string(content)
}
