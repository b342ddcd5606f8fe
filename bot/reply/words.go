package reply

import (
	"context"
	"errors"
	"time"

	"whoread/bot/command"
	"whoread/bot/command/when"
	"whoread/receipts"
)

// Words is everything that the bot says in one language. Every field is filled
// in for every language; a test holds it.
type Words struct {
	Language command.Language
	Help     string
	Private  string // in a one-to-one chat

	// Refusals.
	Outsider   string
	ForeignGrp string // %s conversation id
	AdminsOnly string
	AuthorOnly string
	NobodyMay  string

	// Not understood.
	Unknown     string
	UnknownNear string // %s the nearest command
	UnknownTwo  string // %s the two likeliest commands
	NotPersonal string // who speaks wants to be reminded of something
	Wordless    string
	Unnamed     string // of a command that would have an effect: DingTalk gave it no id
	Spent       string
	NoSuch      string // %d
	NothingYet  string
	// NothingCurrent is said where there were announcements, and all are over.
	NothingCurrent string
	QuoteNotOurs   string
	WhichRecall    string
	NoneSpokenOf   string // no message has that title, or is of that day
	WhichSpokenOf  string // %s numbers

	// Whether people have read it: %[1]s name, %[2]d number, %[3]s time.
	Person    map[receipts.Reading]string
	You       map[receipts.Reading]string // who asks
	ReadUntil string                      // the same of who read at some time before
	YouUntil  string
	NobodyIs  string // %s name
	// Everybody.
	AllHave string // %[1]d number, %[2]s title, %[3]d people
	NotAll  string // %[1]d number, %[2]d unread, %[3]d read, %[4]d of
	SoMany  string // the same, where the numbers are asked for

	// Announcing.
	WhatToAnnounce   string
	TitleIsCommand   string // %s title
	TooLong          string // %d bytes at most
	Announced        string // %d number, %d people
	AnnouncedBlind   string // %d number, %s why nobody knows who is in the group
	AnnouncedLearned string // %d number, %d people
	AnnouncedKnown   string // %d number, %d people, %s as of when
	NotAnnounced     string // %d number, %s why
	Uncertain        string // %d number, %s why
	Unrecorded       string // %d number
	NoPictures       string // %d
	NamedBelow       string // %s names
	NamedInside      string // their names stand in the text
	NamelessBelow    string // %d people

	// Reminding.
	LookAt         string // %d number, %s title: what mentioned people read
	Nudge          string // %s group, %d number, %s title: what people read in private
	NudgeBy        string // %s who asks, then the same
	TheGroup       string // %s title of the group
	SomeGroup      string // where the title is not known
	NobodyReminded string // %d number: it is not known who has not read
	NobodyToRemind string // %d number
	ReadMeanwhile  string // %d number
	// Halted is what became of the message while people were reminded: %d number.
	Halted          map[receipts.State]string
	HaltedAfter     string                      // %s one of these, %d people who were reminded before
	HaltedFirst     string                      // %s one of these, where nobody was
	RemindedEarlier string                      // %d number, %s who reminded, %s time, %s whom, %s when again
	RemindedThese   string                      // %d people, %s names
	FollowUpItself  string                      // who reminded, where nobody said so
	RemindedBy      map[receipts.Channel]string // %d people
	CantRemind      string                      // %d people, %s names
	Flooded         string                      // %d people, %s names
	RemindedMaybe   string                      // %d people, %s names
	NotReminded     string                      // %d people, %s names
	RemindedTimes   string                      // %d times: after a name
	WhomToRemind    string                      // somebody is mentioned, nobody knows who
	TheyHaveRead    string                      // %s names, %d number
	NotForThem      string                      // %s names, %d number
	StrangersLeft   string                      // %d who are mentioned

	// Following up.
	Following       string // %d number, %s plan, %d number
	NotFollowed     string // %d number, %s why
	NothingFollowed string
	WhichStop       string // %s numbers
	WasNotFollowed  string // %d
	StoppedIt       string // %d
	InPursuit       string // %d number, %s plan
	InPursuitShort  string // %s time of the next round
	RoundFailed     string // %d number, %s time of the next round
	EachTime        string // %s pause
	FirstThen       string // %s pauses, %s the last one
	OnlyAtEnd       string // %s time
	UntilAll        string
	UntilShare      string // %d percent
	AtLatest        string // %s time
	NextRound       string // %s time
	Clause          string // between the parts of a plan
	Days            string // %d
	Hours           string // %d
	Minutes         string // %d
	ShareReached    string // %d percent
	Ends            map[receipts.End]string
	// Questions about times; %s what was said, where there is one.
	Questions  map[when.Why]string
	TitleBelow string // how to announce what looks like a time

	// Recalling.
	Recalled    string // %d
	NotRecalled string // %d number, %s why
	MayBeGone   string // %d number, %s why
	// Unrecallable is why a message can't be recalled that is in that state.
	Unrecallable map[receipts.State]string

	// Files.
	NoChart     string // %d number, %s why
	NotExported string // %d number, %s why
	MayBePosted string // %d number
	Sheet       sheetWords

	Card  cardWords
	Usage usageWords
	// Notices about the budget: %d calls, %d of how many, %d percent.
	BudgetLow   string
	BudgetSpent string

	// Reports.
	ReadOf      string // %d read, %d of
	ReadOfLeast string // the same of an incomplete report
	ReadBy      string // %d people, where nobody knows out of how many
	Readers     string // %d people, %s names
	ReadBefore  string // %s time: read by then, nobody knows when
	UnreadNames string // %d people, %s names
	AllRead     string // %d people
	KnownRead   string // %d people: all who are known of a learned audience
	NobodyRead  string
	AndMore     string // %d people whose names are not shown
	Nameless    string // instead of names, where none is known
	Comma       string // between names
	Queried     string // %s time
	SecondsAgo  string // %d
	Known       string // %s time: from what is kept
	Joined      string // %d people
	Left        string // %d people
	Outsiders   string // %d people
	CountedAt   string // %s time
	Sources     map[receipts.Source]string
	LearnedNow  string                   // the audience is not learned, but who is there now
	InGroup     string                   // %s title of the group, over a report to one person
	Gaps        map[receipts.Part]string // %s why
	Untitled    string

	// What a message is, where it is not simply sent.
	States      map[receipts.State]string // a word or two
	StateExtra  map[receipts.State]string // a sentence: why there is nothing to ask
	ListTitle   string                    // %d messages
	NotAskedYet string                    // of a message whose readers are not known at all
	ListNothing string

	// Failures.
	StoreDown string
	Busy      string
	GaveUp    string
	// PerhapsAgain is a line under an answer that may have been given before.
	PerhapsAgain string
	SentYou      string // a report went to the person alone
	CantReach    string // it could not

	FollowCutShort string // %s when
	NotYet         string
	NoDataNow      string // though it should
	Limited        string // a person or a group asks too much
	TooLate        string // a command that has an effect, and was said too long ago
	Delivering     string
	Paging         string
	NoMemberList   string // %s conversation id
	Interrupted    string
	Problems       map[receipts.Reason]string
}

