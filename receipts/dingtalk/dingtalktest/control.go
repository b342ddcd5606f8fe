package dingtalktest

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// Bounds of the control API.
const (
	maxControlBytes = 64 << 10 // of a request's body
	maxNameRunes    = 200      // of a title or a name
	maxSayBytes     = 20_000
	maxListed       = 200 // entries of one answer
	maxNamed        = 500 // people, messages or names in one request
	maxFaultDelay   = time.Minute
	maxAdvance      = 31 * 24 * time.Hour       // at once
	maxAhead        = 10 * 365 * 24 * time.Hour // in all
	maxFaults       = 100
	maxGroups       = 1000
)

// controlError is a refusal: an HTTP status, a code for programs and a sentence for people.
type controlError struct {
	status  int
	code    string
	message string
}

func (e *controlError) Error() string { return e.message }

func badRequest(message string) error {
	return &controlError{http.StatusBadRequest, "badRequest", message}
}

func notFound(code, message string) error {
	return &controlError{http.StatusNotFound, code, message}
}

// controlErrorOf is what the page is told of an error.
func controlErrorOf(err error) *controlError {
	var known *controlError
	switch {
	case errors.As(err, &known):
		return known
	case errors.Is(err, ErrUnknownPerson):
		return &controlError{http.StatusNotFound, "unknownPerson", "no such person"}
	case errors.Is(err, ErrUnknownShape):
		return &controlError{http.StatusBadRequest, "unknownShape", "no such shape"}
	case errors.Is(err, ErrUnknownMessage):
		return &controlError{http.StatusNotFound, "unknownMessage", "no such message"}
	case errors.Is(err, ErrNotMember):
		return &controlError{http.StatusConflict, "notMember", "not a member of the group"}
	case errors.Is(err, ErrNotInAudience):
		return &controlError{http.StatusConflict, "notInAudience", "joined after the message was sent"}
	case errors.Is(err, ErrNoButton):
		return &controlError{http.StatusConflict, "noButton", "no such button on the card"}
	case errors.Is(err, ErrNotAnswered):
		return &controlError{http.StatusGatewayTimeout, "notAnswered", "the bot did not answer in time"}
	case errors.Is(err, ErrRecalled):
		return &controlError{http.StatusConflict, "recalled", "the message was recalled"}
	case errors.Is(err, ErrDisbanded):
		return &controlError{http.StatusConflict, "disbanded", "the group was disbanded"}
	default:
		return &controlError{http.StatusInternalServerError, "failed", err.Error()}
	}
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // the browser may be gone
}

func writeError(w http.ResponseWriter, err error) {
	e := controlErrorOf(err)
	writeJSON(w, e.status, map[string]string{"code": e.code, "error": e.message})
}

// asks registers a question: its answer depends on the query alone.
func (p *page) asks(name string, answer func(query) (any, error)) {
	p.mux.HandleFunc("GET "+apiPath+name, func(w http.ResponseWriter, r *http.Request) {
		v, err := answer(query{r})
		if err != nil {
			writeError(w, err)
			return
		}
		writeJSON(w, http.StatusOK, v)
	})
}

// does registers a write that takes a T as its body.
func does[T any](p *page, name string, do func(T) (any, error)) {
	p.mux.HandleFunc("POST "+apiPath+name, func(w http.ResponseWriter, r *http.Request) {
		in, err := bodyOf[T](w, r)
		if err != nil {
			writeError(w, err)
			return
		}
		v, err := do(in)
		if err != nil {
			writeError(w, err)
			return
		}
		if v == nil {
			v = struct{}{}
		}
		writeJSON(w, http.StatusOK, v)
	})
}

func bodyOf[T any](w http.ResponseWriter, r *http.Request) (in T, err error) {
	d := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxControlBytes))
	d.DisallowUnknownFields()
	if err := d.Decode(&in); err != nil {
		var tooLarge *http.MaxBytesError
		if errors.As(err, &tooLarge) {
			return in, &controlError{http.StatusRequestEntityTooLarge, "tooLarge", "the body is larger than 64 KiB"}
		}
		return in, badRequest("the body cannot be read: " + err.Error())
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return in, badRequest("there is something behind the body's object")
	}
	return in, nil
}

