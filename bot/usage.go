package bot

import (
	"context"
	"fmt"

	"go.uber.org/zap"

	"whoread/receipts"
)

// usage tells an administrator how the bot is doing in this group: whose members it
// counts and why, whether reads are pushed, and what it has cost.
func (b *Bot) usage(ctx context.Context, w *words, in Incoming) (answer, error) {
	if !b.Access.may(Admins, in, receipts.Person{}) {
		return refuse(w.refusal(Admins)), nil
	}
	p, u := b.page(w, in.Group), w.Usage
	said := []string{fmt.Sprintf(u.Version, b.Version)}

	members, err := b.Members.Members(ctx, in.Group)
	if err != nil {
		b.log(ctx).Warn("members unknown", zap.Error(err))
		said = append(said, fmt.Sprintf(u.NoMembers, p.gap(receipts.Gap{Part: receipts.MembersPart, Err: err})))
	} else {
		people := len(members.Without(b.Reporter.Excluded).UserIDs)
		said = append(said, fmt.Sprintf(u.Members, w.Sources[members.Source], people, clock(members.At, p.now, p.zone)))
	}

	refusals, err := b.Members.Refusals(ctx, in.Group)
	if err != nil {
		return answer{}, err
	}
	for _, r := range refusals {
		why := p.gap(receipts.Gap{Part: receipts.MembersPart, Err: &receipts.NoListError{Reason: r.Reason}})
		said = append(said, fmt.Sprintf(u.Refused, u.Sources[r.Source], why, clock(r.Until, p.now, p.zone)))
	}

	pushed, err := b.Learned.LastPush(ctx, in.Group)
	switch {
	case err != nil:
		return answer{}, err
	case pushed.IsZero():
		said = append(said, u.NotPushed)
	default:
		said = append(said, fmt.Sprintf(u.Pushed, clock(pushed, p.now, p.zone)))
	}

	calls, err := b.Tally.ThisMonth(ctx)
	if err != nil {
		return answer{}, err
	}
	said = append(said, fmt.Sprintf(u.Calls, calls))
	spent, err := b.Quota.SpentSince(ctx)
	switch {
	case err != nil:
		return answer{}, err
	case !spent.IsZero():
		said = append(said, fmt.Sprintf(u.Spent, clock(spent, p.now, p.zone)))
	}
	return say(said...), nil
}
