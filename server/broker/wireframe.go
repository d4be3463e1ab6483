package broker

// WireFrame is a frame or packet as it crossed a connection, taken apart for
// somebody who looks.
type WireFrame struct {
	Type   string     // its command, or the kind of packet
	Fields []Property // headers, or what the packet says, in the order of the wire
	Raw    []byte     // what there is of it; secrets are blotted out
	Size   int        // of all of it, in bytes
	// BodyAt is where the body begins in Raw, BodySize how long it is; both are 0
	// if there is none.
	BodyAt, BodySize int
	Err              string // why it could not be taken apart
}

// Blot overwrites a secret.
func Blot(secret []byte) {
	for i := range secret {
		secret[i] = '*'
	}
}
