// Package topic knows the names and filters of destinations. It is pure: no
// state but the trees, no I/O.
//
// # Names
//
// The broker has one canonical form for the topics of both protocols, the one
// STOMP clients write after "/topic/": levels separated by dots.
//
//	MQTT name            canonical name       STOMP destination
//	device/BBB/location  device.BBB.location  /topic/device.BBB.location
//	/mwm/AAA/motion      .mwm.AAA.motion      /topic/.mwm.AAA.motion
//	chat.room.5          chat/room/5          /topic/chat/room/5
//
// [Swap] maps one to the other, character by character, by exchanging "/" with
// ".", "+" with "*" and "#" with ">". It is its own inverse, so no two names of
// one protocol become one name of the other.
//
// # Filters
//
// In a filter a level "*" stands for exactly one level and a last level ">" for
// any number of levels, none included: "device.>" matches "device" too (MQTT
// 5.0 §4.7.1.2, ActiveMQ alike). A wildcard in the first level does not match
// names that begin with "$" (MQTT 5.0 §4.7.2).
package topic

import (
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"unicode/utf8"
)

const (
	// MaxLength is the longest name or filter in bytes (MQTT 5.0 §1.5.4).
	MaxLength = 65535
	// DefaultMaxLevels is the default limit of levels in a name or filter. Without
	// one, a single SUBSCRIBE could ask for a tree of 32,768 nodes.
	DefaultMaxLevels = 128
)

// ErrInvalid is in the chain of every error of [CheckName] and [CheckFilter],
// ErrDeep, too, if there are more levels than are allowed.
var (
	ErrInvalid = errors.New("invalid destination")
	ErrDeep    = fmt.Errorf("%w: too many levels", ErrInvalid)
)

var maxLevels atomic.Int32

// SetMaxLevels sets the limit of levels in a name or filter of the process; 0 means
// DefaultMaxLevels.
func SetMaxLevels(n int) { maxLevels.Store(int32(n)) }

// MaxLevels is the limit of levels in a name or filter.
func MaxLevels() int {
	if n := maxLevels.Load(); n > 0 {
		return int(n)
	}
	return DefaultMaxLevels
}

func invalid(format string, args ...any) error {
	return fmt.Errorf("%w: "+format, append([]any{ErrInvalid}, args...)...)
}

// swapped maps each separator and wildcard of one protocol to the other's.
var swapped = func() (t [256]byte) {
	for i := range t {
		t[i] = byte(i)
	}
	for _, p := range []string{"/.", "+*", "#>"} {
		t[p[0]], t[p[1]] = p[1], p[0]
	}
	return t
}()

// Swap turns a canonical name or filter into MQTT's form, and back.
func Swap(s string) string {
	if !strings.ContainsAny(s, "/.+*#>") {
		return s
	}
	return string(AppendSwap(make([]byte, 0, len(s)), s))
}

// AppendSwap appends Swap(s) to dst.
func AppendSwap[S ~string | ~[]byte](dst []byte, s S) []byte {
	for i := range len(s) {
		dst = append(dst, swapped[s[i]])
	}
	return dst
}

// SwapInPlace is Swap for a name that its owner may change.
func SwapInPlace(name []byte) {
	for i, c := range name {
		name[i] = swapped[c]
	}
}

// CheckName reports why s cannot be the canonical name of a topic or queue.
func CheckName(s string) error {
	if err := checkText(s); err != nil {
		return err
	}
	for level := range strings.SplitSeq(s, ".") {
		if level == "*" || level == ">" {
			return invalid("a wildcard stands only in a subscription, not in %q", short(s))
		}
		if strings.ContainsAny(level, "*>") {
			return invalid("a wildcard character inside the name %q", short(s))
		}
	}
	return nil
}

// CheckFilter reports why s cannot be a canonical filter. A name is a filter.
func CheckFilter(s string) error {
	if err := checkText(s); err != nil {
		return err
	}
	rest, more := s, true
	for more {
		var level string
		level, rest, more = strings.Cut(rest, ".")
		switch {
		case level == ">" && more:
			return invalid("a multi-level wildcard must be the last level of %q", short(s))
		case level != "*" && level != ">" && strings.ContainsAny(level, "*>"):
			return invalid("a wildcard must be a whole level in %q", short(s))
		}
	}
	return nil
}

func checkText(s string) error {
	switch {
	case s == "":
		return invalid("it is empty")
	case len(s) > MaxLength:
		return invalid("%d bytes, at most %d are allowed", len(s), MaxLength)
	case strings.Count(s, ".") >= MaxLevels():
		return fmt.Errorf("%w: %d levels, at most %d are allowed", ErrDeep, strings.Count(s, ".")+1, MaxLevels())
	case strings.IndexByte(s, 0) >= 0:
		return invalid("it contains NUL")
	case !utf8.ValidString(s):
		return invalid("it is not UTF-8")
	}
	return nil
}

// short keeps an error readable whatever a client sent.
func short(s string) string {
	if len(s) > 80 {
		return s[:77] + "..."
	}
	return s
}

// IsWild reports whether the filter has a wildcard.
func IsWild(filter string) bool { return strings.ContainsAny(filter, "*>") }

// Match reports whether the filter matches the name; both must be valid.
// It is the plain definition that the trees are tested against.
func Match(filter, name string) bool {
	if len(name) > 0 && name[0] == '$' && len(filter) > 0 && (filter[0] == '*' || filter[0] == '>') {
		return false
	}
	for {
		f, frest, fmore := strings.Cut(filter, ".")
		if f == ">" {
			return true
		}
		n, nrest, nmore := strings.Cut(name, ".")
		if f != "*" && f != n {
			return false
		}
		switch {
		case !fmore && !nmore:
			return true
		case fmore && !nmore:
			return frest == ">"
		case !fmore:
			return false
		}
		filter, name = frest, nrest
	}
}
