package receipts

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"go.uber.org/zap"
)

// RoundView is what a round of a follow-up says.
type RoundView struct {
	Language string
	// Act is Remind where the reminder did not tell of the report by itself, ReportFailure, or
	// Finish.
	Act      Act
	FollowUp FollowUp // as it is after the round
	Report   Report
	Reminded *Reminded // what came of the reminder; nil if there was none
	Names    Names
	Title    string // of the group, for who reads it in private; may be empty
}

// round is one round of a follow-up.
type round struct {
	*follower
	followUp FollowUp // as it was recorded when the round began
	next     FollowUp // as it is after it
	act      Act      // what it does
	report   Report   // by which it was decided what to do
	run      string   // by which its steps are known
	voice    Voice    // in which it speaks
}

func (r *round) group() string { return r.report.Message.Group }

// errOvertaken means that a round has not said all that it would have: the follow-up was
// stopped or is another one, or what became of the message has to be said instead.
var errOvertaken = errors.New("the follow-up or its message changed meanwhile")

// carryOut does what the round has decided.
func (r *round) carryOut(ctx context.Context) error {
	if r.act == Wait || r.act == Skip {
		return nil
	}
	var err error
	if r.voice, err = r.ports.Store.Voice(ctx, r.group()); err != nil {
		return err
	}
	switch r.act {
	case Remind:
		return r.remind(ctx)
	case ReportFailure:
		return r.publish(ctx, r.view(r.act))
	default:
		return r.finish(ctx)
	}
}

func (r *round) view(act Act) RoundView {
	return RoundView{Language: r.voice.Language, Act: act, FollowUp: r.next, Report: r.report}
}

// remind reports and reminds those who have not read, in one post.
func (r *round) remind(ctx context.Context) error {
	n := reminderSender{reminderKit: r.reminderKit, view: ReminderView{Language: r.voice.Language, Message: r.report.Message, Deadline: r.report.Deadline(), Round: &r.report}, mentions: mentionsOfRound}
	n.usable(r.voice.Webhook)
	prompt := Prompt{Run: r.run, By: r.followUp.Channel(), Round: &r.followUp}
	done, err := n.remind(ctx, r.report, prompt)
	if err != nil {
		return err
	}
	if prompt.By == Mention && done.Err != nil && len(done.Reached)+len(done.Uncertain) == 0 {
		// The webhook was good for less long than DingTalk had said.
		prompt.Run, prompt.By = r.run+":direct", InPrivate
		if done, err = n.remind(ctx, r.report, prompt); err != nil {
			return err
		}
	}
	switch {
	case done.Halt != (Halt{}):
		return errOvertaken
	case done.InGroup:
		return nil
	}
	v, err := r.reminded(ctx, done)
	if err != nil {
		return err
	}
	return r.publish(ctx, v)
}

// reminded is the report of a round whose reminder did not tell of it, with what came of that.
func (r *round) reminded(ctx context.Context, done Reminded) (RoundView, error) {
	v := r.view(Remind)
	v.Names = r.reminderKit.names(ctx, r.group(), append(v.Report.Shown(r.settings.MaxNames, false), done.Shown(r.settings.MaxNames)...))
	if done.Earlier == nil {
		v.Reminded = &done
	}
	var err error
	v.Report, err = r.reporter.Again(ctx, v.Report)
	return v, err
}

// finish says once that a follow-up is over, and why: in the group, or to who began
// it if the group is gone; and to those who are to be told of the deadline.
func (r *round) finish(ctx context.Context) error {
	r.run = r.followUp.ID + ":end"
	v := r.view(Finish)
	var err error
	if v.Report, v.Names, err = r.reporter.named(ctx, v.Report, v.Report.Shown(r.settings.MaxNames, false), r.reminderKit.names); err != nil {
		return err
	}
	var told []string
	if r.next.Ended == DeadlineOver {
		told = slices.Clone(r.next.Tell)
	}
	gone := slices.ContainsFunc(r.report.Gaps, func(g Gap) bool { return errors.Is(g.Err, ErrGroupGone) })
	if r.report.Message.State != Disbanded && !gone && !r.settings.Direct {
		if err := r.post(ctx, v); err != nil {
			return err
		}
	} else if !slices.Contains(told, r.next.Starter.UserID) {
		told = append(told, r.next.Starter.UserID)
	}
	return r.tell(ctx, told, v)
}

// publish says something about a follow-up by itself: in the group, or where reports
// go to people alone, to who began it.
func (r *round) publish(ctx context.Context, v RoundView) error {
	if r.settings.Direct {
		return r.tell(ctx, []string{r.followUp.Starter.UserID}, v)
	}
	return r.post(ctx, v)
}

// post says something in the group by itself, once for each run. An error means that it
// certainly is not there, and that trying again may help.
func (r *round) post(ctx context.Context, v RoundView) error {
	now, err := r.ports.Store.Voice(ctx, r.group()) // people may have been reminded for minutes
	if err != nil {
		return err
	}
	return r.once(ctx, ":post", func() error {
		return r.poster.Answer(ctx, Recipient{Group: r.group(), Webhook: now.Webhook}, r.say(v))
	})
}

// say returns what the round says, which must not be said any more once it is overtaken.
func (r *round) say(v RoundView) Post {
	post := r.ports.Presenter.Round(v)
	post.Stands = r.stands
	return post
}

// stands returns errOvertaken if the round is.
func (r *round) stands(ctx context.Context) error {
	m := r.report.Message
	stands, err := r.ports.Store.Stands(ctx, m.Group, m.Number, r.followUp, m.State)
	if err == nil && !stands {
		err = errOvertaken
	}
	return err
}

// tell writes to people in private, once for each run. A program can't be written to.
func (r *round) tell(ctx context.Context, userIDs []string, v RoundView) error {
	userIDs = slices.DeleteFunc(userIDs, func(id string) bool { return id == "" })
	v.Title = r.poster.Title(ctx, r.group())
	for i, batch := range r.ports.Platform.Batches(InPrivate, userIDs, 0) {
		err := r.once(ctx, fmt.Sprintf(":tell:%d", i), func() error {
			_, missed, err := r.ports.Platform.Direct(ctx, batch.UserIDs, r.say(v))
			log := r.ports.Log(ctx).With(zap.String("run", r.run))
			if n := missed.Count(); n > 0 {
				log.Warn("people not told", zap.Int("people", n))
			}
			return final(log, err)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// once does a step of a round that has an effect on people, unless it was begun before or the
// round is overtaken.
func (r *round) once(ctx context.Context, step string, do func() error) error {
	if err := r.stands(ctx); err != nil {
		return err
	}
	_, err := r.poster.once(ctx, r.group(), r.run+step, do)
	return err
}
