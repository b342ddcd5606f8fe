package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"whoread/receipts"
	"whoread/receipts/dingtalk/dingtalktest"
	"whoread/store/storetest"
	"whoread/store/storetest/need"
)

const (
	// ackWithin is DingTalk's patience: what is not acknowledged by then is pushed
	// again, and its ack tells so.
	ackWithin = 3 * time.Second
	// endWithin is how long a process may take to end after SIGTERM.
	endWithin = 20 * time.Second
	// memoryMax bounds the resident memory of a process under load, in KiB. A process
	// that keeps what it is pushed, or a goroutine each, needs more.
	memoryMax = 256 << 10
	// unlimited is a configuration whose own limits do not slow a test down.
	unlimited = "budget: {calls_per_second: 1000, calls_per_month: 0}"
)

// memory is what the line of /proc/PID/status says, in KiB.
func (p *process) memory(line string) int {
	p.t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.Process.Pid))
	if err != nil {
		p.t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(status), "\n"+line+":")
	kib, err := strconv.Atoi(strings.Fields(rest)[0])
	if err != nil {
		p.t.Fatal(err)
	}
	return kib
}

// replies are the texts that the bot said by webhook.
func replies(g *dingtalktest.Group) []string {
	var all []string
	for _, m := range g.Messages() {
		if m.Via == dingtalktest.ViaWebhook {
			all = append(all, m.Text)
		}
	}
	return all
}

// holding is how many of the texts hold the part.
func holding(all []string, part string) int { return len(with(all, part)) }

// with are those of the texts that hold one of the parts.
func with(all []string, parts ...string) []string {
	var found []string
	for _, text := range all {
		if slices.ContainsFunc(parts, func(part string) bool { return strings.Contains(text, part) }) {
			found = append(found, text)
		}
	}
	return found
}

const (
	// perhapsAgain stands under an answer that may have been given before.
	perhapsAgain = "这个回答之前可能已经给过一次"
	// perhapsReminded is in the answer about a reminder of which nobody knows whether it
	// stands in the group, as it may.
	perhapsReminded = "是否提醒到不确定"
)

// wantDoubt expects that all answers to a command but one say that there may be another.
func wantDoubt(t *testing.T, command string, answers []string) {
	t.Helper()
	if certain := len(answers) - len(with(answers, perhapsAgain, perhapsReminded)); certain > 1 {
		t.Errorf("%q was answered %d times, as if each was the only time: %q", command, certain, answers)
	}
}

