package server

import (
	"net/http"
	"slices"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"mwm/server/broker"
	"mwm/server/fleet"
	"mwm/server/history"
	"mwm/server/live"
	"mwm/server/mqtt"
	"mwm/server/netx"
)

// metric is one figure that the server exports. The parts count with plain
// atomics and know nothing of Prometheus; this table is the only adapter.
type metric struct {
	name, help string
	counter    bool // else a gauge
	value      func(*reading) float64
}

// reading is one look at all parts.
type reading struct {
	s       *Server
	fleet   fleet.Stats
	live    live.Stats
	queues  queueTotals
	traffic broker.Traffic
	mqtt    mqtt.SessionTotals

	history history.Stats // nothing if there is none

	loginsRefused, loginsDelayed uint64
	sessions                     int
	sessionsEvicted              uint64
}

// queueTotals sum up all queues, so that a thousand of them are not a thousand
// time series.
type queueTotals struct {
	queues, waiting, unacknowledged, bytes, consumers, longest int
}

func (s *Server) read() *reading {
	r := &reading{s: s, fleet: s.fleet.Stats(), live: s.hub.Stats(), traffic: s.broker.Traffic()}
	if s.history != nil {
		r.history = s.history.Stats()
	}
	r.loginsRefused, r.loginsDelayed = s.access.logins()
	r.sessions, r.sessionsEvicted = s.access.signedIn()
	r.mqtt = s.mqtt.SessionTotals()
	for _, q := range s.broker.Queues(">") {
		r.queues.add(q)
	}
	for _, d := range s.broker.Durables() {
		r.queues.add(d.QueueInfo)
	}
	return r
}

func (t *queueTotals) add(q broker.QueueInfo) {
	t.queues++
	t.waiting += q.Waiting
	t.unacknowledged += q.Unacknowledged
	t.bytes += q.Bytes
	t.consumers += q.Consumers
	t.longest = max(t.longest, q.Waiting)
}

func n[T ~int | ~int64 | ~uint64](v T) float64 { return float64(v) }

