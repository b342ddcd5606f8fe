package receipts

import (
	"context"
	"slices"
	"time"

	"github.com/cenkalti/backoff/v5"
)

// Channel is a way to remind people. The values are stored.
type Channel string

// The channels.
const (
	Mention   Channel = "mention" // with @ in the group
	InPrivate Channel = "direct"  // in the one-to-one chat with the bot
	Ding      Channel = "ding"    // DingTalk's DING, which insists
)

// Channels are all of them.
func Channels() []Channel { return []Channel{Mention, InPrivate, Ding} }

// Batch is people who are reminded by one call.
type Batch struct {
	By      Channel
	UserIDs []string
}

// Missed is who of a batch certainly was not reminded, although the call was
// carried out.
type Missed struct {
	Unknown []string // DingTalk doesn't know them, or won't tell the app of them
	Flooded []string // got too many messages lately
}

// Count is how many people were missed.
func (m Missed) Count() int { return len(m.Unknown) + len(m.Flooded) }

// ReminderSender reminds people of a message.
type ReminderSender interface {
	// Batches splits people into as many as one call reaches, in the order in
	// which they are to be reminded.
	Batches(by Channel, userIDs []string) []Batch
	// Nudge reminds one batch. Its error is a *Failure. So far tells what became
	// of the batches before it. Stands is asked as Post.Stands is.
	Nudge(ctx context.Context, b Batch, soFar Reminded, stands func(context.Context) error) (Missed, error)
}

// Reminder is an intention to remind people of a message, as it is recorded
// before anybody is.
type Reminder struct {
	// Run is the command or the round of a follow-up that reminds. A repetition of
	// it goes on where the earlier try was cut off.
	Run     string
	At      time.Time
	Who     Person  // who gave the command; empty for a follow-up
	By      Channel // the way; each has a cooldown of its own
	Batches []Batch
}

// UserIDs is who was to be reminded.
func (r Reminder) UserIDs() []string {
	var all []string
	for _, b := range r.Batches {
		all = append(all, b.UserIDs...)
	}
	return all
}

// Prompt is who reminds, and how.
type Prompt struct {
	Run string // see Reminder
	Who Person // empty for a follow-up
	By  Channel
	// Round is the follow-up whose round it is, as it was when the round began; nil of a
	// command.
	Round *FollowUp
}

// asker is who has the others reminded.
func (p Prompt) asker() Person {
	if p.Round != nil {
		return p.Round.Starter
	}
	return p.Who
}

// Outcome is what became of one batch.
type Outcome struct {
	Reached []string
	Missed  Missed
}

// BatchStart is a batch that is about to be reminded.
type BatchStart struct {
	Prompt
	Number int // of the message
	Batch  int // counted from 0
	// UserIDs are the people of the batch.
	UserIDs []string
	Confirm bool   // whether they are reminded to confirm the message
	Try     string // see ReminderRecords
}

// Standing is how things stand when a batch is about to be reminded.
type Standing struct {
	// First is whether the batch is begun now. If it was before, Outcome is what became
	// of it, if that is known.
	First   bool
	Outcome *Outcome
	Read    []string // who of the batch has read the message; or confirmed it, if they are reminded of that
	// Halt is why the batch is not begun. Its zero value means that nothing is in the
	// way.
	Halt Halt
}

// Halt is what came between two batches, so that nobody further is reminded.
type Halt struct {
	State State // of the message, if it is not Sent any more
	// Superseded is whether the follow-up whose round it is was stopped, or another one
	// or another round has taken its place.
	Superseded bool
}

// ReminderRecords keep who was reminded of what. Every method is safe to repeat. A try to begin
// something has a name, by which its own repetition is known.
type ReminderRecords interface {
	// BeginReminder records a reminder, unless the last one of the message in the same way is
	// of another run and younger than the cooldown: that one comes back as earlier. If
	// the run is recorded, its reminder comes back as it was, and its cooldown begins
	// anew. ErrNoMessage if there is no such message.
	BeginReminder(ctx context.Context, group string, number int, r Reminder, cooldown time.Duration) (begun Reminder, earlier *Reminder, err error)
	// BeginBatch notes that a batch is about to be reminded, unless there is a Halt, and
	// returns how things stand at that moment. ErrNoMessage if there is no such message.
	BeginBatch(ctx context.Context, group string, b BatchStart) (Standing, error)
	// BatchStanding returns how things stand for a batch that was begun and is not sent yet:
	// its Read and its Halt. It writes nothing.
	BatchStanding(ctx context.Context, group string, b BatchStart) (Standing, error)
	// DropBatch has a batch count as not begun if that try began it: it certainly reached
	// nobody.
	DropBatch(ctx context.Context, group, run string, batch int, try string) error
	// EndBatch records the outcome of a batch and counts one reminder more for each
	// person who was reached.
	EndBatch(ctx context.Context, group string, number int, run string, batch int, o Outcome) error
	// DropReminder forgets the message's last reminder in each way if it is of that run, so
	// that another need not wait.
	DropReminder(ctx context.Context, group string, number int, run string) error
}

