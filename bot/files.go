package bot

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.uber.org/zap"

	"whoread/bot/chart"
	"whoread/bot/command"
	"whoread/bot/export"
	"whoread/bot/reply"
	"whoread/receipts"
)

// chart posts a picture of how the readers of a message grew, and answers with
// the figures.
func (b *Bot) chart(ctx context.Context, w *reply.Words, in Incoming, said command.Command) (reply.Answer, error) {
	r, refusal, err := b.reportOn(ctx, w, in, said, b.Policy.Report)
	if err != nil || refusal != "" {
		return reply.Refuse(refusal), err
	}
	p, number := b.page(w, in.Group), r.Message.Number
	if !r.Message.State.Posted() {
		return p.Report(r, false).About(number), nil
	}
	picture, err := chart.PNG(chartOf(r, b.Zone))
	if err != nil {
		return reply.Answer{}, fmt.Errorf("draw chart: %w", err)
	}
	sentence, err := b.postFile(ctx, w, in, number, w.NoChart, receipts.File{Kind: receipts.Picture, Name: "chart.png", Content: picture})
	if err != nil || sentence != "" {
		return reply.Fail(sentence).About(number), err
	}
	return p.Summary(r).About(number), nil
}

// postFile posts a file about a message into the group, once for each command. The
// sentence says why it is not there, by the format for that, or that it may be; it
// is empty if the file is there. An error means that the records did not answer,
// and nothing was posted.
func (b *Bot) postFile(ctx context.Context, w *reply.Words, in Incoming, number int, failed string, f receipts.File) (sentence string, err error) {
	notPosted := func(err error) string {
		b.log(ctx).Warn("file not posted", zap.Error(err))
		if failure, ok := errors.AsType[*receipts.Failure](err); ok && failure.Uncertain {
			return fmt.Sprintf(w.MayBePosted, number)
		}
		return fmt.Sprintf(failed, number, w.Problem(err))
	}

	media, err := b.Messenger.Upload(ctx, f)
	if err != nil {
		return notPosted(err), nil
	}
	first, err := b.Postings.FirstPosting(ctx, in.Group, in.ID)
	if err != nil {
		return "", err
	}
	if !first { // an earlier attempt got this far and was cut off
		return fmt.Sprintf(w.MayBePosted, number), nil
	}
	posted, err := b.Messenger.PostFile(ctx, in.Group, f, media)
	if err != nil {
		return notPosted(err), nil
	}
	b.recordPost(ctx, in.Group, posted.Key, number)
	return "", nil
}

// chartOf is what is known of the reads, up to when it is known.
func chartOf(r receipts.Report, zone *time.Location) chart.Data {
	d := chart.Data{Number: r.Message.Number, Total: r.Total, Sent: r.Message.SentAt, AsOf: r.AsOf, Location: zone}
	for _, receipt := range r.Read {
		d.Reads = append(d.Reads, chart.Read{At: receipt.At, Exact: receipt.Exact})
		if receipt.At.After(d.AsOf) {
			d.AsOf = receipt.At
		}
	}
	if !r.AsOf.IsZero() {
		d.Queries = []time.Time{r.AsOf}
	}
	return d
}

// export posts a workbook of who has read a message and who has not.
func (b *Bot) export(ctx context.Context, w *reply.Words, in Incoming, said command.Command) (reply.Answer, error) {
	r, refusal, err := b.reportOn(ctx, w, in, said, receipts.Admins)
	if err != nil || refusal != "" {
		return reply.Refuse(refusal), err
	}
	p, number := b.page(w, in.Group), r.Message.Number
	if !r.Message.State.Posted() {
		return p.Report(r, false).About(number), nil
	}
	ids := make([]string, 0, len(r.Read)+len(r.Unread))
	for _, receipt := range r.Read {
		ids = append(ids, receipt.UserID)
	}
	ids = append(ids, r.Unread...)
	if r, p.Names, err = b.named(ctx, r, ids); err != nil {
		return reply.Answer{}, err
	}
	content, err := export.XLSX(p.Workbook(r))
	if err != nil {
		return reply.Answer{}, fmt.Errorf("write workbook: %w", err)
	}
	name := export.FileName(r.Message.Title, number)
	sentence, err := b.postFile(ctx, w, in, number, w.NotExported, receipts.File{Kind: receipts.Workbook, Name: name, Content: content})
	if err != nil || sentence != "" {
		return reply.Fail(sentence).About(number), err
	}
	return p.Summary(r).About(number), nil
}