// Two hundred commands at once, alone or while 10,000 people read a message, are all
// acknowledged in time and answered once each. Nothing grows with what comes in.
func TestTwoHundredCommandsAtOnceAreAnsweredOnceEach(t *testing.T) {
	need.Slow(t)
	t.Parallel()
	commands := []struct{ say, answer string }{
		{"公告 二", "已发出 #2，"},
		{"谁没读 #1", "4 人没读"},
		{"列表", "最近 "},
		{"帮助", "我告诉群里谁还没读公告"},
		{"用量", "本月接口用了 "},
		{"谁读了 #9001", "没有 #9001，"},
		{"提醒 #9002", "没有 #9002，"},
		{"撤回 #9003", "没有 #9003，"},
		{"导出 #9004", "没有 #9004，"},
		{"unread #9005", "No #9005 here"},
	}
	for _, reads := range []int{0, 10_000} {
		t.Run(fmt.Sprintf("%d reads meanwhile", reads), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, storetest.Real(t), dingtalktest.Options{CallsPerSecond: -1, CallbackRetryAfter: ackWithin})
			w.Events(true)
			groups := make([]*dingtalktest.Group, 20)
			for i := range groups {
				groups[i] = w.AddGroup(dingtalktest.GroupOptions{}, append(w.people(4), w.admin)...)
			}
			readers := w.people(reads)
			crowd := w.AddGroup(dingtalktest.GroupOptions{}, append(readers, w.admin)...)
			p := w.start(w.config(unlimited))
			for _, g := range append(groups, crowd) {
				w.ask(g, w.admin, saying("公告 一"))
			}
			idle := p.memory("VmRSS")

			began := time.Now()
			var all sync.WaitGroup
			all.Go(func() {
				if err := crowd.ReadAll(posted(crowd)[0].ID, readers...); err != nil {
					t.Error(err)
				}
			})
			for _, g := range groups {
				for _, command := range commands {
					all.Go(func() {
						if _, err := g.Say(w.admin, saying(command.say)); err != nil {
							t.Error(err)
						}
					})
				}
			}
			all.Wait()
			for _, g := range groups {
				err := w.Await(within(t), func() bool { return len(replies(g)) > len(commands) })
				if err != nil {
					t.Fatalf("%d of %d were answered: %v", len(replies(g))-1, len(commands), err)
				}
			}
			answered := time.Since(began)
			w.awaitAcks(dingtalktest.EventRead, reads)
			w.awaitIdle()
			t.Logf("%d commands answered after %v, all events acknowledged after %v; memory %d KiB before, %d KiB at most, %d KiB after",
				len(groups)*len(commands), answered.Round(time.Millisecond), time.Since(began).Round(time.Millisecond), idle, p.memory("VmHWM"), p.memory("VmRSS"))

			for i, g := range groups {
				said := replies(g)
				for _, command := range commands {
					if n := holding(said, command.answer); n != 1 {
						t.Errorf("group %d: %q was answered %d times: %q", i, command.say, n, said)
					}
				}
				if len(said) != len(commands)+1 || len(posted(g)) != 2 {
					t.Errorf("group %d: %d replies and %d announcements", i, len(said), len(posted(g)))
				}
			}
			acks := 0
			for _, ack := range w.Acks() {
				if ack.Topic == dingtalktest.TopicBotMessage {
					acks++
				}
			}
			w.wantAckedInTime()
			if want := len(groups)*(len(commands)+1) + 1; acks < want { // more where one came late
				t.Errorf("%d commands acknowledged, not all %d", acks, want)
			}
			if most := p.memory("VmHWM"); most > memoryMax {
				t.Errorf("%d KiB of memory", most)
			}
			if reads > 0 {
				wantIn(t, w.ask(crowd, w.admin, saying("谁没读")), fmt.Sprintf("%d 人都读了", reads+1))
			}
		})
	}
}

// wantAckedInTime expects that what was pushed was acknowledged before DingTalk pushed it
// again; one in twenty may come late, since on a busy machine this DingTalk takes its time
// as well.
func (w *world) wantAckedInTime() {
	w.t.Helper()
	acks, late := w.Acks(), 0
	for _, ack := range acks {
		if ack.Attempt > 1 {
			late++
		}
	}
	if late > len(acks)/20 {
		w.t.Errorf("%d of %d pushes were acknowledged late", late, len(acks))
	}
}

// launch starts one more replica that goes by the world's time, and waits for a new
// connection. Unlike start it may be called while other connections come and go.
func (w *traveller) launch(config string) *process {
	w.t.Helper()
	return w.launchWith(config)
}

// launchWith launches a replica with further variables in its environment.
func (w *traveller) launchWith(config string, env ...string) *process {
	w.t.Helper()
	self, err := os.Executable()
	if err != nil {
		w.t.Fatal(err)
	}
	known := map[string]bool{}
	for _, c := range w.Connections() {
		known[c.ID] = true
	}
	p := &process{t: w.t, log: &lockedBuffer{}, Cmd: exec.Command(self, config)}
	p.Stdout, p.Stderr = p.log, p.log
	p.Env = append(append(os.Environ(), travelVariable+"="+w.file, "TEST_REDIS="+w.redis), env...)
	if err := p.Start(); err != nil {
		w.t.Fatal(err)
	}
	w.running = append(w.running, p)
	w.t.Cleanup(func() {
		if w.t.Failed() {
			w.t.Logf("log of whoread %d:\n%s", p.Process.Pid, p.log)
		}
	})
	err = w.Await(within(w.t), func() bool {
		return slices.ContainsFunc(w.Connections(), func(c dingtalktest.Connection) bool { return !known[c.ID] })
	})
	if err != nil {
		w.t.Fatalf("whoread does not connect: %v\n%s", err, p.log)
	}
	return p
}

