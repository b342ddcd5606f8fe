package when

import (
	"slices"
	"strings"
	"time"
	"unicode"
)

// moment is what a phrase says about a point in time, part by part.
type moment struct {
	now  time.Time
	said bool // anything at all

	dates    [][]time.Time // what each date may mean; days are midnights of UTC
	weekdays []time.Time   // what the day of the week may mean
	coming   bool          // the day of the week was said without its week

	parts        []part
	clocked      bool // an hour was said
	form         form
	hour, minute int

	extended bool // more was said after an hour that needed no more
	relative bool // a day was said from today on, such as tomorrow
}

// form is how an hour was said.
type form int

const (
	counted    form = iota // 6
	ofClock                // 6点, six o'clock
	digital                // 6:00, on a clock of 24 hours
	atMidnight             // without a number
)

// readMoment reads all words that tell a moment, in any order.
func readMoment(r *reader, now time.Time) moment {
	m := moment{now: now}
	for {
		end := r.pos
		r.blanks()
		for r.word(glue...) {
			r.blanks()
		}
		whole := m.clocked && m.whole()
		switch {
		case m.readDay(r), m.readPart(r):
			m.extended = m.extended || whole
		case m.readHalf(r), !m.clocked && m.readClock(r):
		default:
			r.pos = end
			return m
		}
		m.said = true
	}
}

// readPart reads a part of the day.
func (m *moment) readPart(r *reader) bool {
	p, found := take(r, parts)
	if found {
		m.parts = append(m.parts, p)
	}
	if p.dated {
		m.dates = append(m.dates, []time.Time{m.today().AddDate(0, 0, p.ahead)})
	}
	return found
}

// readHalf reads "am" or "pm".
func (m *moment) readHalf(r *reader) bool {
	p, found := take(r, halves)
	if found {
		m.parts = append(m.parts, p)
	}
	return found
}

// readDay reads a day, in brackets or not.
func (m *moment) readDay(r *reader) bool {
	start := r.pos
	if !r.word("(") {
		return m.readPlainDay(r)
	}
	inside := *m
	r.blanks()
	if inside.readPlainDay(r) && r.after(")") {
		*m = inside
		return true
	}
	r.pos = start
	return false
}

// readPlainDay reads today, a day of the week or a date.
func (m *moment) readPlainDay(r *reader) bool {
	start := r.pos
	if ahead, found := take(r, days); found {
		m.dates = append(m.dates, []time.Time{m.today().AddDate(0, 0, ahead)})
		m.relative = true
		return true
	}
	if m.readWeekday(r) {
		return true
	}
	possible := m.readDate(r)
	inside := !unicode.Is(unicode.Han, r.last()) && (r.continues() || strings.ContainsRune("-/", r.peek()))
	if len(possible) == 0 || inside {
		r.pos = start
		return false
	}
	m.dates = append(m.dates, possible)
	return true
}

// readWeekday reads a day of the week, once.
func (m *moment) readWeekday(r *reader) bool {
	if len(m.weekdays) > 0 {
		return false
	}
	start := r.pos
	today := m.today()
	past := (int(today.Weekday()) + 6) % 7 // days of this week, which begins on Monday
	next := r.word("next")
	if next {
		r.blanks()
	}
	if day, found := take(r, weekdays); found {
		later := (int(day-today.Weekday()) + 7) % 7
		m.coming = !next
		m.weekdays = []time.Time{today.AddDate(0, 0, later)}
		if next {
			// The first one after today to some, the one of next week to others,
			// whose weeks begin on Monday or on Sunday.
			m.weekdays = possibilities(
				today.AddDate(0, 0, (later+6)%7+1),
				today.AddDate(0, 0, (int(day)+6)%7-past+7),
				today.AddDate(0, 0, int(day-today.Weekday())+7),
			)
		}
		return true
	}
	if week, found := take(r, weeks); found && !next && r.word("周", "星期", "礼拜") {
		if day, found := take(r, weekLetters); found {
			ahead := (int(day)+6)%7 - past + 7*week
			if m.coming = week == coming; m.coming {
				ahead = (int(day-today.Weekday()) + 7) % 7
			}
			m.weekdays = []time.Time{today.AddDate(0, 0, ahead)}
			return true
		}
	}
	r.pos = start
	return false
}

