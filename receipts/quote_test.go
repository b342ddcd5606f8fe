package receipts_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"whoread/receipts"
)

var errTimeout = &receipts.Failure{Uncertain: true, Reason: "timeout", Err: context.DeadlineExceeded}

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
	got, err := w.reporter.Quoted(t.Context(), group, receipts.Quote{Key: keyOf(1), Text: "whatever"}, receipts.Asker{})
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

// A quotation shows an uncertain message to be delivered if it fits by time, as far as it
// has one, and by its text. What does not fit is another one.
func TestQuotedAnUncertainMessageIsHealed(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		after time.Duration // from the record to the quoted message
		text  string
		heals bool
	}{
		{"at once", 0, posted, true},
		{"a little later", 9 * time.Minute, posted, true},
		{"a little earlier, by DingTalk's clock", -9 * time.Minute, posted, true},
		{"in one line, with marks", time.Second, "**周五 22:00 停机维护** > 请提前保存工作。", true},
		{"with more around it", time.Second, "whoread：\n" + posted + "\n#1 · 李雷", true},
		{"too late", 10 * time.Minute, posted, false},
		{"too early", -10 * time.Minute, posted, false},
		{"of another text", time.Second, "周五 22:00 停电", false},
		{"a title alone", time.Second, maintenance.Title, false},
		{"only a part", time.Second, posted[:len(posted)-len("。")], false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.announceUncertain(t)
			w.clock.advance(24 * time.Hour) // when somebody quotes it does not matter
			quote := receipts.Quote{Key: keyOf(1), CreatedAt: morning.Add(c.after), Text: c.text}
			got, err := w.reporter.Quoted(t.Context(), group, quote, receipts.Asker{})
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
				Group: group, Number: 1, Title: maintenance.Title, Beginning: beginning, Excerpt: maintenance.Text, Author: maintenance.Author, Key: keyOf(1),
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

// Of a long announcement its first forty characters have to be seen.
func TestBeginning(t *testing.T) {
	t.Parallel()
	forty := strings.Repeat("一二三四五六七八九十", 4)
	for _, c := range []struct{ title, text, want string }{
		{"停机", "停机", "停机"}, // there is nothing but a title
		{"停机", "今晚", "停机今晚"},
		{"**停机** ", "\n\t- [今晚](x)\u2005", "停机今晚x"},
		{forty, forty, forty},
		{"一", forty, "一" + forty[:len(forty)-len("十")]},
		{"#", "**", ""},
	} {
		if got := receipts.Beginning(c.title, c.text); got != c.want {
			t.Errorf("Beginning(%q, %q) = %q; want %q", c.title, c.text, got, c.want)
		}
	}
}

// Without a time in the quotation the text alone shows which one it is.
func TestQuotedWithoutATimeHealsAllTheSame(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.announceUncertain(t)
	w.clock.advance(time.Hour)
	m, err := w.reporter.Quoted(t.Context(), group, receipts.Quote{Key: keyOf(1), Text: posted}, receipts.Asker{})
	if err != nil || m.Number != 1 || m.State != receipts.Sent || !m.SentAt.Equal(morning) {
		t.Errorf("Quoted() = %+v, %v; want #1 healed, sent when it was announced", m, err)
	}
}

// What shows no text could be anything that the bot posted: it heals and adopts nothing.
func TestQuotedWithoutATextIsNothing(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", " \n\t", "**"} {
		w := newWorld(t)
		w.announceUncertain(t)
		m, err := w.reporter.Quoted(t.Context(), group, receipts.Quote{Key: keyOf(1), CreatedAt: morning, Text: text}, receipts.Asker{})
		if !errors.Is(err, receipts.ErrNotMessage) {
			t.Errorf("%q: Quoted() = %+v, %v; want %v", text, m, err, receipts.ErrNotMessage)
		}
		if w.kept(t).Message.State != receipts.Uncertain || len(w.records.messages[group]) != 1 || w.readers.queries() != 0 {
			t.Errorf("%q: #1 is %+v, after %d queries", text, w.kept(t).Message, w.readers.queries())
		}
	}
}

// announceAgain sends an announcement of another command; it does not arrive, and nobody
// knows.
func (w *world) announceAgain(t *testing.T, title, text string) {
	t.Helper()
	again := maintenance
	again.Command, again.Title, again.Text = "msg-again", title, text
	w.sender.err = errTimeout
	if done, err := w.announcer.Announce(t.Context(), again); err != nil || done.Message.Number != 2 {
		t.Fatalf("Announce() = %+v, %v", done, err)
	}
	w.sender.err = nil
}

// Of two uncertain messages the one whose text is quoted is healed, however near the other
// is; and neither if it could be both.
func TestQuotedOneOfTwoUncertainMessages(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		title, text string
		apart       time.Duration // between the two
		number      int           // of the quoted message
	}{
		"another text":                            {maintenance.Title, "请提前关机。", time.Second, 1},
		"another title":                           {"周六 22:00 停机维护", maintenance.Text, time.Second, 1},
		"the same text":                           {maintenance.Title, maintenance.Text, time.Second, 3},
		"the same text, minutes later":            {maintenance.Title, maintenance.Text, 5 * time.Minute, 3},
		"a text within the other":                 {"停机维护", "停机维护", time.Second, 3},
		"the same text, when it was long settled": {maintenance.Title, maintenance.Text, 10 * time.Minute, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.announceUncertain(t)
			w.clock.advance(c.apart)
			w.announceAgain(t, c.title, c.text)
			w.readers.say(readBy("li"))
			m, err := w.reporter.Quoted(t.Context(), group, receipts.Quote{Key: keyOf(1), CreatedAt: morning, Text: posted}, receipts.Asker{})
			if err != nil || m.Number != c.number || m.State != receipts.Sent || m.Key != keyOf(1) || m.Adopted != (c.number == 3) {
				t.Errorf("Quoted() = %+v, %v; want #%d", m, err, c.number)
			}
			for i, e := range w.records.messages[group] {
				if is := e.kept.Message.State; i+1 != c.number && is != receipts.Uncertain {
					t.Errorf("#%d is %s", i+1, is)
				}
			}
		})
	}
}

