package bot

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/cenkalti/backoff/v5"
	"go.uber.org/zap"

	"whoread/bot/command"
	"whoread/bot/frame"
	"whoread/bot/reply"
	"whoread/receipts"
)

// MessageTopic is the CALLBACK topic of what people say to the bot.
const MessageTopic = "/v1.0/im/bot/messages/get"

// Incoming is what somebody said to the bot.
type Incoming = frame.Message

// Inbox takes jobs in for good, each one once.
type Inbox interface {
	// Accept returns false if a job with that ID was accepted before. An error means
	// that the job was not accepted.
	Accept(ctx context.Context, j receipts.Job) (bool, error)
	receipts.Scheduler
}

// Postings notes which steps that people see have begun, such as a command's posting
// of a file, so that none is done twice.
type Postings interface {
	// FirstPosting tells whether the step has not begun before, and notes that it
	// has now.
	FirstPosting(ctx context.Context, group, step string) (bool, error)
	// DropPosting forgets a step that certainly had no effect.
	DropPosting(ctx context.Context, group, step string) error
}

// ErrBusy is what an Inbox's error wraps when too many commands wait already.
var ErrBusy = errors.New("too many commands are waiting")

// Options are the bot's dependencies and settings. All are needed, except where
// it says otherwise.
type Options struct {
	Inbox     Inbox
	Announcer *receipts.Announcer
	Reporter  *receipts.Reporter
	Recaller  *receipts.Recaller
	Names     *receipts.NameBook
	Members   *receipts.MemberBook
	Pushes    receipts.PushRecords
	Postings  Postings
	Webhooks  Webhooks
	Prompter  *receipts.Prompter
	Follower  *receipts.Follower
	Groups    GroupRecords
	Learned   receipts.LearnedMembers
	Budget    Budget
	Messenger receipts.Messenger
	Observer  Observer // nil for none
	// Connections tells since when each connection to DingTalk is up; zero for one that
	// is not. Nil if there are none.
	Connections func() []time.Time

	Version   string
	RobotCode string // frames for another robot are not ours
	Policy    receipts.Policy
	// Language is spoken whatever the language of the command; empty: that of the
	// command.
	Language command.Language
	// Default is spoken where the command does not tell its language.
	Default  command.Language
	MaxNames int
	// Direct sends reports to who asked, and not to the group.
	Direct bool
	// Sweep is how long after the sending of a message its reads are saved, before
	// DingTalk forgets them; empty for never.
	Sweep     []time.Duration
	Reminders Reminders
	Zone      *time.Location
	Now       func() time.Time
	Log       *zap.Logger
}

// Limits of telling people that their command was not accepted.
const (
	tellers    = 16               // at the same time
	tellMost   = 500              // who wait for one of these; beyond, only the log says so
	tellWithin = 15 * time.Second // the waiting included
	// refusedMax is how many refused commands are remembered, the latest.
	refusedMax = 10_000
)

// Bot understands what people say in groups and answers. It is safe for
// concurrent use; Close waits for what it began by itself.
type Bot struct {
	Options
	*life
}

// life is what a bot has begun and remembers. It outlives a change of its options.
type life struct {
	telling sync.WaitGroup
	waiting chan struct{} // whom to tell
	slots   chan struct{} // who tells

	mu sync.Mutex
	// refused are the ids of the latest commands whose senders were told that nothing
	// was done, the oldest first. Redis may have taken one all the same and lost the
	// answer.
	refused []string
}

// New returns a bot.
func New(o Options) *Bot {
	return newBot(o, &life{waiting: make(chan struct{}, tellMost), slots: make(chan struct{}, tellers)})
}

// With returns the same bot with other settings: it goes on with what b began, so that
// one of the two is closed, and b finishes with its own settings the commands that it
// is at. The dependencies in o may be new, but must stand on the same records.
func (b *Bot) With(o Options) *Bot { return newBot(o, b.life) }

