package dingtalktest

import (
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// The APIs, as [Call], [Fault] and [Violation] name them: the path without the version.
const (
	APIToken      = "oauth2/accessToken"
	APIGateway    = "gateway/connections/open"
	APISend       = "robot/groupMessages/send"
	APIQuery      = "robot/groupMessages/query"
	APIRecall     = "robot/groupMessages/recall"
	APIDirect     = "robot/oToMessages/batchSend"
	APIDing       = "robot/ding/send"
	APIMembers    = "im/sceneGroups/members/batchQuery"
	APICard       = "card/instances/createAndDeliver"
	APICardUpdate = "card/instances"
	APIOldToken   = "gettoken"
	APIChat       = "chat/get"
	APIUpload     = "media/upload"
	APIDepartment = "topapi/user/listid"
	APIUser       = "topapi/v2/user/get"
	APIWebhook    = "robot/sendBySession"
	APIUnknown    = "unknown" // whatever DingTalk does not have
)

const (
	tokenHeader    = "x-acs-dingtalk-access-token"
	newAPIPath     = "/v1.0/"
	maxJSONBytes   = 1 << 20
	maxUploadBytes = maxFileBytes + 1<<20 // the file and its multipart frame
)

// family is how an API answers and is called.
type family int

const (
	newAPI  family = iota // HTTP status and {"code","message","requestid"}
	oldAPI                // always 200 and {"errcode","errmsg","request_id"}
	webhook               // as oldAPI, but the URL is the credential
)

// route is one endpoint.
type route struct {
	api     string
	method  string
	family  family
	token   bool   // needs one
	counted bool   // against the month
	secret  bool   // its bodies hold credentials
	file    bool   // its body is multipart, and large
	scope   string // the permission that it needs, where it is known
	handle  func(*Server, *call) (any, *apiError)
}

// routes are the endpoints by path.
func routes() map[string]route {
	const post, get, put = http.MethodPost, http.MethodGet, http.MethodPut
	all := map[string]route{}
	for _, r := range []route{
		{api: APIToken, method: post, secret: true, handle: (*Server).accessToken},
		{api: APIGateway, method: post, secret: true, handle: (*Server).openConnection},
		{api: APISend, method: post, token: true, counted: true, scope: PermissionRobot, handle: (*Server).sendToGroup},
		{api: APIQuery, method: post, token: true, counted: true, scope: PermissionRobot, handle: (*Server).queryReaders},
		{api: APIRecall, method: post, token: true, counted: true, scope: PermissionRobot, handle: (*Server).recallFromGroup},
		{api: APIDirect, method: post, token: true, counted: true, scope: PermissionRobot, handle: (*Server).sendDirect},
		{api: APIDing, method: post, token: true, counted: true, scope: PermissionDing, handle: (*Server).sendDing},
		{api: APIMembers, method: post, token: true, counted: true, scope: PermissionGroups, handle: (*Server).queryMembers},
		{api: APICard, method: post, token: true, counted: true, scope: PermissionCards, handle: (*Server).createCard},
		{api: APICardUpdate, method: put, token: true, counted: true, scope: PermissionCards, handle: (*Server).updateCard},
	} {
		all[newAPIPath+r.api] = r
	}
	for _, r := range []route{
		{api: APIOldToken, method: get, family: oldAPI, secret: true, handle: (*Server).oldToken},
		{api: APIChat, method: get, family: oldAPI, token: true, scope: PermissionChats, handle: (*Server).getChat},
		{api: APIUpload, method: post, family: oldAPI, token: true, file: true, scope: PermissionBase, handle: (*Server).upload},
		{api: APIDepartment, method: post, family: oldAPI, token: true, scope: PermissionContacts, handle: (*Server).listDepartment},
		{api: APIUser, method: post, family: oldAPI, token: true, scope: PermissionContacts, handle: (*Server).getUser},
		{api: APIWebhook, method: post, family: webhook, handle: (*Server).postWebhook},
	} {
		all["/"+r.api] = r
	}
	return all
}

// apiError is a refusal, as the new API (status, code) and the old one (errcode) say it.
type apiError struct {
	status  int
	code    string
	errcode int
	message string
	scope   string // the permission that is missing
}

// refuse is a 400 of the new API.
func refuse(code, message string) *apiError {
	return &apiError{status: http.StatusBadRequest, code: code, errcode: errInvalidParameter, message: message}
}

// refuseOld is an error of the old API.
func refuseOld(errcode int, message string) *apiError {
	return &apiError{status: http.StatusOK, errcode: errcode, message: message}
}

// forbidden is a refusal at the gate.
func forbidden(reason string, errcode int) *apiError {
	return &apiError{status: http.StatusForbidden, code: "Forbidden.AccessDenied." + reason, errcode: errcode, message: "Access denied: " + reason}
}

// call is a request on its way.
type call struct {
	s     *Server
	r     *http.Request
	route route
	body  []byte
	entry Call
	asXML bool // of the gateway
}

func (c *call) violate(format string, args ...any) {
	c.s.journal.violation(c.route.api, fmt.Sprintf(format, args...))
}

// careless notes that a careful client would not have got this error.
func (c *call) careless(err *apiError) *apiError {
	c.violate("%s", err.message)
	return err
}

// invalid is the error for a parameter that cannot be read.
func (c *call) invalid(message string) *apiError {
	return refuse("invalidParameter.param.invalid", message)
}

// reply is what is written back.
type reply struct {
	status      int
	contentType string
	body        []byte
	code        string // for the journal
	drop        bool   // close the connection without an answer
	truncate    bool   // close it in the middle of the answer
}

func (s *Server) serveCall(w http.ResponseWriter, r *http.Request, rt route) {
	began := time.Now()
	c := &call{s: s, r: r, route: rt, entry: Call{At: s.now(), API: rt.api, Method: r.Method}}
	limit := int64(maxJSONBytes)
	if rt.file {
		limit = maxUploadBytes
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, limit))
	c.body = body
	var out reply
	if err != nil {
		out = c.refused(c.careless(c.invalid("the body is too large or was cut off")))
	} else {
		out = s.process(c)
	}
	c.entry.Took, c.entry.Status, c.entry.Code = time.Since(began), out.status, out.code
	if !rt.secret {
		if !rt.file {
			c.entry.Request = cut(body)
		}
		c.entry.Response = cut(out.body)
	}
	if out.drop {
		c.entry.Status, c.entry.Code, c.entry.Response = 0, "", ""
	}
	s.journal.call(c.entry)
	w.Header().Set("Date", s.now().UTC().Format(http.TimeFormat))
	out.write(w)
}

