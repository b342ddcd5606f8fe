package store

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"whoread/receipts"
	"whoread/store/storetest"
)

// What the bot posted besides messages stands for the message that it is about, in its own
// group, whatever becomes of that.
func TestAPostIsAboutAMessage(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, b storetest.Backend) {
		s := open(t, b)
		ctx := t.Context()
		about := sent(t, s, group, "msg1", "key1")
		for key, number := range map[string]int{"chart": 1, "help": 0, "of what is over": 7} {
			for range 2 { // it may be repeated
				if err := s.RecordPost(ctx, group, key, number); err != nil {
					t.Fatal(err)
				}
			}
			if left := must(s.rdb.PTTL(ctx, s.keys.group(group).processQueryKey(key)).Result())(t); left <= keepFor-time.Minute || left > keepFor {
				t.Errorf("%s is kept for %v, want %v", key, left, keepFor)
			}
		}
		if diff := cmp.Diff(about, must(s.ByKey(ctx, group, "chart"))(t)); diff != "" {
			t.Errorf("by the key of its chart (-want +got):\n%s", diff)
		}
		recalled := must(s.Mark(ctx, group, 1, receipts.Change{To: receipts.Recalled}))(t)
		if diff := cmp.Diff(recalled, must(s.ByKey(ctx, group, "chart"))(t)); diff != "" {
			t.Errorf("as it is now (-want +got):\n%s", diff)
		}
		for _, key := range []string{"help", "of what is over"} {
			if m, err := s.ByKey(ctx, group, key); !errors.Is(err, receipts.ErrNotMessage) {
				t.Errorf("%s: %+v, %v", key, m, err)
			}
		}
		if m, err := s.ByKey(ctx, "cidOther", "chart"); !errors.Is(err, receipts.ErrNoMessage) {
			t.Errorf("in another group: %+v, %v", m, err)
		}
	})
}

// It never becomes a message, and its readers are nobody's.
func TestAPostIsNoMessage(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, b storetest.Backend) {
		s := open(t, b)
		ctx := t.Context()
		sent(t, s, group, "msg1", "key1")
		for key, number := range map[string]int{"chart": 1, "help": 0} {
			if err := s.RecordPost(ctx, group, key, number); err != nil {
				t.Fatal(err)
			}
		}
		before := dump(t, s)
		for key, number := range map[string]int{"chart": 1, "help": 0} {
			m, err := s.Adopt(ctx, receipts.Message{Group: group, Title: "chart", Key: key, State: receipts.Sent, CreatedAt: noon, SentAt: noon, Adopted: true})
			if m.Number != number || errors.Is(err, receipts.ErrNotMessage) != (number == 0) {
				t.Errorf("adopted, %s is %+v, %v", key, m, err)
			}
			if known, err := s.SavePushedReads(ctx, group, key, map[string]time.Time{"a": noon, "b": noon}); !known || err != nil {
				t.Errorf("a pushed read of %s: known %v, %v", key, known, err)
			}
		}
		if diff := cmp.Diff(before, dump(t, s)); diff != "" {
			t.Errorf("something was written (-before +after):\n%s", diff)
		}
	})
}

// Its key heals no message that is uncertain.
func TestAPostHealsNothing(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, b storetest.Backend) {
		s := open(t, b)
		ctx := t.Context()
		if _, _, err := s.Begin(ctx, draft("msg1")); err != nil {
			t.Fatal(err)
		}
		want := must(s.Mark(ctx, group, 1, receipts.Change{To: receipts.Uncertain, Reason: "timeout"}))(t)
		if err := s.RecordPost(ctx, group, "key1", 0); err != nil {
			t.Fatal(err)
		}
		got, err := s.Mark(ctx, group, 1, toSent)
		if diff := cmp.Diff(want, got); diff != "" || !errors.Is(err, receipts.ErrWrongState) {
			t.Errorf("error %v, (-want +got):\n%s", err, diff)
		}
		if m, err := s.ByKey(ctx, group, "key1"); !errors.Is(err, receipts.ErrNotMessage) {
			t.Errorf("by the key of the post: %+v, %v", m, err)
		}
	})
}

// The latest is what was announced last and may still be asked for.
func TestLatest(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, b storetest.Backend) {
		s := open(t, b)
		for i, last := range states {
			t.Run(string(last.state), func(t *testing.T) {
				ctx := t.Context()
				g := fmt.Sprint("cid", i)
				want := sent(t, s, g, "msg1", "first")
				d := draft("msg2")
				d.Group = g
				m, _, err := s.Begin(ctx, d)
				if err != nil {
					t.Fatal(err)
				}
				for _, step := range last.way {
					m = must(s.Mark(ctx, g, 2, step))(t)
				}
				switch last.state {
				case receipts.Sending, receipts.Sent, receipts.Uncertain:
					want = m
				}
				must(s.Adopt(ctx, receipts.Message{Group: g, Key: "adopted", State: receipts.Sent, Adopted: true}))(t)
				if diff := cmp.Diff(want, must(s.Latest(ctx, g))(t)); diff != "" {
					t.Errorf("(-want +got):\n%s", diff)
				}
			})
		}
		// One whose time is over, and none that is current.
		ctx := t.Context()
		if err := s.rdb.Del(ctx, s.keys.group("cid0").message(2)).Err(); err != nil {
			t.Fatal(err)
		}
		if m := must(s.Latest(ctx, "cid0"))(t); m.Number != 1 {
			t.Errorf("the latest is #%d, want #1", m.Number)
		}
		must(s.Mark(ctx, "cid0", 1, receipts.Change{To: receipts.Expired}))(t)
		if m, err := s.Latest(ctx, "cid0"); !errors.Is(err, receipts.ErrNoMessage) {
			t.Errorf("the latest is %+v, %v", m, err)
		}
	})
}
