package dingtalk

import (
	"bytes"
	"cmp"
	"encoding/json"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// kindOfCode maps every documented code, in lower case because DingTalk writes some of them in both ways.
// Misspellings are DingTalk's own; the right spelling stands next to them in case it mends them.
var kindOfCode = map[string]Kind{
	// Limits.
	"forbidden.accessdenied.apicountlimitfororg":     QuotaSpent,
	"forbidden.accessdenied.qpslimitforappkeyandapi": Throttled,
	"forbidden.accessdenied.qpslimitforapi":          Throttled,
	"forbidden.accessdenied.qpmlimitforappkeyandapi": ThrottledMinute,
	"send.too.fast":                 Throttled,
	"toomuch.msg":                   ThrottledMinute, // DINGs: 6,000 a minute and bot
	"send.bytoken.toofast":          Throttled,
	"too.many.group":                Throttled,
	"too.many.people":               Throttled,
	"90002":                         Throttled, // old API: calls of everybody
	"90018":                         Throttled, // old API: calls of this app, a second or a minute
	"90020":                         QuotaSpent,
	"ding.serverquota.insufficient": DingQuotaSpent,
	"130101":                        Throttled, // webhook
	"410100":                        Throttled, // webhook

	// Credentials, token, permissions.
	"invalidclientidorsecret":        BadCredentials,
	"40089":                          BadCredentials,
	"invalidauthentication":          TokenRejected,
	"invalidparameter.token.invalid": TokenRejected,
	"token.notexisted":               TokenRejected,
	"40001":                          TokenRejected,
	"40014":                          TokenRejected,
	"42001":                          TokenRejected,
	"forbidden.accessdenied.accesstokenpermissiondenied": PermissionDenied,
	"unauthorized": PermissionDenied,
	"auth.error":   PermissionDenied,
	"50002":        PermissionDenied, // a person outside the app's contact scope
	"50004":        PermissionDenied, // a department outside the app's contact scope
	"60011":        PermissionDenied,
	"forbidden.accessdenied.ipnotinwhitelist": AddressNotAllowed,
	"ip.not.match": AddressNotAllowed,
	"60020":        AddressNotAllowed,

	// The bot and its group.
	"invalidparameter.robotcode.auth":     WrongRobotCode,
	"invalidparameter.robotcode.invalid":  WrongRobotCode,
	"invalidparameter.robotcode.missing":  WrongRobotCode,
	"invalidparameter.robotcode.empty":    WrongRobotCode,
	"invalid.chatbotid":                   WrongRobotCode,
	"invalidparameter.robotcode.coolapp":  CoolAppNeeded,
	"coolappuninstalled":                  CoolAppNeeded,
	"coolappunexist":                      CoolAppNeeded,
	"coolapppermissiondenied":             CoolAppNeeded,
	"invalidparameter.robotcode.notexsit": BotNotInGroup,
	"invalidparameter.robotcode.notexist": BotNotInGroup,
	"invalidparameter.invalid":            BotNotInGroup, // "the bot corresponding to the token does not exist"
	"resource.not.found":                  BotNotInGroup, // "the bot does not exist"
	"template.not.existed":                BotNotInGroup,
	"400106":                              BotNotInGroup,
	"bot.stopped":                         BotStopped,
	"template.stopped":                    BotStopped,
	"400102":                              BotStopped,
	"group.disbanded":                     GroupDisbanded,
	"400013":                              GroupDisbanded,
	"conversation.org.dismatch":           OtherOrganisation,
	"conversation.org.mismatch":           OtherOrganisation,
	"invalid.openconversationid":          GroupInvalid,
	"openconversationid.notexisted":       GroupInvalid,
	"cidencrypterror":                     GroupInvalid,
	"grouppermissiondenied":               NoMemberList, // a group without a group template
	"grouptemplatepermissiondenied":       NoMemberList, // a group template of another app
	"permession.checkfailed":              NoMemberList, // the group's owner is outside the app's visibility
	"permission.checkfailed":              NoMemberList,
	"bot.forbidden.sendmessage":           SendForbidden,
	"send.forbidden":                      SendForbidden,
	"robot.oto.notexist":                  SendForbidden,
	"chatbotid.notallow.sendoto":          SendForbidden,

	// The message.
	"invalidparameter.msgparam.toolong": TooLong,
	"460101":                            TooLong,
	"40006":                             TooLong, // a file
	"contain.notallowed.text":           TextRefused,
	"contain.unsafe.url":                TextRefused,
	"430101":                            TextRefused,
	"430102":                            TextRefused,
	"430103":                            TextRefused,
	"430104":                            TextRefused,
	"processquerykey.expiretime":        KeyNotQueryable,
	"invalid.processquerykey":           KeyInvalid,
	"300001":                            WebhookExpired, // "the session does not exist"
	"300005":                            WebhookExpired, // its token does not exist
	"310000":                            WebhookExpired, // its security settings refuse what is sent
	"400101":                            WebhookExpired,

	// Cards.
	"param.cardalreadyexist":    CardExists,
	"param.cardnotexist":        CardMissing,
	"param.templatenotexist":    CardTemplate,
	"param.templateunpublished": CardTemplate,
	"param.cardtemplateidempty": CardTemplate,
	"param.contentunsafe":       TextRefused,
	"param.useridnotexist":      UserNotFound,
	"param.openspaceidinvalid":  GroupInvalid,

	// People.
	"33012":              UserNotFound,
	"60121":              UserNotFound,
	"staffid.notexisted": UserNotFound,
	"miss.staffid":       UserNotFound,

	// Parameters.
	"paramillegal":             BadRequest,
	"paramblank":               BadRequest,
	"ding.receivercount.limit": BadRequest, // as SendDing itself refuses too many people
	"40004":                    BadRequest, // a type of media that is not known
	"40005":                    BadRequest, // a type of file that is not taken
	"40035":                    BadRequest,
	"400105":                   BadRequest,

	// Faults inside DingTalk: these leave open what was done.
	"system.error":        Unavailable,
	"systemerror":         Unavailable,
	"system.busy":         Unavailable,
	"unknown.send.result": Unavailable,
	"send.ding.exception": Unavailable, // "sending the DING failed": not documented before or after whom
	"-1":                  Unavailable,
	"15":                  Unavailable, // old API: a service behind its gateway failed
}

// kindOfFamily is for codes of a documented family that are not in kindOfCode.
var kindOfFamily = []struct {
	prefix string
	kind   Kind
}{
	{"forbidden.accessdenied.apicountlimit", QuotaSpent},
	{"forbidden.accessdenied.qps", Throttled},
	{"forbidden.accessdenied.qpm", ThrottledMinute},
	{"forbidden.accessdenied.", PermissionDenied},
	{"invalidparameter.", BadRequest},
	{"missing", BadRequest},
	{"param.", BadRequest}, // of cards
	{"isp.", Unavailable},  // old API: of the provider of the service
}

// envelope holds the fields of every shape in which DingTalk reports a failure.
type envelope struct {
	// new API
	Code      text            `json:"code"`
	Message   text            `json:"message"`
	RequestID text            `json:"requestid"`
	Denied    json.RawMessage `json:"accessdenieddetail"`
	// old API
	ErrCode      text `json:"errcode"`
	ErrMsg       text `json:"errmsg"`
	SubCode      text `json:"sub_code"`
	SubMsg       text `json:"sub_msg"`
	OldRequestID text `json:"request_id"`
	// refused IP address
	Status text `json:"status"`
	Punish text `json:"punish"`
}

// The old API's codes for a refusal by its gateway and for a failure behind it; the reason is in sub_code, or in the message
// alone.
const (
	gatewayCode = "88"
	serviceCode = "15"
)

var subCode = regexp.MustCompile(`subcode=(\d+)`)

func (e envelope) code() string {
	switch {
	case (e.ErrCode == gatewayCode || e.ErrCode == serviceCode) && e.SubCode != "":
		return string(e.SubCode)
	case e.ErrCode == gatewayCode:
		if found := subCode.FindStringSubmatch(string(e.ErrMsg)); found != nil {
			return found[1]
		}
		return gatewayCode
	case e.ErrCode != "" && e.ErrCode != "0":
		return string(e.ErrCode)
	default:
		return string(e.Code)
	}
}

func (e envelope) message() string {
	for _, m := range []text{e.Message, e.SubMsg, e.ErrMsg} {
		if m != "" {
			return string(m)
		}
	}
	return ""
}

// requiredScopes finds the lists in `"requiredScopes":["a","b"]`, `requiredScopes=[a, b]` and `应用尚未开通所需的权限：[a]`.
var (
	requiredScopes = regexp.MustCompile(`(?:requiredScopes"?\s*[=:]|权限[：:])\s*\[([^\[\]]+)\]`)
	scopeName      = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_.-]{1,63}$`)
)

const maxScopes = 10

func (e envelope) scopes(secrets []string) []string {
	var names []string
	for _, where := range []string{string(e.Denied), string(e.Message), string(e.SubMsg), string(e.ErrMsg)} {
		for _, list := range requiredScopes.FindAllStringSubmatch(hide(where, secrets), -1) {
			for name := range strings.SplitSeq(list[1], ",") {
				if name = strings.Trim(name, `" `); scopeName.MatchString(name) {
					names = append(names, name)
				}
			}
		}
	}
	slices.Sort(names)
	names = slices.Compact(names)
	return names[:min(len(names), maxScopes)]
}

