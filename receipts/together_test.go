package receipts_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"whoread/receipts"
)

// joint reminds people of several messages, or fails as its fakeSender does. Alone it reminds of
// one.
type joint struct {
	*fakeSender
	of    string   // the message that is reminded of alone
	pairs []string // whom it reminded of what
	posts [][]string
	mixed bool // a call other than a mention had several parts
}

func (j *joint) Nudge(ctx context.Context, b receipts.Batch, soFar receipts.Reminded, stands func(context.Context) error) (receipts.Missed, error) {
	before := len(j.people())
	missed, err := j.fakeSender.Nudge(ctx, b, soFar, stands)
	for _, id := range j.people()[before:] {
		j.pairs = append(j.pairs, id+j.of)
	}
	return missed, err
}

func (j *joint) NudgeTogether(ctx context.Context, by receipts.Channel, parts []receipts.ReminderPart, _ receipts.Reminded, stands func(context.Context) error) (receipts.Missed, error) {
	b := receipts.Batch{By: by}
	of := map[string][]string{}
	var post []string
	for _, part := range parts {
		b.UserIDs = append(b.UserIDs, part.UserIDs...)
		line := fmt.Sprint(part.UserIDs)
		for _, r := range part.Reports {
			line += fmt.Sprintf(" #%d", r.Message.Number)
			for _, id := range part.UserIDs {
				of[id] = append(of[id], fmt.Sprintf("#%d", r.Message.Number))
			}
		}
		post = append(post, line)
	}
	j.mixed = j.mixed || by != receipts.Mention && len(parts) > 1
	before := len(j.people())
	missed, err := j.fakeSender.Nudge(ctx, b, receipts.Reminded{}, stands)
	if reached := j.people()[before:]; len(reached) > 0 {
		j.posts = append(j.posts, post)
		for _, id := range reached {
			for _, number := range of[id] {
				j.pairs = append(j.pairs, id+number)
			}
		}
	}
	return missed, err
}

// twoMessages announces two, of which zhang has read the second.
func twoMessages(t *testing.T, w *world) {
	t.Helper()
	w.members.set("zhang", "wang", "zhao", "qian")
	w.announce(t)
	second := maintenance
	second.Command = "msgId-3"
	if _, err := w.announcer.Announce(t.Context(), second); err != nil {
		t.Fatal(err)
	}
	w.reads(t, 2, "zhang")
}

func (w *world) reads(t *testing.T, number int, userIDs ...string) {
	t.Helper()
	if err := w.records.SaveReads(t.Context(), group, number, userIDs, time.Now(), time.Time{}); err != nil {
		t.Fatal(err)
	}
}

// dues are those of both messages now.
func (w *world) dues(ctx context.Context, by receipts.Channel) ([]receipts.Due, error) {
	var all []receipts.Due
	for _, number := range []int{1, 2} {
		r, err := w.reporter.Ask(ctx, group, number, receipts.Rights{})
		if err != nil {
			return nil, err
		}
		all = append(all, receipts.Due{Report: r, Prompt: receipts.Prompt{Run: fmt.Sprint("run", number), By: by}})
	}
	return all, nil
}

func (w *world) together(t *testing.T, by receipts.Channel, n receipts.TogetherSender) []receipts.Reminded {
	t.Helper()
	all, err := w.dues(t.Context(), by)
	if err != nil {
		t.Fatal(err)
	}
	done, err := w.prompter.RemindTogether(t.Context(), all, n)
	if err != nil {
		t.Fatal(err)
	}
	return done
}

// One post mentions everybody, each person once, beside what they have not read; whoever is
// written to has one message.
func TestSeveralMessagesAreRemindedOfTogether(t *testing.T) {
	t.Parallel()
	both, first := "[wang zhao qian] #1 #2", "[zhang] #1"
	for by, want := range map[receipts.Channel][][]string{
		receipts.Mention:   {{both, first}},
		receipts.InPrivate: {{both}, {first}},
		receipts.Ding:      {{both}, {first}},
	} {
		synctest.Test(t, func(t *testing.T) {
			w, n := newWorldAt(t, nil, time.Now), &joint{fakeSender: &fakeSender{size: 10}}
			twoMessages(t, w)
			done := w.together(t, by, n)
			if !slices.EqualFunc(n.posts, want, slices.Equal) {
				t.Errorf("%s: %q, want %q", by, n.posts, want)
			}
			wantPeople(t, "of #1", allReached(done[0]), "zhang", "wang", "zhao", "qian")
			wantPeople(t, "of #2", allReached(done[1]), "wang", "zhao", "qian")
			// Within the cooldown neither is reminded of again in that way.
			if again, err := w.prompts(t.Context(), group, 2, "another", chen, by, n); err != nil || again.Earlier == nil {
				t.Errorf("%s: reminded again: %+v, %v", by, again, err)
			}
		})
	}
}

