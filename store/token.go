package store

import (
	"context"
	_ "embed"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"
)

//go:embed scripts/unlock_token.lua
var unlockTokenSource string

var unlockTokenScript = redis.NewScript(unlockTokenSource)

// Token returns the access token of an app, who asked for it, and how long it is good;
// nothing if none is kept. App names the app; the token is a secret.
func (s *Store) Token(ctx context.Context, app string) (value, by string, life time.Duration, err error) {
	key := s.keys.token(app).value()
	var fields *redis.SliceCmd
	var left *redis.DurationCmd
	_, err = s.rdb.TxPipelined(ctx, func(p redis.Pipeliner) error {
		fields, left = p.HMGet(ctx, key, "value", "by"), p.PTTL(ctx, key)
		return nil
	})
	var t struct {
		Value string `redis:"value"`
		By    string `redis:"by"`
	}
	if err == nil {
		err = fields.Scan(&t)
	}
	switch {
	case err != nil:
		return "", "", 0, fmt.Errorf("read the shared token: %w", err)
	case t.Value == "" || left.Val() <= 0:
		return "", "", 0, nil
	}
	return t.Value, t.By, left.Val(), nil
}

// LockToken tells whether the app's token may be asked for now, for hold at most: it may
// not while another does. By is different each time.
func (s *Store) LockToken(ctx context.Context, app, by string, hold time.Duration) (bool, error) {
	// Not SET NX: of that, a repetition after a lost reply would wait for itself.
	mine, err := firstScript.Run(ctx, s.rdb, []string{s.keys.token(app).lock()}, by, hold.Milliseconds()).Int()
	if err != nil {
		return false, fmt.Errorf("lock the shared token: %w", err)
	}
	return mine == 1, nil
}

// UnlockToken ends what LockToken began and keeps the new token for its life; an empty
// value if none came. If the lock is not by's any more, nothing is changed.
func (s *Store) UnlockToken(ctx context.Context, app, by, value string, life time.Duration) error {
	keys := s.keys.token(app)
	if err := unlockTokenScript.Run(ctx, s.rdb, []string{keys.lock(), keys.value()}, by, value, life.Milliseconds()).Err(); err != nil {
		return fmt.Errorf("share the token: %w", err)
	}
	return nil
}
