package store_test

import (
	"fmt"
	"testing"

	"mwm/server/fleet"
	"mwm/server/store"
)

// Texts come back as they were last, events in their order, and of both no more
// than are remembered.
func TestNewsComeBack(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	text := func(i int, state fleet.TextState) fleet.Text {
		return fleet.Text{ID: fmt.Sprint(i), Device: "<b>", Body: "트럭", State: state, At: int64(i), Expires: 5, Cut: true}
	}
	var v store.Values
	for i := range 500 {
		v.Texts = append(v.Texts, text(i, fleet.TextWaiting))
		v.Events = append(v.Events, fleet.Event{Seq: uint64(i), Kind: fleet.EventAlert, Device: "A", Code: "sent", Params: fleet.Params{N: i}, Detail: "x"})
	}
	for _, v := range []store.Values{v, {Texts: []fleet.Text{text(0, fleet.TextConsumed)}}} {
		if err := s.Save(t.Context(), v); err != nil {
			t.Fatal(err)
		}
	}
	s.Close()
	s = open(t, dir)
	defer s.Close()
	var texts []fleet.Text
	var events []fleet.Event
	if err := s.LoadNews(t.Context(), func(x fleet.Text) { texts = append(texts, x) }, func(e fleet.Event) { events = append(events, e) }); err != nil {
		t.Fatal(err)
	}
	if len(texts) != 500 || texts[0] != text(0, fleet.TextConsumed) || texts[499] != text(499, fleet.TextWaiting) {
		t.Errorf("%d texts, %+v", len(texts), texts[0])
	}
	if len(events) != 200 || events[0] != v.Events[300] || events[199] != v.Events[499] {
		t.Errorf("%d events, %+v", len(events), events[0])
	}
}
