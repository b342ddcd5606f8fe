package dingtalktest

import (
	"cmp"
	"encoding/binary"
	"hash/fnv"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"
)

// SeedVariable is the environment variable that [Options].Seed is taken from where it is 0.
const SeedVariable = "DINGTALKTEST_SEED"

// ShapeKind says what a shape writes.
type ShapeKind string

// The kinds of shape.
const (
	Said    ShapeKind = "said"    // what a person said
	Quoted  ShapeKind = "quoted"  // the message that a person replied to
	Pushed  ShapeKind = "pushed"  // an event
	Pressed ShapeKind = "pressed" // a button of a card
	System  ShapeKind = "system"  // a SYSTEM frame
)

// Shape is one way in which clients or DingTalk write a thing. What it means does not depend on its shape.
type Shape struct {
	Name   string
	Kind   ShapeKind
	Source string // where the shape was seen
	ByName bool   // adds something or takes something away, so it is never chosen at random
}

// Names of shapes that are used by name.
const (
	ShapeText    = "text"         // of what is said, as the documents show it
	QuoteText    = "content.text" // of a quotation, as the documents show it
	QuoteNone    = "no content"   // nothing of the quoted message's content
	quoteMessage = "quoteMessage" // stands beside the text, not in it
	eventRead    = "robot_msg_read"
	eventGuest   = "robot_msg_read, from outside"
	eventDirect  = "robot_msg_read, one-to-one"
)

// Where the shapes were seen.
const (
	inDocuments = "DingTalk's documents, page \"robot receive message\""
	inHarmony   = "github.com/AstrBotDevs/AstrBot/pull/9389: the same command from the Linux, Mac and HarmonyOS clients"
	inRich      = "github.com/QwenLM/qwen-code/pull/11566 and 11714: mentions that stay in rich text, glued, repeated, with spaces in the name"
	inLeft      = "github.com/bytedance/deer-flow/pull/4724: a mention that stays in a text"
	inPhones    = "what phones put behind a mention: public logs of bots"
	inQuotes    = "github.com/QwenLM/qwen-code/issues/9536: payloads of replies, verified on devices"
	inBareCard  = "github.com/DingTalk-Real-AI/dingtalk-openclaw-connector/issues/399: a log of a quoted card"
	inOldQuotes = "older clients, as the adapters of public bots read them: quoteMessage"
	inTypes     = "the msgtypes that the adapters of public bots list"
	inEvents    = "DingTalk's documents, the page of the event"
	inCards     = "DingTalk's documents, the page of the card's callback, and its SDKs' models of it"
	inButtons   = "public bots on the template 1366a1eb-...: they read the button's id from both places"
	inStream    = "github.com/soimy/openclaw-channel-dingtalk/pull/308, and the official Node package"
)

// shape is a row of the table. One of the functions writes it; fits says of what it can be written, nil: of everything.
type shape struct {
	Shape
	fits   func(*saying) bool
	said   func(*saying) map[string]any
	quotes func(*quotation) bool // the fits of a quotation
	quoted func(*quotation) map[string]any
	data   func(*occurrence) map[string]any
	press  func(data map[string]any, button string)
}

// Shapes is the table of what clients and DingTalk really send.
func Shapes() []Shape {
	var out []Shape
	for _, row := range shapes() {
		out = append(out, row.Shape)
	}
	return out
}

func shapes() []shape {
	return slices.Concat(saidShapes(), quotedShapes(), pushedShapes(), pressShapes(), systemShapes())
}

// saying is what a person said, before it is written in a shape.
type saying struct {
	bot      string  // display name; empty in a one-to-one chat, where nobody is mentioned
	pieces   []piece // a mention is a piece of its own
	rich     bool    // it was said as rich text
	wordless bool    // a picture, a file, a voice
}

// piece is a part of what was said.
type piece struct {
	text string
	at   bool // a mention of a person: @ and the name
}

// newSaying cuts what was said into pieces. A person who is mentioned and whose @name does not stand in the text is mentioned behind it.
func newSaying(m *storedMessage, say Say, bot string) *saying {
	x := &saying{bot: bot, rich: len(say.RichText) > 0, wordless: m.Type == "picture"}
	for _, text := range say.RichText {
		x.pieces = append(x.pieces, piece{text: text})
	}
	if !x.rich && m.Text != "" {
		x.pieces = []piece{{text: m.Text}}
	}
	for _, p := range m.Mentioned {
		if bot != "" && p.Name != "" {
			x.mention("@" + p.Name)
		}
	}
	return x
}

