package bot

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"go.uber.org/zap"

	"whoread/bot/chart"
	"whoread/bot/export"
	"whoread/receipts"
	"whoread/receipts/dingtalk"
)

// chart posts a picture of how the readers of a message grew, and answers with
// the figures.
func (b *Bot) chart(ctx context.Context, w *words, in Incoming, said Said) (answer, error) {
	r, refusal, err := b.reportOn(ctx, w, in, said, b.Access.Report)
	if err != nil || refusal != "" {
		return say(refusal), err
	}
	p := b.page(w, in.Group)
	if !r.Message.State.Posted() {
		return p.report(r, false), nil
	}
	picture, err := chart.PNG(chartOf(r, b.Zone))
	if err != nil {
		return answer{}, fmt.Errorf("draw chart: %w", err)
	}
	mediaID, err := b.Client.UploadMedia(ctx, dingtalk.MediaImage, "chart.png", picture)
	if err == nil {
		_, err = b.Client.SendGroup(ctx, in.Group, dingtalk.Image(mediaID))
	}
	if err != nil {
		b.Log.Warn("chart not sent", zap.String("request", in.ID), zap.Error(err))
		return say(fmt.Sprintf(w.NoChart, r.Message.Number, w.problem(err))), nil
	}
	return p.summary(r), nil
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
func (b *Bot) export(ctx context.Context, w *words, in Incoming, said Said) (answer, error) {
	r, refusal, err := b.reportOn(ctx, w, in, said, Admins)
	if err != nil || refusal != "" {
		return say(refusal), err
	}
	p := b.page(w, in.Group)
	if !r.Message.State.Posted() {
		return p.report(r, false), nil
	}
	ids := make([]string, 0, len(r.Read)+len(r.Unread))
	for _, receipt := range r.Read {
		ids = append(ids, receipt.UserID)
	}
	ids = append(ids, r.Unread...)
	p.names, err = b.Names.Names(ctx, in.Group, ids)
	if err != nil {
		b.Log.Warn("names missing", zap.String("request", in.ID), zap.Error(err))
	}
	content, err := export.XLSX(p.workbook(r))
	if err != nil {
		return answer{}, fmt.Errorf("write workbook: %w", err)
	}
	name := export.FileName(r.Message.Title, r.Message.Number)
	mediaID, err := b.Client.UploadMedia(ctx, dingtalk.MediaFile, name, content)
	if err == nil {
		_, err = b.Client.SendGroup(ctx, in.Group, dingtalk.File(mediaID, name, "xlsx"))
	}
	if err != nil {
		b.Log.Warn("workbook not sent", zap.String("request", in.ID), zap.Error(err))
		return say(fmt.Sprintf(w.NotExported, r.Message.Number, w.problem(err))), nil
	}
	return p.summary(r), nil
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
	for _, gap := range r.Gaps {
		complete = fmt.Sprintf(p.Gaps[gap.Part], p.gap(gap))
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
		})
	}
	for _, id := range r.Unread {
		d.Rows = append(d.Rows, export.Row{Name: p.names[id], UserID: id, State: s.Unread})
	}
	return d
}
