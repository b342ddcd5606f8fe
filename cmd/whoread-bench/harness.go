package main

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	"whoread/cmd/internal/app"
	"whoread/cmd/internal/config"
	"whoread/cmd/internal/demo"
	"whoread/cmd/internal/ops"
	"whoread/receipts/dingtalk/dingtalktest"
	"whoread/store"
)

// harness is a bot in this process, as 'whoread run' has it, with a DingTalk of its own
// and what is measured at its ends.
type harness struct {
	*dingtalktest.Server
	records *store.Store // the bot's, by a connection of its own
	inbox   *store.Inbox
	admin   dingtalktest.Person
	wire    *transport
	app     *app.App
	config  config.Config
	trips   *tripCount
	end     []func() error // in reverse
}

// harnessOptions are how a stage differs from the usual.
type harnessOptions struct {
	dingtalk dingtalktest.Options
	travels  bool          // it goes by the DingTalk's clock, which may be turned
	due      time.Duration // between two searches for what is due; 0: all the time if it travels
	config   func(*config.Config)
}

// open starts a stage; close ends it, and removes what it wrote.
func (b *bench) open(ctx context.Context, o harnessOptions) (s *harness, err error) {
	o.dingtalk.CallsPerSecond = -1
	o.dingtalk.Tidy = true // what is measured is the same in every run
	s = &harness{Server: dingtalktest.New(o.dingtalk), trips: new(tripCount)}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.close())
		}
	}()
	s.end = append(s.end, s.Close)
	if err := s.Listen("127.0.0.1:0"); err != nil {
		return s, err
	}
	s.wire = &transport{next: &http.Transport{MaxIdleConnsPerHost: 20}}
	s.end = append(s.end, func() error { s.wire.next.CloseIdleConnections(); return nil })
	c := demo.Config(s.Server)
	c.Redis.URL, c.Redis.KeyPrefix = config.RedisURL(b.redis), keyPrefix+rand.Text()
	s.end = append(s.end, func() error { return b.sweepKeys(ctx, c.Redis.KeyPrefix) })
	if o.config != nil {
		o.config(&c)
	}
	t := app.Env{Now: time.Now, DueEvery: time.Hour, Hook: s.trips, Transport: s.wire}
	if o.travels {
		t.Now, t.DueEvery = s.Clock().Now, cmp.Or(o.due, time.Millisecond)
	}
	a, err := app.New(c, t, b.log, ops.NewMetrics("bench"))
	if err != nil {
		return s, err
	}
	s.app, s.config = a, c
	s.end = append(s.end, a.Close)
	if s.records, err = app.OpenStore(c, nil, nil); err != nil {
		return s, err
	}
	s.end = append(s.end, s.records.Close)
	s.inbox = s.records.Inbox(store.DefaultInboxOptions(), b.log)
	running, stop := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { ended <- a.Run(running) }()
	s.end = append(s.end, func() error { stop(); return <-ended })
	s.admin = s.AddPerson(dingtalktest.Person{Name: "李雷", Admin: true})
	return s, s.AwaitConnections(ctx, 1)
}

// slowDown has the bot make no more calls a second from now on.
func (s *harness) slowDown(calls int) error {
	s.config.Budget.CallsPerSecond = calls
	return s.app.Apply(s.config, false)
}

func (s *harness) close() error {
	var failures []error
	for i := len(s.end) - 1; i >= 0; i-- {
		failures = append(failures, s.end[i]())
	}
	return errors.Join(failures...)
}

// crowd is a group of the administrator and n-1 other people.
func (s *harness) crowd(n int) (*dingtalktest.Group, []dingtalktest.Person) {
	people := []dingtalktest.Person{s.admin}
	for i := len(people); i < n; i++ {
		people = append(people, s.AddPerson(dingtalktest.Person{UserID: fmt.Sprintf("manager%05d", i), Name: fmt.Sprintf("员工%05d", i)}))
	}
	return s.AddGroup(dingtalktest.GroupOptions{Title: "全体员工"}, people...), people
}

// ask says something to the bot and waits for its reply. It returns when the reply was
// on its way, and how much of the time since was DingTalk's.
func (s *harness) ask(ctx context.Context, g *dingtalktest.Group, text string) (took, theirs time.Duration, err error) {
	replied := s.wire.await()
	began := time.Now()
	if _, err := g.Say(s.admin, dingtalktest.Say{Text: text}); err != nil {
		return 0, 0, err
	}
	ctx, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	select {
	case reply := <-replied:
		return reply.at.Sub(began), reply.theirs, nil
	case <-ctx.Done():
		return 0, 0, fmt.Errorf("no reply to %q: %w", text, ctx.Err())
	}
}

// announce announces something and returns its message.
func (s *harness) announce(ctx context.Context, g *dingtalktest.Group, title string) (dingtalktest.Message, error) {
	if _, _, err := s.ask(ctx, g, "公告 "+title); err != nil {
		return dingtalktest.Message{}, err
	}
	var last dingtalktest.Message
	for _, m := range g.Messages() {
		if m.Via == dingtalktest.ViaSend {
			last = m
		}
	}
	if last.Title != title {
		return last, fmt.Errorf("%q was not announced", title)
	}
	return last, nil
}

