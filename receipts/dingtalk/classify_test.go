package dingtalk

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

// Every documented code of the new API, with the HTTP status it comes with.
func TestCodesOfTheNewAPI(t *testing.T) {
	t.Parallel()
	const (
		certain   = false
		uncertain = true
	)
	for _, tt := range []struct {
		status int
		code   string
		kind   Kind
		send   bool // whether a send is uncertain after it
	}{
		// who has read
		{400, "invalidParameter.param.invalid", BadRequest, certain},
		{400, "invalidParameter.robotCode.notExsit", BotNotInGroup, certain},
		{400, "invalidParameter.robotCode.notExist", BotNotInGroup, certain},
		{400, "invalidParameter.robotCode.missing", WrongRobotCode, certain},
		{400, "invalidParameter.processQueryKey.missing", BadRequest, certain},
		{400, "invalidParameter.cursor.invalid", BadRequest, certain},
		{400, "invalidParameter.pageSize.invalid", BadRequest, certain},
		{400, "invalidParameter.invalid", BotNotInGroup, certain},
		{400, "invalidParameter.robotCode.invalid", WrongRobotCode, certain},
		{400, "invalid.openConversationId", GroupInvalid, certain},
		{400, "openConversationId.notExisted", GroupInvalid, certain},
		{400, "invalid.processQueryKey", KeyInvalid, certain},
		{400, "bot.stopped", BotStopped, certain},
		{400, "template.not.existed", BotNotInGroup, certain},
		{400, "template.stopped", BotStopped, certain},
		{400, "processQueryKey.expireTime", KeyNotQueryable, certain},
		{400, "conversation.org.dismatch", OtherOrganisation, certain},
		{400, "conversation.org.mismatch", OtherOrganisation, certain},
		{400, "resource.not.found", BotNotInGroup, certain},
		{400, "unauthorized", PermissionDenied, certain},
		{400, "auth.error", PermissionDenied, certain},
		{500, "system.error", Unavailable, uncertain},
		// sending
		{400, "group.disbanded", GroupDisbanded, certain},
		{400, "invalidParameter.robotCode.auth", WrongRobotCode, certain},
		{400, "invalidParameter.robotCode.coolApp", CoolAppNeeded, certain},
		{400, "invalidParameter.msgParam.tooLong", TooLong, certain},
		{400, "invalidParameter.msgParam.invalid", BadRequest, certain},
		{400, "contain.notAllowed.text", TextRefused, certain},
		{400, "contain.unsafe.url", TextRefused, certain},
		{400, "bot.forbidden.sendMessage", SendForbidden, certain},
		{400, "send.forbidden", SendForbidden, certain},
		{400, "send.too.fast", Throttled, certain},
		{400, "send.byToken.tooFast", Throttled, certain},
		{400, "too.many.group", Throttled, certain},
		{400, "too.many.people", Throttled, certain},
		{400, "unknown.send.result", Unavailable, uncertain},
		{500, "unknown.send.result", Unavailable, uncertain},
		{400, "staffId.notExisted", UserNotFound, certain},
		{400, "robot.oto.notExist", SendForbidden, certain},
		// DINGs
		{400, "ding.serverquota.insufficient", DingQuotaSpent, certain},
		{400, "ding.receivercount.limit", BadRequest, certain},
		{400, "toomuch.msg", ThrottledMinute, certain},
		{400, "invalid.chatbotId", WrongRobotCode, certain},
		{400, "miss.staffId", UserNotFound, certain},
		{400, "send.ding.exception", Unavailable, uncertain},
		// members
		{400, "groupPermissionDenied", NoMemberList, certain},
		{400, "groupTemplatePermissionDenied", NoMemberList, certain},
		{400, "permession.checkFailed", NoMemberList, certain},
		{400, "permission.checkFailed", NoMemberList, certain},
		{400, "coolAppUninstalled", CoolAppNeeded, certain},
		{400, "coolAppUnexist", CoolAppNeeded, certain},
		{400, "coolAppPermissionDenied", CoolAppNeeded, certain},
		{400, "cidEncryptError", GroupInvalid, certain},
		{400, "paramIllegal", BadRequest, certain},
		{400, "paramBlank", BadRequest, certain},
		{400, "systemError", Unavailable, uncertain},
		// cards
		{400, "param.empty", BadRequest, certain},
		{400, "param.outTrackIdEmpty", BadRequest, certain},
		{400, "param.openSpaceIdEmpty", BadRequest, certain},
		{400, "param.openSpaceIdInvalid", GroupInvalid, certain},
		{400, "param.openSpaceModelInvalid", BadRequest, certain},
		{400, "param.openDeliverModelEmpty", BadRequest, certain},
		{400, "param.cardTemplateIdEmpty", CardTemplate, certain},
		{400, "param.templateNotExist", CardTemplate, certain},
		{400, "param.templateUnpublished", CardTemplate, certain},
		{400, "param.cardAlreadyExist", CardExists, certain},
		{400, "param.cardNotExist", CardMissing, certain},
		{400, "param.contentUnsafe", TextRefused, certain},
		{400, "param.userIdNotExist", UserNotFound, certain},
		{400, "param.invalid", BadRequest, certain},
		{400, "MissingStringValue", BadRequest, certain},
		{500, "system.busy", Unavailable, uncertain},
		// everywhere
		{400, "InvalidAuthentication", TokenRejected, certain},
		{401, "InvalidAuthentication", TokenRejected, certain},
		{401, "unauthorized", TokenRejected, certain},
		{401, "", TokenRejected, certain},
		{400, "invalidClientIdOrSecret", BadCredentials, certain},
		{403, "Forbidden.AccessDenied.ApiCountLimitForOrg", QuotaSpent, certain},
		{403, "Forbidden.AccessDenied.QpsLimitForAppkeyAndApi", Throttled, certain},
		{403, "Forbidden.AccessDenied.QpsLimitForApi", Throttled, certain},
		{403, "Forbidden.AccessDenied.QpmLimitForAppkeyAndApi", ThrottledMinute, certain},
		{403, "Forbidden.AccessDenied.QpmLimitForSomethingNew", ThrottledMinute, certain},
		{403, "Forbidden.AccessDenied.AccessTokenPermissionDenied", PermissionDenied, certain},
		{403, "Forbidden.AccessDenied.IpNotInWhiteList", AddressNotAllowed, certain},
		{403, "Forbidden.AccessDenied.SomethingNew", PermissionDenied, certain},
		{400, "MissingrobotCode", BadRequest, certain},
		// no code, or one that nobody knows
		{400, "something.new", Unknown, certain},
		{403, "", Unknown, certain},
		{408, "", Unavailable, certain},
		{413, "", TooLong, certain},
		{429, "", Throttled, certain},
		{502, "", Unavailable, uncertain},
		{503, "something.new", Unavailable, uncertain},
		{503, "send.too.fast", Throttled, uncertain},
		{302, "", Unknown, uncertain},
		{200, "", BadAnswer, uncertain},
		{200, "something.new", Unknown, uncertain},
		{200, "bot.stopped", BotStopped, certain},
		{200, "unknown.send.result", Unavailable, uncertain},
	} {
		t.Run(fmt.Sprintf("%d %s", tt.status, tt.code), func(t *testing.T) {
			t.Parallel()
			body := fmt.Appendf(nil, `{"code":%q,"message":"机器人 message","requestid":"8F3A-1"}`, tt.code)
			got := classify(sendAPI, tt.status, body, nil)
			want(t, got, tt.kind, tt.send)
			if got.Code != tt.code || got.RequestID != "8F3A-1" || got.Detail != "机器人 message" || got.HTTPStatus != tt.status || got.API != "send" {
				t.Errorf("got %+v", *got)
			}
			if got.Retryable() != ((tt.kind == Throttled || tt.kind == Unavailable) && !tt.send) {
				t.Errorf("retryable: %t", got.Retryable())
			}
			if errors.Is(got, ErrTooLong) != (tt.kind == TooLong) {
				t.Error("ErrTooLong and TooLong disagree")
			}
			// A call that only reads leaves nothing open.
			reading := classify(queryAPI, tt.status, body, nil)
			want(t, reading, tt.kind, false)
			if shouting := classify(queryAPI, tt.status, fmt.Appendf(nil, `{"code":%q}`, strings.ToUpper(tt.code)), nil); shouting.Kind != tt.kind {
				t.Errorf("in capitals it is %s", shouting.Kind)
			}
		})
	}
}

