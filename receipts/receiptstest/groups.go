package receiptstest

import (
	"errors"
	"fmt"
	"maps"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"whoread/receipts"
)

var groups = []contract{
	{"a step begins once", aStepBeginsOnce},
	{"the latest webhook is kept", theLatestWebhookIsKept},
	{"refusals are kept by source", refusalsAreKeptBySource},
	{"what questions have cost adds up", whatQuestionsHaveCostAddsUp},
	{"members come and go", membersComeAndGo},
	{"members who move while they are listed", membersWhoMoveWhileTheyAreListed},
	{"moves around a posting", movesAroundAPosting},
	{"signs in any order", signsInAnyOrder},
	{"what a speaker and the group are called", whatASpeakerAndTheGroupAreCalled},
	{"the language of a group", theLanguageOfAGroup},
	{"the readers of the last messages", theReadersOfTheLastMessages},
	{"the last push", theLastPush},
	{"the cool app of a group", theCoolAppOfAGroup},
}

// knownMembers are the members of a group as they are known; nil if none are.
func knownMembers(t *testing.T, s Store) *receipts.Members {
	t.Helper()
	known, _, err := s.KnownMembers(t.Context(), group)
	if err != nil {
		t.Fatal(err)
	}
	return known
}

// inAnyOrder compares people without their order, which no store promises.
var inAnyOrder = cmpopts.SortSlices(func(a, b string) bool { return a < b })

// moment is a moment where both clocks agree.
func moment(at time.Time) receipts.EventTime { return receipts.EventTime{Reported: at, Local: at} }

// A step begins once in a group, however often it is tried, unless by the same try again or after
// the one that began it was dropped.
func aStepBeginsOnce(t *testing.T, s Store) {
	for i, step := range []struct {
		group, drop, try string
		first            bool
	}{
		{group, "", "one", true},
		{group, "", "two", false},
		{group, "", "one", true},
		{"another", "", "two", true},
		{group, "two", "two", false},
		{group, "one", "two", true},
		{group, "", "one", false},
		{"another", "", "one", false},
	} {
		if step.drop != "" {
			if err := s.DropStep(t.Context(), step.group, "step", step.drop); err != nil {
				t.Fatal(err)
			}
		}
		if first, err := s.BeginStep(t.Context(), step.group, "step", step.try); first != step.first || err != nil {
			t.Errorf("step %d: %v, %v", i, first, err)
		}
	}
}

// A group has the webhook of the latest of its commands.
func theLatestWebhookIsKept(t *testing.T, s Store) {
	ctx := t.Context()
	if w := must(s.Voice(ctx, group))(t).Webhook; w.URL.Reveal() != "" {
		t.Errorf("before any: %v", w.Until)
	}
	for i, url := range []string{"https://one", "https://two"} {
		u := receipts.GroupUpdate{Speaker: receipts.Person{UserID: "a"}, At: noon, Webhook: receipts.Webhook{URL: receipts.NewSecret(url), Until: noon.Add(time.Duration(i+1) * time.Hour)}}
		if err := s.SaveGroupUpdate(ctx, group, u); err != nil {
			t.Fatal(err)
		}
		if w := must(s.Voice(ctx, group))(t).Webhook; w.URL.Reveal() != url || !w.Until.Equal(u.Webhook.Until) {
			t.Errorf("%s: another one, or until %v", url, w.Until)
		}
	}
	if w := must(s.Voice(ctx, "another"))(t).Webhook; w.URL.Reveal() != "" {
		t.Error("another group has it too")
	}
}

// Of each source the last refusal is kept, until they are deleted.
func refusalsAreKeptBySource(t *testing.T, s Store) {
	ctx := t.Context()
	scene := receipts.Refusal{Source: receipts.SceneGroup, Reason: "denied", Until: noon}
	later := receipts.Refusal{Source: receipts.SceneGroup, Reason: "no_member_list", Until: noon.Add(time.Hour)}
	chat := receipts.Refusal{Source: receipts.Chat, Reason: "denied", Until: noon}
	for _, r := range []receipts.Refusal{scene, chat, later} {
		if err := s.SaveRefusal(ctx, group, r, time.Hour); err != nil {
			t.Fatal(err)
		}
	}
	bySource := cmpopts.SortSlices(func(a, b receipts.Refusal) bool { return a.Source < b.Source })
	want := []receipts.Refusal{chat, later}
	if diff := cmp.Diff(want, must(s.Refusals(ctx, group))(t), bySource); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if _, refusals, err := s.KnownMembers(ctx, group); err != nil || !cmp.Equal(want, refusals, bySource) {
		t.Errorf("with the members: %v, %v", refusals, err)
	}
	if err := errors.Join(s.DeleteRefusals(ctx, "another"), s.DeleteRefusals(ctx, group)); err != nil {
		t.Fatal(err)
	}
	if kept := must(s.Refusals(ctx, group))(t); len(kept) != 0 {
		t.Errorf("after they were deleted: %v", kept)
	}
}

