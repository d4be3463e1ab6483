// Package telemetry decodes and encodes what devices say about themselves: the
// location of a truck (JSON), the motion of a phone (24 bytes), a last will
// (JSON) and an alert's colour (a name), and the addresses these travel on.
//
// It is a leaf that both the server and the device simulator use. It holds no
// state and judges one message at a time: what a message means for a device
// that has said other things before is the fleet's business.
//
// # Refusal
//
// A payload that must not be believed is reported as a *Refusal, whose Reason
// can be compared and whose text is meant for people. Decoding never panics and
// never allocates in proportion to anything but the payload it was given.
package telemetry

import "fmt"

// Reason says why a payload is not believed. Its values are stable, short and
// fit to be a metric's label.
type Reason string

// The reasons a payload may be refused for.
const (
	TooLarge    Reason = "too-large"    // longer than the limit for its kind
	NotJSON     Reason = "not-json"     // no JSON object in UTF-8
	Missing     Reason = "missing"      // a member that must be there is not
	WrongType   Reason = "wrong-type"   // a member is not of the type that it must have
	OutOfRange  Reason = "out-of-range" // a number beyond what it measures
	WrongDevice Reason = "wrong-device" // the payload names another device than its address
	WrongSize   Reason = "wrong-size"   // a motion that is not of 24 bytes
	NotFinite   Reason = "not-finite"   // NaN or an infinity
	BadID       Reason = "bad-id"       // not an ID that a device may have
)

// Refusal is the error of every decoder of this package.
type Refusal struct {
	Reason Reason
	Member string // of the payload, that is at fault; empty if it is not one alone
	Detail string // a plain English sentence without a full stop
}

func (r *Refusal) Error() string { return r.Detail }

// Is makes errors.Is(err, &Refusal{Reason: r}) compare reasons alone.
func (r *Refusal) Is(target error) bool {
	t, ok := target.(*Refusal)
	return ok && t.Reason == r.Reason
}

func refuse(reason Reason, format string, args ...any) *Refusal {
	return &Refusal{Reason: reason, Detail: fmt.Sprintf(format, args...)}
}

// refuseMember refuses a payload for one of its members.
func refuseMember(reason Reason, member, why string) *Refusal {
	return &Refusal{Reason: reason, Member: member, Detail: member + " " + why}
}

// Optional is a measurement that a device may leave out. Its zero value is one
// that was left out.
type Optional struct {
	Value float64
	Set   bool
}

// Some returns v as a measurement that is there.
func Some(v float64) Optional { return Optional{Value: v, Set: true} }
