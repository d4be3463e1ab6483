package broker

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// maxTemps is how many temporary queues of a connection may exist at a time: its
// own permission to make them must not be one to have all that there may be.
const maxTemps = 1000

// tempOwner is what begins the names of all temporary destinations of a
// connection, as in Client.Temp; "" if the name is of no temporary one.
func tempOwner(name string) string {
	if !isTemp(name) {
		return ""
	}
	_, rest, _ := strings.Cut(name, ".")
	id, _, _ := strings.Cut(rest, ".")
	return tempLevel + "." + id + "."
}

// addTemp notes a queue that begins to exist, if it is a temporary one.
// b.queuesMu is held.
func (b *Broker) addTemp(name string) error {
	owner := tempOwner(name)
	if owner == "" {
		return nil
	}
	mine := b.temps[owner]
	if len(mine) >= maxTemps {
		return fmt.Errorf("%w: %d temporary ones of the connection exist, no more are allowed", ErrQueues, len(mine))
	}
	if mine == nil {
		mine = map[string]struct{}{}
		b.temps[owner] = mine
	}
	mine[name] = struct{}{}
	return nil
}

// removeTemp notes that a queue exists no more. b.queuesMu is held.
func (b *Broker) removeTemp(name string) {
	owner := tempOwner(name)
	if owner == "" {
		return
	}
	delete(b.temps[owner], name)
	if len(b.temps[owner]) == 0 {
		delete(b.temps, owner)
	}
}

// endTemps discards what waits on the temporary queues of a connection that has
// ended: nobody else can ever consume it.
func (b *Broker) endTemps(c *Client) {
	if c.Temp == "" {
		return
	}
	b.queuesMu.RLock()
	names := slices.Collect(maps.Keys(b.temps[c.Temp]))
	b.queuesMu.RUnlock()
	for _, name := range names {
		_, _, _ = b.Purge(Ref{Queue: name}, time.Second) // which removes it; it may be gone
		b.DeleteQueue(name)                              // one that a transaction under way sends to is left
	}
}
