package ops

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/pprof"
	"time"

	"go.uber.org/zap"

	"whoread/cmd/internal/config"
)

// requestTimeout bounds reading a request; its answer may take twice as long.
const requestTimeout = 5 * time.Second

// Handler answers the probes, the scrapes of metrics and, if profiles, requests for Go's
// profiles.
func Handler(h *Health, m *Metrics, profiles bool) http.Handler {
	all := http.NewServeMux()
	all.Handle("GET /healthz", h)
	all.Handle("GET /readyz", h)
	all.Handle("GET /metrics", m.handler())
	if profiles {
		// By themselves they are only in http.DefaultServeMux, which nobody serves.
		all.HandleFunc("GET /debug/pprof/", pprof.Index)
		all.HandleFunc("GET /debug/pprof/cmdline", pprof.Cmdline)
		all.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
		all.HandleFunc("GET /debug/pprof/symbol", pprof.Symbol)
		all.HandleFunc("POST /debug/pprof/symbol", pprof.Symbol)
		all.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
	}
	return all
}

// Server serves a Handler until it is closed.
type Server struct {
	listener net.Listener
	server   *http.Server
}

// Listen listens on the address of http.listen. It returns nil where that is off, or where it
// is empty and the default address is taken, as by another whoread of this machine.
func Listen(ctx context.Context, address string, h http.Handler, log *zap.Logger) (*Server, error) {
	if address == config.ListenOff {
		return nil, nil
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", cmp.Or(address, config.DefaultListen))
	if err != nil && address == "" {
		log.Warn("no HTTP endpoint: the default address is taken", zap.Error(err))
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("http.listen: %w", err)
	}
	log.Info("HTTP endpoint", zap.String("address", listener.Addr().String()))
	return &Server{listener: listener, server: &http.Server{
		Handler: h, ReadHeaderTimeout: requestTimeout, ReadTimeout: requestTimeout, WriteTimeout: 2 * requestTimeout,
		IdleTimeout: time.Minute, MaxHeaderBytes: 8 << 10,
	}}, nil
}

// Run serves until close is called.
func (p *Server) Run() error {
	if err := p.server.Serve(p.listener); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve HTTP endpoint: %w", err)
	}
	return nil
}

// Close ends what is being answered, within a second.
func (p *Server) Close(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	if err := p.server.Shutdown(ctx); err != nil {
		return p.server.Close()
	}
	return nil
}
