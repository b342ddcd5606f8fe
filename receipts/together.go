package receipts

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
)

// Due is a message of which people are to be reminded, together with others of its group.
type Due struct {
	Report Report // complete
	Prompt Prompt
}

// people are those to remind: not who has the others reminded.
func (d Due) people() []string { return d.Report.Asked().sparing(d.Prompt.asker()).Unread }

// ReminderPart is people who have not read the same messages.
type ReminderPart struct {
	UserIDs []string
	Reports []Report // of these messages
}

// TogetherSender reminds people of several messages at once.
type TogetherSender interface {
	// Batches is as of a ReminderSender.
	Batches(by Channel, userIDs []string) []Batch
	// NudgeTogether reminds the people of these parts by one call. Only of mentions there is
	// more than one part. Else it is as Nudge of a ReminderSender.
	NudgeTogether(ctx context.Context, by Channel, parts []ReminderPart, soFar Reminded, stands func(context.Context) error) (Missed, error)
}

// RemindTogether is Remind of several messages of a group in the same way: one post mentions
// people for all of them, and whoever is written to has one message. What is begun and what
// came of it is recorded for each message by itself, so that a repetition goes on where this was
// cut off, together or alone. With an error comes what was done until then.
func (p *Reminders) RemindTogether(ctx context.Context, all []Due, n TogetherSender) ([]Reminded, error) {
	works := make([]*reminding, len(all))
	for i, due := range all {
		people := due.people()
		works[i] = &reminding{Due: due, done: Reminded{Report: due.Report, Reached: map[Channel][]string{}}, unread: setOf(people), left: people}
	}
	calls := planned(works, all[0].Prompt.By, n)
	for _, w := range works {
		if err := p.begin(ctx, w, calls); err != nil {
			return outcomes(works), err
		}
	}
	for call := range slices.MaxFunc(works, func(a, b *reminding) int { return len(a.batches) - len(b.batches) }).batches {
		for _, by := range Channels() { // one, unless an earlier try went another way
			if err := p.call(ctx, call, by, works, n); err != nil {
				return outcomes(works), err
			}
		}
	}
	for _, w := range works {
		if w.done.Earlier != nil || len(w.done.Reached) > 0 || len(w.done.Uncertain) > 0 {
			continue
		}
		if err := p.Records.DropReminder(ctx, w.group(), w.number(), w.Prompt.Run); err != nil {
			return outcomes(works), fmt.Errorf("drop reminder: %w", err)
		}
	}
	return outcomes(works), nil
}

func outcomes(works []*reminding) []Reminded {
	done := make([]Reminded, len(works))
	for i, w := range works {
		done[i] = w.done
	}
	return done
}

// reminding is what becomes of one message of several.
type reminding struct {
	Due
	done    Reminded
	unread  map[string]bool // whom the report would have reminded
	batches []Batch         // its part of each call; nobody where it has none

	// Of the call that is under way:
	start   BatchStart
	left    []string // who is yet to be reminded
	outcome Outcome
	unsure  bool // of some it is not known whether they were reminded
}

func (w *reminding) group() string { return w.Report.Message.Group }
func (w *reminding) number() int   { return w.Report.Message.Number }

// planned are the calls that remind the people who are left of all messages.
func planned(works []*reminding, by Channel, n TogetherSender) []Batch {
	var everybody []string
	var calls []Batch
	for _, part := range divided(works) {
		everybody = append(everybody, part.userIDs...)
		if by != Mention {
			calls = append(calls, n.Batches(by, part.userIDs)...)
		}
	}
	if by == Mention {
		return n.Batches(by, everybody)
	}
	return calls
}