// query is the query of a question.
type query struct{ r *http.Request }

func (q query) get(name string) string { return q.r.URL.Query().Get(name) }

// number is a field from 0 to most; absent or unreadable it is usual.
func (q query) number(name string, usual, most int) int {
	n, err := strconv.Atoi(q.get(name))
	if err != nil || n < 0 {
		n = usual
	}
	return min(n, most)
}

// part is what of a list the query asks for by offset and limit.
func part[T any](q query, list []T) []T {
	from := min(q.number("offset", 0, len(list)), len(list))
	to := min(from+q.number("limit", 50, maxListed), len(list))
	return append([]T{}, list[from:to]...)
}

// last are the last entries of a list, newest first.
func last[T any](list []T, n int) []T {
	out := slices.Clone(list[max(0, len(list)-n):])
	slices.Reverse(out)
	return append([]T{}, out...)
}

// person is who has this unionId.
func (p *page) person(unionID string) (Person, error) {
	w := p.s.world
	w.mu.Lock()
	defer w.mu.Unlock()
	who, ok := w.people[unionID]
	if !ok {
		return Person{}, ErrUnknownPerson
	}
	return who, nil
}

func (p *page) people(unionIDs []string) ([]Person, error) {
	if len(unionIDs) > maxNamed {
		return nil, badRequest("too many people at once")
	}
	out := make([]Person, len(unionIDs))
	for i, id := range unionIDs {
		who, err := p.person(id)
		if err != nil {
			return nil, err
		}
		out[i] = who
	}
	return out, nil
}

// conversationOf is the group or one-to-one chat; inGroup, only a group.
func (p *page) conversationOf(id string) (*Group, error) {
	g, ok := p.s.Group(id)
	if !ok {
		return nil, notFound("unknownGroup", "no such group")
	}
	return g, nil
}

func (p *page) inGroup(id string) (*Group, error) {
	g, err := p.conversationOf(id)
	if err == nil && g.Kind() == KindDirect {
		return nil, badRequest("a one-to-one chat stays as it is")
	}
	return g, err
}

// personIn finds a conversation and the person who does something in it.
func (p *page) personIn(find func(id string) (*Group, error), group, unionID string) (*Group, Person, error) {
	g, err := find(group)
	if err != nil {
		return nil, Person{}, err
	}
	who, err := p.person(unionID)
	return g, who, err
}

// named checks a title or a name that somebody typed.
func named(s string) (string, error) {
	s = strings.TrimSpace(s)
	if n := utf8.RuneCountInString(s); n == 0 || n > maxNameRunes {
		return "", badRequest("a name must have 1 to 200 characters")
	}
	return s, nil
}

func (p *page) control() {
	p.asks("about", func(query) (any, error) {
		app := p.s.App()
		return map[string]any{
			"bot": app.BotName, "clientId": app.ClientID, "robotCode": app.RobotCode, "url": p.s.URL(), "now": p.s.now(),
			"apis": apiNames(), "faultKinds": faultKinds(), "eventTypes": eventTypes(),
			"seed": strconv.FormatUint(p.s.Seed(), 10), "shapes": shapeNames(Said), "quoteShapes": shapeNames(Quoted), "pressShapes": shapeNames(Pressed),
		}, nil
	})
	p.asks("status", func(query) (any, error) { return p.status(), nil })
	p.asks("people", p.askPeople)
	p.asks("groups", func(q query) (any, error) { return map[string]any{"groups": p.groups(q.get("person"))}, nil })
	p.asks("messages", p.askMessages)
	p.asks("truth", p.askTruth)
	p.asks("calls", p.askCalls)
	p.asks("violations", func(query) (any, error) {
		return map[string]any{"violations": last(p.s.Violations(), maxListed)}, nil
	})
	p.asks("acks", func(query) (any, error) { return map[string]any{"acks": last(p.s.Acks(), 50)}, nil })

	does(p, "people", p.addPerson)
	does(p, "groups", p.addGroup)
	does(p, "say", p.say)
	does(p, "read", p.read)
	does(p, "let-read", p.letRead)
	does(p, "press", p.press)
	does(p, "recall", p.recall)
	does(p, "members", p.changeMembers)
	does(p, "crowd", p.addCrowd)
	does(p, "group", p.changeGroup)
	does(p, "faults", p.inject)
	does(p, "faults/clear", func(in struct {
		Kinds []FaultKind `json:"kinds"`
	},
	) (any, error) {
		p.s.ClearFaults(in.Kinds...)
		return nil, nil
	})
	does(p, "switches", p.throw)
	does(p, "actions", p.act)
}

