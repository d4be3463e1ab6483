package live

import (
	"encoding/binary"
	"math"

	"mwm/server/fleet"
)

// A frame is a header and columns, little-endian, packed without padding:
//
//	u8 version, u8 type, u16 flags, u32 count, u64 seq, f64 server time (ms since 1970)
//
//	positions: u32 index[], i32 lat[], i32 lng[] (1e-7°), u16 heading[] (0.01°), u8 speed[] (0.5 m/s), u8 status[]
//	motions:   u32 index[], i16 pitch[], i16 roll[], i16 yaw[] (1e-4 rad), u16 age[] (ms)
//	presences: u32 index[], u32 age[] (ms), u8 status[], u8 flags[]
//
// The widest columns come first so that a reader may lay typed arrays over them.
const (
	version    = 1
	headerSize = 24

	typePositions = 1
	typeMotions   = 2
	typePresences = 3

	positionSize = 16
	motionSize   = 12
	presenceSize = 10

	// flagSnapshot: the values are last known ones, not signs of life just now.
	flagSnapshot = 1

	// maxRows keeps one message under the write deadline on slow networks.
	maxRows = 16384
)

// appendFrames appends the frames of a batch in the order in which a reader
// wants them: who is there, where, and how held.
func appendFrames(frames [][]byte, b *fleet.Batch, flags uint16) [][]byte {
	for rows := range chunks(b.Presences) {
		frames = append(frames, appendPresences(newFrame(b, typePresences, flags, len(rows), presenceSize), rows))
	}
	for rows := range chunks(b.Positions) {
		frames = append(frames, appendPositions(newFrame(b, typePositions, flags, len(rows), positionSize), rows))
	}
	for rows := range chunks(b.Motions) {
		frames = append(frames, appendMotions(newFrame(b, typeMotions, flags, len(rows), motionSize), rows))
	}
	return frames
}

func chunks[T any](rows []T) func(yield func([]T) bool) {
	return func(yield func([]T) bool) {
		for len(rows) > 0 {
			n := min(len(rows), maxRows)
			if !yield(rows[:n]) {
				return
			}
			rows = rows[n:]
		}
	}
}

// newFrame returns a header with room for its rows.
func newFrame(b *fleet.Batch, kind uint8, flags uint16, rows, rowSize int) []byte {
	f := make([]byte, 0, headerSize+rows*rowSize)
	f = append(f, version, kind)
	f = binary.LittleEndian.AppendUint16(f, flags)
	f = binary.LittleEndian.AppendUint32(f, uint32(rows))
	f = binary.LittleEndian.AppendUint64(f, b.Seq)
	return binary.LittleEndian.AppendUint64(f, math.Float64bits(float64(b.Now)))
}

func appendPositions(f []byte, rows []fleet.Position) []byte {
	le := binary.LittleEndian
	for i := range rows {
		f = le.AppendUint32(f, rows[i].Index)
	}
	for i := range rows {
		f = le.AppendUint32(f, uint32(rows[i].Lat))
	}
	for i := range rows {
		f = le.AppendUint32(f, uint32(rows[i].Lng))
	}
	for i := range rows {
		f = le.AppendUint16(f, rows[i].Heading)
	}
	for i := range rows {
		f = append(f, rows[i].Speed)
	}
	for i := range rows {
		f = append(f, uint8(rows[i].Status))
	}
	return f
}

func appendMotions(f []byte, rows []fleet.Motion) []byte {
	le := binary.LittleEndian
	for i := range rows {
		f = le.AppendUint32(f, rows[i].Index)
	}
	for i := range rows {
		f = le.AppendUint16(f, uint16(rows[i].Pitch))
	}
	for i := range rows {
		f = le.AppendUint16(f, uint16(rows[i].Roll))
	}
	for i := range rows {
		f = le.AppendUint16(f, uint16(rows[i].Yaw))
	}
	for i := range rows {
		f = le.AppendUint16(f, rows[i].Age)
	}
	return f
}

func appendPresences(f []byte, rows []fleet.Presence) []byte {
	le := binary.LittleEndian
	for i := range rows {
		f = le.AppendUint32(f, rows[i].Index)
	}
	for i := range rows {
		f = le.AppendUint32(f, rows[i].Age)
	}
	for i := range rows {
		f = append(f, uint8(rows[i].Status))
	}
	for i := range rows {
		f = append(f, rows[i].Flags)
	}
	return f
}
