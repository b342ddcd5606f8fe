package dingtalktest

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"
)

// Limits of cards. That of one value is CardValueBytes of [Options].
const (
	// DocumentedCardValueBytes is the 1 KB that DingTalk documents for one value of a card.
	DocumentedCardValueBytes = 1 << 10

	maxCardBytes  = 100 << 10 // of all values together
	maxOutTrackID = 100       // characters
	maxCards      = 20_000    // that are known; the oldest go first
	groupSpace    = "dtv1.card//IM_GROUP."
	typeCard      = "interactiveCard" // of a [Message]
)

// The templates that need not be built. Others are made known by [Server.SetTemplate].
const (
	TemplateWithButtons = "1366a1eb-bc54-4859-ac88-517c56a9acb1.schema"
	TemplatePlain       = "589420e2-c1e2-46ef-a5ed-b8728e654da9.schema"
)

// The variables of these templates.
const (
	cardTitle    = "title"
	cardMarkdown = "markdown"
	cardTips     = "tips"
	cardLogo     = "logo"
	cardButtons  = "sys_full_json_obj"
)

// ErrNoButton is what a person is told who presses a button that they do not see, or one that asks nobody.
var ErrNoButton = errors.New("dingtalktest: no such button on the card, or none that asks the bot")

// Template is a card's template.
type Template struct {
	Variables   []string // that everybody sees alike
	Private     []string // that each person may see otherwise
	Unpublished bool
}

func publicTemplates() map[string]Template {
	return map[string]Template{
		TemplateWithButtons: {Variables: []string{cardTitle, cardMarkdown, cardTips, cardLogo, cardButtons}},
		TemplatePlain:       {Variables: []string{cardTitle, cardMarkdown, cardLogo}},
	}
}

// cardInstance is a card that was made, whether it was delivered or not. The world's lock guards it.
type cardInstance struct {
	template string
	streams  bool              // its presses come over Stream
	shared   map[string]string // what everybody sees
	private  map[string]map[string]string
	own      map[string]ownView // what the acks of presses changed, for who pressed; by unionId, as private
	presses  int
	message  *storedMessage // nil if it was not delivered
}

// ownView is what somebody sees otherwise than everybody.
type ownView struct {
	instead bool // of all that everybody sees, and not beside it
	values  map[string]string
}

// seenBy is what a person sees; without one, what everybody does.
func (card *cardInstance) seenBy(unionID string) map[string]string {
	seen := map[string]string{}
	own := card.own[unionID]
	if !own.instead {
		maps.Copy(seen, card.shared)
	}
	maps.Copy(seen, card.private[unionID])
	maps.Copy(seen, own.values)
	return seen
}

// show makes the message say what everybody sees.
func (card *cardInstance) show() {
	if card.message != nil {
		card.message.Title, card.message.Text = card.shared[cardTitle], card.shared[cardMarkdown]
	}
}

// update changes what everybody sees: these variables, or with byKey false all of them. Whoever saw them otherwise does no more.
func (card *cardInstance) update(values map[string]string, byKey bool) {
	if !byKey {
		card.shared = map[string]string{}
	}
	maps.Copy(card.shared, values)
	for who, own := range card.own {
		if !byKey || own.instead {
			delete(card.own, who)
			continue
		}
		for name := range values {
			delete(own.values, name)
		}
	}
	card.show()
}

// CardButton is one of a card's buttons, as the public template draws them.
type CardButton struct {
	Text    string `json:"text"`
	Color   string `json:"color,omitempty"` // blue or gray
	ID      string `json:"id,omitempty"`
	Request bool   `json:"request,omitempty"` // a press asks the bot
	URL     string `json:"url,omitempty"`     // or opens this
	IOSURL  string `json:"iosUrl,omitempty"`
}

// buttonsOf are the buttons of a card with these values, and what is wrong with them.
func buttonsOf(values map[string]string) ([]CardButton, string) {
	if values[cardButtons] == "" {
		return nil, ""
	}
	var drawn struct {
		Buttons []CardButton `json:"msgButtons"`
	}
	d := json.NewDecoder(strings.NewReader(values[cardButtons]))
	d.DisallowUnknownFields()
	if err := d.Decode(&drawn); err != nil || d.More() {
		return nil, cardButtons + " is not the JSON of an object with msgButtons"
	}
	seen := map[string]bool{}
	for _, b := range drawn.Buttons {
		switch {
		case b.Text == "":
			return nil, "a button has no text"
		case b.Request == (b.URL != ""):
			return nil, "a button must either ask (request) or open a url"
		case b.Request && (b.ID == "" || seen[b.ID]):
			return nil, "a button that asks must have an id of its own"
		case b.Color != "" && b.Color != "blue" && b.Color != "gray":
			return nil, "a button must be blue or gray"
		}
		seen[b.ID] = true
	}
	return drawn.Buttons, ""
}

