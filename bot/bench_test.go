package bot

import (
	"fmt"
	"testing"

	"whoread/bot/command"
	"whoread/bot/frame"
	"whoread/receipts"
)

// large is a report about 5,000 people, of whom 3,000 have read, and their names.
func large() (receipts.Report, receipts.Names) {
	r := receipts.Report{
		Message: receipts.Message{Number: 12, Title: "周五 22:00 停机维护", State: receipts.Sent, SentAt: asked}, Total: 5_000, Source: receipts.SceneGroup, AsOf: asked,
	}
	names := receipts.Names{}
	for i := range r.Total {
		id := fmt.Sprintf("manager%05d", i)
		names[id] = fmt.Sprintf("员工%05d", i)
		if i < 3_000 {
			r.Read = append(r.Read, receipts.Receipt{UserID: id, Read: receipts.Read{At: asked, Exact: true}})
		} else {
			r.Unread = append(r.Unread, id)
		}
	}
	return r, names
}

func BenchmarkRenderingFiveThousandNames(b *testing.B) {
	r, names := large()
	p := pageOf(command.Chinese, names)
	p.maxNames = r.Total
	b.ReportAllocs()
	for b.Loop() {
		p.report(r, true)
	}
}

// What is not shown costs nothing but being counted.
func TestRenderingFiveThousandNamesAllocatesForThoseThatAreShown(t *testing.T) {
	r, names := large()
	p := pageOf(command.Chinese, names)
	for _, c := range []struct{ maxNames, most int }{{50, 400}, {r.Total, 2_000}} {
		p.maxNames = c.maxNames
		if got := testing.AllocsPerRun(10, func() { p.report(r, true) }); int(got) > c.most {
			t.Errorf("%d names at most: %.0f allocations, want at most %d", c.maxNames, got, c.most)
		}
	}
}

// benchFrame is a frame in a group, with all fields that DingTalk sends.
const benchFrame = `{"conversationId":"cid6KeBBL","conversationType":"2","conversationTitle":"项目组","msgId":"msg1","createAt":1690362102194,"senderNick":"李雷","senderStaffId":"manager1","senderCorpId":"ding1","chatbotCorpId":"ding1","chatbotUserId":"$:LWCP_v1:$x","isAdmin":true,"isInAtList":true,"robotCode":"robot","sessionWebhook":"https://oapi.dingtalk.com/robot/sendBySession?session=0123456789abcdef","sessionWebhookExpiredTime":1690367502194,"msgtype":"text","text":{"content":" 谁没读 #12"}}`

func BenchmarkDecodingAFrame(b *testing.B) {
	data := []byte(benchFrame)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := frame.DecodeMessage(data, "frame"); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkDecodingAPushedRead(b *testing.B) {
	data := readEvent("manager1", "key", "1690362102194")
	b.ReportAllocs()
	for b.Loop() {
		if _, err := frame.DecodeEvent(data); err != nil {
			b.Fatal("not understood")
		}
	}
}

// Every command and every read is decoded once, and there may be thousands a second.
func TestDecodingAllocatesLittle(t *testing.T) {
	message, read := []byte(benchFrame), readEvent("manager1", "key", "1690362102194")
	for what, c := range map[string]struct {
		most   float64
		decode func() bool
	}{
		"a frame":       {40, func() bool { _, err := frame.DecodeMessage(message, "frame"); return err == nil }},
		"a pushed read": {20, func() bool { _, err := frame.DecodeEvent(read); return err == nil }},
	} {
		got := testing.AllocsPerRun(100, func() {
			if !c.decode() {
				t.Fatalf("%s is not understood", what)
			}
		})
		if got > c.most {
			t.Errorf("%s: %.0f allocations, want at most %.0f", what, got, c.most)
		}
	}
}
