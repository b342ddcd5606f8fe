package store

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"whoread/store/storetest"
)

func TestCallsAreCountedOverAllProcesses(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, b storetest.Backend) {
		one, two, ctx := open(t, b), open(t, b), t.Context()
		for _, added := range []struct {
			month      string
			by         *Store
			calls, all map[string]int
		}{
			{"2026-08", one, nil, map[string]int{}},
			{"2026-08", one, map[string]int{"query": 3}, map[string]int{"query": 3}},
			{"2026-08", two, map[string]int{"query": 10, "send": 1}, map[string]int{"query": 13, "send": 1}},
			{"2026-08", one, map[string]int{"query": 2, "members": 2}, map[string]int{"query": 15, "send": 1, "members": 2}},
			{"2026-09", one, map[string]int{"query": 1}, map[string]int{"query": 1}},
			{"2026-08", two, nil, map[string]int{"query": 15, "send": 1, "members": 2}},
			{"2026-07", one, nil, map[string]int{}},
		} {
			all := must(added.by.AddCalls(ctx, added.month, added.calls))(t)
			if diff := cmp.Diff(added.all, all); diff != "" {
				t.Errorf("%v in %s (-want +got):\n%s", added.calls, added.month, diff)
			}
		}
		for _, key := range written(t, one) {
			if left := must(one.rdb.PTTL(ctx, key).Result())(t); left <= 31*24*time.Hour || left > callsKept {
				t.Errorf("%s goes in %v", key, left)
			}
		}
	})
}
