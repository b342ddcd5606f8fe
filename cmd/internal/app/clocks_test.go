package app

import (
	"slices"
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"whoread/bot/reply"
	"whoread/receipts/dingtalk"
	"whoread/store"
)

// Who administers the bot is told that its clock is off by a minute or more, at most once an
// hour in the log; a single odd answer tells of nothing.
func TestAClockThatIsOffIsToldOf(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 27, 9, 0, 0, 0, time.UTC)
	core, lines := observer.New(zap.WarnLevel)
	measured := map[string]time.Duration{}
	c := newClocks(func() time.Time { return now }, zap.New(core), func(of string, ahead time.Duration) { measured[of] = ahead })
	call := func(ahead time.Duration) {
		c.call(dingtalk.Call{Took: 2 * time.Second, Date: now.Add(-ahead - time.Second).Truncate(time.Second)})
	}
	want := func(what string, off bool, said int) {
		t.Helper()
		got := c.off()
		if is := len(got) > 0; is != off || lines.Len() != said {
			t.Errorf("%s: off: %v, %d lines", what, got, lines.Len())
		}
	}
	call(0)
	want("in time", false, 0)
	call(10 * time.Minute)
	want("one odd answer", false, 0)
	call(0)
	want("in time again", false, 0)
	call(59 * time.Second)
	call(59 * time.Second)
	want("59 s", false, 0)
	call(-10 * time.Minute)
	call(-11 * time.Minute)
	want("behind", true, 1)
	if got := measured["dingtalk"]; got.Round(2*time.Second) != -10*time.Minute {
		t.Errorf("measured %v", got)
	}
	if got := c.off(); len(got) != 1 || got[0].Of != reply.DingTalksClock || got[0].Ahead > 0 {
		t.Errorf("off: %v", got)
	}
	now = now.Add(59 * time.Minute)
	call(-10 * time.Minute)
	want("within the hour", true, 1)
	now = now.Add(2 * time.Minute)
	call(-10 * time.Minute)
	want("an hour later", true, 2)
	c.call(dingtalk.Call{Took: time.Second})
	c.call(dingtalk.Call{Took: time.Minute, Date: now})
	want("an answer without a date, and a slow one", true, 2)
}

// Redis's clock is looked at when Redis is.
func TestTheClockOfRedisIsComparedByThePing(t *testing.T) {
	t.Parallel()
	for _, ahead := range []time.Duration{-10 * time.Minute, 0, 10 * time.Minute} {
		s, err := store.Open(store.Options{URL: store.Memory, KeyPrefix: "clocks"})
		if err != nil {
			t.Fatal(err)
		}
		c := newClocks(func() time.Time { return time.Now().Add(ahead) }, zap.NewNop(), func(string, time.Duration) {})
		if err := c.ping(s)(t.Context()); err != nil {
			t.Fatal(err)
		}
		off := slices.ContainsFunc(c.off(), func(one reply.ClockOff) bool {
			return one.Of == reply.RedisClock && one.Ahead.Round(time.Minute) == ahead
		})
		if off != (ahead != 0) {
			t.Errorf("%v ahead: off: %v", ahead, c.off())
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
}