// The old API and the session webhooks: HTTP 200 with an errcode.
func TestCodesOfTheOldAPI(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		body      string
		kind      Kind
		code      string
		uncertain bool // for a reply
	}{
		{`{"errcode":90018,"errmsg":"m"}`, Throttled, "90018", false},
		{`{"errcode":"90018","errmsg":"m"}`, Throttled, "90018", false},
		{`{"errcode":90002}`, Throttled, "90002", false},
		{`{"errcode":90020}`, QuotaSpent, "90020", false},
		{`{"errcode":40014}`, TokenRejected, "40014", false},
		{`{"errcode":40001}`, TokenRejected, "40001", false},
		{`{"errcode":42001}`, TokenRejected, "42001", false},
		{`{"errcode":60011}`, PermissionDenied, "60011", false},
		{`{"errcode":50004}`, PermissionDenied, "50004", false},
		{`{"errcode":60020}`, AddressNotAllowed, "60020", false},
		{`{"errcode":60121}`, UserNotFound, "60121", false},
		{`{"errcode":33012}`, UserNotFound, "33012", false},
		{`{"errcode":40035}`, BadRequest, "40035", false},
		{`{"errcode":40004}`, BadRequest, "40004", false},
		{`{"errcode":40005}`, BadRequest, "40005", false},
		{`{"errcode":40006}`, TooLong, "40006", false},
		{`{"errcode":40089}`, BadCredentials, "40089", false},
		{`{"errcode":300001,"errmsg":"session 不存在"}`, WebhookExpired, "300001", false},
		{`{"errcode":130101,"errmsg":"send too fast"}`, Throttled, "130101", false},
		{`{"errcode":410100}`, Throttled, "410100", false},
		{`{"errcode":300005,"errmsg":"token is not exist"}`, WebhookExpired, "300005", false},
		{`{"errcode":310000,"errmsg":"sign not match"}`, WebhookExpired, "310000", false},
		{`{"errcode":430101}`, TextRefused, "430101", false},
		{`{"errcode":460101}`, TooLong, "460101", false},
		{`{"errcode":400013}`, GroupDisbanded, "400013", false},
		{`{"errcode":400102}`, BotStopped, "400102", false},
		{`{"errcode":400106}`, BotNotInGroup, "400106", false},
		{`{"errcode":-1,"errmsg":"系统繁忙"}`, Unavailable, "-1", true},
		{`{"errcode":15,"errmsg":"Remote service error"}`, Unavailable, "15", true},
		{`{"errcode":15,"sub_code":"isp.http-read-timeout","sub_msg":"m"}`, Unavailable, "isp.http-read-timeout", true},
		{`{"errcode":"15","sub_code":"isp.unknown-error"}`, Unavailable, "isp.unknown-error", true},
		{`{"errcode":88,"sub_code":"isp.top-remote-connection-timeout"}`, Unavailable, "isp.top-remote-connection-timeout", true},
		{`{"errcode":15,"sub_code":"60011"}`, PermissionDenied, "60011", false},
		{`{"errcode":15,"sub_code":"isv.something"}`, Unknown, "isv.something", false},
		{`{"errcode":123456}`, Unknown, "123456", false},
		{`{"errcode":88,"sub_code":"40014","sub_msg":"不合法的access_token","errmsg":"ding talk error"}`, TokenRejected, "40014", false},
		{`{"errcode":88,"sub_code":60011}`, PermissionDenied, "60011", false},
		{`{"errcode":88,"errmsg":"ding talk error[subcode=60020,submsg=m]"}`, AddressNotAllowed, "60020", false},
		{`{"errcode":88,"errmsg":"ding talk error"}`, Unknown, "88", false},
		{`{}`, BadAnswer, "", true},
		{`{"errcode":null}`, BadAnswer, "", true},
		{`{"errcode":{}}`, BadAnswer, "", true},
		{`{"errcode":0}`, BadAnswer, "", true}, // judged a success before, unless a part is absent
		{`[]`, BadAnswer, "", true},
		{``, BadAnswer, "", true},
		{`{"errcode":0`, BadAnswer, "", true},
		{`ok`, BadAnswer, "", true},
	} {
		t.Run(tt.body, func(t *testing.T) {
			t.Parallel()
			got := classify(replyAPI, 200, []byte(tt.body), nil)
			want(t, got, tt.kind, tt.uncertain)
			if got.Code != tt.code {
				t.Errorf("code %q, want %q", got.Code, tt.code)
			}
			want(t, classify(userAPI, 200, []byte(tt.body), nil), tt.kind, false)
		})
	}
}

