package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"
	"go.uber.org/goleak"

	"whoread/receipts/dingtalk/dingtalktest"
	"whoread/store/storetest"
	"whoread/store/storetest/need"
)

// whoread is the path of the real program, built once for all tests.
var whoread string

func TestMain(m *testing.M) {
	if file := os.Getenv(travelVariable); file != "" {
		os.Exit(travel(file))
	}
	if !need.Requires("slow") { // a load has the machine to itself; the other tests mostly wait for processes
		_ = flag.Set("test.parallel", "16")
	}
	os.Exit(func() int {
		folder, err := os.MkdirTemp("", "whoread")
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer func() { _ = os.RemoveAll(folder) }()
		whoread = filepath.Join(folder, "whoread")
		if out, err := exec.Command("go", "build", "-o", whoread, ".").CombinedOutput(); err != nil {
			fmt.Fprintf(os.Stderr, "build whoread: %v\n%s", err, out)
			return 1
		}
		code := m.Run()
		if code == 0 {
			if err := goleak.Find(); err != nil {
				fmt.Fprintln(os.Stderr, err)
				return 1
			}
		}
		return code
	}())
}

// patience bounds every wait of these tests.
const patience = 3 * time.Minute

func within(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	return ctx
}

// world is a DingTalk with people, and what the tests say in it.
type world struct {
	*dingtalktest.Server
	t      *testing.T
	admin  dingtalktest.Person
	redis  string // its URL
	prefix string // of the keys
	files  string
	// forged are violations that the test itself brings about.
	forged []string
}

func newWorld(t *testing.T, r storetest.Backend, o dingtalktest.Options) *world {
	t.Helper()
	w := &world{Server: dingtalktest.New(o), t: t, redis: r.URL, prefix: r.KeyPrefix, files: t.TempDir()}
	if err := w.Listen("127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("%s=%d", dingtalktest.SeedVariable, w.Seed())
		}
		for _, violation := range w.Violations() {
			if slices.Contains(w.forged, violation.What) {
				continue
			}
			t.Errorf("the bot did what a careful client never does: %+v", violation)
		}
		if err := w.Close(); err != nil {
			t.Error(err)
		}
	})
	w.admin = w.AddPerson(dingtalktest.Person{Name: "李雷", Admin: true})
	return w
}

// people adds n people.
func (w *world) people(n int) []dingtalktest.Person {
	people := make([]dingtalktest.Person, n)
	for i := range people {
		people[i] = w.AddPerson(dingtalktest.Person{Name: fmt.Sprintf("员工%04d", i+1)})
	}
	return people
}

// process is a running whoread.
type process struct {
	*exec.Cmd
	t   *testing.T
	log *lockedBuffer
}

type lockedBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

// config writes a configuration for this DingTalk; extra is YAML that is put
// behind it.
func (w *world) config(extra string) string {
	w.t.Helper()
	app := w.App()
	if !strings.Contains(extra, "http:") {
		extra += "\nhttp: {listen: off}"
	}
	file := filepath.Join(w.files, "whoread.yaml")
	for name, content := range map[string]string{
		filepath.Join(w.files, "secret"): app.ClientSecret + "\n",
		file: fmt.Sprintf(`
dingtalk: {client_id: %s, client_secret_file: secret, robot_code: %s, api_url: "%s", oapi_url: "%s"}
redis: {url: "${TEST_REDIS}", key_prefix: "%s"}
log: {level: debug}
%s`, app.ClientID, app.RobotCode, w.URL(), w.URL(), w.prefix, extra),
	} {
		if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
			w.t.Fatal(err)
		}
	}
	return file
}

// start runs whoread and waits until it is connected.
func (w *world) start(config string) *process {
	w.t.Helper()
	command := exec.Command(whoread, "run", "--config", config)
	command.Env = os.Environ()
	return w.run(command)
}

