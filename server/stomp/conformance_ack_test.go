package stomp_test

// "ACK", "NACK".
var ackSentences = []sentence{
	{"ACK", "MUST", all, "with client it is for all messages before, too", `
		C> SUBSCRIBE|id:0|destination:/queue/q|ack:client||^@
		C> SEND|destination:/queue/q||1^@SEND|destination:/queue/q||2^@SEND|destination:/queue/q||3^@
		C< MESSAGE =1
		C< MESSAGE =2
		C< MESSAGE =3
		C> {ACK 2}
		C~
		C!
		B> SUBSCRIBE|id:0|destination:/queue/q||^@
		B< MESSAGE =3
		B~`, nil},
	{"ACK", "MUST", all, "with client, only for those of its subscription", `
		C> SUBSCRIBE|id:1|destination:/queue/other|ack:client||^@SEND|destination:/queue/other||other^@
		C< MESSAGE =other
		C> SUBSCRIBE|id:0|destination:/queue/q|ack:client||^@SEND|destination:/queue/q||1^@
		C< MESSAGE =1
		C> {ACK 2}
		C~
		C!
		B> SUBSCRIBE|id:0|destination:/queue/>||^@
		B< MESSAGE =other
		B~`, nil},
	{"ACK", "MUST", all, "with client-individual it is for none but its own", `
		C> SUBSCRIBE|id:0|destination:/queue/q|ack:client-individual||^@
		C> SEND|destination:/queue/q||1^@SEND|destination:/queue/q||2^@SEND|destination:/queue/q||3^@
		C< MESSAGE =1
		C< MESSAGE =2
		C< MESSAGE =3
		C> {ACK 3}
		C> {ACK 1}
		C~
		C!
		B> SUBSCRIBE|id:0|destination:/queue/q||^@
		B< MESSAGE =2
		B~`, nil},
	{"ACK", "MUST", "1.2", "it names the ack header of the MESSAGE", `
		C> SUBSCRIBE|id:0|destination:/queue/q|ack:client||^@SEND|destination:/queue/q||^@
		C< MESSAGE ack
		C> ACK|id:{ack}|receipt:r||^@
		C< RECEIPT
		C> ACK|message-id:{message-id}|subscription:0||^@
		C< ERROR id␣missing
		C< END`, nil},
	{"ACK", "MUST", "1.1", "it names message-id and subscription", `
		C> SUBSCRIBE|id:0|destination:/queue/q|ack:client||^@SEND|destination:/queue/q||^@
		C< MESSAGE !ack
		C> ACK|message-id:{message-id}|subscription:0|receipt:r||^@
		C< RECEIPT
		C> ACK|subscription:0||^@
		C< ERROR message-id␣missing
		C< END`, nil},
	{"ACK", "MUST", "1.1", "it needs the subscription", `
		C> SUBSCRIBE|id:0|destination:/queue/q|ack:client||^@SEND|destination:/queue/q||^@
		C< MESSAGE
		C> ACK|message-id:{message-id}||^@
		C< ERROR subscription␣missing
		C< END`, nil},
	{"ACK", "MUST", "1.0", "it names message-id alone", `
		C> SUBSCRIBE|destination:/queue/q|ack:client||^@SEND|destination:/queue/q||^@
		C< MESSAGE !ack !subscription
		C> ACK|message-id:{message-id}|receipt:r||^@
		C< RECEIPT
		C> ACK|id:1-1||^@
		C< ERROR message-id␣missing
		C< END`, nil},
	{"ACK", "MUST", all, "a message is acknowledged once", `
		C> SUBSCRIBE|id:0|destination:/queue/q|ack:client-individual||^@SEND|destination:/queue/q||^@
		C< MESSAGE
		C> {ACK 1}
		C> {ACK 1}
		C< ERROR unknown␣message
		C< END`, nil},
	{"ACK", "MUST", new11, "of two subscriptions to a topic each has its own", `
		C> SUBSCRIBE|id:1|destination:/topic/a|ack:client||^@
		C~
		C> SUBSCRIBE|id:0|destination:/topic/a|ack:client||^@
		C~
		C> SEND|destination:/topic/a||^@
		C< MESSAGE
		C< MESSAGE
		C> ACK|id:{ack}|message-id:{message-id}|subscription:0|receipt:1||^@
		C< RECEIPT`, nil},
	{"ACK", "SHOULD", all, "with a transaction it takes effect at the COMMIT", `
		C> SUBSCRIBE|id:0|destination:/queue/q|ack:client||^@SEND|destination:/queue/q||1^@SEND|destination:/queue/q||2^@
		C< MESSAGE =1
		C< MESSAGE =2
		C> BEGIN|transaction:t||^@{ACK 1 t}
		C> BEGIN|transaction:u||^@{ACK 2 u}
		C> COMMIT|transaction:t||^@
		C~
		C!
		B> SUBSCRIBE|id:0|destination:/queue/q||^@
		B< MESSAGE =2
		B~`, nil},
	{"ACK", "MUST", all, "with client it is cumulative in a transaction, too", `
		C> SUBSCRIBE|id:0|destination:/queue/q|ack:client||^@
		C> SEND|destination:/queue/q||1^@SEND|destination:/queue/q||2^@SEND|destination:/queue/q||3^@
		C< MESSAGE =1
		C< MESSAGE =2
		C< MESSAGE =3
		C> BEGIN|transaction:t||^@{ACK 2 t}COMMIT|transaction:t||^@
		C~
		C!
		B> SUBSCRIBE|id:0|destination:/queue/q||^@
		B< MESSAGE =3
		B~`, nil},
	{"ACK", "MAY", new11, "of a message that was taken back it is no error", `
		C> SUBSCRIBE|id:0|destination:/queue/q|ack:client||^@SEND|destination:/queue/q||^@
		C< MESSAGE
		C> UNSUBSCRIBE|id:0||^@
		C> {ACK 1}
		C~`, nil},

	{"NACK", "MAY", new11, "the message is delivered again, then a dead letter", `
		C> SUBSCRIBE|id:0|destination:/queue/q|ack:client||^@SEND|destination:/queue/q||1^@
		C< MESSAGE !redelivered !JMSXDeliveryCount =1
		C> {NACK 1}
		C< MESSAGE redelivered:true JMSXDeliveryCount:2 =1
		C> {NACK 2}
		C~
		C> SUBSCRIBE|id:1|destination:/queue/DLQ.q||^@
		C< MESSAGE destination:/queue/DLQ.q dlqDeliveryFailureCause =1`, nil},
	{"NACK", "MUST", new11, "with client it is for all before that were not answered", `
		C> SUBSCRIBE|id:0|destination:/queue/q|ack:client||^@
		C> SEND|destination:/queue/q||1^@SEND|destination:/queue/q||2^@SEND|destination:/queue/q||3^@SEND|destination:/queue/q||4^@
		C< MESSAGE =1
		C< MESSAGE =2
		C< MESSAGE =3
		C< MESSAGE =4
		C> {ACK 1}
		C> {NACK 3}
		C< MESSAGE redelivered:true =2
		C< MESSAGE redelivered:true =3
		C~`, nil},
	{"NACK", "MUST", new11, "with client-individual it is for one", `
		C> SUBSCRIBE|id:0|destination:/queue/q|ack:client-individual||^@
		C> SEND|destination:/queue/q||1^@SEND|destination:/queue/q||2^@
		C< MESSAGE =1
		C< MESSAGE =2
		C> {NACK 2}
		C< MESSAGE redelivered:true =2
		C~`, nil},
	{"NACK", "MUST", new11, "it has the headers of ACK", `
		C> NACK|x:y||^@
		C< ERROR missing NACK
		C< END`, nil},
	{"NACK", "MUST", new11, "with a transaction it takes effect at the COMMIT", `
		C> SUBSCRIBE|id:0|destination:/queue/q|ack:client||^@SEND|destination:/queue/q||1^@
		C< MESSAGE =1
		C> BEGIN|transaction:t||^@{NACK 1 t}
		C~
		C> COMMIT|transaction:t||^@
		C< MESSAGE redelivered:true =1`, nil},
}