// A ban is what says so; every other page is judged by its status.
func TestTheRefusalOfAnAddressIsRecognised(t *testing.T) {
	t.Parallel()
	const (
		plain     = "<html>\r\n<head><title>400 The plain HTTP request was sent to HTTPS port</title></head>"
		forbidden = `<!DOCTYPE HTML PUBLIC "-//IETF//DTD HTML 2.0//EN"><html><h1>403 Forbidden</h1>You don't have permission to access the URL on this server.`
		punish    = `<html><script src="//host:443/_____tmd_____/punish?x5secdata=xb1"></script>`
	)
	for _, tt := range []struct {
		status int
		body   string
		kind   Kind
		detail string
	}{
		{200, `{"status":1111,"wait":5,"source":"x","punish":"deny","uuid":"y"}`, IPBanned, ""},
		{403, `{"status":"1111","wait":5}`, IPBanned, ""},
		{403, punish, IPBanned, "a page of HTML"},
		{200, "\n <!DOCTYPE html>" + punish, IPBanned, "a page of HTML"},
		{200, "\ufeff<html>PUNISH", IPBanned, "a page of HTML"},
		{403, "<html><title>Denied</title>x5sec", IPBanned, "Denied"},

		{200, "<html>Log in to the network", BadAnswer, "a page of HTML"},
		{302, "<html>", Unknown, "a page of HTML"},
		{400, plain, Unknown, "400 The plain HTTP request was sent to HTTPS port"},
		{401, "<html>", TokenRejected, "a page of HTML"},
		{403, forbidden, Unknown, "a page of HTML"},
		{403, "<html><title> \n</title>", Unknown, "a page of HTML"},
		{404, "<html>", Unknown, "a page of HTML"},
		{405, "<html><title>405</title>", Unknown, "405"},
		{405, "<script>punish</script>", Unknown, "a page of HTML"},
		{407, "<html>", Unknown, "a page of HTML"},
		{408, "<html>", Unavailable, "a page of HTML"},
		{413, "<html><title>413 Request Entity Too Large</title>", TooLong, "413 Request Entity Too Large"},
		{414, "<html><TITLE>414 Request-URI Too Large</TITLE>", Unknown, "414 Request-URI Too Large"},
		{429, "<html>", Throttled, "a page of HTML"},
		{500, "<html>", Unavailable, "a page of HTML"},
		{502, "<html><title>502 Bad Gateway</title>", Unavailable, "502 Bad Gateway"},
		{503, "<html>punish", Unavailable, "a page of HTML"},

		{400, `<?xml version="1.0"?><error/>`, Unknown, ""},
		{403, `{"message":"no punish"}`, Unknown, "no punish"},
		{200, `{"status":1,"punish":"allow"}`, BadAnswer, ""},
	} {
		got := classify(queryAPI, tt.status, []byte(tt.body), nil)
		if got.Kind != tt.kind || got.Detail != tt.detail {
			t.Errorf("%d %q: got %s, %q; want %s, %q", tt.status, tt.body, got.Kind, got.Detail, tt.kind, tt.detail)
		}
		if got.Kind == IPBanned && classify(sendAPI, tt.status, []byte(tt.body), nil).Uncertain() {
			t.Errorf("%d %q: a refusal is certain", tt.status, tt.body)
		}
	}
}

