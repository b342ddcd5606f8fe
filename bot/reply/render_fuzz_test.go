package reply

import (
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"whoread/bot/command"
	"whoread/bot/command/when"
	"whoread/receipts"
)

// rendered is everything that the bot says about a report and its reminders, with
// what people chose for names and titles in it.
func rendered(language command.Language, r receipts.Report, names receipts.Names, asker, group, said string) []Answer {
	p := pageOf(language, names)
	p.Group = group
	w := p.Words
	n := Reminder{Page: p, Message: r.Message, Asker: asker, Deadline: asked}
	private := n.Private(group)
	done := receipts.Reminded{
		Report: r, Missed: receipts.Missed{Unknown: r.Unread, Flooded: r.Unread}, Uncertain: r.Unread, Failed: r.Unread,
		Reached: map[receipts.Channel][]string{receipts.InPrivate: {"u1"}},
	}
	earlier := receipts.Reminder{Who: receipts.Person{Name: asker}, At: asked, Batches: []receipts.Batch{{UserIDs: []string{"u1", "u2"}}}}
	ended := receipts.FollowUp{Ended: receipts.DeadlineOver, Plan: receipts.Plan{Share: 100, Until: asked}}
	return []Answer{
		p.Report(r, true), p.Report(r, false), p.Summary(r), p.Overview([]receipts.Report{r, r}), p.Reminded(done, time.Minute), p.Ended(ended, r),
		Say(p.earlier(r.Message.Number, earlier, time.Minute)),
		{Title: private.Title, Text: private.Text},
		n.Mention(nil, ""),
		Say(fmt.Sprintf(w.InGroup, Escape(Shorten(group, TitleRunes)))),
		Say(fmt.Sprintf(w.RosterRemedy, Escape(group))), Say(w.Refusal(receipts.Admins, asker)), Say(fmt.Sprintf(w.Usage.Group, Escape(group))),
		Say(w.Question(&when.Unclear{Why: when.Over, Said: said})),
	}
}

// skeleton is the formatting of a text: the runes that markdown looks at, unescaped,
// and its line breaks.
func skeleton(text string) string {
	var b strings.Builder
	escaped := false
	for _, r := range text {
		switch {
		case escaped:
			escaped = false
		case r == '\\':
			escaped = true
		case strings.ContainsRune("`*_[]()<>#~|!\n", r):
			b.WriteRune(r)
		}
	}
	if escaped {
		b.WriteString("an escape without anything")
	}
	return b.String()
}

// FuzzRender renders reports of people with any names, in both languages: whatever
// they are called, the formatting is the one of people with harmless names, and
// DingTalk takes it.
func FuzzRender(f *testing.F) {
	for _, seed := range []string{
		"张三", "@all", "张三 @lilei ", "[x](dingtalk://x)", "![](http://x)", "# 大", "a\n# b\r\n> c", `\[x\`, "\\", "`*_[]()<>#~|!", "\u202ea\u2066", "\u200b", "\u0301", "a\u0301\u0302", "\x00\x1b[31m",
		"%s%d", "\xff\xfe", "\u2028\u2029\u0085", "👨‍👩‍👧‍👦", strings.Repeat("很长[", 2_500), "1. x", "- x", "", " ", "\u3164\u2800", "0", "<at id=all></at>", "…",
	} {
		f.Add(seed, "李四", "公告", "群", "李雷", uint8(3), uint16(5))
		f.Add("李四", seed, seed, seed, seed, uint8(0), uint16(0xffff))
	}
	states := []receipts.State{receipts.Sent, receipts.Sending, receipts.Failed, receipts.Uncertain, receipts.Recalled, receipts.Disbanded, receipts.Expired}
	f.Fuzz(func(t *testing.T, one, two, title, group, asker string, state uint8, read uint16) {
		if len(one)+len(two)+len(title)+len(group)+len(asker) > 100<<10 {
			t.Skip() // decode keeps no more
		}
		for _, s := range []*string{&one, &two, &title, &group, &asker} {
			*s = strings.ToValidUTF8(*s, "\ufffd") // as JSON gives them
		}
		r, names := reportOf(int(read)%6, 5)
		r.Message.Title, r.Message.State = title, states[int(state)%len(states)]
		r.Reminders = map[string]int{"u1": 1, "u5": 2}
		for i := range r.Read {
			r.Read[i].Exact = read&0x100 != 0
		}
		if read&0x200 != 0 {
			r.Unread, r.Gaps = nil, []receipts.Gap{{Part: receipts.MembersPart, Err: receipts.ErrNoMemberList}, {Part: receipts.ReadersPart, Err: receipts.ErrPaging}}
		}
		names["u1"], names["u2"], names["u5"] = one, two, one
		calm := func(s string) string { // the same with nothing in it to look at
			if Escape(s) == "" {
				return ""
			}
			return "x"
		}
		calmNames := receipts.Names{"u1": calm(Shorten(one, NameRunes)), "u2": calm(Shorten(two, NameRunes)), "u3": "x", "u4": "x", "u5": calm(Shorten(one, NameRunes))}
		calmReport := r
		calmReport.Message.Title = calm(Shorten(title, headingRunes))
		for _, language := range []command.Language{command.Chinese, command.English} {
			got := rendered(language, r, names, asker, group, title)
			want := rendered(language, calmReport, calmNames, calm(Shorten(asker, NameRunes)), calm(Shorten(group, TitleRunes)), "x")
			for i, a := range got {
				if diff := cmp.Diff(skeleton(want[i].Text), skeleton(a.Text)); diff != "" {
					t.Fatalf("people format %q (-without +with):\n%s", a.Text, diff)
				}
				for _, text := range append(strings.Split(a.Text, "\n"), a.Title) {
					if !utf8.ValidString(text) || strings.ContainsFunc(text, func(r rune) bool {
						return unicode.Is(unicode.Cc, r) || unicode.Is(unicode.Bidi_Control, r) || r == '\u2028' || r == '\u2029'
					}) {
						t.Fatalf("a line of %q", text)
					}
				}
				if err := fits(a.Fit("", fits)); err != nil {
					t.Fatal(err)
				}
			}
		}
	})
}
