// Package broker is the protocol-neutral core: topics with wildcards and
// retained messages, queues with consumers, and the clients that are connected.
// The protocol front ends (stomp, mqtt) and the server's own parts (fleet, API)
// meet here and only here.
//
// # Topics
//
// A front end gives each connection a [Publisher]. It gathers the messages of
// one read that go to the same destination and hands them, as a [Batch], to each
// [Subscription] whose filter matches, on the publisher's goroutine. Routes
// are looked up once per destination and cached; publishing to a known
// destination walks no tree and takes no lock that a subscriber can hold while
// it does I/O.
//
// Messages of one publisher to one destination reach each subscriber in order.
// What happens to a subscriber that does not keep up is said in [Batch.Send].
//
// # Queues
//
// A [Queue] keeps messages, by priority and in order, until a [Consumer] has
// room for them. What a consumer was given and did not acknowledge goes back to
// its place when the consumer leaves, marked as redelivered; after too many
// deliveries a message moves to the queue "DLQ." + name.
//
// # Memory
//
// A [Message] that is being published points into the read buffer of its
// publisher and is valid only during the call. Whoever keeps one calls
// [Message.Clone]; a clone is immutable and may be shared.
package broker
