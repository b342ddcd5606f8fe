// Package ops is what administrators and their programs see of a running bot: the log, and
// the HTTP endpoint with /healthz, /readyz, /metrics and Go's profiles.
//
// It reports on the rest through functions that it is given, and changes nothing.
package ops

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"sync"
	"time"

	"whoread/bot/stream"
)

// Bounds of asking Redis for a probe.
const (
	pingTimeout = 3 * time.Second
	pingFresh   = 5 * time.Second // an answer of Redis younger than this is used again
)

// Health reports whether the bot can do its work. It is an http.Handler for /healthz
// and /readyz.
type Health struct {
	Ping   func(ctx context.Context) error // returns why Redis takes no writes
	Status func() stream.Status            // of the connections to DingTalk
	Now    func() time.Time

	mu       sync.Mutex
	pingedAt time.Time
	pingErr  error
}

// Readiness is the JSON document of /readyz.
type Readiness struct {
	Ready       bool         `json:"ready"`
	Reasons     []string     `json:"reasons,omitempty"` // why not, or what is not as it should be
	Redis       string       `json:"redis"`             // "ok" or "down"
	Connections []Connection `json:"connections"`
}

// Connection is one connection to DingTalk in the document of /readyz.
type Connection struct {
	Up        bool       `json:"up"`
	Since     *time.Time `json:"since,omitempty"`
	LastFrame *time.Time `json:"last_frame,omitempty"`
	LastError string     `json:"last_error,omitempty"`
}

func (h *Health) ServeHTTP(w http.ResponseWriter, r *http.Request) {
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

func (h *Health) answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // whoever asked may be gone
}

// ready returns how things are. The bot is ready if commands can come in and be
// recorded: one connection is enough.
func (h *Health) ready(ctx context.Context) Readiness {
	r := Readiness{Redis: "ok"}
	if err := h.Redis(ctx); err != nil {
		r.Redis = "down"
		r.Reasons = append(r.Reasons, "redis: "+err.Error())
	}
	status := h.Status()
	for i, c := range status.Connections {
		one := Connection{Up: c.Up(), Since: timeOrNil(c.UpSince), LastFrame: timeOrNil(c.LastFrame)}
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

// Redis returns why Redis takes no writes, as of a few seconds ago; nil if it does.
func (h *Health) Redis(ctx context.Context) error {
	h.mu.Lock()
	defer h.mu.Unlock() // probes at the same time share one answer
	if h.Now().Sub(h.pingedAt) < pingFresh {
		return h.pingErr
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), pingTimeout)
	defer cancel()
	h.pingErr = h.Ping(ctx)
	h.pingedAt = h.Now()
	return h.pingErr
}

func timeOrNil(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}
