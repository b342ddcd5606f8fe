package check

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"whoread/cmd/internal/app"
	"whoread/receipts"
	"whoread/receipts/dingtalk"
	"whoread/receipts/platform"
)

// checkMembers looks for the members of each group as the bot does.
func (c *checker) checkMembers(ctx context.Context) {
	if c.skip("permission-groups", "members") {
		return
	}
	dingTalk := &platform.Platform{Client: c.client, Now: time.Now}
	sources := dingTalk.MemberSources(c.config.RosterOptions())
	if c.records != nil {
		sources = append(sources, receipts.LearnedMembers{Records: c.records, Now: time.Now})
	}
	sources = app.ChosenSources(c.config.Members.Source, sources)
	groups, _ := c.groups()
	tried := map[receipts.Source]error{} // the permissions, by source
	var each []Finding
	for _, group := range groups {
		if c.blocked == nil {
			each = append(each, c.members(ctx, group, sources, tried))
		}
	}
	if _, asked := tried[receipts.SceneGroup]; !asked && c.blocked == nil && slices.Contains([]string{"auto", "scene"}, c.config.Members.Source) {
		tried[receipts.SceneGroup] = c.try(ctx, func(ctx context.Context) error {
			_, err := c.client.GroupMembers(ctx, unknownGroup, "")
			return err
		})
	}
	c.addPermission("permission-groups", "qyapi_chat_manage: the app may ask for the members of groups", receipts.SceneGroup, tried, each)
	c.addPermission("permission-chats", "qyapi_chat_read: the app may ask for the members of its chats", receipts.Chat, tried, each)
	for _, f := range each {
		c.report.add(f)
	}
	if len(each) < len(groups) {
		c.skip("members")
	}
}

// addPermission says whether the app may ask a source of members. It may do without, if
// every group has another that is as good.
func (c *checker) addPermission(id, granted string, source receipts.Source, tried map[receipts.Source]error, members []Finding) {
	err, asked := tried[source]
	if !asked {
		return
	}
	f := triedBy(id, "", err, granted)
	if kindOf(err) == dingtalk.PermissionDenied && len(members) > 0 && !slices.ContainsFunc(members, func(f Finding) bool { return f.Status != Right }) {
		f.Status, f.Detail = Doubtful, f.Detail+"; every configured group does without"
	}
	c.report.add(f)
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
func (c *checker) members(ctx context.Context, group string, sources []receipts.MemberSource, tried map[receipts.Source]error) Finding {
	var reasons []string
	f := Finding{ID: "members", About: c.nameOf(group)}
	for _, source := range sources {
		var members receipts.Members
		err := c.try(ctx, func(ctx context.Context) (err error) {
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
		people := len(members.Without(c.config.Members.Exclude).UserIDs)
		f.Status, f.Detail = Right, fmt.Sprintf("%d people, %s", people, trustOf[source.Source()])
		if members.Outsiders > 0 {
			f.Detail += fmt.Sprintf(", and %d from outside who can't be followed", members.Outsiders)
		}
		if members.Source == receipts.Learned {
			f.Status, f.Remedy = Doubtful, c.rosterRemedy()
			f.Detail += "; nobody lists them: " + strings.Join(reasons, "; ")
		} else if people == 0 {
			f.Status, f.Remedy = Doubtful, "see whether the roster names the right departments, and members.exclude not everybody"
		}
		return f
	}
	f.Status, f.Remedy = Doubtful, c.rosterRemedy()
	f.Detail = "no list, and nobody is known yet; the bot will learn them as they speak, join and read: " + strings.Join(reasons, "; ")
	if c.config.Members.Source != "auto" && c.config.Members.Source != "learned" {
		f.Status, f.Detail = Wrong, "members.source is "+c.config.Members.Source+", and it has no list: "+strings.Join(reasons, "; ")
	}
	return f
}

// rosterRemedy is what to do where nobody lists the members of a group.
func (c *checker) rosterRemedy() string {
	const remedy = "write its people or departments into members.rosters, or install the group cool app and set dingtalk.cool_app_code"
	if source := c.config.Members.Source; source != "auto" {
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
