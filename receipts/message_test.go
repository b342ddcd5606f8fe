package receipts_test

import (
	"slices"
	"testing"

	"whoread/receipts"
)

var states = []receipts.State{
	receipts.Sending, receipts.Sent, receipts.Failed, receipts.Uncertain,
	receipts.Recalled, receipts.Disbanded, receipts.Expired,
}

// life is what may become of a message, as design.md tells it.
var life = map[receipts.State][]receipts.State{
	receipts.Sending:   {receipts.Sent, receipts.Failed, receipts.Uncertain},
	receipts.Uncertain: {receipts.Sent, receipts.Failed, receipts.Disbanded},
	receipts.Sent:      {receipts.Recalled, receipts.Disbanded, receipts.Expired},
	receipts.Expired:   {receipts.Recalled, receipts.Disbanded, receipts.Sent}, // DingTalk shows its readers after all
	receipts.Failed:    nil,
	receipts.Recalled:  nil,
	receipts.Disbanded: {receipts.Sent},
}

func TestStatesMoveAsTheLifeOfAMessageAllows(t *testing.T) {
	t.Parallel()
	for _, from := range states {
		for _, to := range states {
			want := slices.Contains(life[from], to)
			if got := slices.Contains(to.Before(), from); got != want {
				t.Errorf("%s may become %s: %v; want %v", from, to, got, want)
			}
		}
	}
}

func TestNobodyCanChangeTheLifeOfAMessage(t *testing.T) {
	t.Parallel()
	receipts.Sent.Before()[0] = receipts.Recalled
	if slices.Contains(receipts.Sent.Before(), receipts.Recalled) {
		t.Error("a caller made a recalled message sendable")
	}
}

func TestPostedIsWhatWasCertainlyInTheGroup(t *testing.T) {
	t.Parallel()
	posted := []receipts.State{receipts.Sent, receipts.Recalled, receipts.Disbanded, receipts.Expired}
	for _, state := range append(states, "", "no state") {
		if got, want := state.Posted(), slices.Contains(posted, state); got != want {
			t.Errorf("%q.Posted() = %v; want %v", state, got, want)
		}
	}
}
