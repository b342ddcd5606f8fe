package main

import (
	"context"
	"fmt"
	"net/http"
	"os"
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
	"whoread/store/storetest/need"
)

// mortalProcess dies at a fault point. There is one before and one after each effect of a
// command: each call of Redis about the command or its group, and each call of
// DingTalk. A dead process does nothing any more and hears of nothing, as after
// kill -9. In the end of the test it is let go, so that its goroutines end.
type mortalProcess struct {
	mu     sync.Mutex
	armed  bool
	passed int // fault points since it was armed
	at     int // where it dies; 0 for never
	died   chan struct{}
	bury   chan struct{}
	end    func() // of its bot
}

func newMortal() *mortalProcess {
	return &mortalProcess{died: make(chan struct{}), bury: make(chan struct{})}
}

func (m *mortalProcess) dead() bool {
	select {
	case <-m.died:
		return true
	default:
		return false
	}
}

// point is a fault point.
func (m *mortalProcess) point(counts bool) {
	m.mu.Lock()
	if m.armed && counts && !m.dead() {
		if m.passed++; m.passed == m.at {
			close(m.died)
		}
	}
	dead := m.dead()
	m.mu.Unlock()
	if dead {
		<-m.bury
	}
}

func (m *mortalProcess) arm(at int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.armed, m.passed, m.at = true, 0, at
}

func (m *mortalProcess) points() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.passed
}

// RoundTrip is a call of DingTalk.
func (m *mortalProcess) RoundTrip(r *http.Request) (*http.Response, error) {
	m.point(true)
	defer m.point(true)
	return http.DefaultTransport.RoundTrip(r)
}

// about reports whether a call of Redis is about a command or its group; the others
// only wait for work and keep leases.
func about(commands ...redis.Cmder) bool {
	text := fmt.Sprint(commands)
	return strings.Contains(text, ":group:") || strings.Contains(text, ":seen:") || strings.Contains(text, ":parked")
}

func (*mortalProcess) DialHook(next redis.DialHook) redis.DialHook {
	return next
}

func (m *mortalProcess) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		counts := about(cmd)
		m.point(counts)
		defer m.point(counts)
		return next(ctx, cmd)
	}
}

func (m *mortalProcess) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		counts := about(cmds...)
		m.point(counts)
		defer m.point(counts)
		return next(ctx, cmds)
	}
}

// begin runs a bot in this process until it dies, or m.end is called.
func (w *world) begin(m *mortalProcess) {
	w.t.Helper()
	c, err := config.Load(w.config(bothSweeps), func(string) (string, bool) { return w.redis, true })
	if err != nil {
		w.t.Fatal(err)
	}
	c.DingTalk.Connections = 1
	a, err := app.New(c, app.Env{
		Now: time.Now, DueEvery: 50 * time.Millisecond, Hook: m, Transport: m,
	}, zap.NewNop(), ops.NewMetrics(versionText()))
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
	running.Go(func() { // a dead process has no connection any more
		select {
		case <-m.died:
			stop()
		case <-ctx.Done():
		}
	})
	m.end = func() {
		stop()
		close(m.bury)
		running.Wait()
		if err := a.Close(); err != nil && !m.dead() {
			w.t.Error(err)
		}
	}
	if err := w.AwaitConnections(within(w.t), 1); err != nil {
		w.t.Fatal(err)
	}
}

// crash is a command, and what must hold after a crash in the middle of it.
type crash struct {
	name string
	// prepare brings about what the command is about.
	prepare func(w *world, g *dingtalktest.Group, people []dingtalktest.Person)
	say     func(g *dingtalktest.Group) dingtalktest.Say
	// check looks at what the group has seen in the end: the replies to the command,
	// and what the bot posted since it was said.
	check func(t *testing.T, w *world, g *dingtalktest.Group, replies []string, posts []dingtalktest.Message)
}

func announced(w *world, g *dingtalktest.Group, people []dingtalktest.Person) {
	w.ask(g, w.admin, saying("公告 一"))
	if err := g.ReadAll(posted(g)[0].ID, people[0]); err != nil {
		w.t.Fatal(err)
	}
}

