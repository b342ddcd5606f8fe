package receipts_test

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"sync"
	"time"

	"whoread/receipts"
)

// failer is what fakes need of a test to say that they were misused.
type failer interface {
	Errorf(format string, args ...any)
}

// errDown is the failure of records that do not answer.
var errDown = errors.New("records: connection refused")

// records keep everything in memory. They do what receipts.Records, MemberRecords,
// SeenRecords, NameRecords, ReminderRecords, FollowUpRecords, PushRecords, GroupRecords and
// StepLog promise, as receiptstest has it, and fail the test if they are asked to write what
// no caller may: a sent message without its key, an outcome without its reason.
type records struct {
	t failer

	// before is called ahead of each call, by its method's name; its error is the
	// call's, and nothing is written. after is called when it is written: its
	// error loses the answer.
	before, after func(ctx context.Context, method string) error

	order map[string][]int // by group: numbers in the order in which they were recorded, or their sending began

	mu       sync.Mutex
	private  map[string]privatePost    // by processQueryKey
	pending  map[runOf]*pendingOf      // by group and person
	messages map[string][]*entry       // by group; number n at n-1
	posts    map[string]map[string]int // by group and key, what they are about
	members  map[string]receipts.Members
	names    map[string]receipts.Names
	runs     map[runOf]*run
	signs    map[string]map[string]receipts.Sighting
	moves    map[string][]moved
	refusals map[string]map[receipts.Source]receipts.Refusal
	titles   map[string]string
	spoken   map[string]string
	webhooks map[string]receipts.Webhook
	coolApps map[string]string
	steps    map[runOf]string // the try
	asked    []question
	calls    []string
	// history is every state that a message was in, by group.
	history map[string][][]receipts.State
}

// moved is somebody's coming or leaving.
type moved struct {
	userID string
	receipts.Sighting
}

type entry struct {
	command  string
	content  string // of what waits for its time
	kept     receipts.Snapshot
	reminded map[receipts.Channel]*reminded // the last reminder
	over     map[receipts.State]time.Time   // when DingTalk first said that it ended so
}

// reminded is the last reminder of a message in one way.
type reminded struct {
	run      string
	at       time.Time
	reminder receipts.Reminder
}

// question is what a question has cost.
type question struct {
	group, userID string
	calls         int
	at            time.Time
}

// runOf names a run; two groups may have runs of the same name.
type runOf struct{ group, run string }

// run is what a run has done.
type run struct {
	reminder *receipts.Reminder
	begun    map[int]string // the try
	ended    map[int]receipts.Outcome
}

func newRecords(t failer) *records {
	return &records{
		t: t, private: map[string]privatePost{}, order: map[string][]int{}, messages: map[string][]*entry{}, posts: map[string]map[string]int{}, members: map[string]receipts.Members{},
		names: map[string]receipts.Names{}, runs: map[runOf]*run{}, history: map[string][][]receipts.State{},
		signs: map[string]map[string]receipts.Sighting{}, moves: map[string][]moved{}, refusals: map[string]map[receipts.Source]receipts.Refusal{},
		titles: map[string]string{}, spoken: map[string]string{}, webhooks: map[string]receipts.Webhook{}, coolApps: map[string]string{}, steps: map[runOf]string{}, pending: map[runOf]*pendingOf{},
	}
}

// call does one call of the records: all of it or nothing, as a script does.
func (r *records) call(ctx context.Context, method string, do func() error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if r.before != nil {
		if err := r.before(ctx, method); err != nil {
			return err
		}
	}
	r.mu.Lock()
	r.calls = append(r.calls, method)
	err := do()
	r.mu.Unlock()
	if err == nil && r.after != nil {
		err = r.after(ctx, method)
	}
	return err
}

// fail makes every call of a method fail.
func (r *records) fail(method string) {
	r.before = func(_ context.Context, called string) error {
		if called == method {
			return errDown
		}
		return nil
	}
}

// meanwhile has somebody else do something just ahead of each call of a method.
// The calls of do itself, with the context that it is given, are left alone.
func (r *records) meanwhile(method string, do func(ctx context.Context) error) {
	type inside struct{}
	r.before = func(ctx context.Context, called string) error {
		if called != method || ctx.Value(inside{}) != nil {
			return nil
		}
		return do(context.WithValue(ctx, inside{}, true))
	}
}

func (r *records) find(group string, number int) *entry {
	if number < 1 || number > len(r.messages[group]) {
		return nil
	}
	return r.messages[group][number-1]
}

func (r *records) add(command string, m receipts.Message, audience *receipts.Members) receipts.Message {
	m.Number = len(r.messages[m.Group]) + 1
	e := &entry{command: command, over: map[receipts.State]time.Time{}, kept: receipts.Snapshot{Message: m, Reads: receipts.Reads{}}}
	r.count(e, audience)
	r.messages[m.Group] = append(r.messages[m.Group], e)
	r.order[m.Group] = append(r.order[m.Group], m.Number)
	r.history[m.Group] = append(r.history[m.Group], []receipts.State{m.State})
	return m
}

// count keeps the audience of a message whose sending begins, with who moved since.
func (r *records) count(e *entry, audience *receipts.Members) {
	if audience == nil {
		return
	}
	e.kept.Audience, e.kept.Moves = cloned(*audience), nil
	for _, move := range r.moves[e.kept.Message.Group] {
		if !move.At.Before(audience.At) {
			e.move(move.userID, move.Sighting)
		}
	}
}