func (x *saying) mention(name string) {
	for i, p := range x.pieces {
		if before, after, found := strings.Cut(p.text, name); found && !p.at {
			x.pieces = slices.Replace(x.pieces, i, i+1, notEmpty(piece{text: before}, piece{text: name, at: true}, piece{text: after})...)
			return
		}
	}
	x.pieces = append(x.pieces, piece{text: name, at: true})
}

func notEmpty(pieces ...piece) []piece {
	return slices.DeleteFunc(pieces, func(p piece) bool { return p.text == "" })
}

// plain is what was said with the names taken out.
func (x *saying) plain() string {
	var b strings.Builder
	for _, p := range x.pieces {
		if !p.at {
			b.WriteString(p.text)
		}
	}
	return b.String()
}

// whole is what was said with the names in it.
func (x *saying) whole() string {
	var b strings.Builder
	for _, p := range x.pieces {
		b.WriteString(p.text)
		if p.at {
			b.WriteString(" ")
		}
	}
	return b.String()
}

func isWords(x *saying) bool      { return !x.wordless }
func isText(x *saying) bool       { return !x.wordless && !x.rich }
func isWordless(x *saying) bool   { return x.wordless }
func isGroupWords(x *saying) bool { return !x.wordless && x.bot != "" }
func isGroupText(x *saying) bool  { return isText(x) && x.bot != "" }

// atBot is @ and the bot's name, and what the client puts behind it.
func (x *saying) atBot(behind string) string {
	if x.bot == "" {
		return ""
	}
	return "@" + x.bot + behind
}

func textData(content string) map[string]any {
	return map[string]any{"msgtype": "text", "text": map[string]any{"content": content}}
}

func contentData(msgtype string, content map[string]any) map[string]any {
	return map[string]any{"msgtype": msgtype, "content": content}
}

// richData is a richText message of these pieces, and of what was said in place of a nil.
func (x *saying) richData(pieces ...map[string]any) map[string]any {
	all := []map[string]any{}
	for _, p := range pieces {
		switch {
		case p == nil:
			for _, said := range x.pieces {
				all = append(all, words(said.text))
			}
		case p["text"] != "":
			all = append(all, p)
		}
	}
	return contentData("richText", map[string]any{"richText": all})
}

func words(text string) map[string]any { return map[string]any{"text": text} }

func downloadCodes() map[string]any {
	code := randomBase64(48)
	return map[string]any{"downloadCode": code, "pictureDownloadCode": code}
}

// otherBot is the display name of a second bot; see mentionsOtherBot.
const otherBot = "天气 Bot"

// mentionsOtherBot reports whether a shape has another bot mentioned, of which a frame tells no more than a dingtalkId.
func mentionsOtherBot(name string) bool { return strings.HasSuffix(name, "two bots") }