func newBot(o Options, l *life) *Bot {
	if o.Observer == nil {
		o.Observer = unobserved{}
	}
	return &Bot{Options: o, life: l}
}

// Close waits until everybody is told whom Accept began to tell something.
func (b *Bot) Close() { b.telling.Wait() }

// Accept takes the data of a bot message's frame. It returns once the command is
// in the inbox, or its sender is about to be told why not; either way the frame
// can be acknowledged. FrameID stands in for a missing msgId.
func (b *Bot) Accept(ctx context.Context, frameID string, data []byte) {
	b.Observer.Push(PushedMessage, b.accept(ctx, frameID, data))
}

func (b *Bot) accept(ctx context.Context, frameID string, data []byte) Outcome {
	in, err := frame.DecodeMessage(data, frameID)
	if err != nil {
		b.Log.Warn("frame dropped", zap.String("frame", frameID), zap.Int("bytes", len(data)), zap.Error(err))
		return Dropped
	}
	ctx = WithRequest(ctx, in.ID)
	log := b.log(ctx)
	if in.Robot != "" && in.Robot != b.RobotCode {
		log.Warn("frame is for another robot", zap.String("robot", in.Robot))
		return Ignored
	}
	in.AcceptedAt = b.Now()
	if in.SaidAt = b.happened(in.SaidAt); b.Now().Sub(in.SaidAt) > receipts.AheadMax {
		// Every deadline that it could name would be over: its time is none.
		in.SaidAt = b.Now()
	}
	job, err := messageJob(in)
	if err != nil {
		log.Error("frame dropped", zap.Error(err))
		return Dropped
	}
	fresh, err := b.Inbox.Accept(ctx, job)
	if err != nil {
		log.Error("command not accepted", zap.Error(err))
		b.refuse(ctx, in, err)
		return Refused
	}
	log.Info("command accepted", zap.String("group", in.Group), zap.Bool("repeated", !fresh))
	if !fresh {
		return Repeated
	}
	return Taken
}

// refuse tells the sender that the command was not accepted.
func (b *Bot) refuse(ctx context.Context, in Incoming, why error) {
	b.mu.Lock()
	if b.refused = append(b.refused, in.ID); len(b.refused) > refusedMax {
		b.refused = b.refused[1:]
	}
	b.mu.Unlock()
	select {
	case b.waiting <- struct{}{}:
	default:
		b.log(ctx).Error("nobody told the sender: too many commands fail")
		return
	}
	b.telling.Go(func() {
		defer func() { <-b.waiting }()
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), tellWithin)
		defer cancel()
		select {
		case b.slots <- struct{}{}:
			defer func() { <-b.slots }()
		case <-ctx.Done():
			b.log(ctx).Error("nobody told the sender: too many commands fail")
			return
		}
		w := reply.For(b.language(command.Parse(in.Text, in.Mentions...)))
		sentence := w.StoreDown
		if errors.Is(why, ErrBusy) {
			sentence = w.Busy
		}
		b.tell(ctx, in, sentence)
	})
}

// wasRefused tells whether the sender of the command was told that nothing was
// done, and forgets it.
func (b *Bot) wasRefused(id string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	before := len(b.refused)
	b.refused = slices.DeleteFunc(b.refused, func(refused string) bool { return refused == id })
	return len(b.refused) < before
}

