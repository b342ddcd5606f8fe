package api

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"go.uber.org/zap"
)

// Bounds of a request. Its answer may wait for what is done.
const (
	readWithin  = 10 * time.Second
	writeWithin = workWithin + 10*time.Second
)

// Server serves an API until it is closed.
type Server struct {
	listener net.Listener
	server   *http.Server
	tls      bool
}

// Listen listens on the address, with TLS if certificate is not nil: it returns the one that is
// in effect.
func Listen(ctx context.Context, address string, h http.Handler, certificate func() *tls.Certificate, log *zap.Logger) (*Server, error) {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", address)
	if err != nil {
		return nil, fmt.Errorf("api.listen: %w", err)
	}
	s := &Server{listener: listener, tls: certificate != nil, server: &http.Server{
		Handler: h, ReadHeaderTimeout: readWithin, ReadTimeout: readWithin, WriteTimeout: writeWithin, IdleTimeout: time.Minute, MaxHeaderBytes: 16 << 10,
		ErrorLog: zap.NewStdLog(zap.NewNop()), // whoever can't speak HTTP or TLS
	}}
	if s.tls {
		s.server.TLSConfig = &tls.Config{
			MinVersion:     tls.VersionTLS12,
			GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return certificate(), nil },
		}
	}
	log.Info("requests of programs are taken", zap.String("address", listener.Addr().String()), zap.Bool("tls", s.tls))
	return s, nil
}

// Run serves until Close is called.
func (s *Server) Run() error {
	serve := func() error { return s.server.Serve(s.listener) }
	if s.tls {
		serve = func() error { return s.server.ServeTLS(s.listener, "", "") }
	}
	if err := serve(); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve API: %w", err)
	}
	return nil
}

// Close takes no more requests, and gives those that are at work time to end.
func (s *Server) Close(ctx context.Context, within time.Duration) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), within)
	defer cancel()
	if err := s.server.Shutdown(ctx); err != nil {
		return s.server.Close()
	}
	return nil
}
