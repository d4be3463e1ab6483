package broker

import (
	"errors"
	"fmt"
	"strings"
	"unsafe"
)

// ErrForbidden answers what a client may not do.
var ErrForbidden = errors.New("not permitted")

// ErrRevoked closes the connections of a principal that is no longer valid.
var ErrRevoked = errors.New("the credentials are no longer valid")

// Access says what a client may do. Its answers do not change while the client
// is connected. Its methods neither block nor allocate, and may be called
// concurrently.
type Access interface {
	// MayPublish reports whether a message may be sent to a topic or queue.
	MayPublish(queue bool, name string, body []byte) bool
	// Judges reports whether that depends on the body.
	Judges(queue bool, name string) bool
	// MaySubscribe reports whether everything that a filter matches may be
	// subscribed to, or consumed.
	MaySubscribe(queue bool, filter string) bool
	// MayBrowse reports whether the queues that a filter matches may be looked at.
	MayBrowse(filter string) bool
}

// tempLevel is the first level of the names of temporary destinations, which
// wildcards do not match. Such a name is known to the connection that it belongs
// to and to those whom that has told it: it is a capability to send there.
// Nobody else subscribes there, whatever else they may do.
const tempLevel = "$temp"

func isTemp(filter string) bool {
	rest, ok := strings.CutPrefix(filter, tempLevel)
	return ok && (rest == "" || rest[0] == '.')
}

// owns reports whether a name is one of the client's own temporary ones.
func (c *Client) owns(name string) bool { return c.Temp != "" && strings.HasPrefix(name, c.Temp) }

// MaySubscribe returns ErrForbidden unless the client may subscribe to all topics,
// or consume all queues, that a canonical filter matches.
func (c *Client) MaySubscribe(kind Kind, filter string) error {
	if isTemp(filter) {
		if c.owns(filter) {
			return nil
		}
	} else if c.Access == nil || c.Access.MaySubscribe(kind == QueueKind, filter) {
		return nil
	}
	return forbidden("subscribe to", kind, filter)
}

// MayBrowse returns ErrForbidden unless the client may look at the messages on
// the queues that a canonical filter matches.
func (c *Client) MayBrowse(filter string) error {
	if !isTemp(filter) && (c.Access == nil || c.Access.MayBrowse(filter)) || c.owns(filter) {
		return nil
	}
	return forbidden("browse", QueueKind, filter)
}

// MayPublish returns ErrForbidden unless the client may send the message.
func (c *Client) MayPublish(kind Kind, name string, body []byte) error {
	if c == nil || c.Access == nil || c.Access.MayPublish(kind == QueueKind, name, body) || c.owns(name) {
		return nil
	}
	return forbidden("send to", kind, name)
}

func forbidden(what string, kind Kind, name string) error {
	if kind == QueueKind {
		return fmt.Errorf("%w to %s /queue/%.200s", ErrForbidden, what, name)
	}
	return fmt.Errorf("%w to %s /topic/%.200s", ErrForbidden, what, name)
}

// mayPublish checks a message to a topic that the publisher sends to next, and
// notes whether the next one to the same topic has to be checked too.
func (p *Publisher) mayPublish(name, body []byte) error {
	p.judged = false
	if p.client == nil || p.client.Access == nil {
		return nil
	}
	// MayPublish and Judges do not keep the name: it need not be copied.
	s := unsafe.String(unsafe.SliceData(name), len(name)) // #nosec G103 -- read alone, while name is not written
	if !p.client.Access.MayPublish(false, s, body) && !p.client.owns(s) {
		return forbidden("send to", TopicKind, string(name))
	}
	p.judged = p.client.Access.Judges(false, s)
	return nil
}
