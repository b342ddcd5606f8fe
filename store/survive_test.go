package store

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/redis/go-redis/v9"
	"go.uber.org/zap"

	"whoread/receipts"
	"whoread/store/storetest"
	"whoread/store/storetest/need"
)

// openWith returns a store with these options, of which the test leaves the common
// ones out.
func openWith(t *testing.T, o Options) *Store {
	t.Helper()
	o.KeyPrefix, o.KeepFor = "whoread", keepFor
	s, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("close store: %v", err)
		}
	})
	return s
}

// mainPaths uses everything that the store can do, in groups of different slots.
func mainPaths(t *testing.T, s *Store) {
	t.Helper()
	ctx := t.Context()
	for _, g := range lookalikes[:8] {
		fill(t, s, g)
		if recent := must(s.Recent(ctx, g, 10))(t); len(recent) != 4 {
			t.Errorf("%q: %d messages", g, len(recent))
		}
		if kept := must(s.Snapshot(ctx, g, 2))(t); len(kept.Reads) != 1 || kept.Audience == nil {
			t.Errorf("%q: kept %+v", g, kept)
		}
		must(s.ByKey(ctx, g, "key"))(t)
		must(s.Names(ctx, g, []string{"a"}))(t)
		must(s.BeginStep(ctx, g, "command", rand.Text()))(t)
		if members := knownMembers(t, s, g); members == nil || !slices.Equal(members.UserIDs, []string{"b", "c"}) {
			t.Errorf("%q: members %+v", g, members)
		}
	}
	fillWith(t, s, group)
	f := followUpOf("follow")
	f.Version, f.Ended = 1, receipts.Stopped
	must(s.Change(ctx, group, 1, f))(t)
	must(s.Followed(ctx, group))(t)
	must(s.Inbox(quick(), zap.NewNop()).Depth(ctx))(t)
	must(s.Lease(ctx, "app", "query", 1, time.Millisecond))(t)
	if err := s.SaveGroupUpdate(ctx, group, receipts.GroupUpdate{Webhook: receipts.Webhook{URL: receipts.NewSecret("webhook"), Until: noon}}); err != nil {
		t.Fatal(err)
	}
	fillInbox(t, s)
	inbox := s.Inbox(quick(), zap.NewNop())
	if err := inbox.Schedule(ctx, dueAt(noon, "cancelled")); err != nil {
		t.Fatal(err)
	}
	if jobs := must(inbox.Scheduled(ctx, group))(t); len(jobs) != 1 {
		t.Errorf("scheduled: %v", jobs)
	}
	must(inbox.Cancel(ctx, "cancelled"))(t)
	if err := inbox.Schedule(ctx, dueAt(time.Now(), "due")); err != nil {
		t.Fatal(err)
	}
	tries := make(chan string, 10)
	stop := start(t, inbox, newFakeWorker(func(_ context.Context, command string) error {
		if tries <- command; len(tries) == 1 {
			return errBroken
		}
		return nil
	}))
	until(t, "it is tried again", func() bool { return len(tries) == 2 })
	stop()
	if one, two := <-tries, <-tries; one != "due" || two != "due" {
		t.Errorf("got %q and %q", one, two)
	}
}

// announcing is a worker as the bot is one: each command announces, once.
type announcing struct {
	s *Store

	mu   sync.Mutex
	done map[string]map[int]bool // by command: the numbers of its messages
}

