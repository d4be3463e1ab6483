package server_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"runtime"
	"strings"
	"testing"
	"time"

	"mwm/server"
)

// userProperties is what a client of MQTT 5 sends that connects, publishes a message
// with properties of no name and no value, the smallest that there are (MQTT 5
// §3.3.2.3.7), and goes.
func userProperties(bytesOfThem int) []byte {
	properties := bytes.Repeat([]byte{0x26, 0, 0, 0, 0}, bytesOfThem/5)
	body := appendVarint([]byte("\x00\x01t\x00\x01"), len(properties))
	body = append(body, properties...)
	sent := appendVarint([]byte("\x10\x0e\x00\x04MQTT\x05\x02\x00\x00\x00\x00\x01x\x32"), len(body))
	return append(append(sent, body...), "\xe0\x00"...)
}

// manyFilters is what a client of MQTT 5 sends that connects, and then a SUBSCRIBE or
// UNSUBSCRIBE, of that first byte, with a filter again and again.
func manyFilters(first byte, filter string, bytesOfThem int) []byte {
	body := "\x00\x01\x00" + strings.Repeat(filter, bytesOfThem/len(filter))
	sent := append([]byte("\x10\x0e\x00\x04MQTT\x05\x02\x00\x00\x00\x00\x01x"), first)
	return append(append(appendVarint(sent, len(body)), body...), "\xe0\x00"...)
}

// appendVarint appends a variable byte integer (MQTT 5 §1.5.5), whose form is that of
// a varint.
func appendVarint(b []byte, n int) []byte { return binary.AppendUvarint(b, uint64(n)) }

// What is made of a frame or packet takes no more than some times its size, and it is
// refused where there is a limit of parts: nobody gains much by parts that are small, or
// whose names would collide if the hash were known.
func TestManyParts(t *testing.T) {
	s, _ := start(t, server.Config{})
	const size = 900_000
	var headers strings.Builder
	for i := 0; headers.Len() < size; i++ {
		fmt.Fprintf(&headers, "k%07d:\n", i)
	}
	for name, c := range map[string]struct {
		addr string
		sent []byte
	}{
		"STOMP headers":        {s.Addresses().STOMP, []byte("CONNECT\n" + headers.String() + "\n\x00")},
		"MQTT user properties": {s.Addresses().MQTT, userProperties(size)},
		"MQTT SUBSCRIBE":       {s.Addresses().MQTT, manyFilters(0x82, "\x00\x01a\x00", size)},
		"MQTT UNSUBSCRIBE":     {s.Addresses().MQTT, manyFilters(0xa2, "\x00\x01a", size)},
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		nc, err := net.Dial("tcp", c.addr)
		if err != nil {
			t.Fatal(err)
		}
		_ = nc.SetDeadline(time.Now().Add(time.Minute))
		_, _ = nc.Write(c.sent)
		answer, _ := io.ReadAll(nc)
		nc.Close()
		runtime.ReadMemStats(&after)
		took := after.TotalAlloc - before.TotalAlloc
		if took > 48*size {
			t.Errorf("%s: %d bytes for %d, answer %q", name, took, len(c.sent), answer)
		}
		if len(answer) == 0 {
			t.Errorf("%s: no answer", name)
		}
	}
}