// cardValues reads {cardParamMap} of a field. What is no string is refused as DingTalk does it.
func (f *fields) cardValues(name string) (values map[string]string, there bool) {
	raw, there := f.raw(name)
	if !there {
		return nil, false
	}
	values, why := paramMap(raw)
	if why != "" && f.err == nil {
		f.err = f.c.careless(refuse("MissingStringValue", name+": "+why))
	}
	return values, true
}

// paramMap decodes {cardParamMap: {name: string}}, and says what is wrong with it.
func paramMap(raw json.RawMessage) (map[string]string, string) {
	var data struct {
		Values map[string]json.RawMessage `json:"cardParamMap"`
	}
	if err := json.Unmarshal(raw, &data); err != nil || data.Values == nil {
		return nil, "cardParamMap must be an object"
	}
	values := map[string]string{}
	for name, v := range data.Values {
		var s *string
		if err := json.Unmarshal(v, &s); err != nil || s == nil {
			return nil, "the value of " + name + " is not a string"
		}
		values[name] = *s
	}
	return values, ""
}

// tooLong says which of the values is longer than it may be.
func (w *world) tooLongLocked(values map[string]string) string {
	all := 0
	for _, name := range slices.Sorted(maps.Keys(values)) {
		if n := len(values[name]); w.cardValueBytes >= 0 && n > w.cardValueBytes {
			return fmt.Sprintf("the value of %s has %d bytes, more than %d", name, n, w.cardValueBytes)
		}
		all += len(name) + len(values[name])
	}
	if all > maxCardBytes {
		return "the card has more than 100 KB"
	}
	return ""
}

// judgeValues notes what the template does not draw, and keeps the rest.
func (c *call) judgeValues(t Template, values map[string]string, private bool) map[string]string {
	kept := map[string]string{}
	for name, value := range values {
		switch {
		case private && !slices.Contains(t.Private, name):
			c.violate("the template has no private variable %q", name)
		case !private && !slices.Contains(t.Variables, name) && !slices.Contains(t.Private, name):
			c.violate("the template has no variable %q", name)
		default:
			kept[name] = value
		}
	}
	if _, why := buttonsOf(kept); why != "" {
		c.violate("%s", why)
	}
	return kept
}

// privateValues are privateData: {userId: {cardParamMap}}, by unionId.
func (s *Server) privateValues(c *call, f *fields, t Template) (map[string]map[string]string, *apiError) {
	given, _ := into[map[string]json.RawMessage](f, "privateData", "an object")
	out := map[string]map[string]string{}
	for userID, raw := range given {
		values, why := paramMap(raw)
		if why != "" {
			return nil, c.careless(refuse("MissingStringValue", "privateData: "+why))
		}
		who, ok := s.world.byUserID[userID]
		if !ok {
			return nil, refuse("param.userIdNotExist", "userId does not exist: "+userID)
		}
		out[who.UnionID] = c.judgeValues(t, values, true)
	}
	return out, nil
}