func (a *announcing) Work(ctx context.Context, j receipts.Job, _ bool) error {
	m, _, err := a.s.Begin(ctx, draft(j.ID))
	if err != nil {
		return err
	}
	if _, err := a.s.Mark(ctx, group, m.Number, receipts.Change{To: receipts.Sent, Key: "key of " + j.ID, SentAt: noon}); err != nil {
		return err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.done[j.ID] == nil {
		a.done[j.ID] = map[int]bool{}
	}
	a.done[j.ID][m.Number] = true
	return nil
}

func (a *announcing) GiveUp(context.Context, receipts.Job, bool, error) {}

// load accepts commands, some at a time, until it is ended.
type load struct {
	mu       sync.Mutex
	accepted []string
	refused  int
	end      func()
}

// acceptEach is how long a frame's acceptance may take, as in the bot.
const acceptEach = 2500 * time.Millisecond

func startLoad(t *testing.T, s *Store) *load {
	t.Helper()
	l := &load{}
	ctx, cancel := context.WithCancel(t.Context())
	var senders sync.WaitGroup
	for sender := range 4 {
		inbox := s.Inbox(DefaultInboxOptions(), zap.NewNop())
		senders.Go(func() {
			for n := 0; ctx.Err() == nil; n++ {
				id := fmt.Sprintf("%d-%d", sender, n)
				each, done := context.WithTimeout(context.WithoutCancel(ctx), acceptEach)
				_, err := inbox.Accept(each, command(id, id))
				done()
				l.mu.Lock()
				if err == nil {
					l.accepted = append(l.accepted, id)
				} else {
					l.refused++
				}
				l.mu.Unlock()
				pause(ctx, 5*time.Millisecond)
			}
		})
	}
	l.end = sync.OnceFunc(func() {
		cancel()
		senders.Wait()
	})
	t.Cleanup(l.end)
	return l
}

func (l *load) count() (accepted, refused int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.accepted), l.refused
}

// more waits until n more commands are accepted, and returns how long that took.
func (l *load) more(t *testing.T, n int) time.Duration {
	t.Helper()
	began := time.Now()
	before, _ := l.count()
	until(t, fmt.Sprint(n, " more commands are accepted"), func() bool {
		now, _ := l.count()
		return now >= before+n
	})
	return time.Since(began)
}

// survives accepts commands and carries them out with two replicas of whoread,
// while the harm is done to Redis. Then every command that was accepted must have
// been carried out, with one message each, and the numbers have no holes.
func survives(t *testing.T, open func() *Store, harm func()) {
	t.Helper()
	o := DefaultInboxOptions()
	o.Lease = 4 * time.Second // what was read while Redis went away is found again in good time
	o.Attempts = 50           // an attempt that Redis fails must not end in giving up here
	w := &announcing{s: open(), done: map[string]map[int]bool{}}
	for range 2 {
		start(t, open().Inbox(o, zap.NewNop()), w)
	}
	l := startLoad(t, open())
	l.more(t, 100)
	harm()
	t.Logf("commands were accepted again after %v", l.more(t, 1))
	l.more(t, 100)
	l.end()

	missing := func() (ids []string) {
		w.mu.Lock()
		defer w.mu.Unlock()
		for _, id := range l.accepted {
			if w.done[id] == nil {
				ids = append(ids, id)
			}
		}
		return ids
	}
	until(t, "every accepted command is carried out", func() bool { return len(missing()) == 0 })
	s := open()
	untilEmpty(t, s)
	w.mu.Lock()
	defer w.mu.Unlock()
	numbers := map[int]string{}
	for id, of := range w.done {
		if len(of) != 1 {
			t.Errorf("%s has the messages %v", id, of)
		}
		for n := range of {
			if other := numbers[n]; other != "" {
				t.Errorf("#%d is that of %s and of %s", n, id, other)
			}
			numbers[n] = id
		}
	}
	for n := 1; n <= len(numbers); n++ {
		if numbers[n] == "" {
			t.Errorf("there is no #%d of %d", n, len(numbers))
		}
	}
	accepted, refused := l.count()
	t.Logf("%d commands accepted, %d refused, %d carried out", accepted, refused, len(w.done))
}

