package store

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/redis/go-redis/v9"

	"whoread/receipts"
)

// SavePrivatePost implements receipts.PrivateRecords.
func (s *Store) SavePrivatePost(ctx context.Context, key, group string, number int) error {
	if err := s.rdb.Set(ctx, s.keys.private(key), strconv.Itoa(number)+" "+group, s.keepFor()).Err(); err != nil {
		return fmt.Errorf("record what was written in private: %w", err)
	}
	return nil
}

// PrivatePost implements receipts.PrivateRecords.
func (s *Store) PrivatePost(ctx context.Context, key string) (group string, number int, err error) {
	text, err := s.rdb.Get(ctx, s.keys.private(key)).Result()
	if errors.Is(err, redis.Nil) {
		return "", 0, receipts.ErrNotMessage
	}
	if err != nil {
		return "", 0, fmt.Errorf("read what was written in private: %w", err)
	}
	digits, group, _ := strings.Cut(text, " ")
	if number, err = strconv.Atoi(digits); err != nil {
		return "", 0, fmt.Errorf("read what was written in private: %w", err)
	}
	return group, number, nil
}
