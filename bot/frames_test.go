package bot_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"whoread/bot/command"
	"whoread/receipts"
	"whoread/receipts/dingtalk/dingtalktest"
)

// botMention is how a frame's atUsers tell of the bot.
func botMention(f map[string]any) any {
	return map[string]any{"dingtalkId": f["chatbotUserId"]}
}

// richly makes a frame one of rich text of these pieces, each a text or a whole part.
func richly(t *testing.T, data []byte, pieces ...any) []byte {
	t.Helper()
	return edit(t, data, func(f map[string]any) {
		var parts []any
		for _, piece := range pieces {
			if text, ok := piece.(string); ok {
				piece = map[string]any{"text": text}
			}
			parts = append(parts, piece)
		}
		delete(f, "text")
		f["msgtype"], f["content"] = "richText", map[string]any{"richText": parts}
	})
}

// mentioning adds people to those whom a frame mentions. One without a userId is from
// outside.
func mentioning(t *testing.T, data []byte, userIDs ...string) []byte {
	t.Helper()
	return edit(t, data, func(f map[string]any) {
		at := []any{botMention(f)}
		for _, id := range userIDs {
			who := map[string]any{"dingtalkId": "$:LWCP_v1:$" + id}
			if id != "" {
				who["staffId"] = id
			}
			at = append(at, who)
		}
		f["atUsers"] = at
	})
}

// Whatever a client makes of a mention, the command beside it is the command.
func TestMentionsInEveryShape(t *testing.T) {
	t.Parallel()
	inBothLanguages(t, func(t *testing.T, language command.Language) {
		unread := spoken{"谁没读", "unread"}.in(language)
		picture := map[string]any{"type": "picture", "downloadCode": "d"}
		markdown := func(text string) func(f map[string]any) {
			return func(f map[string]any) {
				delete(f, "text")
				f["msgtype"], f["content"] = "markdown", map[string]any{"text": text}
			}
		}
		w := newWorld(t, setup{})
		w.announce("公告 停机")
		data := w.heard(w.group, w.lilei, say{Text: unread, Shape: dingtalktest.ShapeText})
		shapes := map[string][]byte{
			"glued":                  richly(t, data, "@whoread", unread),
			"a name with a space":    richly(t, data, "@已读 小助手 ", unread),
			"behind":                 richly(t, data, unread+" ", "@whoread"),
			"two bots":               richly(t, data, "@whoread ", "@another bot ", unread),
			"a picture between":      richly(t, data, "@whoread", picture, unread),
			"markdown":               edit(t, data, markdown("@whoread "+unread)),
			"an emoji":               edit(t, data, func(f map[string]any) { f["text"] = map[string]any{"content": " " + unread + "🙏"} }),
			"a face":                 edit(t, data, func(f map[string]any) { f["text"] = map[string]any{"content": " " + unread + "[抱拳]"} }),
			"a name in a plain text": edit(t, data, func(f map[string]any) { f["text"] = map[string]any{"content": "@已读 小助手 " + unread} }),
		}
		i := 0
		for name, shape := range shapes {
			i++
			shape = edit(t, shape, func(f map[string]any) { f["msgId"] = fmt.Sprint("shape", i) })
			got := w.answer(w.carryOut(w.group, shape)).Text
			w.wants(got, "#1 停机", spoken{"已读 1/4", "Read 1/4"}.in(language))
			if t.Failed() {
				t.Fatal(name)
			}
		}

		announce := spoken{"公告 周五停机", "announce Friday"}.in(language)
		title := spoken{"周五停机", "Friday"}.in(language)
		data = w.heard(w.group, w.lilei, say{Text: announce, Shape: dingtalktest.ShapeText})
		for i, shape := range [][]byte{
			richly(t, data, "@whoread", announce), richly(t, data, "@已读 小助手 ", announce), richly(t, data, announce+" ", "@已读 小助手"), edit(t, data, markdown("@whoread "+announce)),
		} {
			before := len(w.posted())
			w.carryOut(w.group, edit(t, shape, func(f map[string]any) { f["msgId"] = fmt.Sprint("post", i) }))
			if posts := w.posted(); len(posts) != before+1 || posts[before].Text != signed(i+2, title) {
				t.Errorf("shape %d: %+v", i, posts[before:])
			}
		}
	})
}

