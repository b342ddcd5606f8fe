package receipts_test

import (
	"context"
	"testing"
	"time"

	"whoread/receipts"
)

// Two processes have clocks that are ten minutes apart, or one's is set back: nobody is called
// unread by an answer of the future, and one answer ends no message.
func TestProcessesWhoseClocksAreApart(t *testing.T) {
	t.Parallel()
	for name, ahead := range map[string]time.Duration{"ahead": 10 * time.Minute, "behind": -10 * time.Minute, "right": 0} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.announce(t)
			w.clock.advance(time.Hour)
			other := receipts.Reporter{
				Records: w.records, Members: w.reporter.Members, Readers: w.readers, Fresh: freshReads,
				Now: func() time.Time { return w.clock.now().Add(ahead) },
			}
			ask := func(what string, r *receipts.Reporter, readers ...string) {
				t.Helper()
				w.readers.say(readBy(readers...))
				report, err := r.Report(context.Background(), group, 1)
				if err != nil || !report.Complete() {
					t.Fatalf("%s: %v, %+v", what, err, report.Gaps)
				}
				wantPeople(t, what, readerIDs(report), readers...)
			}
			ask("the other asks", &other)
			w.clock.advance(freshReads)
			ask("this one asks after it", w.reporter, "zhang")
			w.clock.advance(10 * time.Minute)
			ask("ten minutes later", w.reporter, "zhang", "li")

			w.readers.say(refusing(receipts.ErrGroupGone))
			for _, r := range []*receipts.Reporter{&other, w.reporter} {
				report, err := r.Ask(context.Background(), group, 1, receipts.Rights{})
				if err != nil || report.Message.State != receipts.Sent {
					t.Errorf("after one odd answer: %s, %v", report.Message.State, err)
				}
			}
		})
	}
}
