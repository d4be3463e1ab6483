package server

import (
	"math"
	"testing"
	"testing/fstest"
)

func TestMemoryLimit(t *testing.T) {
	for _, c := range []struct{ set, goLimit, want int64 }{{0, math.MaxInt64, 0}, {0, 1 << 28, 1 << 27}, {5, 1 << 28, 5}, {5, math.MaxInt64, 5}} {
		if got := (&Config{MaxMemory: c.set}).memoryLimit(c.goLimit); got != c.want {
			t.Errorf("--max-memory %d with GOMEMLIMIT %d: %d, want %d", c.set, c.goLimit, got, c.want)
		}
	}
}

// Without GOMEMLIMIT the server keeps within what its container has, or takes half of
// the machine.
func TestMemoryOfMachine(t *testing.T) {
	const machine = "MemTotal:        4194304 kB\nMemFree:          100 kB\n"
	for _, c := range []struct {
		name  string
		files map[string]string
		want  int64
	}{
		{"no Linux", nil, 0},
		{"a machine", map[string]string{"proc/meminfo": machine}, 2 << 30},
		{"a group without a limit", map[string]string{
			"proc/meminfo": machine, "proc/self/cgroup": "0::/user.slice/x\n", "sys/fs/cgroup/user.slice/x/memory.max": "max\n",
		}, 2 << 30},
		{"a service", map[string]string{
			"proc/meminfo": machine, "proc/self/cgroup": "0::/system.slice/mwm.service\n", "sys/fs/cgroup/system.slice/mwm.service/memory.max": "1073741824\n",
		}, 7 << 27},
		{"a slice around it", map[string]string{
			"proc/meminfo": machine, "proc/self/cgroup": "0::/system.slice/mwm.service\n",
			"sys/fs/cgroup/system.slice/mwm.service/memory.max": "1073741824\n", "sys/fs/cgroup/system.slice/memory.max": "536870912\n",
		}, 7 << 26},
		{"a container", map[string]string{
			"proc/meminfo": machine, "proc/self/cgroup": "0::/\n", "sys/fs/cgroup/memory.max": "268435456\n",
		}, 224 << 20},
		{"a container of version 1", map[string]string{
			"proc/meminfo": machine, "proc/self/cgroup": "12:cpu,cpuacct:/docker/x\n5:memory:/docker/x\n", "sys/fs/cgroup/memory/memory.limit_in_bytes": "268435456\n",
		}, 224 << 20},
		{"version 1 without a limit", map[string]string{
			"proc/meminfo": machine, "proc/self/cgroup": "5:memory:/\n", "sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n",
		}, 2 << 30},
		{"a limit beyond the machine", map[string]string{
			"proc/meminfo": machine, "proc/self/cgroup": "0::/\n", "sys/fs/cgroup/memory.max": "8589934592\n",
		}, 2 << 30},
		{"nonsense", map[string]string{"proc/meminfo": "MemTotal: many", "proc/self/cgroup": "0\n::\n0::../..\n", "sys/fs/cgroup/memory.max": "-5"}, 0},
	} {
		root := fstest.MapFS{}
		for name, text := range c.files {
			root[name] = &fstest.MapFile{Data: []byte(text)}
		}
		if got := memoryLimitOf(root); got != c.want {
			t.Errorf("%s: %d, want %d", c.name, got, c.want)
		}
	}
}
