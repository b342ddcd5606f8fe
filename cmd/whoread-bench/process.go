package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/redis/go-redis/v9"
	"golang.org/x/sync/errgroup"

	"whoread/receipts"
	"whoread/receipts/dingtalk/dingtalktest"
	"whoread/store"
)

// child is whoread as a process of its own, as an administrator runs it.
type child struct {
	*exec.Cmd
	began time.Time
}

// childConnections are those of the default configuration.
const childConnections = 2

// start runs the bot with the configuration, and returns once all its connections are up.
func (b *bench) start(ctx context.Context, d *dingtalktest.Server, config string) (*child, error) {
	c := &child{Cmd: exec.CommandContext(ctx, b.program, "run", "--config", config)}
	c.Stderr = os.Stderr
	c.began = time.Now()
	if err := c.Start(); err != nil {
		return nil, err
	}
	waiting, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	if err := d.AwaitConnections(waiting, childConnections); err != nil {
		return nil, errors.Join(fmt.Errorf("the bot does not connect: %w", err), c.end())
	}
	return c, nil
}

// end ends the process as an init system would.
func (c *child) end() error {
	return errors.Join(c.Process.Signal(syscall.SIGTERM), c.Wait())
}

// writeConfig writes the configuration of a child. It holds secrets, as the Redis's
// password, and is removed with the folder.
func (b *bench) writeConfig(folder string, d *dingtalktest.Server, prefix string) (string, error) {
	app := d.App()
	file := filepath.Join(folder, "whoread.yaml")
	return file, os.WriteFile(file, fmt.Appendf(nil, `
dingtalk: {client_id: %s, client_secret: %s, robot_code: %s, api_url: "%s", oapi_url: "%s"}
redis: {url: "%s", key_prefix: "%s"}
http: {listen: off}
log: {level: error}
`, app.ClientID, app.ClientSecret, app.RobotCode, d.URL(), d.URL(), b.redis, prefix), 0o600)
}

// withChild calls do with a DingTalk and the configuration of a child that uses it.
func (b *bench) withChild(ctx context.Context, do func(d *dingtalktest.Server, config, prefix string) error) (err error) {
	if err := b.buildProgram(ctx); err != nil {
		return err
	}
	folder, err := os.MkdirTemp("", "whoread-bench")
	if err != nil {
		return err
	}
	prefix := keyPrefix + rand.Text()
	defer func() { err = errors.Join(err, os.RemoveAll(folder), b.sweepKeys(ctx, prefix)) }()
	d := dingtalktest.New(dingtalktest.Options{CallsPerSecond: -1, Tidy: true})
	if err := d.Listen("127.0.0.1:0"); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.Close()) }()
	config, err := b.writeConfig(folder, d, prefix)
	if err != nil {
		return err
	}
	return do(d, config, prefix)
}

// benchStart measures the time from exec to both connections, and the program's size.
func (b *bench) benchStart(ctx context.Context) error {
	err := b.withChild(ctx, func(d *dingtalktest.Server, config, _ string) error {
		var took []float64
		for range b.pick(7, 1) {
			c, err := b.start(ctx, d, config)
			if err != nil {
				return err
			}
			took = append(took, milliseconds(time.Since(c.began)))
			if err := c.end(); err != nil {
				return err
			}
			if err := d.AwaitConnections(ctx, 0); err != nil {
				return err
			}
		}
		b.report(figure{Bench: "start", What: "from exec to both connections up", Value: median(took), Unit: "ms"}.
			aim("at most 200 ms", median(took) <= 200))
		return nil
	})
	if err != nil {
		return err
	}
	info, err := os.Stat(b.program)
	if err != nil {
		return err
	}
	b.report(figure{Bench: "start", What: "size of the program", Value: float64(info.Size()) / 1e6, Unit: "MB"})
	return nil
}

