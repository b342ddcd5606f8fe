package dingtalk

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

const cardOK = `{"success":true,"result":{"outTrackId":"card-1","deliverResults":[{"spaceType":"IM_GROUP","spaceId":"cid==","success":true,"carrierId":"the+key=="}]}}`

func aCard(change ...func(*Card)) Card {
	card := Card{
		OutTrackID: "card-1", TemplateID: PublicCardTemplate, Line: "#12 停机",
		Data: map[string]string{"title": "停机", "markdown": "**周五** <22:00>", "sys_full_json_obj": `{"msgButtons":[]}`},
	}
	for _, f := range change {
		f(&card)
	}
	return card
}

func sendCard(ctx context.Context, c *Client) error {
	_, err := c.SendCard(ctx, "cid==", aCard())
	return err
}

func updateCard(ctx context.Context, c *Client) error {
	return c.UpdateCard(ctx, "card-1", map[string]string{"tips": "已读 1/2"})
}

func TestSendCard(t *testing.T) {
	t.Parallel()
	s := newScript(t).always(cardAPI.path, 200, cardOK)
	var calls []Call
	c := s.client(func(cfg *Config) { cfg.Observe = func(_ context.Context, call Call) { calls = append(calls, call) } })
	posted, err := c.SendCard(t.Context(), "cid==", aCard())
	if err != nil || posted.ProcessQueryKey != "the+key==" || posted.At.IsZero() {
		t.Fatalf("%+v, %v", posted, err)
	}
	wanted := seen{Method: "POST", Path: "/v1.0/card/instances/createAndDeliver", Token: tokenValue(1), Body: map[string]any{
		"cardTemplateId": PublicCardTemplate, "outTrackId": "card-1", "callbackType": "STREAM", "openSpaceId": "dtv1.card//IM_GROUP.cid==",
		"cardData": map[string]any{"cardParamMap": map[string]any{"title": "停机", "markdown": "**周五** <22:00>", "sys_full_json_obj": `{"msgButtons":[]}`}},
		"imGroupOpenSpaceModel": map[string]any{
			"supportForward": false, "lastMessageI18n": map[string]any{"ZH_CN": "#12 停机", "EN_US": "#12 停机"},
			"notification": map[string]any{"alertContent": "#12 停机", "notificationOff": false},
		},
		"imGroupOpenDeliverModel": map[string]any{"robotCode": "the-bot"},
	}}
	if diff := cmp.Diff(wanted, s.seen(cardAPI.path)[0]); diff != "" {
		t.Error(diff)
	}
	if last := calls[len(calls)-1]; last.API != "card" || !last.Counted || last.Kind != "" {
		t.Errorf("observed %+v", last)
	}
}