// "BEGIN", "COMMIT", "ABORT", "DISCONNECT".
var transactionSentences = []sentence{
	{"BEGIN", "MUST", all, "transaction is required", `
		C> BEGIN|x:y||^@
		C< ERROR transaction␣missing
		C< END`, nil},
	{"BEGIN", "MUST", all, "different transactions have different ones", `
		C> BEGIN|transaction:t||^@BEGIN|transaction:t||^@
		C< ERROR transaction␣exists
		C< END`, nil},
	{"BEGIN", "MUST", all, "different connections may have the same", `
		C> BEGIN|transaction:t||^@
		B> BEGIN|transaction:t||^@
		C~
		B> ABORT|transaction:t||^@
		B~
		C> COMMIT|transaction:t||^@
		C~`, nil},
	{"BEGIN", "MUST", all, "what is sent and acknowledged happens together", `
		C> SUBSCRIBE|id:0|destination:/queue/q|ack:client||^@SEND|destination:/queue/q||1^@
		C< MESSAGE =1
		C> BEGIN|transaction:t||^@SEND|destination:/queue/out|transaction:t||a^@{ACK 1 t}SEND|destination:/queue/out|transaction:t||b^@
		C~
		B> SUBSCRIBE|id:0|destination:/queue/out||^@
		B~
		C> COMMIT|transaction:t|receipt:r||^@
		C< RECEIPT receipt-id:r
		B< MESSAGE =a
		B< MESSAGE =b
		C!
		V> SUBSCRIBE|id:0|destination:/queue/q||^@
		V~`, nil},
	{"BEGIN", "MUST", all, "none of it happens if a part of it cannot", `
		C> BEGIN|transaction:t||^@
		C> SEND|destination:/queue/q|transaction:t||^@SEND|destination:/queue/q|transaction:t||^@SEND|destination:/queue/q|transaction:t||^@
		C> SEND|destination:/queue/q|transaction:t||^@SEND|destination:/queue/q|transaction:t||^@SEND|destination:/queue/q|transaction:t||^@
		C> COMMIT|transaction:t|receipt:r||^@
		C< ERROR receipt-id:r queue␣full
		C< END
		B> SUBSCRIBE|id:0|destination:/queue/q||^@
		B~`, nil},
	{"BEGIN", "MUST", all, "it must have been begun", `
		C> SEND|destination:/queue/q|transaction:t||^@
		C< ERROR unknown␣transaction
		C< END`, nil},
	{"BEGIN", "MUST", all, "DISCONNECT aborts it", `
		C> BEGIN|transaction:t||^@SEND|destination:/queue/q|transaction:t||^@
		C> DISCONNECT|receipt:r||^@
		C< RECEIPT
		C< END
		B> SUBSCRIBE|id:0|destination:/queue/q||^@
		B~`, nil},
	{"BEGIN", "MUST", all, "the end of the connection aborts it", `
		C> BEGIN|transaction:t||^@SEND|destination:/queue/q|transaction:t|receipt:r||^@
		C< RECEIPT
		C!
		B> SUBSCRIBE|id:0|destination:/queue/q||^@
		B~`, nil},
	{"COMMIT", "MUST", all, "it names an open transaction", `
		C> BEGIN|transaction:t||^@COMMIT|transaction:t||^@
		C~
		C> COMMIT|transaction:t||^@
		C< ERROR unknown␣transaction
		C< END`, nil},
	{"COMMIT", "MUST", all, "transaction is required", `
		C> BEGIN|transaction:t||^@COMMIT|x:y||^@
		C< ERROR transaction␣missing
		C< END`, nil},
	{"ABORT", "MUST", all, "nothing of the transaction happens", `
		C> SUBSCRIBE|id:0|destination:/queue/q|ack:client||^@SEND|destination:/queue/q||1^@
		C< MESSAGE =1
		C> BEGIN|transaction:t||^@SEND|destination:/queue/q|transaction:t||no^@{ACK 1 t}ABORT|transaction:t||^@
		C~
		C!
		B> SUBSCRIBE|id:0|destination:/queue/q||^@
		B< MESSAGE redelivered:true =1
		B~`, nil},
	{"ABORT", "MUST", all, "it names an open transaction", `
		C> ABORT|transaction:t||^@
		C< ERROR unknown␣transaction
		C< END`, nil},
	{"ABORT", "MUST", all, "transaction is required", `
		C> ABORT|x:y||^@
		C< ERROR transaction␣missing
		C< END`, nil},
	{"DISCONNECT", "MUST", all, "the RECEIPT comes when all before has been received, then the close", `
		C> SEND|destination:/queue/q||1^@SEND|destination:/queue/q||2^@DISCONNECT|receipt:77||^@
		C< RECEIPT receipt-id:77
		C< END
		B> SUBSCRIBE|id:0|destination:/queue/q||^@
		B< MESSAGE =1
		B< MESSAGE =2`, nil},
	{"DISCONNECT", "MUST", all, "without a receipt there is the close", `
		C> DISCONNECT||^@
		C< END`, nil},
	{"DISCONNECT", "MUST", all, "what comes after it is ignored", `
		C> DISCONNECT|receipt:77||^@SEND|destination:/queue/q||^@NONSENSE||^@
		C< RECEIPT receipt-id:77
		C< END
		B> SUBSCRIBE|id:0|destination:/queue/q||^@
		B~`, nil},
	{"DISCONNECT", "MUST", all, "nothing comes after its RECEIPT", `
		C> SUBSCRIBE|id:0|destination:/topic/a||^@
		C> DISCONNECT|receipt:77||^@SEND|destination:/topic/a||^@
		C< RECEIPT receipt-id:77
		C< END`, nil},
}
