// Package header says which headers of a message are not for those who receive it. It
// is apart from package broker, of which the codec of STOMP knows nothing else.
package header

// Reserved reports whether what a sender says under that name is not passed on to
// receivers: it is meant for the broker alone, or only the broker may say it.
func Reserved[S ~string | ~[]byte](name S) bool {
	switch string(name) {
	case "receipt", "transaction", "message-id", "subscription", "ack",
		"redelivered", "JMSXDeliveryCount", "timestamp", "priority", "expires":
		return true
	}
	return false
}
