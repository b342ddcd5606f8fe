package bot_test

import (
	"bytes"
	"image/png"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/xuri/excelize/v2"

	"whoread/bot/chart"
	"whoread/bot/command"
	"whoread/receipts/dingtalk/dingtalktest"
)

// media is what the bot posted first as a picture, or sent Li Lei as a file.
func (w *world) media(kind string) (dingtalktest.Message, dingtalktest.Media) {
	w.Helper()
	messages := append(w.group.Messages(), w.dingtalk.Direct(w.lilei).Messages()...)
	i := slices.IndexFunc(messages, func(m dingtalktest.Message) bool { return m.Type == kind })
	if i < 0 {
		w.Fatalf("there is no %s", kind)
	}
	id := messages[i].Params["mediaId"]
	if kind == "sampleImageMsg" {
		id = messages[i].Params["photoURL"]
	}
	media, ok := w.dingtalk.Media(id)
	if !ok {
		w.Fatalf("nothing was uploaded as %q", id)
	}
	return messages[i], media
}

// workbook is the rows of what Li Lei was sent.
func (w *world) workbook() [][]string {
	w.Helper()
	_, media := w.media("sampleFile")
	book, err := excelize.OpenReader(bytes.NewReader(media.Content))
	w.must(err)
	rows, err := book.GetRows(book.GetSheetName(0))
	w.must(err)
	w.must(book.Close())
	return rows
}

// Whoever asks gets the workbook in private, and the group hears that they did.
func TestExportIsAWorkbookInPrivate(t *testing.T) {
	t.Parallel()
	inBothLanguages(t, func(t *testing.T, language command.Language) {
		w := newWorld(t, setup{group: dingtalktest.GroupOptions{Title: "项目组"}})
		post := w.announce("公告 =1+1 停机")
		w.must(w.group.ReadAll(post.ID, w.hanmeimei))
		if got, want := w.asks(w.lilei, spoken{"导出", "export"}.in(language)), (spoken{"已私信给你：#1 的名单。", "I sent you the list of #1 in private."}).in(language); got != want {
			t.Errorf("answered %q", got)
		}
		w.wants(w.asks(w.hanmeimei, spoken{"导出", "export"}.in(language)), spoken{"只有管理员", "Only admins"}.in(language))

		file, _ := w.media("sampleFile")
		if n := len(w.posted()); n != 1 {
			t.Errorf("%d posts in the group", n)
		}
		if n := len(w.dingtalk.Direct(w.hanmeimei).Messages()); n != 0 {
			t.Errorf("%d messages to who may not have it", n)
		}
		if file.Params["fileType"] != "xlsx" || file.Params["fileName"] != "1 =1+1 停机.xlsx" {
			t.Errorf("%+v", file.Params)
		}
		rows := w.workbook()
		read, unread := spoken{"已读", "read"}.in(language), spoken{"未读", "unread"}.in(language)
		states := map[string]string{}
		for _, row := range rows {
			if len(row) > 2 && (row[2] == read || row[2] == unread) {
				states[row[0]] = row[2]
			}
		}
		if got := rows[1]; !slices.Equal(got, []string{spoken{"群", "Group"}.in(language), "项目组"}) {
			t.Errorf("the group is %q", got)
		}
		want := map[string]string{"韩梅梅": read, "李雷": read, "张三": unread, "李四": unread}
		if diff := cmp.Diff(want, states); diff != "" {
			t.Errorf("states (-want +got):\n%s", diff)
		}
	})
}

// What is not known is not in the workbook: nobody is called unread in it either.
func TestExportOfAnIncompleteReportNamesReadersOnly(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{})
	post := w.announce("公告 停机")
	w.must(w.group.ReadAll(post.ID, w.hanmeimei))
	w.asks(w.hanmeimei, "谁没读")
	w.clock.advance(time.Minute)
	w.dingtalk.Inject(dingtalktest.Fault{API: dingtalktest.APIQuery, Kind: dingtalktest.PermissionDenied})
	w.wants(w.asks(w.lilei, "导出"), "已私信给你：#1 的名单。", "所以不列未读的人")
	rows := w.workbook()
	if !slices.ContainsFunc(rows, func(row []string) bool { return slices.Contains(row, "至少读了 2/4") }) {
		t.Errorf("%q", rows)
	}
	for _, row := range rows {
		if slices.Contains(row, "未读") || slices.Contains(row, "张三") {
			t.Errorf("somebody may be called unread wrongly: %q", row)
		}
	}
}

func TestChartIsAPictureInTheGroup(t *testing.T) {
	t.Parallel()
	inBothLanguages(t, func(t *testing.T, language command.Language) {
		w := newWorld(t, setup{})
		post := w.announce("公告 停机")
		w.must(w.group.ReadAll(post.ID, w.hanmeimei, w.zhangsan))
		w.clock.advance(time.Minute)
		// The picture is the answer.
		if told := w.tells(w.hanmeimei, spoken{"曲线 #1", "chart #1"}.in(language)); len(told) != 1 || told[0].Type != "sampleImageMsg" {
			t.Errorf("told %+v", told)
		}
		_, media := w.media("sampleImageMsg")
		picture, err := png.DecodeConfig(bytes.NewReader(media.Content))
		if err != nil || picture.Width != chart.Width || picture.Height != chart.Height {
			t.Errorf("%+v, %v", picture, err)
		}
	})
}

