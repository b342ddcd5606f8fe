// Package platform is DingTalk as package receipts needs it: it fits the client of DingTalk's
// API to the domain's interfaces, and turns its errors into the domain's.
package platform

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"whoread/receipts"
	"whoread/receipts/dingtalk"
)

// Platform implements what package receipts needs of DingTalk.
type Platform struct {
	Client   *dingtalk.Client
	DingType dingtalk.DingType // of the DINGs that it sends
	Now      func() time.Time
	// Scheduled tells that nobody waits for what it does.
	Scheduled bool
}

// turn is that of a call about a group, or where it is empty about none, and so many people.
func (p *Platform) turn(group string, people int) dingtalk.Option {
	return dingtalk.For(dingtalk.Turn{Group: group, Scheduled: p.Scheduled, Size: people})
}

// Readers implements receipts.ReadersSource.
func (p *Platform) Readers(ctx context.Context, group, key, cursor string, rights receipts.Rights) (receipts.ReadersPage, error) {
	page, err := p.Client.QueryReaders(ctx, group, key, cursor, p.options(group, rights)...)
	err = failure(err)
	switch receipts.ReasonOf(err) {
	case receipts.KeyNotQueryable:
		err = fmt.Errorf("%w: %w", receipts.ErrNoReadData, err)
	case receipts.GroupDisbanded:
		err = fmt.Errorf("%w: %w", receipts.ErrGroupGone, err)
	case receipts.BudgetSpent:
		err = fmt.Errorf("%w: %w", receipts.ErrBudgetSpent, err)
	}
	if err != nil {
		return receipts.ReadersPage{UserIDs: page.UserIDs}, err
	}
	delivery := receipts.Delivered
	switch page.Status {
	case dingtalk.SendProcessing:
		delivery = receipts.BeingDelivered
	case dingtalk.SendRecalled:
		delivery = receipts.TakenBack
	}
	return receipts.ReadersPage{At: page.At, Delivery: delivery, UserIDs: page.UserIDs, Next: page.Next, More: page.More}, nil
}

// peopleUnknown stands for the size of a list that nobody knows: what is known to be smaller
// than a page of readers goes first.
const peopleUnknown = 200

// options are those of a call about a group for somebody with the rights.
func (p *Platform) options(group string, rights receipts.Rights) []dingtalk.Option {
	options := []dingtalk.Option{p.turn(group, cmp.Or(rights.People, peopleUnknown))}
	if rights.PastBudget {
		options = append(options, dingtalk.PastBudget)
	}
	return options
}

// Recall implements receipts.RecallSource.
func (p *Platform) Recall(ctx context.Context, group, key string) error {
	failed, err := p.Client.RecallGroup(ctx, group, key)
	if reason, ok := failed[key]; err == nil && ok {
		err = &dingtalk.Error{API: "recall", Kind: dingtalk.Unknown, Detail: reason}
	}
	return failure(err)
}

// UserName implements receipts.Directory.
func (p *Platform) UserName(ctx context.Context, userID string) (string, error) {
	name, err := p.Client.UserName(ctx, userID, p.turn("", 0))
	return name, failure(err)
}

// failure makes a *receipts.Failure of an error of the client's, and leaves any other as it is.
func failure(err error) error {
	known, ok := errors.AsType[*dingtalk.Error](err)
	if !ok {
		return err
	}
	return &receipts.Failure{Reason: receipts.Reason(known.Kind), Uncertain: known.Uncertain(), Err: err}
}

// RosterOptions are what an administrator configured about one group.
type RosterOptions struct {
	ChatID      string   // of a chat that this app created
	Users       []string // userIds
	Departments []int64
}

// MemberSources returns the sources of member lists in the order in which they
// are asked. Rosters are by openConversationId.
func (p *Platform) MemberSources(rosters map[string]RosterOptions) []receipts.MemberSource {
	return []receipts.MemberSource{sceneGroups{p}, chats{p, rosters}, configured{p, rosters}}
}

// sceneGroups lists the members of groups made from a template, or with a cool
// app.
type sceneGroups struct{ *Platform }

func (sceneGroups) Source() receipts.Source { return receipts.SceneGroup }

