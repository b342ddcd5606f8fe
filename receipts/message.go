package receipts

import (
	"errors"
	"slices"
	"time"
)

// State is where a message is in its life. The values are stored.
type State string

// The life of a message: scheduled, if it is for later, and perhaps called off; sending, then
// one of sent, failed and uncertain. An
// uncertain message becomes sent when a quotation shows its processQueryKey and
// its text.
// What was sent may later be recalled, be gone with its group, or expire.
const (
	// Scheduled waits for its time, or for a yes after it.
	Scheduled State = "scheduled"
	// CalledOff was scheduled, and will not be sent.
	CalledOff State = "cancelled"
	// Sending is written before DingTalk is asked to send. A message found in
	// this state by another try of the same command was interrupted between the
	// two: nobody knows whether it was delivered.
	Sending State = "sending"
	// Sent has a processQueryKey.
	Sent State = "sent"
	// Failed was refused by DingTalk: it is certainly not in the group.
	Failed State = "failed"
	// Uncertain may or may not have been delivered. It is never sent again.
	Uncertain State = "uncertain"
	// Recalled was taken back.
	Recalled State = "recalled"
	// Disbanded is gone with its group.
	Disbanded State = "disbanded"
	// Expired is no longer answered for by DingTalk; what is known is kept.
	Expired State = "expired"
)

// before lists the states that may turn into a state. It is the whole life of a
// message in one place; the store enforces it.
var before = map[State][]State{
	// Out of uncertain: a quotation, or the answer of a send that was given up on. Out of
	// expired and disbanded: DingTalk shows its readers after all.
	Sent:      {Sending, Uncertain, Expired, Disbanded},
	Scheduled: {Sending}, // it certainly was not sent, and is tried again
	CalledOff: {Scheduled},
	Failed:    {Sending, Uncertain},
	Uncertain: {Sending},
	Recalled:  {Sent, Expired},
	Disbanded: {Sent, Uncertain, Expired},
	Expired:   {Sent},
}

// Before returns the states that may turn into s.
func (s State) Before() []State { return slices.Clone(before[s]) }

// Current returns the states of messages that may still be asked for or turn out to be
// in the group.
func Current() []State { return []State{Sending, Sent, Uncertain} }

// Posted reports whether the message is known to have been in the group.
func (s State) Posted() bool {
	return s == Sent || s == Recalled || s == Disbanded || s == Expired
}

// Person is a member of the organisation. Name may be empty where only the
// userId is known.
type Person struct {
	UserID string
	Name   string
}

// Message is one announcement of the bot in one group, and what became of it.
type Message struct {
	Group  string // openConversationId
	Number int    // counted from 1 in each group: #n
	Title  string
	// Beginning is how its post begins, as Beginning gives it; empty for an adopted
	// message.
	Beginning string
	Excerpt   string // of its text, as Excerpt gives it
	Author    Person // who announced; empty for an adopted message
	// Deadline is until when people are to have read it, as the announcement or the settings
	// say; zero for none. Of what is scheduled it is as the announcement says.
	Deadline time.Time
	Key      string // processQueryKey; empty unless State.Posted
	State    State
	Reason   Reason // why it failed or is uncertain

	CreatedAt time.Time // when the record was written, just before the send; of what is scheduled, when that was asked for
	SentAt    time.Time // when DingTalk was asked to post it; of an adopted message, as the quotation said

	// Due is when it is or was to be sent; zero if at once. Series is the command that asked
	// for it and for the others of its series, and Again the days on which those are; empty if
	// there is no other.
	Due    time.Time
	Series string
	Again  Weekdays

	// Confirm tells that its readers are asked to confirm it.
	Confirm bool

	// Adopted tells that the bot sent the message without a record and that
	// somebody's quotation brought it in.
	Adopted bool
}

// PostedWithin is longer than an announcement takes from its record to its posting.
const PostedWithin = time.Minute

// posted is when the message came into the group: no later than it did, where that is
// known from a quotation only.
func (m Message) posted() time.Time {
	if m.SentAt.Sub(m.CreatedAt).Abs() > PostedWithin {
		return m.CreatedAt
	}
	return m.SentAt
}

// Draft is an announcement about to be recorded.
type Draft struct {
	Group   string
	Command string // the msgId of the command: the same command gets the same message
	Title   string
	// Beginning is how its post begins.
	Beginning string
	Excerpt   string
	Author    Person
	At        time.Time
	Deadline  time.Time
	// Audience is who is in the group; nil if nobody could tell.
	Audience *Members

	// Due is when it is to be sent, and then Content is what; zero and empty if at once.
	Due     time.Time
	Content string
	Series  string // see Message
	Again   Weekdays
	Confirm bool
}

// SendingStart is how the sending of a message begins that was scheduled.
type SendingStart struct {
	At       time.Time
	Deadline time.Time
	Audience *Members // who is in the group; nil if nobody could tell
}

// Change is a step in the life of a message.
type Change struct {
	To     State
	Key    string    // with Sent
	SentAt time.Time // with Sent
	Reason Reason    // with Failed and Uncertain
}

var (
	// ErrNoMessage means that the group has no such message.
	ErrNoMessage = errors.New("no such message in this group")
	// ErrNotMessage means that what was quoted is none of the messages, nor known to be
	// about one.
	ErrNotMessage = errors.New("that is no message")
	// ErrWrongState means that a message can't take the wanted step, because of
	// the state it is in.
	ErrWrongState = errors.New("message is in another state")
)
