// Package storetest gives tests the Redis they run against: miniredis and a real
// one, a cluster of one node, and a proxy that takes Redis away. For what becomes
// of Redis itself it starts servers of the test's own: a single one that the test
// may kill, hang or fill ([Own]), a master behind Sentinels ([NewReplicated]), a
// Cluster ([NewClustered]), and one with TLS ([NewSecured]).
//
// It is for tests only: no other code may import it. It imports nothing else of
// whoread, so that every package's tests can use it.
//
// The real Redis is the one that WHOREAD_TEST_REDIS names (a URL), else a private
// one that is started with the redis-server of PATH and ends with the tests. With
// neither, its tests are skipped; where WHOREAD_TEST_REQUIRE lists "redis", they
// fail.
package storetest

import (
	"context"
	"crypto/rand"
	"errors"
	"os"
	"os/exec"
	"sync"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"

	"whoread/store/storetest/need"
)

const urlVariable = "WHOREAD_TEST_REDIS"

// cleaningWithin bounds the removal of a test's keys.
const cleaningWithin = time.Minute

// Backend is a Redis that a test runs against.
type Backend struct {
	URL string
	// KeyPrefix is the test's own: tests share the Redis.
	KeyPrefix string
	// Mini is nil for a real Redis.
	Mini *miniredis.Miniredis
}

// Each runs the test once against miniredis and once against a real Redis, both
// in parallel with other tests.
func Each(t *testing.T, test func(t *testing.T, b Backend)) {
	t.Helper()
	t.Run("miniredis", func(t *testing.T) {
		t.Parallel()
		test(t, Mini(t))
	})
	t.Run("redis", func(t *testing.T) {
		t.Parallel()
		test(t, Real(t))
	})
}

// Mini returns a miniredis of the test's own.
func Mini(t testing.TB) Backend {
	t.Helper()
	mini := miniredis.RunT(t)
	return Backend{URL: "redis://" + mini.Addr(), KeyPrefix: keyPrefix(), Mini: mini}
}

// Real returns a real Redis, or skips the test. What the test writes below the
// prefix is removed at its end.
func Real(t testing.TB) Backend {
	t.Helper()
	b := Backend{URL: Redis(t), KeyPrefix: keyPrefix()}
	t.Cleanup(func() {
		if err := removeKeys(b); err != nil {
			t.Errorf("remove the test's keys: %v", err)
		}
	})
	return b
}

// Redis returns the URL of a real Redis, or skips the test. Tests share it: each
// needs a key prefix of its own, and none may flush.
func Redis(t testing.TB) string {
	t.Helper()
	if url := os.Getenv(urlVariable); url != "" {
		return url
	}
	needServer(t)
	url, err := private.enter()
	if err != nil {
		t.Fatalf("start redis-server: %v", err)
	}
	t.Cleanup(private.leave)
	return url
}

// Cluster returns the URL of a real Redis Cluster whose one node has all slots,
// or skips the test. It is the test's own, and refuses what would cross slots.
func Cluster(t testing.TB) string {
	t.Helper()
	needServer(t)
	s, err := startServer("--cluster-enabled", "yes")
	if err != nil {
		t.Fatalf("start redis-server: %v", err)
	}
	t.Cleanup(s.stop)
	if err := s.ownAllSlots(t.Context()); err != nil {
		t.Fatalf("make a cluster: %v", err)
	}
	return s.url
}

func needServer(t testing.TB) {
	t.Helper()
	if _, err := exec.LookPath("redis-server"); err == nil {
		return
	}
	need.Lacks(t, "redis", "there is no real Redis: set "+urlVariable+"=redis://host:port or install redis-server")
}

// private is the real Redis of this test binary. The first test that needs it
// starts it, the last one stops it.
var private shared

type shared struct {
	mu     sync.Mutex
	users  int
	server *server
}

func (s *shared) enter() (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.users == 0 {
		started, err := startServer()
		if err != nil {
			return "", err
		}
		s.server = started
	}
	s.users++
	return s.server.url, nil
}

func (s *shared) leave() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.users--; s.users == 0 {
		s.server.stop()
	}
}

// keyPrefix returns a new prefix; it holds nothing that means something in a
// pattern.
func keyPrefix() string { return "test-" + rand.Text() }

func removeKeys(b Backend) (err error) {
	options, err := redis.ParseURL(b.URL)
	if err != nil {
		return errors.New(urlVariable + " is no Redis URL")
	}
	options.ReadTimeout, options.WriteTimeout = cleaningWithin, cleaningWithin
	client := redis.NewClient(options)
	defer func() { err = errors.Join(err, client.Close()) }()
	ctx, cancel := context.WithTimeout(context.Background(), cleaningWithin)
	defer cancel()
	// At once: one by one the hundreds of keys of a test take as many round trips, each of which a busy machine makes long.
	deletes := client.Pipeline()
	keys := client.Scan(ctx, 0, "*"+b.KeyPrefix+"*", 1000).Iterator()
	for keys.Next(ctx) {
		deletes.Del(ctx, keys.Val())
	}
	if err := keys.Err(); err != nil {
		return err
	}
	_, err = deletes.Exec(ctx)
	return err
}
