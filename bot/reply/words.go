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
	// HelpAdmins stands below Help for administrators.
	HelpAdmins    string
	Private       string // the help of a one-to-one chat
	PrivateThanks string // to who confirms or thanks there
	PrivateQuoted string // to who confirms there by a quotation
	ConfirmedFor  string // in the one-to-one chat; %s heading
	Unconfirmed   string // confirmations that could not be recorded

	// Refusals.
	Outsider   string
	ForeignGrp string
	AdminsOnly string
	AskAdmin   string // %s name: AdminsOnly where one is known
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
	NotMet    string // %s name: NobodyIs where not all members are known
	// Everybody.
	AllHave string  // %[1]d number, %[2]s title, %[3]d people
	NotAll  counted // %[1]d number, %[2]d unread, %[3]d read, %[4]d of
	SoMany  counted // the same, where the numbers are asked for

	// Announcing.
	WhatToAnnounce   string
	TitleIsCommand   string // %s title
	TooLong          string // %d bytes at most
	Announced        string // %d number, %d people
	SayUnread        string // behind it
	AnnouncedBlind   string // %d number, %s why nobody knows who is in the group
	AnnouncedLearned string // %d number, %d people
	AnnouncedKnown   string // %d number, %d people, %s as of when
	NotAnnounced     string // %d number, %s why
	Uncertain        string // %d number
	Unrecorded       string // %d number
	NoPictures       string // %d
	NamedBelow       string // %s names
	NamedInside      string // their names stand in the text
	NamelessBelow    string // %d people

	// Reminding.
	ReadByDay      string // %[1]s date, %[2]s day of the week, %[3]s time: at the end of an announcement
	SoFar          string // %s progress: after LookAt
	SoFarUntil     string // the same, %s deadline
	ItemSoFar      string // the same of one of several
	ItemSoFarUntil string
	LookAtAll      string  // %d messages, %s which: of several
	SeveralUnread  string  // %d messages: what a phone shows of their reports
	Due            string  // %s deadline: after LookAt and in Nudge
	ItemDue        string  // the same of one of several
	NudgeAll       string  // %s group, %d messages, %s which, %s where to read them: in private
	LookAt         string  // %d number, %s title: what mentioned people read
	Nudge          string  // %s group, %d number, %s title, %s deadline or nothing: what people read in private
	NudgeBy        string  // %s who asks, then the same
	TheGroup       string  // %s title of the group
	SomeGroup      string  // where the title is not known
	OpenIn         counted // %s title of the group: where to read a message, or several
	OpenThere      counted // the same where it is not known
	NobodyWas      string  // reminded, of a message that is over
	NobodyReminded string  // %d number: it is not known who has not read
	NobodyToRemind string  // %d number
	OnlyYou        string  // %d number
	ReallyRemind   string  // %d number, %d people: asks
	ReadMeanwhile  string  // %d number
	// Halted is what became of the message while people were reminded: %d number.
	Halted          map[receipts.State]string
	HaltedAfter     string                      // %s one of these, %d people who were reminded before
	HaltedFirst     string                      // %s one of these, where nobody was
	RemindedEarlier counted                     // %d number, %s who reminded, %s time, %d people, %s names, %s when again
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
	FollowingIt     string // %s plan, %d number: below what names the message
	NotFollowed     string // %d number, %s why
	NothingFollowed string
	WhichStop       string // %s numbers
	WasNotFollowed  string // %d
	StoppedIt       string // %d
	InPursuit       string // %d number, %s plan
	PursuedUntil    string // %s time
	ListDue         string // %s deadline
	PursuedNext     string // %s time of the next round
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
	// HelpOn says how a command is given that has an effect, to who asks about it.
	HelpOn map[command.Verb]string

	Later   laterWords
	Confirm confirmWords

	// Questions about times; %s what was said, where there is one.
	Questions  map[when.Why]string
	TitleBelow string // how to announce what looks like a time

	// Recalling.
	ReallyRecall string // %s heading: asks
	Recalled     string // %d
	NotRecalled  string // %d number, %s why
	MayBeGone    string // %d number, %s why
	// Unrecallable is why a message can't be recalled that is in that state.
	Unrecallable map[receipts.State]string

	// Files.
	NoChart     string // %d number, %s why
	MayBePosted string // %d number
	Exported    string // %d number: the workbook is in private
	NotExported string // %d number, %s why
	MayBeSent   string // %d number: the workbook may be in private
	Chart       ChartWords
	Sheet       sheetWords

	Card  cardWords
	Usage usageWords
	// Notices about the budget: %d calls, %d of how many, %d percent.
	BudgetLow   string
	BudgetSpent string

	// Reports. The first line of an answer is one of these, with the heading: see Face.
	HaveNotRead counted // %d people, %s heading
	HaveRead    counted // %d people, %s heading: where nobody knows out of how many
	AllRead     counted // %d people, %s heading
	KnownRead   string  // %d people, %s heading: all who are known of a learned audience
	RatioRead   string  // %d read, %d of, %s heading
	AtLeastRead string  // the same of an incomplete report
	IsInState   string  // %s heading, %s state

	Named       string // %d number, %s title: the heading
	ReadOf      string // %d read, %d of
	ReadOfLeast string // the same of an incomplete report
	ReadBy      string // %d people, where nobody knows out of how many
	RatioLine   string // %d read, %d of
	SayRemind   string // the next step
	Blank       string // between two sentences
	Readers     string // %d people, %s names
	ReadBetween string // %s first time, %s last time
	UnreadNames string // %d people, %s names
	AndMore     string // %[1]d people whose names are not shown, %[2]d of all
	// AndMoreExported is the same where an export shows them all.
	AndMoreExported string
	Nameless        string // instead of names, where none is known
	Comma           string // between names
	Known           string // %s time: from what is kept
	Joined          string // %d people
	Left            string // %d people
	Outsiders       counted
	CountedAt       string // %s time
	Sources         map[receipts.Source]string
	InGroup         string                   // %s title of the group, over a report to one person
	Gaps            map[receipts.Part]string // %s why
	Untitled        string
	Dates           dates

	// What a message is, where it is not simply sent.
	States      map[receipts.State]string // a word or two
	KnownBefore string                    // %s progress of a message that is over
	StateExtra  map[receipts.State]string // a sentence: why there is nothing to ask
	ListTitle   string                    // %d messages
	ForPeople   string                    // %d people: of a message whose readers were never asked for
	NotAskedYet string                    // of a message whose readers are not known at all
	ListNothing string

	// Failures.
	StoreDown string
	Busy      string
	GaveUp    string
	// PerhapsAgain is a line under an answer that may have been given before.
	PerhapsAgain string
	SentYou      string // a report went to the person alone
	CantReach    string // %s why: it could not
	Unreached    string // DingTalk did not deliver what was for somebody alone
	Overwhelmed  string // the same, as they got too many messages lately

	FollowCutShort string // %s when
	FollowCutFirst string // not even until the first reminder
	RecordEnds     string // %s when
	NotYet         string
	NoDataNow      string // though it should
	Limited        string // a person or a group asks too much
	LimitedQuote   string // so that what is quoted is not looked up
	TooLateMaybe   string // the same of one that another process may have carried out
	TooLate        string // a command that has an effect, and was said too long ago
	Delivering     string
	Paging         string
	NoMemberList   string
	Interrupted    string
	Problems       map[receipts.Reason]string
	// Remedies are what an administrator can do about a problem, and hears below it.
	Remedies     map[receipts.Reason]string
	RosterRemedy string // the same where nobody tells who is in a group: %s conversation id
	AskUsage     string // that an administrator can hear more
}

