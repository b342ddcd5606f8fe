package dingtalktest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"
)

// TopicCard is the CALLBACK topic of the buttons of cards.
const TopicCard = "/v1.0/card/instances/callback"

// PressWithin is how long DingTalk waits for the ack of a press, by the wall clock.
const PressWithin = 2 * time.Second

// ErrNotAnswered is what a person is told whose press was not acknowledged within [PressWithin], or not well. The press is not
// pushed again.
var ErrNotAnswered = errors.New("dingtalktest: the bot did not answer the press in time")

// Press is a person pressing a button.
type Press struct {
	Message string // ID of the card's message
	Button  string // id of the button
	Shape   string // name of one of [Shapes], as in [Say]
}

// Press is a person pressing a button of a card, and returns once they see what came of it: what the ack changes in their own view,
// or [ErrNotAnswered]. Besides [ErrUnknownPerson] it returns [ErrUnknownMessage], [ErrNoButton], [ErrNotMember], [ErrNotInAudience],
// [ErrRecalled], [ErrDisbanded], [ErrUnknownShape].
func (g *Group) Press(p Person, press Press) error {
	card, data, err := g.press(p, press)
	if err != nil {
		return err
	}
	if !card.streams {
		return ErrNotAnswered
	}
	ack, ok := g.s.gateway.ask(TopicCard, mustJSON(data), g.s.ctx.Done())
	if !ok {
		return ErrNotAnswered
	}
	w := g.s.world
	w.mu.Lock()
	defer w.mu.Unlock()
	if why := card.answer(w, p.UnionID, ack); why != "" {
		g.s.journal.violation(streamAPI, why)
		return ErrNotAnswered
	}
	w.cardChangedLocked(card)
	return nil
}

// press checks that the person can press the button, and is the data of the frame that tells it.
func (g *Group) press(p Person, press Press) (*cardInstance, map[string]any, error) {
	defer g.lock()()
	w, c := g.s.world, g.c
	p, known := w.people[p.UnionID]
	if !known {
		return nil, nil, ErrUnknownPerson
	}
	m, err := w.messageLocked(c, press.Message)
	switch {
	case err != nil:
		return nil, nil, err
	case c.disbanded:
		return nil, nil, ErrDisbanded
	case m.Status == StatusRecalled:
		return nil, nil, ErrRecalled
	case !c.members.has(p.UnionID):
		return nil, nil, ErrNotMember
	case !c.visible(m, p.UnionID):
		return nil, nil, ErrNotInAudience
	case !knownShape(Pressed, press.Shape):
		return nil, nil, ErrUnknownShape
	case m.card == nil:
		return nil, nil, ErrNoButton
	}
	buttons, _ := buttonsOf(m.card.seenBy(p.UnionID))
	for _, b := range buttons {
		if b.Request && b.ID == press.Button {
			m.card.presses++
			return m.card, g.s.pressData(m, p, press), nil
		}
	}
	return nil, nil, ErrNoButton
}

// pressData is the data of a frame that tells of a press.
func (s *Server) pressData(m *storedMessage, p Person, press Press) map[string]any {
	dice := s.shapes.dice(string(Pressed), s.world.groups[m.GroupID].Title, p.Name, press.Button, strconv.Itoa(m.card.presses))
	data := map[string]any{
		"type": "actionCallback", "outTrackId": m.OutTrackID, "corpId": s.app.CorpID, "userId": p.UserID, "userIdType": 1,
		"spaceType": "im", "spaceId": m.GroupID, "extension": "{}",
	}
	shape := s.shapes.pick(pressShapes(), press.Shape, func(shape) bool { return true }, dice)
	shape.press(data, press.Button)
	return data
}

// pressAnswer is the data of the ack of a press.
type pressAnswer struct {
	options struct {
		UpdateCardDataByKey    bool `json:"updateCardDataByKey"`
		UpdatePrivateDataByKey bool `json:"updatePrivateDataByKey"`
	}
	card, private map[string]string // nil: nothing
}

// pressAnswerOf reads the data of an ack strictly, and says what is wrong with it. Nothing is an answer too.
func pressAnswerOf(data string) (a pressAnswer, why string) {
	if data == "" {
		return a, ""
	}
	var all map[string]json.RawMessage
	if err := json.Unmarshal([]byte(data), &all); err != nil {
		return a, "the ack of a press holds no JSON object"
	}
	response := all["response"]
	for name := range all {
		if name != "response" {
			return a, fmt.Sprintf("the ack of a press holds %q beside the response", name)
		}
	}
	if len(response) == 0 || string(response) == `""` { // the official package for Node says nothing so
		return a, ""
	}
	var parts struct {
		Options json.RawMessage `json:"cardUpdateOptions"`
		Card    json.RawMessage `json:"cardData"`
		Private json.RawMessage `json:"userPrivateData"`
	}
	if err := strictly(response, &parts); err != nil {
		return a, "the response to a press: " + err.Error()
	}
	if isThere(parts.Options) {
		if err := strictly(parts.Options, &a.options); err != nil {
			return a, "the cardUpdateOptions of a press: " + err.Error()
		}
	}
	for _, part := range []struct {
		raw json.RawMessage
		to  *map[string]string
	}{{parts.Card, &a.card}, {parts.Private, &a.private}} {
		if !isThere(part.raw) {
			continue
		}
		if *part.to, why = paramMap(part.raw); why != "" {
			return a, "the response to a press: " + why
		}
	}
	return a, ""
}

func isThere(raw json.RawMessage) bool { return len(raw) > 0 && string(raw) != "null" }

// strictly decodes an object without unknown fields.
func strictly(raw json.RawMessage, to any) error {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	return d.Decode(to)
}

// answer changes what the presser sees, or says why nothing of it is seen.
func (card *cardInstance) answer(w *world, unionID string, a pressAnswer) (why string) {
	for _, values := range []map[string]string{a.card, a.private} {
		if why := w.tooLongLocked(values); why != "" {
			return "the response to a press: " + why
		}
	}
	for name := range a.private {
		if !slices.Contains(w.templates[card.template].Private, name) {
			return fmt.Sprintf("the response to a press: the template has no private variable %q", name)
		}
	}
	if a.card != nil {
		own := card.own[unionID]
		if own.values == nil || !a.options.UpdateCardDataByKey {
			own = ownView{instead: !a.options.UpdateCardDataByKey, values: map[string]string{}}
		}
		for name, value := range a.card {
			own.values[name] = value
		}
		card.own[unionID] = own
	}
	if a.private != nil {
		card.change(map[string]map[string]string{unionID: a.private}, a.options.UpdatePrivateDataByKey)
	}
	return ""
}
