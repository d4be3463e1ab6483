package history

import (
	"context"
	"maps"
	"slices"
	"sync"
)

// Memory is a [Store] that lasts as long as its process. Make one with NewMemory.
type Memory struct {
	mu      sync.RWMutex
	byAge   []*Chunk
	devices map[int64]map[int64][]*Chunk // by device and hour, by age
}

// NewMemory returns an empty store.
func NewMemory() *Memory { return &Memory{devices: map[int64]map[int64][]*Chunk{}} }

// SaveHistory implements [Store]. There is no crash to keep the log for.
func (m *Memory) SaveHistory(changes *Changes) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, c := range changes.Chunks {
		c.Data = slices.Clone(c.Data) // what it grew in may be larger
		m.byAge = append(m.byAge, &c)
		if m.devices[c.Device] == nil {
			m.devices[c.Device] = map[int64][]*Chunk{}
		}
		m.devices[c.Device][c.Hour] = append(m.devices[c.Device][c.Hour], &c)
	}
	return nil
}

// LoadHistory implements [Store]: there is nothing.
func (m *Memory) LoadHistory(context.Context, Loader) (Loaded, error) { return Loaded{}, nil }

// TrackHours implements [Store].
func (m *Memory) TrackHours(_ context.Context, device, from, to int64, limit int) ([]Hour, error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	var hours []Hour
	for _, hour := range slices.Sorted(maps.Keys(m.devices[device])) {
		if hour < from || hour > to {
			continue
		}
		var sum Hour
		for _, c := range m.devices[device][hour] {
			sum = sum.plus(Hour{Hour: hour, First: c.First, Last: c.Last, Points: c.Points})
		}
		hours = append(hours, sum)
	}
	return hours[max(0, len(hours)-limit):], nil
}

// plus returns what two parts of an hour are together; the receiver may be none.
func (h Hour) plus(o Hour) Hour {
	if h.Points == 0 {
		return o
	}
	return Hour{Hour: h.Hour, First: min(h.First, o.First), Last: max(h.Last, o.Last), Points: h.Points + o.Points}
}

// TrackChunks implements [Store].
func (m *Memory) TrackChunks(_ context.Context, device, hour int64) ([][]byte, error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	var data [][]byte
	for _, c := range m.devices[device][hour] {
		data = append(data, c.Data)
	}
	return data, nil
}

// DropChunks implements [Store].
func (m *Memory) DropChunks(rule DropRule) (dropped Usage, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	dropped = rule.Choose(func(yield func(Aged) bool) {
		for _, c := range m.byAge {
			if !yield(Aged{c.Written, int64(c.Points), c.Size()}) {
				return
			}
		}
	})
	for _, c := range m.byAge[:dropped.Chunks] {
		m.forget(c)
	}
	m.byAge = slices.Delete(m.byAge, 0, int(dropped.Chunks))
	return dropped, nil
}

// DropDevice implements [Store].
func (m *Memory) DropDevice(device int64, limit int) (dropped Usage, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.byAge = slices.DeleteFunc(m.byAge, func(c *Chunk) bool {
		if c.Device != device || dropped.Chunks == int64(limit) {
			return false
		}
		dropped.add(Usage{Chunks: 1, Points: int64(c.Points), Bytes: c.Size()})
		m.forget(c)
		return true
	})
	return dropped, nil
}

// forget takes the oldest chunk of an hour out. m.mu is held.
func (m *Memory) forget(c *Chunk) {
	hours := m.devices[c.Device]
	if rest := hours[c.Hour][1:]; len(rest) > 0 {
		hours[c.Hour] = rest
		return
	}
	if delete(hours, c.Hour); len(hours) == 0 {
		delete(m.devices, c.Device)
	}
}
