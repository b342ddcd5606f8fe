package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/redis/go-redis/v9"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"
	"golang.org/x/sync/errgroup"

	"whoread/receipts"
	"whoread/store/storetest"
)

// quick are options with which nothing happens by time but the retries. A claim
// is made once, at the start.
func quick() InboxOptions {
	return InboxOptions{Lease: time.Hour, Workers: 4, Scheduled: 4, Attempts: 3, RetryAfter: time.Millisecond, Grace: time.Minute, Now: time.Now, DueEvery: 100 * time.Millisecond}
}

// fakeWorker carries commands out as the test says.
type fakeWorker struct {
	work   func(ctx context.Context, command string) error
	gaveUp chan givenUp
}

type givenUp struct {
	command string
	reason  error
}

func newFakeWorker(work func(ctx context.Context, command string) error) *fakeWorker {
	return &fakeWorker{work: work, gaveUp: make(chan givenUp, 1000)}
}

func (w *fakeWorker) Work(ctx context.Context, j receipts.Job, _ bool) error {
	return w.work(ctx, j.Body)
}

func (w *fakeWorker) GiveUp(_ context.Context, j receipts.Job, _ bool, reason error) {
	w.gaveUp <- givenUp{j.Body, reason}
}

// testKind is the kind of the jobs in these tests.
const testKind = "test"

// command is a job whose body is all that a test looks at.
func command(id, body string) receipts.Job {
	return receipts.Job{ID: id, Kind: testKind, Group: group, Body: body}
}

// dueAt is a job that is due at that time; its body is its ID.
func dueAt(at time.Time, id string) receipts.Job {
	j := command(id, id)
	j.At = at
	return j
}

// people is the lane of what people say.
func (i *Inbox) people() *lane { return i.lanes[0] }

// held is an entry of that lane as this replica may have read it.
func (i *Inbox) held(entry string) leased { return leased{in: i.people(), entry: entry} }

// start runs the inbox. Stop, which the end of the test calls too, tells it to
// end and waits until it has.
func start(t *testing.T, i *Inbox, w Worker) (stop func()) {
	t.Helper()
	ask, ended := startAsync(t, i, w)
	stop = sync.OnceFunc(func() {
		ask()
		receive(t, ended, "end of Run")
	})
	t.Cleanup(stop)
	return stop
}

// startAsync runs the inbox. Ended is closed when it has ended.
func startAsync(t *testing.T, i *Inbox, w Worker) (ask func(), ended <-chan struct{}) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(cancel)
	done := make(chan struct{})
	go func() {
		defer close(done)
		i.Run(ctx, Workers{testKind: w})
	}()
	return cancel, done
}

// accept puts the command "command of <id>" into the inbox.
func accept(t *testing.T, s *Store, ids ...string) {
	t.Helper()
	i := s.Inbox(quick(), zap.NewNop())
	for _, id := range ids {
		if fresh, err := i.Accept(t.Context(), command(id, "command of "+id)); !fresh || err != nil {
			t.Fatalf("accept %q: %v, %v", id, fresh, err)
		}
	}
}

// abandon leaves all commands of the inbox with a replica that died some time
// ago, after it, or others before it, tried them that often.
func abandon(t *testing.T, s *Store, tries int, ago time.Duration) (entries []string) {
	t.Helper()
	ctx := t.Context()
	stream := s.keys.inbox().stream()
	i := s.Inbox(quick(), zap.NewNop())
	if err := i.createGroup(ctx, i.people()); err != nil {
		t.Fatal(err)
	}
	read := must(s.rdb.XReadGroup(ctx, &redis.XReadGroupArgs{Group: consumerGroup, Consumer: "dead", Streams: []string{stream, ">"}}).Result())(t)
	for _, m := range read[0].Messages {
		age(t, s, "dead", m.ID, tries, ago)
		entries = append(entries, m.ID)
	}
	return entries
}

