package when

import (
	"time"

	"whoread/receipts"
)

// announcedLater reads when to post, with the word that tells that it is that: "at" before a
// moment, 发 after it, or the days on which it is posted again and again.
func (t Times) announcedLater(r *reader) (at time.Time, again receipts.Weekdays, found bool, err error) {
	if at, again, found, err = t.announcedAgain(r); found || err != nil {
		return at, again, found, err
	}
	at, found, err = t.announcedOnce(r)
	return at, 0, found, err
}

// announcedOnce reads the one moment at which to post.
func (t Times) announcedOnce(r *reader) (at time.Time, found bool, err error) {
	start := r.pos
	introduced := r.word("at")
	m := readMoment(r, t.Now)
	m.extended = m.extended && !m.relative // at 9:00 tomorrow
	end := r.pos
	glued := r.begins(post...)
	why := Why("")
	switch {
	case introduced:
		found, why = r.endOfBy(m)
	case !m.said || !r.after(post...):
	case r.ends():
		found = true
	case m.clocked && glued: // 明天9:00 发工资 is a title
		why = Unseparated
	}
	if !introduced && !found && why == "" {
		r.pos = start
		if r.hintsBefore(post) {
			why = NotUnderstood
		}
		end = r.pos
	}
	switch {
	case why != "":
		return time.Time{}, false, r.unclear(why, start, max(end, r.wordEnd()))
	case !found:
		r.pos = start
		return time.Time{}, false, nil
	}
	r.after(post...)
	at, why = m.coming24()
	if why == "" && at.After(t.Now.Add(t.MaxLater)) {
		why = TooFarToPost
	}
	if why != "" {
		return time.Time{}, false, r.unclear(why, start, r.pos)
	}
	return at, true, nil
}

// coming24 resolves the moment, where a time of day alone is the next one.
func (m moment) coming24() (time.Time, Why) {
	alone := len(m.dates) == 0 && len(m.weekdays) == 0
	at, why := m.resolve()
	if alone && (why == OverToday || why == TwoMidnights && m.form == digital) {
		if m.hour == 24 {
			m.hour = 0
		}
		m.dates = append(m.dates, []time.Time{m.today().AddDate(0, 0, 1)})
		at, why = m.resolve()
	}
	if why == "" && m.twice(at) {
		why = TwoTimes
	}
	return at, why
}

// twice reports whether the clocks of the zone show the time again a little later, as they do
// when they are set back.
func (m moment) twice(at time.Time) bool {
	const most = 2 * time.Hour // by which clocks are set back
	for later := 30 * time.Minute; later <= most; later += 30 * time.Minute {
		if next := at.Add(later); next.Hour() == at.Hour() && next.Minute() == at.Minute() {
			return true
		}
	}
	return false
}

// announcedAgain reads the days of every week, and the time of day, at which to post.
func (t Times) announcedAgain(r *reader) (at time.Time, again receipts.Weekdays, found bool, err error) {
	start := r.pos
	again = r.recurring()
	m := moment{now: t.Now}
	for again != 0 {
		end := r.pos
		r.blanks()
		for r.word(glue...) {
			r.blanks()
		}
		if !m.readPart(r) && !m.readHalf(r) && (m.clocked || !m.readClock(r)) {
			r.pos = end
			break
		}
	}
	if !m.clocked { // it may be how often to remind
		r.pos = start
		return time.Time{}, 0, false, nil
	}
	r.after(post...)
	why := Why("")
	if !r.ends() || r.ahead().digit() {
		return time.Time{}, 0, false, r.unclear(Unseparated, start, r.wordEnd())
	}
	for day := range 8 { // the clocks may skip the time on one of them
		m.dates = [][]time.Time{{m.today().AddDate(0, 0, day)}}
		if !again.Has(m.dates[0][0].Weekday()) {
			continue
		}
		if at, why = m.resolve(); why == "" {
			return at, again, true, nil
		}
		if why != OverToday && why != NoSuchTime {
			break
		}
	}
	return time.Time{}, 0, false, r.unclear(why, start, r.pos)
}

// recurring reads the days of "every friday" or 每周一三五; 0 if none follow.
func (r *reader) recurring() receipts.Weekdays {
	start := r.pos
	of := everyDay
	if r.word("工作日") { // 工作日每天
		of = workdays
	}
	if !r.word("every", "每") {
		r.pos = start
		return 0
	}
	r.blanks()
	if days, found := take(r, recurring); found {
		return of & days
	}
	r.word("个")
	var days receipts.Weekdays
	for {
		day, found := r.weekday(days != 0)
		if !found {
			break
		}
		last := day
		if end := r.pos; r.after("到", "至", "-", "to", "through") {
			r.blanks()
			if last, found = r.weekday(true); !found {
				last, r.pos = day, end
			}
		}
		for days |= receipts.WeekdaysOf(day); day != last; days |= receipts.WeekdaysOf(day) {
			day = (day + 1) % 7
		}
		end, another := r.pos, false
		for r.after("、", ",", "和", "and", "&") {
			another = true
		}
		if r.blanks(); !another {
			r.pos = end
		}
	}
	if days == 0 {
		r.pos = start
	}
	return days
}

// weekday reads a day of the week; one of several in Chinese needs no 周 of its own.
func (r *reader) weekday(another bool) (day time.Weekday, found bool) {
	start := r.pos
	if day, found = take(r, weekdays); found {
		return day, true
	}
	introduced := r.word("周", "星期", "礼拜")
	if !introduced && !another {
		return 0, false
	}
	day, found = take(r, weekLetters)
	if !found || !introduced && r.begins("点", "时", "十") { // 每周五三点
		r.pos = start
		return 0, false
	}
	return day, true
}
