package receipts_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"whoread/receipts"
)

var errTimeout = &receipts.SendError{Uncertain: true, Reason: "timeout", Err: context.DeadlineExceeded}

// announceUncertain sends the announcement; it arrives, and nobody knows.
func (w *world) announceUncertain(t *testing.T) {
	t.Helper()
	w.sender.err = errTimeout
	done, err := w.announcer.Announce(t.Context(), maintenance)
	if err != nil || done.Message.State != receipts.Uncertain {
		t.Fatalf("Announce() = %+v, %v; want it uncertain", done.Message, err)
	}
	w.sender.err = nil
	w.readers.sent[keyOf(1)] = group
}

func TestQuotedARecordedMessageIsFoundByItsKey(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	want := w.announce(t)
	w.clock.advance(time.Hour)
	got, err := w.reporter.Quoted(t.Context(), group, receipts.Quote{Key: keyOf(1), Text: "whatever"})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("message (-want +got):\n%s", diff)
	}
	if w.readers.queries() != 0 {
		t.Error("DingTalk was asked")
	}
}

// A quotation shows an uncertain message to be delivered if it fits by time and
// by text, as far as the quotation has them. What does not fit is another one.
func TestQuotedAnUncertainMessageIsHealed(t *testing.T) {
	t.Parallel()
	whole := maintenance.Title + "  \n请提前保存工作。"
	for _, c := range []struct {
		name  string
		after time.Duration // from the record to the quoted message
		text  string
		heals bool
	}{
		{"at once", 0, whole, true},
		{"a little later", 9 * time.Minute, whole, true},
		{"a little earlier, by DingTalk's clock", -9 * time.Minute, whole, true},
		{"without its text", time.Second, "", true},
		{"too late", 10 * time.Minute, whole, false},
		{"too early", -10 * time.Minute, whole, false},
		{"of another text", time.Second, "周五 22:00 停电", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.announceUncertain(t)
			w.clock.advance(24 * time.Hour) // when somebody quotes it does not matter
			quote := receipts.Quote{Key: keyOf(1), CreatedAt: morning.Add(c.after), Text: c.text}
			got, err := w.reporter.Quoted(t.Context(), group, quote)
			if err != nil {
				t.Fatal(err)
			}
			first := w.kept(t).Message
			if !c.heals {
				if got.Number != 2 || !got.Adopted || first.State != receipts.Uncertain || first.Key != "" {
					t.Errorf("the quoted message is %+v, #1 is %+v; want another message adopted", got, first)
				}
				return
			}
			want := receipts.Message{
				Group: group, Number: 1, Title: maintenance.Title, Author: maintenance.Author, Key: keyOf(1),
				State: receipts.Sent, CreatedAt: morning, SentAt: quote.CreatedAt,
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("message (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(want, first); diff != "" {
				t.Errorf("recorded message (-want +got):\n%s", diff)
			}
		})
	}
}

func TestQuotedOfTwoUncertainMessagesTheNearestIsHealed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.announceUncertain(t)
	w.clock.advance(5 * time.Minute)
	w.sender.err = errTimeout
	again := maintenance
	again.Command = "msg-again"
	if done, err := w.announcer.Announce(t.Context(), again); err != nil || done.Message.Number != 2 {
		t.Fatalf("Announce() = %+v, %v", done, err)
	}
	m, err := w.reporter.Quoted(t.Context(), group, receipts.Quote{Key: keyOf(1), CreatedAt: morning.Add(time.Second), Text: maintenance.Title})
	if err != nil || m.Number != 1 || m.State != receipts.Sent {
		t.Errorf("Quoted() = %+v, %v; want #1 healed", m, err)
	}
}

func TestQuotedWithoutATimeHealsNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.announceUncertain(t)
	m, err := w.reporter.Quoted(t.Context(), group, receipts.Quote{Key: keyOf(1), Text: maintenance.Title})
	if err != nil || m.Number != 2 || w.kept(t).Message.State != receipts.Uncertain {
		t.Errorf("Quoted() = %+v, %v, and #1 is %s; want it uncertain, and another one adopted", m, err, w.kept(t).Message.State)
	}
}