// To remind beside the name of somebody is about that person alone.
func TestOnlyWhoIsMentionedIsReminded(t *testing.T) {
	t.Parallel()
	inBothLanguages(t, func(t *testing.T, language command.Language) {
		w := newWorld(t, setup{options: func(o *wiring) { o.Reminders.Cooldown = 0 }})
		post := w.announce("公告 停机")
		w.must(w.group.ReadAll(post.ID, w.hanmeimei))
		w.clock.advance(time.Minute)
		command := spoken{" 提醒 #1 ", " remind #1 "}.in(language)
		n := 0
		says := func(userIDs ...string) []byte {
			n++
			data := w.heard(w.group, w.lilei, say{Text: command, Shape: dingtalktest.ShapeText})
			return mentioning(t, edit(t, data, func(f map[string]any) { f["text"] = map[string]any{"content": command} }), userIDs...)
		}
		look := spoken{"请看 #1「停机」", `please read #1 "停机"`}.in(language)
		w.sees("one", w.carryOut(w.group, says("zhangsan")), byWebhook("@zhangsan "+look).mentioning("zhangsan"))
		w.sees("two, of whom one has read", w.carryOut(w.group, says("lisi", "hanmeimei")), byWebhook("@lisi "+look).mentioning("lisi"))
		w.sees("as rich text", w.carryOut(w.group, mentioning(t, richly(t, says(), "@whoread ", command, "@张 三 "), "zhangsan")),
			byWebhook("@zhangsan "+look).mentioning("zhangsan"))
		w.sees("who has read", w.carryOut(w.group, says("hanmeimei")),
			byWebhook(spoken{"韩梅梅已读 #1，不用提醒。", "韩梅梅 read #1, so nobody was reminded."}.in(language)))
		w.sees("whom it is not for", w.carryOut(w.group, says("wangwu")),
			byWebhook(spoken{"查不到姓名不在 #1 的应读名单里，没有提醒。", "Not among those who are to read it, so not reminded: their names are not known (#1)."}.in(language)))
		unknown := spoken{"钉钉没告诉我你 @ 的是谁", "DingTalk does not tell me whom you mentioned"}.in(language)
		for name, data := range map[string][]byte{
			"from outside":           says(""),
			"typed, not linked":      edit(t, says(), func(f map[string]any) { f["text"] = map[string]any{"content": command + "@张三"} }),
			"pieces that say nobody": richly(t, says(), "@whoread ", command, "@张三"),
		} {
			got := w.answer(w.carryOut(w.group, data)).Text
			w.wants(got, unknown)
			if t.Failed() {
				t.Fatal(name)
			}
		}
		got := w.carryOut(w.group, says("zhangsan", ""))
		w.sees("one, and somebody from outside", got[:1], byWebhook("@zhangsan "+look).mentioning("zhangsan"))
		w.wants(w.answer(got[1:]).Text, spoken{"还有 1 个不是本组织的人", "not of this organisation: 1"}.in(language))
		w.sees("nobody is mentioned", w.carryOut(w.group, says()), byWebhook("@zhangsan @lisi "+look).mentioning("zhangsan", "lisi"))
	})
}

// Who reminds is not reminded, also among those whom they mention.
func TestWhoRemindsIsNotAmongThoseWhoAreMentioned(t *testing.T) {
	t.Parallel()
	inBothLanguages(t, func(t *testing.T, language command.Language) {
		w := newWorld(t, setup{options: func(o *wiring) { o.Policy.Remind = receipts.Everyone }})
		w.announce("公告 停机")
		command := spoken{" 提醒 ", " remind "}.in(language)
		says := func(userIDs ...string) []byte {
			data := w.heard(w.group, w.zhangsan, say{Text: command, Shape: dingtalktest.ShapeText})
			return mentioning(t, edit(t, data, func(f map[string]any) { f["text"] = map[string]any{"content": command} }), userIDs...)
		}
		onlyYou := byWebhook(spoken{"#1 要提醒的只有你自己，不用提醒。", "Only you would be reminded of #1, so there is nobody to remind."}.in(language))
		w.sees("nobody else", w.carryOut(w.group, says("zhangsan")), onlyYou)
		w.sees("nor who announced it", w.carryOut(w.group, says("zhangsan", "lilei")), onlyYou)
		w.sees("only who announced it", w.carryOut(w.group, says("lilei")),
			byWebhook(spoken{"李雷已读 #1，不用提醒。", "李雷 read #1, so nobody was reminded."}.in(language)))
		w.sees("and another", w.carryOut(w.group, says("zhangsan", "lisi")),
			byWebhook("@lisi "+spoken{"请看 #1「停机」", `please read #1 "停机"`}.in(language)).mentioning("lisi"))
	})
}

