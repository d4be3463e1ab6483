package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/alecthomas/kong"
)

// settings are the lines of a configuration file: name, value and line number.
type settings map[string]setting

type setting struct {
	value string
	line  int
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
		value = strings.TrimSpace(value)
		if old, again := s[name]; again {
			value = old.value + "," + value
		}
		s[name] = setting{value, n}
	}
	return s, lines.Err()
}

// Validate refuses names that are no settings of the server.
func (s settings) Validate(app *kong.Application) error {
	known := map[string]bool{}
	for _, command := range app.Children {
		if command.Name == "serve" {
			for _, f := range command.Flags {
				known[f.Name] = true
			}
		}
	}
	for name, at := range s {
		if !known[name] || name == "config" {
			return fmt.Errorf("line %d: there is no setting %q; see mwm serve --help", at.line, name)
		}
	}
	return nil
}

// Resolve gives a flag its value, unless its variable is set.
func (s settings) Resolve(_ *kong.Context, parent *kong.Path, flag *kong.Flag) (any, error) {
	if at, ok := s[flag.Name]; ok && takesFile(parent.Node().Name) && !envSet(flag) {
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
