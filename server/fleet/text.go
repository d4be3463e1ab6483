package fleet

import (
	"container/list"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"mwm/server/telemetry"
)

// TextState says what became of a text. The values are the feed's.
type TextState string

// The states of a text. The last four are final, but a device may think better of
// what it has refused: the broker delivers it again a few times.
const (
	TextAccepted  TextState = "accepted"  // the server has it
	TextWaiting   TextState = "waiting"   // for its device to come
	TextDelivered TextState = "delivered" // written to the device's connection
	TextConsumed  TextState = "consumed"  // acknowledged by the device
	TextExpired   TextState = "expired"
	TextRefused   TextState = "refused" // by the device
	TextDeleted   TextState = "deleted" // by an operator
)

// stays says that a text in this state does not come to the next one. That one
// that was refused is delivered again, or waits to be, is no news.
func (s TextState) stays(next TextState) bool {
	switch s {
	case TextConsumed, TextExpired, TextDeleted:
		return true
	case TextRefused:
		return next != TextConsumed
	}
	return false
}

func (s TextState) valid() bool { return s == TextAccepted || textDetail[s] != "" }

// Text is one that was sent to a device, and what became of it.
type Text struct {
	ID      string    `json:"id"`
	Device  string    `json:"device"`
	Body    string    `json:"body"`
	State   TextState `json:"state"`
	At      int64     `json:"at"`      // ms since 1970
	Updated int64     `json:"updated"` // last change of its state; it grows with each, for readers that hear of them by several ways
	Expires int64     `json:"expires"` // 0: never
	// Cut says that the body is longer than what is remembered of it.
	Cut bool `json:"cut,omitempty"`
}

// TextUpdate says that a text has come to a state.
type TextUpdate struct {
	ID    string // the broker's identifier of the message
	State TextState
	At    time.Time

	// What the message says: needed when its ID may be new, ignored later.
	Device  string
	Body    string
	Expires time.Time // zero: never
}

// textTable holds the texts: for each device the newest, and in all the newest.
type textTable struct {
	perDevice, max, maxBody int

	byID     map[string]*list.Element // of *Text
	byDevice map[string][]*list.Element
	order    list.List // oldest first
}

func newTextTable(o Options) textTable {
	return textTable{
		perDevice: o.TextsPerDevice, max: o.MaxTexts, maxBody: o.MaxTextBody,
		byID: make(map[string]*list.Element), byDevice: make(map[string][]*list.Element),
	}
}

func (t *textTable) len() int { return len(t.byID) }

// Text takes a change of a text's state, and returns the text as it then is; ok
// is false for one that is not known and says too little to become so. The
// device need not be known: a text may wait for one that has never come.
//
// Final states stay. A delivered text may wait again, when its connection ended
// before the acknowledgement; but no text goes back to accepted, since delivery
// may overtake the notice of acceptance.
func (f *Fleet) Text(u TextUpdate) (text Text, ok bool) {
	if u.ID == "" || !u.State.valid() {
		return Text{}, false
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	el := f.texts.byID[u.ID]
	if el == nil {
		if telemetry.CheckID(u.Device) != nil {
			return Text{}, false
		}
		el = f.addText(u)
	} else {
		t := el.Value.(*Text)
		if t.State == u.State || t.State.stays(u.State) || u.State == TextAccepted {
			return *t, true
		}
		t.State, t.Updated = u.State, max(millis(u.At), t.Updated+1)
	}
	text = *el.Value.(*Text)
	f.append(Item{Text: &text}, budgetText, text.Updated)
	if text.State != TextAccepted {
		f.event(EventText, text.Device, news{code: string(text.State), detail: textDetail[text.State]}, text.Updated)
	}
	return text, true
}

var textDetail = map[TextState]string{
	TextWaiting: "a text waits for the device", TextDelivered: "a text was delivered", TextConsumed: "a text was confirmed",
	TextExpired: "a text expired", TextRefused: "a text was refused by the device",
	TextDeleted: "a text was deleted by an operator",
}

func (f *Fleet) addText(u TextUpdate) *list.Element {
	t := &f.texts
	el := t.order.PushBack(&Text{
		ID: strings.Clone(u.ID), Device: strings.Clone(u.Device), Body: clip(u.Body, t.maxBody), State: u.State,
		At: millis(u.At), Updated: millis(u.At), Expires: millis(u.Expires), Cut: len(u.Body) > t.maxBody,
	})
	text := el.Value.(*Text)
	t.byID[text.ID] = el
	t.byDevice[text.Device] = append(t.byDevice[text.Device], el)
	for len(t.byDevice[text.Device]) > t.perDevice {
		f.forget(t.byDevice[text.Device][0])
	}
	for len(t.byID) > t.max {
		f.forget(t.order.Front())
	}
	return el
}

func (f *Fleet) forget(el *list.Element) {
	f.stats.textsEvicted.Add(1)
	t := &f.texts
	text := t.order.Remove(el).(*Text)
	delete(t.byID, text.ID)
	rest := slices.DeleteFunc(t.byDevice[text.Device], func(e *list.Element) bool { return e == el })
	if len(rest) == 0 {
		delete(t.byDevice, text.Device)
		return
	}
	t.byDevice[text.Device] = rest
}

// clip returns a copy of at most limit bytes of s, in UTF-8.
func clip(s string, limit int) string {
	const more = "…"
	if len(s) > limit {
		cut := max(0, limit-len(more))
		for cut > 0 && !utf8.RuneStart(s[cut]) {
			cut--
		}
		s = s[:cut] + more
	}
	return strings.Clone(strings.ToValidUTF8(s, "\uFFFD"))
}

// TextOf returns the text of that ID.
func (f *Fleet) TextOf(id string) (t Text, ok bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if el := f.texts.byID[id]; el != nil {
		return *el.Value.(*Text), true
	}
	return Text{}, false
}

// TextsOf returns the texts that are remembered of a device, oldest first. It need
// not be known.
func (f *Fleet) TextsOf(device string) []Text {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.texts.of(device)
}

// of returns copies of a device's texts, oldest first. The caller holds the
// lock.
func (t *textTable) of(device string) []Text {
	els := t.byDevice[device]
	texts := make([]Text, len(els))
	for i, el := range els {
		texts[i] = *el.Value.(*Text)
	}
	return texts
}
