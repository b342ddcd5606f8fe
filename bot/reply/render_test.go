package reply

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"whoread/bot/command"
	"whoread/bot/export"
	"whoread/receipts"
	"whoread/receipts/dingtalk"
)

// At 14:35 in China, on the day of the announcement.
var (
	china  = time.FixedZone("CST", 8*3600)
	asked  = time.Date(2026, 8, 3, 14, 35, 0, 0, china)
	posted = asked.Add(-time.Hour)
)

// people are userIds and their names: u1 is 甲, ...
func people(from, to int) ([]string, receipts.Names) {
	var ids []string
	names := receipts.Names{}
	for i := from; i <= to; i++ {
		id := fmt.Sprintf("u%d", i)
		ids = append(ids, id)
		names[id] = fmt.Sprintf("人%d", i)
	}
	return ids, names
}

// reportOf is a complete report: so many of total have read.
func reportOf(read, total int) (receipts.Report, receipts.Names) {
	ids, names := people(1, total)
	r := receipts.Report{
		Message: receipts.Message{Number: 3, Title: "周五 22:00 停机维护", State: receipts.Sent, CreatedAt: posted, SentAt: posted},
		Total:   total, AsOf: asked, Counted: posted, Source: receipts.SceneGroup,
	}
	for _, id := range ids[:read] {
		r.Read = append(r.Read, receipts.Receipt{UserID: id, Read: receipts.Read{At: asked}})
	}
	r.Unread = ids[read:]
	return r, names
}

func pageOf(language command.Language, names receipts.Names) Page {
	return Page{Words: For(language), Names: names, MaxNames: 50, Now: asked, Zone: china, Group: "cid+1/=="}
}

