package receiptstest

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"whoread/receipts"
)

func theFirstConfirmationStays(t *testing.T, s Store) {
	ctx := t.Context()
	if err := s.SaveConfirmation(ctx, group, 1, "a", noon); !errors.Is(err, receipts.ErrNoMessage) {
		t.Errorf("no message: %v", err)
	}
	d := draft("msg1")
	d.Confirm = true
	if m := must2(s.Begin(ctx, d))(t); !m.Confirm {
		t.Errorf("begun: %+v", m)
	}
	if kept := must(s.Snapshot(ctx, group, 1))(t); !kept.Message.Confirm || len(kept.Confirmations) != 0 {
		t.Errorf("nobody has confirmed: %+v", kept)
	}
	at := func(minutes int) time.Time { return noon.Add(time.Duration(minutes) * time.Minute) }
	confirm := func(userID string, when time.Time) {
		t.Helper()
		if err := s.SaveConfirmation(ctx, group, 1, userID, when); err != nil {
			t.Fatal(err)
		}
	}
	confirm("a", at(2))
	confirm("a", at(5))
	confirm("a", at(1))
	confirm("b", at(3))
	want := map[string]time.Time{"a": at(2), "b": at(3)}
	for _, c := range []receipts.Change{toSent, {To: receipts.Recalled}} {
		must(s.Mark(ctx, group, 1, c))(t)
		kept := must(s.Snapshot(ctx, group, 1))(t)
		if diff := cmp.Diff(want, kept.Confirmations); diff != "" || len(kept.Reads) != 0 {
			t.Errorf("%s: %d reads, confirmations (-want +got):\n%s", c.To, len(kept.Reads), diff)
		}
	}
	recent := must(s.RecentSnapshots(ctx, group, 5))(t)
	if diff := cmp.Diff(want, recent[0].Confirmations); diff != "" {
		t.Errorf("among the last (-want +got):\n%s", diff)
	}
}

func whoHasConfirmedIsLeftOut(t *testing.T, s Store) {
	ctx := t.Context()
	sent(t, s, group, "msg1", "key1")
	beginReminder(t, s, group, 1, reminderOf("run"))
	if err := s.SaveReads(ctx, group, 1, []string{"a", "b"}, noon, noon); err != nil {
		t.Fatal(err)
	}
	if err := s.SaveConfirmation(ctx, group, 1, "b", noon); err != nil {
		t.Fatal(err)
	}
	start := receipts.BatchStart{Prompt: receipts.Prompt{Run: "run"}, Number: 1, UserIDs: []string{"a", "b", "c"}, Confirm: true, Try: "try"}
	begun := must(s.BeginBatch(ctx, group, start))(t)
	again := must(s.BatchStanding(ctx, group, start))(t)
	if want := []string{"b"}; !begun.First || !slices.Equal(begun.Read, want) || !slices.Equal(again.Read, want) {
		t.Errorf("begun %+v, looked at again %+v", begun, again)
	}
}

// must2 is must of a message that was begun.
func must2(m receipts.Message, _ bool, err error) func(*testing.T) receipts.Message {
	return must(m, err)
}

func whatIsWrittenInPrivateIsAboutAMessage(t *testing.T, s Store) {
	ctx := t.Context()
	if _, _, err := s.PrivatePost(ctx, "key{1}"); !errors.Is(err, receipts.ErrNotMessage) {
		t.Errorf("not known: %v", err)
	}
	for range 2 {
		if err := s.SavePrivatePost(ctx, "key{1}", "cid of two words==", 12); err != nil {
			t.Fatal(err)
		}
	}
	if g, number, err := s.PrivatePost(ctx, "key{1}"); g != "cid of two words==" || number != 12 || err != nil {
		t.Errorf("it is about #%d of %q, %v", number, g, err)
	}
}
