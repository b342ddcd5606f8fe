package ops

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/pprof"
	"net/netip"
	"strings"
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
		for pattern, profile := range map[string]http.HandlerFunc{
			"GET /debug/pprof/": pprof.Index, "GET /debug/pprof/cmdline": pprof.Cmdline, "GET /debug/pprof/profile": pprof.Profile,
			"GET /debug/pprof/symbol": pprof.Symbol, "POST /debug/pprof/symbol": pprof.Symbol, "GET /debug/pprof/trace": pprof.Trace,
		} {
			all.HandleFunc(pattern, byLoopbackName(profile))
		}
	}
	return all
}

// byLoopbackName refuses requests for any other host than this machine, as a web page sends them whose name was made to
// lead here (DNS rebinding). Who asks for profiles can name a loopback address: no other one is listened on.
func byLoopbackName(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		host, _, err := net.SplitHostPort(r.Host)
		if err != nil {
			host = strings.Trim(r.Host, "[]") // without a port
		}
		address, err := netip.ParseAddr(host)
		if !strings.EqualFold(host, "localhost") && (err != nil || !address.IsLoopback()) {
			http.Error(w, "profiles are for this machine only: ask for them at localhost, 127.0.0.1 or [::1]", http.StatusForbidden)
			return
		}
		next(w, r)
	}
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