// Where the bot's text is taken, a file may be refused as if the bot were not there.
func TestARefusedFileSaysNothingOfTheBot(t *testing.T) {
	t.Parallel()
	for _, a := range []api{sendAPI, directAPI} {
		for _, tt := range []struct {
			message Message
			code    string
			kind    Kind
		}{
			{File("@m", "1.xlsx", "xlsx"), "resource.not.found", MediaRefused},
			{Image("@m"), "resource.not.found", MediaRefused},
			{File("@m", "1.xlsx", "xlsx"), "invalidParameter.robotCode.notExsit", MediaRefused},
			{File("@m", "1.xlsx", "xlsx"), "bot.stopped", BotStopped},
			{Markdown("t", "x"), "resource.not.found", BotNotInGroup},
		} {
			got := classify(tt.message.by(a), 400, fmt.Appendf(nil, `{"code":%q,"message":"robot 不存在"}`, tt.code), nil)
			if got.Kind != tt.kind || got.Uncertain() || got.Retryable() {
				t.Errorf("%s of %s: %v", tt.code, tt.message.Key, got)
			}
		}
	}
}

func TestMissingPermissionsAreNamed(t *testing.T) {
	t.Parallel()
	const code = `"code":"Forbidden.AccessDenied.AccessTokenPermissionDenied"`
	for _, tt := range []struct {
		name, body string
		want       []string
	}{
		{"detail", `{` + code + `,"accessdenieddetail":{"requiredScopes":["qyapi_robot_sendmsg","Contact.User.Read"]}}`, []string{"Contact.User.Read", "qyapi_robot_sendmsg"}},
		{"message", `{` + code + `,"message":"应用尚未开通所需的权限：[qyapi_chat_manage]，点击链接申请并开通即可：https://open-dev.dingtalk.com/appscope/apply?content=x%23y"}`, []string{"qyapi_chat_manage"}},
		{"old", `{"errcode":88,"sub_code":"60011","errmsg":"ding talk error[subcode=60011,submsg=权限不足, {requiredScopes=[qyapi_get_member, qyapi_base]}]"}`, []string{"qyapi_base", "qyapi_get_member"}},
		{"twice", `{` + code + `,"message":"权限：[a_scope]","accessdenieddetail":{"requiredScopes":["a_scope"]}}`, []string{"a_scope"}},
		{"beside other words", `{` + code + `,"message":"权限：[see https://x?a=b, two words, good_scope]"}`, []string{"good_scope"}},
		{"beside a secret", `{` + code + `,"message":"权限：[` + testSecret + `]，权限：[good_scope]"}`, []string{"good_scope"}},
		{"none", `{` + code + `,"message":"没有调用该接口的权限"}`, nil},
		{"of an odd type", `{` + code + `,"accessdenieddetail":"requiredScopes"}`, nil},
		{"of another kind", `{"code":"bot.stopped","message":"权限：[a_scope]"}`, nil},
	} {
		if diff := cmp.Diff(tt.want, classify(queryAPI, 403, []byte(tt.body), []string{testSecret}).Scopes); diff != "" {
			t.Errorf("%s: %s", tt.name, diff)
		}
	}
}

