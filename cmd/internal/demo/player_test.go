package demo

import (
	"context"
	"strings"
	"sync"
	"testing"

	"whoread/bot/frame"
	"whoread/bot/stream"
	"whoread/receipts/dingtalk"
	"whoread/receipts/dingtalk/dingtalktest"
	"whoread/receipts/dingtalk/dingtalktest/script"
)

// People press a button of the last card, by its text, and what each sees then is printed.
func TestPeopleOfAScriptPressButtons(t *testing.T) {
	t.Parallel()
	s := dingtalktest.New(dingtalktest.Options{})
	if err := s.Listen("127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	app := s.App()
	bot, err := stream.New(stream.Config{
		ClientID: app.ClientID, ClientSecret: app.ClientSecret, APIURL: s.URL(), Connections: 1, Topics: []string{dingtalktest.TopicCard},
		Handle: func(_ context.Context, f stream.Frame) ([]byte, error) {
			press, err := frame.DecodeCardPress(f.Data, f.MessageID)
			if err != nil {
				return nil, err
			}
			return frame.AnswerPress(map[string]string{"tips": "✓ " + press.Action})
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { _ = bot.Run(ctx) })
	t.Cleanup(func() { cancel(); running.Wait() })
	if err := s.AwaitConnections(ctx, 1); err != nil {
		t.Fatal(err)
	}
	client, err := dingtalk.New(dingtalk.Config{ClientID: app.ClientID, ClientSecret: dingtalk.NewSecret(app.ClientSecret), APIURL: s.URL(), OapiURL: s.URL()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)

	var out strings.Builder
	p := &player{Stage: script.Stage{DingTalk: s, People: map[string]dingtalktest.Person{}}, out: &out}
	play := func(text string) error {
		t.Helper()
		steps, err := script.Parse(strings.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		for _, step := range steps {
			if err := p.step(ctx, step); err != nil {
				return err
			}
		}
		return nil
	}
	if err := play("group 项目组: 李雷 Bob\npress 收到: Bob"); err == nil || !strings.Contains(err.Error(), "no card") {
		t.Errorf("without a card: %v", err)
	}
	_, err = client.SendCard(ctx, p.Group.ID(), dingtalk.Card{OutTrackID: "card-1", TemplateID: dingtalk.PublicCardTemplate, Data: map[string]string{
		"title": "停机", "markdown": "周五", "tips": "已读 0/2", "sys_full_json_obj": `{"msgButtons":[{"text":"收到","color":"blue","id":"confirm","request":true}]}`,
	}})
	if err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]string{
		"press 收到: Bob 李雷": "",
		"press 提醒: Bob":    `Bob sees no button "提醒"`,
		"read Bob":         "",
	} {
		steps, err := script.Parse(strings.NewReader("group x: Bob\n" + text))
		if err != nil {
			t.Fatal(err)
		}
		if err := p.step(ctx, steps[1]); (want == "") != (err == nil) || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", text, err)
		}
	}
	for _, line := range []string{"Bob         [卡片 card] ✓ confirm", "李雷        [卡片 card] ✓ confirm"} {
		if !strings.Contains(out.String(), line) {
			t.Errorf("%q is not in\n%s", line, out.String())
		}
	}
	if m := p.Group.Messages()[0]; m.Read != 1 || visible(m) != "停机\n周五\n已读 0/2" {
		t.Errorf("%d have read %q", m.Read, visible(m))
	}
}
