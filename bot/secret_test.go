package bot

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"whoread/receipts"
)

// A session webhook is printed by nothing, however deep it is in what is printed, and
// still is what comes out of the inbox.
func TestAWebhookIsOnlyShownInTheInbox(t *testing.T) {
	t.Parallel()
	const webhook = "https://oapi.dingtalk.com/robot/sendBySession?session=hunter2"
	in := Incoming{ID: "msg1", Group: "cid1", Webhook: receipts.Webhook{URL: receipts.NewSecret(webhook)}}
	for name, value := range map[string]any{
		"itself": in.Webhook, "a pointer": &in.Webhook, "a secret": in.Webhook.URL, "a pointer to a secret": &in.Webhook.URL, "a command": in, "a pointer to a command": &in,
		"a reminder": receipts.RemindRequest{Webhook: in.Webhook}, "a recipient": &receipts.Recipient{Webhook: in.Webhook}, "a list": []Incoming{in}, "a map": map[string]any{"in": in}, "an error": fmt.Errorf("%+v", in),
	} {
		var log bytes.Buffer
		encoders := []zapcore.Encoder{zapcore.NewJSONEncoder(zap.NewProductionEncoderConfig()), zapcore.NewConsoleEncoder(zap.NewDevelopmentEncoderConfig())}
		for _, encoder := range encoders {
			l := zap.New(zapcore.NewCore(encoder, zapcore.AddSync(&log), zap.DebugLevel))
			l.Info("logged", zap.Any("any", value), zap.Reflect("reflect", value), zap.Stringer("text", in.Webhook.URL))
			l.Sugar().Infof("%v %+v %#v", value, value, value)
			l.Sugar().Infow("logged", "value", value)
		}
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%t"} {
			fmt.Fprintf(&log, verb, value)
		}
		encoded, err := json.Marshal(value)
		if err != nil {
			t.Fatal(err)
		}
		log.Write(encoded)
		for _, form := range []string{"hunter2", fmt.Sprintf("%x", "hunter2"), fmt.Sprintf("%X", "hunter2"), "sendBySession"} {
			if strings.Contains(log.String(), form) {
				t.Errorf("%s: %q is in %s", name, form, log.String())
			}
		}
	}
	job, err := messageJob(in)
	if err != nil {
		t.Fatal(err)
	}
	again, err := messageOf(job)
	if err != nil || again.Webhook.URL.Reveal() != webhook {
		t.Errorf("the inbox gives back %q, %v", again.Webhook.URL.Reveal(), err)
	}
}
