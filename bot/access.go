package bot

import (
	"slices"

	"whoread/receipts"
)

// Rule says who may give a command.
type Rule string

// The rules. Whatever is none of them lets nobody.
const (
	Everyone Rule = "everyone" // of the organisation
	Admins   Rule = "admins"   // the organisation's, and those of the configuration
	Author   Rule = "author"   // of the message, and admins
)

// Access says who may do what.
type Access struct {
	Groups   []string // openConversationIds in which the bot works; empty: in all
	Admins   []string // userIds, besides the organisation's administrators
	Announce Rule     // Everyone or Admins
	Report   Rule     // Everyone or Admins
	Remind   Rule     // Everyone or Admins
	Recall   Rule
}

// works tells whether the bot works in that group.
func (a Access) works(group string) bool {
	return len(a.Groups) == 0 || slices.Contains(a.Groups, group)
}

// may tells whether the rule lets the sender, given the author of the message in
// question, if there is one.
func (a Access) may(rule Rule, in Incoming, author receipts.Person) bool {
	if in.Outsider {
		return false
	}
	admin := in.Admin || slices.Contains(a.Admins, in.Sender.UserID)
	switch rule {
	case Everyone:
		return true
	case Admins:
		return admin
	case Author:
		return admin || author.UserID == in.Sender.UserID
	default:
		return false
	}
}

// refusal says why the rule does not let somebody.
func (w *words) refusal(rule Rule) string {
	switch rule {
	case Admins:
		return w.AdminsOnly
	case Author:
		return w.AuthorOnly
	default:
		return w.NobodyMay
	}
}
