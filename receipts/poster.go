package receipts

import (
	"context"
	"crypto/rand"
	"errors"
	"time"

	"go.uber.org/zap"
)

// Recipient is who reads what the bot says: a group, or somebody in a one-to-one chat.
type Recipient struct {
	Group   string  // openConversationId
	Webhook Webhook // of the conversation; empty if none is known
	// Private reports that it is the one-to-one chat with Person, who has no UserID if
	// they are from outside.
	Private bool
	Person  Person
	// Free reports that what is said is not worth a counted call: where the webhook can't be
	// used, it is not said.
	Free bool
}

// StepLog note which steps that people see have begun, so that none is done twice.
type StepLog interface {
	// BeginStep reports whether the step has not begun before, or was by this very try, and
	// notes that it has now.
	BeginStep(ctx context.Context, group, step, try string) (bool, error)
	// DropStep has a step count as not begun if that try began it: it certainly had no effect.
	DropStep(ctx context.Context, group, step, try string) error
}

// Poster says things in groups and to people that are no announcements.
type Poster struct{ ports Ports }

// Fits returns nil if DingTalk takes a post; else ErrTooLong.
func (p *Poster) Fits(post Post) error { return p.ports.Platform.Fits(post) }

// Private writes to one person in the one-to-one chat. Missed is whether DingTalk did not
// deliver it; an error is a *Failure.
func (p *Poster) Private(ctx context.Context, userID string, post Post) (Missed, error) {
	_, missed, err := p.ports.Platform.Direct(ctx, []string{userID}, post)
	return missed, err
}

// Title returns what a group is called; empty if that is not known.
func (p *Poster) Title(ctx context.Context, group string) string {
	title, err := p.ports.Store.Title(ctx, group)
	if err != nil {
		p.ports.Log(ctx).Warn("title unknown", zap.String("group", group), zap.Error(err))
	}
	return title
}

// Answer says something by the session webhook, or where there is none that may be used
// any more, by a message of the bot's own. An error means that it certainly was not said, and
// that trying again may help.
func (p *Poster) Answer(ctx context.Context, to Recipient, post Post) error {
	log := p.ports.Log(ctx)
	var err error
	if to.Webhook.Usable(p.ports.Now()) {
		err = p.ports.Platform.Reply(ctx, to.Webhook, post, nil)
		failure, known := errors.AsType[*Failure](err)
		switch {
		case err == nil:
			return nil
		case known && failure.Uncertain:
			// It may well be there, and an answer that comes twice confuses more.
			log.Error("reply may be lost", zap.Error(err))
			return nil
		case known && failure.Reason == Cancelled:
			return err
		}
		log.Warn("reply goes another way", zap.Error(err))
	}
	if to.Free {
		if err == nil {
			log.Info("reply is worth no counted call")
		}
		return final(log, err)
	}
	if !to.Private {
		return final(log, p.post(ctx, to.Group, post))
	}
	if to.Person.UserID == "" {
		return nil // there is nobody to write to
	}
	_, _, err = p.ports.Platform.Direct(ctx, []string{to.Person.UserID}, post)
	return final(log, err)
}

// post posts something into the group that is no announcement.
func (p *Poster) post(ctx context.Context, group string, post Post) error {
	posted, err := p.ports.Platform.Post(ctx, group, post)
	if err != nil {
		return err
	}
	p.record(ctx, group, posted.Key, post.About)
	return nil
}

// PostFile posts a file about a message into its group, once for each step. Its error is a
// *Failure; one that is uncertain may be of a file that is there. Any other error means that
// the records did not answer, and nothing was posted.
func (p *Poster) PostFile(ctx context.Context, step string, m Message, f File) error {
	return p.file(ctx, step, m, f, func(media string) (string, error) {
		posted, err := p.ports.Platform.PostFile(ctx, m.Group, f, media)
		return posted.Key, err
	})
}

// PrivateFile is PostFile to one person, in the one-to-one chat. Missed is whether DingTalk
// refused to deliver it, which is an error too.
func (p *Poster) PrivateFile(ctx context.Context, step string, m Message, f File, userID string) (missed Missed, err error) {
	err = p.file(ctx, step, m, f, func(media string) (key string, err error) {
		key, missed, err = p.ports.Platform.DirectFile(ctx, userID, f, media)
		if err == nil && missed.Count() > 0 {
			err = &Failure{Reason: UserNotFound, Err: errors.New("the person was not reached")}
		}
		return key, err
	})
	return missed, err
}

// file uploads a file about a message, and has it sent once for each step.
func (p *Poster) file(ctx context.Context, step string, m Message, f File, send func(media string) (key string, err error)) error {
	err := p.sendFile(ctx, step, m, f, send)
	if _, failed := errors.AsType[*Failure](err); failed {
		p.ports.Log(ctx).Warn("file not posted", zap.Error(err))
	}
	return err
}

func (p *Poster) sendFile(ctx context.Context, step string, m Message, f File, send func(media string) (key string, err error)) error {
	media, err := p.ports.Platform.Upload(ctx, f)
	if err != nil {
		return err
	}
	key := ""
	first, err := p.once(ctx, m.Group, step, func() (err error) {
		key, err = send(media)
		return err
	})
	if err != nil {
		return err
	}
	if !first { // an earlier attempt got this far and was cut off
		return &Failure{Reason: Interrupted, Uncertain: true, Err: errors.New("the posting of the file was begun before")}
	}
	p.record(ctx, m.Group, key, m.Number)
	return nil
}

// once does a step that people see, and reports whether it was not begun before. If it certainly
// had no effect, it can be begun again.
func (p *Poster) once(ctx context.Context, group, step string, do func() error) (first bool, err error) {
	try := rand.Text()
	first, err = p.ports.Store.BeginStep(ctx, group, step, try)
	if err != nil || !first {
		return false, err
	}
	err = do()
	if failure, known := errors.AsType[*Failure](err); err == nil || known && failure.Uncertain {
		return true, err
	}
	forgotten := insist(ctx, func(ctx context.Context) error { return p.ports.Store.DropStep(ctx, group, step, try) })
	if forgotten != nil {
		p.ports.Log(ctx).Error("a step that failed counts as done to other processes", zap.String("step", step), zap.Errors("errors", []error{err, forgotten}))
	}
	return true, err
}

// postRecordWithin bounds how long the key of a post is tried to be recorded.
const postRecordWithin = 5 * time.Second

// record records the key of a post that is no announcement, but about the one of that
// number, or 0 about none.
func (p *Poster) record(ctx context.Context, group, key string, about int) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), postRecordWithin)
	defer cancel()
	if err := p.ports.Store.RecordPost(ctx, group, key, about); err != nil {
		// It is there all the same, and must not come twice.
		p.ports.Log(ctx).Error("post not recorded", zap.Int("about", about), zap.Error(err))
	}
}

// recordPrivate records the key of what was written to people in private about a message, so
// that who quotes it there confirms the message.
func (p *Poster) recordPrivate(ctx context.Context, m Message, key string) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), postRecordWithin)
	defer cancel()
	if err := p.ports.Store.SavePrivatePost(ctx, key, m.Group, m.Number); err != nil {
		p.ports.Log(ctx).Error("post not recorded", zap.Int("about", m.Number), zap.Error(err))
	}
}

// final keeps an error only if trying again may help and can't say it twice.
func final(log *zap.Logger, err error) error {
	failure, ok := errors.AsType[*Failure](err)
	if ok && (failure.Uncertain || !failure.Reason.Passes()) {
		log.Error("reply is lost", zap.Error(err))
		return nil
	}
	return err
}