func (s sceneGroups) Members(ctx context.Context, group string, rights receipts.Rights) (receipts.Members, receipts.Names, error) {
	members := receipts.Members{Source: receipts.SceneGroup, At: s.Now()}
	names := receipts.Names{}
	err := receipts.EachPage(ctx, func(ctx context.Context, cursor string) (string, bool, int, error) {
		rights.People = max(rights.People, len(members.UserIDs))
		page, err := s.Client.GroupMembers(ctx, group, cursor, s.options(group, rights)...)
		if err != nil {
			return "", false, 0, err
		}
		members.UserIDs = append(members.UserIDs, page.UserIDs...)
		members.Outsiders += len(page.UnionIDs)
		for _, id := range page.UserIDs {
			if page.Nicks[id] != "" {
				names[id] = page.Nicks[id]
			}
		}
		return page.Next, page.More, len(unique(slices.Clone(members.UserIDs))) + members.Outsiders, nil
	})
	if err != nil {
		return receipts.Members{}, nil, unlisted(err)
	}
	if len(members.UserIDs)+members.Outsiders == 0 {
		return receipts.Members{}, nil, failure(nobody("members"))
	}
	members.UserIDs = unique(members.UserIDs)
	return members, names, nil
}

// chats lists the members of chats that this app created.
type chats struct {
	*Platform
	rosters map[string]RosterOptions
}

func (chats) Source() receipts.Source { return receipts.Chat }

func (s chats) Members(ctx context.Context, group string, rights receipts.Rights) (receipts.Members, receipts.Names, error) {
	chatID := s.rosters[group].ChatID
	if chatID == "" {
		return receipts.Members{}, nil, receipts.ErrNoMemberList
	}
	at := s.Now()
	_, userIDs, err := s.Client.Chat(ctx, chatID, s.options(group, rights)...)
	switch {
	case err != nil:
		return receipts.Members{}, nil, unlisted(err)
	case len(userIDs) == 0:
		return receipts.Members{}, nil, failure(nobody("chat"))
	}
	return receipts.Members{UserIDs: unique(userIDs), Source: receipts.Chat, At: at}, nil, nil
}

// configured lists the members that the administrator wrote down.
type configured struct {
	*Platform
	rosters map[string]RosterOptions
}

func (configured) Source() receipts.Source { return receipts.Roster }

func (s configured) Members(ctx context.Context, group string, rights receipts.Rights) (receipts.Members, receipts.Names, error) {
	roster := s.rosters[group]
	if len(roster.Users)+len(roster.Departments) == 0 {
		return receipts.Members{}, nil, receipts.ErrNoMemberList
	}
	at := s.Now()
	userIDs := slices.Clone(roster.Users)
	for _, department := range roster.Departments {
		ids, err := s.Client.DepartmentUserIDs(ctx, department, s.turn(group, rights.People))
		if err != nil {
			return receipts.Members{}, nil, fmt.Errorf("list department %d: %w", department, failure(err))
		}
		userIDs = append(userIDs, ids...)
	}
	return receipts.Members{UserIDs: unique(userIDs), Source: receipts.Roster, At: at}, nil, nil
}

// nobody is the failure of a call that lists nobody in a group where somebody spoke.
func nobody(api string) error {
	return &dingtalk.Error{API: api, Kind: dingtalk.BadAnswer, Detail: "nobody is in the group"}
}

// unlisted makes a *receipts.NoListError of failures that stay until somebody changes
// the group, the app or its permissions, and receipts.ErrBudgetSpent of a spent budget.
func unlisted(err error) error {
	err = failure(err)
	switch reason := receipts.ReasonOf(err); reason {
	case receipts.NoMemberList, receipts.CoolAppNeeded, receipts.PermissionDenied, receipts.GroupInvalid, receipts.BadRequest:
		return &receipts.NoListError{Reason: reason, Err: err}
	case receipts.BudgetSpent:
		return fmt.Errorf("%w: %w", receipts.ErrBudgetSpent, err)
	}
	return err
}

// unique removes repetitions and keeps the order.
func unique(ids []string) []string {
	seen := make(map[string]bool, len(ids))
	return slices.DeleteFunc(ids, func(id string) bool {
		again := seen[id] || id == ""
		seen[id] = true
		return again
	})
}
