package check

import (
	"errors"
	"slices"

	"whoread/receipts/dingtalk"
)

// Places of DingTalk's developer console, as README.md names them, and of its client.
var (
	consoleCredentials = &Place{"Credentials and basic info", "凭证与基础信息"}
	consoleBot         = &Place{"Add capability → Bot", "添加应用能力 → 机器人"}
	consoleCoolApp     = &Place{"Add capability → Cool app", "添加应用能力 → 酷应用"}
	consolePermissions = &Place{"Permissions", "权限管理"}
	consoleEvents      = &Place{"Events and callbacks", "事件与回调"}
	consoleVersions    = &Place{"Version management and publishing", "版本管理与发布"}
	consoleSecurity    = &Place{"Security settings", "安全设置"}
	clientGroupBots    = &Place{"the group's settings → Bots", "群设置 → 机器人"}
)

// remedies say what to do about DingTalk's refusals, and where.
var remedies = map[dingtalk.Kind]struct {
	what  string
	where *Place
}{
	dingtalk.BadCredentials:    {"copy Client ID and Client Secret into dingtalk.client_id and client_secret; if they are right, the app may be one of the other site (dingtalk.site: com or io)", consoleCredentials},
	dingtalk.TokenRejected:     {"see whether dingtalk.oapi_url belongs to the same DingTalk as api_url (leave both out)", nil},
	dingtalk.PermissionDenied:  {"apply for the permission that is named", consolePermissions},
	dingtalk.AddressNotAllowed: {"add the address from which this machine reaches the internet to the app's list", consoleSecurity},
	dingtalk.WrongRobotCode:    {"copy the bot's RobotCode into dingtalk.robot_code; left out, it is the client_id", consoleBot},
	dingtalk.Unavailable:       {"see whether this machine reaches the host (HTTPS_PROXY is respected), and whether dingtalk.site, api_url and oapi_url are right", nil},
	dingtalk.BadAnswer:         {"see whether dingtalk.api_url and oapi_url lead to DingTalk: what answers there is something else", nil},
	dingtalk.Throttled:         {"wait a minute and check again", nil},
	dingtalk.ThrottledMinute:   {"wait a minute and check again", nil},
	dingtalk.IPBanned:          {"DingTalk refuses this address for five minutes, because too many calls came from it: wait and check again", nil},
	dingtalk.QuotaSpent:        {"the organisation's calls of this month are used up: wait for the next month (UTC+8), or have a larger edition", nil},
	dingtalk.GroupInvalid:      {"correct the conversation id in access.groups, members.rosters or follow_up: \"@whoread usage\" in the group says it", nil},
	dingtalk.GroupDisbanded:    {"the group is no more: take it out of the configuration", nil},
	dingtalk.OtherOrganisation: {"the group is another organisation's: take it out of the configuration", nil},
	dingtalk.BotNotInGroup:     {"add the bot to the group, or take the group out of the configuration; if it is in, dingtalk.robot_code is another bot's", clientGroupBots},
	dingtalk.BotStopped:        {"switch the bot on again in the group", clientGroupBots},
	dingtalk.DingQuotaSpent:    {"the organisation has no DINGs of that type left: buy more, or set another type in reminders.ding", nil},
	dingtalk.CoolAppNeeded:     {"copy the code of the cool app that is installed in the group into dingtalk.cool_app_code, or switch on the event im_cool_app_install", consoleCoolApp},
}

const (
	askSupport = "try again; if it stays, ask DingTalk's support with the request id"
	checkAgain = "the fault is DingTalk's own, or on the way from it: check again in a minute"
)

// refusedBy is the finding for a failed call of DingTalk's: wrong, or failed where nobody
// is to blame but the moment.
func refusedBy(id, about string, err error) Finding {
	f := Finding{ID: id, About: about, Status: Wrong, Detail: err.Error(), Remedy: askSupport}
	if remedy, ok := remedies[kindOf(err)]; ok {
		f.Remedy, f.Console = remedy.what, remedy.where
	}
	switch failure, _ := errors.AsType[*dingtalk.Error](err); {
	case failure == nil:
	case failedInside(failure):
		f.Status, f.Remedy = Failed, checkAgain
	case failure.Kind == dingtalk.Throttled, failure.Kind == dingtalk.ThrottledMinute, failure.Kind == dingtalk.Cancelled:
		f.Status = Failed
	}
	return f
}

// triedBy is the finding for a call that DingTalk must refuse, since it names something
// that there is not: right if the answer proves that the app has the permission.
func triedBy(id, about string, err error, granted string) Finding {
	switch kind := kindOf(err); {
	case err == nil, slices.Contains(proving, kind):
		return Finding{ID: id, About: about, Status: Right, Detail: granted}
	case kind == dingtalk.Unknown, kind == dingtalk.BadRequest:
		return Finding{ID: id, About: about, Status: Unknown, Detail: "not known, because this answer does not tell: " + err.Error()}
	default:
		return refusedBy(id, about, err)
	}
}

// proving are the refusals with which DingTalk shows that it has looked for the group, the
// bot or the message, as it does for an app that has the permission.
var proving = []dingtalk.Kind{
	dingtalk.WrongRobotCode, dingtalk.CoolAppNeeded, dingtalk.GroupDisbanded, dingtalk.GroupInvalid, dingtalk.OtherOrganisation,
	dingtalk.BotStopped, dingtalk.BotNotInGroup, dingtalk.NoMemberList, dingtalk.KeyNotQueryable, dingtalk.KeyInvalid, dingtalk.UserNotFound,
}

func kindOf(err error) dingtalk.Kind {
	if failure, ok := errors.AsType[*dingtalk.Error](err); ok {
		return failure.Kind
	}
	return ""
}

// failedInside reports whether DingTalk was reached and gave no answer that can be used.
func failedInside(failure *dingtalk.Error) bool {
	return failure.Kind == dingtalk.Unavailable && failure.HTTPStatus != 0
}

// isBlocking reports whether every other call would fail in the same way.
func isBlocking(failure *dingtalk.Error) bool {
	switch failure.Kind {
	case dingtalk.BadCredentials, dingtalk.TokenRejected, dingtalk.AddressNotAllowed, dingtalk.IPBanned, dingtalk.QuotaSpent:
		return true
	default:
		return failure.Kind == dingtalk.Unavailable && !failedInside(failure)
	}
}