func saidShapes() []shape {
	text := func(name, source string, write func(*saying) string) shape {
		return shape{Shape: Shape{Name: name, Kind: Said, Source: source}, fits: isGroupText, said: func(x *saying) map[string]any { return textData(write(x)) }}
	}
	rich := func(name, source string, write func(*saying) map[string]any) shape {
		return shape{Shape: Shape{Name: name, Kind: Said, Source: source}, fits: isGroupWords, said: write}
	}
	file := func(msgtype string, content map[string]any) shape {
		s := shape{Shape: Shape{Name: msgtype, Kind: Said, Source: inTypes, ByName: true}, fits: isWordless}
		s.said = func(*saying) map[string]any { return contentData(msgtype, maps.Clone(content)) }
		return s
	}
	byName := func(s shape) shape { s.ByName = true; return s }

	// Alone, such a piece may as well be a name and a word: nobody can tell that nothing was said.
	spaces := rich("richText, name with spaces", inRich, func(x *saying) map[string]any { return x.richData(words(x.atBot(" 小助手 ")), nil) })
	spaces.fits = func(x *saying) bool { return isGroupWords(x) && strings.TrimSpace(x.whole()) != "" }

	plain := text(ShapeText, inDocuments, func(x *saying) string {
		if x.bot == "" {
			return x.plain()
		}
		return " " + x.plain()
	})
	plain.fits = isText
	plainRich := rich("richText", inDocuments, func(x *saying) map[string]any {
		if x.bot == "" || len(x.pieces) == 0 {
			return x.richData(nil)
		}
		spaced := *x
		spaced.pieces = slices.Clone(x.pieces)
		spaced.pieces[0].text = " " + spaced.pieces[0].text
		return spaced.richData(nil)
	})
	plainRich.fits = isWords
	markdown := rich("markdown", inTypes, func(x *saying) map[string]any {
		return contentData("markdown", map[string]any{"text": x.atBot(" ") + x.whole()})
	})
	markdown.fits = isText
	picture := shape{Shape: Shape{Name: "picture", Kind: Said, Source: inDocuments}, fits: isWordless}
	picture.said = func(*saying) map[string]any { return contentData("picture", downloadCodes()) }

	return []shape{
		plain, // the first that fits is taken where the one that was asked for does not
		text("text, no space", inHarmony, (*saying).plain),
		text("text, mention behind", inHarmony, func(x *saying) string { return x.plain() + " " }),
		text("text, U+2005", inPhones, func(x *saying) string { return "\u2005" + x.plain() }),
		text("text, NBSP", inPhones, func(x *saying) string { return "\u00a0" + x.plain() }),
		text("text, mention left in", inLeft, func(x *saying) string { return x.atBot(" ") + x.whole() }),
		byName(text("text, mention glued", inLeft, func(x *saying) string { return x.atBot("") + x.whole() })),
		byName(text("text, two bots", inDocuments, func(x *saying) string { return "  " + x.plain() })),
		plainRich,
		rich("richText, HarmonyOS", inHarmony, func(x *saying) map[string]any { return x.richData(words(x.atBot("")), nil) }),
		spaces,
		rich("richText, U+2005", inPhones, func(x *saying) map[string]any { return x.richData(words(x.atBot("\u2005")), nil) }),
		rich("richText, one piece", inRich, func(x *saying) map[string]any { return x.richData(words(x.atBot(" ") + x.whole())) }),
		// Where the name ends is a guess: a careful bot does nothing on it that cannot be undone.
		byName(rich("richText, one piece, name with spaces", inRich, func(x *saying) map[string]any {
			return x.richData(words(x.atBot(" 小助手 ") + x.whole()))
		})),
		rich("richText, mention behind", inRich, func(x *saying) map[string]any { return x.richData(nil, words(" "), words(x.atBot(""))) }),
		byName(rich("richText, two bots", inRich, func(x *saying) map[string]any {
			return x.richData(words(x.atBot("")), words("@"+otherBot+" "), nil)
		})),
		byName(rich("richText, picture between", inRich, func(x *saying) map[string]any {
			picture := downloadCodes()
			picture["type"] = "picture"
			return x.richData(words(x.atBot(" ")), picture, nil)
		})),
		markdown,
		picture,
		file("audio", map[string]any{"duration": 3000, "downloadCode": "audio+/="}),
		file("video", map[string]any{"duration": 4, "downloadCode": "video+/=", "videoType": "mp4"}),
		file("file", map[string]any{"spaceId": "1", "fileId": "2", "fileName": "公告 周五停机.xlsx", "downloadCode": "file+/="}),
		file("chatRecord", map[string]any{"summary": "[\"李雷: 公告 周五停机\"]", "chatRecord": "[]"}),
		file("interactiveCard", map[string]any{"biz_custom_action_url": "dingtalk://dingtalkclient/page/link?url=x"}),
		file("unknownMsgType", map[string]any{"unknownMsgType": "此消息类型不支持"}),
	}
}

// quotation is a message that a person replied to, before it is written in a shape.
type quotation struct {
	*storedMessage
	sender string // senderId
	full   bool   // its content must not be missing
}

