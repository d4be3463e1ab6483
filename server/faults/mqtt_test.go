package faults

import (
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"time"
)

// mqttConnect introduces a client with MQTT 3.1.1, with a clean session and the
// keep alive in seconds.
func mqttConnect(nc net.Conn, id string, keepAlive uint16) error {
	p := binary.BigEndian.AppendUint16([]byte("\x00\x04MQTT\x04\x02"), keepAlive)
	p = binary.BigEndian.AppendUint16(p, uint16(len(id)))
	p = append(p, id...)
	if _, err := nc.Write(append([]byte{0x10, byte(len(p))}, p...)); err != nil {
		return err
	}
	if err := nc.SetReadDeadline(time.Now().Add(patience)); err != nil {
		return err
	}
	var ack [4]byte
	if _, err := io.ReadFull(nc, ack[:]); err != nil {
		return err
	}
	if ack[0] != 0x20 || ack[3] != 0 {
		return fmt.Errorf("CONNACK % x", ack)
	}
	return nc.SetReadDeadline(time.Time{})
}
