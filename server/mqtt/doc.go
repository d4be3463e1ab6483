// Package mqtt serves MQTT 3.1 (MQIsdp), 3.1.1 and 5.0 clients over TCP, TLS
// and WebSocket. Sessions, delivery and acknowledgements are its own, on top of
// package broker; of the mochi library it uses the packet codec, for all packets
// but PUBLISH and its acknowledgements, which are handled in place.
//
// # Names
//
// An MQTT topic is the canonical name of package topic with "/" and ".", "+" and
// "*", "#" and ">" exchanged. Errors speak of the MQTT form.
//
// # What a message becomes
//
// In both directions, at every QoS:
//
//	MQTT 5                     STOMP header                Message
//	topic a/b                  destination:/topic/a.b      Name
//	Content Type               content-type                Properties.ContentType
//	Response Topic             reply-to:/topic/…           Properties.ResponseTopic
//	Correlation Data           correlation-id              Properties.CorrelationData
//	Message Expiry Interval    expires (a time, in ms)     Expires
//	RETAIN flag                retain:true                 Retain
//	QoS 1 and 2                persistent:true (as QoS 1)  QoS, Persistent
//	User Property              any other header            Properties.User
//	Payload Format Indicator   -                           Properties.PayloadFormat
//
// A user property never becomes a header that the broker sets or that means
// something to it: destination, content-length, message-id, subscription, ack,
// timestamp, expires, priority, redelivered, JMSXDeliveryCount, receipt, transaction,
// persistent, retain, and content-type, reply-to and correlation-id when the property of that
// meaning is there. Nor does such a header become a user property. A reply-to that is
// no topic stays a user property: MQTT cannot send to a queue. What a STOMP receiver
// cannot be told is left out and counted: NUL, and text that is not UTF-8; to 1.0 also
// line ends, and colons in names, or white space around them; to 1.1 what ends with a
// carriage return. What an MQTT 5 receiver cannot be told is left out and counted, too
// ([Stats].LostHeaders): headers with NUL, that are not UTF-8, or longer than 65,535
// bytes. MQTT 3 receivers get topic and payload alone.
//
// # Delivery
//
// A subscriber gets one copy of a message for each of its subscriptions that
// match (MQTT 5.0 §3.3.4 allows that), at the lower of the two QoS.
//
// QoS 0 goes through [broker.Batch.Send]: a client that does not keep up loses
// its oldest messages, counted. QoS 1 and 2 go through the session, which has a
// queue bounded in messages and bytes and a window of what is unacknowledged. A
// PUBLISH is acknowledged when every kept session that matches has it on disk and
// every connected subscriber at QoS 1 or 2 has it queued, in the order of the
// PUBLISHes. While a queue is more than half full the acknowledgements of those who
// publish to it are withheld; who has none to wait for, or does not stop, is not
// read from (see hold.go). What STOMP sends without persistent:true is at QoS 0 to
// those who are connected, and at QoS 1 to those at QoS 1 and 2 who are away: it waits
// for them in memory, as many as [Options.MaxQueued] says, and while no more than half
// of the memory is used (see package netx). Whoever makes publishers wait, alone or with
// others, for [Options.MaxHold] is disconnected (5.0: 0x97 Quota exceeded); if the
// session is kept, its messages wait for its return. What the queue of a session has no
// room for is discarded, newest first, counted ([Stats].Overflowed and
// [SessionInfo].Dropped), logged once, and told to a 5.0 publisher (0x97). A publisher
// of 3.x can be told nothing: it is acknowledged all the same, as one absent client must
// not stop those that others depend on. The client is told when it comes back how many
// it has missed (5.0: the reason string of CONNACK; and the log), and the number is kept
// on disk. While the disk has less room than is to stay free ([broker.Options].Room),
// kept sessions take nothing: 5.0 publishers are told (0x97), others are disconnected,
// and send again what was not acknowledged. So it is with more than 64 KiB while memory
// is short (see package netx).
//
// Messages of one publisher reach a subscriber in order, per topic and QoS, also
// those that have waited for it, and after a restart.
//
// # Sessions
//
// A session is kept while its client is away when clean session is off (3.1,
// 3.1.1) or its Session Expiry Interval is not zero (5.0), for that long, at most
// for [Options.SessionExpiry]. With a store it is on disk and survives a crash: the
// subscriptions, the messages that wait or are in flight with their packet
// identifiers, of which subscriptions retained messages are still to be sent, the
// identifiers of QoS 2 messages that are not released, the expiry, and the will (see
// disk.go for what is on disk before what is said). The time that the server is down
// counts. At QoS 2 nothing comes twice; at QoS 1 what was in flight at a crash comes
// again, with DUP.
//
// A session whose client was connected when the server crashed begins to expire at
// the next start. Its will is published after its delay, counted from then, but not
// before ten seconds have passed: most clients come back. The will of a client whose
// session is not kept is lost in a crash. When the server is stopped in order no
// will is published but those that were waiting for their delay: they go on waiting.
//
// The messages of a shared subscription go to one of the sessions that are
// connected and keep up; if none is, to one that is away, kept and has room, where
// they wait for it. When a session ends, the others get what it was not sent, and what it had
// not acknowledged at QoS 1 (MQTT 5.0 §4.8.2).
//
// # Deviations from the specifications
//
// What the specifications leave to the server, and what it does differently:
//
//   - The 23 bytes of MQTT 3.1's client identifiers are not enforced; an empty one is
//     refused in 3.1, and in 3.1.1 without a clean session.
//   - A 3.x client that asks for no clean session has it for [Options.SessionExpiry]
//     of absence, not for ever. A 5.0 client that asks for more is told what it gets.
//   - Overlapping subscriptions each get their copy, with their own identifier.
//   - A PUBLISH that is not permitted, or that cannot be kept, ends the connection of
//     a 3.x client at QoS 1 and 2: it is the only way to say no. At QoS 0 it is
//     dropped and counted. 5.0 clients are told in the acknowledgement.
//   - 3.1 has no word for a refused subscription: the connection ends.
//   - The will of a client is not published when the server is stopped, and is lost when
//     it crashes if the session is not kept.
//   - A name or filter has at most 128 levels ([topic.DefaultMaxLevels]).
//   - A packet, and a will, has at most 1000 user properties; with more the connection
//     ends (0x97), and is counted ([Stats].Faults).
//   - A client that breaks the rules is told why in a DISCONNECT in 5.0; others see
//     the connection closed. Packets before CONNECT get no answer.
//   - The packets that a 5.0 client receives have a reason string only with an error,
//     or to say what the client has missed; one that does not fit its Maximum Packet
//     Size is left out.
//   - A message that is longer than its receiver takes is not sent, and counted
//     ([Stats].TooLarge); it counts as delivered.
//   - Topic aliases towards a client: the first topics that it gets messages of have
//     one, as many as it permits, at most [Options.TopicAliasMaximum]; they stay until
//     the connection ends.
//   - Response Information, when asked for, is "response/" and the client identifier,
//     if the client may subscribe to what is below.
//   - The code 0x10, no matching subscribers, is sent when there is not even one that
//     is away.
//   - Not offered: enhanced authentication (CONNECT with a method is refused, 0x8C;
//     AUTH is a protocol error), server references, a keep alive of the server's own.
//   - Maximum QoS is 2; retained messages, wildcards, subscription identifiers and
//     shared subscriptions are available.
//
// # Locks
//
// The lock of a client identifier (Server.ids) is taken first, then a session's,
// then the server's, those of package broker and last those of owed and inbound. A
// session's lock is never held while something blocks or is called that might
// publish, or while another session is asked.
package mqtt
