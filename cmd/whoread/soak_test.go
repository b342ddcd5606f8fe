package main

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"whoread/receipts"
	"whoread/receipts/dingtalk/dingtalktest"
	"whoread/store/storetest"
	"whoread/store/storetest/need"
)

const (
	// soakVariable is how long the soak lasts, as Go writes durations.
	soakVariable = "WHOREAD_TEST_SOAK"
	// seedVariable chooses what happens in it; the log of an earlier one tells its.
	seedVariable = "WHOREAD_TEST_SEED"
	// sharedFor is how old the data of an answer may be when its question comes: both
	// share the query of an earlier one.
	sharedFor = 5 * time.Second
	// attempts is how often a command is tried at most.
	attempts = 3
	// doneWithin is how long what comes by itself, or another way, may take from its
	// question to DingTalk.
	doneWithin = 20 * time.Second
	// killEvery is the time between two kills.
	killEvery = 8 * time.Second
	// asleepFor is how long a process is suspended: longer than its leases last, and than others
	// take to take its work over.
	asleepFor = 8 * time.Second
	// pushAgain is when a command that is not acknowledged is pushed again.
	pushAgain = 3 * time.Second
)

// notCarriedOut is in the answer to a command that was not accepted.
const notCarriedOut = "什么也没有发出。请稍后再说一次"

// uttered is a command that somebody said.
type uttered struct {
	id, text string
	group    *dingtalktest.Group
	at       time.Time // by the wall clock
	title    string    // of what it announces
	marker   string    // stands in its answer and in no other
}

// fate is what the processes logged about a command.
type fate struct {
	refused, givenUp, lost, elsewhere bool
	done                              []time.Time
}

// soak is a world in which everything goes wrong.
type soak struct {
	*traveller
	random *rand.Rand
	proxy  *storetest.Proxy
	config string
	groups []*dingtalktest.Group
	people []dingtalktest.Person
	all    []*process
	said   []uttered
	asleep []*process // one at most
	wakeAt time.Time  // by the wall clock
	kills  int
	befell map[string]int
	turns  []turn
	moves  []move
}

// move is somebody coming into a group or leaving it, by the world's clock.
type move struct {
	group  *dingtalktest.Group
	person dingtalktest.Person
	at     time.Time
	here   bool
}

// join lets somebody come into a group who may be there.
func (s *soak) join(g *dingtalktest.Group, p dingtalktest.Person) {
	s.t.Helper()
	if slices.Contains(g.Members(), p) {
		return
	}
	s.moves = append(s.moves, move{g, p, s.Clock().Now(), true})
	if err := g.Join(s.admin, p); err != nil {
		s.t.Error(err)
	}
}

// leave lets a member leave a group.
func (s *soak) leave(g *dingtalktest.Group, p dingtalktest.Person) {
	s.t.Helper()
	s.moves = append(s.moves, move{g, p, s.Clock().Now(), false})
	if err := g.Leave(p); err != nil {
		s.t.Error(err)
	}
}

// turn is when the world's clock was turned, by the wall clock, and how far it is ahead
// since.
type turn struct {
	at    time.Time
	ahead time.Duration
}

// turn turns the world's clock forward.
func (s *soak) turn(d time.Duration) {
	s.t.Helper()
	at := time.Now()
	s.advance(d)
	s.turns = append(s.turns, turn{at, s.Clock().Ahead()})
}

// wall is the wall clock's time when the world's showed t.
func (s *soak) wall(t time.Time) time.Time {
	for _, turn := range slices.Backward(s.turns) {
		if at := t.Add(-turn.ahead); !at.Before(turn.at) {
			return at
		}
	}
	return t
}