// Begin implements receipts.Records.
func (r *records) Begin(ctx context.Context, d receipts.Draft) (m receipts.Message, again bool, err error) {
	err = r.call(ctx, "Begin", func() error {
		for _, e := range r.messages[d.Group] {
			if e.command == d.Command {
				m, again = e.kept.Message, true
				return nil
			}
		}
		m = receipts.Message{
			Group: d.Group, Title: d.Title, Beginning: d.Beginning, Excerpt: d.Excerpt, Author: d.Author, Deadline: d.Deadline, State: receipts.Sending, CreatedAt: d.At,
			Due: d.Due, Series: d.Series, Again: d.Again, Confirm: d.Confirm,
		}
		if !d.Due.IsZero() {
			m.State = receipts.Scheduled
		}
		m = r.add(d.Command, m, d.Audience)
		r.find(m.Group, m.Number).content = d.Content
		return nil
	})
	if err != nil {
		return receipts.Message{}, false, err
	}
	return m, again, nil
}

// BeginSending implements receipts.Records.
func (r *records) BeginSending(ctx context.Context, group string, number int, start receipts.SendingStart) (m receipts.Message, again bool, err error) {
	err = r.call(ctx, "BeginSending", func() error {
		e := r.find(group, number)
		if e == nil {
			return receipts.ErrNoMessage
		}
		switch now := &e.kept.Message; now.State {
		case receipts.Scheduled:
			now.State, now.CreatedAt, now.Deadline = receipts.Sending, start.At, start.Deadline
			r.count(e, start.Audience)
			r.order[group] = append(slices.DeleteFunc(r.order[group], func(n int) bool { return n == number }), number)
			r.history[group][number-1] = append(r.history[group][number-1], receipts.Sending)
		case receipts.Sending:
			again = true
		default:
			err = receipts.ErrWrongState
		}
		m = e.kept.Message
		return err
	})
	if err != nil && !errors.Is(err, receipts.ErrWrongState) {
		return receipts.Message{}, false, err
	}
	return m, again, err
}

// Content implements receipts.Records.
func (r *records) Content(ctx context.Context, group string, number int) (content string, err error) {
	err = r.call(ctx, "Content", func() error {
		if e := r.find(group, number); e != nil {
			content = e.content
		}
		return nil
	})
	return content, err
}

// Adopt implements receipts.Records.
func (r *records) Adopt(ctx context.Context, m receipts.Message) (adopted receipts.Message, err error) {
	err = r.call(ctx, "Adopt", func() error {
		if m.State != receipts.Sent || m.Key == "" || m.SentAt.IsZero() || !m.Adopted {
			r.t.Errorf("Adopt(%+v): not a sent message with its key", m)
		}
		var err error
		if adopted, err = r.byKey(m.Group, m.Key); errors.Is(err, receipts.ErrNoMessage) {
			adopted, err = r.add("", m, nil), nil
		}
		return err
	})
	if err != nil {
		return receipts.Message{}, err
	}
	return adopted, nil
}

// Mark implements receipts.Records.
func (r *records) Mark(ctx context.Context, group string, number int, c receipts.Change) (m receipts.Message, err error) {
	err = r.call(ctx, "Mark", func() error {
		sent := c.To == receipts.Sent
		if sent != (c.Key != "") || sent == c.SentAt.IsZero() {
			r.t.Errorf("Mark(%+v): a key and a time of sending belong to sent messages, and only to them", c)
		}
		if reasoned := c.To == receipts.Failed || c.To == receipts.Uncertain; reasoned != (c.Reason != "") {
			r.t.Errorf("Mark(%+v): a reason belongs to failed and uncertain messages, and only to them", c)
		}
		e := r.find(group, number)
		if e == nil {
			return receipts.ErrNoMessage
		}
		now := &e.kept.Message
		_, post := r.posts[group][c.Key]
		switch {
		case sent && post:
			m = *now
			return receipts.ErrWrongState
		case slices.Contains(c.To.Before(), now.State):
			now.State, now.Reason = c.To, c.Reason
			if c.To != receipts.Scheduled {
				e.content = ""
			}
			if sent {
				now.Key, now.SentAt = c.Key, c.SentAt
			}
			r.history[group][number-1] = append(r.history[group][number-1], c.To)
		case now.State == c.To && (c.Key == "" || c.Key == now.Key): // done before
		default:
			m = *now
			return receipts.ErrWrongState
		}
		m = *now
		return nil
	})
	if err != nil && !errors.Is(err, receipts.ErrWrongState) {
		return receipts.Message{}, err
	}
	return m, err
}

// RecordPost implements receipts.Records.
func (r *records) RecordPost(ctx context.Context, group, key string, about int) error {
	return r.call(ctx, "RecordPost", func() error {
		if r.posts[group] == nil {
			r.posts[group] = map[string]int{}
		}
		r.posts[group][key] = about
		return nil
	})
}

// privatePost is what is written in private about a message.
type privatePost struct {
	group  string
	number int
}

// SavePrivatePost implements receipts.PrivateRecords.
func (r *records) SavePrivatePost(ctx context.Context, key, group string, number int) error {
	return r.call(ctx, "SavePrivatePost", func() error {
		r.private[key] = privatePost{group, number}
		return nil
	})
}

// PrivatePost implements receipts.PrivateRecords.
func (r *records) PrivatePost(ctx context.Context, key string) (group string, number int, err error) {
	err = r.call(ctx, "PrivatePost", func() error {
		p, known := r.private[key]
		if !known {
			return receipts.ErrNotMessage
		}
		group, number = p.group, p.number
		return nil
	})
	return group, number, err
}

// ByKey implements receipts.Records.
func (r *records) ByKey(ctx context.Context, group, key string) (m receipts.Message, err error) {
	err = r.call(ctx, "ByKey", func() (err error) {
		m, err = r.byKey(group, key)
		return err
	})
	return m, err
}

func (r *records) byKey(group, key string) (receipts.Message, error) {
	if about, post := r.posts[group][key]; post {
		if e := r.find(group, about); e != nil {
			return e.kept.Message, nil
		}
		return receipts.Message{}, receipts.ErrNotMessage
	}
	for _, e := range r.messages[group] {
		if key != "" && e.kept.Message.Key == key {
			return e.kept.Message, nil
		}
	}
	return receipts.Message{}, receipts.ErrNoMessage
}