// usageWords are those about how the bot is doing in a group.
type usageWords struct {
	Lead      string // %s calls, %s members, %s connections: the answer in a line
	Version   string // %s
	Members   string // %s source as in words.Sources, %d people
	Met       string // %d people of a group whose members are learned
	Counted   string // %s time
	NoMembers string
	Refused   string // %s source, %s why, %s until when
	Pushed    string // %s time
	NotPushed string
	Calls     string // %s calls of each API, %s when the month is over
	OfBudget  string // %d calls, %d of how many, %d percent
	PerSecond string // %d
	Spent     string // %s when DingTalk last said so
	Connected string
	Partly    string // %d connections up, %d of how many
	Cut       string // %d connections, none of which is up
	Since     string // %s
	Group     string // %s conversation id

	ClockAhead  string                // %s whose clock, %d minutes that this machine's is ahead of it
	ClockBehind string                // the same where it is behind
	Clocks      map[ClockOwner]string // whose

	APIs map[string]string
}

// cardWords are those of a live card, and of what the presser of a button sees of it.
type cardWords struct {
	Read         string // %d read, %d of
	ReadLeast    string // the same of an incomplete report
	ReadBy       string // %d people, where nobody knows out of how many
	Confirmed    string // %d people
	YouConfirmed string
	Unread       string // %d people, %s names
	AllRead      string // %d people
	InPrivate    string // what takes longer, or is not for a card, follows in private
	JustAnswered string // in private, a moment ago
	NotYours     string // who may remind
	Over         string // there is nothing left to do
	Buttons      map[Button]string
}

