package bot_test

import (
	"bytes"
	stdcmp "cmp"
	"context"
	"encoding/json"
	"errors"
	"iter"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"whoread/bot"
	"whoread/bot/command"
	"whoread/bot/reply"
	"whoread/bot/stream"
	"whoread/receipts"
	"whoread/receipts/dingtalk"
	"whoread/receipts/dingtalk/budget"
	"whoread/receipts/dingtalk/dingtalktest"
	"whoread/receipts/platform"
	"whoread/store"
)

// say is what somebody says to the bot.
type say = dingtalktest.Say

// setup changes what a test's world is made of.
type setup struct {
	budget   budget.Limits
	dingtalk dingtalktest.Options
	group    dingtalktest.GroupOptions
	rosters  map[string]platform.RosterOptions
	options  func(*wiring)
	ding     dingtalk.DingType // 0 for app
	learned  bool              // members are learned where no list tells them
	empty    bool              // there is no group yet
}

// world is one group with its people, the DingTalk they use, and the bot. Its
// clock stands still until a test moves it. At the end of every test it checks
// that the bot was a careful client and that the log holds no secret.
type world struct {
	*testing.T
	dingtalk *dingtalktest.Server
	group    *dingtalktest.Group
	store    *store.Store
	bot      *bot.Bot
	wiring   wiring // of the bot
	inbox    *inbox
	clock    *clock
	counter  *budget.Counter
	budget   *budget.Budget
	log      *logBuffer
	wire     *wire

	loseStore  func() // from then on the records do not answer
	frames     chan []byte
	violations []string // that a test makes on purpose

	lilei, hanmeimei, zhangsan, lisi, john dingtalktest.Person // Li Lei is an administrator, John from outside
}

func newWorld(t *testing.T, s setup) *world {
	t.Helper()
	w := &world{
		T: t, clock: &clock{at: time.Date(2026, 8, 3, 14, 35, 0, 0, time.UTC)}, log: &logBuffer{}, inbox: &inbox{seen: map[string]bool{}},
		wire: &wire{inner: &http.Transport{}}, frames: make(chan []byte, 100),
	}
	s.dingtalk.Now, s.dingtalk.CallsPerSecond = w.clock.now, -1
	w.dingtalk = dingtalktest.New(s.dingtalk)
	w.must(w.dingtalk.Listen("127.0.0.1:0"))
	w.lilei = w.dingtalk.AddPerson(dingtalktest.Person{Name: "李雷", UserID: "lilei", Admin: true})
	w.hanmeimei = w.dingtalk.AddPerson(dingtalktest.Person{Name: "韩梅梅", UserID: "hanmeimei"})
	w.zhangsan = w.dingtalk.AddPerson(dingtalktest.Person{Name: "张三", UserID: "zhangsan"})
	w.lisi = w.dingtalk.AddPerson(dingtalktest.Person{Name: "李四", UserID: "lisi"})
	w.john = w.dingtalk.AddPerson(dingtalktest.Person{Name: "John", Outside: true})
	if !s.empty {
		w.group = w.dingtalk.AddGroup(s.group, w.lilei, w.hanmeimei, w.zhangsan, w.lisi)
	}
	w.Cleanup(w.close)

	log := logTo(w.log)
	app := w.dingtalk.App()
	var err error
	w.store, err = store.Open(store.Options{URL: store.Memory, KeyPrefix: "whoread", KeepFor: 720 * time.Hour})
	w.must(err)
	w.loseStore = sync.OnceFunc(func() { w.must(w.store.Close()) })
	w.Cleanup(w.loseStore)
	counter, quota := budget.NewCounter(w.store, w.clock.now, log), budget.NewQuota(w.clock.now)
	w.Cleanup(counter.Close)
	w.counter = counter
	w.budget = budget.New(counter, quota, s.budget, w.clock.now, log)
	client, err := dingtalk.New(dingtalk.Config{
		WithinBudget: w.budget.Within, WithinQuota: quota.Within,
		ClientID: app.ClientID, ClientSecret: dingtalk.NewSecret(app.ClientSecret), RobotCode: app.RobotCode,
		CoolAppCode: func(context.Context, string) string { return s.group.CoolAppCode },
		APIURL:      w.dingtalk.URL(), OapiURL: w.dingtalk.URL(), CallsPerSecond: 10_000, Transport: w.wire, Now: w.clock.now,
		Observe: func(ctx context.Context, c dingtalk.Call) {
			counter.Observe(c)
			quota.Observe(c)
			receipts.RequestLog(log)(ctx).Debug("called DingTalk", zap.String("api", c.API), zap.Any("call", c))
		},
	})
	w.must(err)
	w.Cleanup(client.Close)

	adapter := &platform.Platform{Client: client, DingType: stdcmp.Or(s.ding, dingtalk.DingApp), Now: w.clock.now}
	sources := adapter.MemberSources(s.rosters)
	if s.learned {
		sources = append(sources, receipts.LearnedMembers{Records: w.store, Now: w.clock.now})
	}
	w.wiring = wiring{
		Ports: receipts.Ports{
			Store: w.store, Pushes: w.store, Platform: adapter, Sources: sources, Jobs: w.inbox, Now: w.clock.now, Log: receipts.RequestLog(log),
		},
		Settings: receipts.Settings{
			Policy:   receipts.Policy{Announce: receipts.Admins, Report: receipts.Everyone, Remind: receipts.Admins, Recall: receipts.Author},
			CacheFor: 10 * time.Minute, FreshFor: 10 * time.Second, MaxNames: 50, Zone: time.UTC,
			Reminders: receipts.ReminderSettings{By: receipts.Mention, Cooldown: 5 * time.Minute},
		},
		Options: bot.Options{
			Inbox: w.inbox, Budget: callUsage{w.budget}, RobotCode: app.RobotCode, Process: bot.Process{Version: "v1.2.3"},
			Now: w.clock.now, Log: receipts.RequestLog(log),
		},
		Default: command.Chinese,
	}
	if s.options != nil {
		s.options(&w.wiring)
	}
	w.bot = w.newBot(w.wiring)
	w.connect()
	return w
}