// remembered is what is recorded of a message.
type remembered struct {
	number              int
	title, state, query string
	created, sent       time.Time
}

// remembered returns what is recorded of the group's messages, of each number that
// was given.
func (w *world) remembered(g *dingtalktest.Group) []remembered {
	w.t.Helper()
	rdb := w.rdb()
	defer func() { _ = rdb.Close() }() // a soak counts connections
	last, err := rdb.Get(w.t.Context(), w.keyOf(g, "sequence")).Int()
	if err != nil {
		return nil // no number was given
	}
	var all []remembered
	for number := 1; number <= last; number++ {
		fields, err := rdb.HGetAll(w.t.Context(), w.keyOf(g, fmt.Sprintf("message:%d", number))).Result()
		if err != nil {
			w.t.Fatal(err)
		}
		if len(fields) == 0 {
			w.t.Errorf("#%d was given to no message", number)
			continue
		}
		all = append(all, remembered{number, fields["title"], fields["state"], fields["key"], millis(w.t, fields["created"]), millis(w.t, fields["sent"])})
	}
	return all
}

// millis reads a time in Unix milliseconds.
func millis(t *testing.T, text string) time.Time {
	t.Helper()
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return time.UnixMilli(n)
}

// queries is how often each message's readers were asked for, by its processQueryKey.
func (w *world) queries() map[string]int {
	n := map[string]int{}
	for _, call := range w.Calls() {
		if call.API != dingtalktest.APIQuery {
			continue
		}
		var asked struct{ ProcessQueryKey string }
		if err := json.Unmarshal([]byte(call.Request), &asked); err != nil {
			w.t.Fatal(err)
		}
		n[asked.ProcessQueryKey]++
	}
	return n
}

// answersAbout are those of the texts that answer the announcement of #n.
func answersAbout(all []string, n int) []string {
	return with(all, fmt.Sprintf("已发出 #%d，", n), fmt.Sprintf("#%d 是否送达不确定", n), fmt.Sprintf("#%d 已经发出", n))
}