func (q *quotation) hasWords() bool  { return strings.TrimSpace(q.Text) != "" && !q.isFile() }
func (q *quotation) hasText() bool   { return q.hasWords() && q.card == nil }
func (q *quotation) isPicture() bool { return q.Type == "picture" || q.Type == "sampleImageMsg" }
func (q *quotation) isFile() bool    { return q.Type == "sampleFile" }
func (q *quotation) hasKey() bool    { return q.ProcessQueryKey != "" }
func (q *quotation) isBotsText() bool {
	return q.FromBot() && q.hasWords() && (q.card == nil || q.Title == "")
}
func (q *quotation) isCard() bool { return q.card != nil && q.Title != "" }
func (q *quotation) speechless() bool {
	return !q.hasWords() && !q.isCard() && !q.isPicture() && !q.isFile()
}

// msgType is what the documents' example calls the type of a message.
func (q *quotation) msgType() string {
	if kind, ok := strings.CutPrefix(q.Type, "sample"); ok {
		return strings.ToLower(kind[:1]) + kind[1:]
	}
	return q.Type
}

// replied is a repliedMsg without content.
func (q *quotation) replied(msgType string) map[string]any {
	return map[string]any{"msgId": q.ID, "msgType": msgType, "createdAt": q.At.UnixMilli(), "senderId": q.sender}
}

func (q *quotation) withContent(msgType string, content any) map[string]any {
	out := q.replied(msgType)
	out["content"] = content
	return out
}

// element is a node of a card; its value is what it shows.
func element(kind, value string, children ...map[string]any) map[string]any {
	out := map[string]any{"elementType": kind}
	if value != "" {
		out["value"] = value
	}
	if len(children) > 0 {
		out["children"] = children
	}
	return out
}

func card(elements ...map[string]any) map[string]any {
	return map[string]any{"cardContent": elements}
}

func quotedShapes() []shape {
	row := func(name, source string, fits func(*quotation) bool, write func(*quotation) map[string]any) shape {
		return shape{Shape: Shape{Name: name, Kind: Quoted, Source: source}, quotes: fits, quoted: write}
	}
	// A quotation without its content can't be resolved unless it has a key, so it is never chosen for one without.
	none := func(name, source, msgType string) shape {
		return row(name, source, func(q *quotation) bool { return q.hasKey() && !q.full }, func(q *quotation) map[string]any { return q.replied(msgType) })
	}
	bare := row(QuoteNone, inDocuments, nil, func(q *quotation) map[string]any { return q.replied(q.msgType()) })
	bare.ByName = true
	old := row(quoteMessage, inOldQuotes, (*quotation).hasText, nil)
	old.quoted = func(q *quotation) map[string]any {
		return map[string]any{"msgId": q.ID, "msgtype": "text", "senderId": q.sender, "text": map[string]any{"content": q.Text}}
	}
	return []shape{
		row(QuoteText, inDocuments, (*quotation).hasText, func(q *quotation) map[string]any {
			return q.withContent(q.msgType(), map[string]any{"text": q.Text})
		}),
		row("content.content", inQuotes, (*quotation).hasText, func(q *quotation) map[string]any {
			return q.withContent("text", map[string]any{"content": q.Text})
		}),
		row("richText", inQuotes, (*quotation).hasText, func(q *quotation) map[string]any {
			return q.withContent("richText", map[string]any{"richText": []map[string]any{{"msgType": "text", "content": q.Text}}})
		}),
		row("card", inQuotes, (*quotation).isBotsText, func(q *quotation) map[string]any {
			return q.withContent("interactiveCard", card(element("RICHTEXT", "", element("UNKNOWN", "{}"), element("TEXT", q.Text))))
		}),
		row("card, nested", inQuotes, (*quotation).isBotsText, func(q *quotation) map[string]any {
			return q.withContent("interactiveCard", card(
				element("UNKNOWN", `{"type":"header"}`),
				element("CONTAINER", "", element("CONTAINER", "", element("RICHTEXT", "", element("TEXT", q.Text), element("UNKNOWN", "{}")))),
			))
		}),
		row("card of a template", inQuotes, (*quotation).isCard, func(q *quotation) map[string]any {
			return q.withContent("interactiveCard", card(
				element("RICHTEXT", "", element("TEXT", q.Title)), element("RICHTEXT", "", element("TEXT", q.Text), element("UNKNOWN", "{}")),
				element("UNKNOWN", q.card.shared[cardButtons]),
			))
		}),
		row("card of a template, nested", inQuotes, (*quotation).isCard, func(q *quotation) map[string]any {
			return q.withContent("interactiveCard", card(element("CONTAINER", "",
				element("CONTAINER", "", element("TEXT", q.Title)), element("RICHTEXT", "", element("TEXT", q.Text)), element("UNKNOWN", "{}"),
			)))
		}),
		row("picture", inQuotes, (*quotation).isPicture, func(q *quotation) map[string]any {
			return q.withContent("picture", map[string]any{"downloadCode": randomBase64(48)})
		}),
		row("file", inQuotes, (*quotation).isFile, func(q *quotation) map[string]any {
			return q.withContent("file", map[string]any{"fileName": q.Title, "downloadCode": randomBase64(48), "spaceId": "1", "fileId": "2"})
		}),
		row("type only", inDocuments, (*quotation).speechless, func(q *quotation) map[string]any { return q.replied(q.msgType()) }),
		none("card, no content", inBareCard, "interactiveCard"),
		old,
		bare,
	}
}