// readDate reads a date and returns what it may mean.
func (m *moment) readDate(r *reader) []time.Time {
	if month, found := take(r, months); found { // nov 25th, 2026
		r.blanks()
		day, count := r.digits()
		if count == 0 || count > 2 {
			return nil
		}
		r.word(suffix...)
		return m.date(r.year(), month, day)
	}
	first, count := r.numeral()
	end := r.pos
	switch separator := r.peek(); {
	case count == 4 && strings.ContainsRune("-/.", separator): // 2026-11-25
		month, day, found := r.monthAndDay(string(separator))
		if !found {
			return nil
		}
		return m.date(first, time.Month(month), day)
	case count == 4 && r.after("年"): // 2026年11月25日
		r.blanks()
		month, _ := r.numeral()
		day, found := r.dayOfMonth()
		if !found {
			return nil
		}
		return m.date(first, time.Month(month), day)
	case count == 0 || count > 2:
		return nil
	case r.ahead().begins("月"): // 11月25日
		day, found := r.dayOfMonth()
		if !found {
			return nil
		}
		return m.date(0, time.Month(first), day)
	case r.after("日", "号"):
		return m.date(m.now.Year(), m.now.Month(), first)
	case separator == '/' || separator == '-': // 11/25: a month and a day, or the other way round
		r.pos++
		second, count := r.digits()
		year := 0
		if count > 0 && r.word(string(separator)) {
			if year, count = r.digits(); count != 4 {
				return nil
			}
		}
		return possibilities(append(m.date(year, time.Month(first), second), m.date(year, time.Month(second), first)...)...)
	}
	r.pos = end
	ordinal := r.word(suffix...)
	end = r.pos
	r.after("of")
	r.blanks()
	if month, found := take(r, months); found { // 25th of november
		return m.date(r.year(), month, first)
	}
	r.pos = end
	if !ordinal {
		return nil
	}
	return m.date(m.now.Year(), m.now.Month(), first)
}

// date is the date if there is such a one. Without a year it is this year's, or
// next year's if this year's was more than half a year ago.
func (m *moment) date(year int, month time.Month, day int) []time.Time {
	const halfYear = 183 * 24 * time.Hour
	years := []int{year}
	if year == 0 {
		years = []int{m.now.Year(), m.now.Year() + 1}
	}
	for _, y := range years {
		date := time.Date(y, month, day, 0, 0, 0, 0, time.UTC)
		if date.Month() == month && date.Day() == day && (year != 0 || m.today().Sub(date) < halfYear) {
			return []time.Time{date}
		}
	}
	return nil
}

// readClock reads an hour, with minutes or without.
func (m *moment) readClock(r *reader) bool {
	if r.word("midnight", "午夜") {
		m.clocked, m.form = true, atMidnight
		return true
	}
	start := r.pos
	if r.word("noon", "midday", "正午") {
		m.clocked, m.form, m.hour = true, digital, 12
		return true
	}
	hour, minute, form, found := r.clock()
	if !found || hour > 24 || minute > 59 || hour == 24 && minute > 0 {
		r.pos = start
		return false
	}
	m.clocked, m.form, m.hour, m.minute = true, form, hour, minute
	return true
}

// whole reports whether the hour needs nothing to be clear.
func (m *moment) whole() bool {
	return m.form != atMidnight && (m.form != counted || len(m.parts) > 0) && len(m.hours()) == 1
}

