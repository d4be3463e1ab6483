package history

import "context"

// Chunk is a run of points of one device in one hour.
type Chunk struct {
	Device      int64 // its number
	Hour        int64 // since 1970 UTC
	First, Last int64 // the earliest and the latest of its points, ms since 1970
	Points      int
	Written     int64 // when it was closed, ms since 1970
	Data        []byte

	Log  uint64 // the entry of the log that its last point came in
	Tail int    // how many of its points came in that entry
}

// Size is what the chunk counts for the limit, in bytes.
func (c Chunk) Size() int64 { return int64(len(c.Data)) + chunkOverhead }

// chunkOverhead is about what a chunk takes up beside its data.
const chunkOverhead = 64

// LogEntry is a batch of the log.
type LogEntry struct {
	ID   uint64 // ascending
	Data []byte
}

// NamedDevice is a device and its number.
type NamedDevice struct {
	Num int64
	ID  string
}

// Changes are what a [Store] applies at once.
type Changes struct {
	Devices []NamedDevice // new ones
	Log     []LogEntry
	Chunks  []Chunk
	Trim    uint64  // entries of the log before this one are not needed any more
	Forget  []int64 // devices, none of Devices, of which nothing is loaded any more; one of Devices may have the ID of one
}

// Hour is what a store has of a device in an hour.
type Hour struct {
	Hour, First, Last int64
	Points            int
}

// Usage is how much there is.
type Usage struct {
	Chunks, Points, Bytes int64
}

func (u *Usage) add(o Usage) {
	u.Chunks += o.Chunks
	u.Points += o.Points
	u.Bytes += o.Bytes
}

// Loader is told what a store holds.
type Loader struct {
	// Device is called first, with all devices that have chunks, or may have.
	Device func(NamedDevice)
	// Saved is called with the device, hour, log and tail of chunks with points that
	// are in the log, too, and perhaps others.
	Saved func(Chunk)
	// Logged is called with the entries of the log in their order.
	Logged func(LogEntry)
}

// Loaded is what there is in all.
type Loaded struct {
	Usage
	LastLog uint64 // the greatest ID of an entry of the log that a chunk knows
}

// Store keeps chunks. Its methods may be called concurrently; those that read
// do not wait for those that write.
type Store interface {
	// SaveHistory makes the changes, all or none, and returns when they would
	// survive a crash.
	SaveHistory(*Changes) error
	// LoadHistory tells what there is.
	LoadHistory(ctx context.Context, to Loader) (Loaded, error)
	// TrackHours returns what there is of a device from one hour to another, both
	// included, in their order; of more than limit the last.
	TrackHours(ctx context.Context, device, from, to int64, limit int) ([]Hour, error)
	// TrackChunks returns the data of a device's chunks in an hour, in the order
	// in which they were saved.
	TrackChunks(ctx context.Context, device, hour int64) ([][]byte, error)
	// DropChunks deletes the oldest chunks, as the rule says.
	DropChunks(DropRule) (Usage, error)
	// DropDevice deletes chunks of a device, at most limit.
	DropDevice(device int64, limit int) (Usage, error)
}
