package receiptstest

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sync/errgroup"

	"whoread/receipts"
)

// later are the promises about messages that wait for their time.
var later = []contract{
	{"what is scheduled waits with its content", whatIsScheduledWaits},
	{"sending begins once", sendingBeginsOnce},
	{"sending that begins at once begins once", sendingBeginsOnceOfMany},
	{"content is erased once it is sent or will not be", contentIsErased},
	{"the latest is the one that was sent last", theLatestWasSentLast},
	{"what is sent late is among the last messages", whatIsSentLateIsAmongTheLast},
}

// planned is a draft for an hour later.
func planned(command string) receipts.Draft {
	d := draft(command)
	d.Due, d.Content, d.Series, d.Again = noon.Add(time.Hour), "content of "+command, "series", receipts.WeekdaysOf(time.Monday, time.Sunday)
	return d
}

// begin records a draft, which has to work.
func begin(t *testing.T, s Store, d receipts.Draft) receipts.Message {
	t.Helper()
	m, _, err := s.Begin(t.Context(), d)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func whatIsScheduledWaits(t *testing.T, s Store) {
	d := planned("msg1")
	want := receipts.Message{
		Group: group, Number: 1, Title: d.Title, Beginning: d.Beginning, Excerpt: d.Excerpt, Deadline: d.Deadline, Author: d.Author, State: receipts.Scheduled, CreatedAt: noon,
		Due: d.Due, Series: d.Series, Again: d.Again,
	}
	for range 2 {
		if diff := cmp.Diff(want, begin(t, s, d)); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
	if diff := cmp.Diff(want, must(s.Snapshot(t.Context(), group, 1))(t).Message); diff != "" {
		t.Errorf("kept (-want +got):\n%s", diff)
	}
	if got := must(s.Content(t.Context(), group, 1))(t); got != d.Content {
		t.Errorf("content %q", got)
	}
	if m, err := s.Latest(t.Context(), group); !errors.Is(err, receipts.ErrNoMessage) {
		t.Errorf("the latest is %+v, %v", m, err)
	}
}

func sendingBeginsOnce(t *testing.T, s Store) {
	ctx := t.Context()
	want := begin(t, s, planned("msg1"))
	audience := receipts.Members{UserIDs: []string{"u1", "u2"}, Source: receipts.SceneGroup, At: noon.Add(time.Hour)}
	want.State, want.CreatedAt, want.Deadline = receipts.Sending, noon.Add(61*time.Minute), noon.Add(5*time.Hour)
	for try := range 3 {
		m, again, err := s.BeginSending(ctx, group, 1, receipts.SendingStart{At: want.CreatedAt.Add(time.Duration(try)), Deadline: want.Deadline, Audience: &audience})
		if diff := cmp.Diff(want, m); diff != "" || again != (try > 0) || err != nil {
			t.Errorf("try %d: again %t, %v (-want +got):\n%s", try, again, err, diff)
		}
	}
	kept := must(s.Snapshot(ctx, group, 1))(t)
	if diff := cmp.Diff(&audience, kept.Audience); diff != "" {
		t.Errorf("audience (-want +got):\n%s", diff)
	}
	must(s.Mark(ctx, group, 1, toSent))(t)
	if m, _, err := s.BeginSending(ctx, group, 1, receipts.SendingStart{At: noon}); !errors.Is(err, receipts.ErrWrongState) || m.State != receipts.Sent {
		t.Errorf("once more: %+v, %v", m, err)
	}
	if _, _, err := s.BeginSending(ctx, group, 2, receipts.SendingStart{At: noon}); !errors.Is(err, receipts.ErrNoMessage) {
		t.Errorf("of no message: %v", err)
	}
}

func sendingBeginsOnceOfMany(t *testing.T, s Store) {
	begin(t, s, planned("msg1"))
	var all errgroup.Group
	again := make([]bool, 20)
	for i := range again {
		all.Go(func() (err error) {
			_, again[i], err = s.BeginSending(t.Context(), group, 1, receipts.SendingStart{At: noon})
			return err
		})
	}
	if err := all.Wait(); err != nil || count(again) != len(again)-1 {
		t.Errorf("%d of %d were told that another began: %v", count(again), len(again), err)
	}
}

func contentIsErased(t *testing.T, s Store) {
	ctx := t.Context()
	for i, end := range []receipts.Change{toSent, {To: receipts.Failed, Reason: "refused"}, {To: receipts.Uncertain, Reason: "timeout"}, {To: receipts.CalledOff}} {
		d := planned("msg" + string(end.To))
		begin(t, s, d)
		if end.To != receipts.CalledOff {
			for range 2 { // the first time it certainly was not sent
				if _, _, err := s.BeginSending(ctx, group, i+1, receipts.SendingStart{At: noon}); err != nil {
					t.Fatal(err)
				}
				if got := must(s.Content(ctx, group, i+1))(t); got != d.Content {
					t.Errorf("%s: while it is sent its content is %q", end.To, got)
				}
				must(s.Mark(ctx, group, i+1, receipts.Change{To: receipts.Scheduled}))(t)
			}
			if _, _, err := s.BeginSending(ctx, group, i+1, receipts.SendingStart{At: noon}); err != nil {
				t.Fatal(err)
			}
		}
		must(s.Mark(ctx, group, i+1, end))(t)
		if got := must(s.Content(ctx, group, i+1))(t); got != "" {
			t.Errorf("%s: %q is left", end.To, got)
		}
	}
}

func theLatestWasSentLast(t *testing.T, s Store) {
	ctx := t.Context()
	begin(t, s, planned("msg1"))
	sent(t, s, group, "msg2", "key2")
	if m := must(s.Latest(ctx, group))(t); m.Number != 2 {
		t.Errorf("the latest is #%d, want #2", m.Number)
	}
	if _, _, err := s.BeginSending(ctx, group, 1, receipts.SendingStart{At: noon}); err != nil {
		t.Fatal(err)
	}
	must(s.Mark(ctx, group, 1, toSent))(t)
	if m := must(s.Latest(ctx, group))(t); m.Number != 1 {
		t.Errorf("the latest is #%d, want #1", m.Number)
	}
}

// whatIsSentLateIsAmongTheLast: its number is old by then, but its sending is not; and whoever
// leaves at that time is noted with it.
func whatIsSentLateIsAmongTheLast(t *testing.T, s Store) {
	ctx := t.Context()
	begin(t, s, planned("msg1"))
	must(s.Adopt(ctx, receipts.Message{Group: group, Key: "adopted", State: receipts.Sent, Adopted: true, CreatedAt: noon, SentAt: noon}))(t)
	for i := range 25 {
		sent(t, s, group, fmt.Sprint("among", i), fmt.Sprint("key of ", i))
	}
	posting := noon.Add(time.Hour)
	audience := &receipts.Members{UserIDs: []string{"a"}, Source: receipts.SceneGroup, At: posting}
	left := func(at time.Time, want map[string][]receipts.Sighting) {
		t.Helper()
		if err := s.RemoveMembers(ctx, group, []string{"a"}, moment(at)); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, must(s.Snapshot(ctx, group, 1))(t).Moves); diff != "" {
			t.Errorf("moves (-want +got):\n%s", diff)
		}
	}
	left(noon.Add(time.Second), nil) // it waits, and its audience is not counted
	if _, _, err := s.BeginSending(ctx, group, 1, receipts.SendingStart{At: posting, Audience: audience}); err != nil {
		t.Fatal(err)
	}
	at := posting.Add(time.Second)
	left(at, map[string][]receipts.Sighting{"a": {{At: time.UnixMilli(at.UnixMilli())}}})
	if recent := must(s.Recent(ctx, group, 2))(t); len(recent) != 2 || recent[0].Number != 1 || recent[1].Number != 27 {
		t.Errorf("recent %+v", recent)
	}
	snapshots := must(s.RecentSnapshots(ctx, group, 2))(t)
	if len(snapshots) != 2 || snapshots[0].Message.Number != 1 || snapshots[1].Message.Number != 27 {
		t.Errorf("recent snapshots %+v", snapshots)
	}
	if all := must(s.Recent(ctx, group, 100))(t); len(all) != 27 || all[26].Number != 2 {
		t.Errorf("%d are recent, the oldest is %+v", len(all), all[len(all)-1])
	}
	// It certainly was not sent, and is tried again: its audience is another one.
	must(s.Mark(ctx, group, 1, receipts.Change{To: receipts.Scheduled}))(t)
	audience.At = posting.Add(time.Hour)
	if _, _, err := s.BeginSending(ctx, group, 1, receipts.SendingStart{At: audience.At, Audience: audience}); err != nil {
		t.Fatal(err)
	}
	if moves := must(s.Snapshot(ctx, group, 1))(t).Moves; len(moves) > 0 {
		t.Errorf("moves of an earlier try %+v", moves)
	}
}
