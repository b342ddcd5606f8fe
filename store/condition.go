package store

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
)

// Condition is how a Redis is set up, as far as the records depend on it.
type Condition struct {
	Kind    string        // of Redis, in a few words, as Deployment says it
	Latency time.Duration // of one call, the best of a few
	Servers []Server      // the one, or each master of a cluster
	// Refused are the commands that the user may not use although the bot needs them, and
	// keys that it may not use, as an ACL names them.
	Refused []string
}

// Server is how one server is set up. What it does not tell is empty.
type Server struct {
	Version     string
	Eviction    string // maxmemory-policy; empty also where there is no maxmemory
	Persistence Persistence
}

// Persistence is what is left of the records when a server starts again.
type Persistence string

// The kinds of persistence.
const (
	NotTold   Persistence = ""
	AppendLog Persistence = "AOF"  // everything, but for the last second
	Snapshots Persistence = "RDB"  // what the last snapshot holds
	Nothing   Persistence = "none" // nothing
)

// Inspect finds out how Redis is set up. It writes one key, of its own, that expires
// within a minute. Redis must take writes: see Ping.
func (s *Store) Inspect(ctx context.Context) (Condition, error) {
	kind, err := s.Deployment(ctx)
	if err != nil {
		return Condition{}, err
	}
	c := Condition{Kind: kind}
	if c.Servers, err = s.servers(ctx); err != nil {
		return c, err
	}
	if c.Refused, err = s.refused(ctx); err != nil {
		return c, err
	}
	for range 5 {
		began := time.Now()
		if err := s.rdb.Get(ctx, s.keys.inbox().ping()).Err(); err != nil && !isAnswer(err) {
			return c, fmt.Errorf("read from Redis: %w", err)
		}
		if took := time.Since(began); c.Latency == 0 || took < c.Latency {
			c.Latency = took
		}
	}
	return c, nil
}

// servers asks each server that keeps records.
func (s *Store) servers(ctx context.Context) ([]Server, error) {
	cluster, ok := s.rdb.(*redis.ClusterClient)
	if !ok {
		one, err := inspectServer(ctx, s.rdb)
		return []Server{one}, err
	}
	var mu sync.Mutex
	var all []Server
	err := cluster.ForEachMaster(ctx, func(ctx context.Context, master *redis.Client) error {
		one, err := inspectServer(ctx, master)
		mu.Lock()
		defer mu.Unlock()
		all = append(all, one)
		return err
	})
	return all, err
}

// inspectServer takes a refusal for "not told": the user may be one that may little.
func inspectServer(ctx context.Context, rdb redis.Cmdable) (Server, error) {
	info, err := rdb.Info(ctx).Result()
	if err != nil && !isAnswer(err) {
		return Server{}, fmt.Errorf("ask Redis how it is set up: %w", err)
	}
	lines := map[string]string{}
	for line := range strings.Lines(info) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), ":"); ok {
			lines[name] = value
		}
	}
	one := Server{Version: lines["redis_version"]}
	if limit := lines["maxmemory"]; limit != "0" && limit != "" {
		one.Eviction = lines["maxmemory_policy"]
	}
	if lines["aof_enabled"] == "1" {
		one.Persistence = AppendLog
		return one, nil
	}
	save, err := rdb.ConfigGet(ctx, "save").Result()
	switch {
	case err != nil && !isAnswer(err):
		return Server{}, fmt.Errorf("ask Redis how it is set up: %w", err)
	case err != nil || lines["aof_enabled"] == "":
	case save["save"] == "":
		one.Persistence = Nothing
	default:
		one.Persistence = Snapshots
	}
	return one, nil //nolint:nilerr // a refusal is "not told"
}

// isAnswer reports whether Redis itself answered with the error.
func isAnswer(err error) bool {
	_, ok := errors.AsType[redis.Error](err)
	return ok
}

