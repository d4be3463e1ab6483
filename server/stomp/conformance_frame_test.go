package stomp_test

import (
	"strings"
	"testing"

	"mwm/server/stomp"
)

// subscribed is how most transcripts begin.
const subscribed = "C> SUBSCRIBE|id:0|destination:/topic/a||^@\nC~\n"

// "STOMP Frames", "Value Encoding", "Body", "Size Limits".
var frameSentences = []sentence{
	{"STOMP Frames", "MUST", all, "a frame is a command, headers, a blank line, a body, and NUL", subscribed + `
		C> SEND|destination:/topic/a|x:1||hello^@
		C< MESSAGE destination:/topic/a x:1 =hello`, nil},
	{"STOMP Frames", "MUST", "1.2", "lines may end in CR LF", subscribed + `
		C> SEND␍|destination:/topic/a␍|x:1␍|␍|hello^@
		C< MESSAGE x:1 =hello
		C> SEND␍|destination:/topic/a|y:2␍|receipt:r|␍|a␍|b^@
		C< MESSAGE y:2 =a␍|b
		C< RECEIPT receipt-id:r`, nil},
	{"STOMP Frames", "MUST", all, "line feeds may follow a frame", subscribed + `
		C> |||SEND|destination:/topic/a||1^@||||SEND|destination:/topic/a||2^@|
		C< MESSAGE =1
		C< MESSAGE =2
		C~`, nil},
	{"STOMP Frames", "MUST", "1.2", "CR LF may follow a frame", subscribed + `
		C> ␍|␍|SEND|destination:/topic/a||1^@␍||␍|SEND|destination:/topic/a||2^@␍|
		C< MESSAGE =1
		C< MESSAGE =2
		C~`, nil},
	{"STOMP Frames", "MUST", all, "commands are case-sensitive", `
		C> Send|destination:/topic/a||^@
		C< ERROR unknown␣command Send
		C< END`, nil},
	{"STOMP Frames", "MUST", all, "header names are case-sensitive", `
		C> SEND|Destination:/topic/a||^@
		C< ERROR destination␣missing
		C< END`, nil},
	{"STOMP Frames", "MUST", all, "a header has a colon", `
		C> SEND|destination:/topic/a|x||^@
		C< ERROR malformed␣header
		C< END`, nil},

	{"Value Encoding", "MUST", all, "headers are UTF-8", subscribed + `
		C> SEND|destination:/topic/a|Straße:Zürich⁂🚚||^@
		C< MESSAGE Straße:Zürich⁂🚚`, nil},
	{"Value Encoding", "MUST", new11, `\n, \c and \\ are decoded`, `
		C> SUBSCRIBE|id:0|destination:/topic/a|selector:"k:" = 'x:y\n\\'||^@
		C> SEND|destination:/topic/a|k\c:x:y\n||no^@
		C> SEND|destination:/topic/a|k\c:x\cy\n\\||yes^@
		C< MESSAGE =yes
		C~`, nil},
	{"Value Encoding", "MUST", "1.2", `\r is decoded`, `
		C> SUBSCRIBE|id:0|destination:/topic/a|selector:k = '\r'||^@
		C> SEND|destination:/topic/a|k:\r||yes^@
		C< MESSAGE =yes`, nil},
	{"Value Encoding", "MUST", "1.1", `\r is undefined, and fatal`, `
		C> SEND|destination:/topic/a|x:\r||^@
		C< ERROR undefined␣escape 1.1
		C< END`, nil},
	{"Value Encoding", "MUST", new11, `\t is undefined, and fatal`, `
		C> SEND|destination:/topic/a|x:\t||^@
		C< ERROR undefined␣escape
		C< END`, nil},
	{"Value Encoding", "MUST", new11, "a lone backslash is undefined, and fatal, in any frame", `
		C> BEGIN|transaction:t\||^@
		C< ERROR undefined␣escape
		C< END`, nil},
	{"Value Encoding", "MUST", new11, "the reverse transformation is applied to what is sent", `
		C> SUBSCRIBE|id:0\c\n\\|destination:/topic/a||^@
		C> SEND|destination:/topic/a|n\c\n\\:v\c\n\\||^@
		C< MESSAGE ~subscription:0\c\n\\| ~n\c\n\\:v\c\n\\|`, nil},
	{"Value Encoding", "MUST", "1.2", "a carriage return is sent escaped", subscribed + `
		C> SEND|destination:/topic/a|x:a\rb||^@
		C< MESSAGE ~x:a\rb`, nil},
	{"Value Encoding", "MUST", "1.1", "a carriage return is sent as it is", subscribed + `
		V> SEND|destination:/topic/a|x:a\rb||^@
		C< MESSAGE ~x:a␍b|`, nil},
	{"Value Encoding", "MUST", "1.0", "a backslash is a backslash", subscribed + `
		C> SEND|destination:/topic/a|x:C:\new\t||^@
		C< MESSAGE ~x:C:\new\t|
		V> SUBSCRIBE|id:0|destination:/topic/a||^@
		V~
		C> SEND|destination:/topic/a|x:C:\new\t||^@
		V< MESSAGE ~x:C\c\\new\\t|`, nil},
	{"Value Encoding", "MUST", "1.0", "what cannot be written without escapes is left out", subscribed + `
		V> SEND|destination:/topic/a|x:a\nb|na\cme:y|z:a\cb||^@
		C< MESSAGE !x !na !na:me ~z:a:b|`, nil},
	{"Value Encoding", "MUST", all, "CONNECT has no escapes", `
		R> CONNECT|accept-version:{V}|host:a\tb|login:literal|passcode:a\tb:c||^@
		R< CONNECTED version:{V}`, nil},
	{"Value Encoding", "MUST", all, "CONNECTED has no escapes", `
		R> CONNECT|accept-version:{V}||^@
		R< CONNECTED ~server:mwm/9:9|`, nil},
	{"Value Encoding", "MUST", new11, "headers are neither trimmed nor padded", `
		C> SUBSCRIBE|id:␣0␣|destination:/topic/a||^@
		C> SEND|destination:/topic/a|␣x␣:␣1␣␣||^@
		C< MESSAGE ~subscription:␣0␣| ~|␣x␣:␣1␣␣|
		C> SEND|destination:␣/topic/a||^@
		C< ERROR invalid␣destination
		C< END`, nil},
	{"Value Encoding", "MUST", "1.0", "headers may be padded", `
		C> SUBSCRIBE|destination:␣/topic/a␣||^@
		C> SEND|destination␣:␣/topic/a|x:␣1␣||^@
		C< MESSAGE ~x:1|`, nil},

	{"Body", "MUST", new11, "only SEND of a client's frames has a body", `
		C> SUBSCRIBE|id:0|destination:/topic/a||body^@
		C< ERROR unexpected␣body SUBSCRIBE
		C< END`, nil},
	{"Body", "MUST", new11, "BEGIN has none", `
		C> BEGIN|transaction:t||body^@
		C< ERROR unexpected␣body BEGIN
		C< END`, nil},
	{"Body", "MUST", "1.0", "the body of a SUBSCRIBE is ignored", `
		C> SUBSCRIBE|id:0|destination:/topic/a||body^@
		C> SEND|destination:/topic/a||x^@
		C< MESSAGE =x`, nil},
	{"Body", "MUST", all, "a body may be empty", subscribed + `
		C> SEND|destination:/topic/a||^@
		C< MESSAGE content-length:0 =`, nil},

	{"Header content-length", "MUST", all, "so many octets are read, whatever they are", subscribed + `
		C> SEND|destination:/topic/a|content-length:5||a^@|^@b^@
		C< MESSAGE content-length:5 =a^@|^@b`, nil},
	{"Header content-length", "MUST", all, "without it the first NUL ends the frame", subscribed + `
		C> SEND|destination:/topic/a||a^@SEND|destination:/topic/a||b^@
		C< MESSAGE =a
		C< MESSAGE =b`, nil},
	{"Header content-length", "MUST", all, "the frame still ends with NUL", `
		C> SEND|destination:/topic/a|content-length:2||abc^@
		C< ERROR body␣not␣ended
		C< END`, nil},
	{"Header content-length", "MUST", all, "it is a number", `
		C> SEND|destination:/topic/a|content-length:many||abc^@
		C< ERROR malformed␣content-length
		C< END`, nil},
	{"Header content-length", "MAY", "1.2", "all frames may have it", `
		C> SUBSCRIBE|id:0|destination:/topic/a|content-length:0||^@
		C> SEND|destination:/topic/a||x^@
		C< MESSAGE =x`, nil},
	{"Header content-length", "SHOULD", all, "MESSAGE has it, whether SEND had it or not", subscribed + `
		C> SEND|destination:/topic/a||grüße^@
		C< MESSAGE content-length:7 =grüße
		C> SEND|destination:/topic/a|content-length:7||grüße^@
		C< MESSAGE content-length:7 =grüße`, nil},
	{"Header content-type", "SHOULD", all, "MESSAGE has that of its SEND", subscribed + `
		C> SEND|destination:/topic/a|content-type:text/plain;charset=utf-16||^@
		C< MESSAGE content-type:text/plain;charset=utf-16
		C> SEND|destination:/topic/a||^@
		C< MESSAGE !content-type`, nil},

	{"Size Limits", "SHOULD", all, "a header line that is too long gets an ERROR, then the close", "", refused("header line too long",
		"SEND\nx:"+strings.Repeat("y", 400)+"\n\n^@")},
	{"Size Limits", "SHOULD", all, "too many headers get an ERROR, then the close", "", refused("too many headers",
		"SEND\n"+strings.Repeat("x:y\n", 21)+"\n^@")},
	{"Size Limits", "SHOULD", all, "too large a body gets an ERROR, then the close, before it has come", "", refused("body too large",
		"SEND\ndestination:/topic/a\ncontent-length:1001\n\n")},
}

// refused proves that a frame is answered by an ERROR and the close.
func refused(words, text string) func(*testing.T, string) {
	return func(t *testing.T, version string) {
		p := serve(t, stomp.Options{Limits: smallFrames}).connect(version)
		p.send(text)
		p.wantError(words)
	}
}
