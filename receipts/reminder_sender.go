package receipts

import (
	"cmp"
	"context"
	"slices"
	"time"

	"go.uber.org/zap"
)

// A command may have two replies; what comes by itself is one post.
const (
	mentionsOfCommand = 2
	mentionsOfRound   = 1
)

// RemindRequest is how somebody wants people to be reminded of a message.
type RemindRequest struct {
	Group    string
	Ref      Ref
	Command  string // the msgId of the command; a repetition goes on where an earlier try was cut off
	By       Channel
	People   []string // userIds of whom to remind if they have not read; empty for everybody
	Language string   // in which they are reminded
	Webhook  Webhook  // by which people can be mentioned
	// Confirmed reports that who asks was told how many people it is about.
	Confirmed bool
}

// Remind reminds the people who have not read a message, by a report that is asked for now:
// an administrator's is, although the month's budget is spent, but not beyond the limits of the
// group. Who reminds is not reminded. To more people than the settings let pass it asks first,
// if it is a person who reminds; a program does it in the group's language.
// Errors are those of Permit and of a Ref.
func (s *Service) Remind(ctx context.Context, by Actor, r RemindRequest) (Reminded, error) {
	if err := s.Permit(by, r.Group, RightRemind); err != nil {
		return Reminded{}, err
	}
	asker := s.meter.asker(ctx, by, r.Group)
	// Nobody can be reminded without asking who has read.
	asker.PastBudget = s.Policy.Allows(Admins, by, Person{})
	number, err := s.reporter.number(ctx, r.Group, r.Ref, asker)
	if err != nil {
		return Reminded{}, err
	}
	report, err := s.reporter.shared(ctx, question{group: r.Group, number: number}, asker)
	if err != nil {
		return Reminded{}, missing(number, err)
	}
	if len(r.People) > 0 && report.Message.State == Sent && report.Asked().Complete() {
		whole := report
		report = report.only(r.People)
		if len(report.Asked().Unread) == 0 {
			return Reminded{Report: whole, NotUnread: r.People}, nil
		}
	}
	if others := report.Asked().sparing(by.Person); !r.Confirmed && !by.program() && s.Reminders.asksFirst(others) {
		asked := Pending{Kind: PendingReminder, Number: number, By: r.By, People: r.People}
		return Reminded{Report: others, Asks: true}, s.ports.Store.SavePending(ctx, r.Group, by.UserID, asked)
	}
	if by.program() {
		voice, err := s.ports.Store.Voice(ctx, r.Group)
		if err != nil {
			return Reminded{}, err
		}
		r.Language, r.Webhook = voice.Language, voice.Webhook
	}
	n := reminderSender{reminderKit: s.reminderKit, mentions: mentionsOfCommand, view: ReminderView{Language: r.Language, Message: report.Message, Deadline: report.Deadline(), Asker: by.Name}}
	n.usable(r.Webhook)
	done, err := n.remind(ctx, report, Prompt{Run: r.Command, Who: by.Person, By: cmp.Or(r.By, s.Reminders.By)})
	if err != nil {
		return Reminded{}, missing(number, err)
	}
	done.Told = n.toldAll(done)
	return done, nil
}

// among are those of all who are in some, in the order of all.
func among(some, all []string) []string {
	return slices.DeleteFunc(slices.Clone(all), func(id string) bool { return !slices.Contains(some, id) })
}

// ReminderView is what people read who are reminded of a message.
type ReminderView struct {
	Language string
	Message  Message
	Deadline time.Time // until when the message is to be read; zero for none
	Asker    string    // the name of who reminds; empty for a follow-up
	Round    *Report   // the report of the round that reminds; nil of a command
	Title    string    // of the group, for who reads it in private; may be empty
	// SoFar is what came of the people who were reminded before the mentions; nil if
	// nothing is told of them.
	SoFar *Reminded
	Names Names
}

// reminderKit is what reminders are carried out with.
type reminderKit struct {
	ports     Ports
	names     func(ctx context.Context, group string, userIDs []string) Names
	maxNames  int
	reminders *Reminders
	poster    *Poster
}

// reminderSender reminds people of one message, in one language. It implements ReminderSender.
type reminderSender struct {
	*reminderKit
	view     ReminderView
	webhook  Webhook // by which people can be mentioned; empty if there is none
	mentions int     // how many messages may mention people

	titled bool // whether the group's title was looked up
	told   int  // of how many uncertain people the mentions have told
}

// usable has people mentioned by the webhook, if it can be used.
func (n *reminderSender) usable(w Webhook) {
	if w.Usable(n.ports.Now()) {
		n.webhook = w
	}
}

// remind carries a reminder out, and logs what came of it.
func (n *reminderSender) remind(ctx context.Context, r Report, prompt Prompt) (Reminded, error) {
	done, err := n.reminders.Remind(ctx, r, prompt, n)
	if err == nil {
		n.log(ctx, r, prompt, done)
	}
	return done, err
}

