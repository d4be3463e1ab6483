package history

import (
	"math/rand/v2"
	"reflect"
	"testing"
)

// drive returns what a device reports in n seconds from a time on.
func drive(start int64, n int, rng *rand.Rand) []Point {
	p := At(start, 42.5, 1.5)
	points := make([]Point, n)
	speed, heading := 15.0, 90.0
	for i := range points {
		speed = min(max(0, speed+rng.NormFloat64()), 30)
		heading += 10 * rng.NormFloat64()
		p.TS += 1000
		p.Lat += int32(speed * 60)
		p.Lng += int32(rng.IntN(200))
		p.Speed, p.Heading, p.Accuracy = Known(speed), Known(heading), Known(5)
		points[i] = p
	}
	return points
}

func encode(hour int64, points []Point) (data []byte) {
	c := newCoder(hour)
	for _, p := range points {
		data = c.appendPoint(data, p)
	}
	return data
}

// decode(encode(x)) is x.
func TestCoding(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	extreme := []Point{{TS: hourMs - 1, Lat: maxLat, Lng: -maxLng, Speed: maxMeasure}, {Lat: -maxLat, Lng: maxLng, Heading: maxMeasure}, {TS: hourMs - 1, Accuracy: 1}, {}}
	for name, points := range map[string][]Point{
		"a drive": drive(0, 3599, rng), "one point": {At(5, -1, -1)}, "extremes": extreme, "at rest": make([]Point, 100),
	} {
		for _, hour := range []int64{0, 500_000, -3} {
			moved := make([]Point, len(points))
			for i, p := range points {
				p.TS += hour * hourMs
				moved[i] = p
			}
			got, err := appendDecoded(nil, hour, encode(hour, moved))
			if err != nil || !reflect.DeepEqual(got, moved) {
				t.Errorf("%s in hour %d: %v", name, hour, err)
			}
		}
	}
	if n := len(encode(0, make([]Point, 1000))); n > 3010 {
		t.Errorf("1000 points at rest take %d bytes", n)
	}
	if n := len(encode(0, drive(0, 3599, rng))); n > 10*3599 {
		t.Errorf("a drive takes %.1f bytes a point", float64(n)/3599)
	}
}

func TestLogCoding(t *testing.T) {
	type entry struct {
		device int64
		p      Point
	}
	want := []entry{{1, At(5, 1, 2)}, {1 << 40, Point{TS: -maxTS, Lat: -maxLat, Lng: maxLng, Speed: maxMeasure, Heading: 1, Accuracy: 2}}, {1, Point{TS: maxTS}}}
	var b logBatch
	for range 2 { // a batch begins anew after it was taken
		for _, e := range want {
			b.append(e.device, e.p)
		}
		var got []entry
		if err := readLog(b.take(), func(device int64, p Point) { got = append(got, entry{device, p}) }); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("got %v, %v", got, err)
		}
	}
}

// FuzzChunk: whatever stands on the disk, reading it ends in points of its hour,
// or an error, and what was read is written the same way again.
func FuzzChunk(f *testing.F) {
	f.Add(int64(0), encode(0, drive(0, 5, rand.New(rand.NewPCG(1, 2)))))
	f.Add(int64(480_000), encode(480_000, []Point{At(480_000*hourMs+1, 42.5, 1.5)}))
	f.Add(int64(-1), []byte{chunkVersion, 0, 0, 0})
	f.Add(int64(0), []byte{chunkVersion, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 0, 0})
	f.Fuzz(func(t *testing.T, hour int64, data []byte) {
		hour %= maxTS / hourMs
		points, err := appendDecoded(nil, hour, data)
		if len(points) > len(data) {
			t.Fatalf("%d points from %d bytes", len(points), len(data))
		}
		for _, p := range points {
			if hourOf(p.TS) != hour || p.Lat < -maxLat || p.Lat > maxLat || p.Lng < -maxLng || p.Lng > maxLng || max(p.Speed, p.Heading, p.Accuracy) > maxMeasure {
				t.Fatalf("point %+v in hour %d", p, hour)
			}
		}
		if err != nil || len(points) == 0 {
			return
		}
		again, err := appendDecoded(nil, hour, encode(hour, points))
		if err != nil || !reflect.DeepEqual(again, points) {
			t.Errorf("%v becomes %v, %v", points, again, err)
		}
	})
}

// FuzzLog does the same for the log.
func FuzzLog(f *testing.F) {
	var b logBatch
	b.append(1, At(1e12, 42.5, 1.5))
	b.append(2, Point{TS: 1e12, Speed: 5})
	f.Add(b.take())
	f.Add([]byte{logVersion, 1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1})
	f.Fuzz(func(t *testing.T, data []byte) {
		var again logBatch
		n := 0
		err := readLog(data, func(device int64, p Point) {
			again.append(device, p)
			n++
		})
		if err != nil {
			return
		}
		m := 0
		if err := readLog(again.take(), func(int64, Point) { m++ }); n > 0 && (err != nil || m != n) {
			t.Errorf("%d entries become %d, %v", n, m, err)
		}
	})
}

func BenchmarkEncode(b *testing.B) {
	points := drive(0, 3599, rand.New(rand.NewPCG(1, 2)))
	var data []byte
	for b.Loop() {
		c := newCoder(0)
		data = data[:0]
		for _, p := range points {
			data = c.appendPoint(data, p)
		}
	}
	b.ReportMetric(float64(len(data))/float64(len(points)), "B/point")
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(points)), "ns/point")
}
