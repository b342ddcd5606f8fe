package store

import (
	"testing"
	"time"

	"whoread/receipts"
	"whoread/store/storetest"
)

// A question is forgotten after its time, which no command prolongs.
func TestAQuestionWaitsNoLongerThanItsTime(t *testing.T) {
	t.Parallel()
	b := storetest.Mini(t)
	s, ctx := open(t, b), t.Context()
	yes := func(command string) bool {
		t.Helper()
		if err := s.SaveGroupUpdate(ctx, group, receipts.GroupUpdate{Speaker: receipts.Person{UserID: "a"}, At: noon, Command: command}); err != nil {
			t.Fatal(err)
		}
		return must(s.Pending(ctx, group, "a", command))(t) != nil
	}
	ask := func() {
		t.Helper()
		if err := s.SavePending(ctx, group, "a", receipts.Pending{Kind: receipts.PendingRecall, Number: 1}); err != nil {
			t.Fatal(err)
		}
	}
	ask()
	b.Mini.FastForward(receipts.PendingFor - time.Millisecond)
	if first, again := yes("in time"), yes("in time"); !first || !again {
		t.Error("a question is forgotten before its time")
	}
	b.Mini.FastForward(time.Millisecond)
	if yes("in time") {
		t.Error("a command has prolonged the question")
	}
	ask()
	b.Mini.FastForward(receipts.PendingFor)
	if yes("late") {
		t.Error("a question is answered after its time")
	}
	ask()
	b.Mini.FastForward(receipts.PendingFor / 2)
	ask()
	b.Mini.FastForward(receipts.PendingFor - time.Millisecond)
	if !yes("of the second") {
		t.Error("a question that was asked again has the time of the first")
	}
}