// wiring is what a bot is made of.
type wiring struct {
	receipts.Ports
	receipts.Settings
	bot.Options
	Language, Default command.Language // of the presenter
	Unsigned          bool             // as well
}

// callUsage gives the bot's name to the state of the budget.
type callUsage struct{ budget *budget.Budget }

func (u callUsage) CallUsage(ctx context.Context) (reply.CallUsage, error) {
	s, err := u.budget.Query(ctx)
	return reply.CallUsage(s), err
}

func (u callUsage) Warn(command string) (reply.CallUsage, bool) {
	s, due := u.budget.Warn(command)
	return reply.CallUsage(s), due
}

// newBot returns a bot that ends with the test.
func (w *world) newBot(o wiring) *bot.Bot {
	b := bot.New(o.made())
	w.Cleanup(b.Close)
	return b
}

// made returns the options of a bot with its service.
func (o wiring) made() bot.Options {
	o.Options.Presenter = reply.Presenter{
		MaxNames: o.MaxNames, Zone: o.Zone, Quiet: o.Reminders.Quiet, Now: o.Options.Now, Fits: o.Platform.Fits, Language: o.Language, Default: o.Default, Unsigned: o.Unsigned,
	}
	o.Ports.Presenter = o.Options.Presenter
	o.Service = receipts.NewService(o.Ports, o.Settings)
	return o.Options
}

// reconfigure goes on with a bot that is made of something else.
func (w *world) reconfigure(change func(*wiring)) {
	if change != nil {
		change(&w.wiring)
	}
	w.bot = w.newBot(w.wiring)
}

// connect lets the frames that DingTalk pushes come in.
func (w *world) connect() {
	w.Helper()
	app := w.dingtalk.App()
	client, err := stream.New(stream.Config{
		ClientID: app.ClientID, ClientSecret: app.ClientSecret, APIURL: w.dingtalk.URL(), Topics: []string{bot.MessageTopic}, Connections: 1,
		Handle: func(_ context.Context, f stream.Frame) ([]byte, error) { w.frames <- f.Data; return nil, nil },
	})
	w.must(err)
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() {
		if err := client.Run(ctx); err != nil {
			w.Error(err)
		}
	})
	w.Cleanup(func() { cancel(); running.Wait() })
	w.must(w.dingtalk.AwaitConnections(w.soon(), 1))
}

