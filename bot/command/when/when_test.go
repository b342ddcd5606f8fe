package when

import (
	"errors"
	"strings"
	"testing"
	"time"

	"golang.org/x/text/width"
	"pgregory.net/rapid"
)

const onMinute = "2006-01-02 15:04"

func zone(t testing.TB, name string) *time.Location {
	t.Helper()
	loc, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return loc
}

// timesAt understands what is said at a time of the zone, with the usual limits.
func timesAt(t testing.TB, zoneName, now string) Times {
	t.Helper()
	at, err := time.ParseInLocation(onMinute, now, zone(t, zoneName))
	if err != nil {
		t.Fatal(err)
	}
	return Times{Now: at, MinEvery: 5 * time.Minute, MaxEvery: 7 * 24 * time.Hour, MaxAhead: 30 * 24 * time.Hour, MaxLater: 90 * 24 * time.Hour}
}

// onWednesday is noon of a Wednesday in Shanghai.
func onWednesday(t testing.TB) Times {
	t.Helper()
	return timesAt(t, "Asia/Shanghai", "2026-11-18 12:00")
}

// whyOf is what there is to ask; empty if the words were understood.
func whyOf(t testing.TB, err error) Why {
	t.Helper()
	var unclear *Unclear
	switch {
	case err == nil:
		return ""
	case !errors.As(err, &unclear) || unclear.Why == "":
		t.Fatalf("%v is not *Unclear", err)
	}
	return unclear.Why
}

// spellings are the same words in other case and width, and with space around.
func spellings(phrase string) []string {
	return []string{
		phrase,
		strings.ToUpper(phrase),
		width.Widen.String(phrase),
		" \t" + phrase + "\u3000",
		"\ufeff" + phrase + "\u200b",
	}
}

func TestIntervalsInBothLanguages(t *testing.T) {
	t.Parallel()
	times := onWednesday(t)
	for want, phrases := range map[time.Duration][]string{
		5 * time.Minute: {"5m", "every 5 min", "每5分钟", "每五分钟", "300s"},
		15 * time.Minute: {
			"every 15m", "every fifteen minutes", "每15分", "每十五分钟", "每刻钟", "每一刻钟", "15分钟一次", "900 seconds",
		},
		30 * time.Minute: {
			"every 30m", "30m", "every 30 m", "every 30min", "every 30 mins", "every 30 minutes", "every thirty minutes", "every30m",
			"every half hour", "every half an hour", "half an hour", "every 0.5 hours",
			"每30分钟", "每30分", "每 30 分钟", "每隔30分钟", "每三十分钟", "每半小时", "每半个小时", "每半个钟头", "半小时", "30分钟",
			"每30分钟提醒", "每30分钟提醒一次", "每30分钟 催一次", "每半小时一次", "每30分钟。",
		},
		time.Hour: {
			"every hour", "every 1 hour", "every one hour", "1h", "60m", "every 60 minutes",
			"每小时", "每个小时", "每1小时", "每一小时", "每一个小时", "每1个小时", "每钟头", "每隔一小时", "每60分钟", "一小时",
		},
		90 * time.Minute: {
			"1h30m", "1h 30m", "every 1h30m", "every 1 hour 30 minutes", "every 90 minutes", "every ninety minutes", "every 1.5 hours", "1.5h",
			"every hour and a half", "every one hour and a half",
			"每1个半小时", "每一个半小时", "1个半小时", "每1.5小时", "每1小时30分钟", "每一小时三十分", "每1小时半", "每一小时半", "每一个半钟头",
		},
		2 * time.Hour: {
			"every 2 hours", "every two hours", "2 hrs", "2hr", "every 2h", "120m",
			"每2小时", "每隔2小时", "每两小时", "每两个小时", "每二小时", "每２小时", "每2个钟头", "每2小时提醒",
		},
		150 * time.Minute:    {"every 2.5 hours", "2h30m", "每两个半小时", "每2个半小时", "每2.5小时"},
		24 * time.Hour:       {"every 24h", "every 1 day", "1d", "每24小时", "每1天", "每一天", "二十四小时"},
		36 * time.Hour:       {"1.5 days", "1d12h", "每1.5天", "每1天12小时"},
		7 * 24 * time.Hour:   {"every 7 days", "1w", "one week", "每7天", "每1周", "一星期", "每一个礼拜"},
		65 * time.Minute:     {"1h5m", "每1小时5分钟"},
		3*time.Hour + 2*60e9: {"3h2m", "三小时两分钟"},
	} {
		for _, phrase := range phrases {
			for _, typed := range spellings(phrase) {
				if got, err := times.Every(typed); got != want || err != nil {
					t.Errorf("Every(%q) = %v, %v, want %v", typed, got, err, want)
				}
			}
		}
	}
}

func TestIntervalsToAskAbout(t *testing.T) {
	t.Parallel()
	times := onWednesday(t)
	for want, phrases := range map[Why][]string{
		TooShort: {
			"4m", "every 299s", "every minute", "every second", "every 0m", "0h", "0.01h", "每分钟", "每4分钟", "每秒", "每一分钟", "每0分钟", "每半分钟", "30s",
		},
		TooLong: {
			"8 days", "every 2 weeks", "169h", "10081m", "每8天", "每两周", "每169小时", "999999999999999999999 weeks", "每99999999999天", "7d1m",
		},
		NotUnderstood: {
			"", " ", "every", "每", "30", "every 30", "每30", "every day", "每天", "every week", "每周", "every friday", "每周五", "每日", "每月", "every month",
			"1h1h", "30m1h", "1h 30", "1.h", "1.2.3h", "1.234h", "h", "小时", "每隔一天", "每隔2天", "每隔一周", "每二三分钟", "every half day", "每半天", "half a week", "every other hour", "每个半小时",
			"hourly", "every 30m please", "every 30 mm", "每30分钟吧", "每三四小时", "-30m", "every -5 minutes", "every few hours", "每几个小时", "30m every",
			"每每小时", "every every hour", "1e3h", "half", "半", "½h", "每一百分钟",
		},
	} {
		for _, phrase := range phrases {
			if got, err := times.Every(phrase); whyOf(t, err) != want || got != 0 {
				t.Errorf("Every(%q) = %v, %v, want %q", phrase, got, err, want)
			}
		}
	}
}

