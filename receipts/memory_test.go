package receipts_test

import (
	"context"
	"crypto/rand"
	"errors"
	"testing"

	"whoread/receipts"
)

// older is a Store that has lost everything: to it each step is the first.
type older struct{ receipts.Store }

func (older) Begin(_ context.Context, d receipts.Draft) (receipts.Message, bool, error) {
	return receipts.Message{Group: d.Group, Number: 1, State: receipts.Sending}, false, nil
}

func (older) BeginBatch(context.Context, string, receipts.BatchStart) (receipts.Standing, error) {
	return receipts.Standing{First: true}, nil
}

func (older) DropBatch(context.Context, string, string, int, string) error { return nil }

func (older) BeginStep(context.Context, string, string, string) (bool, error) { return true, nil }

func (older) DropStep(context.Context, string, string, string) error { return nil }

// A Redis that comes back a little older has a process do nothing twice that it has begun.
func TestWhatThisProcessHasBegunItDoesNotBeginAgain(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	r := receipts.Remember(older{})
	announced := func(command string) bool {
		_, again, err := r.Begin(ctx, receipts.Draft{Group: group, Command: command})
		return err == nil && !again
	}
	reminded := func(run string, batch int) bool {
		now, err := r.BeginBatch(ctx, group, receipts.BatchStart{Prompt: receipts.Prompt{Run: run}, Batch: batch, Try: rand.Text()})
		return err == nil && now.First
	}
	stepped := func(step string) bool {
		first, err := r.BeginStep(ctx, group, step, rand.Text())
		return err == nil && first
	}
	for name, step := range map[string]func() bool{
		"announce":         func() bool { return announced("msg1") },
		"another":          func() bool { return announced("msg2") },
		"a batch":          func() bool { return reminded("run1", 0) },
		"the next":         func() bool { return reminded("run1", 1) },
		"another reminder": func() bool { return reminded("run2", 0) },
		"a step":           func() bool { return stepped("chart") },
	} {
		if !step() || step() || step() {
			t.Errorf("%s is not begun exactly once", name)
		}
	}
	// What certainly had no effect may be tried again.
	if err := errors.Join(r.DropBatch(ctx, group, "run1", 0, "any"), r.DropBatch(ctx, group, "run1", 1, "any"), r.DropStep(ctx, group, "chart", "any")); err != nil {
		t.Fatal(err)
	}
	if !reminded("run1", 0) || !reminded("run1", 1) || !stepped("chart") || reminded("run2", 0) {
		t.Error("what was dropped can't be begun again, or what was not can")
	}
}

// A step that had no effect is begun again by the process that knows, though the records could
// not be told, and by no other.
func TestADroppedStepIsBegunAgainWhereThatIsKnown(t *testing.T) {
	t.Parallel()
	ctx, w := t.Context(), newWorld(t)
	one, other := receipts.Remember(w.records), receipts.Remember(w.records)
	begun := func(s receipts.Store, step string) bool {
		t.Helper()
		first, err := s.BeginStep(ctx, group, step, rand.Text())
		if err != nil {
			t.Fatal(err)
		}
		return first
	}
	for _, step := range []string{"kept", "dropped"} {
		if !begun(one, step) {
			t.Fatalf("%s is not begun", step)
		}
	}
	w.records.fail("DropStep")
	if err := one.DropStep(ctx, group, "dropped", "any"); !errors.Is(err, errDown) {
		t.Fatal(err)
	}
	w.records.before = nil
	if begun(other, "dropped") || !begun(one, "dropped") || begun(one, "dropped") || begun(one, "kept") {
		t.Error("not begun once more by the one that knows")
	}
}
