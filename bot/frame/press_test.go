package frame

import (
	"encoding/json"
	"errors"
	"maps"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const pressed = `{"cardPrivateData":{"actionIds":["confirm"],"params":{"n":"12"}}}`

// pressData is the data of a documented press, with some fields replaced; nil takes a
// field away.
func pressData(t testing.TB, changes fields) []byte {
	t.Helper()
	frame := fields{
		"type": "actionCallback", "outTrackId": "card-1", "corpId": "ding1", "userId": "user1", "userIdType": 1,
		"spaceType": "im", "spaceId": "cid1", "content": pressed, "extension": "{}",
	}
	maps.Copy(frame, changes)
	maps.DeleteFunc(frame, func(_ string, value any) bool { return value == nil })
	data, err := json.Marshal(frame)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func asJSON(t testing.TB, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestDecodeCardPress(t *testing.T) {
	t.Parallel()
	private := fields{"actionIds": []string{"confirm"}, "params": fields{"n": "12"}}
	for name, tt := range map[string]struct {
		changes fields
		want    func(*CardPress)
	}{
		"as documented":                  {nil, nil},
		"of a space in capitals":         {fields{"spaceType": "IM"}, nil},
		"of a space by its whole name":   {fields{"spaceType": "IM_GROUP"}, nil},
		"without the type of the space":  {fields{"spaceType": nil}, nil},
		"elsewhere than in a group":      {fields{"spaceType": "CO_FEED"}, func(p *CardPress) { p.Group = "" }},
		"in value, as some versions":     {fields{"content": nil, "value": pressed}, nil},
		"in both":                        {fields{"value": pressed}, nil},
		"content that is empty":          {fields{"content": "", "value": pressed}, nil},
		"an object, not a string":        {fields{"content": fields{"cardPrivateData": private}}, nil},
		"a string in a string":           {fields{"content": asJSON(t, pressed)}, nil},
		"strings all the way":            {fields{"content": asJSON(t, fields{"cardPrivateData": asJSON(t, fields{"actionIds": "confirm", "params": `{"n":"12"}`})})}, nil},
		"nothing around it":              {fields{"content": asJSON(t, private)}, nil},
		"the button in params":           {fields{"content": `{"cardPrivateData":{"params":{"id":"confirm"}}}`}, func(p *CardPress) { p.Params = map[string]string{"id": "confirm"} }},
		"the button in params, no ids":   {fields{"content": `{"cardPrivateData":{"actionIds":[],"params":{"id":"confirm","n":12}}}`}, func(p *CardPress) { p.Params = map[string]string{"id": "confirm", "n": "12"} }},
		"both, and they differ":          {fields{"content": `{"cardPrivateData":{"actionIds":["confirm"],"params":{"id":"other"}}}`}, func(p *CardPress) { p.Params = map[string]string{"id": "other"} }},
		"params of other types":          {fields{"content": `{"cardPrivateData":{"actionIds":["confirm"],"params":{"n":12,"b":true,"o":{},"l":[1],"z":null}}}`}, func(p *CardPress) { p.Params = map[string]string{"n": "12", "b": "true"} }},
		"no button":                      {fields{"content": `{}`}, func(p *CardPress) { p.Action, p.Params = "", nil }},
		"no content":                     {fields{"content": nil}, func(p *CardPress) { p.Action, p.Params = "", nil }},
		"content that is no JSON":        {fields{"content": "confirm"}, func(p *CardPress) { p.Action, p.Params = "", nil }},
		"a userId that is a number":      {fields{"userId": 4711}, func(p *CardPress) { p.UserID = "4711" }},
		"the type of the id as a string": {fields{"userIdType": "1"}, nil},
		"a unionId":                      {fields{"userIdType": 2, "userId": "x1iE"}, func(p *CardPress) { p.UserID = "" }},
		"from outside":                   {fields{"userId": ""}, func(p *CardPress) { p.UserID = "" }},
		"no organisation":                {fields{"corpId": nil}, func(p *CardPress) { p.CorpID = "" }},
		"of another type":                {fields{"type": nil}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			want := CardPress{ID: "frame1", Card: "card-1", UserID: "user1", CorpID: "ding1", Group: "cid1", Action: "confirm", Params: map[string]string{"n": "12"}}
			if tt.want != nil {
				tt.want(&want)
			}
			got, err := DecodeCardPress(pressData(t, tt.changes), "frame1")
			if diff := cmp.Diff(want, got); err != nil || diff != "" {
				t.Errorf("%v (-want +got):\n%s", err, diff)
			}
		})
	}
}

// A press is not lost for an odd field: of another type it counts as absent.
func TestDecodeOddPresses(t *testing.T) {
	t.Parallel()
	for field, want := range map[string]func(*CardPress){
		"type":       func(*CardPress) {},
		"corpId":     func(p *CardPress) { p.CorpID = "" },
		"userId":     func(p *CardPress) { p.UserID = "" },
		"userIdType": func(*CardPress) {},
		"spaceType":  func(*CardPress) {},
		"spaceId":    func(p *CardPress) { p.Group = "" },
		"content":    func(p *CardPress) { p.Action, p.Params = "", nil },
		"value":      func(*CardPress) {},
		"extension":  func(*CardPress) {},
	} {
		for _, odd := range []any{nil, fields{"a": 1}, []any{1, "a"}, []any{}, json.RawMessage(strings.Repeat("[", 5_000) + strings.Repeat("]", 5_000))} {
			got, err := DecodeCardPress(pressData(t, fields{field: odd}), "frame1")
			p := CardPress{ID: "frame1", Card: "card-1", UserID: "user1", CorpID: "ding1", Group: "cid1", Action: "confirm", Params: map[string]string{"n": "12"}}
			want(&p)
			if diff := cmp.Diff(p, got); err != nil || diff != "" {
				t.Errorf("%s %.30v: %v (-want +got):\n%s", field, odd, err, diff)
			}
		}
	}
}

func TestDecodeDropsAPressOfNoCard(t *testing.T) {
	t.Parallel()
	for name, data := range map[string]string{
		"nothing": "", "no JSON": "hello", "cut off": `{"outTrackId":"card-1"`, "two objects": `{"outTrackId":"c"}{}`, "an array": `[1]`,
		"a string": `"{}"`, "null": "null", "an empty object": "{}", "too deep": strings.Repeat(`{"content":`, 20_000) + "1" + strings.Repeat("}", 20_000),
		"no card": string(pressData(t, fields{"outTrackId": nil})), "an empty card": string(pressData(t, fields{"outTrackId": ""})),
		"a card that is none": string(pressData(t, fields{"outTrackId": []any{"card-1"}})),
		"an endless card":     string(pressData(t, fields{"outTrackId": strings.Repeat("x", maxIDBytes+1)})),
	} {
		if got, err := DecodeCardPress([]byte(data), "frame1"); !errors.Is(err, ErrBroken) {
			t.Errorf("%s: %+v, %v, want ErrBroken", name, got, err)
		}
	}
	if got, err := DecodeCardPress(pressData(t, nil), ""); !errors.Is(err, ErrBroken) {
		t.Errorf("no id of the frame: %+v, %v, want ErrBroken", got, err)
	}
}

func TestDecodeBoundsAPress(t *testing.T) {
	t.Parallel()
	params := fields{"long": strings.Repeat("x", maxParamBytes)}
	for _, c := range strings.Repeat("读", 3*maxParams) {
		params[strings.Repeat(string(c), len(params))] = "x"
	}
	got, err := DecodeCardPress(pressData(t, fields{"content": fields{"cardPrivateData": fields{"params": params, "actionIds": []string{strings.Repeat("x", maxIDBytes+1)}}}}), "frame1")
	if err != nil || len(got.Params) != maxParams || got.Params["long"] != "" || got.Action != "" {
		t.Errorf("%v: %d params, action %.20q", err, len(got.Params), got.Action)
	}
}

func TestAnswerPress(t *testing.T) {
	t.Parallel()
	for want, own := range map[string]map[string]string{
		"": {},
		`{"response":{"cardUpdateOptions":{"updateCardDataByKey":true},"cardData":{"cardParamMap":{"tips":"✓ 你已收到"}}}}`: {"tips": "✓ 你已收到"},
	} {
		if got, err := AnswerPress(own); string(got) != want || err != nil {
			t.Errorf("%s, %v; want %s", got, err, want)
		}
	}
}

func FuzzDecodeCardPress(f *testing.F) {
	f.Add(pressData(f, nil), "frame1")
	f.Add(pressData(f, fields{"content": nil, "value": asJSON(f, pressed)}), "frame1")
	f.Add([]byte(`{"outTrackId":1,"content":"\"\\\"{}\\\"\""}`), "")
	f.Fuzz(func(t *testing.T, data []byte, frameID string) {
		p, err := DecodeCardPress(data, frameID)
		if err != nil {
			if !errors.Is(err, ErrBroken) || !cmp.Equal(p, CardPress{}) {
				t.Fatalf("%+v, %v", p, err)
			}
			return
		}
		if p.ID != frameID || p.ID == "" || p.Card == "" {
			t.Fatalf("%+v", p)
		}
		for _, id := range []string{p.Card, p.UserID, p.CorpID, p.Group, p.Action} {
			if len(id) > maxIDBytes {
				t.Fatalf("an id of %d bytes", len(id))
			}
		}
		if len(p.Params) > maxParams {
			t.Fatalf("%d params", len(p.Params))
		}
		if again, err := DecodeCardPress(data, frameID); err != nil || again.Action != p.Action || again.Card != p.Card {
			t.Fatalf("%+v, then %+v, %v", p, again, err)
		}
	})
}
