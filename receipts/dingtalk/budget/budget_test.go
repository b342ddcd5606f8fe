package budget

import (
	"testing"
	"time"

	"go.uber.org/zap"
)

func TestAWarningIsGivenOnceButToARepetitionOfItsCommand(t *testing.T) {
	t.Parallel()
	clock := &clock{at: august()}
	counter := NewCounter(&callRecords{}, clock.now, zap.NewNop())
	defer counter.Close()
	budget := New(counter, NewQuota(clock.now), Limits{CallsPerMonth: 10, WarnAt: 80}, clock.now, zap.NewNop())
	for _, step := range []struct {
		calls   int
		command string
		due     bool
	}{
		{7, "a", false}, {1, "b", true}, {0, "c", false}, {0, "b", true}, {2, "b", true}, {0, "c", false}, {1, "c", false},
	} {
		for range step.calls {
			counter.Observe(counted)
		}
		if s, due := budget.Warn(step.command); due != step.due {
			t.Errorf("%d of 10 calls, command %s: %t", s.Used, step.command, due)
		}
	}
}

// What the others have made is known as of this process's last call, or asked for once it is a minute old.
func TestTheBudgetIsThatOfAllProcesses(t *testing.T) {
	t.Parallel()
	r, clock := &callRecords{}, &clock{at: august()}
	one, two := NewCounter(r, clock.now, zap.NewNop()), NewCounter(r, clock.now, zap.NewNop())
	defer one.Close()
	defer two.Close()
	budget := New(two, NewQuota(clock.now), Limits{CallsPerMonth: 10}, clock.now, zap.NewNop())
	ask := func(counter *Counter) {
		t.Helper()
		if _, err := counter.ThisMonth(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	ask(two)
	for range 9 {
		one.Observe(counted)
	}
	ask(one)
	if s := budget.State(); s.Used != 0 || s.CallsPerMonth != 10 || s.Spent || !budget.Within() {
		t.Errorf("before it can know: %+v", s)
	}
	two.Observe(counted) // is written beside, and the others' come back
	eventually(t, func() bool { return budget.State().Used == 10 && !budget.Within() })

	end := time.Date(2026, 8, 31, 16, 0, 0, 0, time.UTC)
	clock.advance(end.Sub(clock.now()) - time.Second)
	if budget.Within() {
		t.Error("there are calls left before the month is over")
	}
	clock.advance(time.Second)
	if s := budget.State(); s.Used != 0 || !s.MonthEnds.Equal(time.Date(2026, 9, 30, 16, 0, 0, 0, time.UTC)) {
		t.Errorf("the new month begins with %+v", s)
	}
	one.Observe(counted)
	ask(one)
	eventually(t, func() bool { return budget.State().Used == 1 }) // asks by itself: it knows nothing of this month
	one.Observe(counted)
	ask(one)
	if s := budget.State(); s.Used != 1 {
		t.Errorf("asked before a minute was over: %+v", s)
	}
	clock.advance(time.Minute)
	eventually(t, func() bool { return budget.State().Used == 2 })
}

// eventually waits for what happens beside.
func eventually(t *testing.T, is func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !is(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("it does not come true")
		}
	}
}
