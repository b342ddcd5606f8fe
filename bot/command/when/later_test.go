package when

import (
	"testing"
	"time"

	"whoread/receipts"
)

// It is noon of Wednesday, 18 November 2026.
func TestWhenToPost(t *testing.T) {
	t.Parallel()
	times := onWednesday(t)
	for want, lines := range map[string][]string{
		"2026-11-19 09:00": {
			"明天9:00发 停机", "明天 9:00 发 停机", "明天9点整上午发，停机", "明早9点发 停机", "明天上午九点发布：停机", "9:00发 停机", "周四 09:00 发出 停机", "11月19日9:00发送 停机",
			"at 9:00 tomorrow 停机", "at 9:00 停机", "At 9am tomorrow: 停机", "at tomorrow 9:00, 停机", "at 9:00 on thursday, 停机", "at 9 a.m. 停机", "at 09:00 停机",
		},
		"2026-11-18 18:00": {"18:00发 停机", "今晚6点发 停机", "at 6pm 停机", "at 18:00 停机", "今天18:00发：停机"},
		"2026-11-19 00:00": {"24:00发 停机", "0:00发 停机", "at midnight today 停机", "at 0:00 停机"},
		"2026-11-20 16:00": {"周五16:00发 停机", "本周五下午4点发 停机", "at 16:00 on Friday, 停机"},
		"2027-02-16 12:00": {"2027年2月16日12:00发 停机", "at 2027-02-16 12:00 停机"},
	} {
		for _, line := range lines {
			got, err := times.Announce(line)
			if err != nil || got.At.Format(onMinute) != want || got.Title != "停机" || got.Again != 0 || !got.Deadline.IsZero() || got.Every != 0 {
				t.Errorf("%q: %+v, %v, want %s", line, got, err, want)
			}
		}
	}
}

func TestWhenToPostIsAskedAbout(t *testing.T) {
	t.Parallel()
	times := onWednesday(t)
	for want, lines := range map[Why][]string{
		OverToday:     {"今天9:00发 停机", "at 9:00 today 停机"},
		Over:          {"昨天9:00发 停机", "11月17日9:00发 停机"},
		NoTimeOfDay:   {"明天发 停机", "at friday, 停机"},
		TwoHours:      {"6点发 停机", "明天9点发 停机", "at 9 o'clock tomorrow, 停机"},
		TwoDays:       {"at 9:00 next friday, 停机", "周五11月19日9:00发 停机"},
		Unseparated:   {"明天9:00发停机通知", "每周五16:00停机", "at 18:00 friday lunch", "every friday 16:00 30 people"},
		TooFarToPost:  {"2027年2月17日9:00发 停机", "at 2027-02-17 09:00 停机"},
		BeforePosting: {"周五9:00发，明天18:00前 停机", "明天18:00前，周五9:00发 停机", "at 9:00 on friday, by 18:00 tomorrow, 停机"},
		NotUnderstood: {"9:00发 10:00发 停机", "每周五16:00发，明天9:00发 停机", "每月1日9:00 停机", "每周五 停机", "every friday lunch", "at 9:00ish 停机", "每天提醒 停机", "明年3月1日9:00发 停机", "国庆节发 停机", "下班前半小时发 停机"},
	} {
		for _, line := range lines {
			got, err := times.Announce(line)
			if why := whyOf(t, err); why != want || got != (Opening{}) {
				t.Errorf("%q: %q, %+v, want %q", line, why, got, want)
			}
		}
	}
}

func TestWhatIsNoTimeToPostIsATitle(t *testing.T) {
	t.Parallel()
	times := onWednesday(t)
	for _, line := range []string{
		"明天9:00停机", "明天发工资", "发工资", "at the office party", "At least read it", "发布会 明天9:00", "工作日安排", "工作日 9:00 停机", "天天向上", "Attention please", "at", "发", "会后发 材料", "明天9:00 发工资",
	} {
		if got, err := times.Announce(line); err != nil || got != (Opening{Title: line}) {
			t.Errorf("%q: %+v, %v", line, got, err)
		}
	}
}