// Latest implements receipts.Records.
func (r *records) Latest(ctx context.Context, group string) (m receipts.Message, err error) {
	err = r.call(ctx, "Latest", func() error {
		for _, number := range slices.Backward(r.order[group]) {
			if m = r.find(group, number).kept.Message; slices.Contains(receipts.Current(), m.State) && !m.Adopted {
				return nil
			}
		}
		return receipts.ErrNoMessage
	})
	if err != nil {
		return receipts.Message{}, err
	}
	return m, nil
}

// Recent implements receipts.Records.
func (r *records) Recent(ctx context.Context, group string, limit int) (recent []receipts.Message, err error) {
	err = r.call(ctx, "Recent", func() error {
		for _, number := range slices.Backward(r.order[group]) {
			if len(recent) < limit {
				recent = append(recent, r.find(group, number).kept.Message)
			}
		}
		return nil
	})
	return recent, err
}

// Snapshot implements receipts.Records.
func (r *records) Snapshot(ctx context.Context, group string, number int) (kept receipts.Snapshot, err error) {
	err = r.call(ctx, "Snapshot", func() error {
		e := r.find(group, number)
		if e == nil {
			return receipts.ErrNoMessage
		}
		kept = e.copy()
		return nil
	})
	return kept, err
}

// RecentSnapshots implements receipts.Records.
func (r *records) RecentSnapshots(ctx context.Context, group string, limit int) (recent []receipts.Snapshot, err error) {
	err = r.call(ctx, "RecentSnapshots", func() error {
		for _, number := range slices.Backward(r.order[group]) {
			if len(recent) < limit {
				recent = append(recent, r.find(group, number).copy())
			}
		}
		return nil
	})
	return recent, err
}

func (e *entry) copy() receipts.Snapshot {
	kept := e.kept
	kept.Confirmations = maps.Clone(kept.Confirmations)
	kept.Moves, kept.Reads, kept.Reminders = maps.Clone(kept.Moves), maps.Clone(kept.Reads), maps.Clone(kept.Reminders)
	if kept.Audience != nil {
		kept.Audience = cloned(*kept.Audience)
	}
	if kept.FollowUp != nil {
		f := *kept.FollowUp
		kept.FollowUp = &f
	}
	return kept
}

// SaveReads implements receipts.Records.
func (r *records) SaveReads(ctx context.Context, group string, number int, userIDs []string, by, when time.Time) error {
	return r.call(ctx, "SaveReads", func() error {
		if by.IsZero() || when.After(by) {
			r.t.Errorf("SaveReads(by %v, when %v): readers are seen after they are asked for", by, when)
		}
		e := r.find(group, number)
		if e == nil {
			return receipts.ErrNoMessage
		}
		for _, id := range userIDs {
			if _, known := e.kept.Reads[id]; !known {
				e.kept.Reads[id] = receipts.Read{At: by}
			}
		}
		if !when.IsZero() {
			clear(e.over)
		}
		if ahead := e.kept.AsOf.Sub(when); !when.IsZero() && (ahead < 0 || ahead > time.Minute) {
			e.kept.AsOf = when
		}
		return nil
	})
}

// SaveConfirmation implements receipts.Records.
func (r *records) SaveConfirmation(ctx context.Context, group string, number int, userID string, at time.Time) error {
	return r.call(ctx, "SaveConfirmation", func() error {
		e := r.find(group, number)
		if e == nil {
			return receipts.ErrNoMessage
		}
		if _, confirmed := e.kept.Confirmations[userID]; !confirmed {
			if e.kept.Confirmations == nil {
				e.kept.Confirmations = map[string]time.Time{}
			}
			e.kept.Confirmations[userID] = at
		}
		return nil
	})
}

// SaveOver implements receipts.Records.
func (r *records) SaveOver(ctx context.Context, group string, number int, end receipts.State, at time.Time) (since time.Time, err error) {
	err = r.call(ctx, "SaveOver", func() error {
		e := r.find(group, number)
		if e == nil {
			return receipts.ErrNoMessage
		}
		if _, said := e.over[end]; !said {
			e.over[end] = at
		}
		since = e.over[end]
		return nil
	})
	return since, err
}

// SaveEndless implements receipts.Records.
func (r *records) SaveEndless(ctx context.Context, group string, number int, at time.Time) error {
	return r.call(ctx, "SaveEndless", func() error {
		e := r.find(group, number)
		if e == nil {
			return receipts.ErrNoMessage
		}
		e.kept.EndlessAt = at
		return nil
	})
}

// SaveAudience implements receipts.Records.
func (r *records) SaveAudience(ctx context.Context, group string, number int, m receipts.Members) error {
	return r.call(ctx, "SaveAudience", func() error {
		e := r.find(group, number)
		if e == nil {
			return receipts.ErrNoMessage
		}
		if e.kept.Audience == nil {
			e.kept.Audience = cloned(m)
		}
		return nil
	})
}

// KnownMembers implements receipts.MemberRecords.
func (r *records) KnownMembers(ctx context.Context, group string) (known *receipts.Members, refusals []receipts.Refusal, err error) {
	err = r.call(ctx, "KnownMembers", func() error {
		if m, ok := r.members[group]; ok {
			known = cloned(m)
		}
		refusals = slices.Collect(maps.Values(r.refusals[group]))
		return nil
	})
	return known, refusals, err
}

// SaveMembers implements receipts.MemberRecords.
func (r *records) SaveMembers(ctx context.Context, group string, m receipts.Members, names receipts.Names) error {
	return r.call(ctx, "SaveMembers", func() error {
		r.members[group] = *cloned(m)
		for _, move := range r.moves[group] {
			if !move.At.Before(m.At) {
				r.members[group] = changed(r.members[group], []string{move.userID}, move.Here)
			}
		}
		r.learn(group, names)
		return nil
	})
}

// AddMembers implements receipts.MemberRecords.
func (r *records) AddMembers(ctx context.Context, group string, userIDs []string, at receipts.EventTime) error {
	return r.call(ctx, "AddMembers", func() error {
		r.move(group, userIDs, at, true)
		return nil
	})
}