// run starts the command and waits until it is connected.
func (w *world) run(command *exec.Cmd) *process {
	w.t.Helper()
	p := &process{t: w.t, log: &lockedBuffer{}, Cmd: command}
	p.Stdout, p.Stderr = p.log, p.log
	p.Env = append(p.Env, "TEST_REDIS="+w.redis)
	before := len(w.Connections())
	if err := p.Start(); err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() {
		if p.ProcessState == nil {
			p.stop()
		}
		if w.t.Failed() {
			w.t.Logf("log of whoread:\n%s", p.log)
		}
	})
	if err := w.AwaitConnections(within(w.t), before+1); err != nil {
		w.t.Fatalf("whoread does not connect: %v\n%s", err, p.log)
	}
	return p
}

// stop ends the process as an init system would, and expects it to end well.
func (p *process) stop() {
	p.t.Helper()
	if err := p.Process.Signal(syscall.SIGTERM); err != nil {
		p.t.Error(err)
	}
	if err := p.Wait(); err != nil {
		p.t.Errorf("whoread ends badly: %v", err)
	}
}

// kill ends the process as a power cut would.
func (p *process) kill() {
	p.t.Helper()
	if err := p.Process.Kill(); err != nil {
		p.t.Fatal(err)
	}
	if err := p.Wait(); err == nil {
		p.t.Fatal("whoread survived kill -9")
	}
}

// ask lets somebody say something to the bot and returns its reply.
func (w *world) ask(g *dingtalktest.Group, p dingtalktest.Person, say dingtalktest.Say) string {
	w.t.Helper()
	before := ids(g)
	if _, err := g.Say(p, say); err != nil {
		w.t.Fatal(err)
	}
	return w.reply(g, before)
}

// messageAcks are those of what was said to the bot.
func (w *world) messageAcks() []dingtalktest.Ack {
	return slices.DeleteFunc(w.Acks(), func(a dingtalktest.Ack) bool { return a.Topic != dingtalktest.TopicBotMessage })
}

// reply waits for a message of the bot's that answers a command and is not among those before.
func (w *world) reply(g *dingtalktest.Group, before map[string]bool) string {
	w.t.Helper()
	m, err := g.WaitMessage(within(w.t), func(m dingtalktest.Message) bool { return isReply(m) && !before[m.ID] })
	if err != nil {
		w.t.Fatalf("no reply: %v", err)
	}
	if m.Via != dingtalktest.ViaWebhook {
		w.awaitIdle() // its key is recorded once it is there
	}
	return m.Text
}

// isReply reports whether a message answers a command: it came by webhook, or is a chart.
func isReply(m dingtalktest.Message) bool {
	return m.Via == dingtalktest.ViaWebhook || m.Type == "sampleImageMsg"
}

func ids(g *dingtalktest.Group) map[string]bool {
	all := map[string]bool{}
	for _, m := range g.Messages() {
		all[m.ID] = true
	}
	return all
}

// posted returns what the bot posted into the group, without its replies.
func posted(g *dingtalktest.Group) []dingtalktest.Message {
	return slices.DeleteFunc(g.Messages(), func(m dingtalktest.Message) bool { return m.Via != dingtalktest.ViaSend })
}

func wantIn(t *testing.T, text string, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if !strings.Contains(text, part) {
			t.Errorf("%q is missing in:\n%s", part, text)
		}
	}
}

func wantNotIn(t *testing.T, text string, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if strings.Contains(text, part) {
			t.Errorf("%q must not be in:\n%s", part, text)
		}
	}
}

func saying(text string) dingtalktest.Say { return dingtalktest.Say{Text: text} }

