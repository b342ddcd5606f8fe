package store

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/redis/go-redis/v9"
	"golang.org/x/sync/errgroup"

	"whoread/receipts"
	"whoread/receipts/receiptstest"
	"whoread/store/storetest"
)

const group = receiptstest.Group

// noon is the time of the tests' messages, in whole milliseconds as they are kept.
var noon = time.UnixMilli(1_760_000_000_123)

func draft(command string) receipts.Draft {
	return receipts.Draft{Group: group, Command: command, Title: "title of " + command, Beginning: "text of " + command, Author: receipts.Person{UserID: "u1", Name: "李雷"}, At: noon}
}

// sent returns a message that was sent with the key.
func sent(t *testing.T, s *Store, group, command, key string) receipts.Message {
	t.Helper()
	d := draft(command)
	d.Group = group
	m, _, err := s.Begin(t.Context(), d)
	if err != nil {
		t.Fatal(err)
	}
	return must(s.Mark(t.Context(), group, m.Number, receipts.Change{To: receipts.Sent, Key: key, SentAt: noon.Add(time.Second)}))(t)
}

func TestNumbersAreUniqueAndGaplessInEachGroup(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, b storetest.Backend) {
		replicas := []*Store{open(t, b), open(t, b)}
		const each = 30
		groups := []string{"cidA", "cidB"}
		numbers := map[string][]int{"cidA": make([]int, each), "cidB": make([]int, each)}
		var all errgroup.Group
		for i := range each {
			for _, g := range groups {
				all.Go(func() error {
					d := draft(fmt.Sprint("msg", i))
					d.Group = g
					if i%3 == 0 { // adopted messages are numbered with the others
						m, err := replicas[i%2].Adopt(t.Context(), receipts.Message{Group: g, Key: d.Command, State: receipts.Sent, Adopted: true})
						numbers[g][i] = m.Number
						return err
					}
					m, _, err := replicas[i%2].Begin(t.Context(), d)
					numbers[g][i] = m.Number
					return err
				})
			}
		}
		if err := all.Wait(); err != nil {
			t.Fatal(err)
		}
		var want []int
		for n := range each {
			want = append(want, n+1)
		}
		for _, g := range groups {
			if diff := cmp.Diff(want, slices.Sorted(slices.Values(numbers[g]))); diff != "" {
				t.Errorf("numbers of %s (-want +got):\n%s", g, diff)
			}
		}
	})
}

func TestNumbersMayBeLarge(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, b storetest.Backend) {
		s := open(t, b)
		const last = 9_999_999_999
		if err := s.rdb.Set(t.Context(), s.keys.group(group).sequence(), last, 0).Err(); err != nil {
			t.Fatal(err)
		}
		m := sent(t, s, group, "msg1", "key1")
		if m.Number != last+1 {
			t.Fatalf("number %d, want %d", m.Number, last+1)
		}
		if got := must(s.ByKey(t.Context(), group, "key1"))(t); got.Number != m.Number {
			t.Errorf("found by its key: number %d", got.Number)
		}
	})
}

var toSent = receipts.Change{To: receipts.Sent, Key: "key1", SentAt: noon.Add(time.Second)}

func TestWhatIsNotThere(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, b storetest.Backend) {
		s := open(t, b)
		ctx := t.Context()
		if _, err := s.Mark(ctx, group, 7, toSent); !errors.Is(err, receipts.ErrNoMessage) {
			t.Errorf("Mark: %v", err)
		}
		if _, err := s.Snapshot(ctx, group, 7); !errors.Is(err, receipts.ErrNoMessage) {
			t.Errorf("Snapshot: %v", err)
		}
		if _, err := s.ByKey(ctx, group, "key1"); !errors.Is(err, receipts.ErrNoMessage) {
			t.Errorf("ByKey: %v", err)
		}
		if m, err := s.Latest(ctx, group); !errors.Is(err, receipts.ErrNoMessage) {
			t.Errorf("Latest: %v, %v", m, err)
		}
		if recent, err := s.Recent(ctx, group, 5); len(recent) != 0 || err != nil {
			t.Errorf("Recent: %v, %v", recent, err)
		}
		if recent, err := s.RecentSnapshots(ctx, group, 5); len(recent) != 0 || err != nil {
			t.Errorf("RecentSnapshots: %v, %v", recent, err)
		}
		if err := s.SaveReads(ctx, group, 7, []string{"u1"}, noon, noon); err != nil {
			t.Errorf("SaveReads: %v", err)
		}
		if err := s.SaveAudience(ctx, group, 7, receipts.Members{UserIDs: []string{"u1"}}); err != nil {
			t.Errorf("SaveAudience: %v", err)
		}
		if members, refusals, err := s.KnownMembers(ctx, group); members != nil || refusals != nil || err != nil {
			t.Errorf("KnownMembers: %v, %v, %v", members, refusals, err)
		}
		if names, err := s.Names(ctx, group, []string{"u1"}); len(names) != 0 || err != nil {
			t.Errorf("Names: %v, %v", names, err)
		}
		if keys := written(t, s); len(keys) != 0 {
			t.Errorf("asking wrote %q", keys)
		}
	})
}

// lookalikes are conversation ids that an escape, a pattern or a hash tag could
// take for one another.
var lookalikes = []string{
	"cid a", "cid+a", "cid%20a", "cid%2Ba", "cid{a}", "cid}a", "cid{a", "{cid}a", "{}", "", "cid/a", "cid:a", "cid:a:message:1",
	"cid*", "cid?", "cid[a]", `cid\a`, "cid\na", "cid=", "CID A", "群a", "群\u202ea", "cid👍",
}

