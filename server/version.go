package server

import "runtime/debug"

// Version is the version of the program.
const Version = "0.1.0"

// commit is what was built; `make dist` sets it.
var commit string

// Build says which program this is: version, commit if that is known, and the Go
// that it was built with.
func Build() string {
	info, _ := debug.ReadBuildInfo()
	text, c := Version, commit
	if info == nil {
		return text
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" && c == "" {
			c = s.Value[:min(12, len(s.Value))]
		}
	}
	if c != "" {
		text += ", commit " + c
	}
	return text + ", " + info.GoVersion
}