// HTTP 200 does not mean that a card is in the group.
func TestWhatBecameOfACard(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		status    int
		body      string
		key       string
		kind      Kind // none: it is there
		uncertain bool
	}{
		"delivered":                            {200, cardOK, "the+key==", "", false},
		"delivered, the flags as strings":      {200, `{"success":"true","result":{"deliverResults":[{"success":"true","carrierId":"k"}]}}`, "k", "", false},
		"delivered, without a key":             {200, `{"success":true,"result":{"deliverResults":[{"success":true}]}}`, "", "", false},
		"not delivered":                        {200, `{"success":true,"result":{"deliverResults":[{"success":false,"errorMsg":"system error"}]}}`, "", CardUndelivered, false},
		"not delivered, and no success":        {200, `{"success":false,"result":{"deliverResults":[{"success":false,"errorMsg":"bot.stopped"}]}}`, "", CardUndelivered, false},
		"not delivered, by a code that passes": {200, `{"success":true,"result":{"deliverResults":[{"success":false,"errorMsg":"send.too.fast"}]}}`, "", CardUndelivered, false},
		"one of two not delivered":             {200, `{"success":true,"result":{"deliverResults":[{"success":true,"carrierId":"k"},{"success":false}]}}`, "", CardUndelivered, false},
		"no success":                           {200, `{"success":false,"result":{"deliverResults":[{"success":true,"carrierId":"k"}]}}`, "", BadAnswer, true},
		"no success, and not a word why":       {200, `{"success":false}`, "", BadAnswer, true},
		"no success, by a code":                {200, `{"success":false,"code":"param.templateNotExist"}`, "", CardTemplate, false},
		"no delivery":                          {200, `{"success":true,"result":{"deliverResults":[]}}`, "", BadAnswer, true},
		"a delivery that tells nothing":        {200, `{"success":true,"result":{"deliverResults":[{"carrierId":"k"}]}}`, "", BadAnswer, true},
		"deliveries of another type":           {200, `{"success":true,"result":{"deliverResults":"k"}}`, "", BadAnswer, true},
		"no result":                            {200, `{"success":true}`, "", BadAnswer, true},
		"nothing":                              {200, ``, "", BadAnswer, true},
		"an empty object":                      {200, `{}`, "", BadAnswer, true},
		"it is there":                          {400, `{"code":"param.cardAlreadyExist"}`, "", CardExists, false},
		"no such template":                     {400, `{"code":"param.templateNotExist"}`, "", CardTemplate, false},
		"the template is not published":        {400, `{"code":"param.templateUnpublished"}`, "", CardTemplate, false},
		"no permission":                        {403, `{"code":"Forbidden.AccessDenied.AccessTokenPermissionDenied"}`, "", PermissionDenied, false},
		"the text":                             {400, `{"code":"param.contentUnsafe"}`, "", TextRefused, false},
		"the group":                            {400, `{"code":"param.openSpaceIdInvalid"}`, "", GroupInvalid, false},
		"a number":                             {400, `{"code":"MissingStringValue"}`, "", BadRequest, false},
		"some parameter":                       {400, `{"code":"param.invalid"}`, "", BadRequest, false},
		"a parameter that is not documented":   {400, `{"code":"param.somethingNew"}`, "", BadRequest, false},
		"busy":                                 {500, `{"code":"system.busy"}`, "", Unavailable, true},
		"busy, by another status":              {400, `{"code":"system.busy"}`, "", Unavailable, true},
		"a gateway":                            {502, `<html><title>502 Bad Gateway</title>`, "", Unavailable, true},
		"the month":                            {403, `{"code":"Forbidden.AccessDenied.ApiCountLimitForOrg"}`, "", QuotaSpent, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := newScript(t).always(cardAPI.path, tt.status, tt.body)
				posted, err := s.client().SendCard(t.Context(), "cid==", aCard())
				if posted.ProcessQueryKey != tt.key {
					t.Errorf("the key is %q", posted.ProcessQueryKey)
				}
				if tt.kind == "" {
					if err != nil {
						t.Error(err)
					}
				} else {
					want(t, err, tt.kind, tt.uncertain)
				}
				if n := len(s.seen(cardAPI.path)); n != 1 {
					t.Errorf("asked %d times: what a second create does is the caller's to know", n)
				}
			})
		})
	}
}

// A throttled card was not looked at, so it is sent again.
func TestAThrottledCardIsRepeated(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newScript(t).on(cardAPI.path, func(n int, _ seen) (int, string) {
			if n < 3 {
				return 403, throttled
			}
			return 200, cardOK
		})
		if err := sendCard(t.Context(), s.client()); err != nil || len(s.seen(cardAPI.path)) != 3 {
			t.Errorf("%v after %d tries", err, len(s.seen(cardAPI.path)))
		}
	})
}

// Before a request goes out once more, or late, it is asked whether it still may.
func TestARepetitionGoesOutOnlyWhileItStands(t *testing.T) {
	t.Parallel()
	gone := errors.New("recalled meanwhile")
	for name, tt := range map[string]struct {
		throttled, ahead int // tries that are throttled, and calls that are begun before it at one a second
		stands           error
		looked, sent     int
	}{
		"at once":            {0, 0, gone, 0, 1},
		"again, it stands":   {2, 0, nil, 2, 3},
		"again, it does not": {2, 0, gone, 1, 1},
		"late, it stands":    {0, 3, nil, 1, 1},
		"late, it does not":  {0, 3, gone, 1, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := newScript(t).on(sendAPI.path, func(n int, _ seen) (int, string) {
					if n > tt.ahead && n <= tt.ahead+tt.throttled {
						return 403, throttled
					}
					return 200, `{"processQueryKey":"k"}`
				})
				c := s.client()
				c.SetCallsPerSecond(1)
				var before sync.WaitGroup
				for range tt.ahead {
					before.Go(func() { _, _ = c.SendGroup(t.Context(), "cid", Markdown("before", "x")) })
				}
				synctest.Wait()
				looked := 0
				_, err := c.SendGroup(t.Context(), "cid", Markdown("it", "x"), While(func(context.Context) error { looked++; return tt.stands }))
				before.Wait()
				if failed := tt.stands != nil && tt.looked > 0; failed {
					want(t, err, Cancelled, false)
				} else if err != nil {
					t.Error(err)
				}
				if errors.Is(err, gone) != (tt.stands != nil && tt.looked > 0) {
					t.Errorf("it failed with %v", err)
				}
				if sent := len(s.seen(sendAPI.path)) - tt.ahead; looked != tt.looked || sent != tt.sent {
					t.Errorf("looked %d times, sent %d times", looked, sent)
				}
			})
		})
	}
}