func TestDeadlinesInBothLanguages(t *testing.T) {
	t.Parallel()
	times := onWednesday(t)
	for want, phrases := range map[string][]string{
		"2026-11-18 18:00": {
			"18:00", "18：00", "18∶00", "18点", "18 点", "18时", "18点整", "18点钟", "十八点", "18点00分", "18:00前", "18:00 之前", "by 18:00", "at 18:00",
			"6pm", "6 pm", "6 p.m.", "6:00 pm", "6:00pm", "six pm", "6 in the evening", "this evening at 6", "6 o'clock pm", "6 o’clock pm", "tonight 6pm", "18 o'clock",
			"下午6点", "下午六点", "下午 6 点", "下午6:00", "傍晚6点", "晚上6点", "今天18:00", "今天下午6点", "今天的18点", "今日18点", "今晚6点", "今晚18:00",
			"today 18:00", "18:00 today", "today at 6pm", "6pm today", "wednesday 18:00", "周三18:00", "11月18日18:00", "this wednesday 6pm", "本周三18点",
			"2026-11-18 18:00", "18:00.", "18点！",
		},
		"2026-11-18 18:30": {
			"18:30", "18点半", "18点30分", "18点30", "18点 30 分", "十八点半", "十八点三十分", "6:30 pm", "6:30pm", "6:30PM", "下午六点半", "下午6点半", "下午6:30", "晚6点半",
			"18时30分", "6点半 下午", "by 6:30 p.m.", "18:30以前",
		},
		"2026-11-18 18:15": {"18点一刻", "18点1刻", "下午六点一刻"},
		"2026-11-18 18:45": {"18点三刻", "下午6点3刻"},
		"2026-11-18 18:05": {"18点05分", "18点5分", "十八点零五分", "下午六点零五", "18点〇五"},
		"2026-11-18 20:00": {"今晚8点", "今晚八点", "晚上8点", "晚8点", "今天晚上8点", "tonight 8pm", "8pm tonight", "tonight 8", "tonight at 8", "8 tonight", "今晚8:00", "tonight 8:00", "20:00"},
		"2026-11-18 13:00": {"中午1点", "下午1点", "中午一点", "1pm", "下午一点钟"},
		"2026-11-18 19:00": {"7 at night", "7 in the evening", "下午7点"},
		"2026-11-19 00:00": {"今晚12点", "今晚0点", "今天24:00", "today 24:00", "24:00 today", "tonight midnight", "midnight tonight", "today midnight", "晚上12点", "今天24点", "明天0点", "tomorrow 0:00", "明天00:00", "tomorrow 12am", "明天凌晨12点", "周四0点", "11月19日零点", "周三24点", "今天午夜"},
		"2026-11-19 00:30": {"明天0:30", "tomorrow 12:30am", "明天0点半", "明天凌晨12点半", "12:30 am tomorrow"},
		"2026-11-19 12:00": {"明天中午12点", "明天12:00", "tomorrow noon", "noon tomorrow", "tomorrow 12pm", "12 pm tomorrow", "明天正午", "明天下午12点", "tomorrow at noon", "tomorrow midday"},
		"2026-11-19 09:00": {
			"明天9:00", "明天上午9点", "明天 上午 9点", "明天早上9点", "明早9点", "明早九点", "明日9:00", "明天九点 上午", "tomorrow 9am", "9am tomorrow", "tomorrow morning 9",
			"tomorrow at 9 in the morning", "tmr 9am", "9:00 tomorrow", "by 9:00 tomorrow", "tomorrow at 09:00", "周四9:00", "thu 9am", "thursday 9 am", "thurs 9:00",
			"周四（11月19日）9:00", "11月19日（周四）9:00", "11月19日周四9:00", "thursday nov 19 9:00", "tomorrow (thursday) 9am", "nine am tomorrow", "明天9:00前",
		},
		"2026-11-19 01:30": {"明天凌晨1点半", "明天凌晨1:30", "tomorrow 1:30am", "tomorrow 1:30"},
		"2026-11-19 20:00": {"明晚8点", "明天晚上八点", "明晚20:00", "tomorrow evening 8", "tomorrow night at 8pm", "tomorrow evening at 20:00"},
		"2026-11-20 18:00": {
			"周五18:00", "周五 18:00", "星期五18点", "礼拜五下午6点", "本周五18:00", "这周五18:00", "后天18:00", "周五的18:00", "18:00 friday", "friday 6pm", "friday at 18:00",
			"fri 18:00", "FRI 6 PM", "friday at 6 pm", "6pm on friday", "this friday 18:00", "on friday at 6pm", "day after tomorrow 18:00", "the day after tomorrow at 18:00",
			"11月20日18:00", "11月20号18点", "11-20 18:00", "11/20 18:00", "20/11 18:00", "20-11 18:00", "2026-11-20 18:00", "2026/11/20 18:00", "2026.11.20 18:00", "2026-11-20 18点",
			"2026年11月20日18:00", "2026 年 11 月 20 日 18 点", "十一月二十日18点", "11 月 20 号 18:00", "20号18:00", "20日下午6点", "nov 20 18:00", "nov 20th 18:00",
			"20 nov 18:00", "november 20th at 6pm", "20th of november 18:00", "20th november 6pm", "nov 20 2026 18:00", "november 20, 2026 18:00", "20 nov 2026 18:00",
			"18:00 on 20 november 2026", "friday 11/20 18:00", "周五(11月20日)18:00", "11/20/2026 18:00", "20/11/2026 6pm", "the 20th at 18:00", "20th 18:00", "11月20 18:00",
		},
		"2026-11-21 18:00": {"大后天18:00", "周六18:00", "saturday 18:00", "星期六下午6点"},
		"2026-11-22 18:00": {"周日18:00", "周天18:00", "星期天18点", "礼拜日下午六点", "sunday 6pm", "sun 18:00"},
		"2026-11-23 18:00": {"下周一18:00", "下星期一18点", "下礼拜一下午6点", "周一18:00", "next monday 18:00", "next mon 6pm", "monday 18:00", "18:00 next monday"},
		"2026-11-25 18:00": {"11月25日18:00", "11月25号18:00", "nov 25 6pm", "下周三18:00", "next wednesday 18:00", "25号下午6点", "the 25th at 6pm"},
		"2026-11-27 18:00": {"下周五18:00", "下周五下午6点", "next friday nov 27 18:00", "11月27日下周五18:00"},
		"2026-11-29 18:00": {"下周日18:00"},
		"2026-12-04 18:00": {"下下周五18:00", "12月4日18:00", "friday 4 dec 18:00", "fri dec 4 18:00", "周五12月4日18:00"},
		"2026-12-12 18:00": {"12/12 18:00", "12-12 18:00"},
		"2026-12-18 12:00": {"12月18日12:00", "dec 18 noon"},
	} {
		for _, phrase := range phrases {
			for _, typed := range spellings(phrase) {
				got, err := times.Deadline(typed)
				if err != nil || got.Format(onMinute) != want || got.Location() != times.Now.Location() {
					t.Errorf("Deadline(%q) = %v, %v, want %s", typed, got, err, want)
				}
			}
		}
	}
}