// unrecorded is announced, but nothing is known of the group any more.
func unrecorded(w *world, g *dingtalktest.Group, people []dingtalktest.Person) {
	announced(w, g, people)
	w.awaitIdle()
	ctx, rdb := w.t.Context(), w.rdb()
	keys, err := rdb.Keys(ctx, w.keyOf(g, "*")).Result()
	if err == nil {
		err = rdb.Del(ctx, keys...).Err()
	}
	if err != nil || len(keys) == 0 {
		w.t.Fatalf("%d keys erased: %v", len(keys), err)
	}
}

// unsure is announced, but DingTalk did not say that it took the message.
func unsure(w *world, g *dingtalktest.Group, people []dingtalktest.Person) {
	w.Inject(dingtalktest.Fault{API: dingtalktest.APISend, Times: 1, Kind: dingtalktest.DropAfter})
	wantIn(w.t, w.ask(g, w.admin, saying("公告 一")), "是否送达不确定")
	if err := g.ReadAll(posted(g)[0].ID, people[0]); err != nil {
		w.t.Fatal(err)
	}
}

// simply says a command.
func simply(text string) func(*dingtalktest.Group) dingtalktest.Say {
	return func(*dingtalktest.Group) dingtalktest.Say { return saying(text) }
}

// quoting says a command about the bot's first post.
func quoting(text string) func(*dingtalktest.Group) dingtalktest.Say {
	return func(g *dingtalktest.Group) dingtalktest.Say {
		return dingtalktest.Say{Text: text, Quote: posted(g)[0].ID, QuoteFull: true}
	}
}

// contains expects a reply that holds one of the texts.
func contains(t *testing.T, replies []string, texts ...string) {
	t.Helper()
	for _, reply := range replies {
		for _, text := range texts {
			if strings.Contains(reply, text) {
				return
			}
		}
	}
	t.Errorf("no reply of %q says %q", replies, texts)
}