func TestNoGroupSeesAnother(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, b storetest.Backend) {
		s := open(t, b)
		ctx := t.Context()
		everybody := many(len(lookalikes))
		user := func(i int) string { return everybody[i] }
		for i, g := range lookalikes {
			if m := sent(t, s, g, "msg1", "key of "+user(i)); m.Number != 1 {
				t.Errorf("%q: first number is %d", g, m.Number)
			}
			if err := s.SaveReads(ctx, g, 1, []string{user(i)}, noon, noon); err != nil {
				t.Fatal(err)
			}
			if err := s.SaveAudience(ctx, g, 1, receipts.Members{UserIDs: []string{user(i)}}); err != nil {
				t.Fatal(err)
			}
			if err := s.SaveMembers(ctx, g, receipts.Members{UserIDs: []string{user(i)}, Source: receipts.Chat}, receipts.Names{user(i): "member of " + g}); err != nil {
				t.Fatal(err)
			}
		}
		for i, g := range lookalikes {
			for j := range lookalikes {
				m, err := s.ByKey(ctx, g, "key of "+user(j))
				if i == j && (err != nil || m.Group != g) {
					t.Errorf("%q: its own key: %+v, %v", g, m, err)
				}
				if i != j && !errors.Is(err, receipts.ErrNoMessage) {
					t.Errorf("%q: the key of %q leads to %+v, %v", g, lookalikes[j], m, err)
				}
			}
			if diff := cmp.Diff(receipts.Names{user(i): "member of " + g}, must(s.Names(ctx, g, everybody))(t)); diff != "" {
				t.Errorf("%q: names (-want +got):\n%s", g, diff)
			}
			kept := must(s.Snapshot(ctx, g, 1))(t)
			own := []string{user(i)}
			members := knownMembers(t, s, g)
			if members == nil || kept.Audience == nil {
				t.Fatalf("%q: audience %v, members %v", g, kept.Audience, members)
			}
			if !slices.Equal(kept.Audience.UserIDs, own) || !slices.Equal(members.UserIDs, own) || len(kept.Reads) != 1 || kept.Reads[user(i)].At.IsZero() {
				t.Errorf("%q: audience %v, members %v, reads %v", g, kept.Audience.UserIDs, members.UserIDs, kept.Reads)
			}
			if _, err := s.Snapshot(ctx, g, 2); !errors.Is(err, receipts.ErrNoMessage) {
				t.Errorf("%q: it has a second message: %v", g, err)
			}
			if recent := must(s.Recent(ctx, g, 50))(t); len(recent) != 1 {
				t.Errorf("%q: %d messages", g, len(recent))
			}
		}
	})
}

func TestRecent(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, b storetest.Backend) {
		s := open(t, b)
		for i := range 5 {
			sent(t, s, group, fmt.Sprint("msg", i), fmt.Sprint("key", i))
		}
		if err := s.rdb.Del(t.Context(), s.keys.group(group).message(4)).Err(); err != nil { // its time is over
			t.Fatal(err)
		}
		for _, c := range []struct {
			limit int
			want  []int
		}{
			{1, []int{5}},
			{2, []int{5}},
			{3, []int{5, 3}},
			{5, []int{5, 3, 2, 1}},
			{50, []int{5, 3, 2, 1}},
			{0, nil},
		} {
			var got []int
			for _, m := range must(s.Recent(t.Context(), group, c.limit))(t) {
				got = append(got, m.Number)
				if m.Title != "title of msg"+strconv.Itoa(m.Number-1) || m.Group != group {
					t.Errorf("limit %d: %+v", c.limit, m)
				}
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("limit %d: %v, want %v", c.limit, got, c.want)
			}
			var want []receipts.Snapshot
			for _, number := range c.want {
				want = append(want, must(s.Snapshot(t.Context(), group, number))(t))
			}
			if diff := cmp.Diff(want, must(s.RecentSnapshots(t.Context(), group, c.limit))(t)); diff != "" {
				t.Errorf("limit %d: what is kept (-want +got):\n%s", c.limit, diff)
			}
		}
	})
}

// oddIDs are userIds, of which DingTalk says little more than that they are text.
var oddIDs = []string{
	"manager4220", "0123456789", "user name", "a:b", "a{b}c", "a}b", "*", "张三", "ﺍﺤﻤﺩ", "\u202eabc", "👩\u200d👧", `"quoted"`, `back\slash`,
	"<b>&amp;", "tab\tline\nend", "${VAR}", "１２３", "-1", "NX", strings.Repeat("长", 500),
}

