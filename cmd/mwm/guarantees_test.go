package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

const root = "../../" // of the project

// Each sentence of the guarantees names a test, and the tests exist.
func TestGuarantees(t *testing.T) {
	text, err := os.ReadFile(root + "deploy/docs/GUARANTEES.md")
	if err != nil {
		t.Fatal(err)
	}
	promise := regexp.MustCompile("(?s)^(.*\\.)((?:\\s+`[a-z0-9./-]+(?:\\.Test\\w+)?`)+)$")
	promises := 0
	for _, section := range strings.Split(string(text), "\n## ")[1:] {
		items := strings.Split(section, "\n- ")
		if strings.Contains(strings.TrimSpace(items[0]), "\n") {
			t.Errorf("there is more than a heading before the promises: %s", items[0])
		}
		for _, item := range items[1:] {
			promises++
			m := promise.FindStringSubmatch(strings.TrimSpace(item))
			if m == nil || strings.Contains(strings.ReplaceAll(m[1], "\n", " "), ". ") {
				t.Errorf("this is not one sentence and its tests: %s", item)
				continue
			}
			for _, name := range strings.Fields(m[2]) {
				if name = strings.Trim(name, "`"); !exists(t, name) {
					t.Errorf("there is no test %s, which is to show: %s", name, m[1])
				}
			}
		}
	}
	if promises < 40 {
		t.Errorf("there are only %d promises", promises)
	}
}

// exists reports whether a test does: "server/stomp.TestAck", or a file of tests of the page.
func exists(t *testing.T, name string) bool {
	t.Helper()
	if strings.HasPrefix(name, "web/test/") {
		_, err := os.Stat(root + name)
		return err == nil
	}
	dir, test, _ := strings.Cut(name, ".")
	files, err := filepath.Glob(root + dir + "/*_test.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(text), "\nfunc "+test+"(t *testing.T)") {
			return true
		}
	}
	return false
}