// Work does a job from the inbox: it carries a command out and answers it, or does what was
// scheduled. An error means that it should be tried again: the records did not answer, or
// the answer could not be given. A command is taken over if an earlier attempt may have
// come to its end unseen: what that one did is not done again, and the answer says that it
// may have been given before.
func (b *Bot) Work(ctx context.Context, j receipts.Job, takenOver bool) error {
	switch j.Kind {
	case SweepJob:
		return b.observed(sweepLabel, b.sweep(ctx, j))
	case FollowUpJob:
		return b.observed(followUpLabel, b.followUp(ctx, j))
	}
	in, err := messageOf(j)
	if err != nil {
		return b.observed(command.Unknown.Label(), err)
	}
	in.TakenOver = takenOver
	ctx = WithRequest(ctx, in.ID)
	if b.wasRefused(in.ID) {
		b.log(ctx).Warn("command was refused before, and is not carried out")
		return nil
	}
	said := command.Parse(in.Text, in.Mentions...)
	outcome, err := b.answer(ctx, in, said)
	if err != nil {
		b.Observer.Command(said.Verb.Label(), AttemptFailed, 0)
		return err
	}
	took := max(0, b.Now().Sub(in.AcceptedAt)) // the clock of another machine may be ahead
	b.Observer.Command(said.Verb.Label(), outcome, took)
	b.log(ctx).Info("command done", zap.String("verb", said.Verb.Label()), zap.String("outcome", string(outcome)), zap.Duration("took", took))
	return nil
}

// answer carries out what was said and answers it.
func (b *Bot) answer(ctx context.Context, in Incoming, said command.Command) (Outcome, error) {
	admin := b.allows(receipts.Admins, in, receipts.Person{})
	b.noteHeard(ctx, in)
	a, err := b.carryOut(ctx, in, said)
	if err != nil {
		return AttemptFailed, fmt.Errorf("%s: %w", said.Verb, err)
	}
	if admin && a.Text != "" {
		if usage, due := b.Budget.Warn(in.ID); due {
			a.Text = reply.Lines(a.Text, reply.For(b.language(said)).BudgetNotice(usage))
		}
	}
	if a.Text != "" {
		switch err := b.replyOnceThere(ctx, in, a); {
		case err != nil && a.Delivered:
			b.log(ctx).Error("reply is lost", zap.Error(err)) // again, the sender would have it twice
		case err != nil:
			return AttemptFailed, fmt.Errorf("answer %s: %w", said.Verb, err)
		}
	}
	return cmp.Or(a.Outcome, Done), nil
}

// GiveUp tells the sender that a command could not be carried out. TakenOver is as
// for Work.
func (b *Bot) GiveUp(ctx context.Context, j receipts.Job, takenOver bool, reason error) {
	switch j.Kind {
	case SweepJob: // nobody waits for it
		b.log(ctx).Error("sweep given up", zap.String("job", j.ID), zap.Error(reason))
		b.Observer.Command(sweepLabel, GivenUp, 0)
		return
	case FollowUpJob:
		b.postponeFollowUp(ctx, j, reason)
		b.Observer.Command(followUpLabel, GivenUp, 0)
		return
	}
	in, err := messageOf(j)
	if err != nil {
		b.log(ctx).Error("command given up", zap.Error(reason))
		b.Observer.Command(command.Unknown.Label(), GivenUp, 0)
		return
	}
	in.TakenOver = takenOver
	ctx = WithRequest(ctx, in.ID)
	said := command.Parse(in.Text, in.Mentions...)
	b.log(ctx).Error("command given up", zap.String("verb", said.Verb.Label()), zap.Error(reason))
	b.Observer.Command(said.Verb.Label(), GivenUp, 0)
	b.tell(ctx, in, reply.For(b.language(said)).GaveUp)
}

// tell says one sentence, as well as it can.
func (b *Bot) tell(ctx context.Context, in Incoming, sentence string) {
	if err := b.reply(ctx, in, reply.Say(sentence)); err != nil {
		b.log(ctx).Error("sender not told", zap.Error(err))
	}
}

// allows reports whether a rule lets the sender do something, given the author of the
// message in question.
func (b *Bot) allows(rule receipts.Rule, in Incoming, author receipts.Person) bool {
	return b.Policy.Allows(rule, receipts.Actor{Person: in.Sender, Admin: in.Admin, External: in.Outsider}, author)
}

// language is what to answer in.
func (b *Bot) language(said command.Command) command.Language {
	switch {
	case b.Language != "":
		return b.Language
	case said.Language != "":
		return said.Language
	default:
		return b.Default
	}
}

