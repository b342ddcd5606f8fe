package receipts_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"whoread/receipts"
)

// Whatever happens to a group, in whatever order, the promises hold.
func TestAnyHistoryKeepsThePromises(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		h := newHistory(t)
		t.Repeat(map[string]func(*rapid.T){
			"announce":            h.announce,
			"crash while sending": h.crash,
			"post unrecorded":     h.postUnrecorded,
			"post a chart":        h.postChart,
			"read":                h.read,
			"come and go":         h.comeAndGo,
			"report":              h.report,
			"quote":               h.quote,
			"recall":              h.recall,
			"wait":                h.wait,
			"":                    h.check,
		})
	})
}

// history is what really happened in a group, next to what the bot has records
// of.
type history struct {
	*world
	commands int
	posts    map[string]*post // by processQueryKey
	mood     string           // of DingTalk, when asked who has read
	seen     map[int]receipts.Snapshot
}

// post is a message that is in the group.
type post struct {
	title   string
	command string // that announced it
	chart   bool   // or an answer: it is no announcement
	about   int    // of a chart whose key is recorded, -1 if it is not
	at      time.Time
	readers map[string]time.Time
	gone    bool // taken back
}

func newHistory(t *rapid.T) *history {
	h := &history{world: newWorld(t), posts: map[string]*post{}, seen: map[int]receipts.Snapshot{}}
	h.reporter.Readers, h.recaller.Readers, h.recaller.Source = h, h, h
	return h
}

// Readers answers as DingTalk does in its mood.
func (h *history) Readers(_ context.Context, in, key, cursor string, _ receipts.Rights) (receipts.ReadersPage, error) {
	p := h.posts[key]
	if p == nil || in != group {
		return receipts.ReadersPage{}, errNotOurs
	}
	ids := slices.Sorted(maps.Keys(p.readers))
	half := inPages(
		receipts.ReadersPage{UserIDs: ids[:len(ids)/2]},
		receipts.ReadersPage{UserIDs: ids[len(ids)/2:]},
	)
	switch {
	case h.mood == "fails":
		return receipts.ReadersPage{}, errDown
	case h.mood == "fails half way" && cursor != "":
		return receipts.ReadersPage{}, errDown
	case h.mood == "knows nothing":
		return receipts.ReadersPage{}, receipts.ErrNoReadData
	case h.mood == "repeats itself":
		return receipts.ReadersPage{UserIDs: ids[:len(ids)/2], Next: "1", More: true}, nil
	case h.mood == "is delivering":
		return receipts.ReadersPage{Delivery: receipts.BeingDelivered, UserIDs: ids[:len(ids)/2]}, nil
	case h.mood == "disbanded":
		return receipts.ReadersPage{}, receipts.ErrGroupGone
	case p.gone:
		return receipts.ReadersPage{Delivery: receipts.TakenBack, UserIDs: ids}, nil
	}
	return half(context.Background(), cursor)
}

// Recall takes a post back.
func (h *history) Recall(_ context.Context, _, key string) error {
	p := h.posts[key]
	if p == nil || p.gone || h.mood != "answers" {
		return errNotOurs
	}
	p.gone = true
	return nil
}

// next begins a step: time passes, and something may be out of order.
func (h *history) next(t *rapid.T) {
	h.clock.advance(time.Second)
	h.mood = rapid.SampledFrom([]string{
		"answers", "answers", "answers", "answers", "fails", "fails half way", "knows nothing", "repeats itself",
		"is delivering", "disbanded",
	}).Draw(t, "DingTalk")
	h.records.before, h.records.after = nil, nil
}

// breakRecords has the records fail, or lose an answer.
func (h *history) breakRecords(t *rapid.T, methods ...string) {
	method := rapid.SampledFrom(append(methods, "", "", "", "")).Draw(t, "records fail at")
	fail := func(_ context.Context, called string) error { return downIf(called == method) }
	if rapid.Bool().Draw(t, "only the answer is lost") {
		h.records.after = fail
	} else {
		h.records.before = fail
	}
}

