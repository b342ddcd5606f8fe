package bot

import (
	"context"
	"errors"
	"time"

	"whoread/bot/command"
	"whoread/bot/reply"
	"whoread/receipts"
)

// confirm carries out what a person was asked about, if this is the yes to it. Else it is that
// they have got an announcement, to which nothing is said: a whole group would hear it.
func (r *request) confirm(ctx context.Context) (reply.Answer, error) {
	if r.said.Yes && r.said.Number == 0 && !r.in.IsReply {
		asked, err := r.Service.Pending(ctx, r.by, r.in.Group, r.in.ID)
		switch {
		case unasked(err):
			return reply.Answer{Outcome: Ignored}, nil
		case err != nil:
			return reply.Answer{}, err
		case asked != nil:
			return r.yes(ctx, *asked)
		}
	}
	_, err := r.Service.Confirm(ctx, r.by, r.in.Group, r.ref(), r.in.SaidAt)
	if unasked(err) {
		return reply.Answer{Outcome: Ignored}, nil
	}
	return reply.Answer{}, err
}

// unasked reports whether an error of Confirm says that there was nothing to confirm, or not for
// who said so.
func unasked(err error) bool {
	return errors.Is(err, receipts.ErrNotAsked) || errors.Is(err, receipts.ErrExternal) || errors.Is(err, receipts.ErrForeignGroup)
}

// unconfirmedEvery is how often a group is told that confirmations are not recorded: everybody in
// it may say 收到 at the same time.
const unconfirmedEvery = time.Minute

// lost is the sentence that tells who gave a command that it was not carried out; empty if the
// group was told so just now, or if nothing was to be done.
func (r *request) lost(sentence string) string {
	if r.in.Direct {
		return sentence
	}
	switch r.said.Verb {
	case command.Ignored:
		return ""
	case command.Confirm:
		if r.in.External || !r.unconfirmed(r.in.Group) {
			return ""
		}
		return r.w.Unconfirmed
	}
	return sentence
}

// unconfirmed reports whether a group is to be told that a confirmation was not recorded.
func (b *Bot) unconfirmed(group string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := b.Now()
	for other, at := range b.toldUnconfirmed {
		if now.Sub(at).Abs() >= unconfirmedEvery {
			delete(b.toldUnconfirmed, other)
		}
	}
	if _, told := b.toldUnconfirmed[group]; told {
		return false
	}
	b.toldUnconfirmed[group] = now
	return true
}