func TestAFileThatCannotBePostedIsTold(t *testing.T) {
	t.Parallel()
	inBothLanguages(t, func(t *testing.T, language command.Language) {
		w := newWorld(t, setup{})
		w.announce("公告 停机")
		w.dingtalk.Inject(dingtalktest.Fault{API: dingtalktest.APIUpload, Kind: dingtalktest.PermissionDenied})
		w.wants(w.asks(w.lilei, spoken{"导出 1", "export 1"}.in(language)), spoken{"没有导出", "was not exported"}.in(language), spoken{"权限", "permission"}.in(language))
		w.wants(w.asks(w.lilei, spoken{"图 1", "chart 1"}.in(language)), spoken{"没有发出", "was not posted"}.in(language))
	})
}

// A file is refused as if the bot were not in the group, in which it answers.
func TestAFileThatIsNotTakenInThisGroup(t *testing.T) {
	t.Parallel()
	inBothLanguages(t, func(t *testing.T, language command.Language) {
		w := newWorld(t, setup{})
		w.announce("公告 停机")
		for api, command := range map[string]spoken{dingtalktest.APIDirect: {"导出 1", "export 1"}, dingtalktest.APISend: {"图 1", "chart 1"}} {
			fault := code(api, "resource.not.found")
			fault.Times = 1
			w.dingtalk.Inject(fault)
			answer := w.asks(w.lilei, command.in(language))
			w.wants(answer, spoken{"钉钉不让机器人在这里发文件和图片", "DingTalk takes no files and no pictures from the bot here"}.in(language))
			w.never(answer, "不在这个群里", "not in this group")
		}
	})
}

// Whom DingTalk writes nothing to in private hears why, and that there was no export.
func TestAnExportThatDoesNotReachWhoAsked(t *testing.T) {
	t.Parallel()
	inBothLanguages(t, func(t *testing.T, language command.Language) {
		for who, why := range map[string]spoken{
			"lilei":  {"你最近收到的消息太多", "DingTalk did not deliver it, as you got too many messages lately"},
			"nobody": {"请先和我单聊一次再试", "Start a chat with me"}, // DingTalk doesn't know them
		} {
			w := newWorld(t, setup{options: func(o *wiring) { o.Policy.Admins = append(o.Policy.Admins, "nobody") }})
			w.announce("公告 停机")
			w.dingtalk.FlowControl(true, w.lilei)
			told := w.carryOut(w.group, edit(t, w.heard(w.group, w.lilei, say{Text: spoken{"导出", "export"}.in(language)}), func(f map[string]any) { f["senderStaffId"] = who }))
			w.wants(w.answer(told).Text, spoken{"#1 没有导出。", "#1 was not exported. "}.in(language)+why.in(language))
			if n := w.files(); n != 0 {
				t.Errorf("%d files", n)
			}
		}
	})
}

// The workbook in private is recorded as what is about its announcement, so that who reads it has
// read nothing else.
func TestAWorkbookIsAboutItsAnnouncement(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{})
	w.announce("公告 停机")
	w.tells(w.lilei, "导出")
	file, _ := w.media("sampleFile")
	m, err := w.store.ByKey(w.soon(), w.group.ID(), file.ProcessQueryKey)
	w.must(err)
	if m.Number != 1 || m.Key == file.ProcessQueryKey {
		t.Errorf("it is about %+v", m)
	}
}

// files counts what the bot posted or sent Li Lei besides text.
func (w *world) files() int {
	n := 0
	for _, m := range append(w.group.Messages(), w.dingtalk.Direct(w.lilei).Messages()...) {
		if m.Type == "sampleFile" || m.Type == "sampleImageMsg" {
			n++
		}
	}
	return n
}

// A command that is carried out again, after a crash or a lost answer, posts its
// file no second time.
func TestAFileIsPostedOnce(t *testing.T) {
	t.Parallel()
	for command, want := range map[string]string{"导出": "是否私信到你不确定", "chart": "It is uncertain whether"} {
		t.Run(command, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, setup{})
			w.announce("公告 停机")
			w.bot.Accept(w.soon(), "frame", w.heard(w.group, w.lilei, say{Text: command}))
			again := w.inbox.take()[0]
			w.must(w.bot.Work(w.soon(), again, false))
			w.must(w.bot.Work(w.soon(), again, false))
			if n := w.files(); n != 1 {
				t.Errorf("posted %d times", n)
			}
			messages := w.group.Messages()
			w.wants(messages[len(messages)-1].Text, want)
		})
	}
}

func TestAFileThatMayBeThereIsCalledUncertain(t *testing.T) {
	t.Parallel()
	inBothLanguages(t, func(t *testing.T, language command.Language) {
		for said, answer := range map[spoken]spoken{
			{"导出", "export"}: {"#1 的名单是否私信到你不确定", "It is uncertain whether the list of #1 reached you"},
			{"曲线", "chart"}:  {"#1 的曲线图是否发出不确定", "It is uncertain whether the chart of #1 was posted"},
		} {
			w := newWorld(t, setup{})
			w.announce("公告 停机")
			for _, api := range []string{dingtalktest.APISend, dingtalktest.APIDirect} {
				w.dingtalk.Inject(dingtalktest.Fault{API: api, Times: 1, Kind: dingtalktest.DropAfter})
			}
			w.wants(w.asks(w.lilei, said.in(language)), answer.in(language))
			if n := w.files(); n != 1 {
				t.Errorf("posted %d times", n)
			}
		}
	})
}
