package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"go.uber.org/goleak"

	"whoread/cmd/internal/app"
	"whoread/receipts/dingtalk/dingtalktest"
	"whoread/store/storetest"
)

// travelVariable names the file that tells a whoread process how far its clock is
// ahead. Such a process is the test program itself, which then runs the bot as
// "whoread run" does, with the file as its clock.
const travelVariable = "WHOREAD_TEST_TRAVEL"

// keepAliveVariable is after how long such a process probes a silent connection. Not
// set, it is as long as that of a real bot.
const keepAliveVariable = "WHOREAD_TEST_KEEP_ALIVE"

// silenceVariable is after how long such a process replaces a silent connection. Not set,
// it is as long as that of a real bot.
const silenceVariable = "WHOREAD_TEST_SILENCE"

// goroutinesLine is what such a process logs when it is told to end, with how many
// goroutines there are.
const goroutinesLine = "goroutines"

// travel runs the bot as a process that can travel in time, and returns its exit
// status. A bot that leaves goroutines behind ends badly.
func travel(file string) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	asked := make(chan os.Signal, 1)
	signal.Notify(asked, syscall.SIGHUP)
	context.AfterFunc(ctx, func() { fmt.Fprintf(os.Stderr, `{"msg":"%s","count":%d}`+"\n", goroutinesLine, runtime.NumGoroutine()) })
	keepAlive, err := time.ParseDuration(cmp.Or(os.Getenv(keepAliveVariable), "0"))
	silence, malformed := time.ParseDuration(cmp.Or(os.Getenv(silenceVariable), "0"))
	if err = errors.Join(err, malformed); err == nil {
		err = app.Serve(ctx, os.Args[1], app.Env{
			Now: fileClock(file), DueEvery: 50 * time.Millisecond, Lease: 5 * time.Second, KeepAlive: keepAlive, Silence: silence, ConfigEvery: time.Hour, Version: versionText(),
		}, asked, os.Stderr)
	}
	stop()
	http.DefaultClient.CloseIdleConnections() // the Stream SDK keeps one for its next ticket
	if err == nil {
		err = leftBehind()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "whoread:", err)
		return 1
	}
	return 0
}

// leftBehind tells which goroutines go on. go-redis looks once a second for a Redis that
// is away, and only then finds that its client was closed.
func leftBehind() error {
	for patience := time.Now().Add(15 * time.Second); ; {
		if err := goleak.Find(); err == nil || time.Now().After(patience) {
			return err
		}
	}
}

// fileClock is the wall clock and the nanoseconds that the file holds.
func fileClock(file string) func() time.Time {
	return func() time.Time {
		content, err := os.ReadFile(file)
		if err != nil {
			panic(err)
		}
		ahead, err := strconv.ParseInt(string(content), 10, 64)
		if err != nil {
			panic(err)
		}
		return time.Now().Add(time.Duration(ahead))
	}
}

// traveller is a world whose time can be turned forward: that of its DingTalk and
// of its processes alike.
type traveller struct {
	*world
	backend storetest.Backend // behind whatever stands between the processes and it
	file    string
	running []*process
}

func newTraveller(t *testing.T, b storetest.Backend, o dingtalktest.Options) *traveller {
	t.Helper()
	tr := &traveller{world: newWorld(t, b, o), backend: b, file: filepath.Join(t.TempDir(), "ahead")}
	tr.forged = append(tr.forged, "a ticket that has expired") // where the clock is turned just before it is used
	tr.advance(0)
	t.Cleanup(tr.stopAll)
	return tr
}

// advance turns the clock forward.
func (w *traveller) advance(d time.Duration) {
	w.t.Helper()
	w.Advance(d)
	next := w.file + ".next" // the processes never see half a number
	if err := os.WriteFile(next, []byte(strconv.FormatInt(int64(w.Clock().Ahead()), 10)), 0o600); err != nil {
		w.t.Fatal(err)
	}
	if err := os.Rename(next, w.file); err != nil {
		w.t.Fatal(err)
	}
}

// advanceTo turns the clock forward to the next time that clocks in Shanghai show
// hour:00, so that nothing depends on when the tests run.
func (w *traveller) advanceTo(hour int) {
	w.t.Helper()
	now := w.Clock().Now().In(time.FixedZone("Shanghai", 8*60*60)) // which never turns its clocks
	next := time.Date(now.Year(), now.Month(), now.Day(), hour, 0, 0, 0, now.Location())
	if !next.After(now) {
		next = next.AddDate(0, 0, 1)
	}
	w.advance(next.Sub(now))
}

// start runs n replicas of whoread that go by the world's time, and waits until they
// are connected.
func (w *traveller) start(n int, config string) {
	w.t.Helper()
	self, err := os.Executable()
	if err != nil {
		w.t.Fatal(err)
	}
	before := len(w.Connections())
	for range n {
		p := &process{t: w.t, log: &lockedBuffer{}, Cmd: exec.Command(self, config)}
		p.Stdout, p.Stderr = p.log, p.log
		p.Env = append(os.Environ(), travelVariable+"="+w.file, "TEST_REDIS="+w.redis)
		if err := p.Start(); err != nil {
			w.t.Fatal(err)
		}
		w.running = append(w.running, p)
		w.t.Cleanup(func() {
			if w.t.Failed() {
				w.t.Logf("log of whoread %d:\n%s", p.Process.Pid, p.log)
			}
		})
	}
	if err := w.AwaitConnections(within(w.t), before+2*n); err != nil { // two each
		w.t.Fatalf("whoread does not connect: %v", err)
	}
}

