package dingtalk

import (
	"cmp"
	"context"
	"fmt"
	"net/url"
	"strings"
)

// MaxReplyBytes is about what DingTalk takes for the body of a webhook's message. Staying under 15,000 is advised.
const MaxReplyBytes = 20_000

// Reply is a Markdown message for a session webhook.
type Reply struct {
	Title string // what a notification shows
	Text  string // what people wrote must be escaped already
	// AtUserIDs are the people to notify. DingTalk notifies only those for whom "@userId" also stands in the text.
	AtUserIDs []string
}

// Reply answers in the conversation that a session webhook belongs to. It yields no processQueryKey: a reply cannot be
// queried or recalled.
//
// The webhook came over the wire, so it is sent to only where it leads to the webhooks of one of the configured hosts, by https (by http
// on this machine); otherwise the failure is [ErrForeignHost] and nothing was sent. It is good until the
// sessionWebhookExpiredTime of its message; after that the failure is [WebhookExpired].
func (c *Client) Reply(ctx context.Context, webhook Secret, r Reply, options ...Option) error {
	target, ok := c.ownWebhook(webhook.Reveal())
	if !ok {
		return replyAPI.refuse(ForeignHost, "not sent: the webhook does not lead to DingTalk", ErrForeignHost)
	}
	body := replyRequest{MsgType: "markdown", Markdown: replyMarkdown{Title: r.Title, Text: r.Text}}
	body.At.UserIDs = r.AtUserIDs
	payload, failure := replyAPI.payload(request{body: body})
	if failure != nil {
		return failure
	}
	if len(payload.content) > MaxReplyBytes {
		return replyAPI.refuse(TooLong, fmt.Sprintf("the reply has %d bytes, DingTalk takes about %d", len(payload.content), MaxReplyBytes), ErrTooLong)
	}
	request := request{encoded: &payload, webhook: target}.with(options)
	request.turn.Group = cmp.Or(request.turn.Group, target.String()) // one of a group for all that is said in it
	_, err := call[replyAnswer](ctx, c, replyAPI, request)
	return err
}

type replyRequest struct {
	MsgType  string        `json:"msgtype"`
	Markdown replyMarkdown `json:"markdown"`
	At       struct {
		UserIDs []string `json:"atUserIds,omitempty"`
		All     bool     `json:"isAtAll"`
	} `json:"at"`
}

type replyMarkdown struct {
	Title string `json:"title"`
	Text  string `json:"text"`
}

// replyAnswer holds nothing: that errcode is 0 is all that a webhook says.
type replyAnswer struct{}

func (replyAnswer) complete() bool { return true }

// webhookPath is that of every session webhook.
const webhookPath = "/robot/sendBySession"

// ownWebhook returns the webhook's address where it leads to a configured host, and there to where webhooks are.
func (c *Client) ownWebhook(webhook string) (*url.URL, bool) {
	u, err := url.Parse(webhook)
	if err != nil || u.User != nil || u.Opaque != "" || u.EscapedPath() != webhookPath {
		return nil, false
	}
	if u.Scheme != "https" && (u.Scheme != "http" || !isLoopback(u.Hostname())) {
		return nil, false
	}
	for _, base := range []*url.URL{c.api, c.oapi} {
		if hostPort(u) == hostPort(base) {
			u.Host = base.Host
			return u, true
		}
	}
	return nil, false
}

// hostPort is a URL's host and port as they can be compared. Only ASCII is folded: Unicode has look-alikes that fold to it.
func hostPort(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	host := strings.Map(func(r rune) rune {
		if r >= 'A' && r <= 'Z' {
			return r + ('a' - 'A')
		}
		return r
	}, u.Hostname())
	return host + ":" + port
}