func TestReport(t *testing.T) {
	t.Parallel()
	incomplete := func(part receipts.Part, err error) func(*receipts.Report) {
		return func(r *receipts.Report) { r.Unread, r.Gaps = nil, []receipts.Gap{{Part: part, Err: err}} }
	}
	state := func(s receipts.State) func(*receipts.Report) {
		return func(r *receipts.Report) {
			r.Message.State, r.Unread, r.Gaps = s, nil, []receipts.Gap{{Part: receipts.ReadersPart, Err: receipts.ErrOver}}
		}
	}
	notPosted := func(s receipts.State, reason receipts.Reason) func(*receipts.Report) {
		return func(r *receipts.Report) {
			state(s)(r)
			r.Message.Reason, r.Read, r.AsOf = reason, nil, time.Time{}
		}
	}
	for name, test := range map[string]struct {
		read, total int
		change      func(*receipts.Report)
		withReaders bool
		zh, en      Answer
	}{
		"unread": {
			read: 37, total: 45,
			zh: Answer{Title: `还有 8 人没读 #3「周五 22:00 停机维护」`, Text: `**还有 8 人没读** #3「周五 22:00 停机维护」
人38、人39、人40、人41、人42、人43、人44、人45
已读 37/45。说「提醒」@ 他们。`},
			en: Answer{Title: `8 have not read #3 "周五 22:00 停机维护"`, Text: `**8 have not read** #3 "周五 22:00 停机维护"
人38, 人39, 人40, 人41, 人42, 人43, 人44, 人45
Read 37/45. Say "remind" to mention them.`},
		},
		"who read": {
			read: 2, total: 3, withReaders: true,
			zh: Answer{Title: `已读 2/3 #3「周五 22:00 停机维护」`, Text: `**已读 2/3** #3「周五 22:00 停机维护」
未读 1 人：人3
已读 2 人：人1、人2
说「提醒」@ 他们。`},
			en: Answer{Title: `Read 2/3 #3 "周五 22:00 停机维护"`, Text: `**Read 2/3** #3 "周五 22:00 停机维护"
Unread (1): 人3
Read (2): 人1, 人2
Say "remind" to mention them.`},
		},
		"nobody has read": {
			read: 0, total: 2, withReaders: true,
			zh: Answer{Title: `已读 0/2 #3「周五 22:00 停机维护」`, Text: `**已读 0/2** #3「周五 22:00 停机维护」
未读 2 人：人1、人2
说「提醒」@ 他们。`},
			en: Answer{Title: `Read 0/2 #3 "周五 22:00 停机维护"`, Text: `**Read 0/2** #3 "周五 22:00 停机维护"
Unread (2): 人1, 人2
Say "remind" to mention them.`},
		},
		"all have read": {
			read: 3, total: 3,
			zh: Answer{Title: `✅ #3「周五 22:00 停机维护」3 人都读了。`, Text: `✅ #3「周五 22:00 停机维护」3 人都读了。`},
			en: Answer{Title: `✅ All 3 have read #3 "周五 22:00 停机维护".`, Text: `✅ All 3 have read #3 "周五 22:00 停机维护".`},
		},
		"readers are missing": {
			read: 2, total: 3, withReaders: true, change: incomplete(receipts.ReadersPart, &receipts.Failure{Reason: receipts.Throttled}),
			zh: Answer{Title: `至少读了 2/3 #3「周五 22:00 停机维护」`, Text: `**至少读了 2/3** #3「周五 22:00 停机维护」
已读 2 人：人1、人2
已读名单没有取全，所以不列未读的人。钉钉限制了调用频率，请过一会儿再试。`},
			en: Answer{Title: `Read at least 2/3 #3 "周五 22:00 停机维护"`, Text: `**Read at least 2/3** #3 "周五 22:00 停机维护"
Read (2): 人1, 人2
I could not get all readers, so I don't name anybody as unread. DingTalk limits how often I may ask; please try again in a moment.`},
		},
		"as many readers as members, but who knows": {
			read: 3, total: 3, change: incomplete(receipts.MembersPart, receipts.ErrPaging),
			zh: Answer{Title: `至少读了 3/3 #3「周五 22:00 停机维护」`, Text: `**至少读了 3/3** #3「周五 22:00 停机维护」
群成员没有取全，可能有人已退群，所以不列未读的人。钉钉返回的分页有误，请稍后再问；若一直这样，请找管理员。`},
			en: Answer{Title: `Read at least 3/3 #3 "周五 22:00 停机维护"`, Text: `**Read at least 3/3** #3 "周五 22:00 停机维护"
I could not get all members and some may have left, so I don't name anybody as unread. DingTalk's pages make no sense; ask again later, and if this goes on, ask an admin.`},
		},
		"nobody knows who is in the group": {
			read: 2, total: 2, withReaders: true,
			change: func(r *receipts.Report) {
				incomplete(receipts.AudiencePart, receipts.ErrNoMemberList)(r)
				r.Total, r.Source, r.Counted = 0, "", time.Time{}
			},
			zh: Answer{Title: `读了 2 人 #3「周五 22:00 停机维护」`, Text: `**读了 2 人** #3「周五 22:00 停机维护」
已读 2 人：人1、人2
不知道群里有谁，所以不列未读的人。这个群的名单钉钉不给。管理员说「用量」看怎么补。`},
			en: Answer{Title: `2 have read #3 "周五 22:00 停机维护"`, Text: `**2 have read** #3 "周五 22:00 停机维护"
Read (2): 人1, 人2
I don't know who is in the group, so I don't name anybody as unread. DingTalk does not tell me who is in this group. An admin can say "usage" to see what can be done.`},
		},
		"people came, left and are from outside": {
			read: 1, total: 2,
			change: func(r *receipts.Report) { r.Joined, r.Left, r.Outsiders, r.Source = 3, 1, 2, receipts.Chat },
			zh: Answer{Title: `还有 1 人没读 #3「周五 22:00 停机维护」`, Text: `**还有 1 人没读** #3「周五 22:00 停机维护」
人2
另有 3 人后来入群，未计入 · 1 人没读就退了群，未计入 · 外部的 2 人没算
已读 1/2。说「提醒」@ 他们。`},
			en: Answer{Title: `1 has not read #3 "周五 22:00 停机维护"`, Text: `**1 has not read** #3 "周五 22:00 停机维护"
人2
3 joined later, not counted · 1 left without reading, not counted · 2 guests not counted
Read 1/2. Say "remind" to mention them.`},
		},
		"asked a moment ago": {
			read: 1, total: 1, change: func(r *receipts.Report) { r.AsOf = asked.Add(-9 * time.Second) },
			zh: Answer{Title: `✅ #3「周五 22:00 停机维护」1 人都读了。`, Text: `✅ #3「周五 22:00 停机维护」1 人都读了。`},
			en: Answer{Title: `✅ Everyone has read #3 "周五 22:00 停机维护" (1).`, Text: `✅ Everyone has read #3 "周五 22:00 停机维护" (1).`},
		},
		"known for long, and counted late": {
			read: 1, total: 2,
			change: func(r *receipts.Report) {
				r.AsOf, r.Counted, r.Source = asked.AddDate(0, 0, -1), posted.Add(16*time.Minute), receipts.Roster
			},
			zh: Answer{Title: `还有 1 人没读 #3「周五 22:00 停机维护」`, Text: `**还有 1 人没读** #3「周五 22:00 停机维护」
人2
截至昨天 14:35 · 按今天 13:51 的成员计
已读 1/2。说「提醒」@ 他们。`},
			en: Answer{Title: `1 has not read #3 "周五 22:00 停机维护"`, Text: `**1 has not read** #3 "周五 22:00 停机维护"
人2
as of yesterday 14:35 · counting the members of today 13:51
Read 1/2. Say "remind" to mention them.`},
		},
		"no title": {
			read: 1, total: 1, change: func(r *receipts.Report) { r.Message.Title = "\u202e\n" },
			zh: Answer{Title: `✅ #3「（无标题）」1 人都读了。`, Text: `✅ #3「（无标题）」1 人都读了。`},
			en: Answer{Title: `✅ Everyone has read #3 "(untitled)" (1).`, Text: `✅ Everyone has read #3 "(untitled)" (1).`},
		},
		"recalled": {
			read: 1, total: 2, withReaders: true, change: state(receipts.Recalled),
			zh: Answer{Title: `已撤回 #3「周五 22:00 停机维护」`, Text: `**已撤回** #3「周五 22:00 停机维护」
之前知道的：至少读了 1/2。
已读 1 人：人1
它已被撤回，不再统计。
截至今天 14:35`},
			en: Answer{Title: `#3 "周五 22:00 停机维护": recalled`, Text: `#3 "周五 22:00 停机维护": **recalled**
Known before: Read at least 1/2.
Read (1): 人1
It was recalled and is no longer counted.
as of today 14:35`},
		},
		"disbanded": {
			read: 1, total: 2, change: state(receipts.Disbanded),
			zh: Answer{Title: `群已解散 #3「周五 22:00 停机维护」`, Text: `**群已解散** #3「周五 22:00 停机维护」
之前知道的：至少读了 1/2。
群已解散，不再统计。
截至今天 14:35`},
			en: Answer{Title: `#3 "周五 22:00 停机维护": group disbanded`, Text: `#3 "周五 22:00 停机维护": **group disbanded**
Known before: Read at least 1/2.
The group was disbanded; it is no longer counted.
as of today 14:35`},
		},
		"expired": {
			read: 1, total: 2, change: state(receipts.Expired),
			zh: Answer{Title: `钉钉已不再提供数据 #3「周五 22:00 停机维护」`, Text: `**钉钉已不再提供数据** #3「周五 22:00 停机维护」
之前知道的：至少读了 1/2。
钉钉已不再提供这条消息的阅读数据；之后读的人看不到，所以不列未读的人。
截至今天 14:35`},
			en: Answer{Title: `#3 "周五 22:00 停机维护": no longer tracked by DingTalk`, Text: `#3 "周五 22:00 停机维护": **no longer tracked by DingTalk**
Known before: Read at least 1/2.
DingTalk no longer tells who read it. Who read it since can't be seen, so I don't name anybody as unread.
as of today 14:35`},
		},
		"being sent": {
			total: 2, change: notPosted(receipts.Sending, ""),
			zh: Answer{Title: `发送中 #3「周五 22:00 停机维护」`, Text: `**发送中** #3「周五 22:00 停机维护」
它正在发送，稍等再问。`},
			en: Answer{Title: `#3 "周五 22:00 停机维护": being sent`, Text: `#3 "周五 22:00 停机维护": **being sent**
It is being sent; ask again in a moment.`},
		},
		"failed": {
			total: 2, change: notPosted(receipts.Failed, receipts.BotStopped),
			zh: Answer{Title: `没有发出 #3「周五 22:00 停机维护」`, Text: `**没有发出** #3「周五 22:00 停机维护」
它没有发出，所以没有人读过。
机器人已被停用，请管理员在群设置或钉钉开放平台里启用。`},
			en: Answer{Title: `#3 "周五 22:00 停机维护": not posted`, Text: `#3 "周五 22:00 停机维护": **not posted**
It was not posted, so nobody has read it.
The bot was switched off; an admin can switch it on in the group's settings or DingTalk's developer console.`},
		},
		"uncertain": {
			total: 2, change: notPosted(receipts.Uncertain, receipts.Interrupted),
			zh: Answer{Title: `是否送达不确定 #3「周五 22:00 停机维护」`, Text: `**是否送达不确定** #3「周五 22:00 停机维护」
它是否送达不确定，所以无法统计；群里若看得到它，请引用它说「谁没读」。`},
			en: Answer{Title: `#3 "周五 22:00 停机维护": delivery uncertain`, Text: `#3 "周五 22:00 停机维护": **delivery uncertain**
It is uncertain whether it was delivered, so I can't tell; if you see it in the group, quote it and say "unread".`},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, names := reportOf(test.read, test.total)
			if test.change != nil {
				test.change(&r)
			}
			for language, want := range map[command.Language]Answer{command.Chinese: test.zh, command.English: test.en} {
				want.Text = strings.ReplaceAll(want.Text, "\n", lineBreak)
				got := pageOf(language, names).Report(r, test.withReaders)
				if diff := cmp.Diff(want, got, cmp.AllowUnexported(Answer{})); diff != "" {
					t.Errorf("%s (-want +got):\n%s", language, diff)
				}
			}
		})
	}
}