// A person's calls add up over groups, and those about a group over people; what is long ago
// counts no more, and the day ends with that of UTC.
func whatQuestionsHaveCostAddsUp(t *testing.T, s Store) {
	ctx := t.Context()
	used := func(what, group, userID string, at time.Time, want receipts.QuestionCalls) {
		t.Helper()
		if got := must(s.QuestionCalls(ctx, group, userID, at))(t); got != want {
			t.Errorf("%s: %+v, want %+v", what, got, want)
		}
	}
	at := time.Date(2026, 8, 3, 14, 30, 0, 0, time.UTC)
	used("before any question", group, "a", at, receipts.QuestionCalls{})
	for _, q := range []struct {
		group, userID string
		calls         int
	}{{group, "a", 1}, {group, "a", 2}, {group, "b", 4}, {"another", "a", 8}} {
		if err := s.AddQuestionCalls(ctx, q.group, q.userID, q.calls, at); err != nil {
			t.Fatal(err)
		}
	}
	used("now", group, "a", at, receipts.QuestionCalls{Person: 11, Group: 7, PersonToday: 11, GroupToday: 7})
	used("somebody else", "another", "b", at, receipts.QuestionCalls{Person: 4, Group: 8, PersonToday: 4, GroupToday: 8})
	used("a newcomer elsewhere", "third", "c", at, receipts.QuestionCalls{})
	used("later", group, "a", at.Add(2*receipts.LimitWindow), receipts.QuestionCalls{PersonToday: 11, GroupToday: 7})
	used("tomorrow", group, "a", at.Add(10*time.Hour), receipts.QuestionCalls{})
}