var crashes = []crash{
	{"announce", nil, simply("公告 明天18:00前 每30分钟 停机"), func(t *testing.T, w *world, g *dingtalktest.Group, replies []string, posts []dingtalktest.Message) {
		switch len(posts) {
		case 0:
			contains(t, replies, "是否送达不确定")
		case 1:
			contains(t, replies, "已发出 #1", "#1 是否送达不确定", "#1 已经发出")
		default:
			t.Errorf("announced %d times", len(posts))
		}
		// Whatever it is, it has one number, is followed up, and its reads will be saved.
		wantIn(t, w.ask(g, w.admin, saying("列表")), "最近 1 条", "#1 停机")
		wantIn(t, w.ask(g, w.admin, saying("帮助")), "正在跟进 #1：每 30 分钟", "最晚到")
		w.wantScheduledOnce(1)
	}},
	{"unread", announced, simply("谁没读"), func(t *testing.T, _ *world, _ *dingtalktest.Group, replies []string, _ []dingtalktest.Message) {
		contains(t, replies, "已读 2/4")
	}},
	{"who read", announced, simply("谁读了 #1"), func(t *testing.T, _ *world, _ *dingtalktest.Group, replies []string, _ []dingtalktest.Message) {
		contains(t, replies, "已读 2 人：")
	}},
	{"a quotation that adopts", unrecorded, quoting("谁没读"), func(t *testing.T, w *world, g *dingtalktest.Group, replies []string, _ []dingtalktest.Message) {
		contains(t, replies, "**还有 3 人没读** #1「一」")
		wantIn(t, w.ask(g, w.admin, saying("列表")), "最近 1 条", "#1 一 · 1/4")
	}},
	{"a quotation that heals", unsure, quoting("谁没读"), func(t *testing.T, w *world, g *dingtalktest.Group, replies []string, _ []dingtalktest.Message) {
		contains(t, replies, "**还有 2 人没读** #1「一」")
		wantIn(t, w.ask(g, w.admin, saying("列表")), "最近 1 条", "#1 一 · 2/4")
	}},
	{"list", announced, simply("列表"), func(t *testing.T, _ *world, _ *dingtalktest.Group, replies []string, _ []dingtalktest.Message) {
		contains(t, replies, "最近 1 条公告")
	}},
	{"help", announced, simply("帮助"), func(t *testing.T, _ *world, _ *dingtalktest.Group, replies []string, _ []dingtalktest.Message) {
		contains(t, replies, "我告诉群里谁还没读公告")
	}},
	{"usage", announced, simply("用量"), func(t *testing.T, _ *world, _ *dingtalktest.Group, replies []string, _ []dingtalktest.Message) {
		contains(t, replies, "成员")
	}},
	{"recall", announced, simply("撤回 #1"), func(t *testing.T, w *world, g *dingtalktest.Group, replies []string, _ []dingtalktest.Message) {
		contains(t, replies, "已撤回 #1", "已经撤回过了")
		wantIn(t, w.ask(g, w.admin, saying("谁没读 #1")), "已被撤回")
	}},
	{"chart", announced, simply("曲线"), func(t *testing.T, _ *world, _ *dingtalktest.Group, replies []string, posts []dingtalktest.Message) {
		switch len(posts) {
		case 0:
			contains(t, replies, "是否发出不确定")
		case 1: // the picture is the answer, but who took over says that it may be there
		default:
			t.Errorf("%d pictures", len(posts))
		}
	}},
	{"export", announced, simply("导出"), func(t *testing.T, w *world, _ *dingtalktest.Group, replies []string, posts []dingtalktest.Message) {
		switch files := w.Direct(w.admin).Messages(); {
		case len(posts) > 0 || len(files) > 1:
			t.Errorf("%d files, and %d in the group", len(files), len(posts))
		case len(files) == 0:
			contains(t, replies, "是否私信到你不确定")
		default:
			contains(t, replies, "已私信给你：#1 的名单。", "是否私信到你不确定")
		}
	}},
	{"remind by mention", announced, simply("提醒"), func(t *testing.T, w *world, _ *dingtalktest.Group, replies []string, _ []dingtalktest.Message) {
		mentions := 0
		for _, reply := range replies {
			if strings.Contains(reply, "@") && strings.Contains(reply, "请看 #1") {
				mentions++
			}
		}
		if mentions > 1 {
			t.Errorf("mentioned %d times: %q", mentions, replies)
		}
		if mentions == 0 {
			contains(t, replies, "是否提醒到不确定")
		}
	}},
	{"remind in private", announced, simply("提醒 私信"), func(t *testing.T, w *world, _ *dingtalktest.Group, replies []string, _ []dingtalktest.Message) {
		contains(t, replies, "已私信提醒 2 人", "是否提醒到不确定")
		for _, p := range w.People() {
			n := 0
			for _, m := range w.Direct(p).Messages() {
				if m.FromBot() {
					n++
				}
			}
			if n > 1 {
				t.Errorf("%s was written to %d times", p.Name, n)
			}
		}
	}},
	{"remind by DING", announced, simply("提醒 DING"), func(t *testing.T, w *world, _ *dingtalktest.Group, replies []string, _ []dingtalktest.Message) {
		contains(t, replies, "已用 DING 提醒 2 人", "是否提醒到不确定")
		if n := len(w.Dings()); n > 1 {
			t.Errorf("%d DINGs", n)
		}
	}},
	{"follow with a deadline", announced, simply("跟进 #1 每30分钟 直到90%"), func(t *testing.T, w *world, g *dingtalktest.Group, replies []string, _ []dingtalktest.Message) {
		contains(t, replies, "开始跟进 #1：每 30 分钟提醒没读的人，到 90% 读了为止")
		wantIn(t, w.ask(g, w.admin, saying("列表")), "跟进中")
		w.wantScheduledOnce(1)
	}},
	{"follow", announced, simply("跟进 #1 每30分钟"), func(t *testing.T, w *world, g *dingtalktest.Group, replies []string, _ []dingtalktest.Message) {
		contains(t, replies, "开始跟进 #1")
		wantIn(t, w.ask(g, w.admin, saying("列表")), "跟进中")
	}},
	{"stop", func(w *world, g *dingtalktest.Group, people []dingtalktest.Person) {
		announced(w, g, people)
		w.ask(g, w.admin, saying("跟进 #1 每30分钟"))
	}, simply("停止 #1"), func(t *testing.T, w *world, g *dingtalktest.Group, replies []string, _ []dingtalktest.Message) {
		contains(t, replies, "已停止跟进 #1")
		wantNotIn(t, w.ask(g, w.admin, saying("列表")), "跟进中")
	}},
}