// Three replicas work while one of them is killed every two seconds and another one
// comes: each command is done once, the numbers have no holes, and what was scheduled
// is done once.
func TestReplicasThatAreKilledUnderLoadDoEachCommandOnce(t *testing.T) {
	need.Slow(t)
	t.Parallel()
	const commands, replicas = 100, 3
	w := newTraveller(t, storetest.Real(t), dingtalktest.Options{CallsPerSecond: -1, CallbackRetryAfter: time.Second})
	groups := make([]*dingtalktest.Group, 4)
	for i := range groups {
		groups[i] = w.AddGroup(dingtalktest.GroupOptions{}, append(w.people(2), w.admin)...)
	}
	config := w.config(anyHour + "\n" + unlimited + "\n" + bothSweeps)
	w.start(replicas, config)
	// So that there is always something at work when a process is killed.
	w.Inject(dingtalktest.Fault{Kind: dingtalktest.SlowAnswer, Delay: 200 * time.Millisecond})

	// Of four commands of a group one is announced, one is announced and followed up,
	// and two ask about a number that is in no other answer.
	text := func(i int) string {
		switch i / len(groups) % 4 {
		case 0:
			return fmt.Sprintf("公告 通告%d", i)
		case 2:
			return fmt.Sprintf("公告 每30分钟 值班%d", i)
		default:
			return fmt.Sprintf("谁没读 #%d", 9000+i)
		}
	}
	spoken := make(chan struct{})
	go func() {
		defer close(spoken)
		pace := time.NewTicker(160 * time.Millisecond)
		defer pace.Stop()
		for i := range commands {
			<-pace.C
			if _, err := groups[i%len(groups)].Say(w.admin, saying(text(i))); err != nil {
				t.Error(err)
			}
		}
	}()
	kills := 0
	next := time.NewTicker(2 * time.Second)
	defer next.Stop()
	for speaking := true; speaking; {
		select {
		case <-next.C:
			w.running[0].kill()
			w.running = w.running[1:]
			kills++
			w.launch(config)
		case <-spoken:
			speaking = false
		}
	}

	// answers are the command's.
	said := make([][]string, len(groups))
	answers := func(i int) []string {
		g := i % len(groups)
		if !strings.Contains(text(i), "公告") {
			return with(said[g], fmt.Sprintf("没有 #%d，", 9000+i))
		}
		var all []string
		for _, m := range w.remembered(groups[g]) {
			if strings.HasSuffix(text(i), " "+m.title) {
				all = append(all, answersAbout(said[g], m.number)...)
			}
		}
		return all
	}
	unanswered := make([]int, commands)
	for i := range unanswered {
		unanswered[i] = i
	}
	w.eventually("every command is answered", func() bool {
		for g := range groups {
			said[g] = replies(groups[g])
		}
		unanswered = slices.DeleteFunc(unanswered, func(i int) bool { return len(answers(i)) > 0 })
		return len(unanswered) == 0
	})
	w.awaitIdle()
	for g := range groups {
		said[g] = replies(groups[g])
	}

	doubled, uncertain, all := 0, 0, map[string]remembered{}
	for i := range commands {
		all := answers(i)
		if len(all) > attempts {
			t.Errorf("%q was answered %d times", text(i), len(all))
		}
		if len(all) > 1 {
			doubled++
		}
		wantDoubt(t, text(i), all)
	}
	for i, g := range groups {
		recorded := w.remembered(g)
		stands := map[string]int{}
		for _, m := range posted(g) {
			stands[m.Title]++
		}
		for _, m := range recorded {
			if _, twice := all[m.title]; twice {
				t.Errorf("%q has two numbers", m.title)
			}
			all[m.title] = m
			switch {
			case stands[m.title] > 1:
				t.Errorf("%q was announced %d times", m.title, stands[m.title])
			case m.state == "sent" && stands[m.title] == 1:
			case m.state == "uncertain" && holding(said[i], fmt.Sprintf("#%d 是否送达不确定", m.number)) > 0:
				uncertain++
			default:
				t.Errorf("%q is %s, stands in the group %d times, and nobody was told: %q", m.title, m.state, stands[m.title], said[i])
			}
		}
		if len(stands) > len(recorded) {
			t.Errorf("group %d: %d of %d announcements are recorded", i, len(recorded), len(stands))
		}
	}
	announcements := 0
	for i := range commands {
		if title, is := strings.CutPrefix(text(i), "公告 "); is {
			announcements++
			if _, has := all[strings.TrimPrefix(title, "每30分钟 ")]; !has {
				t.Errorf("%q has no number", title)
			}
		}
	}
	if len(all) != announcements {
		t.Errorf("%d numbers for %d announcements", len(all), announcements)
	}
	t.Logf("%d commands, %d announcements, %d kills: %d uncertain, %d answered more than once, and all answers but one said so", commands, announcements, kills, uncertain, doubled)

	w.ClearFaults()
	w.wantScheduledOnce(announcements)
	for _, m := range slices.Collect(maps.Keys(w.queries())) {
		t.Errorf("readers of %s were asked for before anything was due", m)
	}
	w.advance(31 * time.Minute)
	w.settle()
	for i, g := range groups {
		for _, m := range w.remembered(g) {
			if m.state != "sent" {
				continue
			}
			want := 0
			if strings.HasPrefix(m.title, "值班") {
				want = 1
			}
			n := 0
			for _, text := range replies(g) { // rounds that are due together are one
				alone := strings.Contains(text, fmt.Sprintf("请看 #%d「", m.number))
				if alone || strings.Contains(text, " 条没读：") && strings.Contains(text, fmt.Sprintf("#%d「", m.number)) {
					n++
				}
			}
			if n != want {
				t.Errorf("group %d: reminded of #%d %d times, not %d", i, m.number, n, want)
			}
		}
	}
	w.advance(45 * time.Minute) // past the first sweep
	w.settle()
	asked := w.queries()
	for _, m := range all {
		if m.state == "sent" && strings.HasPrefix(m.title, "通告") && asked[m.query] != 1 {
			t.Errorf("#%d %s was swept %d times", m.number, m.title, asked[m.query])
		}
	}
}

