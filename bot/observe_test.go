package bot_test

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"whoread/bot"
	"whoread/bot/command"
	"whoread/receipts"
	"whoread/receipts/dingtalk/dingtalktest"
)

// observer notes what it is told, as "announce done" or "push message taken".
type observer struct {
	mu   sync.Mutex
	told []string
	took []time.Duration
}

func (o *observer) Command(verb string, outcome bot.Outcome, took time.Duration) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.told, o.took = append(o.told, fmt.Sprintf("%s %s", verb, outcome)), append(o.took, took)
}

func (o *observer) Job(kind string, outcome bot.Outcome) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.told = append(o.told, fmt.Sprintf("job %s %s", kind, outcome))
}

func (o *observer) Push(kind string, outcome bot.Outcome) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.told = append(o.told, fmt.Sprintf("push %s %s", kind, outcome))
}

// take returns what was told since the last call.
func (o *observer) take() []string {
	o.mu.Lock()
	defer o.mu.Unlock()
	told := o.told
	o.told = nil
	return told
}

func observed(o *observer) setup {
	return setup{options: func(options *wiring) {
		options.Observer = o
		options.Sweeps = []time.Duration{time.Hour}
	}}
}

func TestWhatCameOfCommandsIsObserved(t *testing.T) {
	t.Parallel()
	o := &observer{}
	w := newWorld(t, observed(o))
	sees := func(what string, want ...string) {
		t.Helper()
		if diff := cmp.Diff(want, o.take()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", what, diff)
		}
	}
	const taken = "push message taken"
	for _, c := range []struct{ say, told string }{
		{"", "help done"},
		{"帮助", "help done"},
		{"谁没读", "unread refused"}, // there is nothing yet
		{"公告 停机", "announce done"},
		{"谁读了", "who_read done"},
		{"unread #7", "unread refused"},
		{"列表", "list done"},
		{"用量", "usage done"},
		{"恭喜发财", "unknown refused"},
		{strings.Repeat("x", 9000), "unknown refused"},
		{"跟进 #1 每30分钟", "follow done"},
		{"跟进 #1 每1分钟", "follow refused"},
		{"停止 #1", "stop done"},
		{"停止", "stop refused"}, // nothing is followed
		{"图", "chart done"},
		{"导出", "export done"},
		{"提醒", "remind done"},
		{"撤回 #1", "recall done"},
		{"撤回 #1", "recall refused"},
	} {
		w.tells(w.lilei, c.say)
		sees(c.say, taken, c.told)
	}
	w.tells(w.lisi, "公告 广告")
	sees("not an admin", taken, "announce refused")
	w.carryOut(w.group, edit(t, w.heard(w.group, w.lilei, say{Text: "列表"}), func(f map[string]any) { f["senderCorpId"] = "dingother" }))
	sees("from outside", taken, "list refused")

	w.dingtalk.Inject(dingtalktest.Fault{API: dingtalktest.APISend, Times: 1, Kind: dingtalktest.Code, Code: "bot.stopped"})
	w.tells(w.lilei, "公告 停机")
	sees("DingTalk does not post it", taken, "announce failed")
}

func TestTheTimeOfACommandCountsFromItsFrame(t *testing.T) {
	t.Parallel()
	o := &observer{}
	w := newWorld(t, observed(o))
	w.bot.Accept(t.Context(), "frame1", w.heard(w.group, w.lilei, say{Text: "帮助"}))
	command := w.inbox.take()[0]
	w.clock.advance(42 * time.Second)
	w.must(w.bot.Work(w.soon(), command, false))
	w.clock.advance(-2 * time.Minute) // a replica with another clock
	w.must(w.bot.Work(w.soon(), command, false))
	if diff := cmp.Diff([]time.Duration{42 * time.Second, 0}, o.took); diff != "" {
		t.Error(diff)
	}
}

func TestAttemptsThatFailAreObserved(t *testing.T) {
	t.Parallel()
	o := &observer{}
	w := newWorld(t, observed(o))
	w.bot.Accept(t.Context(), "frame1", w.heard(w.group, w.lilei, say{Text: "谁没读"}))
	command := w.inbox.take()[0]
	sweep := receipts.Job{ID: "sweep", Kind: receipts.SweepJob, Group: w.group.ID(), Body: `{"Number":1}`}
	followUp := receipts.Job{ID: "follow-up", Kind: receipts.FollowUpJob, Group: w.group.ID(), Body: `{"Number":1}`}
	broken := receipts.Job{ID: "broken", Kind: bot.MessageJob, Body: "no JSON"}
	w.must(w.bot.Work(w.soon(), sweep, false)) // of what is no more
	w.loseStore()
	for _, c := range []receipts.Job{command, sweep, followUp, broken} {
		if err := w.bot.Work(w.soon(), c, false); err == nil {
			t.Errorf("%s: carried out without records", c.ID)
		}
		w.bot.GiveUp(w.soon(), c, false, errRedis)
	}
	if diff := cmp.Diff([]string{
		"push message taken", "job sweep done",
		"unread attempt_failed", "unread given_up", "job sweep attempt_failed", "job sweep given_up",
		"job follow_up attempt_failed", "job follow_up given_up", "unknown attempt_failed", "unknown given_up",
	}, o.take()); diff != "" {
		t.Error(diff)
	}
}

