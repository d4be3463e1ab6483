package stomp_test

// "SEND", "Repeated Header Entries", "Header receipt", and who may not send what.
var sendSentences = []sentence{
	{"SEND", "MUST", all, "destination is required", `
		C> SEND|x:1||^@
		C< ERROR destination␣missing
		C< END`, nil},
	{"SEND", "MUST", all, "headers of the user's own are passed on", subscribed + `
		C> SEND|destination:/topic/a|b:1|a:2|selector:3|id:4|activemq.x:5||^@
		C< MESSAGE ~|b:1|a:2|selector:3|id:4|activemq.x:5|`, nil},
	{"SEND", "MUST", all, "one that cannot be processed gets an ERROR, then the close", `
		C> SEND|destination:nowhere|receipt:r||^@
		C< ERROR receipt-id:r invalid␣destination
		C< END`, nil},
	{"SEND", "MUST", all, "so does one for which there is no room", `
		C> SEND|destination:/queue/q||^@SEND|destination:/queue/q||^@SEND|destination:/queue/q||^@SEND|destination:/queue/q||^@
		C> SEND|destination:/queue/q||^@SEND|destination:/queue/q|receipt:r||^@
		C< ERROR receipt-id:r queue␣full
		C< END`, nil},
	{"SEND", "MUST", all, "transaction makes it part of one", `
		C> SUBSCRIBE|id:0|destination:/queue/q||^@
		C> BEGIN|transaction:t||^@SEND|destination:/queue/q|transaction:t||in^@SEND|destination:/queue/q||out^@
		C< MESSAGE =out
		C> COMMIT|transaction:t||^@
		C< MESSAGE =in`, nil},
	{"Client Frames", "MAY", all, "a command that is none gets an ERROR, then the close", `
		C> PUBLISH|destination:/topic/a||^@
		C< ERROR unknown␣command PUBLISH
		C< END`, nil},
	{"Client Frames", "MAY", all, "so does one that servers send", `
		C> MESSAGE|destination:/topic/a||^@
		C< ERROR unexpected␣frame
		C< END`, nil},
	{"Client Frames", "MAY", "1.0", "so does NACK", `
		C> NACK|message-id:000001-000000000001||^@
		C< ERROR unknown␣command NACK
		C< END`, nil},

	{"Repeated Header Entries", "SHOULD", all, "the first one counts", `
		C> SUBSCRIBE|id:0|id:1|destination:/topic/a|destination:/topic/b|ack:auto|ack:client||^@
		C~
		C> SEND|destination:/topic/a|destination:/topic/c|content-length:1|content-length:9|receipt:r|receipt:s|priority:7|priority:1||x^@
		C< MESSAGE subscription:0 destination:/topic/a priority:7 !ack =x
		C< RECEIPT receipt-id:r
		C~`, nil},
	{"Repeated Header Entries", "SHOULD", all, "the others are passed on behind it", subscribed + `
		C> SEND|destination:/topic/a|x:World|x:Hello||^@
		C< MESSAGE x:World ~|x:World|x:Hello|`, nil},

	{"Header receipt", "MUST", all, "any frame but CONNECT may ask for one", `
		C> SUBSCRIBE|id:0|destination:/queue/q|ack:client|receipt:1||^@
		C< RECEIPT receipt-id:1
		C> SEND|destination:/queue/other|receipt:2||^@
		C< RECEIPT receipt-id:2
		B> SEND|destination:/queue/q||^@
		C< MESSAGE
		C> BEGIN|transaction:t|receipt:3||^@
		C< RECEIPT receipt-id:3
		C> SEND|destination:/topic/a|transaction:t|receipt:4||^@
		C< RECEIPT receipt-id:4
		C> COMMIT|transaction:t|receipt:5||^@
		C< RECEIPT receipt-id:5
		C> BEGIN|transaction:t||^@ABORT|transaction:t|receipt:6||^@
		C< RECEIPT receipt-id:6
		C> ACK|id:{ack}|message-id:{message-id}|subscription:0|receipt:7||^@
		C< RECEIPT receipt-id:7
		C> UNSUBSCRIBE|id:0|receipt:8||^@
		C< RECEIPT receipt-id:8
		C> DISCONNECT|receipt:9||^@
		C< RECEIPT receipt-id:9
		C< END`, nil},
	{"Header receipt", "MUST", new11, "NACK too", `
		C> SUBSCRIBE|id:0|destination:/topic/a|ack:client||^@
		C> SEND|destination:/topic/a||^@
		C< MESSAGE
		C> NACK|id:{ack}|message-id:{message-id}|subscription:0|receipt:1||^@
		C< RECEIPT receipt-id:1`, nil},
	{"Header receipt", "MUST", all, "CONNECT may not", `
		R> CONNECT|accept-version:{V}|receipt:1||^@
		R< CONNECTED !receipt-id
		R~
		Q> CONNECT|accept-version:9.0|receipt:1||^@
		Q< ERROR !receipt-id`, nil},
	{"Header receipt", "MUST", all, "its value is arbitrary", `
		C> SEND|destination:/topic/a|receipt:1,2;␣"x"=§/🚚||^@
		C< RECEIPT receipt-id:1,2;␣"x"=§/🚚`, nil},
}

