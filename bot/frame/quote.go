package frame

import (
	"bytes"
	"cmp"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"whoread/receipts"
)

// Bounds of the tree of a quoted card.
const (
	maxCardDepth = 16
	maxCardNodes = 5_000
)

// quoted is what a frame tells of a quoted message, wherever it tells it.
type quoted struct {
	replied object  // repliedMsg
	old     object  // quoteMessage, of older clients
	key     lenient // originalProcessQueryKey
	said    bool    // something else in the frame tells of a quotation
}

// quoted gathers what the frame tells of a quoted message.
func (f *messageFrame) quoted() quoted {
	q := quoted{replied: f.RepliedMsg, old: f.QuoteMessage, key: f.OriginalKey}
	for _, body := range []object{f.Text, f.Content} {
		if len(q.replied) == 0 {
			q.replied = body.object("repliedMsg")
		}
		q.said = q.said || body.text("isReplyMsg") == "true"
	}
	q.said = q.said || f.IsReplyMsg == "true" || f.OriginalMsgID != "" || f.OriginalKey != ""
	return q
}

// is reports whether there is a quotation at all, known or not.
func (q quoted) is() bool { return q.said || len(q.replied) > 0 || len(q.old) > 0 }

// quote is the quotation as far as the frame shows it.
func (q quoted) quote() receipts.Quote {
	quote := receipts.Quote{Key: q.key.id(), CreatedAt: lenient(cmp.Or(q.replied.text("createdAt"), q.old.text("createdAt"))).time()}
	quote.Text = cmp.Or(
		contentText(q.replied, "content"), contentText(q.replied, "text"), contentText(q.old, "text"), contentText(q.old, "content"),
	)
	return quote
}

// by reports whether the quoted message is the bot's own.
func (q quoted) by(bot lenient) bool {
	return bot != "" && cmp.Or(q.replied.text("senderId"), q.old.text("senderId")) == string(bot)
}

// card reports whether the quoted message stands in the frame as the tree of a card.
func (q quoted) card() bool { return len(q.replied.object("content")["cardContent"]) > 0 }

// maxNumber is larger than the number of any message.
const maxNumber = 1_000_000_000

var (
	hashNumber = regexp.MustCompile(`#[0-9]+`)
	// heading is how answers write a message: with its title in quotation marks.
	heading = regexp.MustCompile(`(#[0-9]+)(?:「|\s?")`)
)

// numberIn finds the #n in the first line of an answer that has a title behind it, or else
// the first one; 0 if there is none. In a card nobody knows for certain where its lines end:
// there it is the one with a title, the only number, or the one that the text begins with.
func numberIn(answer string, card bool) int {
	first, _, _ := strings.Cut(strings.TrimSpace(answer), "\n")
	all := hashNumber.FindAllString(first, -1)
	if titled := heading.FindStringSubmatch(first); titled != nil {
		all = titled[1:]
	}
	if len(all) == 0 || card && !strings.HasPrefix(first, all[0]) && !same(all) {
		return 0
	}
	return atoi(all[0])
}

// signature is how the last line of an announcement begins, or is all of it, where the lines are
// known; and otherwise where it begins.
var (
	signature       = regexp.MustCompile(`^(#[0-9]+)\s*(?:·|$)`)
	signatureWithin = regexp.MustCompile(`(#[0-9]+)\s*·`)
)

// signedIn is the #n of the line that ends an announcement; 0 if the text does not end with one.
func signedIn(text string) int {
	text = strings.TrimSpace(text)
	last := text[strings.LastIndex(text, "\n")+1:]
	if found := signature.FindStringSubmatch(last); found != nil && last != text {
		return atoi(found[1])
	}
	if all := signatureWithin.FindAllStringSubmatch(last, -1); all != nil {
		return atoi(all[len(all)-1][1])
	}
	return 0
}

// atoi is the number of a #n; 0 if no message can have it.
func atoi(hash string) int {
	n, err := strconv.Atoi(hash[1:])
	if err != nil || n > maxNumber {
		return 0
	}
	return n
}

// same reports whether all are the first one again.
func same(all []string) bool {
	return !slices.ContainsFunc(all, func(one string) bool { return one != all[0] })
}

// contentText is the text of a message's content, in whatever shape it stands in the
// field; empty of a picture and the like.
func contentText(message object, field string) string {
	content := message.object(field)
	text := content.firstText("text", "content")
	if text == "" && bytes.HasPrefix(message[field], []byte(`"`)) {
		text = message.text(field)
	}
	if text == "" {
		text, _, _ = pieces(content)
	}
	if text == "" {
		var card cardText
		card.read(content.objects("cardContent"), 0)
		text = card.text.String()
	}
	return cutBytes(text, maxTextBytes)
}

// cardText gathers the text of a card's tree.
type cardText struct {
	text  strings.Builder
	nodes int
	apart bool // what comes next begins a line
}

// read reads a level of the tree: only the values of TEXT elements are text, and each
// other element ends a line.
func (c *cardText) read(elements []object, depth int) {
	for _, element := range elements {
		c.nodes++
		if depth == maxCardDepth || c.nodes > maxCardNodes || c.text.Len() > maxTextBytes {
			return
		}
		if element.text("elementType") == "TEXT" {
			c.add(element.text("value"))
			continue
		}
		c.apart = true
		c.read(element.objects("children"), depth+1)
		c.apart = true
	}
}

func (c *cardText) add(text string) {
	if c.apart && c.text.Len() > 0 {
		c.text.WriteByte('\n')
	}
	c.apart = false
	c.text.WriteString(text)
}