// RemoveMembers implements receipts.MemberRecords.
func (r *records) RemoveMembers(ctx context.Context, group string, userIDs []string, at receipts.EventTime) error {
	return r.call(ctx, "RemoveMembers", func() error {
		r.move(group, userIDs, at, false)
		return nil
	})
}

func (r *records) move(group string, userIDs []string, at receipts.EventTime, here bool) {
	move := receipts.Sighting{At: at.Local, Here: here}
	news := r.note(group, userIDs, receipts.Sighting{At: at.Reported, Here: here})
	for _, id := range userIDs {
		r.moves[group] = append(r.moves[group], moved{id, move})
		for _, e := range r.messages[group] {
			sent, created := e.kept.Message.SentAt, e.kept.Message.CreatedAt
			if e.kept.Message.State != receipts.Scheduled && (!sent.Before(move.At) || sent.IsZero() && !created.Before(move.At.Add(-receipts.PostedWithin))) {
				e.move(id, move)
			}
		}
	}
	if m, ok := r.members[group]; ok {
		r.members[group] = changed(m, news, here)
	}
}

func (e *entry) move(userID string, move receipts.Sighting) {
	if e.kept.Moves == nil {
		e.kept.Moves = map[string][]receipts.Sighting{}
	}
	if !slices.Contains(e.kept.Moves[userID], move) {
		e.kept.Moves[userID] = append(e.kept.Moves[userID], move)
	}
}

// changed is a list after people came or left.
func changed(m receipts.Members, userIDs []string, here bool) receipts.Members {
	m = m.Without(userIDs)
	if here {
		m.UserIDs = append(m.UserIDs, userIDs...)
	}
	return m
}

// note keeps the latest sign of each person, and returns those of whom an older one says
// nothing else.
func (r *records) note(group string, userIDs []string, sign receipts.Sighting) (news []string) {
	if r.signs[group] == nil {
		r.signs[group] = map[string]receipts.Sighting{}
	}
	for _, id := range userIDs {
		last, known := r.signs[group][id]
		newer := !known || !last.At.After(sign.At)
		if newer {
			r.signs[group][id] = sign
		}
		if newer || last.Here == sign.Here {
			news = append(news, id)
		}
	}
	return news
}

// Sightings implements receipts.SeenRecords.
func (r *records) Sightings(ctx context.Context, group string, limit int) (n receipts.Sightings, err error) {
	err = r.call(ctx, "Sightings", func() error {
		n = receipts.Sightings{Signs: maps.Clone(r.signs[group]), Readers: map[string]time.Time{}}
		for _, kept := range r.last(group, limit) {
			for id, read := range kept.Reads {
				at := kept.Message.SentAt
				if read.Exact {
					at = read.At
				}
				if at.After(n.Readers[id]) {
					n.Readers[id] = at
				}
			}
		}
		return nil
	})
	return n, err
}

// LastPush implements receipts.SeenRecords.
func (r *records) LastPush(ctx context.Context, group string, limit int) (last time.Time, err error) {
	err = r.call(ctx, "LastPush", func() error {
		for _, kept := range r.last(group, limit) {
			for _, read := range kept.Reads {
				if read.Exact && read.At.After(last) {
					last = read.At
				}
			}
		}
		return nil
	})
	return last, err
}

// last is what is kept of the last messages of a group.
func (r *records) last(group string, limit int) []receipts.Snapshot {
	var all []receipts.Snapshot
	for _, e := range slices.Backward(r.messages[group]) {
		if len(all) < limit {
			all = append(all, e.kept)
		}
	}
	return all
}

// Refusals implements receipts.RefusalRecords.
func (r *records) Refusals(ctx context.Context, group string) (kept []receipts.Refusal, err error) {
	err = r.call(ctx, "Refusals", func() error {
		kept = slices.Collect(maps.Values(r.refusals[group]))
		return nil
	})
	return kept, err
}

// SaveRefusal implements receipts.RefusalRecords.
func (r *records) SaveRefusal(ctx context.Context, group string, refusal receipts.Refusal, _ time.Duration) error {
	return r.call(ctx, "SaveRefusal", func() error {
		if r.refusals[group] == nil {
			r.refusals[group] = map[receipts.Source]receipts.Refusal{}
		}
		r.refusals[group][refusal.Source] = refusal
		return nil
	})
}

// DeleteRefusals implements receipts.RefusalRecords.
func (r *records) DeleteRefusals(ctx context.Context, group string) error {
	return r.call(ctx, "DeleteRefusals", func() error {
		delete(r.refusals, group)
		return nil
	})
}

// SavePushedReads implements receipts.PushRecords.
func (r *records) SavePushedReads(ctx context.Context, group, key string, reads map[string]time.Time) (known bool, err error) {
	err = r.call(ctx, "SavePushedReads", func() error {
		if _, post := r.posts[group][key]; post {
			known = true
			return nil
		}
		for _, e := range r.messages[group] {
			if key == "" || e.kept.Message.Key != key {
				continue
			}
			known = true
			for id, at := range reads {
				if before, ok := e.kept.Reads[id]; !ok || !before.Exact || at.Before(before.At) {
					e.kept.Reads[id] = receipts.Read{At: at, Exact: true}
				}
			}
		}
		return nil
	})
	return known && err == nil, err
}

// QuestionCalls implements receipts.QuestionRecords.
func (r *records) QuestionCalls(ctx context.Context, group, userID string, at time.Time) (used receipts.QuestionCalls, err error) {
	err = r.call(ctx, "QuestionCalls", func() error {
		for _, q := range r.asked {
			lately := at.Sub(q.at) < receipts.LimitWindow
			today := q.at.UTC().Format(time.DateOnly) == at.UTC().Format(time.DateOnly)
			if q.userID == userID && lately {
				used.Person += q.calls
			}
			if q.userID == userID && today {
				used.PersonToday += q.calls
			}
			if q.group == group && lately {
				used.Group += q.calls
			}
			if q.group == group && today {
				used.GroupToday += q.calls
			}
		}
		return nil
	})
	return used, err
}

