package server_test

import (
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// layers are the packages of the server from the top down. A package imports
// only from layers below its own: neighbours never see each other.
var layers = [][]string{
	{"mwm/cmd/mwm"},
	{"mwm/server/doctor"},
	{"mwm/server", "mwm/devicesim"},
	{"mwm/server/httpd", "mwm/server/stomp", "mwm/server/mqtt", "mwm/devicesim/link", "mwm/devicesim/roads", "mwm/devicesim/gpx", "mwm/devicesim/terminal", "mwm/devicesim/testbroker"},
	{"mwm/server/live", "mwm/server/store", "mwm/server/wire"},
	{"mwm/server/fleet", "mwm/server/auth", "mwm/server/broker", "mwm/server/history"},
	{"mwm/server/topic", "mwm/server/telemetry", "mwm/server/netx", "mwm/server/clock", "mwm/server/broker/selector", "mwm/server/stomp/frame", "mwm/web", "mwm/server/faults"},
	{"mwm/server/broker/header"}, // what even a codec may know
}

// allowed are the exceptions within a layer.
var allowed = map[string][]string{}

// walls are the libraries that only some packages may import.
var walls = map[string][]string{
	"modernc.org/":                  {"mwm/server/store"},
	"github.com/mochi-mqtt/":        {"mwm/server/mqtt", "mwm/devicesim/testbroker"},
	"github.com/coder/websocket":    {"mwm/server/httpd", "mwm/server/live", "mwm/server/stomp", "mwm/server/mqtt", "mwm/devicesim/link", "mwm/server/doctor"},
	"github.com/go-chi/":            {"mwm/server/httpd"},
	"github.com/go-stomp/":          {"mwm/devicesim", "mwm/devicesim/link", "mwm/cmd/mwm", "mwm/devicesim/testbroker"},
	"github.com/eclipse/":           {"mwm/devicesim", "mwm/devicesim/link", "mwm/cmd/mwm"},
	"github.com/alecthomas/kong":    {"mwm/cmd/mwm"},
	"github.com/go-jose/":           {"mwm/server/auth"},
	"golang.org/x/crypto/":          {"mwm/server/auth"},
	"github.com/prometheus/":        {"mwm/server/httpd", "mwm/server"},
	"mwm/server/":                   nil, // see the layers
	"github.com/charmbracelet/x/":   {"mwm/devicesim"},
	"golang.org/x/term":             {"mwm/devicesim", "mwm/cmd/mwm", "mwm/devicesim/terminal"},
	"github.com/mattn/go-runewidth": {"mwm/devicesim"},

	// Names come from outside, and whoever knows a hash chooses names that collide: tables
	// are Go's maps or use hash/maphash, which have a seed of their own each.
	"hash/adler32": {}, "hash/crc32": {}, "hash/crc64": {}, "hash/fnv": {},
}

// TestImports holds the architecture: imports point down, the protocols do not
// know each other, the simulator knows of the server only what devices say, and
// each third-party library stays behind its wall.
func TestImports(t *testing.T) {
	list := exec.Command("go", "list", "-f", "{{.ImportPath}} {{join .Imports \" \"}}", "mwm/...")
	list.Stderr = os.Stderr
	out, err := list.Output()
	if err != nil {
		t.Fatal(err)
	}
	level := map[string]int{}
	for i, l := range layers {
		for _, p := range l {
			level[p] = i
		}
	}
	for line := range strings.Lines(string(out)) {
		fields := strings.Fields(line)
		pkg, imports := fields[0], fields[1:]
		at, known := level[pkg]
		if !known && !strings.Contains(pkg, "/internal/") {
			t.Errorf("%s has no place in the layers", pkg)
			continue
		}
		for _, imp := range imports {
			if to, ok := level[imp]; ok && to <= at && !slices.Contains(allowed[pkg], imp) {
				t.Errorf("%s imports %s, which is not below it", pkg, imp)
			}
			if strings.HasPrefix(pkg, "mwm/devicesim") && strings.HasPrefix(imp, "mwm/server") && imp != "mwm/server/telemetry" {
				t.Errorf("%s imports %s; the simulator knows only telemetry", pkg, imp)
			}
			for wall, behind := range walls {
				if behind != nil && strings.HasPrefix(imp, wall) && !slices.Contains(behind, pkg) {
					t.Errorf("%s imports %s, which only %v may", pkg, imp, behind)
				}
			}
		}
	}
}