// usageWords are those about how the bot is doing in a group.
type usageWords struct {
	Version   string // %s
	Members   string // %s source as in words.Sources, %d people, %s time
	NoMembers string // %s why
	Refused   string // %s source, %s why, %s until when
	Pushed    string // %s time
	NotPushed string
	Calls     string // %s how many, as in OfBudget, %s of what, %s when the month is over
	OfBudget  string // %d calls, %d of how many, %d percent
	Of        string // %s calls of each API
	PerSecond string // %d
	Spent     string // %s when DingTalk last said so
	Connected string // %d connections up, %d of how many, %s since when
	Cut       string // %d connections, none of which is up
	Group     string // %s conversation id

	ClockAhead  string                // %s whose clock, %d minutes that this machine's is ahead of it
	ClockBehind string                // the same where it is behind
	Clocks      map[ClockOwner]string // whose

	APIs    map[string]string
	Sources map[receipts.Source]string // what is asked
}

// cardWords are those of a live card, and of what the presser of a button sees of it.
type cardWords struct {
	Read         string // %d read, %d of
	ReadLeast    string // the same of an incomplete report
	ReadBy       string // %d people, where nobody knows out of how many
	Confirmed    string // %d people
	YouConfirmed string
	Unread       string // %d people, %s names
	InPrivate    string // what takes longer, or is not for a card, follows in private
	JustAnswered string // in private, a moment ago
	NotYours     string // who may remind
	Over         string // there is nothing left to do
	Buttons      map[Button]string
}

// sheetWords are those of an exported workbook.
type sheetWords struct {
	Message, Sent, Progress, Completeness, Complete, AsOf, Source string
	Name, UserID, State, ReadAt, ReadBy, Reminders                string
	Read, Unread                                                  string
}

// For returns the words of a language.
func For(l command.Language) *Words {
	if l == command.English {
		return &english
	}
	return &chinese
}

// Problem is one sentence about why something failed and what to do.
func (w *Words) Problem(err error) string {
	switch {
	case errors.Is(err, receipts.ErrNotYet):
		return w.NotYet
	case errors.Is(err, receipts.ErrLimited):
		return w.Limited
	case errors.Is(err, receipts.ErrNoReadData):
		return w.NoDataNow
	case errors.Is(err, receipts.ErrDelivering):
		return w.Delivering
	case errors.Is(err, receipts.ErrPaging):
		return w.Paging
	case errors.Is(err, receipts.ErrBudgetSpent):
		return w.Problems[receipts.BudgetSpent]
	}
	if reason := receipts.ReasonOf(err); reason != "" {
		return w.Reason(reason)
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return w.Problems[receipts.Unavailable]
	}
	return w.Problems[receipts.Unknown]
}

// Reason is the sentence for the reason that is kept with a message.
func (w *Words) Reason(reason receipts.Reason) string {
	if reason == receipts.Interrupted {
		return w.Interrupted
	}
	if sentence, ok := w.Problems[reason]; ok {
		return sentence
	}
	return w.Problems[receipts.Unknown]
}

// Clock writes a time as short as it is clear now.
func Clock(t, now time.Time, zone *time.Location) string {
	t, now = t.In(zone), now.In(zone)
	switch {
	case t.Format(time.DateOnly) == now.Format(time.DateOnly):
		return t.Format("15:04")
	case t.Year() == now.Year():
		return t.Format("01-02 15:04")
	default:
		return t.Format("2006-01-02 15:04")
	}
}