// stopAll ends every process as an init system would, and expects them to end well.
func (w *traveller) stopAll() {
	w.t.Helper()
	for _, p := range w.running {
		if err := p.Process.Signal(syscall.SIGTERM); err != nil {
			w.t.Error(err)
		}
	}
	for _, p := range w.running {
		if err := p.Wait(); err != nil {
			w.t.Errorf("whoread ends badly: %v\n%s", err, p.log)
		}
	}
	w.running = nil
}

// killAll ends every process as a power cut would.
func (w *traveller) killAll() {
	w.t.Helper()
	for _, p := range w.running {
		p.kill()
	}
	w.running = nil
	if err := w.Await(within(w.t), func() bool { return len(w.Connections()) == 0 }); err != nil {
		w.t.Fatal(err)
	}
}

// logs are what all running processes have logged.
func (w *traveller) logs() string {
	var all strings.Builder
	for _, p := range w.running {
		all.WriteString(p.log.String())
	}
	return all.String()
}

// eventually waits until cond holds, which nothing that DingTalk sees tells.
func (w *world) eventually(what string, cond func() bool) {
	w.t.Helper()
	ctx := within(w.t)
	again := time.NewTicker(10 * time.Millisecond)
	defer again.Stop()
	for !cond() {
		select {
		case <-again.C:
		case <-ctx.Done():
			w.t.Fatalf("never: %s", what)
		}
	}
}

// settle waits until nothing is due any more, and nothing is being carried out. What
// was not said until then is not said before the clock is turned again.
func (w *traveller) settle() {
	w.t.Helper()
	options, err := redis.ParseURL(w.backend.URL)
	if err != nil {
		w.t.Fatal(err)
	}
	rdb := redis.NewClient(options)
	defer func() { _ = rdb.Close() }()
	now := strconv.FormatInt(w.Clock().Now().UnixMilli(), 10)
	w.eventually("nothing is due", func() bool {
		var due, accepted, entered *redis.IntCmd
		_, err := rdb.TxPipelined(w.t.Context(), func(p redis.Pipeliner) error {
			due = p.ZCount(w.t.Context(), "{"+w.prefix+":inbox}:schedule", "-inf", now)
			accepted = p.XLen(w.t.Context(), "{"+w.prefix+":inbox}:stream")
			entered = p.XLen(w.t.Context(), "{"+w.prefix+":inbox}:due")
			return nil
		})
		if err != nil {
			w.t.Fatal(err)
		}
		return due.Val()+accepted.Val()+entered.Val() == 0
	})
}

// later turns the clock forward, and returns what the bot has said in the group once
// everything that is due is done.
func (w *traveller) later(d time.Duration, g *dingtalktest.Group) []dingtalktest.Message {
	w.t.Helper()
	before := ids(g)
	w.advance(d)
	w.settle()
	return since(g, before)
}

// tell lets somebody say something, and returns what the bot has said in the group
// once it is done with it.
func (w *traveller) tell(g *dingtalktest.Group, p dingtalktest.Person, text string) []dingtalktest.Message {
	w.t.Helper()
	before := ids(g)
	w.ask(g, p, saying(text))
	w.settle()
	return since(g, before)
}

// since is what the bot has said that is not among the messages before.
func since(g *dingtalktest.Group, before map[string]bool) []dingtalktest.Message {
	return slices.DeleteFunc(g.Messages(), func(m dingtalktest.Message) bool { return !m.FromBot() || before[m.ID] })
}

// wantSaid expects one message with all the parts in it.
func wantSaid(t *testing.T, said []dingtalktest.Message, parts ...string) {
	t.Helper()
	if len(said) != 1 {
		t.Fatalf("the bot said %d things, not one with %q: %+v", len(said), parts, texts(said))
	}
	wantIn(t, said[0].Text, parts...)
}

func wantSilence(t *testing.T, said []dingtalktest.Message) {
	t.Helper()
	if len(said) > 0 {
		t.Errorf("the bot should have said nothing: %+v", texts(said))
	}
}

func texts(all []dingtalktest.Message) []string {
	said := make([]string, len(all))
	for i, m := range all {
		said[i] = m.Text
	}
	return said
}

// reminded is how often the person was reminded so far: mentioned in the group,
// written to in private, or by DING.
func (w *traveller) reminded(g *dingtalktest.Group, p dingtalktest.Person) int {
	n := 0
	for _, m := range g.Messages() {
		if m.FromBot() && slices.Contains(m.Mentioned, p) {
			n++
		}
	}
	for _, m := range w.Direct(p).Messages() {
		if m.FromBot() && strings.Contains(m.Text, "打开才算已读") {
			n++
		}
	}
	for _, d := range w.Dings() {
		if slices.Contains(d.Receivers, p) {
			n++
		}
	}
	return n
}

// wantReminded expects how often each of the people was reminded so far.
func (w *traveller) wantReminded(g *dingtalktest.Group, people []dingtalktest.Person, want ...int) {
	w.t.Helper()
	got := make([]int, len(people))
	for i, p := range people {
		got[i] = w.reminded(g, p)
	}
	if !slices.Equal(got, want) {
		w.t.Errorf("reminded %v times, not %v", got, want)
	}
}

// readBy lets these people, and only they, read what the bot last posted.
func (w *traveller) readBy(g *dingtalktest.Group, people ...dingtalktest.Person) {
	w.t.Helper()
	all := posted(g)
	if err := g.ReadAll(all[len(all)-1].ID, people...); err != nil {
		w.t.Fatal(err)
	}
}
