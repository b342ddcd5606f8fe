package bot

import (
	"context"
	"fmt"
	"strings"
	"time"

	"golang.org/x/text/width"

	"whoread/bot/command"
	"whoread/bot/reply"
)

// searched is how many of the last messages are searched for a title or a day.
const searched = 100

// findSpokenOf finds the number of the message that the words of a title, or a day, tell,
// where neither a number nor a quotation does. The refusal says why it is none, or asks
// which one. What to recall has to be named.
func (r *request) findSpokenOf(ctx context.Context) (refusal string, err error) {
	if r.said.Topic == "" && r.said.Day == "" || r.said.Number > 0 || r.in.IsReply || r.said.Verb == command.Recall || r.said.Verb == command.Cancel {
		return "", nil
	}
	recent, err := r.Service.List(ctx, r.by, r.in.Group, searched)
	if err != nil {
		return "", err
	}
	var numbers []int
	for _, report := range recent {
		if m := report.Message; strings.Contains(plain(m.Title), plain(r.said.Topic)) && r.sentOn(m.CreatedAt) {
			numbers = append(numbers, m.Number)
		}
	}
	switch len(numbers) {
	case 0:
		return r.w.NoneSpokenOf, nil
	case 1:
		r.said.Number = numbers[0]
		return "", nil
	}
	return fmt.Sprintf(r.w.WhichSpokenOf, reply.Hashes(numbers[:min(len(numbers), listLimit)], r.w.Comma)), nil
}

// plain is a text without case, width and white space.
func plain(text string) string {
	return strings.ToLower(strings.Join(strings.Fields(width.Fold.String(text)), ""))
}

// sentOn reports whether a time is on the day that was said, if one was.
func (r *request) sentOn(at time.Time) bool {
	at, now := at.In(r.Presenter.Zone), r.in.SaidAt.In(r.Presenter.Zone)
	back := 0
	switch day := r.said.Day; day {
	case "":
		return true
	case command.Today:
	case command.Yesterday:
		back = 1
	case command.TwoDaysAgo:
		back = 2
	default:
		for strings.ToLower(now.AddDate(0, 0, -back).Weekday().String()) != string(day) {
			back++
		}
	}
	return at.Format(time.DateOnly) == now.AddDate(0, 0, -back).Format(time.DateOnly)
}