// ChartWords are those of a chart's legend: for the line of who has read, and for that of who
// may have.
type ChartWords struct{ Read, Possible string }

// confirmWords are about announcements that ask to be confirmed.
type confirmWords struct {
	Ask        string  // at the end of an announcement
	Progress   string  // %d confirmed, %s how many have read
	Line       string  // the same, as a sentence
	InList     string  // %d confirmed
	HaveNot    counted // %d people, %s heading
	All        counted // %d people, %s heading
	Known      string  // %d people, %s heading
	Names      string  // %d people, %s names: who confirmed
	OnlyRead   string  // %d people, %s names: who has read and not confirmed
	NotYet     string  // %d people, %s names: who has not confirmed, where it is not known who has read
	SayRemind  string  // the next step
	NotAsked   string  // %d number
	Person     string  // %s name, %d number, %s when
	You        string  // the same, of who asks
	ReadOnly   string  // %s name, %d number, %s when they read it
	YouRead    string  // the same, of who asks
	Please     string  // what those who are reminded are to do
	Nudge      string  // %s where, %d number, %s title, %s deadline or nothing: in private
	NudgeBy    string  // %s who asks, then the same
	Open       string  // how to confirm it
	LookAtAll  string  // %d messages, %s headings
	NudgeAll   string  // %s where, %d messages, %s headings, %s how to confirm them
	OpenAll    string
	Several    string // %d messages
	SayWho     string // how to ask who has not confirmed
	Nobody     string // %d number: all have confirmed, and nobody is reminded
	Unknown    string // %d number: nobody is reminded, as it is not known who has not
	Meanwhile  string // %d number: those to remind have just confirmed
	They       string // %s names, %d number: they have confirmed
	Remind     string // %s pause: how often they are reminded
	FirstThen  string // %s pauses, %s last pause: the same
	Until      string // until when
	UntilShare string // %d percent
	AtEnd      string // %s when: only a report
	Column     string // of a table: when it was confirmed
	State      string // of a person in a table
}

