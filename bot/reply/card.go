package reply

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"whoread/receipts"
)

// The variables of a card, as its template names them. All values are texts.
const (
	CardTitle    = "title"
	CardMarkdown = "markdown"
	CardTips     = "tips"              // one line, no markdown
	CardButtons  = "sys_full_json_obj" // JSON
)

// Button is the id of a card's button, as a press brings it back.
type Button string

// The buttons.
const (
	ConfirmButton Button = "confirm"
	UnreadButton  Button = "unread"
	RemindButton  Button = "remind"
)

// cardValueBytes is what DingTalk documents for one value of a card. The text of an
// announcement may be longer, and DingTalk decides; what is made here never is.
const cardValueBytes = 1 << 10

// Card renders an announcement as a live card in one language. Its page's Now is the time
// that the progress bears.
type Card struct {
	Page
	Report receipts.Report
	// Text is what stands below the title: markdown, escaped, with its last line.
	Text string
	// Asks reports whether a confirmation is asked for, and Confirmed how many gave one.
	Asks      bool
	Confirmed int
	// Hidden reports that not everybody may see who has read: then everybody's view shows
	// no progress.
	Hidden bool
}

// Line is what the list of chats and the notification on a phone show of it.
func (c Card) Line() string {
	return fmt.Sprintf("#%d %s", c.Report.Message.Number, c.title())
}

func (c Card) title() string {
	if title := Harmless(Shorten(c.Report.Message.Title, TitleRunes)); title != "" {
		return title
	}
	return c.Untitled
}

// Values are all variables of a new card, as everybody sees it.
func (c Card) Values() map[string]string {
	values := c.Progress()
	values[CardTitle], values[CardMarkdown] = c.title(), c.Text
	return values
}

// Progress is what changes of a card, for everybody: the line below the text, and the
// buttons, which go one after the other as there is nothing left for them to do.
func (c Card) Progress() map[string]string {
	return map[string]string{CardTips: c.progressLine(), CardButtons: c.buttons(c.left())}
}

// Own is what the presser of a button sees instead: a plain sentence. Everything else
// stays as it is.
func (c Card) Own(sentence string) map[string]string {
	return map[string]string{CardTips: cutCard(Harmless(sentence))}
}

// OwnConfirmed tells somebody that their confirmation is there, and takes the button from
// them.
func (c Card) OwnConfirmed() map[string]string {
	line := c.Card.YouConfirmed
	if progress := c.progressLine(); progress != "" {
		line += " · " + progress
	}
	own := c.Own(line)
	own[CardButtons] = c.buttons(slices.DeleteFunc(c.left(), func(b Button) bool { return b == ConfirmButton }))
	return own
}

// OwnUnread tells somebody who may know it who has not read it. It is false where that is
// not certain, or the names are not known, too many, or too long for a card.
func (c Card) OwnUnread() (map[string]string, bool) {
	r := c.Report
	switch {
	case r.AllRead():
		return c.Own(fmt.Sprintf(c.Card.AllRead, r.Total)), true
	case !r.Complete() || len(r.Unread) == 0 || len(r.Unread) > c.MaxNames:
		return nil, false
	}
	names := make([]string, len(r.Unread))
	for i, id := range r.Unread {
		if names[i] = Harmless(Shorten(c.Names[id], NameRunes)); names[i] == "" {
			return nil, false
		}
	}
	line := fmt.Sprintf(c.Card.Unread, len(names), strings.Join(names, c.Comma))
	return c.Own(line), len(line) <= cardValueBytes
}

// progressLine is how many have read it and confirmed, and as of when; empty where nobody
// is to see it, or nothing is known.
func (c Card) progressLine() string {
	r := c.Report
	if c.Hidden {
		return ""
	}
	var parts []string
	if r.Message.State != receipts.Sent {
		parts = append(parts, c.States[r.Message.State])
	}
	switch {
	case r.AsOf.IsZero() && !r.ReadByOthers(): // a number would say more than is known
	case r.Total == 0:
		parts = append(parts, fmt.Sprintf(c.Card.ReadBy, len(r.Read)))
	case !r.Complete():
		parts = append(parts, fmt.Sprintf(c.Card.ReadLeast, len(r.Read), r.Total))
	default:
		parts = append(parts, fmt.Sprintf(c.Card.Read, len(r.Read), r.Total))
	}
	if c.Asks {
		parts = append(parts, fmt.Sprintf(c.Card.Confirmed, c.Confirmed))
	}
	if len(parts) == 0 {
		return ""
	}
	return strings.Join(append(parts, c.Now.In(c.Zone).Format("01-02 15:04")), " · ")
}

// left are the buttons that have something left to do.
func (c Card) left() []Button {
	var left []Button
	if c.Report.Message.State != receipts.Sent {
		return nil
	}
	if c.Asks {
		left = append(left, ConfirmButton)
	}
	if !c.Report.AllRead() || c.Asks && c.Confirmed < c.Report.Total {
		left = append(left, UnreadButton, RemindButton)
	}
	return left
}

// buttons describes buttons as the public template draws them: the first thing to do in
// blue, the rest in gray.
func (c Card) buttons(which []Button) string {
	type button struct {
		Text    string `json:"text"`
		Color   string `json:"color"`
		ID      Button `json:"id"`
		Request bool   `json:"request"`
	}
	all := struct {
		Buttons []button `json:"msgButtons"`
	}{[]button{}}
	for _, b := range which {
		color := "gray"
		if b == ConfirmButton {
			color = "blue"
		}
		all.Buttons = append(all.Buttons, button{c.Card.Buttons[b], color, b, true})
	}
	var out bytes.Buffer
	plain := json.NewEncoder(&out)
	plain.SetEscapeHTML(false)
	if err := plain.Encode(all); err != nil {
		return "" // texts always can be encoded
	}
	return strings.TrimSuffix(out.String(), "\n")
}

// cutCard bounds a value.
func cutCard(s string) string {
	if len(s) <= cardValueBytes {
		return s
	}
	return strings.ToValidUTF8(s[:cardValueBytes-len("…")], "") + "…"
}
