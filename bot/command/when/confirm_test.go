package when

import "testing"

func TestAnnouncementsThatAskToBeConfirmed(t *testing.T) {
	for _, test := range []struct {
		line, title            string
		deadline, every, later bool
	}{
		{"需回执 国庆放假", "国庆放假", false, false, false},
		{"需要回执，国庆放假", "国庆放假", false, false, false},
		{"请确认：国庆放假", "国庆放假", false, false, false},
		{"需确认 国庆放假", "国庆放假", false, false, false},
		{"需要确认", "", false, false, false},
		{"18:00前 需回执 国庆放假", "国庆放假", true, false, false},
		{"需回执 18:00前 每30分钟 国庆放假", "国庆放假", true, true, false},
		{"明天9:00发，需回执，国庆放假", "国庆放假", false, false, true},
		{"confirm Fire drill", "Fire drill", false, false, false},
		{"with confirmation: Fire drill", "Fire drill", false, false, false},
		{"by 18:00 confirm Fire drill", "Fire drill", true, false, false},
		{"confirm by 18:00 Fire drill", "Fire drill", true, false, false},
		{"by 18:00 every 30m and with confirmation Fire drill", "Fire drill", true, true, false},
		{"confirm at 9:00 tomorrow, Fire drill", "Fire drill", false, false, true},
		{"confirm, your new address", "your new address", false, false, false},
	} {
		got, err := onWednesday(t).Announce(test.line)
		if err != nil || !got.Confirm || got.Title != test.title || got.Deadline.IsZero() == test.deadline || (got.Every > 0) != test.every || got.At.IsZero() == test.later {
			t.Errorf("%s: %+v, %v", test.line, got, err)
		}
	}
}

func TestWhatAsksForNoConfirmation(t *testing.T) {
	for _, line := range []string{"请确认个人信息", "需确认的事项", "确认 名单", "confirmation of the minutes", "Confirmed: drill", "conf irm it", "回执 标题"} {
		if got, err := onWednesday(t).Announce(line); err != nil || got.Confirm || got.Title != line {
			t.Errorf("%s: %+v, %v", line, got, err)
		}
	}
	for _, line := range []string{"confirm your address", "Confirm the minutes", "confirm that you have read it", "by 18:00 confirm receipt of the keys"} {
		if _, err := onWednesday(t).Announce(line); whyOf(t, err) != ConfirmOrTitle {
			t.Errorf("%s: %v", line, err)
		}
	}
	for _, line := range []string{"需回执 请确认 标题", "confirm with confirmation Title"} {
		if got, err := onWednesday(t).Announce(line); err == nil {
			t.Errorf("%s: %+v", line, got)
		}
	}
}
