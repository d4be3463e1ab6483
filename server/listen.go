package server

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"

	"golang.org/x/net/netutil"

	"mwm/server/netx"
)

// listen opens every configured port.
func (s *Server) listen() error {
	var secure *tls.Config
	if s.cfg.TLSCert != "" {
		cert, err := tls.LoadX509KeyPair(s.cfg.TLSCert, s.cfg.TLSKey)
		if err != nil {
			return fmt.Errorf("--tls-cert, --tls-key: %w", err)
		}
		s.certificate = cert.Leaf
		secure = &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12}
	}
	serve := map[string]func(context.Context, net.Listener) error{
		"http": s.http(s.httpd.Serve), "https": s.http(s.httpd.Serve),
		"stomp-ws": s.http(s.httpd.ServeSTOMP), "mqtt-ws": s.http(s.httpd.ServeMQTT),
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
		if l.tls {
			ln = tls.NewListener(ln, secure)
		}
		s.listeners = append(s.listeners, &listener{l.flag, ln, serve[l.flag]})
	}
	return nil
}

// raw serves a port whose connections speak a protocol from the first byte on.
func (s *Server) raw(name string, handle func(net.Conn)) func(context.Context, net.Listener) error {
	return func(ctx context.Context, ln net.Listener) error {
		l := netx.NewListener(name, ln, netx.ListenOptions{MaxConns: s.cfg.MaxConns, Logger: s.log})
		return l.Serve(ctx, handle)
	}
}

// http serves a port of an HTTP server, with the limit of connections.
func (s *Server) http(serve func(context.Context, net.Listener) error) func(context.Context, net.Listener) error {
	return func(ctx context.Context, ln net.Listener) error {
		limit := s.cfg.MaxConns
		if limit == 0 {
			limit = 100_000
		}
		return serve(ctx, netutil.LimitListener(ln, limit))
	}
}
