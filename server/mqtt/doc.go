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
//	MQTT 5 property            Message                     STOMP header of a sender
//	Content Type               Properties.ContentType      content-type
//	Response Topic             Properties.ResponseTopic    reply-to:/topic/…
//	Correlation Data           Properties.CorrelationData  correlation-id
//	Message Expiry Interval    Expires                     expires
//	Payload Format Indicator   Properties.PayloadFormat    -
//	User Property              Properties.User             any other, unless reserved
//	RETAIN flag                Retain                      retain:true
//	QoS 1 and 2                QoS, Persistent             persistent:true
//
// MQTT 3 receivers get topic and payload alone. Headers that mean something to
// the broker (destination, content-length, receipt, …) are never forwarded.
//
// # Delivery
//
// A subscriber gets one copy of a message for each of its subscriptions that
// match (MQTT 5.0 §3.3.4 allows that), at the lower of the two QoS.
//
// QoS 0 goes through [broker.Batch.Send]: a client that does not keep up loses
// its oldest messages, counted. QoS 1 and 2 go through the session, which has a
// queue bounded in messages and bytes and a window of what is unacknowledged.
// The publishers that send to a session wait, at most [Options.MaxHold], while
// its queue is more than half full; then the client is disconnected (5.0: 0x97
// Quota exceeded). If the session is kept its messages wait for its return.
// What the queue of a session has no room for is discarded, newest first,
// counted ([Stats].Overflowed and [SessionInfo].Dropped) and logged once.
//
// Messages of one publisher reach a subscriber in order, per topic and QoS.
//
// # Sessions
//
// A session is kept while its client is away when clean session is off (3.1,
// 3.1.1) or its Session Expiry Interval is not zero (5.0), for that long, at most
// for [Options.SessionExpiry]. It lives in memory.
//
// # Locks
//
// The lock of a client identifier (Server.ids) is taken first, then a session's,
// then the server's and those of package broker. A session's lock is never held while something
// blocks or is called that might publish.
package mqtt
