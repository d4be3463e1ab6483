package main

// runCase is one thing that is compared. Its runs are made against each peer that
// speaks their protocol, in turns.
type runCase struct {
	name   string
	about  string
	once   bool     // not ROUNDS times: it says more about memory than about speed
	fresh  bool     // peers are started anew for each run
	peers  []string // empty: all but variants of mwm
	load   bool     // beside 10,000 devices that report once a second
	asks   bool     // not more than STOMP or MQTT as they are: nothing for the relay
	nobody string   // a peer that cannot do it at all
	runs   []runArgs
}

// runArgs is one run of a case.
type runArgs struct {
	protos []string
	wild   bool // subscribes to a wildcard
	args   []string
}

func cases() []runCase {
	mqtt, stomp := []string{"mqtt"}, []string{"stomp"}
	both := []string{"mqtt", "stomp"}
	fanin := runArgs{both, true, []string{"-mode", "fanin", "-n", "100", "-window", "6400", "-time", "2s", "-msgs", "6000000"}}
	pairs := runArgs{both, false, []string{"-mode", "pairs", "-n", "50", "-window", "6400", "-time", "2s", "-msgs", "6000000"}}
	queue := runArgs{stomp, false, []string{"-mode", "queue", "-n", "1", "-time", "3s", "-msgs", "400000"}}
	slow := func(more ...string) runArgs {
		return runArgs{both, true, append([]string{"-mode", "slow", "-n", "2", "-time", "3s", "-msgs", "4000000"}, more...)}
	}
	return []runCase{
		{name: "fanin", about: "100 publishers, one subscriber of all", runs: []runArgs{fanin}},
		{name: "open", about: "the same as fast as TCP takes it", runs: []runArgs{
			{both, true, []string{"-mode", "fanin", "-n", "100", "-time", "2s", "-msgs", "300000"}}}},
		{name: "fanout", about: "one publisher, 100 subscribers", runs: []runArgs{
			{both, true, []string{"-mode", "fanout", "-n", "100", "-window", "640", "-time", "2s"}}}},
		{name: "pairs", about: "50 publishers with a subscriber each", runs: []runArgs{pairs}},
		{name: "qos1", about: "50 publishers at QoS 1, one subscriber", asks: true,
			peers: []string{"mwm", "mosquitto-p", "mochi", "rabbitmq"}, runs: []runArgs{
				{mqtt, true, []string{"-mode", "qos1", "-n", "50", "-time", "3s"}}}},
		{name: "queue", about: "persistent messages with receipts, one consumer that acknowledges", asks: true, nobody: "gostomp",
			runs: []runArgs{queue, {stomp, false, []string{"-mode", "queue", "-n", "8", "-time", "3s", "-msgs", "800000"}}}},
		{name: "latency", about: "from end to end", runs: []runArgs{
			{both, true, []string{"-mode", "latency", "-n", "1000", "-rate", "1", "-time", "3s"}},
			{both, true, []string{"-mode", "latency", "-n", "200", "-rate", "50", "-time", "3s"}}}},

		{name: "accounts", about: "accounts and permissions on and off, in turns", peers: []string{"mwm", "mwm-accounts"}, runs: []runArgs{fanin, pairs, queue}},
		{name: "tls", about: "TLS on and off, in turns", peers: []string{"mwm", "mwm-tls"}, runs: []runArgs{fanin, pairs, queue}},
		{name: "history", about: "history on and off, in turns, while 10,000 devices report once a second", load: true, fresh: true,
			peers: []string{"mwm", "mwm-nohistory"}, runs: []runArgs{
				{mqtt, true, fanin.args}, {stomp, false, pairs.args}, queue}},

		{name: "slow", about: "a subscriber that never reads", once: true, asks: true, runs: []runArgs{slow()}},
		{name: "moving", about: "a subscriber that reads, but slowly", once: true, asks: true, nobody: "gostomp", runs: []runArgs{
			slow("-pace", "80000"), slow("-pace", "1000000"), slow("-pace", "20000000")}},
		{name: "idle", about: "memory of a connection", once: true, fresh: true, runs: []runArgs{
			{both, false, []string{"-mode", "idle", "-n", "10000", "-time", "2s"}}}},
		{name: "queues", about: "10,000 queues", once: true, fresh: true, asks: true, nobody: "gostomp", runs: []runArgs{
			{stomp, false, []string{"-mode", "queues", "-n", "10000", "-time", "5s", "-msgs", "200000"}}}},
		{name: "backlog", about: "a queue of a million messages", once: true, fresh: true, asks: true, nobody: "gostomp", runs: []runArgs{
			{stomp, false, []string{"-mode", "backlog", "-n", "1", "-time", "20s", "-msgs", "1000000"}}}},
	}
}

// quickly makes a run so small that it only shows that it works.
func (r runArgs) quickly() []string {
	n := "4"
	if r.args[1] == "queues" {
		n = "120"
	}
	return append(append([]string{}, r.args...), "-n", n, "-time", "300ms", "-msgs", "2000", "-quiet", "2s", "-settle", "100ms")
}
