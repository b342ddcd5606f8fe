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

// KeepCalls keeps how many counted calls a process has made in a month in all. The
// process says its own sum, so that it can say it again.
func (s *Store) KeepCalls(ctx context.Context, month, process string, calls int) error {
	key := s.keys.inbox().calls(month)
	_, err := s.rdb.TxPipelined(ctx, func(p redis.Pipeliner) error {
		p.HSet(ctx, key, process, calls)
		p.PExpire(ctx, key, callsKept)
		return nil
	})
	if err != nil {
		return fmt.Errorf("keep the number of calls: %w", err)
	}
	return nil
}

// Calls returns how many counted calls all processes have made in a month.
func (s *Store) Calls(ctx context.Context, month string) (int, error) {
	sums, err := s.rdb.HVals(ctx, s.keys.inbox().calls(month)).Result()
	if err != nil {
		return 0, fmt.Errorf("read the number of calls: %w", err)
	}
	total := 0
	for _, sum := range sums {
		n, err := strconv.Atoi(sum)
		if err != nil {
			return 0, fmt.Errorf("read the number of calls: %w", err)
		}
		total += n
	}
	return total, nil
}
