package receiptstest

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"whoread/receipts"
)

// RunScheduler tests what jobs wait in. Open returns an empty one, which ends with the test.
func RunScheduler(t *testing.T, open func(t *testing.T) receipts.Scheduler) {
	for _, c := range []struct {
		name string
		test func(t *testing.T, s receipts.Scheduler)
	}{
		{"a job is what was scheduled last", aJobIsWhatWasScheduledLast},
		{"jobs are listed by group", jobsAreListedByGroup},
		{"a cancelled job is gone", aCancelledJobIsGone},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			c.test(t, open(t))
		})
	}
}

func job(id, group string, at time.Time) receipts.Job {
	return receipts.Job{ID: id, Kind: "kind", Group: group, Body: "body of " + id, At: at}
}

// scheduled compares the jobs about a group that wait.
func scheduled(t *testing.T, s receipts.Scheduler, group string, want ...receipts.Job) {
	t.Helper()
	if diff := cmp.Diff(want, must(s.Scheduled(t.Context(), group))(t), cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("scheduled about %s (-want +got):\n%s", group, diff)
	}
}

// It has the last one's time, kind and body, and is listed once.
func aJobIsWhatWasScheduledLast(t *testing.T, s receipts.Scheduler) {
	last := job("one", group, noon)
	earlier := receipts.Job{ID: "one", Kind: "other", Group: group, Body: "old", At: noon.Add(-time.Hour)}
	for _, jobs := range [][]receipts.Job{{earlier}, {last}, {last}, {}} {
		if err := s.Schedule(t.Context(), jobs...); err != nil {
			t.Fatal(err)
		}
	}
	scheduled(t, s, group, last)
}

// The next comes first.
func jobsAreListedByGroup(t *testing.T, s receipts.Scheduler) {
	first, second, other := job("a1", group, noon), job("a2", group, noon.Add(time.Hour)), job("b1", "another", noon)
	if err := s.Schedule(t.Context(), second, other, first); err != nil {
		t.Fatal(err)
	}
	scheduled(t, s, group, first, second)
	scheduled(t, s, "another", other)
	scheduled(t, s, "third")
}

// It may be cancelled again, and scheduled again.
func aCancelledJobIsGone(t *testing.T, s receipts.Scheduler) {
	one, two := job("one", group, noon), job("two", group, noon)
	if err := s.Schedule(t.Context(), one, two); err != nil {
		t.Fatal(err)
	}
	for _, want := range []int{1, 0} {
		if n := must(s.Cancel(t.Context(), "one", "nothing"))(t); n != want {
			t.Errorf("cancelled %d, want %d", n, want)
		}
	}
	if n := must(s.Cancel(t.Context()))(t); n != 0 {
		t.Errorf("cancelled %d of none", n)
	}
	scheduled(t, s, group, two)
	if err := s.Schedule(t.Context(), one); err != nil {
		t.Fatal(err)
	}
	scheduled(t, s, group, one, two)
}