func TestDeadlinesToAskAbout(t *testing.T) {
	t.Parallel()
	times := onWednesday(t)
	for want, phrases := range map[Why][]string{
		NotUnderstood: {
			"", " ", "by", "前", "25:00", "24:30", "18:60", "18:5", "18:000", "18:00:00", "1800", "18", "31", "0", "18.5", "18.30", "18h", "6 mp", "18:00-19:00",
			"18:00 or 19:00", "18:00 19:00", "6pm pm 7", "13 am", "0:30 pm", "上午13点", "早上18:00", "下午9点", "今晚1点", "凌晨8点", "上午12点", "夜里2点", "中午6点",
			"2 at night", "eod", "cob friday", "下班前", "月底前", "国庆节前", "周末", "weekend", "end of the month", "next week", "下周", "本周", "下个周五18:00", "周八18:00",
			"周5 18:00", "11月31日18:00", "2月30日18:00", "13月1日18:00", "2026-13-01 18:00", "2026-11-31 18:00", "13/13 18:00", "31号18:00", "40th 18:00", "nov 31 18:00",
			"nov 18:00", "18:00 UTC", "北京时间18:00", "in 2 hours", "2小时后", "3天前", "2h", "18:00吧", "差五分六点", "一二点", "half past six", "last friday 18:00",
			"six", "lunch", "午饭前", "(18:00", "周五)18:00", "18点30分钟", "2026-11 18:00", "2026年11月 18:00", "2026年13月1日18:00", "2026年 18:00", "nov 123 18:00", "11-20-26 18:00", "12月前", "11月6点", "18：00 PM x",
		},
		NoTimeOfDay: {
			"周五", "周五前", "明天", "明天之前", "今天前", "tomorrow", "by friday", "fri", "next monday", "下周一前", "11月25日", "11-25", "2026-11-25", "nov 25", "25 nov",
			"november 25th", "今晚", "tonight", "明天下午", "tomorrow morning", "周五晚上", "中午", "evening", "25号前", "the 25th", "pm", "11/25",
		},
		TwoHours: {
			"6点", "6点半", "六点", "12点", "十二点半", "1点", "by 6", "6", "12", "明天6点", "周五 9点", "tomorrow 9", "friday at 6", "6 o'clock", "six o'clock tomorrow", "11月25日8点",
		},
		TwoMidnights: {
			"0点", "零点", "24:00", "24点", "0:00", "00:00", "midnight", "12am", "12 am", "12:00 am", "凌晨12点", "午夜", "tomorrow midnight", "midnight friday", "周五午夜", "凌晨0点",
		},
		TwoDays: {
			"5/12 18:00", "12/5 18:00", "12-5 18:00", "5-12 18:00", "12/5/2026 18:00", "next friday 18:00", "next thu 6pm", "next sunday 18:00", "周五11月26日18:00", "friday nov 26 18:00",
			"明天周五18:00", "今天明天18:00", "今晚明天8点", "11月20日（周六）18:00", "下周五 11月20日 18:00", "5/12", "next friday",
		},
		OverToday: {"11:59", "12:00", "今天9:00", "9am", "上午9点", "9:00 today", "today 0:00", "noon", "12pm", "中午12点", "凌晨1点", "0:30", "今早8点", "6:00", "今天0点", "11月18日9:00"},
		Over: {
			"昨天18:00", "yesterday 6pm", "昨晚8点", "yesterday", "11月17日18:00", "nov 17 18:00", "2026-11-17 18:00", "2025-11-25", "上周五18:00", "本周一18:00", "17号18:00", "周三9:00",
			"wednesday 9am", "2020年1月1日", "6月1日18:00",
		},
		TooFar: {"12月18日12:01", "dec 31 18:00", "2027-01-01 9:00", "2028-11-18 18:00", "1月5日18:00", "jan 5 9am", "9999-12-31 18:00"},
	} {
		for _, phrase := range phrases {
			for _, typed := range spellings(phrase) {
				if got, err := times.Deadline(typed); whyOf(t, err) != want || !got.IsZero() {
					t.Errorf("Deadline(%q) = %v, %v, want %q", typed, got, err, want)
				}
			}
		}
	}
}