// metrics are all there are. deploy/METRICS.md lists them, and a test compares.
var metrics = []metric{
	{"mwm_clients", "Connected STOMP and MQTT clients.", false, func(r *reading) float64 { return n(len(r.s.broker.Clients())) }},
	{"mwm_client_messages_received_total", "Messages that clients have sent.", true, func(r *reading) float64 { return n(r.traffic.MessagesIn) }},
	{"mwm_client_messages_sent_total", "Messages sent to clients.", true, func(r *reading) float64 { return n(r.traffic.MessagesOut) }},
	{"mwm_client_messages_dropped_total", "Messages that clients lost because they did not keep up.", true, func(r *reading) float64 { return n(r.traffic.Dropped) }},
	{"mwm_client_bytes_received_total", "Bytes that clients have sent.", true, func(r *reading) float64 { return n(r.traffic.BytesIn) }},
	{"mwm_client_bytes_sent_total", "Bytes sent to clients.", true, func(r *reading) float64 { return n(r.traffic.BytesOut) }},
	{"mwm_connections_refused_total", "Connections closed at once: too many on a listener, or too many or too fast from an address.", true, func(r *reading) float64 { return n(r.s.access.gate.Refused()) }},
	{"mwm_connections_evicted_total", "Connections ended because half a frame of theirs lay in memory while that was short.", true, func(*reading) float64 { return n(netx.Evicted()) }},
	{"mwm_senders_slowed_total", "Times that a sender beyond its rate was read more slowly.", true, func(*reading) float64 { return n(netx.Slowed()) }},
	{"mwm_memory_held_bytes", "What clients make the server hold.", false, func(*reading) float64 { return n(netx.MemoryUsed()) }},
	{"mwm_memory_limit_bytes", "What they may make it hold; 0 for no limit.", false, func(*reading) float64 { return n(netx.MemoryLimit()) }},
	{"mwm_disk_short", "1 while persistent messages are refused because the disk is nearly full.", false, func(r *reading) float64 {
		if r.s.broker.Room() != nil {
			return 1
		}
		return 0
	}},
	{"mwm_certificate_expires_timestamp_seconds", "When the certificate of the TLS listeners ends, in seconds since 1970; 0 if there is none.", false, func(r *reading) float64 {
		c := r.s.certificates.leaf()
		if c == nil {
			return 0
		}
		return n(c.NotAfter.Unix())
	}},
	{"mwm_logins_refused_total", "Attempts to come in with wrong credentials.", true, func(r *reading) float64 { return n(r.loginsRefused) }},
	{"mwm_logins_delayed_total", "Attempts to come in that were told to come again later, because of those before.", true, func(r *reading) float64 { return n(r.loginsDelayed) }},
	{"mwm_page_sessions", "Sessions of those who have signed in on the page.", false, func(r *reading) float64 { return n(r.sessions) }},
	{"mwm_page_sessions_evicted_total", "Sessions of the page ended because there were too many.", true, func(r *reading) float64 { return n(r.sessionsEvicted) }},
	{"mwm_requests_limited_total", "Requests of the API refused: too large, or too many.", true, func(r *reading) float64 { return n(r.s.httpd.Limited()) }},
	{"mwm_stomp_connections_total", "STOMP connections accepted.", true, func(r *reading) float64 { return n(r.s.stomp.Stats().Accepted.Load()) }},
	{"mwm_stomp_errors_total", "STOMP sessions ended by the server with an ERROR.", true, func(r *reading) float64 { return n(r.s.stomp.Stats().Refused.Load()) }},
	{"mwm_stomp_denied_total", "STOMP sessions ended because of wrong credentials, or for what they may not do.", true, func(r *reading) float64 { return n(r.s.stomp.Refusals()["access refused"]) }},
	{"mwm_stomp_slow_total", "STOMP sessions ended because the client did not keep up.", true, func(r *reading) float64 { return n(r.s.stomp.Stats().TooSlow.Load()) }},
	{"mwm_stomp_dropped_total", "Topic messages lost by STOMP subscribers that did not keep up.", true, func(r *reading) float64 { return n(r.s.stomp.Dropped()) }},
	{"mwm_stomp_headers_lost_total", "Headers left out because STOMP 1.0 cannot carry them.", true, func(r *reading) float64 { return n(r.s.stomp.Stats().LostHeaders.Load()) }},
	{"mwm_mqtt_connections_total", "MQTT connections accepted.", true, func(r *reading) float64 { return n(r.s.mqtt.Stats().Connected.Load()) }},
	{"mwm_mqtt_refused_total", "MQTT connections refused.", true, func(r *reading) float64 { return n(r.s.mqtt.Stats().Refused.Load()) }},
	{"mwm_mqtt_faults_total", "MQTT connections ended for what the client sent.", true, func(r *reading) float64 { return n(r.s.mqtt.Stats().Faults.Load()) }},
	{"mwm_mqtt_slow_total", "MQTT clients disconnected because they held publishers back, or did not read.", true, func(r *reading) float64 { return n(r.s.mqtt.Stats().Slow.Load()) }},
	{"mwm_mqtt_overflowed_total", "Messages discarded because a kept session's queue was full.", true, func(r *reading) float64 { return n(r.s.mqtt.Stats().Overflowed.Load()) }},
	{"mwm_mqtt_unkept_total", "Messages that no session took because disk or memory was short.", true, func(r *reading) float64 { return n(r.s.mqtt.Stats().Unkept.Load()) }},
	{"mwm_mqtt_filters_refused_total", "Filters of SUBSCRIBE refused: beyond a limit, not permitted, or malformed.", true, func(r *reading) float64 { return n(r.s.mqtt.Stats().RefusedFilters.Load()) }},
	{"mwm_mqtt_expired_total", "Messages given up in sessions because their time was over.", true, func(r *reading) float64 { return n(r.s.mqtt.Stats().Expired.Load()) }},
	{"mwm_mqtt_denied_total", "Messages that their clients may not publish.", true, func(r *reading) float64 { return n(r.s.mqtt.Stats().Denied.Load()) }},
	{"mwm_mqtt_headers_lost_total", "Headers of STOMP senders left out because MQTT cannot carry them.", true, func(r *reading) float64 { return n(r.s.mqtt.Stats().LostHeaders.Load()) }},
	{"mwm_mqtt_too_large_total", "Messages not sent: longer than the receiver takes.", true, func(r *reading) float64 { return n(r.s.mqtt.Stats().TooLarge.Load()) }},
	{"mwm_mqtt_sessions", "MQTT sessions.", false, func(r *reading) float64 { return n(r.mqtt.Sessions) }},
	{"mwm_mqtt_sessions_away", "MQTT sessions whose client is away.", false, func(r *reading) float64 { return n(r.mqtt.Away) }},
	{"mwm_mqtt_waiting", "Messages that wait in MQTT sessions.", false, func(r *reading) float64 { return n(r.mqtt.Queued) }},
	{"mwm_mqtt_waiting_bytes", "Bytes of these messages.", false, func(r *reading) float64 { return n(r.mqtt.QueuedBytes) }},
	{"mwm_mqtt_inflight", "Messages sent to MQTT clients and not acknowledged.", false, func(r *reading) float64 { return n(r.mqtt.Inflight) }},
	{"mwm_mqtt_wills_total", "Last wills published.", true, func(r *reading) float64 { return n(r.s.mqtt.Stats().Wills.Load()) }},

	{"mwm_topic_messages_total", "Messages published to topics.", true, func(r *reading) float64 { return n(r.s.broker.Stats().In.Load()) }},
	{"mwm_subscriptions", "Subscriptions to topics.", false, func(r *reading) float64 { return n(r.s.broker.Subscriptions()) }},
	{"mwm_retained_topics", "Topics with a retained message.", false, func(r *reading) float64 { return n(r.s.broker.RetainedCount()) }},
	{"mwm_retained_refused_total", "Messages not retained because of the limits.", true, func(r *reading) float64 { return n(r.s.broker.Stats().Unretained.Load()) }},
	{"mwm_queues", "Queues, and durable subscriptions.", false, func(r *reading) float64 { return n(r.queues.queues) }},
	{"mwm_queue_consumers", "Consumers of queues.", false, func(r *reading) float64 { return n(r.queues.consumers) }},
	{"mwm_queue_waiting", "Messages that wait in queues.", false, func(r *reading) float64 { return n(r.queues.waiting) }},
	{"mwm_queue_longest", "Messages that wait in the longest queue.", false, func(r *reading) float64 { return n(r.queues.longest) }},
	{"mwm_queue_unacknowledged", "Messages given to consumers and not acknowledged.", false, func(r *reading) float64 { return n(r.queues.unacknowledged) }},
	{"mwm_queue_bytes", "Bytes of messages in queues.", false, func(r *reading) float64 { return n(r.queues.bytes) }},
	{"mwm_queue_enqueued_total", "Messages accepted by queues.", true, func(r *reading) float64 { return n(r.s.broker.Stats().Enqueued.Load()) }},
	{"mwm_queue_consumed_total", "Messages acknowledged.", true, func(r *reading) float64 { return n(r.s.broker.Stats().Consumed.Load()) }},
	{"mwm_queue_expired_total", "Messages given up because their time was over.", true, func(r *reading) float64 { return n(r.s.broker.Stats().Expired.Load()) }},
	{"mwm_queue_dead_total", "Messages moved to a dead letter queue.", true, func(r *reading) float64 { return n(r.s.broker.Stats().Dead.Load()) }},
	{"mwm_queue_refused_total", "Messages refused because a queue was full.", true, func(r *reading) float64 { return n(r.s.broker.Stats().Refused.Load()) }},
	{"mwm_queue_lost_total", "Messages for durable subscribers that there was no room for.", true, func(r *reading) float64 { return n(r.s.broker.Stats().Lost.Load()) }},

	{"mwm_journal_transactions_total", "Transactions synced to disk.", true, func(r *reading) float64 { return n(r.s.broker.Journal().Stats().Transactions.Load()) }},
	{"mwm_journal_failed_total", "Transactions that the disk refused.", true, func(r *reading) float64 { return n(r.s.broker.Journal().Stats().Failed.Load()) }},
	{"mwm_journal_spared_total", "Messages acknowledged before they were written.", true, func(r *reading) float64 { return n(r.s.broker.Journal().Stats().Spared.Load()) }},

	{"mwm_devices", "Devices known.", false, func(r *reading) float64 { return n(r.fleet.Devices) }},
	{"mwm_devices_offline", "Devices that have gone.", false, func(r *reading) float64 { return n(r.fleet.ByStatus[fleet.Offline]) }},
	{"mwm_devices_stale", "Devices that have fallen silent.", false, func(r *reading) float64 { return n(r.fleet.ByStatus[fleet.Stale]) }},
	{"mwm_devices_idle", "Devices at rest.", false, func(r *reading) float64 { return n(r.fleet.ByStatus[fleet.Idle]) }},
	{"mwm_devices_moving", "Devices on the move.", false, func(r *reading) float64 { return n(r.fleet.ByStatus[fleet.Moving]) }},
	{"mwm_locations_total", "Locations believed.", true, func(r *reading) float64 { return n(r.fleet.Locations) }},
	{"mwm_motions_total", "Motions believed.", true, func(r *reading) float64 { return n(r.fleet.Motions) }},
	{"mwm_payloads_refused_total", "Payloads of devices that were not believed.", true, func(r *reading) float64 {
		return n(r.fleet.RefusedLocations + r.fleet.RefusedMotions + r.fleet.RefusedLastWills)
	}},
	{"mwm_devices_refused_total", "Reports of devices beyond --max-devices.", true, func(r *reading) float64 { return n(r.fleet.RefusedFull) }},

	{"mwm_history_recorded_total", "Positions taken into the history.", true, func(r *reading) float64 { return n(r.history.Recorded) }},
	{"mwm_history_points", "Positions in the history.", false, func(r *reading) float64 { return n(r.history.Usage.Points) }},
	{"mwm_history_bytes", "Bytes of the history.", false, func(r *reading) float64 { return n(r.history.Usage.Bytes) }},

	{"mwm_browsers", "Open dashboards.", false, func(r *reading) float64 { return n(r.live.Browsers) }},
	{"mwm_feed_bytes_total", "Bytes sent to dashboards.", true, func(r *reading) float64 { return n(r.live.SentBytes) }},
	{"mwm_feed_encoded_bytes_total", "Bytes encoded for dashboards; many share them.", true, func(r *reading) float64 { return n(r.live.EncodedBytes) }},
	{"mwm_feed_lag_seconds", "For how long the dashboard that is furthest behind has not acknowledged what it was sent.", false, func(r *reading) float64 { return r.live.Lag.Seconds() }},
	{"mwm_feed_skipped_total", "Ticks that a dashboard was not sent because it had not read those before.", true, func(r *reading) float64 { return n(r.live.Skipped) }},
	{"mwm_feed_refused_total", "Dashboards refused because there were too many.", true, func(r *reading) float64 { return n(r.live.Refused) }},
	{"mwm_feed_slow_total", "Dashboards disconnected because they did not keep up.", true, func(r *reading) float64 { return n(r.live.Slow) }},
}