// What is on its way may yet get its key by itself: it is not healed, but once it is
// settled that nobody knows.
func TestQuotedAMessageOnItsWay(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.begin(t)
	w.readers.sent[keyOf(1)] = group
	quote := receipts.Quote{Key: keyOf(1), CreatedAt: morning, Text: posted}
	for _, want := range []receipts.State{receipts.Sending, receipts.Sent} {
		m, err := w.reporter.Quoted(t.Context(), group, quote, receipts.Asker{})
		if err != nil || m.Number != 1 || m.State != want || w.kept(t).Message.State != want {
			t.Errorf("Quoted() = %+v, %v; want #1 %s", m, err, want)
		}
		w.clock.advance(10 * time.Minute)
	}
	want := []receipts.State{receipts.Sending, receipts.Uncertain, receipts.Sent}
	if diff := cmp.Diff(want, w.records.history[group][0]); diff != "" {
		t.Errorf("its states (-want +got):\n%s", diff)
	}
}

// A quoted chart or answer means the message that it is about, whatever else is uncertain,
// and has no readers.
func TestQuotedAPostMeansWhatItIsAbout(t *testing.T) {
	t.Parallel()
	for name, quote := range map[string]receipts.Quote{
		"without text": {Key: "chart"}, "with its text": {Key: "chart", CreatedAt: morning, Text: posted}, "of another number": {Key: "chart", Text: "#2", Number: 2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			want := w.announce(t)
			w.announceAgain(t, "停机", "停机")
			w.readers.sent["chart"] = group
			for about, number := range map[int]int{1: 1, 2: 2, 0: 0, 7: 0} {
				if err := w.records.RecordPost(t.Context(), group, "chart", about); err != nil {
					t.Fatal(err)
				}
				m, err := w.reporter.Quoted(t.Context(), group, quote, receipts.Asker{})
				if m.Number != number || errors.Is(err, receipts.ErrNotMessage) != (number == 0) {
					t.Errorf("about #%d: Quoted() = %+v, %v", about, m, err)
				}
			}
			if w.readers.queries() != 0 || len(w.records.messages[group]) != 2 || w.records.messages[group][1].kept.Message.State != receipts.Uncertain {
				t.Errorf("%d queries, and the messages are %+v", w.readers.queries(), w.records.messages[group])
			}
			if diff := cmp.Diff(want, w.kept(t).Message); diff != "" {
				t.Errorf("#1 (-want +got):\n%s", diff)
			}
		})
	}
}

// The key of a post is recorded while somebody already quotes it: its readers are nobody's.
func TestQuotedAPostThatIsJustRecorded(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.announce(t)
	w.readers.sent["chart"] = group
	w.readers.say(readBy("li"))
	w.records.meanwhile("Adopt", func(ctx context.Context) error { return w.records.RecordPost(ctx, group, "chart", 1) })
	m, err := w.reporter.Quoted(t.Context(), group, receipts.Quote{Key: "chart", Text: "图"}, receipts.Asker{})
	if kept := w.kept(t); err != nil || m.Number != 1 || len(kept.Reads) != 0 || !kept.AsOf.IsZero() {
		t.Errorf("Quoted() = %+v, %v; kept %+v", m, err, kept)
	}
}

