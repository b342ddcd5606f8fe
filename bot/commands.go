package bot

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"go.uber.org/zap"

	"whoread/bot/command"
	"whoread/bot/command/when"
	"whoread/bot/reply"
	"whoread/receipts"
)

// lastOnes is how many messages a list shows.
const lastOnes = 10

// carryOut does what was said and returns the answer. An error means that the
// records did not answer.
func (b *Bot) carryOut(ctx context.Context, in Incoming, said command.Command) (reply.Answer, error) {
	w := reply.For(b.language(said))
	switch {
	case in.Outsider:
		return reply.Refuse(w.Outsider), nil
	case in.Direct:
		return reply.Refuse(w.Private), nil
	case !b.Policy.Works(in.Group):
		return reply.Refuse(fmt.Sprintf(w.ForeignGrp, reply.Escape(in.Group))), nil
	case in.Spent:
		return reply.Refuse(w.Spent), nil
	case in.Wordless:
		return reply.Refuse(w.Wordless), nil
	case in.Unnamed && said.Verb.Acts():
		return reply.Refuse(w.Unnamed), nil
	}
	switch said.Verb {
	case command.Announce:
		return b.announce(ctx, w, in, said)
	case command.WhoRead, command.Unread:
		return b.report(ctx, w, in, said)
	case command.List:
		return b.list(ctx, w, in)
	case command.Remind:
		return b.remind(ctx, w, in, said)
	case command.Follow:
		return b.follow(ctx, w, in, said)
	case command.Stop:
		return b.stop(ctx, w, in, said)
	case command.Recall:
		return b.recall(ctx, w, in, said)
	case command.Export:
		return b.export(ctx, w, in, said)
	case command.Chart:
		return b.chart(ctx, w, in, said)
	case command.Usage:
		return b.usage(ctx, w, in)
	case command.Help:
		return b.help(ctx, w, in)
	case command.None:
		if in.Pictures > 0 { // there was something to see beside the mention
			return reply.Refuse(w.Wordless), nil
		}
		return b.help(ctx, w, in)
	default:
		switch {
		case said.Nearest != "":
			return reply.Refuse(fmt.Sprintf(w.UnknownNear, said.Nearest)), nil
		case in.Pictures > 0: // and what else there is may be the bot's name
			return reply.Refuse(w.Wordless), nil
		}
		return reply.Refuse(w.Unknown), nil
	}
}

func (b *Bot) announce(ctx context.Context, w *reply.Words, in Incoming, said command.Command) (reply.Answer, error) {
	if !b.allows(b.Policy.Announce, in, receipts.Person{}) {
		return reply.Refuse(w.Refusal(b.Policy.Announce)), nil
	}
	if in.Cut {
		return reply.Refuse(fmt.Sprintf(w.TooLong, receipts.MaxPostBytes)), nil
	}
	terms, err := b.open(in, &said)
	switch {
	case err != nil:
		return reply.Refuse(w.Question(err), w.TitleBelow), nil
	case said.Title == "":
		return reply.Refuse(w.WhatToAnnounce), nil
	}
	text, notes := b.withNames(ctx, w, in, said)
	if in.Pictures > 0 {
		notes = reply.Lines(notes, fmt.Sprintf(w.NoPictures, in.Pictures))
	}
	done, err := b.Announcer.Announce(ctx, receipts.Announcement{
		Group: in.Group, Command: in.ID, Title: said.Title, Text: text, Author: in.Sender,
	})
	m := done.Message
	switch {
	case errors.Is(err, receipts.ErrTooLong):
		return reply.Refuse(fmt.Sprintf(w.TooLong, receipts.MaxPostBytes)), nil
	case errors.Is(err, receipts.ErrUnrecorded):
		b.log(ctx).Error("announcement sent but not recorded", zap.Error(err))
		return reply.Fail(fmt.Sprintf(w.Unrecorded, m.Number)).About(m.Number), nil
	case err != nil:
		return reply.Answer{}, err
	}
	a, err := b.announced(ctx, w, in, done, terms, notes)
	return a.About(m.Number), err
}

