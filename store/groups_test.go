package store

import (
	"errors"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"whoread/receipts"
	"whoread/store/storetest"
)

// The latest sign of each person counts, in whatever order signs come, and what is
// late changes no known members either.
func TestSignsInAnyOrder(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, b storetest.Backend) {
		s, ctx := open(t, b), t.Context()
		minute := func(n int) time.Time { return noon.Add(time.Duration(n) * time.Minute) }
		spoke := func(id string, at time.Time) error {
			return s.SaveGroupUpdate(ctx, group, receipts.GroupUpdate{Speaker: receipts.Person{UserID: id}, Title: "", At: at})
		}
		members := receipts.Members{UserIDs: []string{"left", "back"}, Source: receipts.SceneGroup, At: noon}
		for i, err := range []error{
			s.SaveMembers(ctx, group, members, nil),
			spoke("speaker", minute(1)),
			s.AddMembers(ctx, group, []string{"came", "left"}, moment(minute(1))),
			s.RemoveMembers(ctx, group, []string{"left", "back", "unheard of"}, moment(minute(2))),
			s.AddMembers(ctx, group, []string{"back"}, moment(minute(3))),
			s.AddMembers(ctx, group, []string{"left"}, moment(minute(1))), // once more, and late
			s.RemoveMembers(ctx, group, []string{"back"}, moment(minute(2))),
			spoke("left", minute(1)), // waited in the inbox
		} {
			if err != nil {
				t.Fatalf("step %d: %v", i, err)
			}
		}
		want := map[string]receipts.Sighting{
			"speaker": {At: minute(1), Here: true}, "came": {At: minute(1), Here: true}, "back": {At: minute(3), Here: true},
			"left": {At: minute(2)}, "unheard of": {At: minute(2)},
		}
		if diff := cmp.Diff(want, must(s.Sightings(ctx, group, 50))(t).Signs); diff != "" {
			t.Errorf("signs (-want +got):\n%s", diff)
		}
		if known := knownMembers(t, s, group); !cmp.Equal(known.UserIDs, []string{"back", "came"}) {
			t.Errorf("known members: %v", known.UserIDs)
		}
		if signs := must(s.Sightings(ctx, "another", 50))(t).Signs; len(signs) != 0 {
			t.Errorf("signs in another group: %v", signs)
		}
	})
}

func TestAnEventAboutNobodyWritesNothing(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, b storetest.Backend) {
		s := open(t, b)
		if err := s.AddMembers(t.Context(), group, nil, moment(noon)); err != nil {
			t.Fatal(err)
		}
		if keys := written(t, s); len(keys) != 0 {
			t.Errorf("written: %q", keys)
		}
	})
}

// An empty name takes no known one away.
func TestWhatASpeakerAndTheGroupAreCalled(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, b storetest.Backend) {
		s, ctx := open(t, b), t.Context()
		for _, name := range []string{"张三", ""} {
			if err := s.SaveGroupUpdate(ctx, group, receipts.GroupUpdate{Speaker: receipts.Person{UserID: "a", Name: name}, Title: name, At: noon}); err != nil {
				t.Fatal(err)
			}
			if names := must(s.Names(ctx, group, []string{"a"}))(t); names["a"] != "张三" {
				t.Errorf("names %v", names)
			}
			if title := must(s.Title(ctx, group))(t); title != "张三" {
				t.Errorf("title %q", title)
			}
		}
		if err := s.SaveTitle(ctx, group, "新名"); err != nil {
			t.Fatal(err)
		}
		if title := must(s.Title(ctx, group))(t); title != "新名" {
			t.Errorf("title %q", title)
		}
		if title := must(s.Title(ctx, "another"))(t); title != "" {
			t.Errorf("title of another group %q", title)
		}
	})
}

// fourMessages are posted at noon and the next three minutes, and read: by queries an hour
// later, and by pushes. It returns the minutes.
func fourMessages(t *testing.T, s *Store) func(n int) time.Time {
	t.Helper()
	ctx := t.Context()
	minute := func(n int) time.Time { return noon.Add(time.Duration(n) * time.Minute) }
	for i, key := range []string{"key1", "key2", "key3", "key4"} {
		m := receipts.Message{Group: group, Key: key, State: receipts.Sent, CreatedAt: minute(i), SentAt: minute(i)}
		must(s.Adopt(ctx, m))(t)
	}
	for number, ids := range map[int][]string{1: {"too long ago", "often"}, 2: {"once", "often", "both"}, 3: {"often"}} {
		if err := s.SaveReads(ctx, group, number, ids, noon.Add(time.Hour), time.Time{}); err != nil {
			t.Fatal(err)
		}
	}
	for _, pushed := range []struct {
		key, id string
		minute  int
	}{{"key4", "pushed", 9}, {"key2", "both", 7}, {"key1", "lately", 20}} {
		if known := must(s.SavePushedReads(ctx, group, pushed.key, map[string]time.Time{pushed.id: minute(pushed.minute)}))(t); !known {
			t.Fatal("no message", pushed.key)
		}
	}
	return minute
}

