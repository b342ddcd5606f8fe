// Package when understands the times and intervals that people type, in Chinese and
// in English: when to post, deadlines, and how often to remind. What can't be understood,
// or could mean two things, is a question and never a guess.
//
// when.go is what others use, and later.go when to post; words.go holds the vocabulary;
// moment.go turns words into a point in time; reader.go reads words.
package when

import (
	"errors"
	"fmt"
	"time"

	"whoread/receipts"
)

// Why tells what there is to ask about words that tell a time or an interval.
type Why string

// The reasons to ask instead of to guess.
const (
	NotUnderstood  Why = "not understood"
	NoTimeOfDay    Why = "a day without a time of day"
	NoInterval     Why = "how often was not said"
	TwoHours       Why = "in the morning or in the evening"
	TwoDays        Why = "it could be two days"
	TwoMidnights   Why = "the midnight before the day or after it"
	Unseparated    Why = "it could be part of the title"
	OverToday      Why = "the time is over today"
	Over           Why = "the day is over"
	NoSuchTime     Why = "clocks skip this time on that day"
	TwoTimes       Why = "clocks show this time twice on that day"
	TooFar         Why = "the deadline is too far away"
	TooFarToPost   Why = "the time to post is too far away"
	BeforePosting  Why = "the deadline is before the time to post"
	ConfirmOrTitle Why = "it could ask to confirm, or be the title"
	TooShort       Why = "the interval is too short"
	TooLong        Why = "the interval is too long"
	NoPercent      Why = "no percentage from 1 to 100"
)

// Unclear is the error of words that can't be acted upon without a question.
type Unclear struct {
	Why  Why
	Said string // the words, as they were typed; empty if there are none
	// Posting reports that they tell when to post.
	Posting bool
}

func (u *Unclear) Error() string {
	if u.Said == "" {
		return string(u.Why)
	}
	return fmt.Sprintf("%q: %s", u.Said, u.Why)
}

// Times understands the times and intervals that people type, in Chinese and in
// English. Case, width and space do not matter. What can't be understood, and what
// could mean two things, is an *Unclear and never a guess.
type Times struct {
	Now time.Time // on the clock of those who speak

	// MinEvery and MaxEvery are the shortest and the longest interval, MaxAhead is
	// the time from the posting to the last moment that can be a deadline, and MaxLater
	// from Now to the last one at which something can be posted.
	MinEvery, MaxEvery, MaxAhead, MaxLater time.Duration
}

// Opening are what an announcement is given on its first line. What was not said is zero.
type Opening struct {
	At       time.Time         // when to post it
	Again    receipts.Weekdays // on which days it is posted again and again, at the same time
	Deadline time.Time
	Every    time.Duration
	Confirm  bool   // whether readers are asked to confirm it
	Title    string // the rest of the line, as it was typed
}

// FollowUp are how to follow a message. What was not said is zero, but Every.
type FollowUp struct {
	Number       int // of #n
	Every        time.Duration
	UntilPercent int // 1 to 100
	Until        time.Time
}

// Every reads an interval: "every 30m", "2 hours", 每半小时, 1个半小时.
func (t Times) Every(phrase string) (time.Duration, error) {
	r := scan(phrase)
	every, found, err := t.every(r)
	if !found || !r.done() {
		return 0, r.unclear(NotUnderstood, 0, len(r.runes))
	}
	return every, err
}

// Deadline reads a moment after Now: "friday 18:00", 明天下午6点前. A day of the
// week is the coming one, and a date without its year the nearest one.
func (t Times) Deadline(phrase string) (time.Time, error) {
	r := scan(phrase)
	start := r.blanks()
	r.word("by")
	m := readMoment(r, t.Now)
	end := r.pos
	r.blanks()
	r.word(before...)
	if !m.said || !r.done() {
		return time.Time{}, r.unclear(NotUnderstood, 0, len(r.runes))
	}
	return t.deadline(r, m, start, end)
}

// Announce reads what the first line of an announcement begins with: the deadline, the interval, the
// time to post and that it is to be confirmed, in any order: "by 18:00 every 30m", 周五18:00前，每2小时提醒,
// "at 9:00 tomorrow", 每周五16:00, "confirm", 需回执. Each ends with a space or a comma, and what follows is the title. A line that
// begins with anything else is a title, unless it begins with what looks like a time and was
// not understood.
func (t Times) Announce(line string) (Opening, error) {
	terms := Opening{Title: line}
	r := scan(line)
	due := -1 // where the deadline stands
	for first := true; ; first = false {
		start := r.separators()
		if !first {
			terms.Title = r.rest()
			if r.word("and") {
				r.blanks()
			}
		}
		at, again, later, err := t.announcedLater(r)
		if unclear, ok := errors.AsType[*Unclear](err); ok {
			unclear.Posting = true
		}
		if err != nil {
			return Opening{}, err
		}
		if later && terms.At.IsZero() {
			terms.At, terms.Again = at, again
			if due >= 0 { // which is then meant from the posting
				earlier := *r
				earlier.pos = due
				if terms.Deadline, _, err = t.announcedDeadline(&earlier, at); err != nil {
					return Opening{}, err
				}
			}
			continue
		}
		confirms, err := t.announcedConfirm(r)
		if err != nil {
			return Opening{}, err
		}
		if confirms && !terms.Confirm {
			terms.Confirm = true
			continue
		}
		deadline, ends, err := t.announcedDeadline(r, terms.At)
		if err != nil {
			return Opening{}, err
		}
		every, repeated, err := t.announcedInterval(r)
		if err != nil {
			return Opening{}, err
		}
		switch {
		case ends && terms.Deadline.IsZero():
			terms.Deadline, due = deadline, start
		case repeated && terms.Every == 0:
			terms.Every = every
		case later || confirms || ends || repeated || terms.Every != 0 && r.word(until...) && readMoment(r, t.Now).said:
			return Opening{}, r.unclear(NotUnderstood, start, r.pos)
		default:
			return terms, nil
		}
	}
}

