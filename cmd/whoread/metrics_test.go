package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
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
	"whoread/receipts/dingtalk"
	"whoread/receipts/dingtalk/dingtalktest"
	"whoread/store"
	"whoread/store/storetest"
)

// fine is a condition in which all is well.
func fine() *condition {
	now := time.Unix(1_800_000_000, 0)
	return &condition{
		redis: func(context.Context) error { return nil },
		depth: func(context.Context) (store.Depth, error) {
			return store.Depth{Waiting: 1, Working: 2, Scheduled: 3, Parked: 4, Oldest: 1500 * time.Millisecond}, nil
		},
		calls: func(context.Context) (int, error) { return 42, nil },
		spent: func() bool { return false },
		limit: func() int64 { return 5000 },
		status: func() stream.Status {
			up := stream.ConnectionStatus{UpSince: now, LastFrame: now}
			return stream.Status{Connections: []stream.ConnectionStatus{up, {}}}
		},
		now: func() time.Time { return now },
	}
}

// busy are metrics of which everything has happened once.
func busy(c *condition) *metrics {
	m := newMetrics()
	m.registry.MustRegister(c)
	m.Command("who_read", bot.Done, time.Second)
	m.Push("message", bot.Taken)
	m.called(dingtalk.Call{API: "query", Took: time.Second, Counted: true})
	m.called(dingtalk.Call{API: "query", Took: time.Second, Kind: dingtalk.Throttled})
	m.redisCalled(time.Millisecond, false)
	m.lineDropped(zapcore.WarnLevel)
	return m
}

