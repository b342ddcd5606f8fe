package receipts

import (
	"cmp"
	"time"
)

// FollowUpSettings are how every announcement of a group is followed up.
type FollowUpSettings struct {
	// Every holds the pauses before the rounds, and By their channels; the last of
	// each is repeated.
	Every []time.Duration
	By    []Channel
	Share int // the percentage of readers that is enough, from 1 to 100; 0 for all
	// The deadline is so long after the announcement, or the next time that clocks
	// show Clock; neither for none.
	Within time.Duration
	Clock  *ClockTime
	Tell   []string // userIds of whom to tell at the deadline
	// Confirm asks the readers of every announcement to confirm it.
	Confirm bool
}

// deadline is that of an announcement at the time; zero if there is none.
func (f FollowUpSettings) deadline(at time.Time, zone *time.Location) time.Time {
	switch {
	case f.Within > 0:
		return at.Add(f.Within)
	case f.Clock == nil:
		return time.Time{}
	}
	local := at.In(zone)
	for day := 0; ; day++ {
		end := time.Date(local.Year(), local.Month(), local.Day()+day, 0, int(*f.Clock), 0, 0, zone)
		if end.After(at) {
			return end
		}
	}
}

// recordEnds is how long before the end of its record the follow-up of a message ends.
const recordEnds = time.Hour

// RecordEndsError means that what is known of a message is not kept for long enough to follow it
// up.
type RecordEndsError struct{ At time.Time }

func (e *RecordEndsError) Error() string {
	return "the record of the message ends " + e.At.Format(time.RFC3339)
}

// cut has a plan that begins now end before the record of its message does, or returns a
// *RecordEndsError. Of an adopted message nobody knows when that is: it was adopted later than
// sent.
func (s Settings) cut(p Plan, m Message, now time.Time) (Plan, error) {
	last := p.Until
	if last.IsZero() {
		last = now.Add(FollowMax)
	}
	kept := m.CreatedAt.Add(s.KeepFor)
	end := kept.Add(-recordEnds)
	if s.KeepFor == 0 || m.Adopted || !last.After(end) {
		return p, nil
	}
	if !end.After(now) {
		return p, &RecordEndsError{At: kept}
	}
	p.Until, p.Cut = end, true
	return p, nil
}

// followUpOf are the settings by which the announcements of a group are followed up; zero if there
// are none.
func (s Settings) followUpOf(group string) FollowUpSettings {
	if own, ok := s.Reminders.FollowUps[group]; ok {
		return own
	}
	return s.Reminders.FollowUps["*"]
}

// deadline is that of an announcement which is sent at that time: as it says, and else as the
// group's settings do; zero if there is none.
func (s Settings) deadline(a Announcement, at time.Time) time.Time {
	if !a.Deadline.IsZero() {
		return a.Deadline
	}
	settings := s.followUpOf(a.Group)
	return settings.deadline(at, s.Zone)
}

// planOf is how an announcement is followed up whose message is recorded: as it says, and else
// as the group's settings do; nil if not at all.
func (s Settings) planOf(a Announcement, m Message) *Plan {
	settings := s.followUpOf(a.Group)
	if len(settings.Every) == 0 && m.Deadline.IsZero() && a.Every == 0 {
		return nil
	}
	plan := Plan{
		Every: settings.Every, By: settings.By, Share: cmp.Or(settings.Share, 100),
		Until: m.Deadline, Tell: settings.Tell, Confirm: m.Confirm,
	}
	if len(plan.By) == 0 {
		plan.By = []Channel{s.Reminders.By}
	}
	if a.Every > 0 {
		plan.Every = []time.Duration{a.Every}
	}
	return &plan
}
