package dingtalk

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

const uploadOK = `{"errcode":0,"errmsg":"ok","media_id":"@lADPDe7s2ySi18PNA6XNBXg","type":"image","created_at":1600000000000}`

func upload(ctx context.Context, c *Client) error {
	_, err := c.UploadMedia(ctx, MediaImage, "chart.png", []byte("png"))
	return err
}

func TestUploadMedia(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, body, want string
		kind             Kind
	}{
		{"as documented", uploadOK, "@lADPDe7s2ySi18PNA6XNBXg", ""},
		{"numbers as strings", `{"errcode":"0","media_id":"@a","created_at":"1600000000000"}`, "@a", ""},
		{"fields of other types", `{"errcode":0,"media_id":"@a","type":{},"created_at":{}}`, "@a", ""},
		{"a number for an id", `{"errcode":0,"media_id":17}`, "17", ""},
		{"a byte order mark would not be JSON", "\ufeff" + uploadOK, "", BadAnswer},
		{"no id", `{"errcode":0}`, "", BadAnswer},
		{"an empty id", `{"errcode":0,"media_id":""}`, "", BadAnswer},
		{"an object for an id", `{"errcode":0,"media_id":{}}`, "", BadAnswer},
		{"an id, but no success", `{"media_id":"@a"}`, "", BadAnswer},
		{"cut off", `{"errcode":0,"media_id":"@a"`, "", BadAnswer},
		{"another type of file", `{"errcode":40005,"errmsg":"不合法的文件类型"}`, "", BadRequest},
		{"a large file", `{"errcode":40006,"errmsg":"不合法的文件大小"}`, "", TooLong},
		{"no permission", `{"errcode":88,"sub_code":"60011"}`, "", PermissionDenied},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := newScript(t).always(uploadAPI.path, 200, tt.body)
			got, err := s.client().UploadMedia(t.Context(), MediaFile, `已读 "周五".xlsx`, []byte("PK\x00\r\n--"))
			if tt.kind != "" {
				want(t, err, tt.kind, false)
			} else if err != nil {
				t.Fatal(err)
			}
			if got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
			r := s.seen(uploadAPI.path)[0]
			if diff := cmp.Diff([]seenFile{{"media", `已读 "周五".xlsx`, "PK\x00\r\n--"}}, r.Form); diff != "" {
				t.Error(diff)
			}
			if asked := r.Method + " " + r.Query; asked != "POST access_token="+tokenValue(1)+"&type=file" {
				t.Errorf("asked %s", asked)
			}
		})
	}
}

// What DingTalk cannot take does not cost a call.
func TestAnUploadIsCheckedBeforeItIsSent(t *testing.T) {
	t.Parallel()
	s := newScript(t).always(uploadAPI.path, 200, uploadOK)
	c := s.client()
	largest := make([]byte, MaxMediaBytes)
	for _, tt := range []struct {
		name    string
		kind    MediaKind
		file    string
		content []byte
		want    Kind
	}{
		{"the largest", MediaFile, "a.zip", largest, ""},
		{"one byte more", MediaFile, "a.zip", append(largest, 0), TooLong},
		{"empty", MediaFile, "a.zip", nil, BadRequest},
		{"without a name", MediaImage, "", []byte("x"), BadRequest},
		{"a voice", "voice", "a.amr", []byte("x"), BadRequest},
		{"no kind", "", "a.png", []byte("x"), BadRequest},
	} {
		_, err := c.UploadMedia(t.Context(), tt.kind, tt.file, tt.content)
		if tt.want == "" {
			if err != nil {
				t.Errorf("%s: %v", tt.name, err)
			}
			continue
		}
		want(t, err, tt.want, false)
		if errors.Is(err, ErrTooLong) != (tt.want == TooLong) {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
	if n := len(s.seen(uploadAPI.path)); n != 1 {
		t.Errorf("%d requests", n)
	}
}

// A file's name comes from people. It stays in its place: it adds no header, no part and no parameter.
func TestAnUploadsNameStaysAName(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"读\u202e😀.png", "a\r\nX-Evil: 1\r\n\r\nb.png", `a"; filename="b.png`, "a\x00b.png", `a\b.png`, "\xff.png", strings.Repeat("读", 5_000)} {
		s := newScript(t).always(uploadAPI.path, 200, uploadOK)
		if _, err := s.client().UploadMedia(t.Context(), MediaImage, name, []byte("content")); err != nil {
			t.Errorf("%q: %v", name, err)
		}
		form := s.seen(uploadAPI.path)[0].Form
		if len(form) != 1 || form[0].Field != "media" || form[0].Content != "content" {
			t.Errorf("%q: %.300q", name, form)
		}
	}
}

// An upload is repeated like a read, whole each time, and is never uncertain.
func TestAnUploadIsRepeated(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		status   int
		body     string
		kind     Kind
		requests int
	}{
		{200, `{"errcode":-1,"errmsg":"系统繁忙"}`, Unavailable, 3},
		{502, `<html>Bad Gateway`, Unavailable, 3},
		{200, `{"errcode":90018}`, Throttled, 3},
		{200, `{"errcode":90020}`, QuotaSpent, 1},
		{200, `{"errcode":40005}`, BadRequest, 1},
		{413, `<html>too large`, TooLong, 1},
		{413, ``, TooLong, 1},
	} {
		synctest.Test(t, func(t *testing.T) {
			s := newScript(t).always(uploadAPI.path, tt.status, tt.body)
			want(t, upload(t.Context(), s.client()), tt.kind, false)
			sent := s.seen(uploadAPI.path)
			if len(sent) != tt.requests {
				t.Errorf("%s: %d requests, want %d", tt.body, len(sent), tt.requests)
			}
			for _, r := range sent {
				if diff := cmp.Diff([]seenFile{{"media", "chart.png", "png"}}, r.Form); diff != "" {
					t.Error(diff)
				}
			}
		})
	}
}

