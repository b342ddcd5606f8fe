package store

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"whoread/store/storetest"
)

// Turns are given to one process after the other, and end by themselves.
func TestTurnsAreLeasedToOneProcessAtATime(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, b storetest.Backend) {
		one, two, ctx := open(t, b), open(t, b), t.Context()
		const turns, each = 5, 400 * time.Millisecond
		began := time.Now()
		if taken := must(one.Lease(ctx, "app", "query", turns, each))(t); taken != 0 {
			t.Fatalf("the first turns are taken for %v", taken)
		}
		for _, wanted := range []int{1, turns} {
			taken := must(two.Lease(ctx, "app", "query", wanted, each))(t)
			if left := turns*each - time.Since(began); taken > turns*each || taken < left-each/2 {
				t.Errorf("%d turns are taken for %v", wanted, taken)
			}
		}
		for _, other := range [][2]string{{"app", "send"}, {"another", "query"}} {
			if taken := must(two.Lease(ctx, other[0], other[1], 1, each))(t); taken != 0 {
				t.Errorf("%v is taken for %v", other, taken)
			}
		}
		for _, key := range written(t, one) { // some may be gone by now
			if left := must(one.rdb.PTTL(ctx, key).Result())(t); left == -1 || left > 3*time.Second {
				t.Errorf("%s goes in %v", key, left)
			}
		}
	})
}

// However many processes want turns at once, those that get them do not overlap.
func TestLeasesDoNotOverlap(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, b storetest.Backend) {
		const each, processes, turns = 5 * time.Millisecond, 4, 10
		var given atomic.Int32
		var all sync.WaitGroup
		began := time.Now()
		for range processes {
			s := open(t, b)
			all.Go(func() {
				for got := 0; got < turns; {
					taken, err := s.Lease(t.Context(), "app", "query", 2, each)
					if err != nil {
						t.Error(err)
						return
					}
					if taken == 0 {
						given.Add(2)
						got += 2
						continue
					}
					time.Sleep(taken)
				}
			})
		}
		all.Wait()
		// The last ones may go on now.
		if least := time.Duration(given.Load()-2) * each; time.Since(began) < least {
			t.Errorf("%d turns of %v were given within %v", given.Load(), each, time.Since(began))
		}
	})
}
