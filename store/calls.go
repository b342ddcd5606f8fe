package store

import (
	"context"
	"errors"
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

// KeepQuotaSpent keeps that DingTalk said at that time that the counted calls of the
// month are used up.
func (s *Store) KeepQuotaSpent(ctx context.Context, month string, at time.Time) error {
	if err := s.rdb.Set(ctx, s.keys.inbox().quotaSpent(month), at.UnixMilli(), callsKept).Err(); err != nil {
		return fmt.Errorf("keep that the quota is spent: %w", err)
	}
	return nil
}

// ForgetQuotaSpent forgets what KeepQuotaSpent keeps.
func (s *Store) ForgetQuotaSpent(ctx context.Context, month string) error {
	if err := s.rdb.Del(ctx, s.keys.inbox().quotaSpent(month)).Err(); err != nil {
		return fmt.Errorf("forget that the quota is spent: %w", err)
	}
	return nil
}

// QuotaSpent returns when DingTalk last said that the counted calls of the month are
// used up; zero if it did not, or that is forgotten.
func (s *Store) QuotaSpent(ctx context.Context, month string) (time.Time, error) {
	ms, err := s.rdb.Get(ctx, s.keys.inbox().quotaSpent(month)).Int64()
	if errors.Is(err, redis.Nil) {
		return time.Time{}, nil
	}
	if err != nil {
		return time.Time{}, fmt.Errorf("read whether the quota is spent: %w", err)
	}
	return time.UnixMilli(ms), nil
}