// apiNames are the APIs that a fault can hit, in alphabetical order.
func apiNames() []string {
	var out []string
	for _, r := range routes() {
		out = append(out, r.api)
	}
	slices.Sort(out)
	return out
}

// askPeople finds people by a part of their name or userId: of everybody, or of a group.
func (p *page) askPeople(q query) (any, error) {
	all := p.s.People()
	in := newRoster(nil)
	if id := q.get("group"); id != "" {
		g, err := p.conversationOf(id)
		if err != nil {
			return nil, err
		}
		members := g.Members()
		for _, m := range members {
			in.set[m.UnionID] = struct{}{}
		}
		if q.get("members") != "" {
			all = members
		}
	}
	wanted := strings.ToLower(strings.TrimSpace(q.get("q")))
	type found struct {
		Person
		Member bool `json:"member"` // of the group
	}
	hits := []found{}
	for _, who := range all {
		if strings.Contains(strings.ToLower(who.Name), wanted) || strings.Contains(strings.ToLower(who.UserID), wanted) {
			hits = append(hits, found{who, in.has(who.UnionID)})
		}
	}
	return map[string]any{"people": part(q, hits), "total": len(hits)}, nil
}

func (p *page) askMessages(q query) (any, error) {
	g, err := p.conversationOf(q.get("group"))
	if err != nil {
		return nil, err
	}
	defer g.lock()()
	list, more := p.messages(g.c, q.get("person"), q.get("before"), max(1, q.number("limit", 50, maxListed)))
	return map[string]any{"messages": list, "more": more}, nil
}

// askTruth tells who has read a message and who has not; of each list a part.
func (p *page) askTruth(q query) (any, error) {
	g, err := p.conversationOf(q.get("group"))
	if err != nil {
		return nil, err
	}
	defer g.lock()()
	m, err := p.s.world.messageLocked(g.c, q.get("message"))
	if err != nil {
		return nil, err
	}
	read, unread := p.truth(g.c, m)
	wanted := strings.ToLower(strings.TrimSpace(q.get("q")))
	match := func(list []readerView) []readerView {
		return slices.DeleteFunc(list, func(v readerView) bool { return !strings.Contains(strings.ToLower(v.Name), wanted) })
	}
	counts := map[string]int{"read": len(read), "unread": len(unread)}
	read, unread = match(read), match(unread)
	return map[string]any{
		"message": p.messageView(g.c, m, q.get("person")), "counts": counts,
		"read": part(q, read), "readFound": len(read), "unread": part(q, unread), "unreadFound": len(unread),
	}, nil
}

// askCalls are the last calls, newest first, of all APIs or of one.
func (p *page) askCalls(q query) (any, error) {
	all := p.s.Calls()
	if api := q.get("api"); api != "" {
		all = slices.DeleteFunc(all, func(c Call) bool { return c.API != api })
	}
	return map[string]any{"calls": last(all, q.number("limit", 100, maxListed)), "total": len(all)}, nil
}

type newPerson struct {
	Name    string `json:"name"`
	Admin   bool   `json:"admin"`
	Outside bool   `json:"outside"`
}

func (p *page) addPerson(in newPerson) (any, error) {
	name, err := named(in.Name)
	if err != nil {
		return nil, err
	}
	if err := p.room(1); err != nil {
		return nil, err
	}
	return p.s.AddPerson(Person{Name: name, Admin: in.Admin, Outside: in.Outside}), nil
}

// room says whether n more people fit.
func (p *page) room(n int) error {
	if len(p.s.People())+n > maxPeople {
		return badRequest("there are 100,000 people already")
	}
	return nil
}

// crowd is people who are made up, and how they read.
type crowd struct {
	People  int     `json:"people"`
	Outside int     `json:"outside"` // of them, from outside the organisation
	Read    int     `json:"read"`    // of them, who read each message by themselves
	Seconds float64 `json:"seconds"` // within so long after it was said
	English bool    `json:"english"` // their names
}

