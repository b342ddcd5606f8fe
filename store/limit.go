package store

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/go-redis/redis_rate/v10"
	"github.com/redis/go-redis/v9"
)

// Lease asks for turns of an app's API, each so long, from now on and for the caller
// alone. It returns zero if it got them, and else after how long to ask again. A
// repetition takes turns that nobody uses.
func (s *Store) Lease(ctx context.Context, app, api string, turns int, each time.Duration) (time.Duration, error) {
	// With a burst of as many as are asked for, they are given only when those given
	// before are over.
	limit := redis_rate.Limit{Rate: 1, Period: each, Burst: turns}
	got, err := redis_rate.NewLimiter(unprefixed{s.rdb}).AllowN(ctx, s.keys.rate(app, api), limit, turns)
	if err != nil {
		return 0, fmt.Errorf("lease turns of %s: %w", api, err)
	}
	if got.Allowed > 0 {
		return 0, nil
	}
	return max(got.RetryAfter, time.Millisecond), nil
}

// unprefixed takes off what redis_rate puts before every key: with it, the keys would
// be outside of the bot's own, and of what an ACL user may touch.
type unprefixed struct{ redis.UniversalClient }

const ratePrefix = "rate:"

func (u unprefixed) Eval(ctx context.Context, script string, keys []string, args ...any) *redis.Cmd {
	return u.UniversalClient.Eval(ctx, script, own(keys), args...)
}

func (u unprefixed) EvalSha(ctx context.Context, sha string, keys []string, args ...any) *redis.Cmd {
	return u.UniversalClient.EvalSha(ctx, sha, own(keys), args...)
}

func own(keys []string) []string {
	plain := make([]string, len(keys))
	for i, key := range keys {
		plain[i] = strings.TrimPrefix(key, ratePrefix)
	}
	return plain
}