func (w *world) close() {
	if w.Failed() {
		w.Logf("%s=%d", dingtalktest.SeedVariable, w.dingtalk.Seed())
	}
	w.wire.inner.CloseIdleConnections()
	for _, v := range w.dingtalk.Violations() {
		if !w.expected(v.What) {
			w.Errorf("a careful client does not do that: %s: %s", v.API, v.What)
		}
	}
	everything := w.dingtalk.Groups()
	for _, p := range []dingtalktest.Person{w.lilei, w.hanmeimei, w.zhangsan, w.lisi} {
		everything = append(everything, w.dingtalk.Direct(p))
	}
	var said strings.Builder
	for _, g := range everything {
		for _, m := range g.Messages() {
			if m.FromBot() {
				said.WriteString(m.Title + "\n" + m.Text + "\n")
			}
		}
	}
	for _, d := range w.dingtalk.Dings() {
		said.WriteString(d.Content + "\n")
	}
	if i := strings.Index(said.String(), "%!"); i >= 0 {
		w.Errorf("a sentence with a gap: %q", said.String()[max(0, i-100):])
	}
	w.noSecrets("what the bot said", said.String())
	w.noSecrets("the log", w.log.String())
	if err := w.dingtalk.Close(); err != nil {
		w.Error(err)
	}
}

func (w *world) expected(violation string) bool {
	for _, part := range w.violations {
		if strings.Contains(violation, part) {
			return true
		}
	}
	return false
}

func (w *world) noSecrets(where, text string) {
	w.Helper()
	for _, secret := range append(w.wire.secrets(), w.dingtalk.App().ClientSecret) {
		if secret != "" && strings.Contains(text, secret) {
			w.Errorf("%s holds a secret (%s…)", where, secret[:4])
		}
	}
}

func (w *world) must(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

// soon is a context for what takes a moment; its end is only for what hangs.
func (w *world) soon() context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	w.Cleanup(cancel)
	return ctx
}

// heard is the frame's data of what a person says.
func (w *world) heard(g *dingtalktest.Group, p dingtalktest.Person, what say) []byte {
	w.Helper()
	_, err := g.Say(p, what)
	w.must(err)
	select {
	case data := <-w.frames:
		w.wire.learn(webhookOf(w.T, data))
		return data
	case <-w.soon().Done():
		w.Fatal("nothing was pushed")
		return nil
	}
}

// carryOut takes a frame in and carries the command out, and returns what the
// bot said in the group meanwhile.
func (w *world) carryOut(g *dingtalktest.Group, data []byte) []dingtalktest.Message {
	w.Helper()
	before := len(g.Messages())
	w.bot.Accept(context.Background(), "frame1", data)
	for _, command := range w.inbox.take() {
		w.must(w.bot.Work(w.soon(), command, false))
	}
	return g.Messages()[before:]
}

// ask is a person saying something in the group, and the bot's answer: exactly
// one, by the session webhook, with nobody notified.
func (w *world) ask(p dingtalktest.Person, what say) dingtalktest.Message {
	w.Helper()
	return w.answer(w.carryOut(w.group, w.heard(w.group, p, what)))
}

func (w *world) asks(p dingtalktest.Person, text string) string {
	w.Helper()
	return w.ask(p, say{Text: text}).Text
}

// answer is the only reply among messages.
func (w *world) answer(messages []dingtalktest.Message) dingtalktest.Message {
	w.Helper()
	var replies []dingtalktest.Message
	for _, m := range messages {
		if m.Via == dingtalktest.ViaWebhook {
			replies = append(replies, m)
		}
	}
	if len(replies) != 1 {
		w.Fatalf("%d answers, want 1: %+v", len(replies), messages)
	}
	if len(replies[0].Mentioned) > 0 || replies[0].MentionsAll {
		w.Errorf("the answer notifies somebody: %+v", replies[0])
	}
	return replies[0]
}

// tells is a person saying something in the group, and all that the bot says there
// then.
func (w *world) tells(p dingtalktest.Person, text string) []dingtalktest.Message {
	w.Helper()
	return w.carryOut(w.group, w.heard(w.group, p, say{Text: text}))
}

// pass lets time pass, all at once, and carries out what is due then. It returns what
// the bot said in the group meanwhile.
func (w *world) pass(d time.Duration) []dingtalktest.Message {
	w.Helper()
	before := len(w.group.Messages())
	w.clock.advance(d)
	for _, command := range w.inbox.due(w.clock.now()) {
		w.must(w.bot.Work(w.soon(), command, false))
	}
	return w.group.Messages()[before:]
}