func (c crowd) problem() error {
	switch {
	case c.People < 0 || c.People > maxCrowd:
		return badRequest("people must be 0 to 20,000")
	case c.Outside < 0 || c.Outside > c.People, c.Read < 0 || c.Read > c.People:
		return badRequest("outside and read must be 0 to people")
	default:
		return reading(c.Seconds)
	}
}

// reading checks how long reading is to take.
func reading(seconds float64) error {
	if !(seconds >= 0 && seconds <= maxReading.Seconds()) {
		return badRequest("seconds must be 0 to 3,600")
	}
	return nil
}

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }

type newGroup struct {
	Title       string    `json:"title"`
	Kind        GroupKind `json:"kind"`
	ShowHistory bool      `json:"showHistory"`
	People      []string  `json:"people"` // unionIds
	Names       []string  `json:"names"`  // of new people
	Crowd       crowd     `json:"crowd"`
}

func (p *page) addGroup(in newGroup) (any, error) {
	title, err := named(in.Title)
	if err != nil {
		return nil, err
	}
	if !slices.Contains([]GroupKind{"", KindPlain, KindScene, KindCoolApp, KindChat}, in.Kind) {
		return nil, badRequest("kind must be scene, plain, coolApp or chat")
	}
	members, err := p.people(in.People)
	if err != nil {
		return nil, err
	}
	if len(in.Names) > maxNamed {
		return nil, badRequest("too many people at once")
	}
	for i, name := range in.Names {
		if in.Names[i], err = named(name); err != nil {
			return nil, err
		}
	}
	if err := errors.Join(in.Crowd.problem(), p.room(len(in.Names)+in.Crowd.People)); err != nil {
		return nil, err
	}
	if len(p.s.Groups()) >= maxGroups {
		return nil, badRequest("there are 1,000 groups already")
	}
	for _, name := range in.Names {
		members = append(members, p.s.AddPerson(Person{Name: name}))
	}
	made := p.make(in.Crowd)
	g := p.s.AddGroup(GroupOptions{Title: title, Kind: in.Kind, ShowHistory: in.ShowHistory}, append(members, made...)...)
	p.setHabit(g, in.Crowd, made)
	return map[string]string{"id": g.ID()}, nil
}

// make makes the people of a crowd up. Those who read by themselves may be from outside too.
func (p *page) make(c crowd) []Person {
	outside := p.s.inventPeople(c.Outside, c.English, true)
	return append(outside, p.s.inventPeople(c.People-c.Outside, c.English, false)...)
}

func (p *page) setHabit(g *Group, c crowd, made []Person) {
	if c.Read > 0 {
		p.crowds.follow(g, made[:c.Read], seconds(c.Seconds))
	}
}

func (p *page) addCrowd(in struct {
	Group string `json:"group"`
	crowd
},
) (any, error) {
	g, err := p.inGroup(in.Group)
	if err != nil {
		return nil, err
	}
	if err := errors.Join(in.problem(), p.room(in.People)); err != nil {
		return nil, err
	}
	if g.Disbanded() {
		return nil, ErrDisbanded
	}
	made := p.make(in.crowd)
	if err := g.Join(Person{}, made...); err != nil {
		return nil, err
	}
	p.setHabit(g, in.crowd, made)
	return nil, nil
}

func (p *page) say(in struct {
	Group   string   `json:"group"`
	Person  string   `json:"person"`
	Text    string   `json:"text"` // @ and the bot's name in it speaks to the bot
	At      []string `json:"at"`   // unionIds
	Quote   string   `json:"quote"`
	Picture bool     `json:"picture"`

	Shape      string `json:"shape"`
	QuoteShape string `json:"quoteShape"`
},
) (any, error) {
	g, who, err := p.personIn(p.conversationOf, in.Group, in.Person)
	if err != nil {
		return nil, err
	}
	at, err := p.people(in.At)
	if err != nil {
		return nil, err
	}
	text, toBot := withoutMention(in.Text, p.s.app.BotName)
	text = strings.TrimSpace(text)
	switch {
	case len(in.Text) > maxSayBytes || !utf8.ValidString(in.Text):
		return nil, badRequest("a text may have 20,000 bytes of UTF-8")
	case text == "" && !toBot && !in.Picture:
		return nil, badRequest("there is nothing to say")
	}
	m, err := g.Say(who, Say{Text: text, NoAt: !toBot, At: at, Quote: in.Quote, Picture: in.Picture, Shape: in.Shape, QuoteShape: in.QuoteShape})
	if err != nil {
		return nil, err
	}
	return map[string]string{"id": m.ID}, nil
}

