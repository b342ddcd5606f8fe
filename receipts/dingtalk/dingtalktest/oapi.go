package dingtalktest

import (
	"bytes"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"path/filepath"
	"slices"
	"strings"
)

// Error codes of the old API. 40014, 90002, 90018 and 90020 are those of the documents this project is built on; the others
// are from DingTalk's list of global error codes, and a client must not tell them apart.
const (
	errSystem           = -1
	errMediaType        = 40004
	errFileType         = 40005
	errFileSize         = 40006
	errBadToken         = 40014
	errInvalidParameter = 40035
	errBadSecret        = 40089
	errNeedGet          = 43001
	errNeedPost         = 43002
	errNoDepartment     = 60003
	errNoPermission     = 60011
	errNoUser           = 60121
	errNoChat           = 34003
)

// maxFileBytes is the most that media/upload takes.
const maxFileBytes = 20 << 20

func (s *Server) oldToken(c *call) (any, *apiError) {
	q := c.r.URL.Query()
	if q.Get("appkey") != s.app.ClientID || q.Get("appsecret") != s.app.ClientSecret {
		return nil, refuseOld(errBadSecret, "invalid appkey or appsecret")
	}
	c.entry.Caller = s.app.ClientID
	token, seconds := s.tokens.issue()
	return map[string]any{"access_token": token, "expires_in": seconds}, nil
}

func (s *Server) getChat(c *call) (any, *apiError) {
	id := c.r.URL.Query().Get("chatid")
	if id == "" {
		return nil, c.careless(refuseOld(errInvalidParameter, "chatid is missing"))
	}
	w := s.world
	w.mu.Lock()
	defer w.mu.Unlock()
	g, ok := w.byChatID[id]
	if !ok || g.Kind != KindChat || g.disbanded {
		return nil, refuseOld(errNoChat, "invalid chatid")
	}
	users := []string{}
	for _, p := range w.named(g.members.ids) {
		if !p.Outside {
			users = append(users, p.UserID)
		}
	}
	return map[string]any{"chat_info": map[string]any{"name": g.Title, "useridlist": users}}, nil
}

func (s *Server) listDepartment(c *call) (any, *apiError) {
	f := fieldsOf(c)
	id, ok := f.integer("dept_id")
	if err := f.end(); err != nil {
		return nil, err
	}
	if !ok {
		return nil, c.careless(refuseOld(errInvalidParameter, "dept_id is missing"))
	}
	s.world.mu.Lock()
	defer s.world.mu.Unlock()
	users, ok := s.world.departments[id]
	if !ok {
		return nil, refuseOld(errNoDepartment, "the department does not exist")
	}
	return map[string]any{"result": map[string]any{"userid_list": append([]string{}, users...)}}, nil
}

func (s *Server) getUser(c *call) (any, *apiError) {
	f := fieldsOf(c)
	id := f.text("userid")
	f.text("language")
	if err := f.end(); err != nil {
		return nil, err
	}
	if id == "" {
		return nil, c.careless(refuseOld(errInvalidParameter, "userid is missing"))
	}
	people, _ := s.world.staff([]string{id})
	if len(people) == 0 {
		return nil, refuseOld(errNoUser, "the user does not exist")
	}
	p := people[0]
	return map[string]any{"result": map[string]any{"userid": p.UserID, "unionid": p.UnionID, "name": p.Name, "admin": p.Admin}}, nil
}

// fileTypes are the extensions that a type of media may have.
func fileTypes(kind string) []string {
	switch kind {
	case "image":
		return []string{"jpg", "gif", "png", "bmp"}
	case "file":
		return []string{"doc", "docx", "xls", "xlsx", "ppt", "pptx", "zip", "pdf", "rar"}
	default:
		return nil
	}
}

func (s *Server) upload(c *call) (any, *apiError) {
	kind := c.r.URL.Query().Get("type")
	types := fileTypes(kind)
	if types == nil {
		return nil, c.careless(refuseOld(errMediaType, "type must be image or file"))
	}
	name, content, err := formFile(c, "media")
	if err != nil {
		return nil, c.careless(refuseOld(errInvalidParameter, err.Error()))
	}
	switch {
	case !slices.Contains(types, strings.ToLower(strings.TrimPrefix(filepath.Ext(name), "."))):
		return nil, c.careless(refuseOld(errFileType, "files of this kind cannot be uploaded"))
	case len(content) == 0 || len(content) > maxFileBytes:
		return nil, c.careless(refuseOld(errFileSize, "a file must have 1 byte to 20 MB"))
	}
	m := s.world.addMedia(kind, name, content)
	return map[string]any{"media_id": m.ID, "type": kind, "created_at": s.now().UnixMilli()}, nil
}

// formFile is the file in a field of the call's multipart body.
func formFile(c *call, field string) (name string, content []byte, err error) {
	kind, params, err := mime.ParseMediaType(c.r.Header.Get("Content-Type"))
	if err != nil || kind != "multipart/form-data" {
		return "", nil, errors.New("Content-Type must be multipart/form-data")
	}
	parts := multipart.NewReader(bytes.NewReader(c.body), params["boundary"])
	for {
		part, err := parts.NextPart()
		if err != nil {
			return "", nil, errors.New("there is no file in the field media")
		}
		if part.FormName() == field && part.FileName() != "" {
			content, err := io.ReadAll(part)
			return part.FileName(), content, err
		}
	}
}