// What a phrase means depends on when it is said.
func TestDeadlinesDependOnNow(t *testing.T) {
	t.Parallel()
	for _, said := range []struct{ now, phrase, want string }{
		{"2026-11-18 12:00", "12:01", "2026-11-18 12:01"},
		{"2026-11-18 19:00", "18:00", string(OverToday)},
		{"2026-11-18 19:00", "tomorrow 18:00", "2026-11-19 18:00"},
		{"2026-11-18 00:10", "0:30", "2026-11-18 00:30"},
		{"2026-11-18 00:10", "凌晨1点", "2026-11-18 01:00"},
		{"2026-11-18 00:00", "0:00", string(TwoMidnights)},
		{"2026-11-18 08:00", "noon", "2026-11-18 12:00"},
		{"2026-11-18 05:00", "6点", string(TwoHours)},
		{"2026-11-18 07:00", "6点", string(TwoHours)}, // the evening is all that is left, and still a guess
		// On the day itself it is today, and not again in a week.
		{"2026-11-20 12:00", "周五18:00", "2026-11-20 18:00"},
		{"2026-11-20 12:00", "friday 18:00", "2026-11-20 18:00"},
		{"2026-11-20 19:00", "周五18:00", string(Over)},
		{"2026-11-20 12:00", "friday midnight", string(TwoMidnights)},
		{"2026-11-20 12:00", "下周五18:00", "2026-11-27 18:00"},
		{"2026-11-20 12:00", "next friday 18:00", "2026-11-27 18:00"},
		{"2026-11-21 12:00", "周五18:00", "2026-11-27 18:00"},
		{"2026-11-21 12:00", "本周五18:00", string(Over)},
		// A week begins on Monday to some and on Sunday to others.
		{"2026-11-22 12:00", "下周一18:00", "2026-11-23 18:00"},
		{"2026-11-22 12:00", "next monday 18:00", string(TwoDays)},
		{"2026-11-22 12:00", "周日18:00", "2026-11-22 18:00"},
		{"2026-11-23 12:00", "周日18:00", "2026-11-29 18:00"},
		{"2026-11-23 12:00", "next monday 18:00", "2026-11-30 18:00"},
		{"2026-11-23 12:00", "next tuesday 18:00", string(TwoDays)},
		// The nearest year.
		{"2026-12-20 12:00", "1月5日18:00", "2027-01-05 18:00"},
		{"2026-12-20 12:00", "周二 1月5日18:00", "2027-01-05 18:00"},
		{"2026-12-20 12:00", "12月19日18:00", string(Over)},
		{"2027-01-05 12:00", "jan 4 18:00", string(Over)},
		{"2026-12-31 12:00", "tomorrow 0:00", "2027-01-01 00:00"},
		{"2026-12-31 12:00", "today 24:00", "2027-01-01 00:00"},
		{"2028-02-20 12:00", "2月29日18:00", "2028-02-29 18:00"},
		{"2027-02-20 12:00", "2月29日18:00", string(TooFar)},
		// A day without its month is of this month.
		{"2026-11-28 12:00", "5号18:00", string(Over)},
		{"2026-11-28 12:00", "29th 18:00", "2026-11-29 18:00"},
		{"2026-12-05 12:00", "11/12 18:00", string(TwoDays)},
		{"2026-12-05 12:00", "friday 11/12 18:00", "2026-12-11 18:00"}, // 12 November is a Thursday
	} {
		got, err := timesAt(t, "Asia/Shanghai", said.now).Deadline(said.phrase)
		told := got.Format(onMinute)
		if err != nil {
			told = string(whyOf(t, err))
		}
		if told != said.want {
			t.Errorf("at %s: Deadline(%q) = %s, want %s", said.now, said.phrase, told, said.want)
		}
	}
}

// Clocks skip an hour in spring and show one twice in autumn.
func TestDeadlinesWhenClocksChange(t *testing.T) {
	t.Parallel()
	for _, said := range []struct{ zone, now, phrase, want string }{
		{"Europe/Berlin", "2026-03-28 12:00", "tomorrow 1:59", "2026-03-29T01:59:00+01:00"},
		{"Europe/Berlin", "2026-03-28 12:00", "tomorrow 2:00", string(NoSuchTime)},
		{"Europe/Berlin", "2026-03-28 12:00", "明天凌晨2点半", string(NoSuchTime)},
		{"Europe/Berlin", "2026-03-28 12:00", "tomorrow 3:00", "2026-03-29T03:00:00+02:00"},
		{"Europe/Berlin", "2026-10-24 12:00", "tomorrow 1:59", "2026-10-25T01:59:00+02:00"},
		{"Europe/Berlin", "2026-10-24 12:00", "tomorrow 2:30", "2026-10-25T02:30:00+02:00"},
		{"Europe/Berlin", "2026-10-24 12:00", "tomorrow 3:00", "2026-10-25T03:00:00+01:00"},
		{"Europe/Berlin", "2026-10-24 12:00", "tomorrow 24:00", "2026-10-26T00:00:00+01:00"},
		{"America/New_York", "2026-03-07 12:00", "tomorrow 2:30am", string(NoSuchTime)},
		{"America/New_York", "2026-03-07 12:00", "tomorrow 3am", "2026-03-08T03:00:00-04:00"},
		{"America/New_York", "2026-10-31 12:00", "tomorrow 1:30am", "2026-11-01T01:30:00-04:00"},
		{"America/New_York", "2026-10-31 12:00", "tomorrow 2am", "2026-11-01T02:00:00-05:00"},
		{"Asia/Shanghai", "2026-03-28 12:00", "明天2:30", "2026-03-29T02:30:00+08:00"},
	} {
		got, err := timesAt(t, said.zone, said.now).Deadline(said.phrase)
		told := got.Format(time.RFC3339)
		if err != nil {
			told = string(whyOf(t, err))
		}
		if told != said.want {
			t.Errorf("%s at %s: Deadline(%q) = %s, want %s", said.zone, said.now, said.phrase, told, said.want)
		}
	}
	// When the first 2:30 is over, the second is still to come.
	first := time.Date(2026, 10, 25, 0, 30, 0, 0, time.UTC).In(zone(t, "Europe/Berlin"))
	times := timesAt(t, "Europe/Berlin", "2026-10-24 12:00")
	times.Now = first
	if got, err := times.Deadline("2:30"); err != nil || !got.Equal(first.Add(time.Hour)) {
		t.Errorf("Deadline(2:30) at the first 2:30 = %v, %v, want the second", got, err)
	}
}

// inOneLine writes what an announcement was given on its first line.
func inOneLine(terms Opening) string {
	var all []string
	if !terms.Deadline.IsZero() {
		all = append(all, terms.Deadline.Format(onMinute))
	}
	if terms.Every != 0 {
		all = append(all, terms.Every.String())
	}
	return strings.Join(append(all, terms.Title), "|")
}

