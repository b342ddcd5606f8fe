package receipts

import (
	"context"
	"errors"
	"time"
)

// redacted stands for a Secret where one is printed.
const redacted = "[secret]"

// Secret is a text that no printing shows: not fmt with any verb, not JSON, not a log. Only
// Reveal gives it away. The text stays behind a pointer because fmt does not call methods
// on unexported fields.
type Secret struct{ text *string }

// NewSecret hides the text.
func NewSecret(text string) Secret { return Secret{&text} }

// Reveal returns what is hidden; it is empty for the zero value.
func (s Secret) Reveal() string {
	if s.text == nil {
		return ""
	}
	return *s.text
}

// Equal reports whether both hide the same.
func (s Secret) Equal(other Secret) bool { return s.Reveal() == other.Reveal() }

// String returns a placeholder.
func (Secret) String() string { return redacted }

// MarshalText writes a placeholder into JSON and the like.
func (Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// Webhook is a session webhook: an address by which the bot can say something in one
// conversation for some time, and mention people there.
type Webhook struct {
	URL   Secret
	Until time.Time
}

// webhookMargin is how long before its end a webhook is used no more.
const webhookMargin = 5 * time.Second

// Usable reports whether the webhook can be used now.
func (w Webhook) Usable(now time.Time) bool {
	return w.URL.Reveal() != "" && now.Add(webhookMargin).Before(w.Until)
}

// Post is something that the bot says.
type Post struct {
	Title string // what the notification on a phone shows
	Text  string // in DingTalk's markdown
	// About is the number of the message that it is about; 0 for none.
	About int
	// Stands is asked before a post that was held up goes out, and before it is sent once
	// more: an error means that it must not any more, and comes back within the *Failure. Nil
	// if it always may.
	Stands func(context.Context) error
}

// Posted is a post that DingTalk took.
type Posted struct {
	Key string    // processQueryKey
	At  time.Time // when DingTalk was asked to post it, the last time if there were several
}

// Sender posts into groups, as the bot.
type Sender interface {
	// Fits returns nil if DingTalk takes the post, by whichever way it goes; else ErrTooLong. It asks nobody.
	Fits(p Post) error
	// Post posts into a group. Nobody can be mentioned. Its error is a *Failure.
	Post(ctx context.Context, group string, p Post) (Posted, error)
}

// MaxPostBytes is about how long a post may be, as DingTalk counts it: title, text and the
// JSON around them.
const MaxPostBytes = 15_000

// ErrTooLong means that a post is longer than DingTalk takes.
var ErrTooLong = errors.New("the post is too long")

// FileKind is what a file is to DingTalk.
type FileKind string

// The kinds of file.
const (
	Picture  FileKind = "picture"
	Workbook FileKind = "workbook"
)

// File is something to upload and to post.
type File struct {
	Kind    FileKind
	Name    string
	Content []byte
}

// Messenger says things in groups and to people, as the bot. Its errors are *Failure.
type Messenger interface {
	Sender
	// Reply posts by a webhook, and notifies those of the people whose "@userId" stands in
	// the text.
	Reply(ctx context.Context, w Webhook, p Post, userIDs []string) error
	// Direct writes to people in their one-to-one chats, no more than a Batch has.
	// The key is the processQueryKey of what was written; perhaps empty if it reached nobody.
	Direct(ctx context.Context, userIDs []string, p Post) (key string, missed Missed, err error)
	// Ding sends a DING with the post's text, which is no markdown, to no more people than
	// a Batch has.
	Ding(ctx context.Context, userIDs []string, p Post) (Missed, error)
	// Batches splits people into as many as one call reaches, in the order in which they
	// are to be reminded. At most so many of the batches are mentions; who can't be
	// mentioned is written to before that.
	Batches(by Channel, userIDs []string, mentions int) []Batch
	// Upload makes a file ready to be posted. PostFile posts it into a group, and DirectFile
	// sends it to one person in the one-to-one chat.
	Upload(ctx context.Context, f File) (media string, err error)
	PostFile(ctx context.Context, group string, f File, media string) (Posted, error)
	DirectFile(ctx context.Context, userID string, f File, media string) (key string, missed Missed, err error)
}
