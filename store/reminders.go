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

// runKeptFor is how long it is known what a command or a round of a follow-up has
// done. No repetition of it comes later.
const runKeptFor = 48 * time.Hour

// reminder is the JSON of a reminder.
type reminder struct {
	Run     string       `json:"run"`
	At      int64        `json:"at"`
	Who     string       `json:"who,omitempty"`
	Name    string       `json:"name,omitempty"`
	By      string       `json:"by"`
	Batches []batchUsers `json:"batches"`
}

type batchUsers struct {
	By      string   `json:"by"`
	UserIDs []string `json:"users"`
}

// outcome is the JSON of what became of a batch.
type outcome struct {
	Reached []string `json:"reached,omitempty"`
	Unknown []string `json:"unknown,omitempty"`
	Flooded []string `json:"flooded,omitempty"`
}

func encodeReminder(r receipts.Reminder) (string, error) {
	stored := reminder{Run: r.Run, At: toMillis(r.At), Who: r.Who.UserID, Name: r.Who.Name, By: string(r.By)}
	for _, b := range r.Batches {
		stored.Batches = append(stored.Batches, batchUsers{string(b.By), b.UserIDs})
	}
	text, err := json.Marshal(stored)
	return string(text), err
}

func decodeReminder(text string) (receipts.Reminder, error) {
	var stored reminder
	if err := json.Unmarshal([]byte(text), &stored); err != nil {
		return receipts.Reminder{}, fmt.Errorf("read reminder: %w", err)
	}
	r := receipts.Reminder{Run: stored.Run, At: fromMillis(stored.At), Who: receipts.Person{UserID: stored.Who, Name: stored.Name}, By: receipts.Channel(stored.By)}
	for _, b := range stored.Batches {
		r.Batches = append(r.Batches, receipts.Batch{By: receipts.Channel(b.By), UserIDs: b.UserIDs})
	}
	return r, nil
}

// BeginReminder implements receipts.ReminderRecords.
func (s *Store) BeginReminder(ctx context.Context, group string, number int, r receipts.Reminder, cooldown time.Duration) (receipts.Reminder, *receipts.Reminder, error) {
	text, err := encodeReminder(r)
	if err != nil {
		return receipts.Reminder{}, nil, err
	}
	keys := s.keys.group(group)
	how, text, err := pair(beginReminderScript.Run(ctx, s.rdb,
		[]string{keys.message(number), keys.reminded(number, r.By), keys.run(r.Run)},
		r.Run, toMillis(r.At), cooldown.Milliseconds(), text, runKeptFor.Milliseconds()).Slice())
	if err != nil {
		return receipts.Reminder{}, nil, fmt.Errorf("record reminder: %w", err)
	}
	if how < 0 {
		return receipts.Reminder{}, nil, receipts.ErrNoMessage
	}
	known, err := decodeReminder(text)
	if err != nil || how == 1 {
		return known, nil, err
	}
	return receipts.Reminder{}, &known, nil
}

// BeginBatch implements receipts.ReminderRecords.
func (s *Store) BeginBatch(ctx context.Context, group string, b receipts.BatchStart) (receipts.Standing, error) {
	keys := s.keys.group(group)
	id, version := "", 0
	if b.Round != nil {
		id, version = b.Round.ID, b.Round.Version
	}
	args := []any{b.Batch, b.Try, runKeptFor.Milliseconds(), string(receipts.Sent), id, version}
	for _, userID := range b.UserIDs {
		args = append(args, userID)
	}
	result, err := beginBatchScript.Run(ctx, s.rdb,
		[]string{keys.run(b.Run), keys.message(b.Number), keys.doneIn(b), keys.followUp(b.Number)}, args...).StringSlice()
	if err == nil && len(result) == 0 {
		err = fmt.Errorf("unexpected result %v", result)
	}
	if err != nil {
		return receipts.Standing{}, fmt.Errorf("begin batch: %w", err)
	}
	switch how, rest := result[0], result[1:]; {
	case how == "begun":
		return receipts.Standing{First: true, Read: rest}, nil
	case how == "superseded":
		return receipts.Standing{Halt: receipts.Halt{Superseded: true}}, nil
	case how == "missing":
		return receipts.Standing{}, receipts.ErrNoMessage
	case how == "state" && len(rest) == 1:
		return receipts.Standing{Halt: receipts.Halt{State: receipts.State(rest[0])}}, nil
	case how == "before" && len(rest) == 0:
		return receipts.Standing{}, nil
	case how == "before" && len(rest) == 1:
		o, err := decodeOutcome(rest[0])
		return receipts.Standing{Outcome: o}, err
	default:
		return receipts.Standing{}, fmt.Errorf("begin batch: unexpected result %v", result)
	}
}

