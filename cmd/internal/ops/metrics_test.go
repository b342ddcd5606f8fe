package ops

import (
	"context"
	"errors"
	"math"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus/testutil"
	dto "github.com/prometheus/client_model/go"
	"go.uber.org/zap/zapcore"

	"whoread/bot"
	"whoread/bot/stream"
	"whoread/cmd/internal/ops/opstest"
	"whoread/receipts/dingtalk"
	"whoread/store"
)

// fine is a condition in which all is well.
func fine() *State {
	now := time.Unix(1_800_000_000, 0)
	return &State{
		Redis: func(context.Context) error { return nil },
		Depth: func(context.Context) (store.Depth, error) {
			return store.Depth{Waiting: 1, Working: 2, Scheduled: 3, Parked: 4, Oldest: 1500 * time.Millisecond}, nil
		},
		Calls: func(context.Context) (int, error) { return 42, nil },
		Spent: func() bool { return false },
		Limit: func() int64 { return 5000 },
		Status: func() stream.Status {
			up := stream.ConnectionStatus{UpSince: now, LastFrame: now}
			return stream.Status{Connections: []stream.ConnectionStatus{up, {}}}
		},
		Now: func() time.Time { return now },
	}
}

// busy are metrics of which everything has happened once.
func busy(c *State) *Metrics {
	m := NewMetrics("v1")
	m.registry.MustRegister(c)
	m.Command("who_read", bot.Done, time.Second)
	m.Job("sweep", bot.Done)
	m.Push("message", bot.Taken)
	m.Request("announce", 201, time.Second)
	m.ObserveCall(dingtalk.Call{API: "query", Took: time.Second, Counted: true})
	m.ObserveCall(dingtalk.Call{API: "query", Took: time.Second, Kind: dingtalk.Throttled})
	m.ObserveRedis(time.Millisecond, false)
	m.ClockOffset("redis", time.Second)
	m.LineDropped(zapcore.WarnLevel)
	return m
}

func gathered(t *testing.T, m *Metrics) map[string]*dto.MetricFamily {
	t.Helper()
	families, err := m.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]*dto.MetricFamily{}
	for _, family := range families {
		all[family.GetName()] = family
	}
	return all
}