// benchMemory measures the resident size of an idle bot, before and after there is a
// long history in Redis.
func (b *bench) benchMemory(ctx context.Context) error {
	if runtime.GOOS != "linux" {
		b.report(figure{Bench: "memory", What: "resident size (measured on Linux only)"})
		return nil
	}
	groups, perGroup := b.pick(1_000, 20), b.pick(100, 20)
	const members = 100
	return b.withChild(ctx, func(d *dingtalktest.Server, config, prefix string) (err error) {
		admin := d.AddPerson(dingtalktest.Person{UserID: "admin", Name: "李雷", Admin: true})
		people := []dingtalktest.Person{admin}
		for i := 1; i < members; i++ {
			people = append(people, d.AddPerson(dingtalktest.Person{UserID: fmt.Sprintf("manager%05d", i), Name: fmt.Sprintf("员工%05d", i)}))
		}
		var known []*dingtalktest.Group
		for i := range groups {
			known = append(known, d.AddGroup(dingtalktest.GroupOptions{ID: fmt.Sprintf("cid%05d", i)}, people...))
		}
		c, err := b.start(ctx, d, config)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, c.end()) }()
		idle, err := c.settledSize(ctx)
		if err != nil {
			return err
		}
		b.report(figure{Bench: "memory", What: "resident size, idle", Value: idle, Unit: "MB"}.aim("at most 40 MB", idle <= 40))
		// What it has served leaves its mark, whatever there is in Redis: mostly the first
		// time, so that it answers twice before its size is taken.
		var sizes []float64
		for _, round := range []struct{ messages, answers int }{{1, 80}, {perGroup, 40}} {
			if err := b.fill(ctx, prefix, groups, round.messages, people); err != nil {
				return err
			}
			for range round.answers / 40 {
				if err := askAbout(ctx, d, known[:10], admin); err != nil {
					return err
				}
			}
			size, err := c.settledSize(ctx)
			if err != nil {
				return err
			}
			sizes = append(sizes, size)
		}
		what := fmt.Sprintf("resident size after 120 answers, %d messages in %d groups of %d in Redis", groups*(perGroup+1), groups, members)
		f := figure{Bench: "memory", What: what, Value: sizes[1], Unit: "MB"}.against(sizes[0], fmt.Sprintf("after 80 answers, %d messages", groups))
		b.report(f.aim("at most 40 MB, 1.10 x", f.Value <= 40 && f.Ratio <= 1.10))
		return nil
	})
}

// askAbout has forty commands answered.
func askAbout(ctx context.Context, d *dingtalktest.Server, groups []*dingtalktest.Group, admin dingtalktest.Person) error {
	commands := []string{"列表", "谁没读", "谁读了 #1", "用量"}
	d.ResetCalls()
	for _, g := range groups {
		for _, text := range commands {
			if _, err := g.Say(admin, dingtalktest.Say{Text: text}); err != nil {
				return err
			}
		}
	}
	ctx, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	if err := d.Await(ctx, func() bool { return d.CallCount(dingtalktest.APIWebhook) >= len(groups)*len(commands) }); err != nil {
		return fmt.Errorf("answers about the history: %w", err)
	}
	return nil
}

// settledSize is the resident size in MB, once it does not shrink any more.
func (c *child) settledSize(ctx context.Context) (float64, error) {
	least := 0.0
	for quiet := 0; quiet < 5; quiet++ {
		select {
		case <-time.After(300 * time.Millisecond):
		case <-ctx.Done():
			return 0, ctx.Err()
		}
		status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", c.Process.Pid))
		if err != nil {
			return 0, err
		}
		_, rest, _ := strings.Cut(string(status), "\nVmRSS:")
		line, _, _ := strings.Cut(rest, "\n")
		kib, err := strconv.ParseFloat(strings.TrimSpace(strings.TrimSuffix(line, "kB")), 64)
		if err != nil {
			return 0, fmt.Errorf("read the resident size: %w", err)
		}
		if size := kib * 1024 / 1e6; least == 0 || size < least {
			least, quiet = size, 0
		}
	}
	return least, nil
}

