package receipts

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"
)

// Delivery is what DingTalk says of a message when asked for its readers.
type Delivery int

// The deliveries that DingTalk tells apart. Of several pages the last in this
// order counts: all readers were shown only if every page says Delivered.
const (
	Delivered      Delivery = iota // SUCCESS
	BeingDelivered                 // PROCESSING
	TakenBack                      // RECALLED
)

// ReadersPage is one page of the people who have read a message.
type ReadersPage struct {
	At       time.Time // when DingTalk was asked; zero if that is when Readers was called
	Delivery Delivery
	UserIDs  []string
	Next     string
	More     bool
}

// ReadersSource asks DingTalk who has read a message. An error may be
// ErrNoReadData, ErrBudgetSpent or ErrGroupGone; the readers of a page that comes with
// one have read all the same.
type ReadersSource interface {
	Readers(ctx context.Context, group, key, cursor string, rights Rights) (ReadersPage, error)
}

var (
	// ErrNoReadData means that DingTalk has no read data for the message: not yet
	// or no longer.
	ErrNoReadData = errors.New("no read data for this message")
	// ErrBudgetSpent means that DingTalk was not asked: the calls that the bot may
	// make in a month are used up.
	ErrBudgetSpent = errors.New("the budget of calls is spent")
	// ErrGroupGone means that the group was disbanded.
	ErrGroupGone = errors.New("the group was disbanded")

	// ErrNotYet is the gap of a message that was sent a moment ago.
	ErrNotYet = errors.New("read data is not there yet")
	// ErrDelivering is the gap of a message that DingTalk is still delivering.
	ErrDelivering = errors.New("the message is still being delivered")
	// ErrOver is the gap of a message that can't be asked for any more, or never
	// could: its State says why.
	ErrOver = errors.New("DingTalk does not answer for this message")
)

// notYetFor is how long after the sending ErrNoReadData is taken for "not yet".
// DingTalk's documents give no figure; a message older than this has read data
// or will have none.
const notYetFor = 10 * time.Minute

// DingTalk has to say the same end of a message twice, saidAgain apart: one answer may be odd, and
// the clocks of two processes may differ by ten minutes. It says the same of what it has
// forgotten after longOver: the documents name a day for one-to-one messages, and nothing for
// groups.
const (
	saidAgain = 15 * time.Minute
	longOver  = 24 * time.Hour
)

// mayRevive reports whether a message that is over is worth another question.
func (m Message) mayRevive(now time.Time) bool {
	return (m.State == Expired || m.State == Disbanded) && m.Key != "" && now.Sub(m.SentAt).Abs() < longOver
}

// Reporter tells who has read what. Its zero value is not useful: all exported
// fields are needed. Reporters are safe for concurrent use.
type Reporter struct {
	Records  Records
	Members  *MemberResolver
	Readers  ReadersSource
	Excluded []string // userIds that are never counted
	// Fresh is how old an answer of DingTalk may be to be used again.
	Fresh time.Duration
	Now   func() time.Time

	flights flights
}

// Report tells who has read the message of that number. Whatever could not be
// found out is a Gap of the report; an error is ErrNoMessage, or means that the
// records themselves did not answer.
//
// Questions about the same message at the same time share one answer. What is pushed or
// said while DingTalk is asked is in it.
func (r *Reporter) Report(ctx context.Context, group string, number int) (Report, error) {
	return r.shared(ctx, question{group: group, number: number, fresh: r.Fresh}, Asker{})
}

// Ask is Report by an answer that DingTalk gives now, however young the last one
// is. It is shared by those who have the same rights.
func (r *Reporter) Ask(ctx context.Context, group string, number int, rights Rights) (Report, error) {
	return r.shared(ctx, question{group: group, number: number}, Asker{Rights: rights})
}

// Save asks DingTalk who has read the message and keeps that, before DingTalk forgets
// it. Who is in the group now is not asked for: the report tells nothing of who came or
// left since. Errors are those of Report.
func (r *Reporter) Save(ctx context.Context, group string, number int) (Report, error) {
	snapshot, err := r.snapshot(ctx, group, number)
	switch {
	case err != nil:
		return Report{}, err
	case snapshot.Audience == nil: // it can be found out now, if late
		return r.Report(ctx, group, number)
	}
	known := r.compute(snapshot, nil, nil)
	if snapshot.Message.State != Sent || known.AllRead() || young(snapshot.AsOf, r.Now(), r.Fresh) {
		return known, nil
	}
	readers, err := r.query(ctx, snapshot, Rights{}.about(snapshot.Audience))
	if err != nil {
		return Report{}, err
	}
	if snapshot, err = r.snapshotSince(ctx, group, number, readers.asked); err != nil {
		return Report{}, err
	}
	var gaps []Gap
	if readers.gap != nil {
		gaps = append(gaps, Gap{ReadersPart, readers.gap})
	}
	return r.compute(snapshot, nil, gaps), nil
}

