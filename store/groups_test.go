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
