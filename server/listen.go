package server

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"

	"mwm/server/netx"
)

// listen opens every configured port.
func (s *Server) listen() error {
	var err error
	if s.certificates, err = openCertificates(s.cfg, s.broker.Clock(), s.log); err != nil {
		return err
	}
	serve := map[string]func(context.Context, net.Listener) error{
		"http": s.httpd.Serve, "https": s.httpd.Serve, "stomp-ws": s.httpd.ServeSTOMP, "mqtt-ws": s.httpd.ServeMQTT,
		"stomp": s.raw("stomp", s.stomp.ServeConn), "stomps": s.raw("stomps", s.stomp.ServeConn),
		"mqtt": s.raw("mqtt", s.mqtt.ServeConn), "mqtts": s.raw("mqtts", s.mqtt.ServeConn),
		"pprof": s.serveProfiles,
	}
	for _, l := range s.cfg.listeners() {
		if l.addr == "" {
			continue
		}
		ln, err := net.Listen("tcp", l.addr)
		if err != nil {
			return fmt.Errorf("--%s: cannot listen on %q: %w", l.flag, l.addr, err)
		}
		// TLS comes last: the HTTP server has to see that it is there.
		if ln = s.access.gate.Listener(ln, s.cfg.MaxConns); l.tls {
			ln = tls.NewListener(ln, s.certificates.config(l.flag))
		}
		s.listeners = append(s.listeners, &listener{l.flag, ln, serve[l.flag]})
	}
	return nil
}

// raw serves a port whose connections speak a protocol from the first byte on.
func (s *Server) raw(name string, handle func(net.Conn)) func(context.Context, net.Listener) error {
	return func(ctx context.Context, ln net.Listener) error {
		return netx.Serve(ctx, ln, handle, s.log.With("listener", name))
	}
}
