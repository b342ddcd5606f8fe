package store

import (
	"strings"
	"testing"
	"time"

	"whoread/store/storetest"
)

const app = "digest-of-an-app"

func TestATokenIsSharedForItsLife(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, b storetest.Backend) {
		s, other, ctx := open(t, b), open(t, b), t.Context()
		if value, by, life, err := s.Token(ctx, app); value != "" || by != "" || life != 0 || err != nil {
			t.Errorf("before any: %q %q %v %v", value, by, life, err)
		}
		if !must(s.LockToken(ctx, app, "one", time.Minute))(t) {
			t.Fatal("the lock is not free")
		}
		if must(other.LockToken(ctx, app, "two", time.Minute))(t) {
			t.Error("two have the lock")
		}
		if !must(other.LockToken(ctx, "another", "two", time.Minute))(t) {
			t.Error("another app's lock is the same")
		}
		if err := s.UnlockToken(ctx, app, "one", "the token", time.Hour); err != nil {
			t.Fatal(err)
		}
		value, by, life, err := other.Token(ctx, app)
		if value != "the token" || by != "one" || life <= 59*time.Minute || life > time.Hour || err != nil {
			t.Errorf("got %q %q %v %v", value, by, life, err)
		}
		if value, _, _, _ := other.Token(ctx, "another"); value != "" {
			t.Errorf("another app has %q", value)
		}

		// The next one takes its place; until then it stays.
		if !must(other.LockToken(ctx, app, "two", time.Minute))(t) {
			t.Fatal("the lock is not free again")
		}
		if value, _, _, _ := s.Token(ctx, app); value != "the token" {
			t.Errorf("while it is asked for: %q", value)
		}
		if err := other.UnlockToken(ctx, app, "two", "the token", 20*time.Millisecond); err != nil { // the same value again
			t.Fatal(err)
		}
		if _, by, life, _ := s.Token(ctx, app); by != "two" && life > 0 {
			t.Errorf("is still that of %q", by)
		}
		if b.Mini != nil {
			b.Mini.FastForward(time.Second)
		}
		until(t, "the end of the token", func() bool {
			value, _, _, err := s.Token(ctx, app)
			return value == "" && err == nil
		})
	})
}

func TestALockOfATokenIsItsOwnersAndEnds(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, b storetest.Backend) {
		s, ctx := open(t, b), t.Context()
		if !must(s.LockToken(ctx, app, "dead", 20*time.Millisecond))(t) {
			t.Fatal("the lock is not free")
		}
		if b.Mini != nil {
			b.Mini.FastForward(time.Second)
		}
		until(t, "the end of the lock", func() bool { return must(s.LockToken(ctx, app, "heir", time.Minute))(t) })
		if err := s.UnlockToken(ctx, app, "dead", "late", time.Hour); err != nil {
			t.Fatal(err)
		}
		if value, _, _, _ := s.Token(ctx, app); value != "" {
			t.Errorf("who lost the lock kept %q", value)
		}
		if must(s.LockToken(ctx, app, "third", time.Minute))(t) {
			t.Error("who lost the lock released it")
		}
		// Nothing came: the lock is free, and there is no token.
		if err := s.UnlockToken(ctx, app, "heir", "", 0); err != nil {
			t.Fatal(err)
		}
		if value, _, _, _ := s.Token(ctx, app); value != "" || !must(s.LockToken(ctx, app, "third", time.Minute))(t) {
			t.Errorf("token %q, or the lock is not free", value)
		}
	})
}

// Whose reply is lost asks again: it still has the lock, and what it kept.
func TestSharingATokenSurvivesALostReply(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, b storetest.Backend) {
		s, proxy := proxied(t, b)
		ctx := t.Context()
		if err := s.rdb.ScriptLoad(ctx, unlockTokenSource).Err(); err != nil {
			t.Fatal(err)
		}
		proxy.LoseReply()
		if mine := must(s.LockToken(ctx, app, "one", time.Minute))(t); !mine || !proxy.ReplyLost() {
			t.Errorf("it waits for itself (reply lost: %t)", proxy.ReplyLost())
		}
		proxy.LoseReply()
		if err := s.UnlockToken(ctx, app, "one", "the token", time.Hour); err != nil || !proxy.ReplyLost() {
			t.Error(err, proxy.ReplyLost())
		}
		if value, by, _, err := s.Token(ctx, app); value != "the token" || by != "one" || err != nil {
			t.Errorf("got %q %q %v", value, by, err)
		}
	})
}

func TestTheKeysOfATokenAreInOneSlotAndExpire(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, b storetest.Backend) {
		s, ctx := open(t, b), t.Context()
		for _, by := range []string{"one", "two"} { // so that there are a token and a lock
			must(s.LockToken(ctx, "a}b", by, time.Minute))(t)
			if by == "one" {
				if err := s.UnlockToken(ctx, "a}b", by, "secret-value", time.Hour); err != nil {
					t.Fatal(err)
				}
			}
		}
		keys := written(t, s)
		if len(keys) != 2 || len(tags(keys)) != 1 {
			t.Errorf("keys %q", keys)
		}
		for _, key := range keys {
			if left := must(s.rdb.PTTL(ctx, key).Result())(t); left <= 0 || strings.Contains(key, "secret") {
				t.Errorf("%s goes in %v", key, left)
			}
		}
	})
}