// addMany adds entries to a stream.
func addMany(t *testing.T, s *Store, stream string, n int) {
	t.Helper()
	_, err := s.rdb.Pipelined(t.Context(), func(p redis.Pipeliner) error {
		for range n {
			p.XAdd(t.Context(), &redis.XAddArgs{Stream: stream, Values: []any{"id", "x", "kind", testKind, "group", group, "body", "x"}})
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// age makes the entry held by the consumer, last heard of some time ago.
func age(t *testing.T, s *Store, consumer, entry string, tries int, ago time.Duration) {
	t.Helper()
	err := s.rdb.Do(t.Context(), "XCLAIM", s.keys.inbox().stream(), consumerGroup, consumer, 0, entry,
		"IDLE", ago.Milliseconds(), "RETRYCOUNT", tries, "JUSTID").Err()
	if err != nil {
		t.Fatal(err)
	}
}

// pending returns the commands that replicas hold.
func pending(t *testing.T, s *Store) []redis.XPendingExt {
	t.Helper()
	return pendingIn(t, s, s.keys.inbox().stream())
}

// pendingIn returns what replicas hold of a lane.
func pendingIn(t *testing.T, s *Store, stream string) []redis.XPendingExt {
	t.Helper()
	return must(s.rdb.XPendingExt(t.Context(), &redis.XPendingExtArgs{
		Stream: stream, Group: consumerGroup, Start: "-", End: "+", Count: 1000,
	}).Result())(t)
}

// length returns how many commands the inbox holds.
func length(t *testing.T, s *Store) int64 {
	t.Helper()
	return must(s.rdb.XLen(t.Context(), s.keys.inbox().stream()).Result())(t)
}

// passTime gives what should not happen some time to happen: a hundred answers of
// Redis.
func passTime(t *testing.T, s *Store) {
	t.Helper()
	for range 100 {
		if err := s.Ping(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}

// untilEmpty waits until the inbox holds nothing and nobody holds anything of it.
func untilEmpty(t *testing.T, s *Store) {
	t.Helper()
	until(t, "the inbox is empty", func() bool { return length(t, s) == 0 })
	if p := pending(t, s); len(p) != 0 {
		t.Errorf("still held: %+v", p)
	}
}

// parked returns the commands that were given up on.
func parked(t *testing.T, s *Store) (ids []string) {
	t.Helper()
	for _, m := range must(s.rdb.XRange(t.Context(), s.keys.inbox().parked(), "-", "+").Result())(t) {
		ids = append(ids, m.Values["id"].(string))
	}
	return ids
}

func TestAcceptTakesACommandOnce(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, b storetest.Backend) {
		replicas := []*Inbox{open(t, b).Inbox(quick(), nil), open(t, b).Inbox(quick(), nil)}
		const tries = 20
		fresh := make([]bool, tries)
		var all errgroup.Group
		for n := range tries {
			all.Go(func() (err error) {
				fresh[n], err = replicas[n%2].Accept(t.Context(), command("msg1", "command"))
				return err
			})
		}
		if err := all.Wait(); err != nil {
			t.Fatal(err)
		}
		if n := count(fresh); n != 1 {
			t.Errorf("%d tries were fresh, want 1", n)
		}
		s := open(t, b)
		if n := length(t, s); n != 1 {
			t.Errorf("%d commands in the inbox, want 1", n)
		}
		accept(t, s, "msg2", "", "MSG1", "msg1 ")
	})
}

// A reply that is lost on the wire: what the call has done is not done once more.
func TestALostReplyOfTheInbox(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, b storetest.Backend) {
		away, p := proxied(t, b)
		s := open(t, b)
		i := away.Inbox(quick(), zap.NewNop())
		lost := func(what string, call func() error) {
			t.Helper()
			p.LoseReply()
			if err := call(); err != nil {
				t.Errorf("%s: %v", what, err)
			}
			if !p.ReplyLost() {
				t.Errorf("%s: no reply was lost", what)
			}
		}
		lost("accept", func() error {
			fresh, err := i.Accept(t.Context(), command("msg1", "command"))
			if !fresh {
				t.Error("the command that was accepted is called a repetition")
			}
			return err
		})
		if n := length(t, s); n != 1 {
			t.Errorf("accepted %d times", n)
		}
		entry := abandon(t, s, 1, 2*quick().Lease)[0]
		lost("claim", func() error {
			jobs, err := i.claim(t.Context(), i.people(), 10)
			if len(jobs) > 0 {
				t.Errorf("claimed twice: %+v", jobs)
			}
			return err
		})
		if p := pending(t, s); len(p) != 1 || p[0].Consumer != i.consumer || p[0].RetryCount != 2 {
			t.Errorf("held: %+v", p)
		}
		lost("another attempt", func() error { _, err := i.renew(t.Context(), i.held(entry), "again", 3); return err })
		if p := pending(t, s); p[0].RetryCount != 3 {
			t.Errorf("one attempt is counted twice: %+v", p)
		}
		// Nobody works on what was claimed: with the end of the lease it is anybody's.
		age(t, s, i.consumer, entry, 2, 2*quick().Lease)
		another := s.Inbox(quick(), zap.NewNop())
		jobs, err := another.claim(t.Context(), another.people(), 10)
		if err != nil || len(jobs) != 1 || jobs[0].attempt != 3 {
			t.Errorf("after the lease: %+v, %v", jobs, err)
		}
		if out, err := i.takeOut(t.Context(), i.held(entry), ""); out || err != nil || length(t, s) != 1 {
			t.Errorf("what another has by now is out: %t, %v", out, err)
		}
		i.consumer = another.consumer
		lost("done", func() error { _, err := i.takeOut(t.Context(), i.held(entry), ""); return err })
		untilEmpty(t, s)
	})
}

func TestARepetitionIsKnownForADay(t *testing.T) {
	t.Parallel()
	b := storetest.Mini(t)
	s := open(t, b)
	i := s.Inbox(quick(), nil)
	accept(t, s, "msg1")
	b.Mini.FastForward(repeatedWithin - time.Millisecond)
	if fresh, err := i.Accept(t.Context(), command("msg1", "command")); fresh || err != nil {
		t.Errorf("within a day: %v, %v", fresh, err)
	}
	b.Mini.FastForward(time.Millisecond)
	if fresh, err := i.Accept(t.Context(), command("msg1", "command")); !fresh || err != nil {
		t.Errorf("after a day: %v, %v", fresh, err)
	}
}

func TestARepetitionIsKnownAfterTheCommandIsDone(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, b storetest.Backend) {
		s := open(t, b)
		i := s.Inbox(quick(), zap.NewNop())
		start(t, i, newFakeWorker(func(context.Context, string) error { return nil }))
		accept(t, s, "msg1")
		untilEmpty(t, s)
		if fresh, err := i.Accept(t.Context(), command("msg1", "command")); fresh || err != nil {
			t.Errorf("accepted again: %v, %v", fresh, err)
		}
	})
}

func TestAFullInboxRefuses(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, b storetest.Backend) {
		s := open(t, b)
		ctx := t.Context()
		stream := s.keys.inbox().stream()
		for length(t, s) < waitingMax {
			addMany(t, s, stream, 500)
		}
		if err := s.rdb.XTrimMaxLen(ctx, stream, waitingMax-1).Err(); err != nil {
			t.Fatal(err)
		}
		accept(t, s, "last")
		i := s.Inbox(quick(), nil)
		if fresh, err := i.Accept(ctx, command("late", "command")); fresh || !errors.Is(err, ErrInboxFull) {
			t.Errorf("one more: %v, %v", fresh, err)
		}
		if fresh, err := i.Accept(ctx, command("last", "command")); fresh || err != nil {
			t.Errorf("a repetition of one that waits: %v, %v", fresh, err)
		}
		if err := s.rdb.XTrimMaxLen(ctx, stream, waitingMax-1).Err(); err != nil {
			t.Fatal(err)
		}
		accept(t, s, "late") // its refusal left no trace
	})
}

func TestCommandsArriveAsTheyWere(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, b storetest.Backend) {
		s := open(t, b)
		var want, got []string
		arrived := make(chan string, 100)
		start(t, s.Inbox(quick(), zap.NewNop()), newFakeWorker(func(_ context.Context, command string) error {
			arrived <- command
			return nil
		}))
		i := s.Inbox(quick(), nil)
		for n, text := range []string{
			"", `{"text":"谁没读"}`, "👍🏽\u202e", "a\nb\x00c", "\xff\xfe", "id", "command", strings.Repeat("公告", 500_000),
		} {
			if _, err := i.Accept(t.Context(), command(strconv.Itoa(n), text)); err != nil {
				t.Fatal(err)
			}
			want = append(want, text)
		}
		for range want {
			got = append(got, receive(t, arrived, "command"))
		}
		slices.Sort(want)
		slices.Sort(got)
		if !slices.Equal(want, got) {
			t.Errorf("%.80q, want %.80q", got, want)
		}
	})
}