func TestASmallGroupLearnsWhoHasNotRead(t *testing.T) {
	t.Parallel()
	for _, language := range []struct {
		name, announce, whoRead, unread string
		heading, share, open, named     string // of the answers
	}{
		{"Chinese", "公告 停机维护\n请保存工作", "谁读了", "谁没读", "#1「停机维护」", "已读 3/5", "还有 2 人没读", "未读 2 人："},
		{"English", "announce 停机维护\n请保存工作", "who read", "unread", `#1 "停机维护"`, "Read 3/5", "2 have not read", "Unread (2)"},
	} {
		t.Run(language.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, storetest.Real(t), dingtalktest.Options{})
			people := w.people(4)
			group := w.AddGroup(dingtalktest.GroupOptions{Title: "小组"}, append(people, w.admin)...)
			w.start(w.config(""))

			wantIn(t, w.ask(group, w.admin, saying(language.announce)), "#1", "5")
			all := posted(group)
			if len(all) != 1 || all[0].Title != "停机维护" || all[0].Text != "停机维护  \n请保存工作\n\n#1 · 李雷" {
				t.Fatalf("posted %+v", all)
			}
			if err := group.ReadAll(all[0].ID, people[0], people[1]); err != nil {
				t.Fatal(err)
			}
			unread := w.ask(group, people[2], saying(language.unread))
			wantIn(t, unread, language.heading, language.share, language.open, people[2].Name, people[3].Name)
			wantNotIn(t, unread, people[0].Name, people[1].Name, w.admin.Name)
			wantIn(t, w.ask(group, people[2], saying(language.whoRead)), language.heading, language.share, language.named, people[0].Name, people[1].Name, w.admin.Name)
		})
	}
}

func TestAGroupOf5000CostsFifteenQueriesAndOneToken(t *testing.T) {
	t.Parallel()
	w := newWorld(t, storetest.Real(t), dingtalktest.Options{})
	people := w.people(4999)
	group := w.AddGroup(dingtalktest.GroupOptions{Title: "全公司"}, append(people, w.admin)...)
	w.start(w.config("members: {cache_for: 10m}"))

	wantIn(t, w.ask(group, w.admin, saying("公告 年会")), "#1", "5000 人应读")
	if err := group.ReadAll(posted(group)[0].ID, people[:3000]...); err != nil {
		t.Fatal(err)
	}
	reply := w.ask(group, w.admin, saying("谁没读"))
	wantIn(t, reply, "#1「年会」", "已读 3001/5000", "还有 1999 人没读", "… 等 1999 人", "员工3001")
	wantNotIn(t, reply, "员工3000")
	for api, want := range map[string]int{
		dingtalktest.APIQuery: 15, dingtalktest.APIMembers: 5, dingtalktest.APISend: 1, dingtalktest.APIToken: 1, dingtalktest.APIUser: 0,
	} {
		if got := w.CallCount(api); got != want {
			t.Errorf("%s was called %d times, not %d", api, got, want)
		}
	}
}

func TestACommandDeliveredTwentyTimesAtOnceIsDoneOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t, storetest.Real(t), dingtalktest.Options{})
	group := w.AddGroup(dingtalktest.GroupOptions{}, append(w.people(4), w.admin)...)
	config := w.config("")
	w.start(config)
	w.start(config) // a second replica
	// Both have their two connections: the first one's second is not taken for the other's first.
	if err := w.AwaitConnections(within(t), 4); err != nil {
		t.Fatal(err)
	}

	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			if _, err := group.Say(w.admin, dingtalktest.Say{Text: "公告 只此一次", MsgID: "msg-twenty"}); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	wantIn(t, w.reply(group, nil), "已发出 #1")
	// A later command is answered after all of these were taken or dropped.
	if err := w.Await(within(t), func() bool { return len(w.messageAcks()) >= 20 }); err != nil {
		t.Fatal(err)
	}
	wantIn(t, w.ask(group, w.admin, saying("列表")), "#1 只此一次")
	replies := 0
	for _, m := range group.Messages() {
		if m.Via == dingtalktest.ViaWebhook {
			replies++
		}
	}
	if len(posted(group)) != 1 || replies != 2 {
		t.Errorf("%d announcements and %d replies, not 1 and 2", len(posted(group)), replies)
	}
}