// These are the names that dashboards and alerts rely on. README.md explains them.
func TestTheNamesOfMetricsStay(t *testing.T) {
	t.Parallel()
	want := map[string]string{
		"whoread_build_info":                          "GAUGE goversion,version",
		"whoread_commands_total":                      "COUNTER outcome,verb",
		"whoread_command_duration_seconds":            "HISTOGRAM verb",
		"whoread_jobs_total":                          "COUNTER kind,outcome",
		"whoread_api_requests_total":                  "COUNTER route,status",
		"whoread_pushes_total":                        "COUNTER outcome,type",
		"whoread_dingtalk_calls_total":                "COUNTER api,counted,outcome",
		"whoread_dingtalk_call_duration_seconds":      "HISTOGRAM api",
		"whoread_budget_calls_limit":                  "GAUGE ",
		"whoread_budget_calls_used":                   "GAUGE ",
		"whoread_budget_calls_remaining":              "GAUGE ",
		"whoread_budget_spent":                        "GAUGE ",
		"whoread_inbox_commands":                      "GAUGE state",
		"whoread_inbox_oldest_age_seconds":            "GAUGE ",
		"whoread_stream_connections":                  "GAUGE state",
		"whoread_stream_last_frame_timestamp_seconds": "GAUGE ",
		"whoread_redis_call_duration_seconds":         "HISTOGRAM outcome",
		"whoread_clock_offset_seconds":                "GAUGE of",
		"whoread_redis_up":                            "GAUGE ",
		"whoread_log_lines_dropped_total":             "COUNTER level",
		"whoread_config_reloads_total":                "COUNTER outcome",
		"whoread_config_last_reload_successful":       "GAUGE ",
	}
	got := map[string]string{}
	m := busy(fine())
	for name, family := range gathered(t, m) {
		if !strings.HasPrefix(name, "whoread_") {
			if !strings.HasPrefix(name, "go_") && !strings.HasPrefix(name, "process_") {
				t.Errorf("whose is %s?", name)
			}
			continue
		}
		var labels []string
		for _, label := range family.GetMetric()[0].GetLabel() {
			labels = append(labels, label.GetName())
		}
		got[name] = family.GetType().String() + " " + strings.Join(labels, ",")
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	readme, err := os.ReadFile("../../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	var rows strings.Builder
	for text := range strings.Lines(string(readme)) {
		if strings.HasPrefix(text, "  | `whoread_") {
			rows.WriteString(text)
		}
	}
	for name := range want {
		if n := strings.Count(rows.String(), "`"+name+"`"); n != 2 {
			t.Errorf("README.md explains %s %d times, not once in each language", name, n)
		}
	}
	problems, err := testutil.GatherAndLint(m.registry)
	if err != nil {
		t.Fatal(err)
	}
	for _, problem := range problems {
		t.Errorf("%s: %s", problem.Metric, problem.Text)
	}
}

func recorded(h http.Handler) func(path string) (int, string) {
	return func(path string) (int, string) {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
		return w.Code, w.Body.String()
	}
}

func TestTheConditionIsTold(t *testing.T) {
	t.Parallel()
	away := errors.New("away")
	var depthless store.Depth
	for name, test := range map[string]struct {
		change func(*State)
		want   map[string]float64
		absent []string
	}{
		"all is well": {func(*State) {}, map[string]float64{
			`whoread_redis_up`: 1, `whoread_inbox_commands{state="waiting"}`: 1, `whoread_inbox_commands{state="working"}`: 2,
			`whoread_inbox_commands{state="scheduled"}`: 3, `whoread_inbox_commands{state="parked"}`: 4, `whoread_inbox_oldest_age_seconds`: 1.5,
			`whoread_budget_calls_used`: 42, `whoread_budget_calls_limit`: 5000, `whoread_budget_calls_remaining`: 4958, `whoread_budget_spent`: 0,
			`whoread_stream_connections{state="up"}`: 1, `whoread_stream_connections{state="wanted"}`: 2,
			`whoread_stream_last_frame_timestamp_seconds`: 1_800_000_000,
		}, nil},
		"Redis is away": {func(c *State) { c.Redis = func(context.Context) error { return away } }, map[string]float64{
			`whoread_redis_up`: 0, `whoread_budget_calls_limit`: 5000, `whoread_budget_spent`: 0, `whoread_stream_connections{state="up"}`: 1,
		}, []string{"whoread_inbox_commands", "whoread_inbox_oldest", "whoread_budget_calls_used", "whoread_budget_calls_remaining"}},
		"Redis goes away": {func(c *State) {
			c.Depth = func(context.Context) (store.Depth, error) { return depthless, away }
			c.Calls = func(context.Context) (int, error) { return 0, away }
		}, map[string]float64{`whoread_redis_up`: 1, `whoread_budget_spent`: 0}, []string{"whoread_inbox_commands", "whoread_budget_calls_used"}},
		"no budget": {
			func(c *State) { c.Limit = func() int64 { return 0 } },
			map[string]float64{`whoread_budget_calls_used`: 42},
			[]string{"whoread_budget_calls_limit", "whoread_budget_calls_remaining"},
		},
		"overspent": {func(c *State) {
			c.Calls = func(context.Context) (int, error) { return 5001, nil }
			c.Spent = func() bool { return true }
		}, map[string]float64{`whoread_budget_calls_remaining`: 0, `whoread_budget_spent`: 1}, nil},
		"never connected": {func(c *State) {
			c.Status = func() stream.Status { return stream.Status{Connections: make([]stream.ConnectionStatus, 2)} }
		}, map[string]float64{`whoread_stream_connections{state="up"}`: 0, `whoread_stream_connections{state="wanted"}`: 2}, []string{"whoread_stream_last_frame"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := fine()
			test.change(c)
			got := opstest.Scrape(t, recorded(busy(c).handler()))
			for series, value := range test.want {
				if actual, ok := got[series]; !ok || math.Abs(actual-value) > 1e-9 {
					t.Errorf("%s is %v (%t), want %v", series, actual, ok, value)
				}
			}
			for series := range got {
				for _, absent := range test.absent {
					if strings.HasPrefix(series, absent) {
						t.Errorf("%s is told", series)
					}
				}
			}
		})
	}
}

// However many look, and however often, Redis is asked once in a while.
func TestScrapesShareWhatRedisSays(t *testing.T) {
	t.Parallel()
	c := fine()
	var asked atomic.Int32
	c.Depth = func(context.Context) (store.Depth, error) { asked.Add(1); return store.Depth{}, nil }
	now := c.Now()
	c.Now = func() time.Time { return now }
	m := busy(c)
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			if _, err := m.registry.Gather(); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	now = now.Add(queryFresh - 1)
	gathered(t, m)
	if n := asked.Load(); n != 1 {
		t.Errorf("asked %d times", n)
	}
	now = now.Add(1)
	gathered(t, m)
	now = now.Add(-time.Hour) // a clock that is set back
	gathered(t, m)
	if n := asked.Load(); n != 3 {
		t.Errorf("asked %d times, want 3", n)
	}
}

// A Redis that hangs does not let a scrape hang.
func TestAScrapeHasAnEnd(t *testing.T) {
	t.Parallel()
	c := fine()
	hang := func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }
	c.Depth = func(ctx context.Context) (store.Depth, error) { return store.Depth{}, hang(ctx) }
	c.Calls = func(ctx context.Context) (int, error) { return 0, hang(ctx) }
	began := time.Now()
	got := opstest.Scrape(t, recorded(busy(c).handler()))
	if took := time.Since(began); took >= 3*queryTimeout { // as if one was asked after the other
		t.Errorf("took %s", took)
	}
	if got[`whoread_commands_total{outcome="done",verb="who_read"}`] != 1 {
		t.Error("what is known is not told")
	}
}

// The dashboard and the alerts use no metric, and no label, that there is not.
func TestEveryMetricThatIsUsedExists(t *testing.T) {
	t.Parallel()
	families := gathered(t, busy(fine()))
	deployed := func(file string) string {
		t.Helper()
		content, err := os.ReadFile("../../whoread/deploy/" + file)
		if err != nil {
			t.Fatal(err)
		}
		return string(content)
	}
	dashboard := deployed("grafana/dashboard.json")
	used := dashboard + deployed("prometheus/alerts.yaml") + deployed("prometheus/alerts_test.yaml")
	used = strings.ReplaceAll(used, `\"`, `"`)
	names := regexp.MustCompile(`\b((?:whoread|process|go)_[a-z_]+)(?:\{([^}]*)\})?`).FindAllStringSubmatch(used, -1)
	if len(names) < 50 {
		t.Fatalf("only %d uses are found", len(names))
	}
	for _, name := range names {
		family := families[name[1]]
		for _, suffix := range []string{"_bucket", "_count", "_sum"} {
			if family == nil {
				family = families[strings.TrimSuffix(name[1], suffix)]
			}
		}
		if family == nil {
			t.Errorf("there is no metric %s", name[1])
			continue
		}
		known := []string{"job", "instance", "le"}
		for _, label := range family.GetMetric()[0].GetLabel() {
			known = append(known, label.GetName())
		}
		for _, label := range regexp.MustCompile(`(\w+)(?:=~|!=|=)"`).FindAllStringSubmatch(name[2], -1) {
			if !slices.Contains(known, label[1]) {
				t.Errorf("%s has no label %s", name[1], label[1])
			}
		}
	}
	for name := range families {
		if strings.HasPrefix(name, "whoread_") && !strings.Contains(dashboard, name) {
			t.Errorf("the dashboard does not show %s", name)
		}
	}
}
