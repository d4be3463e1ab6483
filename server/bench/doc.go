// Bench measures message brokers over MQTT 3.1.1 and STOMP 1.2 with raw sockets
// and pre-encoded frames, so that the generator costs little next to the broker.
// It is a module of its own: the brokers that it compares with stay out of the
// product's go.mod.
//
// # What it does
//
// One run (-mode fanin and others, see -h) measures one broker that runs already,
// and prints a line. -mode compare, which is `make bench`, starts mwm and those
// peers that are installed, lets them take turns in each case, so that noise on
// the machine meets all of them alike, and prints tables of medians. Peers that
// are not measured are frozen (SIGSTOP).
//
// The relay is the physical limit: a TCP copier without any protocol work. It
// amortises system calls over whole batches without limit: it is a ceiling to
// take fractions of, not a target.
//
// # How far to trust it
//
// Broker and generator share the machine, so the rates are those of the pair: a
// broker that writes message by message makes its clients dearer too. Differences
// below 20 % of rates, and a factor of 1.6 at QoS 1, may be noise. "others" are
// the cores that neither broker nor generator used: discard a run where that is
// much. High percentiles of latency are mostly scheduling; the relay has them too.
// Compare peers of one comparison only, never numbers of two days.
//
// # Peers
//
// All get one process, no TLS, their own default credentials and the log level
// "error". What differs from their defaults, and why, stands with their
// configuration in peers.go and configs.go. They do not promise the same: ActiveMQ
// and mwm sync each persistent message to disk before its receipt, in groups;
// RabbitMQ syncs less often; mosquitto saves every 30 minutes.
package main