func TestACrashBetweenSendAndRecordIsUncertainUntilSomebodyQuotesIt(t *testing.T) {
	t.Parallel()
	w := newWorld(t, storetest.Real(t), dingtalktest.Options{})
	people := w.people(4)
	group := w.AddGroup(dingtalktest.GroupOptions{}, append(people, w.admin)...)
	config := w.config("")
	first := w.start(config)

	// The message is in the group, and whoread never learns it.
	w.Inject(dingtalktest.Fault{API: dingtalktest.APISend, Times: 1, Kind: dingtalktest.SlowAnswer, Delay: time.Hour})
	command := dingtalktest.Say{Text: "公告 断电演练", MsgID: "msg-crash"}
	if _, err := group.Say(w.admin, command); err != nil {
		t.Fatal(err)
	}
	message, err := group.WaitMessage(within(t), func(m dingtalktest.Message) bool { return m.Via == dingtalktest.ViaSend })
	if err != nil {
		t.Fatal(err)
	}
	first.kill()
	w.endLeases()
	before := ids(group)
	w.start(config)
	if _, err := group.Say(w.admin, command); err != nil { // DingTalk delivers it again
		t.Fatal(err)
	}
	wantIn(t, w.reply(group, before), "#1 是否送达不确定")
	wantIn(t, w.ask(group, w.admin, saying("列表")), "#1 断电演练", "是否送达不确定")
	wantIn(t, w.ask(group, w.admin, saying("谁没读 #1")), "不确定")

	if err := group.ReadAll(message.ID, people[0]); err != nil {
		t.Fatal(err)
	}
	wantIn(t, w.ask(group, people[1], dingtalktest.Say{Text: "谁没读", Quote: message.ID, QuoteFull: true}), "#1「断电演练」", "已读 2/5", "3 人没读")
	wantIn(t, w.ask(group, people[1], saying("谁没读")), "#1「断电演练」", "已读 2/5")
	if n := len(posted(group)); n != 1 {
		t.Errorf("announced %d times", n)
	}
}

// endLeases makes the lease of every command in the inbox end now, as if a
// minute had gone by. There must be one.
func (w *world) endLeases() {
	w.t.Helper()
	if w.agePending() == 0 {
		w.t.Fatal("no command is being carried out")
	}
}

// agePending makes the leases of all commands in the inbox end, and tells how many there were.
func (w *world) agePending() int {
	w.t.Helper()
	options, err := redis.ParseURL(w.redis)
	if err != nil {
		w.t.Fatal(err)
	}
	rdb := redis.NewClient(options)
	defer func() { _ = rdb.Close() }()
	stream := "{" + w.prefix + ":inbox}:stream" // of what people say
	pending, err := rdb.XPendingExt(w.t.Context(), &redis.XPendingExtArgs{Stream: stream, Group: "workers", Start: "-", End: "+", Count: 100}).Result()
	if err != nil && !strings.HasPrefix(err.Error(), "NOGROUP") {
		w.t.Fatal(err)
	}
	for _, p := range pending {
		err := rdb.Do(w.t.Context(), "XCLAIM", stream, "workers", p.Consumer, 0, p.ID, "IDLE", 60_000, "RETRYCOUNT", p.RetryCount, "JUSTID").Err()
		if err != nil {
			w.t.Fatal(err)
		}
	}
	return len(pending)
}

