package receipts

import "slices"

// Actor is who wants something.
type Actor struct {
	Person
	Admin    bool // of the organisation
	External bool // not a member of the bot's organisation
	// May is all that a program may do, which has a name and no userId: the rules are for
	// people. Nil of a person.
	May []Right
}

// program reports whether it is a program and no person.
func (a Actor) program() bool { return a.May != nil }

// payer is who pays for questions.
func (a Actor) payer() string {
	if a.program() {
		return "program " + a.Name
	}
	return a.UserID
}

// Rule says who may do something. Whatever is none of the rules lets nobody.
type Rule string

// The rules.
const (
	Everyone Rule = "everyone" // of the organisation
	Admins   Rule = "admins"   // the organisation's, and those of the configuration
	Author   Rule = "author"   // of the message, and admins
	Nobody   Rule = "nobody"   // which is why a program may not
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

// Works reports whether the bot works in the group.
func (p Policy) Works(group string) bool {
	return len(p.Groups) == 0 || slices.Contains(p.Groups, group)
}

// Allows reports whether the rule lets somebody do something, given the author of the
// message in question, who is nobody if there is none.
func (p Policy) Allows(rule Rule, by Actor, author Person) bool {
	if by.External {
		return false
	}
	admin := by.Admin || slices.Contains(p.Admins, by.UserID)
	switch rule {
	case Everyone:
		return true
	case Admins:
		return admin
	case Author:
		return admin || author.UserID != "" && author.UserID == by.UserID
	default:
		return false
	}
}
