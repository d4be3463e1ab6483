package live

import (
	"encoding/binary"
	"math"
	"testing"

	"mwm/server/fleet"
)

// FuzzFrames holds that a reader who lays arrays over the columns, as the page
// does, finds what was put in, and nothing behind it.
func FuzzFrames(f *testing.F) {
	f.Add(uint64(7), int64(1_700_000_000_000), uint32(3), int32(425_000_000), int32(-15_000_000), uint16(27_000), uint8(24), int16(-31_416), uint16(5))
	f.Add(uint64(math.MaxUint64), int64(0), uint32(math.MaxUint32), int32(math.MinInt32), int32(math.MaxInt32), uint16(fleet.UnknownHeading),
		uint8(fleet.UnknownSpeed), int16(math.MinInt16), uint16(2*maxRows%65_536))
	f.Fuzz(func(t *testing.T, seq uint64, now int64, index uint32, lat, lng int32, heading uint16, speed uint8, angle int16, rows uint16) {
		b := fleet.Batch{Seq: seq, Now: now}
		for i := range uint32(rows) {
			b.Positions = append(b.Positions, fleet.Position{Index: index + i, Lat: lat, Lng: lng, Heading: heading, Speed: speed, Status: fleet.Status(speed % 4)})
		}
		b.Motions = []fleet.Motion{{Index: index, Pitch: angle, Roll: -angle, Yaw: angle / 2, Age: heading}}
		b.Presences = []fleet.Presence{{Index: index, Age: uint32(lat), Status: fleet.Status(speed % 4), Flags: speed}}
		seen := map[uint8]int{}
		for _, frame := range appendFrames(nil, &b, flagSnapshot) {
			le, n := binary.LittleEndian, int(binary.LittleEndian.Uint32(frame[4:]))
			size := map[uint8]int{typePositions: positionSize, typeMotions: motionSize, typePresences: presenceSize}[frame[1]]
			if frame[0] != version || le.Uint16(frame[2:]) != flagSnapshot || le.Uint64(frame[8:]) != seq ||
				math.Float64frombits(le.Uint64(frame[16:])) != float64(now) || n > maxRows || len(frame) != headerSize+n*size {
				t.Fatalf("% x… has %d bytes", frame[:headerSize], len(frame))
			}
			rows := frame[headerSize:]
			for i := range n {
				checkRow(t, &b, frame[1], rows, n, i, seen[frame[1]]+i)
			}
			seen[frame[1]] += n
		}
		if seen[typePositions] != int(rows) || seen[typeMotions] != 1 || seen[typePresences] != 1 {
			t.Errorf("of %d positions, a motion and a presence there are %v", rows, seen)
		}
	})
}

// checkRow compares row i of n with the one that the batch has at an index.
func checkRow(t *testing.T, b *fleet.Batch, kind uint8, rows []byte, n, i, at int) {
	t.Helper()
	le := binary.LittleEndian
	u32 := func(column int) uint32 { return le.Uint32(rows[4*(column*n+i):]) }
	u16 := func(behind, column int) uint16 { return le.Uint16(rows[behind*n+2*(column*n+i):]) }
	switch kind {
	case typePositions:
		got := fleet.Position{Index: u32(0), Lat: int32(u32(1)), Lng: int32(u32(2)), Heading: u16(12, 0), Speed: rows[14*n+i], Status: fleet.Status(rows[15*n+i])}
		if got != b.Positions[at] {
			t.Fatalf("position %d is %+v, not %+v", at, got, b.Positions[at])
		}
	case typeMotions:
		got := fleet.Motion{Index: u32(0), Pitch: int16(u16(4, 0)), Roll: int16(u16(4, 1)), Yaw: int16(u16(4, 2)), Age: u16(4, 3)}
		if got != b.Motions[at] {
			t.Fatalf("motion %d is %+v, not %+v", at, got, b.Motions[at])
		}
	case typePresences:
		got := fleet.Presence{Index: u32(0), Age: u32(1), Status: fleet.Status(rows[8*n+i]), Flags: rows[9*n+i]}
		if got != b.Presences[at] {
			t.Fatalf("presence %d is %+v, not %+v", at, got, b.Presences[at])
		}
	}
}
