package reply

import (
	"whoread/receipts"
)

// Refusal says why the rule does not let somebody.
func (w *Words) Refusal(rule receipts.Rule) string {
	switch rule {
	case receipts.Admins:
		return w.AdminsOnly
	case receipts.Author:
		return w.AuthorOnly
	default:
		return w.NobodyMay
	}
}
