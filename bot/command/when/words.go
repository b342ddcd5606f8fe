package when

import (
	"math"
	"regexp"
	"time"

	"whoread/receipts"
)

// The words around times. Where one begins another, the longer one comes first.
var (
	before = []string{"之前", "以前", "前"}
	until  = []string{"until", "till", "til", "直到", "直至", "到", "至"}
	glue   = []string{"at", "on", "in", "the", "of", "this", "的"}
	suffix = []string{"st", "nd", "rd", "th"}
	post   = []string{"发布", "发送", "发出", "发"} // after a time: that is when to post
)

// noDeadline are the letters that make another word of 前: 前往, 前台, 之前的.
const noDeadline = "往台面后来提期者端厅门方置夕半景线排途的"

// entry is a word and what it means.
type entry[T any] struct {
	word  string
	means T
}

// part is a part of the day: the hours in which its times may be, from and to
// included, and the day if it tells one.
type part struct {
	from, to int
	dated    bool
	ahead    int // days from today
}

var days = []entry[int]{
	{"大后天", 3},
	{"今天", 0},
	{"今日", 0},
	{"明天", 1},
	{"明日", 1},
	{"后天", 2},
	{"昨天", -1},
	{"昨日", -1},
	{"today", 0},
	{"tomorrow", 1},
	{"tmrw", 1},
	{"tmr", 1},
	{"yesterday", -1},
	{"day after tomorrow", 2},
}

// The hours overlap where people's do: 中午 may be one o'clock, and so may 下午.
var parts = []entry[part]{
	{"今早", part{from: 1, to: 11, dated: true}},
	{"明早", part{from: 1, to: 11, dated: true, ahead: 1}},
	{"今晚", part{from: 17, to: 24, dated: true}},
	{"明晚", part{from: 17, to: 24, dated: true, ahead: 1}},
	{"昨晚", part{from: 17, to: 24, dated: true, ahead: -1}},
	{"凌晨", part{from: 0, to: 6}},
	{"清晨", part{from: 1, to: 11}},
	{"早上", part{from: 1, to: 11}},
	{"早晨", part{from: 1, to: 11}},
	{"上午", part{from: 1, to: 11}},
	{"中午", part{from: 11, to: 14}},
	{"下午", part{from: 12, to: 19}},
	{"傍晚", part{from: 16, to: 20}},
	{"晚上", part{from: 17, to: 24}},
	{"早", part{from: 1, to: 11}},
	{"晚", part{from: 17, to: 24}},
	{"tonight", part{from: 17, to: 24, dated: true}},
	{"morning", part{from: 1, to: 11}},
	{"afternoon", part{from: 12, to: 18}},
	{"evening", part{from: 17, to: 24}},
	{"night", part{from: 17, to: 24}},
}

var halves = []entry[part]{
	{"a.m.", part{from: 0, to: 11}},
	{"a.m", part{from: 0, to: 11}},
	{"am", part{from: 0, to: 11}},
	{"p.m.", part{from: 12, to: 23}},
	{"p.m", part{from: 12, to: 23}},
	{"pm", part{from: 12, to: 23}},
}

// weeks are what stands before a Chinese day of the week: the weeks from this one.
// coming is the next seven days.
const coming = math.MinInt

var weeks = []entry[int]{
	{"下下", 2}, {"下", 1}, {"本", 0}, {"这", 0}, {"上", -1}, {"", coming},
}

var weekdays = []entry[time.Weekday]{
	{"monday", time.Monday},
	{"mon", time.Monday},
	{"tuesday", time.Tuesday},
	{"tues", time.Tuesday},
	{"tue", time.Tuesday},
	{"wednesday", time.Wednesday},
	{"weds", time.Wednesday},
	{"wed", time.Wednesday},
	{"thursday", time.Thursday},
	{"thurs", time.Thursday},
	{"thur", time.Thursday},
	{"thu", time.Thursday},
	{"friday", time.Friday},
	{"fri", time.Friday},
	{"saturday", time.Saturday},
	{"sat", time.Saturday},
	{"sunday", time.Sunday},
	{"sun", time.Sunday},
}

// weekLetters are the days of the Chinese week, after 周, 星期 or 礼拜.
var weekLetters = []entry[time.Weekday]{
	{"一", time.Monday},
	{"二", time.Tuesday},
	{"三", time.Wednesday},
	{"四", time.Thursday},
	{"五", time.Friday},
	{"六", time.Saturday},
	{"日", time.Sunday},
	{"天", time.Sunday},
}

// Days on which something is posted again and again. Holidays are workdays as any other.
var (
	everyDay = receipts.WeekdaysOf(time.Sunday, time.Monday, time.Tuesday, time.Wednesday, time.Thursday, time.Friday, time.Saturday)
	workdays = receipts.WeekdaysOf(time.Monday, time.Tuesday, time.Wednesday, time.Thursday, time.Friday)
)

