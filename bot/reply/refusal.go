package reply

import (
	"errors"
	"fmt"
	"strings"

	"whoread/receipts"
)

// maxHashes is how many messages a question proposes.
const maxHashes = 10

// Refusal says why the rule does not let somebody, and names an administrator, if one is
// known.
func (w *Words) Refusal(rule receipts.Rule, admin string) string {
	switch rule {
	case receipts.Admins:
		if name := Escape(Shorten(admin, NameRunes)); name != "" {
			return fmt.Sprintf(w.AskAdmin, name)
		}
		return w.AdminsOnly
	case receipts.Author:
		return w.AuthorOnly
	default:
		return w.NobodyMay
	}
}

// Refused says why something that was asked for is not done. It reports false for an error
// that is no answer to who asked: trying again may help.
func (p Page) Refused(err error) (Answer, bool) {
	if forbidden, ok := errors.AsType[*receipts.ForbiddenError](err); ok {
		return Refuse(p.Refusal(forbidden.Rule, p.AdminName)), true
	}
	if none, ok := errors.AsType[*receipts.NoSuchMessageError](err); ok {
		return Refuse(fmt.Sprintf(p.NoSuch, none.Number)), true
	}
	if not, ok := errors.AsType[*receipts.NotFollowedError](err); ok {
		return Refuse(fmt.Sprintf(p.WasNotFollowed, not.Number)).About(not.Number), true
	}
	if many, ok := errors.AsType[*receipts.ManyFollowedError](err); ok {
		return Refuse(fmt.Sprintf(p.WhichStop, Hashes(many.Numbers, p.Comma))), true
	}
	if several, ok := errors.AsType[*receipts.SeveralFitError](err); ok {
		return Refuse(fmt.Sprintf(p.WhichSpokenOf, Hashes(several.Numbers[:min(len(several.Numbers), maxHashes)], p.Comma))), true
	}
	if many, ok := errors.AsType[*receipts.ManyScheduledError](err); ok {
		return Refuse(fmt.Sprintf(p.Later.Which, Hashes(many.Numbers[:min(len(many.Numbers), maxHashes)], p.Comma))), true
	}
	for target, sentence := range map[error]string{
		receipts.ErrNothingScheduled: p.Later.Nothing,
		receipts.ErrManySeries:       fmt.Sprintf(p.Later.ManySeries, receipts.SeriesMax),
		receipts.ErrBeingSent:        p.Later.BeingSent,
		receipts.ErrExternal:         p.Outsider,
		receipts.ErrForeignGroup:     p.ForeignGrp,
		receipts.ErrNotMessage:       p.QuoteNotOurs,
		receipts.ErrNothingYet:       p.NothingYet,
		receipts.ErrNothingCurrent:   p.NothingCurrent,
		receipts.ErrNoneFits:         p.NoneSpokenOf,
		receipts.ErrWhich:            p.WhichRecall,
		receipts.ErrNothingFollowed:  p.NothingFollowed,
		receipts.ErrLimited:          p.LimitedQuote,
		receipts.ErrTooLong:          fmt.Sprintf(p.TooLong, receipts.MaxPostBytes),
	} {
		if errors.Is(err, target) {
			return Refuse(sentence), true
		}
	}
	if receipts.ReasonOf(err) != "" || errors.Is(err, receipts.ErrPaging) {
		return Refuse(p.Problem(err)), true
	}
	return Answer{}, false
}

// Hashes writes #1, #2 and so on.
func Hashes(all []int, comma string) string {
	written := make([]string, len(all))
	for i, n := range all {
		written[i] = fmt.Sprintf("#%d", n)
	}
	return strings.Join(written, comma)
}