// laterWords are about announcements that wait for their time.
type laterWords struct {
	Once      string // %d number, %s when
	Series    string // %s days and time, %s when first, %d number
	Due       string // %s deadline
	WillBe    string // %s when
	InList    string // %s when
	Recurring string // %s days, %s time of day
	EveryDay  string
	Workdays  string
	Weekly    string    // %s days
	Weekdays  [7]string // from Sunday on
	And       string

	CalledOff   string                    // %d number
	NextOne     string                    // %s when, %d number
	NotWaiting  map[receipts.State]string // %d number
	Nothing     string
	Which       string // %s numbers
	SeriesEnded string // %d number
	ManySeries  string // %d how many
	BeingSent   string
	Waits       string // %d number

	// Questions take the places of those about deadlines.
	Questions map[when.Why]string

	To      string // %s author, %s the rest
	Late    string // %s heading, %s when, %d number
	NotSent string // %s heading, %s why
	Perhaps string // %s heading, %s why
}

// sheetWords are those of an exported workbook.
type sheetWords struct {
	Message, Group, Sent, Due, Progress, Missing, AsOf, Source string
	Name, UserID, State, ReadAt, ReadBy, Reminders             string
	Read, Unread                                               string
}

// For returns the words of a language.
func For(l command.Language) *Words {
	if l == command.English {
		return &english
	}
	return &chinese
}

// Problem is one sentence about why something failed and what to do. Who configures the
// bot hears below it what can be done about it.
func (p Page) Problem(err error) string {
	sentence := p.Words.Problem(err)
	if reason := receipts.ReasonOf(err); p.Configures && sentence == p.Problems[reason] {
		return p.told(sentence, p.Remedies[reason])
	}
	return sentence
}

// Reason is the sentence for the reason that is kept with a message, and for who
// configures the bot what can be done about it.
func (p Page) Reason(reason receipts.Reason) string {
	if p.Configures {
		return p.told(p.Words.Reason(reason), p.Remedies[reason])
	}
	return p.Words.Reason(reason)
}

// told are two sentences, of which the second may be empty.
func (p Page) told(sentence, more string) string {
	if more == "" {
		return sentence
	}
	return sentence + p.Blank + more
}

// Undelivered says why what was for one person alone did not reach them, and what to do: there
// was an error, or DingTalk left them out.
func (w *Words) Undelivered(m receipts.Missed, err error) string {
	switch {
	case len(m.Flooded) > 0:
		return w.Overwhelmed
	case len(m.Unknown) > 0 || receipts.ReasonOf(err) == receipts.SendForbidden:
		return w.Unreached
	}
	return w.Problem(err)
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

// counted is a sentence about a number of people, which may be different of one. Both
// formats take the same arguments.
type counted struct{ One, More string }

// same is a sentence that is the same of one and of many.
func same(sentence string) counted { return counted{sentence, sentence} }

func (c counted) of(n int) string {
	if n == 1 {
		return c.One
	}
	return c.More
}

// dates are the layouts of times as people write them.
type dates struct {
	Today, Tomorrow, Yesterday string
	Year, Other                string // of a day of this year, and of another one
	Day, OtherDay              string // the same without the time of day
}

// Clock writes a time as people say it.
func (p Page) Clock(t time.Time) string {
	t, now := t.In(p.Zone), p.Now.In(p.Zone)
	day := func(days int) bool { return t.Format(time.DateOnly) == now.AddDate(0, 0, days).Format(time.DateOnly) }
	switch d := p.Dates; {
	case p.ByItself && t.Year() == now.Year():
		return t.Format(d.Year)
	case p.ByItself:
		return t.Format(d.Other)
	case day(0):
		return t.Format(d.Today)
	case day(1):
		return t.Format(d.Tomorrow)
	case day(-1):
		return t.Format(d.Yesterday)
	case t.Year() == now.Year():
		return t.Format(d.Year)
	default:
		return t.Format(d.Other)
	}
}

// hour writes a time of this day without the day, and another one with its date.
func (p Page) hour(t time.Time) string {
	t = t.In(p.Zone)
	if t.Format(time.DateOnly) == p.Now.In(p.Zone).Format(time.DateOnly) {
		return t.Format("15:04")
	}
	p.ByItself = true
	return p.Clock(t)
}