// Of a read that a query shows, no more is certain than that it came after the message. Of
// several the last counts, in whatever order they come.
func TestTheReadersOfTheLastMessages(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, b storetest.Backend) {
		s, ctx := open(t, b), t.Context()
		if n := must(s.Sightings(ctx, group, 3))(t); len(n.Readers) != 0 {
			t.Errorf("before the first message: %v", n.Readers)
		}
		minute := fourMessages(t, s)
		// A query of an old message, late; and one once more.
		for number, ids := range map[int][]string{1: {"pushed"}, 2: {"once"}} {
			if err := s.SaveReads(ctx, group, number, ids, noon.Add(2*time.Hour), time.Time{}); err != nil {
				t.Fatal(err)
			}
		}
		want := map[string]time.Time{"once": minute(1), "often": minute(2), "both": minute(7), "pushed": minute(9)}
		if diff := cmp.Diff(want, must(s.Sightings(ctx, group, 3))(t).Readers); diff != "" {
			t.Errorf("of three messages (-want +got):\n%s", diff)
		}
		want["too long ago"], want["lately"] = noon, minute(20)
		if diff := cmp.Diff(want, must(s.Sightings(ctx, group, 4))(t).Readers); diff != "" {
			t.Errorf("of all (-want +got):\n%s", diff)
		}
	})
}

func TestTheLastPush(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, b storetest.Backend) {
		s, ctx := open(t, b), t.Context()
		if at := must(s.LastPush(ctx, group, 3))(t); !at.IsZero() {
			t.Errorf("before the first message: %v", at)
		}
		minute := fourMessages(t, s)
		for limit, want := range map[int]time.Time{1: minute(9), 3: minute(9), 4: minute(20)} {
			if at := must(s.LastPush(ctx, group, limit))(t); !at.Equal(want) {
				t.Errorf("of %d messages: %v, want %v", limit, at, want)
			}
		}
		sent(t, s, group, "unread", "key5")
		if at := must(s.LastPush(ctx, group, 1))(t); !at.IsZero() {
			t.Errorf("of a message that nobody read: %v", at)
		}
	})
}

// Readers go no earlier than the last of the messages, and are not told of a message that is
// gone.
func TestReadersGoWithTheirMessages(t *testing.T) {
	t.Parallel()
	b := storetest.Mini(t)
	s, ctx := open(t, b), t.Context()
	read := func(command, key, id string) {
		t.Helper()
		m := sent(t, s, group, command, key)
		if err := s.SaveReads(ctx, group, m.Number, []string{id}, noon, noon); err != nil {
			t.Fatal(err)
		}
	}
	read("first", "key1", "a")
	b.Mini.FastForward(keepFor / 2)
	read("second", "key2", "b")
	must(s.SavePushedReads(ctx, group, "key1", map[string]time.Time{"c": noon}))(t)
	for _, step := range []struct{ want []string }{{[]string{"a", "b", "c"}}, {[]string{"b"}}, {nil}} {
		if got := slices.Sorted(maps.Keys(must(s.Sightings(ctx, group, 50))(t).Readers)); !slices.Equal(got, step.want) {
			t.Errorf("readers %v, want %v", got, step.want)
		}
		b.Mini.FastForward(keepFor / 2)
	}
	if keys := written(t, s); slices.Contains(keys, s.keys.group(group).readers()) {
		t.Errorf("what stays: %q", keys)
	}
}

// Uninstalling an earlier cool app leaves the one that came in its place.
func TestTheCoolAppOfAGroup(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, b storetest.Backend) {
		s, ctx := open(t, b), t.Context()
		for i, step := range []struct {
			keep, forget string
			want         string
		}{
			{"", "one", ""},
			{"one", "none", "one"},
			{"two", "one", "two"},
			{"two", "two", ""},
			{"three", "", ""},
		} {
			if step.keep != "" {
				if err := s.SaveCoolApp(ctx, group, step.keep); err != nil {
					t.Fatal(err)
				}
			}
			if err := s.DeleteCoolApp(ctx, group, step.forget); err != nil {
				t.Fatal(err)
			}
			if code := must(s.CoolApp(ctx, group))(t); code != step.want {
				t.Errorf("step %d: %q, want %q", i, code, step.want)
			}
		}
	})
}

func TestRefusalsAreKeptForAllReplicas(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, b storetest.Backend) {
		s, other, ctx := open(t, b), open(t, b), t.Context()
		scene := receipts.Refusal{Source: receipts.SceneGroup, Reason: "denied", Until: noon}
		later := receipts.Refusal{Source: receipts.SceneGroup, Reason: "no_member_list", Until: noon.Add(time.Hour)}
		chat := receipts.Refusal{Source: receipts.Chat, Reason: "denied", Until: noon}
		for _, r := range []receipts.Refusal{scene, chat, later} {
			if err := s.SaveRefusal(ctx, group, r, time.Hour); err != nil {
				t.Fatal(err)
			}
		}
		bySource := cmpopts.SortSlices(func(a, b receipts.Refusal) bool { return a.Source < b.Source })
		if diff := cmp.Diff([]receipts.Refusal{chat, later}, must(other.Refusals(ctx, group))(t), bySource); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		if _, refusals, err := other.KnownMembers(ctx, group); err != nil || !cmp.Equal([]receipts.Refusal{chat, later}, refusals, bySource) {
			t.Errorf("with the members: %v, %v", refusals, err)
		}
		if left := must(s.rdb.PTTL(ctx, s.keys.group(group).refusals()).Result())(t); left <= 0 || left > time.Hour {
			t.Errorf("they go in %v", left)
		}
		if err := errors.Join(other.DeleteRefusals(ctx, "another"), other.DeleteRefusals(ctx, group)); err != nil {
			t.Fatal(err)
		}
		if kept := must(s.Refusals(ctx, group))(t); len(kept) != 0 {
			t.Errorf("after forgetting: %v", kept)
		}
	})
}