// shared makes a report in which no answer older than fresh is used. Who asked first pays.
func (r *Reporter) shared(ctx context.Context, q question, by Asker) (Report, error) {
	q.rights = by.Rights
	return r.flights.share(ctx, q, func(ctx context.Context) (Report, error) {
		report, calls, err := r.report(ctx, q)
		by.pay(ctx, calls)
		return report, err
	})
}

// Again is a report that was made a while ago where those have read who are known to
// have by now, and of what became of the message. DingTalk is not asked. Errors are those
// of Report.
func (r *Reporter) Again(ctx context.Context, report Report) (Report, error) {
	snapshot, err := r.Records.Snapshot(ctx, report.Message.Group, report.Message.Number)
	if err != nil {
		return Report{}, err
	}
	report = report.since(snapshot)
	if snapshot.Message.State != report.Message.State {
		report.Message, report.Unread = snapshot.Message, nil
		report.Gaps = append(slices.Clone(report.Gaps), Gap{ReadersPart, ErrOver})
	}
	return report, nil
}

// namesWithin is how long names are looked up before people may have read meanwhile.
const namesWithin = time.Second

// named looks up the names of these people, who are in a report. The report comes back as it
// is by then, if that took long.
func (r *Reporter) named(ctx context.Context, report Report, userIDs []string, look func(context.Context, string, []string) Names) (Report, Names, error) {
	began := r.Now()
	names := look(ctx, report.Message.Group, userIDs)
	if r.Now().Sub(began) < namesWithin {
		return report, names, nil
	}
	report, err := r.Again(ctx, report)
	return report, names, err
}

// Message returns the record of the message of that number, or ErrNoMessage.
func (r *Reporter) Message(ctx context.Context, group string, number int) (Message, error) {
	snapshot, err := r.snapshot(ctx, group, number)
	return snapshot.Message, err
}

// Progress reports on the last messages of a group from what is known, without
// asking DingTalk, the newest first. Their Unread is not filled in.
func (r *Reporter) Progress(ctx context.Context, group string, limit int) ([]Report, error) {
	var (
		recent  []Snapshot
		current *Members
		both    errgroup.Group
	)
	both.Go(func() (err error) { recent, err = r.Records.RecentSnapshots(ctx, group, limit); return err })
	both.Go(func() (err error) { current, err = r.Members.Known(ctx, group); return err })
	if err := both.Wait(); err != nil {
		return nil, err
	}
	reports := make([]Report, len(recent))
	for i, snapshot := range recent {
		snapshot, err := r.expireSending(ctx, snapshot)
		if err != nil {
			return nil, err
		}
		reports[i] = r.compute(snapshot, current, nil)
		reports[i].Unread = nil
	}
	return reports, nil
}

// before is Progress of the messages before a number.
func (r *Reporter) before(ctx context.Context, group string, number, limit int) ([]Report, error) {
	current, err := r.Members.Known(ctx, group)
	if err != nil {
		return nil, err
	}
	var reports []Report
	for n := number - 1; n > max(0, number-1-limit); n-- {
		snapshot, err := r.snapshot(ctx, group, n)
		if errors.Is(err, ErrNoMessage) { // its time is over
			continue
		}
		if err != nil {
			return nil, err
		}
		report := r.compute(snapshot, current, nil)
		report.Unread = nil
		reports = append(reports, report)
	}
	return reports, nil
}

