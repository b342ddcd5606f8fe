package bot

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"whoread/bot/chart"
	"whoread/bot/export"
	"whoread/bot/reply"
	"whoread/receipts"
)

// chart posts a picture of how the readers of a message grew. An answer stands below only if
// the picture is not there, or lacks something.
func (r *request) chart(ctx context.Context) (reply.Answer, error) {
	report, err := r.Service.Report(ctx, r.by, r.in.Group, r.ref())
	if err != nil {
		return reply.Answer{}, err
	}
	if !report.Message.State.Posted() {
		return r.page(nil).Report(report, false).About(report.Message.Number), nil
	}
	picture, err := chart.PNG(r.chartOf(report))
	if err != nil {
		return reply.Answer{}, fmt.Errorf("draw chart: %w", err)
	}
	number := report.Message.Number
	err = r.Service.PostFile(ctx, r.in.ID, report.Message, receipts.File{Kind: receipts.Picture, Name: "chart.png", Content: picture})
	failure, failed := errors.AsType[*receipts.Failure](err)
	switch {
	case failed && failure.Uncertain:
		return reply.Fail(fmt.Sprintf(r.w.MayBePosted, number)).About(number), nil
	case failed:
		return reply.Fail(fmt.Sprintf(r.w.NoChart, number, r.w.Problem(err))).About(number), nil
	case err != nil || report.Complete():
		return reply.Answer{}, err
	}
	return r.stating(report, func(report receipts.Report) reply.Answer {
		return r.page(nil).Summary(report).About(number)
	}), nil
}

// chartOf is what is known of the reads, up to when it is known.
func (r *request) chartOf(report receipts.Report) chart.Data {
	m := report.Message
	d := chart.Data{
		Number: m.Number, Title: cmp.Or(reply.Harmless(m.Title), r.w.Untitled), Read: r.w.Chart.Read, Possible: r.w.Chart.Possible,
		Total: report.Total, AtLeast: !report.Complete(), Partial: report.Source == receipts.Learned,
		Sent: m.SentAt, AsOf: report.AsOf, Location: r.Presenter.Zone,
	}
	for _, receipt := range report.Read {
		d.Reads = append(d.Reads, chart.Read{At: receipt.At, Exact: receipt.Exact})
		if receipt.At.After(d.AsOf) {
			d.AsOf = receipt.At
		}
	}
	if m.Confirm {
		d.Confirmation = r.w.Confirm.State
		for _, receipt := range report.Confirmed {
			d.Confirmed = append(d.Confirmed, receipt.At)
			if receipt.At.After(d.AsOf) {
				d.AsOf = receipt.At
			}
		}
	}
	if !report.AsOf.IsZero() {
		d.Queries = []time.Time{report.AsOf}
	}
	return d
}

// export sends whoever asks a workbook of who has read a message and who has not, in private:
// it holds more about people than their group need know.
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
	content, err := export.XLSX(r.page(names).Workbook(report, r.in.Title))
	if err != nil {
		return reply.Answer{}, fmt.Errorf("write workbook: %w", err)
	}
	name := export.FileName(report.Message.Title, report.Message.Number)
	number := report.Message.Number
	missed, err := r.Service.PrivateFile(ctx, r.in.ID, report.Message, receipts.File{Kind: receipts.Workbook, Name: name, Content: content}, r.in.Sender.UserID)
	failure, failed := errors.AsType[*receipts.Failure](err)
	switch {
	case failed && failure.Uncertain:
		return reply.Fail(fmt.Sprintf(r.w.MayBeSent, number)).About(number), nil
	case failed:
		return reply.Fail(fmt.Sprintf(r.w.NotExported, number, r.w.Undelivered(missed, err))).About(number), nil
	case err != nil:
		return reply.Answer{}, err
	}
	return r.page(nil).Exported(report).About(number), nil
}