// What is pushed is told by the few kinds that the bot follows.
func TestPushesAreObserved(t *testing.T) {
	t.Parallel()
	o := &observer{}
	w := newWorld(t, observed(o))
	w.reconfigure(func(options *wiring) { options.Pushes = w.store })
	good := w.heard(w.group, w.lilei, say{Text: "帮助"})
	accept := func(data []byte) { w.bot.Accept(t.Context(), "frame1", data) }
	accept(good)
	accept(good)
	accept([]byte("no JSON"))
	accept(edit(t, good, func(f map[string]any) { f["robotCode"] = "dingother" }))
	w.inbox.fail = errRedis
	accept(edit(t, good, func(f map[string]any) { f["msgId"] = "another" }))

	read := fmt.Sprintf(`{"openConversationId":%q,"userId":"lisi","processQueryKey":"unknown","operatTime":%d}`, w.group.ID(), w.clock.now().UnixMilli())
	if err := w.bot.Event(t.Context(), "robot_msg_read", w.clock.now(), 0, []byte(read)); err == nil {
		t.Error("a read of what is not recorded yet is not to be pushed again")
	}
	group := `{"openConversationId":"` + w.group.ID() + `","userId":["lisi"],"title":"x"`
	for _, event := range []struct{ kind, data string }{
		{"chat_update_title", group + "}"},
		{"chat_add_member", group + `,"robotCode":"dingother"}`},
		{"chat_quit", "no JSON"},
		{"org_dept_create", group + "}"},
		{strings.Repeat("?", 1<<20), group + "}"},
	} {
		w.must(w.bot.Event(t.Context(), event.kind, time.Time{}, 0, []byte(event.data)))
	}
	w.loseStore()
	if err := w.bot.Event(t.Context(), "chat_add_member", time.Time{}, 0, []byte(group+"}")); err == nil {
		t.Error("taken without records")
	}
	if diff := cmp.Diff([]string{
		"push message taken", "push message repeated", "push message dropped", "push message ignored", "push message refused",
		"push robot_msg_read early", "push chat_update_title taken", "push chat_add_member ignored", "push chat_quit dropped", "push other ignored", "push other ignored",
		"push chat_add_member refused",
	}, o.take()); diff != "" {
		t.Error(diff)
	}
}

// Every line about a command says which one it is about, those of DingTalk's API and
// those about what is scheduled too.
func TestEveryLineAboutACommandHoldsItsRequest(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{options: func(o *wiring) { o.Sweeps = []time.Duration{time.Hour} }})
	w.dingtalk.Inject(dingtalktest.Fault{API: dingtalktest.APIMembers, Times: 1, Kind: dingtalktest.Code, Code: "groupPermissionDenied"})
	before := len(w.log.String())
	for _, text := range []string{"公告 停机", "谁没读", "提醒", "图", "导出", "用量", "撤回 #1"} {
		w.tells(w.lilei, text)
	}
	w.clock.advance(2 * time.Hour)
	for _, command := range w.inbox.due(w.clock.now()) {
		w.must(w.bot.Work(receipts.WithRequest(w.soon(), "scheduled-1"), command, false))
	}
	w.wants(w.log.String(), "swept")
	for line := range strings.Lines(w.log.String()[before:]) {
		var entry struct{ Msg, Request, API string }
		w.must(json.Unmarshal([]byte(line), &entry))
		if entry.Request == "" && entry.API != "token" {
			t.Errorf("whose is this: %s", line)
		}
	}
}

// Labels are fixed words, whatever people say.
func TestLabelsAreFixedWords(t *testing.T) {
	t.Parallel()
	word := regexp.MustCompile(`^[a-z_]{3,40}$`)
	for _, text := range []string{"", "帮助", "who read", "unread #3", "恭喜发财", "Who  READ!?", "announce by 18:00 x", "\x00\xff", strings.Repeat("谁", 5000)} {
		if label := command.Parse(text).Verb.Label(); !word.MatchString(label) {
			t.Errorf("%q: label %q", text, label)
		}
	}
}

func TestWhatIsNotUnderstoodIsLoggedOnlyIfThatIsWanted(t *testing.T) {
	t.Parallel()
	for _, wanted := range []bool{false, true} {
		w := newWorld(t, setup{options: func(o *wiring) { o.Phrases = wanted }})
		w.tells(w.lisi, "恭喜发财"+strings.Repeat("万事如意", 1000))
		w.tells(w.lisi, "谁没读")
		log := w.log.String()
		if got := strings.Count(log, "恭喜发财"); got != map[bool]int{true: 1}[wanted] {
			t.Errorf("wanted %v: it stands in the log %d times", wanted, got)
		}
		if n := strings.Count(log, "万事如意"); n > 50 {
			t.Errorf("wanted %v: the log has %d times four characters of it", wanted, n)
		}
		if strings.Contains(log, `"phrase":"谁没读"`) {
			t.Error("what was understood is in the log")
		}
	}
}
