package broker

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
)

// Headers are what the sender said about the message: the headers of a STOMP
// sender, unescaped, or the properties of another one under the names that STOMP
// has for them.
func (m *Message) Headers() (headers []Property) {
	if m.Head != nil {
		var p properties
		for line := range bytes.Lines(m.Head) {
			name, value, _ := bytes.Cut(bytes.TrimSuffix(line, []byte("\n")), []byte(":"))
			headers = append(headers, Property{string(p.unescape(name)), string(p.unescape(value))})
		}
		return headers
	}
	if m.Properties == nil {
		return nil
	}
	reply := m.Properties.ResponseTopic
	if reply != "" {
		reply = "/topic/" + reply
	}
	for _, h := range []Property{
		{"content-type", m.Properties.ContentType}, {"reply-to", reply}, {"correlation-id", string(m.Properties.CorrelationData)},
	} {
		if h.Value != "" {
			headers = append(headers, h)
		}
	}
	return append(headers, m.Properties.User...)
}

// SetHead gives a message that the server itself sends, and that has been filled in
// but for that, a header block in place of Properties.
func (m *Message) SetHead(kind Kind, headers []Property) {
	to := "/topic/"
	if kind == QueueKind {
		to = "/queue/"
	}
	head := []byte("destination:" + escapeHeader.Replace(to+m.Name) + "\n")
	if m.Persistent {
		head = append(head, "persistent:true\n"...)
	}
	if m.Retain {
		head = append(head, "retain:true\n"...)
	}
	for _, h := range headers {
		head = append(head, escapeHeader.Replace(h.Name)+":"+escapeHeader.Replace(h.Value)+"\n"...)
	}
	m.Head = head
}

// escapeHeader escapes as STOMP 1.2 does.
var escapeHeader = strings.NewReplacer(`\`, `\\`, "\n", `\n`, "\r", `\r`, ":", `\c`)

// redirect gives a lasting message the queue of that name as its destination,
// in its headers too.
func (m *Message) redirect(name string) {
	m.Name = name
	if m.Head == nil {
		return
	}
	head := []byte("destination:/queue/" + escapeHeader.Replace(name) + "\n")
	for line := range bytes.Lines(m.Head) {
		if !bytes.HasPrefix(line, []byte("destination:")) {
			head = append(head, line...)
		}
	}
	m.Head = head
}

// addHeader adds a header to a lasting message, in the form its sender used.
func (m *Message) addHeader(name, value string) {
	if m.Head != nil {
		m.Head = fmt.Appendf(slices.Clip(m.Head), "%s:%s\n", name, value)
		return
	}
	p := Properties{}
	if m.Properties != nil {
		p = *m.Properties
	}
	p.User = append(slices.Clip(p.User), Property{name, value})
	m.Properties = &p
}

// dropHeader takes a header off a lasting message.
func (m *Message) dropHeader(name string) {
	if m.Head != nil {
		var head []byte
		for line := range bytes.Lines(m.Head) {
			if !bytes.HasPrefix(line, []byte(name+":")) {
				head = append(head, line...)
			}
		}
		m.Head = head
		return
	}
	if m.Properties != nil {
		p := *m.Properties
		p.User = slices.DeleteFunc(slices.Clone(p.User), func(u Property) bool { return u.Name == name })
		m.Properties = &p
	}
}