// AddQuestionCalls implements receipts.QuestionRecords.
func (r *records) AddQuestionCalls(ctx context.Context, group, userID string, calls int, at time.Time) error {
	return r.call(ctx, "AddQuestionCalls", func() error {
		r.asked = append(r.asked, question{group, userID, calls, at})
		return nil
	})
}

// SaveGroupUpdate implements receipts.GroupRecords.
func (r *records) SaveGroupUpdate(ctx context.Context, group string, u receipts.GroupUpdate) error {
	return r.call(ctx, "SaveGroupUpdate", func() error {
		if id := u.Speaker.UserID; id != "" {
			r.note(group, []string{id}, receipts.Sighting{At: u.At, Here: true})
			if u.Speaker.Name != "" {
				r.learn(group, receipts.Names{id: u.Speaker.Name})
			}
		}
		if p := r.pending[runOf{group, u.Speaker.UserID}]; p != nil && u.Command != "" && p.command == "" {
			p.command = u.Command
		}
		if u.Title != "" {
			r.titles[group] = u.Title
		}
		if u.Language != "" {
			r.spoken[group] = u.Language
		}
		if u.Webhook.URL.Reveal() != "" {
			r.webhooks[group] = u.Webhook
		}
		return nil
	})
}

// pendingOf is a question and the command to which it was given.
type pendingOf struct {
	receipts.Pending
	command string
}

// SavePending implements receipts.PendingRecords.
func (r *records) SavePending(ctx context.Context, group, userID string, p receipts.Pending) error {
	return r.call(ctx, "SavePending", func() error {
		r.pending[runOf{group, userID}] = &pendingOf{Pending: p}
		return nil
	})
}

// Ask implements receipts.PendingRecords.
func (r *records) Ask(ctx context.Context, group, userID string, p receipts.Pending) (asked bool, err error) {
	err = r.call(ctx, "Ask", func() error {
		known := r.pending[runOf{group, userID}]
		if asked = known == nil || known.command != "" || known.Kind == p.Kind && known.Number == p.Number; asked {
			r.pending[runOf{group, userID}] = &pendingOf{Pending: p}
		}
		return nil
	})
	return asked, err
}

// Pending implements receipts.PendingRecords.
func (r *records) Pending(ctx context.Context, group, userID, command string) (p *receipts.Pending, err error) {
	err = r.call(ctx, "Pending", func() error {
		if known := r.pending[runOf{group, userID}]; known != nil && command != "" && known.command == command {
			p = &known.Pending
		}
		return nil
	})
	return p, err
}

// SaveTitle implements receipts.GroupRecords.
func (r *records) SaveTitle(ctx context.Context, group, title string) error {
	return r.call(ctx, "SaveTitle", func() error {
		r.titles[group] = title
		return nil
	})
}

// Title implements receipts.GroupRecords.
func (r *records) Title(ctx context.Context, group string) (title string, err error) {
	err = r.call(ctx, "Title", func() error {
		title = r.titles[group]
		return nil
	})
	return title, err
}

// Voice implements receipts.GroupRecords.
func (r *records) Voice(ctx context.Context, group string) (v receipts.Voice, err error) {
	err = r.call(ctx, "Voice", func() error {
		v = receipts.Voice{Language: r.spoken[group], Webhook: r.webhooks[group]}
		return nil
	})
	return v, err
}

// SaveCoolApp implements receipts.GroupRecords.
func (r *records) SaveCoolApp(ctx context.Context, group, code string) error {
	return r.call(ctx, "SaveCoolApp", func() error {
		r.coolApps[group] = code
		return nil
	})
}

// CoolApp returns the group's cool app; empty if it has none.
func (r *records) CoolApp(ctx context.Context, group string) (code string, err error) {
	err = r.call(ctx, "CoolApp", func() error {
		code = r.coolApps[group]
		return nil
	})
	return code, err
}

// DeleteCoolApp implements receipts.GroupRecords.
func (r *records) DeleteCoolApp(ctx context.Context, group, code string) error {
	return r.call(ctx, "DeleteCoolApp", func() error {
		if code == "" || code == r.coolApps[group] {
			delete(r.coolApps, group)
		}
		return nil
	})
}

// BeginStep implements receipts.StepLog.
func (r *records) BeginStep(ctx context.Context, group, step, try string) (first bool, err error) {
	err = r.call(ctx, "BeginStep", func() error {
		before, begun := r.steps[runOf{group, step}]
		if first = !begun || before == try; first {
			r.steps[runOf{group, step}] = try
		}
		return nil
	})
	return first && err == nil, err
}

// DropStep implements receipts.StepLog.
func (r *records) DropStep(ctx context.Context, group, step, try string) error {
	return r.call(ctx, "DropStep", func() error {
		if r.steps[runOf{group, step}] == try {
			delete(r.steps, runOf{group, step})
		}
		return nil
	})
}

// Names implements receipts.NameRecords.
func (r *records) Names(ctx context.Context, group string, userIDs []string) (receipts.Names, error) {
	known := receipts.Names{}
	err := r.call(ctx, "Names", func() error {
		for _, id := range userIDs {
			if name, ok := r.names[group][id]; ok {
				known[id] = name
			}
		}
		return nil
	})
	return known, err
}

// SaveNames implements receipts.NameRecords.
func (r *records) SaveNames(ctx context.Context, group string, names receipts.Names) error {
	return r.call(ctx, "SaveNames", func() error {
		r.learn(group, names)
		return nil
	})
}

// runOf returns what is known of a run, which may be nothing.
func (r *records) runOf(group, name string) *run {
	known := r.runs[runOf{group, name}]
	if known == nil {
		known = &run{begun: map[int]string{}, ended: map[int]receipts.Outcome{}}
		r.runs[runOf{group, name}] = known
	}
	return known
}