func (h *history) announce(t *rapid.T) {
	h.next(t)
	command := h.commands + 1
	if h.commands > 0 && rapid.Bool().Draw(t, "again") {
		command = rapid.IntRange(1, h.commands).Draw(t, "command")
	}
	h.commands = max(h.commands, command)
	h.breakRecords(t, "Begin", "KnownMembers", "SaveMembers")
	outcome := rapid.SampledFrom([]string{"sent", "refused", "lost on the way", "delivered, and its answer lost"}).Draw(t, "the send is")
	h.sender.err = map[string]error{
		"refused":                        &receipts.Failure{Reason: "bot_stopped", Err: errors.New("bot.stopped")},
		"lost on the way":                errTimeout,
		"delivered, and its answer lost": errTimeout,
	}[outcome]
	sends := h.sender.sends()
	n := maintenance
	n.Command, n.Title = fmt.Sprint("msgId-", command), h.title(t, command)
	n.Author = receipts.Person{UserID: anyAuthor(t)}
	done, err := h.announcer.Announce(t.Context(), n)
	if h.sender.sends() > sends && (outcome == "sent" || outcome == "delivered, and its answer lost") {
		h.posts[keyOf(sends+1)] = &post{title: n.Title, command: n.Command, at: h.clock.now(), readers: map[string]time.Time{}}
	}
	if err == nil && done.Message.State == receipts.Sending {
		t.Fatalf("an announcement ended on its way: %+v", done.Message)
	}
}

// title is the command's own. A quotation may show no difference from others.
func (h *history) title(t *rapid.T, command int) string {
	if rapid.Bool().Draw(t, "a title like others") {
		return "公告。" + strings.Repeat("*", command)
	}
	return fmt.Sprint("公告 ", command, "。")
}

// crash leaves the record of a message that was not sent.
func (h *history) crash(t *rapid.T) {
	h.next(t)
	h.commands++
	title := h.title(t, h.commands)
	_, _, err := h.records.Begin(t.Context(), receipts.Draft{
		Group: group, Command: fmt.Sprint("msgId-", h.commands), Title: title, Beginning: receipts.Beginning(title, maintenance.Text), At: h.clock.now(),
	})
	if err != nil {
		t.Fatal(err)
	}
}

// postUnrecorded is a message of the bot that its records do not know.
func (h *history) postUnrecorded(t *rapid.T) {
	h.next(t)
	key := fmt.Sprint("unrecorded ", len(h.posts))
	h.posts[key] = &post{title: "旧公告", at: h.clock.now(), readers: map[string]time.Time{}}
}

// postChart posts something about a message, or about none, whose key may not be recorded.
func (h *history) postChart(t *rapid.T) {
	h.next(t)
	key, about := fmt.Sprint("chart ", len(h.posts)), rapid.IntRange(-1, len(h.records.messages[group])).Draw(t, "about")
	h.posts[key] = &post{chart: true, about: about, at: h.clock.now(), readers: map[string]time.Time{}}
	if about >= 0 {
		if err := h.records.RecordPost(t.Context(), group, key, about); err != nil {
			t.Fatal(err)
		}
	}
}

// somePost draws a post's key.
func (h *history) somePost(t *rapid.T) string {
	if len(h.posts) == 0 {
		t.Skip("nothing was posted")
	}
	return rapid.SampledFrom(slices.Sorted(maps.Keys(h.posts))).Draw(t, "post")
}

func (h *history) read(t *rapid.T) {
	h.next(t)
	p := h.posts[h.somePost(t)]
	for _, id := range someOf(t, "readers") {
		if _, read := p.readers[id]; !read {
			p.readers[id] = h.clock.now()
		}
	}
}

func (h *history) comeAndGo(t *rapid.T) {
	h.next(t)
	h.members.set(someOf(t, "members")...)
	if rapid.IntRange(0, 3).Draw(t, "members unknown") == 0 {
		h.members.fail(rapid.SampledFrom([]error{errDown, receipts.ErrNoMemberList}).Draw(t, "why"))
	}
}

// someNumber draws the number of a recorded message.
func (h *history) someNumber(t *rapid.T) int {
	if len(h.records.messages[group]) == 0 {
		t.Skip("nothing is recorded")
	}
	return rapid.IntRange(1, len(h.records.messages[group])).Draw(t, "number")
}

func (h *history) report(t *rapid.T) {
	h.next(t)
	number := h.someNumber(t)
	h.breakRecords(t, "Snapshot", "SaveReads", "Mark", "SaveAudience", "KnownMembers", "SaveMembers")
	r, err := h.reporter.Report(t.Context(), group, number)
	if err != nil {
		if !errors.Is(err, errDown) {
			t.Fatalf("Report() failed: %v", err)
		}
		return
	}
	if !r.Complete() && len(r.Unread) > 0 {
		t.Fatalf("an incomplete report calls people unread: %+v", r)
	}
	if len(r.Unread) > 0 && !r.Message.State.Posted() {
		t.Fatalf("people did not read what was not there: %+v", r)
	}
	author := r.Message.Author.UserID
	for _, id := range r.Unread {
		if id == author {
			t.Fatalf("%s announced it and is called unread: %+v", id, r)
		}
		if read, ok := h.posts[r.Message.Key].readers[id]; ok && !read.After(r.AsOf) {
			t.Fatalf("%s has read at %v and is called unread as of %v: %+v", id, read, r.AsOf, r)
		}
	}
	for _, receipt := range r.Read {
		if receipt.UserID == author {
			if want := (receipts.Read{At: r.Message.SentAt, Exact: true}); receipt.Read != want {
				t.Fatalf("%+v announced it at %v", receipt, want)
			}
			continue
		}
		if read, ok := h.posts[r.Message.Key].readers[receipt.UserID]; !ok || read.After(receipt.At) {
			t.Fatalf("%v is no reader: %+v", receipt, h.posts[r.Message.Key])
		}
	}
}

