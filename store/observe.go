package store

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

// observing tells how long calls to Redis take, the waiting for a connection and the
// repetition after a failure included. A pipeline is one call.
type observing struct {
	tell func(took time.Duration, failed bool)
}

// blocking is the command whose answer waits for work, and not for Redis.
const blocking = "xreadgroup"

// DialHook implements redis.Hook: a dial is a part of the call that needs it.
func (observing) DialHook(next redis.DialHook) redis.DialHook { return next }

// ProcessHook implements redis.Hook.
func (o observing) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, c redis.Cmder) error {
		if c.Name() == blocking {
			return next(ctx, c)
		}
		began := time.Now()
		err := next(ctx, c)
		o.ended(ctx, began, err)
		return err
	}
}

// ProcessPipelineHook implements redis.Hook.
func (o observing) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cs []redis.Cmder) error {
		began := time.Now()
		err := next(ctx, cs)
		o.ended(ctx, began, err)
		return err
	}
}

// answers are errors by which Redis says how things are: there is nothing, a script is
// to be sent whole, and the inbox is not there yet or is already.
var answers = []string{"NOSCRIPT", "NOGROUP", "BUSYGROUP"}

func (o observing) ended(ctx context.Context, began time.Time, err error) {
	if errors.Is(ctx.Err(), context.Canceled) {
		return // whoever called did not want to know any more
	}
	failed := err != nil && !errors.Is(err, redis.Nil)
	for _, answer := range answers {
		failed = failed && !strings.Contains(err.Error(), answer)
	}
	o.tell(time.Since(began), failed)
}