// BeginReminder implements receipts.ReminderRecords.
func (r *records) BeginReminder(ctx context.Context, group string, number int, wanted receipts.Reminder, cooldown time.Duration) (begun receipts.Reminder, earlier *receipts.Reminder, err error) {
	err = r.call(ctx, "BeginReminder", func() error {
		if wanted.Run == "" || wanted.At.IsZero() || len(wanted.UserIDs()) == 0 {
			r.t.Errorf("BeginReminder(%+v): a reminder has a run, a time and people", wanted)
		}
		e := r.find(group, number)
		if e == nil {
			return receipts.ErrNoMessage
		}
		if last := e.reminded[wanted.By]; last != nil && last.run != wanted.Run && wanted.At.Sub(last.at) < cooldown {
			shown := last.reminder
			earlier = &shown
			return nil
		}
		run := r.runOf(group, wanted.Run)
		if run.reminder == nil {
			run.reminder = &wanted
		}
		if e.reminded == nil {
			e.reminded = map[receipts.Channel]*reminded{}
		}
		e.reminded[wanted.By] = &reminded{wanted.Run, wanted.At, *run.reminder}
		begun = *run.reminder
		begun.Batches = slices.Clone(begun.Batches)
		for i, b := range begun.Batches {
			begun.Batches[i].UserIDs = slices.Clone(b.UserIDs)
		}
		return nil
	})
	if err != nil {
		return receipts.Reminder{}, nil, err
	}
	return begun, earlier, nil
}

// BeginBatch implements receipts.ReminderRecords.
func (r *records) BeginBatch(ctx context.Context, group string, b receipts.BatchStart) (now receipts.Standing, err error) {
	err = r.call(ctx, "BeginBatch", func() error {
		known, e := r.runOf(group, b.Run), r.find(group, b.Number)
		if known.reminder == nil || b.Batch < 0 || b.Batch >= len(known.reminder.Batches) || !slices.Equal(b.UserIDs, known.reminder.Batches[b.Batch].UserIDs) {
			r.t.Errorf("BeginBatch(%+v): no such batch", b)
		}
		if try, begun := known.begun[b.Batch]; begun && try != b.Try {
			if o, ok := known.ended[b.Batch]; ok {
				now.Outcome = &o
			}
			return nil
		}
		switch {
		case e == nil:
			return receipts.ErrNoMessage
		case e.kept.Message.State != receipts.Sent:
			now.Halt.State = e.kept.Message.State
			return nil
		case b.Round != nil && !e.follows(*b.Round):
			now.Halt.Superseded = true
			return nil
		}
		now.First, known.begun[b.Batch] = true, b.Try
		for _, id := range b.UserIDs {
			if e.did(id, b.Confirm) {
				now.Read = append(now.Read, id)
			}
		}
		return nil
	})
	if err != nil {
		return receipts.Standing{}, err
	}
	return now, nil
}

// DropBatch implements receipts.ReminderRecords.
func (r *records) DropBatch(ctx context.Context, group, run string, batch int, try string) error {
	return r.call(ctx, "DropBatch", func() error {
		if known := r.runOf(group, run); known.begun[batch] == try {
			delete(known.begun, batch)
		}
		return nil
	})
}

// BatchStanding implements receipts.ReminderRecords.
func (r *records) BatchStanding(ctx context.Context, group string, b receipts.BatchStart) (now receipts.Standing, err error) {
	err = r.call(ctx, "BatchStanding", func() error {
		e := r.find(group, b.Number)
		switch {
		case e == nil:
			return receipts.ErrNoMessage
		case e.kept.Message.State != receipts.Sent:
			now.Halt.State = e.kept.Message.State
			return nil
		case b.Round != nil && !e.follows(*b.Round):
			now.Halt.Superseded = true
			return nil
		}
		for _, id := range b.UserIDs {
			if e.did(id, b.Confirm) {
				now.Read = append(now.Read, id)
			}
		}
		return nil
	})
	return now, err
}

// follows reports whether that is the recorded version of the message's follow-up.
func (e *entry) follows(f receipts.FollowUp) bool {
	known := e.kept.FollowUp
	return known != nil && known.ID == f.ID && known.Version == f.Version
}

// did reports whether somebody has done what the people of a batch are reminded of.
func (e *entry) did(userID string, confirm bool) (done bool) {
	if confirm {
		_, done = e.kept.Confirmations[userID]
		return done
	}
	_, done = e.kept.Reads[userID]
	return done
}

// EndBatch implements receipts.ReminderRecords.
func (r *records) EndBatch(ctx context.Context, group string, number int, run string, batch int, o receipts.Outcome) error {
	return r.call(ctx, "EndBatch", func() error {
		known, e := r.runOf(group, run), r.find(group, number)
		if _, begun := known.begun[batch]; !begun || e == nil {
			r.t.Errorf("EndBatch(%s, %d): it was not begun", run, batch)
			return nil
		}
		if _, ended := known.ended[batch]; ended {
			return nil
		}
		known.ended[batch] = o
		if e.kept.Reminders == nil && len(o.Reached) > 0 {
			e.kept.Reminders = map[string]int{}
		}
		for _, id := range o.Reached {
			e.kept.Reminders[id]++
		}
		return nil
	})
}

// DropReminder implements receipts.ReminderRecords.
func (r *records) DropReminder(ctx context.Context, group string, number int, run string) error {
	return r.call(ctx, "DropReminder", func() error {
		if e := r.find(group, number); e != nil {
			maps.DeleteFunc(e.reminded, func(_ receipts.Channel, last *reminded) bool { return last.run == run })
		}
		return nil
	})
}