func TestKeptIsWhatWasKept(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, b storetest.Backend) {
		s := open(t, b)
		for i, title := range []string{
			"周五 22:00 停机维护", "Maintenance", "", " \t\n ", "👍🏽 👨\u200d👩\u200d👧", "مرحبا \u202eabc\u202c", `a\0"'{}%s`, "1", "\x00\x01",
			strings.Repeat("公告👍", 100_000),
		} {
			name := title
			if len(name) > 20 {
				name = "huge"
			}
			t.Run(fmt.Sprintf("%d %q", i, name), func(t *testing.T) {
				ctx := t.Context()
				g := fmt.Sprint("cid", i)
				at := noon.Add(987 * time.Microsecond)
				audience := receipts.Members{UserIDs: oddIDs, Outsiders: 3, Source: receipts.SceneGroup, At: noon.Add(-time.Minute)}
				_, _, err := s.Begin(ctx, receipts.Draft{
					Group: g, Command: "msg " + title, Title: title, Beginning: title, Author: receipts.Person{UserID: oddIDs[i], Name: title}, At: at, Audience: &audience,
				})
				if err != nil {
					t.Fatal(err)
				}
				key := "key/+= " + title
				if _, err := s.Mark(ctx, g, 1, receipts.Change{To: receipts.Sent, Key: key, SentAt: at.Add(time.Second)}); err != nil {
					t.Fatal(err)
				}
				if err := s.SaveReads(ctx, g, 1, oddIDs, at, at.Add(time.Hour)); err != nil {
					t.Fatal(err)
				}
				reads := receipts.Reads{}
				for _, id := range oddIDs {
					reads[id] = receipts.Read{At: noon}
				}
				want := receipts.Snapshot{
					Message: receipts.Message{
						Group: g, Number: 1, Title: title, Beginning: title, Author: receipts.Person{UserID: oddIDs[i], Name: title}, Key: key, State: receipts.Sent,
						CreatedAt: noon, SentAt: noon.Add(time.Second), // milliseconds: what is below is cut off
					},
					Audience: &audience, Reads: reads, AsOf: noon.Add(time.Hour),
				}
				if diff := cmp.Diff(want, must(s.Snapshot(ctx, g, 1))(t)); diff != "" {
					t.Errorf("(-want +got):\n%s", diff)
				}
				if diff := cmp.Diff(want.Message, must(s.ByKey(ctx, g, key))(t)); diff != "" {
					t.Errorf("by its key (-want +got):\n%s", diff)
				}
			})
		}
	})
}

func TestReadsOfAHugeGroup(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, b storetest.Backend) {
		s := open(t, b)
		sent(t, s, group, "msg1", "key1")
		ids := many(5000)
		if err := s.SaveReads(t.Context(), group, 1, ids, noon, noon); err != nil {
			t.Fatal(err)
		}
		if kept := must(s.Snapshot(t.Context(), group, 1))(t); len(kept.Reads) != len(ids) {
			t.Errorf("%d reads, want %d", len(kept.Reads), len(ids))
		}
	})
}

// fill writes every key that a group can have.
func fill(t *testing.T, s *Store, group string) {
	t.Helper()
	ctx := t.Context()
	with := draft("with audience")
	with.Group, with.Audience = group, &receipts.Members{UserIDs: []string{"a", "b"}, Source: receipts.Chat, At: noon}
	if _, _, err := s.Begin(ctx, with); err != nil {
		t.Fatal(err)
	}
	m := sent(t, s, group, "without audience", "key")
	defer func() {
		later := draft("later")
		later.Group, later.Due, later.Content = group, noon.Add(time.Hour), "text"
		if _, _, err := s.Begin(ctx, later); err != nil {
			t.Fatal(err)
		}
	}()
	must(s.Adopt(ctx, receipts.Message{Group: group, Key: "adopted", State: receipts.Sent, Adopted: true}))(t)
	if known, err := s.SavePushedReads(ctx, group, "adopted", map[string]time.Time{"a": noon}); !known || err != nil {
		t.Fatalf("keep pushed: %v, %v", known, err)
	}
	for _, err := range []error{
		s.SaveReads(ctx, group, m.Number, []string{"a"}, noon, noon),
		s.SaveAudience(ctx, group, m.Number, *with.Audience),
		s.SaveMembers(ctx, group, *with.Audience, receipts.Names{"a": "张三", "b": "Bob"}),
		s.AddMembers(ctx, group, []string{"c"}, moment(noon)),
		s.RemoveMembers(ctx, group, []string{"a"}, moment(noon)),
		s.SaveGroupUpdate(ctx, group, receipts.GroupUpdate{Speaker: receipts.Person{UserID: "d", Name: "Dan"}, Title: "产品群", At: noon}),
		s.SaveCoolApp(ctx, group, "COOLAPP-1"),
		s.RecordPost(ctx, group, "chart", m.Number),
		s.SaveRefusal(ctx, group, receipts.Refusal{Source: receipts.Chat, Reason: "denied", Until: noon}, keepFor),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	if first, err := s.BeginStep(ctx, group, "export", rand.Text()); !first || err != nil {
		t.Fatalf("first posting: %v, %v", first, err)
	}
	beginReminder(t, s, group, m.Number, reminderOf("run"))
	endBatch(t, s, group, m.Number, "run", 0, receipts.Outcome{Reached: []string{"b"}})
	follow(t, s, group, m.Number, followUpOf("follow"))
}

func TestEverythingOfAGroupHasItsTimeButTheSequenceAndTheCoolApp(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, b storetest.Backend) {
		s := open(t, b)
		fill(t, s, group)
		keys := written(t, s)
		// sequence, 2 of members, moved, names, seen, readers, title, cool app, refusals; 3 messages, 2
		// audiences, 2 moves, 2 reads, 2 commands, 3 keys; posting; run, reminded, reminders;
		// follow-up, followed
		if want := 34; len(keys) != want {
			t.Errorf("%d keys, want %d: %q", len(keys), want, keys)
		}
		g := s.keys.group(group)
		for _, key := range keys {
			left, want := must(s.rdb.PTTL(t.Context(), key).Result())(t), keepFor
			switch key {
			case g.posting("export"), g.run("run"):
				want = runKeptFor
			case g.moved():
				want = movedKeptFor
			case g.message(4), g.content(4), g.command("later"), g.announced():
				want += time.Hour // from when it will be sent
			}
			switch {
			case key == s.keys.group(group).sequence(), key == s.keys.group(group).coolApp():
				if left != -1 {
					t.Errorf("%s goes in %v", key, left)
				}
			case left <= want-time.Minute || left > want:
				t.Errorf("%s goes in %v, want %v", key, left, want)
			}
		}
	})
}

