package store

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"

	"github.com/redis/go-redis/v9"

	"whoread/receipts"
)

// BeginSending implements receipts.Records.
func (s *Store) BeginSending(ctx context.Context, group string, number int, start receipts.SendingStart) (receipts.Message, bool, error) {
	keys := s.keys.group(group)
	list, since, err := audienceOf(start.Audience)
	if err != nil {
		return receipts.Message{}, false, err
	}
	result, err := beginSendingScript.Run(ctx, s.rdb, []string{keys.message(number), keys.moved(), keys.announced()},
		s.keepFor().Milliseconds(), list, rand.Text(), since, number, toMillis(start.At), toMillis(start.Deadline)).Slice()
	if err != nil {
		return receipts.Message{}, false, fmt.Errorf("begin to send: %w", err)
	}
	how, r, err := numbered(result)
	switch m := r.message(group, number); {
	case err != nil:
		return receipts.Message{}, false, fmt.Errorf("begin to send: %w", err)
	case how < 0:
		return receipts.Message{}, false, receipts.ErrNoMessage
	case how == 0 && m.State != receipts.Sending:
		return m, false, fmt.Errorf("send a message that is %s: %w", m.State, receipts.ErrWrongState)
	default:
		return m, how == 0, nil
	}
}

// Content implements receipts.Records.
func (s *Store) Content(ctx context.Context, group string, number int) (string, error) {
	text, err := s.rdb.Get(ctx, s.keys.group(group).content(number)).Result()
	if err != nil && !errors.Is(err, redis.Nil) {
		return "", fmt.Errorf("read what is scheduled: %w", err)
	}
	return text, nil
}
