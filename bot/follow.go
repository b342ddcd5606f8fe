package bot

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"whoread/bot/reply"
	"whoread/receipts"
)

// follow begins to follow a message up.
func (r *request) follow(ctx context.Context) (reply.Answer, error) {
	if err := r.Service.Permit(r.by, r.in.Group, receipts.RightRemind); err != nil {
		return reply.Answer{}, err
	}
	wanted, err := r.times().Follow(r.said.Rest)
	if err != nil {
		return reply.Refuse(r.w.Question(err)), nil
	}
	r.said.Number = wanted.Number
	m, f, err := r.Service.Follow(ctx, r.by, receipts.FollowRequest{
		Group: r.in.Group, Ref: r.ref(), Command: r.in.ID,
		Every: wanted.Every, By: r.said.By, Share: wanted.UntilPercent, Until: wanted.Until,
	})
	refuse := func(why string) (reply.Answer, error) {
		return reply.Refuse(fmt.Sprintf(r.w.NotFollowed, m.Number, why)).About(m.Number), nil
	}
	ends, short := errors.AsType[*receipts.RecordEndsError](err)
	switch {
	case short:
		return refuse(fmt.Sprintf(r.w.RecordEnds, r.page(nil).Clock(ends.At)))
	case errors.Is(err, receipts.ErrWrongState):
		return refuse(cmp.Or(r.w.StateExtra[m.State], r.w.States[m.State]))
	case err != nil:
		return reply.Answer{}, err
	case f.Ended != "": // since an earlier try of the same command
		return refuse(r.w.Ends[f.Ended])
	}
	return reply.Say(r.page(nil).Following(m.Number, f, false)).About(m.Number), nil
}

// stop ends a follow-up, or a series.
func (r *request) stop(ctx context.Context) (reply.Answer, error) {
	stopped, err := r.Service.Stop(ctx, r.by, r.in.Group, r.ref())
	if err != nil {
		return reply.Answer{}, err
	}
	return r.page(nil).Stopped(stopped), nil
}

// help tells what one can say, and what is being followed up; or how the command is given that
// was asked about.
func (r *request) help(ctx context.Context) (reply.Answer, error) {
	if about := r.w.HelpOn[r.said.About]; about != "" {
		return reply.Say(about), nil
	}
	followed, err := r.Service.FollowUps(ctx, r.in.Group, listLimit)
	if err != nil {
		return reply.Answer{}, err
	}
	said := []string{r.w.Help}
	if r.Service.Policy.Allows(receipts.Admins, r.by, receipts.Person{}) {
		said = append(said, "\n"+r.w.HelpAdmins)
	}
	for i, f := range followed {
		pursued := fmt.Sprintf(r.w.InPursuit, f.Number, r.page(nil).Plan(f.FollowUp))
		if i == 0 {
			pursued = "\n" + pursued // the list above ends
		}
		said = append(said, pursued)
	}
	return reply.Say(said...), nil
}
