package mqtt

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"strings"
	"testing"
)

// statements are some of a specification, and the tests that show them.
type statements struct{ numbers, what, test string }

// conformance says where the statements of MQTT 5.0 that bind a server are
// tested. Those not listed bind clients, repeat others, or concern what this
// server does not offer: enhanced authentication (§4.12), server references
// (§4.11), maximum QoS below 2.
var conformance = []statements{
	{"1.5.4-1 1.5.4-2", "strings are UTF-8 without NUL", "TestBadPublish TestBadProperties TestConnect"},
	{"1.5.5-1", "variable byte integers in the fewest bytes", "TestUnexpectedPackets"},
	{"2.1.3-1", "reserved flags", "TestUnexpectedPackets TestConnect"},
	{"2.2.1-2 2.2.1-3 2.2.1-4", "packet identifiers", "TestBadPublish TestBadSubscribe TestPacketIdentifiers"},
	{"2.2.1-5 2.2.1-6", "acknowledgements carry the identifier", "TestQoS TestUnsubscribe"},
	{"3.1.0-1 3.1.0-2", "CONNECT first, and once", "TestConnect TestUnexpectedPackets"},
	{"3.1.2-1 3.1.2-2", "protocol name and version", "TestConnect"},
	{"3.1.2-3 3.1.2-11 3.1.2-12 3.1.2-13", "CONNECT flags", "TestConnect"},
	{"3.1.2-4 3.1.2-5 3.1.2-6", "clean start", "TestKeptSession TestSessionExpiry"},
	{"3.1.2-7 3.1.2-8 3.1.2-9 3.1.2-10", "when the will is published", "TestWill"},
	{"3.1.2-14 3.1.2-15", "will retain", "TestWillProperties TestWill"},
	{"3.1.2-22", "keep alive", "TestKeepAlive"},
	{"3.1.2-23", "session state after the connection", "TestKeptSession TestResend"},
	{"3.1.2-24 3.1.2-25", "maximum packet size", "TestMaximumPacketSize"},
	{"3.1.2-26 3.1.2-27", "topic aliases towards clients", "TestSentAliases TestSentAliasesAnew TestSentAliasTooLarge"},
	{"3.1.2-28", "response information", "TestResponseInformation"},
	{"3.1.2-29", "no reason strings when not wanted", "TestRefusedPublish"},
	{"3.1.3-4 3.1.3-5 3.1.3-6 3.1.3-7 3.1.3-8", "client identifiers", "TestConnect"},
	{"3.1.3-9", "will delay", "TestWill"},
	{"3.1.4-2 3.1.4-5 3.1.4-6", "authentication, CONNACK", "TestAuthentication TestConnect"},
	{"3.1.4-3", "take-over", "TestTakeOver TestTakeOverStorm"},
	{"3.2.2-1 3.2.2-2 3.2.2-3 3.2.2-6 3.2.2-7", "session present", "TestKeptSession TestConnect"},
	{"3.2.2-21", "the session expiry that the server grants", "TestSessionExpiry"},
	{"3.3.1-1 3.3.1-2 3.3.1-4", "DUP and QoS", "TestBadPublish TestResend"},
	{"3.3.1-5 3.3.1-6 3.3.1-7 3.3.1-8", "retained messages", "TestRetained TestManyRetained"},
	{"3.3.1-9 3.3.1-10 3.3.1-11", "retain handling", "TestRetained"},
	{"3.3.1-12 3.3.1-13", "retain as published", "TestRetained"},
	{"3.3.2-1 3.3.2-2", "topic names", "TestBadPublish"},
	{"3.3.2-4 3.3.2-15 3.3.2-16 3.3.2-17 3.3.2-18 3.3.2-20", "properties are forwarded", "TestProperties"},
	{"3.3.2-5 3.3.2-6", "message expiry", "TestMessageExpiry"},
	{"3.3.2-8 3.3.2-9 3.3.2-12", "topic aliases of clients", "TestTopicAlias"},
	{"3.3.2-14", "response topics without wildcards", "TestBadProperties"},
	{"3.3.4-1", "acknowledgement by QoS", "TestQoS"},
	{"3.3.4-2 3.3.4-3 3.3.4-4 3.3.4-5", "overlapping subscriptions and their identifiers", "TestSubscriptionIdentifiers"},
	{"3.3.4-6", "no subscription identifiers from clients", "TestBadProperties"},
	{"3.3.4-7 3.3.4-9", "receive maximum", "TestReceiveMaximumOfServer TestWindow TestResend"},
	{"3.4.2-1 3.5.2-1 3.6.2-1 3.7.2-1", "reason codes of acknowledgements", "TestNoMatchingSubscribers TestRefusedPublish TestWrongAcks"},
	{"3.4.2-2 3.5.2-2 3.6.2-2 3.7.2-2 3.9.2-1", "reason strings that fit", "TestReasonStringFits"},
	{"3.8.1-1 3.8.3-1 3.8.3-2 3.8.3-5", "malformed SUBSCRIBE", "TestBadSubscribe TestBadFilters TestUnexpectedPackets"},
	{"3.8.3-3 3.8.3-4", "no local", "TestNoLocal TestBadSubscribe"},
	{"3.8.4-1 3.8.4-2 3.8.4-5 3.8.4-6 3.8.4-7 3.9.3-1 3.9.3-2", "SUBACK", "TestBadFilters TestSubscriptionLimits"},
	{"3.8.4-3 3.8.4-4", "subscribing anew", "TestRetained TestSubscriptionIdentifiers"},
	{"3.8.4-8", "the lower QoS counts", "TestQoS"},
	{"3.10.3-2 3.10.4-1 3.10.4-2 3.10.4-3 3.10.4-4 3.10.4-5 3.10.4-6 3.11.3-1 3.11.3-2", "UNSUBSCRIBE", "TestUnsubscribe TestUnsubscribeInFlight TestBadSubscribe"},
	{"3.12.4-1", "PINGREQ", "TestKeepAlive"},
	{"3.14.0-1 3.14.2-1 3.14.4-3", "DISCONNECT", "TestWill TestUnexpectedPackets TestShutdown"},
	{"4.1.0-1 4.1.0-2", "session state", "TestSessionExpiry TestExpiredSubscriptions"},
	{"4.3.1-1 4.3.2-1 4.3.2-2 4.3.2-3 4.3.2-4", "QoS 0 and 1", "TestQoS TestResend"},
	{"4.3.3-1 4.3.3-2 4.3.3-4 4.3.3-8 4.3.3-9 4.3.3-10 4.3.3-11", "QoS 2", "TestQoS TestQoS2Once TestRefusedQoS2 TestResend TestWrongAcks"},
	{"4.4.0-1 4.4.0-2", "sending again", "TestResend"},
	{"4.5.0-1", "messages for a session that is away", "TestKeptSession TestQueueLimits"},
	{"4.6.0-1 4.6.0-2 4.6.0-3 4.6.0-4 4.6.0-5 4.6.0-6", "order", "TestResend TestOrder TestKeptSession"},
	{"4.7.1-1 4.7.1-2 4.7.2-1 4.7.3-1 4.7.3-2 4.7.3-4", "topic filters", "TestMatching TestBadFilters"},
	{"4.8.2-1 4.8.2-2 4.8.2-3 4.8.2-4 4.8.2-5", "shared subscriptions", "TestShared TestSharedHandedDown TestBadFilters"},
	{"4.8.2-6", "what a member refuses goes to nobody else", "TestSharedRefused"},
	{"4.9.0-1 4.9.0-2 4.9.0-3", "flow control", "TestWindow TestReceiveMaximumOfServer"},
	{"4.13.1-1 4.13.2-1", "errors", "TestUnexpectedPackets TestBadPublish"},
	{"6.0.0-1 6.0.0-2 6.0.0-3 6.0.0-4", "WebSocket", "TestWebSocket TestWebSocketText"},
}