// Follow implements receipts.FollowUpRecords.
func (r *records) Follow(ctx context.Context, group string, number int, f receipts.FollowUp) (recorded receipts.FollowUp, err error) {
	err = r.call(ctx, "Follow", func() error {
		if f.ID == "" || len(f.By) == 0 || f.Share < 1 || f.Share > 100 || !f.Next.After(f.Began) || f.Ended != "" || f.Version != 0 {
			r.t.Errorf("Follow(%+v): not the beginning of a follow-up", f)
		}
		e := r.find(group, number)
		if e == nil {
			return receipts.ErrNoMessage
		}
		if known := e.kept.FollowUp; known == nil || known.ID != f.ID {
			f.Version = 0
			e.kept.FollowUp = &f
		}
		recorded = *e.kept.FollowUp
		return nil
	})
	return recorded, err
}

// FollowUp implements receipts.FollowUpRecords.
func (r *records) FollowUp(ctx context.Context, group string, number int) (f *receipts.FollowUp, err error) {
	err = r.call(ctx, "FollowUp", func() error {
		if e := r.find(group, number); e != nil && e.kept.FollowUp != nil {
			shown := *e.kept.FollowUp
			f = &shown
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return f, nil
}

// Change implements receipts.FollowUpRecords.
func (r *records) Change(ctx context.Context, group string, number int, f receipts.FollowUp) (done bool, err error) {
	err = r.call(ctx, "Change", func() error {
		e := r.find(group, number)
		if e == nil || e.kept.FollowUp == nil || e.kept.FollowUp.ID != f.ID {
			return nil
		}
		switch e.kept.FollowUp.Version {
		case f.Version - 1:
			e.kept.FollowUp, done = &f, true
		case f.Version: // a repetition
			done = reflect.DeepEqual(*e.kept.FollowUp, f)
		}
		return nil
	})
	if err != nil {
		return false, err
	}
	return done, nil
}

// Stands implements receipts.FollowUpRecords.
func (r *records) Stands(ctx context.Context, group string, number int, f receipts.FollowUp, state receipts.State) (stands bool, err error) {
	err = r.call(ctx, "Stands", func() error {
		e := r.find(group, number)
		stands = e != nil && e.follows(f) && e.kept.Message.State == state
		return nil
	})
	return stands && err == nil, err
}

// FollowUps implements receipts.FollowUpRecords.
func (r *records) FollowUps(ctx context.Context, group string) (all []receipts.Followed, err error) {
	err = r.call(ctx, "FollowUps", func() error {
		for i, e := range r.messages[group] {
			if f := e.kept.FollowUp; f != nil && f.Ended == "" {
				all = append(all, receipts.Followed{Number: i + 1, FollowUp: *f})
			}
		}
		return nil
	})
	return all, err
}

// Followed implements receipts.FollowUpRecords.
func (r *records) Followed(ctx context.Context, group string) (numbers []int, err error) {
	err = r.call(ctx, "Followed", func() error {
		for i, e := range r.messages[group] {
			if f := e.kept.FollowUp; f != nil && f.Ended == "" {
				numbers = append(numbers, i+1)
			}
		}
		return nil
	})
	return numbers, err
}

func (r *records) learn(group string, names receipts.Names) {
	if r.names[group] == nil {
		r.names[group] = receipts.Names{}
	}
	maps.Copy(r.names[group], names)
}

func cloned(m receipts.Members) *receipts.Members {
	m.UserIDs = slices.Clone(m.UserIDs)
	return &m
}

// source lists the members that a test sets.
type source struct {
	is  receipts.Source
	now func() time.Time

	mu        sync.Mutex
	ids       []string
	outsiders int
	names     receipts.Names
	err       error
	hang      bool                      // until the question's context ends
	during    func(ctx context.Context) // called while the list is made
	asked     int
	rights    []receipts.Rights // of each question
}

func (s *source) set(ids ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ids, s.err = ids, nil
}

func (s *source) fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.err = err
}

func (s *source) questions() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.asked
}

// Source implements receipts.MemberSource.
func (s *source) Source() receipts.Source { return s.is }

// Members implements receipts.MemberSource.
func (s *source) Members(ctx context.Context, _ string, rights receipts.Rights) (receipts.Members, receipts.Names, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked++
	s.rights = append(s.rights, rights)
	began := s.now()
	if s.during != nil {
		s.during(ctx)
	}
	if s.hang {
		<-ctx.Done()
		return receipts.Members{}, nil, ctx.Err()
	}
	if err := cmp.Or(ctx.Err(), s.err); err != nil {
		return receipts.Members{}, nil, err
	}
	return receipts.Members{
		UserIDs: slices.Clone(s.ids), Outsiders: s.outsiders, Source: s.is, At: began,
	}, maps.Clone(s.names), nil
}

// errNotOurs is how DingTalk refuses a key that was not sent into that group.
var errNotOurs = errors.New("invalidParameter.processQueryKey")

// readers are DingTalk's answer to who has read. Like DingTalk they know a
// message only in the group that it was sent into.
type readers struct {
	mu     sync.Mutex
	sent   map[string]string // from the key to the group
	answer func(ctx context.Context, cursor string) (receipts.ReadersPage, error)
	pages  int
	asked  int // how many times the first page was asked for
	// budget is what is said to those who have no right to go past it; nil where there is
	// enough.
	budget error
}

// say sets what is answered from now on.
func (r *readers) say(answer func(ctx context.Context, cursor string) (receipts.ReadersPage, error)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.answer = answer
}

func (r *readers) queries() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.asked
}

// Readers implements receipts.ReadersSource.
func (r *readers) Readers(ctx context.Context, group, key, cursor string, rights receipts.Rights) (receipts.ReadersPage, error) {
	r.mu.Lock()
	r.pages++
	if cursor == "" {
		r.asked++
	}
	answer, ours, budget := r.answer, r.sent[key] == group, r.budget
	r.mu.Unlock()
	switch {
	case budget != nil && !rights.PastBudget:
		return receipts.ReadersPage{}, budget
	case ctx.Err() != nil:
		return receipts.ReadersPage{}, ctx.Err()
	case !ours:
		return receipts.ReadersPage{}, errNotOurs
	case answer == nil:
		return receipts.ReadersPage{}, nil
	}
	return answer(ctx, cursor)
}