// createCard is card/instances/createAndDeliver.
func (s *Server) createCard(c *call) (any, *apiError) {
	f := fieldsOf(c)
	id, template, space := f.text("outTrackId"), f.text("cardTemplateId"), f.text("openSpaceId")
	route, key := f.text("callbackType"), f.text("callbackRouteKey")
	values, given := f.cardValues("cardData")
	at := f.texts("cardAtUserIds")
	f.text("userId")
	f.integer("userIdType")
	spaceModel, deliver := f.object("imGroupOpenSpaceModel"), f.object("imGroupOpenDeliverModel")
	_, forward := spaceModel.raw("supportForward")
	spaceModel.flag("supportForward")
	line, _ := into[map[string]string](spaceModel, "lastMessageI18n", "an object of strings")
	notification, search := spaceModel.object("notification"), spaceModel.object("searchSupport")
	notification.text("alertContent")
	notification.flag("notificationOff")
	for _, name := range []string{"searchIcon", "searchTypeName", "searchDesc"} {
		search.text(name)
	}
	robot, only := deliver.text("robotCode"), deliver.texts("recipients")
	atInside, _ := into[map[string]string](deliver, "atUserIds", "an object of strings")
	_, _ = into[map[string]string](deliver, "extension", "an object of strings")
	f.raw("privateData")
	for _, part := range []*fields{f, spaceModel, deliver, notification, search} {
		if err := part.end(); err != nil {
			return nil, err
		}
	}
	switch {
	case id == "":
		return nil, c.careless(refuse("param.outTrackIdEmpty", "outTrackId is empty"))
	case utf8.RuneCountInString(id) > maxOutTrackID:
		return nil, c.careless(refuse("param.invalid", "outTrackId is longer than 100 characters"))
	case template == "":
		return nil, c.careless(refuse("param.cardTemplateIdEmpty", "cardTemplateId is empty"))
	case !given:
		return nil, c.careless(refuse("param.empty", "cardData is empty"))
	case space == "":
		return nil, c.careless(refuse("param.openSpaceIdEmpty", "openSpaceId is empty"))
	case len(space) <= len(groupSpace) || !strings.EqualFold(space[:len(groupSpace)], groupSpace):
		return nil, c.careless(refuse("param.openSpaceIdInvalid", "openSpaceId must be "+groupSpace+" and the group"))
	case !forward:
		return nil, c.careless(refuse("param.openSpaceModelInvalid", "imGroupOpenSpaceModel.supportForward is missing"))
	case robot == "":
		return nil, c.careless(refuse("param.openDeliverModelEmpty", "imGroupOpenDeliverModel.robotCode is missing"))
	case route != "STREAM" && route != "HTTP" && route != "":
		return nil, c.careless(refuse("param.invalid", "callbackType must be STREAM or HTTP"))
	case route == "HTTP" && key == "":
		return nil, c.careless(refuse("param.invalid", "callbackRouteKey is missing"))
	case len(only) > 0:
		return nil, c.careless(refuse("param.invalid", "recipients: this DingTalk has no cards for some of a group"))
	}
	w := s.world
	w.mu.Lock()
	defer w.mu.Unlock()
	t, ok := w.templates[template]
	switch {
	case !ok:
		return nil, refuse("param.templateNotExist", "template does not exist")
	case t.Unpublished:
		return nil, refuse("param.templateUnpublished", "template is not published")
	}
	if why := w.tooLongLocked(values); why != "" {
		return nil, refuse("param.invalid", why)
	}
	private, err := s.privateValues(c, f, t)
	if err != nil {
		return nil, err
	}
	mentioned, err := w.atLocked(slices.Concat(at, slices.Sorted(maps.Keys(atInside))))
	if err != nil {
		return nil, err
	}
	if _, again := w.cards[id]; again {
		return nil, refuse("param.cardAlreadyExist", "card already exists")
	}
	card := &cardInstance{
		template: template, streams: route == "STREAM", shared: c.judgeValues(t, values, false), private: private, own: map[string]ownView{},
	}
	if len(w.cardOrder) >= maxCards {
		delete(w.cards, w.cardOrder[0])
	}
	w.cards[id], w.cardOrder = card, keep(w.cardOrder, id, maxCards)

	result := deliverResult{SpaceType: "IM_GROUP", SpaceID: space[len(groupSpace):]}
	if why := s.deliverLocked(c, result.SpaceID, robot); why != "" {
		result.ErrorMsg = why
	} else {
		card.message = w.appendLocked(w.groups[result.SpaceID], Message{
			Via: ViaCard, Type: typeCard, OutTrackID: id, ProcessQueryKey: randomBase64(32), Mentioned: mentioned,
		})
		card.message.card, card.message.line = card, line["ZH_CN"]
		card.show()
		result.Success, result.CarrierID = true, card.message.ProcessQueryKey
	}
	return map[string]any{"success": true, "result": map[string]any{"outTrackId": id, "deliverResults": []deliverResult{result}}}, nil
}

// deliverResult is what became of a card in a space.
type deliverResult struct {
	SpaceType string `json:"spaceType"`
	SpaceID   string `json:"spaceId"`
	Success   bool   `json:"success"`
	CarrierID string `json:"carrierId,omitempty"`
	ErrorMsg  string `json:"errorMsg,omitempty"`
}

// deliverLocked says why a card does not get into the group.
func (s *Server) deliverLocked(c *call, group, robot string) string {
	if f := s.faults.take(c.route.api, ofCards); f != nil {
		return cmp.Or(f.Message, "system error")
	}
	g, ok := s.world.groups[group]
	switch {
	case robot != s.app.RobotCode && robot != s.app.ClientID:
		return "robot not exist"
	case !ok || g.Kind == KindDirect:
		return "invalid openConversationId"
	case g.disbanded:
		return "group disbanded"
	case !g.botIn:
		return "robot not in group"
	case !g.botOn:
		return "bot stopped"
	default:
		return ""
	}
}

