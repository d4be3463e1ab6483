package store

import (
	"reflect"
	"testing"

	"mwm/server/broker"
)

// FuzzDecodeMessage: whatever stands on the disk, reading it ends in a message
// or an error, and what is a message is written the same way again.
func FuzzDecodeMessage(f *testing.F) {
	id, _ := broker.ParseID("000001-000000000001")
	f.Add(appendMessage(nil, &broker.Message{Name: "a", ID: id, Body: []byte("x")}))
	f.Add(appendMessage(nil, &broker.Message{Name: "a", ID: id, Head: []byte("a:b\n"), Properties: &broker.Properties{ContentType: "t"}, Retain: true}))
	f.Add([]byte{1, 0, 0, 0, 0x80})
	f.Fuzz(func(t *testing.T, p []byte) {
		m, err := decodeMessage(p)
		if err != nil {
			return
		}
		again, err := decodeMessage(appendMessage(nil, m))
		if err != nil || !reflect.DeepEqual(m, again) {
			t.Errorf("%+v becomes %+v, %v", m, again, err)
		}
	})
}
