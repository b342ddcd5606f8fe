package receipts_test

import (
	"testing"
	"time"

	"whoread/receipts"
)

// The deadline of an announcement is as it says, or else as the settings do, from when it is
// posted; its record has it, and its post is made of it.
func TestTheDeadlineOfAnAnnouncement(t *testing.T) {
	t.Parallel()
	said := morning.Add(30 * time.Hour)
	within := map[string]receipts.FollowUpSettings{group: {Within: 4 * time.Hour}}
	for name, test := range map[string]struct {
		settings map[string]receipts.FollowUpSettings
		said     time.Time
		after    time.Duration // from which it is posted; 0 for at once
		want     time.Time
	}{
		"none":                         {nil, time.Time{}, 0, time.Time{}},
		"its own":                      {nil, said, 0, said},
		"of the settings":              {within, time.Time{}, 0, morning.Add(4 * time.Hour)},
		"its own beside settings":      {within, said, 0, said},
		"later, none":                  {nil, time.Time{}, time.Hour, time.Time{}},
		"later, its own":               {nil, said, time.Hour, said},
		"later, of the settings":       {within, time.Time{}, time.Hour, morning.Add(5*time.Hour + time.Minute)},
		"later, its own, and settings": {within, said, time.Hour, said},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			s, schedule := w.service(t, func(s *receipts.Settings) { s.Reminders.FollowUps = test.settings })
			a := saying("msg1", "停机")
			a.Deadline = test.said
			if test.after > 0 {
				a.At = morning.Add(test.after)
				if m := planned(t, s, a); !m.Deadline.Equal(test.said) {
					t.Errorf("while it waits: %v, want %v", m.Deadline, test.said)
				}
				w.clock.advance(test.after + time.Minute) // it is a little late
				w.due(t, s, schedule)
			} else if _, err := s.Announce(t.Context(), boss, a); err != nil {
				t.Fatal(err)
			}
			if m := w.kept(t).Message; m.State != receipts.Sent || !m.Deadline.Equal(test.want) {
				t.Errorf("%s, deadline %v, want %v", m.State, m.Deadline, test.want)
			}
			f, err := w.records.FollowUp(t.Context(), group, 1)
			if err != nil || (f == nil) != test.want.IsZero() || f != nil && !f.Until.Equal(test.want) {
				t.Errorf("followed up: %+v, %v", f, err)
			}
		})
	}
}

// A repetition goes by what was posted, although the settings are others by now.
func TestTheDeadlineOfARepetition(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, within := range []time.Duration{4 * time.Hour, 2 * time.Hour} {
		s, _ := w.service(t, func(s *receipts.Settings) {
			s.Reminders.FollowUps = map[string]receipts.FollowUpSettings{"*": {Within: within}}
		})
		done, err := s.Announce(t.Context(), boss, saying("msg1", "停机"))
		if want := morning.Add(4 * time.Hour); err != nil || !done.Message.Deadline.Equal(want) || !done.FollowUp.Until.Equal(want) {
			t.Errorf("%+v, %v; want the deadline at %v", done.Message, err, want)
		}
	}
}

// What the group was told holds, also where the follow-up has to end before.
func TestTheDeadlineOfAReport(t *testing.T) {
	t.Parallel()
	early, late := morning.Add(time.Hour), morning.Add(2*time.Hour)
	for _, test := range []struct {
		message  time.Time
		followUp *receipts.FollowUp
		want     time.Time
	}{
		{time.Time{}, nil, time.Time{}},
		{late, nil, late},
		{late, &receipts.FollowUp{Plan: receipts.Plan{Until: early, Cut: true}}, late},
		{late, &receipts.FollowUp{Plan: receipts.Plan{Until: early}}, late},
		{time.Time{}, &receipts.FollowUp{Plan: receipts.Plan{Until: early}}, early},
		{time.Time{}, &receipts.FollowUp{Plan: receipts.Plan{Until: early, Cut: true}}, time.Time{}},
		{time.Time{}, &receipts.FollowUp{}, time.Time{}},
	} {
		r := receipts.Report{Message: receipts.Message{Deadline: test.message}, FollowUp: test.followUp}
		if got := r.Deadline(); !got.Equal(test.want) {
			t.Errorf("%v, %+v: %v, want %v", test.message, test.followUp, got, test.want)
		}
	}
}