func TestWhatIsLearnedLaterGoesWithItsMessage(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, b storetest.Backend) {
		s := open(t, b)
		ctx := t.Context()
		if _, _, err := s.Begin(ctx, draft("msg1")); err != nil {
			t.Fatal(err)
		}
		const (
			left  = 10 * time.Minute // of the hour
			slack = time.Second      // the time that a script takes
		)
		keys := s.keys.group(group)
		if err := s.rdb.PExpire(ctx, keys.message(1), left).Err(); err != nil {
			t.Fatal(err)
		}
		must(s.Mark(ctx, group, 1, toSent))(t)
		for _, err := range []error{
			s.SaveReads(ctx, group, 1, []string{"a"}, noon, noon),
			s.SaveAudience(ctx, group, 1, receipts.Members{UserIDs: []string{"a"}}),
		} {
			if err != nil {
				t.Fatal(err)
			}
		}
		message := must(s.rdb.PTTL(ctx, keys.message(1)).Result())(t)
		if message > left {
			t.Errorf("the message now stays for %v", message)
		}
		// Never before the message: a report would call readers unread.
		for _, key := range []string{keys.reads(1), keys.audience(1), keys.processQueryKey("key1")} {
			if ttl := must(s.rdb.PTTL(ctx, key).Result())(t); ttl > left+slack || ttl < left-time.Minute {
				t.Errorf("%s stays for %v", key, ttl)
			}
		}
		if err := s.SaveReads(ctx, group, 1, []string{"b"}, noon, noon); err != nil {
			t.Fatal(err)
		}
		if known, err := s.SavePushedReads(ctx, group, "key1", map[string]time.Time{"c": noon}); !known || err != nil {
			t.Fatal(known, err)
		}
		// In this order, since time goes on between the two questions.
		ttl := must(s.rdb.PTTL(ctx, keys.reads(1)).Result())(t)
		message = must(s.rdb.PTTL(ctx, keys.message(1)).Result())(t)
		if ttl > left+slack || ttl < message {
			t.Errorf("reads stay for %v, their message for %v", ttl, message)
		}
	})
}

func TestTimeEndsAMessageButNotItsNumberAndTheCoolApp(t *testing.T) {
	t.Parallel()
	b := storetest.Mini(t)
	s := open(t, b)
	ctx := t.Context()
	fill(t, s, group)
	b.Mini.FastForward(keepFor - time.Millisecond)
	if recent := must(s.Recent(ctx, group, 10))(t); len(recent) != 4 {
		t.Fatalf("%d messages before the end, want 4", len(recent))
	}
	b.Mini.FastForward(time.Millisecond)

	// What commands have done is known for as long as they may be repeated, and a message that
	// waited is kept as long from its sending.
	keys := s.keys.group(group)
	if diff := cmp.Diff([]string{keys.announced(), keys.command("later"), keys.coolApp(), keys.message(4), keys.content(4), keys.posting("export"), keys.run("run"), keys.sequence()}, written(t, s)); diff != "" {
		t.Errorf("what stays (-want +got):\n%s", diff)
	}
	b.Mini.FastForward(runKeptFor)
	if diff := cmp.Diff([]string{keys.coolApp(), keys.sequence()}, written(t, s)); diff != "" {
		t.Errorf("what stays for ever (-want +got):\n%s", diff)
	}
	if recent := must(s.Recent(ctx, group, 10))(t); len(recent) != 0 {
		t.Errorf("recent: %v", recent)
	}
	if _, err := s.ByKey(ctx, group, "key"); !errors.Is(err, receipts.ErrNoMessage) {
		t.Errorf("by its key: %v", err)
	}
	if m := must(s.Adopt(ctx, receipts.Message{Group: group, Key: "key", State: receipts.Sent, Adopted: true}))(t); m.Number != 5 {
		t.Errorf("adopted after its end as #%d, want #5", m.Number)
	}
	if m := sent(t, s, group, "new", "new"); m.Number != 6 {
		t.Errorf("next number is %d, want 6", m.Number)
	}
}