func gathered(t *testing.T, m *metrics) map[string]*dto.MetricFamily {
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
	var rows strings.Builder
	for text := range strings.Lines(readmeText(t)) {
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

// Whatever is said, pushed or answered, labels are few fixed words.
func TestLabelsAreBounded(t *testing.T) {
	t.Parallel()
	m := newMetrics()
	m.registry.MustRegister(fine())
	before := series(gathered(t, m))
	for i := range 10_000 {
		bad := fmt.Sprintf("cid%dwhoever/../%c\"\n", i, rune(i))
		m.Command(bad, bot.Done, time.Second)
		m.Push(bad, bot.Taken)
		m.called(dingtalk.Call{API: bad, Kind: dingtalk.Kind(bad)})
		// A word of letters is no better if there is no end to them.
		letters := strings.Map(func(r rune) rune { return 'a' + r - '0' }, fmt.Sprint(i))
		m.Command(letters, bot.Done, time.Second)
		m.Push(letters, bot.Taken)
		m.called(dingtalk.Call{API: "query", Kind: dingtalk.Kind(letters)})
		m.called(dingtalk.Call{API: letters, Kind: dingtalk.Throttled})
	}
	after := gathered(t, m)
	if grown := series(after) - before; grown > 10*wordsMax {
		t.Errorf("%d series more", grown)
	}
	for name, family := range after {
		for _, one := range family.GetMetric() {
			for _, label := range one.GetLabel() {
				if label.GetName() != "version" && label.GetName() != "goversion" && strings.HasPrefix(name, "whoread_") && !word.MatchString(label.GetValue()) {
					t.Errorf("%s{%s=%q}", name, label.GetName(), label.GetValue())
				}
			}
		}
	}
}

func series(families map[string]*dto.MetricFamily) int {
	n := 0
	for _, family := range families {
		n += len(family.GetMetric())
	}
	return n
}

// scrape asks for /metrics and returns the series of whoread by name and labels.
func scrape(t *testing.T, get func(path string) (int, string)) map[string]float64 {
	t.Helper()
	status, text := get("/metrics")
	if status != http.StatusOK {
		t.Fatalf("/metrics: %d %s", status, text)
	}
	all := map[string]float64{}
	for line := range strings.Lines(text) {
		at := strings.LastIndex(line, " ")
		if at < 0 || !strings.HasPrefix(line, "whoread_") {
			continue
		}
		var value float64
		if _, err := fmt.Sscan(line[at+1:], &value); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		all[line[:at]] = value
	}
	return all
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
		change func(*condition)
		want   map[string]float64
		absent []string
	}{
		"all is well": {func(*condition) {}, map[string]float64{
			`whoread_redis_up`: 1, `whoread_inbox_commands{state="waiting"}`: 1, `whoread_inbox_commands{state="working"}`: 2,
			`whoread_inbox_commands{state="scheduled"}`: 3, `whoread_inbox_commands{state="parked"}`: 4, `whoread_inbox_oldest_age_seconds`: 1.5,
			`whoread_budget_calls_used`: 42, `whoread_budget_calls_limit`: 5000, `whoread_budget_calls_remaining`: 4958, `whoread_budget_spent`: 0,
			`whoread_stream_connections{state="up"}`: 1, `whoread_stream_connections{state="wanted"}`: 2,
			`whoread_stream_last_frame_timestamp_seconds`: 1_800_000_000,
		}, nil},
		"Redis is away": {func(c *condition) { c.redis = func(context.Context) error { return away } }, map[string]float64{
			`whoread_redis_up`: 0, `whoread_budget_calls_limit`: 5000, `whoread_budget_spent`: 0, `whoread_stream_connections{state="up"}`: 1,
		}, []string{"whoread_inbox_commands", "whoread_inbox_oldest", "whoread_budget_calls_used", "whoread_budget_calls_remaining"}},
		"Redis goes away": {func(c *condition) {
			c.depth = func(context.Context) (store.Depth, error) { return depthless, away }
			c.calls = func(context.Context) (int, error) { return 0, away }
		}, map[string]float64{`whoread_redis_up`: 1, `whoread_budget_spent`: 0}, []string{"whoread_inbox_commands", "whoread_budget_calls_used"}},
		"no budget": {
			func(c *condition) { c.limit = func() int64 { return 0 } },
			map[string]float64{`whoread_budget_calls_used`: 42},
			[]string{"whoread_budget_calls_limit", "whoread_budget_calls_remaining"},
		},
		"overspent": {func(c *condition) {
			c.calls = func(context.Context) (int, error) { return 5001, nil }
			c.spent = func() bool { return true }
		}, map[string]float64{`whoread_budget_calls_remaining`: 0, `whoread_budget_spent`: 1}, nil},
		"never connected": {func(c *condition) {
			c.status = func() stream.Status { return stream.Status{Connections: make([]stream.ConnectionStatus, 2)} }
		}, map[string]float64{`whoread_stream_connections{state="up"}`: 0, `whoread_stream_connections{state="wanted"}`: 2}, []string{"whoread_stream_last_frame"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := fine()
			test.change(c)
			got := scrape(t, recorded(busy(c).handler()))
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
	c.depth = func(context.Context) (store.Depth, error) { asked.Add(1); return store.Depth{}, nil }
	now := c.now()
	c.now = func() time.Time { return now }
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
	now = now.Add(conditionAgain - 1)
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
	c.depth = func(ctx context.Context) (store.Depth, error) { return store.Depth{}, hang(ctx) }
	c.calls = func(ctx context.Context) (int, error) { return 0, hang(ctx) }
	began := time.Now()
	got := scrape(t, recorded(busy(c).handler()))
	if took := time.Since(began); took >= 3*conditionWithin { // as if one was asked after the other
		t.Errorf("took %s", took)
	}
	if got[`whoread_commands_total{outcome="done",verb="who_read"}`] != 1 {
		t.Error("what is known is not told")
	}
}

// endpoint is where a whoread answers probes and scrapes.
type endpoint struct {
	t       *testing.T
	address string
}

// anyPort has a whoread listen on a port that is free; its log tells which.
const anyPort = `http: {listen: "127.0.0.1:0"}`

var listens = regexp.MustCompile(`"msg":"HTTP endpoint","address":"([^"]+)"`)

// endpoint waits until the process listens.
func (p *process) endpoint() endpoint {
	p.t.Helper()
	for ctx := within(p.t); ctx.Err() == nil; {
		if found := listens.FindStringSubmatch(p.log.String()); found != nil {
			return endpoint{p.t, found[1]}
		}
		time.Sleep(10 * time.Millisecond)
	}
	p.t.Fatalf("it listens nowhere:\n%s", p.log)
	return endpoint{}
}

func (e endpoint) get(path string) (int, string) {
	e.t.Helper()
	client := &http.Client{Timeout: patience, Transport: &http.Transport{DisableKeepAlives: true}}
	response, err := client.Get("http://" + e.address + path)
	if err != nil {
		e.t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		e.t.Fatal(err)
	}
	return response.StatusCode, string(body)
}

// shows waits until the metrics show what is wanted.
func (e endpoint) shows(what string, wanted func(series map[string]float64) bool) map[string]float64 {
	e.t.Helper()
	ctx := within(e.t)
	for {
		got := scrape(e.t, e.get)
		if wanted(got) {
			return got
		}
		select {
		case <-ctx.Done():
			for _, series := range slices.Sorted(maps.Keys(got)) {
				e.t.Log(series, got[series])
			}
			e.t.Fatalf("never shown: %s", what)
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// What happens to the real program is in its metrics, and no secret, group, person or
// message is.
func TestMetricsShowWhatHappens(t *testing.T) {
	t.Parallel()
	b := storetest.Real(t)
	proxy := storetest.NewProxy(t, b.URL)
	b.URL = proxy.URL()
	w := newWorld(t, b, dingtalktest.Options{DisconnectAfter: time.Millisecond})
	w.Events(true)
	people := w.people(4)
	group := w.AddGroup(dingtalktest.GroupOptions{Title: "机密小组"}, append(people, w.admin)...)
	p := w.start(w.config("budget: {calls_per_month: 1000}\n" + anyPort))
	at := p.endpoint()
	command := func(verb, outcome string) string {
		return fmt.Sprintf("whoread_commands_total{outcome=%q,verb=%q}", outcome, verb)
	}
	push := func(kind, outcome string) string {
		return fmt.Sprintf("whoread_pushes_total{outcome=%q,type=%q}", outcome, kind)
	}

	const announcement = "公告 停机维护"
	if _, err := group.Say(w.admin, dingtalktest.Say{Text: announcement, MsgID: "msg-metrics"}); err != nil {
		t.Fatal(err)
	}
	wantIn(t, w.reply(group, nil), "#1")
	if _, err := group.Say(w.admin, dingtalktest.Say{Text: announcement, MsgID: "msg-metrics"}); err != nil { // DingTalk repeats it
		t.Fatal(err)
	}
	w.ask(group, people[0], saying("谁没读"))
	w.ask(group, people[0], saying("公告 广告"))
	w.ask(group, people[0], saying("恭喜发财"))
	w.Inject(dingtalktest.Fault{API: dingtalktest.APISend, Times: 1, Kind: dingtalktest.Code, Code: "bot.stopped"})
	w.ask(group, w.admin, saying("公告 二"))
	if err := group.ReadAll(posted(group)[0].ID, people[1]); err != nil {
		t.Fatal(err)
	}
	got := at.shows("what people did", func(s map[string]float64) bool {
		return s[push("robot_msg_read", "taken")] == 1 && s[push("message", "repeated")] == 1 && s["whoread_budget_calls_used"] >= 3 &&
			s[`whoread_stream_connections{state="up"}`] == 2
	})
	for series, want := range map[string]float64{
		command("announce", "done"): 1, command("announce", "refused"): 1, command("announce", "failed"): 1,
		command("unread", "done"): 1, command("unknown", "refused"): 1, command("list", "done"): 0,
		push("message", "taken"): 5, push("message", "repeated"): 1,
		`whoread_command_duration_seconds_count{verb="announce"}`:                       3,
		`whoread_dingtalk_calls_total{api="send",counted="true",outcome="ok"}`:          1,
		`whoread_dingtalk_calls_total{api="send",counted="true",outcome="bot_stopped"}`: 1,
		`whoread_dingtalk_calls_total{api="query",counted="true",outcome="ok"}`:         1,
		`whoread_dingtalk_calls_total{api="reply",counted="false",outcome="ok"}`:        5,
		`whoread_dingtalk_call_duration_seconds_count{api="send"}`:                      2,
		`whoread_redis_up`: 1, `whoread_inbox_commands{state="waiting"}`: 0, `whoread_inbox_commands{state="parked"}`: 0,
		`whoread_redis_call_duration_seconds_count{outcome="error"}`: 0,
		`whoread_budget_calls_limit`:                                 1000, `whoread_budget_spent`: 0, `whoread_stream_connections{state="wanted"}`: 2,
	} {
		if got[series] != want {
			t.Errorf("%s is %v, want %v", series, got[series], want)
		}
	}
	if used, left := got["whoread_budget_calls_used"], got["whoread_budget_calls_remaining"]; used+left != 1000 {
		t.Errorf("%v used and %v left", used, left)
	}
	if age := time.Since(time.UnixMilli(int64(1000 * got["whoread_stream_last_frame_timestamp_seconds"]))); age < -time.Second || age > patience {
		t.Errorf("the last frame came %s ago", age)
	}
	if got[`whoread_inbox_commands{state="scheduled"}`] != 2 { // the sweeps of one message
		t.Errorf("scheduled: %v", got[`whoread_inbox_commands{state="scheduled"}`])
	}

	proxy.Cut()
	wantIn(t, w.ask(group, w.admin, saying("公告 停电时")), "什么也没有发出")
	at.shows("Redis is away", func(s map[string]float64) bool {
		_, depth := s[`whoread_inbox_commands{state="waiting"}`]
		return s["whoread_redis_up"] == 0 && !depth && s[push("message", "refused")] == 1 && s[`whoread_redis_call_duration_seconds_count{outcome="error"}`] > 0
	})
	proxy.Mend(t)
	at.shows("Redis is back", func(s map[string]float64) bool {
		_, depth := s[`whoread_inbox_commands{state="waiting"}`]
		return s["whoread_redis_up"] == 1 && depth
	})

	w.RefuseGateway(true)
	w.DropConnections()
	at.shows("the connections dropped", func(s map[string]float64) bool {
		return s[`whoread_stream_connections{state="up"}`] == 0 && s[`whoread_stream_connections{state="wanted"}`] == 2
	})
	w.RefuseGateway(false)
	at.shows("a connection is back", func(s map[string]float64) bool { return s[`whoread_stream_connections{state="up"}`] > 0 })

	secrets := []string{w.App().ClientSecret, w.App().ClientID, w.token(), group.ID(), "机密", "停机", "session", "msg-metrics", w.admin.UserID, people[0].UserID, people[0].Name}
	for _, m := range group.Messages() {
		secrets = append(secrets, m.ID)
	}
	for _, path := range []string{"/metrics", "/readyz", "/healthz"} {
		_, text := at.get(path)
		for _, secret := range secrets {
			if secret != "" && strings.Contains(text, secret) {
				t.Errorf("%s shows %q", path, secret)
			}
		}
	}
	p.stop()
}

func readmeText(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