// announced does what follows an announcement, and says what became of it, with notes
// below.
func (b *Bot) announced(ctx context.Context, w *reply.Words, in Incoming, done receipts.Announced, terms when.Opening, notes string) (reply.Answer, error) {
	m := done.Message
	b.log(ctx).Log(levelOf(done.Failure), "announced", zap.Int("number", m.Number),
		zap.String("state", string(m.State)), zap.String("reason", string(m.Reason)), zap.Error(done.Failure))
	if m.State == receipts.Sent || m.State == receipts.Uncertain { // this may turn out to be sent
		b.scheduleSweeps(ctx, m)
	}
	followed, err := b.followAnnouncement(ctx, w, in, m, terms)
	if err != nil {
		return reply.Answer{}, err
	}
	if done.NoAudience != nil {
		b.log(ctx).Warn("audience unknown, or as it was last known", zap.Error(done.NoAudience))
	}
	switch m.State {
	case receipts.Failed:
		return reply.Fail(fmt.Sprintf(w.NotAnnounced, m.Number, w.Reason(m.Reason))), nil
	case receipts.Uncertain:
		return reply.Fail(fmt.Sprintf(w.Uncertain, m.Number, w.Reason(m.Reason))), nil
	}
	if done.Audience == nil {
		blind := reply.Page{Words: w, Group: in.Group}.Gap(receipts.Gap{Part: receipts.AudiencePart, Err: done.NoAudience})
		return reply.Say(fmt.Sprintf(w.AnnouncedBlind, m.Number, blind), followed, notes), nil
	}
	people := len(done.Audience.Without(b.Reporter.Excluded).UserIDs)
	switch {
	case errors.Is(done.NoAudience, receipts.ErrBudgetSpent):
		known := fmt.Sprintf(w.AnnouncedKnown, m.Number, people, reply.Clock(done.Audience.At, b.Now(), b.Zone))
		return reply.Say(known, w.Problem(done.NoAudience), followed, notes), nil
	case done.Audience.Source == receipts.Learned:
		return reply.Say(fmt.Sprintf(w.AnnouncedLearned, m.Number, people), b.lack(w, in, done.Audience.Lack), followed, notes), nil
	}
	return reply.Say(fmt.Sprintf(w.Announced, m.Number, people), followed, notes), nil
}

// open takes the deadline and the interval off the beginning of an announcement.
func (b *Bot) open(in Incoming, said *command.Command) (when.Opening, error) {
	if !said.Opening {
		return when.Opening{}, nil
	}
	terms, err := b.times(in).Announce(said.Title)
	if err != nil || terms.Deadline.IsZero() && terms.Every == 0 {
		return terms, err
	}
	text := said.Text
	if text == said.Title { // there was a single line
		text = terms.Title
	}
	if said.Title = strings.TrimSpace(terms.Title); said.Title == "" { // it is on the next line
		said.Title, text, _ = strings.Cut(strings.TrimLeft(text, "\r\n"), "\n")
		said.Title, text = strings.TrimSpace(said.Title), strings.Trim(text, "\r\n")
	}
	if strings.TrimSpace(text) == "" {
		text = said.Title
	}
	said.Text = text
	return terms, nil
}

func (b *Bot) report(ctx context.Context, w *reply.Words, in Incoming, said command.Command) (reply.Answer, error) {
	r, refusal, err := b.reportOn(ctx, w, in, said, b.Policy.Report)
	if err != nil || refusal != "" {
		return reply.Refuse(refusal), err
	}
	p := b.page(w, in.Group)
	if r, p.Names, err = b.named(ctx, r, b.shownIn(r, said.Verb == command.WhoRead)); err != nil {
		return reply.Answer{}, err
	}
	return b.deliver(ctx, w, in, p.Report(r, said.Verb == command.WhoRead).About(r.Message.Number))
}

// reportOn makes the report that a command asks for, if the rule lets the sender;
// the refusal says why there is none.
func (b *Bot) reportOn(ctx context.Context, w *reply.Words, in Incoming, said command.Command, rule receipts.Rule) (receipts.Report, string, error) {
	if !b.allows(rule, in, receipts.Person{}) {
		return receipts.Report{}, w.Refusal(rule), nil
	}
	number, refusal, err := b.number(ctx, w, in, said)
	if err != nil || refusal != "" {
		return receipts.Report{}, refusal, err
	}
	r, err := b.Reporter.Report(ctx, in.Group, number)
	if errors.Is(err, receipts.ErrNoMessage) {
		return receipts.Report{}, fmt.Sprintf(w.NoSuch, number), nil
	}
	for _, gap := range r.Gaps {
		b.log(ctx).Warn("report incomplete", zap.String("part", string(gap.Part)), zap.Error(gap.Err))
	}
	return r, "", err
}

