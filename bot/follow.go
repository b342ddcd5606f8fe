package bot

import (
	"cmp"
	"context"
	"encoding/json"
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

// FollowUpOptions are how every announcement of a group is followed up.
type FollowUpOptions struct {
	// Every holds the pauses before the rounds, and By their channels; the last of
	// each is repeated.
	Every []time.Duration
	By    []receipts.Channel
	Share int // the percentage of readers that is enough, from 1 to 100
	// The deadline is so long after the announcement, or the next time that clocks
	// show Clock; neither for none.
	Within time.Duration
	Clock  *receipts.ClockTime
	Tell   []string // userIds of whom to tell at the deadline
}

// deadline is that of an announcement at the time; zero if there is none.
func (o FollowUpOptions) deadline(at time.Time, zone *time.Location) time.Time {
	switch {
	case o.Within > 0:
		return at.Add(o.Within)
	case o.Clock == nil:
		return time.Time{}
	}
	local := at.In(zone)
	for day := 0; ; day++ {
		end := time.Date(local.Year(), local.Month(), local.Day()+day, 0, int(*o.Clock), 0, 0, zone)
		if end.After(at) {
			return end
		}
	}
}

// Webhooks tell each group's latest session webhook, the only way to mention people. It
// is a secret.
type Webhooks interface {
	// Webhook returns the zero value if none is recorded.
	Webhook(ctx context.Context, group string) (receipts.Webhook, error)
}

// dueFollowUp is the body of a job that looks at the follow-up of a message.
type dueFollowUp struct{ Number int }

// times understands the times of a command: they are meant from when it was said,
// also where it is carried out later, or once more.
func (b *Bot) times(in Incoming) when.Times {
	return when.Times{Now: in.SaidAt.In(b.Zone), MinEvery: receipts.EveryMin, MaxEvery: receipts.EveryMax, MaxAhead: receipts.AheadMax}
}

// scheduleFollowUp has the follow-up of a message looked at.
func (b *Bot) scheduleFollowUp(ctx context.Context, group string, number int, at time.Time) error {
	body, err := json.Marshal(dueFollowUp{number})
	if err != nil {
		return err
	}
	job := receipts.Job{ID: fmt.Sprintf("%s/%s/%d", FollowUpJob, group, number), Kind: FollowUpJob, Group: group, Body: string(body), At: at}
	if err := b.Inbox.Schedule(ctx, job); err != nil {
		return fmt.Errorf("schedule the follow-up of #%d: %w", number, err)
	}
	return nil
}

// follow begins to follow a message up.
func (b *Bot) follow(ctx context.Context, w *reply.Words, in Incoming, said command.Command) (reply.Answer, error) {
	if !b.allows(b.Policy.Remind, in, receipts.Person{}) {
		return reply.Refuse(w.Refusal(b.Policy.Remind)), nil
	}
	wanted, err := b.times(in).Follow(said.Rest)
	if err != nil {
		return reply.Refuse(w.Question(err)), nil
	}
	said.Number = wanted.Number
	m, refusal, err := b.message(ctx, w, in, said)
	if err != nil || refusal != "" {
		return reply.Refuse(refusal), err
	}
	if m.State != receipts.Sent && m.State != receipts.Uncertain {
		return reply.Refuse(fmt.Sprintf(w.NotFollowed, m.Number, cmp.Or(w.StateExtra[m.State], w.States[m.State]))).About(m.Number), nil
	}
	f, err := b.startFollowUp(ctx, m, in, w, receipts.Plan{
		Every: []time.Duration{wanted.Every}, By: []receipts.Channel{b.Reminders.By},
		Share: cmp.Or(wanted.UntilPercent, 100), Until: wanted.Until,
	})
	if err != nil {
		return reply.Answer{}, err
	}
	if f.Ended != "" { // since an earlier try of the same command
		return reply.Refuse(fmt.Sprintf(w.NotFollowed, m.Number, w.Ends[f.Ended])).About(m.Number), nil
	}
	return reply.Say(fmt.Sprintf(w.Following, m.Number, b.page(w, in.Group).Plan(f), m.Number)).About(m.Number), nil
}

// startFollowUp begins the follow-up that a command asks for. It can be repeated: one
// that is over meanwhile stays so.
func (b *Bot) startFollowUp(ctx context.Context, m receipts.Message, in Incoming, w *reply.Words, plan receipts.Plan) (receipts.FollowUp, error) {
	f, err := b.Follower.Start(ctx, m, receipts.FollowUp{ID: in.ID, Plan: plan, Starter: in.Sender, Language: string(w.Language)})
	if err != nil || f.Ended != "" {
		return f, err
	}
	return f, b.scheduleFollowUp(ctx, m.Group, m.Number, f.Next)
}

// followAnnouncement begins to follow an announcement up, if it is to be, and returns
// the sentence about it. It can be repeated.
func (b *Bot) followAnnouncement(ctx context.Context, w *reply.Words, in Incoming, m receipts.Message, terms when.Opening) (string, error) {
	plan := b.planOf(in.Group, terms, m.CreatedAt)
	if plan == nil || m.State != receipts.Sent && m.State != receipts.Uncertain { // this may turn out to be sent
		return "", nil
	}
	f, err := b.startFollowUp(ctx, m, in, w, *plan)
	if err != nil || f.Ended != "" {
		return "", err
	}
	return fmt.Sprintf(w.Following, m.Number, b.page(w, in.Group).Plan(f), m.Number), nil
}

// help tells what one can say, and what is being followed up.
func (b *Bot) help(ctx context.Context, w *reply.Words, in Incoming) (reply.Answer, error) {
	followed, err := b.Follower.Records.Followed(ctx, in.Group)
	if err != nil {
		return reply.Answer{}, err
	}
	said := []string{w.Help}
	for _, number := range followed[:min(len(followed), lastOnes)] {
		f, err := b.Follower.Records.FollowUp(ctx, in.Group, number)
		if err != nil {
			return reply.Answer{}, err
		}
		if f != nil && f.Ended == "" {
			said = append(said, fmt.Sprintf(w.InPursuit, number, b.page(w, in.Group).Plan(*f)))
		}
	}
	return reply.Say(said...), nil
}

// planOf is how an announcement is followed up: as its first line says, and else as
// the group's settings do; nil if not at all.
func (b *Bot) planOf(group string, terms when.Opening, at time.Time) *receipts.Plan {
	settings, ok := b.Reminders.FollowUps[group]
	if !ok {
		settings, ok = b.Reminders.FollowUps["*"]
	}
	if !ok && terms.Deadline.IsZero() && terms.Every == 0 {
		return nil
	}
	plan := receipts.Plan{
		Every: settings.Every, By: settings.By, Share: cmp.Or(settings.Share, 100),
		Until: settings.deadline(at, b.Zone), Tell: settings.Tell,
	}
	if len(plan.By) == 0 {
		plan.By = []receipts.Channel{b.Reminders.By}
	}
	if terms.Every > 0 {
		plan.Every = []time.Duration{terms.Every}
	}
	if !terms.Deadline.IsZero() {
		plan.Until = terms.Deadline
	}
	return &plan
}

// stop ends a follow-up.
func (b *Bot) stop(ctx context.Context, w *reply.Words, in Incoming, said command.Command) (reply.Answer, error) {
	if !b.allows(b.Policy.Remind, in, receipts.Person{}) {
		return reply.Refuse(w.Refusal(b.Policy.Remind)), nil
	}
	if said.Number == 0 && !in.IsReply {
		followed, err := b.Follower.Records.Followed(ctx, in.Group)
		switch {
		case err != nil:
			return reply.Answer{}, err
		case len(followed) == 0:
			return reply.Refuse(w.NothingFollowed), nil
		case len(followed) > 1:
			return reply.Refuse(fmt.Sprintf(w.WhichStop, hashes(followed, w.Comma))), nil
		}
		said.Number = followed[0]
	}
	m, refusal, err := b.message(ctx, w, in, said)
	if err != nil || refusal != "" {
		return reply.Refuse(refusal), err
	}
	_, err = b.Follower.Stop(ctx, in.Group, m.Number, in.Sender)
	if errors.Is(err, receipts.ErrNotFollowed) {
		return reply.Refuse(fmt.Sprintf(w.WasNotFollowed, m.Number)).About(m.Number), nil
	}
	if err != nil {
		return reply.Answer{}, err
	}
	return reply.Say(fmt.Sprintf(w.StoppedIt, m.Number)).About(m.Number), nil
}

// hashes writes #1, #2 and so on.
func hashes(all []int, comma string) string {
	written := make([]string, len(all))
	for i, n := range all {
		written[i] = fmt.Sprintf("#%d", n)
	}
	return strings.Join(written, comma)
}

// wake has a message's follow-up looked at now, where there is one: something
// happened that may end it.
func (b *Bot) wake(ctx context.Context, group string, numbers ...int) error {
	followed, err := b.Follower.Records.Followed(ctx, group)
	if err != nil {
		return err
	}
	for _, number := range numbers {
		if slices.Contains(followed, number) {
			if err := b.scheduleFollowUp(ctx, group, number, b.Now()); err != nil {
				return err
			}
		}
	}
	return nil
}

// againAfter is how long a follow-up waits that could not be carried out.
const againAfter = 5 * time.Minute

// followUp carries out the round of a follow-up, if one is due. It can be repeated:
// people are reminded and told once each. An error means that it should be tried
// again.
func (b *Bot) followUp(ctx context.Context, j receipts.Job) error {
	due, err := bodyOf[dueFollowUp](j)
	if err != nil {
		return err
	}
	group := j.Group
	log := b.log(ctx).With(zap.Int("number", due.Number))
	f, err := b.Follower.Records.FollowUp(ctx, group, due.Number)
	if err != nil {
		return fmt.Errorf("follow up #%d: %w", due.Number, err)
	}
	if f == nil || f.Ended != "" {
		return nil
	}
	if !b.Policy.Works(group) { // not any more: nothing is said there
		next := *f
		next.Ended = receipts.Stopped
		return b.settleFollowUp(ctx, group, due.Number, *f, next)
	}
	m, err := b.Reporter.Message(ctx, group, due.Number)
	if errors.Is(err, receipts.ErrNoMessage) { // its time is over
		return nil
	}
	if err != nil {
		return fmt.Errorf("follow up #%d: %w", due.Number, err)
	}
	r := receipts.Report{Message: m}
	act, next := f.Before(m, b.Reminders.Quiet, b.Now())
	if act == receipts.Remind {
		if r, err = b.Reporter.Ask(ctx, group, due.Number, receipts.Rights{}); err != nil {
			return fmt.Errorf("follow up #%d: %w", due.Number, err)
		}
		act, next = f.Round(r, b.Now())
	}
	this := round{followUp: *f, report: r, words: reply.For(command.Language(f.Language)), run: fmt.Sprintf("%s:%d", f.ID, f.Rounds)}
	err = b.act(ctx, this, act, next)
	if errors.Is(err, errOvertaken) {
		log.Info("round overtaken", zap.String("act", string(act)), zap.Int("round", f.Rounds))
		return b.scheduleFollowUp(ctx, group, due.Number, b.Now()) // whatever there is now is looked at
	}
	if err != nil {
		return fmt.Errorf("follow up #%d: %w", due.Number, err)
	}
	if act != receipts.Wait {
		log.Info("followed up", zap.String("act", string(act)), zap.Int("round", f.Rounds), zap.String("ended", string(next.Ended)),
			zap.Int("read", len(r.Read)), zap.Int("total", r.Total), zap.Time("next", next.Next))
	}
	return b.settleFollowUp(ctx, group, due.Number, *f, next)
}

// postponeFollowUp has a follow-up looked at again later that could not be carried
// out now.
func (b *Bot) postponeFollowUp(ctx context.Context, j receipts.Job, reason error) {
	b.log(ctx).Error("follow-up put off", zap.String("job", j.ID), zap.Error(reason))
	j.At = b.Now().Add(againAfter)
	if err := b.Inbox.Schedule(ctx, j); err != nil {
		b.log(ctx).Error("follow-up lost", zap.String("job", j.ID), zap.Error(err))
	}
}

// settleFollowUp records the follow-up as it is after a round and has it looked at
// again.
func (b *Bot) settleFollowUp(ctx context.Context, group string, number int, f, next receipts.FollowUp) error {
	if !next.Next.Equal(f.Next) || next.Rounds != f.Rounds || next.Ended != f.Ended {
		next.Version = f.Version + 1
		recorded, err := b.Follower.Records.Change(ctx, group, number, next)
		if err != nil {
			return fmt.Errorf("follow up #%d: %w", number, err)
		}
		if !recorded { // stopped, begun anew, or another's round
			return nil
		}
	}
	if next.Ended != "" {
		return nil
	}
	return b.scheduleFollowUp(ctx, group, number, next.Next)
}

// round is one round of a follow-up.
type round struct {
	followUp receipts.FollowUp // as it was recorded when the round began
	report   receipts.Report   // by which it was decided what to do
	words    *reply.Words
	run      string // by which its steps are known
}

func (r round) group() string { return r.report.Message.Group }

// errOvertaken means that a round has not said all that it would have: the follow-up was
// stopped or is another one, or what became of the message has to be said instead.
var errOvertaken = errors.New("the follow-up or its message changed meanwhile")

// act does what a round has decided.
func (b *Bot) act(ctx context.Context, this round, act receipts.Act, next receipts.FollowUp) error {
	switch act {
	case receipts.Remind:
		return b.remindAgain(ctx, this)
	case receipts.Excuse:
		p := b.page(this.words, this.group())
		excuse := p.Summary(this.report).About(this.report.Message.Number)
		excuse.Text = reply.Lines(excuse.Text, fmt.Sprintf(p.RoundFailed, this.report.Message.Number, p.Next(next)))
		return b.publish(ctx, this, excuse)
	case receipts.Finish:
		return b.finish(ctx, this, next)
	default:
		return nil
	}
}

// remindAgain reports and reminds those who have not read, in one post.
func (b *Bot) remindAgain(ctx context.Context, this round) error {
	w, r, group := this.words, this.report, this.group()
	webhook, err := b.Webhooks.Webhook(ctx, group)
	if err != nil {
		return err
	}
	n := b.nudges(ctx, w, r.Message)
	p := b.page(w, group)
	n.above, n.mentions = p.Heading(r.Message)+" · "+p.Share(r, true), mentionsOfFollowUp
	prompt := receipts.Prompt{Run: this.run, By: this.followUp.Channel(), Round: &this.followUp}
	if webhook.Usable(b.Now()) {
		n.webhook = webhook
	}
	done, err := b.Prompter.Remind(ctx, r, prompt, n)
	if err != nil {
		return err
	}
	if prompt.By == receipts.Mention && done.Err != nil && len(done.Reached)+len(done.Uncertain) == 0 {
		// The webhook was good for less long than DingTalk had said.
		b.logReminded(ctx, prompt.Run, done)
		prompt.Run, prompt.By = this.run+":direct", receipts.InPrivate
		if done, err = b.Prompter.Remind(ctx, r, prompt, n); err != nil {
			return err
		}
	}
	b.logReminded(ctx, prompt.Run, done)
	switch {
	case done.Halt != (receipts.Halt{}):
		return errOvertaken
	case done.InGroup:
		return nil
	}
	p.Names = b.namesFor(ctx, group, b.shownIn(r, false))
	if r, err = b.Reporter.Again(ctx, r); err != nil {
		return err
	}
	a := p.Report(r, false).About(r.Message.Number)
	if done.Earlier == nil {
		outcome := b.page(w, group)
		outcome.Names = b.namesOf(ctx, group, done)
		a.Text = reply.Lines(append([]string{a.Text}, outcome.Reached(done)...)...)
	}
	return b.publish(ctx, this, a)
}

// finish says once that a follow-up is over, and why: in the group, or to who began
// it if the group is gone; and to those who are to be told of the deadline.
func (b *Bot) finish(ctx context.Context, this round, f receipts.FollowUp) error {
	m := this.report.Message
	this.run = f.ID + ":end"
	p := b.page(this.words, m.Group)
	r, names, err := b.named(ctx, this.report, b.shownIn(this.report, false))
	if err != nil {
		return err
	}
	p.Names = names
	a := p.Ended(f, r).About(m.Number)
	var told []string
	if f.Ended == receipts.DeadlineOver {
		told = slices.Clone(f.Tell)
	}
	if m.State != receipts.Disbanded && !b.Direct {
		if err := b.post(ctx, this, a); err != nil {
			return err
		}
	} else if !slices.Contains(told, f.Starter.UserID) {
		told = append(told, f.Starter.UserID)
	}
	return b.tellPeople(ctx, this, told, a)
}

// publish says something about a follow-up by itself: in the group, or where reports
// go to people alone, to who began it.
func (b *Bot) publish(ctx context.Context, this round, a reply.Answer) error {
	if b.Direct {
		return b.tellPeople(ctx, this, []string{this.followUp.Starter.UserID}, a)
	}
	return b.post(ctx, this, a)
}

// post puts an answer into the group by itself, once for each run. An error means
// that it certainly is not there, and that trying again may help.
func (b *Bot) post(ctx context.Context, this round, a reply.Answer) error {
	webhook, err := b.Webhooks.Webhook(ctx, this.group())
	if err != nil {
		return err
	}
	return b.once(ctx, this, ":post", func() error {
		return b.reply(ctx, Incoming{ID: this.run, Group: this.group(), Webhook: webhook}, a)
	})
}

// tellPeople sends an answer to people in private, under the group's name, once for
// each run.
func (b *Bot) tellPeople(ctx context.Context, this round, userIDs []string, a reply.Answer) error {
	a = a.Under(this.words, b.titleOf(ctx, this.group()))
	for i, batch := range b.Messenger.Batches(receipts.InPrivate, userIDs, 0) {
		err := b.once(ctx, this, fmt.Sprintf(":tell:%d", i), func() error {
			missed, err := b.Messenger.Direct(ctx, batch.UserIDs, a.Fit("", b.Messenger.Fits))
			if n := missed.Count(); n > 0 {
				b.log(ctx).Warn("people not told", zap.String("run", this.run), zap.Int("people", n))
			}
			return settled(b.log(ctx).With(zap.String("run", this.run)), err)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// once does a step of a round that has an effect on people, unless it was begun before. If
// it certainly had none, it can be tried again. The step is not begun once the round is
// overtaken.
func (b *Bot) once(ctx context.Context, this round, step string, do func() error) error {
	m := this.report.Message
	stands, err := b.Follower.Records.Stands(ctx, m.Group, m.Number, this.followUp, m.State)
	switch {
	case err != nil:
		return err
	case !stands:
		return errOvertaken
	}
	group, step := m.Group, this.run+step
	first, err := b.Postings.FirstPosting(ctx, group, step)
	if err != nil || !first {
		return err
	}
	failure := do()
	if failure == nil {
		return nil
	}
	if err := b.Postings.DropPosting(context.WithoutCancel(ctx), group, step); err != nil {
		b.log(ctx).Error("a step that failed counts as done", zap.String("step", step), zap.Errors("errors", []error{failure, err}))
	}
	return failure
}
