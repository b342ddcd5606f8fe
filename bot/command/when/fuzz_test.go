package when

import (
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

// FuzzDeadline reads anything as a deadline and as the first line of an
// announcement, at any time.
func FuzzDeadline(f *testing.F) {
	for _, seed := range []string{
		"", "by 18:00 Report", "18：00前 停机", "周五 18:00 之前，每2小时提醒，停机维护", "every 30m by friday at 6:30 p.m., Report", "11月25日（周三）十八点半前 x", "by 25th of november, 2026 noon x",
		"12/5 18:00", "2026-11-25 24:00", "tonight midnight", "next monday 12am", "下下周日晚上12点", "国庆节前 放假", "by the way", "1h30m", "每一个半小时 x", "\xff\u200b18:00前\u202e x", "by eod",
		"明天9:00发，周五18:00前 停机", "at 9:00 tomorrow Title", "每周一三五 16:00 周报", "every mon to fri at 9:30, by 18:00 x", "工作日每天9:30发 x", "0:00发 x",
	} {
		f.Add(seed, int64(1_795_000_000))
	}
	f.Add("2:30", int64(1_792_888_200)) // Berlin's clocks show it twice
	f.Add("tomorrow 2:30", int64(1_774_700_000))
	berlin := zone(f, "Europe/Berlin")
	f.Fuzz(func(t *testing.T, typed string, seconds int64) {
		const years = 200 * 366 * 86400
		now := time.Unix(seconds%years, 0).In(berlin)
		times := Times{Now: now, MinEvery: 5 * time.Minute, MaxEvery: 7 * 24 * time.Hour, MaxAhead: 30 * 24 * time.Hour, MaxLater: 90 * 24 * time.Hour}
		good := func(at time.Time) bool { return at.After(now) && !at.After(now.Add(times.MaxAhead)) }

		at, err := times.Deadline(typed)
		if why := whyOf(t, err); why == "" && !good(at) || why != "" && !at.IsZero() {
			t.Fatalf("at %v: %v, %v", now, at, err)
		}
		if err == nil {
			again, err := times.Deadline(at.Format("2006-01-02 15:04"))
			if err != nil || again.Format(onMinute) != at.Format(onMinute) {
				t.Fatalf("%v is read back as %v, %v", at, again, err)
			}
		}
		every, err := times.Every(typed)
		if why := whyOf(t, err); why == "" && (every < times.MinEvery || every > times.MaxEvery) || why != "" && every != 0 {
			t.Fatalf("%v, %v", every, err)
		}
		terms, err := times.Announce(typed)
		switch why := whyOf(t, err); {
		case why != "" && terms != (Opening{}):
			t.Fatalf("%+v with %v", terms, err)
		case why != "":
		case !strings.HasSuffix(typed, terms.Title):
			t.Fatalf("the title %q was not typed", terms.Title)
		case utf8.ValidString(typed) && !utf8.ValidString(terms.Title):
			t.Fatalf("the title %q is cut inside a rune", terms.Title)
		case !terms.At.IsZero() && (!terms.At.After(now) || terms.At.After(now.Add(times.MaxLater))), !terms.At.IsZero() && terms.Again != 0 && !terms.Again.Has(terms.At.Weekday()):
			t.Fatalf("at %v: %+v", now, terms)
		case !terms.At.IsZero() && !terms.Deadline.IsZero() && (!terms.Deadline.After(terms.At) || terms.Deadline.After(terms.At.Add(times.MaxAhead))):
			t.Fatalf("at %v: %+v", now, terms)
		case terms.At.IsZero() && !terms.Deadline.IsZero() && !good(terms.Deadline), terms.Every != 0 && (terms.Every < times.MinEvery || terms.Every > times.MaxEvery):
			t.Fatalf("at %v: %+v", now, terms)
		case terms.At.IsZero() && terms.Deadline.IsZero() && terms.Every == 0 && terms.Title != typed:
			t.Fatalf("%q was taken off a title", strings.TrimSuffix(typed, terms.Title))
		}
	})
}

// FuzzFollow reads anything as how to follow a message.
func FuzzFollow(f *testing.F) {
	for _, seed := range []string{
		"", "#12 every 30m until 90% or 18:00", "＃１２　每30分钟 直到90%或18:00", "12 1h30m till everybody has read it", "每半小时提醒一次，到百分之九十为止 #3", "#0 0m", "until 101%", "#12 every 30",
		"直到全员已读 每2小时", "99999999999999999999 99999999999999w", "#12 until 0.5% every 1.5h", "#1 # 2 30m or",
	} {
		f.Add(seed)
	}
	times := onWednesday(f)
	f.Fuzz(func(t *testing.T, typed string) {
		terms, err := times.Follow(typed)
		if why := whyOf(t, err); why != "" {
			if terms != (FollowUp{}) {
				t.Fatalf("%+v with %v", terms, err)
			}
			return
		}
		late := times.Now.Add(times.MaxAhead)
		if terms.Every < times.MinEvery || terms.Every > times.MaxEvery || terms.UntilPercent < 0 || terms.UntilPercent > 100 ||
			terms.Number < 0 || terms.Number > maxNumber || !terms.Until.IsZero() && (!terms.Until.After(times.Now) || terms.Until.After(late)) {
			t.Fatalf("%+v", terms)
		}
		if again, err := times.Follow("\u3000" + typed + " \n"); err != nil || again != terms {
			t.Fatalf("surrounding space matters: %+v, %v, not %+v", again, err, terms)
		}
	})
}