// What can't be read is never taken for what is not known.
func TestABrokenRecordIsAnError(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		spoil func(ctx context.Context, s *Store, k groupKeys) error
		call  string
	}{
		"audience is no JSON": {func(ctx context.Context, s *Store, k groupKeys) error {
			return s.rdb.Set(ctx, k.audience(2), "[", keepFor).Err()
		}, "Snapshot RecentSnapshots"},
		"audience is no String": {func(ctx context.Context, s *Store, k groupKeys) error {
			return errors.Join(s.rdb.Del(ctx, k.audience(2)).Err(), s.rdb.HSet(ctx, k.audience(2), "a", "b").Err())
		}, "Snapshot RecentSnapshots"},
		"reads are no Hash": {func(ctx context.Context, s *Store, k groupKeys) error {
			return s.rdb.Set(ctx, k.reads(2), "a", keepFor).Err()
		}, "Snapshot RecentSnapshots SaveReads SavePushedReads"},
		"a read has no time": {func(ctx context.Context, s *Store, k groupKeys) error {
			return s.rdb.HSet(ctx, k.reads(2), "a", "yesterday").Err()
		}, "Snapshot RecentSnapshots"},
		"a time is no number": {func(ctx context.Context, s *Store, k groupKeys) error {
			return s.rdb.HSet(ctx, k.message(2), "created", "yesterday").Err()
		}, "Snapshot RecentSnapshots ByKey Latest Recent Mark"},
		"message is no Hash": {func(ctx context.Context, s *Store, k groupKeys) error {
			return s.rdb.Set(ctx, k.message(2), "a", keepFor).Err()
		}, "Snapshot RecentSnapshots ByKey Latest Recent Mark Sightings LastPush"},
		"sequence is no number": {func(ctx context.Context, s *Store, k groupKeys) error {
			return s.rdb.Set(ctx, k.sequence(), "a", 0).Err()
		}, "Begin Adopt Sightings LastPush"},
		"what was announced is no Sorted Set": {func(ctx context.Context, s *Store, k groupKeys) error {
			return s.rdb.Set(ctx, k.announced(), "2", keepFor).Err()
		}, "Recent RecentSnapshots Latest Begin Adopt BeginSending"},
		"what was announced has no number": {func(ctx context.Context, s *Store, k groupKeys) error {
			return s.rdb.ZAdd(ctx, k.announced(), redis.Z{Score: 100, Member: "a"}).Err()
		}, "RecentSnapshots"},
		"what is scheduled is no text": {func(ctx context.Context, s *Store, k groupKeys) error {
			return errors.Join(s.rdb.Del(ctx, k.content(4)).Err(), s.rdb.HSet(ctx, k.content(4), "a", "b").Err())
		}, "Content"},
		"key leads to no number": {func(ctx context.Context, s *Store, k groupKeys) error {
			return s.rdb.Set(ctx, k.processQueryKey("key"), "a", keepFor).Err()
		}, "ByKey"},
		"moves are no Hash": {func(ctx context.Context, s *Store, k groupKeys) error {
			return s.rdb.Set(ctx, k.moves(2), "nobody", keepFor).Err()
		}, "Snapshot RecentSnapshots"},
		"when somebody moved is no number": {func(ctx context.Context, s *Store, k groupKeys) error {
			return s.rdb.HSet(ctx, k.moves(2), "a", "+yesterday").Err()
		}, "Snapshot RecentSnapshots"},
		"who moved is no Hash": {func(ctx context.Context, s *Store, k groupKeys) error {
			return s.rdb.Set(ctx, k.moved(), "nobody", keepFor).Err()
		}, "AddMembers RemoveMembers SaveMembers"},
		"members are no Hash": {func(ctx context.Context, s *Store, k groupKeys) error {
			return s.rdb.Set(ctx, k.members(), "nobody", keepFor).Err()
		}, "KnownMembers AddMembers RemoveMembers"},
		"who was seen is no Hash": {func(ctx context.Context, s *Store, k groupKeys) error {
			return s.rdb.Set(ctx, k.seen(), "nobody", keepFor).Err()
		}, "Sightings SaveGroupUpdate AddMembers"},
		"when somebody was seen is no number": {func(ctx context.Context, s *Store, k groupKeys) error {
			return s.rdb.HSet(ctx, k.seen(), "a", "+yesterday").Err()
		}, "Sightings"},
		"readers are no Hash": {func(ctx context.Context, s *Store, k groupKeys) error {
			return errors.Join(s.rdb.Del(ctx, k.readers()).Err(), s.rdb.Set(ctx, k.readers(), "nobody", keepFor).Err())
		}, "Sightings SaveReads SavePushedReads"},
		"when somebody read is no number": {func(ctx context.Context, s *Store, k groupKeys) error {
			return s.rdb.HSet(ctx, k.readers(), "a", "2 yesterday").Err()
		}, "Sightings"},
		"which message somebody read is no number": {func(ctx context.Context, s *Store, k groupKeys) error {
			return s.rdb.HSet(ctx, k.readers(), "a", "last 1").Err()
		}, "Sightings"},
		"refusals are no Hash": {func(ctx context.Context, s *Store, k groupKeys) error {
			return s.rdb.Set(ctx, k.refusals(), "none", keepFor).Err()
		}, "Refusals KnownMembers SaveRefusal"},
		"a refusal is no JSON": {func(ctx context.Context, s *Store, k groupKeys) error {
			return s.rdb.HSet(ctx, k.refusals(), "chat", "denied").Err()
		}, "Refusals KnownMembers"},
		"what is known about members is no Hash": {func(ctx context.Context, s *Store, k groupKeys) error {
			return s.rdb.Set(ctx, k.membersAbout(), "nobody", keepFor).Err()
		}, "KnownMembers"},
		"when members were counted is no number": {func(ctx context.Context, s *Store, k groupKeys) error {
			return s.rdb.HSet(ctx, k.membersAbout(), "at", "yesterday").Err()
		}, "KnownMembers"},
		"how often people were reminded is no number": {func(ctx context.Context, s *Store, k groupKeys) error {
			return s.rdb.HSet(ctx, k.reminders(2), "b", "often").Err()
		}, "Snapshot RecentSnapshots EndBatch"},
		"how often people were reminded is no Hash": {func(ctx context.Context, s *Store, k groupKeys) error {
			return s.rdb.Set(ctx, k.reminders(2), "b", keepFor).Err()
		}, "Snapshot RecentSnapshots EndBatch"},
		"the last reminder is no Hash": {func(ctx context.Context, s *Store, k groupKeys) error {
			return s.rdb.Set(ctx, k.reminded(2, receipts.Mention), "run", keepFor).Err()
		}, "BeginReminder DropReminder"},
		"a reminder is no JSON": {func(ctx context.Context, s *Store, k groupKeys) error {
			return s.rdb.HSet(ctx, k.run("run"), "reminder", "[").Err()
		}, "BeginReminder"},
		"a run is no Hash": {func(ctx context.Context, s *Store, k groupKeys) error {
			return s.rdb.Set(ctx, k.run("run"), "begun", keepFor).Err()
		}, "BeginReminder BeginBatch EndBatch"},
		"an outcome is no JSON": {func(ctx context.Context, s *Store, k groupKeys) error {
			return s.rdb.HSet(ctx, k.run("run"), "ended:0", "reached").Err()
		}, "BeginBatch"},
		"a follow-up is no JSON": {func(ctx context.Context, s *Store, k groupKeys) error {
			return s.rdb.HSet(ctx, k.followUp(2), followUpField, "[").Err()
		}, "Snapshot RecentSnapshots FollowUp Follow"},
		"a follow-up is no Hash": {func(ctx context.Context, s *Store, k groupKeys) error {
			return s.rdb.Set(ctx, k.followUp(2), "[", keepFor).Err()
		}, "Snapshot RecentSnapshots FollowUp Follow Change"},
		"what is followed is no number": {func(ctx context.Context, s *Store, k groupKeys) error {
			return s.rdb.SAdd(ctx, k.followed(), "two").Err()
		}, "Followed"},
		"what is followed is no Set": {func(ctx context.Context, s *Store, k groupKeys) error {
			return errors.Join(s.rdb.Del(ctx, k.followed()).Err(), s.rdb.Set(ctx, k.followed(), "2", keepFor).Err())
		}, "Followed"},
		"names are no Hash": {func(ctx context.Context, s *Store, k groupKeys) error {
			return s.rdb.Set(ctx, k.names(), "nobody", keepFor).Err()
		}, "Names SaveNames"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			storetest.Each(t, func(t *testing.T, b storetest.Backend) {
				s := open(t, b)
				fill(t, s, group)
				if err := c.spoil(t.Context(), s, s.keys.group(group)); err != nil {
					t.Fatal(err)
				}
				for _, call := range strings.Fields(c.call) {
					if err := calls(s)[call](t.Context()); err == nil || errors.Is(err, receipts.ErrNoMessage) {
						t.Errorf("%s: %v", call, err)
					}
				}
			})
		})
	}
}

