package bot

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

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
}

// ErrBusy is what an Inbox's error wraps when too many commands wait already.
var ErrBusy = errors.New("too many commands are waiting")

// Budget tells administrators what the bot's calls of DingTalk cost in a month.
type Budget interface {
	// CallUsage returns what all processes have used by now.
	CallUsage(ctx context.Context) (reply.CallUsage, error)
	// Warn reports whether the answer to an administrator's command is to say that the
	// budget is nearly or quite spent.
	Warn(command string) (reply.CallUsage, bool)
}

// Process is what an administrator is told of the process that answers.
type Process struct {
	Version string // of whoread
	// Connections tells since when each connection to DingTalk is up; zero for one that
	// is not. Nil if there are none.
	Connections func() []time.Time
	// ClocksOff tells from whose clocks this machine's is off by too much. It may be nil.
	ClocksOff func() []reply.ClockOff
}

// Options are the bot's dependencies and settings. All are needed, except where
// it says otherwise.
type Options struct {
	Service   *receipts.Service
	Presenter reply.Presenter
	Inbox     Inbox
	Budget    Budget
	Observer  Observer // nil for none
	Process

	RobotCode string // frames for another robot are not ours
	// Phrases has the log tell what was not understood.
	Phrases bool
	Now     func() time.Time
	// Log returns the log for what is done in a context.
	Log func(context.Context) *zap.Logger
}

// Limits of telling people that their command was not accepted.
const (
	maxNotifiers  = 16               // at the same time
	maxQueued     = 500              // who wait for one of these; beyond, only the log says so
	notifyTimeout = 15 * time.Second // the waiting included
	// maxRemembered is how many commands are remembered that were rejected, and how many that
	// were begun, the latest.
	maxRemembered = 10_000
)

// maxPhrase is how many characters of what was not understood are logged.
const maxPhrase = 200

// Bot understands what people say in groups and answers. It is safe for
// concurrent use; Close waits for what it began by itself.
type Bot struct {
	Options
	*runtime
}

// runtime is shared by all Bots that Reconfigure returns.
type runtime struct {
	notifying sync.WaitGroup
	queued    chan struct{} // a semaphore: rejections that are queued or being sent
	notifiers chan struct{} // a semaphore: rejections that are being sent

	mu sync.Mutex
	// started holds the ids of the latest commands with an effect that were begun in time: what
	// is tried again is finished, however late.
	started []string
	// rejected holds the ids of the latest commands whose senders were told that nothing
	// was done, the oldest first. Redis may have taken one all the same and lost the
	// answer.
	rejected []string
	// toldUnconfirmed is when groups were last told that a confirmation was not recorded.
	toldUnconfirmed map[string]time.Time
}

// New returns a bot.
func New(o Options) *Bot {
	return newBot(o, &runtime{queued: make(chan struct{}, maxQueued), notifiers: make(chan struct{}, maxNotifiers), toldUnconfirmed: map[string]time.Time{}})
}

// Reconfigure returns the same bot with other settings: it goes on with what b began, so that
// one of the two is closed, and b finishes with its own settings the commands that it
// is at. The dependencies in o may be new, but must stand on the same records.
func (b *Bot) Reconfigure(o Options) *Bot { return newBot(o, b.runtime) }

func newBot(o Options, r *runtime) *Bot {
	if o.Observer == nil {
		o.Observer = noObserver{}
	}
	return &Bot{Options: o, runtime: r}
}

// Close waits until everybody is told whom Accept began to tell something.
func (b *Bot) Close() { b.notifying.Wait() }

// Accept takes the data of a bot message's frame. It returns once the command is
// in the inbox, or its sender is about to be told why not; either way the frame
// can be acknowledged. FrameID stands in for a missing msgId.
func (b *Bot) Accept(ctx context.Context, frameID string, data []byte) {
	b.Observer.Push(PushedMessage, b.accept(ctx, frameID, data))
}

func (b *Bot) accept(ctx context.Context, frameID string, data []byte) Outcome {
	in, err := frame.DecodeMessage(data, frameID)
	if err != nil {
		b.Log(ctx).Warn("frame dropped", zap.String("frame", frameID), zap.Int("bytes", len(data)), zap.Error(err))
		return Dropped
	}
	ctx = receipts.WithRequest(ctx, in.ID)
	log := b.Log(ctx)
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
		b.reject(ctx, in, err)
		return Refused
	}
	log.Info("command accepted", zap.String("group", in.Group), zap.Bool("repeated", !fresh))
	if !fresh {
		return Repeated
	}
	return Taken
}

