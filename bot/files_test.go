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

// media is what the bot posted last as a file or a picture.
func (w *world) media(kind string) (dingtalktest.Message, dingtalktest.Media) {
	w.Helper()
	messages := w.group.Messages()
	i := slices.IndexFunc(messages, func(m dingtalktest.Message) bool { return m.Type == kind })
	if i < 0 {
		w.Fatalf("no %s in the group", kind)
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

func TestExportIsAWorkbookInTheGroup(t *testing.T) {
	t.Parallel()
	inBothLanguages(t, func(t *testing.T, language command.Language) {
		w := newWorld(t, setup{})
		post := w.announce("公告 =1+1 停机")
		w.must(w.group.ReadAll(post.ID, w.hanmeimei))
		w.wants(w.asks(w.lilei, spoken{"导出", "export"}.in(language)), "#1 =1+1 停机", "1/4")
		w.wants(w.asks(w.hanmeimei, spoken{"导出", "export"}.in(language)), spoken{"只有管理员", "Only admins"}.in(language))

		file, media := w.media("sampleFile")
		if file.Params["fileType"] != "xlsx" || file.Params["fileName"] != "1 =1+1 停机.xlsx" {
			t.Errorf("%+v", file.Params)
		}
		book, err := excelize.OpenReader(bytes.NewReader(media.Content))
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = book.Close() }()
		rows, err := book.GetRows(book.GetSheetName(0))
		if err != nil {
			t.Fatal(err)
		}
		read, unread := spoken{"已读", "read"}.in(language), spoken{"未读", "unread"}.in(language)
		states := map[string]string{}
		for _, row := range rows {
			if len(row) > 2 && (row[2] == read || row[2] == unread) {
				states[row[0]] = row[2]
			}
		}
		want := map[string]string{"韩梅梅": read, "李雷": unread, "张三": unread, "李四": unread}
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
	w.wants(w.asks(w.lilei, "导出"), "至少读了 1/4", "所以不列未读的人")
	_, media := w.media("sampleFile")
	book, err := excelize.OpenReader(bytes.NewReader(media.Content))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = book.Close() }()
	rows, err := book.GetRows(book.GetSheetName(0))
	if err != nil {
		t.Fatal(err)
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
		w.wants(w.asks(w.hanmeimei, spoken{"曲线 #1", "chart #1"}.in(language)), "#1 停机", "2/4")
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
		for _, command := range []spoken{{"导出 1", "export 1"}, {"图 1", "chart 1"}} {
			fault := code(dingtalktest.APISend, "resource.not.found")
			fault.Times = 1
			w.dingtalk.Inject(fault)
			answer := w.asks(w.lilei, command.in(language))
			w.wants(answer, spoken{"钉钉不让机器人在这里发文件和图片", "DingTalk takes no files and no pictures from the bot here"}.in(language))
			w.never(answer, "不在这个群里", "not in this group")
		}
	})
}

// files counts what the bot posted besides text.
func (w *world) files() int {
	n := 0
	for _, m := range w.group.Messages() {
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
	for command, want := range map[string]string{"导出": "是否发出不确定", "chart": "It is uncertain whether"} {
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
		w := newWorld(t, setup{})
		w.announce("公告 停机")
		w.dingtalk.Inject(dingtalktest.Fault{API: dingtalktest.APISend, Times: 1, Kind: dingtalktest.DropAfter})
		w.wants(w.asks(w.lilei, spoken{"导出", "export"}.in(language)), spoken{"是否发出不确定", "It is uncertain whether"}.in(language))
		if n := w.files(); n != 1 {
			t.Errorf("posted %d times", n)
		}
	})
}
