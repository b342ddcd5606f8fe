package main

import (
	"cmp"
	"context"
	"crypto/sha1" // as Redis names scripts
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"go.uber.org/zap"

	"whoread/cmd/internal/app"
	"whoread/cmd/internal/config"
	"whoread/cmd/internal/ops"
	"whoread/receipts/dingtalk/dingtalktest"
	"whoread/store/storetest"
)

// tripCounter counts round trips to Redis: a command, a script and a pipeline are one
// each. It leaves out what waits for work, keeps leases and sums up calls: that goes on
// beside the commands, whatever they are.
type tripCounter struct {
	scripts map[string]string // names of scripts by their digest

	mu    sync.Mutex
	trips []string
	clock time.Time
}

// now stands still but for a second each time that the trips are taken: what is known for a
// second is known for one command.
func (c *tripCounter) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.clock
}

func newTripCounter(t *testing.T) *tripCounter {
	t.Helper()
	c := &tripCounter{scripts: map[string]string{}, clock: time.Now()}
	files, err := filepath.Glob("../../store/scripts/*.lua")
	if err != nil || len(files) == 0 {
		t.Fatalf("no scripts: %v", err)
	}
	sources := map[string]string{}
	for _, file := range files {
		source, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		sources[strings.TrimSuffix(filepath.Base(file), ".lua")] = string(source)
	}
	for name, source := range sources {
		for _, before := range []string{"", sources["note_reader"]} {
			digest := sha1.Sum([]byte(before + source))
			c.scripts[hex.EncodeToString(digest[:])] = name
		}
	}
	return c
}

// beside is what goes on without any command, or as hset once a minute: that DingTalk pushes
// something.
var beside = []string{"hset", "xreadgroup", "hello", "due", "claim", "renew", "tidy", "leave", "hincrby+pexpire+hgetall calls", "hgetall calls"}

// membersTrip is the reading of a group's members.
const membersTrip = "hgetall+hkeys+hgetall"

// name is what a command does: the script that it runs, or Redis's own name.
func (c *tripCounter) name(cmd redis.Cmder) string {
	if name := cmd.Name(); name != "evalsha" && name != "eval" {
		return name
	}
	script, _ := cmd.Args()[1].(string)
	if name, known := c.scripts[script]; known {
		return name
	}
	digest := sha1.Sum([]byte(script))
	return cmp.Or(c.scripts[hex.EncodeToString(digest[:])], "lease") // redis_rate has a script of its own
}

func (c *tripCounter) count(cmds ...redis.Cmder) {
	var names []string
	for _, cmd := range cmds {
		switch name := c.name(cmd); name {
		case "multi", "exec":
		default:
			names = append(names, name)
		}
	}
	trip := strings.Join(slices.Compact(names), "+")
	if strings.Contains(cmds[0].String(), ":calls:") || len(cmds) > 1 && strings.Contains(cmds[1].String(), ":calls:") {
		trip += " calls"
	}
	if slices.Contains(beside, trip) {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	last := len(c.trips) - 1
	for last >= 0 && c.trips[last] == membersTrip {
		last-- // the members are read while a query waits for its turn
	}
	if trip == "lease" && last >= 0 && c.trips[last] == trip {
		return // it waits for its turn
	}
	c.trips = append(c.trips, trip)
}

// take returns the round trips since the last time.
func (c *tripCounter) take() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	trips := c.trips
	c.trips, c.clock = nil, c.clock.Add(time.Second)
	return trips
}

// cost says what a command costs: round trips to Redis, from its frame to its end, and
// calls of DingTalk. The reply by webhook, which is not counted against any quota, is
// left out of the calls.
type cost struct {
	do    string // what happens before the command; empty for nothing
	say   string
	redis int
	calls string
}

// quoting1 lets a command quote the group's first message.
const quoting1 = "quoting #1"

// costs are those of each command, in this order in one group whose members DingTalk
// tells. Only knowingly may a number grow.
var costs = []cost{
	// accept, note who spoke, ..., take out of the inbox: three for whatever is said. Whoever asks has what they may ask
	// looked up, and what it cost added: one each.
	{"", "什么", 3, ""},
	{"", "帮助", 4, ""},
	// A counted call takes a turn among all processes. The first announcement asks for the members too, and keeps them.
	{"", "公告 一", 12, "members send"},
	{"", "公告 二", 9, "send"},
	{"", "公告 每30分钟 三", 11, "send"},
	{"", "谁没读", 12, "query"},
	{"", "谁没读 #1", 11, "query"},
	{"", "谁读了 #1", 11, "query"},
	{"200 read #1", "谁没读 #1", 11, "query"},
	{"the last one reads #1", "谁没读 #1", 10, "query query"},
	{"", "谁没读 #1", 5, ""}, // nobody is asked once everybody has read
	{"reads are pushed, of #2", "谁没读 #2", 5, ""},
	{"", "列表", 7, ""},
	{"ten announcements", "列表", 7, ""},
	{"", "提醒 #3", 13, "query"},
	{"", "提醒 #4 DING", 18, "ding ding query"},
	{"150 read #5", "提醒 #5 私信", 21, "direct direct direct query"}, // to 20 people each
	{"", "跟进 #3 每30分钟", 6, ""},
	{"", "停止 #3", 6, ""},
	// The key of what is posted is recorded, so that nobody takes it for an announcement.
	{"", "曲线 #1", 10, "send upload"},
	{"", "导出 #1", 10, "direct upload"},
	{"", "导出 #6", 15, "direct query upload"}, // it asks who has read
	{quoting1, "谁没读", 6, ""},
	{"", "谁没读 #7", 11, "query"},
	{"", "用量", 6, ""},
	{"", "撤回 #1", 7, "recall"},
}

