package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/redis/go-redis/v9"

	"whoread/receipts"
)

// scanCount is about how many keys one step of a search looks at, so that Redis is
// not held up.
const scanCount = 500

// changeTries bounds how often the change of one key is tried while others change it.
const changeTries = 10

// ForgetGroup erases all that is kept of a group, its numbers included, and returns
// how many keys that were; with dry, how many there are.
func (s *Store) ForgetGroup(ctx context.Context, group string, dry bool) (int, error) {
	count := 0
	err := s.eachKey(ctx, glob(s.keys.group(group).tag)+":*", func(rdb redis.Cmdable, keys []string) error {
		count += len(keys)
		if dry {
			return nil
		}
		for _, key := range keys { // one by one: a Cluster wants each in its slot
			if err := rdb.Unlink(ctx, key).Err(); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return count, fmt.Errorf("forget group: %w", err)
	}
	return count, nil
}

// ForgetUser erases a person from all that is kept of all groups, and returns how many
// keys held something; with dry, how many hold something. Counts of readers become
// smaller by one. Members that DingTalk still lists come back with the next listing.
func (s *Store) ForgetUser(ctx context.Context, userID string, dry bool) (int, error) {
	count := 0
	err := s.eachKey(ctx, glob("{"+s.keys.prefix+":group:")+"*", func(_ redis.Cmdable, keys []string) error {
		for _, key := range keys {
			held, err := s.forgetIn(ctx, key, userID, dry)
			if err != nil {
				return err
			}
			if held {
				count++
			}
		}
		return nil
	})
	if err != nil {
		return count, fmt.Errorf("forget person: %w", err)
	}
	asked, err := s.forgetQuestions(ctx, userID, dry)
	if err != nil {
		return count, fmt.Errorf("forget what a person's questions have cost: %w", err)
	}
	return count + asked, nil
}

// eachKey calls do with the keys that match, in portions. A key may come twice.
func (s *Store) eachKey(ctx context.Context, pattern string, do func(rdb redis.Cmdable, keys []string) error) error {
	scan := func(ctx context.Context, rdb redis.Cmdable) error {
		for cursor := uint64(0); ; {
			keys, next, err := rdb.Scan(ctx, cursor, pattern, scanCount).Result()
			if err != nil {
				return err
			}
			if err := do(rdb, keys); err != nil {
				return err
			}
			if cursor = next; cursor == 0 {
				return nil
			}
		}
	}
	cluster, ok := s.rdb.(*redis.ClusterClient)
	if !ok {
		return scan(ctx, s.rdb)
	}
	var masters []*redis.Client
	found := make(chan *redis.Client, 1_000) // a Cluster has no more masters
	if err := cluster.ForEachMaster(ctx, func(_ context.Context, master *redis.Client) error { found <- master; return nil }); err != nil {
		return err
	}
	close(found)
	for master := range found {
		masters = append(masters, master)
	}
	for _, master := range masters {
		if err := scan(ctx, master); err != nil {
			return err
		}
	}
	return nil
}

// glob makes a text match nothing but itself.
func glob(text string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`, `]`, `\]`).Replace(text)
}

// forgetIn erases a person from one key, whichever it is, and reports whether it held
// anything.
func (s *Store) forgetIn(ctx context.Context, key, userID string, dry bool) (held bool, err error) {
	for range changeTries {
		held = false
		err = s.rdb.Watch(ctx, func(tx *redis.Tx) error {
			kind, err := tx.Type(ctx, key).Result()
			if err != nil {
				return err
			}
			var change func(p redis.Pipeliner)
			switch kind {
			case "hash":
				change, err = forgetInHash(ctx, tx, key, userID)
				if strings.HasSuffix(key, keyOfPending(userID)) {
					change = func(p redis.Pipeliner) { p.Unlink(ctx, key) }
				}
			case "string":
				change, err = forgetInText(ctx, tx, key, userID)
			}
			if err != nil || change == nil {
				return err
			}
			held = true
			if dry {
				return nil
			}
			_, err = tx.TxPipelined(ctx, func(p redis.Pipeliner) error { change(p); return nil })
			return err
		}, key)
		if !errors.Is(err, redis.TxFailedErr) {
			return held, err
		}
	}
	return held, fmt.Errorf("%s changed all the time: %w", key, err)
}

// peopleKeys are the ends of the keys of Hashes whose fields are userIds.
var peopleKeys = []string{":members", ":moved", ":moves", ":seen", ":names", ":reads", ":readers", ":confirmations", ":reminders"}

// keyOfPending is how the keys of a person's questions end.
func keyOfPending(userID string) string { return groupKeys{}.pending(userID) }

// forgetInHash returns how to erase a person from a Hash; nil if it does not hold them.
func forgetInHash(ctx context.Context, tx *redis.Tx, key, userID string) (func(p redis.Pipeliner), error) {
	fields, err := tx.HGetAll(ctx, key).Result()
	if err != nil {
		return nil, err
	}
	changed := map[string]string{}
	_, listed := fields[userID]
	listed = listed && slices.ContainsFunc(peopleKeys, func(end string) bool { return strings.HasSuffix(key, end) })
	if fields["author"] == userID {
		changed["author"], changed["author_name"] = "", ""
	}
	for field, text := range fields {
		if text == "" || text[0] != '{' || field == userID {
			continue
		}
		without, held, err := forgetInJSON(field, text, userID)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", key, err)
		}
		if held {
			changed[field] = without
		}
	}
	if !listed && len(changed) == 0 {
		return nil, nil
	}
	return func(p redis.Pipeliner) {
		if listed {
			p.HDel(ctx, key, userID)
		}
		if len(changed) > 0 {
			p.HSet(ctx, key, changed)
		}
	}, nil
}

// forgetInText returns how to erase a person from an audience; nil if it does not hold
// them, or is none.
func forgetInText(ctx context.Context, tx *redis.Tx, key, userID string) (func(p redis.Pipeliner), error) {
	if !strings.HasSuffix(key, ":audience") {
		return nil, nil
	}
	text, err := tx.Get(ctx, key).Result()
	if err != nil {
		return nil, err
	}
	members, err := decodeMembers(text)
	if err != nil || !slices.Contains(members.UserIDs, userID) {
		return nil, err
	}
	text, err = encodeMembers(members.Without([]string{userID}))
	return func(p redis.Pipeliner) { p.Set(ctx, key, text, redis.KeepTTL) }, err
}

// forgetInJSON erases a person from the JSON of a reminder, an outcome or a follow-up,
// by the name of its field.
func forgetInJSON(field, text, userID string) (without string, held bool, err error) {
	isUser := func(id string) bool { return id == userID }
	switch {
	case field == reminderField:
		r, err := decodeReminder(text)
		if err != nil {
			return "", false, err
		}
		held = r.Who.UserID == userID || slices.ContainsFunc(r.UserIDs(), isUser)
		if r.Who.UserID == userID {
			r.Who = receipts.Person{}
		}
		for i := range r.Batches {
			r.Batches[i].UserIDs = slices.DeleteFunc(r.Batches[i].UserIDs, isUser)
		}
		without, err = encodeReminder(r)
		return without, held, err
	case field == followUpField:
		f, err := decodeFollowUp(text)
		if err != nil {
			return "", false, err
		}
		held = f.Starter.UserID == userID || f.Stopper.UserID == userID || slices.ContainsFunc(f.Tell, isUser)
		for _, person := range []*receipts.Person{&f.Starter, &f.Stopper} {
			if person.UserID == userID {
				*person = receipts.Person{}
			}
		}
		f.Tell = slices.DeleteFunc(f.Tell, isUser)
		without, err = encodeFollowUp(*f)
		return without, held, err
	case strings.HasPrefix(field, endedField):
		var o outcome
		if err := json.Unmarshal([]byte(text), &o); err != nil {
			return "", false, err
		}
		for _, list := range []*[]string{&o.Reached, &o.Unknown, &o.Flooded} {
			held = held || slices.ContainsFunc(*list, isUser)
			*list = slices.DeleteFunc(*list, isUser)
		}
		changed, err := json.Marshal(o)
		return string(changed), held, err
	}
	return "", false, nil
}

// ForgetGroup takes all jobs about a group out of the schedule, and returns how many; with
// dry, how many there are.
func (i *Inbox) ForgetGroup(ctx context.Context, group string, dry bool) (int, error) {
	jobs, err := i.Scheduled(ctx, group)
	if err != nil || dry || len(jobs) == 0 {
		return len(jobs), err
	}
	ids := make([]string, len(jobs))
	for n, j := range jobs {
		ids[n] = j.ID
	}
	return i.Cancel(ctx, ids...)
}
