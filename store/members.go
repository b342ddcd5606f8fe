package store

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"github.com/redis/go-redis/v9"

	"whoread/receipts"
)

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

// audienceOf is an audience as the scripts take it: as JSON, and since when moves may not be
// in it, in Unix milliseconds.
func audienceOf(audience *receipts.Members) (list string, since int64, err error) {
	if audience == nil {
		return "", 0, nil
	}
	list, err = encodeMembers(*audience)
	return list, audience.SyncedUntil().UnixMilli(), err
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