// classify gives the meaning of an answer that is not a success. It is the only place where codes are looked at.
// secrets are the values that must not get into the error.
func classify(a api, status int, body []byte, secrets []string) *Error {
	var env envelope
	// What can be decoded is enough: a field of an unexpected type leaves the others filled.
	_ = json.Unmarshal(body, &env)
	code := env.code()
	kind, known := kindOf(code)
	switch {
	case isBan(status, body, env):
		kind, known = IPBanned, true
	case !known:
		kind = kindOfStatus(status, code)
	}
	if status == http.StatusUnauthorized && (kind == Unknown || kind == PermissionDenied) {
		kind = TokenRejected
	}
	switch {
	case a == tokenAPI && kind == TokenRejected:
		kind = BadCredentials
	case a.media && kind == BotNotInGroup:
		kind = MediaRefused // also in a group where the bot's text is taken
	}
	e := &Error{
		API:        a.name,
		Kind:       kind,
		HTTPStatus: status,
		Code:       cleanWord(code, secrets),
		RequestID:  cleanWord(string(firstOf(env.RequestID, env.OldRequestID)), secrets),
		Detail:     cleanText(cmp.Or(env.message(), titleOf(body)), secrets),
	}
	if kind == PermissionDenied {
		e.Scopes = env.scopes(secrets)
	}
	if kind == TooLong {
		e.cause = ErrTooLong
	}
	if a.changes {
		e.uncertain = leavesOpen(a, status, code, kind, known)
	}
	return e
}

