package bot

import (
	"encoding/json"
	"fmt"
	"time"

	"whoread/receipts"
)

// The kinds of jobs that a Bot does.
const (
	MessageJob  = "message"   // what somebody said
	SweepJob    = "sweep"     // saves the reads of a message before DingTalk forgets them
	FollowUpJob = "follow_up" // looks whether a round of a message's follow-up is due
)

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
	m, err := bodyOf[acceptedMessage](j)
	m.Incoming.Webhook = receipts.Webhook{URL: receipts.NewSecret(m.Webhook.URL), Until: m.Webhook.Until}
	return m.Incoming, err
}

// bodyOf decodes the body of a job, which is JSON.
func bodyOf[T any](j receipts.Job) (T, error) {
	var body T
	if err := json.Unmarshal([]byte(j.Body), &body); err != nil {
		return body, fmt.Errorf("read job %s: %w", j.ID, err)
	}
	return body, nil
}