type answer = func(ctx context.Context, cursor string) (receipts.ReadersPage, error)

// readBy answers with these readers on one page.
func readBy(ids ...string) answer { return inPages(receipts.ReadersPage{UserIDs: ids}) }

// refusing answers with an error.
func refusing(err error) answer {
	return func(context.Context, string) (receipts.ReadersPage, error) { return receipts.ReadersPage{}, err }
}

// inPages answers with these pages; the cursor of each is its index.
func inPages(pages ...receipts.ReadersPage) answer { return thenFailing(nil, pages...) }

// thenFailing answers with these pages, and after the last one with the error if
// there is one.
func thenFailing(err error, pages ...receipts.ReadersPage) answer {
	return func(_ context.Context, cursor string) (receipts.ReadersPage, error) {
		n := 0
		if cursor != "" {
			var bad error
			if n, bad = strconv.Atoi(cursor); bad != nil || n < 1 || n > len(pages) {
				return receipts.ReadersPage{}, errors.New("invalidParameter.nextToken")
			}
		}
		if n == len(pages) {
			return receipts.ReadersPage{}, err
		}
		page := pages[n]
		page.UserIDs = slices.Clone(page.UserIDs)
		if page.More = n+1 < len(pages) || err != nil; page.More {
			page.Next = strconv.Itoa(n + 1)
		}
		return page, nil
	}
}

// sender posts messages, or fails as a test says.
type sender struct {
	readers *readers
	now     func() time.Time

	mu     sync.Mutex
	unfit  error
	err    error
	before func(ctx context.Context) // called while an earlier try fails
	during func(ctx context.Context) // called while DingTalk is at it
	held   func()                    // is called while a post is held up, after which it is looked whether it stands
	posts  []string                  // the titles that DingTalk was asked to post
}

// Fits implements receipts.Sender.
func (s *sender) Fits(receipts.Post) error { return s.unfit }

// Post implements receipts.Sender.
func (s *sender) Post(ctx context.Context, group string, p receipts.Post) (receipts.Posted, error) {
	if s.before != nil {
		s.before(ctx)
	}
	if s.held != nil {
		s.held()
		if err := p.Stands(ctx); err != nil {
			return receipts.Posted{}, &receipts.Failure{Reason: receipts.Cancelled, Err: err}
		}
	}
	at := s.now()
	if s.during != nil {
		s.during(ctx)
	}
	s.mu.Lock()
	s.posts = append(s.posts, p.Title)
	key := keyOf(len(s.posts))
	s.mu.Unlock()
	if s.err != nil {
		return receipts.Posted{}, s.err
	}
	s.readers.mu.Lock()
	defer s.readers.mu.Unlock()
	s.readers.sent[key] = group
	return receipts.Posted{Key: key, At: at}, nil
}

// compose is the post of an announcement.
func compose(a receipts.Announcement) receipts.Post {
	return receipts.Post{Title: a.Title, Text: a.Text}
}

func (s *sender) sends() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.posts)
}

// keyOf is the processQueryKey of the nth post.
func keyOf(n int) string { return "Kna29Ra5p" + strconv.Itoa(n) }

// recalls take messages back, or fail as a test says.
type recalls struct {
	err  error
	keys []string
}

// Recall implements receipts.RecallSource.
func (r *recalls) Recall(_ context.Context, _, key string) error {
	r.keys = append(r.keys, key)
	return r.err
}

// fakeSender reminds people, or fails as a test says.
type fakeSender struct {
	size int // how many people one call reaches; 1 if it is 0

	// answer is called with each batch ahead of the nudge; with an error, which is
	// the call's, nobody is nudged. after is called when everybody but the missed
	// was: its error loses the answer.
	answer func(ctx context.Context, b receipts.Batch) (receipts.Missed, error)
	after  func(b receipts.Batch) error
	// held is called while a batch is held up, after which it is looked whether it stands.
	held func()

	mu     sync.Mutex
	nudged []receipts.Batch // those who really were
	soFar  []receipts.Reminded
}

// Batches implements receipts.ReminderSender.
func (n *fakeSender) Batches(by receipts.Channel, userIDs []string) []receipts.Batch {
	var batches []receipts.Batch
	for ids := range slices.Chunk(userIDs, max(1, n.size)) {
		batches = append(batches, receipts.Batch{By: by, UserIDs: slices.Clone(ids)})
	}
	return batches
}

// Nudge implements receipts.ReminderSender.
func (n *fakeSender) Nudge(ctx context.Context, b receipts.Batch, soFar receipts.Reminded, stands func(context.Context) error) (receipts.Missed, error) {
	if err := ctx.Err(); err != nil {
		return receipts.Missed{}, err
	}
	if n.held != nil {
		n.held()
		if err := stands(ctx); err != nil {
			return receipts.Missed{}, &receipts.Failure{Reason: receipts.Cancelled, Err: err}
		}
	}
	var missed receipts.Missed
	if n.answer != nil {
		var err error
		if missed, err = n.answer(ctx, b); err != nil {
			return receipts.Missed{}, err
		}
	}
	soFar.Reached = maps.Clone(soFar.Reached)
	n.mu.Lock()
	n.soFar = append(n.soFar, soFar)
	reached := receipts.Batch{By: b.By}
	for _, id := range b.UserIDs {
		if !slices.Contains(missed.Unknown, id) && !slices.Contains(missed.Flooded, id) {
			reached.UserIDs = append(reached.UserIDs, id)
		}
	}
	n.nudged = append(n.nudged, reached)
	n.mu.Unlock()
	if n.after != nil {
		if err := n.after(b); err != nil {
			return receipts.Missed{}, err
		}
	}
	return missed, nil
}

// people are all who were nudged, in this order, and as often as they were.
func (n *fakeSender) people() []string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return receipts.Reminder{Batches: n.nudged}.UserIDs()
}
