package mqtt

import (
	"strings"
	"testing"
)

// knownFaults are what the mochi library gets wrong as a broker, worst first, and
// the tests here that would fail if it could be observed, whichever code answers.
var knownFaults = []struct{ fault, tests string }{
	{"publishers deadlock on a 5.0 subscriber with a receive maximum", "TestWindow TestCrashHistories"},
	{"delivery stalls for ever when the receive maximum is used up", "TestWindow"},
	{"no deadline before CONNECT; a long packet is allocated before it is there", "TestConnectTimeout TestHostile"},
	{"a client that does not read blocks its own reconnect and the shutdown", "TestNeverReading TestShutdown"},
	{"deep topics cost the square of their depth", "TestBadFilters TestRefusedPublish"},
	{"QoS 1 and 2 messages are lost when a queue is full", "TestManyPublishers TestSlowSubscriber TestMutualFlood TestFullSessionTells"},
	{"what is in flight is sent again in any order", "TestResend TestCrashHistories"},
	{"periodic work grows with retained messages and sessions", "TestSys TestManyAway"},
	{"expired sessions leave their subscriptions behind", "TestExpiredSubscriptions"},
	{"sessions are kept for ever and cost 64 KiB each", "TestSessionExpiry TestMaxSessions"},
	{"queued messages of a session collapse to one on disk", "TestCrashHistories TestBridgeKept"},
	{"session expiry and protocol state are not stored, refused subscriptions are", "TestRestart"},
	{"the keep alive overflows from 43,691 s on", "TestKeepAlive"},
	{"a message that was refused is published", "TestRefusedPublish"},
	{"wildcards do not match the parent level; malformed filters are taken", "TestMatching TestBadFilters"},
	{"messages expire that should not, and do not that should", "TestMessageExpiry"},
	{"take-overs race", "TestTakeOverStorm"},
	{"a connection that fails early is not cleaned up", "TestVanish"},
	{"a second shutdown panics", "TestRestart"},
	{"payloads and passwords are logged", "TestLogSaysNoSecrets"},
	{"shared subscriptions are not balanced, and choose who is away", "TestShared"},
	{"PUBACK comes before the message is safe", "TestCrashHistories TestBridgeKept"},
	{"a client can take the place of the server's own", "TestConnect"},
}

// The table names tests that are there.
func TestKnownFaults(t *testing.T) {
	have := declaredTests(t)
	for _, k := range knownFaults {
		for _, name := range strings.Fields(k.tests) {
			if !have[name] {
				t.Errorf("%s: there is no %s", k.fault, name)
			}
		}
	}
}
