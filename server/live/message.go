package live

import (
	"encoding/json"

	"mwm/server/fleet"
)

// The JSON messages from server to browser, by their member "type".

type hello struct {
	Type     string   `json:"type"` // "hello": the first message
	Version  int      `json:"version"`
	Epoch    string   `json:"epoch"`
	Server   string   `json:"server"`
	Now      int64    `json:"now"`
	Seq      uint64   `json:"seq"`
	Resumed  bool     `json:"resumed"` // if not, what the browser knows is void
	Demo     bool     `json:"demo"`
	Settings settings `json:"settings"`
}

type settings struct {
	BatchMs   int64  `json:"batchMs"`
	StaleMs   int64  `json:"staleMs"`
	OfflineMs int64  `json:"offlineMs"`
	Tiles     *Tiles `json:"tiles"`
}

// dir names the devices from index First on. A device is named before anything
// else is said of it.
type dir struct {
	Type  string   `json:"type"` // "dir"
	First int      `json:"first"`
	IDs   []string `json:"ids"`
}

type textMessage struct {
	Type string      `json:"type"` // "text"
	Text *fleet.Text `json:"text"`
}

type alertMessage struct {
	Type string `json:"type"` // "alert"
	*fleet.Alert
}

type eventMessage struct {
	Type string `json:"type"` // "event"
	*fleet.Event
}

type hiddenMessage struct {
	Type  string `json:"type"` // "motion-removed"
	Index uint32 `json:"index"`
}

// problem says over HTTP why there is no feed.
type problem struct {
	Title  string `json:"title"`
	Status int    `json:"status"`
	Detail string `json:"detail"`
}

// alive is sent when there has been nothing else to say for a while.
var alive = []byte(`{"type":"alive"}`)

func encodeItem(it fleet.Item) []byte {
	switch {
	case it.Text != nil:
		return encode(textMessage{"text", it.Text})
	case it.Alert != nil:
		return encode(alertMessage{"alert", it.Alert})
	case it.Event != nil:
		return encode(eventMessage{"event", it.Event})
	default:
		return encode(hiddenMessage{"motion-removed", it.Hidden.Index})
	}
}

// encode marshals a message. The types above hold nothing that JSON has no form
// for, so a failure is a fault of this package.
func encode(message any) []byte {
	b, err := json.Marshal(message)
	if err != nil {
		panic(err)
	}
	return b
}

// request is a message from browser to server.
type request struct {
	Type string `json:"type"` // "ack", "pause", "resume"
	Seq  uint64 `json:"seq"`  // of an ack: everything up to it was handled
}

// sideLog holds the newest encoded items of the fleet's log, which all browsers
// share, bounded in bytes. Positions are the fleet's.
type sideLog struct {
	max   int
	bytes int
	end   uint64 // position of the newest item
	items [][]byte
}

// skipTo empties the log and goes on after position end.
func (l *sideLog) skipTo(end uint64) {
	l.end, l.bytes, l.items = end, 0, nil
}

func (l *sideLog) append(pos uint64, data []byte) {
	if pos != l.end+1 { // the fleet's log ran over: nobody has followed it
		l.skipTo(pos - 1)
	}
	l.end = pos
	l.items = append(l.items, data)
	l.bytes += len(data)
	drop := 0
	for l.bytes > l.max && drop < len(l.items)-1 {
		l.bytes -= len(l.items[drop])
		l.items[drop] = nil
		drop++
	}
	l.items = l.items[drop:]
}

// after appends the items after a position to dst; ok is false if some of them
// are gone.
func (l *sideLog) after(pos uint64, dst [][]byte) (items [][]byte, end uint64, ok bool) {
	if pos >= l.end {
		return dst, pos, true
	}
	n := l.end - pos
	if n > uint64(len(l.items)) {
		return dst, pos, false
	}
	return append(dst, l.items[uint64(len(l.items))-n:]...), l.end, true
}
