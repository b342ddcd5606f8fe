package check

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"whoread/receipts/dingtalk"
)

// configuredPeople are the userIds of the configuration, each with the keys that name it.
func (c *checker) configuredPeople() map[string][]string {
	people := map[string][]string{}
	note := func(key string, ids []string) {
		for _, id := range ids {
			if !slices.Contains(people[id], key) {
				people[id] = append(people[id], key)
			}
		}
	}
	note("access.admins", c.config.Access.Admins)
	note("members.exclude", c.config.Members.Exclude)
	for _, roster := range c.config.Members.Rosters {
		note("members.rosters", roster.Users)
	}
	for _, followUp := range c.config.FollowUp {
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
func (c *checker) checkContacts(ctx context.Context) {
	if c.skip("permission-contacts") {
		return
	}
	people := c.configuredPeople()
	ids := slices.Sorted(maps.Keys(people))
	further := 0
	if !c.all && len(ids) > MaxPeople {
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
		err := c.try(ctx, func(ctx context.Context) error {
			_, err := c.client.UserName(ctx, id)
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
		c.report.ok("permission-contacts", "qyapi_get_member: the app may ask who people are")
	}
	if ended != nil && looked > 0 {
		ended.ID, ended.Detail = "user", fmt.Sprintf("only %d of %d people were looked at: %s", looked, len(ids), ended.Detail)
	}
	if ended != nil {
		bad = append(bad, *ended)
	}
	for _, f := range bad {
		c.report.add(f)
	}
	if good > 0 {
		c.report.ok("user", "%d people of the configuration exist", good)
	}
	if further > 0 {
		c.report.add(Finding{ID: "user", Status: Unknown, Detail: fmt.Sprintf("%d more people are not looked at; --all looks at them", further)})
	}
	c.checkDepartments(ctx)
}

func (c *checker) checkDepartments(ctx context.Context) {
	departments := map[int64]bool{}
	for _, roster := range c.config.Members.Rosters {
		for _, id := range roster.Departments {
			departments[id] = true
		}
	}
	for _, id := range slices.Sorted(maps.Keys(departments)) {
		if c.skip("department") {
			return
		}
		var people []string
		err := c.try(ctx, func(ctx context.Context) (err error) {
			people, err = c.client.DepartmentUserIDs(ctx, id)
			return err
		})
		if err == nil {
			c.report.add(Finding{ID: "department", About: fmt.Sprint(id), Status: Right, Detail: fmt.Sprintf("%d people, without sub-departments", len(people))})
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
		c.report.add(f)
	}
}
