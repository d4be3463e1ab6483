package httpd

import (
	"mwm/server/broker"
)

// Will is what the server publishes when a client is lost (MQTT 5.0 §3.1.2.5).
type Will struct {
	MQTT         string   `json:"mqtt"`
	Destination  string   `json:"destination"`
	QoS          int      `json:"qos"`
	Retain       bool     `json:"retain"`
	DelaySeconds float64  `json:"delaySeconds"`
	Body         bodyView `json:"body"`
}

// willBytes is how much of a will's body is shown.
const willBytes = 1 << 10

// ViewWill describes a will, which may be nil.
func ViewWill(w *broker.ClientWill) *Will {
	if w == nil {
		return nil
	}
	return &Will{
		MQTT: mqttName(w.Name), Destination: "/topic/" + w.Name, QoS: int(w.QoS), Retain: w.Retain, DelaySeconds: w.Delay.Seconds(),
		Body: viewBody(w.Body, bodyForm{"auto", willBytes}),
	}
}