func TestWordsFromOutsideAreCleaned(t *testing.T) {
	t.Parallel()
	secrets := []string{testSecret, "acc3ss-t0ken-1-x", testSession}
	long := strings.Repeat("读", 1000)
	for _, tt := range []struct{ name, in, want string }{
		{"plain", "机器人已停用", "机器人已停用"},
		{"client secret", "bad secret " + testSecret + "!", "bad secret " + redacted + "!"},
		{"escaped", "q=c1ient-S3CRET-value%2B%2F%3D", "q=" + redacted},
		{"address", "see https://oapi.dingtalk.com/robot/sendBySession?session=other, please", "see (URL) please"},
		{"address without a scheme", "oapi/robot?access_token=othertoken&x=1", "oapi/robot?access_token=" + redacted + "&x=1"},
		{"lines and directions", "a\r\nb\u202ec\x00d", "a  b c d"},
		{"not UTF-8", "a\xffb", "a\ufffdb"},
		{"long", long, strings.Repeat("读", 100)},
		{"long, at a boundary inside a rune", "a" + long, "a" + strings.Repeat("读", 99)},
		{"a secret at the cut", strings.Repeat("x", maxDetail-5) + testSecret, strings.Repeat("x", maxDetail-5) + redacted[:5]},
	} {
		if got := cleanText(tt.in, secrets); got != tt.want {
			t.Errorf("%s: got %q, want %q", tt.name, got, tt.want)
		}
	}
	for in, want := range map[string]string{
		"bot.stopped":             "bot.stopped",
		"a b\nc/ü":                "a_b_c__",
		testSecret:                "_secret_",
		strings.Repeat("a", 5000): strings.Repeat("a", maxWord),
	} {
		if got := cleanWord(in, secrets); got != want {
			t.Errorf("word %.20q: got %q, want %q", in, got, want)
		}
	}
}