// Whatever is missing, nobody is called unread: neither by name nor by number.
func TestIncompleteReportsCallNobodyUnread(t *testing.T) {
	t.Parallel()
	for _, part := range []receipts.Part{receipts.ReadersPart, receipts.MembersPart, receipts.AudiencePart} {
		for _, err := range []error{
			receipts.ErrNotYet, receipts.ErrDelivering, receipts.ErrPaging, receipts.ErrNoMemberList, errors.New("u3 secret"),
			&receipts.Failure{Reason: receipts.Unavailable, Err: errors.New("secret")},
		} {
			r, names := reportOf(2, 4)
			r.Unread, r.Gaps = nil, []receipts.Gap{{Part: part, Err: err}}
			for _, language := range []command.Language{command.Chinese, command.English} {
				got := pageOf(language, names).Report(r, true)
				for _, never := range []string{"人3", "人4", "u3", "u4", "未读 ", "Unread (", "secret", "%!"} {
					if strings.Contains(got.Text+got.Title, never) {
						t.Errorf("%s, %v: %q in %q", part, err, never, got.Text)
					}
				}
			}
		}
	}
}

// just lists people with nothing after their names.
func just(ids []string) []listed {
	all := make([]listed, len(ids))
	for i, id := range ids {
		all[i].userID = id
	}
	return all
}