// cut is the text of the first bytes of b.
func cut(b []byte) string {
	if len(b) > maxBodyBytes {
		b = b[:maxBodyBytes]
	}
	return strings.ToValidUTF8(string(b), "")
}

func (out reply) write(w http.ResponseWriter) {
	if out.drop {
		panic(http.ErrAbortHandler)
	}
	w.Header().Set("Content-Type", out.contentType)
	w.Header().Set("Content-Length", strconv.Itoa(len(out.body)))
	w.WriteHeader(out.status)
	if out.truncate {
		_, _ = w.Write(out.body[:len(out.body)/2])
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	}
	_, _ = w.Write(out.body) // the client may be gone
}

// process takes the call through arrival, gate and API; see [FaultKind].
func (s *Server) process(c *call) reply {
	if f := s.faults.take(c.route.api, onArrival); f != nil {
		switch f.Kind {
		case Slow:
			if !c.wait(f.Delay) {
				return reply{drop: true}
			}
		case DropBefore:
			return reply{drop: true}
		case IPBanHTML:
			return reply{status: status(f, http.StatusForbidden), contentType: "text/html; charset=utf-8", body: []byte(`<!doctype html><title>403</title><script src="//g.alicdn.com/sd/punish/index.js"></script>`)}
		case IPBanJSON:
			return reply{status: status(f, http.StatusForbidden), contentType: "application/json", body: []byte(`{"status":1111,"wait":5,"punish":"deny"}`)}
		case HTMLPage:
			return frontPage(status(f, http.StatusServiceUnavailable))
		}
	}
	if err := s.gate(c); err != nil {
		return c.refused(err)
	}
	out := c.answered(s.inside(c))
	if f := s.faults.take(c.route.api, afterwards); f != nil {
		switch f.Kind {
		case DropAfter:
			return reply{drop: true}
		case DoneButError:
			return c.refused(faultError(f, &apiError{status: http.StatusInternalServerError, code: "unknown.send.result", errcode: errSystem, message: "Unknown send result"}))
		case SlowAnswer:
			if !c.wait(f.Delay) {
				return reply{drop: true}
			}
		case TruncatedBody:
			out.truncate = true
		case WrongContentType:
			out.contentType = "text/html; charset=utf-8"
		}
	}
	return out
}