// labelled is a counter for each value of a label.
type labelled struct {
	name, help, label string
	values            func(*reading) map[string]uint64
}

// labelledMetrics are all there are of that kind.
var labelledMetrics = []labelled{
	{"mwm_stomp_ended_total", "STOMP sessions ended by the server, by the message header of the ERROR: each limit has one of its own.", "reason",
		func(r *reading) map[string]uint64 { return r.s.stomp.Refusals() }},
	{"mwm_history_dropped_total", "Positions that the history lost: the disk did not keep up, the device sends too many, there are too many devices, or there is no such place or time.", "reason",
		func(r *reading) map[string]uint64 {
			d := r.history.Dropped
			return map[string]uint64{"disk": uint64(d.Disk), "rate": uint64(d.Rate), "devices": uint64(d.Devices), "invalid": uint64(d.Invalid)}
		}},
}

// histogram tells how figures are spread.
type histogram struct {
	name, help string
	per        float64 // how many of the units of its figures make one of the metric
	value      func(*reading) *broker.Spread
}

// histograms are all there are.
var histograms = []histogram{
	{"mwm_journal_group_messages", "Messages that were written to disk in one transaction.", 1,
		func(r *reading) *broker.Spread { return &r.s.broker.Journal().Stats().Groups }},
	{"mwm_journal_commit_seconds", "How long a transaction took, with its sync, also one that the disk refused.", 1e6,
		func(r *reading) *broker.Spread { return &r.s.broker.Journal().Stats().Microseconds }},
}

