package reply

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"whoread/bot/command"
	"whoread/bot/frame"
	"whoread/bot/stream"
	"whoread/receipts/dingtalk"
	"whoread/receipts/dingtalk/dingtalktest"
)

// A card as it is rendered here is what DingTalk takes: it is sent and fills up, and a press comes back as the button that was
// drawn, whose answer its presser sees alone.
func TestACardOnDingTalk(t *testing.T) {
	t.Parallel()
	for _, language := range []command.Language{command.Chinese, command.English} {
		t.Run(string(language), func(t *testing.T) {
			t.Parallel()
			s := dingtalktest.New(dingtalktest.Options{})
			if err := s.Listen("127.0.0.1:0"); err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = s.Close() })
			app := s.App()
			client, err := dingtalk.New(dingtalk.Config{
				ClientID: app.ClientID, ClientSecret: dingtalk.NewSecret(app.ClientSecret), APIURL: s.URL(), OapiURL: s.URL(),
			})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(client.Close)
			lilei, mei := s.AddPerson(dingtalktest.Person{Name: "李雷"}), s.AddPerson(dingtalktest.Person{Name: "韩梅梅"})
			g := s.AddGroup(dingtalktest.GroupOptions{Kind: dingtalktest.KindPlain}, lilei, mei)

			report, names := reportOf(0, 2)
			card := Card{Page: pageOf(language, names), Report: report, Text: "请 **保存**", Asks: true}
			pressed := make(chan frame.CardPress, 1)
			bot, err := stream.New(stream.Config{
				ClientID: app.ClientID, ClientSecret: app.ClientSecret, APIURL: s.URL(), Connections: 1,
				Topics: []string{dingtalktest.TopicCard}, Deadlines: map[string]time.Duration{dingtalktest.TopicCard: stream.PressWithin},
				Handle: func(_ context.Context, f stream.Frame) ([]byte, error) {
					press, err := frame.DecodeCardPress(f.Data, f.MessageID)
					if err != nil {
						return nil, err
					}
					pressed <- press
					return frame.AnswerPress(card.OwnConfirmed())
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

			sent, err := client.SendCard(ctx, g.ID(), dingtalk.Card{
				OutTrackID: "random", TemplateID: dingtalk.PublicCardTemplate, Data: card.Values(), Line: card.Line(),
			})
			if err != nil {
				t.Fatal(err)
			}
			m := g.Messages()[0]
			if m.ProcessQueryKey != sent.ProcessQueryKey || m.Title != card.Values()[CardTitle] {
				t.Errorf("posted %+v as %+v", sent, m)
			}
			if err := g.Press(mei, dingtalktest.Press{Message: m.ID, Button: string(ConfirmButton)}); err != nil {
				t.Fatal(err)
			}
			got := <-pressed
			got.ID, got.Params = "", nil
			want := frame.CardPress{Card: "random", UserID: mei.UserID, CorpID: app.CorpID, Group: g.ID(), Action: string(ConfirmButton)}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
			seen := func(p dingtalktest.Person) string {
				t.Helper()
				values, err := g.CardSeen(m.ID, p)
				if err != nil {
					t.Fatal(err)
				}
				return drawn(t, values)
			}
			if own, all := seen(mei), seen(lilei); !strings.HasPrefix(own, card.Card.YouConfirmed) || strings.Contains(own, string(ConfirmButton)+":") || all != drawn(t, card.Values()) {
				t.Errorf("the presser sees %s, somebody else %s", own, all)
			}
			card.Report, _ = reportOf(2, 2)
			card.Confirmed = 1
			if err := client.UpdateCard(ctx, "random", card.Progress()); err != nil {
				t.Fatal(err)
			}
			if got := seen(lilei); got != drawn(t, card.Progress()) {
				t.Errorf("filled up, it shows %s", got)
			}
			for _, v := range s.Violations() {
				t.Errorf("%s: %s", v.API, v.What)
			}
		})
	}
}
