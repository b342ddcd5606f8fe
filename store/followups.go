package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"

	"whoread/receipts"
)

// followUp is the JSON of a follow-up. Times are Unix milliseconds, 0 for none;
// pauses are milliseconds.
type followUp struct {
	ID       string             `json:"id"`
	Every    []int64            `json:"every,omitempty"`
	By       []receipts.Channel `json:"by"`
	Share    int                `json:"share"`
	Until    int64              `json:"until,omitempty"`
	Cut      bool               `json:"cut,omitempty"`
	Tell     []string           `json:"tell,omitempty"`
	Confirm  bool               `json:"confirm,omitempty"`
	Starter  string             `json:"starter,omitempty"`
	Name     string             `json:"starter_name,omitempty"`
	Began    int64              `json:"began"`
	Rounds   int                `json:"rounds,omitempty"`
	Next     int64              `json:"next"`
	Trouble  bool               `json:"trouble,omitempty"`
	Ended    receipts.End       `json:"ended,omitempty"`
	Stopper  string             `json:"stopper,omitempty"`
	StopName string             `json:"stopper_name,omitempty"`
	Version  int                `json:"version"`
}

func encodeFollowUp(f receipts.FollowUp) (string, error) {
	stored := followUp{
		ID: f.ID, By: f.By, Share: f.Share, Until: toMillis(f.Until), Cut: f.Cut, Tell: f.Tell, Confirm: f.Confirm,
		Starter: f.Starter.UserID, Name: f.Starter.Name, Began: toMillis(f.Began),
		Rounds: f.Rounds, Next: toMillis(f.Next), Trouble: f.Trouble, Ended: f.Ended,
		Stopper: f.Stopper.UserID, StopName: f.Stopper.Name, Version: f.Version,
	}
	for _, pause := range f.Every {
		stored.Every = append(stored.Every, pause.Milliseconds())
	}
	text, err := json.Marshal(stored)
	return string(text), err
}

func decodeFollowUp(text string) (*receipts.FollowUp, error) {
	var stored followUp
	if err := json.Unmarshal([]byte(text), &stored); err != nil {
		return nil, fmt.Errorf("read follow-up: %w", err)
	}
	f := &receipts.FollowUp{
		ID:      stored.ID,
		Plan:    receipts.Plan{By: stored.By, Share: stored.Share, Until: fromMillis(stored.Until), Cut: stored.Cut, Tell: stored.Tell, Confirm: stored.Confirm},
		Starter: receipts.Person{UserID: stored.Starter, Name: stored.Name}, Began: fromMillis(stored.Began),
		Rounds: stored.Rounds, Next: fromMillis(stored.Next), Trouble: stored.Trouble, Ended: stored.Ended,
		Stopper: receipts.Person{UserID: stored.Stopper, Name: stored.StopName}, Version: stored.Version,
	}
	for _, pause := range stored.Every {
		f.Every = append(f.Every, time.Duration(pause)*time.Millisecond)
	}
	return f, nil
}

// Follow implements receipts.FollowUpRecords.
func (s *Store) Follow(ctx context.Context, group string, number int, f receipts.FollowUp) (receipts.FollowUp, error) {
	f.Version = 0
	text, err := encodeFollowUp(f)
	if err != nil {
		return receipts.FollowUp{}, err
	}
	keys := s.keys.group(group)
	text, err = followScript.Run(ctx, s.rdb, []string{keys.message(number), keys.followUp(number), keys.followed()},
		number, f.ID, text, s.keepFor().Milliseconds()).Text()
	if err != nil {
		return receipts.FollowUp{}, fmt.Errorf("record follow-up: %w", err)
	}
	if text == "" {
		return receipts.FollowUp{}, receipts.ErrNoMessage
	}
	recorded, err := decodeFollowUp(text)
	if err != nil {
		return receipts.FollowUp{}, err
	}
	return *recorded, nil
}

// FollowUp implements receipts.FollowUpRecords.
func (s *Store) FollowUp(ctx context.Context, group string, number int) (*receipts.FollowUp, error) {
	text, err := s.rdb.HGet(ctx, s.keys.group(group).followUp(number), followUpField).Result()
	if errors.Is(err, redis.Nil) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read follow-up: %w", err)
	}
	return decodeFollowUp(text)
}

// Change implements receipts.FollowUpRecords.
func (s *Store) Change(ctx context.Context, group string, number int, f receipts.FollowUp) (bool, error) {
	text, err := encodeFollowUp(f)
	if err != nil {
		return false, err
	}
	keys := s.keys.group(group)
	done, err := changeFollowUpScript.Run(ctx, s.rdb, []string{keys.followUp(number), keys.followed()},
		number, f.ID, f.Version, text, f.Ended != "").Int()
	if err != nil {
		return false, fmt.Errorf("change follow-up: %w", err)
	}
	return done == 1, nil
}

// Stands implements receipts.FollowUpRecords.
func (s *Store) Stands(ctx context.Context, group string, number int, f receipts.FollowUp, state receipts.State) (bool, error) {
	keys := s.keys.group(group)
	pipe := s.rdb.TxPipeline()
	recorded := pipe.HMGet(ctx, keys.followUp(number), "id", "version")
	now := pipe.HGet(ctx, keys.message(number), "state")
	if _, err := pipe.Exec(ctx); err != nil && !errors.Is(err, redis.Nil) {
		return false, fmt.Errorf("read follow-up and message: %w", err)
	}
	same := slices.Equal(recorded.Val(), []any{f.ID, strconv.Itoa(f.Version)})
	return same && now.Val() == string(state), nil
}

// FollowUps implements receipts.FollowUpRecords.
func (s *Store) FollowUps(ctx context.Context, group string) ([]receipts.Followed, error) {
	keys := s.keys.group(group)
	rows, err := followUpsScript.Run(ctx, s.rdb, []string{keys.followed(), keys.messages()}).StringSlice()
	if err != nil {
		return nil, fmt.Errorf("read what is followed up: %w", err)
	}
	var all []receipts.Followed
	for row := range slices.Chunk(rows, 2) {
		number, err := strconv.Atoi(row[0])
		if err != nil {
			return nil, fmt.Errorf("read what is followed up: %w", err)
		}
		f, err := decodeFollowUp(row[1])
		if err != nil {
			return nil, err
		}
		all = append(all, receipts.Followed{Number: number, FollowUp: *f})
	}
	slices.SortFunc(all, func(a, b receipts.Followed) int { return a.Number - b.Number })
	return all, nil
}

// Followed implements receipts.FollowUpRecords.
func (s *Store) Followed(ctx context.Context, group string) ([]int, error) {
	keys := s.keys.group(group)
	members, err := s.rdb.SMembers(ctx, keys.followed()).Result()
	if err != nil {
		return nil, fmt.Errorf("read what is followed up: %w", err)
	}
	numbers := make([]int, 0, len(members))
	for _, member := range members {
		number, err := strconv.Atoi(member)
		if err != nil {
			return nil, fmt.Errorf("read what is followed up: %w", err)
		}
		numbers = append(numbers, number)
	}
	// A message whose time was over took its follow-up along, and not its number.
	there, err := s.rdb.Pipelined(ctx, func(p redis.Pipeliner) error {
		for _, number := range numbers {
			p.Exists(ctx, keys.followUp(number))
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read what is followed up: %w", err)
	}
	goesOn := numbers[:0]
	for i, number := range numbers {
		if there[i].(*redis.IntCmd).Val() == 1 {
			goesOn = append(goesOn, number)
		}
	}
	slices.Sort(goesOn)
	return goesOn, nil
}

var _ receipts.FollowUpRecords = (*Store)(nil)
