package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"whoread/receipts"
)

// Bounds of what is kept of who came or left.
const (
	// movedKeptFor is longer than a list of members takes to be made.
	movedKeptFor = 10 * time.Minute
	// movesFor is how many messages can be posted before it becomes known who came.
	movesFor = 20
)

// changeMembers runs the script of that name; see there for what how can be.
func (s *Store) changeMembers(ctx context.Context, group, how string, userIDs []string, at receipts.EventTime) error {
	keys, args := s.signs(group, how, userIDs, at)
	if err := changeMembersScript.Run(ctx, s.rdb, keys, args...).Err(); err != nil {
		return fmt.Errorf("%s members: %w", how, err)
	}
	return nil
}

// signs are the keys and arguments of changeMembersScript.
func (s *Store) signs(group, how string, userIDs []string, at receipts.EventTime) ([]string, []any) {
	keys := s.keys.group(group)
	args := []any{
		how, at.Reported.UnixMilli(), s.keepFor().Milliseconds(), at.Local.UnixMilli(),
		movedKeptFor.Milliseconds(), receipts.PostedWithin.Milliseconds(), movesFor,
	}
	for _, id := range userIDs {
		args = append(args, id)
	}
	return []string{keys.membersAbout(), keys.members(), keys.seen(), keys.moved(), keys.announced(), keys.messages()}, args
}

