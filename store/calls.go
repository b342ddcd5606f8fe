package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"
)

// callsKept is how long the calls of a month are kept, from the last one: until the
// next month is over.
const callsKept = 62 * 24 * time.Hour

// KeepCalls keeps how many counted calls a process has made in a month in all, by API,
// and returns how many all processes have made. The process says its own sums, so that
// it can say them again; with none it only asks.
func (s *Store) KeepCalls(ctx context.Context, month, process string, calls map[string]int) (map[string]int, error) {
	k := s.keys.inbox()
	args := []any{process, callsKept.Milliseconds()}
	for api, n := range calls {
		args = append(args, api, n)
	}
	sums, err := keepCallsScript.Run(ctx, s.rdb, []string{k.calls(month), k.allCalls(month)}, args...).Slice()
	if err != nil {
		return nil, fmt.Errorf("keep the number of calls: %w", err)
	}
	all := make(map[string]int, len(sums)/2)
	for pair := range slices.Chunk(sums, 2) {
		if all[fmt.Sprint(pair[0])], err = strconv.Atoi(fmt.Sprint(pair[1])); err != nil {
			return nil, fmt.Errorf("read the number of calls: %w", err)
		}
	}
	return all, nil
}

// FirstNotice tells whether nobody but by has given the administrators this notice, and
// notes that by does.
func (s *Store) FirstNotice(ctx context.Context, notice, by string) (bool, error) {
	first, err := firstScript.Run(ctx, s.rdb, []string{s.keys.inbox().notice(notice)}, by, callsKept.Milliseconds()).Int()
	if err != nil {
		return false, fmt.Errorf("note that administrators are told: %w", err)
	}
	return first == 1, nil
}

// DropNotice forgets a notice that certainly reached nobody.
func (s *Store) DropNotice(ctx context.Context, notice string) error {
	if err := s.rdb.Del(ctx, s.keys.inbox().notice(notice)).Err(); err != nil {
		return fmt.Errorf("forget that administrators are told: %w", err)
	}
	return nil
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
