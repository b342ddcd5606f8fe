package ops

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"whoread/bot/stream"
)

// probe asks for /readyz.
func probe(t *testing.T, get func(path string) (int, []byte)) (int, Readiness) {
	t.Helper()
	status, body := get("/readyz")
	var r Readiness
	if err := json.Unmarshal(body, &r); err != nil {
		t.Fatalf("%s: %v", body, err)
	}
	return status, r
}

func TestReadinessIsTheTruth(t *testing.T) {
	t.Parallel()
	noon := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	up := stream.ConnectionStatus{UpSince: noon, LastFrame: noon}
	down := stream.ConnectionStatus{LastError: errors.New("gateway refuses"), LastErrorAt: noon}
	for name, c := range map[string]struct {
		redis       error
		connections []stream.ConnectionStatus
		status      int
		reasons     []string
	}{
		"all is well":                  {nil, []stream.ConnectionStatus{up, up}, 200, nil},
		"one connection is enough":     {nil, []stream.ConnectionStatus{up, down}, 200, []string{"connection 2: gateway refuses"}},
		"no connection":                {nil, []stream.ConnectionStatus{down, down}, 503, []string{"connection 1", "connection 2", "no connection to DingTalk"}},
		"not yet connected":            {nil, []stream.ConnectionStatus{{}, {}}, 503, []string{"no connection to DingTalk"}},
		"Redis is away":                {errors.New("write to Redis: refused"), []stream.ConnectionStatus{up}, 503, []string{"redis: write to Redis: refused"}},
		"nothing is as it should be":   {errors.New("refused"), []stream.ConnectionStatus{down}, 503, []string{"redis", "connection 1", "no connection"}},
		"an old error of a good one":   {nil, []stream.ConnectionStatus{{UpSince: noon, LastError: errors.New("cut")}}, 200, nil},
		"a connection without a frame": {nil, []stream.ConnectionStatus{{UpSince: noon}}, 200, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := &Health{
				Ping:   func(context.Context) error { return c.redis },
				Status: func() stream.Status { return stream.Status{Connections: c.connections} },
				Now:    func() time.Time { return noon },
			}
			get := func(path string) (int, []byte) {
				w := httptest.NewRecorder()
				h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
				return w.Code, w.Body.Bytes()
			}
			status, r := probe(t, get)
			if status != c.status || r.Ready != (c.status == 200) || len(r.Reasons) != len(c.reasons) {
				t.Fatalf("%d %+v", status, r)
			}
			for i, reason := range c.reasons {
				if !strings.HasPrefix(r.Reasons[i], reason) {
					t.Errorf("reason %q; want %q", r.Reasons[i], reason)
				}
			}
			if status, _ := get("/healthz"); status != 200 {
				t.Errorf("/healthz: %d", status)
			}
			if status, _ := get("/"); status != 404 {
				t.Errorf("/: %d", status)
			}
		})
	}
}

// Many probes ask Redis once in a while.
func TestProbesShareAnAnswerOfRedis(t *testing.T) {
	t.Parallel()
	now, pings := time.Unix(1_000_000, 0), 0
	h := &Health{
		Ping:   func(context.Context) error { pings++; return nil },
		Status: func() stream.Status { return stream.Status{} },
		Now:    func() time.Time { return now },
	}
	for _, later := range []time.Duration{0, 0, pingFresh - 1, 1, pingFresh - 1} {
		now = now.Add(later)
		h.ready(t.Context())
	}
	if pings != 2 {
		t.Errorf("%d pings; want 2", pings)
	}
}

// The probe of the real program tells the truth through an outage of Redis and one of
// DingTalk, and that they are over.