// bothSweeps has each message swept twice.
const bothSweeps = "reports: {sweep: [1h, 23h]}"

// wantScheduledOnce expects both sweeps of each of n messages in the schedule.
func (w *world) wantScheduledOnce(n int) {
	w.t.Helper()
	w.wantScheduledOnceOf(2, n)
}

// wantScheduledOnceOf expects so many sweeps of each of n messages in the schedule.
func (w *world) wantScheduledOnceOf(sweeps, n int) {
	w.t.Helper()
	jobs, err := w.rdb().HGetAll(w.t.Context(), "{"+w.prefix+":inbox}:jobs").Result()
	if err != nil {
		w.t.Fatal(err)
	}
	type sweep struct {
		Group       string
		Number, Nth int
	}
	times := map[sweep]int{}
	for _, text := range jobs {
		var job struct{ Kind, Group, Body string }
		if err := json.Unmarshal([]byte(text), &job); err != nil {
			w.t.Fatal(err)
		}
		if job.Kind != receipts.SweepJob {
			continue
		}
		due := sweep{Group: job.Group}
		if err := json.Unmarshal([]byte(job.Body), &due); err != nil {
			w.t.Fatal(err)
		}
		times[due]++
	}
	if len(times) != sweeps*n {
		w.t.Errorf("%d sweeps are scheduled of %d messages", len(times), n)
	}
	for s, n := range times {
		if n != 1 {
			w.t.Errorf("%+v is scheduled %d times", s, n)
		}
	}
}

// signal sends SIGTERM.
func (p *process) signal() {
	p.t.Helper()
	if err := p.Process.Signal(syscall.SIGTERM); err != nil {
		p.t.Fatal(err)
	}
}

// hold lets a command be announced whose call is answered only after the delay, and
// returns once the message stands in the group.
func (w *world) hold(g *dingtalktest.Group, delay time.Duration) {
	w.t.Helper()
	w.Inject(dingtalktest.Fault{API: dingtalktest.APISend, Times: 1, Kind: dingtalktest.SlowAnswer, Delay: delay})
	if _, err := g.Say(w.admin, saying("公告 一")); err != nil {
		w.t.Fatal(err)
	}
	if _, err := g.WaitMessage(within(w.t), func(m dingtalktest.Message) bool { return m.Via == dingtalktest.ViaSend }); err != nil {
		w.t.Fatal(err)
	}
}

func TestShutdownFinishesWhatIsAtWork(t *testing.T) {
	t.Parallel()
	w := newWorld(t, storetest.Real(t), dingtalktest.Options{CallbackRetryAfter: ackWithin})
	group := w.AddGroup(dingtalktest.GroupOptions{}, append(w.people(2), w.admin)...)
	p := w.start(w.config(""))
	w.hold(group, 3*time.Second)
	began := time.Now()
	p.stop() // and expects exit status 0
	if took := time.Since(began); took > endWithin {
		t.Errorf("it took %v", took)
	}
	if said := replies(group); len(said) != 1 || !strings.Contains(said[0], "已发出 #1") {
		t.Errorf("answered %q", said)
	}
	if acks := w.messageAcks(); len(acks) != 1 || acks[0].Attempt != 1 {
		t.Errorf("acknowledged: %+v", acks)
	}
	w.awaitIdle()
}