// occurrence is what an event tells of.
type occurrence struct {
	app     App
	message Message
	reader  Reader
	at      time.Time
}

func pushedShapes() []shape {
	row := func(name string, data func(*occurrence) map[string]any) shape {
		return shape{Shape: Shape{Name: name, Kind: Pushed, Source: inEvents}, data: data}
	}
	foreign := func(eventType string, fields map[string]any) shape {
		return row(eventType, func(o *occurrence) map[string]any {
			out := maps.Clone(fields)
			out["corpId"], out["timeStamp"] = o.app.CorpID, millis(o.at)
			return out
		})
	}
	read := func(o *occurrence) map[string]any {
		return map[string]any{
			"userId": o.reader.Person.UserID, "unionId": o.reader.Person.UnionID, "operatTime": millis(o.reader.At), // a string
			"robotCode": o.app.RobotCode, "openConversationId": o.message.GroupID, "processQueryKey": o.message.ProcessQueryKey,
		}
	}
	without := func(fields ...string) func(*occurrence) map[string]any {
		return func(o *occurrence) map[string]any {
			out := read(o)
			for _, f := range fields {
				delete(out, f)
			}
			return out
		}
	}
	return []shape{
		row(eventRead, read),
		row(eventGuest, without("userId")),
		row(eventDirect, without("openConversationId", "robotCode")),
		foreign("user_modify_org", map[string]any{"eventId": "1", "userId": []string{"zhangsan"}, "optStaffId": "manager1"}),
		foreign("user_add_org", map[string]any{"eventId": "2", "userId": []string{"zhangsan", "lisi"}, "optStaffId": "manager1"}),
		foreign("org_dept_modify", map[string]any{"eventId": "3", "deptId": []int64{1}}),
		foreign("bpms_task_change", map[string]any{
			"eventId": "4", "processInstanceId": "p1", "taskId": 1, "type": "start", "title": "提醒 请假", "staffId": "zhangsan", "createTime": 1754215200000,
		}),
		foreign("bpms_instance_change", map[string]any{"eventId": "5", "processInstanceId": "p1", "type": "finish", "result": "agree", "staffId": "zhangsan"}),
		foreign("attendance_check_record", map[string]any{"eventId": "6", "dataList": []map[string]any{{"userId": "zhangsan", "checkTime": 1754215200000}}}),
	}
}

func pressShapes() []shape {
	row := func(name, source string, write func(data map[string]any, button string)) shape {
		return shape{Shape: Shape{Name: name, Kind: Pressed, Source: source}, press: write}
	}
	said := func(button string) string {
		return mustJSON(map[string]any{"cardPrivateData": map[string]any{"actionIds": []string{button}, "params": map[string]any{}}})
	}
	value := row("value alone", inButtons, func(data map[string]any, button string) { data["value"] = said(button) })
	value.ByName = true // the official package for Go cannot read it
	return []shape{
		row("content", inCards, func(data map[string]any, button string) { data["content"] = said(button) }),
		row("content, IM", inCards, func(data map[string]any, button string) { data["content"], data["spaceType"] = said(button), "IM" }),
		row("content and value", inButtons, func(data map[string]any, button string) { data["content"], data["value"] = said(button), said(button) }),
		row("params.id", inButtons, func(data map[string]any, button string) {
			data["content"] = mustJSON(map[string]any{"cardPrivateData": map[string]any{"params": map[string]any{"id": button}}})
		}),
		value,
	}
}

