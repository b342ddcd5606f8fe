package receipts_test

import (
	"testing"
	"time"

	"whoread/receipts"
)

// A sweep that hears that the message is over is made once more, just late enough to be the second
// answer, also by the clock of another process; in an outage it is made again sooner.
func TestASweepThatHearsTheEndIsMadeOnceMore(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		why    error
		sweeps int
		pause  time.Duration
		want   receipts.State
	}{
		"no data":   {receipts.ErrNoReadData, 2, 16 * time.Minute, receipts.Expired},
		"disbanded": {receipts.ErrGroupGone, 2, 16 * time.Minute, receipts.Disbanded},
		"an outage": {&receipts.Failure{Reason: receipts.Unavailable}, 3, 10 * time.Minute, receipts.Sent},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			service, schedule := w.service(t, func(s *receipts.Settings) { s.Sweeps = []time.Duration{time.Hour} })
			announced(t, service, "msg1", "停机")
			w.readers.say(refusing(c.why))
			for range c.sweeps {
				if len(schedule.wait) != 1 {
					t.Fatalf("scheduled: %+v", schedule.wait)
				}
				job := schedule.wait[0]
				schedule.wait = nil
				w.clock.advance(job.At.Sub(w.clock.now()))
				if err := service.Run(t.Context(), job); err != nil {
					t.Fatal(err)
				}
				if len(schedule.wait) > 0 && schedule.wait[0].At.Sub(w.clock.now()) != c.pause {
					t.Errorf("again after %v", schedule.wait[0].At.Sub(w.clock.now()))
				}
			}
			if state := w.kept(t).Message.State; state != c.want || (len(schedule.wait) > 0) != (c.want == receipts.Sent) {
				t.Errorf("%s, and %d sweeps wait", state, len(schedule.wait))
			}
		})
	}
}
