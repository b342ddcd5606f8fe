package dingtalktest_test

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/open-dingtalk/dingtalk-stream-sdk-go/card"
	sdk "github.com/open-dingtalk/dingtalk-stream-sdk-go/client"
	"github.com/open-dingtalk/dingtalk-stream-sdk-go/event"
	"github.com/open-dingtalk/dingtalk-stream-sdk-go/payload"

	"whoread/receipts/dingtalk/dingtalktest"
)

// TestTheOfficialSDKAndCards is the official client's handler of a card's buttons, in whatever shape a press comes.
func TestTheOfficialSDKAndCards(t *testing.T) {
	t.Parallel()
	c := dingtalk(t, dingtalktest.Options{Seed: 1, KeepAlive: 10 * time.Millisecond})
	t.Cleanup(http.DefaultTransport.(*http.Transport).CloseIdleConnections)
	p := c.people(2)
	g := c.s.AddGroup(dingtalktest.GroupOptions{}, p...)
	m := c.card(g, "card-1")

	pressed := make(chan *card.CardRequest, 1)
	cli := sdk.NewStreamClient(
		sdk.WithAppCredential(sdk.NewAppCredentialConfig(c.s.App().ClientID, c.s.App().ClientSecret)),
		sdk.WithOpenApiHost(c.s.URL()),
	)
	cli.RegisterCardCallbackRouter(func(_ context.Context, r *card.CardRequest) (*card.CardResponse, error) {
		pressed <- r
		return &card.CardResponse{
			CardUpdateOptions: &card.CardUpdateOptions{UpdateCardDataByKey: true},
			CardData:          &card.CardDataDto{CardParamMap: map[string]string{"tips": "✓ 你已收到"}},
		}, nil
	})
	if err := cli.Start(c.ctx); err != nil {
		t.Fatal(err)
	}
	defer cli.Close()
	if err := c.s.AwaitConnections(c.ctx, 1); err != nil {
		t.Fatal(err)
	}
	for _, shape := range []string{"", "content", "content, IM", "content and value", "params.id"} {
		if err := g.Press(p[0], dingtalktest.Press{Message: m.ID, Button: "confirm", Shape: shape}); err != nil {
			t.Fatalf("%s: %v", shape, err)
		}
		r := <-pressed
		button := r.GetActionString("id")
		if ids := r.CardActionData.CardPrivateData.ActionIdList; len(ids) > 0 {
			button = ids[0]
		}
		if r.OutTrackId != "card-1" || r.UserId != p[0].UserID || r.SpaceId != g.ID() || r.CorpId != c.s.App().CorpID || button != "confirm" {
			t.Errorf("%s: %+v", shape, r)
		}
	}
	if own, all := c.seen(g, m, p[0]), c.seen(g, m, p[1]); own["tips"] != "✓ 你已收到" || all["tips"] != "已读 0/2" {
		t.Errorf("the presser sees %v, somebody else %v", own, all)
	}
	c.clean()
}

// TestTheOfficialSDK is the official client as it comes: commands, events, a ping, and a disconnect, among whatever else DingTalk
// pushes.
func TestTheOfficialSDK(t *testing.T) {
	t.Parallel()
	c := dingtalk(t, dingtalktest.Options{Seed: 1, KeepAlive: 10 * time.Millisecond})
	t.Cleanup(http.DefaultTransport.(*http.Transport).CloseIdleConnections)
	c.s.Events(true)
	p := c.people(2)
	g := c.s.AddGroup(dingtalktest.GroupOptions{}, p...)

	heard, read := make(chan obj, 1), make(chan obj, 1)
	handle := func(to chan<- obj) func(context.Context, *payload.DataFrame) (*payload.DataFrameResponse, error) {
		return func(ctx context.Context, f *payload.DataFrame) (*payload.DataFrameResponse, error) {
			var data obj
			if err := json.Unmarshal([]byte(f.Data), &data); err != nil {
				return nil, err
			}
			select {
			case to <- data:
			case <-ctx.Done():
			}
			return event.NewSuccessResponse()
		}
	}
	cli := sdk.NewStreamClient(
		sdk.WithAppCredential(sdk.NewAppCredentialConfig(c.s.App().ClientID, c.s.App().ClientSecret)),
		sdk.WithOpenApiHost(c.s.URL()),
	)
	cli.RegisterCallbackRouter(dingtalktest.TopicBotMessage, handle(heard))
	cli.RegisterAllEventRouter(handle(read))
	if err := cli.Start(c.ctx); err != nil {
		t.Fatal(err)
	}
	defer cli.Close()
	if err := c.s.AwaitConnections(c.ctx, 1); err != nil {
		t.Fatal(err)
	}

	m, err := g.Say(p[0], dingtalktest.Say{Text: "谁读了"})
	if err != nil {
		t.Fatal(err)
	}
	if got := <-heard; got["msgId"] != m.ID {
		t.Errorf("got %v", got)
	}
	key := c.send(g, "x")
	if err := g.Read(p[1], g.Messages()[1].ID); err != nil {
		t.Fatal(err)
	}
	if got := <-read; got["processQueryKey"] != key || got["userId"] != p[1].UserID {
		t.Errorf("got %v", got)
	}
	acked := func(topic string) {
		t.Helper()
		c.until("the ack of "+topic, func() bool {
			return slices.ContainsFunc(c.s.Acks(), func(a dingtalktest.Ack) bool { return a.Topic == topic })
		})
	}
	acked("KEEPALIVE")
	c.s.Ping()
	for _, topic := range []string{dingtalktest.TopicBotMessage, "*", "ping"} {
		acked(topic)
	}
	c.s.Disconnect()
	acked("disconnect")
	c.clean()
}