// withoutMention takes the first @name out of the text.
func withoutMention(text, name string) (string, bool) {
	at := "@" + name
	for i := range text {
		if text[i] != '@' || len(text) < i+len(at) || !strings.EqualFold(text[i:i+len(at)], at) {
			continue
		}
		if rest := text[i+len(at):]; rest == "" || !isIDByte(rest[0]) {
			return text[:i] + rest, true
		}
	}
	return text, false
}

// read is a person looking at messages. Those that they cannot read are passed over: they are gone, or from before they came.
func (p *page) read(in struct {
	Group    string   `json:"group"`
	Person   string   `json:"person"`
	Messages []string `json:"messages"`
},
) (any, error) {
	g, who, err := p.personIn(p.conversationOf, in.Group, in.Person)
	if err != nil {
		return nil, err
	}
	if len(in.Messages) > maxNamed {
		return nil, badRequest("too many messages at once")
	}
	read := 0
	for _, id := range in.Messages {
		if g.Read(who, id) == nil {
			read++
		}
	}
	return map[string]int{"read": read}, nil
}

// press is a person pressing a button of a card. It is answered when they see what came of it.
func (p *page) press(in struct {
	Group   string `json:"group"`
	Person  string `json:"person"`
	Message string `json:"message"`
	Button  string `json:"button"`
	Shape   string `json:"shape"`
},
) (any, error) {
	g, who, err := p.personIn(p.conversationOf, in.Group, in.Person)
	if err != nil {
		return nil, err
	}
	return nil, g.Press(who, Press{Message: in.Message, Button: in.Button, Shape: in.Shape})
}

// letRead lets people read a message by themselves: those named, or so many of those who have not.
func (p *page) letRead(in struct {
	Group   string   `json:"group"`
	Message string   `json:"message"`
	People  []string `json:"people"`
	Number  int      `json:"number"`
	Seconds float64  `json:"seconds"`
},
) (any, error) {
	g, err := p.conversationOf(in.Group)
	if err != nil {
		return nil, err
	}
	if err := reading(in.Seconds); err != nil {
		return nil, err
	}
	people, err := p.people(in.People)
	if err != nil {
		return nil, err
	}
	unlock := g.lock()
	m, err := p.s.world.messageLocked(g.c, in.Message)
	switch {
	case err != nil:
	case m.Status == StatusRecalled:
		err = ErrRecalled
	case g.c.disbanded:
		err = ErrDisbanded
	case len(people) == 0:
		_, unread := p.truth(g.c, m)
		for _, v := range unread {
			if !v.Left && len(people) < in.Number {
				people = append(people, v.Person)
			}
		}
	}
	unlock()
	if err != nil {
		return nil, err
	}
	p.crowds.read(g, in.Message, people, seconds(in.Seconds))
	return map[string]int{"people": len(people)}, nil
}

func (p *page) recall(in struct {
	Group   string `json:"group"`
	Person  string `json:"person"`
	Message string `json:"message"`
},
) (any, error) {
	g, who, err := p.personIn(p.conversationOf, in.Group, in.Person)
	if err != nil {
		return nil, err
	}
	return nil, g.Recall(who, in.Message)
}

// changeMembers is people joining, leaving, or being removed. Who joins or is removed, is so by the person.
func (p *page) changeMembers(in struct {
	Group  string   `json:"group"`
	Do     string   `json:"do"`     // join, leave, remove
	Person string   `json:"person"` // who does it
	People []string `json:"people"` // whom; none: the person themselves
},
) (any, error) {
	g, who, err := p.personIn(p.inGroup, in.Group, in.Person)
	if err != nil {
		return nil, err
	}
	people, err := p.people(in.People)
	if err != nil {
		return nil, err
	}
	switch {
	case in.Do == "join" && len(people) == 0:
		return nil, g.Join(Person{}, who)
	case in.Do == "join":
		return nil, g.Join(who, people...)
	case in.Do == "remove" && len(people) > 0:
		return nil, g.Remove(who, people...)
	case in.Do == "leave":
		return nil, g.Leave(who)
	default:
		return nil, badRequest("do must be join, leave or remove")
	}
}

