package store

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"whoread/receipts"
)

// record is the Hash of one message, but for its fields "call" and "pushed", which
// are the scripts' own. Times are Unix milliseconds, 0 for none.
type record struct {
	Title   string `redis:"title"`
	Begins  string `redis:"beginning"`
	Excerpt string `redis:"excerpt"`
	Author  string `redis:"author"`
	Name    string `redis:"author_name"`
	Key     string `redis:"key"`
	State   string `redis:"state"`
	Reason  string `redis:"reason"`
	Created int64  `redis:"created"`
	Sent    int64  `redis:"sent"`
	Adopted bool   `redis:"adopted"`
	AsOf    int64  `redis:"as_of"`
	Endless int64  `redis:"endless"`
	Ends    int64  `redis:"deadline"`
	Due     int64  `redis:"due"`
	Series  string `redis:"series"`
	Again   uint8  `redis:"again"`
	Confirm bool   `redis:"confirm"`
}

func (r record) message(group string, number int) receipts.Message {
	return receipts.Message{
		Group: group, Number: number, Title: r.Title, Beginning: r.Begins, Excerpt: r.Excerpt, Deadline: fromMillis(r.Ends),
		Author: receipts.Person{UserID: r.Author, Name: r.Name},
		Key:    r.Key, State: receipts.State(r.State), Reason: receipts.Reason(r.Reason),
		CreatedAt: fromMillis(r.Created), SentAt: fromMillis(r.Sent), Adopted: r.Adopted,
		Due: fromMillis(r.Due), Series: r.Series, Again: receipts.Weekdays(r.Again), Confirm: r.Confirm,
	}
}

func fromMillis(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms)
}

func toMillis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

// Begin implements receipts.Records.
func (s *Store) Begin(ctx context.Context, d receipts.Draft) (receipts.Message, bool, error) {
	m := receipts.Message{
		Group: d.Group, Title: d.Title, Beginning: d.Beginning, Excerpt: d.Excerpt, Author: d.Author, Deadline: d.Deadline, State: receipts.Sending, CreatedAt: d.At,
		Due: d.Due, Series: d.Series, Again: d.Again, Confirm: d.Confirm,
	}
	if !d.Due.IsZero() {
		m.State = receipts.Scheduled
	}
	return s.begin(ctx, s.keys.group(d.Group).command(d.Command), m, d.Audience, d.Content)
}

// Adopt implements receipts.Records.
func (s *Store) Adopt(ctx context.Context, m receipts.Message) (receipts.Message, error) {
	adopted, _, err := s.begin(ctx, s.keys.group(m.Group).processQueryKey(m.Key), m, nil, "")
	if errors.Is(err, errPost) {
		return s.ByKey(ctx, m.Group, m.Key)
	}
	return adopted, err
}

// errPost means that a processQueryKey is that of a post that is no message.
var errPost = errors.New("the key is that of a post")

// RecordPost implements receipts.Records.
func (s *Store) RecordPost(ctx context.Context, group, key string, about int) error {
	post := postMark + strconv.Itoa(about)
	if err := s.rdb.Set(ctx, s.keys.group(group).processQueryKey(key), post, s.keepFor()).Err(); err != nil {
		return fmt.Errorf("record post: %w", err)
	}
	return nil
}

