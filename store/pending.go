package store

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/redis/go-redis/v9"

	"whoread/receipts"
)

// pendingQuestion is the JSON of a question.
type pendingQuestion struct {
	Kind   string   `json:"kind"`
	Number int      `json:"number"`
	By     string   `json:"by,omitempty"`
	People []string `json:"people,omitempty"`
}

func encodePending(p receipts.Pending) (string, error) {
	text, err := json.Marshal(pendingQuestion{string(p.Kind), p.Number, string(p.By), p.People})
	return string(text), err
}

// SavePending implements receipts.PendingRecords.
func (s *Store) SavePending(ctx context.Context, group, userID string, p receipts.Pending) error {
	text, err := encodePending(p)
	if err != nil {
		return err
	}
	key := s.keys.group(group).pending(userID)
	_, err = s.rdb.TxPipelined(ctx, func(tx redis.Pipeliner) error {
		tx.Del(ctx, key)
		tx.HSet(ctx, key, "pending", text)
		tx.PExpire(ctx, key, p.Kind.Lasts())
		return nil
	})
	if err != nil {
		return fmt.Errorf("keep a question: %w", err)
	}
	return nil
}

// Ask implements receipts.PendingRecords.
func (s *Store) Ask(ctx context.Context, group, userID string, p receipts.Pending) (bool, error) {
	text, err := encodePending(p)
	if err != nil {
		return false, err
	}
	asked, err := askScript.Run(ctx, s.rdb, []string{s.keys.group(group).pending(userID)}, text, p.Kind.Lasts().Milliseconds()).Bool()
	if err != nil {
		return false, fmt.Errorf("keep a question: %w", err)
	}
	return asked, nil
}

// Pending implements receipts.PendingRecords.
func (s *Store) Pending(ctx context.Context, group, userID, command string) (*receipts.Pending, error) {
	known, err := s.rdb.HGetAll(ctx, s.keys.group(group).pending(userID)).Result()
	if err != nil {
		return nil, fmt.Errorf("read a question: %w", err)
	}
	if known["pending"] == "" || command == "" || known["command"] != command {
		return nil, nil
	}
	var p pendingQuestion
	if err := json.Unmarshal([]byte(known["pending"]), &p); err != nil {
		return nil, fmt.Errorf("read a question: %w", err)
	}
	return &receipts.Pending{Kind: receipts.PendingKind(p.Kind), Number: p.Number, By: receipts.Channel(p.By), People: p.People}, nil
}

var _ receipts.PendingRecords = (*Store)(nil)
