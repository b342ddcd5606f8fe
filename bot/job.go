package bot

import (
	"encoding/json"
	"time"

	"whoread/receipts"
)

// MessageJob is the kind of a job of what somebody said; a Bot has the Service do all others.
const MessageJob = "message"

// acceptedMessage is the body of a job of what somebody said: the message with its session
// webhook, which its own JSON does not show.
type acceptedMessage struct {
	Incoming
	Webhook shownWebhook
}

type shownWebhook struct {
	URL   string
	Until time.Time
}

// messageJob is what somebody said as it waits in the inbox, the only place where its
// session webhook is written down.
func messageJob(in Incoming) (receipts.Job, error) {
	body, err := json.Marshal(acceptedMessage{in, shownWebhook{in.Webhook.URL.Reveal(), in.Webhook.Until}})
	return receipts.Job{ID: in.ID, Kind: MessageJob, Group: in.Group, Body: string(body)}, err
}

// messageOf is what somebody said, as a job has it.
func messageOf(j receipts.Job) (Incoming, error) {
	m, err := receipts.BodyOf[acceptedMessage](j)
	m.Incoming.Webhook = receipts.Webhook{URL: receipts.NewSecret(m.Webhook.URL), Until: m.Webhook.Until}
	return m.Incoming, err
}
