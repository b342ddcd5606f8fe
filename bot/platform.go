package bot

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"whoread/receipts"
	"whoread/receipts/dingtalk"
)

// Platform fits the client of DingTalk's API to what package receipts asks for.
type Platform struct {
	Client *dingtalk.Client
	Now    func() time.Time
}

// Fits implements receipts.Sender.
func (p *Platform) Fits(title, text string) error {
	_, err := post(title, text).Encode()
	return err
}

// Send implements receipts.Sender.
func (p *Platform) Send(ctx context.Context, group, title, text string) (string, time.Time, error) {
	posted, err := p.Client.SendGroup(ctx, group, post(title, text))
	return posted.ProcessQueryKey, posted.At, sendError(err)
}

// post is an announcement as it stands in the group: the title as its first
// line, and the text as it was typed.
func post(title, text string) dingtalk.Message {
	if text != title {
		text = title + "\n" + text
	}
	return dingtalk.Markdown(title, asTyped(text))
}

// Readers implements receipts.ReadersSource.
func (p *Platform) Readers(ctx context.Context, group, key, cursor string, rights receipts.Rights) (receipts.ReadersPage, error) {
	page, err := p.Client.QueryReaders(ctx, group, key, cursor, options(rights)...)
	switch kindOf(err) {
	case dingtalk.KeyNotQueryable:
		err = fmt.Errorf("%w: %w", receipts.ErrNoReadData, err)
	case dingtalk.GroupDisbanded:
		err = fmt.Errorf("%w: %w", receipts.ErrGroupGone, err)
	case dingtalk.BudgetSpent:
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

// options are those of a call for somebody with the rights.
func options(rights receipts.Rights) []dingtalk.Option {
	if rights.PastBudget {
		return []dingtalk.Option{dingtalk.PastBudget}
	}
	return nil
}

// Recall implements receipts.RecallSource.
func (p *Platform) Recall(ctx context.Context, group, key string) error {
	failed, err := p.Client.RecallGroup(ctx, group, key)
	if err != nil {
		return err
	}
	if reason, ok := failed[key]; ok {
		return &dingtalk.Error{API: "recall", Kind: dingtalk.Unknown, Detail: reason}
	}
	return nil
}

// UserName implements receipts.Directory.
func (p *Platform) UserName(ctx context.Context, userID string) (string, error) {
	return p.Client.UserName(ctx, userID)
}

// kindOf is the kind of a failure of DingTalk's, fresh or remembered; empty for any
// other error.
func kindOf(err error) dingtalk.Kind {
	if failure, ok := errors.AsType[*dingtalk.Error](err); ok {
		return failure.Kind
	}
	if refused, ok := errors.AsType[*receipts.NoListError](err); ok {
		return dingtalk.Kind(refused.Reason)
	}
	return ""
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
	err := receipts.EachPage(ctx, func(ctx context.Context, cursor string) (string, bool, error) {
		page, err := s.Client.GroupMembers(ctx, group, cursor, options(rights)...)
		if err != nil {
			return "", false, err
		}
		members.UserIDs = append(members.UserIDs, page.UserIDs...)
		members.Outsiders += len(page.UnionIDs)
		for _, id := range page.UserIDs {
			if page.Nicks[id] != "" {
				names[id] = page.Nicks[id]
			}
		}
		return page.Next, page.More, nil
	})
	if err != nil {
		return receipts.Members{}, nil, unlisted(err)
	}
	if len(members.UserIDs)+members.Outsiders == 0 {
		return receipts.Members{}, nil, nobody("members")
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
	_, userIDs, err := s.Client.Chat(ctx, chatID, options(rights)...)
	switch {
	case err != nil:
		return receipts.Members{}, nil, unlisted(err)
	case len(userIDs) == 0:
		return receipts.Members{}, nil, nobody("chat")
	}
	return receipts.Members{UserIDs: unique(userIDs), Source: receipts.Chat, At: at}, nil, nil
}

// configured lists the members that the administrator wrote down.
type configured struct {
	*Platform
	rosters map[string]RosterOptions
}

func (configured) Source() receipts.Source { return receipts.Roster }

func (s configured) Members(ctx context.Context, group string, _ receipts.Rights) (receipts.Members, receipts.Names, error) {
	roster := s.rosters[group]
	if len(roster.Users)+len(roster.Departments) == 0 {
		return receipts.Members{}, nil, receipts.ErrNoMemberList
	}
	at := s.Now()
	userIDs := slices.Clone(roster.Users)
	for _, department := range roster.Departments {
		ids, err := s.Client.DepartmentUserIDs(ctx, department)
		if err != nil {
			return receipts.Members{}, nil, fmt.Errorf("list department %d: %w", department, err)
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
	switch kind := kindOf(err); kind {
	case dingtalk.NoMemberList, dingtalk.CoolAppNeeded, dingtalk.PermissionDenied, dingtalk.GroupInvalid, dingtalk.BadRequest:
		return &receipts.NoListError{Reason: string(kind), Err: err}
	case dingtalk.BudgetSpent:
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