func TestAnnouncementsWithTerms(t *testing.T) {
	t.Parallel()
	times := onWednesday(t)
	for line, want := range map[string]string{
		"by 18:00 Report":  "2026-11-18 18:00|Report",
		"By 18:00, Report": "2026-11-18 18:00|Report",
		"by 18:00: Report": "2026-11-18 18:00|Report",
		"by 6pm. Report":   "2026-11-18 18:00|Report",
		"by 6 p.m. Report": "2026-11-18 18:00|Report",
		"by 18:00":         "2026-11-18 18:00|",
		"by 18:00 ":        "2026-11-18 18:00|",
		"by tomorrow 9:00 every 30m Weekly Report":         "2026-11-19 09:00|30m0s|Weekly Report",
		"every 30m by friday 18:00 Weekly Report":          "2026-11-20 18:00|30m0s|Weekly Report",
		"every 2 hours, by friday at 6pm, Report":          "2026-11-20 18:00|2h0m0s|Report",
		"by friday 18:00 and every 30m Report":             "2026-11-20 18:00|30m0s|Report",
		"by 18:00 tomorrow every 30m Report":               "2026-11-19 18:00|30m0s|Report",
		"by 18:00 tomorrow, Report":                        "2026-11-19 18:00|Report",
		"by 18:00 tomorrow , Report":                       "2026-11-19 18:00|Report",
		"by 18:00 tomorrow":                                "2026-11-19 18:00|",
		"by 8 tonight Party":                               "2026-11-18 20:00|Party",
		"by nov 25 18:00 Report":                           "2026-11-25 18:00|Report",
		"by noon tomorrow: Lunch":                          "2026-11-19 12:00|Lunch",
		"by tomorrow noon Lunch":                           "2026-11-19 12:00|Lunch",
		"every 30m Read this":                              "30m0s|Read this",
		"every hour, Read this":                            "1h0m0s|Read this",
		"every 30m":                                        "30m0s|",
		"by 18:00 at the gate":                             "2026-11-18 18:00|at the gate",
		"by 18:00 the new plan":                            "2026-11-18 18:00|the new plan",
		"by 18:00 and so on":                               "2026-11-18 18:00|and so on",
		"by 18:00 every member reads this":                 "2026-11-18 18:00|every member reads this",
		"by 18:00 by the way":                              "2026-11-18 18:00|by the way",
		"by 18:00, 12 people":                              "2026-11-18 18:00|12 people",
		"by 下周一 9:00 Report":                               "2026-11-23 09:00|Report",
		"18:00前 停机维护":                                      "2026-11-18 18:00|停机维护",
		"18：00前　停机　维护":                                     "2026-11-18 18:00|停机　维护",
		"18:00前，停机维护":                                      "2026-11-18 18:00|停机维护",
		"18:00前：停机维护":                                      "2026-11-18 18:00|停机维护",
		"18:00前、停机维护":                                      "2026-11-18 18:00|停机维护",
		"18:00前":                                           "2026-11-18 18:00|",
		"18:00之前 停机":                                       "2026-11-18 18:00|停机",
		"18:00 以前 停机":                                      "2026-11-18 18:00|停机",
		"明天下午6点前 每30分钟 停机维护":                               "2026-11-19 18:00|30m0s|停机维护",
		"每30分钟 明天下午6点前 停机维护":                               "2026-11-19 18:00|30m0s|停机维护",
		"周五 18:00 之前，每2小时提醒，停机维护":                          "2026-11-20 18:00|2h0m0s|停机维护",
		"周五18点半前 停机":                                       "2026-11-20 18:30|停机",
		"11月25日（周三）18:00前 交表":                              "2026-11-25 18:00|交表",
		"每半小时 停机":                                          "30m0s|停机",
		"每小时提醒一次：停机":                                       "1h0m0s|停机",
		"每2小时 到会议室签到":                                      "2h0m0s|到会议室签到",
		"18:00前 到3楼集合":                                     "2026-11-18 18:00|到3楼集合",
		"18:00前 明天开会":                                      "2026-11-18 18:00|明天开会",
		"18:00前 18:00开会":                                   "2026-11-18 18:00|18:00开会",
		"friday 6pm前 Report":                               "2026-11-20 18:00|Report",
		"18:00前 **bold** ａ　\u200dｂ ":                       "2026-11-18 18:00|**bold** ａ　\u200dｂ ",
		"18:00前 👨‍👩‍👧‍👦 全家福":                               "2026-11-18 18:00|👨‍👩‍👧‍👦 全家福",
		"\u200b18:00前\u200b 停机":                            "2026-11-18 18:00|停机",
		"by\u00a018:00\u00a0Report \xff bytes":             "2026-11-18 18:00|Report \xff bytes",
		"明天 18:00 前 每小时，下午2点到4点停水":                         "2026-11-19 18:00|1h0m0s|下午2点到4点停水",
		"by tomorrow 18:00 EVERY 1H30M The Quarterly Plan": "2026-11-19 18:00|1h30m0s|The Quarterly Plan",
	} {
		terms, err := times.Announce(line)
		if got := inOneLine(terms); got != want || err != nil {
			t.Errorf("Announce(%q) = %q, %v, want %q", line, got, err, want)
		}
	}
}