func TestQuotedAMessageOnItsWayIsHealed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.begin(t)
	w.readers.sent[keyOf(1)] = group
	m, err := w.reporter.Quoted(t.Context(), group, receipts.Quote{Key: keyOf(1), CreatedAt: morning, Text: maintenance.Title})
	if err != nil || m.Number != 1 || m.State != receipts.Sent {
		t.Errorf("Quoted() = %+v, %v; want #1 sent", m, err)
	}
}

// Only an uncertain message can be healed, though others fit as well.
func TestQuotedLeavesOtherMessagesAlone(t *testing.T) {
	t.Parallel()
	refused := &receipts.SendError{Reason: "bot_stopped", Err: errors.New("bot.stopped")}
	for name, failure := range map[string]error{"sent": nil, "failed": refused} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.sender.err = failure
			if _, err := w.announcer.Announce(t.Context(), maintenance); err != nil {
				t.Fatal(err)
			}
			before := w.kept(t)
			w.readers.sent["another"] = group
			quote := receipts.Quote{Key: "another", CreatedAt: morning, Text: maintenance.Title}
			if m, err := w.reporter.Quoted(t.Context(), group, quote); err != nil || m.Number != 2 || !m.Adopted {
				t.Errorf("Quoted() = %+v, %v; want another message adopted", m, err)
			}
			if diff := cmp.Diff(before, w.kept(t)); diff != "" {
				t.Errorf("#1 changed:\n%s", diff)
			}
		})
	}
}

// A message that looked as if it was the quoted one gets a key of its own while
// the quotation is looked at.
func TestQuotedAnotherMessageThanTheOneThatIsJustSent(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.begin(t)
	w.readers.sent["another"] = group
	w.records.meanwhile("Mark", func(ctx context.Context) error {
		_, err := w.records.Mark(ctx, group, 1, receipts.Change{To: receipts.Sent, Key: keyOf(1), SentAt: morning})
		return err
	})
	m, err := w.reporter.Quoted(t.Context(), group, receipts.Quote{Key: "another", CreatedAt: morning})
	if err != nil || m.Number != 2 || m.Key != "another" {
		t.Errorf("Quoted() = %+v, %v; want it adopted as #2", m, err)
	}
	if first := w.kept(t).Message; first.Key != keyOf(1) {
		t.Errorf("#1 is %+v; want it with its own key", first)
	}
}

func TestQuotedAMessageWithoutARecordIsAdoptedOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.readers.sent["old"] = group
	w.readers.say(readBy("li", "wang", "li"))
	quote := receipts.Quote{Key: "old", CreatedAt: at(-600), Text: " \n 上周的公告 \n正文"}
	want := receipts.Message{
		Group: group, Number: 1, Title: "上周的公告", Key: "old", State: receipts.Sent,
		CreatedAt: at(-600), SentAt: at(-600), Adopted: true,
	}
	for _, try := range []string{"first", "second"} {
		got, err := w.reporter.Quoted(t.Context(), group, quote)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s quotation, message (-want +got):\n%s", try, diff)
		}
	}
	r := w.report(t)
	if !slices.Equal(readerIDs(r), []string{"li", "wang"}) || !slices.Equal(r.Unread, []string{"zhang"}) {
		t.Errorf("read %v, unread %v; want li and wang, zhang", readerIDs(r), r.Unread)
	}
	if got := w.readers.queries(); got != 1 {
		t.Errorf("%d queries; want the one of the adoption, which is fresh", got)
	}
}

func TestQuotedAMessageThatShowsNeitherTimeNorText(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.readers.sent["old"] = group
	m, err := w.reporter.Quoted(t.Context(), group, receipts.Quote{Key: "old"})
	if err != nil || m.Title != "" || !m.SentAt.Equal(morning) {
		t.Errorf("Quoted() = %+v, %v; want it adopted, as of now and without a title", m, err)
	}
}