// changeGroup is what can be done to a group.
func (p *page) changeGroup(in struct {
	Group  string `json:"group"`
	Do     string `json:"do"`
	Person string `json:"person"`
	Title  string `json:"title"`
},
) (any, error) {
	g, who, err := p.personIn(p.inGroup, in.Group, in.Person)
	if err != nil {
		return nil, err
	}
	switch in.Do {
	case "rename":
		title, err := named(in.Title)
		if err != nil {
			return nil, err
		}
		return nil, g.Rename(title)
	case "disband":
		return nil, g.Disband()
	case "stopBot":
		return nil, g.StopBot()
	case "startBot":
		return nil, g.StartBot()
	case "removeBot":
		return nil, g.RemoveBot(who)
	case "addBot":
		return nil, g.AddBot(who)
	case "stopReading":
		p.crowds.unfollow(g)
		return nil, g.change(func(*world) error { return nil }) // so that every page sees it
	default:
		return nil, badRequest("do must be rename, disband, stopBot, startBot, removeBot, addBot or stopReading")
	}
}

// faultForm is a Fault as the page sends it.
type faultForm struct {
	Kind    FaultKind `json:"kind"`
	API     string    `json:"api"`
	Times   int       `json:"times"`
	Skip    int       `json:"skip"`
	Status  int       `json:"status"`
	Code    string    `json:"code"`
	Message string    `json:"message"`
	Delay   float64   `json:"delay"` // seconds
	Size    int       `json:"size"`
}

// inject switches a fault on, instead of those of its kind.
func (p *page) inject(in faultForm) (any, error) {
	switch {
	case !slices.Contains(faultKinds(), in.Kind):
		return nil, badRequest("no such kind of fault")
	case in.API != "" && !slices.Contains(apiNames(), in.API):
		return nil, badRequest("no such API")
	case in.Times < 0 || in.Skip < 0 || in.Size < 0 || in.Times > 1e6 || in.Skip > 1e6 || in.Size > 1e6:
		return nil, badRequest("times, skip and size must be 0 to 1,000,000")
	case in.Status != 0 && (in.Status < 200 || in.Status > 599):
		return nil, badRequest("status must be 200 to 599")
	case !(in.Delay >= 0 && in.Delay <= maxFaultDelay.Seconds()):
		return nil, badRequest("delay must be 0 to 60 seconds")
	case len(in.Code) > maxNameRunes || len(in.Message) > maxNameRunes:
		return nil, badRequest("code and message may have 200 bytes")
	}
	p.s.ClearFaults(in.Kind)
	p.s.Inject(Fault{
		API: in.API, Times: in.Times, Skip: in.Skip, Kind: in.Kind, Status: in.Status, Code: in.Code, Message: in.Message,
		Delay: seconds(in.Delay), Size: in.Size,
	})
	return nil, nil
}