func TestTwentyPeopleAskingAtOnceCostOneQuery(t *testing.T) {
	t.Parallel()
	w := newWorld(t, storetest.Real(t), dingtalktest.Options{})
	people := w.people(20)
	group := w.AddGroup(dingtalktest.GroupOptions{}, append(people, w.admin)...)
	w.start(w.config("reports: {fresh_for: 5m}")) // longer than the answers may take
	w.ask(group, w.admin, saying("公告 大家看"))

	before := ids(group)
	w.Inject(dingtalktest.Fault{API: dingtalktest.APIQuery, Times: 1, Kind: dingtalktest.SlowAnswer, Delay: 300 * time.Millisecond})
	for _, person := range people {
		if _, err := group.Say(person, saying("谁没读")); err != nil {
			t.Fatal(err)
		}
	}
	answered := 0
	err := w.Await(within(t), func() bool {
		answered = 0
		for _, m := range group.Messages() {
			if m.Via == dingtalktest.ViaWebhook && !before[m.ID] {
				answered++
			}
		}
		return answered == len(people)
	})
	if err != nil {
		t.Fatalf("%d of %d were answered: %v", answered, len(people), err)
	}
	if got := w.CallCount(dingtalktest.APIQuery); got != 1 {
		t.Errorf("%d queries", got)
	}
}

func TestNoGroupSeesAnothersMessages(t *testing.T) {
	t.Parallel()
	w := newWorld(t, storetest.Real(t), dingtalktest.Options{})
	ours := w.AddGroup(dingtalktest.GroupOptions{Title: "我们"}, append(w.people(3), w.admin)...)
	theirs := w.AddGroup(dingtalktest.GroupOptions{Title: "他们"}, append(w.people(3), w.admin)...)
	bot := w.start(w.config(""))
	w.ask(ours, w.admin, saying("公告 机密一"))
	w.ask(ours, w.admin, saying("公告 机密二"))

	for _, text := range []string{"谁没读", "谁没读 #1", "谁读了 #2", "列表", "撤回 #1"} {
		wantNotIn(t, w.ask(theirs, w.admin, saying(text)), "机密")
	}
	w.ask(theirs, w.admin, saying("公告 公开"))
	wantIn(t, w.ask(theirs, w.admin, saying("谁没读 #1")), "#1「公开」")

	// A frame that claims to quote the other group's message, as no client sends it.
	w.forged = []string{"an ack of a frame that was never sent", "Invalid processQueryKey"}
	key := posted(ours)[0].ProcessQueryKey
	before := ids(theirs)
	w.forgeQuote(theirs, key)
	await(t, "the forged question is refused", func() bool {
		return strings.Contains(bot.log.String(), `"command done","request":"forged","verb":"unread","outcome":"refused"`)
	})
	if said := since(theirs, before); len(said) > 0 {
		t.Errorf("said: %q", texts(said))
	}
	wantNotIn(t, w.ask(theirs, w.admin, saying("列表")), "机密", "#2")
}

// forgeQuote pushes a frame in which the administrator asks about the message
// with the key. It has no webhook, and what is refused is not worth a post.
func (w *world) forgeQuote(g *dingtalktest.Group, key string) {
	w.t.Helper()
	app := w.App()
	data, err := json.Marshal(map[string]any{
		"conversationId": g.ID(), "conversationType": "2", "msgId": "forged", "senderStaffId": w.admin.UserID, "isAdmin": true,
		"robotCode": app.RobotCode, "msgtype": "text", "text": map[string]any{"content": "谁没读", "isReplyMsg": true, "repliedMsg": map[string]any{"content": map[string]any{"text": "机密一"}}}, "originalProcessQueryKey": key,
	})
	if err != nil {
		w.t.Fatal(err)
	}
	frame, err := json.Marshal(map[string]any{
		"specVersion": "1.0", "type": "CALLBACK", "data": string(data),
		"headers": map[string]string{"topic": dingtalktest.TopicBotMessage, "messageId": "forged-frame", "contentType": "application/json"},
	})
	if err != nil {
		w.t.Fatal(err)
	}
	w.PushRaw(frame)
}

func TestPeopleFromOutsideAreRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t, storetest.Real(t), dingtalktest.Options{})
	outsider := w.AddPerson(dingtalktest.Person{Name: "客户", Outside: true})
	group := w.AddGroup(dingtalktest.GroupOptions{}, append(w.people(3), w.admin, outsider)...)
	w.start(w.config("access: {announce: everyone, recall: everyone}"))
	wantIn(t, w.ask(group, w.admin, saying("公告 内部消息")), "4 人应读")
	for _, text := range []string{"公告 广告", "谁没读", "列表", "撤回 #1", "帮助"} {
		wantIn(t, w.ask(group, outsider, saying(text)), "抱歉，我只为本组织成员服务")
	}
	wantIn(t, w.ask(group, outsider, saying("who read")), "Sorry, I only work for members")
	wantIn(t, w.ask(group, w.admin, saying("谁没读")), "已读 1/4", "外部的 1 人没算")
	if n := len(posted(group)); n != 1 {
		t.Errorf("announced %d times", n)
	}
}

func TestWithoutRedisThePersonIsToldAndNothingIsPosted(t *testing.T) {
	t.Parallel()
	server := miniredis.RunT(t)
	server.RequireAuth("hunter2-redis")
	proxy := storetest.NewProxy(t, "redis://:hunter2-redis@"+server.Addr())
	w := newWorld(t, storetest.Backend{URL: proxy.URL(), KeyPrefix: "away"}, dingtalktest.Options{})
	group := w.AddGroup(dingtalktest.GroupOptions{}, append(w.people(3), w.admin)...)
	p := w.start(w.config(""))
	w.ask(group, w.admin, saying("公告 之前"))

	proxy.Cut()
	wantIn(t, w.ask(group, w.admin, saying("公告 停电时")), "存储没有响应", "什么也没有发出")
	wantIn(t, w.ask(group, w.admin, saying("announce meanwhile")), "My store does not answer", "nothing was posted")
	proxy.Mend(t)
	wantIn(t, w.ask(group, w.admin, saying("公告 之后")), "已发出 #2")
	if n := len(posted(group)); n != 2 {
		t.Errorf("announced %d times", n)
	}
	wantNotIn(t, p.log.String(), "hunter2")
}

func TestNoSecretIsInTheLogAtDebugLevelOrInTheMetrics(t *testing.T) {
	t.Parallel()
	w := newWorld(t, storetest.Real(t), dingtalktest.Options{})
	people := w.people(4)
	group := w.AddGroup(dingtalktest.GroupOptions{}, append(people, w.admin)...)
	p := w.start(w.config(anyPort))
	at := p.endpoint()
	w.ask(group, w.admin, saying("公告 一"))
	for _, fault := range []dingtalktest.FaultKind{
		dingtalktest.ServerError, dingtalktest.TruncatedBody, dingtalktest.IPBanHTML, dingtalktest.DropBefore,
	} {
		w.Inject(dingtalktest.Fault{API: dingtalktest.APIWebhook, Times: 1, Kind: fault})
		w.Inject(dingtalktest.Fault{API: dingtalktest.APIQuery, Times: 1, Kind: fault})
		if _, err := group.Say(people[0], saying("谁读了")); err != nil {
			t.Fatal(err)
		}
	}
	w.ExpireTokens()
	w.DropConnections()
	w.PushRaw([]byte(`{"broken`))
	if err := w.AwaitConnections(within(t), 1); err != nil {
		t.Fatal(err)
	}
	_, metrics := at.get("/metrics")
	_, ready := at.get("/readyz")
	p.stop()

	token := w.token()
	log := p.log.String()
	wantIn(t, log, "command accepted", "called DingTalk")
	wantIn(t, metrics, "whoread_commands_total")
	wantNotIn(t, log+metrics+ready, w.App().ClientSecret, token, "ticket=", "session=", "sendBySession?")
}

