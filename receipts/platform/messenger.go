package platform

import (
	"context"
	"fmt"
	"maps"
	"regexp"
	"slices"

	"whoread/receipts"
	"whoread/receipts/dingtalk"
)

// Bounds of mentions. A person takes the userId twice: in the text, where it must stand,
// and in the list of those to notify. With a text as long as any post may be, the list of
// them stays under dingtalk.MaxReplyBytes.
const (
	mentionBytes    = 9_000 // of the people of one message
	mentionOverhead = 6     // bytes beside the two userIds
)

// Fits implements receipts.Sender. A webhook takes somewhat more.
func (p *Platform) Fits(post receipts.Post) error {
	if _, err := markdown(post).Encode(); err != nil {
		return fmt.Errorf("%w: %w", receipts.ErrTooLong, err)
	}
	return nil
}

func markdown(p receipts.Post) dingtalk.Message { return dingtalk.Markdown(p.Title, p.Text) }

// Post implements receipts.Sender.
func (p *Platform) Post(ctx context.Context, group string, post receipts.Post) (receipts.Posted, error) {
	return p.send(ctx, group, markdown(post), dingtalk.While(post.Stands))
}

func (p *Platform) send(ctx context.Context, group string, m dingtalk.Message, options ...dingtalk.Option) (receipts.Posted, error) {
	posted, err := p.Client.SendGroup(ctx, group, m, append(options, p.turn(group, 0))...)
	return receipts.Posted{Key: posted.ProcessQueryKey, At: posted.At}, failure(err)
}

// Reply implements receipts.Messenger.
func (p *Platform) Reply(ctx context.Context, w receipts.Webhook, post receipts.Post, userIDs []string) error {
	return failure(p.Client.Reply(ctx, dingtalk.NewSecret(w.URL.Reveal()), dingtalk.Reply{Title: post.Title, Text: post.Text, AtUserIDs: userIDs}, p.turn("", 0), dingtalk.While(post.Stands)))
}

// Direct implements receipts.Messenger.
func (p *Platform) Direct(ctx context.Context, userIDs []string, post receipts.Post) (string, receipts.Missed, error) {
	result, err := p.Client.SendDirect(ctx, userIDs, markdown(post), p.turn("", len(userIDs)), dingtalk.While(post.Stands))
	return result.ProcessQueryKey, missed(result), failure(err)
}

func missed(r dingtalk.DirectResult) receipts.Missed {
	return receipts.Missed{Unknown: r.Invalid, Flooded: r.FlowControlled}
}

// Ding implements receipts.Messenger.
func (p *Platform) Ding(ctx context.Context, userIDs []string, post receipts.Post) (receipts.Missed, error) {
	result, err := p.Client.SendDing(ctx, p.DingType, userIDs, post.Text, p.turn("", len(userIDs)), dingtalk.While(post.Stands))
	return receipts.Missed{Unknown: slices.Sorted(maps.Keys(result.Failed))}, failure(err)
}

// Batches implements receipts.Messenger.
func (p *Platform) Batches(by receipts.Channel, userIDs []string, mentions int) []receipts.Batch {
	switch by {
	case receipts.Ding:
		return chunks(receipts.Ding, userIDs, p.DingType.MaxUsers())
	case receipts.Mention:
		mentioned, rest := mentionable(userIDs, mentions)
		return append(chunks(receipts.InPrivate, rest, dingtalk.MaxDirectUsers), mentioned...)
	default:
		return chunks(receipts.InPrivate, userIDs, dingtalk.MaxDirectUsers)
	}
}

// plainID is a userId that is the same in markdown. Another one would format the message,
// and escaped it would mention nobody.
var plainID = regexp.MustCompile(`^[\p{L}\p{N}]([\p{L}\p{N}_.@-]*[\p{L}\p{N}])?$`)

// mentionable splits people into at most so many messages that mention them, and the rest.
func mentionable(userIDs []string, most int) (mentioned []receipts.Batch, rest []string) {
	var odd []string
	for _, id := range userIDs {
		if plainID.MatchString(id) {
			rest = append(rest, id)
		} else {
			odd = append(odd, id)
		}
	}
	for len(rest) > 0 && len(mentioned) < most {
		bytes, count := 0, 0
		for _, id := range rest {
			if bytes += 2*len(id) + mentionOverhead; bytes > mentionBytes {
				break
			}
			count++
		}
		if count == 0 {
			break
		}
		mentioned = append(mentioned, receipts.Batch{By: receipts.Mention, UserIDs: rest[:count]})
		rest = rest[count:]
	}
	return mentioned, append(odd, rest...)
}

func chunks(by receipts.Channel, userIDs []string, most int) []receipts.Batch {
	var all []receipts.Batch
	for ids := range slices.Chunk(userIDs, most) {
		all = append(all, receipts.Batch{By: by, UserIDs: ids})
	}
	return all
}

// Upload implements receipts.Messenger.
func (p *Platform) Upload(ctx context.Context, f receipts.File) (string, error) {
	kind := dingtalk.MediaFile
	if f.Kind == receipts.Picture {
		kind = dingtalk.MediaImage
	}
	media, err := p.Client.UploadMedia(ctx, kind, f.Name, f.Content, p.turn("", 0))
	return media, failure(err)
}

// PostFile implements receipts.Messenger.
func (p *Platform) PostFile(ctx context.Context, group string, f receipts.File, media string) (receipts.Posted, error) {
	return p.send(ctx, group, filed(f, media))
}

// DirectFile implements receipts.Messenger.
func (p *Platform) DirectFile(ctx context.Context, userID string, f receipts.File, media string) (string, receipts.Missed, error) {
	result, err := p.Client.SendDirect(ctx, []string{userID}, filed(f, media), p.turn("", 1))
	return result.ProcessQueryKey, missed(result), failure(err)
}

// filed is the message that shows an uploaded file.
func filed(f receipts.File, media string) dingtalk.Message {
	if f.Kind == receipts.Picture {
		return dingtalk.Image(media)
	}
	return dingtalk.File(media, f.Name, "xlsx")
}

var _ interface {
	receipts.Messenger
	receipts.ReadersSource
	receipts.RecallSource
	receipts.Directory
} = (*Platform)(nil)
