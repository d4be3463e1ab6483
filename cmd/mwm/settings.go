package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/alecthomas/kong"
)

// settings are the lines of a configuration file by name.
type settings map[string]setting

type setting struct {
	value  string // of several lines with commas between
	line   int    // the last one
	before int    // the line that had the name, too; 0 if none had
}

// settingsFile reads a configuration file. Each line is "name = value", with the
// name of a flag of `mwm serve`; empty lines and those that begin with "#" are
// passed over. A name that takes several values may stand several times.
func settingsFile(r io.Reader) (kong.Resolver, error) {
	s := settings{}
	lines := bufio.NewScanner(r)
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimSpace(lines.Text())
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		name, value, ok := strings.Cut(line, "=")
		if name = strings.TrimSpace(name); !ok || name == "" {
			return nil, fmt.Errorf("line %d: %q is not \"name = value\"", n, line)
		}
		at := setting{value: strings.TrimSpace(value), line: n}
		if old, again := s[name]; again {
			at.value, at.before = old.value+","+at.value, old.line
		}
		s[name] = at
	}
	return s, lines.Err()
}

// Validate refuses names that are no settings of the server, and that stand twice and
// take one value.
func (s settings) Validate(app *kong.Application) error {
	known := map[string]*kong.Flag{}
	for _, command := range app.Children {
		if command.Name == "serve" {
			for _, f := range command.Flags {
				known[f.Name] = f
			}
		}
	}
	for name, at := range s {
		f := known[name]
		if f == nil || name == "config" {
			return fmt.Errorf("line %d: there is no setting %q; see mwm serve --help", at.line, name)
		}
		if at.again(f) {
			return fmt.Errorf("line %d: %s stands in line %d already, and has one value", at.line, name, at.before)
		}
	}
	return nil
}

// again reports whether a flag that takes one value has several.
func (at setting) again(f *kong.Flag) bool { return at.before > 0 && !f.IsCumulative() }

// Resolve gives a flag its value, unless its variable is set. Several values of one that
// takes one are left to Validate, which comes later and names the lines.
func (s settings) Resolve(_ *kong.Context, parent *kong.Path, flag *kong.Flag) (any, error) {
	if at, ok := s[flag.Name]; ok && takesFile(parent.Node().Name) && !envSet(flag) && !at.again(flag) {
		return at.value, nil
	}
	return nil, nil
}

// takesFile reports whether a command has the settings of the server.
func takesFile(command string) bool { return command == "serve" || command == "doctor" }

func envSet(flag *kong.Flag) bool {
	for _, name := range flag.Envs {
		if _, ok := os.LookupEnv(name); ok {
			return true
		}
	}
	return false
}
