package telemetry

import (
	"encoding/binary"
	"math"
)

// MotionSize is the length of a motion's payload: pitch, roll and yaw, each an
// IEEE 754 float64 in big-endian order.
const MotionSize = 24

// Motion is a phone's attitude in radians.
type Motion struct {
	Pitch, Roll, Yaw float64
}

// DecodeMotion reads a motion's payload.
func DecodeMotion(payload []byte) (Motion, error) {
	if len(payload) != MotionSize {
		return Motion{}, refuse(WrongSize, "a motion has %d bytes, not %d", MotionSize, len(payload))
	}
	m := Motion{
		Pitch: math.Float64frombits(binary.BigEndian.Uint64(payload)),
		Roll:  math.Float64frombits(binary.BigEndian.Uint64(payload[8:])),
		Yaw:   math.Float64frombits(binary.BigEndian.Uint64(payload[16:])),
	}
	for i, v := range [...]float64{m.Pitch, m.Roll, m.Yaw} {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return Motion{}, refuseMember(NotFinite, [...]string{"pitch", "roll", "yaw"}[i], "is no finite number")
		}
	}
	return m, nil
}

// AppendMotion appends the payload that DecodeMotion reads.
func AppendMotion(dst []byte, m Motion) []byte {
	dst = binary.BigEndian.AppendUint64(dst, math.Float64bits(m.Pitch))
	dst = binary.BigEndian.AppendUint64(dst, math.Float64bits(m.Roll))
	return binary.BigEndian.AppendUint64(dst, math.Float64bits(m.Yaw))
}