// fill puts messages into Redis as the bot keeps them, which everybody has read.
func (b *bench) fill(ctx context.Context, prefix string, groups, perGroup int, people []dingtalktest.Person) (err error) {
	s, err := store.Open(store.Options{URL: b.redis, KeyPrefix: prefix, KeepFor: 24 * time.Hour})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	now := time.Now()
	audience := receipts.Members{Source: receipts.SceneGroup, At: now}
	for _, p := range people {
		audience.UserIDs = append(audience.UserIDs, p.UserID)
	}
	all, ctx := errgroup.WithContext(ctx)
	all.SetLimit(32)
	for i := range groups {
		all.Go(func() error {
			for n := range perGroup {
				if err := saveMessage(ctx, s, fmt.Sprintf("cid%05d", i), fmt.Sprintf("key%d-%d-%d", perGroup, i, n), audience, audience.UserIDs, now); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return all.Wait()
}

// saveMessage keeps a message as the bot does: recorded, sent, read.
func saveMessage(ctx context.Context, s *store.Store, group, key string, audience receipts.Members, readers []string, at time.Time) error {
	m, _, err := s.Begin(ctx, receipts.Draft{
		Group: group, Command: "msg" + key, Title: "周五 22:00 停机维护", Author: receipts.Person{UserID: "manager00001", Name: "李雷"}, At: at, Audience: &audience,
	})
	if err != nil {
		return err
	}
	if _, err := s.Mark(ctx, group, m.Number, receipts.Change{To: receipts.Sent, Key: key, SentAt: at}); err != nil {
		return err
	}
	times := make(map[string]time.Time, len(readers))
	for i, id := range readers {
		times[id] = at.Add(time.Duration(i) * time.Second)
	}
	_, err = s.SavePushedReads(ctx, group, key, times)
	return err
}

// benchRecords measures what one message takes in Redis.
func (b *bench) benchRecords(ctx context.Context) (err error) {
	const readers = 500
	prefix := keyPrefix + rand.Text()
	s, err := store.Open(store.Options{URL: b.redis, KeyPrefix: prefix, KeepFor: time.Hour})
	if err != nil {
		return err
	}
	rdb, err := b.client()
	if err != nil {
		return errors.Join(err, s.Close())
	}
	defer func() { err = errors.Join(err, s.Close(), rdb.Close(), b.sweepKeys(ctx, prefix)) }()
	audience := receipts.Members{Source: receipts.SceneGroup, At: time.Now()}
	bytes := 0
	for i := range readers {
		id := fmt.Sprintf("manager%05d", i)
		audience.UserIDs = append(audience.UserIDs, id)
		bytes += 2*len(id) + len("1700000000000")
	}
	if err := saveMessage(ctx, s, "cid", "key", audience, audience.UserIDs, time.Now()); err != nil {
		return err
	}
	total, saved := 0.0, 0.0
	var keys []string // before the unpacked copy is one of them
	found := rdb.Scan(ctx, 0, "{"+prefix+":group:*", 1_000).Iterator()
	for found.Next(ctx) {
		keys = append(keys, found.Val())
	}
	if err := found.Err(); err != nil {
		return err
	}
	for _, key := range keys {
		if strings.HasSuffix(key, ":readers") { // of the group, however many messages it has
			continue
		}
		usage, err := rdb.MemoryUsage(ctx, key, 0).Result()
		if err != nil {
			return err
		}
		total += float64(usage)
		if strings.HasSuffix(key, ":reads") {
			unpacked, err := unpackedUsage(ctx, rdb, key)
			if err != nil {
				return err
			}
			saved += float64(unpacked - usage)
		}
	}
	f := figure{Bench: "records", What: "Redis memory of a message with 500 people who have all read", Value: total, Unit: "bytes"}
	b.report(f.against(total+saved, "with the reads in a hash that Redis does not pack"))
	f.What = "the same, against plain text"
	b.report(f.against(float64(bytes), "the userIds twice and the times"))
	return nil
}

// unpackedUsage is the memory in bytes that a hash would take if Redis did not pack it.
func unpackedUsage(ctx context.Context, rdb *redis.Client, hash string) (int64, error) {
	const field = "long"
	other := hash + ":unpacked"
	_, err := rdb.Pipelined(ctx, func(p redis.Pipeliner) error {
		p.Copy(ctx, hash, other, rdb.Options().DB, true)
		p.HSet(ctx, other, field, strings.Repeat("x", 1_000)) // with which it is not packed, even afterwards
		p.HDel(ctx, other, field)
		return nil
	})
	if err != nil {
		return 0, err
	}
	return rdb.MemoryUsage(ctx, other, 0).Result()
}