// plainCosts are those of a group whose members are learned.
var plainCosts = []cost{
	{"somebody speaks", "公告 一", 13, "members send"}, // DingTalk does not tell them, which is kept
	{"", "公告 二", 10, "send"},
	{"200 read #1", "谁没读 #1", 12, "query"},
	{quoting1, "谁没读", 13, "query"},
	{"", "列表", 8, ""},
	{"", "用量", 7, ""},
	{"", "提醒 #1", 14, "query"},
}

// rosterCosts are those of a group whose members the configuration lists.
var rosterCosts = []cost{
	{"somebody speaks", "公告 一", 13, "members send"},
	{"", "公告 二", 9, "send"},
	{"200 read #1", "谁没读 #1", 11, "query"},
	{quoting1, "谁没读", 12, "query"},
}

// Round trips and calls are what everything takes its time and its quota for.
func TestWhatEachCommandCosts(t *testing.T) {
	t.Parallel()
	roster := func(round int) string { return fmt.Sprintf("roster%d", round) }
	for kind, c := range map[string]struct {
		costs []cost
		group func(round int) dingtalktest.GroupOptions
	}{
		"scene": {costs, func(int) dingtalktest.GroupOptions { return dingtalktest.GroupOptions{} }},
		"plain": {plainCosts, func(int) dingtalktest.GroupOptions { return dingtalktest.GroupOptions{Kind: dingtalktest.KindPlain} }},
		"roster": {rosterCosts, func(round int) dingtalktest.GroupOptions {
			return dingtalktest.GroupOptions{ID: roster(round), Kind: dingtalktest.KindPlain}
		}},
	} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			trips := newTripCounter(t)
			w := newWorld(t, storetest.Mini(t), dingtalktest.Options{CallsPerSecond: -1})
			people := w.people(201)
			users := []string{w.admin.UserID}
			for _, p := range people {
				users = append(users, p.UserID)
			}
			rosters := fmt.Sprintf("\nmembers: {rosters: {%s: {users: [%s]}, %[3]s: {users: [%[2]s]}}}", roster(0), strings.Join(users, ","), roster(1))
			w.beginCounting(trips, app.Env{Now: trips.now, DueEvery: time.Hour}, unlimited+"\nreports: {fresh_for: 1ms}\n"+anyHour+rosters)
			w.wantCosts(trips, people, c.group, c.costs)
		})
	}
}

// wantCosts says the commands in a group, once for nothing and then, in another group,
// for their costs: the first time Redis is sent the scripts themselves.
func (w *world) wantCosts(trips *tripCounter, people []dingtalktest.Person, group func(round int) dingtalktest.GroupOptions, costs []cost) {
	w.t.Helper()
	pushed := 0
	happens := map[string]func(g *dingtalktest.Group) error{
		"":                      func(*dingtalktest.Group) error { return nil },
		quoting1:                func(*dingtalktest.Group) error { return nil },
		"150 read #5":           func(g *dingtalktest.Group) error { return g.ReadAll(posted(g)[4].ID, people[:150]...) },
		"200 read #1":           func(g *dingtalktest.Group) error { return g.ReadAll(posted(g)[0].ID, people[:200]...) },
		"the last one reads #1": func(g *dingtalktest.Group) error { return g.ReadAll(posted(g)[0].ID, people[200]) },
		"reads are pushed, of #2": func(g *dingtalktest.Group) error {
			w.Events(true, dingtalktest.EventRead)
			defer w.Events(false)
			if err := g.ReadAll(posted(g)[1].ID, append(people, w.admin)...); err != nil {
				return err
			}
			pushed += len(people) + 1
			w.awaitAcks(dingtalktest.EventRead, pushed)
			return nil
		},
		"somebody speaks": func(g *dingtalktest.Group) error {
			w.ask(g, people[200], saying("列表"))
			return nil
		},
		"ten announcements": func(g *dingtalktest.Group) error {
			for range 10 {
				w.ask(g, w.admin, saying("公告 又"))
			}
			return nil
		},
	}
	for round := range 2 {
		g := w.AddGroup(group(round), append(people, w.admin)...)
		for _, c := range costs {
			if err := happens[c.do](g); err != nil {
				w.t.Fatal(err)
			}
			say := saying(c.say)
			if c.do == quoting1 {
				say.Quote = posted(g)[0].ID
			}
			w.awaitIdle()
			trips.take()
			w.ResetCalls()
			w.ask(g, w.admin, say)
			w.awaitIdle()
			if round > 0 {
				w.wantCost(trips.take(), c)
			}
		}
	}
}