// begin records the reminder of one of the messages.
func (p *Reminders) begin(ctx context.Context, w *reminding, calls []Batch) error {
	batches := make([]Batch, len(calls))
	for i, call := range calls {
		batches[i] = Batch{By: call.By, UserIDs: slices.DeleteFunc(slices.Clone(call.UserIDs), func(id string) bool { return !w.unread[id] })}
	}
	begun, earlier, err := p.Records.BeginReminder(ctx, w.group(), w.number(), Reminder{
		Run: w.Prompt.Run, At: p.Now(), Who: w.Prompt.Who, By: way(w.Prompt.By, batches), Batches: batches,
	}, p.Cooldown)
	if err != nil {
		return fmt.Errorf("record reminder: %w", err)
	}
	if w.done.Earlier = earlier; earlier == nil {
		w.batches = begun.Batches
	}
	return nil
}

// call reminds the people of one call of all messages for which it has not begun. Err means that the
// records did not answer before anybody was reminded.
func (p *Reminders) call(ctx context.Context, call int, by Channel, works []*reminding, n TogetherSender) error {
	var open []*reminding
	for _, w := range works {
		if call >= len(w.batches) || w.batches[call].By != by || len(w.batches[call].UserIDs) == 0 || w.done.Halt != (Halt{}) {
			continue
		}
		if w.done.Err != nil { // what made one call fail makes the next one fail
			w.done.Failed = append(w.done.Failed, w.batches[call].UserIDs...)
			continue
		}
		first, err := p.beginCall(ctx, w, call)
		if err != nil {
			for _, begun := range open {
				p.drop(ctx, begun.group(), begun.Prompt.Run, call, begun.start.Try)
			}
			return err
		}
		if first {
			open = append(open, w)
		}
	}
	stands := func(ctx context.Context) error {
		changed := false
		for _, w := range open {
			if len(w.left) == 0 {
				continue
			}
			w.start.UserIDs = w.left
			now, err := p.Records.BatchStanding(ctx, w.group(), w.start)
			if err != nil {
				return err
			}
			changed = w.stands(now) || changed
		}
		if changed {
			return errChanged
		}
		return nil
	}
	for parts := divided(open); len(parts) > 0; parts = divided(open) {
		if by != Mention {
			parts = parts[:1]
		}
		missed, err := n.NudgeTogether(ctx, by, partsOf(parts), soFar(works), stands)
		if errors.Is(err, errChanged) {
			continue
		}
		for _, part := range parts {
			for _, w := range part.of {
				w.came(by, part.userIDs, missed, err)
			}
		}
	}
	for _, w := range open {
		switch {
		case w.unsure: // a repetition of the run calls them uncertain
		case len(w.outcome.Reached)+w.outcome.Missed.Count() == 0:
			p.drop(ctx, w.group(), w.Prompt.Run, call, w.start.Try)
		default:
			p.end(ctx, w.group(), w.number(), w.Prompt.Run, call, w.outcome)
		}
	}
	return nil
}

// beginCall notes that a message's part of a call is about to be made, and reports whether it is made
// now.
func (p *Reminders) beginCall(ctx context.Context, w *reminding, call int) (bool, error) {
	batch := w.batches[call]
	w.start = BatchStart{Prompt: w.Prompt, Number: w.number(), Batch: call, UserIDs: batch.UserIDs, Confirm: w.Report.Message.Confirm, Try: rand.Text()}
	w.outcome, w.unsure, w.left = Outcome{}, false, nil
	now, err := p.Records.BeginBatch(ctx, w.group(), w.start)
	if err != nil {
		return false, fmt.Errorf("record batch: %w", err)
	}
	switch {
	case now.Halt != (Halt{}):
		w.done.Halt = now.Halt
		return false, nil
	case now.Outcome != nil:
		w.done.add(batch.By, *now.Outcome)
		return false, nil
	case !now.First: // an earlier try was cut off here
		w.done.doubt(batch)
		return false, nil
	}
	// An earlier try may have been cut off long ago: who has read since is left out.
	w.left = slices.DeleteFunc(slices.Clone(batch.UserIDs), func(id string) bool { return !w.unread[id] && !slices.Contains(now.Read, id) })
	w.stands(now)
	return true, nil
}