func FuzzClassify(f *testing.F) {
	for _, body := range []string{
		`{"code":"bot.stopped","message":"m","requestid":"r"}`,
		`{"code":"c1ient-S3CRET-value+/=","message":"c1ient-S3CRET-value+/=","requestid":"c1ient-S3CRET-value+/="}`,
		`{"errcode":88,"errmsg":"ding talk error[subcode=40014,submsg=c1ient-S3CRET-value%2B%2F%3D]"}`,
		`{"code":"Forbidden.AccessDenied.X","accessdenieddetail":{"requiredScopes":["acc3ss-t0ken-1-x"]}}`,
		`{"status":1111,"punish":"deny"}`, `<html>`, `[1`, "\xff",
	} {
		f.Add(400, []byte(body))
	}
	secrets := []string{testSecret, tokenValue(1), testSession}
	f.Fuzz(func(t *testing.T, status int, body []byte) {
		for _, a := range append(limitedAPIs(), replyAPI, tokenAPI) {
			e := classify(a, status, body, secrets)
			if e.Kind == "" || e.API != a.name {
				t.Fatalf("%+v", *e)
			}
			if e.Uncertain() && (!a.changes || e.Retryable()) {
				t.Fatalf("uncertain: %+v", *e)
			}
			if len(e.Detail) > maxDetail || len(e.Code) > maxWord || !utf8.ValidString(e.Error()) || strings.ContainsAny(e.Error(), "\r\n") {
				t.Fatalf("unfit for a log: %q", e.Error())
			}
			for _, secret := range secrets {
				if strings.Contains(fmt.Sprintf("%v %+v", e, *e), secret) {
					t.Fatalf("gives %q away: %+v", secret, *e)
				}
			}
		}
	})
}

func TestTextTakesWhatDingTalkWrites(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]text{
		`"0"`: "0", `0`: "0", `-1`: "-1", `true`: "true", `""`: "", `null`: "", `{}`: "", `["x"]`: "",
		`"李\u96f7 \"x\" 😀"`: `李雷 "x" 😀`, "\"a\xffb\"": "a\ufffdb",
	} {
		var got text
		if err := json.Unmarshal([]byte(in), &got); err != nil || got != want {
			t.Errorf("%s: got %q, %v; want %q", in, got, err, want)
		}
	}
}
