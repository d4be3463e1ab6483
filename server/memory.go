package server

import (
	"io/fs"
	"math"
	"os"
	"path"
	"runtime/debug"
	"strconv"
	"strings"
)

// limitMemory tells Go how much memory there is, unless GOMEMLIMIT does, and returns
// what clients may make the server hold of it: the other half is for what the server
// knows, and for the garbage collector.
func (c *Config) limitMemory() int64 {
	if _, told := os.LookupEnv("GOMEMLIMIT"); !told {
		if limit := memoryLimitOf(os.DirFS("/")); limit > 0 {
			debug.SetMemoryLimit(limit)
		}
	}
	return c.memoryLimit(debug.SetMemoryLimit(-1))
}

// memoryLimit is what clients may make the server hold, given Go's own limit.
func (c *Config) memoryLimit(goLimit int64) int64 {
	if c.MaxMemory > 0 || goLimit == math.MaxInt64 {
		return c.MaxMemory
	}
	return goLimit / 2
}

// memoryLimitOf is what Go may use of the memory that Linux says there is: 7/8 of
// what a container or service has for itself, half of a machine that there are others
// on; 0 if the system says nothing.
func memoryLimitOf(root fs.FS) int64 {
	machine := machineMemory(root)
	own := groupMemory(root)
	switch {
	case own > 0 && (machine == 0 || own < machine):
		return own / 8 * 7
	default:
		return machine / 2
	}
}

// machineMemory is how much the machine has (proc(5)).
func machineMemory(root fs.FS) int64 {
	text, _ := fs.ReadFile(root, "proc/meminfo")
	_, rest, _ := strings.Cut(string(text), "MemTotal:")
	fields := strings.Fields(rest)
	if len(fields) < 2 || fields[1] != "kB" {
		return 0
	}
	return parseBytes(fields[0]) * 1024
}

// groupMemory is the least that a control group of this process may use, itself or
// one that it is in (cgroups(7)); 0 if there is no such limit. In a container the own
// group is the root of what can be seen.
func groupMemory(root fs.FS) (least int64) {
	text, _ := fs.ReadFile(root, "proc/self/cgroup")
	for line := range strings.Lines(string(text)) {
		parts := strings.SplitN(strings.TrimSpace(line), ":", 3) // hierarchy:controllers:path
		if len(parts) < 3 {
			continue
		}
		base, file := "sys/fs/cgroup", "memory.max"
		switch parts[1] {
		case "":
		case "memory": // of version 1
			base, file = "sys/fs/cgroup/memory", "memory.limit_in_bytes"
		default:
			continue
		}
		for dir := path.Clean("/" + parts[2]); ; dir = path.Dir(dir) {
			value, _ := fs.ReadFile(root, path.Join(base, dir, file))
			if n := parseBytes(strings.TrimSpace(string(value))); n > 0 && (least == 0 || n < least) {
				least = n
			}
			if dir == "/" {
				break
			}
		}
	}
	return least
}

// parseBytes reads a number; what is none, such as "max", is 0.
func parseBytes(s string) int64 {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n < 0 || n > math.MaxInt64/1024 {
		return 0
	}
	return n
}
