package reply

import (
	"errors"
	"fmt"

	"whoread/receipts"
)

// AnnouncementOutcome says what became of an announcement, with notes below.
func (p Page) AnnouncementOutcome(done receipts.Announced, notes string) Answer {
	m := done.Message
	switch m.State {
	case receipts.Scheduled:
		return p.Planned(m, notes)
	case receipts.Failed:
		return Fail(fmt.Sprintf(p.NotAnnounced, m.Number, p.Reason(m.Reason)))
	case receipts.Uncertain:
		return Fail(fmt.Sprintf(p.Uncertain, m.Number))
	}
	if done.FollowUp != nil {
		notes = Lines(p.Following(m.Number, *done.FollowUp, true), notes)
	}
	if done.Audience == nil {
		blind := p.Gap(receipts.Gap{Part: receipts.AudiencePart, Err: done.NoAudience})
		return Say(fmt.Sprintf(p.AnnouncedBlind, m.Number, blind), notes)
	}
	people := len(done.Audience.UserIDs)
	switch {
	case errors.Is(done.NoAudience, receipts.ErrBudgetSpent):
		known := fmt.Sprintf(p.AnnouncedKnown, m.Number, people, p.Clock(done.Audience.At))
		return Say(known, p.Problem(done.NoAudience), notes)
	case done.Audience.Source == receipts.Learned:
		return Say(fmt.Sprintf(p.AnnouncedLearned, m.Number, people), p.Lack(done.Audience.Lack), notes)
	}
	said := fmt.Sprintf(p.Announced, m.Number, people)
	if done.FollowUp == nil {
		said += p.Blank + p.sayWho(m)
	}
	return Say(said, notes)
}