// Everybody has read, and so has who is mentioned.
func TestNobodyIsRemindedOfWhatAllHaveRead(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{})
	post := w.announce("公告 停机")
	w.must(w.group.ReadAll(post.ID))
	w.clock.advance(time.Minute)
	got := w.answer(w.carryOut(w.group, mentioning(t, w.heard(w.group, w.lilei, say{Text: "提醒 #1", Shape: dingtalktest.ShapeText}), "zhangsan")))
	w.wants(got.Text, "张三已读 #1，不用提醒。")
}

// Who is mentioned in an announcement stands below it, where the text does not name
// them, and its author hears that they are not notified.
func TestWhoIsMentionedStandsBelowTheAnnouncement(t *testing.T) {
	t.Parallel()
	inBothLanguages(t, func(t *testing.T, language command.Language) {
		w := newWorld(t, setup{})
		odd := w.dingtalk.AddPerson(dingtalktest.Person{Name: "*王* [五]", UserID: "wangwu"})
		w.must(w.group.Join(w.lilei, odd))
		word := spoken{"公告", "announce"}.in(language)
		heard := func(text string) []byte {
			return w.heard(w.group, w.lilei, say{Text: text, Shape: dingtalktest.ShapeText})
		}
		post := func(data []byte) (posted, answer string) {
			t.Helper()
			before := len(w.posted())
			answer = w.answer(w.carryOut(w.group, data)).Text
			if len(w.posted()) != before+1 {
				t.Fatalf("nothing was posted: %s", answer)
			}
			return w.posted()[before].Text, answer
		}
		same := func(got, want string) {
			t.Helper()
			if got != want {
				t.Errorf("%q, want %q", got, want)
			}
		}

		text, said := post(mentioning(t, heard(word+" 会议改到三点，请  准备材料"), "zhangsan", "lisi"))
		same(text, signed(1, "会议改到三点，请  准备材料  \n@张三 @李四"))
		w.wants(said, spoken{"正文下面写上了 @张三、@李四，但我发的公告不能 @ 通知人。", "Written below the text: @张三, @李四. My announcements can't notify people by @."}.in(language))

		text, _ = post(mentioning(t, heard(word+" 会议\n- 一\n- 二"), "wangwu"))
		same(text, signed(2, `会议`+"  \n- 一  \n- 二\n\n"+`@\*王\* \[五\]`))

		data := mentioning(t, richly(t, heard(word), "@whoread ", word+" 会议，请 ", "@张三 ", "准备，", "@李四"), "zhangsan", "lisi")
		text, said = post(data)
		same(text, signed(3, "会议，请 @张三 准备，@李四"))
		w.wants(said, spoken{"公告里的 @ 不会通知人", "can't notify people by @"}.in(language))

		text, said = post(mentioning(t, heard(word+" 会议"), "nobody knows"))
		same(text, signed(4, "会议"))
		w.wants(said, spoken{"有 1 个查不到名字，没有写上", "1 of those mentioned"}.in(language))
	})
}

// Who has read is about those who are mentioned; who has not is about everybody, and to follow
// up is not kept from its terms.
func TestOtherCommandsBesideMentions(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{})
	w.announce("公告 停机")
	ask := func(text string) string {
		return w.answer(w.carryOut(w.group, mentioning(t, w.heard(w.group, w.lilei, say{Text: text, Shape: dingtalktest.ShapeText}), "zhangsan", ""))).Text
	}
	w.wants(ask("谁没读 "), "已读 1/4")
	w.wants(ask("who read #1 @Bob"), "张三 has not read #1.")
	w.wants(ask("谁读了 @张三"), "张三还没读 #1。")
	w.wants(ask("跟进 #1 每30分钟 @张三"), "开始跟进 #1：每 30 分钟提醒没读的人")
	w.wants(ask("停止 #1 "), "已停止跟进 #1")
	w.wants(ask("撤回 #1 @张三"), "已撤回 #1")
}

