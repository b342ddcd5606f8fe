package bot

import (
	"context"
	"fmt"

	"whoread/bot/reply"
	"whoread/receipts"
)

// usage tells an administrator how the bot is doing in this group: whose members it
// counts and why, whether reads are pushed, what it has cost, and what the group is called
// in the configuration.
func (r *request) usage(ctx context.Context) (reply.Answer, error) {
	status, err := r.Service.Status(ctx, r.by, r.in.Group)
	if err != nil {
		return reply.Answer{}, err
	}
	usage, err := r.Budget.CallUsage(ctx)
	if err != nil {
		return reply.Answer{}, err
	}
	p, u := r.page(nil), r.w.Usage
	p.Configures = true
	why := func(gap error) string { return p.Gap(receipts.Gap{Part: receipts.MembersPart, Err: gap}) }
	connected, since := p.Connected(r.Connections)
	members := u.NoMembers
	var said []string
	if m := status.Members; m != nil {
		members = fmt.Sprintf(u.Members, r.w.Sources[m.Source], len(m.UserIDs))
		if m.Source == receipts.Learned {
			members = fmt.Sprintf(u.Met, len(m.UserIDs))
		}
		said = append(said, fmt.Sprintf(u.Counted, p.Clock(m.At)))
	} else {
		said = append(said, why(status.NoMembers))
	}
	for _, refusal := range status.Refusals {
		reason := why(&receipts.NoListError{Reason: refusal.Reason})
		said = append(said, fmt.Sprintf(u.Refused, r.w.Sources[refusal.Source], reason, p.Clock(refusal.Until)))
	}
	if status.LastPush.IsZero() {
		said = append(said, u.NotPushed)
	} else {
		said = append(said, fmt.Sprintf(u.Pushed, p.Clock(status.LastPush)))
	}
	said = append(said, p.Budget(usage)...)
	if !usage.QuotaSpentAt.IsZero() {
		said = append(said, fmt.Sprintf(u.Spent, p.Clock(usage.QuotaSpentAt)))
	}
	said = append(said, p.ClocksOff(r.ClocksOff)...)
	said = append(said, since, fmt.Sprintf(u.Group, reply.Escape(r.in.Group)), fmt.Sprintf(u.Version, r.Version))
	return reply.Say(append([]string{fmt.Sprintf(u.Lead, p.CallsUsed(usage), members, connected)}, said...)...), nil
}