// collector exports the tables.
type collector struct {
	s          *Server
	descs      []*prometheus.Desc
	labelled   []*prometheus.Desc
	histograms []*prometheus.Desc
}

// Describe is part of prometheus.Collector.
func (c *collector) Describe(out chan<- *prometheus.Desc) {
	for _, d := range slices.Concat(c.descs, c.labelled, c.histograms) {
		out <- d
	}
}

// Collect is part of prometheus.Collector.
func (c *collector) Collect(out chan<- prometheus.Metric) {
	r := c.s.read()
	for i, m := range metrics {
		kind := prometheus.GaugeValue
		if m.counter {
			kind = prometheus.CounterValue
		}
		out <- prometheus.MustNewConstMetric(c.descs[i], kind, m.value(r))
	}
	for i, m := range labelledMetrics {
		for label, v := range m.values(r) {
			out <- prometheus.MustNewConstMetric(c.labelled[i], prometheus.CounterValue, n(v), label)
		}
	}
	for i, m := range histograms {
		count, sum, upTo := m.value(r).Read()
		buckets := map[float64]uint64{}
		for bound, v := range upTo {
			buckets[n(bound)/m.per] = v
		}
		out <- prometheus.MustNewConstHistogram(c.histograms[i], count, n(sum)/m.per, buckets)
	}
}

// metricsHandler serves the table, and the Go runtime's own figures, from a
// registry of the server's own.
func (s *Server) metricsHandler() http.Handler {
	c := &collector{s: s}
	for _, m := range metrics {
		c.descs = append(c.descs, prometheus.NewDesc(m.name, m.help, nil, nil))
	}
	for _, m := range labelledMetrics {
		c.labelled = append(c.labelled, prometheus.NewDesc(m.name, m.help, []string{m.label}, nil))
	}
	for _, m := range histograms {
		c.histograms = append(c.histograms, prometheus.NewDesc(m.name, m.help, nil, nil))
	}
	registry := prometheus.NewRegistry()
	registry.MustRegister(c, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return promhttp.HandlerFor(registry, promhttp.HandlerOpts{})
}