func TestReplicasShareTheWork(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, b storetest.Backend) {
		s := open(t, b)
		const commands = 200
		var (
			mu   sync.Mutex
			done = map[string]int{}
			all  = make(chan struct{})
		)
		for range 3 {
			start(t, open(t, b).Inbox(quick(), zap.NewNop()), newFakeWorker(func(_ context.Context, command string) error {
				mu.Lock()
				defer mu.Unlock()
				if done[command]++; len(done) == commands && done[command] == 1 {
					close(all)
				}
				return nil
			}))
		}
		var ids []string
		for n := range commands {
			ids = append(ids, fmt.Sprint("msg", n))
		}
		accept(t, s, ids...)
		receive(t, all, "every command is done")
		untilEmpty(t, s)
		mu.Lock()
		defer mu.Unlock()
		for _, id := range ids {
			if n := done["command of "+id]; n != 1 {
				t.Errorf("%s was carried out %d times", id, n)
			}
		}
	})
}

func TestWhatCanBeClaimed(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, b storetest.Backend) {
		s := open(t, b)
		accept(t, s, "old", "young", "tried", "gone", "unread")
		ctx := t.Context()
		stream := s.keys.inbox().stream()
		entries := abandon(t, s, 1, 0)
		lease := quick().Lease
		age(t, s, "dead", entries[0], 1, lease+time.Second)
		age(t, s, "dead", entries[1], 1, lease-time.Minute)
		age(t, s, "dead", entries[2], 7, 10*lease)
		age(t, s, "dead", entries[3], 1, lease+time.Second)
		age(t, s, "dead", entries[4], 1, lease+time.Second)
		if err := s.rdb.XDel(ctx, stream, entries[3]).Err(); err != nil { // its content is lost
			t.Fatal(err)
		}

		i := s.Inbox(quick(), zap.NewNop())
		want := []leased{
			{Job: command("old", "command of old"), in: i.people(), entry: entries[0], attempt: 2, takenOver: true},
			{Job: command("tried", "command of tried"), in: i.people(), entry: entries[2], attempt: 8, takenOver: true},
			{Job: command("unread", "command of unread"), in: i.people(), entry: entries[4], attempt: 2, takenOver: true},
		}
		got := must(i.claim(ctx, i.people(), 10))(t)
		if diff := cmp.Diff(want, got, cmp.AllowUnexported(leased{}), cmp.Comparer(func(a, b *lane) bool { return a == b })); diff != "" {
			t.Errorf("claimed (-want +got):\n%s", diff)
		}
		if again := must(i.claim(ctx, i.people(), 10))(t); len(again) != 0 {
			t.Errorf("claimed once more: %+v", again)
		}
		held := map[string]string{}
		for _, p := range pending(t, s) {
			held[p.ID] = fmt.Sprint(p.Consumer == i.consumer, p.RetryCount)
		}
		wantHeld := map[string]string{entries[0]: "true 2", entries[1]: "false 1", entries[2]: "true 8", entries[4]: "true 2"}
		if diff := cmp.Diff(wantHeld, held); diff != "" {
			t.Errorf("held (-want +got):\n%s", diff)
		}
	})
}

func TestNoMoreIsClaimedThanAskedFor(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, b storetest.Backend) {
		s := open(t, b)
		accept(t, s, "a", "b", "c")
		abandon(t, s, 1, time.Hour)
		i := s.Inbox(quick(), nil)
		for _, want := range []int{2, 1, 0} {
			if got := must(i.claim(t.Context(), i.people(), 2))(t); len(got) != want {
				t.Errorf("claimed %d, want %d", len(got), want)
			}
		}
	})
}

func TestTwoReplicasDoNotClaimTheSame(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, b storetest.Backend) {
		s := open(t, b)
		var ids []string
		for n := range 50 {
			ids = append(ids, fmt.Sprint("msg", n))
		}
		accept(t, s, ids...)
		abandon(t, s, 1, time.Hour)
		var (
			all     errgroup.Group
			mu      sync.Mutex
			claimed []string
		)
		for range 4 {
			i := open(t, b).Inbox(quick(), nil)
			all.Go(func() error {
				for {
					jobs, err := i.claim(t.Context(), i.people(), 3)
					if err != nil || len(jobs) == 0 {
						return err
					}
					mu.Lock()
					for _, j := range jobs {
						claimed = append(claimed, j.ID)
					}
					mu.Unlock()
				}
			})
		}
		if err := all.Wait(); err != nil {
			t.Fatal(err)
		}
		slices.Sort(claimed)
		slices.Sort(ids)
		if diff := cmp.Diff(ids, claimed); diff != "" {
			t.Errorf("claimed (-want +got):\n%s", diff)
		}
	})
}

func TestACommandOfADeadReplicaIsCarriedOut(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, b storetest.Backend) {
		s := open(t, b)
		accept(t, s, "msg1")
		abandon(t, s, 1, time.Hour)
		done := make(chan string, 10)
		start(t, s.Inbox(quick(), zap.NewNop()), newFakeWorker(func(_ context.Context, command string) error {
			done <- command
			return nil
		}))
		if got := receive(t, done, "claimed command"); got != "command of msg1" {
			t.Errorf("got %q", got)
		}
		untilEmpty(t, s)
	})
}

// A replica looks for abandoned commands again and again, not only at its start.
func TestAReplicaThatDiesLaterIsNoticed(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, b storetest.Backend) {
		s := open(t, b)
		o := quick()
		o.Lease = 4 * time.Second // a look each second
		done := make(chan string, 10)
		start(t, s.Inbox(o, zap.NewNop()), newFakeWorker(func(_ context.Context, command string) error {
			done <- command
			return nil
		}))
		accept(t, s, "first")
		receive(t, done, "first command")
		untilEmpty(t, s)
		ctx := t.Context()
		stream := s.keys.inbox().stream()
		// Delivered to the dead replica before the living one can read it.
		_, err := s.rdb.TxPipelined(ctx, func(p redis.Pipeliner) error {
			p.XAdd(ctx, &redis.XAddArgs{Stream: stream, Values: []any{"id", "second", "kind", testKind, "group", group, "body", "second command"}})
			p.XReadGroup(ctx, &redis.XReadGroupArgs{Group: consumerGroup, Consumer: "dead", Streams: []string{stream, ">"}, Block: -1})
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		p := pending(t, s)
		if len(p) != 1 || p[0].Consumer != "dead" {
			t.Fatalf("held: %+v", p)
		}
		age(t, s, "dead", p[0].ID, 1, time.Hour)
		if got := receive(t, done, "claimed command"); got != "second command" {
			t.Errorf("got %q", got)
		}
	})
}

