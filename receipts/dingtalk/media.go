package dingtalk

import (
	"bytes"
	"context"
	"fmt"
	"mime/multipart"
	"strings"
	"unicode"
)

// MaxMediaBytes is DingTalk's limit for an uploaded picture or file.
const MaxMediaBytes = 20 << 20

// MediaKind is DingTalk's type of what is uploaded.
type MediaKind string

// The kinds of media. DingTalk goes by the ending of the file's name.
const (
	MediaImage MediaKind = "image" // jpg, gif, png, bmp
	MediaFile  MediaKind = "file"  // doc, docx, xls, xlsx, ppt, pptx, zip, pdf, rar
)

// UploadMedia gives DingTalk a picture or a file of up to [MaxMediaBytes] and returns its media id, which [Image] and [File]
// send. Not counted against the monthly quota. An upload shows nothing to anybody, so it is repeated as a read is, and its
// error is never uncertain. One try takes up to [UploadTimeout].
//
// Failures to expect besides those of every call: [TooLong] for content above the limit, and [BadRequest] for no content, no
// name and an ending that DingTalk does not take for this kind. Only the last of them is found by DingTalk.
func (c *Client) UploadMedia(ctx context.Context, kind MediaKind, fileName string, content []byte, options ...Option) (mediaID string, err error) {
	switch {
	case kind != MediaImage && kind != MediaFile:
		return "", uploadAPI.refuse(BadRequest, "neither a picture nor a file", nil)
	case fileName == "":
		return "", uploadAPI.refuse(BadRequest, "a file without a name", nil)
	case len(content) == 0:
		return "", uploadAPI.refuse(BadRequest, "a file without content", nil)
	case len(content) > MaxMediaBytes:
		return "", uploadAPI.refuse(TooLong, fmt.Sprintf("the file has %d bytes, DingTalk takes %d", len(content), MaxMediaBytes), ErrTooLong)
	}
	got, err := call[uploadAnswer](ctx, c, uploadAPI, request{
		query: map[string][]string{"type": {string(kind)}},
		file:  &file{field: "media", name: fileName, content: content},
	}.with(options))
	return string(got.MediaID), err
}

type uploadAnswer struct {
	MediaID text `json:"media_id"`
}

func (a uploadAnswer) complete() bool { return a.MediaID != "" }

// file is the only part of a multipart body.
type file struct {
	field, name string
	content     []byte
}

// encode returns the body and its Content-Type.
func (f *file) encode() (body []byte, contentType string, err error) {
	var b bytes.Buffer
	b.Grow(len(f.content) + len(f.name) + 1<<10)
	form := multipart.NewWriter(&b)
	part, err := form.CreateFormFile(f.field, withoutControls(f.name))
	if err != nil {
		return nil, "", err
	}
	if _, err := part.Write(f.content); err != nil {
		return nil, "", err
	}
	if err := form.Close(); err != nil {
		return nil, "", err
	}
	return b.Bytes(), form.FormDataContentType(), nil
}

// withoutControls makes a name fit for a header: with a NUL in it the whole form would be unreadable.
func withoutControls(name string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return '_'
		}
		return r
	}, name)
}
