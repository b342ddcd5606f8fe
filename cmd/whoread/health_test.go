package main

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
	"whoread/receipts/dingtalk/dingtalktest"
	"whoread/store/storetest"
)

// probe asks for /readyz.
func probe(t *testing.T, get func(path string) (int, []byte)) (int, readiness) {
	t.Helper()
	status, body := get("/readyz")
	var r readiness
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
			h := &health{
				ping:   func(context.Context) error { return c.redis },
				status: func() stream.Status { return stream.Status{Connections: c.connections} },
				now:    func() time.Time { return noon },
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
	h := &health{
		ping:   func(context.Context) error { pings++; return nil },
		status: func() stream.Status { return stream.Status{} },
		now:    func() time.Time { return now },
	}
	for _, later := range []time.Duration{0, 0, pingAgain - 1, 1, pingAgain - 1} {
		now = now.Add(later)
		h.ready(t.Context())
	}
	if pings != 2 {
		t.Errorf("%d pings; want 2", pings)
	}
}

// The probe of the real program tells the truth through an outage of Redis and one of
// DingTalk, and that they are over.
func TestProbesFollowOutages(t *testing.T) {
	t.Parallel()
	b := storetest.Real(t)
	proxy := storetest.NewProxy(t, b.URL)
	b.URL = proxy.URL()
	w := newWorld(t, b, dingtalktest.Options{DisconnectAfter: time.Millisecond})
	address := w.start(w.config(anyPort)).endpoint().address
	becomes := func(status int, reason string) {
		t.Helper()
		ctx := within(t)
		for ctx.Err() == nil {
			got, r := readyz(t, address)
			if got == status && strings.Contains(strings.Join(r.Reasons, "\n"), reason) {
				return
			}
			time.Sleep(100 * time.Millisecond)
		}
		t.Fatalf("never %d because of %q", status, reason)
	}
	becomes(200, "")
	proxy.Cut()
	becomes(503, "redis")
	proxy.Mend(t)
	becomes(200, "")
	w.RefuseGateway(true)
	w.DropConnections()
	becomes(503, "no connection to DingTalk")
	w.RefuseGateway(false)
	becomes(200, "")
}