func (s *Store) begin(ctx context.Context, origin string, m receipts.Message, audience *receipts.Members, content string) (receipts.Message, bool, error) {
	keys := s.keys.group(m.Group)
	list, since, err := audienceOf(audience)
	if err != nil {
		return receipts.Message{}, false, err
	}
	kept := s.keepFor()
	if m.Due.After(m.CreatedAt) { // it is kept as long from its sending
		kept += m.Due.Sub(m.CreatedAt)
	}
	result, err := beginScript.Run(ctx, s.rdb,
		[]string{origin, keys.sequence(), keys.messages(), keys.moved(), keys.announced()},
		kept.Milliseconds(), list, rand.Text(), since, content,
		"title", m.Title, "beginning", m.Beginning, "excerpt", m.Excerpt, "deadline", toMillis(m.Deadline), "author", m.Author.UserID, "author_name", m.Author.Name,
		"key", m.Key, "state", string(m.State), "created", toMillis(m.CreatedAt), "sent", toMillis(m.SentAt), "adopted", m.Adopted,
		"due", toMillis(m.Due), "series", m.Series, "again", uint8(m.Again), "confirm", m.Confirm,
	).Int64Slice()
	if err != nil {
		return receipts.Message{}, false, fmt.Errorf("record message: %w", err)
	}
	m.Number = int(result[0])
	switch result[1] {
	case 1:
		return m, false, nil
	case -1:
		return receipts.Message{}, false, errPost
	}
	m, err = s.message(ctx, m.Group, m.Number)
	return m, true, err
}

// BeginStep implements receipts.StepLog.
func (s *Store) BeginStep(ctx context.Context, group, step, try string) (bool, error) {
	first, err := firstScript.Run(ctx, s.rdb, []string{s.keys.group(group).posting(step)}, try, runKeptFor.Milliseconds()).Int()
	if err != nil {
		return false, fmt.Errorf("note a step: %w", err)
	}
	return first == 1, nil
}

// DropStep implements receipts.StepLog.
func (s *Store) DropStep(ctx context.Context, group, step, try string) error {
	if err := dropStepScript.Run(ctx, s.rdb, []string{s.keys.group(group).posting(step)}, try).Err(); err != nil {
		return fmt.Errorf("forget a step: %w", err)
	}
	return nil
}

// Mark implements receipts.Records.
func (s *Store) Mark(ctx context.Context, group string, number int, c receipts.Change) (receipts.Message, error) {
	keys := s.keys.group(group)
	byKey := keys.message(number)
	args := []any{string(c.To), spaced(c.To.Before()), number, "reason", string(c.Reason)}
	if c.Key != "" {
		byKey = keys.processQueryKey(c.Key)
		args = append(args, "key", c.Key, "sent", toMillis(c.SentAt))
	}
	result, err := markScript.Run(ctx, s.rdb, []string{keys.message(number), byKey}, args...).Slice()
	if err != nil {
		return receipts.Message{}, fmt.Errorf("mark message %s: %w", c.To, err)
	}
	how, r, err := numbered(result)
	switch m := r.message(group, number); {
	case err != nil:
		return receipts.Message{}, fmt.Errorf("mark message %s: %w", c.To, err)
	case how < 0:
		return receipts.Message{}, receipts.ErrNoMessage
	case how == 0:
		return m, fmt.Errorf("%s to %s: %w", m.State, c.To, receipts.ErrWrongState)
	default:
		return m, nil
	}
}

// spaced puts each state between two spaces, as the scripts look for it.
func spaced(states []receipts.State) string {
	list := " "
	for _, state := range states {
		list += string(state) + " "
	}
	return list
}

// numbered reads a script's result of a number and a record.
func numbered(result any) (int, record, error) {
	var r record
	pair, _ := result.([]any)
	if len(pair) != 2 {
		return 0, r, fmt.Errorf("unexpected result %T", result)
	}
	number, isNumber := pair[0].(int64)
	flat, isList := pair[1].([]any)
	if !isNumber || !isList || len(flat)%2 != 0 {
		return 0, r, fmt.Errorf("unexpected result %T, %T", pair[0], pair[1])
	}
	if err := redis.NewMapStringStringResult(hashOf(flat), nil).Scan(&r); err != nil {
		return 0, r, fmt.Errorf("read message: %w", err)
	}
	return int(number), r, nil
}

// hashOf reads fields and values as a script returns them.
func hashOf(flat []any) map[string]string {
	hash := make(map[string]string, len(flat)/2)
	for i := 0; i+1 < len(flat); i += 2 {
		field, _ := flat[i].(string)
		hash[field], _ = flat[i+1].(string)
	}
	return hash
}

