package receiptstest

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"golang.org/x/sync/errgroup"

	"whoread/receipts"
)

var messages = []contract{
	{"begin records the draft", beginRecordsTheDraft},
	{"begin twice is one message", beginTwiceIsOneMessage},
	{"begin the same command at once is one message", beginTheSameCommandAtOnceIsOneMessage},
	{"adopt records once for each key", adoptRecordsOnceForEachKey},
	{"adopt at once is one message", adoptAtOnceIsOneMessage},
	{"mark enforces the life of a message", markEnforcesTheLifeOfAMessage},
	{"mark sent again", markSentAgain},
	{"uncertain is healed by its key", uncertainIsHealedByItsKey},
	{"nothing known yet", nothingKnownYet},
	{"an empty audience is known", anEmptyAudienceIsKnown},
	{"reads add up", readsAddUp},
	{"an answer of the future gives way", anAnswerOfTheFutureGivesWay},
	{"reads at once lose nobody", readsAtOnceLoseNobody},
	{"an endless list is noted", anEndlessListIsNoted},
	{"the first confirmation of each person stays", theFirstConfirmationStays},
	{"what is written in private is about a message", whatIsWrittenInPrivateIsAboutAMessage},
	{"each end that was said is noted", eachEndThatWasSaidIsNoted},
	{"the audience is set once", theAudienceIsSetOnce},
	{"pushed reads", pushedReads},
	{"a post is about a message", aPostIsAboutAMessage},
	{"a post heals nothing", aPostHealsNothing},
	{"latest", latest},
}

func draft(command string) receipts.Draft {
	return receipts.Draft{Group: group, Command: command, Title: "title of " + command, Beginning: "text of " + command, Excerpt: "words of " + command, Deadline: noon.Add(3 * time.Hour), Author: receipts.Person{UserID: "u1", Name: "李雷"}, At: noon}
}

// sent returns a message that was sent with the key.
func sent(t *testing.T, s Store, group, command, key string) receipts.Message {
	t.Helper()
	d := draft(command)
	d.Group = group
	m, _, err := s.Begin(t.Context(), d)
	if err != nil {
		t.Fatal(err)
	}
	return must(s.Mark(t.Context(), group, m.Number, receipts.Change{To: receipts.Sent, Key: key, SentAt: noon.Add(time.Second)}))(t)
}

// states are all states, each with a way that leads to it.
var states = []struct {
	state receipts.State
	way   []receipts.Change
}{
	{receipts.Sending, nil},
	{receipts.Sent, []receipts.Change{toSent}},
	{receipts.Failed, []receipts.Change{{To: receipts.Failed, Reason: "refused"}}},
	{receipts.Uncertain, []receipts.Change{{To: receipts.Uncertain, Reason: "timeout"}}},
	{receipts.Recalled, []receipts.Change{toSent, {To: receipts.Recalled}}},
	{receipts.Disbanded, []receipts.Change{toSent, {To: receipts.Disbanded}}},
	{receipts.Expired, []receipts.Change{toSent, {To: receipts.Expired}}},
	{receipts.Scheduled, []receipts.Change{{To: receipts.Scheduled}}},
	{receipts.CalledOff, []receipts.Change{{To: receipts.Scheduled}, {To: receipts.CalledOff}}},
}

var toSent = receipts.Change{To: receipts.Sent, Key: "key1", SentAt: noon.Add(time.Second)}

func count(flags []bool) (n int) {
	for _, flag := range flags {
		if flag {
			n++
		}
	}
	return n
}

func beginRecordsTheDraft(t *testing.T, s Store) {
	m, again, err := s.Begin(t.Context(), draft("msg1"))
	want := receipts.Message{
		Group: group, Number: 1, Title: "title of msg1", Beginning: "text of msg1", Excerpt: "words of msg1", Deadline: noon.Add(3 * time.Hour), Author: receipts.Person{UserID: "u1", Name: "李雷"},
		State: receipts.Sending, CreatedAt: noon,
	}
	if diff := cmp.Diff(want, m); diff != "" || again || err != nil {
		t.Fatalf("Begin: again %v, error %v, message (-want +got):\n%s", again, err, diff)
	}
	if diff := cmp.Diff(want, must(s.Snapshot(t.Context(), group, 1))(t).Message); diff != "" {
		t.Errorf("kept (-want +got):\n%s", diff)
	}
}

