package receipts

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"go.uber.org/zap"
)

// gatherWithin is how much earlier than it is due a round may come, to be one with another of its
// group.
const gatherWithin = time.Minute

// leaveFor is how long a round is left to another one of its group, which takes it along.
const leaveFor = 2 * time.Minute

// dueWith are the others of a group whose rounds are one with this one, if it is due: they remind
// people in the same way, and within a minute.
func (one Followed) dueWith(all []Followed, now time.Time) []Followed {
	if !one.FollowUp.reminds(now, 0) {
		return nil
	}
	var others []Followed
	for _, other := range all {
		if other.Number != one.Number && other.FollowUp.reminds(now, gatherWithin) && other.FollowUp.Channel() == one.FollowUp.Channel() {
			others = append(others, other)
		}
	}
	return others
}

// carryOut carries the rounds of messages out. Where several remind people, they do so together.
func (f *follower) carryOut(ctx context.Context, group string, due []Followed) error {
	var failures []error
	var all, reminding []*round
	now := f.ports.Now()
	for i, one := range due {
		at := now
		if i > 0 { // taken along
			at = one.FollowUp.at(now)
		}
		r, err := f.decide(ctx, group, one, at)
		switch {
		case errors.Is(err, ErrNoMessage): // its time is over
			continue
		case err != nil:
			failures = append(failures, fmt.Errorf("follow up #%d: %w", one.Number, err))
			continue
		}
		all = append(all, r)
		if r.act == Remind && len(r.due().people()) > 0 {
			reminding = append(reminding, r)
		}
	}
	if len(reminding) < 2 {
		reminding = nil
	}
	came := map[*round]error{}
	for i, err := range f.together(ctx, reminding) {
		came[reminding[i]] = err
	}
	for _, r := range all {
		err, done := came[r]
		if !done {
			err = r.carryOut(ctx)
		}
		if err = f.conclude(ctx, r, err); err != nil {
			failures = append(failures, fmt.Errorf("follow up #%d: %w", r.report.Message.Number, err))
		}
	}
	return errors.Join(failures...)
}

// decide decides what a follow-up does at that time.
func (f *follower) decide(ctx context.Context, group string, one Followed, at time.Time) (*round, error) {
	recorded := one.FollowUp
	m, err := f.reporter.Message(ctx, group, one.Number)
	if err != nil {
		return nil, err
	}
	r := Report{Message: m}
	act, next := recorded.Before(m, f.settings.Reminders.Quiet, at)
	if act == Remind {
		if r, err = f.reporter.Ask(ctx, group, one.Number, Rights{}); err != nil {
			return nil, err
		}
		act, next = recorded.Round(r, at)
	}
	return &round{follower: f, followUp: recorded, next: next, act: act, report: r, run: fmt.Sprintf("%s:%d", recorded.ID, recorded.Rounds)}, nil
}

// conclude records what a round has done, and has the follow-up looked at again.
func (f *follower) conclude(ctx context.Context, r *round, failure error) error {
	number := r.report.Message.Number
	log := f.ports.Log(ctx).With(zap.Int("number", number), zap.String("act", string(r.act)), zap.Int("round", r.followUp.Rounds))
	switch {
	case errors.Is(failure, errOvertaken):
		log.Info("round overtaken")
		return f.schedule(ctx, r.group(), number, f.ports.Now()) // whatever there is now is looked at
	case failure != nil:
		return failure
	case r.act != Wait:
		log.Info("followed up", zap.String("ended", string(r.next.Ended)), zap.Int("read", len(r.report.Read)), zap.Int("total", r.report.Total), zap.Time("next", r.next.Next))
	}
	return f.settle(ctx, r.group(), number, r.followUp, r.next)
}

// due is what the round reminds of.
func (r *round) due() Due {
	return Due{Report: r.report, Prompt: Prompt{Run: r.run, By: r.followUp.Channel(), Round: &r.followUp}}
}

// together reminds people of the messages of several rounds, and returns what came of each.
func (f *follower) together(ctx context.Context, rounds []*round) []error {
	if len(rounds) == 0 {
		return nil
	}
	came := make([]error, len(rounds))
	fail := func(err error) []error {
		for i := range came {
			came[i] = err
		}
		return came
	}
	group := rounds[0].group()
	voice, err := f.ports.Store.Voice(ctx, group)
	if err != nil {
		return fail(err)
	}
	n := togetherSender{&reminderSender{reminderKit: f.reminderKit, view: ReminderView{Language: voice.Language, Message: Message{Group: group}}, mentions: mentionsOfRound}}
	n.usable(voice.Webhook)
	due := make([]Due, len(rounds))
	for i, r := range rounds {
		r.voice, due[i] = voice, r.due()
	}
	done, err := n.remindTogether(ctx, due)
	if err == nil && due[0].Prompt.By == Mention && !slices.ContainsFunc(done, func(d Reminded) bool { return d.Err == nil || len(d.Reached)+len(d.Uncertain) > 0 }) {
		// The webhook was good for less long than DingTalk had said.
		for i := range due {
			due[i].Prompt.Run, due[i].Prompt.By = due[i].Prompt.Run+":direct", InPrivate
		}
		done, err = n.remindTogether(ctx, due)
	}
	if err != nil {
		return fail(err)
	}
	var untold []*round
	var views []RoundView
	for i, r := range rounds {
		switch {
		case done[i].Halt != (Halt{}):
			came[i] = errOvertaken
		case !done[i].InGroup:
			v, err := r.reminded(ctx, done[i])
			if came[i] = err; err == nil {
				untold, views = append(untold, r), append(views, v)
			}
		}
	}
	if len(untold) > 1 && !f.settings.Direct {
		err = f.postTogether(ctx, untold, views)
	}
	for i, r := range untold {
		if len(untold) == 1 || f.settings.Direct {
			err = r.publish(ctx, views[i])
		}
		came[slices.Index(rounds, r)] = err
	}
	return came
}

// postTogether says in one post what several rounds have done, each once for its run. An error is
// as of post.
func (f *follower) postTogether(ctx context.Context, rounds []*round, views []RoundView) error {
	group := rounds[0].group()
	voice, err := f.ports.Store.Voice(ctx, group)
	if err != nil {
		return err
	}
	stand := func(ctx context.Context) error {
		for _, r := range rounds {
			if err := r.stands(ctx); err != nil {
				return err
			}
		}
		return nil
	}
	if err := stand(ctx); err != nil {
		return err
	}
	var fresh []RoundView
	var begin func(i int) error // the steps from i on, then the post
	begin = func(i int) error {
		if i < len(rounds) {
			first, err := f.poster.once(ctx, group, rounds[i].run+":post", func() error {
				fresh = append(fresh, views[i])
				return begin(i + 1)
			})
			if err == nil && !first {
				return begin(i + 1)
			}
			return err
		}
		if len(fresh) == 0 {
			return nil
		}
		post := f.ports.Presenter.Rounds(fresh)
		post.Stands = stand
		return f.poster.Answer(ctx, Recipient{Group: group, Webhook: voice.Webhook}, post)
	}
	return begin(0)
}