func TestALongCommandKeepsItsLease(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, b storetest.Backend) {
		s := open(t, b)
		o := quick()
		o.Lease = 6 * time.Second // renewed each two seconds
		began, goOn := make(chan string, 10), make(chan struct{})
		w := newFakeWorker(func(_ context.Context, command string) error {
			began <- command
			<-goOn
			return nil
		})
		accept(t, s, "long")
		first := s.Inbox(o, zap.NewNop())
		start(t, first, w)
		receive(t, began, "long command")
		start(t, open(t, b).Inbox(o, zap.NewNop()), w)

		renewals, last := 0, time.Duration(0)
		until(t, "the lease was renewed for longer than one lease", func() bool {
			p := pending(t, s)
			if len(p) != 1 || p[0].Consumer != first.consumer || p[0].RetryCount != 1 {
				t.Fatalf("held: %+v", p)
			}
			if p[0].Idle < last {
				renewals++
			}
			last = p[0].Idle
			return renewals > 3
		})
		close(goOn)
		untilEmpty(t, s)
		if len(began) != 0 {
			t.Errorf("it began again: %q", <-began)
		}
	})
}

// After an outage that was longer than the lease, a replica may claim what it is
// still working on.
func TestAReplicaDoesNotWorkTwiceOnWhatItClaimsFromItself(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, b storetest.Backend) {
		s := open(t, b)
		o := quick()
		o.Lease = time.Second // it looks for abandoned commands each 250 ms
		began, goOn := make(chan struct{}, 10), make(chan struct{})
		i := s.Inbox(o, zap.NewNop())
		start(t, i, newFakeWorker(func(context.Context, string) error {
			began <- struct{}{}
			<-goOn
			return nil
		}))
		accept(t, s, "long")
		receive(t, began, "long command")
		until(t, "it is claimed", func() bool {
			held := pending(t, s)[0]
			if held.RetryCount == 1 && held.Idle < o.Lease {
				age(t, s, i.consumer, held.ID, 1, 2*o.Lease)
			}
			return held.RetryCount > 1
		})
		passTime(t, s) // for it to begin
		close(goOn)
		untilEmpty(t, s)
		if len(began) != 0 {
			t.Error("it began again")
		}
	})
}

func TestRenew(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, b storetest.Backend) {
		s := open(t, b)
		ctx := t.Context()
		accept(t, s, "msg1")
		entry := abandon(t, s, 2, 10*time.Minute)[0]
		i := s.Inbox(quick(), nil)
		i.people().running[entry] = newLease(time.Now(), time.Hour)
		for _, step := range []struct {
			name     string
			consumer string
			how      string
			attempts int
			// afterwards
			tries   int64
			holder  string
			longest time.Duration
			least   time.Duration
		}{
			{"not another's", "other", "beat", 0, 2, "dead", time.Hour, 10 * time.Minute},
			{"nor begin one", "other", "again", 0, 2, "dead", time.Hour, 10 * time.Minute},
			{"nor give it up", "other", "release", 0, 2, "dead", time.Hour, 10 * time.Minute},
			{"renewed", "dead", "beat", 2, 2, "dead", time.Minute, 0},
			{"another attempt", "dead", "again", 3, 3, "dead", time.Minute, 0},
			{"the same once more", "dead", "again", 3, 3, "dead", time.Minute, 0},
			{"given up", "dead", "abandon", 3, 3, "dead", 2 * time.Hour, time.Hour},
			{"renewed all the same", "dead", "beat", 3, 3, "dead", time.Minute, 0},
			{"handed back", "dead", "release", 3, 3, handedBack, 2 * time.Hour, time.Hour},
			{"not a second time", "dead", "release", 0, 3, handedBack, 2 * time.Hour, time.Hour},
		} {
			i.consumer = step.consumer
			var n int
			var err error
			if step.how == "beat" {
				n, err = step.attempts, i.renewAll(ctx, i.people())
				if held := i.people().running[entry].held() == nil; held != (step.attempts > 0) {
					t.Errorf("%s: held: %t", step.name, held)
				}
				i.people().running[entry] = newLease(time.Now(), time.Hour)
			} else {
				n, err = i.renew(ctx, i.held(entry), step.how, 3)
			}
			if n != step.attempts || err != nil {
				t.Errorf("%s: %d, %v, want %d", step.name, n, err, step.attempts)
			}
			p := pending(t, s)[0]
			if p.RetryCount != step.tries || p.Consumer != step.holder || p.Idle > step.longest || p.Idle < step.least {
				t.Errorf("%s: now %+v", step.name, p)
			}
		}
		if out, err := i.takeOut(ctx, i.held(entry), ""); out || err != nil || length(t, s) != 1 {
			t.Errorf("what another has is out: %t, %v", out, err)
		}
		i.consumer = handedBack
		if out, err := i.takeOut(ctx, i.held(entry), ""); !out || err != nil || length(t, s) != 0 {
			t.Fatalf("it stays: %t, %v", out, err)
		}
		if n, err := i.renew(ctx, i.held(entry), "again", 4); n != 0 || err != nil {
			t.Errorf("a command that is out: %d, %v", n, err)
		}
		if out, err := i.takeOut(ctx, i.held(entry), "failed"); out || err != nil || len(parked(t, s)) != 0 {
			t.Errorf("out a second time: %t, %v, parked %v", out, err, parked(t, s))
		}
	})
}

var errBroken = errors.New("broken")

func TestAFailingCommandIsTriedAgainAndThenParked(t *testing.T) {
	t.Parallel()
	for name, fail := range map[string]func() error{
		"error": func() error { return errBroken },
		"panic": func() error { panic(errBroken) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			storetest.Each(t, func(t *testing.T, b storetest.Backend) {
				s := open(t, b)
				counted := make(chan int64, 10)
				w := newFakeWorker(func(context.Context, string) error {
					counted <- pending(t, s)[0].RetryCount
					return fail()
				})
				accept(t, s, "bad")
				start(t, s.Inbox(quick(), zap.NewNop()), w)
				up := receive(t, w.gaveUp, "given up")
				if up.command != "command of bad" || !strings.Contains(up.reason.Error(), errBroken.Error()) {
					t.Errorf("given up: %+v", up)
				}
				if name == "error" && !errors.Is(up.reason, errBroken) {
					t.Errorf("the cause is lost: %v", up.reason)
				}
				untilEmpty(t, s)
				close(counted)
				var tries []int64
				for n := range counted {
					tries = append(tries, n)
				}
				if !slices.Equal(tries, []int64{1, 2, 3}) {
					t.Errorf("tries were counted as %v", tries)
				}
				if got := parked(t, s); !slices.Equal(got, []string{"bad"}) {
					t.Errorf("parked: %q", got)
				}
				if len(w.gaveUp) != 0 {
					t.Errorf("given up again: %+v", <-w.gaveUp)
				}
			})
		})
	}
}

