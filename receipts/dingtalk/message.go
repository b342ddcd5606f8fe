package dingtalk

import (
	"errors"
	"fmt"
)

// MaxMsgParamBytes is DingTalk's limit for a message's msgParam; see [Message.Encode].
const MaxMsgParamBytes = 15_000

// Message is what a bot sends through the OpenAPI: a template (msgKey) and its parameters.
type Message struct {
	Key   string // msgKey, such as "sampleMarkdown"
	Param any    // marshalled to the JSON object msgParam
}

// The msgKeys of messages that show what was uploaded.
const (
	imageKey = "sampleImageMsg"
	fileKey  = "sampleFile"
)

// Markdown is a message in DingTalk's subset of Markdown: headings, quotes, bold, italic, links, images and lists, no tables.
// The title is what a notification shows. Text that comes from people must be escaped already.
func Markdown(title, text string) Message {
	return Message{Key: "sampleMarkdown", Param: struct {
		Title string `json:"title"`
		Text  string `json:"text"`
	}{title, text}}
}

// Image is a picture that was given to DingTalk before; see [Client.UploadMedia].
func Image(mediaID string) Message {
	return Message{Key: imageKey, Param: struct {
		PhotoURL string `json:"photoURL"` // takes a media id as well
	}{mediaID}}
}

// File is a file that was given to DingTalk before; see [Client.UploadMedia]. People see and download it as fileName.
// fileType is one of xlsx, pdf, zip, rar, doc and docx: fewer than can be uploaded.
func File(mediaID, fileName, fileType string) Message {
	return Message{Key: fileKey, Param: struct {
		MediaID  string `json:"mediaId"`
		FileName string `json:"fileName"`
		FileType string `json:"fileType"`
	}{mediaID, fileName, fileType}}
}

// Encode returns msgParam. It fails with [ErrTooLong] above [MaxMsgParamBytes]; quotes and line breaks take two bytes each.
func (m Message) Encode() (string, error) {
	if m.Key == "" {
		return "", errors.New("message without a msgKey")
	}
	param, err := encode(m.Param)
	if err != nil {
		return "", fmt.Errorf("encode msgParam: %w", err)
	}
	if len(param) > MaxMsgParamBytes {
		return "", fmt.Errorf("%w: msgParam has %d bytes, DingTalk takes %d", ErrTooLong, len(param), MaxMsgParamBytes)
	}
	return string(param), nil
}

// by is the call that sends the message.
func (m Message) by(a api) api {
	a.media = m.Key == imageKey || m.Key == fileKey
	return a
}

// encodeFor turns Encode's errors into those of a call.
func (m Message) encodeFor(a api) (string, *Error) {
	param, err := m.Encode()
	switch {
	case errors.Is(err, ErrTooLong):
		return "", a.refuse(TooLong, err.Error(), ErrTooLong)
	case err != nil:
		return "", a.refuse(BadRequest, "the message cannot be encoded", nil)
	}
	return param, nil
}