func (b *Bot) page(w *reply.Words, group string) reply.Page {
	return reply.Page{Words: w, MaxNames: b.MaxNames, Now: b.Now(), Zone: b.Zone, Quiet: b.Reminders.Quiet, Group: group}
}

// namesWithin is how long names are looked up before people may have read meanwhile.
const namesWithin = time.Second

// named finds the names of these people, who are in a report. The report comes back as it
// is by then, if that took long.
func (b *Bot) named(ctx context.Context, r receipts.Report, ids []string) (receipts.Report, receipts.Names, error) {
	began := b.Now()
	names := b.namesFor(ctx, r.Message.Group, ids)
	if b.Now().Sub(began) < namesWithin {
		return r, names, nil
	}
	r, err := b.Reporter.Again(ctx, r)
	return r, names, err
}

// shownIn are the people whose names a report will show.
func (b *Bot) shownIn(r receipts.Report, withReaders bool) []string {
	ids := slices.Clone(r.Unread[:min(len(r.Unread), b.MaxNames)])
	if withReaders {
		for _, receipt := range r.Read[:min(len(r.Read), b.MaxNames)] {
			ids = append(ids, receipt.UserID)
		}
	}
	return ids
}

// namesFor finds names, as many as can be found.
func (b *Bot) namesFor(ctx context.Context, group string, ids []string) receipts.Names {
	names, err := b.Names.Names(ctx, group, ids)
	if err != nil {
		b.log(ctx).Warn("names missing", zap.Error(err))
	}
	return names
}

// deliver sends an answer to the person alone, where that is configured, and
// returns what the group gets to see.
func (b *Bot) deliver(ctx context.Context, w *reply.Words, in Incoming, a reply.Answer) (reply.Answer, error) {
	if !b.Direct {
		return a, nil
	}
	a = a.Under(w, cmp.Or(b.titleOf(ctx, in.Group), in.Title))
	missed, err := b.Messenger.Direct(ctx, []string{in.Sender.UserID}, a.Fit(b.doubt(in), b.Messenger.Fits))
	switch {
	case err != nil:
		b.log(ctx).Warn("direct answer failed", zap.Error(err))
		return reply.Fail(w.CantReach, w.Problem(err)).About(a.Number), nil
	case missed.Count() > 0:
		return reply.Fail(w.CantReach).About(a.Number), nil
	}
	sent := reply.Say(w.SentYou).About(a.Number)
	sent.Delivered, sent.Outcome = true, a.Outcome
	return sent, nil
}

func (b *Bot) list(ctx context.Context, w *reply.Words, in Incoming) (reply.Answer, error) {
	if !b.allows(b.Policy.Report, in, receipts.Person{}) {
		return reply.Refuse(w.Refusal(b.Policy.Report)), nil
	}
	reports, err := b.Reporter.Progress(ctx, in.Group, lastOnes)
	if err != nil {
		return reply.Answer{}, err
	}
	return b.deliver(ctx, w, in, b.page(w, in.Group).Overview(reports))
}

func (b *Bot) recall(ctx context.Context, w *reply.Words, in Incoming, said command.Command) (reply.Answer, error) {
	// Without the message nobody knows its author: who could not recall any is
	// refused before it is looked for.
	if !b.allows(b.Policy.Recall, in, in.Sender) {
		return reply.Refuse(w.Refusal(b.Policy.Recall)), nil
	}
	if said.Number == 0 && !in.IsReply {
		return reply.Refuse(w.WhichRecall), nil
	}
	m, refusal, err := b.message(ctx, w, in, said)
	if err != nil || refusal != "" {
		return reply.Refuse(refusal), err
	}
	a, err := b.recallMessage(ctx, w, in, m)
	return a.About(m.Number), err
}

func (b *Bot) recallMessage(ctx context.Context, w *reply.Words, in Incoming, m receipts.Message) (reply.Answer, error) {
	if !b.allows(b.Policy.Recall, in, m.Author) {
		return reply.Refuse(w.Refusal(b.Policy.Recall)), nil
	}
	m, err := b.Recaller.Recall(ctx, m)
	failure, known := errors.AsType[*receipts.Failure](err)
	if known {
		b.log(ctx).Warn("not recalled", zap.Int("number", m.Number), zap.Error(err))
	}
	switch {
	case errors.Is(err, receipts.ErrWrongState):
		return reply.Refuse(fmt.Sprintf(w.NotRecalled, m.Number, w.Unrecallable[m.State])), nil
	case known && failure.Uncertain:
		return reply.Fail(fmt.Sprintf(w.MayBeGone, m.Number, w.Problem(err))), nil
	case known:
		return reply.Fail(fmt.Sprintf(w.NotRecalled, m.Number, w.Problem(err))), nil
	case err != nil:
		return reply.Answer{}, err
	}
	// A follow-up says by itself that it is over; at the latest when it is due.
	if err := b.wake(ctx, in.Group, m.Number); err != nil {
		b.log(ctx).Warn("follow-up not woken", zap.Error(err))
	}
	return reply.Say(fmt.Sprintf(w.Recalled, m.Number)), nil
}

