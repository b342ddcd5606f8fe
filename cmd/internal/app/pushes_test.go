package app

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"go.uber.org/zap"

	"whoread/bot"
)

// fakePushRecords notes what is kept of pushes, and fails if it is told to.
type fakePushRecords struct {
	kept []string
	err  error
}

func (r *fakePushRecords) SavePush(_ context.Context, kind string, at time.Time) error {
	r.kept = append(r.kept, kind+" "+at.Format("15:04:05"))
	return r.err
}

func TestAPushIsNotedOnceAMinute(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)
	records := &fakePushRecords{err: errors.New("away")}
	p := newPushNotes(records, func() time.Time { return now }, zap.NewNop())
	for _, push := range []struct {
		later time.Duration
		kind  string
	}{
		{0, bot.EventTypes()[0]}, {0, bot.EventTypes()[0]}, {time.Second, bot.PushedMessage}, {58 * time.Second, bot.EventTypes()[0]}, {time.Second, bot.EventTypes()[0]}, {0, "org_dept_create"},
	} {
		now = now.Add(push.later)
		p.note(t.Context(), push.kind)
	}
	if want := []string{"robot_msg_read 12:00:00", "message 12:00:01", "robot_msg_read 12:01:00"}; !slices.Equal(records.kept, want) {
		t.Errorf("%q; want %q", records.kept, want)
	}
}
