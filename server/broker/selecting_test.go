package broker

import (
	"slices"
	"testing"
)

func TestMatch(t *testing.T) {
	id, err := ParseID("000007-000000000042")
	if err != nil {
		t.Fatal(err)
	}
	stomp := &Message{
		Head: []byte("destination:/topic/sales\ncountry:FR\nprice:12.5\nnote:a\\cb\\nc\nodd\\cname:x\ncountry:DE\ntype:order\n"),
		ID:   id, Priority: 7, Timestamp: 1000, Persistent: true,
	}
	mqtt := &Message{Priority: 4, Properties: &Properties{
		ContentType: "text/plain", CorrelationData: []byte("c1"), User: []Property{{"country", "IT"}, {"retain", "forged"}},
		ResponseTopic: "answers.me",
	}}
	for _, c := range []struct {
		m        *Message
		selector string
		want     bool
	}{
		{stomp, "country IN ('FR', 'DE', 'IT')", true}, // the book's
		{stomp, "country = 'DE'", false},               // a repeated header: the first counts
		{stomp, "price > 12 AND JMSPriority >= 7", true},
		{stomp, "note = 'a:b\nc'", true},
		{stomp, `"odd:name" = 'x'`, true},
		{stomp, "JMSType = 'order' AND JMSDeliveryMode = 'PERSISTENT' AND JMSTimestamp = 1000", true},
		{stomp, "JMSMessageID = '000007-000000000042'", true},
		{stomp, "region IS NULL", true},
		{stomp, "region = 'x' OR region <> 'x'", false},
		{mqtt, "country = 'IT'", true},
		{mqtt, `"content-type" = 'text/plain' AND JMSCorrelationID = 'c1' AND JMSDeliveryMode = 'NON_PERSISTENT'`, true},
		{mqtt, `JMSReplyTo = '/topic/answers.me' AND "reply-to" LIKE '/topic/%'`, true},
		{mqtt, "persistent IS NULL AND retain IS NULL", true},
		{&Message{Persistent: true, Retain: true}, "persistent AND retain = 'true'", true},
		{&Message{}, "country IS NULL", true},
	} {
		match, err := NewMatch(c.selector)
		if err != nil {
			t.Fatal(err)
		}
		if got := match(c.m); got != c.want {
			t.Errorf("%s: %v", c.selector, got)
		}
		if n := testing.AllocsPerRun(100, func() { match(c.m) }); n > 0 {
			t.Errorf("%s: %v allocations", c.selector, n)
		}
	}
	if _, err := NewMatch("country ="); err == nil {
		t.Error("a selector that ends too soon was taken")
	}
}

// What the console shows of a message from MQTT is what STOMP receivers are told.
func TestHeaders(t *testing.T) {
	m := &Message{Properties: &Properties{ResponseTopic: "answers.me", CorrelationData: []byte("c1"), User: []Property{{"country", "IT"}}}}
	want := []Property{{"reply-to", "/topic/answers.me"}, {"correlation-id", "c1"}, {"country", "IT"}}
	if got := m.Headers(); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if got := (&Message{Properties: &Properties{}}).Headers(); len(got) > 0 {
		t.Errorf("nothing said becomes %q", got)
	}
}