// Times that an answer waits for a DingTalk that can't be reached.
const (
	answerWithin   = 90 * time.Minute // as long as a session webhook is good
	answerAgainMax = time.Minute      // between two tries
)

// replyOnceThere answers, and waits for DingTalk where it can't be reached or takes no
// more calls for a while: whoever asked just before hears of it after.
func (b *Bot) replyOnceThere(ctx context.Context, in Incoming, a reply.Answer) error {
	pauses := backoff.NewExponentialBackOff()
	pauses.MaxInterval = answerAgainMax
	_, err := backoff.Retry(ctx, func() (struct{}, error) {
		err := b.reply(ctx, in, a)
		if err != nil && !canBeWaitedOut(receipts.ReasonOf(err)) {
			err = backoff.Permanent(err)
		}
		return struct{}{}, err
	}, backoff.WithBackOff(pauses), backoff.WithMaxElapsedTime(answerWithin))
	return err
}

// canBeWaitedOut tells whether waiting helps against a failure: DingTalk can't be reached, or
// takes no call at all for a while.
func canBeWaitedOut(reason receipts.Reason) bool {
	return reason == receipts.Unavailable || reason == receipts.IPBanned || reason == receipts.ThrottledMinute
}

// reply answers by the session webhook; where there is none that may be used any
// more, by a message of the bot's own.
func (b *Bot) reply(ctx context.Context, in Incoming, a reply.Answer) error {
	p := a.Fit(b.doubt(in), b.Messenger.Fits)
	log := b.log(ctx)
	if in.Webhook.Usable(b.Now()) {
		err := b.Messenger.Reply(ctx, in.Webhook, p, nil)
		failure, known := errors.AsType[*receipts.Failure](err)
		switch {
		case err == nil:
			return nil
		case known && failure.Uncertain:
			// It may well be there, and an answer that comes twice confuses more.
			log.Error("reply may be lost", zap.Error(err))
			return nil
		case known && failure.Reason == receipts.Cancelled:
			return err
		}
		log.Warn("reply goes another way", zap.Error(err))
	}
	if !in.Direct {
		return settled(log, b.send(ctx, in.Group, p))
	}
	if in.Outsider {
		return nil // has no userId to write to
	}
	_, err := b.Messenger.Direct(ctx, []string{in.Sender.UserID}, p)
	return settled(log, err)
}

// recordWithin bounds how long the key of a post is tried to be recorded.
const recordWithin = 5 * time.Second

// send posts something into the group that is no announcement.
func (b *Bot) send(ctx context.Context, group string, p receipts.Post) error {
	posted, err := b.Messenger.Post(ctx, group, p)
	if err != nil {
		return err
	}
	b.recordPost(ctx, group, posted.Key, p.About)
	return nil
}

// recordPost records the key of a post that is no announcement, but about the one of that
// number, or 0 about none.
func (b *Bot) recordPost(ctx context.Context, group, key string, about int) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), recordWithin)
	defer cancel()
	if err := b.Reporter.Records.RecordPost(ctx, group, key, about); err != nil {
		// It is there all the same, and must not come twice.
		b.log(ctx).Error("post not recorded", zap.Int("about", about), zap.Error(err))
	}
}

// doubt is the note under an answer that may have been given before; else empty.
func (b *Bot) doubt(in Incoming) string {
	if !in.TakenOver {
		return ""
	}
	return reply.For(b.language(command.Parse(in.Text, in.Mentions...))).PerhapsAgain
}

// settled keeps an error only if trying again may help and can't say it twice.
func settled(log *zap.Logger, err error) error {
	failure, ok := errors.AsType[*receipts.Failure](err)
	if ok && (failure.Uncertain || !failure.Reason.Passes()) {
		log.Error("reply is lost", zap.Error(err))
		return nil
	}
	return err
}