// atLocked are the people with these userIds.
func (w *world) atLocked(userIDs []string) ([]Person, *apiError) {
	var people []Person
	for _, id := range userIDs {
		who, ok := w.byUserID[id]
		if !ok {
			return nil, refuse("param.userIdNotExist", "userId does not exist: "+id)
		}
		if !slices.Contains(people, who) {
			people = append(people, who)
		}
	}
	return people, nil
}

// updateCard is PUT card/instances.
func (s *Server) updateCard(c *call) (any, *apiError) {
	f := fieldsOf(c)
	id := f.text("outTrackId")
	values, given := f.cardValues("cardData")
	_, own := f.raw("privateData")
	f.integer("userIdType")
	options := f.object("cardUpdateOptions")
	byKey, privateByKey := options.flag("updateCardDataByKey"), options.flag("updatePrivateDataByKey")
	for _, part := range []*fields{f, options} {
		if err := part.end(); err != nil {
			return nil, err
		}
	}
	switch {
	case id == "":
		return nil, c.careless(refuse("param.outTrackIdEmpty", "outTrackId is empty"))
	case !given && !own:
		return nil, c.careless(refuse("param.empty", "neither cardData nor privateData"))
	}
	w := s.world
	w.mu.Lock()
	defer w.mu.Unlock()
	card, ok := w.cards[id]
	if !ok {
		return nil, refuse("param.cardNotExist", "card does not exist")
	}
	if why := w.tooLongLocked(values); why != "" {
		return nil, refuse("param.invalid", why)
	}
	t := w.templates[card.template]
	private, err := s.privateValues(c, f, t)
	if err != nil {
		return nil, err
	}
	if given {
		card.update(c.judgeValues(t, values, false), byKey)
	}
	card.change(private, privateByKey)
	w.cardChangedLocked(card)
	return map[string]any{"success": true, "result": true}, nil
}

// change changes the private variables of these people.
func (card *cardInstance) change(private map[string]map[string]string, byKey bool) {
	for who, values := range private {
		if byKey {
			all := maps.Clone(card.private[who])
			if all == nil {
				all = map[string]string{}
			}
			maps.Copy(all, values)
			values = all
		}
		card.private[who] = values
	}
}

func (w *world) cardChangedLocked(card *cardInstance) {
	if m := card.message; m != nil {
		w.feed.publish(Change{Kind: MessageChanged, GroupID: m.GroupID, MessageID: m.ID})
	}
}

// SetTemplate makes a template known, or changes one, those that need not be built too.
func (s *Server) SetTemplate(id string, t Template) {
	s.world.mu.Lock()
	s.world.templates[id] = t
	s.world.mu.Unlock()
	s.feed.publish(Change{Kind: FaultsChanged})
}

// DropTemplate makes a template unknown. Cards that were made of it stay.
func (s *Server) DropTemplate(id string) {
	s.world.mu.Lock()
	delete(s.world.templates, id)
	s.world.mu.Unlock()
	s.feed.publish(Change{Kind: FaultsChanged})
}

// SetCardValueBytes changes how many bytes one value of a card may have: [DocumentedCardValueBytes] at first, unless [Options] say
// otherwise; negative is as many as all of them.
func (s *Server) SetCardValueBytes(n int) {
	s.world.mu.Lock()
	s.world.cardValueBytes = n
	s.world.mu.Unlock()
	s.feed.publish(Change{Kind: FaultsChanged})
}

// CardReads says whether the carrierId of a card is a processQueryKey, as DingTalk's documents have it; it is at first. Where not,
// a query for it is refused with invalid.processQueryKey, and no read of a card is pushed.
func (s *Server) CardReads(on bool) {
	s.world.mu.Lock()
	s.world.cardsUnread = !on
	s.world.mu.Unlock()
	s.feed.publish(Change{Kind: FaultsChanged})
}

// CardButtons are the buttons of the card in the message as a person sees them; errors as [Group.CardSeen].
func (g *Group) CardButtons(id string, p Person) ([]CardButton, error) {
	values, err := g.CardSeen(id, p)
	if err != nil {
		return nil, err
	}
	buttons, _ := buttonsOf(values)
	return buttons, nil
}

// CardSeen are the values of the card in the message as a person sees them; zero is everybody. [ErrUnknownMessage].
func (g *Group) CardSeen(id string, p Person) (map[string]string, error) {
	defer g.lock()()
	m, err := g.s.world.messageLocked(g.c, id)
	if err != nil || m.card == nil {
		return nil, ErrUnknownMessage
	}
	return m.card.seenBy(p.UnionID), nil
}