func TestACommandThatSucceedsLaterIsNotParked(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, b storetest.Backend) {
		s := open(t, b)
		var tries atomic.Int64
		w := newFakeWorker(func(context.Context, string) error {
			if tries.Add(1) < 3 {
				return errBroken
			}
			return nil
		})
		start(t, s.Inbox(quick(), zap.NewNop()), w)
		accept(t, s, "flaky")
		untilEmpty(t, s)
		if tries.Load() != 3 || len(w.gaveUp) != 0 || len(parked(t, s)) != 0 {
			t.Errorf("%d tries, given up %d, parked %q", tries.Load(), len(w.gaveUp), parked(t, s))
		}
	})
}

func TestAttemptsAreCountedOverReplicas(t *testing.T) {
	t.Parallel()
	for tries, want := range map[int]int64{1: 2, 2: 1, 3: 0, 9: 0} {
		t.Run(fmt.Sprintf("%d processes died", tries), func(t *testing.T) {
			t.Parallel()
			storetest.Each(t, func(t *testing.T, b storetest.Backend) {
				s := open(t, b)
				accept(t, s, "poison")
				abandon(t, s, tries, time.Hour)
				var worked atomic.Int64
				w := newFakeWorker(func(context.Context, string) error {
					worked.Add(1)
					return errBroken
				})
				start(t, s.Inbox(quick(), zap.NewNop()), w)
				up := receive(t, w.gaveUp, "given up")
				if worked.Load() != want || (want > 0) != errors.Is(up.reason, errBroken) {
					t.Errorf("%d attempts, want %d; reason: %v", worked.Load(), want, up.reason)
				}
				untilEmpty(t, s)
				if got := parked(t, s); !slices.Equal(got, []string{"poison"}) {
					t.Errorf("parked: %q", got)
				}
			})
		})
	}
}

// panicky panics when it hears of a command that is given up.
type panicky struct{ *fakeWorker }

func (panicky) GiveUp(context.Context, receipts.Job, bool, error) { panic(errBroken) }

func TestAPanicWhileGivingUpEndsNothing(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, b storetest.Backend) {
		s := open(t, b)
		done := make(chan string, 10)
		start(t, s.Inbox(quick(), zap.NewNop()), panicky{newFakeWorker(func(_ context.Context, command string) error {
			if command == "command of bad" {
				return errBroken
			}
			done <- command
			return nil
		})})
		accept(t, s, "bad")
		untilEmpty(t, s)
		if got := parked(t, s); !slices.Equal(got, []string{"bad"}) {
			t.Errorf("parked: %q", got)
		}
		accept(t, s, "good")
		receive(t, done, "the next command")
	})
}

// An entry that somebody else wrote must not stop the others.
func TestAForeignEntryIsParked(t *testing.T) {
	t.Parallel()
	for _, abandoned := range []bool{false, true} {
		t.Run(fmt.Sprintf("abandoned %v", abandoned), func(t *testing.T) {
			t.Parallel()
			storetest.Each(t, func(t *testing.T, b storetest.Backend) {
				s := open(t, b)
				if err := s.rdb.XAdd(t.Context(), &redis.XAddArgs{Stream: s.keys.inbox().stream(), Values: []any{"foreign", "entry"}}).Err(); err != nil {
					t.Fatal(err)
				}
				accept(t, s, "msg1")
				if abandoned {
					abandon(t, s, 1, time.Hour)
				}
				done := make(chan string, 10)
				start(t, s.Inbox(quick(), zap.NewNop()), newFakeWorker(func(_ context.Context, command string) error {
					done <- command
					return nil
				}))
				if got := receive(t, done, "the command after it"); got != "command of msg1" {
					t.Errorf("got %q", got)
				}
				untilEmpty(t, s)
				if got := parked(t, s); len(got) != 1 {
					t.Errorf("parked: %q", got)
				}
			})
		})
	}
}

func TestTheParkedAreBounded(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, b storetest.Backend) {
		s := open(t, b)
		addMany(t, s, s.keys.inbox().parked(), parkedMax/2)
		addMany(t, s, s.keys.inbox().parked(), parkedMax/2)
		accept(t, s, "bad")
		o := quick()
		o.Attempts = 1
		start(t, s.Inbox(o, zap.NewNop()), newFakeWorker(func(context.Context, string) error { return errBroken }))
		untilEmpty(t, s)
		got := parked(t, s)
		if len(got) != parkedMax || got[parkedMax-1] != "bad" {
			t.Errorf("%d parked, the newest %q", len(got), got[len(got)-1])
		}
	})
}

func TestALostConsumerGroupIsMadeAgain(t *testing.T) {
	t.Parallel()
	for name, lose := range map[string]func(t *testing.T, s *Store) error{
		"with its stream": func(t *testing.T, s *Store) error {
			return s.rdb.Del(t.Context(), s.keys.inbox().stream()).Err()
		},
		"alone": func(t *testing.T, s *Store) error {
			return s.rdb.XGroupDestroy(t.Context(), s.keys.inbox().stream(), consumerGroup).Err()
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			storetest.Each(t, func(t *testing.T, b storetest.Backend) {
				s := open(t, b)
				done := make(chan string, 10)
				start(t, s.Inbox(quick(), zap.NewNop()), newFakeWorker(func(_ context.Context, command string) error {
					done <- command
					return nil
				}))
				accept(t, s, "before")
				receive(t, done, "command before")
				untilEmpty(t, s)
				if err := lose(t, s); err != nil {
					t.Fatal(err)
				}
				accept(t, s, "after")
				if got := receive(t, done, "command after"); got != "command of after" {
					t.Errorf("got %q", got)
				}
				untilEmpty(t, s)
			})
		})
	}
}

// Commands that were accepted before any replica ran, or while Redis had lost the
// consumer group, are not forgotten.
func TestCommandsFromBeforeTheGroupAreCarriedOut(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, b storetest.Backend) {
		s := open(t, b)
		accept(t, s, "a", "b", "c")
		done := make(chan string, 10)
		start(t, s.Inbox(quick(), zap.NewNop()), newFakeWorker(func(_ context.Context, command string) error {
			done <- command
			return nil
		}))
		for range 3 {
			receive(t, done, "command from before")
		}
		untilEmpty(t, s)
	})
}