func (h *history) quote(t *rapid.T) {
	h.next(t)
	key := h.somePost(t)
	p := h.posts[key]
	q := receipts.Quote{Key: key}
	if rapid.Bool().Draw(t, "with its time") {
		q.CreatedAt = p.at
	}
	if !p.chart { // that shows no text
		q.Text = rapid.SampledFrom([]string{"", p.title, p.title + "  \n" + maintenance.Text}).Draw(t, "with the text")
	}
	h.breakRecords(t, "ByKey", "Recent", "Mark", "Adopt", "SaveReads")
	m, err := h.reporter.Quoted(t.Context(), group, q, receipts.Asker{})
	switch {
	case err != nil:
	case p.chart && (p.about <= 0 || m.Number != p.about):
		t.Fatalf("a chart about #%d is %+v", p.about, m)
	case p.chart:
	case m.State == receipts.Sending && m.Beginning == receipts.Beginning(p.title, maintenance.Text): // nobody can tell yet
	case m.Key != key || !m.State.Posted():
		t.Fatalf("the quoted message %q is %+v", key, m)
	}
}

func (h *history) recall(t *rapid.T) {
	h.next(t)
	number := h.someNumber(t)
	m, err := h.reporter.Message(t.Context(), group, number)
	if err != nil {
		t.Fatal(err)
	}
	h.breakRecords(t, "Mark")
	m, err = h.recaller.Recall(t.Context(), m)
	if err == nil && (m.State != receipts.Recalled || !h.posts[m.Key].gone) {
		t.Fatalf("recalled, and still there: %+v", m)
	}
}

func (h *history) wait(t *rapid.T) {
	h.next(t)
	h.clock.advance(time.Duration(rapid.IntRange(0, 20).Draw(t, "minutes")) * time.Minute)
}

// check holds the records against the promises, after every step.
func (h *history) check(t *rapid.T) {
	if posts := slices.Sorted(slices.Values(h.sender.posts)); len(slices.Compact(slices.Clone(posts))) != len(posts) {
		t.Fatalf("an announcement was sent twice: %v", posts)
	}
	keys := map[string]int{}
	for i, e := range h.records.messages[group] {
		number, now, before := i+1, e.kept, h.seen[i+1]
		path := h.records.history[group][i]
		for j := range path[1:] {
			if !slices.Contains(life[path[j]], path[j+1]) {
				t.Fatalf("#%d went from %s to %s", number, path[j], path[j+1])
			}
		}
		if now.Message.Key != "" && keys[now.Message.Key] != 0 {
			t.Fatalf("#%d and #%d are the same message", keys[now.Message.Key], number)
		}
		keys[now.Message.Key] = number
		p := h.posts[now.Message.Key]
		if now.Message.State.Posted() && p == nil {
			t.Fatalf("#%d is %s and was never posted", number, now.Message.State)
		}
		if p != nil && (p.chart || !now.Message.Adopted && p.command != e.command) {
			t.Fatalf("#%d is taken for %+v", number, p)
		}
		for id := range now.Reads {
			if _, read := p.readers[id]; !read {
				t.Fatalf("#%d: %s has read something else", number, id)
			}
		}
		for id, known := range before.Reads {
			if now.Reads[id] != known {
				t.Fatalf("#%d: %s had read by %v, and now %v", number, id, known, now.Reads[id])
			}
		}
		if before.Audience != nil {
			if diff := cmp.Diff(before.Audience, now.Audience); diff != "" {
				t.Fatalf("#%d: the audience changed:\n%s", number, diff)
			}
		}
		if now.AsOf.Before(before.AsOf) {
			t.Fatalf("#%d: known as of %v, and now %v", number, before.AsOf, now.AsOf)
		}
		now.Reads = maps.Clone(now.Reads)
		h.seen[number] = now
	}
}