// KindOfCode is what a code of DingTalk's means; [Unknown] if this package does not know it.
func KindOfCode(code string) Kind {
	kind, _ := kindOf(code)
	return kind
}

func kindOf(code string) (Kind, bool) {
	code = strings.ToLower(code)
	if kind, ok := kindOfCode[code]; ok {
		return kind, true
	}
	for _, family := range kindOfFamily {
		if strings.HasPrefix(code, family.prefix) {
			return family.kind, true
		}
	}
	return Unknown, false
}

func kindOfStatus(status int, code string) Kind {
	switch {
	case status >= 500, status == http.StatusRequestTimeout:
		return Unavailable
	case status == http.StatusTooManyRequests:
		return Throttled
	case status == http.StatusRequestEntityTooLarge:
		return TooLong
	case status < 300 && code == "":
		return BadAnswer
	default:
		return Unknown
	}
}

// leavesOpen reports whether an answer to a call that changes something does not tell what DingTalk did.
func leavesOpen(a api, status int, code string, kind Kind, known bool) bool {
	switch {
	case kind == IPBanned:
		return false
	case status >= 500, known && kind == Unavailable:
		return true
	case status >= 400, known:
		return false
	default:
		// The old API reports every refusal with HTTP 200; on the new one a 200 should have been a success.
		return !a.old || code == ""
	}
}

