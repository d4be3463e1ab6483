package stomp

import (
	"strings"

	"mwm/server/broker"
	"mwm/server/topic"
)

// The prefixes of destinations.
const (
	topicPrefix     = "/topic/"
	queuePrefix     = "/queue/"
	tempTopicPrefix = "/temp-topic/"
	tempQueuePrefix = "/temp-queue/"
)

// tempMark begins the canonical names of temporary destinations, which are
// "$temp." + the owner's session id + "." + its name for it. Wildcards do not
// match "$". (package topic)
const tempMark = "$temp."

// destination is a parsed destination header.
type destination struct {
	kind  broker.Kind
	name  string // canonical
	owner string // of a temporary one: the id of its session
}

func errDestination(value string) error {
	return refuse("invalid destination", "%.80q does not begin with %s, %s, %s or %s",
		value, topicPrefix, queuePrefix, tempTopicPrefix, tempQueuePrefix)
}

// destination parses the value of a destination header. The name is not yet
// checked.
func (s *session) destination(value string) (d destination, err error) {
	switch {
	case strings.HasPrefix(value, topicPrefix):
		d.name = value[len(topicPrefix):]
	case strings.HasPrefix(value, queuePrefix):
		d.kind, d.name = broker.QueueKind, value[len(queuePrefix):]
	case strings.HasPrefix(value, tempTopicPrefix):
		d.name, d.owner = s.tempName(value[len(tempTopicPrefix):])
	case strings.HasPrefix(value, tempQueuePrefix):
		d.kind = broker.QueueKind
		d.name, d.owner = s.tempName(value[len(tempQueuePrefix):])
	default:
		return d, errDestination(value)
	}
	if d.owner == "" && strings.HasPrefix(d.name, tempMark) {
		return d, refuse("invalid destination", "names that begin with %s are those of temporary destinations", tempMark)
	}
	return d, nil
}

// tempName returns the canonical name of a temporary destination and its owner:
// the session itself, unless the name is what another one's reply-to became.
func (s *session) tempName(name string) (canonical, owner string) {
	if rest, ok := strings.CutPrefix(name, tempMark); ok {
		owner, _, _ = strings.Cut(rest, ".")
		return name, owner
	}
	return tempMark + s.id + "." + name, s.id
}

// replyTo returns what a reply-to header must become for others to answer to;
// "" if it may stay as it is.
func (s *session) replyTo(value string) string {
	for _, prefix := range []string{tempQueuePrefix, tempTopicPrefix} {
		if name, ok := strings.CutPrefix(value, prefix); ok && !strings.HasPrefix(name, tempMark) {
			canonical, _ := s.tempName(name)
			return prefix + canonical
		}
	}
	return ""
}

// checkFilter checks the destination of a SUBSCRIBE, which may be a browser's.
func (s *session) checkFilter(d destination, browses bool) error {
	if d.owner != "" && d.owner != s.id {
		return refuse("access refused", "a temporary destination can be subscribed to by the connection that it belongs to alone")
	}
	if d.owner != "" && topic.IsWild(d.name) {
		return refuse("invalid destination", "a temporary destination is named whole")
	}
	if err := topic.CheckFilter(d.name); err != nil {
		return err
	}
	if browses {
		return s.client.Load().MayBrowse(d.name)
	}
	return s.client.Load().MaySubscribe(d.kind, d.name)
}
