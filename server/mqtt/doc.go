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
// timestamp, expires, priority, redelivered, receipt, transaction, persistent,
// retain, and content-type, reply-to and correlation-id when the property of that
// meaning is there. Nor does such a header become a user property. A reply-to that is
// no topic stays a user property: MQTT cannot send to a queue. What a STOMP receiver
// cannot be told is left out and counted: NUL, and text that is not UTF-8; to 1.0
// also line ends, and colons in names. MQTT 3 receivers get topic and payload alone.
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
// read from (see hold.go). Whoever makes publishers wait for [Options.MaxHold] is
// disconnected (5.0: 0x97 Quota exceeded); if the session is kept, its messages wait
// for its return. What the queue of a session has no room for is discarded, newest
// first, counted ([Stats].Overflowed and [SessionInfo].Dropped), logged once, and
// told to a 5.0 publisher (0x97).
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
// identifiers, the identifiers of QoS 2 messages that are not released, the expiry,
// and the will (see disk.go for what is on disk before what is said). The time that
// the server is down counts. At QoS 2 nothing comes twice; at QoS 1 what was in
// flight at a crash comes again, with DUP.
//
// A session whose client was connected when the server crashed begins to expire at
// the next start. Its will is published after its delay, counted from then, but not
// before ten seconds have passed: most clients come back. The will of a client whose
// session is not kept is lost in a crash. When the server is stopped in order no
// will is published but those that were waiting for their delay: they go on waiting.
//
// The messages of a shared subscription go to one of the sessions that are
// connected and keep up; if none is, to one that is away and kept, where they wait
// for it.
//
// # Locks
//
// The lock of a client identifier (Server.ids) is taken first, then a session's,
// then the server's, those of package broker and last those of owed and inbound. A
// session's lock is never held while something blocks or is called that might
// publish, or while another session is asked.
package mqtt