// fourMessages are posted at noon and the next three minutes, and read: by queries an hour
// later, and by pushes. It returns the minutes.
func fourMessages(t *testing.T, s Store) func(n int) time.Time {
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

func membersComeAndGo(t *testing.T, s Store) {
	ctx := t.Context()
	if err := s.AddMembers(ctx, group, []string{"a"}, moment(noon)); err != nil {
		t.Fatal(err)
	}
	if known := knownMembers(t, s); known != nil {
		t.Errorf("a list of one newcomer is no list: %+v", known)
	}
	members := receipts.Members{UserIDs: []string{"a", "b"}, Source: receipts.SceneGroup, At: noon}
	for _, err := range []error{
		s.SaveMembers(ctx, group, members, nil),
		s.AddMembers(ctx, group, []string{"c", "a"}, moment(noon)),
		s.RemoveMembers(ctx, group, []string{"b", "nobody"}, moment(noon)),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	members.UserIDs = []string{"a", "c"}
	if diff := cmp.Diff(&members, knownMembers(t, s), inAnyOrder); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}

	// A group that everybody left is known to be empty, and has its time.
	if err := s.RemoveMembers(ctx, group, members.UserIDs, moment(noon)); err != nil {
		t.Fatal(err)
	}
	if known := knownMembers(t, s); known == nil || len(known.UserIDs) != 0 {
		t.Errorf("an empty group: %+v", known)
	}
}

// Who comes or leaves while a list of members is made is in it or not as he is there.
func membersWhoMoveWhileTheyAreListed(t *testing.T, s Store) {
	ctx := t.Context()
	began := noon.Add(time.Hour)
	after := func(d time.Duration) receipts.EventTime { return moment(began.Add(d)) }
	list := receipts.Members{UserIDs: []string{"a", "left", "left long ago"}, Source: receipts.SceneGroup, At: began}
	for _, err := range []error{
		s.RemoveMembers(ctx, group, []string{"left long ago"}, after(-time.Minute)), // and came back, which was not pushed
		s.AddMembers(ctx, group, []string{"came long ago"}, after(-time.Minute)),    // and left, which was not pushed
		s.AddMembers(ctx, group, []string{"came"}, after(time.Second)),
		s.RemoveMembers(ctx, group, []string{"left"}, after(2*time.Second)),
		s.AddMembers(ctx, group, []string{"came and left"}, after(time.Second)),
		s.RemoveMembers(ctx, group, []string{"came and left"}, after(2*time.Second)),
		s.SaveMembers(ctx, group, list, nil),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	known := knownMembers(t, s)
	if want := []string{"a", "came", "left long ago"}; !cmp.Equal(known.UserIDs, want, inAnyOrder) {
		t.Errorf("members %q, want %q", known.UserIDs, want)
	}
}

// A message keeps who moved before it was posted and may not be in its audience: until it
// is recorded and until it is posted, and later what becomes known later. Nothing else is
// kept with it.
func movesAroundAPosting(t *testing.T, s Store) {
	ctx := t.Context()
	at := func(second int) receipts.EventTime { return moment(noon.Add(time.Duration(second) * time.Second)) }
	came := func(second int, ids ...string) error { return s.AddMembers(ctx, group, ids, at(second)) }
	left := func(second int, ids ...string) error { return s.RemoveMembers(ctx, group, ids, at(second)) }
	begin := func(command string, second int, audience *receipts.Members) error {
		d := draft(command)
		d.At, d.Audience = at(second).Local, audience
		_, _, err := s.Begin(ctx, d)
		return err
	}
	posted := func(number, second int) error {
		_, err := s.Mark(ctx, group, number, receipts.Change{To: receipts.Sent, Key: fmt.Sprint("key", number), SentAt: at(second).Local})
		return err
	}
	counted := &receipts.Members{UserIDs: []string{"a"}, Source: receipts.SceneGroup, At: at(0).Local}
	for i, err := range []error{
		begin("long ago", -7200, counted), // and nobody knows whether it was posted
		came(-60, "counted"),
		came(1, "before the record"),
		begin("one", 2, counted),
		begin("nobody counted", 2, nil),
		came(3, "before the posting"), left(3, "a"),
		posted(2, 4), posted(3, 4),
		came(5, "after the posting"),
		came(3, "known late"),
		// Pushed again, as if it was now; and once more, as it was.
		came(9, "before the posting"), came(3, "before the posting"),
		came(8, "b"), left(3, "b"), left(2, "b"), came(1, "b"), // in the wrong order
	} {
		if err != nil {
			t.Fatalf("step %d: %v", i, err)
		}
	}
	// He spoke before his coming was pushed.
	if err := s.SaveGroupUpdate(ctx, group, receipts.GroupUpdate{Speaker: receipts.Person{UserID: "speaker"}, At: at(8).Local}); err != nil {
		t.Fatal(err)
	}
	if err := came(2, "speaker"); err != nil {
		t.Fatal(err)
	}
	sign := func(here bool, second int) receipts.Sighting {
		return receipts.Sighting{At: time.UnixMilli(at(second).Local.UnixMilli()), Here: here}
	}
	later := map[string][]receipts.Sighting{
		"before the posting": {sign(true, 3)}, "a": {sign(false, 3)}, "known late": {sign(true, 3)}, "speaker": {sign(true, 2)},
		"b": {sign(false, 3), sign(false, 2), sign(true, 1)},
	}
	all := maps.Clone(later)
	all["before the record"] = []receipts.Sighting{sign(true, 1)}
	for number, want := range map[int]map[string][]receipts.Sighting{1: nil, 2: all, 3: later} {
		if diff := cmp.Diff(want, must(s.Snapshot(ctx, group, number))(t).Moves); diff != "" {
			t.Errorf("#%d (-want +got):\n%s", number, diff)
		}
	}
}

// The latest sign of each person counts, in whatever order signs come, and what is
// late changes no known members either.
func signsInAnyOrder(t *testing.T, s Store) {
	ctx := t.Context()
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
	if known := knownMembers(t, s); !cmp.Equal(known.UserIDs, []string{"back", "came"}, inAnyOrder) {
		t.Errorf("known members: %v", known.UserIDs)
	}
	if signs := must(s.Sightings(ctx, "another", 50))(t).Signs; len(signs) != 0 {
		t.Errorf("signs in another group: %v", signs)
	}
}

// An empty name takes no known one away.
func whatASpeakerAndTheGroupAreCalled(t *testing.T, s Store) {
	ctx := t.Context()
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
}

// Of a read that a query shows, no more is certain than that it came after the message. Of
// several the last counts, in whatever order they come.
func theReadersOfTheLastMessages(t *testing.T, s Store) {
	ctx := t.Context()
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
}

func theLastPush(t *testing.T, s Store) {
	ctx := t.Context()
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
}

// Uninstalling an earlier cool app leaves the one that came in its place.
func theCoolAppOfAGroup(t *testing.T, s Store) {
	ctx := t.Context()
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
}

// A group's language is that of the last command that told one, whoever spoke.
func theLanguageOfAGroup(t *testing.T, s Store) {
	ctx := t.Context()
	for _, step := range []struct{ group, speaker, said, want string }{
		{group, "a", "", ""}, {group, "a", "zh", "zh"}, {group, "b", "en", "en"}, {group, "a", "", "en"}, {"another", "a", "", ""}, {group, "a", "zh", "zh"},
	} {
		if err := s.SaveGroupUpdate(ctx, step.group, receipts.GroupUpdate{Speaker: receipts.Person{UserID: step.speaker}, At: noon, Language: step.said}); err != nil {
			t.Fatal(err)
		}
		if got := must(s.Voice(ctx, step.group))(t).Language; got != step.want {
			t.Errorf("%s says %q: %q, want %q", step.speaker, step.said, got, step.want)
		}
	}
}
