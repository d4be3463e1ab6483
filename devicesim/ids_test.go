package devicesim

import (
	"testing"

	"mwm/server/telemetry"
)

func TestIDs(t *testing.T) {
	for i, want := range map[int]string{0: "AAA", 1: "BBB", 2: "CCC", 25: "ZZZ", 26: "AAAA", 27: "AAAB", 51: "AAAZ", 52: "AABA", 26 + 456_975: "ZZZZ", 26 + 456_976: "AAAAA"} {
		if got := TruckID(i); got != want {
			t.Errorf("truck %d is %s, not %s", i, got, want)
		}
	}
	for i, want := range map[int]string{0: "XYZ", 1: "WXY", 23: "ABC", 24: "ZAB", 25: "YZA", 26: "XYZ-2", 52: "XYZ-3"} {
		if got := PhoneID(i); got != want {
			t.Errorf("phone %d is %s, not %s", i, got, want)
		}
	}
}

func TestIDsAreUniqueAndLegal(t *testing.T) {
	const n = MaxDevices
	seen := make(map[string]bool, 2*n)
	for i := range n {
		for _, id := range []string{TruckID(i), PhoneID(i)} {
			if seen[id] {
				t.Fatalf("%s is there twice", id)
			}
			seen[id] = true
			if i%1000 == 0 {
				if err := telemetry.CheckID(id); err != nil {
					t.Errorf("%s: %v", id, err)
				}
			}
		}
	}
}