// Nor does one heal the uncertain message whose text it shows.
func TestQuotedAPostThatIsJustRecordedHealsNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.announceUncertain(t)
	w.readers.sent["answer"] = group
	w.readers.say(readBy("li"))
	w.records.meanwhile("Mark", func(ctx context.Context) error { return w.records.RecordPost(ctx, group, "answer", 1) })
	m, err := w.reporter.Quoted(t.Context(), group, receipts.Quote{Key: "answer", CreatedAt: morning, Text: posted}, receipts.Asker{})
	if kept := w.kept(t); err != nil || m.Number != 1 || m.State != receipts.Uncertain || len(kept.Reads) != 0 {
		t.Errorf("Quoted() = %+v, %v; kept %+v", m, err, kept)
	}
}

// What shows a message is its whole post, or as much of a long one as is recorded.
func TestShown(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("请各部门提交本周的工作周报，", 4)
	w := newWorld(t)
	for i, text := range []string{"停机", long, "搬家", "搬家"} {
		if _, err := w.announcer.Announce(t.Context(), receipts.Announcement{Group: group, Command: fmt.Sprint("shown", i), Title: text, Text: text}); err != nil {
			t.Fatal(err)
		}
	}
	for i, state := range []receipts.State{receipts.Scheduled, receipts.CalledOff} { // neither is in the group
		d := receipts.Draft{Group: group, Command: fmt.Sprint("later", i), Title: "停机", Beginning: "停机", At: w.clock.now(), Due: w.clock.now().Add(time.Hour), Content: "{}"}
		m, _, err := w.records.Begin(t.Context(), d)
		if err == nil && state != m.State {
			_, err = w.records.Mark(t.Context(), group, m.Number, receipts.Change{To: state})
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	for text, want := range map[string]struct {
		number int
		err    error
	}{
		"停机":        {1, nil},
		"**停 机**\n": {1, nil},
		"停机，请看 #1":  {0, receipts.ErrNoMessage},
		"停机\n\n#1 · 李雷 · 11月29日（周五）18:00 前": {1, nil},
		"停机 #1 · 李雷":         {1, nil},
		"停机\n\n#1":           {1, nil},
		"停机 #12 · 李雷":        {0, receipts.ErrNoMessage},
		"停机，请看\n\n#1 · 李雷":   {0, receipts.ErrNoMessage},
		long + "\n\n#2 · 李雷": {2, nil},
		"搬家\n\n#4 · 李雷":      {4, nil},
		long:                 {2, nil},
		long + "谢谢":          {2, nil},
		long[:60]:            {0, receipts.ErrNoMessage},
		"搬家":                 {0, receipts.ErrNotMessage},
		"":                   {0, receipts.ErrNoMessage},
		"已发出 #1，4 人":         {0, receipts.ErrNoMessage},
	} {
		if m, err := w.reporter.Shown(t.Context(), group, text); m.Number != want.number || !errors.Is(err, want.err) {
			t.Errorf("Shown(%q) = #%d, %v", text, m.Number, err)
		}
	}
}

// A text is signed with the number of its message: that one is meant, whatever other numbers stand in
// it, and none where another text is signed with it.
func TestQuotedASignedMessage(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("请各部门提交本周的工作周报，", 4)
	w := newWorld(t)
	s, _ := w.service(t, nil)
	for i, text := range []string{"停机", long, "#1 没有撤回", "关于 #1", long} {
		if _, err := s.Announce(t.Context(), boss, receipts.Announcement{Group: group, Command: fmt.Sprint("signed", i), Title: text, Text: text}); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		text           string
		number, signed int // as the frame tells
		want           int
		err            error
	}{
		{"停机\n\n#1 · 李雷", 0, 1, 1, nil},
		{"停机 #1 · 李雷", 1, 1, 1, nil},
		{"#1 没有撤回\n\n#3 · 李雷", 1, 3, 3, nil},
		{"关于 #1\n\n#4 · 李雷 · 11月29日（周五）18:00 前", 1, 4, 4, nil},
		{"关于 #1 #4 · 李雷", 1, 4, 4, nil},
		{long + "\n\n#2 · 李雷", 0, 2, 2, nil},
		{long + "\n\n#5 · 李雷", 0, 5, 5, nil},
		{"关于 #1\n\n#2 · 李雷", 1, 2, 1, nil}, // it is no announcement's
		{"别的\n\n#2 · 李雷", 0, 2, 0, receipts.ErrNotMessage},
		{"停机\n\n#99 · 李雷", 0, 99, 0, receipts.ErrNotMessage},
	} {
		q := receipts.Quote{Text: c.text, Number: c.number, Signed: c.signed}
		if r, err := s.Report(t.Context(), lilei, group, receipts.Ref{Quote: &q}); r.Message.Number != c.want || !errors.Is(err, c.err) {
			t.Errorf("%q: #%d, %v; want #%d, %v", c.text, r.Message.Number, err, c.want, c.err)
		}
	}
}

// Of uncertain messages that a quotation may show, it heals the one that it is signed with.
func TestQuotedASignedMessageHealsNoOther(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.announceUncertain(t)
	w.announceAgain(t, maintenance.Title, maintenance.Text)
	for number, key := range map[int]string{1: keyOf(1), 2: "second"} {
		w.readers.sent[key] = group
		q := receipts.Quote{Key: key, CreatedAt: morning, Text: fmt.Sprintf("%s\n\n#%d · 陈晨", posted, number), Signed: number}
		if m, err := w.reporter.Quoted(t.Context(), group, q, receipts.Asker{}); err != nil || m.Number != number || m.State != receipts.Sent || m.Key != key {
			t.Errorf("Quoted() = %+v, %v; want #%d healed", m, err, number)
		}
	}
}

// An excerpt is the text as it was typed, and says where it is cut.
func TestExcerpt(t *testing.T) {
	t.Parallel()
	hundred := strings.Repeat("一二三四五六七八九十", 10)
	for _, c := range []struct{ title, text, want string }{
		{"停机", "停机", ""},
		{"停机", " \n今晚 **22:00**\n请保存\n", "今晚 **22:00**\n请保存"},
		{"停机", hundred + hundred, hundred + hundred},
		{"停机", hundred + hundred + "一", hundred + hundred[:len(hundred)-len("十")] + "…"},
		{"停机", hundred + strings.Repeat(" ", 99) + "一二", hundred + "…"},
	} {
		if got := receipts.Excerpt(c.title, c.text); got != c.want {
			t.Errorf("Excerpt(%q, %q) = %q; want %q", c.title, c.text, got, c.want)
		}
	}
}

// An answer whose key is not known says itself which message it is about.
func TestQuotedAnAnswerMeansItsNumber(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.announceUncertain(t)
	quote := receipts.Quote{Key: "answer", CreatedAt: morning, Text: "#1 " + posted, Number: 1}
	if m, err := w.reporter.Quoted(t.Context(), group, quote, receipts.Asker{}); err != nil || m.Number != 1 || m.State != receipts.Uncertain {
		t.Errorf("Quoted() = %+v, %v; want #1 as it is", m, err)
	}
}

// Only an uncertain message can be healed, though others fit as well.
func TestQuotedLeavesOtherMessagesAlone(t *testing.T) {
	t.Parallel()
	refused := &receipts.Failure{Reason: "bot_stopped", Err: errors.New("bot.stopped")}
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
			quote := receipts.Quote{Key: "another", CreatedAt: morning, Text: posted}
			if m, err := w.reporter.Quoted(t.Context(), group, quote, receipts.Asker{}); err != nil || m.Number != 2 || !m.Adopted {
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
	w.announceUncertain(t)
	w.readers.sent["another"] = group
	w.records.meanwhile("Mark", func(ctx context.Context) error {
		_, err := w.records.Mark(ctx, group, 1, receipts.Change{To: receipts.Sent, Key: keyOf(1), SentAt: morning})
		return err
	})
	m, err := w.reporter.Quoted(t.Context(), group, receipts.Quote{Key: "another", CreatedAt: morning, Text: posted}, receipts.Asker{})
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
		got, err := w.reporter.Quoted(t.Context(), group, quote, receipts.Asker{})
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

func TestQuotedAMessageThatShowsNoTime(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.readers.sent["old"] = group
	m, err := w.reporter.Quoted(t.Context(), group, receipts.Quote{Key: "old", Text: "旧公告"}, receipts.Asker{})
	if err != nil || m.Title != "旧公告" || !m.SentAt.Equal(morning) {
		t.Errorf("Quoted() = %+v, %v; want it adopted, as of now", m, err)
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
			if _, err := w.reporter.Quoted(t.Context(), group, receipts.Quote{Key: "old", CreatedAt: at(-60), Text: "旧公告"}, receipts.Asker{}); err != nil {
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
			_, err := w.reporter.Quoted(t.Context(), c.group, receipts.Quote{Key: "old", CreatedAt: morning, Text: "旧公告"}, receipts.Asker{})
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
	m, err := w.reporter.Quoted(t.Context(), elsewhere, receipts.Quote{Key: keyOf(1), CreatedAt: morning, Text: maintenance.Title}, receipts.Asker{})
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
		{"SaveReads", func(*testing.T, *world) {}},
	} {
		t.Run(c.method, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.readers.sent[keyOf(1)] = group
			c.set(t, w)
			w.records.fail(c.method)
			_, err := w.reporter.Quoted(t.Context(), group, receipts.Quote{Key: keyOf(1), CreatedAt: morning, Text: posted}, receipts.Asker{})
			if !errors.Is(err, errDown) {
				t.Errorf("error %v; want %v", err, errDown)
			}
		})
	}
}