// Titles with no terms are announced as they are: to ask about them would be a
// nuisance.
func TestTitlesWithoutTerms(t *testing.T) {
	t.Parallel()
	times := onWednesday(t)
	for _, title := range []string{
		"", " ", "Lunch", "周五 22:00 停机维护", "周五22:00停机维护", "18:00 开会", "明天 放假", "目前 情况", "之前说的事", "之前 说的事", "以前 的事", "前 言", "前台 通知", "提前 下班",
		"by the way, lunch", "by the way lunch", "by", "by all means read this", "by accident", "by Anna", "by the board: no", "by New York office", "by one of us",
		"bylaws changed", "by-laws", "every", "every member must read this", "everyone", "everybody: read", "every one of you", "every time you log in", "Every now and then",
		"每人 交一份", "每位同事", "每个人 都要看", "每次 开会", "每两人一组", "每一位同事 请看", "每", "会议开始前 15分钟到场", "出发前 检查", "系统升级前 备份", "v2.0上线前 冻结代码", "提前 18:00 下班",
		"明天 9:00 前往会议室", "18:00 前往3号楼", "周五前台值班", "周五18:00前后 停机", "今天之前的事", "3楼会议室 换地方", "2026 目标", "12 angry men", "18点开会 请提前 准备",
		"3号楼停水", "国庆节 放假", "下班 关灯", "周末 团建", "eod", "Friday 18:00 maintenance", "tomorrow by 18:00 Report", "18:00 by the gate", "midnight sun", "May the force",
		"sunday roast", "next friday lunch", "第3版 说明", "第3次会议前 交材料", "and every 30m", "until 18:00 closed", "直到18:00 停机", "on by 18:00", "in every hour", "  Lunch  ",
		"午休", "周会前 准备", "#12 18:00", "：18:00",
	} {
		terms, err := times.Announce(title)
		if err != nil || terms != (Opening{Title: title}) {
			t.Errorf("Announce(%q) = %+v, %v, want the title alone", title, terms, err)
		}
	}
}

func TestAnnouncementsToAskAbout(t *testing.T) {
	t.Parallel()
	times := onWednesday(t)
	for want, announcements := range map[Why][]string{
		NotUnderstood: {
			"25:00前 x", "18:60前 x", "国庆节前 放假", "月底前 交报告", "下班前 打卡", "周末前 完成", "下周前 交", "年底前 完成", "3天前 x", "2小时前 宕机", "2 小时前 x", "三天前 x", "春节前 x",
			"端午前 x", "周五 25:00 前 x", "周五，18:00前 x", "周五、18:00 之前 x", "请于周五18:00前 交表", "大约18:00前 x", "5.30pm 前 x", "北京时间18:00前 x", "11月31日前 x", "周5前 x", "eod前 x", "假期前 x",
			"下个月前 x", "每天 打卡", "每周 例会", "每周五 例会", "每月 1号", "每日 站会", "每个月 x", "每晚 x", "每30 x", "每3人 一组", "每隔3 x", "每逢周五 x", "每工作日 x", "每个半小时 x", "每半天 x",
			"by eod Report", "by EOD: Report", "by cob x", "by next week X", "by the end of the month x", "by 25:00 x", "by 18.5 x", "by 18.30 x", "by 18:00Lunch", "by 18:00-19:00 x",
			"by 1800 x", "by 18 x", "by half past six x", "by six x", "by six thirty x", "by friday eod x", "by tomorrow 25:00 x", "by christmas x", "by month-end x", "by q4 x", "by mid-november x", "by the weekend x",
			"by new year x", "by 100 votes", "by tomorrow's meeting", "by in 2 hours x", "by about 18:00 x", "by last friday x", "by 月底 x", "by nov x", "by 6-ish x", "by 18:00:30 x",
			"every friday X", "every day X", "every 30 x", "every other day x", "every few hours x", "every morning x", "every month x", "every weekday x", "every 2nd day x", "every 30mm x",
			"every week x", "every hour's x", "every weekend x", "every half day x", "every three weekend x",
			"by 18:00 by 19:00 x", "18:00前 19:00前 x", "每小时 每30分钟 x", "by 18:00 every 30m every 40m x", "18:00前 by 19:00 x", "every 30m until 18:00 x", "每30分钟 直到18:00 x",
			"by 13 am x", "上午13点前 x",
		},
		NoTimeOfDay:  {"周五前 交表", "明天前 x", "by friday Report", "by tomorrow morning x", "by nov 25 x", "11月25日前 x", "周五之前，x", "今晚前 x", "中午前 x", "by friday, 18:00 x", "25号前 x"},
		TwoHours:     {"6点前 x", "明天6点半前 x", "by 6 x", "by tomorrow 9 x", "by 6 o'clock x", "by friday 12 people", "12点之前 x"},
		TwoMidnights: {"0点前 x", "24:00前 x", "by midnight x", "by 24:00 x", "by friday midnight x"},
		TwoDays:      {"12/5 18:00前 x", "by next friday 18:00 x", "周五11月26日18:00前 x"},
		OverToday:    {"9:00前 x", "by 9:00 x", "上午9点前 x", "by 9am x"},
		Over:         {"昨天18:00前 x", "by nov 17 18:00 x"},
		TooFar:       {"12月31日18:00前 x", "by dec 31 18:00 x"},
		TooShort:     {"every minute x", "every 1m x", "每分钟 x", "每30秒 x", "by 18:00 every 1m x"},
		TooLong:      {"every 8 days x", "每两周 x"},
		// The title may begin before the phrase is over.
		Unseparated: {
			"18:00前完成自检", "周五前完成自检", "6点前完成 x", "周五18:00之前请交表", "每小时巡检 x", "每2小时签到一次 x", "每30分钟内 x", "by 18:00 friday lunch", "by 18:00 tomorrow Report", "by 18:00 today x",
			"by 6pm tonight Party", "by 18:00 on friday we close", "by 18:00 12 people", "by 18:00 2026 budget", "by 18:00 UTC x", "by 18:00 may be late", "by 18:00 6pm party",
			"every 2 hours 30 people", "every hour-long talk", "18:00前every 30m x", "by 6:00 in the evening x",
		},
	} {
		for _, line := range announcements {
			terms, err := times.Announce(line)
			if whyOf(t, err) != want || terms != (Opening{}) {
				t.Errorf("Announce(%q) = %+v, %v, want %q", line, terms, err, want)
			}
		}
	}
}

