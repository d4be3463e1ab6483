package telemetry

import (
	"encoding/json"
	"unicode/utf8"
)

// MaxWillSize is the greatest length of a last will that is read: an ID of 128
// characters, each escaped at its longest, with room for other members.
const MaxWillSize = 4096

// DecodeWill reads the last will {"deviceID":"XXX"} that a phone leaves with
// the broker, and returns whom it names. Whether the sender may speak for that
// device is for the caller to judge.
func DecodeWill(payload []byte) (id string, err error) {
	if len(payload) > MaxWillSize {
		return "", refuse(TooLarge, "a last will has at most %d bytes, not %d", MaxWillSize, len(payload))
	}
	m, err := decodeMembers(payload)
	if err != nil {
		return "", err
	}
	if err := m.checkID(""); err != nil {
		return "", err
	}
	return string(m.deviceID.text), nil
}

// AppendWill appends the last will of the device id.
func AppendWill(dst []byte, id string) []byte {
	dst = append(dst, `{"deviceID":`...)
	dst = appendString(dst, id)
	return append(dst, '}')
}

// appendString appends s as a JSON string.
func appendString(dst []byte, s string) []byte {
	for i := 0; i < len(s); i++ {
		if c := s[i]; c < 0x20 || c >= utf8.RuneSelf || c == '"' || c == '\\' {
			quoted, _ := json.Marshal(s) // a string always marshals
			return append(dst, quoted...)
		}
	}
	dst = append(dst, '"')
	dst = append(dst, s...)
	return append(dst, '"')
}