func TestList(t *testing.T) {
	t.Parallel()
	ids, names := people(1, 5)
	names["u4"] = "  " // as good as none
	delete(names, "u2")
	for name, test := range map[string]struct {
		maxNames int
		names    receipts.Names
		ids      []string
		zh, en   string
	}{
		"all":                         {50, names, []string{"u1", "u3"}, "未读 2 人：人1、人3", "Unread (2): 人1, 人3"},
		"no more than max_names":      {2, names, ids, "未读 5 人：人1、人3、… 等 5 人，说「导出」看全部", `Unread (5): 人1, 人3, … and 3 more; "export" lists all`},
		"never an id for a name":      {50, names, ids, "未读 5 人：人1、人3、人5、… 等 5 人，说「导出」看全部", `Unread (5): 人1, 人3, 人5, … and 2 more; "export" lists all`},
		"no name is known":            {50, nil, ids, "未读 5 人：查不到姓名", "Unread (5): their names are not known"},
		"names are made harmless":     {50, receipts.Names{"u1": "**[a](b)**\n# c"}, ids[:1], `未读 1 人：\*\*\[a\]\(b\)\*\* \# c`, `Unread (1): \*\*\[a\]\(b\)\*\* \# c`},
		"long names are shortened":    {50, receipts.Names{"u1": strings.Repeat("长", 99)}, ids[:1], "未读 1 人：" + strings.Repeat("长", 23) + "…", "Unread (1): " + strings.Repeat("长", 23) + "…"},
		"two people of the same name": {50, receipts.Names{"u1": "张伟", "u2": "张伟"}, ids[:2], "未读 2 人：张伟、张伟", "Unread (2): 张伟, 张伟"},
	} {
		for language, want := range map[command.Language]string{command.Chinese: test.zh, command.English: test.en} {
			p := pageOf(language, test.names)
			p.MaxNames = test.maxNames
			if got := p.list(p.UnreadNames, just(test.ids), p.AndMoreExported); got != want {
				t.Errorf("%s: %q, want %q", name, got, want)
			}
		}
	}
}

