package budget

import (
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap"
)

// newBudget returns a budget with a counter of its own on the records. It is for a synctest bubble.
func newBudget(t *testing.T, r *callRecords, limits Limits) *Budget {
	t.Helper()
	counter := NewCounter(r, time.Now, zap.NewNop())
	t.Cleanup(counter.Close)
	return New(counter, NewQuota(time.Now), limits, time.Now, zap.NewNop())
}

func TestAWarningIsGivenOnceButToARepetitionOfItsCommand(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		budget := newBudget(t, &callRecords{}, Limits{CallsPerMonth: 10, WarnAt: 80})
		for _, step := range []struct {
			calls   int
			command string
			due     bool
		}{
			{7, "a", false}, {1, "b", true}, {0, "c", false}, {0, "b", true}, {2, "b", true}, {0, "c", false}, {1, "c", false},
		} {
			for range step.calls {
				budget.counter.Observe(counted)
			}
			if s, due := budget.Warn(step.command); due != step.due {
				t.Errorf("%d of 10 calls, command %s: %t", s.Used, step.command, due)
			}
		}
	})
}

func TestState(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		limits     Limits
		used       int
		low, spent bool
	}{
		{Limits{}, 1000, false, false},
		{Limits{WarnAt: 80}, 1000, false, false},
		{Limits{CallsPerMonth: 100}, 99, false, false},
		{Limits{CallsPerMonth: 100}, 100, false, true},
		{Limits{CallsPerMonth: 100, WarnAt: 80}, 79, false, false},
		{Limits{CallsPerMonth: 100, WarnAt: 80}, 80, true, false},
		{Limits{CallsPerMonth: 100, WarnAt: 80}, 99, true, false},
		{Limits{CallsPerMonth: 100, WarnAt: 80}, 100, true, true},
		{Limits{CallsPerMonth: 100, WarnAt: 80}, 101, true, true},
	} {
		b := New(nil, NewQuota(time.Now), c.limits, time.Now, zap.NewNop())
		s := b.state(map[string]int{"query": c.used - 1, "send": 1})
		if s.Used != c.used || s.Low != c.low || s.Spent != c.spent {
			t.Errorf("%d calls of %+v: used %d, low %t, spent %t", c.used, c.limits, s.Used, s.Low, s.Spent)
		}
	}
}

// What the others have made is known as of this process's last call, or queried once it is a minute old.
func TestTheBudgetIsThatOfAllProcesses(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := &callRecords{}
		other, budget := newBudget(t, r, Limits{}).counter, newBudget(t, r, Limits{CallsPerMonth: 10})
		expect := func(what string, used int) {
			t.Helper()
			if s := budget.State(); s.Used != used || s.Spent != (used >= 10) || budget.Within() != (used < 10) {
				t.Errorf("%s: %+v", what, s)
			}
			synctest.Wait() // for the query that this may begin
		}
		expect("at first", 0)
		for range 9 {
			other.Observe(counted)
		}
		synctest.Wait()
		expect("before it can know", 0)
		budget.counter.Observe(counted) // is saved beside, and the others' come back
		synctest.Wait()
		expect("after a call of its own", 10)

		end := monthEnd(time.Now())
		time.Sleep(time.Until(end) - time.Nanosecond)
		expect("before the month is over", 10)
		time.Sleep(time.Nanosecond)
		expect("in the new month", 0)
		if s := budget.State(); !s.MonthEnds.Equal(monthEnd(end)) {
			t.Errorf("the new month ends at %v", s.MonthEnds)
		}
		other.Observe(counted)
		synctest.Wait()
		expect("before a minute is over", 0)
		time.Sleep(sumsFreshFor)
		expect("when the sums are old", 0)
		expect("after the query", 1)
	})
}

func TestMonths(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"2026-08-31T15:59:59Z": "2026-08 until 2026-08-31T16:00:00Z",
		"2026-08-31T16:00:00Z": "2026-09 until 2026-09-30T16:00:00Z",
		"2026-12-31T16:00:00Z": "2027-01 until 2027-01-31T16:00:00Z",
		"2028-02-29T00:00:00Z": "2028-02 until 2028-02-29T16:00:00Z",
	} {
		at, err := time.Parse(time.RFC3339, in)
		if err != nil {
			t.Fatal(err)
		}
		if got := monthOf(at) + " until " + monthEnd(at).UTC().Format(time.RFC3339); got != want {
			t.Errorf("%s: %s, want %s", in, got, want)
		}
	}
}
