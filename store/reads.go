package store

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"whoread/receipts"
)

// exactMark begins the value of a read whose time DingTalk pushed.
const exactMark = "="

func decodeReads(hash map[string]string) (receipts.Reads, error) {
	reads := make(receipts.Reads, len(hash))
	for id, text := range hash {
		ms, exact := strings.CutPrefix(text, exactMark)
		at, err := strconv.ParseInt(ms, 10, 64)
		if err != nil {
			return nil, fmt.Errorf("read the time of a read: %w", err)
		}
		reads[id] = receipts.Read{At: time.UnixMilli(at), Exact: exact}
	}
	return reads, nil
}

// SaveReads implements receipts.Records.
func (s *Store) SaveReads(ctx context.Context, group string, number int, userIDs []string, by, when time.Time) error {
	asOf := ""
	if !when.IsZero() {
		asOf = strconv.FormatInt(when.UnixMilli(), 10)
	}
	args := make([]any, 0, 3+len(userIDs))
	args = append(args, number, by.UnixMilli(), asOf)
	for _, id := range userIDs {
		args = append(args, id)
	}
	keys := s.keys.group(group)
	if err := saveReadsScript.Run(ctx, s.rdb, []string{keys.message(number), keys.reads(number), keys.readers()}, args...).Err(); err != nil {
		return fmt.Errorf("keep reads: %w", err)
	}
	return nil
}

// SaveConfirmation implements receipts.Records.
func (s *Store) SaveConfirmation(ctx context.Context, group string, number int, userID string, at time.Time) error {
	keys := s.keys.group(group)
	saved, err := confirmScript.Run(ctx, s.rdb, []string{keys.message(number), keys.confirmations(number)}, userID, at.UnixMilli()).Bool()
	switch {
	case err != nil:
		return fmt.Errorf("save confirmation: %w", err)
	case !saved:
		return receipts.ErrNoMessage
	}
	return nil
}

// SaveOver implements receipts.Records.
func (s *Store) SaveOver(ctx context.Context, group string, number int, end receipts.State, at time.Time) (time.Time, error) {
	since, err := overScript.Run(ctx, s.rdb, []string{s.keys.group(group).message(number)}, string(end), at.UnixMilli()).Int64()
	switch {
	case err != nil:
		return time.Time{}, fmt.Errorf("save that a message is over: %w", err)
	case since < 0:
		return time.Time{}, receipts.ErrNoMessage
	}
	return time.UnixMilli(since), nil
}

// SaveEndless implements receipts.Records.
func (s *Store) SaveEndless(ctx context.Context, group string, number int, at time.Time) error {
	saved, err := saveEndlessScript.Run(ctx, s.rdb, []string{s.keys.group(group).message(number)}, at.UnixMilli()).Bool()
	switch {
	case err != nil:
		return fmt.Errorf("save that a list of readers is endless: %w", err)
	case !saved:
		return receipts.ErrNoMessage
	}
	return nil
}

// SavePushedReads implements receipts.PushRecords.
func (s *Store) SavePushedReads(ctx context.Context, group, key string, reads map[string]time.Time) (bool, error) {
	args := make([]any, 0, 2*len(reads))
	for id, at := range reads {
		args = append(args, id, at.UnixMilli())
	}
	keys := s.keys.group(group)
	known, err := savePushedScript.Run(ctx, s.rdb, []string{keys.processQueryKey(key), keys.messages(), keys.readers()}, args...).Int()
	if err != nil {
		return false, fmt.Errorf("keep pushed reads: %w", err)
	}
	return known == 1, nil
}

// SaveAudience implements receipts.Records.
func (s *Store) SaveAudience(ctx context.Context, group string, number int, m receipts.Members) error {
	text, err := encodeMembers(m)
	if err != nil {
		return err
	}
	keys := s.keys.group(group)
	if err := saveAudienceScript.Run(ctx, s.rdb, []string{keys.message(number), keys.audience(number)}, text).Err(); err != nil {
		return fmt.Errorf("keep audience: %w", err)
	}
	return nil
}