func (s *Store) message(ctx context.Context, group string, number int) (receipts.Message, error) {
	var r record
	if err := s.rdb.HGetAll(ctx, s.keys.group(group).message(number)).Scan(&r); err != nil {
		return receipts.Message{}, fmt.Errorf("read message: %w", err)
	}
	if r.State == "" {
		return receipts.Message{}, receipts.ErrNoMessage
	}
	return r.message(group, number), nil
}

// ByKey implements receipts.Records.
func (s *Store) ByKey(ctx context.Context, group, key string) (receipts.Message, error) {
	keys := s.keys.group(group)
	result, err := byKeyScript.Run(ctx, s.rdb, []string{keys.processQueryKey(key), keys.messages()}).Slice()
	if err != nil {
		return receipts.Message{}, fmt.Errorf("find message by its key: %w", err)
	}
	number, r, err := numbered(result)
	switch {
	case err != nil:
		return receipts.Message{}, fmt.Errorf("find message by its key: %w", err)
	case number < 0:
		return receipts.Message{}, receipts.ErrNoMessage
	case r.State == "": // a post about none, or about one whose time is over
		return receipts.Message{}, receipts.ErrNotMessage
	}
	return r.message(group, number), nil
}

// Latest implements receipts.Records.
func (s *Store) Latest(ctx context.Context, group string) (receipts.Message, error) {
	keys := s.keys.group(group)
	result, err := latestScript.Run(ctx, s.rdb, []string{keys.announced(), keys.messages()}, spaced(receipts.Current())).Slice()
	if err != nil {
		return receipts.Message{}, fmt.Errorf("read the latest message: %w", err)
	}
	number, r, err := numbered(result)
	switch {
	case err != nil:
		return receipts.Message{}, fmt.Errorf("read the latest message: %w", err)
	case number == 0:
		return receipts.Message{}, receipts.ErrNoMessage
	}
	return r.message(group, number), nil
}

// Recent implements receipts.Records.
func (s *Store) Recent(ctx context.Context, group string, limit int) ([]receipts.Message, error) {
	if limit == 0 { // which would be all to Redis
		return nil, nil
	}
	keys := s.keys.group(group)
	rows, err := recentScript.Run(ctx, s.rdb, []string{keys.announced(), keys.messages()}, limit).Slice()
	if err != nil {
		return nil, fmt.Errorf("read the last messages: %w", err)
	}
	messages := make([]receipts.Message, len(rows))
	for i, row := range rows {
		number, r, err := numbered(row)
		if err != nil {
			return nil, fmt.Errorf("read the last messages: %w", err)
		}
		messages[i] = r.message(group, number)
	}
	return messages, nil
}

// Snapshot implements receipts.Records.
func (s *Store) Snapshot(ctx context.Context, group string, number int) (receipts.Snapshot, error) {
	// At one moment: a record that is found just before its time is over is never
	// put together with reads that are gone.
	pipe := s.rdb.TxPipeline()
	answers := s.askKept(ctx, pipe, group, number)
	_, _ = pipe.Exec(ctx) // each answer is looked at by itself: a missing audience is no error
	return answers.kept(group, number)
}

// RecentSnapshots implements receipts.Records.
func (s *Store) RecentSnapshots(ctx context.Context, group string, limit int) ([]receipts.Snapshot, error) {
	numbers, err := s.lastNumbers(ctx, group, limit)
	if err != nil {
		return nil, err
	}
	pipe := s.rdb.TxPipeline()
	var answers []keptAnswers
	for _, number := range numbers {
		answers = append(answers, s.askKept(ctx, pipe, group, number))
	}
	_, _ = pipe.Exec(ctx)
	var all []receipts.Snapshot
	for i, a := range answers {
		kept, err := a.kept(group, numbers[i])
		switch {
		case errors.Is(err, receipts.ErrNoMessage): // its time is over
		case err != nil:
			return nil, err
		default:
			all = append(all, kept)
		}
	}
	return all, nil
}

