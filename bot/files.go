package bot

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"go.uber.org/zap"

	"whoread/bot/chart"
	"whoread/bot/command"
	"whoread/bot/export"
	"whoread/receipts"
)

// chart posts a picture of how the readers of a message grew, and answers with
// the figures.
func (b *Bot) chart(ctx context.Context, w *words, in Incoming, said command.Command) (answer, error) {
	r, refusal, err := b.reportOn(ctx, w, in, said, b.Access.Report)
	if err != nil || refusal != "" {
		return refuse(refusal), err
	}
	p, number := b.page(w, in.Group), r.Message.Number
	if !r.Message.State.Posted() {
		return p.report(r, false).about(number), nil
	}
	picture, err := chart.PNG(chartOf(r, b.Zone))
	if err != nil {
		return answer{}, fmt.Errorf("draw chart: %w", err)
	}
	sentence, err := b.postFile(ctx, w, in, number, w.NoChart, receipts.File{Kind: receipts.Picture, Name: "chart.png", Content: picture})
	if err != nil || sentence != "" {
		return fail(sentence).about(number), err
	}
	return p.summary(r).about(number), nil
}

// postFile posts a file about a message into the group, once for each command. The
// sentence says why it is not there, by the format for that, or that it may be; it
// is empty if the file is there. An error means that the records did not answer,
// and nothing was posted.
func (b *Bot) postFile(ctx context.Context, w *words, in Incoming, number int, failed string, f receipts.File) (sentence string, err error) {
	notPosted := func(err error) string {
		b.log(ctx).Warn("file not posted", zap.Error(err))
		if failure, ok := errors.AsType[*receipts.Failure](err); ok && failure.Uncertain {
			return fmt.Sprintf(w.MayBePosted, number)
		}
		return fmt.Sprintf(failed, number, w.problem(err))
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
func (b *Bot) export(ctx context.Context, w *words, in Incoming, said command.Command) (answer, error) {
	r, refusal, err := b.reportOn(ctx, w, in, said, Admins)
	if err != nil || refusal != "" {
		return refuse(refusal), err
	}
	p, number := b.page(w, in.Group), r.Message.Number
	if !r.Message.State.Posted() {
		return p.report(r, false).about(number), nil
	}
	ids := make([]string, 0, len(r.Read)+len(r.Unread))
	for _, receipt := range r.Read {
		ids = append(ids, receipt.UserID)
	}
	ids = append(ids, r.Unread...)
	p.names = b.namesFor(ctx, in.Group, ids)
	content, err := export.XLSX(p.workbook(r))
	if err != nil {
		return answer{}, fmt.Errorf("write workbook: %w", err)
	}
	name := export.FileName(r.Message.Title, number)
	sentence, err := b.postFile(ctx, w, in, number, w.NotExported, receipts.File{Kind: receipts.Workbook, Name: name, Content: content})
	if err != nil || sentence != "" {
		return fail(sentence).about(number), err
	}
	return p.summary(r).about(number), nil
}

// workbook is a report as a table. An incomplete report lists nobody but the
// readers, and says why.
func (p page) workbook(r receipts.Report) export.Data {
	m, s := r.Message, p.Sheet
	title := m.Title
	if title == "" {
		title = p.Untitled
	}
	complete := s.Complete
	switch {
	case r.Source == receipts.Learned && r.Complete():
		complete = p.Sources[receipts.Learned]
	case !r.Complete():
		complete = strings.Join(p.gaps(r), " ")
	}
	asOf := ""
	if !r.AsOf.IsZero() {
		asOf = r.AsOf.In(p.zone).Format(time.DateTime)
	}
	d := export.Data{
		Number: m.Number,
		Facts: []export.Fact{
			{Label: s.Message, Value: "#" + strconv.Itoa(m.Number) + " " + title},
			{Label: s.Sent, Value: m.SentAt.In(p.zone).Format(time.DateTime)},
			{Label: s.Progress, Value: p.progress(r, r.Complete())},
			{Label: s.Completeness, Value: complete},
			{Label: s.AsOf, Value: asOf},
			{Label: s.Source, Value: p.Sources[r.Source]},
		},
		Headings: export.Headings{Name: s.Name, UserID: s.UserID, State: s.State, ReadAt: s.ReadAt, ReadBy: s.ReadBy, Reminders: s.Reminders},
		Location: p.zone,
	}
	for _, receipt := range r.Read {
		d.Rows = append(d.Rows, export.Row{
			Name: p.names[receipt.UserID], UserID: receipt.UserID, State: s.Read, Read: receipt.At, Exact: receipt.Exact,
			Reminders: r.Reminders[receipt.UserID],
		})
	}
	for _, id := range r.Unread {
		d.Rows = append(d.Rows, export.Row{Name: p.names[id], UserID: id, State: s.Unread, Reminders: r.Reminders[id]})
	}
	return d
}