// However many people, and whatever they are called, DingTalk takes the report.
func TestReportOfThousands(t *testing.T) {
	t.Parallel()
	for name, hostile := range map[string]string{
		"markdown": "**[x](http://evil.example)** `|~!", "quotes": `""""""""""""""""""""""""`, "backslashes": `\\\\\\\\\\\\\\\\\\\\\\\\`, "emoji": "👨‍👩‍👧‍👦👨‍👩‍👧‍👦",
		"long": strings.Repeat("很长", 500), "HTML": "<b>&amp;</b>", "usual": "张三丰",
	} {
		r, names := reportOf(2_500, 5_000)
		r.Message.Title = strings.Repeat(hostile, 9)
		for id := range names {
			names[id] = hostile
		}
		for _, language := range []command.Language{command.Chinese, command.English} {
			p := pageOf(language, names)
			p.MaxNames = 5_000
			got := p.Report(r, true).Fit("", fits)
			param, err := dingtalk.Markdown(got.Title, got.Text).Encode()
			if err != nil || !utf8.ValidString(got.Text) {
				t.Errorf("%s in %s: valid %t, %v", name, language, utf8.ValidString(got.Text), err)
			}
			if len(param) < 8_000 {
				t.Errorf("%s in %s: only %d bytes of names", name, language, len(param))
			}
			first, _, _ := strings.Cut(got.Text, "\n")
			if !strings.HasPrefix(first, map[command.Language]string{command.Chinese: "**已读 2500/5000** #3「", command.English: `**Read 2500/5000** #3 "`}[language]) {
				t.Errorf("%s in %s begins with %q", name, language, first)
			}
		}
	}
}