// A bot that meets every fault in any order, again and again, answers every command or
// says that it did not carry it out, announces nothing twice, calls nobody unread who
// has read, and leaves nothing behind.
func TestSoak(t *testing.T) {
	need.Slow(t)
	t.Parallel()
	lasts, err := time.ParseDuration(cmp.Or(os.Getenv(soakVariable), "15s"))
	if err != nil {
		t.Fatal(err)
	}
	seed := uint64(time.Now().UnixNano())
	if text := os.Getenv(seedVariable); text != "" {
		if seed, err = strconv.ParseUint(text, 10, 64); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("%s=%d", seedVariable, seed)
	s, server := newSoak(t, seed, 3+int(lasts/(30*time.Second))) // so that none gets more than is kept of its messages
	for range 3 {
		s.all = append(s.all, s.launch(s.config))
	}

	end, killed := time.Now().Add(lasts), time.Now()
	pace := time.NewTicker(100 * time.Millisecond)
	defer pace.Stop()
	for time.Now().Before(end) {
		<-pace.C
		s.live()
		switch {
		case len(s.asleep) > 0 && time.Now().After(s.wakeAt):
			s.rouse()
		case time.Since(killed) > killEvery:
			s.kill()
			killed = time.Now()
		case s.random.IntN(4) == 0:
			s.harm()
		}
	}
	s.calm()
	s.checkTruth()
	s.ends(server)
	s.checkCommands()
	s.checkAnnouncements()
	s.checkUnread()
	s.checkKeys()
}

// newSoak returns a world of so many groups in which nothing has happened yet, and its Redis.
func newSoak(t *testing.T, seed uint64, groups int) (*soak, *storetest.Server) {
	t.Helper()
	server := storetest.Own(t)
	s := &soak{
		traveller: newTraveller(t, storetest.Backend{URL: server.URL(), KeyPrefix: "soak"}, dingtalktest.Options{
			CallsPerSecond: -1, CallbackRetryAfter: pushAgain, RetryAfter: time.Second, WebhookTTL: 30 * 24 * time.Hour, DisconnectAfter: time.Second,
		}),
		random: rand.New(rand.NewPCG(seed, seed)), //nolint:gosec // to be repeated
		proxy:  storetest.NewProxy(t, server.URL()), befell: map[string]int{},
	}
	s.redis = s.proxy.URL()
	s.Events(true)
	s.people = s.traveller.people(18)
	for i := range groups {
		some := s.people[i%3*5 : i%3*5+8]
		s.groups = append(s.groups, s.AddGroup(dingtalktest.GroupOptions{}, append(slices.Clone(some), s.admin)...))
	}
	s.config = s.traveller.config(anyHour + "\nreports: {fresh_for: 0s}\n" + unlimited)
	return s, server
}

// live is something that people do.
func (s *soak) live() {
	s.t.Helper()
	g := s.groups[s.random.IntN(len(s.groups))]
	members := g.Members()
	who := members[s.random.IntN(len(members))]
	n := len(s.said)
	u := uttered{group: g}
	switch s.random.IntN(16) {
	case 0, 1:
		u.title = fmt.Sprintf("通告%d", n)
		u.text, who = "公告 "+u.title, s.admin
		if s.random.IntN(4) == 0 {
			u.text = "公告 每30分钟 " + u.title
		}
	case 2, 3:
		u.marker = fmt.Sprintf("没有 #%d，", 10_000+n)
		u.text = fmt.Sprintf("谁没读 #%d", 10_000+n)
	case 4, 5:
		u.text = fmt.Sprintf("谁没读 #%d", 1+s.random.IntN(1+len(posted(g))))
	case 6:
		u.text = "谁读了"
	case 7:
		u.text, who = []string{"提醒", "导出", "用量", "撤回 #3"}[s.random.IntN(4)], s.admin
	case 8:
		u.text = []string{"列表", "曲线", "帮助"}[s.random.IntN(3)]
	case 9:
		s.join(g, s.people[s.random.IntN(len(s.people))])
		return
	case 10:
		if who != s.admin && len(members) > 4 {
			s.leave(g, who)
		}
		return
	default:
		if all := posted(g); len(all) > 0 {
			s.LosePushes(s.random.IntN(2))                   // half of what is read is known by asking only
			_ = g.Read(who, all[s.random.IntN(len(all))].ID) // not everybody may
			s.LosePushes(0)
		}
		return
	}
	s.say(who, u)
}

// say lets somebody give a command.
func (s *soak) say(who dingtalktest.Person, u uttered) {
	s.t.Helper()
	u.at = time.Now()
	m, err := u.group.Say(who, saying(u.text))
	if err != nil {
		s.t.Error(err)
	}
	u.id = m.ID
	s.said = append(s.said, u)
}

// held lets a command be given that has an effect that people see, and whose process
// waits then for DingTalk's answer.
func (s *soak) held() {
	s.t.Helper()
	api, n := []string{dingtalktest.APISend, dingtalktest.APIWebhook}[s.random.IntN(2)], len(s.said)
	g := s.groups[s.random.IntN(len(s.groups))]
	before := len(since(g, nil))
	s.Inject(dingtalktest.Fault{API: api, Times: 1, Kind: dingtalktest.SlowAnswer, Delay: 2 * time.Second})
	u := uttered{group: g, title: fmt.Sprintf("通告%d", n)}
	u.text = "公告 " + u.title
	s.say(s.admin, u)
	soon, cancel := context.WithTimeout(s.t.Context(), time.Second)
	defer cancel()
	_ = s.Await(soon, func() bool { return len(since(g, nil)) > before }) // nobody may be there to do it
}

// harm lets something go wrong.
func (s *soak) harm() {
	s.t.Helper()
	apis := []string{dingtalktest.APISend, dingtalktest.APIQuery, dingtalktest.APIMembers, dingtalktest.APIWebhook, dingtalktest.APIToken, dingtalktest.APIUpload}
	kinds := []dingtalktest.FaultKind{
		dingtalktest.Slow, dingtalktest.DropBefore, dingtalktest.DropAfter, dingtalktest.ServerError, dingtalktest.Throttled, dingtalktest.DoneButError,
		dingtalktest.SlowAnswer, dingtalktest.TruncatedBody, dingtalktest.ShortPages, dingtalktest.EmptyPage, dingtalktest.RepeatedCursor,
	}
	what := []string{"fault", "fault", "fault", "fault", "fault", "tokens", "disconnect", "drop", "gateway", "duplicates", "losses", "redis", "reply", "restart", "suspend", "time"}
	chosen := what[s.random.IntN(len(what))]
	switch chosen {
	case "fault":
		kind := kinds[s.random.IntN(len(kinds))]
		s.Inject(dingtalktest.Fault{
			API: apis[s.random.IntN(len(apis))], Kind: kind, Times: 1 + s.random.IntN(3),
			Delay: time.Duration(s.random.IntN(1000)) * time.Millisecond, Size: 2,
		})
		chosen = string(kind)
	case "tokens":
		s.ExpireTokens()
	case "disconnect", "drop":
		open := s.Connections()
		if len(open) == 0 {
			return
		}
		c := open[s.random.IntN(len(open))].ID
		if chosen == "drop" {
			s.DropConnections(c)
		} else {
			s.Disconnect(c)
		}
	case "gateway":
		s.RefuseGateway(true)
		time.AfterFunc(time.Second, func() { s.RefuseGateway(false) })
	case "duplicates":
		s.DuplicatePushes(3)
	case "losses":
		g := s.groups[s.random.IntN(len(s.groups))]
		for _, m := range posted(g) { // reads, and nothing else
			s.LosePushes(1)
			_ = g.Read(s.people[s.random.IntN(len(s.people))], m.ID) // not everybody may
			s.LosePushes(0)
		}
	case "redis":
		s.proxy.Cut()
		pause := time.NewTimer(time.Second)
		<-pause.C
		s.proxy.Mend(s.t)
	case "reply":
		s.proxy.LoseReply()
	case "restart":
		if s.random.IntN(3) > 0 { // it takes its time
			return
		}
		s.stopOne(s.anyProcess())
		s.all = append(s.all, s.launch(s.config))
	case "suspend":
		if len(s.asleep) > 0 {
			return
		}
		if s.random.IntN(2) == 0 {
			s.held()
		}
		p := s.anyProcess()
		if err := p.Process.Signal(syscall.SIGSTOP); err != nil {
			s.t.Fatal(err)
		}
		s.t.Cleanup(func() { _ = p.Process.Signal(syscall.SIGCONT) }) // so that it can end, whatever happens
		s.asleep, s.wakeAt = []*process{p}, time.Now().Add(asleepFor)
	case "time":
		s.turn(10 * time.Minute)
	}
	s.befell[chosen]++
}

// rouse lets the process go on that is suspended.
func (s *soak) rouse() {
	s.t.Helper()
	s.wake(s.asleep)
	s.asleep = nil
}

// anyProcess takes one out of those that run.
func (s *soak) anyProcess() *process {
	i := s.random.IntN(len(s.running))
	p := s.running[i]
	s.running = slices.Delete(s.running, i, i+1)
	return p
}

// kill kills a process while one of them has done something and not recorded it.
func (s *soak) kill() {
	s.t.Helper()
	s.held()
	s.anyProcess().kill()
	s.kills++
	s.all = append(s.all, s.launch(s.config))
}

// stopOne ends a process as an init system would, and expects it to end well and soon.
func (s *soak) stopOne(p *process) {
	s.t.Helper()
	began := time.Now()
	p.stop()
	if took := time.Since(began); took > endWithin {
		s.t.Errorf("whoread took %v to end", took)
	}
}

// calm ends all harm, and waits until nothing is left to do.
func (s *soak) calm() {
	s.t.Helper()
	s.rouse()
	s.ClearFaults()
	s.LosePushes(0)
	s.DuplicatePushes(0)
	s.RefuseGateway(false)
	// Those who lost their connections may take a minute to open new ones.
	s.all = append(s.all, s.launch(s.config))
	// A frame is pushed five times at most: a command that nobody got by then is lost on
	// DingTalk's side.
	const pushed = 5 * pushAgain
	s.eventually("every command came to an end", func() bool {
		fates, answers := s.fates(), s.answers()
		return !slices.ContainsFunc(s.said, func(u uttered) bool {
			f := fates[u.id]
			if f == nil {
				return time.Since(u.at) < pushed
			}
			// The log leaves out some lines about many that were refused.
			refused := f.refused || f.lost || len(with(answers[u.id], notCarriedOut)) > 0
			return len(f.done) == 0 && !refused && !f.givenUp
		})
	})
	s.settle()
}

// goroutinesMax is how many goroutines a process may have when it has nothing to do.
const goroutinesMax = 60

// redisClientsMax is how many connections to Redis a process may have: go-redis has a
// pool for commands, and one of ten for pipelines.
func redisClientsMax() int { return 10*runtime.GOMAXPROCS(0) + 10 }

// ends ends the processes, and expects that they hold no more than when they began, and
// leave nothing behind.
func (s *soak) ends(server *storetest.Server) {
	s.t.Helper()
	wait, cancel := context.WithTimeout(s.t.Context(), 2*time.Minute) // pauses have grown
	defer cancel()
	if err := s.Await(wait, func() bool { return len(s.Connections()) == 2*len(s.running) }); err != nil {
		s.t.Errorf("%d connections of %d processes", len(s.Connections()), len(s.running))
	}
	clients, _ := server.Do("CLIENT", "LIST").(string)
	s.t.Logf("%d processes have %d connections to Redis", len(s.running), strings.Count(clients, "\n"))
	if strings.Count(clients, "\n") > redisClientsMax()*len(s.running)+1 { // and the test's
		s.t.Errorf("%d processes have too many connections to Redis:\n%s", len(s.running), clients)
	}
	for _, p := range s.running {
		s.t.Logf("process %d: %d KiB at most, %d KiB in the end", p.Process.Pid, p.memory("VmHWM"), p.memory("VmRSS"))
		s.stopOne(p)
		if n := p.goroutines(); n > goroutinesMax {
			s.t.Errorf("%d goroutines", n)
		} else {
			s.t.Logf("%d goroutines", n)
		}
	}
	s.running = nil
	s.eventually("no connection to DingTalk is open", func() bool { return len(s.Connections()) == 0 })
	s.eventually("no connection to Redis is open but the test's", func() bool {
		clients, _ = server.Do("CLIENT", "LIST").(string)
		return strings.Count(clients, "\n") == 1
	})
	s.redis = server.URL() // from now on the test asks by itself
}

// goroutines is how many the process had when it was told to end.
func (p *process) goroutines() int {
	p.t.Helper()
	_, rest, _ := strings.Cut(p.log.String(), `{"msg":"`+goroutinesLine+`","count":`)
	n, err := strconv.Atoi(strings.SplitN(rest, "}", 2)[0])
	if err != nil {
		p.t.Error(err)
	}
	return n
}

// fates reads the logs of all processes.
func (s *soak) fates() map[string]*fate {
	s.t.Helper()
	fates := map[string]*fate{}
	for _, p := range s.all {
		lines := bufio.NewScanner(strings.NewReader(p.log.String()))
		lines.Buffer(nil, 1<<20)
		for lines.Scan() {
			var line struct{ Msg, Request, TS string }
			if json.Unmarshal(lines.Bytes(), &line) != nil || line.Request == "" {
				continue
			}
			f := fates[line.Request]
			if f == nil {
				f = &fate{}
				fates[line.Request] = f
			}
			switch line.Msg {
			case "command not accepted":
				f.refused = true
			case "command given up":
				f.givenUp = true
			case "command done":
				at, err := time.Parse("2006-01-02T15:04:05.000Z0700", line.TS)
				if err != nil {
					s.t.Fatal(err)
				}
				f.done = append(f.done, at)
			case "reply may be lost", "reply is lost", "sender not told", "nobody told the sender: too many commands fail":
				f.lost = true
			case "reply goes another way":
				f.elsewhere = true
			}
		}
	}
	return fates
}

// byItself reports whether the bot said that of a follow-up.
func byItself(m dingtalktest.Message) bool {
	round := strings.Contains(m.Text, "」，已读 ") || strings.Contains(m.Text, " 条没读：") // of one message, or of several
	return len(m.Mentioned) > 0 && round || strings.Contains(m.Text, "跟进结束") || strings.Contains(m.Text, "这次没能确定谁没读")
}

// answers are the bot's, by the command with whose webhook each came, but for what comes
// by itself. Those that had to go another way are not among them.
func (s *soak) answers() map[string][]string {
	all := map[string][]string{}
	for _, g := range s.groups {
		for _, m := range since(g, nil) {
			if m.Session != "" && !byItself(m) {
				all[m.Session] = append(all[m.Session], m.Text)
			}
		}
	}
	return all
}

// checkCommands expects that each command was answered, or its sender told that it was
// not carried out, and that of several answers all but one say that they may not be the
// first.
func (s *soak) checkCommands() {
	s.t.Helper()
	fates, answers := s.fates(), s.answers()
	recorded := map[*dingtalktest.Group][]remembered{}
	for _, g := range s.groups {
		recorded[g] = s.remembered(g)
	}
	var unpushed, refused, givenUp, lost, elsewhere, untold, twice int
	for _, u := range s.said {
		f, said := fates[u.id], answers[u.id]
		if f == nil && len(said) == 0 {
			unpushed++ // there was no connection to push it by
			continue
		}
		if f == nil { // the log leaves out lines that are repeated
			f = &fate{}
		}
		if f.elsewhere { // what can be told from the answers to others
			others := slices.DeleteFunc(since(u.group, nil), func(m dingtalktest.Message) bool { return m.Via != dingtalktest.ViaSend })
			switch {
			case u.marker != "":
				said = append(said, with(texts(others), u.marker)...)
			case u.title != "":
				for _, m := range recorded[u.group] {
					if m.title == u.title {
						said = append(said, answersAbout(texts(others), m.number)...)
						said = append(said, with(texts(others), fmt.Sprintf("#%d 没有发出", m.number))...)
					}
				}
			}
		}
		told := with(said, notCarriedOut, "已放弃并记入日志")
		switch {
		case f.givenUp:
			givenUp++
		case f.refused || len(told) > 0:
			refused++
		}
		switch {
		case f.elsewhere:
			elsewhere++
		case f.lost:
			lost++
		case f.refused && len(said) == 0, f.givenUp && len(told) == 0:
			untold++
		case u.text == "曲线": // a picture is its answer
		case len(said) == 0:
			s.t.Errorf("%q of %s was not answered: %+v", u.text, u.id, f)
		}
		said = slices.DeleteFunc(said, func(text string) bool { return slices.Contains(told, text) })
		if len(said) > 1 {
			twice++
		}
		if len(said) > attempts {
			s.t.Errorf("%q was answered %d times", u.text, len(said))
		}
		wantDoubt(s.t, u.text, said)
	}
	if unpushed > len(s.said)/20 {
		s.t.Errorf("nobody knows of %d of %d commands", unpushed, len(s.said))
	}
	if untold > s.kills { // who was killed tells nobody
		s.t.Errorf("%d senders were not told that their command was not carried out", untold)
	}
	s.t.Logf("%d commands: %d never pushed, %d refused and %d given up (%d not told so), %d with an uncertain reply, %d answered another way, %d answered more than once, and all answers but one said so; %d kills; %v",
		len(s.said), unpushed, refused, givenUp, untold, lost, elsewhere, twice, s.kills, s.befell)
}

// checkSchedule expects that the jobs whose bodies are stored, and those that stand with
// their groups, are the scheduled ones.
func (s *soak) checkSchedule() {
	s.t.Helper()
	ctx, rdb, inbox := s.t.Context(), s.rdb(), "{"+s.prefix+":inbox}"
	scheduled, err := rdb.ZRange(ctx, inbox+":schedule", 0, -1).Result()
	if err != nil {
		s.t.Fatal(err)
	}
	bodies, err := rdb.HKeys(ctx, inbox+":jobs").Result()
	if err != nil {
		s.t.Fatal(err)
	}
	var ofGroups []string
	groups, err := rdb.Keys(ctx, inbox+":jobs:*").Result()
	if err != nil {
		s.t.Fatal(err)
	}
	for _, key := range groups {
		ids, err := rdb.SMembers(ctx, key).Result()
		if err != nil {
			s.t.Fatal(err)
		}
		ofGroups = append(ofGroups, ids...)
	}
	slices.Sort(scheduled)
	slices.Sort(bodies)
	slices.Sort(ofGroups)
	if !slices.Equal(scheduled, bodies) || !slices.Equal(scheduled, ofGroups) {
		s.t.Errorf("%d jobs are scheduled, %d have a body, %d stand with a group", len(scheduled), len(bodies), len(ofGroups))
	}
}

// checkAnnouncements expects that what stands in a group is recorded, and stands once.
func (s *soak) checkAnnouncements() {
	s.t.Helper()
	fates := s.fates()
	states, inVain := map[string]int{}, 0
	for _, g := range s.groups {
		stands := map[string]int{}
		for _, m := range posted(g) {
			if strings.HasPrefix(m.Title, "通告") {
				stands[m.Title]++
			}
		}
		recorded := map[string]remembered{}
		for _, m := range s.remembered(g) {
			if _, has := recorded[m.title]; has {
				s.t.Errorf("%s has two numbers", m.title)
			}
			recorded[m.title] = m
			states[m.state]++
			if m.state == "sent" && stands[m.title] == 0 {
				s.t.Errorf("#%d %s is recorded as sent and does not stand in the group", m.number, m.title)
			}
			if m.state == "sending" {
				s.t.Errorf("#%d %s is being sent for ever", m.number, m.title)
			}
		}
		for title, n := range stands {
			m, has := recorded[title]
			if n > 1 || !has || m.state == "failed" {
				s.t.Errorf("%s stands %d times in the group, recorded as %+v", title, n, m)
			}
		}
		for _, u := range s.said {
			if f := fates[u.id]; f != nil && f.refused && stands[u.title] > 0 {
				inVain++
			}
		}
	}
	s.t.Logf("announcements: %v; %d were refused by one process and carried out by another", states, inVain)
}

// checkTruth asks each group for the unread of its latest announcement, quoting it, and
// expects them all and nobody else.
func (s *soak) checkTruth() {
	s.t.Helper()
	s.turn(11 * time.Minute) // what is known of the members is older than members.cache_for
	s.settle()
	compared := 0
	for _, g := range s.groups {
		standing := slices.DeleteFunc(posted(g), func(m dingtalktest.Message) bool {
			return !strings.HasPrefix(m.Title, "通告") || m.Status != dingtalktest.StatusSuccess
		})
		if len(standing) == 0 {
			continue
		}
		id := standing[len(standing)-1].ID
		s.LosePushes(2)
		for _, p := range s.people[:2] {
			_ = g.Read(p, id) // not everybody may
		}
		s.LosePushes(0)
		// A process that found Redis away looks for it again within a second or so.
		reply := ""
		s.eventually("Redis is used again", func() bool {
			reply = s.ask(g, s.admin, dingtalktest.Say{Text: "谁没读", Quote: id, QuoteFull: true})
			return !strings.Contains(reply, notCarriedOut)
		})
		audience, from, until := s.audience(g, id)
		onItsWay := func(p dingtalktest.Person) bool {
			came := s.cameLast(g, p)
			return came.After(from) && !came.After(until)
		}
		readers, err := g.Readers(id)
		if err != nil {
			s.t.Fatal(err)
		}
		var unread, listed []string
		for _, p := range audience {
			if p == s.admin { // who announced it
				continue
			}
			if onItsWay(p) {
				continue
			}
			if slices.Contains(g.Members(), p) && !slices.ContainsFunc(readers, func(r dingtalktest.Reader) bool { return r.Person == p }) {
				unread = append(unread, p.Name)
			}
		}
		if names := unreadNames.FindStringSubmatch(reply); names != nil {
			for name := range strings.SplitSeq(names[1], "、") {
				name, _, _ = strings.Cut(strings.TrimSpace(name), "（")
				if !slices.ContainsFunc(audience, func(p dingtalktest.Person) bool {
					return p.Name == name && onItsWay(p)
				}) {
					listed = append(listed, name)
				}
			}
		}
		slices.Sort(unread)
		slices.Sort(listed)
		if !slices.Equal(unread, listed) {
			s.t.Errorf("unread are %q, and not:\n%s", unread, reply)
		}
		compared++
	}
	s.t.Logf("in %d of %d groups the unread of the latest announcement were compared", compared, len(s.groups))
}

// audience is who an announcement is for, and from when until when it was on its way to DingTalk:
// of those who came meanwhile, nobody but DingTalk knows whether they were there before it.
func (s *soak) audience(g *dingtalktest.Group, id string) (people []dingtalktest.Person, from, until time.Time) {
	s.t.Helper()
	m, err := g.Message(id)
	if err != nil {
		s.t.Fatal(err)
	}
	const sending = time.Second // from the bot's clock to DingTalk's
	for _, r := range s.remembered(g) {
		if r.query == m.ProcessQueryKey && s.turnedWhile(r) {
			return s.membersAt(g, r.created), r.created.Add(-sending), r.created
		}
	}
	people, err = g.Audience(id)
	if err != nil {
		s.t.Fatal(err)
	}
	from = m.At
	for _, c := range s.Calls() {
		if c.API == dingtalktest.APISend && strings.Contains(c.Response, m.ProcessQueryKey) {
			from = c.At.Add(-sending)
		}
	}
	return people, from, m.At
}

// turnedWhile reports whether the clock was turned between the record of a message and its
// sending, and by more than that ever takes: to the bot it is posted when it was recorded then.
func (s *soak) turnedWhile(m remembered) bool {
	return m.sent.Sub(m.created) > receipts.PostedWithin && s.wall(m.sent).Sub(s.wall(m.created)) <= receipts.PostedWithin
}

// membersAt are who was in the group then.
func (s *soak) membersAt(g *dingtalktest.Group, then time.Time) []dingtalktest.Person {
	members := g.Members()
	for _, m := range slices.Backward(s.moves) {
		switch {
		case m.group != g || !m.at.After(then):
		case m.here:
			members = slices.DeleteFunc(members, func(p dingtalktest.Person) bool { return p == m.person })
		default:
			members = append(members, m.person)
		}
	}
	return members
}

// cameLast is when somebody came into the group; zero of who was there from the beginning.
func (s *soak) cameLast(g *dingtalktest.Group, p dingtalktest.Person) time.Time {
	for _, m := range slices.Backward(s.moves) {
		if m.group == g && m.person == p && m.here {
			return m.at
		}
	}
	return time.Time{}
}

var unreadNames = regexp.MustCompile(`(?m)^(?:未读 \d+ 人：|\*\*还有 \d+ 人没读\*\* #.*\n)(.*)$`)

// checkUnread expects that nobody was called unread, or reminded, who had announced it, or
// read it before the question came.
func (s *soak) checkUnread() {
	s.t.Helper()
	named, saidAt := 0, map[string]time.Time{}
	for _, u := range s.said {
		saidAt[u.id] = u.at
	}
	for _, g := range s.groups {
		keys := map[string]string{} // of messages, by how answers call them
		recorded := s.remembered(g)
		for _, m := range posted(g) {
			for _, r := range recorded {
				if r.query != "" && r.query == m.ProcessQueryKey {
					keys[fmt.Sprintf("#%d「", r.number)] = m.ID
				}
			}
		}
		for _, m := range since(g, nil) {
			about := ""
			for name, id := range keys {
				if strings.Contains(m.Text, "** "+name) || strings.Contains(m.Text, "请看 "+name) {
					about = id
				}
			}
			names := unreadNames.FindStringSubmatch(m.Text)
			if about == "" || names == nil && len(m.Mentioned) == 0 {
				continue
			}
			asked, answers := saidAt[m.Session]
			if !answers || byItself(m) {
				asked = s.wall(m.At).Add(-doneWithin)
			}
			if names != nil && strings.Contains(names[1], s.admin.Name) || slices.Contains(m.Mentioned, s.admin) {
				s.t.Errorf("who announced it is called unread: %s", m.Text)
			}
			readers, err := g.Readers(about)
			if err != nil {
				s.t.Fatal(err)
			}
			for _, r := range readers {
				if s.wall(r.At).After(asked.Add(-sharedFor)) {
					continue
				}
				listed := names != nil && strings.Contains(names[1], r.Person.Name)
				if listed || slices.Contains(m.Mentioned, r.Person) {
					s.t.Errorf("%s read it at %v, and at %v was called unread: %s", r.Person.Name, r.At, m.At, m.Text)
				}
			}
			named++
		}
	}
	s.t.Logf("%d answers name who has not read", named)
}

// checkKeys expects that nothing waits, and that whatever was kept ends by itself.
func (s *soak) checkKeys() {
	s.t.Helper()
	ctx, rdb := within(s.t), s.rdb()
	left := 0
	for _, lane := range []string{":stream", ":due"} {
		stream := "{" + s.prefix + ":inbox}" + lane
		pending, err := rdb.XPending(ctx, stream, "workers").Result()
		if err != nil || pending.Count != 0 {
			s.t.Errorf("pending: %+v, %v", pending, err)
		}
		consumers, err := rdb.XInfoConsumers(ctx, stream, "workers").Result()
		// A process that ends while another one has yet to take over what it held stays in
		// the group, as a killed one does.
		left = max(left, len(consumers))
		if gone := s.kills + s.befell["restart"]; err != nil || len(consumers) > gone {
			s.t.Errorf("%d consumers of %d processes: %v", len(consumers), gone, err)
		}
	}
	parked, err := rdb.XRange(ctx, "{"+s.prefix+":inbox}:parked", "-", "+").Result()
	if err != nil {
		s.t.Fatal(err)
	}
	for _, entry := range parked {
		if entry.Values["reason"] == "" {
			s.t.Errorf("parked without a reason: %v", entry.Values)
		}
	}
	s.checkSchedule()
	keys, err := rdb.Keys(ctx, "*").Result()
	if err != nil {
		s.t.Fatal(err)
	}
	ttls := make([]*redis.DurationCmd, len(keys))
	if _, err := rdb.Pipelined(ctx, func(p redis.Pipeliner) error {
		for i, key := range keys {
			ttls[i] = p.TTL(ctx, key)
		}
		return nil
	}); err != nil {
		s.t.Fatal(err)
	}
	for i, key := range keys {
		endless := slices.Contains([]string{"sequence", "cool_app", "schedule", "jobs", "stream", "due", "parked", "pushed"}, key[strings.LastIndexByte(key, ':')+1:]) ||
			strings.HasPrefix(key, "{"+s.prefix+":inbox}:jobs:")
		if ttls[i].Val() < 0 && !endless {
			s.t.Errorf("%s is kept for ever", key)
		}
	}
	s.t.Logf("%d keys, %d parked, %d consumers left by %d killed processes and %d that were restarted", len(keys), len(parked), left, s.kills, s.befell["restart"])
}

// Whoever comes into a group, or leaves it, while an announcement waits there to be posted
// belongs to the audience or does not, as it is at the posting. Where the clock was turned
// meanwhile, no time tells what was before the posting: it is as at the recording.
func TestTheSoakKnowsTheAudience(t *testing.T) {
	need.Slow(t)
	t.Parallel()
	for _, turned := range []time.Duration{0, 20 * time.Minute} {
		t.Run(fmt.Sprint(turned), func(t *testing.T) {
			t.Parallel()
			s, _ := newSoak(t, 1, 1)
			s.all = append(s.all, s.launch(s.config))
			g, stays, goes, comes := s.groups[0], s.people[0], s.people[2], s.people[10]
			s.Inject(dingtalktest.Fault{API: dingtalktest.APISend, Kind: dingtalktest.Throttled, Times: 1})
			s.say(s.admin, uttered{group: g, title: "通告0", text: "公告 通告0"})
			s.eventually("DingTalk did not take it", func() bool { return s.CallCount(dingtalktest.APISend) == 1 })
			s.join(g, comes)
			s.leave(g, goes)
			s.turn(turned)
			s.eventually("it is posted", func() bool { return len(posted(g)) == 1 })
			s.join(g, goes)
			id := posted(g)[0].ID
			if err := g.Read(stays, id); err != nil {
				t.Fatal(err)
			}
			s.checkTruth()
			answer := since(g, nil)
			if text := answer[len(answer)-1].Text; strings.Contains(text, comes.Name) != (turned == 0) || strings.Contains(text, goes.Name) != (turned > 0) {
				t.Errorf("the clock was turned by %v: %s", turned, text)
			}
		})
	}
}