func TestARejectedTokenOfAnUploadIsReplacedOnce(t *testing.T) {
	t.Parallel()
	for _, rejection := range []string{`{"errcode":40014}`, `{"errcode":"42001"}`, `{"errcode":88,"sub_code":"40001"}`} {
		s := newScript(t).on(uploadAPI.path, func(n int, r seen) (int, string) {
			if r.Token == tokenValue(1) {
				return 200, rejection
			}
			return 200, uploadOK
		})
		if err := upload(t.Context(), s.client()); err != nil {
			t.Errorf("%s: %v", rejection, err)
		}
		expectTokens(t, s, 2)

		s = newScript(t).always(uploadAPI.path, 200, rejection)
		want(t, upload(t.Context(), s.client()), TokenRejected, false)
		expectTokens(t, s, 2)
		if n := len(s.seen(uploadAPI.path)); n != 2 {
			t.Errorf("%s: %d requests", rejection, n)
		}
	}
}

// The token is in the query: neither the connection's errors nor DingTalk's words may carry it out.
func TestAnUploadsErrorsGiveNothingAway(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newScript(t).on(uploadAPI.path, func(_ int, r seen) (int, string) {
			return 200, fmt.Sprintf(`{"errcode":40035,"errmsg":"https://api.test/media/upload?%s (%s %s)","request_id":%q}`, r.Query, r.Token, testSecret, r.Token)
		})
		want(t, upload(t.Context(), s.client()), BadRequest, false)

		c := s.client(func(cfg *Config) {
			cfg.Transport = roundTripper(func(r *http.Request) (*http.Response, error) {
				if r.URL.Path == tokenAPI.path {
					return inProcess{s}.RoundTrip(r)
				}
				return nil, fmt.Errorf("Post %q: broken", r.URL.String())
			})
		})
		want(t, upload(t.Context(), c), Unavailable, false)
	})
}

// An upload has more time than other calls, since it may carry 20 MB; the caller's deadline still ends it.
func TestAnUploadHasADeadlineOfItsOwn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newScript(t)
		c := s.client(func(cfg *Config) {
			cfg.Transport = roundTripper(func(r *http.Request) (*http.Response, error) {
				if r.URL.Path == tokenAPI.path {
					return inProcess{s}.RoundTrip(r)
				}
				<-r.Context().Done()
				return nil, r.Context().Err()
			})
		})
		for _, tt := range []struct{ given, want time.Duration }{
			{UploadTimeout + time.Millisecond, UploadTimeout},
			{CallTimeout * 2, CallTimeout * 2},
		} {
			ctx, cancel := context.WithTimeout(t.Context(), tt.given)
			started := time.Now()
			err := upload(ctx, c)
			cancel()
			want(t, err, Unavailable, false)
			if took := time.Since(started); took != tt.want || !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("with %v: %v after %v", tt.given, err, took)
			}
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		want(t, upload(ctx, c), Cancelled, false)
	})
}

func TestAnUploadIsNotCounted(t *testing.T) {
	t.Parallel()
	var calls []Call
	s := newScript(t).always(uploadAPI.path, 200, uploadOK)
	c := s.client(func(cfg *Config) {
		cfg.Observe = func(_ context.Context, c Call) {
			calls = append(calls, Call{API: c.API, Kind: c.Kind, Counted: c.Counted})
		}
	})
	if err := upload(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]Call{{API: "token"}, {API: "upload"}}, calls); diff != "" {
		t.Error(diff)
	}
}

func TestPicturesAndFilesAreSentByTheirMediaID(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		message    Message
		key, param string
	}{
		{Image("@a<b>"), "sampleImageMsg", `{"photoURL":"@a<b>"}`},
		{File("@a", `#12 "停机".xlsx`, "xlsx"), "sampleFile", `{"mediaId":"@a","fileName":"#12 \"停机\".xlsx","fileType":"xlsx"}`},
	} {
		s := newScript(t).always(sendURL, 200, sendOK)
		if _, err := s.client().SendGroup(t.Context(), "cid", tt.message); err != nil {
			t.Fatal(err)
		}
		body := s.seen(sendURL)[0].Body
		if body["msgKey"] != tt.key || body["msgParam"] != tt.param {
			t.Errorf("sent %v", body)
		}
	}
}

func BenchmarkUploadMedia(b *testing.B) {
	c := benchServer(b, uploadOK)
	content := make([]byte, 1<<20)
	b.SetBytes(int64(len(content)))
	for b.Loop() {
		if _, err := c.UploadMedia(b.Context(), MediaFile, "a.xlsx", content); err != nil {
			b.Fatal(err)
		}
	}
}
