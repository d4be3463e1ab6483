package httpd

import (
	"context"
	"net"
	"net/http"
	"strings"
)

// protocols is a WebSocket endpoint that speaks STOMP and MQTT, as the client's
// subprotocol says.
type protocols struct {
	stomp, mqtt WebSocketServer
	other       WebSocketServer // for a client that names none
	// ambient refuses requests of pages to which a client certificate does not
	// belong.
	ambient func(r *http.Request) error
}

// ServeHTTP hands the handshake to the protocol that it asks for. A client may
// offer several (RFC 6455 §4.1): the first one that is spoken here counts.
func (p protocols) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.TLS != nil && p.ambient(r) != nil {
		// Browsers add a client certificate by themselves, whoever's page asks.
		r = r.Clone(r.Context())
		r.TLS = nil
	}
	for _, header := range r.Header.Values("Sec-WebSocket-Protocol") {
		for name := range strings.SplitSeq(header, ",") {
			switch strings.ToLower(strings.TrimSpace(name)) {
			case "mqtt", "mqttv3.1":
				p.mqtt.ServeWS(w, r)
				return
			case "v10.stomp", "v11.stomp", "v12.stomp":
				p.stomp.ServeWS(w, r)
				return
			}
		}
	}
	p.other.ServeWS(w, r)
}

// stompEndpoint and mqttEndpoint are the endpoints of either protocol: each
// speaks both, and its own with clients that name none.
func (s *Server) stompEndpoint() http.Handler {
	return only(s.opts.Origins.AllowProtocol)(protocols{s.opts.STOMP, s.opts.MQTT, s.opts.STOMP, s.opts.Origins.AllowAmbient})
}

func (s *Server) mqttEndpoint() http.Handler {
	return only(s.opts.Origins.AllowProtocol)(protocols{s.opts.STOMP, s.opts.MQTT, s.opts.MQTT, s.opts.Origins.AllowAmbient})
}

// ServeSTOMP serves a listener as Serve does, with the STOMP endpoint at every
// path and nothing else.
func (s *Server) ServeSTOMP(ctx context.Context, l net.Listener) error {
	return s.serve(ctx, l, s.front(s.stompEndpoint()))
}

// ServeMQTT serves a listener as Serve does, with the MQTT endpoint at every
// path and nothing else.
func (s *Server) ServeMQTT(ctx context.Context, l net.Listener) error {
	return s.serve(ctx, l, s.front(s.mqttEndpoint()))
}
