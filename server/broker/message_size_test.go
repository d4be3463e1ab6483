package broker

import "testing"

// What an MQTT 5 sender says about a message counts like what it says in it: nobody
// fills memory with properties.
func TestSizeOfProperties(t *testing.T) {
	m := Message{Name: "t", Body: []byte("12")}
	if got := m.Size(); got != 3 {
		t.Errorf("%d bytes without properties", got)
	}
	m.Properties = &Properties{ContentType: "text/plain", User: make([]Property, 1000)}
	m.Properties.User[0] = Property{"a", "bc"}
	if got := m.Size(); got != 3+10+3+1000*propertyCost {
		t.Errorf("%d bytes with properties", got)
	}
}