// report makes a report, and returns how many calls of DingTalk that has cost: one for each
// page of readers, and one for a list of members.
func (r *Reporter) report(ctx context.Context, q question) (_ Report, calls int, _ error) {
	snapshot, err := r.snapshot(ctx, q.group, q.number)
	if err != nil {
		return Report{}, 0, err
	}
	if m := snapshot.Message; m.State != Sent && !m.mayRevive(r.Now()) {
		return r.compute(snapshot, nil, []Gap{{ReadersPart, ErrOver}}), 0, nil
	}
	if known := r.compute(snapshot, nil, nil); known.AllRead() && (!known.Message.Confirm || known.AllConfirmed()) {
		return known, 0, nil
	}

	var (
		current    *Members
		membersErr error
		listed     bool // whether a source that is not the records was asked, which takes its time
		readers    answer
	)
	var both errgroup.Group
	rights := q.rights.about(snapshot.Audience)
	both.Go(func() (err error) {
		current, listed, membersErr, err = r.current(ctx, q, rights, snapshot.Reads.with(snapshot.Message, snapshot.Confirmations))
		return err
	})
	both.Go(func() (err error) {
		switch {
		case snapshot.Message.State == Sent && young(snapshot.AsOf, r.Now(), q.fresh):
		case q.rights.NoCalls:
			readers.gap = ErrLimited
		default:
			readers, err = r.query(ctx, snapshot, rights)
		}
		return err
	})
	if err := both.Wait(); err != nil {
		return Report{}, readers.calls, err
	}
	calls = readers.calls
	if listed {
		calls++
	}
	if membersErr == nil && snapshot.Audience == nil {
		if err := r.Records.SaveAudience(ctx, q.group, q.number, *current); err != nil {
			return Report{}, calls, fmt.Errorf("save audience: %w", err)
		}
		snapshot.Audience = current
	}
	if calls > 0 { // meanwhile people may have read it, or somebody recalled it
		if snapshot, err = r.snapshotSince(ctx, q.group, q.number, readers.asked); err != nil {
			return Report{}, calls, err
		}
		if snapshot.Message.State != Sent {
			readers.gap = ErrOver
		}
	}

	var gaps []Gap
	if readers.gap != nil {
		gaps = append(gaps, Gap{ReadersPart, readers.gap})
	}
	switch {
	case membersErr != nil && snapshot.Audience == nil:
		gaps = append(gaps, Gap{AudiencePart, membersErr})
	case membersErr != nil:
		gaps = append(gaps, Gap{MembersPart, membersErr})
	}
	return r.compute(snapshot, current, gaps), calls, nil
}

// current returns who is in the group, or why nobody can tell: with ErrBudgetSpent or
// ErrLimited it may be who was there when that was last known, which is better than nobody.
// Err means that the records did not answer.
func (r *Reporter) current(ctx context.Context, q question, rights Rights, reads Reads) (current *Members, listed bool, why, err error) {
	group, good := q.group, r.Members.good(reads)
	if q.fresh == 0 { // people are reminded by it
		good = r.Members.forAudience
	}
	if rights.NoCalls {
		current, usable, err := r.Members.atHand(ctx, group, good)
		if !usable {
			why = ErrLimited
		}
		return current, false, why, err
	}
	members, listed, why := r.Members.list(ctx, group, rights, good)
	if why == nil {
		return &members, listed, nil, nil
	}
	if errors.Is(why, ErrBudgetSpent) {
		current, err = r.Members.Known(ctx, group)
	}
	if failure, failed := errors.AsType[recordsError](why); failed && err == nil {
		err = failure
	}
	return current, listed, why, err
}

// snapshot reads what is known.
func (r *Reporter) snapshot(ctx context.Context, group string, number int) (Snapshot, error) {
	snapshot, err := r.Records.Snapshot(ctx, group, number)
	if err != nil {
		return Snapshot{}, err
	}
	return r.expireSending(ctx, snapshot)
}

// snapshotSince reads what is known after DingTalk showed all readers at that time; zero if
// it did not. A clock that was set back has it before the time that is recorded.
func (r *Reporter) snapshotSince(ctx context.Context, group string, number int, asked time.Time) (Snapshot, error) {
	snapshot, err := r.snapshot(ctx, group, number)
	if !asked.IsZero() {
		snapshot.AsOf = asked
	}
	return snapshot, err
}

// expireSending looks at the state of a message: one that has been on its way for too long was cut
// off, and becomes uncertain.
func (r *Reporter) expireSending(ctx context.Context, snapshot Snapshot) (Snapshot, error) {
	m := snapshot.Message
	if m.State != Sending || r.Now().Sub(m.CreatedAt) < deliveredWithin {
		return snapshot, nil
	}
	var err error
	snapshot.Message, err = r.Records.Mark(ctx, m.Group, m.Number, Change{To: Uncertain, Reason: Interrupted})
	if err != nil && !errors.Is(err, ErrWrongState) {
		return Snapshot{}, err
	}
	return snapshot, nil
}

func (r *Reporter) compute(snapshot Snapshot, current *Members, gaps []Gap) Report {
	return Compute(Facts{
		Message: snapshot.Message, Audience: snapshot.Audience, Moves: snapshot.Moves, Current: current, Reads: snapshot.Reads, Confirmations: snapshot.Confirmations,
		AsOf: snapshot.AsOf, Gaps: gaps, Excluded: r.Excluded, Reminders: snapshot.Reminders, FollowUp: snapshot.FollowUp,
	})
}