func TestNoMoreThanWorkersAtOnce(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, b storetest.Backend) {
		s := open(t, b)
		o := quick()
		o.Workers = 3
		o.Lease = 400 * time.Millisecond // it looks for abandoned commands each 100 ms
		for _, id := range []string{"a", "b", "c", "d", "e", "f"} {
			accept(t, s, id)
		}
		abandon(t, s, 1, time.Hour) // half of the work is claimed, half is read
		for _, id := range []string{"g", "h", "i", "j", "k", "l"} {
			accept(t, s, id)
		}
		var atWork, most atomic.Int64
		began, goOn := make(chan struct{}, 100), make(chan struct{})
		start(t, s.Inbox(o, zap.NewNop()), newFakeWorker(func(context.Context, string) error {
			n := atWork.Add(1)
			defer atWork.Add(-1)
			for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
			}
			began <- struct{}{}
			<-goOn
			return nil
		}))
		for range o.Workers {
			receive(t, began, "workers are busy")
		}
		passTime(t, s) // for more to begin
		for range 12 {
			goOn <- struct{}{}
		}
		untilEmpty(t, s)
		if most.Load() != int64(o.Workers) {
			t.Errorf("%d commands at once, want %d", most.Load(), o.Workers)
		}
	})
}

func TestAnEndWaitsForTheCommandsAtWork(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, b storetest.Backend) {
		s := open(t, b)
		ctx := t.Context()
		began, goOn := make(chan struct{}), make(chan struct{})
		var finished atomic.Bool
		o := quick()
		o.Workers = 1 // while it is busy nothing is read, so that only it is waited for
		i := s.Inbox(o, zap.NewNop())
		ask, ended := startAsync(t, i, newFakeWorker(func(ctx context.Context, _ string) error {
			close(began)
			<-goOn
			for range 50 { // time for an end that does not wait
				if err := s.Ping(ctx); err != nil {
					return err
				}
			}
			finished.Store(ctx.Err() == nil)
			return nil
		}))
		accept(t, s, "slow")
		receive(t, began, "slow command")
		ask()
		close(goOn)
		receive(t, ended, "end of Run")
		if !finished.Load() {
			t.Error("Run ended, or its context did, before the command had")
		}
		untilEmpty(t, s)
		consumers := must(s.rdb.XInfoConsumers(ctx, s.keys.inbox().stream(), consumerGroup).Result())(t)
		if len(consumers) != 0 {
			t.Errorf("consumers stay: %+v", consumers)
		}
	})
}

func TestNothingIsTakenAfterTheEnd(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, b storetest.Backend) {
		s := open(t, b)
		done := make(chan string, 10)
		work := func(_ context.Context, command string) error {
			done <- command
			return nil
		}
		stop := start(t, s.Inbox(quick(), zap.NewNop()), newFakeWorker(work))
		accept(t, s, "first")
		receive(t, done, "first command")
		untilEmpty(t, s)
		stop()
		accept(t, s, "late")
		passTime(t, s) // for a reader that stayed
		if n := length(t, s); n != 1 || len(pending(t, s)) != 0 || len(done) != 0 {
			t.Errorf("%d commands in the inbox, held: %+v, carried out: %d", n, pending(t, s), len(done))
		}
		start(t, open(t, b).Inbox(quick(), zap.NewNop()), newFakeWorker(work))
		receive(t, done, "the command at another replica")
	})
}

// What comes while the last read is under way belongs to this replica.
func TestACommandThatComesDuringTheEndIsNotLost(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, b storetest.Backend) {
		s := open(t, b)
		done := make(chan string, 10)
		work := func(_ context.Context, command string) error {
			done <- command
			return nil
		}
		ask, ended := startAsync(t, s.Inbox(quick(), zap.NewNop()), newFakeWorker(work))
		accept(t, s, "first")
		receive(t, done, "first command")
		ask()
		accept(t, s, "late")
		receive(t, ended, "end of Run")
		if p := pending(t, s); len(p) != 0 {
			t.Errorf("held after the end: %+v", p)
		}
		start(t, open(t, b).Inbox(quick(), zap.NewNop()), newFakeWorker(work))
		untilEmpty(t, s)
		if got := receive(t, done, "late command"); got != "command of late" || len(done) != 0 {
			t.Errorf("got %q, and %d more", got, len(done))
		}
	})
}

func TestWhatIsUnfinishedAfterTheGraceGoesToAnother(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		retryAfter time.Duration
		work       func(ctx context.Context) error
		counts     int64 // attempts that do
	}{
		"at work":        {time.Millisecond, func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }, 0},
		"between tries":  {time.Hour, func(context.Context) error { return errBroken }, 1},
		"its last panic": {time.Millisecond, func(ctx context.Context) error { <-ctx.Done(); panic(ctx.Err()) }, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			storetest.Each(t, func(t *testing.T, b storetest.Backend) {
				s := open(t, b)
				o := quick()
				o.Grace, o.RetryAfter = time.Millisecond, c.retryAfter
				o.Workers = 1 // a busy replica ends as well
				began := make(chan struct{}, 10)
				w := newFakeWorker(func(ctx context.Context, _ string) error {
					began <- struct{}{}
					return c.work(ctx)
				})
				stop := start(t, s.Inbox(o, zap.NewNop()), w)
				accept(t, s, "slow")
				receive(t, began, "slow command")
				stop()
				if len(w.gaveUp) != 0 {
					t.Errorf("given up: %+v", <-w.gaveUp)
				}
				p := pending(t, s)
				if len(p) != 1 || p[0].RetryCount != c.counts {
					t.Fatalf("held: %+v", p)
				}

				done := make(chan string, 10)
				start(t, open(t, b).Inbox(quick(), zap.NewNop()), newFakeWorker(func(_ context.Context, command string) error {
					done <- command
					return nil
				}))
				receive(t, done, "the command at another replica")
				untilEmpty(t, s)
			})
		})
	}
}

// attempts are the attempts that workers hear of, and how they end.
type attempts struct {
	ends func(ctx context.Context) error
	seen chan attempt
}

// attempt is what a worker hears of one.
type attempt struct {
	givenUp, takenOver bool
}

func (a attempts) Work(ctx context.Context, _ receipts.Job, takenOver bool) error {
	a.seen <- attempt{false, takenOver}
	return a.ends(ctx)
}

