package reply

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"
	"time"

	"whoread/bot/export"
	"whoread/receipts"
)

// Workbook is a report as a table, the unread first; group is what the group is called, for who
// reads it elsewhere. An incomplete report lists nobody but the readers, and says why.
func (p Page) Workbook(r receipts.Report, group string) export.Data {
	m, s := r.Message, p.Sheet
	d := export.Data{
		Number:   m.Number,
		Headings: export.Headings{Name: s.Name, UserID: s.UserID, State: s.State, ReadAt: s.ReadAt, ReadBy: s.ReadBy, Reminders: s.Reminders},
		Location: p.Zone,
		Created:  p.Now,
	}
	confirmed := map[string]time.Time{}
	if m.Confirm {
		d.Headings.Confirmed = p.Confirm.Column
		for _, receipt := range r.Confirmed {
			confirmed[receipt.UserID] = receipt.At
		}
	}
	at := func(t time.Time) string {
		if t.IsZero() {
			return ""
		}
		return t.In(p.Zone).Format(time.DateTime)
	}
	for _, fact := range []export.Fact{
		{Label: s.Message, Value: "#" + strconv.Itoa(m.Number) + " " + cmp.Or(m.Title, p.Untitled)},
		{Label: s.Group, Value: group},
		{Label: s.Sent, Value: at(m.SentAt)},
		{Label: s.Due, Value: at(r.Deadline())},
		{Label: s.Progress, Value: p.standing(r)},
		{Label: s.Missing, Value: strings.Join(p.gaps(r), " ")},
		{Label: s.AsOf, Value: at(r.AsOf)},
		{Label: s.Source, Value: p.Sources[r.Source]},
	} {
		if fact.Value != "" {
			d.Facts = append(d.Facts, fact)
		}
	}
	for _, id := range r.Unread {
		d.Rows = append(d.Rows, export.Row{Name: p.Names[id], UserID: id, State: s.Unread, Reminders: r.Reminders[id]})
	}
	for _, receipt := range r.Read {
		state := s.Read
		if !confirmed[receipt.UserID].IsZero() {
			state = p.Confirm.State
		}
		d.Rows = append(d.Rows, export.Row{
			Name: p.Names[receipt.UserID], UserID: receipt.UserID, State: state, Confirmed: confirmed[receipt.UserID], Read: receipt.At, Exact: receipt.Exact,
			Reminders: r.Reminders[receipt.UserID],
		})
	}
	return d
}

// Exported tells that the workbook of a report went to who asked, and what it lacks.
func (p Page) Exported(r receipts.Report) Answer {
	return Say(append([]string{fmt.Sprintf(p.Words.Exported, r.Message.Number)}, p.gaps(r)...)...)
}