// wait says whether the caller was still there after d.
func (c *call) wait(d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-c.r.Context().Done():
	case <-c.s.ctx.Done():
	}
	return false
}

// gate checks what is the same for every API: method, query, token, permission, throttle and quota.
func (s *Server) gate(c *call) *apiError {
	if c.r.Method != c.route.method {
		if c.route.family == newAPI {
			return c.careless(&apiError{status: http.StatusNotFound, code: "InvalidAction.NotFound", message: "Specified api is not found for this method"})
		}
		code := errNeedPost
		if c.route.method == http.MethodGet {
			code = errNeedGet
		}
		return c.careless(refuseOld(code, "wrong method"))
	}
	if why := queryProblem(c.r.URL.RawQuery); why != "" {
		return c.careless(c.invalid(why))
	}
	if c.route.token {
		token := c.r.URL.Query().Get("access_token")
		if c.route.family == newAPI {
			if token != "" {
				c.violate("the token belongs in a header, not in the URL")
			}
			token = c.r.Header.Get(tokenHeader)
		}
		good, issued := s.tokens.check(token)
		if !good {
			if !issued {
				c.violate("a token that was never issued")
			}
			return &apiError{status: http.StatusBadRequest, code: "InvalidAuthentication", errcode: errBadToken, message: "Invalid access token"}
		}
		c.entry.Caller = s.app.ClientID
	}
	if f := s.faults.take(c.route.api, atGate); f != nil {
		return gateError(f.Kind).missing(c.route.scope)
	}
	if s.limits.lacks(c.route.scope) {
		return gateError(PermissionDenied).missing(c.route.scope)
	}
	if c.route.family != webhook && !s.limits.rate(c.route.api) {
		return gateError(Throttled)
	}
	if c.route.counted {
		if !s.limits.count() {
			return gateError(QuotaSpent)
		}
		c.entry.Counted = true
	}
	return nil
}

// missing names the permission in a refusal for the lack of one, as DingTalk does.
func (e *apiError) missing(scope string) *apiError {
	if e.errcode == errNoPermission && scope != "" {
		e.scope, e.message = scope, "应用尚未开通所需的权限：["+scope+"]"
	}
	return e
}

func gateError(k FaultKind) *apiError {
	switch k {
	case ThrottledPlatform:
		return forbidden("QpsLimitForApi", 90002)
	case ThrottledPerMinute:
		return forbidden("QpmLimitForAppkeyAndApi", 90018)
	case QuotaSpent:
		return forbidden("ApiCountLimitForOrg", 90020)
	case PermissionDenied:
		return forbidden("AccessTokenPermissionDenied", errNoPermission)
	case NotInWhiteList:
		return forbidden("IpNotInWhiteList", 60020)
	default:
		return forbidden("QpsLimitForAppkeyAndApi", 90018)
	}
}

