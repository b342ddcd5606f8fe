package store

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"
)

// callsKept is how long the calls of a month are kept, from the last one: until the
// next month is over.
const callsKept = 62 * 24 * time.Hour

// AddCalls adds counted calls, by API, to the sums of the month, and returns the sums of
// all processes.
func (s *Store) AddCalls(ctx context.Context, month string, calls map[string]int) (map[string]int, error) {
	key := s.keys.inbox().calls(month)
	var all *redis.MapStringStringCmd
	_, err := s.rdb.TxPipelined(ctx, func(p redis.Pipeliner) error {
		for api, n := range calls {
			p.HIncrBy(ctx, key, api, int64(n))
		}
		if len(calls) > 0 {
			p.PExpire(ctx, key, callsKept)
		}
		all = p.HGetAll(ctx, key)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("add to the number of calls: %w", err)
	}
	sums := make(map[string]int, len(all.Val()))
	for api, n := range all.Val() {
		if sums[api], err = strconv.Atoi(n); err != nil {
			return nil, fmt.Errorf("read the number of calls: %w", err)
		}
	}
	return sums, nil
}
