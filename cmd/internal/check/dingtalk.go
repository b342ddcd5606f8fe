package check

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"go.uber.org/zap"

	"whoread/bot"
	"whoread/bot/stream"
	"whoread/cmd/internal/app"
	"whoread/receipts"
	"whoread/receipts/dingtalk"
	"whoread/receipts/dingtalk/budget"
)

// What is named in calls that must do nothing: DingTalk knows none of it.
const (
	unknownGroup   = "cidWhoreadCheckNoSuchGroup=="
	unknownMessage = "whoread-check-no-such-message"
	unknownUserID  = "whoread-check-no-such-user"
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

// clockSkew is how far DingTalk's clock is ahead of this machine's, as the answer that
// came back fastest shows it.
type clockSkew struct {
	mu    sync.Mutex
	known bool
	ahead time.Duration
	took  time.Duration
}

func (s *clockSkew) observe(call dingtalk.Call) {
	if call.Date.IsZero() {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.known || call.Took < s.took {
		// The answer left about half the time ago, in the second that it names.
		sent := time.Now().Add(-call.Took / 2).Add(-time.Second / 2)
		s.known, s.took, s.ahead = true, call.Took, call.Date.Sub(sent)
	}
}

// How far apart the clocks may be. A read is dated by DingTalk and a message by this
// machine: by them the bot knows whether DingTalk has no data yet or no more.
const (
	skewWarning = time.Minute
	skewHarmful = 5 * time.Minute
)

// checkDingTalk looks whether DingTalk lets the app do what the configuration needs.
func (i *checker) checkDingTalk(ctx context.Context) {
	coolApp := func(context.Context, string) string { return i.config.DingTalk.CoolAppCode }
	if i.records != nil {
		coolApp = (&bot.CoolApps{Records: i.records, Configured: i.config.DingTalk.CoolAppCode, Log: zap.NewNop()}).Code
		i.counter = budget.NewCounter(i.records, time.Now, zap.NewNop())
	}
	var counting sync.Mutex
	client, err := app.NewClient(i.config, app.DefaultEnv(""), zap.NewNop(), coolApp, func(call dingtalk.Call) {
		i.skew.observe(call)
		counting.Lock()
		defer counting.Unlock()
		if call.Counted {
			i.report.CountedCalls++
		}
		if i.counter != nil {
			i.counter.Observe(call)
		}
	}, nil, nil, nil)
	if err != nil {
		i.report.add(Finding{ID: "token", Status: Wrong, Detail: err.Error(), Remedy: "correct dingtalk.api_url and oapi_url"})
	} else {
		i.client = client
		err = i.try(ctx, func(ctx context.Context) error { return client.CheckToken(ctx) })
		if err != nil {
			i.report.add(refusedBy("token", "", err))
		} else {
			i.report.ok("token", "DingTalk accepts the credentials")
		}
	}
	i.checkClock()
	if err != nil {
		i.report.notChecked("it needs the token", "permission-robot", "permission-recall", "permission-groups", "permission-contacts", "permission-upload", "gateway")
		return
	}
	i.checkRobot(ctx)
	i.checkMembers(ctx)
	i.checkContacts(ctx)
	i.checkUpload(ctx)
	i.checkReminding(ctx)
	i.checkGateway(ctx)
}

func (i *checker) checkClock() {
	i.skew.mu.Lock()
	defer i.skew.mu.Unlock()
	ahead := i.skew.ahead.Round(time.Second)
	f := Finding{ID: "clock", Status: Right, Detail: fmt.Sprintf("%s from DingTalk's", ahead.Abs())}
	switch {
	case !i.skew.known:
		i.report.notChecked("DingTalk did not answer", "clock")
		return
	case ahead.Abs() >= skewHarmful:
		f.Status = Wrong
	case ahead.Abs() > skewWarning:
		f.Status = Doubtful
	}
	if f.Status != Right {
		how := "behind"
		if ahead < 0 {
			how = "ahead of"
		}
		f.Detail = fmt.Sprintf("this machine's clock is %s %s DingTalk's: the ages of messages, times of reads, deadlines and the month's budget are wrong by that", ahead.Abs(), how)
		f.Remedy = "set the clock by the network: timedatectl set-ntp true, chrony or ntpd"
	}
	i.report.add(f)
}

// try makes a call within its time, unless DingTalk is known to answer nothing.
func (i *checker) try(ctx context.Context, call func(context.Context) error) error {
	if i.blocked != nil {
		return i.blocked
	}
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	err := call(ctx)
	if failure, ok := errors.AsType[*dingtalk.Error](err); ok && isBlocking(failure) {
		i.blocked = failure
	}
	return err
}

// skip says that something is not checked because DingTalk answers nothing any more,
// if so.
func (i *checker) skip(ids ...string) bool {
	if i.blocked == nil {
		return false
	}
	i.report.notChecked("after this refusal the next would be the same: "+string(i.blocked.Kind), ids...)
	return true
}

// groups are the groups of the configuration, in a fixed order; further is how many of
// them are not looked at.
func (i *checker) groups() (all []string, further int) {
	all = slices.Concat(i.config.Access.Groups, slices.Sorted(maps.Keys(i.config.Members.Rosters)), slices.Sorted(maps.Keys(i.config.FollowUp)))
	seen := map[string]bool{"*": true}
	all = slices.DeleteFunc(all, func(group string) bool {
		again := seen[group]
		seen[group] = true
		return again
	})
	if !i.all && len(all) > MaxGroups {
		return all[:MaxGroups], len(all) - MaxGroups
	}
	return all, 0
}

// nameOf is how a group of the configuration is shown.
func (i *checker) nameOf(group string) string {
	if name := i.config.Members.Rosters[group].Name; name != "" {
		return group + " (" + name + ")"
	}
	return group
}

// checkRobot asks who has read a message that there is not, in each group, which shows
// whether the app may ask, and whether the bot is in the group; and has that message
// taken back, once.
func (i *checker) checkRobot(ctx context.Context) {
	groups, further := i.groups()
	asked := groups
	if len(asked) == 0 {
		asked = []string{unknownGroup}
	}
	permission, robot := Finding{Status: Unknown}, Finding{ID: "robot-code", Status: Unknown}
	var each []Finding
	for _, group := range asked {
		err := i.try(ctx, func(ctx context.Context) error {
			_, err := i.client.QueryReaders(ctx, group, unknownMessage, "")
			return err
		})
		if permission.Status != Right { // the first answer that proves it counts, or else the last one
			permission = triedBy("permission-robot", "", err, "qyapi_robot_sendmsg: the app may ask who has read; posting needs the same, and is not tried")
		}
		switch kind := kindOf(err); {
		case kind == dingtalk.WrongRobotCode:
			robot = refusedBy(robot.ID, i.config.DingTalk.RobotCode, err)
		case err == nil, kind == dingtalk.KeyInvalid, kind == dingtalk.KeyNotQueryable:
			robot.Status = Right
			each = append(each, Finding{ID: "group", About: i.nameOf(group), Status: Right, Detail: "the bot is in it"})
		case slices.Contains(proving, kind):
			each = append(each, refusedBy("group", i.nameOf(group), err))
		default:
			each = append(each, triedBy("group", i.nameOf(group), err, ""))
		}
		if permission.Status == Wrong || robot.Status == Wrong || i.blocked != nil {
			break // it would be the same in the other groups
		}
	}
	if permission.Status != Right {
		permission.Detail += " (without the permission qyapi_robot_sendmsg the bot can neither post nor ask who has read)"
	}
	i.report.add(permission)
	if permission.Status != Right {
		if !i.skip("robot-code", "permission-recall", "group") {
			i.report.notChecked("it needs that permission", "robot-code", "permission-recall", "group")
		}
		return
	}
	switch robot.Status {
	case Right:
		robot.Detail = i.config.DingTalk.RobotCode + " is the bot of these groups"
	case Unknown:
		robot.Detail = "not known: only a group of the configuration in which the bot is can tell whether " + i.config.DingTalk.RobotCode + " is its code"
	}
	i.report.add(robot)
	i.checkRecall(ctx, asked[0])
	if len(groups) == 0 {
		i.report.add(Finding{ID: "group", Status: Unknown, Detail: "no group is in the configuration: the bot works in all of them, and none is looked at"})
		return
	}
	for _, f := range each {
		i.report.add(f)
	}
	if further > 0 {
		i.report.add(Finding{ID: "group", Status: Unknown, Detail: fmt.Sprintf("%d more groups are not looked at; --all looks at them", further)})
	}
}

func (i *checker) checkRecall(ctx context.Context, group string) {
	if i.skip("permission-recall") {
		return
	}
	err := i.try(ctx, func(ctx context.Context) error {
		_, err := i.client.RecallGroup(ctx, group, unknownMessage)
		return err
	})
	i.report.add(triedBy("permission-recall", "", err, "qyapi_robot_sendmsg: the app may take messages back"))
}

// checkMembers looks for the members of each group as the bot does.
func (i *checker) checkMembers(ctx context.Context) {
	if i.skip("permission-groups", "members") {
		return
	}
	platform := &bot.Platform{Client: i.client, Now: time.Now}
	sources := platform.MemberSources(i.config.RosterOptions())
	if i.records != nil {
		sources = append(sources, receipts.LearnedMembers{Records: i.records, Now: time.Now})
	}
	sources = app.ChosenSources(i.config.Members.Source, sources)
	groups, _ := i.groups()
	tried := map[receipts.Source]error{} // the permissions, by source
	var each []Finding
	for _, group := range groups {
		if i.blocked == nil {
			each = append(each, i.members(ctx, group, sources, tried))
		}
	}
	if _, asked := tried[receipts.SceneGroup]; !asked && i.blocked == nil && slices.Contains([]string{"auto", "scene"}, i.config.Members.Source) {
		tried[receipts.SceneGroup] = i.try(ctx, func(ctx context.Context) error {
			_, err := i.client.GroupMembers(ctx, unknownGroup, "")
			return err
		})
	}
	i.addPermission("permission-groups", "qyapi_chat_manage: the app may ask for the members of groups", receipts.SceneGroup, tried, each)
	i.addPermission("permission-chats", "qyapi_chat_read: the app may ask for the members of its chats", receipts.Chat, tried, each)
	for _, f := range each {
		i.report.add(f)
	}
	if len(each) < len(groups) {
		i.skip("members")
	}
}

// addPermission says whether the app may ask a source of members. It may do without, if
// every group has another that is as good.
func (i *checker) addPermission(id, granted string, source receipts.Source, tried map[receipts.Source]error, members []Finding) {
	err, asked := tried[source]
	if !asked {
		return
	}
	f := triedBy(id, "", err, granted)
	if kindOf(err) == dingtalk.PermissionDenied && len(members) > 0 && !slices.ContainsFunc(members, func(f Finding) bool { return f.Status != Right }) {
		f.Status, f.Detail = Doubtful, f.Detail+"; every configured group does without"
	}
	i.report.add(f)
}

// provesMore reports whether an answer of a source of members says more of its permission
// than the one before.
func provesMore(err, before error) bool {
	switch kind := kindOf(before); {
	case kind == dingtalk.PermissionDenied:
		return false
	case before == nil, slices.Contains(proving, kind):
		return kindOf(err) == dingtalk.PermissionDenied
	default:
		return true
	}
}

// members asks each source in turn who is in the group.
func (i *checker) members(ctx context.Context, group string, sources []receipts.MemberSource, tried map[receipts.Source]error) Finding {
	var reasons []string
	f := Finding{ID: "members", About: i.nameOf(group)}
	for _, source := range sources {
		var members receipts.Members
		err := i.try(ctx, func(ctx context.Context) (err error) {
			members, _, err = source.Members(ctx, group, receipts.Rights{})
			return err
		})
		if kindOf(err) != "" || err == nil { // it was asked: otherwise nothing is configured for it
			if before, asked := tried[source.Source()]; !asked || provesMore(err, before) {
				tried[source.Source()] = err
			}
		}
		if errors.Is(err, receipts.ErrNoMemberList) {
			if kindOf(err) != "" {
				reasons = append(reasons, err.Error())
			}
			continue
		}
		if err != nil {
			f = refusedBy(f.ID, f.About, err)
			if kind := kindOf(err); kind != dingtalk.Unknown && kind != dingtalk.BadRequest && kind != dingtalk.PermissionDenied {
				return f // what is configured is not the reason
			}
			switch source.Source() {
			case receipts.Chat:
				f.Remedy, f.Console = "correct the chat_id in members.rosters: DingTalk tells only of chats that this app itself created", nil
			case receipts.Roster:
				f.Remedy, f.Console = "correct the departments in members.rosters (DingTalk's dept_id)", nil
			}
			return f
		}
		people := len(members.Without(i.config.Members.Exclude).UserIDs)
		f.Status, f.Detail = Right, fmt.Sprintf("%d people, %s", people, trustOf[source.Source()])
		if members.Outsiders > 0 {
			f.Detail += fmt.Sprintf(", and %d from outside who can't be followed", members.Outsiders)
		}
		if members.Source == receipts.Learned {
			f.Status, f.Remedy = Doubtful, i.rosterRemedy()
			f.Detail += "; nobody lists them: " + strings.Join(reasons, "; ")
		} else if people == 0 {
			f.Status, f.Remedy = Doubtful, "see whether the roster names the right departments, and members.exclude not everybody"
		}
		return f
	}
	f.Status, f.Remedy = Doubtful, i.rosterRemedy()
	f.Detail = "no list, and nobody is known yet; the bot will learn them as they speak, join and read: " + strings.Join(reasons, "; ")
	if i.config.Members.Source != "auto" && i.config.Members.Source != "learned" {
		f.Status, f.Detail = Wrong, "members.source is "+i.config.Members.Source+", and it has no list: "+strings.Join(reasons, "; ")
	}
	return f
}

// rosterRemedy is what to do where nobody lists the members of a group.
func (i *checker) rosterRemedy() string {
	const remedy = "write its people or departments into members.rosters, or install the group cool app and set dingtalk.cool_app_code"
	if source := i.config.Members.Source; source != "auto" {
		return remedy + "; members.source must be auto, or name that source, instead of " + source
	}
	return remedy
}

// trustOf are the sources of members, with how far each can be trusted.
var trustOf = map[receipts.Source]string{
	receipts.SceneGroup: "all of them, as DingTalk lists them",
	receipts.Chat:       "all of the chat, as DingTalk lists them",
	receipts.Roster:     "those of the roster, which is as complete as it is kept",
	receipts.Learned:    "learned over time, maybe not all",
}

// configuredPeople are the userIds of the configuration, each with the keys that name it.
func (i *checker) configuredPeople() map[string][]string {
	people := map[string][]string{}
	note := func(key string, ids []string) {
		for _, id := range ids {
			if !slices.Contains(people[id], key) {
				people[id] = append(people[id], key)
			}
		}
	}
	note("access.admins", i.config.Access.Admins)
	note("members.exclude", i.config.Members.Exclude)
	for _, roster := range i.config.Members.Rosters {
		note("members.rosters", roster.Users)
	}
	for _, followUp := range i.config.FollowUp {
		note("follow_up", followUp.Tell)
	}
	return people
}

// Codes of the old API for what lies outside the part of the contacts that the app may
// see.
const (
	personOutOfScope     = "50002"
	departmentOutOfScope = "50004"
)

const scopeRemedy = "widen the part of the contacts that the app may see"

// checkContacts looks whether the people and departments of the configuration exist, and
// the app may see them.
func (i *checker) checkContacts(ctx context.Context) {
	if i.skip("permission-contacts") {
		return
	}
	people := i.configuredPeople()
	ids := slices.Sorted(maps.Keys(people))
	further := 0
	if !i.all && len(ids) > MaxPeople {
		ids, further = ids[:MaxPeople], len(ids)-MaxPeople
	}
	asked := ids
	if len(asked) == 0 {
		asked = []string{unknownUserID}
	}
	var bad []Finding
	var ended *Finding // why no more of them could be asked for
	good := 0
	for _, id := range asked {
		err := i.try(ctx, func(ctx context.Context) error {
			_, err := i.client.UserName(ctx, id)
			return err
		})
		failure, _ := errors.AsType[*dingtalk.Error](err)
		switch {
		case err == nil:
			good++
			continue
		case failure.Kind == dingtalk.UserNotFound && id != unknownUserID:
			bad = append(bad, Finding{
				ID: "user", About: id, Status: Wrong, Detail: "DingTalk knows no such person; in " + strings.Join(people[id], ", "),
				Remedy: "correct the userId (the admin console's contacts, 通讯录, show it as 员工 UserID), or take it out",
			})
			continue
		case failure.Kind == dingtalk.UserNotFound:
			continue
		case failure.Code == personOutOfScope:
			f := refusedBy("user", id, err)
			f.Remedy = scopeRemedy
			bad = append(bad, f)
			continue
		case id == unknownUserID:
			f := triedBy("permission-contacts", "", err, "")
			ended = &f
		default:
			f := refusedBy("permission-contacts", "", err)
			ended = &f
		}
		break
	}
	looked := good + len(bad)
	if ended == nil || looked > 0 {
		i.report.ok("permission-contacts", "qyapi_get_member: the app may ask who people are")
	}
	if ended != nil && looked > 0 {
		ended.ID, ended.Detail = "user", fmt.Sprintf("only %d of %d people were looked at: %s", looked, len(ids), ended.Detail)
	}
	if ended != nil {
		bad = append(bad, *ended)
	}
	for _, f := range bad {
		i.report.add(f)
	}
	if good > 0 {
		i.report.ok("user", "%d people of the configuration exist", good)
	}
	if further > 0 {
		i.report.add(Finding{ID: "user", Status: Unknown, Detail: fmt.Sprintf("%d more people are not looked at; --all looks at them", further)})
	}
	i.checkDepartments(ctx)
}

func (i *checker) checkDepartments(ctx context.Context) {
	departments := map[int64]bool{}
	for _, roster := range i.config.Members.Rosters {
		for _, id := range roster.Departments {
			departments[id] = true
		}
	}
	for _, id := range slices.Sorted(maps.Keys(departments)) {
		if i.skip("department") {
			return
		}
		var people []string
		err := i.try(ctx, func(ctx context.Context) (err error) {
			people, err = i.client.DepartmentUserIDs(ctx, id)
			return err
		})
		if err == nil {
			i.report.add(Finding{ID: "department", About: fmt.Sprint(id), Status: Right, Detail: fmt.Sprintf("%d people, without sub-departments", len(people))})
			continue
		}
		f := refusedBy("department", fmt.Sprint(id), err)
		failure, _ := errors.AsType[*dingtalk.Error](err)
		switch {
		case failure.Code == departmentOutOfScope:
			f.Remedy = scopeRemedy
		case failure.Kind == dingtalk.Unknown, failure.Kind == dingtalk.BadRequest:
			f.Remedy = "correct the dept_id in members.rosters: DingTalk knows no such department"
		}
		i.report.add(f)
	}
}

// onePixel is a picture of one white pixel, a GIF.
var onePixel = []byte("GIF89a\x01\x00\x01\x00\x80\x00\x00\xff\xff\xff\x00\x00\x00,\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x02D\x01\x00;")

// checkUpload uploads a picture of one pixel, which nobody sees and which is not counted:
// charts and exports need it.
func (i *checker) checkUpload(ctx context.Context) {
	if i.skip("permission-upload") {
		return
	}
	err := i.try(ctx, func(ctx context.Context) error {
		_, err := i.client.UploadMedia(ctx, dingtalk.MediaImage, "whoread-check.gif", onePixel)
		return err
	})
	if err != nil {
		f := refusedBy("permission-upload", "", err)
		f.Detail += " (chart and export need it)"
		i.report.add(f)
		return
	}
	i.report.ok("permission-upload", "pictures and files can be uploaded, for chart and export")
}

// checkReminding looks whether the app may write to people in private and send DINGs, if
// the configuration has it do so.
func (i *checker) checkReminding(ctx context.Context) {
	channels := []receipts.Channel{i.config.Reminders.By}
	direct := i.config.Reports.To == "direct"
	for _, followUp := range i.config.FollowUp {
		channels = append(channels, followUp.By...)
		direct = direct || len(followUp.Tell) > 0
	}
	if direct || slices.Contains(channels, receipts.InPrivate) {
		i.checkTrial(ctx, "permission-direct", "qyapi_robot_sendmsg: the app may write to people in private", i.client.TryDirect)
	}
	if slices.Contains(channels, receipts.Ding) {
		i.checkTrial(ctx, "permission-ding", "Premium.Ding.Write: the app may send DINGs; whether any are left, only a real one would tell", i.client.TryDing)
	}
}

func (i *checker) checkTrial(ctx context.Context, id, granted string, trial func(context.Context) error) {
	if i.skip(id) {
		return
	}
	switch err := i.try(ctx, trial); {
	case err == nil:
		i.report.ok(id, "%s", granted)
	case errors.Is(err, dingtalk.ErrNotTold):
		i.report.notChecked("only a real message would tell: "+err.Error(), id)
	default:
		i.report.add(refusedBy(id, "", err))
	}
}

// unusedTopic is subscribed by the check instead of the bot's own topic, so that
// no command of a running bot is pushed to it. It is that of card buttons, which
// whoread has none of.
const unusedTopic = "/v1.0/card/instances/callback"

func (i *checker) checkGateway(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	err := stream.CheckGateway(ctx, stream.Config{
		ClientID: i.config.DingTalk.ClientID, ClientSecret: string(i.config.DingTalk.ClientSecret), APIURL: i.config.DingTalk.APIURL,
		Topics: []string{unusedTopic},
	})
	if err != nil {
		i.report.add(refusedByGateway(err))
		return
	}
	i.report.ok("gateway", "a Stream connection opens")
}

func refusedByGateway(err error) Finding {
	f := Finding{
		ID: "gateway", Status: Wrong, Detail: err.Error(),
		Remedy: "set the bot's message receiving mode to Stream and publish the app; WebSockets (wss) must be allowed out of this network", Console: consoleBot,
	}
	if page, ok := errors.AsType[*stream.PageError](err); ok {
		f.Remedy, f.Console = remedies[dingtalk.BadAnswer].what, nil
		if page.Passing() {
			f.Status, f.Remedy = Failed, checkAgain
		}
		return f
	}
	refused, ok := errors.AsType[*stream.GatewayError](err)
	if !ok {
		return f
	}
	switch kind := dingtalk.KindOfCode(refused.Code); {
	case refused.Status >= 500, kind == dingtalk.Throttled, kind == dingtalk.ThrottledMinute, kind == dingtalk.Unavailable:
		f.Status, f.Remedy, f.Console = Failed, checkAgain, nil
	default:
		if remedy, ok := remedies[kind]; ok {
			f.Remedy, f.Console = remedy.what, remedy.where
		}
	}
	return f
}

// checkBudget looks how much of budget.calls_per_month is left, after the calls of this
// check.
func (i *checker) checkBudget(ctx context.Context) {
	if i.counter == nil {
		i.report.notChecked("the calls of the month are counted in Redis", "budget")
		return
	}
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	state, err := budget.New(i.counter, budget.NewQuota(time.Now), i.config.Budget.Limits(), time.Now, zap.NewNop()).Query(ctx)
	f := Finding{ID: "budget", Status: Right}
	switch {
	case err != nil:
		f.Status, f.Detail = Unknown, err.Error()
	case state.CallsPerMonth == 0:
		f.Detail = fmt.Sprintf("none; %d counted calls this month", state.Used)
	default:
		f.Detail = fmt.Sprintf("%d of %d counted calls of this month are used", state.Used, state.CallsPerMonth)
		if state.Spent || state.Low {
			f.Status = Doubtful
			f.Remedy = "when it is used up, reports are answered from what is known until " + state.MonthEnds.Format("January 2") +
				" (UTC+8): raise budget.calls_per_month if the organisation has more, or sweep and follow up less often"
		}
	}
	i.report.add(f)
}

// checkPushes looks when DingTalk last pushed something to a running bot: no API tells
// whether the bot's receiving mode is Stream, whether the app is published, and which
// events are switched on.
func (i *checker) checkPushes(ctx context.Context) {
	commands := Finding{
		ID: "commands", Status: Unknown, Detail: "not known: no command has ever come. Only a message to the bot tells whether its receiving mode is Stream and the app is published",
		Remedy: "run the bot and say @whoread help in a group", Console: &Place{
			consoleBot.English + "; " + consoleVersions.English, consoleBot.Chinese + "；" + consoleVersions.Chinese,
		},
	}
	events := Finding{
		ID: "events", Status: Unknown, Detail: "not known: no read was ever pushed. Either robot_msg_read is not switched on, or nobody has read since; the bot is right without", Console: consoleEvents,
	}
	if i.records == nil {
		i.report.notChecked("it is recorded in Redis by the bot that runs", commands.ID, events.ID)
		return
	}
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	pushes, err := i.records.Pushes(ctx)
	if err != nil {
		i.report.notChecked(err.Error(), commands.ID, events.ID)
		return
	}
	zone, err := time.LoadLocation(i.config.Reminders.TimeZone)
	if err != nil {
		zone = time.UTC
	}
	at := func(kind string) string { return pushes[kind].In(zone).Format("2006-01-02 15:04") }
	if _, ok := pushes[bot.PushedMessage]; ok {
		commands = Finding{ID: commands.ID, Status: Right, Detail: "the last one came at " + at(bot.PushedMessage)}
	}
	i.report.add(commands)
	var never, others []string
	for _, kind := range bot.EventTypes()[1:] {
		if _, ok := pushes[kind]; ok {
			others = append(others, kind+" "+at(kind))
		} else {
			never = append(never, kind)
		}
	}
	read := bot.EventTypes()[0]
	if _, ok := pushes[read]; ok {
		events = Finding{ID: events.ID, Status: Right, Detail: "the last read was pushed at " + at(read)}
	}
	if len(others) > 0 {
		events.Detail += "; also " + strings.Join(others, ", ")
	}
	if len(never) > 0 && len(never)+len(others) > 0 {
		events.Detail += "; never yet: " + strings.Join(never, ", ")
	}
	i.report.add(events)
}