// A process is killed at each step of each command, and another one takes over: the
// command is done once, or it is said that this is uncertain; nothing is lost and
// nothing is done twice.
func TestACrashAtEachStepOfEachCommand(t *testing.T) {
	need.Slow(t)
	t.Parallel()
	stride := 10 // a part of the points
	if os.Getenv("WHOREAD_TEST_CRASHES") == "all" {
		stride = 1
	}
	for _, c := range crashes {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			points := c.run(t, 0)
			t.Logf("%d fault points", points)
			for at := 1; at <= points; at += stride {
				t.Run(fmt.Sprintf("at %d of %d", at, points), func(t *testing.T) {
					t.Parallel()
					c.run(t, at)
				})
			}
		})
	}
}

// run gives the command to a bot that dies at the given fault point, and returns how
// many it passed.
func (c crash) run(t *testing.T, at int) int {
	w := newWorld(t, storetest.Mini(t), dingtalktest.Options{CallbackRetryAfter: 500 * time.Millisecond})
	people := w.people(3)
	g := w.AddGroup(dingtalktest.GroupOptions{}, append(people, w.admin)...)
	mortal, heir := newMortal(), newMortal()
	t.Cleanup(func() {
		var ends sync.WaitGroup
		for _, m := range []*mortalProcess{mortal, heir} {
			if m.end != nil {
				ends.Go(m.end)
			}
		}
		ends.Wait()
	})
	w.begin(mortal)
	if c.prepare != nil {
		c.prepare(w, g, people)
		w.awaitIdle()
	}
	before := ids(g)
	mortal.arm(at)
	if _, err := g.Say(w.admin, c.say(g)); err != nil {
		t.Fatal(err)
	}
	if at > 0 && mortal.await(t, w, g, before) {
		if err := w.AwaitConnections(within(t), 0); err != nil {
			t.Fatal(err)
		}
		w.agePending()
		w.begin(heir)
	}
	w.reply(g, before)
	replies, posts := w.settled(g, before)
	points := mortal.points()
	mortal.arm(0)
	if len(replies) > 2 {
		t.Errorf("%d replies: %q", len(replies), replies)
	}
	wantDoubt(t, c.name, replies)
	c.check(t, w, g, replies, posts)
	return points
}

// await waits for the death, and returns false if the command was done before: not
// every run passes as many points as another.
func (m *mortalProcess) await(t *testing.T, w *world, g *dingtalktest.Group, before map[string]bool) bool {
	t.Helper()
	replied := make(chan bool, 1)
	ctx, cancel := context.WithCancel(within(t))
	defer cancel()
	go func() {
		_, err := g.WaitMessage(ctx, func(posted dingtalktest.Message) bool { return isReply(posted) && !before[posted.ID] })
		if err == nil { // what comes after the reply takes a moment
			err = w.untilIdle(ctx)
		}
		replied <- err == nil
	}()
	select {
	case <-m.died:
		return true
	case ok := <-replied:
		if !ok && !m.dead() {
			t.Fatal("neither the death came nor, after a reply, the end of the command")
		}
		return m.dead()
	}
}

// settled waits until nothing is left to do, and returns what the bot has said since.
func (w *world) settled(g *dingtalktest.Group, before map[string]bool) (replies []string, posts []dingtalktest.Message) {
	w.t.Helper()
	w.awaitIdle()
	for _, m := range g.Messages() {
		switch {
		case before[m.ID]:
		case m.Via == dingtalktest.ViaWebhook:
			replies = append(replies, m.Text)
		case m.Via == dingtalktest.ViaSend:
			posts = append(posts, m)
		}
	}
	return replies, posts
}

// awaitIdle waits until the inbox is empty.
func (w *world) awaitIdle() {
	w.t.Helper()
	if err := w.untilIdle(within(w.t)); err != nil {
		w.t.Fatalf("the inbox is never empty: %v", err)
	}
}

// untilIdle waits until the inbox is empty or the context ends.
func (w *world) untilIdle(ctx context.Context) error {
	options, err := redis.ParseURL(w.redis)
	if err != nil {
		return err
	}
	rdb := redis.NewClient(options)
	defer func() { _ = rdb.Close() }()
	again := time.NewTicker(20 * time.Millisecond)
	defer again.Stop()
	for {
		said, err := rdb.XLen(ctx, "{"+w.prefix+":inbox}:stream").Result()
		due, err2 := rdb.XLen(ctx, "{"+w.prefix+":inbox}:due").Result()
		if err == nil && err2 == nil && said+due == 0 {
			return nil
		}
		select {
		case <-again.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
