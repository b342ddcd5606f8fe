package frame

import (
	"bytes"
	"encoding/json"
	"strconv"
	"time"
	"unicode/utf8"
)

// lenient is a string, number or boolean of JSON as its text; anything else is
// empty. DingTalk's examples show the same field with several types.
type lenient string

// UnmarshalJSON never fails: a frame must not be lost for one odd field.
func (l *lenient) UnmarshalJSON(data []byte) error {
	*l = ""
	switch data[0] {
	case '"':
		// Most texts say themselves: this is the hot path of pushed reads.
		if bytes.IndexByte(data, '\\') < 0 && utf8.Valid(data) {
			*l = lenient(data[1 : len(data)-1])
			return nil
		}
		var s string
		if json.Unmarshal(data, &s) == nil {
			*l = lenient(s)
		}
	case '{', '[', 'n':
	default:
		*l = lenient(data)
	}
	return nil
}

// id reads what names something.
func (l lenient) id() string {
	if len(l) > maxIDBytes {
		return ""
	}
	return string(l)
}

// maxMillis is the end of the year 9999, the last one that a time in JSON can
// have.
const maxMillis = 253_402_300_800_000

// time reads Unix milliseconds; anything else is the zero time.
func (l lenient) time() time.Time {
	ms, err := strconv.ParseFloat(string(l), 64)
	if err != nil || !(ms > 0 && ms < maxMillis) {
		return time.Time{}
	}
	return time.UnixMilli(int64(ms))
}

// object is a JSON object whose fields are looked at one by one; nil is empty.
type object map[string]json.RawMessage

// UnmarshalJSON never fails; what is no object is an empty one.
func (o *object) UnmarshalJSON(data []byte) error {
	var fields map[string]json.RawMessage
	if json.Unmarshal(data, &fields) != nil {
		fields = nil
	}
	*o = fields
	return nil
}

func (o object) text(field string) string {
	var value lenient
	if raw := o[field]; len(raw) > 0 {
		_ = value.UnmarshalJSON(raw) // never fails
	}
	return string(value)
}

// firstText is that of the first of the fields that has one.
func (o object) firstText(fields ...string) string {
	for _, field := range fields {
		if text := o.text(field); text != "" {
			return text
		}
	}
	return ""
}

func (o object) object(field string) object {
	var value object
	if raw := o[field]; len(raw) > 0 {
		_ = value.UnmarshalJSON(raw) // never fails
	}
	return value
}

func (o object) objects(field string) objects {
	var values objects
	if raw := o[field]; len(raw) > 0 {
		_ = values.UnmarshalJSON(raw) // never fails
	}
	return values
}

// objects is a list of JSON objects, among them an empty one for each that is none.
type objects []object

// UnmarshalJSON never fails; what is no list is an empty one.
func (o *objects) UnmarshalJSON(data []byte) error {
	var list []object
	if json.Unmarshal(data, &list) != nil {
		list = nil
	}
	*o = list
	return nil
}

// cutBytes returns the beginning of s that has at most limit bytes, cut between
// two runes.
func cutBytes(s string, limit int) string {
	if len(s) <= limit {
		return s
	}
	for limit > 0 && !utf8.RuneStart(s[limit]) {
		limit--
	}
	return s[:limit]
}