// SaveGroupUpdate keeps what a command told of its group, as long as messages are kept, from
// the last time; but the webhook only until it is over.
func (s *Store) SaveGroupUpdate(ctx context.Context, group string, h receipts.GroupUpdate) error {
	keys := s.keys.group(group)
	_, err := s.rdb.TxPipelined(ctx, func(p redis.Pipeliner) error {
		if h.Speaker.UserID != "" {
			about, args := s.signs(group, "note", []string{h.Speaker.UserID}, receipts.EventTime{Reported: h.At, Local: h.At})
			changeMembersScript.Eval(ctx, p, about, args...)
			if h.Speaker.Name != "" {
				s.setNames(ctx, p, group, receipts.Names{h.Speaker.UserID: h.Speaker.Name})
			}
		}
		if h.Speaker.UserID != "" && h.Command != "" {
			givePendingScript.Eval(ctx, p, []string{keys.pending(h.Speaker.UserID)}, h.Command)
		}
		if h.Title != "" {
			p.Set(ctx, keys.title(), h.Title, s.keepFor())
		}
		if h.Language != "" {
			p.Set(ctx, keys.language(), h.Language, s.keepFor())
		}
		if url := h.Webhook.URL.Reveal(); url != "" {
			p.HSet(ctx, keys.webhook(), "webhook", url, "until", toMillis(h.Webhook.Until))
			p.PExpire(ctx, keys.webhook(), webhookKeptFor)
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("keep what was heard: %w", err)
	}
	return nil
}

// Sightings implements receipts.SeenRecords.
func (s *Store) Sightings(ctx context.Context, group string, limit int) (receipts.Sightings, error) {
	keys := s.keys.group(group)
	pipe := s.rdb.Pipeline()
	last := lastReadsScript.Eval(ctx, pipe, []string{keys.sequence(), keys.messages()}, limit)
	seen, readers := pipe.HGetAll(ctx, keys.seen()), pipe.HGetAll(ctx, keys.readers())
	if _, err := pipe.Exec(ctx); err != nil {
		return receipts.Sightings{}, fmt.Errorf("read who was noticed: %w", err)
	}
	window, err := decodeLastReads(last)
	if err != nil {
		return receipts.Sightings{}, fmt.Errorf("read who was noticed: %w", err)
	}
	n := receipts.Sightings{Signs: make(map[string]receipts.Sighting, len(seen.Val())), Readers: make(map[string]time.Time, len(readers.Val()))}
	for id, text := range seen.Val() {
		if n.Signs[id], err = decodeSign(text); err != nil {
			return receipts.Sightings{}, fmt.Errorf("read who was seen: %w", err)
		}
	}
	for id, text := range readers.Val() {
		number, at, err := decodeReader(text)
		if err != nil {
			return receipts.Sightings{}, fmt.Errorf("read who has read: %w", err)
		}
		if window.first > 0 && number >= window.first {
			n.Readers[id] = at
		}
	}
	return n, nil
}

// LastPush implements receipts.SeenRecords.
func (s *Store) LastPush(ctx context.Context, group string, limit int) (time.Time, error) {
	keys := s.keys.group(group)
	window, err := decodeLastReads(lastReadsScript.Run(ctx, s.rdb, []string{keys.sequence(), keys.messages()}, limit))
	if err != nil {
		return time.Time{}, fmt.Errorf("read when a read was pushed: %w", err)
	}
	return window.pushed, nil
}

// lastReads is what lastReadsScript tells.
type lastReads struct {
	first  int64
	pushed time.Time
}

func decodeLastReads(cmd *redis.Cmd) (lastReads, error) {
	row, err := cmd.Int64Slice()
	if err != nil {
		return lastReads{}, err
	}
	if len(row) != 2 {
		return lastReads{}, fmt.Errorf("unexpected result %v", row)
	}
	return lastReads{first: row[0], pushed: fromMillis(row[1])}, nil
}

// decodeReader reads a number and a time in Unix milliseconds, with a space between.
func decodeReader(text string) (number int64, at time.Time, err error) {
	n, ms, _ := strings.Cut(text, " ")
	if number, err = strconv.ParseInt(n, 10, 64); err != nil {
		return 0, time.Time{}, err
	}
	t, err := strconv.ParseInt(ms, 10, 64)
	return number, fromMillis(t), err
}

// decodeSign reads "+" (here) or "-" (left) and a time in Unix milliseconds.
func decodeSign(text string) (receipts.Sighting, error) {
	// ParseInt reads the sign with the number, so that "-" makes it negative.
	ms, err := strconv.ParseInt(text, 10, 64)
	return receipts.Sighting{At: time.UnixMilli(max(ms, -ms)), Here: ms > 0}, err
}

// SaveTitle keeps what the group is called, as long as messages are kept.
func (s *Store) SaveTitle(ctx context.Context, group, title string) error {
	if err := s.rdb.Set(ctx, s.keys.group(group).title(), title, s.keepFor()).Err(); err != nil {
		return fmt.Errorf("keep title: %w", err)
	}
	return nil
}

// Title returns what the group is called; empty if that is not known.
func (s *Store) Title(ctx context.Context, group string) (string, error) {
	title, err := s.rdb.Get(ctx, s.keys.group(group).title()).Result()
	if err != nil && !errors.Is(err, redis.Nil) {
		return "", fmt.Errorf("read title: %w", err)
	}
	return title, nil
}

// SaveCoolApp keeps the code of the cool app that is installed in the group.
func (s *Store) SaveCoolApp(ctx context.Context, group, code string) error {
	if err := s.rdb.Set(ctx, s.keys.group(group).coolApp(), code, 0).Err(); err != nil {
		return fmt.Errorf("keep cool app: %w", err)
	}
	return nil
}

// CoolApp returns the code of the group's cool app; empty if none is known.
func (s *Store) CoolApp(ctx context.Context, group string) (string, error) {
	code, err := s.rdb.Get(ctx, s.keys.group(group).coolApp()).Result()
	if err != nil && !errors.Is(err, redis.Nil) {
		return "", fmt.Errorf("read cool app: %w", err)
	}
	return code, nil
}

// DeleteCoolApp deletes the group's cool app if it has that code; with an empty code,
// whichever it has.
func (s *Store) DeleteCoolApp(ctx context.Context, group, code string) error {
	if err := deleteCoolAppScript.Run(ctx, s.rdb, []string{s.keys.group(group).coolApp()}, code).Err(); err != nil {
		return fmt.Errorf("delete cool app: %w", err)
	}
	return nil
}

// refusal is the JSON of a refusal.
type refusal struct {
	Reason string `json:"reason"`
	Until  int64  `json:"until"`
}

// Refusals implements receipts.RefusalRecords.
func (s *Store) Refusals(ctx context.Context, group string) ([]receipts.Refusal, error) {
	kept, err := s.rdb.HGetAll(ctx, s.keys.group(group).refusals()).Result()
	if err != nil {
		return nil, fmt.Errorf("read refusals: %w", err)
	}
	return decodeRefusals(kept)
}

func decodeRefusals(kept map[string]string) ([]receipts.Refusal, error) {
	var all []receipts.Refusal
	for source, text := range kept {
		var r refusal
		if err := json.Unmarshal([]byte(text), &r); err != nil {
			return nil, fmt.Errorf("read refusals: %w", err)
		}
		all = append(all, receipts.Refusal{Source: receipts.Source(source), Reason: receipts.Reason(r.Reason), Until: fromMillis(r.Until)})
	}
	return all, nil
}

// SaveRefusal implements receipts.RefusalRecords.
func (s *Store) SaveRefusal(ctx context.Context, group string, r receipts.Refusal, keep time.Duration) error {
	text, err := json.Marshal(refusal{string(r.Reason), toMillis(r.Until)})
	if err != nil {
		return err
	}
	key := s.keys.group(group).refusals()
	_, err = s.rdb.TxPipelined(ctx, func(p redis.Pipeliner) error {
		p.HSet(ctx, key, string(r.Source), string(text))
		p.PExpire(ctx, key, keep)
		return nil
	})
	if err != nil {
		return fmt.Errorf("keep refusal: %w", err)
	}
	return nil
}

// DeleteRefusals implements receipts.RefusalRecords.
func (s *Store) DeleteRefusals(ctx context.Context, group string) error {
	if err := s.rdb.Del(ctx, s.keys.group(group).refusals()).Err(); err != nil {
		return fmt.Errorf("forget refusals: %w", err)
	}
	return nil
}

// Voice implements receipts.GroupRecords.
func (s *Store) Voice(ctx context.Context, group string) (receipts.Voice, error) {
	keys, pipe := s.keys.group(group), s.rdb.Pipeline()
	webhook, language := pipe.HGetAll(ctx, keys.webhook()), pipe.Get(ctx, keys.language())
	if _, err := pipe.Exec(ctx); err != nil && !errors.Is(err, redis.Nil) {
		return receipts.Voice{}, fmt.Errorf("read how to speak to a group: %w", err)
	}
	var kept struct {
		Webhook string `redis:"webhook"`
		Until   int64  `redis:"until"`
	}
	if err := webhook.Scan(&kept); err != nil {
		return receipts.Voice{}, fmt.Errorf("read how to speak to a group: %w", err)
	}
	return receipts.Voice{Language: language.Val(), Webhook: receipts.Webhook{URL: receipts.NewSecret(kept.Webhook), Until: fromMillis(kept.Until)}}, nil
}

// webhookKeptFor is longer than a session webhook lives; how long that is, its frame
// says.
const webhookKeptFor = 24 * time.Hour
