package store

import (
	"errors"
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
			return s.KeepHeard(ctx, group, receipts.Heard{Speaker: receipts.Person{UserID: id}, Title: "", At: at})
		}
		members := receipts.Members{UserIDs: []string{"left", "back"}, Source: receipts.SceneGroup, At: noon}
		for i, err := range []error{
			s.KeepMembers(ctx, group, members, nil),
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
		want := map[string]receipts.Sign{
			"speaker": {At: minute(1), Here: true}, "came": {At: minute(1), Here: true}, "back": {At: minute(3), Here: true},
			"left": {At: minute(2)}, "unheard of": {At: minute(2)},
		}
		if diff := cmp.Diff(want, must(s.Signs(ctx, group))(t)); diff != "" {
			t.Errorf("signs (-want +got):\n%s", diff)
		}
		if known := must(s.KnownMembers(ctx, group))(t); !cmp.Equal(known.UserIDs, []string{"back", "came"}) {
			t.Errorf("known members: %v", known.UserIDs)
		}
		if signs := must(s.Signs(ctx, "another"))(t); len(signs) != 0 {
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
			if err := s.KeepHeard(ctx, group, receipts.Heard{Speaker: receipts.Person{UserID: "a", Name: name}, Title: name, At: noon}); err != nil {
				t.Fatal(err)
			}
			if names := must(s.Names(ctx, group, []string{"a"}))(t); names["a"] != "张三" {
				t.Errorf("names %v", names)
			}
			if title := must(s.Title(ctx, group))(t); title != "张三" {
				t.Errorf("title %q", title)
			}
		}
		if err := s.KeepTitle(ctx, group, "新名"); err != nil {
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

func TestTheReadsOfTheLastMessages(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, b storetest.Backend) {
		s, ctx := open(t, b), t.Context()
		if reads := must(s.RecentReads(ctx, group, 3))(t); len(reads) != 0 {
			t.Errorf("before the first message: %v", reads)
		}
		for i, key := range []string{"key1", "key2", "key3", "key4"} {
			sentAt := noon.Add(time.Duration(i) * time.Minute)
			m := receipts.Message{Group: group, Key: key, State: receipts.Sent, CreatedAt: sentAt, SentAt: sentAt}
			must(s.Adopt(ctx, m))(t)
		}
		for number, id := range map[int]string{1: "too long ago", 2: "b"} {
			if err := s.KeepReads(ctx, group, number, []string{id}, noon.Add(time.Hour), time.Time{}); err != nil {
				t.Fatal(err)
			}
		}
		must(s.KeepPushed(ctx, group, "key4", map[string]time.Time{"c": noon.Add(time.Minute)}))(t)
		want := []receipts.MessageReads{
			{SentAt: noon.Add(3 * time.Minute), Reads: receipts.Reads{"c": {At: noon.Add(time.Minute), Exact: true}}},
			{SentAt: noon.Add(time.Minute), Reads: receipts.Reads{"b": {At: noon.Add(time.Hour)}}},
		}
		if diff := cmp.Diff(want, must(s.RecentReads(ctx, group, 3))(t)); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
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
				if err := s.KeepCoolApp(ctx, group, step.keep); err != nil {
					t.Fatal(err)
				}
			}
			if err := s.ForgetCoolApp(ctx, group, step.forget); err != nil {
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
			if err := s.KeepRefusal(ctx, group, r, time.Hour); err != nil {
				t.Fatal(err)
			}
		}
		bySource := cmpopts.SortSlices(func(a, b receipts.Refusal) bool { return a.Source < b.Source })
		if diff := cmp.Diff([]receipts.Refusal{chat, later}, must(other.Refusals(ctx, group))(t), bySource); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		if left := must(s.rdb.PTTL(ctx, s.keys.group(group).refusals()).Result())(t); left <= 0 || left > time.Hour {
			t.Errorf("they go in %v", left)
		}
		if err := errors.Join(other.ForgetRefusals(ctx, "another"), other.ForgetRefusals(ctx, group)); err != nil {
			t.Fatal(err)
		}
		if kept := must(s.Refusals(ctx, group))(t); len(kept) != 0 {
			t.Errorf("after forgetting: %v", kept)
		}
	})
}
