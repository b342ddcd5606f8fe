package receipts

import (
	"errors"
	"fmt"
	"slices"
)

// Actor is who wants something.
type Actor struct {
	Person
	Admin    bool // of the organisation
	External bool // not a member of the bot's organisation
}

// Rule says who may do something. Whatever is none of the rules lets nobody.
type Rule string

// The rules.
const (
	Everyone Rule = "everyone" // of the organisation
	Admins   Rule = "admins"   // the organisation's, and those of the configuration
	Author   Rule = "author"   // of the message, and admins
)

// Policy says who may do what, and where.
type Policy struct {
	Groups   []string // openConversationIds in which the bot works; empty: in all
	Admins   []string // userIds, besides the organisation's administrators
	Announce Rule     // Everyone or Admins
	Report   Rule     // Everyone or Admins
	Remind   Rule     // Everyone or Admins
	Recall   Rule
}

// ErrExternal means that somebody is not a member of the bot's organisation.
var ErrExternal = errors.New("not a member of the organisation")

// Forbidden means that a rule does not let somebody do what they want.
type Forbidden struct{ Rule Rule }

func (e *Forbidden) Error() string { return fmt.Sprintf("forbidden: for %s only", e.Rule) }

// ForeignGroup means that the bot does not work in a group.
type ForeignGroup struct{ Group string }

func (e *ForeignGroup) Error() string { return "the bot does not work in group " + e.Group }

// Works reports whether the bot works in the group.
func (p Policy) Works(group string) bool {
	return len(p.Groups) == 0 || slices.Contains(p.Groups, group)
}

// IsAdmin reports whether somebody is an administrator of the organisation or of the bot.
func (p Policy) IsAdmin(by Actor) bool {
	return !by.External && (by.Admin || slices.Contains(p.Admins, by.UserID))
}

// allow returns nil if the rule lets somebody do something in the group, given the author
// of the message in question, who is nobody if there is none. Otherwise the error is
// ErrExternal, a *ForeignGroup or a *Forbidden.
func (p Policy) allow(rule Rule, by Actor, group string, author Person) error {
	switch {
	case by.External:
		return ErrExternal
	case !p.Works(group):
		return &ForeignGroup{group}
	case rule == Everyone, rule == Admins && p.IsAdmin(by), rule == Author && (p.IsAdmin(by) || author.UserID != "" && author.UserID == by.UserID):
		return nil
	default:
		return &Forbidden{rule}
	}
}
