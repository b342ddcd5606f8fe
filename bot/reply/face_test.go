package reply

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"whoread/bot/command"
	"whoread/receipts"
)

// Every answer about a message begins as one, however little of its markdown a quotation
// shows; and it is about no other message.
func TestAnswersBeginAsSuch(t *testing.T) {
	t.Parallel()
	lacking := []receipts.Gap{{Part: receipts.ReadersPart, Err: receipts.ErrPaging}}
	for _, language := range []command.Language{command.Chinese, command.English} {
		var all []Answer
		for _, read := range []int{0, 1, 2, 11, 12} {
			for _, change := range []func(*receipts.Report){
				func(*receipts.Report) {},
				func(r *receipts.Report) { r.Source = receipts.Learned },
				func(r *receipts.Report) { r.Unread, r.Gaps = nil, lacking },
				func(r *receipts.Report) { r.Unread, r.Gaps, r.Total = nil, lacking, 0 },
				func(r *receipts.Report) { r.Unread, r.Message.State = nil, receipts.Recalled },
				func(r *receipts.Report) { r.Unread, r.Message.State = nil, receipts.Uncertain },
			} {
				r, names := reportOf(read, 12)
				r.Message.Title = "关于 #7 号楼"
				change(&r)
				p := pageOf(language, names)
				all = append(all, p.Report(r, true), p.Report(r, false), p.Summary(r))
			}
		}
		w := For(language)
		all = append(all, Say(fmt.Sprintf(w.Announced, 3, 12)), Say(fmt.Sprintf(w.NobodyToRemind, 3)), Say(fmt.Sprintf(w.ReallyRecall, fmt.Sprintf(w.Named, 3, "关于 #7 号楼"))), Say(fmt.Sprintf(w.Following, 3, "x", 3)), Say(fmt.Sprintf(w.Exported, 3)))
		for _, a := range all {
			for _, text := range []string{a.Text, strings.NewReplacer("*", "", "  \n", "\n").Replace(a.Text), strings.Join(strings.Fields(a.Text), "")} {
				if !Begins(text, 3) {
					t.Errorf("%q is no answer about #3", text)
				}
				for _, other := range []int{7, 1, 33} {
					if Begins(text, other) {
						t.Errorf("%q is an answer about #%d", text, other)
					}
				}
			}
		}
	}
}

// Nor is an announcement, whatever it says, an answer by the line that ends it.
func TestAnAnnouncementIsNoAnswer(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 8, 3, 14, 35, 0, 0, time.UTC)
	for _, w := range []*Words{&chinese, &english} {
		for _, face := range w.faces("#12") {
			before, _, _ := strings.Cut(face, "#12")
			a := receipts.Announcement{Title: before, Text: before, Number: 12, Author: receipts.Person{Name: "李雷"}, Deadline: now, Language: string(w.Language)}
			for _, p := range []Presenter{{Now: func() time.Time { return now }, Zone: time.UTC}, {Now: func() time.Time { return now }, Zone: time.UTC, Unsigned: true}} {
				text := p.Announcement(a).Text
				for _, shown := range []string{text, strings.Join(strings.Fields(text), " "), strings.Join(strings.Fields(text), "")} {
					if Begins(shown, 12) {
						t.Errorf("%q is an answer", shown)
					}
				}
			}
		}
	}
}

// What people write about a number is no answer, nor is the title of an announcement.
func TestWhatPeopleWriteIsNoAnswer(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"关于 #3 号楼停电", "关于 #3「停机」的补充", "还有 3 天 #3「停机」", "还有 8 人没读", "还有 8 人没读 3", "还有 8 人没读 #3 号楼的通知", "已读 #3", "请看 #3「停机」", `About #3 "Fire drill"`, `8 have not read building #3's notice`, "",
		"✅ 完成 #3「停机」", "#3", "已发出 #3", "✅ All done: #3",
	} {
		if Begins(text, 3) {
			t.Errorf("%q is an answer", text)
		}
	}
}