func TestUnclearTellsWhatWasSaid(t *testing.T) {
	t.Parallel()
	times := onWednesday(t)
	announce := func(line string) error { _, err := times.Announce(line); return err }
	follow := func(text string) error { _, err := times.Follow(text); return err }
	for _, told := range []struct {
		err  error
		want string
	}{
		{announce("国庆节前 放假 三天"), "国庆节前"},
		{announce("周五 25:00 前 x"), "周五 25:00 前"},
		{announce("by EOD Report"), "by EOD"},
		{announce("每天 打卡"), "每天"},
		{announce("every Friday lunch"), "every Friday"},
		{announce("明天６点前　交表"), "明天６点前"},
		{announce("by 18:00 every 1m x"), "every 1m"},
		{announce("by 18:00 by 19:00 x"), "by 19:00"},
		{follow("#12 every 30m until 9 or 90%"), "9"},
		{follow("#12 every 30m until 101%"), "101%"},
		{follow("#12 every 30m or so"), "or so"},
		{follow("#12"), ""},
	} {
		var unclear *Unclear
		if !errors.As(told.err, &unclear) || unclear.Said != told.want || !strings.Contains(unclear.Error(), told.want) {
			t.Errorf("%v, want it to tell %q", told.err, told.want)
		}
	}
}

func TestFollowInBothLanguages(t *testing.T) {
	t.Parallel()
	times := onWednesday(t)
	six := times.Now.Add(6 * time.Hour)
	half, hours := 30*time.Minute, 2*time.Hour
	for _, follow := range []struct {
		want  FollowUp
		texts []string
	}{
		{FollowUp{0, half, 0, time.Time{}}, []string{"every 30m", "30m", "30 minutes", "每30分钟", "每半小时", "半小时", "30分钟一次", "每30分钟提醒一次", "every 30m?"}},
		{FollowUp{12, half, 0, time.Time{}}, []string{
			"#12 every 30m", "12 every 30m", "every 30m #12", "#12, every 30m", "# 12 30m", "12 30m", "#12 30 minutes", "#12每30分钟", "12每30分钟", "12 每30分钟", "每30分钟 #12", "#12 每隔三十分钟提醒。",
		}},
		{FollowUp{12, half, 90, time.Time{}}, []string{
			"#12 every 30m until 90%", "#12 until 90% every 30m", "until 90% #12 every 30m", "#12 every 30m until 90 %", "#12 every 30m until 90 percent", "#12 every 30m till 90% have read it",
			"#12 every 30m until 90% has read this", "#12 每30分钟 直到90%", "#12 每30分钟 直到 90 %", "#12 每30分钟到90%为止", "#12 每30分钟 到90%", "#12 每30分钟，至90%止", "#12 每30分钟直到百分之九十",
			"#12 每30分钟 直到90%已读", "#12 每30分钟 直到90%的人读了", "#12 直到90%，每30分钟",
		}},
		{FollowUp{12, half, 0, six}, []string{
			"#12 every 30m until 18:00", "#12 until 6pm every 30m", "#12 every 30m till 6 pm today", "#12 every 30m until today 18:00", "#12 每30分钟 直到18:00", "#12 每30分钟到18点为止", "#12 每30分钟 直到今天下午6点", "12 直到18:00 每30分钟",
		}},
		{FollowUp{12, half, 90, six}, []string{
			"#12 every 30m until 90% or 18:00", "#12 every 30m until 18:00 or 90%", "#12 every 30m until 90% or until 18:00", "#12 until 90% or 6pm every 30m", "every 30m until 18:00 or 90% #12", "#12 every 30m until 90%/18:00",
			"#12 每30分钟 直到 90% 或 18:00", "#12 每30分钟直到90%或18:00", "#12 每30分钟 直到18:00或90%", "#12 每30分钟 直到18点或者90%为止", "#12 每30分钟 到90%为止或到18:00为止", "#12 每30分钟 直到90%读完或18:00。",
		}},
		{FollowUp{3, hours, 100, time.Time{}}, []string{
			"#3 every 2 hours until everybody", "#3 every 2h until everyone has read it", "#3 every 2h until all have read", "#3 every 2h until all", "#3 every 2h until 100%", "#3 every 2h until all of them have read this",
			"#3 每2小时 直到全部读完", "#3 每2小时 直到全员已读", "#3 每两小时 直到所有人都读了", "#3 每2小时 直到大家都看了", "#3 每2小时直到每个人都看完了", "#3 每2小时 直到百分之百", "3 每2小时 直到全部", "#3 every 2h until everybody read",
		}},
		{FollowUp{3, hours, 1, time.Time{}}, []string{"#3 every 2h until 1%", "#3 每2小时 直到百分之一"}},
		{FollowUp{maxNumber, hours, 0, time.Time{}}, []string{"#99999999999999999999 every 2h", "#0 every 2h", "0 every 2h"}},
	} {
		for _, text := range follow.texts {
			for _, typed := range spellings(text) {
				if got, err := times.Follow(typed); got != follow.want || err != nil {
					t.Errorf("Follow(%q) = %+v, %v, want %+v", typed, got, err, follow.want)
				}
			}
		}
	}
}

func TestFollowToAskAbout(t *testing.T) {
	t.Parallel()
	times := onWednesday(t)
	for want, texts := range map[Why][]string{
		NoInterval: {"", "?", "#12", "12", "#12 until 90%", "until 18:00", "直到90%", "#12 直到 90% 或 18:00", "#12."},
		NoPercent: {
			"#12 every 30m until 0%", "#12 every 30m until 101%", "#12 every 30m until 90.5%", "#12 每30分钟 直到200%", "#12 every 30m until 999999999999999999999%", "#12 每30分钟 直到百分之零", "until 0% every 30m",
			"#12 每30分钟 直到百分之",
		},
		NotUnderstood: {
			"hello", "#12 every 30", "#12 every day", "#12 每天", "#12 every 30m until", "#12 every 30m until later", "#12 every 30m until 90", "#12 every 30m until 90% and 18:00", "#12 every 30m 18:00",
			"#12 every 30m until 90% or 80%", "#12 every 30m until 18:00 or 19:00", "#12 every 30m until 90% until 18:00", "#12 every 30m every 40m", "#12 #13 every 30m", "#12 13 every 30m", "every 30m 12",
			"#12 every 30m until 90% or", "#12x every 30m", "#1.5 every 30m", "# every 30m", "#12 every 30m until -5%", "#12 每30分钟 直到月底", "#12 每30分钟 直到下班", "#12 every 30m please", "#12 every 30m until 25:00",
			"#12 every 30m until 18:00 12", "#12 每30分钟 直到",
		},
		TooShort:     {"#12 every 1m", "#12 每分钟", "1m", "#12 every 4 minutes until 90%"},
		TooLong:      {"#12 every 8 days", "#12 每2周"},
		NoTimeOfDay:  {"#12 every 30m until friday", "#12 每30分钟 直到周五", "#12 every 2h until tomorrow or 90%"},
		TwoHours:     {"#12 every 30m until 6", "#12 每30分钟 直到6点", "#12 every 30m until 90% or 6"},
		TwoMidnights: {"#12 every 30m until midnight"},
		TwoDays:      {"#12 every 30m until 12/5 18:00"},
		OverToday:    {"#12 every 30m until 9:00", "#12 每30分钟 直到上午9点"},
		Over:         {"#12 every 30m until yesterday 18:00"},
		TooFar:       {"#12 every 30m until dec 31 18:00"},
	} {
		for _, text := range texts {
			if got, err := times.Follow(text); whyOf(t, err) != want || got != (FollowUp{}) {
				t.Errorf("Follow(%q) = %+v, %v, want %q", text, got, err, want)
			}
		}
	}
}

