package api

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"

	"github.com/agext/levenshtein"

	"whoread/receipts"
)

// Problem is why a request is not done, as RFC 9457 has it. Its codes are stable.
type Problem struct {
	Title     string  `json:"title"`
	Status    int     `json:"status"`
	Detail    string  `json:"detail,omitempty"`
	Code      string  `json:"code"`
	Fields    []Field `json:"fields,omitempty"`
	Number    int     `json:"number,omitempty"` // of an announcement that was not sent, or not certainly
	RequestID string  `json:"request_id"`
}

// Field is what is wrong with one field of a request.
type Field struct {
	Name   string `json:"name"`
	Detail string `json:"detail"`
}

func (p *Problem) Error() string { return fmt.Sprintf("%d %s: %s", p.Status, p.Code, p.Detail) }

// refuse returns a problem.
func refuse(status int, code, detail string) *Problem {
	return &Problem{Title: http.StatusText(status), Status: status, Code: code, Detail: detail}
}

// problemOf says why something was not done. What nobody expects is a failure of the records: a
// repetition may succeed.
func problemOf(err error) *Problem {
	if p, ok := errors.AsType[*Problem](err); ok {
		return p
	}
	if failure, ok := errors.AsType[*receipts.Failure](err); ok {
		code := "dingtalk_refused"
		if failure.Uncertain {
			code = "dingtalk_uncertain"
		}
		return refuse(http.StatusBadGateway, code, "DingTalk did not do it, or not certainly: "+string(failure.Reason))
	}
	_, forbidden := errors.AsType[*receipts.ForbiddenError](err)
	_, ends := errors.AsType[*receipts.RecordEndsError](err)
	switch {
	case forbidden:
		return refuse(http.StatusForbidden, "right_missing", "this token may not do that")
	case errors.Is(err, receipts.ErrForeignGroup):
		return refuse(http.StatusForbidden, "group_not_allowed", "the bot does not work in this group")
	case errors.Is(err, receipts.ErrNoMessage):
		return refuse(http.StatusNotFound, "no_such_announcement", "this group has no announcement of that number")
	case errors.Is(err, receipts.ErrTooLong):
		return refuse(http.StatusUnprocessableEntity, "too_long", "title and text are longer than DingTalk takes")
	case errors.Is(err, receipts.ErrWrongState), errors.Is(err, receipts.ErrBeingSent):
		return refuse(http.StatusConflict, "wrong_state", "the announcement is in a state in which that can't be done")
	case ends:
		return refuse(http.StatusConflict, "record_ends", "what is known of the announcement is not kept for long enough")
	}
	return refuse(http.StatusServiceUnavailable, "unavailable", "try again; with an Idempotency-Key nothing is done twice")
}

// write writes the problem as the answer to a request.
func (p *Problem) write(w http.ResponseWriter, requestID string) {
	shown := *p
	shown.RequestID = requestID
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(p.Status)
	_ = json.NewEncoder(w).Encode(shown) // to who has gone
}

// nearest asks back with the group of the token's that may have been meant; empty if none.
func (g *grants) nearest(t Token, named string) string {
	best, least := "", 0
	for _, name := range slices.Sorted(maps.Keys(g.Groups)) {
		d := levenshtein.Distance(named, name, nil)
		if t.mayUse(g.Groups[name]) && d <= max(1, len(name)/3) && (best == "" || d < least) {
			best, least = name, d
		}
	}
	if best == "" {
		return ""
	}
	return "; did you mean " + strconv.Quote(best) + "?"
}

func quoted(text string) string {
	const most = 60
	if runes := []rune(text); len(runes) > most {
		text = string(runes[:most]) + "…"
	}
	return strconv.Quote(text)
}