func (n *reminderSender) log(ctx context.Context, r Report, prompt Prompt, done Reminded) {
	n.ports.Log(ctx).Log(levelOf(done.Err), "reminded", zap.String("run", prompt.Run), zap.Int("number", r.Message.Number),
		zap.Int("mentioned", len(done.Reached[Mention])), zap.Int("direct", len(done.Reached[InPrivate])),
		zap.Int("ding", len(done.Reached[Ding])), zap.Int("missed", done.Missed.Count()),
		zap.Int("uncertain", len(done.Uncertain)), zap.Int("failed", len(done.Failed)), zap.Int("read_meanwhile", len(done.Read)),
		zap.String("state", string(done.Halt.State)), zap.Bool("superseded", done.Halt.Superseded),
		zap.Bool("complete", r.Complete()), zap.Error(done.Err))
}

// Batches implements ReminderSender. People who can't be mentioned are written to first, so that
// the mentions can tell what came of it.
func (n *reminderSender) Batches(by Channel, userIDs []string) []Batch {
	mentions := n.mentions
	if n.webhook.URL.Reveal() == "" {
		mentions = 0
	}
	return n.ports.Platform.Batches(by, userIDs, mentions)
}

// Nudge implements ReminderSender.
func (n *reminderSender) Nudge(ctx context.Context, b Batch, soFar Reminded, stands func(context.Context) error) (Missed, error) {
	if b.By == Mention {
		return Missed{}, n.mention(ctx, b.UserIDs, soFar, stands)
	}
	n.title(ctx)
	post := n.ports.Presenter.Reminder(b.By, b.UserIDs, n.view)
	post.Stands = stands
	if b.By == Ding {
		return n.ports.Platform.Ding(ctx, b.UserIDs, post)
	}
	key, missed, err := n.ports.Platform.Direct(ctx, b.UserIDs, post)
	if err == nil && key != "" && n.view.Message.Confirm {
		n.poster.recordPrivate(ctx, n.view.Message, key)
	}
	return missed, err
}

// title looks up once what the group is called.
func (n *reminderSender) title(ctx context.Context) string {
	if !n.titled {
		n.view.Title, n.titled = n.poster.Title(ctx, n.view.Message.Group), true
	}
	return n.view.Title
}

func (n *reminderSender) mention(ctx context.Context, userIDs []string, soFar Reminded, stands func(context.Context) error) error {
	v := n.view
	if len(soFar.Reached[Mention]) == 0 { // the first of two
		v.SoFar, v.Names = &soFar, n.names(ctx, v.Message.Group, soFar.Shown(n.maxNames))
		n.told = len(soFar.Uncertain)
	}
	post := n.ports.Presenter.Reminder(Mention, userIDs, v)
	post.Stands = stands
	return n.ports.Platform.Reply(ctx, n.webhook, post, userIDs)
}

// toldAll reports whether the mentions have told all that came of the reminder.
func (n *reminderSender) toldAll(done Reminded) bool {
	return len(done.Reached[Mention]) > 0 && len(done.Uncertain) == n.told && len(done.Failed) == 0 && done.Halt == (Halt{})
}

// TogetherView is what people read who are reminded of several messages of a group.
type TogetherView struct {
	Language string
	Group    string
	Title    string // of the group, for who reads it in private; may be empty
	// SoFar is what came of the people who were reminded before the mentions.
	SoFar Reminded
	Names Names
}

// togetherSender reminds people of several messages of a group. It implements TogetherSender.
type togetherSender struct{ *reminderSender }

// remindTogether carries reminders out, and logs what came of each.
func (n togetherSender) remindTogether(ctx context.Context, due []Due) ([]Reminded, error) {
	done, err := n.reminders.RemindTogether(ctx, due, n)
	if err != nil {
		return nil, err
	}
	for i := range done {
		n.log(ctx, due[i].Report, due[i].Prompt, done[i])
	}
	return done, nil
}

// NudgeTogether implements TogetherSender.
func (n togetherSender) NudgeTogether(ctx context.Context, by Channel, parts []ReminderPart, soFar Reminded, stands func(context.Context) error) (Missed, error) {
	v := TogetherView{Language: n.view.Language, Group: n.view.Message.Group}
	if by == Mention {
		v.SoFar, v.Names = soFar, n.names(ctx, v.Group, soFar.Shown(n.maxNames))
	} else {
		v.Title = n.title(ctx)
	}
	post := n.ports.Presenter.Together(by, parts, v)
	post.Stands = stands
	switch by {
	case Mention:
		var all []string
		for _, part := range parts {
			all = append(all, part.UserIDs...)
		}
		return Missed{}, n.ports.Platform.Reply(ctx, n.webhook, post, all)
	case Ding:
		return n.ports.Platform.Ding(ctx, parts[0].UserIDs, post)
	}
	_, missed, err := n.ports.Platform.Direct(ctx, parts[0].UserIDs, post)
	return missed, err
}