// doneIn is the Hash of who has done what the people of a batch are reminded of.
func (k groupKeys) doneIn(b receipts.BatchStart) string {
	if b.Confirm {
		return k.confirmations(b.Number)
	}
	return k.reads(b.Number)
}

// BatchStanding implements receipts.ReminderRecords.
func (s *Store) BatchStanding(ctx context.Context, group string, b receipts.BatchStart) (receipts.Standing, error) {
	keys := s.keys.group(group)
	pipe := s.rdb.TxPipeline()
	state := pipe.HGet(ctx, keys.message(b.Number), "state")
	reads := pipe.HMGet(ctx, keys.doneIn(b), b.UserIDs...)
	followed := pipe.HMGet(ctx, keys.followUp(b.Number), "id", "version")
	if _, err := pipe.Exec(ctx); errors.Is(err, redis.Nil) {
		return receipts.Standing{}, receipts.ErrNoMessage
	} else if err != nil {
		return receipts.Standing{}, fmt.Errorf("read how a batch stands: %w", err)
	}
	switch {
	case state.Val() != string(receipts.Sent):
		return receipts.Standing{Halt: receipts.Halt{State: receipts.State(state.Val())}}, nil
	case b.Round != nil && !slices.Equal(followed.Val(), []any{b.Round.ID, strconv.Itoa(b.Round.Version)}):
		return receipts.Standing{Halt: receipts.Halt{Superseded: true}}, nil
	}
	var now receipts.Standing
	for i, when := range reads.Val() {
		if when != nil {
			now.Read = append(now.Read, b.UserIDs[i])
		}
	}
	return now, nil
}

func decodeOutcome(text string) (*receipts.Outcome, error) {
	var o outcome
	if err := json.Unmarshal([]byte(text), &o); err != nil {
		return nil, fmt.Errorf("read the outcome of a batch: %w", err)
	}
	return &receipts.Outcome{Reached: o.Reached, Missed: receipts.Missed{Unknown: o.Unknown, Flooded: o.Flooded}}, nil
}

// DropBatch implements receipts.ReminderRecords.
func (s *Store) DropBatch(ctx context.Context, group, run string, batch int, try string) error {
	if err := dropBatchScript.Run(ctx, s.rdb, []string{s.keys.group(group).run(run)}, batch, try).Err(); err != nil {
		return fmt.Errorf("drop batch: %w", err)
	}
	return nil
}

// EndBatch implements receipts.ReminderRecords.
func (s *Store) EndBatch(ctx context.Context, group string, number int, run string, batch int, o receipts.Outcome) error {
	text, err := json.Marshal(outcome{o.Reached, o.Missed.Unknown, o.Missed.Flooded})
	if err != nil {
		return err
	}
	args := []any{batch, string(text)}
	for _, id := range o.Reached {
		args = append(args, id)
	}
	keys := s.keys.group(group)
	err = endBatchScript.Run(ctx, s.rdb, []string{keys.message(number), keys.run(run), keys.reminders(number)}, args...).Err()
	if err != nil {
		return fmt.Errorf("record the outcome of a batch: %w", err)
	}
	return nil
}

// DropReminder implements receipts.ReminderRecords.
func (s *Store) DropReminder(ctx context.Context, group string, number int, run string) error {
	var reminded []string
	for _, by := range receipts.Channels() {
		reminded = append(reminded, s.keys.group(group).reminded(number, by))
	}
	if err := dropReminderScript.Run(ctx, s.rdb, reminded, run).Err(); err != nil {
		return fmt.Errorf("drop reminder: %w", err)
	}
	return nil
}

// pair reads a script's result of a number and a text.
func pair(result []any, err error) (int64, string, error) {
	if err != nil {
		return 0, "", err
	}
	if len(result) == 2 {
		number, isNumber := result[0].(int64)
		text, isText := result[1].(string)
		if isNumber && isText {
			return number, text, nil
		}
	}
	return 0, "", fmt.Errorf("unexpected result %v", result)
}

var _ receipts.ReminderRecords = (*Store)(nil)