// zones are some with and without changes of the clocks, and one whose offset is
// no whole hour.
var testZones = []string{"Asia/Shanghai", "Europe/Berlin", "America/New_York", "Asia/Kathmandu", "Australia/Lord_Howe"}

// Every moment within the limit can be said in many ways, and each is understood.
func TestWrittenTimesAreReadBack(t *testing.T) {
	t.Parallel()
	layouts := []string{
		"2006-01-02 15:04", "2006/1/2 15:04", "2006年1月2日PM3点04分", "2006-01-02 3:04pm", "January 2 15:04", "Jan 2 2006 3:04 PM", "2 January 2006 at 15:04",
		"15:04 on Mon 2 Jan", "Monday January 2 3:04pm", "1月2日 15:04", "1月2号PM3时4分", "15:04 1月2日", "1月2日15:04前", "by Jan 2, 2006 15:04",
	}
	zones := make([]*time.Location, len(testZones))
	for i, name := range testZones {
		zones[i] = zone(t, name)
	}
	rapid.Check(t, func(t *rapid.T) {
		loc := rapid.SampledFrom(zones).Draw(t, "zone")
		now := time.Unix(rapid.Int64Range(1_700_000_000, 2_000_000_000).Draw(t, "now"), 0).In(loc)
		times := Times{Now: now, MinEvery: 5 * time.Minute, MaxEvery: time.Hour, MaxAhead: 30 * 24 * time.Hour, MaxLater: 90 * 24 * time.Hour}
		at := now.Add(time.Duration(rapid.Int64Range(60, 30*86400).Draw(t, "seconds ahead")) * time.Second).Truncate(time.Minute)
		phrase := at.Format(rapid.SampledFrom(layouts).Draw(t, "layout"))
		got, err := times.Deadline(phrase)
		if err != nil {
			t.Fatalf("at %v: Deadline(%q): %v", now, phrase, err)
		}
		twice := got.Before(at) && got.After(now) && got.Format(onMinute) == at.Format(onMinute) // the clocks show it
		if !got.Equal(at) && !twice {
			t.Fatalf("at %v: Deadline(%q) = %v, want %v", now, phrase, got, at)
		}
		line := phrase + " 停机"
		if !strings.HasPrefix(phrase, "by ") {
			line = strings.TrimSuffix(phrase, "前") + "前 停机"
		}
		if terms, err := times.Announce(line); err != nil || !terms.Deadline.Equal(got) || terms.Title != "停机" {
			t.Fatalf("Announce(%q) = %+v, %v, want %v", line, terms, err, got)
		}
	})
}

func TestWrittenIntervalsAreReadBack(t *testing.T) {
	t.Parallel()
	times := onWednesday(t)
	rapid.Check(t, func(t *rapid.T) {
		every := time.Duration(rapid.Int64Range(5, 7*24*60).Draw(t, "minutes")) * time.Minute
		text := strings.TrimSuffix(every.String(), "0s")
		chinese := strings.NewReplacer("h", "小时", "m", "分钟").Replace(text)
		for _, phrase := range []string{text, "every " + text, "每" + chinese, "每隔 " + chinese} {
			if got, err := times.Every(phrase); got != every || err != nil {
				t.Fatalf("Every(%q) = %v, %v, want %v", phrase, got, err, every)
			}
		}
		follow, err := times.Follow("#12 每" + chinese + " 直到90%")
		if want := (FollowUp{Number: 12, Every: every, UntilPercent: 90}); follow != want || err != nil {
			t.Fatalf("Follow = %+v, %v, want %+v", follow, err, want)
		}
	})
}

// A title that does not speak of time is never touched.
func TestTitlesAreKeptToTheByte(t *testing.T) {
	t.Parallel()
	times := onWednesday(t)
	title := rapid.StringMatching(`[停机维护请保存工作xyz*_👍][停机维护请保存工作 xyz，,:：*_👍]{0,30}`)
	rapid.Check(t, func(t *rapid.T) {
		typed := title.Draw(t, "title")
		for _, terms := range []string{"", "18:00前 ", "by 18:00, ", "每30分钟，", "by friday 18:00 every 30m ", "周五 18:00 之前，每2小时提醒："} {
			if got, err := times.Announce(terms + typed); err != nil || got.Title != typed {
				t.Fatalf("Announce(%q) = %+v, %v, want the title %q", terms+typed, got, err, typed)
			}
		}
	})
}

func TestHugePhrases(t *testing.T) {
	t.Parallel()
	times := onWednesday(t)
	for _, piece := range []string{"9", "18:00", "周", "每", "by ", "every ", "1h", "#12 ", "一十", "the ", "前", "18:00前 ", "每小时 ", "下", " ", "until 90% or ", "周五 ", "今天"} {
		huge := strings.Repeat(piece, 20_000)
		if got, err := times.Deadline(huge); err == nil && piece != "今天" {
			t.Errorf("Deadline(%q…) = %v", piece, got)
		}
		_, _ = times.Every(huge)
		_, _ = times.Announce(huge)
		_, _ = times.Follow(huge)
	}
}