// banMarks stand in the pages with which DingTalk refuses an address.
var banMarks = regexp.MustCompile(`(?i)punish|x5sec|_____tmd_____`)

// isBan recognises the refusal of an IP address: {"status":1111,"punish":"deny"}, or a page that says so. Any other page comes
// from a gateway or a proxy and is about one call.
func isBan(status int, body []byte, env envelope) bool {
	if env.Punish == "deny" || env.Status == "1111" {
		return true
	}
	return (status == http.StatusOK || status == http.StatusForbidden) && isPage(body) && banMarks.Match(body)
}

// isPage reports whether an answer is HTML. What it is called does not matter: DingTalk calls JSON text/html too.
func isPage(body []byte) bool {
	body = bytes.TrimSpace(bytes.TrimPrefix(body, []byte("\ufeff")))
	return bytes.HasPrefix(body, []byte("<")) && !bytes.HasPrefix(body, []byte("<?xml"))
}

var title = regexp.MustCompile(`(?i)<title>\s*([^<\s][^<]*)</title>`)

// titleOf is what a page says of itself; empty for any other answer.
func titleOf(body []byte) string {
	if !isPage(body) {
		return ""
	}
	if found := title.FindSubmatch(body); found != nil {
		return string(found[1])
	}
	return "a page of HTML"
}

const (
	maxDetail = 300 // bytes of a message from outside in an error
	maxWord   = 100 // bytes of a code or a request id in an error
)

var (
	anyURL      = regexp.MustCompile(`(?i)[a-z][a-z0-9+.-]*://\S*`)
	anyPassword = regexp.MustCompile(`(?i)(token|session|ticket|secret|password|sign)["']?\s*[=:]\s*["']?[^\s&"',;)]+`)
)

// cleanText makes a message from outside fit for an error: no secrets, no URLs, one line, bounded.
func cleanText(s string, secrets []string) string {
	s = strings.ToValidUTF8(s, "\ufffd")
	s = strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return ' '
	}, s)
	s = hide(s, secrets)
	s = anyURL.ReplaceAllString(s, "(URL)")
	s = anyPassword.ReplaceAllString(s, "$1="+redacted)
	return cut(strings.TrimSpace(s), maxDetail)
}

// cleanWord does the same for what should be a single word.
func cleanWord(s string, secrets []string) string {
	// Before, because mapping changes a secret's punctuation only; after, because mapping may complete one.
	s = strings.Map(func(r rune) rune {
		if r < utf8.RuneSelf && (unicode.IsLetter(r) || unicode.IsDigit(r) || strings.ContainsRune("._-", r)) {
			return r
		}
		return '_'
	}, hide(s, secrets))
	return cut(hide(s, secrets), maxWord)
}

func hide(s string, secrets []string) string {
	for _, secret := range secrets {
		if secret == "" {
			continue
		}
		for _, form := range []string{secret, url.QueryEscape(secret), url.PathEscape(secret)} {
			s = strings.ReplaceAll(s, form, redacted)
		}
	}
	return s
}

// cut shortens s to at most limit bytes, between runes.
func cut(s string, limit int) string {
	if len(s) <= limit {
		return s
	}
	for limit > 0 && !utf8.RuneStart(s[limit]) {
		limit--
	}
	return s[:limit]
}

func firstOf(values ...text) text {
	for _, v := range values {
		if v != "" {
			return v
		}
	}
	return ""
}

// text is a JSON string; numbers and booleans are taken as they are written, because DingTalk's examples and field tables
// disagree about them. Anything else counts as absent.
type text string

// UnmarshalJSON never fails: an error would end the decoding of the fields that follow.
func (t *text) UnmarshalJSON(raw []byte) error {
	var s string
	switch {
	case raw[0] == '"' && bytes.IndexByte(raw, '\\') < 0 && utf8.Valid(raw):
		*t = text(raw[1 : len(raw)-1]) // nothing to decode: a page of members holds a thousand of these
	case json.Unmarshal(raw, &s) == nil:
		*t = text(s)
	case strings.IndexByte("-0123456789tf", raw[0]) >= 0:
		*t = text(raw)
	}
	return nil
}
