package frame

import "testing"

// benchFrame is a frame in a group, with all fields that DingTalk sends.
const benchFrame = `{"conversationId":"cid6KeBBL","conversationType":"2","conversationTitle":"项目组","msgId":"msg1","createAt":1690362102194,"senderNick":"李雷","senderStaffId":"manager1","senderCorpId":"ding1","chatbotCorpId":"ding1","chatbotUserId":"$:LWCP_v1:$x","isAdmin":true,"isInAtList":true,"robotCode":"robot","sessionWebhook":"https://oapi.dingtalk.com/robot/sendBySession?session=0123456789abcdef","sessionWebhookExpiredTime":1690367502194,"msgtype":"text","text":{"content":" 谁没读 #12"}}`

// benchRead is a pushed read, as DingTalk sends it.
const benchRead = `{"userId":"manager1","unionId":"union1","operatTime":"1690362102194","robotCode":"robot","openConversationId":"cid","processQueryKey":"key"}`

func BenchmarkDecodingAFrame(b *testing.B) {
	data := []byte(benchFrame)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := DecodeMessage(data, "frame"); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkDecodingAPushedRead(b *testing.B) {
	data := []byte(benchRead)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := DecodeEvent(data); err != nil {
			b.Fatal("not understood")
		}
	}
}

// Every command and every read is decoded once, and there may be thousands a second.
func TestDecodingAllocatesLittle(t *testing.T) {
	message, read := []byte(benchFrame), []byte(benchRead)
	for what, c := range map[string]struct {
		most   float64
		decode func() bool
	}{
		"a frame":       {40, func() bool { _, err := DecodeMessage(message, "frame"); return err == nil }},
		"a pushed read": {20, func() bool { _, err := DecodeEvent(read); return err == nil }},
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