func beginTwiceIsOneMessage(t *testing.T, s Store) {
	first, _, err := s.Begin(t.Context(), draft("msg1"))
	if err != nil {
		t.Fatal(err)
	}
	other := draft("msg1")
	other.Title, other.Audience = "another title", &receipts.Members{UserIDs: []string{"u9"}}
	second, again, err := s.Begin(t.Context(), other)
	if diff := cmp.Diff(first, second); diff != "" || !again || err != nil {
		t.Fatalf("repeated: again %v, error %v, message (-first +second):\n%s", again, err, diff)
	}
	if kept := must(s.Snapshot(t.Context(), group, 1))(t); kept.Audience != nil {
		t.Errorf("the repetition wrote an audience: %v", kept.Audience)
	}
	// As it is now, not as it was begun.
	if _, err := s.Mark(t.Context(), group, 1, receipts.Change{To: receipts.Failed, Reason: "refused"}); err != nil {
		t.Fatal(err)
	}
	if m, again, err := s.Begin(t.Context(), draft("msg1")); m.State != receipts.Failed || !again || err != nil {
		t.Errorf("repeated after the end: state %q, again %v, error %v", m.State, again, err)
	}
}

func beginTheSameCommandAtOnceIsOneMessage(t *testing.T, s Store) {
	const tries = 20
	numbers, fresh := make([]int, tries), make([]bool, tries)
	var all errgroup.Group
	for i := range tries {
		all.Go(func() error {
			m, again, err := s.Begin(t.Context(), draft("msg1"))
			numbers[i], fresh[i] = m.Number, !again
			return err
		})
	}
	if err := all.Wait(); err != nil {
		t.Fatal(err)
	}
	if got := slices.Compact(slices.Sorted(slices.Values(numbers))); !slices.Equal(got, []int{1}) {
		t.Errorf("numbers %v, want only 1", got)
	}
	if count(fresh) != 1 {
		t.Errorf("%d tries began the message, want 1", count(fresh))
	}
}