// stands leaves out who has read by now, or everybody after a Halt, and reports whether that is
// anybody.
func (w *reminding) stands(now Standing) (changed bool) {
	w.done.Read = append(w.done.Read, now.Read...)
	w.left = slices.DeleteFunc(slices.Clone(w.left), func(id string) bool { return slices.Contains(now.Read, id) })
	if now.Halt != (Halt{}) {
		w.done.Halt, w.left = now.Halt, nil
	}
	return now.Halt != (Halt{}) || len(now.Read) > 0
}

// came notes what came of reminding these people.
func (w *reminding) came(by Channel, userIDs []string, missed Missed, err error) {
	these := setOf(userIDs)
	left := slices.DeleteFunc(slices.Clone(w.left), func(id string) bool { return these[id] })
	failure, known := errors.AsType[*Failure](err)
	switch {
	case err == nil:
		unknown, flooded := setOf(missed.Unknown), setOf(missed.Flooded)
		var o Outcome
		for _, id := range userIDs {
			switch {
			case unknown[id]:
				o.Missed.Unknown = append(o.Missed.Unknown, id)
			case flooded[id]:
				o.Missed.Flooded = append(o.Missed.Flooded, id)
			default:
				o.Reached = append(o.Reached, id)
			}
		}
		w.done.add(by, o)
		w.outcome.Reached = append(w.outcome.Reached, o.Reached...)
		w.outcome.Missed.Unknown = append(w.outcome.Missed.Unknown, o.Missed.Unknown...)
		w.outcome.Missed.Flooded = append(w.outcome.Missed.Flooded, o.Missed.Flooded...)
	case known && !failure.Uncertain:
		w.done.Failed, w.done.Err = append(append(w.done.Failed, userIDs...), left...), err
		left = nil
	default:
		w.done.doubt(Batch{By: by, UserIDs: userIDs})
		w.unsure = true
	}
	w.left = left
}

// part is people who are left of the same messages.
type part struct {
	userIDs []string
	of      []*reminding
}

// divided are the people who are left, by the messages that they are to be reminded of, those of
// the most messages first.
func divided(works []*reminding) []part {
	of := map[string][]*reminding{}
	var order []string
	for _, w := range works {
		for _, id := range w.left {
			if of[id] == nil {
				order = append(order, id)
			}
			of[id] = append(of[id], w)
		}
	}
	var parts []part
	for _, id := range order {
		i := slices.IndexFunc(parts, func(p part) bool { return slices.Equal(p.of, of[id]) })
		if i < 0 {
			i = len(parts)
			parts = append(parts, part{of: of[id]})
		}
		parts[i].userIDs = append(parts[i].userIDs, id)
	}
	slices.SortStableFunc(parts, func(a, b part) int { return len(b.of) - len(a.of) })
	return parts
}

func partsOf(parts []part) []ReminderPart {
	all := make([]ReminderPart, len(parts))
	for i, p := range parts {
		all[i].UserIDs = p.userIDs
		for _, w := range p.of {
			all[i].Reports = append(all[i].Reports, w.Report)
		}
	}
	return all
}

// soFar is what came of the people of all messages.
func soFar(works []*reminding) Reminded {
	if len(works) == 1 {
		return works[0].done
	}
	all := Reminded{Reached: map[Channel][]string{}}
	for _, w := range works {
		for by, ids := range w.done.Reached {
			all.Reached[by] = distinct(all.Reached[by], ids)
		}
		all.Missed.Unknown = distinct(all.Missed.Unknown, w.done.Missed.Unknown)
		all.Missed.Flooded = distinct(all.Missed.Flooded, w.done.Missed.Flooded)
		all.Uncertain = distinct(all.Uncertain, w.done.Uncertain)
		all.Failed = distinct(all.Failed, w.done.Failed)
		if w.done.Err != nil {
			all.Err = w.done.Err
		}
	}
	return all
}
