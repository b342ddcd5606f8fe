package store

import (
	"context"
	"flag"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"go.uber.org/goleak"

	"whoread/receipts"
	"whoread/store/storetest"
)

func TestMain(m *testing.M) {
	flag.Parse()
	// These tests wait for Redis more than they compute: one for each processor
	// would take minutes.
	if err := flag.Set("test.parallel", atOnce); err != nil {
		panic(err)
	}
	// A pool of go-redis that could not dial looks after its server once a second,
	// and notices only then that it was closed.
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("github.com/redis/go-redis/v9/internal/pool.(*ConnPool).tryDial"))
}

// atOnce is how many tests run at the same time.
const atOnce = "16"

// Times of the tests.
const (
	keepFor = time.Hour
	// patience is how long a test waits for what must happen.
	patience = time.Minute
	// look is how often a test looks for what nothing announces.
	look = 2 * time.Millisecond
)

// open returns a store on the backend.
func open(t testing.TB, b storetest.Backend) *Store {
	t.Helper()
	return openURL(t, b, b.URL)
}

// openURL returns a store that reaches the backend by another URL.
func openURL(t testing.TB, b storetest.Backend, url string) *Store {
	t.Helper()
	s, err := Open(Options{URL: url, KeyPrefix: b.KeyPrefix, KeepFor: keepFor})
	if err != nil {
		t.Fatal(err)
	}
	if rdb, single := s.rdb.(*redis.Client); single {
		// Where every core is busy, a Redis needs its time, and more behind a proxy.
		rdb.Options().ReadTimeout, rdb.Options().WriteTimeout = time.Minute, time.Minute
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("close store: %v", err)
		}
	})
	return s
}

// proxied returns a store behind a proxy, with its scripts known to Redis.
func proxied(t *testing.T, b storetest.Backend) (*Store, *storetest.Proxy) {
	t.Helper()
	p := storetest.NewProxy(t, b.URL)
	s := openURL(t, b, p.URL())
	for _, source := range []string{
		acceptSource, claimSource, renewSource, doneSource, dueSource, leaveSource, beginSource, firstSource, markSource, saveReadsSource, savePushedSource, saveAudienceSource, changeMembersSource, catchUpSource, deleteCoolAppSource,
		beginReminderSource, beginBatchSource, endBatchSource, dropReminderSource, followSource, changeFollowUpSource,
	} {
		if err := s.rdb.ScriptLoad(t.Context(), source).Err(); err != nil {
			t.Fatal(err)
		}
	}
	return s, p
}

// moment is a moment where both clocks agree.
func moment(at time.Time) receipts.EventTime { return receipts.EventTime{Reported: at, Local: at} }

// must ends the test at an error.
func must[T any](v T, err error) func(*testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// receive waits for a value.
func receive[T any](t *testing.T, from <-chan T, what string) T {
	t.Helper()
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case v := <-from:
		return v
	case <-timer.C:
		t.Fatalf("%s: nothing came", what)
		panic("unreachable")
	}
}

// until waits for what nothing announces.
func until(t *testing.T, what string, met func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	tick := time.NewTicker(look)
	defer tick.Stop()
	for !met() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("never came: %s", what)
		}
	}
}

// written returns all keys of the store, sorted.
func written(t *testing.T, s *Store) []string {
	t.Helper()
	var keys []string
	found := s.rdb.Scan(t.Context(), 0, "*"+s.keys.prefix+"*", 1000).Iterator()
	for found.Next(t.Context()) {
		keys = append(keys, found.Val())
	}
	if err := found.Err(); err != nil {
		t.Fatal(err)
	}
	slices.Sort(keys)
	return slices.Compact(keys)
}

// hashTag returns the part of a key that decides its slot in a cluster, as
// https://redis.io/docs/latest/operate/oss_and_stack/reference/cluster-spec/#hash-tags
// has it.
func hashTag(key string) string {
	_, after, found := strings.Cut(key, "{")
	if !found {
		return key
	}
	tag, _, found := strings.Cut(after, "}")
	if !found || tag == "" {
		return key
	}
	return tag
}

// knownMembers are the members of a group as they are known; nil if none are.
func knownMembers(t *testing.T, s *Store, group string) *receipts.Members {
	t.Helper()
	known, _, err := s.KnownMembers(t.Context(), group)
	if err != nil {
		t.Fatal(err)
	}
	return known
}
