package store

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"

	"whoread/receipts"
)

// askedWindows are the keys of what questions have cost: in the window of that time, in the
// one before, and on that day.
func (s *Store) askedWindows(at time.Time) (current, before, day string) {
	keys, nth := s.keys.inbox(), at.UnixMilli()/receipts.LimitWindow.Milliseconds()
	return keys.asked(strconv.FormatInt(nth, 10)), keys.asked(strconv.FormatInt(nth-1, 10)), keys.asked(at.UTC().Format(time.DateOnly))
}

// askedFields are the fields of a person and of a group.
func askedFields(group, userID string) (person, of string) {
	return "person/" + userID, "group/" + group
}

// QuestionCalls implements receipts.QuestionRecords. Of the window before it counts the part
// that lies within the last LimitWindow, as if its calls had been spread evenly.
func (s *Store) QuestionCalls(ctx context.Context, group, userID string, at time.Time) (receipts.QuestionCalls, error) {
	person, of := askedFields(group, userID)
	keys := make([]*redis.SliceCmd, 0, 3)
	current, before, day := s.askedWindows(at)
	if _, err := s.rdb.Pipelined(ctx, func(p redis.Pipeliner) error {
		for _, key := range []string{current, before, day} {
			keys = append(keys, p.HMGet(ctx, key, person, of))
		}
		return nil
	}); err != nil {
		return receipts.QuestionCalls{}, fmt.Errorf("read what questions have cost: %w", err)
	}
	count := func(window, field int) int {
		text, _ := keys[window].Val()[field].(string)
		n, _ := strconv.Atoi(text)
		return n
	}
	left := receipts.LimitWindow - time.Duration(at.UnixMilli()%receipts.LimitWindow.Milliseconds())*time.Millisecond
	recent := func(field int) int {
		return count(0, field) + int(time.Duration(count(1, field))*left/receipts.LimitWindow)
	}
	return receipts.QuestionCalls{Person: recent(0), Group: recent(1), PersonToday: count(2, 0), GroupToday: count(2, 1)}, nil
}

// AddQuestionCalls implements receipts.QuestionRecords.
func (s *Store) AddQuestionCalls(ctx context.Context, group, userID string, calls int, at time.Time) error {
	person, of := askedFields(group, userID)
	current, _, day := s.askedWindows(at)
	_, err := s.rdb.Pipelined(ctx, func(p redis.Pipeliner) error {
		for key, keep := range map[string]time.Duration{current: 2 * receipts.LimitWindow, day: 25 * time.Hour} {
			for _, field := range []string{person, of} {
				p.HIncrBy(ctx, key, field, int64(calls))
			}
			p.PExpire(ctx, key, keep)
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("save what a question has cost: %w", err)
	}
	return nil
}

// forgetQuestions erases what a person's questions have cost, and returns of how many windows.
func (s *Store) forgetQuestions(ctx context.Context, userID string, dry bool) (int, error) {
	count := 0
	person, _ := askedFields("", userID)
	err := s.eachKey(ctx, glob(s.keys.inbox().asked(""))+"*", func(rdb redis.Cmdable, keys []string) error {
		for _, key := range keys {
			held, err := rdb.HExists(ctx, key, person).Result()
			if err == nil && held && !dry {
				err = rdb.HDel(ctx, key, person).Err()
			}
			if err != nil {
				return err
			}
			if held {
				count++
			}
		}
		return nil
	})
	return count, err
}
