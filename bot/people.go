package bot

import (
	"context"
	"regexp"
	"slices"

	"whoread/bot/reply"
	"whoread/receipts"
)

// mentions reports whether @name stands in a text as a whole.
func mentions(text, name string) bool {
	whole := regexp.MustCompile(`[@＠]` + regexp.QuoteMeta(name) + `(?:[^\p{L}\p{N}]|$)`)
	return whole.MatchString(text)
}

// people tells whether those who are named or mentioned have read a message; without anybody it
// is about all.
func (r *request) people(ctx context.Context) (reply.Answer, error) {
	q := receipts.PeopleQuery{Group: r.in.Group, Ref: r.ref(), Names: r.said.People, Numbered: r.said.Numbered, UserIDs: r.in.Mentioned}
	if r.said.Self {
		q.UserIDs = append(slices.Clone(q.UserIDs), r.in.Sender.UserID)
	}
	atWords := len(q.Names) == 0 && len(q.UserIDs) == 0
	if atWords {
		q.Names = r.said.AtWords
	}
	if len(q.Names) == 0 && len(q.UserIDs) == 0 && q.Numbered == "" {
		return r.report(ctx)
	}
	found, err := r.Service.People(ctx, r.by, q)
	if err != nil {
		return reply.Answer{}, err
	}
	if len(found.People) == 0 && len(found.Unknown) == 0 {
		return r.report(ctx)
	}
	if atWords { // one is the bot's name
		if len(found.People) == 0 && len(found.Unknown) < 2 && r.in.Strangers == 0 {
			return r.report(ctx)
		}
		if len(found.People) > 0 {
			found.Unknown = nil
		}
	}
	r.again = func(ctx context.Context) (reply.Answer, error) {
		later, err := r.Service.PeopleAgain(ctx, found)
		return r.page(later.Names).People(later, r.in.Sender.UserID), err
	}
	return r.deliver(ctx, r.page(found.Names).People(found, r.in.Sender.UserID)), nil
}

// everyone tells in one line whether all have read a message, or how many have not.
func (r *request) everyone(ctx context.Context) (reply.Answer, error) {
	report, err := r.Service.Report(ctx, r.by, r.in.Group, r.ref())
	if err != nil {
		return reply.Answer{}, err
	}
	return r.deliver(ctx, r.stating(report, func(report receipts.Report) reply.Answer {
		return r.page(nil).Everybody(report, r.said.HowMany)
	})), nil
}
