package bot

import (
	"slices"
	"time"

	"whoread/bot/command"
	"whoread/bot/reply"
	"whoread/receipts"
)

// Observer is told what happens, for metrics, by any goroutine; it must not block. What
// it is told is one of a few fixed words, never what somebody said or DingTalk sent.
type Observer interface {
	// Command is told of each attempt at a command that ended. Verb is a verb's label. Took is
	// the time from the arrival of the frame to the answer; 0 where there is no such frame, or
	// no answer.
	Command(verb string, outcome Outcome, took time.Duration)
	// Job is told of each attempt at a job that comes by itself, by its kind.
	Job(kind string, outcome Outcome)
	// Push is told of each push of DingTalk's. Kind is "message" for what somebody said, the
	// type of an event that the bot follows, or else "other".
	Push(kind string, outcome Outcome)
}

// Outcome is what came of a command or of a push. Its values are labels of metrics.
type Outcome = reply.Outcome

// The outcomes of a command; that of a confirmation for which nobody asked is Ignored. The first
// four and that end it.
const (
	Done                  = reply.Done
	Refused               = reply.Refused
	Failed                = reply.Failed
	GivenUp       Outcome = "given_up"       // the last attempt failed
	AttemptFailed Outcome = "attempt_failed" // Redis did not answer, or the answer could not be given; another attempt may follow
)

// The outcomes of a push; it can be Refused too: the sender is told that nothing was
// done, and an event is pushed again.
const (
	Taken    Outcome = "taken"
	Repeated Outcome = "repeated" // it was taken before
	Early    Outcome = "early"    // it is about a message that is not recorded yet, and is pushed again
	Ignored  Outcome = "ignored"  // it is for another bot, of no group that this one works in, or of no kind that it follows
	Dropped  Outcome = "dropped"  // it can't be understood
)

// otherLabel stands for all events that the bot does not follow.
const otherLabel = "other"

// eventLabel bounds what DingTalk may call an event.
func eventLabel(kind string) string {
	if slices.Contains(EventTypes(), kind) {
		return kind
	}
	return otherLabel
}

// CommandLabels are what an Observer is told as verbs.
func CommandLabels() []string {
	var labels []string
	for _, v := range command.Verbs() {
		labels = append(labels, v.Label())
	}
	return labels
}

// JobLabels are what an Observer is told as kinds of jobs.
func JobLabels() []string {
	return []string{receipts.SweepJob, receipts.FollowUpJob, receipts.AnnounceJob}
}

// PushLabels are what an Observer is told as kinds.
func PushLabels() []string { return append(EventTypes(), PushedMessage, otherLabel) }

// noObserver is nobody.
type noObserver struct{}

func (noObserver) Command(string, Outcome, time.Duration) {}
func (noObserver) Job(string, Outcome)                    {}
func (noObserver) Push(string, Outcome)                   {}

// outcomeOf is what came of a job that nobody waits for.
func outcomeOf(err error) Outcome {
	if err != nil {
		return AttemptFailed
	}
	return Done
}
