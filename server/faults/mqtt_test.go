package faults

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"time"
)

// mqttHello is how a client introduces itself.
type mqttHello struct {
	id              string
	keepAlive       uint16 // seconds
	keep            bool   // the session
	willTopic, will string // with QoS 2, if there is a topic
}

// mqttConnect introduces a client with MQTT 3.1.1, with a clean session and the
// keep alive in seconds.
func mqttConnect(nc net.Conn, id string, keepAlive uint16) error {
	return mqttIntroduce(nc, mqttHello{id: id, keepAlive: keepAlive})
}

// mqttIntroduce sends CONNECT of MQTT 3.1.1 and waits for CONNACK.
func mqttIntroduce(nc net.Conn, h mqttHello) error {
	flags := byte(0)
	if !h.keep {
		flags |= 2
	}
	if h.willTopic != "" {
		flags |= 4 | 2<<3
	}
	p := binary.BigEndian.AppendUint16([]byte{0, 4, 'M', 'Q', 'T', 'T', 4, flags}, h.keepAlive)
	p = mqttText(p, h.id)
	if h.willTopic != "" {
		p = mqttText(mqttText(p, h.willTopic), h.will)
	}
	if _, err := nc.Write(mqttPacket(0x10, p)); err != nil {
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

func mqttPacket(first byte, body []byte) []byte {
	return append(binary.AppendUvarint([]byte{first}, uint64(len(body))), body...)
}

func mqttText(dst []byte, s string) []byte {
	return append(binary.BigEndian.AppendUint16(dst, uint16(len(s))), s...)
}

// mqttPublish is a PUBLISH at QoS 0.
func mqttPublish(topic string, payload []byte, retain bool) []byte {
	first := byte(0x30)
	if retain {
		first |= 1
	}
	return mqttPacket(first, append(mqttText(nil, topic), payload...))
}

func mqttSubscribe(filter string, qos byte) []byte {
	return mqttPacket(0x82, append(mqttText([]byte{0, 1}, filter), qos))
}

// mqttReader reads packets.
type mqttReader struct{ r *bufio.Reader }

func newMQTTReader(r io.Reader) *mqttReader { return &mqttReader{bufio.NewReaderSize(r, 1024)} }

func (m *mqttReader) next() (first byte, body []byte, err error) {
	if first, err = m.r.ReadByte(); err != nil {
		return 0, nil, err
	}
	n, err := binary.ReadUvarint(m.r)
	if err != nil {
		return 0, nil, err
	}
	body = make([]byte, n)
	_, err = io.ReadFull(m.r, body)
	return first, body, err
}

// mqttMessage takes a PUBLISH apart; at QoS 0 it has no id.
func mqttMessage(first byte, body []byte) (topic string, id uint16, payload []byte) {
	n := 2 + int(binary.BigEndian.Uint16(body))
	topic, payload = string(body[2:n]), body[n:]
	if first&6 != 0 {
		id, payload = binary.BigEndian.Uint16(payload), payload[2:]
	}
	return topic, id, payload
}