func adoptRecordsOnceForEachKey(t *testing.T, s Store) {
	quoted := receipts.Message{
		Group: group, Title: "从前的公告", Key: "key1", State: receipts.Sent,
		CreatedAt: noon, SentAt: noon, Adopted: true,
	}
	want := quoted
	want.Number = 1
	if diff := cmp.Diff(want, must(s.Adopt(t.Context(), quoted))(t)); diff != "" {
		t.Errorf("adopted (-want +got):\n%s", diff)
	}
	changed := quoted
	changed.Title = "another title"
	if diff := cmp.Diff(want, must(s.Adopt(t.Context(), changed))(t)); diff != "" {
		t.Errorf("adopted again (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(want, must(s.ByKey(t.Context(), group, "key1"))(t)); diff != "" {
		t.Errorf("by its key (-want +got):\n%s", diff)
	}
	// A key that an announcement got is known too.
	announced := sent(t, s, group, "msg2", "key2")
	if diff := cmp.Diff(announced, must(s.Adopt(t.Context(), receipts.Message{Group: group, Key: "key2", State: receipts.Sent, Adopted: true}))(t)); diff != "" {
		t.Errorf("an announcement adopted (-want +got):\n%s", diff)
	}
	if recent := must(s.Recent(t.Context(), group, 10))(t); len(recent) != 2 {
		t.Errorf("%d messages, want 2", len(recent))
	}
}

func adoptAtOnceIsOneMessage(t *testing.T, s Store) {
	var all errgroup.Group
	for range 20 {
		all.Go(func() error {
			m, err := s.Adopt(t.Context(), receipts.Message{Group: group, Key: "key1", State: receipts.Sent, Adopted: true})
			if err == nil && m.Number != 1 {
				return fmt.Errorf("number %d", m.Number)
			}
			return err
		})
	}
	if err := all.Wait(); err != nil {
		t.Error(err)
	}
}

func markEnforcesTheLifeOfAMessage(t *testing.T, s Store) {
	for i, from := range states {
		for j, to := range states {
			t.Run(fmt.Sprintf("%s to %s", from.state, to.state), func(t *testing.T) {
				g := fmt.Sprintf("cid%d-%d", i, j)
				d := draft("msg1")
				d.Group = g
				before, _, err := s.Begin(t.Context(), d)
				if err != nil {
					t.Fatal(err)
				}
				for _, step := range from.way {
					before = must(s.Mark(t.Context(), g, 1, step))(t)
				}
				if before.State != from.state {
					t.Fatalf("message is %s", before.State)
				}

				step := receipts.Change{To: to.state, Reason: "new reason"}
				if to.state == receipts.Sent {
					step = toSent
				}
				got, err := s.Mark(t.Context(), g, 1, step)
				switch {
				case slices.Contains(to.state.Before(), from.state):
					want := before
					want.State, want.Reason = to.state, step.Reason
					if to.state == receipts.Sent {
						want.Key, want.SentAt = step.Key, step.SentAt
					}
					if diff := cmp.Diff(want, got); diff != "" || err != nil {
						t.Errorf("allowed step: error %v, (-want +got):\n%s", err, diff)
					}
				case from.state == to.state: // the same step again
					if diff := cmp.Diff(before, got); diff != "" || err != nil {
						t.Errorf("repeated step: error %v, (-before +got):\n%s", err, diff)
					}
				default:
					if diff := cmp.Diff(before, got); diff != "" || !errors.Is(err, receipts.ErrWrongState) {
						t.Errorf("forbidden step: error %v, (-before +got):\n%s", err, diff)
					}
					if kept := must(s.Snapshot(t.Context(), g, 1))(t); kept.Message.State != from.state {
						t.Errorf("forbidden step was taken: %s", kept.Message.State)
					}
					if _, err := s.ByKey(t.Context(), g, step.Key); step.Key != "" && before.Key == "" && !errors.Is(err, receipts.ErrNoMessage) {
						t.Errorf("forbidden step left its key: %v", err)
					}
				}
			})
		}
	}
}

func markSentAgain(t *testing.T, s Store) {
	first := sent(t, s, group, "msg1", "key1")

	later := receipts.Change{To: receipts.Sent, Key: "key1", SentAt: noon.Add(time.Hour)}
	again, err := s.Mark(t.Context(), group, 1, later)
	if diff := cmp.Diff(first, again); diff != "" || err != nil {
		t.Errorf("with its key: error %v, (-first +again):\n%s", err, diff)
	}
	other, err := s.Mark(t.Context(), group, 1, receipts.Change{To: receipts.Sent, Key: "key2", SentAt: noon})
	if diff := cmp.Diff(first, other); diff != "" || !errors.Is(err, receipts.ErrWrongState) {
		t.Errorf("with another key: error %v, (-first +again):\n%s", err, diff)
	}
	if _, err := s.ByKey(t.Context(), group, "key2"); !errors.Is(err, receipts.ErrNoMessage) {
		t.Errorf("the other key leads somewhere: %v", err)
	}
}

func uncertainIsHealedByItsKey(t *testing.T, s Store) {
	if _, _, err := s.Begin(t.Context(), draft("msg1")); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Mark(t.Context(), group, 1, receipts.Change{To: receipts.Uncertain, Reason: "timeout"}); err != nil {
		t.Fatal(err)
	}
	healed := must(s.Mark(t.Context(), group, 1, toSent))(t)
	if healed.State != receipts.Sent || healed.Reason != "" || !healed.SentAt.Equal(toSent.SentAt) {
		t.Errorf("healed: %+v", healed)
	}
	if diff := cmp.Diff(healed, must(s.ByKey(t.Context(), group, "key1"))(t)); diff != "" {
		t.Errorf("by its key (-want +got):\n%s", diff)
	}
}

func nothingKnownYet(t *testing.T, s Store) {
	if _, _, err := s.Begin(t.Context(), draft("msg1")); err != nil {
		t.Fatal(err)
	}
	kept := must(s.Snapshot(t.Context(), group, 1))(t)
	if kept.Audience != nil || kept.Reads == nil || len(kept.Reads) != 0 || !kept.AsOf.IsZero() || !kept.Message.SentAt.IsZero() {
		t.Errorf("kept %+v", kept)
	}
}

func anEmptyAudienceIsKnown(t *testing.T, s Store) {
	d := draft("msg1")
	d.Audience = &receipts.Members{Source: receipts.Roster, Outsiders: 2, At: noon}
	if _, _, err := s.Begin(t.Context(), d); err != nil {
		t.Fatal(err)
	}
	got := must(s.Snapshot(t.Context(), group, 1))(t).Audience
	if diff := cmp.Diff(d.Audience, got, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func readsAddUp(t *testing.T, s Store) {
	sent(t, s, group, "msg1", "key1")
	minute := func(n int) time.Time { return noon.Add(time.Duration(n) * time.Minute) }
	seen := func(n int) receipts.Read { return receipts.Read{At: minute(n)} }
	for _, step := range []struct {
		name  string
		ids   []string
		by    time.Time
		asOf  time.Time
		reads receipts.Reads
		kept  time.Time
	}{
		{"a query that was cut off", []string{"a"}, minute(1), time.Time{}, receipts.Reads{"a": seen(1)}, time.Time{}},
		{"the whole list, nobody read", nil, minute(2), minute(2), receipts.Reads{"a": seen(1)}, minute(2)},
		{"the first time stays", []string{"a", "b"}, minute(3), minute(3), receipts.Reads{"a": seen(1), "b": seen(3)}, minute(3)},
		{"even before an earlier one", []string{"a", "b"}, minute(0), time.Time{}, receipts.Reads{"a": seen(1), "b": seen(3)}, minute(3)},
		{"a late answer does not turn back", []string{"c"}, minute(2), minute(2), receipts.Reads{"a": seen(1), "b": seen(3), "c": seen(2)}, minute(3)},
		{"nothing new, but newer", []string{"a"}, minute(5), minute(5), receipts.Reads{"a": seen(1), "b": seen(3), "c": seen(2)}, minute(5)},
		{"cut off again", nil, minute(6), time.Time{}, receipts.Reads{"a": seen(1), "b": seen(3), "c": seen(2)}, minute(5)},
		{"twice in one list", []string{"d", "d"}, minute(7), minute(7), receipts.Reads{"a": seen(1), "b": seen(3), "c": seen(2), "d": seen(7)}, minute(7)},
	} {
		if err := s.SaveReads(t.Context(), group, 1, step.ids, step.by, step.asOf); err != nil {
			t.Fatalf("%s: %v", step.name, err)
		}
		kept := must(s.Snapshot(t.Context(), group, 1))(t)
		if diff := cmp.Diff(step.reads, kept.Reads); diff != "" || !kept.AsOf.Equal(step.kept) {
			t.Errorf("%s: as of %v, want %v; reads (-want +got):\n%s", step.name, kept.AsOf, step.kept, diff)
		}
	}
}

func anAnswerOfTheFutureGivesWay(t *testing.T, s Store) {
	ctx := t.Context()
	sent(t, s, group, "msg1", "key1")
	for _, step := range []struct{ asked, want time.Duration }{
		{0, 0},
		{10 * time.Minute, 10 * time.Minute},               // by a clock that is ahead
		{time.Second, time.Second},                         // by one that is right
		{-10 * time.Minute, -10 * time.Minute},             // by one that is behind, or was set back
		{-10*time.Minute - time.Second, -10 * time.Minute}, // begun before, and answered later
	} {
		at := noon.Add(step.asked)
		if err := s.SaveReads(ctx, group, 1, nil, at, at); err != nil {
			t.Fatal(err)
		}
		if kept := must(s.Snapshot(ctx, group, 1))(t); !kept.AsOf.Equal(noon.Add(step.want)) {
			t.Errorf("asked at %v: as of %v", step.asked, kept.AsOf.Sub(noon))
		}
	}
}

func anEndlessListIsNoted(t *testing.T, s Store) {
	ctx := t.Context()
	if err := s.SaveEndless(ctx, group, 1, noon); !errors.Is(err, receipts.ErrNoMessage) {
		t.Errorf("no message: %v", err)
	}
	sent(t, s, group, "msg1", "key1")
	if kept := must(s.Snapshot(ctx, group, 1))(t); !kept.EndlessAt.IsZero() {
		t.Errorf("endless at %v", kept.EndlessAt)
	}
	for _, at := range []time.Time{noon, noon.Add(time.Hour)} {
		if err := s.SaveEndless(ctx, group, 1, at); err != nil {
			t.Fatal(err)
		}
		if kept := must(s.Snapshot(ctx, group, 1))(t); !kept.EndlessAt.Equal(at) {
			t.Errorf("endless at %v, want %v", kept.EndlessAt, at)
		}
	}
}

// When an end was first said is known for each end by itself, until readers are shown.
func eachEndThatWasSaidIsNoted(t *testing.T, s Store) {
	ctx := t.Context()
	if _, err := s.SaveOver(ctx, group, 1, receipts.Expired, noon); !errors.Is(err, receipts.ErrNoMessage) {
		t.Errorf("no message: %v", err)
	}
	sent(t, s, group, "msg1", "key1")
	for i, step := range []struct {
		end   receipts.State // empty where all readers are shown
		after time.Duration
		since time.Duration
	}{
		{receipts.Expired, time.Minute, time.Minute},
		{receipts.Expired, 2 * time.Minute, time.Minute},
		{receipts.Disbanded, 3 * time.Minute, 3 * time.Minute},
		{receipts.Expired, 4 * time.Minute, time.Minute},
		{receipts.Disbanded, 5 * time.Minute, 3 * time.Minute},
		{"", 6 * time.Minute, 0},
		{receipts.Expired, 7 * time.Minute, 7 * time.Minute},
		{receipts.Disbanded, 8 * time.Minute, 8 * time.Minute},
	} {
		at := noon.Add(step.after)
		if step.end == "" {
			if err := s.SaveReads(ctx, group, 1, nil, at, at); err != nil {
				t.Fatal(err)
			}
			continue
		}
		if since, err := s.SaveOver(ctx, group, 1, step.end, at); err != nil || !since.Equal(noon.Add(step.since)) {
			t.Errorf("step %d: since %v, %v", i, since, err)
		}
	}
}

func readsAtOnceLoseNobody(t *testing.T, s Store) {
	sent(t, s, group, "msg1", "key1")
	var all errgroup.Group
	for i := range 20 {
		all.Go(func() error {
			at := noon.Add(time.Duration(i) * time.Second)
			return s.SaveReads(t.Context(), group, 1, []string{fmt.Sprint("u", i), "everywhere"}, at, at)
		})
	}
	if err := all.Wait(); err != nil {
		t.Fatal(err)
	}
	kept := must(s.Snapshot(t.Context(), group, 1))(t)
	if len(kept.Reads) != 21 || !kept.AsOf.Equal(noon.Add(19*time.Second)) {
		t.Errorf("%d reads as of %v", len(kept.Reads), kept.AsOf)
	}
}

func theAudienceIsSetOnce(t *testing.T, s Store) {
	at := func(ids ...string) *receipts.Members {
		return &receipts.Members{UserIDs: ids, Source: receipts.Chat, At: noon}
	}
	with := draft("with")
	with.Audience = at("a")
	for _, d := range []receipts.Draft{with, draft("without")} {
		if _, _, err := s.Begin(t.Context(), d); err != nil {
			t.Fatal(err)
		}
	}
	for _, step := range []struct {
		number int
		keep   *receipts.Members
		want   *receipts.Members
	}{
		{1, at("x"), at("a")},
		{2, at("b", "c"), at("b", "c")},
		{2, at("y"), at("b", "c")},
	} {
		if err := s.SaveAudience(t.Context(), group, step.number, *step.keep); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(step.want, must(s.Snapshot(t.Context(), group, step.number))(t).Audience); diff != "" {
			t.Errorf("#%d (-want +got):\n%s", step.number, diff)
		}
	}
}

// An exact time beats the time of a query, an earlier one a later one; nothing is
// written for what is not recorded.
func pushedReads(t *testing.T, s Store) {
	ctx := t.Context()
	minute := func(n int) time.Time { return noon.Add(time.Duration(n) * time.Minute) }
	if known, err := s.SavePushedReads(ctx, group, "key", map[string]time.Time{"a": noon}); known || err != nil {
		t.Errorf("before the message: %v, %v", known, err)
	}
	must(s.Adopt(ctx, receipts.Message{Group: group, Key: "key", State: receipts.Sent, CreatedAt: noon, SentAt: noon}))(t)
	for _, other := range []struct{ group, key string }{{group, "another"}, {"another", "key"}} {
		if known, err := s.SavePushedReads(ctx, other.group, other.key, map[string]time.Time{"a": noon}); known || err != nil {
			t.Errorf("%+v: %v, %v", other, known, err)
		}
	}
	for i, step := range []struct {
		pushed  map[string]time.Time
		queried []string
		want    receipts.Reads
	}{
		{map[string]time.Time{"a": minute(5)}, nil, receipts.Reads{"a": {At: minute(5), Exact: true}}},
		{nil, []string{"a", "b"}, receipts.Reads{"a": {At: minute(5), Exact: true}, "b": {At: minute(9)}}},
		{map[string]time.Time{"a": minute(7), "b": minute(8)}, nil, receipts.Reads{"a": {At: minute(5), Exact: true}, "b": {At: minute(8), Exact: true}}},
		{map[string]time.Time{"a": minute(4), "b": minute(8)}, nil, receipts.Reads{"a": {At: minute(4), Exact: true}, "b": {At: minute(8), Exact: true}}},
	} {
		if step.pushed != nil {
			if known, err := s.SavePushedReads(ctx, group, "key", step.pushed); !known || err != nil {
				t.Errorf("step %d: %v, %v", i, known, err)
			}
		}
		if err := s.SaveReads(ctx, group, 1, step.queried, minute(9), time.Time{}); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(step.want, must(s.Snapshot(ctx, group, 1))(t).Reads); diff != "" {
			t.Errorf("step %d (-want +got):\n%s", i, diff)
		}
	}
}

// What the bot posted besides messages stands for the message that it is about, in its own
// group, whatever becomes of that.
func aPostIsAboutAMessage(t *testing.T, s Store) {
	ctx := t.Context()
	about := sent(t, s, group, "msg1", "key1")
	for key, number := range map[string]int{"chart": 1, "help": 0, "of what is over": 7} {
		for range 2 { // it may be repeated
			if err := s.RecordPost(ctx, group, key, number); err != nil {
				t.Fatal(err)
			}
		}
	}
	if diff := cmp.Diff(about, must(s.ByKey(ctx, group, "chart"))(t)); diff != "" {
		t.Errorf("by the key of its chart (-want +got):\n%s", diff)
	}
	recalled := must(s.Mark(ctx, group, 1, receipts.Change{To: receipts.Recalled}))(t)
	if diff := cmp.Diff(recalled, must(s.ByKey(ctx, group, "chart"))(t)); diff != "" {
		t.Errorf("as it is now (-want +got):\n%s", diff)
	}
	for _, key := range []string{"help", "of what is over"} {
		if m, err := s.ByKey(ctx, group, key); !errors.Is(err, receipts.ErrNotMessage) {
			t.Errorf("%s: %+v, %v", key, m, err)
		}
	}
	if m, err := s.ByKey(ctx, "cidOther", "chart"); !errors.Is(err, receipts.ErrNoMessage) {
		t.Errorf("in another group: %+v, %v", m, err)
	}
}

// Its key heals no message that is uncertain.
func aPostHealsNothing(t *testing.T, s Store) {
	ctx := t.Context()
	if _, _, err := s.Begin(ctx, draft("msg1")); err != nil {
		t.Fatal(err)
	}
	want := must(s.Mark(ctx, group, 1, receipts.Change{To: receipts.Uncertain, Reason: "timeout"}))(t)
	if err := s.RecordPost(ctx, group, "key1", 0); err != nil {
		t.Fatal(err)
	}
	got, err := s.Mark(ctx, group, 1, toSent)
	if diff := cmp.Diff(want, got); diff != "" || !errors.Is(err, receipts.ErrWrongState) {
		t.Errorf("error %v, (-want +got):\n%s", err, diff)
	}
	if m, err := s.ByKey(ctx, group, "key1"); !errors.Is(err, receipts.ErrNotMessage) {
		t.Errorf("by the key of the post: %+v, %v", m, err)
	}
}

// The latest is what was announced last and may still be asked for.
func latest(t *testing.T, s Store) {
	for i, last := range states {
		t.Run(string(last.state), func(t *testing.T) {
			ctx := t.Context()
			g := fmt.Sprint("cid", i)
			want := sent(t, s, g, "msg1", "first")
			d := draft("msg2")
			d.Group = g
			m, _, err := s.Begin(ctx, d)
			if err != nil {
				t.Fatal(err)
			}
			for _, step := range last.way {
				m = must(s.Mark(ctx, g, 2, step))(t)
			}
			switch last.state {
			case receipts.Sending, receipts.Sent, receipts.Uncertain:
				want = m
			}
			must(s.Adopt(ctx, receipts.Message{Group: g, Key: "adopted", State: receipts.Sent, Adopted: true}))(t)
			if diff := cmp.Diff(want, must(s.Latest(ctx, g))(t)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
	ctx := t.Context()
	must(s.Mark(ctx, "cid0", 2, receipts.Change{To: receipts.Failed, Reason: "refused"}))(t)
	if m := must(s.Latest(ctx, "cid0"))(t); m.Number != 1 {
		t.Errorf("the latest is #%d, want #1", m.Number)
	}
	must(s.Mark(ctx, "cid0", 1, receipts.Change{To: receipts.Expired}))(t)
	if m, err := s.Latest(ctx, "cid0"); !errors.Is(err, receipts.ErrNoMessage) {
		t.Errorf("the latest is %+v, %v", m, err)
	}
}