// rights are the commands that the bot's user needs, by the names of an ACL, each as a
// call that changes nothing: the key holds a text, with which most of them can do
// nothing, and which is nobody's. Redis looks at what the user may before it looks at
// the key. ("multi" and "exec" are tried with them, "info" and "select" before.)
func rights(key string) map[string][]any {
	return map[string][]any{
		"eval": {"eval", "return 1", 1, key}, "evalsha": {"evalsha", strings.Repeat("0", 40), 1, key},
		"time": {"time"}, "get": {"get", key}, "set": {"set", key, "1", "px", checkKeyKept.Milliseconds()}, "incr": {"incr", key}, "exists": {"exists", key},
		"pexpire": {"pexpire", key, checkKeyKept.Milliseconds()}, "pttl": {"pttl", key},
		"hset": {"hset", key, "f", "v"}, "hsetnx": {"hsetnx", key, "f", "v"}, "hget": {"hget", key, "f"}, "hmget": {"hmget", key, "f"},
		"hgetall": {"hgetall", key}, "hkeys": {"hkeys", key}, "hdel": {"hdel", key, "f"}, "hincrby": {"hincrby", key, "f", 1},
		"sadd": {"sadd", key, "m"}, "srem": {"srem", key, "m"}, "smembers": {"smembers", key},
		"zadd": {"zadd", key, 1, "m"}, "zcard": {"zcard", key}, "zrem": {"zrem", key, "m"}, "zscore": {"zscore", key, "m"}, "zrangebyscore": {"zrangebyscore", key, 0, 1},
		"zrevrange": {"zrevrange", key, 0, 0}, "zremrangebyrank": {"zremrangebyrank", key, 0, 0},
		"xadd": {"xadd", key, "*", "f", "v"}, "xlen": {"xlen", key}, "xrange": {"xrange", key, "-", "+"}, "xdel": {"xdel", key, "1-1"},
		"xack": {"xack", key, "g", "1-1"}, "xclaim": {"xclaim", key, "g", "c", 0, "1-1"}, "xpending": {"xpending", key, "g"},
		"xreadgroup":    {"xreadgroup", "group", "g", "c", "streams", key, ">"},
		"xgroup|create": {"xgroup", "create", key, "g", "$"}, "xgroup|delconsumer": {"xgroup", "delconsumer", key, "g", "c"},
		"xinfo|consumers": {"xinfo", "consumers", key, "g"},
	}
}

// checkKeyKept is how long the key of a check is kept that can't be deleted.
const checkKeyKept = time.Minute

// refused tries every right.
func (s *Store) refused(ctx context.Context) ([]string, error) {
	key := s.keys.inbox().check(rand.Text())
	if err := s.rdb.Set(ctx, key, "1", checkKeyKept).Err(); err != nil {
		return nil, fmt.Errorf("write to Redis: %w", err)
	}
	var missing []string
	note := func(right string, err error) error {
		switch {
		case err == nil:
			return nil
		case isAnswer(err):
			// An EXEC that is not permitted says EXECABORT, and that in it.
			if strings.Contains(err.Error(), "NOPERM") || strings.Contains(err.Error(), "unknown command") {
				missing = append(missing, right)
			}
			return nil
		}
		return fmt.Errorf("try what the user may: %w", err)
	}
	tried := map[string]*redis.Cmd{}
	_, _ = s.rdb.Pipelined(ctx, func(p redis.Pipeliner) error { // the error is that of one of them
		for right, call := range rights(key) {
			tried[right] = p.Do(ctx, call...)
		}
		return nil
	})
	for right, call := range tried {
		if err := note("+"+right, call.Err()); err != nil {
			return nil, err
		}
	}
	_, err := s.rdb.TxPipelined(ctx, func(p redis.Pipeliner) error {
		p.Exists(ctx, key)
		return nil
	})
	if err := note("+multi +exec", err); err != nil {
		return nil, err
	}
	err = s.rdb.Exists(ctx, s.keys.group(checkedName).title()).Err()
	if err == nil || strings.Contains(err.Error(), "permissions to access") { // the command is tried above
		if err := note("~{"+s.keys.prefix+":*", err); err != nil {
			return nil, err
		}
	}
	if err := note("+del", s.rdb.Del(ctx, key).Err()); err != nil {
		return nil, err
	}
	slices.Sort(missing)
	return slices.Compact(missing), nil
}

// checkedName stands for a group that there is none of.
const checkedName = "check"