// lastNumbers are those of the group's last messages, the newest first.
func (s *Store) lastNumbers(ctx context.Context, group string, limit int) ([]int, error) {
	if limit == 0 { // which would be all to Redis
		return nil, nil
	}
	members, err := s.rdb.ZRevRange(ctx, s.keys.group(group).announced(), 0, int64(limit)-1).Result()
	if err != nil {
		return nil, fmt.Errorf("read the last numbers: %w", err)
	}
	numbers := make([]int, len(members))
	for i, member := range members {
		if numbers[i], err = strconv.Atoi(member); err != nil {
			return nil, fmt.Errorf("read the last numbers: %w", err)
		}
	}
	return numbers, nil
}

// keptAnswers are what Redis is asked for of one message.
type keptAnswers struct {
	hash, moves, reads, confirmations, reminders *redis.MapStringStringCmd
	audience, follow                             *redis.StringCmd
}

func (s *Store) askKept(ctx context.Context, pipe redis.Pipeliner, group string, number int) keptAnswers {
	keys := s.keys.group(group)
	return keptAnswers{
		hash: pipe.HGetAll(ctx, keys.message(number)), audience: pipe.Get(ctx, keys.audience(number)), moves: pipe.HGetAll(ctx, keys.moves(number)), reads: pipe.HGetAll(ctx, keys.reads(number)),
		confirmations: pipe.HGetAll(ctx, keys.confirmations(number)), reminders: pipe.HGetAll(ctx, keys.reminders(number)), follow: pipe.HGet(ctx, keys.followUp(number), followUpField),
	}
}

// kept reads the answers.
func (a keptAnswers) kept(group string, number int) (receipts.Snapshot, error) {
	for _, err := range []error{a.hash.Err(), a.audience.Err(), a.moves.Err(), a.reads.Err(), a.confirmations.Err(), a.reminders.Err(), a.follow.Err()} {
		if err != nil && !errors.Is(err, redis.Nil) {
			return receipts.Snapshot{}, fmt.Errorf("read what is known: %w", err)
		}
	}
	var r record
	if err := a.hash.Scan(&r); err != nil {
		return receipts.Snapshot{}, fmt.Errorf("read message: %w", err)
	}
	if r.State == "" {
		return receipts.Snapshot{}, receipts.ErrNoMessage
	}
	kept := receipts.Snapshot{Message: r.message(group, number), AsOf: fromMillis(r.AsOf), EndlessAt: fromMillis(r.Endless)}
	var err error
	for id, text := range a.reminders.Val() {
		times, err := strconv.Atoi(text)
		if err != nil {
			return receipts.Snapshot{}, fmt.Errorf("read how often somebody was reminded: %w", err)
		}
		if kept.Reminders == nil {
			kept.Reminders = map[string]int{}
		}
		kept.Reminders[id] = times
	}
	for id, text := range a.confirmations.Val() {
		at, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return receipts.Snapshot{}, fmt.Errorf("read when somebody confirmed: %w", err)
		}
		if kept.Confirmations == nil {
			kept.Confirmations = map[string]time.Time{}
		}
		kept.Confirmations[id] = time.UnixMilli(at)
	}
	if text := a.follow.Val(); text != "" {
		if kept.FollowUp, err = decodeFollowUp(text); err != nil {
			return receipts.Snapshot{}, err
		}
	}
	for id, text := range a.moves.Val() {
		if kept.Moves == nil {
			kept.Moves = map[string][]receipts.Sighting{}
		}
		for text := range strings.SplitSeq(text, " ") {
			move, err := decodeSign(text)
			if err != nil {
				return receipts.Snapshot{}, fmt.Errorf("read who came or left: %w", err)
			}
			kept.Moves[id] = append(kept.Moves[id], move)
		}
	}
	if kept.Reads, err = decodeReads(a.reads.Val()); err != nil {
		return receipts.Snapshot{}, err
	}
	if text := a.audience.Val(); text != "" {
		if kept.Audience, err = decodeMembers(text); err != nil {
			return receipts.Snapshot{}, err
		}
	}
	return kept, nil
}

var _ interface {
	receipts.Store
	receipts.PushRecords
} = (*Store)(nil)