// inAnyOrder compares userIds of members, which are a set.
var inAnyOrder = cmpopts.SortSlices(func(a, b string) bool { return a < b })

func TestMembersAndNames(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, b storetest.Backend) {
		s := open(t, b)
		ctx := t.Context()
		names := receipts.Names{}
		for i, id := range oddIDs {
			names[id] = fmt.Sprintf("名字%d\u202e👍", i)
		}
		members := receipts.Members{UserIDs: slices.Clone(oddIDs), Outsiders: 1, Source: receipts.Roster, At: noon}
		if err := s.SaveMembers(ctx, group, members, names); err != nil {
			t.Fatal(err)
		}
		slices.Sort(members.UserIDs) // the order of the source is not kept
		if diff := cmp.Diff(&members, knownMembers(t, s, group), inAnyOrder); diff != "" {
			t.Errorf("members (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff(names, must(s.Names(ctx, group, append([]string{"stranger"}, oddIDs...)))(t)); diff != "" {
			t.Errorf("names (-want +got):\n%s", diff)
		}

		// The newest list counts; names add up.
		newer := receipts.Members{UserIDs: []string{"new"}, Source: receipts.SceneGroup, At: noon.Add(time.Hour)}
		if err := s.SaveMembers(ctx, group, newer, receipts.Names{"new": "New", "*": "renamed"}); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(&newer, knownMembers(t, s, group), inAnyOrder); diff != "" {
			t.Errorf("newer members (-want +got):\n%s", diff)
		}
		want := receipts.Names{"new": "New", "*": "renamed", "张三": names["张三"]}
		if diff := cmp.Diff(want, must(s.Names(ctx, group, []string{"new", "*", "张三"}))(t)); diff != "" {
			t.Errorf("newer names (-want +got):\n%s", diff)
		}

		// Without names, and without anybody to name.
		if err := s.SaveMembers(ctx, group, newer, nil); err != nil {
			t.Error(err)
		}
		if names := must(s.Names(ctx, group, nil))(t); names == nil || len(names) != 0 {
			t.Errorf("names of nobody: %v", names)
		}
	})
}

func TestNamesOfAHugeGroup(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, b storetest.Backend) {
		s := open(t, b)
		ids := many(2*perCommand + 1)
		names := receipts.Names{}
		for _, id := range ids {
			names[id] = "name of " + id
		}
		if err := s.SaveNames(t.Context(), group, names); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(names, must(s.Names(t.Context(), group, ids))(t)); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
}

