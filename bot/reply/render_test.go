package reply

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"whoread/bot/command"
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
			zh: Answer{Title: "#3 已读 37/45", Text: `#3 周五 22:00 停机维护 · 已读 37/45 · 82% ▓▓▓▓▓▓▓▓░░
未读 8 人：人38、人39、人40、人41、人42、人43、人44、人45
14:35 查询 · 成员来自群成员列表`},
			en: Answer{Title: "#3 read 37/45", Text: `#3 周五 22:00 停机维护 · read 37/45 · 82% ▓▓▓▓▓▓▓▓░░
Unread (8): 人38, 人39, 人40, 人41, 人42, 人43, 人44, 人45
asked at 14:35 · members: the group's list`},
		},
		"who read": {
			read: 2, total: 3, withReaders: true,
			zh: Answer{Title: "#3 已读 2/3", Text: `#3 周五 22:00 停机维护 · 已读 2/3 · 66% ▓▓▓▓▓▓░░░░
已读 2 人：人1、人2
未读 1 人：人3
14:35 查询 · 成员来自群成员列表`},
			en: Answer{Title: "#3 read 2/3", Text: `#3 周五 22:00 停机维护 · read 2/3 · 66% ▓▓▓▓▓▓░░░░
Read (2): 人1, 人2
Unread (1): 人3
asked at 14:35 · members: the group's list`},
		},
		"nobody has read": {
			read: 0, total: 2, withReaders: true,
			zh: Answer{Title: "#3 已读 0/2", Text: `#3 周五 22:00 停机维护 · 已读 0/2 · 0% ░░░░░░░░░░
还没有人读。
未读 2 人：人1、人2
14:35 查询 · 成员来自群成员列表`},
			en: Answer{Title: "#3 read 0/2", Text: `#3 周五 22:00 停机维护 · read 0/2 · 0% ░░░░░░░░░░
Nobody has read it yet.
Unread (2): 人1, 人2
asked at 14:35 · members: the group's list`},
		},
		"all have read": {
			read: 3, total: 3,
			zh: Answer{Title: "#3 已读 3/3", Text: `#3 周五 22:00 停机维护 · 已读 3/3 · 100% ▓▓▓▓▓▓▓▓▓▓
3 人全部已读。
14:35 查询 · 成员来自群成员列表`},
			en: Answer{Title: "#3 read 3/3", Text: `#3 周五 22:00 停机维护 · read 3/3 · 100% ▓▓▓▓▓▓▓▓▓▓
Everybody has read it (3).
asked at 14:35 · members: the group's list`},
		},
		"readers are missing": {
			read: 2, total: 3, withReaders: true, change: incomplete(receipts.ReadersPart, &receipts.Failure{Reason: receipts.Throttled}),
			zh: Answer{Title: "#3 已读至少 2/3", Text: `#3 周五 22:00 停机维护 · 已读至少 2/3 · 66% ▓▓▓▓▓▓░░░░
已读 2 人：人1、人2
已读名单没有取全，所以不列未读的人。钉钉限制了调用频率，请过一会儿再试。
14:35 查询 · 成员来自群成员列表`},
			en: Answer{Title: "#3 read by at least 2/3", Text: `#3 周五 22:00 停机维护 · read by at least 2/3 · 66% ▓▓▓▓▓▓░░░░
Read (2): 人1, 人2
I could not get all readers, so I don't name anybody as unread. DingTalk limits how often I may ask; please try again in a moment.
asked at 14:35 · members: the group's list`},
		},
		"as many readers as members, but who knows": {
			read: 3, total: 3, change: incomplete(receipts.MembersPart, receipts.ErrPaging),
			zh: Answer{Title: "#3 已读至少 3/3", Text: `#3 周五 22:00 停机维护 · 已读至少 3/3 · 100% ▓▓▓▓▓▓▓▓▓▓
群成员没有取全，可能有人已退群，所以不列未读的人。钉钉返回的分页有误，请稍后再问；若一直这样，请管理员看日志。
14:35 查询 · 成员来自群成员列表`},
			en: Answer{Title: "#3 read by at least 3/3", Text: `#3 周五 22:00 停机维护 · read by at least 3/3 · 100% ▓▓▓▓▓▓▓▓▓▓
I could not get all members and some may have left, so I don't name anybody as unread. DingTalk's pages make no sense; ask again later, and if this goes on an administrator should look at the log.
asked at 14:35 · members: the group's list`},
		},
		"nobody knows who is in the group": {
			read: 2, total: 2, withReaders: true,
			change: func(r *receipts.Report) {
				incomplete(receipts.AudiencePart, receipts.ErrNoMemberList)(r)
				r.Total, r.Source, r.Counted = 0, "", time.Time{}
			},
			zh: Answer{Title: "#3 已读 2 人", Text: `#3 周五 22:00 停机维护 · 已读 2 人
已读 2 人：人1、人2
不知道群里有谁，所以不列未读的人。钉钉不提供这种群的成员名单，请管理员在配置 members.rosters 里为本群（会话 cid+1/==）写上成员或部门。
14:35 查询`},
			en: Answer{Title: "#3 read by 2", Text: `#3 周五 22:00 停机维护 · read by 2
Read (2): 人1, 人2
I don't know who is in the group, so I don't name anybody as unread. DingTalk has no member list for this kind of group; an administrator can write its members or departments into members.rosters (conversation cid+1/==).
asked at 14:35`},
		},
		"people came, left and are from outside": {
			read: 1, total: 2,
			change: func(r *receipts.Report) { r.Joined, r.Left, r.Outsiders, r.Source = 3, 1, 2, receipts.Chat },
			zh: Answer{Title: "#3 已读 1/2", Text: `#3 周五 22:00 停机维护 · 已读 1/2 · 50% ▓▓▓▓▓░░░░░
未读 1 人：人2
14:35 查询 · 另有 3 人后来入群，未计入 · 1 人没读就退了群，未计入 · 2 位外部人员无法统计 · 成员来自会话成员列表`},
			en: Answer{Title: "#3 read 1/2", Text: `#3 周五 22:00 停机维护 · read 1/2 · 50% ▓▓▓▓▓░░░░░
Unread (1): 人2
asked at 14:35 · 3 joined later, not counted · 1 left without reading, not counted · 2 from outside can't be tracked · members: the chat's list`},
		},
		"asked a moment ago": {
			read: 1, total: 1, change: func(r *receipts.Report) { r.AsOf = asked.Add(-9 * time.Second) },
			zh: Answer{Title: "#3 已读 1/1", Text: `#3 周五 22:00 停机维护 · 已读 1/1 · 100% ▓▓▓▓▓▓▓▓▓▓
1 人全部已读。
14:34 查询（9 秒前） · 成员来自群成员列表`},
			en: Answer{Title: "#3 read 1/1", Text: `#3 周五 22:00 停机维护 · read 1/1 · 100% ▓▓▓▓▓▓▓▓▓▓
Everybody has read it (1).
asked at 14:34 (9 s ago) · members: the group's list`},
		},
		"known for long, and counted late": {
			read: 1, total: 2,
			change: func(r *receipts.Report) {
				r.AsOf, r.Counted, r.Source = asked.AddDate(0, 0, -1), posted.Add(16*time.Minute), receipts.Roster
			},
			zh: Answer{Title: "#3 已读 1/2", Text: `#3 周五 22:00 停机维护 · 已读 1/2 · 50% ▓▓▓▓▓░░░░░
未读 1 人：人2
截至 08-02 14:35 · 按 13:51 的成员计 · 成员来自管理员配置的名册`},
			en: Answer{Title: "#3 read 1/2", Text: `#3 周五 22:00 停机维护 · read 1/2 · 50% ▓▓▓▓▓░░░░░
Unread (1): 人2
as of 08-02 14:35 · counting the members of 13:51 · members: the configured roster`},
		},
		"no title": {
			read: 1, total: 1, change: func(r *receipts.Report) { r.Message.Title = "\u202e\n" },
			zh: Answer{Title: "#3 已读 1/1", Text: `#3 （无标题） · 已读 1/1 · 100% ▓▓▓▓▓▓▓▓▓▓
1 人全部已读。
14:35 查询 · 成员来自群成员列表`},
			en: Answer{Title: "#3 read 1/1", Text: `#3 (untitled) · read 1/1 · 100% ▓▓▓▓▓▓▓▓▓▓
Everybody has read it (1).
asked at 14:35 · members: the group's list`},
		},
		"recalled": {
			read: 1, total: 2, withReaders: true, change: state(receipts.Recalled),
			zh: Answer{Title: "#3 已读至少 1/2", Text: `#3 周五 22:00 停机维护 · 已读至少 1/2 · 50% ▓▓▓▓▓░░░░░
已读 1 人：人1
它已被撤回，不再统计，以上是撤回前知道的。
截至 14:35 · 成员来自群成员列表`},
			en: Answer{Title: "#3 read by at least 1/2", Text: `#3 周五 22:00 停机维护 · read by at least 1/2 · 50% ▓▓▓▓▓░░░░░
Read (1): 人1
It was recalled; this is what was known before.
as of 14:35 · members: the group's list`},
		},
		"disbanded": {
			read: 1, total: 2, change: state(receipts.Disbanded),
			zh: Answer{Title: "#3 已读至少 1/2", Text: `#3 周五 22:00 停机维护 · 已读至少 1/2 · 50% ▓▓▓▓▓░░░░░
群已解散，不再统计，以上是之前知道的。
截至 14:35 · 成员来自群成员列表`},
			en: Answer{Title: "#3 read by at least 1/2", Text: `#3 周五 22:00 停机维护 · read by at least 1/2 · 50% ▓▓▓▓▓░░░░░
The group was disbanded; this is what was known before.
as of 14:35 · members: the group's list`},
		},
		"expired": {
			read: 1, total: 2, change: state(receipts.Expired),
			zh: Answer{Title: "#3 已读至少 1/2", Text: `#3 周五 22:00 停机维护 · 已读至少 1/2 · 50% ▓▓▓▓▓░░░░░
钉钉已不再提供这条消息的阅读数据，以上是之前知道的；之后读的人看不到，所以不列未读的人。
截至 14:35 · 成员来自群成员列表`},
			en: Answer{Title: "#3 read by at least 1/2", Text: `#3 周五 22:00 停机维护 · read by at least 1/2 · 50% ▓▓▓▓▓░░░░░
DingTalk no longer tells who read it; this is what was known before. Who read it since can't be seen, so I don't name anybody as unread.
as of 14:35 · members: the group's list`},
		},
		"being sent": {
			total: 2, change: notPosted(receipts.Sending, ""),
			zh: Answer{Title: "#3 发送中", Text: `#3 周五 22:00 停机维护
它正在发送，稍等再问。`},
			en: Answer{Title: "#3 being sent", Text: `#3 周五 22:00 停机维护
It is being sent; ask again in a moment.`},
		},
		"failed": {
			total: 2, change: notPosted(receipts.Failed, receipts.BotStopped),
			zh: Answer{Title: "#3 没有发出", Text: `#3 周五 22:00 停机维护
它没有发出，所以没有人读过。
机器人已被停用，请管理员在群设置或钉钉开放平台里启用。`},
			en: Answer{Title: "#3 not posted", Text: `#3 周五 22:00 停机维护
It was not posted, so nobody has read it.
The bot was switched off; an administrator can switch it on in the group's settings or DingTalk's developer console.`},
		},
		"uncertain": {
			total: 2, change: notPosted(receipts.Uncertain, receipts.Interrupted),
			zh: Answer{Title: "#3 是否送达不确定", Text: `#3 周五 22:00 停机维护
它是否送达不确定，所以无法统计；群里若看得到它，请引用它说「谁没读」。
发送过程中断了。`},
			en: Answer{Title: "#3 delivery uncertain", Text: `#3 周五 22:00 停机维护
It is uncertain whether it was delivered, so I can't tell; if you see it in the group, quote it and say "unread".
The sending was interrupted.`},
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
		"no more than max_names":      {2, names, ids, "未读 5 人：人1、人3等，另有 3 人未列名", "Unread (5): 人1, 人3 and 3 more"},
		"never an id for a name":      {50, names, ids, "未读 5 人：人1、人3、人5等，另有 2 人未列名", "Unread (5): 人1, 人3, 人5 and 2 more"},
		"no name is known":            {50, nil, ids, "未读 5 人：查不到姓名", "Unread (5): their names are not known"},
		"names are made harmless":     {50, receipts.Names{"u1": "**[a](b)**\n# c"}, ids[:1], `未读 1 人：\*\*\[a\]\(b\)\*\* \# c`, `Unread (1): \*\*\[a\]\(b\)\*\* \# c`},
		"long names are shortened":    {50, receipts.Names{"u1": strings.Repeat("长", 99)}, ids[:1], "未读 1 人：" + strings.Repeat("长", 23) + "…", "Unread (1): " + strings.Repeat("长", 23) + "…"},
		"two people of the same name": {50, receipts.Names{"u1": "张伟", "u2": "张伟"}, ids[:2], "未读 2 人：张伟、张伟", "Unread (2): 张伟, 张伟"},
	} {
		for language, want := range map[command.Language]string{command.Chinese: test.zh, command.English: test.en} {
			p := pageOf(language, test.names)
			p.MaxNames = test.maxNames
			if got := p.list(p.UnreadNames, just(test.ids)); got != want {
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
			if !strings.HasPrefix(first, "#3 ") || !strings.Contains(first, "2500/5000") || !strings.Contains(first, "50%") {
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
#3 周五 22:00 停机维护 · 已读至少 2/3 · 66% ▓▓▓▓▓▓░░░░ · 13:35
#2 \[link\]\(x\) \*\*all\*\* · 已读 3/3 · 100% ▓▓▓▓▓▓▓▓▓▓ · 07-31 13:35
#1 Hello · 已读 2 人 · 2025-08-03 13:35`},
		command.English: {Title: "Last announcements (3)", Text: `**Last announcements (3)**
#3 周五 22:00 停机维护 · read by at least 2/3 · 66% ▓▓▓▓▓▓░░░░ · 13:35
#2 \[link\]\(x\) \*\*all\*\* · read 3/3 · 100% ▓▓▓▓▓▓▓▓▓▓ · 07-31 13:35
#1 Hello · read by 2 · 2025-08-03 13:35`},
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
		receipts.Sending:   {command.Chinese: "发送中 · 13:35", command.English: "being sent · 13:35"},
		receipts.Failed:    {command.Chinese: "没有发出 · 13:35", command.English: "not posted · 13:35"},
		receipts.Uncertain: {command.Chinese: "是否送达不确定 · 13:35", command.English: "delivery uncertain · 13:35"},
		receipts.Recalled:  {command.Chinese: "已撤回 · 已读至少 1/2", command.English: "recalled · read by at least 1/2"},
		receipts.Disbanded: {command.Chinese: "群已解散 · 已读至少 1/2", command.English: "group disbanded · read by at least 1/2"},
		receipts.Expired:   {command.Chinese: "钉钉已不再提供数据 · 已读至少 1/2", command.English: "no longer tracked by DingTalk · read by at least 1/2"},
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

// A time that DingTalk pushed is told; a read that only a query showed carries
// the time of the query, and says so.
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
			if !strings.Contains(got.Text, p.Sources[receipts.Learned]) || strings.Contains(got.Text, "100%") || strings.Contains(got.Text, fmt.Sprintf(p.AllRead, 3)) {
				t.Errorf("%s", got.Text)
			}
		}
		for _, fact := range p.Workbook(r).Facts {
			if fact.Label == p.Sheet.Completeness && fact.Value != p.Sources[receipts.Learned] {
				t.Errorf("the workbook says %q", fact.Value)
			}
		}
	}
}

func TestReadersWithTheirTimes(t *testing.T) {
	t.Parallel()
	r, names := reportOf(2, 2)
	r.Read[0].Read = receipts.Read{At: asked.Add(-time.Hour), Exact: true}
	for language, want := range map[command.Language]string{command.Chinese: "已读 2 人：人1 13:35、人2 14:35前", command.English: "Read (2): 人1 13:35, 人2 by 14:35"} {
		if got := pageOf(language, names).Report(r, true).Text; !strings.Contains(got, want) {
			t.Errorf("%q is missing in %q", want, got)
		}
	}
	r, names = reportOf(21, 21)
	r.Read[0].Exact = true
	if got := pageOf(command.Chinese, names).Report(r, true).Text; strings.Contains(got, "人1 ") {
		t.Errorf("the times of many: %q", got)
	}
}