// recurring are several days of every week, after "every" or 每.
var recurring = []entry[receipts.Weekdays]{
	{"个工作日", workdays},
	{"工作日", workdays},
	{"天", everyDay},
	{"日", everyDay},
	{"workday", workdays},
	{"working day", workdays},
	{"business day", workdays},
	{"weekday", workdays},
	{"day", everyDay},
}

var months = []entry[time.Month]{
	{"january", time.January},
	{"jan", time.January},
	{"february", time.February},
	{"feb", time.February},
	{"march", time.March},
	{"mar", time.March},
	{"april", time.April},
	{"apr", time.April},
	{"may", time.May},
	{"june", time.June},
	{"jun", time.June},
	{"july", time.July},
	{"jul", time.July},
	{"august", time.August},
	{"aug", time.August},
	{"september", time.September},
	{"sept", time.September},
	{"sep", time.September},
	{"october", time.October},
	{"oct", time.October},
	{"november", time.November},
	{"nov", time.November},
	{"december", time.December},
	{"dec", time.December},
}

var numbers = []entry[int]{
	{"one", 1},
	{"two", 2},
	{"three", 3},
	{"four", 4},
	{"five", 5},
	{"six", 6},
	{"seven", 7},
	{"eight", 8},
	{"nine", 9},
	{"ten", 10},
	{"eleven", 11},
	{"twelve", 12},
	{"fifteen", 15},
	{"twenty", 20},
	{"thirty", 30},
	{"forty", 40},
	{"sixty", 60},
	{"ninety", 90},
}

// figures are those of Chinese numbers.
var figures = map[rune]int{
	'零': 0, '〇': 0, '一': 1, '二': 2, '两': 2, '三': 3, '四': 4, '五': 5, '六': 6, '七': 7, '八': 8, '九': 9,
}

// unit is one of time, in seconds. Half a day is not the same to everybody.
type unit struct {
	seconds float64
	alone   bool // "every hour" says an interval, "every day" not when
}

var units = []entry[unit]{
	{"小时", unit{3600, true}},
	{"钟头", unit{3600, true}},
	{"刻钟", unit{900, true}},
	{"分钟", unit{60, true}},
	{"分", unit{60, true}},
	{"秒钟", unit{1, true}},
	{"秒", unit{1, true}},
	{"星期", unit{7 * 86400, false}},
	{"礼拜", unit{7 * 86400, false}},
	{"周", unit{7 * 86400, false}},
	{"天", unit{86400, false}},
	{"hours", unit{3600, true}},
	{"hour", unit{3600, true}},
	{"hrs", unit{3600, true}},
	{"hr", unit{3600, true}},
	{"h", unit{3600, true}},
	{"minutes", unit{60, true}},
	{"minute", unit{60, true}},
	{"mins", unit{60, true}},
	{"min", unit{60, true}},
	{"m", unit{60, true}},
	{"seconds", unit{1, true}},
	{"second", unit{1, true}},
	{"secs", unit{1, true}},
	{"sec", unit{1, true}},
	{"s", unit{1, true}},
	{"days", unit{86400, false}},
	{"day", unit{86400, false}},
	{"d", unit{86400, false}},
	{"weeks", unit{7 * 86400, false}},
	{"week", unit{7 * 86400, false}},
	{"w", unit{7 * 86400, false}},
}

// What only looks like a time is worth a question.
var (
	zones = []string{"utc", "gmt", "cet", "cest", "bst", "est", "edt", "cst", "pst", "pdt", "jst", "hkt"}
	vague = []string{
		"eod", "cob", "eob", "eow", "eom", "eoy", "end", "close", "half", "quarter", "weekend", "weekday", "month", "year",
		"christmas", "easter", "lunchtime", "sunrise", "sunset", "dawn", "dusk", "mid", "q",
	}
	vagueGlue = []string{"next", "last", "new", "other", "few", "single", "about", "around"}

	// vagueTime finds a time in the words before 前, vagueInterval at the beginning
	// of those after 每.
	vagueTime = regexp.MustCompile(`[0-9][:点时分刻天日号月年周小秒]|[零〇一二三四五六七八九十两半几数]个?[点时分刻天日号周月年季小秒]` +
		`|[今明昨后][天日早晚]|[早晚]上|午$|凌晨|傍晚|[半深]夜|周末|[本这下上]个?[周月季]|周[一二三四五六日天]|星期|礼拜|月[底末初中]|年[底末初中]|年$` +
		`|[上下]班$|放学$|(节|节日|假期|长假)$|国庆|元旦|中秋|端午|清明|五一|十一|除夕|春节|圣诞`)
	vagueInterval = regexp.MustCompile(`^[隔逢]?([0-9]|[零〇一二三四五六七八九十两半几数]*个?` +
		`(半|小时|钟头|分|刻|秒|天|日|周|月|年|季|星期|礼拜|早|晚|[上中下]午|工作日|[点时号]))`)
)

// timeLetters are those that a phrase of nothing but time is made of before 前.
const timeLetters = "0123456789:/-.()零〇一二三四五六七八九十两点时分秒刻钟整半年月日号周星期礼拜今明后昨大天上下中午早晚凌晨傍个的本这小底末初班apm"