// A quotation is about what is quoted, or about nothing; never about the latest.
func TestAQuotationIsNeverTheLatest(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{})
	w.announce("公告 一")
	w.announce("公告 二")
	text := func(value string) map[string]any { return map[string]any{"elementType": "TEXT", "value": value} }
	card := func(children ...any) map[string]any {
		return map[string]any{"cardContent": []any{map[string]any{"elementType": "RICHTEXT", "children": children}}}
	}
	n := 0
	ask := func(command string, change func(f, replied map[string]any)) string {
		n++
		data := edit(t, w.heard(w.group, w.lilei, say{Text: command, Shape: dingtalktest.ShapeText}), func(f map[string]any) {
			replied := map[string]any{"msgType": "interactiveCard", "msgId": "m0", "senderId": f["chatbotUserId"], "createdAt": w.clock.now().UnixMilli()}
			f["text"].(map[string]any)["repliedMsg"] = replied
			f["originalMsgId"] = "m0"
			change(f, replied)
		})
		return w.answer(w.carryOut(w.group, data)).Text
	}
	content := func(content any) func(f, replied map[string]any) {
		return func(_, replied map[string]any) { replied["content"] = content }
	}
	for name, change := range map[string]func(f, replied map[string]any){
		"a card":          content(card(map[string]any{"elementType": "UNKNOWN", "value": "{}"}, text("**还有 3 人没读** #1「一」"))),
		"a nested card":   content(card(map[string]any{"elementType": "RICHTEXT", "children": []any{text("还有 3 人没读"), text(" #1「一」")}})),
		"content.content": content(map[string]any{"content": "**还有 3 人没读** #1「一」"}),
		"content.text":    content(map[string]any{"text": "**还有 3 人没读** #1「一」"}),
		"rich text":       content(map[string]any{"richText": []any{map[string]any{"msgType": "text", "content": "**还有 3 人没读** #1「一」"}}}),
		"the old shape": func(f, _ map[string]any) {
			delete(f["text"].(map[string]any), "repliedMsg")
			delete(f, "originalMsgId")
			f["quoteMessage"] = map[string]any{"msgId": "m0", "msgtype": "text", "senderId": f["chatbotUserId"], "text": map[string]any{"content": "#1 一"}}
		},
	} {
		if got := ask("谁没读", change); got == "" {
			t.Error(name)
		} else {
			w.wants(got, "**还有 3 人没读** #1「一」")
		}
	}
	for name, change := range map[string]func(f, replied map[string]any){
		"no content":    func(_, _ map[string]any) {},
		"a picture":     content(map[string]any{"downloadCode": "d"}),
		"a file":        content(map[string]any{"downloadCode": "d", "fileName": "#1.xlsx"}),
		"an empty card": content(card()),
		"what somebody else said": func(_, replied map[string]any) {
			replied["senderId"], replied["content"] = "x", map[string]any{"text": "#1"}
		},
		"nothing but the sign": func(f, _ map[string]any) {
			delete(f["text"].(map[string]any), "repliedMsg")
		},
	} {
		for _, command := range []string{"谁没读", "提醒", "撤回", "曲线"} {
			got := ask(command, change)
			w.wants(got, "我只能统计由我发出的公告，这条不是")
			if t.Failed() {
				t.Fatalf("%s, %s: %s", name, command, got)
			}
		}
	}
}

// An announcement that is quoted without its key is no answer about another one, whatever
// number stands in its title.
func TestAQuotedTitleWithANumber(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{})
	w.announce("公告 停机")
	w.announce("公告 关于 #1 号楼停电")
	quoting := func(command, text string) string {
		data := edit(t, w.heard(w.group, w.lilei, say{Text: command, Shape: dingtalktest.ShapeText}), func(f map[string]any) {
			f["quoteMessage"] = map[string]any{"msgId": "m0", "msgtype": "text", "senderId": f["chatbotUserId"], "text": map[string]any{"content": text}}
		})
		return w.answer(w.carryOut(w.group, data)).Text
	}
	w.wants(quoting("谁没读", "关于 #1 号楼停电"), "#2 关于")
	w.wants(quoting("谁没读", "已发出 #1，4 人应读。说「谁没读」随时看。"), "#1 停机")
	w.wants(quoting("撤回", "关于 #1 号楼停电\n"), "已撤回 #2。")
	w.announce("公告 关于 #1 号楼停电")
	w.wants(quoting("撤回", "关于 #1 号楼停电"), "我只能统计由我发出的公告，这条不是")
	w.wants(quoting("谁没读", "**还有 4 人没读** #1「停机」"), "#1 停机")
}

