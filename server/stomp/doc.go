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
// The messages of a subscription may come before the receipt of its SUBSCRIBE.
//
// # Deviations from the specifications
//
// What is more lenient than the specifications, for the sake of clients that are:
//
//   - Lines may end in CR LF in all versions, not in 1.2 alone.
//   - A colon in a header's value need not be escaped: the first one ends the name.
//   - CONNECT needs no host, and any host will do.
//   - A 1.0 client may use ack:client-individual, STOMP instead of CONNECT, and
//     heart-beats; UNSUBSCRIBE with a destination finds a subscription with an id.
//   - The body of a frame that can have none is ignored in 1.0, as in CONNECT. In
//     1.1 and 1.2 it may consist of line ends.
//   - An ACK or NACK of a message whose subscription has ended is no error: the
//     two may have crossed, and the message is back on its queue. But a transaction
//     with such an ACK is one: it could not happen whole.
//   - The name of a transaction may be used again once it has ended.
//
// What is stricter, where the specifications leave it open:
//
//   - Every ERROR is followed by the close. Among its reasons are an UNSUBSCRIBE of
//     a subscription that is not there, an ACK or NACK of a message that does not
//     wait for one, a second SUBSCRIBE with the same id (in 1.0: to the same
//     destination, if it has none), and frames that only servers send.
//   - Commands and the names of headers are case-sensitive.
//   - Heart-beats come as often as the client asks, but no more often than every 100
//     ms (an option). One that promised some is given up after an interval more than
//     it promised, at least a second more.
//   - Frames have limits; see [Options].
//
// What STOMP 1.0 cannot express, since it has no escapes, is left out of MESSAGE
// frames to its clients and counted: headers with line ends, and those whose names have
// a colon, or white space around them. Names and values are trimmed for it alone.
// So are, for 1.1, headers that end with a carriage return: it has no escape for one.
//
// ABORT undoes what its transaction was going to do: messages that were to be
// acknowledged stay with their consumer, which may answer them again. COMMIT
// carries out SENDs, ACKs and NACKs in their order, in one transaction on the disk.
// The transaction header of other frames is ignored.
//
// A message that comes again has redelivered:true and, in JMSXDeliveryCount, how often
// it has been delivered, this time included, as far as that is known.
//
// NACK puts a message back in its place on the queue, to be delivered again at
// once, and with requeue:false (RabbitMQ's) into the dead letter queue. Of a
// message from a topic it means that the message is given up.
//
// # Deviations from ActiveMQ
//
// The headers persistent, priority, expires, selector, browser, reply-to,
// correlation-id, type, activemq.prefetchSize, activemq.noLocal,
// activemq.subscriptionName and activemq.retroactive mean what they do there, with
// these differences:
//
//   - A second connection with a client-id takes over from the first one, which gets
//     an ERROR; ActiveMQ refuses the second one.
//   - An ERROR ends the connection, as the specifications have it.
//   - timestamp is when the broker took the message, whatever its sender says.
//   - Dead letters go to DLQ. and the queue's name, not all to ActiveMQ.DLQ, with the
//     reason in dlqDeliveryFailureCause. Persistent messages that have expired go there
//     only if the server is told so. What a connection that ends leaves unacknowledged
//     counts as delivered only as far as the client was busy with it.
//   - activemq.retroactive sends a new subscriber of topics their retained messages
//     (retain:true on SEND), whatever else a recovery policy would have kept; a durable
//     one when it begins, not when it comes back.
//   - A durable subscriber that subscribes with another selector or destination begins
//     anew. UNSUBSCRIBE with activemq.subscriptionName ends it for good, whether it is
//     in use or not.
//   - A browser may use all versions, and wildcards; after what waited when it
//     subscribed comes a MESSAGE with browser:end.
//   - reply-to with a temporary destination becomes /temp-queue/ or /temp-topic/ and a
//     name that others can send to, instead of /remote-temp-queue/.
//   - In selectors, headers that read as numbers compare as numbers (package selector).
//   - prefetch-count and durable-subscription-name, as other brokers have them, are
//     taken, too; a prefetch of 0 means 1.
//   - A subscriber of a topic that acknowledges may hold its publishers back for a
//     second (an option); then it is disconnected, instead of losing messages.
//
// Not there: destinations of several names with commas, virtual topics, advisory
// topics, message groups (JMSXGroupID is a header like any other), scheduled delivery
// (AMQ_SCHEDULED_*), exclusive consumers and their priority (activemq.exclusive,
// activemq.priority), options behind a "?" in a destination, the transformation of
// objects and maps (transformation, amq-msg-type), and JMSXUserID. Such headers are
// passed on with the message, or ignored on SUBSCRIBE.
package stomp
