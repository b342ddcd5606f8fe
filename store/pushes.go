package store

import (
	"context"
	"fmt"
	"strconv"
	"time"
)

// SavePush keeps that DingTalk pushed something of a kind at that time. There must be
// few kinds: they are kept for ever.
func (s *Store) SavePush(ctx context.Context, kind string, at time.Time) error {
	if err := s.rdb.HSet(ctx, s.keys.inbox().pushed(), kind, at.UnixMilli()).Err(); err != nil {
		return fmt.Errorf("keep when something was pushed: %w", err)
	}
	return nil
}

// Pushes returns when something of each kind was last pushed.
func (s *Store) Pushes(ctx context.Context) (map[string]time.Time, error) {
	kept, err := s.rdb.HGetAll(ctx, s.keys.inbox().pushed()).Result()
	if err != nil {
		return nil, fmt.Errorf("read when something was pushed: %w", err)
	}
	pushes := map[string]time.Time{}
	for kind, text := range kept {
		ms, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return nil, fmt.Errorf("read when something was pushed: %w", err)
		}
		pushes[kind] = time.UnixMilli(ms)
	}
	return pushes, nil
}