// inside is the API itself, unless a fault stands in for it.
func (s *Server) inside(c *call) (any, *apiError) {
	if f := s.faults.take(c.route.api, inAPI); f != nil {
		if f.Kind == ServerError {
			return nil, &apiError{status: http.StatusInternalServerError, code: "system.error", errcode: errSystem, message: "Unknown system error"}
		}
		return nil, faultError(f, refuse("invalidParameter.param.invalid", "Invalid parameter"))
	}
	return c.route.handle(s, c)
}

// frontPage is a page of the web server in front of DingTalk, as it answers what does not reach an API.
func frontPage(status int) reply {
	title := fmt.Sprintf("%d %s", status, http.StatusText(status))
	more := ""
	if status == http.StatusBadRequest {
		more = "<center>The plain HTTP request was sent to HTTPS port</center>\r\n"
	}
	page := "<html>\r\n<head><title>" + title + "</title></head>\r\n<body>\r\n<center><h1>" + title + "</h1></center>\r\n" + more + "<hr><center>tengine</center>\r\n</body>\r\n</html>\r\n"
	return reply{status: status, contentType: "text/html", body: []byte(page)}
}

// status is the fault's, or else the usual one.
func status(f *Fault, usual int) int {
	if f.Status != 0 {
		return f.Status
	}
	return usual
}

// faultError is the usual error as the fault changes it.
func faultError(f *Fault, usual *apiError) *apiError {
	e := *usual
	e.status = status(f, usual.status)
	if f.Code != "" {
		e.code = f.Code
		if n, err := strconv.Atoi(f.Code); err == nil {
			e.errcode = n
		}
	}
	if f.Message != "" {
		e.message = f.Message
	}
	return &e
}

func (c *call) answered(answer any, err *apiError) reply {
	if err != nil {
		return c.refused(err)
	}
	if fields, ok := answer.(map[string]any); ok && c.route.family != newAPI {
		fields["errcode"], fields["errmsg"], fields["request_id"] = 0, "ok", randomHex(6)
	}
	return c.encoded(http.StatusOK, "", answer)
}

func (c *call) refused(err *apiError) reply {
	if c.route.family == newAPI {
		body := errorBody{Code: err.code, Message: err.message, RequestID: strings.ToUpper(randomHex(16))}
		if err.scope != "" {
			body.Denied = map[string][]string{"requiredScopes": {err.scope}}
		}
		return c.encoded(err.status, err.code, body)
	}
	return c.encoded(http.StatusOK, strconv.Itoa(err.errcode), map[string]any{
		"errcode": err.errcode, "errmsg": err.message, "request_id": randomHex(6),
	})
}

// errorBody is an error of the new API.
type errorBody struct {
	XMLName   xml.Name            `json:"-" xml:"Error"`
	Code      string              `json:"code" xml:"code"`
	Message   string              `json:"message" xml:"message"`
	RequestID string              `json:"requestid" xml:"requestid"`
	Denied    map[string][]string `json:"accessdenieddetail,omitempty" xml:"-"`
}

func (c *call) encoded(status int, code string, v any) reply {
	out := reply{status: status, code: code, contentType: "application/json; charset=utf-8"}
	var err error
	if c.asXML {
		out.contentType = "application/xml; charset=utf-8"
		out.body, err = xml.Marshal(v)
	} else {
		out.body, err = json.Marshal(v)
	}
	if err != nil {
		panic(fmt.Errorf("dingtalktest: an answer of %s cannot be encoded: %w", c.route.api, err))
	}
	return out
}

// serveUnknown answers for an endpoint that DingTalk does not have.
func (s *Server) serveUnknown(w http.ResponseWriter, r *http.Request) {
	fam := oldAPI
	if strings.HasPrefix(r.URL.Path, newAPIPath) {
		fam = newAPI
	}
	s.serveCall(w, r, route{api: APIUnknown, method: r.Method, family: fam, secret: true, handle: func(_ *Server, c *call) (any, *apiError) {
		return nil, c.careless(&apiError{status: http.StatusNotFound, code: "InvalidAction.NotFound", errcode: http.StatusNotFound, message: "no such endpoint: " + cut([]byte(r.URL.Path))})
	}})
}