// What must hold when Redis did as it was told and its answer was lost on the
// way: the client asks again by itself, and the caller notices nothing.
func TestALostAnswerChangesNothing(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, b storetest.Backend) {
		s, p := proxied(t, b)
		ctx := t.Context()
		sent(t, s, group, "msg1", "key1")
		inbox := s.Inbox(DefaultInboxOptions(), nil)
		for name, call := range map[string]func() error{
			"Begin": func() error {
				m, again, err := s.Begin(ctx, draft("lost"))
				if again || m.Number != 2 || m.State != receipts.Sending {
					t.Errorf("Begin: again %v, %+v", again, m)
				}
				return err
			},
			"Adopt": func() error {
				_, err := s.Adopt(ctx, receipts.Message{Group: "cidAdopt", Key: "lost", State: receipts.Sent, Adopted: true})
				if recent := must(s.Recent(ctx, "cidAdopt", 9))(t); len(recent) != 1 || recent[0].Number != 1 {
					t.Errorf("Adopt: %+v", recent)
				}
				return err
			},
			"Mark": func() error {
				sent(t, s, "cidMark", "msg1", "key1")
				p.LoseReply()
				m, err := s.Mark(ctx, "cidMark", 1, receipts.Change{To: receipts.Recalled})
				if m.State != receipts.Recalled {
					t.Errorf("Mark: %+v", m)
				}
				return err
			},
			"SaveReads":    func() error { return s.SaveReads(ctx, group, 1, []string{"a"}, noon, noon) },
			"SaveAudience": func() error { return s.SaveAudience(ctx, group, 1, receipts.Members{UserIDs: []string{"a"}}) },
			"SaveMembers": func() error {
				members := receipts.Members{UserIDs: []string{"a"}, Source: receipts.Chat}
				if s.SaveMembers(ctx, group, members, nil) == nil {
					return nil
				}
				return s.SaveMembers(ctx, group, members, nil) // the client repeats no transaction by itself
			},
			"AddMembers": func() error { return s.AddMembers(ctx, group, []string{"b"}, moment(noon)) },
			"SaveGroupUpdate": func() error {
				return s.SaveGroupUpdate(ctx, group, receipts.GroupUpdate{Speaker: receipts.Person{UserID: "b", Name: "B"}, Title: "title", At: noon})
			},
			"SaveCoolApp":   func() error { return s.SaveCoolApp(ctx, group, "COOLAPP-1") },
			"DeleteCoolApp": func() error { return s.DeleteCoolApp(ctx, group, "COOLAPP-2") },
			"SaveRefusal": func() error {
				refusal := receipts.Refusal{Source: receipts.Chat, Reason: "denied", Until: noon}
				if s.SaveRefusal(ctx, group, refusal, keepFor) == nil {
					return nil
				}
				return s.SaveRefusal(ctx, group, refusal, keepFor) // the client repeats no transaction by itself
			},
			"SavePushedReads": func() error {
				known, err := s.SavePushedReads(ctx, group, "key1", map[string]time.Time{"a": noon})
				if !known {
					t.Error("SavePushedReads: the message is not known")
				}
				return err
			},
			"RecordPost": func() error { return s.RecordPost(ctx, group, "chart", 1) },
			"SaveNames":  func() error { return s.SaveNames(ctx, group, receipts.Names{"a": "A"}) },
			"Accept": func() error {
				fresh, err := inbox.Accept(ctx, command("lost", "command"))
				if !fresh {
					t.Error("Accept: the command counts as a repetition of itself")
				}
				if n := must(s.rdb.XLen(ctx, s.keys.inbox().stream()).Result())(t); n != 1 {
					t.Errorf("Accept: %d commands in the inbox", n)
				}
				return err
			},
		} {
			p.LoseReply()
			if err := call(); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			if !p.ReplyLost() {
				t.Fatalf("%s: no answer was lost", name)
			}
		}
		// To the next who asks, they are repetitions.
		if m, again, err := s.Begin(ctx, draft("lost")); m.Number != 2 || !again || err != nil {
			t.Errorf("Begin again: #%d, again %v, %v", m.Number, again, err)
		}
		if fresh, err := inbox.Accept(ctx, command("lost", "command")); fresh || err != nil {
			t.Errorf("Accept again: %v, %v", fresh, err)
		}
	})
}

// A Redis that is away is never taken for a Redis that knows nothing.
func TestWithoutRedisEveryCallFails(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, b storetest.Backend) {
		s, p := proxied(t, b)
		ctx := t.Context()
		fill(t, s, group)
		p.Cut()
		for name, call := range calls(s) {
			err := call(ctx)
			if err == nil || errors.Is(err, receipts.ErrNoMessage) || errors.Is(err, receipts.ErrWrongState) {
				t.Errorf("%s: %v", name, err)
			}
		}
		p.Mend(t)
		until(t, "Redis answers again", func() bool { return s.Ping(ctx) == nil })
		for name, call := range calls(s) {
			if err := call(ctx); err != nil {
				t.Errorf("%s when Redis is back: %v", name, err)
			}
		}
	})
}

