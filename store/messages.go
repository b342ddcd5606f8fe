package store

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
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

// memberList is the JSON of a member list.
type memberList struct {
	UserIDs   []string `json:"users"`
	Outsiders int      `json:"outsiders,omitempty"`
	Source    string   `json:"source"`
	At        int64    `json:"at"`
}

func encodeMembers(m receipts.Members) (string, error) {
	text, err := json.Marshal(memberList{m.UserIDs, m.Outsiders, string(m.Source), toMillis(m.At)})
	return string(text), err
}

func decodeMembers(text string) (*receipts.Members, error) {
	var list memberList
	if err := json.Unmarshal([]byte(text), &list); err != nil {
		return nil, fmt.Errorf("read member list: %w", err)
	}
	return &receipts.Members{
		UserIDs: list.UserIDs, Outsiders: list.Outsiders,
		Source: receipts.Source(list.Source), At: fromMillis(list.At),
	}, nil
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

// audienceOf is an audience as the scripts take it: as JSON, and since when moves may not be
// in it, in Unix milliseconds.
func audienceOf(audience *receipts.Members) (list string, since int64, err error) {
	if audience == nil {
		return "", 0, nil
	}
	list, err = encodeMembers(*audience)
	return list, audience.SyncedUntil().UnixMilli(), err
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

// exactMark begins the value of a read whose time DingTalk pushed.
const exactMark = "="

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

// KnownMembers implements receipts.MemberRecords. The userIds come in their own
// order.
func (s *Store) KnownMembers(ctx context.Context, group string) (*receipts.Members, []receipts.Refusal, error) {
	keys := s.keys.group(group)
	pipe := s.rdb.Pipeline()
	about := pipe.HGetAll(ctx, keys.membersAbout())
	userIDs := pipe.HKeys(ctx, keys.members())
	kept := pipe.HGetAll(ctx, keys.refusals())
	if _, err := pipe.Exec(ctx); err != nil {
		return nil, nil, fmt.Errorf("read known members: %w", err)
	}
	refusals, err := decodeRefusals(kept.Val())
	if err != nil {
		return nil, nil, err
	}
	var list struct {
		Source    string `redis:"source"`
		Outsiders int    `redis:"outsiders"`
		At        int64  `redis:"at"`
	}
	if err := about.Scan(&list); err != nil {
		return nil, nil, fmt.Errorf("read known members: %w", err)
	}
	if list.Source == "" {
		return nil, refusals, nil
	}
	return &receipts.Members{
		UserIDs: slices.Sorted(slices.Values(userIDs.Val())), Outsiders: list.Outsiders,
		Source: receipts.Source(list.Source), At: fromMillis(list.At),
	}, refusals, nil
}

// SaveMembers implements receipts.MemberRecords.
func (s *Store) SaveMembers(ctx context.Context, group string, m receipts.Members, names receipts.Names) error {
	keys := s.keys.group(group)
	_, err := s.rdb.TxPipelined(ctx, func(p redis.Pipeliner) error {
		s.setNames(ctx, p, group, names)
		p.Del(ctx, keys.members())
		for ids := range slices.Chunk(m.UserIDs, perCommand) {
			p.HSet(ctx, keys.members(), pairs(ids, func(string) string { return "" }))
		}
		p.HSet(ctx, keys.membersAbout(), "source", string(m.Source), "outsiders", m.Outsiders, "at", toMillis(m.At))
		p.PExpire(ctx, keys.members(), s.keepFor())
		p.PExpire(ctx, keys.membersAbout(), s.keepFor())
		catchUpScript.Eval(ctx, p, []string{keys.members(), keys.moved()}, m.SyncedUntil().UnixMilli(), s.keepFor().Milliseconds())
		return nil
	})
	if err != nil {
		return fmt.Errorf("keep members: %w", err)
	}
	return nil
}

// AddMembers implements receipts.MemberRecords.
func (s *Store) AddMembers(ctx context.Context, group string, userIDs []string, at receipts.EventTime) error {
	return s.changeMembers(ctx, group, "add", userIDs, at)
}

// RemoveMembers implements receipts.MemberRecords.
func (s *Store) RemoveMembers(ctx context.Context, group string, userIDs []string, at receipts.EventTime) error {
	return s.changeMembers(ctx, group, "remove", userIDs, at)
}

// Names implements receipts.NameRecords.
func (s *Store) Names(ctx context.Context, group string, userIDs []string) (receipts.Names, error) {
	names := receipts.Names{}
	if len(userIDs) == 0 {
		return names, nil
	}
	values, err := s.rdb.HMGet(ctx, s.keys.group(group).names(), userIDs...).Result()
	if err != nil {
		return nil, fmt.Errorf("read names: %w", err)
	}
	for i, value := range values {
		if name, ok := value.(string); ok {
			names[userIDs[i]] = name
		}
	}
	return names, nil
}

// SaveNames implements receipts.NameRecords. Names are kept as long as messages
// are, from the last time that any was learned.
func (s *Store) SaveNames(ctx context.Context, group string, names receipts.Names) error {
	_, err := s.rdb.Pipelined(ctx, func(p redis.Pipeliner) error {
		s.setNames(ctx, p, group, names)
		return nil
	})
	if err != nil {
		return fmt.Errorf("keep names: %w", err)
	}
	return nil
}

func (s *Store) setNames(ctx context.Context, p redis.Pipeliner, group string, names receipts.Names) {
	if len(names) == 0 {
		return
	}
	key := s.keys.group(group).names()
	for ids := range slices.Chunk(slices.Sorted(maps.Keys(names)), perCommand) {
		p.HSet(ctx, key, pairs(ids, func(id string) string { return names[id] }))
	}
	p.PExpire(ctx, key, s.keepFor())
}

// perCommand bounds the fields of one command, so that a group of 5,000 does not
// hold Redis up.
const perCommand = 500

// pairs are fields, each followed by its value, as HSET takes them.
func pairs(fields []string, value func(string) string) []string {
	all := make([]string, 0, 2*len(fields))
	for _, field := range fields {
		all = append(all, field, value(field))
	}
	return all
}

var _ interface {
	receipts.Records
	receipts.PushRecords
	receipts.MemberRecords
	receipts.NameRecords
	receipts.SeenRecords
} = (*Store)(nil)