// Who reads while a call is held up is left out of it, of that message only; what was recalled
// reminds nobody.
func TestWhatHappensBeforeAJointReminderGoesOut(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		happens func(t *testing.T, w *world)
		by      receipts.Channel
		want    [][]string
	}{
		"read":              {func(t *testing.T, w *world) { w.reads(t, 1, "wang") }, receipts.Mention, [][]string{{"[zhao qian] #1 #2", "[zhang] #1", "[wang] #2"}}},
		"read, in private":  {func(t *testing.T, w *world) { w.reads(t, 1, "wang") }, receipts.InPrivate, [][]string{{"[zhao qian] #1 #2"}, {"[wang] #2"}, {"[zhang] #1"}}},
		"read by all":       {func(t *testing.T, w *world) { w.reads(t, 2, "wang", "zhao", "qian") }, receipts.Mention, [][]string{{"[wang zhao qian zhang] #1"}}},
		"recalled":          {func(t *testing.T, w *world) { recalled(t, w, 1) }, receipts.Mention, [][]string{{"[wang zhao qian] #2"}}},
		"recalled and read": {func(t *testing.T, w *world) { recalled(t, w, 1); w.reads(t, 2, "wang", "zhao", "qian") }, receipts.Mention, nil},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorldAt(t, nil, time.Now)
				twoMessages(t, w)
				happened := false
				n := &joint{fakeSender: &fakeSender{size: 10, held: func() {
					if !happened {
						happened = true
						c.happens(t, w)
					}
				}}}
				done := w.together(t, c.by, n)
				if !slices.EqualFunc(n.posts, c.want, slices.Equal) {
					t.Errorf("%q, want %q", n.posts, c.want)
				}
				for i, d := range done {
					if len(d.Uncertain) > 0 || len(d.Failed) > 0 || d.Err != nil {
						t.Errorf("#%d: %+v", i+1, d)
					}
				}
				if n.mixed {
					t.Error("people with different messages were written to at once")
				}
			})
		})
	}
}

func recalled(t *testing.T, w *world, number int) {
	t.Helper()
	if _, err := w.records.Mark(t.Context(), group, number, receipts.Change{To: receipts.Recalled}); err != nil {
		t.Fatal(err)
	}
}

// Wherever it is cut off, and whether it then goes on together or alone, nobody is reminded of a
// message twice, and everybody is accounted for.
func TestNobodyIsRemindedTwiceOfAnyOfSeveralMessages(t *testing.T) {
	t.Parallel()
	through := func(t *testing.T, by receipts.Channel, alone bool, cuts ...*crash) {
		synctest.Test(t, func(t *testing.T) {
			w, n := newWorldAt(t, nil, time.Now), &joint{fakeSender: &fakeSender{size: 2}}
			twoMessages(t, w)
			remind := func(ctx context.Context, alone bool) ([]receipts.Reminded, error) {
				all, err := w.dues(ctx, by)
				if err != nil || !alone {
					if err == nil {
						return w.prompter.RemindTogether(ctx, all, n)
					}
					return nil, err
				}
				var done []receipts.Reminded
				var failures error
				for i, due := range all {
					n.of = fmt.Sprintf("#%d", i+1)
					one, err := w.prompter.Remind(ctx, due.Report, due.Prompt, n)
					done, failures = append(done, one), errors.Join(failures, err)
				}
				return done, failures
			}
			for i, c := range cuts {
				c.strike(w, n.fakeSender)
				_, _ = remind(t.Context(), alone && i%2 == 1)
			}
			(&crash{}).strike(w, n.fakeSender)
			done, err := remind(t.Context(), alone && len(cuts)%2 == 1)
			if err != nil {
				t.Fatal(err)
			}
			nudged := slices.Sorted(slices.Values(n.pairs))
			if once := slices.Compact(slices.Clone(nudged)); len(once) != len(nudged) {
				t.Errorf("reminded %v; want each at most once", nudged)
			}
			for i, want := range [][]string{{"zhang", "wang", "zhao", "qian"}, {"wang", "zhao", "qian"}} {
				reached := allReached(done[i])
				wantPeople(t, fmt.Sprintf("reached and uncertain of #%d", i+1), slices.Concat(reached, done[i].Uncertain), want...)
				for _, id := range reached {
					if !slices.Contains(nudged, fmt.Sprintf("%s#%d", id, i+1)) {
						t.Errorf("%s is called reached of #%d and was not nudged", id, i+1)
					}
				}
			}
		})
	}
	for _, by := range []receipts.Channel{receipts.Mention, receipts.InPrivate} {
		whole := &crash{}
		through(t, by, false, whole)
		if whole.count < 8 {
			t.Fatalf("a joint reminder has %d effects", whole.count)
		}
		for first := 1; first <= whole.count; first++ {
			for second := range whole.count + 1 {
				for how := range 8 {
					cuts := []*crash{{at: first, after: how&1 > 0}, {at: second, after: how&2 > 0}}
					t.Run(fmt.Sprintf("%s %d %v, %d %v, alone %v", by, first, cuts[0].after, second, cuts[1].after, how&4 > 0), func(t *testing.T) {
						through(t, by, how&4 > 0, cuts...)
					})
				}
			}
		}
	}
}