// "SUBSCRIBE", "UNSUBSCRIBE".
var subscribeSentences = []sentence{
	{"SUBSCRIBE", "MUST", all, "destination is required", `
		C> SUBSCRIBE|id:0||^@
		C< ERROR destination␣missing
		C< END`, nil},
	{"SUBSCRIBE", "MUST", all, "what comes to the destination henceforth is delivered", `
		B> SEND|destination:/topic/a||before^@
		B~
		C> SUBSCRIBE|id:0|destination:/topic/a||^@
		C~
		B> SEND|destination:/topic/a||after^@SEND|destination:/topic/b||elsewhere^@
		C< MESSAGE =after
		B~
		C~`, nil},
	{"SUBSCRIBE", "MUST", all, "one that cannot be created gets an ERROR, then the close", `
		C> SUBSCRIBE|id:0|destination:/topic/a.>.b|receipt:r||^@
		C< ERROR receipt-id:r invalid␣destination
		C< END`, nil},
	{"SUBSCRIBE", "MAY", all, "selector chooses by the headers", `
		C> SUBSCRIBE|id:0|destination:/topic/a|selector:price > 10 AND kind = 'x'||^@
		C> SEND|destination:/topic/a|price:9|kind:x||^@SEND|destination:/topic/a|price:11|kind:x||yes^@SEND|destination:/topic/a||^@
		C< MESSAGE =yes
		C~
		C> SUBSCRIBE|id:1|destination:/topic/a|selector:price >||^@
		C< ERROR malformed␣selector column␣8
		C< END`, nil},
	{"SUBSCRIBE id Header", "MUST", new11, "it is required", `
		C> SUBSCRIBE|destination:/topic/a||^@
		C< ERROR id␣missing
		C< END`, nil},
	{"SUBSCRIBE id Header", "MUST", all, "different subscriptions have different ones", subscribed + `
		C> SUBSCRIBE|id:0|destination:/topic/b||^@
		C< ERROR subscription␣exists
		C< END`, nil},
	{"SUBSCRIBE id Header", "MUST", all, "different connections may have the same", `
		C> SUBSCRIBE|id:0|destination:/topic/a||^@
		B> SUBSCRIBE|id:0|destination:/topic/a||^@
		C~
		B~
		V> SEND|destination:/topic/a||^@
		C< MESSAGE subscription:0
		B< MESSAGE subscription:0`, nil},
	{"SUBSCRIBE id Header", "MUST", "1.0", "it may be left out", `
		C> SUBSCRIBE|destination:/topic/a||^@
		C> SEND|destination:/topic/a||^@
		C< MESSAGE !subscription`, nil},
	{"SUBSCRIBE id Header", "SHOULD", all, "it tells overlapping subscriptions apart", `
		C> SUBSCRIBE|id:one|destination:/topic/a|selector:x = 1||^@SUBSCRIBE|id:two|destination:/topic/a|selector:x = 2||^@
		C~
		C> SEND|destination:/topic/a|x:2||^@
		C< MESSAGE subscription:two
		C> SEND|destination:/topic/a|x:1||^@
		C< MESSAGE subscription:one
		C~`, nil},
	{"SUBSCRIBE ack Header", "MUST", all, "auto, client and client-individual are all there is", `
		C> SUBSCRIBE|id:0|destination:/queue/q|ack:auto||^@SUBSCRIBE|id:1|destination:/queue/q|ack:client||^@
		C> SUBSCRIBE|id:2|destination:/queue/q|ack:client-individual||^@
		C~
		C> SUBSCRIBE|id:3|destination:/queue/q|ack:server||^@
		C< ERROR malformed␣ack
		C< END`, nil},
	{"SUBSCRIBE ack Header", "MUST", all, "without it, it is auto", `
		C> SUBSCRIBE|id:0|destination:/queue/q||^@SEND|destination:/queue/q||^@
		C< MESSAGE !ack
		C> UNSUBSCRIBE|id:0||^@
		C~
		B> SUBSCRIBE|id:0|destination:/queue/q||^@
		B~`, nil},
	{"SUBSCRIBE ack Header", "MUST", all, "with auto a message counts as received when it is sent", `
		C> SUBSCRIBE|id:0|destination:/queue/q|ack:auto||^@SEND|destination:/queue/q||^@
		C< MESSAGE
		C~
		C!
		B> SUBSCRIBE|id:0|destination:/queue/q||^@
		B~`, nil},
	{"SUBSCRIBE ack Header", "MUST", all, "with client it comes again, in order, if the connection breaks before an ACK", `
		C> SUBSCRIBE|id:0|destination:/queue/q|ack:client||^@
		C> SEND|destination:/queue/q||1^@SEND|destination:/queue/q||2^@SEND|destination:/queue/q||3^@
		C< MESSAGE =1
		C< MESSAGE =2
		C< MESSAGE =3
		C!
		B> SUBSCRIBE|id:0|destination:/queue/q||^@
		B< MESSAGE redelivered:true =1
		B< MESSAGE redelivered:true =2
		B< MESSAGE redelivered:true =3
		B~`, nil},
	{"UNSUBSCRIBE", "MUST", all, "nothing comes from it any more, but from others", `
		C> SUBSCRIBE|id:0|destination:/topic/a||^@SUBSCRIBE|id:1|destination:/topic/a||^@
		C> UNSUBSCRIBE|id:0||^@
		C~
		B> SEND|destination:/topic/a||^@
		C< MESSAGE subscription:1
		C~`, nil},
	{"UNSUBSCRIBE", "MUST", all, "its id is that of a subscription", `
		C> UNSUBSCRIBE|id:0||^@
		C< ERROR unknown␣subscription
		C< END`, nil},
	{"UNSUBSCRIBE", "MUST", all, "there is an id", `
		C> UNSUBSCRIBE|x:y||^@
		C< ERROR id␣missing
		C< END`, nil},
	{"UNSUBSCRIBE", "MUST", "1.0", "or a destination", `
		C> SUBSCRIBE|destination:/topic/a||^@SUBSCRIBE|id:0|destination:/topic/b||^@
		C> UNSUBSCRIBE|destination:/topic/a||^@UNSUBSCRIBE|destination:/topic/b||^@
		C~
		C> SEND|destination:/topic/a||^@SEND|destination:/topic/b||^@
		C~
		C> UNSUBSCRIBE|destination:/topic/a||^@
		C< ERROR unknown␣subscription
		C< END`, nil},
	{"UNSUBSCRIBE", "MUST", all, "what was not acknowledged goes back", `
		C> SUBSCRIBE|id:0|destination:/queue/q|ack:client||^@SEND|destination:/queue/q||1^@
		C< MESSAGE =1
		C> UNSUBSCRIBE|id:0||^@
		C~
		B> SUBSCRIBE|id:0|destination:/queue/q||^@
		B< MESSAGE redelivered:true =1`, nil},
}