func TestAgainAndAgain(t *testing.T) {
	t.Parallel()
	times := onWednesday(t)
	workdays := receipts.WeekdaysOf(time.Monday, time.Tuesday, time.Wednesday, time.Thursday, time.Friday)
	for _, c := range []struct {
		first string
		again receipts.Weekdays
		lines []string
	}{
		{"2026-11-20 16:00", receipts.WeekdaysOf(time.Friday), []string{
			"每周五 16:00 周报", "每周五16:00发 周报", "每星期五下午4点：周报", "每个星期五 16:00，周报", "每周五的16:00 周报", "every Friday 16:00 周报", "every friday at 4pm, 周报", "every fri at 16:00: 周报",
		}},
		{"2026-11-19 09:30", workdays, []string{
			"每个工作日 9:30 周报", "每工作日9:30发 周报", "工作日每天9:30 周报", "每周一至周五 9:30 周报", "每周一到五9:30 周报", "every workday 9:30 周报", "every weekday at 9:30 周报", "every monday to friday at 9:30 周报",
		}},
		{"2026-11-18 15:00", receipts.WeekdaysOf(time.Monday, time.Wednesday), []string{
			"每周一三15:00 周报", "每周一、周三 15:00 周报", "每周一和周三下午三点 周报", "every monday and wednesday at 15:00 周报", "every mon, wed at 3pm 周报",
		}},
		{"2026-11-23 15:00", receipts.WeekdaysOf(time.Monday), []string{"每周一下午三点 周报", "每周一15点 周报"}},
		{"2026-11-19 08:00", everyDay, []string{"每天8:00 周报", "每天早上8点发 周报", "every day at 8:00 周报", "每日 8:00 周报"}},
	} {
		for _, line := range c.lines {
			got, err := times.Announce(line)
			if err != nil || got.At.Format(onMinute) != c.first || got.Again != c.again || got.Title != "周报" {
				t.Errorf("%q: %+v, %v, want %s on %v", line, got, err, c.first, c.again.All())
			}
		}
	}
}

func TestADeadlineIsMeantFromThePosting(t *testing.T) {
	t.Parallel()
	times := onWednesday(t)
	for want, lines := range map[string][]string{
		"2026-11-20 18:00": {"周五9:00发，18:00前 停机", "18:00前，周五9:00发 停机", "at 9:00 on friday, by 18:00, 停机", "每周五 9:00，18:00前 停机", "周五9:00发 周五18:00前 停机"},
		"2026-11-23 18:00": {"周五9:00发，周一18:00前 停机", "每周五9:00，周一18:00前，停机"},
		"2026-11-21 18:00": {"周五9:00发，11月21日18:00前 停机"},
		"2027-03-17 12:00": {"2027年2月16日12:00发，2027年3月17日12:00前 停机"},
	} {
		for _, line := range lines {
			got, err := times.Announce(line)
			if err != nil || got.Deadline.Format(onMinute) != want || got.Title != "停机" || got.At.IsZero() {
				t.Errorf("%q: %+v, %v, want %s", line, got, err, want)
			}
		}
	}
	got, err := times.Announce("明天9:00发，18:00前，每30分钟，停机")
	if err != nil || got.Every != 30*time.Minute || got.Deadline.Format(onMinute) != "2026-11-19 18:00" {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestWhenToPostWhereClocksChange(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		now, line string
		want      string // the time, with its offset from UTC, or the question
	}{
		{"2026-03-28 12:00", "明天2:30发 停机", string(NoSuchTime)},
		{"2026-03-28 12:00", "at 2:30 停机", string(NoSuchTime)},
		{"2026-03-28 12:00", "明天9:00发 停机", "2026-03-29 09:00 +0200"},
		{"2026-03-28 12:00", "每天2:30 停机", "2026-03-30 02:30 +0200"},
		{"2026-10-24 12:00", "明天2:30发 停机", string(TwoTimes)},
		{"2026-10-24 12:00", "明天9:00发 停机", "2026-10-25 09:00 +0100"},
	} {
		got, err := timesAt(t, "Europe/Berlin", c.now).Announce(c.line)
		if at := got.At.Format(onMinute + " -0700"); at != c.want && string(whyOf(t, err)) != c.want {
			t.Errorf("at %s %q: %s, %v, want %s", c.now, c.line, at, err, c.want)
		}
	}
}