func (a attempts) GiveUp(_ context.Context, _ receipts.Job, takenOver bool, _ error) {
	a.seen <- attempt{true, takenOver}
}

// Who takes a command over learns that an earlier attempt may have come to its end,
// and only then: not where this one tries again, and not where another one tells by
// handing it back that it was not done.
func TestWhoseAttemptsMayHaveComeToTheirEnd(t *testing.T) {
	t.Parallel()
	fails := func(context.Context) error { return errBroken }
	lingers := func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }
	for name, c := range map[string]struct {
		died   int // replicas, before
		first  func(ctx context.Context) error
		ends   bool // before it is done; then another replica fails at it
		wanted []attempt
	}{
		"a new one":                {0, fails, false, []attempt{{}, {}, {}, {givenUp: true}}},
		"of one that died":         {1, fails, false, []attempt{{takenOver: true}, {takenOver: true}, {givenUp: true, takenOver: true}}},
		"of three that died":       {3, fails, false, []attempt{{givenUp: true, takenOver: true}}},
		"handed back":              {0, lingers, true, []attempt{{}, {}, {}, {}, {givenUp: true}}},
		"of one that died, handed": {1, lingers, true, []attempt{{takenOver: true}, {takenOver: true}, {takenOver: true}, {givenUp: true, takenOver: true}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			storetest.Each(t, func(t *testing.T, b storetest.Backend) {
				s := open(t, b)
				accept(t, s, "msg1")
				if c.died > 0 {
					abandon(t, s, c.died, time.Hour)
				}
				o := quick()
				o.Grace = time.Millisecond
				seen := make(chan attempt, 10)
				stop := start(t, s.Inbox(o, zap.NewNop()), attempts{c.first, seen})
				var got []attempt
				if c.ends {
					got = append(got, receive(t, seen, "attempt"))
					stop()
					// What was handed back does not count: that the process ended was no failure.
					start(t, open(t, b).Inbox(quick(), zap.NewNop()), attempts{fails, seen})
				}
				untilEmpty(t, s)
				close(seen)
				for a := range seen {
					got = append(got, a)
				}
				if !slices.Equal(got, c.wanted) {
					t.Errorf("%+v; want %+v", got, c.wanted)
				}
			})
		})
	}
}

// A replica that handed back what it had holds nothing, and leaves.
func TestWhatIsHandedBackKeepsNoReplica(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, b storetest.Backend) {
		s := open(t, b)
		o := quick()
		o.Grace = time.Millisecond
		seen := make(chan attempt, 1)
		stop := start(t, s.Inbox(o, zap.NewNop()), attempts{func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }, seen})
		accept(t, s, "slow")
		receive(t, seen, "attempt")
		stop()
		consumers := must(s.rdb.XInfoConsumers(t.Context(), s.keys.inbox().stream(), consumerGroup).Result())(t)
		if len(consumers) != 1 || consumers[0].Name != handedBack || consumers[0].Pending != 1 {
			t.Errorf("consumers: %+v", consumers)
		}
	})
}

// A replica that ends during the last attempt gives nothing up: another one makes that
// attempt.
func TestAnEndDuringTheLastAttemptGivesNothingUp(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, b storetest.Backend) {
		s := open(t, b)
		accept(t, s, "slow")
		abandon(t, s, quick().Attempts-1, time.Hour)
		o := quick()
		o.Grace = time.Millisecond
		began := make(chan struct{}, 10)
		w := newFakeWorker(func(ctx context.Context, _ string) error {
			began <- struct{}{}
			<-ctx.Done()
			return ctx.Err()
		})
		stop := start(t, s.Inbox(o, zap.NewNop()), w)
		receive(t, began, "slow command")
		stop()
		if len(w.gaveUp) != 0 || len(parked(t, s)) != 0 {
			t.Error("given up by the replica that ended")
		}
		another := newFakeWorker(func(context.Context, string) error {
			began <- struct{}{}
			return errBroken
		})
		start(t, open(t, b).Inbox(quick(), zap.NewNop()), another)
		receive(t, another.gaveUp, "given up by another")
		untilEmpty(t, s)
		if len(began) != 1 {
			t.Errorf("tried %d times by another", len(began))
		}
	})
}

func TestACommandThatEndsAfterTheGraceIsDone(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, b storetest.Backend) {
		s := open(t, b)
		o := quick()
		o.Grace = time.Millisecond
		began := make(chan struct{}, 10)
		stop := start(t, s.Inbox(o, zap.NewNop()), newFakeWorker(func(ctx context.Context, _ string) error {
			began <- struct{}{}
			<-ctx.Done()
			return nil // it was just done
		}))
		accept(t, s, "slow")
		receive(t, began, "slow command")
		stop()
		if n := length(t, s); n != 0 {
			t.Error("it is still in the inbox, to be carried out again")
		}
	})
}

func TestAReplicaThatHoldsCommandsStays(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, b storetest.Backend) {
		s := open(t, b)
		accept(t, s, "msg1")
		abandon(t, s, 1, 0)
		i := s.Inbox(quick(), zap.NewNop())
		i.consumer = "dead"
		i.leave(t.Context())
		if p := pending(t, s); len(p) != 1 {
			t.Errorf("held: %+v", p)
		}
	})
}

func TestTheInboxOutlivesAnOutage(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, b storetest.Backend) {
		away, p := proxied(t, b)
		direct := open(t, b)
		core, logs := observer.New(zap.InfoLevel)
		done := make(chan string, 10)
		i := away.Inbox(quick(), zap.New(core))
		start(t, i, newFakeWorker(func(_ context.Context, command string) error {
			done <- command
			return nil
		}))
		accept(t, direct, "before")
		receive(t, done, "command before")
		untilEmpty(t, direct)

		p.Cut()
		until(t, "the outage is noticed", func() bool { return logs.FilterMessage("the inbox does not answer").Len() > 0 })
		if fresh, err := i.Accept(t.Context(), command("unheard", "command")); fresh || err == nil || errors.Is(err, ErrInboxFull) {
			t.Errorf("accepted without Redis: %v, %v", fresh, err)
		}
		accept(t, direct, "meanwhile") // by a replica that is not cut off
		p.Mend(t)

		if got := receive(t, done, "command of the outage"); got != "command of meanwhile" {
			t.Errorf("got %q", got)
		}
		untilEmpty(t, direct)
		until(t, "the end of the outage is noted", func() bool { return logs.FilterMessage("the inbox answers again").Len() > 0 })
		for _, line := range logs.All() {
			options := must(redis.ParseURL(p.URL()))(t)
			if text := fmt.Sprint(line.Message, line.ContextMap()); options.Password != "" && strings.Contains(text, options.Password) {
				t.Errorf("the log shows the password: %s", text)
			}
		}
	})
}