// conformance3 says the same of what 3.1.1 has otherwise than 5.0, by its own numbers,
// and of 3.1, which has none.
var conformance3 = []statements{
	{"3.1.2-2", "an unknown level: return code 1", "TestConnect"},
	{"3.1.2-4 3.1.2-5 3.1.2-6", "clean session says both how it begins and how it ends", "TestKeptSession TestSessionExpiry"},
	{"3.1.2-22", "no password without a user name", "TestConnect"},
	{"3.1.3-6 3.1.3-7 3.1.3-8 3.1.3-9", "no client identifier, with a clean session alone", "TestConnect"},
	{"3.2.2-4 3.2.2-5 3.2.2-6", "a refusal: a return code, or none, and the end", "TestConnect TestAuthentication TestMaxSessions"},
	{"3.3.5-2", "no word for a PUBLISH that is not permitted", "TestAccess"},
	{"3.8.3-4", "nothing but a QoS behind a filter", "TestBadSubscribe3"},
	{"3.9.3-2", "a refused filter: 0x80", "TestBadFilters"},
	{"3.10.4-4 3.10.4-5", "UNSUBACK says nothing more", "TestUnsubscribe"},
	{"3.14.4-3", "DISCONNECT discards the will", "TestWill"},
	{"4.8.0-1", "an error ends the connection without a word", "TestBadPublish TestBadFilters"},
	{"", "3.1: its name and level, any identifier, no word for a session that is there", "TestConnect TestKeptSession"},
	{"", "3.1: no word for a refused filter", "TestBadFilters"},
	{"", "3.1: a PUBLISH is repeated on the same connection", "TestAskedAgain TestQoS2Once"},
}

// Every test that the tables name exists, and no statement is claimed twice.
func TestConformanceTable(t *testing.T) {
	have := declaredTests(t)
	for _, table := range [][]statements{conformance, conformance3} {
		claimed := map[string]bool{}
		for _, c := range table {
			for name := range strings.FieldsSeq(c.test) {
				if !have[name] {
					t.Errorf("%s is said to be tested by %s, which does not exist", c.what, name)
				}
			}
			for id := range strings.FieldsSeq(c.numbers) {
				if claimed[id] {
					t.Errorf("[MQTT-%s] stands twice in the table", id)
				}
				claimed[id] = true
			}
		}
	}
}

// declaredTests are the names of the tests of this package.
func declaredTests(t *testing.T) map[string]bool {
	t.Helper()
	have := map[string]bool{}
	files, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if !strings.HasSuffix(f.Name(), "_test.go") {
			continue
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), f.Name(), nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range parsed.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok {
				have[fn.Name.Name] = true
			}
		}
	}
	return have
}
