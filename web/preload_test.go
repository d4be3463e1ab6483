package web

import (
	"flag"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the lists of modules that the pages preload")

// A page names all modules that it is going to need, so that they come in one
// go and not import by import. The map's layers are imported when it is made, which
// is always.
func TestModulesArePreloaded(t *testing.T) {
	preloads(t, "index.html", "js/main.js", "js/map/world.js", "js/map/streets.js")
	preloads(t, "phone.html", "js/phone/main.js")
}

func preloads(t *testing.T, name string, modules ...string) {
	t.Helper()
	var list strings.Builder
	for _, module := range imports(t, modules...) {
		list.WriteString(`  <link rel="modulepreload" href="` + module + `">` + "\n")
	}
	page := read(t, name)
	block := regexp.MustCompile(`(?:  <link rel="modulepreload"[^\n]*\n)+`)
	got := block.FindString(page)
	if got == list.String() {
		return
	}
	if !*update {
		t.Fatal(name + " does not preload the modules that it imports; go test ./web -run Preload -update writes the list")
	}
	if err := os.WriteFile(name, []byte(strings.Replace(page, got, list.String(), 1)), 0o644); err != nil {
		t.Fatal(err)
	}
}

// imports returns modules and all that they import, nearest first.
func imports(t *testing.T, modules ...string) []string {
	t.Helper()
	static := regexp.MustCompile(`(?m)^(?:import|export)\b[^;]*?'(\.[^']+)'`)
	for i := 0; i < len(modules); i++ {
		for _, match := range static.FindAllStringSubmatch(read(t, modules[i]), -1) {
			name := path.Join(path.Dir(modules[i]), match[1])
			if !slices.Contains(modules, name) {
				modules = append(modules, name)
			}
		}
	}
	return modules
}