func TestAnOutageIsNotedOnce(t *testing.T) {
	t.Parallel()
	core, logs := observer.New(zap.InfoLevel)
	i := (&Store{}).Inbox(quick(), zap.New(core))
	ctx, cancel := context.WithCancel(t.Context())
	answers := []error{errBroken, errBroken, errBroken, nil, errBroken, nil}
	i.feed(ctx, i.people(), make(chan struct{}, 1), nil, func(context.Context, *lane, int) ([]leased, error) {
		err := answers[0]
		if answers = answers[1:]; len(answers) == 0 {
			cancel()
		}
		return nil, err
	}, 0)
	var got []string
	for _, line := range logs.All() {
		got = append(got, line.Message)
	}
	want := []string{"the inbox does not answer", "the inbox answers again", "the inbox does not answer", "the inbox answers again"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestACommandDoneDuringAnOutageIsNotDoneAgain(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, b storetest.Backend) {
		away, p := proxied(t, b)
		direct := open(t, b)
		core, logs := observer.New(zap.InfoLevel)
		began, goOn := make(chan struct{}, 10), make(chan struct{})
		start(t, away.Inbox(quick(), zap.New(core)), newFakeWorker(func(context.Context, string) error {
			began <- struct{}{}
			<-goOn
			return nil
		}))
		accept(t, direct, "msg1")
		receive(t, began, "command")
		p.Cut()
		close(goOn)
		until(t, "the outage is noticed", func() bool {
			return logs.FilterMessage("command is done but not yet out of the inbox").Len() > 0
		})
		p.Mend(t)
		untilEmpty(t, direct)
		if len(began) != 0 {
			t.Error("it was carried out again")
		}
	})
}

// A command that fails while Redis is away is left to its lease; the replica that
// left it may be the one that claims it.
func TestACommandThatFailsDuringAnOutageIsTriedAgain(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, b storetest.Backend) {
		away, p := proxied(t, b)
		direct := open(t, b)
		core, logs := observer.New(zap.InfoLevel)
		o := quick()
		o.Lease = 2 * time.Second
		tries := make(chan struct{}, 10)
		start(t, away.Inbox(o, zap.New(core)), newFakeWorker(func(context.Context, string) error {
			tries <- struct{}{}
			if len(tries) == 1 {
				p.Cut()
				return errBroken
			}
			return nil
		}))
		accept(t, direct, "msg1")
		until(t, "it is left", func() bool { return logs.FilterMessage("command left to its lease").Len() > 0 })
		p.Mend(t)
		untilEmpty(t, direct)
		if len(tries) != 2 {
			t.Errorf("%d tries, want 2", len(tries))
		}
	})
}

func TestAnEndDuringAnOutageComesToAnEnd(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, b storetest.Backend) {
		away, p := proxied(t, b)
		direct := open(t, b)
		o := quick()
		o.Grace = time.Millisecond
		began := make(chan struct{}, 10)
		stop := start(t, away.Inbox(o, zap.NewNop()), newFakeWorker(func(context.Context, string) error {
			began <- struct{}{}
			p.Cut()
			return nil
		}))
		accept(t, direct, "msg1")
		receive(t, began, "command")
		stop()
		if n := length(t, direct); n != 1 {
			t.Errorf("%d commands in the inbox, want the one that could not be taken out", n)
		}
	})
}

// While the lease of a command can't be renewed, another replica takes it over.
func TestALeaseThatCannotBeRenewedGoesToAnother(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, b storetest.Backend) {
		away, p := proxied(t, b)
		direct := open(t, b)
		began, goOn := make(chan struct{}, 10), make(chan struct{})
		start(t, away.Inbox(quick(), zap.NewNop()), newFakeWorker(func(context.Context, string) error {
			began <- struct{}{}
			<-goOn
			return errBroken // and the first replica tries no more
		}))
		accept(t, direct, "msg1")
		receive(t, began, "command")
		p.Cut()
		held := pending(t, direct)[0]
		age(t, direct, held.Consumer, held.ID, 1, time.Hour)
		done := make(chan struct{}, 10)
		start(t, direct.Inbox(quick(), zap.NewNop()), newFakeWorker(func(context.Context, string) error {
			done <- struct{}{}
			return nil
		}))
		receive(t, done, "the command at another replica")
		untilEmpty(t, direct)
		p.Mend(t)
		until(t, "Redis answers again", func() bool { return away.Ping(t.Context()) == nil })
		close(goOn)
		if len(began) != 0 {
			t.Error("the first replica tried again")
		}
	})
}

// Whoever starts takes the replicas that died off the group; one that holds commands,
// or was seen lately, stays.
func TestReplicasThatDiedAreTakenOffTheGroup(t *testing.T) {
	t.Parallel()
	b := storetest.Real(t)
	s := open(t, b)
	ctx := t.Context()
	stream := s.keys.inbox().stream()
	accept(t, s, "held")
	options := quick()
	options.Lease = 200 * time.Millisecond // the time is over after ten of them
	inbox := s.Inbox(options, zap.NewNop())
	if err := inbox.createGroup(ctx, inbox.people()); err != nil {
		t.Fatal(err)
	}
	if err := s.rdb.XGroupCreateConsumer(ctx, stream, consumerGroup, "dead").Err(); err != nil {
		t.Fatal(err)
	}
	read := &redis.XReadGroupArgs{Group: consumerGroup, Consumer: "holds", Streams: []string{stream, ">"}}
	if err := s.rdb.XReadGroup(ctx, read).Err(); err != nil {
		t.Fatal(err)
	}
	names := func() (names []string) {
		for _, consumer := range must(s.rdb.XInfoConsumers(ctx, stream, consumerGroup).Result())(t) {
			names = append(names, consumer.Name)
		}
		return names
	}
	inbox.tidy(ctx)
	if got := names(); !slices.Equal(got, []string{"dead", "holds"}) {
		t.Errorf("just seen: %v", got)
	}
	until(t, "the time is over", func() bool { inbox.tidy(ctx); return len(names()) == 1 })
	if got := names(); !slices.Equal(got, []string{"holds"}) {
		t.Errorf("%v are left", got)
	}
}
