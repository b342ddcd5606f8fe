package bot

import (
	"context"
	"errors"
	"fmt"
	"time"

	"whoread/bot/chart"
	"whoread/bot/export"
	"whoread/bot/reply"
	"whoread/receipts"
)

// chart posts a picture of how the readers of a message grew, and answers with
// the figures.
func (r *request) chart(ctx context.Context) (reply.Answer, error) {
	report, err := r.Service.Report(ctx, r.by, r.in.Group, r.ref())
	if err != nil {
		return reply.Answer{}, err
	}
	if !report.Message.State.Posted() {
		return r.page(nil).Report(report, false).About(report.Message.Number), nil
	}
	picture, err := chart.PNG(chartOf(report, r.Presenter.Zone))
	if err != nil {
		return reply.Answer{}, fmt.Errorf("draw chart: %w", err)
	}
	return r.postFile(ctx, report, r.w.NoChart, receipts.File{Kind: receipts.Picture, Name: "chart.png", Content: picture})
}

// postFile posts a file about a message into the group, and answers with the figures. If it
// is not there, the answer says why by the format for that, or that it may be.
func (r *request) postFile(ctx context.Context, report receipts.Report, failed string, f receipts.File) (reply.Answer, error) {
	number := report.Message.Number
	err := r.Service.PostFile(ctx, r.in.ID, report.Message, f)
	failure, known := errors.AsType[*receipts.Failure](err)
	switch {
	case err == nil:
		return r.page(nil).Summary(report).About(number), nil
	case known && failure.Uncertain:
		return reply.Fail(fmt.Sprintf(r.w.MayBePosted, number)).About(number), nil
	case known:
		return reply.Fail(fmt.Sprintf(failed, number, r.w.Problem(err))).About(number), nil
	}
	return reply.Answer{}, err
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
func (r *request) export(ctx context.Context) (reply.Answer, error) {
	report, err := r.Service.Export(ctx, r.by, r.in.Group, r.ref())
	if err != nil {
		return reply.Answer{}, err
	}
	if !report.Message.State.Posted() {
		return r.page(nil).Report(report, false).About(report.Message.Number), nil
	}
	report, names, err := r.Service.Named(ctx, report, report.Shown(len(report.Read)+len(report.Unread), true))
	if err != nil {
		return reply.Answer{}, err
	}
	content, err := export.XLSX(r.page(names).Workbook(report))
	if err != nil {
		return reply.Answer{}, fmt.Errorf("write workbook: %w", err)
	}
	name := export.FileName(report.Message.Title, report.Message.Number)
	return r.postFile(ctx, report, r.w.NotExported, receipts.File{Kind: receipts.Workbook, Name: name, Content: content})
}
