package bot

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"whoread/bot/command"
	"whoread/bot/reply"
	"whoread/receipts"
)

// withNames is the text of an announcement with the people who are mentioned below it,
// those whose names do not stand in it, and what its author is told about that:
// DingTalk notifies nobody of a mention in it.
func (b *Bot) withNames(ctx context.Context, w *reply.Words, in Incoming, said command.Command) (text, note string) {
	if len(in.Mentioned) == 0 {
		return said.Text, ""
	}
	names := b.namesFor(ctx, in.Group, in.Mentioned)
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

// unresolved reports whether a command is about somebody, and DingTalk does not tell
// about whom. One of several mentions is the bot's.
func unresolved(in Incoming, said command.Command) bool {
	return len(in.Mentioned) == 0 && (said.Named || in.Strangers > 0 || len(in.Mentions) > 1)
}

// among are those of all who are in some, in the order of all.
func among(some, all []string) []string {
	return slices.DeleteFunc(slices.Clone(all), func(id string) bool { return !slices.Contains(some, id) })
}

// nobodyMentioned says why none of the people who are mentioned is reminded, by a
// complete report.
func (b *Bot) nobodyMentioned(ctx context.Context, w *reply.Words, mentioned []string, r receipts.Report) reply.Answer {
	readers := make([]string, len(r.Read))
	for i, receipt := range r.Read {
		readers[i] = receipt.UserID
	}
	read := among(mentioned, readers)
	others := slices.DeleteFunc(slices.Clone(mentioned), func(id string) bool { return slices.Contains(read, id) })
	p := b.page(w, r.Message.Group)
	p.Names = b.namesFor(ctx, r.Message.Group, mentioned)
	return p.NobodyMentioned(r.Message.Number, read, others)
}