func TestUpdateCard(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		status    int
		body      string
		kind      Kind
		uncertain bool
	}{
		"done":                    {200, `{"success":true,"result":true}`, "", false},
		"done, as strings":        {200, `{"success":"true","result":"true"}`, "", false},
		"done, without a result":  {200, `{"success":true}`, "", false},
		"not done":                {200, `{"success":true,"result":false}`, BadAnswer, true},
		"no success":              {200, `{"success":false}`, BadAnswer, true},
		"nothing":                 {200, `{}`, BadAnswer, true},
		"no such card":            {400, `{"code":"param.cardNotExist"}`, CardMissing, false},
		"nothing to change":       {400, `{"code":"param.empty"}`, BadRequest, false},
		"busy":                    {500, `{"code":"system.busy"}`, Unavailable, true},
		"no permission any more":  {403, `{"code":"Forbidden.AccessDenied.AccessTokenPermissionDenied"}`, PermissionDenied, false},
		"the template has gone":   {400, `{"code":"param.templateNotExist"}`, CardTemplate, false},
		"the text is not allowed": {400, `{"code":"param.contentUnsafe"}`, TextRefused, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newScript(t).always(cardUpdateAPI.path, tt.status, tt.body)
			err := updateCard(t.Context(), s.client())
			if tt.kind == "" && err != nil {
				t.Error(err)
			} else if tt.kind != "" {
				want(t, err, tt.kind, tt.uncertain)
			}
			wanted := []seen{{Method: "PUT", Path: "/v1.0/card/instances", Token: tokenValue(1), Body: map[string]any{
				"outTrackId": "card-1", "cardData": map[string]any{"cardParamMap": map[string]any{"tips": "已读 1/2"}},
				"cardUpdateOptions": map[string]any{"updateCardDataByKey": true},
			}}}
			if diff := cmp.Diff(wanted, s.seen(cardUpdateAPI.path)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestCardsAreMeasured(t *testing.T) {
	t.Parallel()
	s := newScript(t).always(cardAPI.path, 400, `{"code":"param.invalid"}`).always(cardUpdateAPI.path, 400, `{"code":"param.invalid"}`)
	c := s.client()
	data := func(value string) func(*Card) {
		return func(card *Card) { card.Data = map[string]string{"markdown": value} }
	}
	for name, tt := range map[string]struct {
		card Card
		kind Kind
		asks int // of DingTalk
	}{
		"as long as documented":             {aCard(data(strings.Repeat("x", CardValueBytes))), BadRequest, 1},
		"longer":                            {aCard(data(strings.Repeat("读", CardValueBytes/3+1))), TooLong, 1},
		"much longer, and DingTalk decides": {aCard(data(strings.Repeat("x", MaxCardBytes-len("markdown")))), TooLong, 1},
		"longer than all of it may be":      {aCard(data(strings.Repeat("x", MaxCardBytes))), TooLong, 0},
		"an id of a hundred characters":     {aCard(func(c *Card) { c.OutTrackID = strings.Repeat("卡", MaxOutTrackID) }), BadRequest, 1},
		"an id of more":                     {aCard(func(c *Card) { c.OutTrackID = strings.Repeat("x", MaxOutTrackID+1) }), BadRequest, 0},
		"no id":                             {aCard(func(c *Card) { c.OutTrackID = "" }), BadRequest, 0},
	} {
		before, beforeUpdate := len(s.seen(cardAPI.path)), len(s.seen(cardUpdateAPI.path))
		_, err := c.SendCard(t.Context(), "cid==", tt.card)
		want(t, err, tt.kind, false)
		want(t, c.UpdateCard(t.Context(), tt.card.OutTrackID, tt.card.Data), tt.kind, false)
		if errors.Is(err, ErrTooLong) != (tt.kind == TooLong) {
			t.Errorf("%s: %v", name, err)
		}
		if n, u := len(s.seen(cardAPI.path))-before, len(s.seen(cardUpdateAPI.path))-beforeUpdate; n != tt.asks || u != tt.asks {
			t.Errorf("%s: asked %d and %d times", name, n, u)
		}
	}
}

// Out of budget, cards stop filling up; what is announced goes out.
func TestCardsAndTheBudget(t *testing.T) {
	t.Parallel()
	s := newScript(t).always(cardAPI.path, 200, cardOK).always(cardUpdateAPI.path, 200, `{"success":true,"result":true}`)
	c := s.client(func(cfg *Config) { cfg.WithinBudget = func() bool { return false } })
	if err := sendCard(t.Context(), c); err != nil {
		t.Error(err)
	}
	want(t, updateCard(t.Context(), c), BudgetSpent, false)
	if err := c.UpdateCard(t.Context(), "card-1", nil, PastBudget); err != nil {
		t.Error(err)
	}
	if n := len(s.seen(cardUpdateAPI.path)); n != 1 {
		t.Errorf("%d updates", n)
	}
}

func TestACardIsTriedWithoutShowingIt(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		status int
		body   string
		told   bool // whether the answer tells of permission and template
		kind   Kind // of the failure; none: both are there
	}{
		"made, and nowhere to go":  {200, `{"success":true,"result":{"deliverResults":[{"success":false,"errorMsg":"x"}]}}`, true, ""},
		"no permission":            {403, `{"code":"Forbidden.AccessDenied.AccessTokenPermissionDenied"}`, true, PermissionDenied},
		"no template":              {400, `{"code":"param.templateNotExist"}`, true, CardTemplate},
		"a template not published": {400, `{"code":"param.templateUnpublished"}`, true, CardTemplate},
		"the group first":          {400, `{"code":"param.openSpaceIdInvalid"}`, false, GroupInvalid},
		"a parameter":              {400, `{"code":"param.invalid"}`, false, BadRequest},
		"something new":            {400, `{"code":"something.new"}`, false, Unknown},
		"nothing":                  {200, `{}`, false, BadAnswer},
		"busy":                     {500, `{"code":"system.busy"}`, true, Unavailable},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newScript(t).always(cardAPI.path, tt.status, tt.body)
			err := s.client().TryCard(t.Context(), "no-such-group", aCard())
			if (tt.kind == "") != (err == nil) || errors.Is(err, ErrNotTold) == tt.told {
				t.Errorf("%v", err)
			}
			if failure, ok := errors.AsType[*Error](err); tt.kind != "" && (!ok || failure.Kind != tt.kind) {
				t.Errorf("%v; want %s", err, tt.kind)
			}
			if got := s.seen(cardAPI.path)[0].Body["openSpaceId"]; got != "dtv1.card//IM_GROUP.no-such-group" {
				t.Errorf("the card is for %v", got)
			}
		})
	}
}

// What the connection does to a card: the create is not repeated by itself, and a caller may ask again.
func TestACardWhoseAnswerIsLost(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string]func(net.Conn, *http.Request) bool{
		"never comes": func(_ net.Conn, r *http.Request) bool {
			_, _ = io.Copy(io.Discard, r.Body)
			time.Sleep(time.Hour)
			return false
		},
		"is cut off":     says("HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n" + cardOK),
		"does not begin": says(""),
	} {
		for api, call := range map[string]func(context.Context, *Client) error{"card": sendCard, "card_update": updateCard} {
			t.Run(api+" "+name, func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					tries, took, err := tryOn(t, answer, call)
					want(t, err, Unavailable, true)
					if tries != 1 || took > CallTimeout+time.Second {
						t.Errorf("%d tries in %s", tries, took)
					}
				})
			})
		}
	}
}