// token asks for the access token that DingTalk gives to this app.
func (w *world) token() string {
	w.t.Helper()
	body, err := json.Marshal(map[string]string{"appKey": w.App().ClientID, "appSecret": w.App().ClientSecret})
	if err != nil {
		w.t.Fatal(err)
	}
	request, err := http.NewRequestWithContext(within(w.t), http.MethodPost, w.URL()+"/v1.0/oauth2/accessToken", bytes.NewReader(body))
	if err != nil {
		w.t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Accept", "application/json")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		w.t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	defer http.DefaultClient.CloseIdleConnections()
	var answer struct{ AccessToken string }
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil || answer.AccessToken == "" {
		w.t.Fatalf("no token: %v", err)
	}
	return answer.AccessToken
}

func TestTheSecondConnectionAnswersWhileTheFirstIsCut(t *testing.T) {
	t.Parallel()
	w := newWorld(t, storetest.Real(t), dingtalktest.Options{DisconnectAfter: 2 * time.Second})
	group := w.AddGroup(dingtalktest.GroupOptions{}, append(w.people(3), w.admin)...)
	w.start(w.config(""))
	wantIn(t, w.ask(group, w.admin, saying("公告 一")), "已发出 #1")
	w.Disconnect()
	if err := w.AwaitConnections(within(t), 1); err != nil {
		t.Fatal(err)
	}
	wantIn(t, w.ask(group, w.admin, saying("谁没读")), "#1「一」")
}

func TestCheckTellsWhatIsWrongAndWhatToDo(t *testing.T) {
	t.Parallel()
	w := newWorld(t, storetest.Real(t), dingtalktest.Options{})
	check := func(config string) (string, int) {
		command := exec.CommandContext(within(t), whoread, "check", "--config", config)
		command.Env = append(os.Environ(), "TEST_REDIS="+w.redis)
		out, err := command.CombinedOutput()
		if _, failed := errors.AsType[*exec.ExitError](err); err != nil && !failed {
			t.Fatal(err)
		}
		return string(out), command.ProcessState.ExitCode()
	}
	out, status := check(w.config(""))
	wantIn(t, out, "✓ config", "✓ redis", "✓ token", "✓ gateway")
	if status != 0 {
		t.Errorf("exit status %d", status)
	}

	config := w.config("")
	if err := os.WriteFile(filepath.Join(w.files, "secret"), []byte("wrong-secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	w.redis = "redis://:pass-word@127.0.0.1:1"
	out, status = check(config)
	wantIn(t, out, "✗ redis", "redis.url", "✗ token", "client_secret", "- gateway")
	wantNotIn(t, out, "wrong-secret", "pass-word")
	if status != 1 {
		t.Errorf("exit status %d", status)
	}
}

func TestTheDemoShowsTheMainJobAndEnds(t *testing.T) {
	t.Parallel()
	out, err := exec.CommandContext(within(t), whoread, "demo").CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	wantIn(t, string(out),
		"已发出 #1，8 人应读", "还有 4 人没读 #1「周五 22:00 停机维护」", "已读 4/8", "王五、赵六、钱七、孙八",
		"已读 5/7", "1 人后来入群", "1 人没读就退了群", "赵六, 钱七", `Did you mean "who read"`,
		"只有管理员能这样做", "Posted as #2", "已撤回 #2", "没有 #9")
}

func TestTheDemoPlaysAScriptOfOnesOwn(t *testing.T) {
	t.Parallel()
	script := filepath.Join(t.TempDir(), "script.txt")
	if err := os.WriteFile(script, []byte("group Team: Ann(admin) Bob Cid Eve(outside)\nAnn: @whoread announce Hello\nread Bob\nBob: hi all\nBob: @whoread unread\nEve: @whoread unread\nAnn: @whoread export\nBob: @whoread chart\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.CommandContext(within(t), whoread, "demo", "--script", script).CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	wantIn(t, string(out), `1 has not read #1 "Hello"`, "Cid", "hi all", "I only work for members", "[私信 private] [文件 file: 1 Hello.xlsx]", "[图片 picture]")
}
