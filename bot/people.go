package bot

import (
	"context"
	"fmt"
	"regexp"
	"strings"

	"whoread/bot/reply"
)

// withNames is the text of an announcement with the people who are mentioned below it,
// those whose names do not stand in it, and what its author is told about that:
// DingTalk notifies nobody of a mention in it.
func (r *request) withNames(ctx context.Context) (text, note string) {
	in, said, w := r.in, r.said, r.w
	if len(in.Mentioned) == 0 {
		return said.Text, ""
	}
	names := r.Service.Names(ctx, in.Group, in.Mentioned)
	var below []string
	nameless := 0
	for _, id := range in.Mentioned {
		switch {
		case reply.Harmless(names[id]) == "":
			nameless++
		case !mentions(said.Title+"\n"+said.Text, names[id]):
			below = append(below, "@"+reply.Escape(reply.Shorten(names[id], reply.NameRunes)))
		}
	}
	switch {
	case len(below) > 0:
		note = fmt.Sprintf(w.NamedBelow, strings.Join(below, w.Comma))
	case nameless < len(in.Mentioned):
		note = w.NamedInside
	}
	if nameless > 0 {
		note = reply.Lines(note, fmt.Sprintf(w.NamelessBelow, nameless))
	}
	switch line := strings.Join(below, " "); {
	case line == "":
		return said.Text, note
	case said.Text == said.Title: // there was a single line
		return line, note
	default:
		return said.Text + "\n\n" + line, note
	}
}

// mentions reports whether @name stands in a text as a whole.
func mentions(text, name string) bool {
	whole := regexp.MustCompile(`[@＠]` + regexp.QuoteMeta(name) + `(?:[^\p{L}\p{N}]|$)`)
	return whole.MatchString(text)
}
