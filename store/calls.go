package store

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"time"
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
