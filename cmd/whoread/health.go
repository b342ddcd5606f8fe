package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/pprof"
	"sync"
	"time"

	"whoread/cmd/internal/config"

	"go.uber.org/zap"

	"whoread/bot/stream"
)

// Bounds of answering probes. They come every few seconds, from several places.
const (
	probeWithin = 5 * time.Second
	pingWithin  = 3 * time.Second
	pingAgain   = 5 * time.Second // an answer of Redis younger than this is used again
)

// health tells whether the bot can do its work. It is an http.Handler for /healthz
// and /readyz.
type health struct {
	ping   func(ctx context.Context) error
	status func() stream.Status
	now    func() time.Time

	mu       sync.Mutex
	pingedAt time.Time
	pingErr  error
}

// readiness is the answer to /readyz.
type readiness struct {
	Ready       bool               `json:"ready"`
	Reasons     []string           `json:"reasons,omitempty"` // why not, or what is not as it should be
	Redis       string             `json:"redis"`             // "ok" or "down"
	Connections []connectionHealth `json:"connections"`
}

type connectionHealth struct {
	Up        bool       `json:"up"`
	Since     *time.Time `json:"since,omitempty"`
	LastFrame *time.Time `json:"last_frame,omitempty"`
	LastError string     `json:"last_error,omitempty"`
}

func (h *health) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch r.URL.Path {
	case "/healthz":
		h.answer(w, http.StatusOK, map[string]string{"status": "ok"})
	case "/readyz":
		ready := h.ready(r.Context())
		status := http.StatusOK
		if !ready.Ready {
			status = http.StatusServiceUnavailable
		}
		h.answer(w, status, ready)
	default:
		http.NotFound(w, r)
	}
}

func (h *health) answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // whoever asked may be gone
}

// ready finds out how things are. The bot is ready if commands can come in and be
// recorded: one connection is enough.
func (h *health) ready(ctx context.Context) readiness {
	r := readiness{Redis: "ok"}
	if err := h.redis(ctx); err != nil {
		r.Redis = "down"
		r.Reasons = append(r.Reasons, "redis: "+err.Error())
	}
	status := h.status()
	for i, c := range status.Connections {
		one := connectionHealth{Up: c.Up(), Since: when(c.UpSince), LastFrame: when(c.LastFrame)}
		if c.LastError != nil && !c.Up() {
			one.LastError = c.LastError.Error()
			r.Reasons = append(r.Reasons, fmt.Sprintf("connection %d: %s", i+1, one.LastError))
		}
		r.Connections = append(r.Connections, one)
	}
	if status.Up() == 0 {
		r.Reasons = append(r.Reasons, "no connection to DingTalk")
	}
	r.Ready = r.Redis == "ok" && status.Up() > 0
	return r
}

// redis tells whether Redis takes writes, as of a few seconds ago.
func (h *health) redis(ctx context.Context) error {
	h.mu.Lock()
	defer h.mu.Unlock() // probes at the same time share one answer
	if h.now().Sub(h.pingedAt) < pingAgain {
		return h.pingErr
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), pingWithin)
	defer cancel()
	h.pingErr = h.ping(ctx)
	h.pingedAt = h.now()
	return h.pingErr
}

func when(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

// operations answers what administrators and their programs ask: the probes, the metrics
// and, where that is switched on, Go's profiles.
func operations(h *health, m *metrics, profiles bool) http.Handler {
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

// probes serves operations until it is closed.
type probes struct {
	listener net.Listener
	server   *http.Server
}

// listenForProbes listens on the address of the configuration; nil where it is off, or
// where none is configured and the default one is taken, as by another whoread of this
// machine.
func listenForProbes(ctx context.Context, address string, h http.Handler, log *zap.Logger) (*probes, error) {
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
	return &probes{listener: listener, server: &http.Server{
		Handler: h, ReadHeaderTimeout: probeWithin, ReadTimeout: probeWithin, WriteTimeout: 2 * probeWithin,
		IdleTimeout: time.Minute, MaxHeaderBytes: 8 << 10,
	}}, nil
}

// run serves until close is called.
func (p *probes) run() error {
	if err := p.server.Serve(p.listener); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve HTTP endpoint: %w", err)
	}
	return nil
}

// close ends what is being answered, within a second.
func (p *probes) close(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	if err := p.server.Shutdown(ctx); err != nil {
		return p.server.Close()
	}
	return nil
}
