package link

import (
	"strings"
	"testing"
)

func TestNeedCheck(t *testing.T) {
	tests := []struct {
		name         string
		need         Need
		files, ports uint64
		names        []string // in the error; none: it suffices
	}{
		{"enough", Need{STOMP: 1000, MQTT: 200}, 2000, 28232, nil},
		{"just enough", Need{STOMP: 1000}, 1032, 1000, nil},
		{"files", Need{STOMP: 1000, MQTT: 200}, 1024, 28232, []string{"RLIMIT_NOFILE", "1232", "1024", "ulimit -n", "--per-connection"}},
		{"files of a server in this process", Need{STOMP: 1000, ServerToo: true}, 2000, 28232, []string{"RLIMIT_NOFILE", "2032"}},
		{"ports", Need{STOMP: 30000}, 1 << 20, 28232, []string{portRange, "30000", "28232", "--per-connection"}},
		{"ports are counted for each address", Need{STOMP: 20000, MQTT: 20000}, 1 << 20, 28232, nil},
		{"ports of one address", Need{STOMP: 20000, MQTT: 20000, SameAddress: true}, 1 << 20, 28232, []string{portRange, "40000"}},
		{"limits that are not known", Need{STOMP: 1 << 20}, 0, 0, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			err := tt.need.check(tt.files, tt.ports)
			if (err != nil) != (tt.names != nil) {
				t.Fatalf("error %v", err)
			}
			for _, n := range tt.names {
				if !strings.Contains(err.Error(), n) {
					t.Errorf("%q does not name %q", err, n)
				}
			}
		})
	}
}

func TestCheckCapacityOfThisSystem(t *testing.T) {
	if err := CheckCapacity(Need{STOMP: 1, MQTT: 1}); err != nil {
		t.Errorf("two connections: %v", err)
	}
}