// announcedDeadline reads a deadline with the word that tells that it is one:
// "by" before it, or 前 after it. If the announcement is posted later, it is meant from then
// on, unless it says its date.
func (t Times) announcedDeadline(r *reader, posted time.Time) (deadline time.Time, found bool, err error) {
	start := r.pos
	by := r.word("by")
	begin := *r
	m := readMoment(r, t.Now)
	if !posted.IsZero() {
		if t.Now = posted; len(m.dates) == 0 {
			*r = begin
			m = readMoment(r, t.Now)
		}
	}
	end := r.pos
	var why Why
	if by {
		found, why = r.endOfBy(m)
	} else {
		found, why = r.endOfBefore(m, start)
	}
	switch {
	case why != "":
		return time.Time{}, false, r.unclear(why, start, max(end, r.wordEnd()))
	case !found:
		r.pos = start
		return time.Time{}, false, nil
	}
	deadline, err = t.deadline(r, m, start, r.pos)
	if err == nil && !deadline.After(posted) {
		err = r.unclear(BeforePosting, start, r.pos)
	}
	return deadline, err == nil, err
}

// announcedInterval reads an interval with the word that tells that it is one.
func (t Times) announcedInterval(r *reader) (every time.Duration, found bool, err error) {
	start := r.pos
	if !r.begins("every", "每") {
		return 0, false, nil
	}
	every, found, err = t.every(r)
	switch {
	case !found && r.hintsEvery():
		r.word("every", "每")
		return 0, false, r.unclear(NotUnderstood, start, r.wordEnd())
	case !found || err != nil:
		return 0, false, err
	case !r.ends() || r.ahead().digit(): // "every 2 hours 30 people": or 2 hours 30?
		return 0, false, r.unclear(Unseparated, start, r.wordEnd())
	}
	return every, true, nil
}

// Follow reads how to follow a message, told in any order: "#12 every 30m until 90%
// or 18:00", #12 每30分钟 直到90%或18:00. The number may be missing, the interval
// may not.
func (t Times) Follow(text string) (FollowUp, error) {
	var terms FollowUp
	r := scan(text)
	for first := true; !r.done(); first = false {
		start := r.separators()
		number, numbered := r.hash()
		every, repeated, err := t.every(r)
		if err != nil {
			return FollowUp{}, err
		}
		if first && !numbered && !repeated {
			number, numbered = r.leadingNumber()
		}
		ended := terms.UntilPercent != 0 || !terms.Until.IsZero()
		switch {
		case numbered && terms.Number == 0:
			terms.Number = number
			if repeated {
				terms.Every = every
			}
		case !numbered && repeated && terms.Every == 0:
			terms.Every = every
		case !numbered && !repeated && !ended && r.word(until...):
			if err := t.until(r, &terms); err != nil {
				return FollowUp{}, err
			}
		default:
			return FollowUp{}, r.unclear(NotUnderstood, start, len(r.runes))
		}
	}
	if terms.Every == 0 {
		return FollowUp{}, &Unclear{Why: NoInterval}
	}
	return terms, nil
}

// until reads what ends the following: a share of the readers, a moment, or
// whichever comes first.
func (t Times) until(r *reader, terms *FollowUp) error {
	for {
		start := r.blanks()
		percent, share, err := r.share()
		if err != nil {
			return err
		}
		switch {
		case share && terms.UntilPercent == 0:
			terms.UntilPercent = percent
		case !share && terms.Until.IsZero():
			m := readMoment(r, t.Now)
			if !m.said {
				return r.unclear(NotUnderstood, start, r.wordEnd())
			}
			if terms.Until, err = t.deadline(r, m, start, r.pos); err != nil {
				return err
			}
		default:
			return r.unclear(NotUnderstood, start, r.wordEnd())
		}
		r.after("为止", "止")
		if !r.after("or", "或者", "或", "/") {
			return nil
		}
		r.after(until...)
	}
}

// every reads an interval, with the word "every" or without.
func (t Times) every(r *reader) (every time.Duration, found bool, err error) {
	start := r.pos
	r.blanks()
	apart := r.word("每隔")
	introduced := apart || r.word("every", "每")
	every, found = r.duration(introduced, !apart) // 每隔一天 is every other day, and 每隔一小时 every hour
	if !found {
		r.pos = start
		return 0, false, nil
	}
	end := r.pos
	r.after("提醒一次", "提醒", "催一次", "催", "一次")
	switch {
	case every <= 0 || every < t.MinEvery:
		return 0, true, r.unclear(TooShort, start, end)
	case every > t.MaxEvery:
		return 0, true, r.unclear(TooLong, start, end)
	}
	return every, true, nil
}

// deadline resolves what was said from start to end.
func (t Times) deadline(r *reader, m moment, start, end int) (time.Time, error) {
	at, why := m.resolve()
	if why == "" && at.After(t.Now.Add(t.MaxAhead)) {
		why = TooFar
	}
	if why != "" {
		return time.Time{}, r.unclear(why, start, end)
	}
	return at, nil
}