// reject tells the sender that the command was not accepted.
func (b *Bot) reject(ctx context.Context, in Incoming, why error) {
	b.mu.Lock()
	if b.rejected = append(b.rejected, in.ID); len(b.rejected) > maxRemembered {
		b.rejected = b.rejected[1:]
	}
	b.mu.Unlock()
	r := b.request(in)
	sentence := r.w.StoreDown
	if errors.Is(why, ErrBusy) {
		sentence = r.w.Busy
	}
	if sentence = r.lost(sentence); sentence == "" {
		return
	}
	select {
	case b.queued <- struct{}{}:
	default:
		b.Log(ctx).Error("nobody told the sender: too many commands fail")
		return
	}
	b.notifying.Go(func() {
		defer func() { <-b.queued }()
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), notifyTimeout)
		defer cancel()
		select {
		case b.notifiers <- struct{}{}:
			defer func() { <-b.notifiers }()
		case <-ctx.Done():
			b.Log(ctx).Error("nobody told the sender: too many commands fail")
			return
		}
		r.tell(ctx, sentence)
	})
}

// inTime reports whether a command with an effect that was said at that time may be begun, or
// was begun before.
func (b *Bot) inTime(id string, said time.Time) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if slices.Contains(b.started, id) {
		return true
	}
	if b.Now().Sub(said) > actsWithin {
		return false
	}
	if b.started = append(b.started, id); len(b.started) > maxRemembered {
		b.started = b.started[1:]
	}
	return true
}

// wasRejected reports whether the sender of the command was told that nothing was
// done, and forgets it.
func (b *Bot) wasRejected(id string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	before := len(b.rejected)
	b.rejected = slices.DeleteFunc(b.rejected, func(refused string) bool { return refused == id })
	return len(b.rejected) < before
}

// Work does a job from the inbox: it carries a command out and answers it, or has the
// service do what was scheduled. An error means that it should be tried again: the records
// did not answer, or the answer could not be given. A command is taken over if an earlier
// attempt may have come to its end unseen: what that one did is not done again, and the
// answer says that it may have been given before.
func (b *Bot) Work(ctx context.Context, j receipts.Job, takenOver bool) error {
	if j.Kind != MessageJob {
		err := b.Service.Run(ctx, j)
		b.Observer.Job(j.Kind, outcomeOf(err))
		return err
	}
	in, err := messageOf(j)
	if err != nil {
		b.Observer.Command(command.Unknown.Label(), AttemptFailed, 0)
		return err
	}
	in.MaybeDone = takenOver
	ctx = receipts.WithRequest(ctx, in.ID)
	if b.wasRejected(in.ID) {
		b.Log(ctx).Warn("command was refused before, and is not carried out")
		return nil
	}
	r := b.request(in)
	if b.Phrases && r.said.Verb == command.Unknown {
		b.Log(ctx).Info("phrase not understood", zap.String("phrase", reply.Shorten(in.Text, maxPhrase)))
	}
	outcome, err := r.work(ctx)
	if err != nil {
		b.Observer.Command(r.said.Verb.Label(), AttemptFailed, 0)
		return err
	}
	took := max(0, b.Now().Sub(in.AcceptedAt)) // the clock of another machine may be ahead
	b.Observer.Command(r.said.Verb.Label(), outcome, took)
	b.Log(ctx).Info("command done", zap.String("verb", r.said.Verb.Label()), zap.String("outcome", string(outcome)), zap.Duration("took", took))
	return nil
}

// GiveUp tells the sender that a command could not be carried out, or the service that a
// job could not. TakenOver is as for Work.
func (b *Bot) GiveUp(ctx context.Context, j receipts.Job, takenOver bool, reason error) {
	if j.Kind != MessageJob {
		b.Service.GiveUp(ctx, j, reason)
		b.Observer.Job(j.Kind, GivenUp)
		return
	}
	in, err := messageOf(j)
	if err != nil {
		b.Log(ctx).Error("command given up", zap.Error(reason))
		b.Observer.Command(command.Unknown.Label(), GivenUp, 0)
		return
	}
	in.MaybeDone = takenOver
	ctx = receipts.WithRequest(ctx, in.ID)
	r := b.request(in)
	b.Log(ctx).Error("command given up", zap.String("verb", r.said.Verb.Label()), zap.Error(reason))
	b.Observer.Command(r.said.Verb.Label(), GivenUp, 0)
	if sentence := r.lost(r.w.GaveUp); sentence != "" {
		r.tell(ctx, sentence)
	}
}