// Reminded is what came of a reminder.
type Reminded struct {
	// Report is the fresh answer that the reminder went by.
	Report Report
	// Earlier is set if the message's last reminder in that way was too short a time ago.
	// Then nobody was reminded.
	Earlier *Reminder

	Reached map[Channel][]string
	// InGroup tells that people were, or may have been, mentioned in the group.
	InGroup   bool
	Missed    Missed
	Read      []string // had done what it asks for by the time that they were to be reminded
	Uncertain []string // whether they were reminded, nobody knows
	// Failed were not reminded, for the reason Err.
	Failed []string
	Err    error
	// Halt is why the rest was not reminded; zero if nothing came between.
	Halt Halt

	// Asks reports that so many would be reminded that it is to be confirmed first. Nobody was
	// reminded.
	Asks bool
	// NotUnread are the people who alone were to be reminded, if all of them have read the
	// message or it is not for them. Then nobody was reminded.
	NotUnread []string
	// OnlyAsker reports that nobody else would be reminded than who has others reminded. Then
	// nobody was.
	OnlyAsker bool
	// Told reports that the mentions in the group have told all of this.
	Told bool
}

// Shown returns whom an account of the reminder names, in lists of at most limit people.
func (r Reminded) Shown(limit int) []string {
	lists := [][]string{r.Missed.Unknown, r.Missed.Flooded, r.Uncertain, r.Failed}
	if r.Earlier != nil {
		lists = append(lists, r.Earlier.UserIDs())
	}
	var ids []string
	for _, list := range lists {
		ids = append(ids, list[:min(len(list), limit)]...)
	}
	return ids
}

// Reminders reminds the people who have not read a message, and only them.
type Reminders struct {
	Records ReminderRecords
	// Cooldown is how long after a reminder the same message is not reminded of again in
	// the same way.
	Cooldown time.Duration
	Now      func() time.Time
}

// Remind reminds the people who have not read a message by a report that was asked for
// just now, each batch at most once, whoever repeats the run. Where the report is not
// complete, or everybody has read, nobody is reminded. Before each batch it looks again:
// who has read meanwhile is left out, and after a Halt nobody is reminded. Who gave the
// command, or began the follow-up, never is. An error is
// ErrNoMessage, or means that the records did not answer; a repetition of the run then
// goes on.
func (p *Reminders) Remind(ctx context.Context, report Report, prompt Prompt, n ReminderSender) (Reminded, error) {
	done := Reminded{Report: report, Reached: map[Channel][]string{}}
	asked := report.Asked()
	if !asked.Complete() || len(asked.Unread) == 0 {
		return done, nil
	}
	people := asked.sparing(prompt.asker()).Unread
	if len(people) == 0 {
		done.OnlyAsker = true
		return done, nil
	}
	all, err := p.RemindTogether(ctx, []Due{{Report: report, Prompt: prompt}}, alone{n})
	return all[0], err
}

// alone is the ReminderSender of one message as a TogetherSender.
type alone struct{ ReminderSender }

// NudgeTogether implements TogetherSender.
func (a alone) NudgeTogether(ctx context.Context, by Channel, parts []ReminderPart, soFar Reminded, stands func(context.Context) error) (Missed, error) {
	return a.Nudge(ctx, Batch{By: by, UserIDs: parts[0].UserIDs}, soFar, stands)
}

// way is how a reminder goes: as it was wanted, unless nobody can be reached so.
func way(wanted Channel, batches []Batch) Channel {
	if len(batches) == 0 || slices.ContainsFunc(batches, func(b Batch) bool { return b.By == wanted }) {
		return wanted
	}
	return batches[0].By
}

// end records the outcome of a batch. A batch whose outcome can't be recorded is not reminded
// again; only a repetition of the run calls it uncertain.
func (p *Reminders) end(ctx context.Context, group string, number int, run string, i int, o Outcome) {
	_ = insist(ctx, func(ctx context.Context) error { return p.Records.EndBatch(ctx, group, number, run, i, o) })
}

// drop has a batch that reached nobody count as not begun: else a repetition of the run would call
// its people uncertain.
func (p *Reminders) drop(ctx context.Context, group, run string, i int, try string) {
	_ = insist(ctx, func(ctx context.Context) error { return p.Records.DropBatch(ctx, group, run, i, try) })
}

// insist tries to record something for a while, although ctx may have ended.
func insist(ctx context.Context, record func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), recordWithin)
	defer cancel()
	_, err := backoff.Retry(ctx, func() (struct{}, error) { return struct{}{}, record(ctx) }, backoff.WithMaxElapsedTime(recordWithin))
	return err
}

func (r *Reminded) doubt(b Batch) {
	r.InGroup = r.InGroup || b.By == Mention
	r.Uncertain = append(r.Uncertain, b.UserIDs...)
}

func (r *Reminded) add(by Channel, o Outcome) {
	anybody := len(o.Reached)+len(o.Missed.Unknown)+len(o.Missed.Flooded) > 0
	r.InGroup = r.InGroup || by == Mention && anybody
	if len(o.Reached) > 0 {
		r.Reached[by] = append(r.Reached[by], o.Reached...)
	}
	r.Missed.Unknown = append(r.Missed.Unknown, o.Missed.Unknown...)
	r.Missed.Flooded = append(r.Missed.Flooded, o.Missed.Flooded...)
}
