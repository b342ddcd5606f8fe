package receipts_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"whoread/receipts"
)

// endless answers with pages that go on for ever and bring nobody new.
func endless(_ context.Context, cursor string) (receipts.ReadersPage, error) {
	return receipts.ReadersPage{UserIDs: []string{"zhang"}, Next: cursor + "+", More: true}, nil
}

// A list of readers that has no end costs six calls, and then none for ten minutes, whoever
// asks and whatever for. The answer is the same.
func TestAnEndlessListIsRemembered(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.announce(t)
	pages := 0
	w.readers.say(func(ctx context.Context, cursor string) (receipts.ReadersPage, error) {
		pages++
		return endless(ctx, cursor)
	})
	ask := func(what string, calls int) {
		t.Helper()
		for _, ask := range []func() (receipts.Report, error){
			func() (receipts.Report, error) { return w.reporter.Report(t.Context(), group, 1) },
			func() (receipts.Report, error) { return w.reporter.Ask(t.Context(), group, 1, receipts.Rights{}) },
			func() (receipts.Report, error) { return w.reporter.Save(t.Context(), group, 1) },
		} {
			r, err := ask()
			if err != nil {
				t.Fatal(err)
			}
			if gap := onlyGap(t, r); !errors.Is(gap.Err, receipts.ErrPaging) {
				t.Errorf("%s: %v", what, gap.Err)
			}
			namesNobody(t, r)
		}
		if pages != calls {
			t.Errorf("%s: %d calls, want %d", what, pages, calls)
		}
	}
	ask("at first", 6)
	w.clock.advance(9 * time.Minute)
	ask("nine minutes later", 6)
	w.clock.advance(-19 * time.Minute)
	ask("a clock that was set back", 12)
	w.clock.advance(10 * time.Minute)
	ask("ten minutes later", 18)

	w.clock.advance(10 * time.Minute)
	w.readers.say(inPages(receipts.ReadersPage{UserIDs: []string{"zhang"}}))
	if r := w.report(t); !r.Complete() {
		t.Errorf("mended: %+v", r.Gaps)
	}
}
