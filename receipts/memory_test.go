package receipts_test

import (
	"context"
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

func (older) DropReminder(context.Context, string, int, string) error { return nil }

func (older) BeginStep(context.Context, string, string) (bool, error) { return true, nil }

func (older) DropStep(context.Context, string, string) error { return nil }

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
		now, err := r.BeginBatch(ctx, group, receipts.BatchStart{Prompt: receipts.Prompt{Run: run}, Batch: batch})
		return err == nil && now.First
	}
	stepped := func(step string) bool {
		first, err := r.BeginStep(ctx, group, step)
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
	if err := errors.Join(r.DropReminder(ctx, group, 1, "run1"), r.DropStep(ctx, group, "chart")); err != nil {
		t.Fatal(err)
	}
	if !reminded("run1", 0) || !reminded("run1", 1) || !stepped("chart") || reminded("run2", 0) {
		t.Error("what was dropped can't be begun again, or what was not can")
	}
}
