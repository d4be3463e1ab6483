package fleet

import (
	"fmt"
	"testing"
	"time"
)

func TestTexts(t *testing.T) {
	s := tell(t, Options{TextsPerDevice: 3, MaxTexts: 5, MaxTextBody: 10})
	update := func(id string, state TextState) (Text, bool) {
		s.pass(time.Second)
		return s.Text(TextUpdate{ID: id, State: state, At: s.now, Device: "BBB", Body: "hello, 트럭!", Expires: s.now.Add(time.Hour)})
	}
	for _, step := range []struct{ do, is TextState }{
		{TextWaiting, TextWaiting}, {TextAccepted, TextWaiting}, {TextDelivered, TextDelivered}, {TextWaiting, TextWaiting},
		{TextDelivered, TextDelivered}, {TextConsumed, TextConsumed}, {TextExpired, TextConsumed},
	} {
		if text, ok := update("1", step.do); !ok || text.State != step.is || text.Body != "hello, …" || text.At != start.Add(time.Second).UnixMilli() {
			t.Errorf("%s: %+v, %t", step.do, text, ok)
		}
	}
	s.wantEvents("text BBB: a text waits", "a text was delivered", "a text waits", "a text was delivered", "a text was confirmed")
	for i := range 4 {
		update(fmt.Sprint("b", i), TextAccepted)
	}
	s.at("BBB", 1, 1)
	if texts := s.device("BBB").Texts; len(texts) != 3 || texts[0].ID != "b1" || texts[2].ID != "b3" {
		t.Errorf("%+v", texts)
	}
	for i := range 4 {
		s.Text(TextUpdate{ID: fmt.Sprint("c", i), State: TextAccepted, At: s.now, Device: fmt.Sprint("C", i), Body: "x"})
	}
	if st := s.Stats(); st.Texts != 5 || st.TextsForgotten != 4 {
		t.Errorf("%+v", st)
	}
	for _, u := range []TextUpdate{{State: TextAccepted, Device: "B"}, {ID: "new", State: TextConsumed}, {ID: "new", Device: "a.b", State: TextWaiting}, {ID: "new", Device: "B", State: "lost"}} {
		if _, ok := s.Text(u); ok {
			t.Errorf("%+v was taken", u)
		}
	}
}

// A text that was refused is delivered again: that changes nothing, unless the
// device takes it then.
func TestRefusedTexts(t *testing.T) {
	s := tell(t, Options{})
	to := func(state TextState) TextState {
		s.pass(time.Second)
		text, _ := s.Text(TextUpdate{ID: "1", State: state, At: s.now, Device: "BBB", Body: "x"})
		return text.State
	}
	for _, step := range []struct{ to, want TextState }{
		{TextDelivered, TextDelivered}, {TextRefused, TextRefused}, {TextDelivered, TextRefused}, {TextWaiting, TextRefused},
		{TextConsumed, TextConsumed}, {TextRefused, TextConsumed}, {TextDeleted, TextConsumed},
	} {
		if got := to(step.to); got != step.want {
			t.Errorf("%s makes it %s, not %s", step.to, got, step.want)
		}
	}
	s.wantEvents("text BBB: a text was delivered", "text BBB: a text was refused", "text BBB: a text was confirmed")
}

// The page hears of a text by the feed and by the answer to its own request, in
// any order: of two states the one updated later is the newer one, also when
// both came within a millisecond.
func TestTextUpdatesGrow(t *testing.T) {
	s := tell(t, Options{})
	var last int64
	for _, state := range []TextState{TextWaiting, TextDelivered, TextConsumed} {
		text, _ := s.Text(TextUpdate{ID: "1", State: state, At: s.now, Device: "BBB", Body: "x"})
		if text.Updated <= last {
			t.Errorf("%s is updated at %d, the state before it at %d", state, text.Updated, last)
		}
		last = text.Updated
	}
}

func TestAlerts(t *testing.T) {
	s := tell(t, Options{})
	s.Alerted("AAA", "yellow", 2, s.now)
	s.Alerted("AAA", "<b", -1, s.now)
	s.Alerted("a.b", "red", 1, s.now)
	items := s.Log(0, nil)
	if len(items) != 4 || items[0].Alert.Color != "yellow" || *items[0].Alert.Listeners != 2 ||
		items[2].Alert.Color != "red" || items[2].Alert.Listeners != nil || items[2].Alert.ID == items[0].Alert.ID {
		t.Errorf("%+v", items)
	}
	s.wantEvents("alert AAA: yellow: 2 listeners", "alert AAA: red")
}
