package roads

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// Limits of a decoded graph. They bound what a damaged file can make Decode
// allocate; counts are checked against the remaining bytes as well.
const (
	maxNodes    = 1 << 20
	maxSegments = 1 << 20
	maxPoints   = 1 << 22
	maxStraight = 10_000 // metres between two vertices of a segment
)

// ErrFormat means that data is not a road graph.
var ErrFormat = errors.New("not a road graph")

// rawNode, rawSegment and rawPlace are the file's records.
type rawNode struct {
	at        position
	elevation float32
	flags     byte
}

type rawSegment struct {
	from, to Node
	class    Class
	speed    byte
	flags    byte
	road     string
	between  []position
}

// position is in 1e-6°.
type position struct{ lat, lng int32 }

// Decode reads a graph in the format of the package documentation.
func Decode(data []byte) (*Graph, error) {
	d := decoder{data: data}
	if len(data) < 5 || string(data[:4]) != "MWMR" {
		return nil, fmt.Errorf("%w: it does not begin with MWMR", ErrFormat)
	}
	if data[4] != 1 {
		return nil, fmt.Errorf("%w: version %d, want 1", ErrFormat, data[4])
	}
	d.data = data[5:]
	texts := d.texts()
	nodes := d.nodes()
	segments := d.segments(nodes, texts)
	places := d.places(nodes, texts)
	if d.err == nil && len(d.data) > 0 {
		d.fail("%d bytes after the end", len(d.data))
	}
	if d.err != nil {
		return nil, d.err
	}
	return build(nodes, segments, places), nil
}

// decoder takes records off data; after the first error it returns zeros.
type decoder struct {
	data   []byte
	points int
	err    error
}

func (d *decoder) fail(format string, args ...any) {
	if d.err == nil {
		d.err = fmt.Errorf("%w: %s", ErrFormat, fmt.Sprintf(format, args...))
	}
	d.data = nil
}

func (d *decoder) uint() uint64 {
	v, n := binary.Uvarint(d.data)
	if n <= 0 {
		d.fail("a number is cut off or too long")
		return 0
	}
	d.data = d.data[n:]
	return v
}

func (d *decoder) int() int64 {
	v := d.uint()
	return int64(v>>1) ^ -int64(v&1)
}

func (d *decoder) byte() byte {
	if len(d.data) == 0 {
		d.fail("it is cut off")
		return 0
	}
	b := d.data[0]
	d.data = d.data[1:]
	return b
}

// count reads how many records of at least size bytes follow.
func (d *decoder) count(what string, size, limit int) int {
	n := d.uint()
	if n > uint64(limit) || n > uint64(len(d.data)/size) {
		d.fail("%d %s in %d bytes", n, what, len(d.data))
		return 0
	}
	return int(n)
}

// index reads a number below n.
func (d *decoder) index(what string, n int) int {
	v := d.uint()
	if v >= uint64(n) {
		d.fail("%s %d of %d", what, v, n)
		return 0
	}
	return int(v)
}

// position reads a position given as the difference to before.
func (d *decoder) position(before position) position {
	lat, lng := int64(before.lat)+d.int(), int64(before.lng)+d.int()
	if lat < -90e6 || lat > 90e6 || lng < -180e6 || lng > 180e6 {
		d.fail("a position outside the world")
		return position{}
	}
	return position{int32(lat), int32(lng)}
}

func (d *decoder) texts() []string {
	out := make([]string, d.count("strings", 1, maxNodes))
	for i := range out {
		n := d.count("bytes of text", 1, 1<<16)
		if d.err != nil {
			return nil
		}
		out[i] = string(d.data[:n])
		d.data = d.data[n:]
	}
	return out
}

func (d *decoder) nodes() []rawNode {
	out := make([]rawNode, d.count("nodes", 4, maxNodes))
	var at position
	for i := range out {
		at = d.position(at)
		elevation := d.uint()
		if elevation > 90_000 {
			d.fail("an elevation of %d dm", elevation)
		}
		out[i] = rawNode{at, float32(elevation) / 10, d.byte()}
		if d.err != nil {
			return nil
		}
	}
	return out
}

func (d *decoder) segments(nodes []rawNode, texts []string) []rawSegment {
	out := make([]rawSegment, d.count("segments", 7, maxSegments))
	from := uint64(0)
	for i := range out {
		from += d.uint()
		to := int64(from) + d.int()
		if from >= uint64(len(nodes)) || to < 0 || to >= int64(len(nodes)) {
			d.fail("segment %d leads from node %d to %d of %d", i, from, to, len(nodes))
			return nil
		}
		s := rawSegment{from: Node(from), to: Node(to), class: Class(d.byte()), speed: d.byte(), flags: d.byte()}
		if d.err == nil && (s.class < Primary || s.class > LivingStreet || s.speed == 0) {
			d.fail("segment %d has class %d and speed %d", i, s.class, s.speed)
		}
		if k := d.index("string", len(texts)); d.err == nil {
			s.road = texts[k]
		}
		s.between = d.between(nodes[from].at)
		if d.err == nil && !s.plausible(nodes) {
			d.fail("segment %d goes more than %d km straight on", i, maxStraight/1000)
		}
		if d.err != nil {
			return nil
		}
		out[i] = s
	}
	return out
}

// plausible tells whether a segment's vertices are as near to one another as those of
// a road are. Points are put between vertices, so a long leap would cost memory.
func (s *rawSegment) plausible(nodes []rawNode) bool {
	const most = maxStraight * 1_000_000 / metresPerLat
	near := func(a, b position) bool {
		return max(a.lat-b.lat, b.lat-a.lat) <= most && max(a.lng-b.lng, b.lng-a.lng) <= most
	}
	at := nodes[s.from].at
	for _, p := range s.between {
		if !near(at, p) {
			return false
		}
		at = p
	}
	return near(at, nodes[s.to].at)
}

func (d *decoder) between(at position) []position {
	n := d.count("points", 2, maxPoints-d.points)
	d.points += n
	out := make([]position, n)
	for i := range out {
		at = d.position(at)
		out[i] = at
	}
	return out
}

func (d *decoder) places(nodes []rawNode, texts []string) []Place {
	out := make([]Place, d.count("places", 5, maxNodes))
	var at position
	for i := range out {
		name := d.index("string", len(texts))
		kind := Kind(d.byte())
		at = d.position(at)
		node := d.index("node", len(nodes))
		if d.err == nil && (kind < Town || kind > Shop) {
			d.fail("place %d is of kind %d", i, kind)
		}
		if d.err != nil {
			return nil
		}
		out[i] = Place{Name: texts[name], Kind: kind, Lat: float64(at.lat) / 1e6, Lng: float64(at.lng) / 1e6, Node: Node(node)}
	}
	return out
}