// throw changes switches; what is absent stays.
func (p *page) throw(in struct {
	Events         map[string]bool `json:"events"`
	Duplicate      *int            `json:"duplicate"`
	Lose           *int            `json:"lose"`
	RefuseGateway  *bool           `json:"refuseGateway"`
	MuteWebhooks   *bool           `json:"muteWebhooks"`
	CallsPerMonth  *int            `json:"callsPerMonth"`
	PushesPerMonth *int            `json:"pushesPerMonth"`
	DingQuota      *DingQuota      `json:"dingQuota"`
	Permissions    map[string]bool `json:"permissions"`
	FlowControl    map[string]bool `json:"flowControl"` // by unionId

	CardReads      *bool             `json:"cardReads"`
	CardValueBytes *int              `json:"cardValueBytes"`
	Templates      map[string]string `json:"templates"` // what becomes of those that are known: missing, unpublished, published
},
) (any, error) {
	for t := range in.Events {
		if !slices.Contains(eventTypes(), t) {
			return nil, badRequest("no such event")
		}
	}
	for name := range in.Permissions {
		if !isPermission(name) {
			return nil, badRequest("no such permission")
		}
	}
	for _, n := range []*int{in.Duplicate, in.Lose, in.CallsPerMonth, in.PushesPerMonth} {
		if n != nil && (*n < 0 || *n > 1e6) {
			return nil, badRequest("a number must be 0 to 1,000,000")
		}
	}
	if in.CardValueBytes != nil && (*in.CardValueBytes < -1 || *in.CardValueBytes > maxCardBytes) {
		return nil, badRequest("cardValueBytes must be -1 (unlimited) to 102,400")
	}
	if err := p.setTemplates(in.Templates); err != nil {
		return nil, err
	}
	controlled := map[bool][]Person{}
	for id, on := range in.FlowControl {
		who, err := p.person(id)
		if err != nil {
			return nil, err
		}
		controlled[on] = append(controlled[on], who)
	}
	for on, people := range controlled {
		p.s.FlowControl(on, people...)
	}
	for t, on := range in.Events {
		p.s.Events(on, t)
	}
	for name, granted := range in.Permissions {
		p.s.Permissions(granted, name)
	}
	if in.CardReads != nil {
		p.s.CardReads(*in.CardReads)
	}
	if in.CardValueBytes != nil {
		p.s.SetCardValueBytes(*in.CardValueBytes)
	}
	if in.DingQuota != nil {
		p.s.SetDingQuota(*in.DingQuota)
	}
	if in.Duplicate != nil {
		p.s.DuplicatePushes(*in.Duplicate)
	}
	if in.Lose != nil {
		p.s.LosePushes(*in.Lose)
	}
	if in.RefuseGateway != nil {
		p.s.RefuseGateway(*in.RefuseGateway)
	}
	if in.MuteWebhooks != nil {
		p.s.MuteWebhooks(*in.MuteWebhooks)
	}
	if in.CallsPerMonth != nil || in.PushesPerMonth != nil {
		now := p.status()
		calls, pushes := now.CallsPerMonth, now.PushesPerMonth
		if in.CallsPerMonth != nil {
			calls = *in.CallsPerMonth
		}
		if in.PushesPerMonth != nil {
			pushes = *in.PushesPerMonth
		}
		p.s.SetQuota(calls, pushes)
	}
	return nil, nil
}

// setTemplates changes templates that there are, or the public ones.
func (p *page) setTemplates(change map[string]string) error {
	public := publicTemplates()
	for id, state := range change {
		p.s.world.mu.Lock()
		t, known := p.s.world.templates[id]
		p.s.world.mu.Unlock()
		if !known {
			if t, known = public[id]; !known {
				return badRequest("no such template")
			}
		}
		switch state {
		case "missing":
			p.s.DropTemplate(id)
		case "unpublished", "published":
			t.Unpublished = state == "unpublished"
			p.s.SetTemplate(id, t)
		default:
			return badRequest("a template must be missing, unpublished or published")
		}
	}
	return nil
}

// act does something at once.
func (p *page) act(in struct {
	Do          string   `json:"do"`
	Connections []string `json:"connections"` // of disconnect, drop and silence; none: all
	Seconds     float64  `json:"seconds"`     // of advance
},
) (any, error) {
	switch in.Do {
	case "disconnect":
		p.s.Disconnect(in.Connections...)
	case "drop":
		p.s.DropConnections(in.Connections...)
	case "silence":
		p.s.Silence(in.Connections...)
	case "ping":
		p.s.Ping()
	case "expireTokens":
		p.s.ExpireTokens()
	case "expireWebhooks":
		p.s.ExpireWebhooks()
	case "advance":
		switch {
		case !(in.Seconds >= 1 && in.Seconds <= maxAdvance.Seconds()):
			return nil, badRequest("seconds must be 1 to 2,678,400: 31 days")
		case p.s.Clock().Ahead()+seconds(in.Seconds) > maxAhead:
			return nil, badRequest("the clock would be more than 10 years ahead")
		}
		p.s.Advance(seconds(in.Seconds))
	default:
		return nil, badRequest("do must be disconnect, drop, silence, ping, expireTokens, expireWebhooks or advance")
	}
	return nil, nil
}