// DingTalk knows the message, but not all of its readers: what it said is kept,
// and does not pass for a complete answer.
func TestQuotedAMessageThatDingTalkHasNoFullAnswerFor(t *testing.T) {
	t.Parallel()
	some := receipts.ReadersPage{UserIDs: []string{"li"}}
	for _, c := range []struct {
		name   string
		answer answer
		seen   []string
	}{
		{"no read data", refusing(receipts.ErrNoReadData), nil},
		{"no read data after a page", thenFailing(receipts.ErrNoReadData, some), []string{"li"}},
		{"being delivered", inPages(receipts.ReadersPage{Delivery: receipts.BeingDelivered, UserIDs: []string{"li"}}), []string{"li"}},
		{"recalled", inPages(receipts.ReadersPage{Delivery: receipts.TakenBack, UserIDs: []string{"li"}}), []string{"li"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.readers.sent["old"] = group
			w.readers.say(c.answer)
			if _, err := w.reporter.Quoted(t.Context(), group, receipts.Quote{Key: "old", CreatedAt: at(-60)}); err != nil {
				t.Fatal(err)
			}
			if kept := w.kept(t); !kept.AsOf.IsZero() || len(kept.Reads) != len(c.seen) {
				t.Errorf("kept %+v; want the reads of %v, and no time of a complete answer", kept, c.seen)
			}
			r := w.report(t)
			namesNobody(t, r)
			if diff := cmp.Diff(c.seen, readerIDs(r)); diff != "" {
				t.Errorf("readers (-want +got):\n%s", diff)
			}
		})
	}
}

// No group sees another group's messages: DingTalk refuses the key there, and
// nothing is adopted.
func TestQuotedWhatDingTalkRefusesIsNotAdopted(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		group  string
		answer answer
		want   error
	}{
		{"a message of another group", elsewhere, readBy("li"), errNotOurs},
		{"no answer", group, refusing(errDown), errDown},
		{"no answer after a page", group, thenFailing(errDown, receipts.ReadersPage{UserIDs: []string{"li"}}), errDown},
		{"the group is gone", group, refusing(receipts.ErrGroupGone), receipts.ErrGroupGone},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.readers.sent["old"] = group
			w.readers.say(c.answer)
			_, err := w.reporter.Quoted(t.Context(), c.group, receipts.Quote{Key: "old", CreatedAt: morning, Text: "旧公告"})
			if !errors.Is(err, c.want) {
				t.Errorf("error %v; want %v", err, c.want)
			}
			if len(w.records.messages[c.group]) != 0 {
				t.Error("it was adopted")
			}
		})
	}
}

func TestQuotedARecordedMessageOfAnotherGroupIsNotFound(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.announce(t)
	m, err := w.reporter.Quoted(t.Context(), elsewhere, receipts.Quote{Key: keyOf(1), CreatedAt: morning, Text: maintenance.Title})
	if !errors.Is(err, errNotOurs) {
		t.Errorf("Quoted() = %+v, %v; want %v", m, err, errNotOurs)
	}
}

func TestQuotedWithoutRecords(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		method string
		set    func(t *testing.T, w *world)
	}{
		{"ByKey", func(*testing.T, *world) {}},
		{"Recent", func(*testing.T, *world) {}},
		{"Mark", func(t *testing.T, w *world) { w.announceUncertain(t) }},
		{"Adopt", func(*testing.T, *world) {}},
		{"KeepReads", func(*testing.T, *world) {}},
	} {
		t.Run(c.method, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.readers.sent[keyOf(1)] = group
			c.set(t, w)
			w.records.fail(c.method)
			_, err := w.reporter.Quoted(t.Context(), group, receipts.Quote{Key: keyOf(1), CreatedAt: morning})
			if !errors.Is(err, errDown) {
				t.Errorf("error %v; want %v", err, errDown)
			}
		})
	}
}