// transport watches the calls of DingTalk: when the next reply goes out, and how long the
// calls before it took.
type transport struct {
	next *http.Transport

	mu      sync.Mutex
	busy    int       // calls that are under way
	since   time.Time // when the first of them began
	theirs  time.Duration
	replied chan<- reply
}

type reply struct {
	at     time.Time
	theirs time.Duration
}

// await returns where the next reply is told of.
func (w *transport) await() <-chan reply {
	told := make(chan reply, 1)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.theirs, w.replied = 0, told
	return told
}

// RoundTrip implements http.RoundTripper.
func (w *transport) RoundTrip(r *http.Request) (*http.Response, error) {
	w.begin(strings.Contains(r.URL.Path, "sendBySession"))
	response, err := w.next.RoundTrip(r)
	if err != nil {
		w.done()
		return nil, err
	}
	response.Body = &watchedBody{response.Body, sync.OnceFunc(w.done)}
	return response, nil
}

func (w *transport) begin(isReply bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	now := time.Now()
	if isReply && w.replied != nil {
		w.replied <- reply{now, w.theirs}
		w.replied = nil
	}
	if w.busy == 0 {
		w.since = now
	}
	w.busy++
}

func (w *transport) done() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.busy--; w.busy == 0 {
		w.theirs += time.Since(w.since)
	}
}

// watchedBody tells when an answer was read to its end.
type watchedBody struct {
	io.ReadCloser
	done func()
}

func (b *watchedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err != nil {
		b.done()
	}
	return n, err
}

func (b *watchedBody) Close() error {
	b.done()
	return b.ReadCloser.Close()
}

// tripCount is a redis.Hook that counts round trips, but for those that wait for work.
type tripCount struct {
	mu sync.Mutex
	n  int
}

func (c *tripCount) add(first redis.Cmder) {
	if first.Name() == "xreadgroup" {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.n++
}

// take returns how many there were since the last time.
func (c *tripCount) take() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := c.n
	c.n = 0
	return n
}

// DialHook implements redis.Hook.
func (*tripCount) DialHook(next redis.DialHook) redis.DialHook { return next }

// ProcessHook implements redis.Hook.
func (c *tripCount) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		c.add(cmd)
		return next(ctx, cmd)
	}
}

// ProcessPipelineHook implements redis.Hook.
func (c *tripCount) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		c.add(cmds[0])
		return next(ctx, cmds)
	}
}

// answerTimeout is how long a reply is waited for.
const answerTimeout = 30 * time.Second

// keyPrefix begins the prefix of everything that is written to Redis.
const keyPrefix = "whoread-bench-"

// client is a bare client of the Redis.
func (b *bench) client() (*redis.Client, error) {
	options, err := redis.ParseURL(b.redis)
	if err != nil {
		return nil, errors.New("--redis is no redis:// URL") // which may hold a password
	}
	return redis.NewClient(options), nil
}

// sweepKeys removes what was written below the prefix.
func (b *bench) sweepKeys(ctx context.Context, prefix string) error {
	if b.redis == store.Memory {
		return nil
	}
	rdb, err := b.client()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute) // also where the bench is cut off
	defer cancel()
	var keys []string
	found := rdb.Scan(ctx, 0, "{"+prefix+":*", 10_000).Iterator()
	for found.Next(ctx) {
		if keys = append(keys, found.Val()); len(keys) == 1_000 {
			if err := rdb.Unlink(ctx, keys...).Err(); err != nil {
				return errors.Join(err, rdb.Close())
			}
			keys = nil
		}
	}
	err = found.Err()
	if len(keys) > 0 {
		err = errors.Join(err, rdb.Unlink(ctx, keys...).Err())
	}
	return errors.Join(err, rdb.Close())
}

// redisServer is a Redis that ends with the bench.
type redisServer struct {
	url     string
	process *exec.Cmd
}

// startRedis starts a redis-server on a free port of this machine, with a password and
// without anything on disk.
func startRedis(ctx context.Context) (*redisServer, error) {
	if _, err := exec.LookPath("redis-server"); err != nil {
		return nil, errors.New("there is no redis-server to measure with: install one (apt install redis-server), or name a Redis with --redis redis://host:port")
	}
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	port := l.Addr().(*net.TCPAddr).Port
	if err := l.Close(); err != nil {
		return nil, err
	}
	password := rand.Text()
	s := &redisServer{
		url:     fmt.Sprintf("redis://:%s@127.0.0.1:%d/0", password, port),
		process: exec.CommandContext(ctx, "redis-server", "-"),
	}
	// The configuration comes in a pipe, so that the password stands nowhere.
	s.process.Stdin = strings.NewReader(strings.Join([]string{
		"bind 127.0.0.1", "port " + strconv.Itoa(port), "requirepass " + password, `save ""`, "appendonly no",
	}, "\n") + "\n")
	if err := s.process.Start(); err != nil {
		return nil, err
	}
	b := &bench{redis: s.url}
	rdb, err := b.client()
	if err != nil {
		return nil, err
	}
	defer func() { _ = rdb.Close() }()
	for deadline := time.Now().Add(5 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		if err = rdb.Ping(ctx).Err(); err == nil {
			return s, nil
		}
		if time.Now().After(deadline) {
			s.stop()
			return nil, fmt.Errorf("redis-server does not answer: %w", err)
		}
	}
}

func (s *redisServer) stop() {
	_ = s.process.Process.Kill()
	_ = s.process.Wait() // it was killed: that is no failure
}
