package store

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"go.uber.org/zap"

	"whoread/receipts"
	"whoread/store/storetest"
)

// fillInbox writes every key that the inbox can have.
func fillInbox(t *testing.T, s *Store) {
	t.Helper()
	ctx := t.Context()
	if err := s.Ping(ctx); err != nil {
		t.Fatal(err)
	}
	must(s.AddCalls(ctx, "2026-08", map[string]int{"query": 1}))(t)
	for _, id := range lookalikes {
		accept(t, s, id)
	}
	w := newFakeWorker(func(context.Context, string) error { return fmt.Errorf("to be parked") })
	o := quick()
	o.Attempts = 1
	stop := start(t, s.Inbox(o, zap.NewNop()), w)
	for range lookalikes {
		receive(t, w.gaveUp, "given up")
	}
	stop()
}

// tags returns the different hash tags of the keys.
func tags(keys []string) []string {
	var all []string
	for _, key := range keys {
		all = append(all, hashTag(key))
	}
	slices.Sort(all)
	return slices.Compact(all)
}

func TestAllKeysOfAGroupHaveOneHashTag(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, b storetest.Backend) {
		all := map[string]string{}
		for i, g := range lookalikes {
			s := open(t, storetest.Backend{URL: b.URL, KeyPrefix: fmt.Sprint(b.KeyPrefix, "-", i)})
			fill(t, s, g)
			keys := written(t, s)
			if got := tags(keys); len(got) != 1 {
				t.Errorf("%q: tags %q", g, got)
			}
			tag := strings.TrimPrefix(hashTag(keys[0]), s.keys.prefix)
			if other, taken := all[tag]; taken {
				t.Errorf("%q and %q share their keys", g, other)
			}
			all[tag] = g
			for _, key := range keys {
				if !strings.HasPrefix(key, "{"+s.keys.prefix+":") {
					t.Errorf("%q is not below the prefix", key)
				}
			}
		}
	})
}

func TestAllKeysOfTheInboxHaveOneHashTag(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, b storetest.Backend) {
		s := open(t, b)
		fillInbox(t, s)
		keys := written(t, s)
		// the two lanes, parked, ping, calls, and one for each command
		if want := 5 + len(lookalikes); len(keys) != want {
			t.Errorf("%d keys, want %d: %q", len(keys), want, keys)
		}
		if got := tags(keys); len(got) != 1 {
			t.Errorf("tags %q", got)
		}
		for _, key := range keys {
			left := must(s.rdb.PTTL(t.Context(), key).Result())(t)
			stream := key == s.keys.inbox().stream() || key == s.keys.inbox().due() || key == s.keys.inbox().parked()
			keep := repeatedWithin
			if key == s.keys.inbox().calls("2026-08") {
				keep = callsKept
			}
			if stream != (left == -1) || left > keep {
				t.Errorf("%s goes in %v", key, left)
			}
		}
	})
}

func TestBotsThatShareARedisAreApart(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, b storetest.Backend) {
		one, two := open(t, b), open(t, storetest.Backend{URL: b.URL, KeyPrefix: b.KeyPrefix + "-two"})
		sent(t, one, group, "msg1", "key1")
		accept(t, one, "msg2")
		if m := sent(t, two, group, "msg1", "key1"); m.Number != 1 {
			t.Errorf("the second bot begins with #%d", m.Number)
		}
		accept(t, two, "msg2")
	})
}

// A Redis Cluster refuses a script or a pipeline whose keys are in several slots.
func TestCluster(t *testing.T) {
	t.Parallel()
	b := storetest.Backend{URL: storetest.Cluster(t), KeyPrefix: "cluster"}
	s := open(t, b)
	ctx := t.Context()
	slotsOf := map[string][]int64{}
	slot := func(what string) {
		for _, key := range written(t, s) {
			n := must(s.rdb.Do(ctx, "CLUSTER", "KEYSLOT", key).Int64())(t)
			if !slices.Contains(slotsOf[what], n) {
				slotsOf[what] = append(slotsOf[what], n)
			}
		}
		if err := s.rdb.FlushAll(ctx).Err(); err != nil { // it is this test's own
			t.Fatal(err)
		}
	}
	for _, g := range lookalikes {
		fill(t, s, g)
		must(s.Recent(ctx, g, 10))(t)
		must(s.Snapshot(ctx, g, 1))(t)
		must(s.ByKey(ctx, g, "key"))(t)
		must(s.ByKey(ctx, g, "chart"))(t)
		must(s.Latest(ctx, g))(t)
		must(s.Sightings(ctx, g, 10))(t)
		must(s.LastPush(ctx, g, 10))(t)
		if err := s.DeleteCoolApp(ctx, g, "another"); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Mark(ctx, g, 2, receipts.Change{To: receipts.Recalled}); err != nil {
			t.Fatal(err)
		}
		must(s.Followed(ctx, g))(t)
		must(s.FollowUp(ctx, g, 2))(t)
		f := followUpOf("follow")
		f.Ended, f.Version = receipts.Stopped, 1
		must(s.Change(ctx, g, 2, f))(t)
		if err := s.DropReminder(ctx, g, 2, "run"); err != nil {
			t.Fatal(err)
		}
		slot(g)
	}
	fillInbox(t, s)
	slot("the inbox")
	different := map[int64]bool{}
	for what, slots := range slotsOf {
		if len(slots) != 1 {
			t.Errorf("%q is in the slots %v", what, slots)
		}
		different[slots[0]] = true
	}
	if len(different) < 2 {
		t.Error("everything is in one slot")
	}
}