// hours are those that the hour may mean, of 0 to 24.
func (m *moment) hours() []int {
	if len(m.parts) == 0 && (m.form == digital || m.hour == 0 || m.hour > 12) { // no need to choose
		return []int{m.hour}
	}
	possible := []int{m.hour}
	switch {
	case m.hour == 0:
		possible = append(possible, 24)
	case m.hour == 12:
		possible = append(possible, 0, 24)
	case m.hour < 12:
		possible = append(possible, m.hour+12)
	}
	return slices.DeleteFunc(possible, func(hour int) bool {
		return hour == 24 && m.minute > 0 ||
			slices.ContainsFunc(m.parts, func(p part) bool { return hour < p.from || hour > p.to })
	})
}

// resolve finds the moment, or what there is to ask.
func (m *moment) resolve() (time.Time, Why) {
	today := m.today()
	day, dated, why := m.day()
	switch {
	case why != "":
		return time.Time{}, why
	case day.Before(today):
		return time.Time{}, Over
	case !m.clocked:
		return time.Time{}, NoTimeOfDay
	case m.form == atMidnight && len(m.dates) > 0 && day.Equal(today):
		m.hour = 24 // the one that today began with is over
	case m.form == atMidnight:
		return time.Time{}, TwoMidnights
	case m.form == counted && len(m.parts) == 0 && (m.hour == 0 || m.hour > 12):
		return time.Time{}, NotUnderstood // an hour, or a day of the month
	default:
		hours := m.hours()
		if len(hours) == 0 {
			return time.Time{}, NotUnderstood
		}
		if len(hours) > 1 {
			return time.Time{}, TwoHours
		}
		m.hour = hours[0]
		if !dated && m.minute == 0 && (m.hour == 0 || m.hour == 24 && len(m.parts) == 0) {
			return time.Time{}, TwoMidnights
		}
	}
	at, found := m.onClock(day)
	switch {
	case !found:
		return time.Time{}, NoSuchTime
	case at.After(m.now):
		return at, ""
	case day.Equal(today) && len(m.weekdays) == 0:
		return time.Time{}, OverToday
	}
	return time.Time{}, Over
}

// day finds the one day that all that was said about it may mean. It is today if
// nothing was said.
func (m *moment) day() (day time.Time, dated bool, why Why) {
	possible := m.weekdays
	if len(m.dates) > 0 {
		possible = slices.Clone(m.dates[0])
	}
	if len(possible) == 0 {
		return m.today(), false, ""
	}
	for _, others := range m.dates {
		possible = slices.DeleteFunc(possible, func(d time.Time) bool { return !slices.ContainsFunc(others, d.Equal) })
	}
	possible = slices.DeleteFunc(slices.Clone(possible), func(d time.Time) bool {
		return len(m.weekdays) > 0 && !slices.ContainsFunc(m.weekdays, func(w time.Time) bool {
			return w.Equal(d) || m.coming && w.Weekday() == d.Weekday()
		})
	})
	if len(possible) != 1 {
		return time.Time{}, true, TwoDays
	}
	return possible[0], true, ""
}

// today is the midnight of UTC that stands for the day of now.
func (m *moment) today() time.Time {
	year, month, day := m.now.Date()
	return time.Date(year, month, day, 0, 0, 0, 0, time.UTC)
}

// onClock finds when the clocks of the zone show the time on that day. Where they
// show it twice, it is the first that is still to come.
func (m *moment) onClock(day time.Time) (at time.Time, found bool) {
	shown := day.Add(time.Duration(m.hour)*time.Hour + time.Duration(m.minute)*time.Minute)
	for _, near := range []time.Duration{-24 * time.Hour, 24 * time.Hour} {
		_, offset := shown.Add(near).In(m.now.Location()).Zone()
		try := shown.Add(-time.Duration(offset) * time.Second).In(m.now.Location())
		if try.Hour() != shown.Hour() || try.Minute() != shown.Minute() {
			continue
		}
		if !found || try.After(m.now) && (!at.After(m.now) || try.Before(at)) {
			at, found = try, true
		}
	}
	return at, found
}

// possibilities are the different ones of some days.
func possibilities(days ...time.Time) []time.Time {
	slices.SortFunc(days, time.Time.Compare)
	return slices.CompactFunc(days, time.Time.Equal)
}
