package dingtalktest

import (
	"encoding/json"
	"fmt"
	"mime"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// fields reads a JSON object strictly. The first wrong type makes everything fail; a field that nobody asked for is a
// violation, though DingTalk ignores it. A field that is null or "" is absent.
type fields struct {
	c      *call
	values map[string]json.RawMessage
	asked  []string
	err    *apiError
}

// fieldsOf reads the call's body.
func fieldsOf(c *call) *fields {
	f := &fields{c: c}
	if kind, _, err := mime.ParseMediaType(c.r.Header.Get("Content-Type")); err != nil || kind != "application/json" {
		f.err = c.careless(c.invalid("Content-Type must be application/json"))
		return f
	}
	if !utf8.Valid(c.body) {
		f.err = c.careless(c.invalid("the body is not UTF-8"))
		return f
	}
	if err := json.Unmarshal(c.body, &f.values); err != nil || f.values == nil {
		f.err = c.careless(c.invalid("the body is not a JSON object"))
	}
	return f
}

func (f *fields) raw(name string) (json.RawMessage, bool) {
	f.asked = append(f.asked, name)
	v, ok := f.values[name]
	return v, ok && string(v) != "null"
}

func (f *fields) wrongType(name, want string) {
	if f.err == nil {
		f.err = f.c.careless(f.c.invalid(fmt.Sprintf("%s must be %s", name, want)))
	}
}

// into decodes the field strictly, and says whether it is there.
func into[T any](f *fields, name, want string) (value T, ok bool) {
	v, ok := f.raw(name)
	if !ok {
		return value, false
	}
	if err := json.Unmarshal(v, &value); err != nil {
		f.wrongType(name, want)
		return value, false
	}
	return value, true
}

func (f *fields) text(name string) string {
	s, _ := into[string](f, name, "a string")
	return s
}

func (f *fields) texts(name string) []string {
	list, _ := into[[]string](f, name, "an array of strings")
	return list
}

func (f *fields) flag(name string) bool {
	b, _ := into[bool](f, name, "a boolean")
	return b
}

func (f *fields) integer(name string) (int64, bool) {
	v, ok := f.raw(name)
	if !ok {
		return 0, false
	}
	n, err := strconv.ParseInt(string(v), 10, 64)
	if err != nil {
		f.wrongType(name, "an integer")
		return 0, false
	}
	return n, true
}

// object reads a field that is itself an object.
func (f *fields) object(name string) *fields {
	values, _ := into[map[string]json.RawMessage](f, name, "an object")
	return &fields{c: f.c, values: values}
}

// end says whether all was well.
func (f *fields) end() *apiError {
	for name := range f.values {
		if !slices.Contains(f.asked, name) {
			f.c.violate("unknown field %q", name)
		}
	}
	return f.err
}

// queryProblem says what is wrong with the raw query of a URL; "" is well escaped.
func queryProblem(raw string) string {
	for i := range len(raw) {
		if b := raw[i]; b <= ' ' || b >= 0x7f || strings.IndexByte("\"<>\\^`{|}", b) >= 0 {
			return "a character in the query is not escaped"
		}
	}
	if strings.Contains(raw, "+") {
		return "a + in the query means a space: is it one that was not escaped?"
	}
	if _, err := url.ParseQuery(raw); err != nil {
		return "the query is not escaped well"
	}
	return ""
}

// messageFields are the fields of msgParam by msgKey. All are required strings; those in brackets may be empty. The fields of
// sampleAudio and sampleVideo are from the page "Message types for enterprise bots".
func messageFields(msgKey string) ([]string, bool) {
	switch msgKey {
	case "sampleText":
		return []string{"content"}, true
	case "sampleMarkdown":
		return []string{"title", "text"}, true
	case "sampleImageMsg":
		return []string{"photoURL"}, true
	case "sampleLink":
		return []string{"title", "text", "picUrl", "messageUrl"}, true
	case "sampleActionCard":
		return []string{"title", "text", "singleTitle", "singleURL"}, true
	case "sampleActionCard2", "sampleActionCard3", "sampleActionCard4", "sampleActionCard5":
		names := []string{"title", "text"}
		for n := 1; n <= int(msgKey[len(msgKey)-1]-'0'); n++ {
			names = append(names, fmt.Sprintf("actionTitle%d", n), fmt.Sprintf("actionURL%d", n))
		}
		return names, true
	case "sampleActionCard6":
		return []string{"title", "text", "buttonTitle1", "buttonUrl1", "buttonTitle2", "buttonUrl2"}, true
	case "sampleFile":
		return []string{"mediaId", "fileName", "fileType"}, true
	case "sampleAudio":
		return []string{"mediaId", "duration"}, true
	case "sampleVideo":
		return []string{"duration", "videoMediaId", "videoType", "picMediaId"}, true
	default:
		return nil, false
	}
}

// maxMsgParam is the most bytes of a msgParam.
const maxMsgParam = 15_000

// messageOf checks msgKey and msgParam, and makes the message of them.
func (c *call) messageOf(msgKey, msgParam string) (Message, *apiError) {
	if msgKey == "" {
		return Message{}, c.careless(refuse("invalidParameter.msgKey.empty", "msgKey is missing"))
	}
	names, ok := messageFields(msgKey)
	if !ok {
		return Message{}, c.careless(refuse("invalidParameter.msgKey.invalid", "Invalid msgKey"))
	}
	if len(msgParam) > maxMsgParam {
		return Message{}, c.careless(refuse("invalidParameter.msgParam.tooLong", "msgParam is longer than 15000 bytes"))
	}
	invalid := func(why string) (Message, *apiError) {
		return Message{}, c.careless(refuse("invalidParameter.msgParam.invalid", "Invalid msgParam: "+why))
	}
	var params map[string]string
	if err := json.Unmarshal([]byte(msgParam), &params); err != nil || params == nil {
		return invalid("it must be a JSON object of strings")
	}
	for _, name := range names {
		if params[name] == "" && name != "picUrl" {
			return invalid(name + " is missing")
		}
	}
	for name := range params {
		if !slices.Contains(names, name) {
			return invalid(name + " is not a field of " + msgKey)
		}
	}
	for _, name := range []string{"mediaId", "videoMediaId", "picMediaId", "photoURL"} {
		id := params[name]
		if id == "" || name == "photoURL" && (strings.HasPrefix(id, "http://") || strings.HasPrefix(id, "https://")) {
			continue
		}
		if _, known := c.s.world.mediaByID(id); !known {
			return invalid(name + " was not uploaded")
		}
	}
	if kind, ok := params["fileType"]; ok && !slices.Contains([]string{"xlsx", "pdf", "zip", "rar", "doc", "docx"}, kind) {
		return invalid("fileType")
	}
	m := Message{Type: msgKey, Title: params["title"], Text: params["text"], Params: params}
	switch msgKey {
	case "sampleText":
		m.Text = params["content"]
	case "sampleFile":
		m.Title = params["fileName"]
	}
	return m, nil
}