// post is a message of the bot's, and the userIds of whom it notifies.
type post struct {
	via  dingtalktest.Via
	text string
	at   []string
}

func byWebhook(lines ...string) post {
	return post{via: dingtalktest.ViaWebhook, text: markdown(lines...)}
}

func bySend(lines ...string) post { return post{via: dingtalktest.ViaSend, text: markdown(lines...)} }

func byDirect(lines ...string) post {
	return post{via: dingtalktest.ViaDirect, text: markdown(lines...)}
}

// mentioning is the post with people who are notified, who stand in it.
func (p post) mentioning(userIDs ...string) post {
	p.at = userIDs
	return p
}

// sees checks that these messages are all that the bot said.
func (w *world) sees(what string, got []dingtalktest.Message, want ...post) {
	w.Helper()
	var posts []post
	for _, m := range got {
		p := post{via: m.Via, text: m.Text}
		for _, person := range m.Mentioned {
			p.at = append(p.at, person.UserID)
		}
		if m.MentionsAll {
			p.at = append(p.at, "everybody")
		}
		posts = append(posts, p)
	}
	if diff := cmp.Diff(want, posts, cmp.AllowUnexported(post{})); diff != "" {
		w.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

// private is what the bot wrote to the person alone.
func (w *world) private(p dingtalktest.Person) []dingtalktest.Message {
	return w.dingtalk.Direct(p).Messages()
}

// posted are the messages that the bot sent into the group as trackable ones.
func (w *world) posted() []dingtalktest.Message {
	var all []dingtalktest.Message
	for _, m := range w.group.Messages() {
		if m.Via == dingtalktest.ViaSend {
			all = append(all, m)
		}
	}
	return all
}

// announce posts an announcement and returns it as it stands in the group.
func (w *world) announce(text string) dingtalktest.Message {
	w.Helper()
	before := len(w.posted())
	w.asks(w.lilei, text)
	all := w.posted()
	if len(all) != before+1 {
		w.Fatalf("%d messages were posted, want 1", len(all)-before)
	}
	return all[before]
}

// wants checks that all words stand in the text.
//
// A heading is written "#1 title", whatever its language.
func (w *world) wants(text string, words ...string) {
	w.Helper()
	for _, word := range words {
		if !strings.Contains(plainHeadings(text), plainHeadings(word)) {
			w.Errorf("%q is not in:\n%s", word, text)
		}
	}
}

var heading = regexp.MustCompile(`(#[0-9]+)(?:「(.*?)」| "(.*?)")`)

// plainHeadings is a text with its headings in no language's quotation marks.
func plainHeadings(text string) string { return heading.ReplaceAllString(text, "$1 $2$3") }

// never checks that none of the words stands in the text.
func (w *world) never(text string, words ...string) {
	w.Helper()
	for _, word := range words {
		if strings.Contains(text, word) {
			w.Errorf("%q should not be in:\n%s", word, text)
		}
	}
}

// edit changes the data of a frame.
func edit(t *testing.T, data []byte, change func(frame map[string]any)) []byte {
	t.Helper()
	var frame map[string]any
	if err := json.Unmarshal(data, &frame); err != nil {
		t.Fatal(err)
	}
	change(frame)
	data, err := json.Marshal(frame)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func webhookOf(t *testing.T, data []byte) string {
	t.Helper()
	var frame struct{ SessionWebhook string }
	if err := json.Unmarshal(data, &frame); err != nil {
		t.Fatal(err)
	}
	hook, err := url.Parse(frame.SessionWebhook)
	if err != nil {
		t.Fatal(err)
	}
	return hook.Query().Get("session")
}

// inbox is one in memory.
type inbox struct {
	mu    sync.Mutex
	seen  map[string]bool
	queue []receipts.Job
	fail  error // what Accept returns, having done nothing
	lost  error // what Accept returns, having accepted all the same

	scheduled map[string]receipts.Job // by ID
}

func (i *inbox) Schedule(_ context.Context, jobs ...receipts.Job) error {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.scheduled == nil {
		i.scheduled = map[string]receipts.Job{}
	}
	for _, j := range jobs {
		i.scheduled[j.ID] = j
	}
	return nil
}

func (i *inbox) Cancel(_ context.Context, ids ...string) (int, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	before := len(i.scheduled)
	for _, id := range ids {
		delete(i.scheduled, id)
	}
	return before - len(i.scheduled), nil
}

func (i *inbox) Scheduled(_ context.Context, group string) ([]receipts.Job, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	return sorted(maps.Values(i.scheduled), func(j receipts.Job) bool { return j.Group == group }), nil
}

// due takes what is due at the time, as the store moves it into the inbox.
func (i *inbox) due(now time.Time) []receipts.Job {
	i.mu.Lock()
	defer i.mu.Unlock()
	jobs := sorted(maps.Values(i.scheduled), func(j receipts.Job) bool { return !j.At.After(now) })
	for _, j := range jobs {
		delete(i.scheduled, j.ID)
	}
	return jobs
}

// sorted are the jobs that are wanted, in the order of their times.
func sorted(jobs iter.Seq[receipts.Job], wanted func(receipts.Job) bool) []receipts.Job {
	all := slices.SortedFunc(jobs, func(a, b receipts.Job) int {
		return stdcmp.Or(a.At.Compare(b.At), strings.Compare(a.ID, b.ID))
	})
	return slices.DeleteFunc(all, func(j receipts.Job) bool { return !wanted(j) })
}

func (i *inbox) Accept(_ context.Context, j receipts.Job) (bool, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.fail != nil {
		return false, i.fail
	}
	if i.seen[j.ID] {
		return false, nil
	}
	i.seen[j.ID] = true
	i.queue = append(i.queue, j)
	return i.lost == nil, i.lost
}

func (i *inbox) take() []receipts.Job {
	i.mu.Lock()
	defer i.mu.Unlock()
	taken := i.queue
	i.queue = nil
	return taken
}

// clock stands still until it is moved.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

// logBuffer keeps the whole log.
type logBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

// logTo returns a log that writes everything there.
func logTo(b *logBuffer) *zap.Logger {
	return zap.New(zapcore.NewCore(zapcore.NewJSONEncoder(zap.NewProductionEncoderConfig()), b, zap.DebugLevel))
}

func (b *logBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (*logBuffer) Sync() error { return nil }

func (b *logBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

// wire is the way to DingTalk. It learns the secrets that go over it, and can be
// held up.
type wire struct {
	inner *http.Transport

	mu    sync.Mutex
	known []string
	held  chan struct{} // nil: nothing is held up
	away  bool          // DingTalk can't be reached
	// meanwhile is called once when the nth call of a path was answered, before the answer
	// comes in; nil for nothing.
	meanwhile func()
	path      string
	nth       int
}

func (w *wire) RoundTrip(r *http.Request) (*http.Response, error) {
	w.learn(r.Header.Get("X-Acs-Dingtalk-Access-Token"), r.URL.Query().Get("access_token"), r.URL.Query().Get("session"))
	w.mu.Lock()
	held, away := w.held, w.away
	w.mu.Unlock()
	if away {
		r = r.Clone(r.Context())
		r.URL.Host = "127.0.0.1:1" // where nobody listens
	}
	if held != nil {
		select {
		case <-held:
		case <-r.Context().Done():
			return nil, r.Context().Err()
		}
	}
	answer, err := w.inner.RoundTrip(r)
	if happens := w.happens(r.URL.Path); happens != nil {
		happens()
	}
	return answer, err
}

// happens is what a test has happen during this call of the path; nil for nothing.
func (w *wire) happens(path string) func() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.meanwhile == nil || path != w.path {
		return nil
	}
	if w.nth--; w.nth > 0 {
		return nil
	}
	happens := w.meanwhile
	w.meanwhile = nil
	return happens
}

// during has something happen while the nth call of a path from now on is answered.
func (w *wire) during(path string, nth int, happens func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.path, w.nth, w.meanwhile = path, nth, happens
}

func (w *wire) learn(secrets ...string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, secret := range secrets {
		if !slices.Contains(w.known, secret) {
			w.known = append(w.known, secret)
		}
	}
}

func (w *wire) secrets() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return append([]string(nil), w.known...)
}

// cut makes DingTalk unreachable, or ends that.
func (w *wire) cut(away bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.away = away
}

// holdUp lets nothing pass until the returned function is called.
func (w *wire) holdUp() (release func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	held := make(chan struct{})
	w.held = held
	return func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.held = nil
		close(held)
	}
}

var errRedis = errors.New("dial tcp 10.0.0.1:6379: connect: connection refused")
