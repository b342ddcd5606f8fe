package store

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"whoread/receipts"
	"whoread/store/storetest"
)

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
