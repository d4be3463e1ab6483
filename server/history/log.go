package history

import (
	"encoding/binary"
	"errors"
	"math"
)

// The log holds points of all devices in the order in which they came. A batch
// of it is a byte of version and its entries: the number of the device and a
// point, whose time and place are differences from the entry before.
const logVersion = 1

var errLog = errors.New("history: the log is damaged")

// logBatch gathers entries.
type logBatch struct {
	data []byte
	last Point
}

func (b *logBatch) append(device int64, p Point) {
	if len(b.data) == 0 {
		b.data = append(b.data, logVersion)
		b.last = Point{}
	}
	dst := binary.AppendUvarint(b.data, uint64(device))
	dst = binary.AppendVarint(dst, p.TS-b.last.TS)
	dst = binary.AppendVarint(dst, int64(p.Lat)-int64(b.last.Lat))
	dst = binary.AppendVarint(dst, int64(p.Lng)-int64(b.last.Lng))
	for _, m := range [...]Measure{p.Speed, p.Heading, p.Accuracy} {
		dst = binary.AppendUvarint(dst, uint64(m))
	}
	b.data, b.last = dst, p
}

// take returns the batch and begins a new one.
func (b *logBatch) take() []byte {
	data := b.data
	b.data = make([]byte, 0, min(len(data), 1<<20))
	return data
}

// readLog calls yield with the entries of a batch.
func readLog(data []byte, yield func(device int64, p Point)) error {
	if len(data) == 0 || data[0] != logVersion {
		return errLog
	}
	r := reader{p: data[1:]}
	var last Point
	for len(r.p) > 0 {
		device := r.uvarint()
		p := Point{
			TS:  r.sum(last.TS, 0, r.varint(), -maxTS, maxTS),
			Lat: int32(r.sum(int64(last.Lat), 0, r.varint(), -maxLat, maxLat)),
			Lng: int32(r.sum(int64(last.Lng), 0, r.varint(), -maxLng, maxLng)),
		}
		for _, m := range [...]*Measure{&p.Speed, &p.Heading, &p.Accuracy} {
			v := r.uvarint()
			if v > maxMeasure {
				r.bad = true
			}
			*m = Measure(v)
		}
		if r.bad || device > math.MaxInt64 {
			return errLog
		}
		yield(int64(device), p)
		last = p
	}
	return nil
}

// maxTS bounds times: years of four digits have no more.
const maxTS = 1 << 48
