package broker

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Kind tells topics from queues: they are separate name spaces.
type Kind uint8

const (
	TopicKind Kind = iota
	QueueKind
)

// IDLen is the length of a message's ID with the line feed that ends its header line.
const IDLen = 20

// ID identifies a message: the number of its publisher, a hyphen and a counter,
// as they stand in a STOMP message-id header, with the line feed after it.
type ID [IDLen]byte

func (id *ID) String() string { return string(id[:IDLen-1]) }

// init numbers the IDs of one publisher. The counter begins at the time in
// milliseconds: an ID does not come again when a number does, or the server has
// been started anew.
func (id *ID) init(publisher uint64, now time.Time) {
	s := strconv.AppendUint(id[:0], 1_000_000+publisher%1_000_000, 10)
	copy(id[:], s[1:])
	s = strconv.AppendUint(id[:6], 1_000_000_000_000+uint64(now.UnixMilli())%1_000_000_000_000, 10)
	id[6] = '-'
	id[len(s)] = '\n'
}

// ParseID reads what String returned.
func ParseID(s string) (id ID, err error) {
	if len(s) != IDLen-1 || strings.Trim(s, "0123456789-") != "" {
		return id, fmt.Errorf("%q is no message ID", s)
	}
	copy(id[:], s+"\n")
	return id, nil
}

// next counts up in place: no division, no allocation.
func (id *ID) next() {
	for i := IDLen - 2; i > 6; i-- {
		if id[i] < '9' {
			id[i]++
			return
		}
		id[i] = '0'
	}
}

// DefaultPriority is the priority of messages that name none.
const DefaultPriority = 4

// Message is one message. While it is published its slices belong to the
// publisher's read buffer; see Clone.
type Message struct {
	// Name is the canonical name of the destination (see package topic).
	Name string
	// Head is the header block of a STOMP sender: lines "name:value" as STOMP
	// 1.2 escapes them, each ended by LF, in the sender's order, "destination"
	// among them, without those that only the broker may set or that were meant
	// for it alone. It is nil for other senders.
	Head []byte
	Body []byte
	// Properties are what an MQTT 5 sender, or the server itself, says about
	// the message; nil when there is nothing.
	Properties *Properties
	ID         ID
	// Timestamp is when the broker took the message, in ms since 1970 UTC.
	Timestamp int64
	// Expires is when it is to be given up, in ms since 1970 UTC; 0: never.
	Expires int64
	// Priority is 0 to 9.
	Priority uint8
	// QoS is the sender's MQTT quality of service. STOMP senders count as 1 when
	// persistent, as 0 otherwise.
	QoS uint8
	// Retain asks for the message to be kept as the topic's last value.
	Retain bool
	// Persistent asks for the message to survive a crash of the broker.
	Persistent bool
	// HasLength says that Head has a content-length.
	HasLength bool
	// Retained is set on a message that is replayed as a last value.
	Retained bool
	once     bool   // see Publisher.AddTicket
	ticket   uint16 // 0: none
	// Sender is the client identifier of the connection it came from; "" when
	// it had none.
	Sender string

	confirm *confirmation // nil: nobody waits
	kept    []Receiver    // who has it already; see Stager
}

// Properties are the MQTT 5 publish properties (MQTT 5.0 §3.3.2.3) that are
// forwarded unchanged.
type Properties struct {
	ContentType     string
	ResponseTopic   string // canonical name
	CorrelationData []byte
	PayloadFormat   bool // UTF-8 text
	User            []Property
}

// Property is an MQTT 5 user property, or a STOMP header.
type Property struct{ Name, Value string }

// Clone returns a copy with memory of its own, in one piece.
func (m *Message) Clone() *Message {
	c := *m
	c.confirm, c.kept, c.ticket, c.once = nil, nil, 0, false
	c.own()
	return &c
}

// own gives a message memory of its own, in one piece.
func (m *Message) own() {
	buf := make([]byte, 0, len(m.Head)+len(m.Body))
	buf = append(buf, m.Head...)
	buf = append(buf, m.Body...)
	if m.Head != nil {
		m.Head = buf[:len(m.Head):len(m.Head)]
	}
	m.Body = buf[len(m.Head):]
}

// Size is what the message counts for limits, in bytes.
func (m *Message) Size() int {
	n := len(m.Head) + len(m.Body) + len(m.Name)
	if m.Properties != nil {
		n += m.Properties.size()
	}
	return n
}

// propertyCost is what a user property takes beside its texts, in bytes: a packet may
// have very many that are empty.
const propertyCost = 32

func (p *Properties) size() int {
	n := len(p.ContentType) + len(p.ResponseTopic) + len(p.CorrelationData)
	for _, u := range p.User {
		n += propertyCost + len(u.Name) + len(u.Value)
	}
	return n
}

// Expired reports whether the message is to be given up at the given time.
func (m *Message) Expired(now time.Time) bool {
	return m.Expires != 0 && now.UnixMilli() >= m.Expires
}