func TestAMasterThatDiesBehindSentinels(t *testing.T) {
	need.Slow(t)
	t.Parallel()
	r := storetest.NewReplicated(t, 3)
	url := r.URL()
	s := openWith(t, Options{URL: url})
	if got := must(s.Deployment(t.Context()))(t); got != "Sentinel, master whoread-master" {
		t.Errorf("it is %q", got)
	}
	survives(t, func() *Store { return openWith(t, Options{URL: url}) }, r.Master.Kill)
	if role := r.Replica.Info("role"); role != "master" {
		t.Errorf("the replica is a %s", role)
	}
}

// A Sentinel that answers nothing any more, and closes nothing, must not keep the
// way to the master closed while others know it.
func TestASentinelThatHangs(t *testing.T) {
	need.Slow(t)
	t.Parallel()
	r := storetest.NewReplicated(t, 2)
	s := openWith(t, Options{URL: r.URL()})
	if err := s.Ping(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, sentinel := range r.Sentinels {
		if !strings.Contains(fmt.Sprint(sentinel.Do("CLIENT", "LIST")), "cmd=subscribe") {
			continue // not the one in use
		}
		sentinel.Hang()
		break
	}
	r.Master.Do("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
	began := time.Now()
	until(t, "the way to the master is found", func() bool {
		ctx, cancel := context.WithTimeout(t.Context(), acceptEach)
		defer cancel()
		return s.Ping(ctx) == nil
	})
	t.Logf("found after %v", time.Since(began))
}

func TestTheMainPathsOnAClusterOfThree(t *testing.T) {
	t.Parallel()
	c := storetest.NewClustered(t, false)
	s := openWith(t, Options{URL: c.URL()})
	mainPaths(t, s)
	for i, master := range c.Masters {
		if n := master.Do("DBSIZE").(int64); n == 0 {
			t.Errorf("master %d holds nothing", i)
		}
	}
	one := strings.Split(c.URL(), "?")[0]
	for name, o := range map[string]Options{
		"addresses as an option": {URL: one, Addrs: []string{c.Masters[1].Address()}},
		"one address":            {URL: one + "?cluster=true"},
	} {
		s := openWith(t, o)
		if err := s.Ping(t.Context()); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if got := must(s.Deployment(t.Context()))(t); got != "Cluster, masters: 3" {
			t.Errorf("%s: it is %q", name, got)
		}
	}
}

func TestAMasterOfAClusterThatDies(t *testing.T) {
	need.Slow(t)
	t.Parallel()
	c := storetest.NewClustered(t, true)
	open := func() *Store { return openWith(t, Options{URL: c.URL()}) }
	survives(t, open, c.Masters[c.Of(open().keys.inbox().stream())].Kill)
}

// Slots can be moved to another master while the bot works.
func TestASlotThatMoves(t *testing.T) {
	need.Slow(t)
	t.Parallel()
	c := storetest.NewClustered(t, false)
	open := func() *Store { return openWith(t, Options{URL: c.URL()}) }
	stream := open().keys.inbox().stream()
	survives(t, open, func() {
		slot := c.Masters[0].Do("CLUSTER", "KEYSLOT", stream)
		from, to := c.Masters[c.Of(stream)], c.Masters[(c.Of(stream)+1)%3]
		host, port, _ := strings.Cut(to.Address(), ":")
		to.Do("CLUSTER", "SETSLOT", slot, "IMPORTING", from.Do("CLUSTER", "MYID"))
		from.Do("CLUSTER", "SETSLOT", slot, "MIGRATING", to.Do("CLUSTER", "MYID"))
		for keys, _ := from.Do("CLUSTER", "GETKEYSINSLOT", slot, 100).([]any); len(keys) > 0; keys, _ = from.Do("CLUSTER", "GETKEYSINSLOT", slot, 100).([]any) {
			from.Do(append([]any{"MIGRATE", host, port, "", 0, 5000, "AUTH", to.Password(), "KEYS"}, keys...)...)
		}
		for _, master := range c.Masters {
			master.Do("CLUSTER", "SETSLOT", slot, "NODE", to.Do("CLUSTER", "MYID"))
		}
	})
}

// With nothing on disk, a restart loses commands and numbers; that is told in the
// README. What comes afterwards must go well: the consumer group is made again and
// the scripts are loaded again.
func TestARestartThatLosesEverything(t *testing.T) {
	t.Parallel()
	server := storetest.Own(t)
	s := openWith(t, Options{URL: server.URL()})
	mainPaths(t, s)
	worker := noted{make(chan receipts.Job, 10)}
	start(t, s.Inbox(DefaultInboxOptions(), zap.NewNop()), worker)
	accept(t, s, "before")
	receive(t, worker.jobs, "command before")

	server.Kill()
	inbox := s.Inbox(quick(), zap.NewNop())
	if _, err := inbox.Accept(t.Context(), command("meanwhile", "command")); TroubleOf(err) != Unreachable {
		t.Errorf("without Redis: %q, %v", TroubleOf(err), err)
	}
	server.Restart()
	until(t, "commands are accepted", func() bool {
		_, err := inbox.Accept(t.Context(), command("after", "after"))
		return err == nil
	})
	if got := receive(t, worker.jobs, "command after").ID; got != "after" {
		t.Errorf("got %q", got)
	}
	if m, _, err := s.Begin(t.Context(), draft("after")); m.Number != 1 || err != nil {
		t.Errorf("#%d, %v", m.Number, err)
	}
}

// A Redis that hangs must not hold a frame's acknowledgement up.
func TestARedisThatHangs(t *testing.T) {
	t.Parallel()
	server := storetest.Own(t)
	s := openWith(t, Options{URL: server.URL()})
	worker := noted{make(chan receipts.Job, 10)}
	start(t, s.Inbox(DefaultInboxOptions(), zap.NewNop()), worker)
	inbox := s.Inbox(quick(), zap.NewNop())
	accept(t, s, "before")
	receive(t, worker.jobs, "command before")

	goOn := server.Hang()
	ctx, cancel := context.WithTimeout(t.Context(), acceptEach)
	defer cancel()
	began := time.Now()
	_, err := inbox.Accept(ctx, command("meanwhile", "meanwhile"))
	if took := time.Since(began); TroubleOf(err) != Unreachable || took > 2*acceptEach {
		t.Errorf("after %v: %q, %v", took, TroubleOf(err), err)
	}
	goOn()
	accept(t, s, "after")
	for got := ""; got != "after"; { // "meanwhile" may come too: Redis may have heard of it
		got = receive(t, worker.jobs, "command after").ID
	}
}

// A cluster's client repeats what it got no answer to, as that of a single Redis.
func TestALostAnswerOfAClusterChangesNothing(t *testing.T) {
	t.Parallel()
	url := storetest.Cluster(t)
	p := storetest.NewProxy(t, url)
	options := must(redis.ParseURL(url))(t)
	admin := redis.NewClient(options)
	t.Cleanup(func() { _ = admin.Close() })
	front := must(redis.ParseURL(p.URL()))(t)
	_, port, _ := strings.Cut(front.Addr, ":")
	if err := admin.ConfigSet(t.Context(), "cluster-announce-port", port).Err(); err != nil {
		t.Fatal(err)
	}
	s, ctx := openWith(t, Options{URL: p.URL() + "?cluster=true"}), t.Context()
	inbox := s.Inbox(quick(), nil)
	accept(t, s, "before") // the script is known from here on
	sent(t, s, group, "before", "key")
	for n := range 5 {
		id := fmt.Sprint("lost ", n)
		p.LoseReply()
		if fresh, err := inbox.Accept(ctx, command(id, "command")); !fresh || err != nil || !p.ReplyLost() {
			t.Errorf("Accept: %v, %v", fresh, err)
		}
		p.LoseReply()
		if m, again, err := s.Begin(ctx, draft(id)); m.Number != n+2 || again || err != nil || !p.ReplyLost() {
			t.Errorf("Begin: #%d, %v, %v", m.Number, again, err)
		}
	}
	if got := length(t, s); got != 6 {
		t.Errorf("%d commands in the inbox", got)
	}
}

// refusing is a harm to a Redis that makes it refuse writes.
func refusing(t *testing.T, s *Store, want Trouble, refuse, relent func()) {
	t.Helper()
	ctx := t.Context()
	worker := noted{make(chan receipts.Job, 10)}
	start(t, s.Inbox(DefaultInboxOptions(), zap.NewNop()), worker)
	accept(t, s, "before")
	receive(t, worker.jobs, "command before")
	before := must(s.Recent(ctx, group, 10))(t)

	refuse()
	inbox := s.Inbox(quick(), zap.NewNop())
	for range 3 {
		if fresh, err := inbox.Accept(ctx, command("refused", "refused")); fresh || TroubleOf(err) != want {
			t.Errorf("Accept: %v, %q, %v", fresh, TroubleOf(err), err)
		}
		if _, _, err := s.Begin(ctx, draft("refused")); TroubleOf(err) != want {
			t.Errorf("Begin: %q, %v", TroubleOf(err), err)
		}
		if err := s.Ping(ctx); TroubleOf(err) != want {
			t.Errorf("Ping: %q, %v", TroubleOf(err), err)
		}
	}
	if diff := cmp.Diff(before, must(s.Recent(ctx, group, 10))(t)); diff != "" {
		t.Errorf("something was written (-want +got):\n%s", diff)
	}

	relent()
	until(t, "commands are accepted", func() bool {
		_, err := inbox.Accept(ctx, command("after", "after"))
		return err == nil
	})
	if got := receive(t, worker.jobs, "command after").ID; got != "after" {
		t.Errorf("got %q", got)
	}
	if m, again, err := s.Begin(ctx, draft("refused")); m.Number != len(before)+1 || again || err != nil {
		t.Errorf("#%d, again %v, %v", m.Number, again, err)
	}
}

func TestOutOfMemoryNothingIsAcceptedUntilThereIsSome(t *testing.T) {
	t.Parallel()
	server := storetest.Own(t, "--maxmemory-policy", "noeviction")
	s := openWith(t, Options{URL: server.URL()})
	sent(t, s, group, "msg1", "key1")
	refusing(t, s, OutOfMemory,
		func() { server.Do("CONFIG", "SET", "maxmemory", "1") },
		func() { server.Do("CONFIG", "SET", "maxmemory", "0") })
}

// What was accepted before is taken out when it is done, though there is no memory
// for anything new.
func TestOutOfMemoryWhatIsDoneGoesOut(t *testing.T) {
	t.Parallel()
	server := storetest.Own(t)
	s := openWith(t, Options{URL: server.URL()})
	accept(t, s, "waiting")
	i := s.Inbox(quick(), nil)
	if err := i.createGroup(t.Context(), i.people()); err != nil {
		t.Fatal(err)
	}
	server.Do("CONFIG", "SET", "maxmemory", "1")
	worker := noted{make(chan receipts.Job, 10)}
	start(t, s.Inbox(quick(), zap.NewNop()), worker)
	receive(t, worker.jobs, "command")
	untilEmpty(t, s)
}

func TestAReadOnlyReplicaAcceptsNothingUntilItIsPromoted(t *testing.T) {
	t.Parallel()
	master, server := storetest.Own(t), storetest.Own(t)
	s := openWith(t, Options{URL: server.URL()})
	sent(t, s, group, "msg1", "key1")
	host, port, _ := strings.Cut(master.Address(), ":")
	refusing(t, s, ReadOnly,
		// Its master does not let it in: it keeps what it has.
		func() { server.Do("CONFIG", "SET", "masterauth", "wrong"); server.Do("REPLICAOF", host, port) },
		func() { server.Do("REPLICAOF", "NO", "ONE") })
}

// troubled returns what Ping says. On a machine that is busy with other tests a
// connection may take longer than a dial may: then it is asked again.
func troubled(t *testing.T, s *Store, want Trouble) (err error) {
	t.Helper()
	for range 5 {
		err = s.Ping(t.Context())
		if got := TroubleOf(err); got == want || got != Unreachable {
			break
		}
	}
	return err
}

func TestTLS(t *testing.T) {
	t.Parallel()
	server := storetest.NewSecured(t, "127.0.0.1")
	secured := openWith(t, Options{URL: server.URL(), CAs: server.CAs})
	if err := troubled(t, secured, OtherTrouble); err != nil {
		t.Fatal(err)
	}
	mainPaths(t, secured)
	for name, c := range map[string]struct {
		o    Options
		want Trouble
	}{
		"nobody vouches":          {Options{URL: server.URL()}, UntrustedTLS},
		"another authority":       {Options{URL: server.URL(), CAs: storetest.NewSecured(t, "127.0.0.1").CAs}, UntrustedTLS},
		"not with TLS":            {Options{URL: strings.Replace(server.URL(), "rediss:", "redis:", 1)}, HangsUp},
		"without TLS on its side": {Options{URL: strings.Replace(server.Server.URL(), "redis:", "rediss:", 1), CAs: server.CAs}, Unreachable},
		"by another name":         {Options{URL: strings.Replace(server.URL(), "127.0.0.1", "localhost", 1), CAs: server.CAs}, WrongName},
	} {
		s := openWith(t, c.o)
		err := troubled(t, s, c.want)
		if got := TroubleOf(err); got != c.want {
			t.Errorf("%s: %q, want %q: %v", name, got, c.want, err)
		}
		if err != nil && strings.Contains(err.Error(), server.Password()) {
			t.Errorf("%s: the password is in: %v", name, err)
		}
	}
}

func TestTroubles(t *testing.T) {
	t.Parallel()
	server := storetest.Own(t)
	server.Do("ACL", "SETUSER", "reader", "on", ">secret-of-reader", "~*", "+@read")
	replicated := storetest.NewReplicated(t, 1)
	locked := storetest.Own(t)
	locked.Do("CONFIG", "SET", "requirepass", "")
	web := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(web.Close)
	at := func(user, query string) string { return "redis://" + user + "@" + server.Address() + query }
	sentinel := "redis://:" + replicated.Master.Password() + "@" + replicated.Sentinels[0].Address()
	password := ":" + server.Password()
	for name, c := range map[string]struct {
		url  string
		want Trouble
	}{
		"fine":                       {at(password, ""), OtherTrouble},
		"no password":                {"redis://" + server.Address(), NoPassword},
		"wrong password":             {at(":secret-guess", ""), WrongPassword},
		"wrong user":                 {at("nobody:secret-guess", ""), WrongPassword},
		"not permitted":              {at("reader:secret-of-reader", ""), NotPermitted},
		"nobody there":               {"redis://:secret-guess@127.0.0.1:1", Unreachable},
		"no such host":               {"redis://:secret-guess@redis.invalid", NoSuchHost},
		"another protocol":           {"redis://:secret-guess@" + web.Listener.Addr().String(), NoRedis},
		"no such database":           {at(password, "/99"), NoSuchDatabase},
		"no cluster":                 {at(password, "?cluster=true"), IsNoCluster},
		"a Sentinel":                 {"redis://:" + replicated.SentinelPassword + "@" + replicated.Sentinels[0].Address(), IsSentinel},
		"unknown master":             {sentinel + "?master_name=other&sentinel_password=" + replicated.SentinelPassword, UnknownMaster},
		"wrong Sentinel password":    {sentinel + "?master_name=whoread-master&sentinel_password=secret-guess", WrongPassword},
		"no Sentinel password":       {sentinel + "?master_name=whoread-master", NoPassword},
		"all Sentinels unreachable":  {"redis://127.0.0.1:1?master_name=x&addr=127.0.0.1:2", Unreachable},
		"all of a cluster not there": {"redis://127.0.0.1:1?addr=127.0.0.1:2", Unreachable},
	} {
		s := openWith(t, Options{URL: c.url})
		err := troubled(t, s, c.want)
		if got := TroubleOf(err); got != c.want {
			t.Errorf("%s: %q, want %q: %v", name, got, c.want, err)
		}
		if err != nil && (strings.Contains(err.Error(), "secret") || strings.Contains(err.Error(), server.Password())) {
			t.Errorf("%s: a secret is in: %v", name, err)
		}
	}
}

// aclRule is the line of the README that says what a user needs.
func aclRule(t *testing.T, user string) []string {
	t.Helper()
	readme, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	found := regexp.MustCompile(`(?m)^ *ACL SETUSER ` + user + ` on >PASSWORD (.*)$`).FindSubmatch(readme)
	if found == nil {
		t.Fatalf("the README has no ACL SETUSER %s", user)
	}
	return strings.Fields(string(found[1]))
}

// may gives a user, whose password is "secret", these rights.
func may(server *storetest.Server, user string, rights ...string) {
	set := []any{"ACL", "SETUSER", user, "on", ">secret"}
	for _, right := range rights {
		set = append(set, right)
	}
	server.Do(set...)
}

// refused fails the test if a user was refused something.
func refused(t *testing.T, server *storetest.Server) {
	t.Helper()
	if log, _ := server.Do("ACL", "LOG").([]any); len(log) != 0 {
		t.Errorf("the ACL refused: %v", log)
	}
}

// allNeeded fails the test if a rule lets a user use a command that the server was never
// given.
func allNeeded(t *testing.T, server *storetest.Server, rule []string) {
	t.Helper()
	used := fmt.Sprint(server.Do("INFO", "commandstats"))
	for _, right := range rule {
		if command, ok := strings.CutPrefix(right, "+"); ok && !strings.Contains(used, "cmdstat_"+command+":") {
			t.Errorf("nothing needs %s", right)
		}
	}
}

// The user needs no more than the README says, also where a script takes a way
// that this test does not.
func TestTheUserOfTheREADMEMayDoEverythingThatIsNeeded(t *testing.T) {
	t.Parallel()
	rule := aclRule(t, "whoread")
	scripts, err := os.ReadDir("scripts")
	if err != nil {
		t.Fatal(err)
	}
	for _, script := range scripts {
		source, err := os.ReadFile("scripts/" + script.Name())
		if err != nil {
			t.Fatal(err)
		}
		for _, call := range regexp.MustCompile(`redis\.p?call\('(\w+)'(?:, '(\w+)')?`).FindAllSubmatch(source, -1) {
			command := "+" + strings.ToLower(string(call[1]))
			whole := command + "|" + strings.ToLower(string(call[2]))
			if !slices.Contains(rule, command) && !slices.Contains(rule, whole) {
				t.Errorf("%s needs %s, which the README's rule has not", script.Name(), command)
			}
		}
	}
	t.Run("single", func(t *testing.T) {
		t.Parallel()
		server := storetest.Own(t)
		may(server, "whoread", rule...)
		s := openWith(t, Options{URL: "redis://whoread:secret@" + server.Address() + "/1"})
		must(s.Version(t.Context()))(t)
		mainPaths(t, s)
		refused(t, server)
		allNeeded(t, server, rule)
		for _, forbidden := range [][]any{{"GET", "other"}, {"FLUSHALL"}, {"KEYS", "*"}, {"CONFIG", "GET", "*"}, {"SCRIPT", "FLUSH"}, {"PUBLISH", "a", "b"}} {
			if err := s.rdb.Do(t.Context(), forbidden...).Err(); !redis.IsPermissionError(err) {
				t.Errorf("%v: %v", forbidden, err)
			}
		}
	})
	t.Run("Cluster", func(t *testing.T) {
		t.Parallel()
		c := storetest.NewClustered(t, false)
		for _, master := range c.Masters {
			may(master, "whoread", append(rule, "+cluster|slots")...)
		}
		mainPaths(t, openWith(t, Options{URL: strings.Replace(c.URL(), "redis://:"+c.Masters[0].Password(), "redis://whoread:secret", 1)}))
		for _, master := range c.Masters {
			refused(t, master)
		}
	})
	t.Run("Sentinel", func(t *testing.T) {
		t.Parallel()
		r := storetest.NewReplicated(t, 1)
		may(r.Master, "whoread", rule...)
		may(r.Sentinels[0], "watcher", "+sentinel|get-master-addr-by-name", "+sentinel|sentinels", "+subscribe", "+ping", "&*")
		s := openWith(t, Options{
			URL: "redis://whoread:secret@" + r.Sentinels[0].Address(), MasterName: r.Name, SentinelUsername: "watcher", SentinelPassword: "secret",
		})
		mainPaths(t, s)
		refused(t, r.Master)
		refused(t, r.Sentinels[0])
	})
}

// Whoever erases needs rights that the bot has not, and few of those that it has.
func TestTheUserOfTheREADMEMayErase(t *testing.T) {
	t.Parallel()
	rule := aclRule(t, "whoread-forget")
	erase := func(t *testing.T, s *Store) {
		t.Helper()
		if n, err := s.ForgetUser(t.Context(), leaver, false); n == 0 || err != nil {
			t.Errorf("person: %d, %v", n, err)
		}
		if n, err := s.ForgetGroup(t.Context(), group, false); n == 0 || err != nil {
			t.Errorf("group: %d, %v", n, err)
		}
		inbox := s.Inbox(quick(), zap.NewNop())
		if jobs, err := inbox.Scheduled(t.Context(), group); len(jobs) != 1 || err != nil {
			t.Errorf("schedule: %v, %v", jobs, err)
		}
		if n, err := inbox.Cancel(t.Context(), "due"); n != 1 || err != nil {
			t.Errorf("schedule: %d, %v", n, err)
		}
	}
	prepare := func(t *testing.T, s *Store) {
		t.Helper()
		fillWith(t, s, group)
		if err := s.Inbox(quick(), zap.NewNop()).Schedule(t.Context(), dueAt(noon, "due")); err != nil {
			t.Fatal(err)
		}
	}
	t.Run("single", func(t *testing.T) {
		t.Parallel()
		server := storetest.Own(t)
		prepare(t, openWith(t, Options{URL: fmt.Sprintf("redis://:%s@%s/1", server.Password(), server.Address())}))
		server.Do("CONFIG", "RESETSTAT")
		may(server, "whoread-forget", rule...)
		erase(t, openWith(t, Options{URL: "redis://whoread-forget:secret@" + server.Address() + "/1"}))
		refused(t, server)
		allNeeded(t, server, rule)

		may(server, "whoread", aclRule(t, "whoread")...)
		if _, err := openWith(t, Options{URL: "redis://whoread:secret@" + server.Address()}).ForgetUser(t.Context(), leaver, true); TroubleOf(err) != NotPermitted {
			t.Errorf("the bot's user: %v", err)
		}
	})
	t.Run("Cluster", func(t *testing.T) {
		t.Parallel()
		c := storetest.NewClustered(t, false)
		prepare(t, openWith(t, Options{URL: c.URL()}))
		for _, master := range c.Masters {
			may(master, "whoread-forget", append(rule, "+cluster|slots")...)
		}
		erase(t, openWith(t, Options{URL: strings.Replace(c.URL(), "redis://:"+c.Masters[0].Password(), "redis://whoread-forget:secret", 1)}))
		for _, master := range c.Masters {
			refused(t, master)
		}
	})
}
