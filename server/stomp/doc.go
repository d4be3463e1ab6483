// Package stomp is the STOMP front end of the broker: versions 1.0, 1.1 and
// 1.2 over TCP and WebSocket.
//
// # A connection
//
// Each connection is a session. Its reader, one goroutine, parses frames in the
// read buffer and acts on them; SENDs of one read to one topic reach the broker
// as one batch. Output goes through the connection's [netx.Outbound]. A session
// ends once, for one reason, from whatever side: it leaves its subscriptions and
// queues, tells the client with an ERROR frame (but for DISCONNECT), and goes on
// reading for a moment, so that a client which is still sending gets to read it.
//
// # Destinations
//
// "/topic/" and "/queue/" are followed by the canonical name (see package
// topic), "/temp-topic/" and "/temp-queue/" by a name of the connection's own:
// only it can subscribe there, others answer to what they find in reply-to.
//
// # Receipts
//
// A RECEIPT says that the frame has had its effect: a message is with the
// subscribers' connections or accepted by the queue, on disk if it is
// persistent and the broker has one. Receipts come in the order of the frames.
//
// # Deviations
//
// Line ends may be CR LF in all versions. Colons in header values need not be
// escaped. An ACK of a message whose subscription is gone is ignored.
package stomp