// answer is what DingTalk has answered about the readers of a message.
type answer struct {
	asked time.Time // when it showed all readers; zero if it did not
	gap   error     // why not all is known
	calls int       // one a page
}

// endlessFor is how long DingTalk is not asked again for a list of readers that had no end:
// each question costs several counted calls, and the answer is the same.
const endlessFor = 10 * time.Minute

// query asks DingTalk for all readers of the message and adds what it learns to the
// records. An error means that the records did not answer.
func (r *Reporter) query(ctx context.Context, known Snapshot, rights Rights) (answer, error) {
	m, began := known.Message, r.Now()
	if young(known.EndlessAt, began, endlessFor) {
		return answer{gap: ErrPaging}, nil
	}
	ids, delivery, a := r.readers(ctx, m, rights)
	var step *Change
	switch {
	case errors.Is(a.gap, ErrNoReadData) && began.Sub(m.SentAt) < notYetFor:
		a.gap = ErrNotYet
	case errors.Is(a.gap, ErrNoReadData), errors.Is(a.gap, ErrGroupGone):
		over, err := r.over(ctx, m, a.gap, began)
		if err != nil {
			return a, err
		}
		step = over
	case errors.Is(a.gap, ErrPaging) && a.calls >= barrenMax:
		if err := r.Records.SaveEndless(ctx, m.Group, m.Number, began); err != nil {
			return a, fmt.Errorf("save that the readers have no end: %w", err)
		}
	case a.gap == nil && delivery == BeingDelivered:
		a.gap = ErrDelivering
	case delivery == TakenBack:
		step = &Change{To: Recalled}
	case a.gap == nil && m.State != Sent:
		if _, err := r.Records.Mark(ctx, m.Group, m.Number, Change{To: Sent, Key: m.Key, SentAt: m.SentAt}); err != nil && !errors.Is(err, ErrWrongState) {
			return a, fmt.Errorf("revive message: %w", err)
		}
	}
	if step != nil {
		a.gap = ErrOver
		if _, err := r.Records.Mark(ctx, m.Group, m.Number, *step); err != nil && !errors.Is(err, ErrWrongState) {
			return a, fmt.Errorf("mark message %s: %w", step.To, err)
		}
	}
	if a.gap != nil {
		a.asked = time.Time{}
	}
	// Whoever was seen has read, however the question ended.
	if err := r.Records.SaveReads(ctx, m.Group, m.Number, ids, r.Now(), a.asked); err != nil {
		return a, fmt.Errorf("save reads: %w", err)
	}
	return a, nil
}

// over returns the end of a message that DingTalk says is over, if that is beyond doubt.
func (r *Reporter) over(ctx context.Context, m Message, why error, now time.Time) (*Change, error) {
	end := Expired
	if errors.Is(why, ErrGroupGone) {
		end = Disbanded
	}
	since, err := r.Records.SaveOver(ctx, m.Group, m.Number, end, now)
	switch {
	case err != nil:
		return nil, fmt.Errorf("save that a message is over: %w", err)
	case now.Sub(since) >= saidAgain, end == Expired && now.Sub(m.SentAt) >= longOver:
		return &Change{To: end}, nil
	}
	return nil, nil
}

// readers fetches all pages of readers and tells when DingTalk was asked for the first
// of them. What came before a gap, or with it, is returned with it.
func (r *Reporter) readers(ctx context.Context, m Message, rights Rights) (ids []string, delivery Delivery, a answer) {
	began := r.Now()
	found := map[string]bool{}
	a.gap = EachPage(ctx, func(ctx context.Context, cursor string) (string, bool, int, error) {
		rights.People = max(rights.People, len(found))
		page, err := r.Readers.Readers(ctx, m.Group, m.Key, cursor, rights)
		if !errors.Is(err, ErrBudgetSpent) {
			a.calls++
		}
		for _, id := range page.UserIDs {
			found[id] = true
		}
		if err != nil {
			return "", false, 0, err
		}
		if a.asked.IsZero() {
			a.asked = page.At
		}
		delivery = max(delivery, page.Delivery) // it may change between two pages
		return page.Next, page.More && delivery != TakenBack, len(found), nil
	})
	if a.asked.IsZero() {
		a.asked = began
	}
	return slices.Sorted(maps.Keys(found)), delivery, a
}