func TestOverview(t *testing.T) {
	t.Parallel()
	some, names := reportOf(2, 3)
	some.Unread = nil
	all, _ := reportOf(3, 3)
	all.Message.Number, all.Message.Title, all.Message.CreatedAt = 2, "[link](x) **all**", posted.AddDate(0, 0, -3)
	blind := receipts.Report{Message: receipts.Message{Number: 1, Title: "Hello", State: receipts.Sent, CreatedAt: posted.AddDate(-1, 0, 0)}, Read: some.Read}
	for language, want := range map[command.Language]Answer{
		command.Chinese: {Title: "最近 3 条公告", Text: `**最近 3 条公告**
#3 周五 22:00 停机维护 · 2/3 · 今天 13:35
#2 \[link\]\(x\) \*\*all\*\* · ✅ 3/3 · 7月31日 13:35
#1 Hello · 已读 2 人 · 2025年8月3日 13:35`},
		command.English: {Title: "Last announcements (3)", Text: `**Last announcements (3)**
#3 周五 22:00 停机维护 · 2/3 · today 13:35
#2 \[link\]\(x\) \*\*all\*\* · ✅ 3/3 · 31 Jul 13:35
#1 Hello · read 2 · 3 Aug 2025 13:35`},
	} {
		want.Text = strings.ReplaceAll(want.Text, "\n", lineBreak)
		got := pageOf(language, names).Overview([]receipts.Report{some, all, blind})
		if diff := cmp.Diff(want, got, cmp.AllowUnexported(Answer{})); diff != "" {
			t.Errorf("%s (-want +got):\n%s", language, diff)
		}
	}
}

func TestOverviewOfStates(t *testing.T) {
	t.Parallel()
	for state, want := range map[receipts.State]map[command.Language]string{
		receipts.Sending:   {command.Chinese: "发送中 · 今天 13:35", command.English: "being sent · today 13:35"},
		receipts.Failed:    {command.Chinese: "没有发出 · 今天 13:35", command.English: "not posted · today 13:35"},
		receipts.Uncertain: {command.Chinese: "是否送达不确定 · 今天 13:35", command.English: "delivery uncertain · today 13:35"},
		receipts.Recalled:  {command.Chinese: "已撤回 · 今天 13:35", command.English: "recalled · today 13:35"},
		receipts.Disbanded: {command.Chinese: "群已解散 · 今天 13:35", command.English: "group disbanded · today 13:35"},
		receipts.Expired:   {command.Chinese: "钉钉已不再提供数据 · 今天 13:35", command.English: "no longer tracked by DingTalk · today 13:35"},
	} {
		for language, words := range want {
			r, names := reportOf(1, 2)
			r.Message.State = state
			if got := pageOf(language, names).Overview([]receipts.Report{r}).Text; !strings.Contains(got, "#3 周五 22:00 停机维护 · "+words) {
				t.Errorf("%s: %q, want %q in it", state, got, words)
			}
		}
	}
	for language, want := range map[command.Language]string{command.Chinese: chinese.ListNothing, command.English: english.ListNothing} {
		if got := pageOf(language, nil).Overview(nil); got != Say(want) {
			t.Errorf("an empty list: %+v", got)
		}
	}
}

func TestSay(t *testing.T) {
	t.Parallel()
	got := Say("**一** "+strings.Repeat("长", 99), "", "二")
	if runes := utf8.RuneCountInString(got.Title); runes != 60 || !strings.HasPrefix(got.Title, "一 长") || !strings.HasSuffix(got.Title, "…") {
		t.Errorf("title of %d runes: %q", runes, got.Title)
	}
	if !strings.HasSuffix(got.Text, "长  \n二") {
		t.Errorf("text %q", got.Text)
	}
}