// A frame without msgId may come twice and not be known again: what it says is only
// done if it does nothing.
func TestWhatHasNoMsgIDHasNoEffect(t *testing.T) {
	t.Parallel()
	inBothLanguages(t, func(t *testing.T, language command.Language) {
		w := newWorld(t, setup{})
		w.announce("公告 停机")
		before := len(w.posted())
		unnamed := func(text string) string {
			data := edit(t, w.heard(w.group, w.lilei, say{Text: text, Shape: dingtalktest.ShapeText}), func(f map[string]any) { delete(f, "msgId") })
			was := len(w.group.Messages())
			w.bot.Accept(context.Background(), "frame of "+text, data)
			for _, command := range w.inbox.take() {
				w.must(w.bot.Work(w.soon(), command, false))
			}
			return w.answer(w.group.Messages()[was:]).Text
		}
		for _, text := range []spoken{
			{"公告 周五停机", "announce Friday"},
			{"提醒", "remind"},
			{"跟进 每30分钟", "follow every 30m"},
			{"停止 #1", "stop #1"},
			{"撤回 #1", "recall #1"},
			{"导出", "export"},
			{"曲线", "chart"},
		} {
			w.wants(unnamed(text.in(language)), spoken{"分不清它是不是重复推送的，所以什么也没做", "nothing was done. Please say it again"}.in(language))
		}
		if len(w.posted()) != before {
			t.Error("something was posted")
		}
		for _, text := range []spoken{{"谁没读", "unread"}, {"谁读了 #1", "who read #1"}, {"列表", "list"}} {
			w.wants(unnamed(text.in(language)), "#1 停机")
		}
	})
}

// A name that was typed behind an @, and not chosen as a mention, is a name, however the client
// writes it down.
func TestATypedMentionInEveryShape(t *testing.T) {
	t.Parallel()
	inBothLanguages(t, func(t *testing.T, language command.Language) {
		for name, c := range map[string]struct{ say, want spoken }{
			"apart":       {spoken{"@张三 读了吗", "has @张三 read it"}, spoken{"张三还没读 #2。", "张三 has not read #2."}},
			"glued":       {spoken{"@张三读了吗", "@张三 did read it?"}, spoken{"张三还没读 #2。", "张三 has not read #2."}},
			"numbered":    {spoken{"@张三 看了#1没", "has @张三 read #1"}, spoken{"张三还没读 #1。", "张三 has not read #1."}},
			"behind":      {spoken{"读了吗 @张三", "has @张三 read it already?"}, spoken{"张三还没读 #2。", "张三 has not read #2."}},
			"with digits": {spoken{"@值班3号 读了吗", "has @值班3号 read it"}, spoken{"值班3号还没读 #2。", "值班3号 has not read #2."}},
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				w := newWorld(t, setup{options: func(o *wiring) { o.FreshFor = time.Hour }})
				w.must(w.group.Join(w.lilei, w.dingtalk.AddPerson(dingtalktest.Person{Name: "值班3号"})))
				w.announce("公告 停机")
				w.announce("公告 午饭")
				for _, shape := range dingtalktest.Shapes() {
					if shape.Kind != dingtalktest.Said || !strings.HasPrefix(shape.Name, "text") && !strings.HasPrefix(shape.Name, "richText") && shape.Name != "markdown" {
						continue
					}
					if language == command.English && shape.Name == "text, mention glued" { // nobody knows where the bot's name ends
						continue
					}
					got := w.answer(w.carryOut(w.group, w.heard(w.group, w.lisi, say{Text: c.say.in(language), Shape: shape.Name}))).Text
					if want := c.want.in(language); got != want {
						t.Errorf("%s: %q, want %q", shape.Name, got, want)
					}
				}
			})
		}
	})
}