func (w *world) wantCost(took []string, c cost) {
	w.t.Helper()
	if len(took) != c.redis {
		w.t.Errorf("%s %s: %d round trips to Redis, not %d: %s", c.do, c.say, len(took), c.redis, strings.Join(took, ", "))
	}
	if calls := w.called(); calls != c.calls {
		w.t.Errorf("%s %s: called %q, not %q", c.do, c.say, calls, c.calls)
	}
}

// What comes by itself is nobody's wish at that moment, and should cost least.
func TestWhatComesByItselfCosts(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		announce, sweep string
		every           time.Duration
		lastCall        string
		cost            cost
	}{
		"a sweep":             {"公告 一", "[30m, 75m]", 45 * time.Minute, dingtalktest.APIQuery, cost{"", "", 5, "query"}},
		"a follow-up's round": {"公告 每30分钟 一", "[]", 30 * time.Minute, dingtalktest.APIWebhook, cost{"", "", 17, "members query"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			trips := newTripCounter(t)
			w := newWorld(t, storetest.Mini(t), dingtalktest.Options{CallsPerSecond: -1})
			w.forged = append(w.forged, "a ticket that has expired") // where the clock is turned just before it is used
			people := append(w.people(50), w.admin)
			w.beginCounting(trips, app.Env{Now: w.Clock().Now, DueEvery: 5 * time.Millisecond}, unlimited+"\nreports: {fresh_for: 1ms, sweep: "+c.sweep+"}\nmembers: {cache_for: 24h}\n"+anyHour)
			w.ask(w.AddGroup(dingtalktest.GroupOptions{}, people...), w.admin, saying(c.announce))
			for round := range 2 { // the first time Redis is sent the scripts themselves
				w.awaitIdle()
				trips.take()
				w.ResetCalls()
				w.Advance(c.every)
				if err := w.Await(within(t), func() bool { return w.CallCount(c.lastCall) > 0 }); err != nil {
					t.Fatal(err)
				}
				w.awaitIdle()
				if round > 0 {
					w.wantCost(trips.take(), c.cost)
				}
			}
		})
	}
}

// called is what was called since the calls were reset, but for replies, sorted; what
// was called often, with how often.
func (w *world) called() string {
	names := map[string]string{
		dingtalktest.APISend: "send", dingtalktest.APIQuery: "query", dingtalktest.APIRecall: "recall", dingtalktest.APIMembers: "members",
		dingtalktest.APIDing: "ding", dingtalktest.APIUpload: "upload", dingtalktest.APIDirect: "direct",
	}
	var apis []string
	for _, call := range w.Calls() {
		if call.API != dingtalktest.APIWebhook {
			apis = append(apis, cmp.Or(names[call.API], call.API))
		}
	}
	slices.Sort(apis)
	var called []string
	for len(apis) > 0 {
		others := slices.DeleteFunc(slices.Clone(apis), func(api string) bool { return api == apis[0] })
		if n := len(apis) - len(others); n > 3 {
			called = append(called, fmt.Sprintf("%d %s", n, apis[0]))
		} else {
			called = append(called, apis[:n]...)
		}
		apis = others
	}
	return strings.Join(called, " ")
}

// beginCounting runs a bot in this process until the end of the test, whose round trips
// are counted.
func (w *world) beginCounting(trips *tripCounter, t app.Env, extra string) {
	w.t.Helper()
	c, err := config.Load(w.config(extra), func(string) (string, bool) { return w.redis, true })
	if err != nil {
		w.t.Fatal(err)
	}
	c.DingTalk.Connections, c.Reminders.AskAbove = 1, 0  // reminders to many are carried out at once
	t.Lease, t.Hook = time.Minute, eachTrip(trips.count) // no lease is renewed meanwhile
	a, err := app.New(c, t, zap.NewNop(), ops.NewMetrics(versionText()))
	if err != nil {
		w.t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() {
		if err := a.Run(ctx); err != nil {
			w.t.Error(err)
		}
	})
	w.t.Cleanup(func() {
		stop()
		running.Wait()
		if err := a.Close(); err != nil {
			w.t.Error(err)
		}
	})
	if err := w.AwaitConnections(within(w.t), 1); err != nil {
		w.t.Fatal(err)
	}
}

// eachTrip is a redis.Hook that is told of each round trip before it is made, with the
// commands that go in it.
type eachTrip func(cmds ...redis.Cmder)

// DialHook implements redis.Hook.
func (tell eachTrip) DialHook(next redis.DialHook) redis.DialHook { return next }

// ProcessHook implements redis.Hook.
func (tell eachTrip) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		tell(cmd)
		return next(ctx, cmd)
	}
}

// ProcessPipelineHook implements redis.Hook.
func (tell eachTrip) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		tell(cmds...)
		return next(ctx, cmds)
	}
}