// A call that does not end holds the process up no longer than its grace: another
// process answers, at once and not only after the lease.
func TestShutdownHandsBackWhatDoesNotEnd(t *testing.T) {
	need.Slow(t)
	t.Parallel()
	w := newWorld(t, storetest.Real(t), dingtalktest.Options{})
	group := w.AddGroup(dingtalktest.GroupOptions{}, append(w.people(2), w.admin)...)
	config := w.config("")
	first := w.start(config)
	// DingTalk does nothing and does not say so, whatever is asked of it.
	for _, api := range []string{dingtalktest.APIMembers, dingtalktest.APISend} {
		w.Inject(dingtalktest.Fault{API: api, Kind: dingtalktest.Slow, Delay: time.Hour})
	}
	if _, err := group.Say(w.admin, saying("公告 一")); err != nil {
		t.Fatal(err)
	}
	if err := w.Await(within(t), func() bool { return len(w.messageAcks()) > 0 }); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	first.stop()
	took := time.Since(began)
	if took > endWithin {
		t.Errorf("it took %v", took)
	}
	t.Logf("ended after %v", took.Round(time.Millisecond))
	if said := replies(group); len(said) > 0 {
		t.Fatalf("it was not held up: %q", said)
	}
	w.ClearFaults()
	w.start(config)
	said := w.reply(group, nil)
	wantIn(t, said, "#1 是否送达不确定")
	wantNotIn(t, said, perhapsAgain) // the first one gave no answer
	w.awaitIdle()
	if n := len(posted(group)); n != 0 {
		t.Errorf("announced %d times", n)
	}
}

// Nor does a Redis that does not answer: a process that can neither record what it has
// done nor hand anything back ends all the same, and it is as after a crash.
func TestShutdownWhileRedisHangs(t *testing.T) {
	need.Slow(t)
	t.Parallel()
	server := storetest.Own(t)
	w := newWorld(t, storetest.Backend{URL: server.URL(), KeyPrefix: "hangs"}, dingtalktest.Options{})
	group := w.AddGroup(dingtalktest.GroupOptions{}, append(w.people(2), w.admin)...)
	config := w.config("")
	p := w.start(config)
	w.hold(group, time.Second)
	goOn := server.Hang()
	if _, err := group.Say(w.admin, saying("谁没读")); err != nil { // whom nobody can ask
		t.Fatal(err)
	}
	w.Inject(dingtalktest.Fault{API: dingtalktest.APIWebhook, Kind: dingtalktest.Slow, Delay: time.Hour})
	began := time.Now()
	p.stop() // and expects exit status 0
	took := time.Since(began)
	if took > endWithin {
		t.Errorf("it took %v", took)
	}
	t.Logf("ended after %v", took.Round(time.Millisecond))
	goOn()
	w.ClearFaults()
	w.start(config)
	wantIn(t, w.ask(group, w.admin, saying("谁没读 #1")), "#1「一」")
	if n := len(posted(group)); n != 1 {
		t.Errorf("announced %d times", n)
	}
}

func TestASecondSignalEndsTheProcessAtOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t, storetest.Real(t), dingtalktest.Options{})
	group := w.AddGroup(dingtalktest.GroupOptions{}, append(w.people(2), w.admin)...)
	p := w.start(w.config(""))
	w.hold(group, time.Hour)
	p.signal()
	if err := w.Await(within(t), func() bool { return len(w.Connections()) == 0 }); err != nil { // the first one took effect
		t.Fatal(err)
	}
	p.signal()
	err := p.Wait()
	exit, ended := errors.AsType[*exec.ExitError](err)
	if !ended {
		t.Fatalf("the process ended as if all was done: %v", err)
	}
	if status, ok := exit.Sys().(syscall.WaitStatus); !ok || !status.Signaled() || status.Signal() != syscall.SIGTERM {
		t.Errorf("it was not the second signal that ended it: %v", err)
	}
}

func TestACommandAtWorkIsAnsweredWhenTheConnectionsBreak(t *testing.T) {
	t.Parallel()
	w := newWorld(t, storetest.Real(t), dingtalktest.Options{})
	group := w.AddGroup(dingtalktest.GroupOptions{}, append(w.people(2), w.admin)...)
	w.start(w.config(""))
	w.RefuseGateway(true) // so that none comes back meanwhile
	w.hold(group, time.Second)
	w.DropConnections()
	wantIn(t, w.reply(group, nil), "已发出 #1")
	if n := len(w.Connections()); n > 0 {
		t.Errorf("%d connections", n)
	}
	w.RefuseGateway(false)
	if err := w.AwaitConnections(within(t), 1); err != nil {
		t.Fatal(err)
	}
	wantIn(t, w.ask(group, w.admin, saying("列表")), "#1 一")
}
