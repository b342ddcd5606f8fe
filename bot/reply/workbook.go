package reply

import (
	"strconv"
	"strings"
	"time"

	"whoread/bot/export"
	"whoread/receipts"
)

// Workbook is a report as a table, the unread first. An incomplete report lists nobody but the
// readers, and says why.
func (p Page) Workbook(r receipts.Report) export.Data {
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
		asOf = r.AsOf.In(p.Zone).Format(time.DateTime)
	}
	d := export.Data{
		Number: m.Number,
		Facts: []export.Fact{
			{Label: s.Message, Value: "#" + strconv.Itoa(m.Number) + " " + title},
			{Label: s.Sent, Value: m.SentAt.In(p.Zone).Format(time.DateTime)},
			{Label: s.Progress, Value: p.Progress(r)},
			{Label: s.Completeness, Value: complete},
			{Label: s.AsOf, Value: asOf},
			{Label: s.Source, Value: p.Sources[r.Source]},
		},
		Headings: export.Headings{Name: s.Name, UserID: s.UserID, State: s.State, ReadAt: s.ReadAt, ReadBy: s.ReadBy, Reminders: s.Reminders},
		Location: p.Zone,
	}
	for _, id := range r.Unread {
		d.Rows = append(d.Rows, export.Row{Name: p.Names[id], UserID: id, State: s.Unread, Reminders: r.Reminders[id]})
	}
	for _, receipt := range r.Read {
		d.Rows = append(d.Rows, export.Row{
			Name: p.Names[receipt.UserID], UserID: receipt.UserID, State: s.Read, Read: receipt.At, Exact: receipt.Exact,
			Reminders: r.Reminders[receipt.UserID],
		})
	}
	return d
}
