package main

import (
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"whoread/cmd/internal/ops/opstest"
	"whoread/receipts/dingtalk/dingtalktest"
	"whoread/store/storetest"
)

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
		got := opstest.Scrape(e.t, e.get)
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
	if age := time.Since(time.UnixMilli(int64(1000 * got["whoread_stream_last_frame_timestamp_seconds"]))); age < -time.Second || age > time.Minute {
		t.Errorf("the last frame came %s ago", age)
	}
	if got[`whoread_inbox_commands{state="scheduled"}`] != 1 { // the sweep of one message
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
