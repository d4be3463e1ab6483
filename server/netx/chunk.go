package netx

import (
	"sync"
	"sync/atomic"
)

// ChunkSize is the capacity of the blocks that output is collected in.
const ChunkSize = 16 << 10

// smallChunk is the capacity of blocks for a few frames, so that a short run
// that several connections share does not pin a whole ChunkSize.
const smallChunk = 1 << 10

// Chunk is a block of encoded frames. While it has one owner it can be appended
// to; once shared it is immutable.
type Chunk struct {
	b      []byte
	n      int    // droppable frames in it
	keep   bool   // holds a frame that must not be dropped
	mark   uint64 // the last kept frame in it, as Outbound counts them
	shared bool
	refs   atomic.Int32
}

// chunkSizes are the capacities of pooled chunks: besides the usual one, small ones,
// so that what waits for a peer takes few times as much memory as it has bytes, and
// one for what a full read buffer becomes when it is encoded for many.
var chunkSizes = [...]int{smallChunk, 4 * smallChunk, ChunkSize, 4 * ChunkSize}

var chunkPools [len(chunkSizes)]sync.Pool

// newChunk returns an empty chunk with room for at least n bytes.
func newChunk(n int) *Chunk {
	c := takeChunk(n)
	if cap(c.b) >= bookedChunk {
		Book(cap(c.b))
	}
	return c
}

// bookedChunk is from which capacity on chunks count as memory: what a few frames
// need, everybody may have.
const bookedChunk = 4 << 10

func takeChunk(n int) *Chunk {
	for i, size := range chunkSizes {
		if n <= size {
			if c, ok := chunkPools[i].Get().(*Chunk); ok {
				return c
			}
			return &Chunk{b: make([]byte, 0, size)}
		}
	}
	return &Chunk{b: make([]byte, 0, n)}
}

// NewShared encodes a run of frames once, for several connections. size is an
// upper bound of its length in bytes. The caller holds a reference and gives it
// up with Release.
func NewShared(size int, r Run) *Chunk {
	c := newChunk(size)
	for i := range r.Len() {
		c.b = r.Append(c.b, i)
	}
	c.n = r.Len()
	c.shared = true
	c.refs.Store(1)
	return c
}

// Release gives up one reference.
func (c *Chunk) Release() {
	if c.shared {
		if c.refs.Add(-1) > 0 {
			return
		}
		c.shared = false
	}
	c.n, c.keep, c.mark = 0, false, 0
	if cap(c.b) >= bookedChunk {
		Unbook(cap(c.b))
	}
	for i, size := range chunkSizes {
		if cap(c.b) == size {
			c.b = c.b[:0]
			chunkPools[i].Put(c)
			return
		}
	}
}

// Run is a sequence of frames to be encoded.
type Run interface {
	// Len is the number of frames.
	Len() int
	// Size is an upper bound of the length of frame i in bytes.
	Size(i int) int
	// Append encodes frame i.
	Append(dst []byte, i int) []byte
}