// number is that of the message that is spoken of. There may be no such message, if it
// was said: whoever wants its report finds that out.
func (b *Bot) number(ctx context.Context, w *reply.Words, in Incoming, said command.Command) (number int, refusal string, err error) {
	if said.Number > 0 {
		return said.Number, "", nil
	}
	m, refusal, err := b.message(ctx, w, in, said)
	return m.Number, refusal, err
}

// message finds the message that is spoken of: the number says it, or else the
// quotation, or else it is the group's latest. The refusal says why there is
// none.
func (b *Bot) message(ctx context.Context, w *reply.Words, in Incoming, said command.Command) (m receipts.Message, refusal string, err error) {
	switch {
	case said.Number > 0:
		return b.numbered(ctx, w, in.Group, said.Number)
	case in.Quote.Key != "":
		return b.quoted(ctx, w, in, b.rights(in, said))
	case in.QuotedNumber > 0:
		return b.quotedNumber(ctx, w, in)
	case in.IsReply:
		return m, w.QuoteNotOurs, nil
	}
	return b.latest(ctx, w, in.Group)
}

// latest finds the message of the group that is meant where nothing says which one.
func (b *Bot) latest(ctx context.Context, w *reply.Words, group string) (receipts.Message, string, error) {
	m, err := b.Reporter.Records.Latest(ctx, group)
	if !errors.Is(err, receipts.ErrNoMessage) {
		return m, "", err
	}
	earlier, err := b.Reporter.Records.Recent(ctx, group, 1)
	if len(earlier) == 0 {
		return m, w.NothingYet, err
	}
	return m, w.NothingCurrent, err
}

func (b *Bot) numbered(ctx context.Context, w *reply.Words, group string, number int) (receipts.Message, string, error) {
	m, err := b.Reporter.Message(ctx, group, number)
	if errors.Is(err, receipts.ErrNoMessage) {
		return m, fmt.Sprintf(w.NoSuch, number), nil
	}
	return m, "", err
}

// beginsWithNumber reports whether a quoted text of the bot's own begins as only an answer
// does.
func beginsWithNumber(in Incoming) bool {
	return strings.HasPrefix(in.Quote.Text, fmt.Sprintf("#%d", in.QuotedNumber))
}

// quotedNumber finds the message that a quotation without a key is about. The number in it
// is an answer's, unless it stands in an announcement.
func (b *Bot) quotedNumber(ctx context.Context, w *reply.Words, in Incoming) (receipts.Message, string, error) {
	if !beginsWithNumber(in) {
		m, err := b.Reporter.Shown(ctx, in.Group, in.Quote.Text)
		switch {
		case errors.Is(err, receipts.ErrNotMessage):
			return m, w.QuoteNotOurs, nil
		case !errors.Is(err, receipts.ErrNoMessage):
			return m, "", err
		}
	}
	return b.numbered(ctx, w, in.Group, in.QuotedNumber)
}

// quoted finds the message that a quotation with a key is about.
func (b *Bot) quoted(ctx context.Context, w *reply.Words, in Incoming, rights receipts.Rights) (receipts.Message, string, error) {
	quote := in.Quote
	if beginsWithNumber(in) {
		quote.About = in.QuotedNumber
	}
	m, err := b.Reporter.Quoted(ctx, in.Group, quote, rights)
	switch kind := receipts.ReasonOf(err); {
	case errors.Is(err, receipts.ErrNotMessage):
		return m, w.QuoteNotOurs, nil
	case kind == receipts.KeyInvalid || kind == receipts.GroupInvalid || kind == receipts.BadRequest || kind == receipts.WrongRobotCode:
		if in.QuotedNumber > 0 {
			return b.numbered(ctx, w, in.Group, in.QuotedNumber)
		}
		return m, w.QuoteNotOurs, nil
	case kind != "" || errors.Is(err, receipts.ErrPaging):
		return m, w.Problem(err), nil
	}
	return m, "", err
}
