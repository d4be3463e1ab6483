package server

import (
	"strconv"

	"mwm/server/httpd"
)

// sessions describes the sessions of MQTT for the console.
func (s *Server) sessions() []httpd.Session {
	infos := s.mqtt.Sessions()
	all := make([]httpd.Session, len(infos))
	for i, info := range infos {
		x := httpd.Session{
			Client: info.ClientID, User: info.Principal, ExpirySeconds: info.Expiry.Seconds(),
			Queued: info.Queued, QueuedBytes: info.QueuedBytes, Inflight: info.Inflight, Dropped: info.Dropped,
			Will: httpd.ViewWill(info.Will),
		}
		if info.Client != nil {
			id := strconv.FormatUint(info.Client.Num(), 10)
			x.Connection = &id
		}
		for _, sub := range info.Subscriptions {
			x.Subscriptions = append(x.Subscriptions, httpd.SessionSubscription{Filter: sub.Filter, QoS: int(sub.QoS)})
		}
		all[i] = x
	}
	return all
}