// Neither the sentences nor the workbook of a learned audience pass for complete, even
// when all who are known have read.
func TestALearnedAudienceNeverPassesForComplete(t *testing.T) {
	t.Parallel()
	for _, language := range []command.Language{command.Chinese, command.English} {
		r, names := reportOf(3, 3)
		r.Source = receipts.Learned
		p := pageOf(language, names)
		for _, withReaders := range []bool{true, false} {
			got := p.Report(r, withReaders)
			if !strings.Contains(got.Text, p.Sources[receipts.Learned]) || strings.Contains(got.Text, "100%") || strings.Contains(got.Text, "✅") {
				t.Errorf("%s", got.Text)
			}
		}
		if facts := p.Workbook(r, "").Facts; !slices.Contains(facts, export.Fact{Label: p.Sheet.Source, Value: p.Sources[receipts.Learned]}) {
			t.Errorf("the workbook says %+v", facts)
		}
	}
}

// A workbook says once what is to be known of it, and what it lacks only where it lacks something.
func TestTheFactsOfAWorkbook(t *testing.T) {
	t.Parallel()
	for language, want := range map[command.Language][]string{
		command.Chinese: {"公告: #3 停机", "群: 项目组", "发出时间: 2026-08-03 13:35:00", "截止时间: 2026-08-03 18:00:00", "进度: 已读 1/3", "查询时间: 2026-08-03 14:35:00", "成员来源: 群成员列表"},
		command.English: {"Message: #3 停机", "Group: 项目组", "Posted at: 2026-08-03 13:35:00", "Due: 2026-08-03 18:00:00", "Progress: read 1/3", "Asked at: 2026-08-03 14:35:00", "Members by: the group's list"},
	} {
		r, names := reportOf(1, 3)
		p := pageOf(language, names)
		r.Message.Title, r.Source = "停机", receipts.SceneGroup
		r.Message.Deadline = time.Date(2026, 8, 3, 18, 0, 0, 0, p.Zone)
		facts := func() (said []string) {
			for _, fact := range p.Workbook(r, "项目组").Facts {
				said = append(said, fact.Label+": "+fact.Value)
			}
			return said
		}
		if diff := cmp.Diff(want, facts()); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
		if !p.Workbook(r, "").Created.Equal(asked) {
			t.Errorf("created %v", p.Workbook(r, "").Created)
		}
		r.Unread, r.Gaps = nil, []receipts.Gap{{Part: receipts.ReadersPart, Err: receipts.ErrPaging}}
		if got := strings.Join(facts(), "\n"); !strings.Contains(got, "\n"+p.Sheet.Missing+": "+p.gaps(r)[0]) {
			t.Errorf("it does not say what it lacks:\n%s", got)
		}
	}
}

// Where DingTalk pushed the times of all, the first and the last are told; a read that only
// a query showed has none.
func TestReadersWithTheirTimes(t *testing.T) {
	t.Parallel()
	for _, exact := range []bool{true, false} {
		r, names := reportOf(2, 3)
		r.Read[0].Read = receipts.Read{At: asked.Add(-time.Hour), Exact: true}
		r.Read[1].Exact = exact
		for language, want := range map[command.Language]string{command.Chinese: "最早今天 13:35，最晚今天 14:35。", command.English: "First today 13:35, last today 14:35."} {
			if got := pageOf(language, names).Report(r, true).Text; strings.Contains(got, want) != exact {
				t.Errorf("exact %t: %q in %q", exact, want, got)
			}
		}
	}
}

// Only who was reminded often is told of.
func TestHowOftenPeopleWereReminded(t *testing.T) {
	t.Parallel()
	r, names := reportOf(0, 3)
	r.Reminders = map[string]int{"u1": 2, "u2": 3}
	for language, want := range map[command.Language]string{command.Chinese: "人1、人2（提醒过 3 次）、人3", command.English: "人1, 人2 (reminded 3×), 人3"} {
		if got := pageOf(language, names).Report(r, false).Text; !strings.Contains(got, want) {
			t.Errorf("%q is missing in %q", want, got)
		}
	}
}
