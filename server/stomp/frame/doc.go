// Package frame is the codec of STOMP 1.0, 1.1 and 1.2: a parser that works in
// the read buffer and encoders that append to one.
//
// # Frames
//
//	COMMAND EOL
//	name ":" value EOL      any number of them
//	EOL
//	body NUL                EOLs may follow
//
// EOL is LF or CR LF, in all versions: people type frames. A body is as long as
// content-length says, or else ends at the first NUL. Of repeated headers the
// first counts (STOMP 1.2, "Repeated Header Entries").
//
// # Versions
//
// What the versions do differently stands in one table, [Dialect].
//
// # Memory
//
// [Parser.Parse] does not allocate; the slices of a [Frame] point into the
// buffer that was parsed and are valid as long as its bytes are. Strings are
// copies.
package frame

// Error says what is wrong with a frame.
type Error struct {
	Message string // a few words, without a character that needs escaping
	Detail  string // what was found, and what would be right
}

func (e *Error) Error() string { return e.Message + ": " + e.Detail }
