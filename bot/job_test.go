package bot

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"

	"whoread/bot/frame"
)

// FuzzMessageJob puts anything that somebody says into a job: what comes out is what went in.
func FuzzMessageJob(f *testing.F) {
	f.Add("谁没读", "张三\u202e", "https://oapi.dingtalk.com/robot/sendBySession?session=1", int64(1764240000000))
	f.Add("\xff\x00", "", "", int64(-1))
	f.Fuzz(func(t *testing.T, text, name, webhook string, at int64) {
		data, err := json.Marshal(map[string]any{
			"msgId": "m", "conversationId": "c", "msgtype": "text", "text": map[string]any{"content": text}, "senderStaffId": "u",
			"senderNick": name, "sessionWebhook": webhook, "sessionWebhookExpiredTime": at, "createAt": at,
			"atUsers": []any{map[string]any{"staffId": name}},
		})
		if err != nil {
			t.Fatal(err)
		}
		in, err := frame.DecodeMessage(data, "frame")
		if err != nil {
			t.Fatal(err)
		}
		job, err := messageJob(in)
		if err != nil {
			t.Fatal(err)
		}
		again, err := messageOf(job)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(in, again); diff != "" {
			t.Fatalf("the inbox changes the message (-before +after):\n%s", diff)
		}
	})
}