// A caller's deadline holds for every call.
func TestEveryCallHeedsItsContext(t *testing.T) {
	t.Parallel()
	s := open(t, storetest.Mini(t))
	fill(t, s, group)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for name, call := range calls(s) {
		if err := call(ctx); !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// calls are all calls of the store that reach Redis, each with arguments that
// succeed on a filled group.
func calls(s *Store) map[string]func(ctx context.Context) error {
	members := receipts.Members{UserIDs: []string{"a"}, Source: receipts.Chat}
	return map[string]func(ctx context.Context) error{
		"Begin": func(ctx context.Context) error { _, _, err := s.Begin(ctx, draft("outage")); return err },
		"Adopt": func(ctx context.Context) error {
			_, err := s.Adopt(ctx, receipts.Message{Group: group, Key: "outage", State: receipts.Sent})
			return err
		},
		"BeginSending": func(ctx context.Context) error {
			_, _, err := s.BeginSending(ctx, group, 4, receipts.SendingStart{At: noon})
			return err
		},
		"Content": func(ctx context.Context) error { _, err := s.Content(ctx, group, 4); return err },
		"Mark": func(ctx context.Context) error {
			_, err := s.Mark(ctx, group, 2, receipts.Change{To: receipts.Expired})
			return err
		},
		"RecordPost":      func(ctx context.Context) error { return s.RecordPost(ctx, group, "chart", 2) },
		"ByKey":           func(ctx context.Context) error { _, err := s.ByKey(ctx, group, "key"); return err },
		"Latest":          func(ctx context.Context) error { _, err := s.Latest(ctx, group); return err },
		"Recent":          func(ctx context.Context) error { _, err := s.Recent(ctx, group, 3); return err },
		"Snapshot":        func(ctx context.Context) error { _, err := s.Snapshot(ctx, group, 2); return err },
		"RecentSnapshots": func(ctx context.Context) error { _, err := s.RecentSnapshots(ctx, group, 3); return err },
		"SaveReads":       func(ctx context.Context) error { return s.SaveReads(ctx, group, 2, []string{"b"}, noon, noon) },
		"SaveAudience":    func(ctx context.Context) error { return s.SaveAudience(ctx, group, 2, members) },
		"KnownMembers":    func(ctx context.Context) error { _, _, err := s.KnownMembers(ctx, group); return err },
		"SaveMembers":     func(ctx context.Context) error { return s.SaveMembers(ctx, group, members, nil) },
		"Names":           func(ctx context.Context) error { _, err := s.Names(ctx, group, []string{"a"}); return err },
		"SaveNames":       func(ctx context.Context) error { return s.SaveNames(ctx, group, receipts.Names{"a": "A"}) },
		"SavePushedReads": func(ctx context.Context) error {
			_, err := s.SavePushedReads(ctx, group, "key", map[string]time.Time{"a": noon})
			return err
		},
		"AddMembers":    func(ctx context.Context) error { return s.AddMembers(ctx, group, []string{"d"}, moment(noon)) },
		"RemoveMembers": func(ctx context.Context) error { return s.RemoveMembers(ctx, group, []string{"d"}, moment(noon)) },
		"Ping":          s.Ping,
		"Lease": func(ctx context.Context) error {
			_, err := s.Lease(ctx, "app", "query", 1, time.Millisecond)
			return err
		},
		"SaveGroupUpdate": func(ctx context.Context) error {
			return s.SaveGroupUpdate(ctx, group, receipts.GroupUpdate{Speaker: receipts.Person{UserID: "e", Name: "E"}, Title: "title", At: noon})
		},
		"Sightings":     func(ctx context.Context) error { _, err := s.Sightings(ctx, group, 9); return err },
		"LastPush":      func(ctx context.Context) error { _, err := s.LastPush(ctx, group, 9); return err },
		"SaveTitle":     func(ctx context.Context) error { return s.SaveTitle(ctx, group, "title") },
		"Title":         func(ctx context.Context) error { _, err := s.Title(ctx, group); return err },
		"SaveCoolApp":   func(ctx context.Context) error { return s.SaveCoolApp(ctx, group, "COOLAPP-1") },
		"CoolApp":       func(ctx context.Context) error { _, err := s.CoolApp(ctx, group); return err },
		"DeleteCoolApp": func(ctx context.Context) error { return s.DeleteCoolApp(ctx, group, "COOLAPP-1") },
		"Refusals":      func(ctx context.Context) error { _, err := s.Refusals(ctx, group); return err },
		"SaveRefusal": func(ctx context.Context) error {
			return s.SaveRefusal(ctx, group, receipts.Refusal{Source: receipts.Chat}, keepFor)
		},
		"DeleteRefusals": func(ctx context.Context) error { return s.DeleteRefusals(ctx, group) },
		"AddCalls": func(ctx context.Context) error {
			_, err := s.AddCalls(ctx, "2026-08", map[string]int{"query": 1})
			return err
		},
		"BeginStep": func(ctx context.Context) error { _, err := s.BeginStep(ctx, group, "chart", rand.Text()); return err },
		"BeginReminder": func(ctx context.Context) error {
			_, _, err := s.BeginReminder(ctx, group, 2, reminderOf("run"), time.Minute)
			return err
		},
		"BeginBatch": func(ctx context.Context) error { _, _, err := beginBatch(ctx, s, group, 2, "run", 0); return err },
		"EndBatch": func(ctx context.Context) error {
			return s.EndBatch(ctx, group, 2, "run", 1, receipts.Outcome{Reached: []string{"b"}})
		},
		"DropReminder": func(ctx context.Context) error { return s.DropReminder(ctx, group, 2, "run") },
		"Follow":       func(ctx context.Context) error { _, err := s.Follow(ctx, group, 2, followUpOf("follow")); return err },
		"FollowUp":     func(ctx context.Context) error { _, err := s.FollowUp(ctx, group, 2); return err },
		"Stands": func(ctx context.Context) error {
			_, err := s.Stands(ctx, group, 2, followUpOf("follow"), receipts.Sent)
			return err
		},
		"Change": func(ctx context.Context) error {
			f := followUpOf("follow")
			f.Version = 1
			_, err := s.Change(ctx, group, 2, f)
			return err
		},
		"Followed": func(ctx context.Context) error { _, err := s.Followed(ctx, group); return err },
		"Accept": func(ctx context.Context) error {
			_, err := s.Inbox(DefaultInboxOptions(), nil).Accept(ctx, command("outage", "command"))
			return err
		},
	}
}

func many(n int) []string {
	ids := make([]string, n)
	for i := range ids {
		ids[i] = fmt.Sprintf("user%05d", i)
	}
	return ids
}

func count(flags []bool) (n int) {
	for _, flag := range flags {
		if flag {
			n++
		}
	}
	return n
}

func TestAFileIsPostedByTheFirstOnly(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, b storetest.Backend) {
		s, proxy := proxied(t, b)
		proxy.LoseReply() // the client's own repetition is the same call
		for i, want := range []bool{true, false} {
			if first, err := s.BeginStep(t.Context(), group, "command", rand.Text()); first != want || err != nil {
				t.Errorf("call %d: %v, %v", i, first, err)
			}
		}
		if !proxy.ReplyLost() {
			t.Error("no reply was lost")
		}
		if first, err := s.BeginStep(t.Context(), "another", "command", rand.Text()); !first || err != nil {
			t.Errorf("in another group: %v, %v", first, err)
		}
	})
}
