package frame

// Command is the first line of a frame.
type Command uint8

// The commands of clients, and from Connected on those of servers.
const (
	Unknown Command = iota
	Connect
	Stomp // STOMP 1.1's other name for CONNECT
	Send
	Subscribe
	Unsubscribe
	Ack
	Nack
	Begin
	Commit
	Abort
	Disconnect
	Connected
	Message
	Receipt
	ErrorCommand
)

var commandNames = [...]string{"unknown", "CONNECT", "STOMP", "SEND", "SUBSCRIBE", "UNSUBSCRIBE", "ACK", "NACK",
	"BEGIN", "COMMIT", "ABORT", "DISCONNECT", "CONNECTED", "MESSAGE", "RECEIPT", "ERROR"}

// maxCommand is longer than any command's line.
const maxCommand = 16

func (c Command) String() string { return commandNames[c] }

// parseCommand tries the frequent ones first.
func parseCommand(line []byte) Command {
	switch string(line) {
	case "SEND":
		return Send
	case "ACK":
		return Ack
	}
	for c, name := range commandNames {
		if c != 0 && string(line) == name {
			return Command(c)
		}
	}
	return Unknown
}

// escapes reports whether the headers of the command are escaped at all: those
// that open a connection are not, to remain compatible with 1.0 (STOMP 1.2,
// "Value Encoding").
func (c Command) escapes() bool { return c != Connect && c != Stomp && c != Connected }

// hasBody reports whether the command may have a body (STOMP 1.2, "Body").
func (c Command) hasBody() bool { return c == Send || c == Message || c == ErrorCommand }
