package receipts_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"whoread/receipts"
)

func TestRecall(t *testing.T) {
	t.Parallel()
	refused := errors.New("recall: not allowed")
	for _, c := range []struct {
		name    string
		failure error
		answer  answer // to who has read
		want    error
		queries int
	}{
		{"taken back", nil, readBy(), nil, 0},
		{"taken back by an earlier try", refused, inPages(receipts.ReadersPage{Delivery: receipts.TakenBack}), nil, 1},
		{"refused", refused, readBy("li"), refused, 1},
		{"refused while it is being delivered", refused, inPages(receipts.ReadersPage{Delivery: receipts.BeingDelivered}), refused, 1},
		{"refused, and nobody knows why", refused, refusing(errDown), refused, 1},
	} {
		for _, from := range []receipts.State{receipts.Sent, receipts.Expired} {
			t.Run(c.name+" when "+string(from), func(t *testing.T) {
				t.Parallel()
				w := newWorld(t)
				m := w.announce(t)
				if from == receipts.Expired {
					var err error
					if m, err = w.records.Mark(t.Context(), group, 1, receipts.Change{To: from}); err != nil {
						t.Fatal(err)
					}
				}
				w.recalls.err = c.failure
				w.readers.say(c.answer)
				got, err := w.recaller.Recall(t.Context(), m)
				want := receipts.Recalled
				if c.want != nil {
					want = from
				}
				if !errors.Is(err, c.want) || got.State != want || w.kept(t).Message.State != want {
					t.Errorf("Recall() = %s, %v, recorded %s; want %s, %v", got.State, err, w.kept(t).Message.State, want, c.want)
				}
				if !slices.Equal(w.recalls.keys, []string{keyOf(1)}) || w.readers.queries() != c.queries {
					t.Errorf("recalled %v with %d queries; want %v with %d", w.recalls.keys, w.readers.queries(), keyOf(1), c.queries)
				}
			})
		}
	}
}

func TestRecallOfWhatCanNotBeTakenBack(t *testing.T) {
	t.Parallel()
	for _, state := range []receipts.State{
		receipts.Sending, receipts.Failed, receipts.Uncertain, receipts.Recalled, receipts.Disbanded,
	} {
		t.Run(string(state), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			m := receipts.Message{Group: group, Number: 1, State: state}
			if got, err := w.recaller.Recall(t.Context(), m); !errors.Is(err, receipts.ErrWrongState) || got != m {
				t.Errorf("Recall() = %+v, %v; want the message as it is, %v", got, err, receipts.ErrWrongState)
			}
			if len(w.recalls.keys) != 0 || w.readers.queries() != 0 {
				t.Error("DingTalk was asked")
			}
		})
	}
}

// The records fail after DingTalk has taken the message back. The next try finds
// it so.
func TestRecallCanBeRepeated(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	m := w.announce(t)
	w.records.fail("Mark")
	if _, err := w.recaller.Recall(t.Context(), m); !errors.Is(err, errDown) {
		t.Errorf("error %v; want %v", err, errDown)
	}
	w.records.before = nil
	w.recalls.err = errors.New("recall: no such message")
	w.readers.say(inPages(receipts.ReadersPage{Delivery: receipts.TakenBack}))
	if got, err := w.recaller.Recall(t.Context(), m); err != nil || got.State != receipts.Recalled {
		t.Errorf("Recall() = %+v, %v; want it recalled", got, err)
	}
}

func TestRecallKeepsWhatIsKnown(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	m := w.announce(t)
	w.readers.say(readBy("li"))
	w.report(t)
	w.clock.advance(time.Hour)
	if _, err := w.recaller.Recall(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	r := w.report(t)
	namesNobody(t, r)
	if !slices.Equal(readerIDs(r), []string{"li"}) || !r.AsOf.Equal(morning) || w.readers.queries() != 1 {
		t.Errorf("report %+v after %d queries; want li, as of the morning, after one", r, w.readers.queries())
	}
}
