package store

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"whoread/receipts"
	"whoread/store/storetest"
)

// dump is every key of the store with all that it holds.
func dump(t *testing.T, s *Store) map[string]string {
	t.Helper()
	ctx := t.Context()
	all := map[string]string{}
	for _, key := range written(t, s) {
		var value any
		var err error
		switch kind := s.rdb.Type(ctx, key).Val(); kind {
		case "hash":
			value, err = s.rdb.HGetAll(ctx, key).Result()
		case "string":
			value, err = s.rdb.Get(ctx, key).Result()
		case "set":
			value, err = s.rdb.SMembers(ctx, key).Result()
		case "zset":
			value, err = s.rdb.ZRange(ctx, key, 0, -1).Result()
		default:
			err = fmt.Errorf("a key of kind %s", kind)
		}
		if err != nil {
			t.Fatalf("%s: %v", key, err)
		}
		all[key] = fmt.Sprint(value)
	}
	return all
}

// leaver is somebody in every part that a person can have.
const leaver = "leaver-0042"

// fillWith has the leaver and somebody else take part in everything.
func fillWith(t *testing.T, s *Store, group string) {
	t.Helper()
	ctx, person, other := t.Context(), receipts.Person{UserID: leaver, Name: "Lea Ver"}, "other-0007"
	both := []string{leaver, other}
	d := draft("by the leaver")
	d.Group, d.Author, d.Audience = group, person, &receipts.Members{UserIDs: both, Source: receipts.Chat, At: noon}
	m, _, err := s.Begin(ctx, d)
	no := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	no(err)
	must(s.Mark(ctx, group, m.Number, receipts.Change{To: receipts.Sent, Key: "k", SentAt: noon}))(t)
	no(s.SaveReads(ctx, group, m.Number, both, noon, noon))
	for _, id := range both {
		no(s.SaveConfirmation(ctx, group, m.Number, id, noon))
	}
	no(s.SaveMembers(ctx, group, receipts.Members{UserIDs: both, Source: receipts.Chat, At: noon}, receipts.Names{leaver: person.Name, other: "O"}))
	no(s.SavePending(ctx, group, person.UserID, receipts.Pending{Kind: receipts.PendingReminder, Number: 1, People: []string{person.UserID}}))
	no(s.SaveGroupUpdate(ctx, group, receipts.GroupUpdate{Speaker: person, Title: "title", At: noon}))
	_, _, err = s.BeginReminder(ctx, group, m.Number, receipts.Reminder{
		Run: "run", At: noon, Who: person, Batches: []receipts.Batch{{By: receipts.Mention, UserIDs: both}},
	}, time.Minute)
	no(err)
	for i, o := range []receipts.Outcome{{Reached: both}, {Missed: receipts.Missed{Unknown: both}}, {Missed: receipts.Missed{Flooded: both}}} {
		_, _, err = beginBatch(ctx, s, group, m.Number, "run", i)
		no(err)
		no(s.EndBatch(ctx, group, m.Number, "run", i, o))
	}
	f := followUpOf("follow")
	f.Starter, f.Stopper, f.Tell = person, person, both
	must(s.Follow(ctx, group, m.Number, f))(t)
}

func TestAPersonIsErasedFromEverything(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, b storetest.Backend) {
		s := open(t, b)
		for _, g := range []string{group, "cidOther=="} {
			fillWith(t, s, g)
		}
		before := dump(t, s)
		held := 0
		for key, value := range before {
			if strings.Contains(value, leaver) {
				held++
				if s.rdb.PTTL(t.Context(), key).Val() < 0 {
					t.Errorf("%s has no time", key)
				}
			}
		}
		if held < 20 {
			t.Fatalf("only %d keys to erase from", held)
		}
		if n, err := s.ForgetUser(t.Context(), leaver, true); n != held || err != nil {
			t.Fatalf("dry: %d, %v; want %d", n, err, held)
		}
		if diff := cmp.Diff(before, dump(t, s)); diff != "" {
			t.Fatalf("a dry run changed (-before +after):\n%s", diff)
		}
		if n, err := s.ForgetUser(t.Context(), leaver, false); n != held || err != nil {
			t.Fatalf("%d, %v; want %d", n, err, held)
		}
		for key, value := range dump(t, s) {
			if strings.Contains(value, leaver) || strings.Contains(value, "Lea Ver") {
				t.Errorf("%s still holds the person: %s", key, value)
			}
			if strings.Contains(before[key], "other-0007") && !strings.Contains(value, "other-0007") {
				t.Errorf("%s lost somebody else: %s", key, value)
			}
			if strings.Contains(before[key], leaver) && s.rdb.PTTL(t.Context(), key).Val() < 0 {
				t.Errorf("%s has no time any more", key)
			}
		}
		kept, err := s.Snapshot(t.Context(), group, 1)
		if err != nil || len(kept.Reads) != 1 || len(kept.Audience.UserIDs) != 1 || kept.Message.State != receipts.Sent {
			t.Errorf("what is left: %+v, %v", kept, err)
		}
		if n, err := s.ForgetUser(t.Context(), leaver, false); n != 0 || err != nil {
			t.Errorf("again: %d, %v", n, err)
		}
	})
}

// A userId that is the name of a field of ours erases nothing else.
func TestErasingAPersonErasesNothingOfOurs(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, b storetest.Backend) {
		s := open(t, b)
		fillWith(t, s, group)
		before := dump(t, s)
		for _, id := range []string{"state", "title", "follow_up", "reminder", "begun:0", "source", "webhook", "version"} {
			if n, err := s.ForgetUser(t.Context(), id, false); n != 0 || err != nil {
				t.Errorf("%s: %d, %v", id, n, err)
			}
		}
		if diff := cmp.Diff(before, dump(t, s)); diff != "" {
			t.Errorf("(-before +after):\n%s", diff)
		}
	})
}

func TestAGroupIsErasedAndNoOther(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, b storetest.Backend) {
		s := open(t, b)
		others := []string{"cid*", "cid?1b2C3==", group + "x", "cid"}
		for _, g := range append(others, group) {
			fill(t, s, g)
		}
		before := written(t, s)
		n, err := s.ForgetGroup(t.Context(), group, true)
		if err != nil || n == 0 || !cmp.Equal(before, written(t, s)) {
			t.Fatalf("dry: %d, %v", n, err)
		}
		if erased, err := s.ForgetGroup(t.Context(), group, false); erased != n || err != nil {
			t.Fatalf("%d, %v; want %d", erased, err, n)
		}
		tag := s.keys.group(group).tag
		for _, key := range written(t, s) {
			if strings.HasPrefix(key, tag) {
				t.Errorf("%s is left", key)
			}
		}
		if left := len(written(t, s)); left != len(before)-n {
			t.Errorf("%d keys are left; want %d", left, len(before)-n)
		}
	})
}

func TestErasingInACluster(t *testing.T) {
	t.Parallel()
	b := storetest.Backend{URL: storetest.Cluster(t), KeyPrefix: "forget"}
	s := open(t, b)
	fillWith(t, s, group)
	if n, err := s.ForgetUser(t.Context(), leaver, false); n == 0 || err != nil {
		t.Errorf("person: %d, %v", n, err)
	}
	if n, err := s.ForgetGroup(t.Context(), group, false); n == 0 || err != nil {
		t.Errorf("group: %d, %v", n, err)
	}
}