// The SYSTEM topics besides ping and disconnect.
const (
	topicConnected  = "CONNECTED"
	topicRegistered = "REGISTERED"
	topicKeepAlive  = "KEEPALIVE"
)

func systemShapes() []shape {
	var out []shape
	for _, topic := range []string{topicConnected, topicRegistered, topicKeepAlive} {
		out = append(out, shape{Shape: Shape{Name: topic, Kind: System, Source: inStream}})
	}
	return out
}

// isForeign reports whether an event is none that whoever uses a bot asked for.
func (s shape) isForeign() bool {
	return s.Kind == Pushed && !strings.HasPrefix(s.Name, eventRead)
}

// chooser chooses shapes: the first that fits if it is tidy, or else by the seed and what it is asked about.
type chooser struct {
	seed uint64
	tidy bool
}

// newChooser takes the seed 0 for one of the environment, or else at random.
func newChooser(o Options) chooser {
	fromEnvironment, _ := strconv.ParseUint(os.Getenv(SeedVariable), 10, 64)
	return chooser{seed: cmp.Or(o.Seed, fromEnvironment, rand.Uint64()|1), tidy: o.Tidy}
}

// dice are the same for the same words.
func (c chooser) dice(words ...string) *rand.Rand {
	h := fnv.New64a()
	for _, w := range words {
		h.Write(binary.BigEndian.AppendUint64(nil, uint64(len(w)))) // so that "a","bc" is not "ab","c"
		h.Write([]byte(w))
	}
	return rand.New(rand.NewPCG(c.seed, h.Sum64()))
}

// pick is the row with the name, if it is among those that fit; else the first that fits if the chooser is tidy or the name is
// that of a shape that does not fit, and else one of them. There is always one that fits.
func (c chooser) pick(rows []shape, name string, fits func(shape) bool, dice *rand.Rand) shape {
	n := dice.IntN(1 << 30) // the dice fall once, whatever is chosen
	rows = slices.DeleteFunc(rows, func(s shape) bool { return !fits(s) })
	if i := slices.IndexFunc(rows, func(s shape) bool { return s.Name == name }); i >= 0 {
		return rows[i]
	}
	if c.tidy || name != "" {
		return rows[0]
	}
	rows = slices.DeleteFunc(rows, func(s shape) bool { return s.ByName })
	return rows[n%len(rows)]
}

func (c chooser) saying(x *saying, name string, dice *rand.Rand) shape {
	return c.pick(saidShapes(), name, func(s shape) bool { return s.fits(x) }, dice)
}

func (c chooser) quotation(q *quotation, name string, dice *rand.Rand) shape {
	return c.pick(quotedShapes(), name, func(s shape) bool { return s.quotes == nil || s.quotes(q) }, dice)
}

// foreign is an event that comes with the n-th one that was switched on, in one of ten cases.
func (c chooser) foreign(n int) (shape, bool) {
	dice := c.dice("foreign", strconv.Itoa(n))
	if c.tidy || dice.IntN(10) > 0 {
		return shape{}, false
	}
	rows := slices.DeleteFunc(pushedShapes(), func(s shape) bool { return !s.isForeign() })
	return rows[dice.IntN(len(rows))], true
}

// keepsAlive reports whether a KEEPALIVE follows the n-th push: one of eight.
func (c chooser) keepsAlive(n int) bool {
	return !c.tidy && c.dice("keepalive", strconv.Itoa(n)).IntN(8) == 0
}

// knownShape reports whether there is a shape of the kind with the name, or none is named.
func knownShape(kind ShapeKind, name string) bool {
	return name == "" || slices.Contains(shapeNames(kind), name)
}

// namedShape is the row with the name, which must exist.
func namedShape(rows []shape, name string) shape {
	return rows[slices.IndexFunc(rows, func(s shape) bool { return s.Name == name })]
}

// shapeNames are the names of the shapes of a kind.
func shapeNames(kind ShapeKind) []string {
	var out []string
	for _, s := range Shapes() {
		if s.Kind == kind {
			out = append(out, s.Name)
		}
	}
	return out
}
