package dingtalk

import (
	"errors"
	"fmt"
	"strings"
)

var (
	// ErrTooLong is matched by every error of kind [TooLong].
	ErrTooLong = errors.New("message or file too long")
	// ErrForeignHost is matched by every error of kind [ForeignHost].
	ErrForeignHost = errors.New("webhook is not DingTalk's")
)

// Kind is what a failure means. Its values are stable words: they are stored, and they are labels of metrics.
type Kind string

// The kinds of failure.
const (
	// The way to DingTalk and back.

	Unavailable Kind = "unavailable" // no connection, a timeout, or a fault inside DingTalk
	Cancelled   Kind = "cancelled"   // the caller gave up
	BadAnswer   Kind = "bad_answer"  // an answer that is not what DingTalk documents: undecodable, or a part is absent

	// Limits.

	Throttled  Kind = "throttled"   // too many calls a second; a second later it may work
	QuotaSpent Kind = "quota_spent" // the organisation's calls of this month are used up
	// BudgetSpent is never DingTalk's: the call was not made, because this app has used up what it may use in a month.
	BudgetSpent Kind = "budget_spent"
	IPBanned    Kind = "ip_banned" // this address is refused for BanDuration

	ThrottledMinute Kind = "throttled_minute" // too many calls a minute: a few seconds later it will not work either

	DingQuotaSpent Kind = "ding_quota_spent" // the organisation has no DINGs of this type left; more can be bought

	// What the administrator has to put right.

	BadCredentials    Kind = "bad_credentials"     // client id and secret do not match
	TokenRejected     Kind = "token_rejected"      // also a fresh token was not accepted
	PermissionDenied  Kind = "permission_denied"   // the app lacks a permission: see Error.Scopes
	AddressNotAllowed Kind = "address_not_allowed" // this machine's address is not in the app's list
	WrongRobotCode    Kind = "wrong_robot_code"    // the robotCode is not this app's
	CoolAppNeeded     Kind = "cool_app_needed"     // the group cool app is not installed, not known or not this app's

	// The group and the bot in it.

	GroupDisbanded    Kind = "group_disbanded"
	GroupInvalid      Kind = "group_invalid"      // no such openConversationId
	OtherOrganisation Kind = "other_organisation" // the group belongs to another organisation
	BotStopped        Kind = "bot_stopped"        // the bot, or its template, is switched off
	BotNotInGroup     Kind = "bot_not_in_group"
	NoMemberList      Kind = "no_member_list" // DingTalk does not list this group's members, and it will not by itself
	SendForbidden     Kind = "send_forbidden" // the bot may not write here
	MediaRefused      Kind = "media_refused"  // no picture and no file of the bot is taken here; text may be

	// The message.

	TooLong         Kind = "too_long"          // also a file
	TextRefused     Kind = "text_refused"      // DingTalk's content check
	KeyNotQueryable Kind = "key_not_queryable" // EITHER no data yet (just sent) OR no longer kept; the message's age tells
	KeyInvalid      Kind = "key_invalid"       // no such processQueryKey
	WebhookExpired  Kind = "webhook_expired"   // or it can't be used for another reason that will not pass
	ForeignHost     Kind = "foreign_host"      // the webhook does not lead to DingTalk; nothing was sent

	// Cards.

	CardExists      Kind = "card_exists"      // there is a card with this outTrackId: a repeated create finds what the first one made
	CardMissing     Kind = "card_missing"     // there is none with this outTrackId
	CardTemplate    Kind = "card_template"    // the template does not exist here or is not published
	CardUndelivered Kind = "card_undelivered" // the card was made and is not in the group; its outTrackId is used up

	// The rest.

	UserNotFound Kind = "user_not_found"
	BadRequest   Kind = "bad_request" // a parameter was not accepted
	Unknown      Kind = "unknown"     // a code that this package does not know
)

// Error is a failed call. Every method of [Client] that talks to DingTalk fails with one (use errors.As).
// No field holds a secret, a token, a webhook or a URL, so it may be logged.
type Error struct {
	API        string   // the call, as in Call.API
	Kind       Kind     // what it means
	HTTPStatus int      // 0 when there was no answer
	Code       string   // DingTalk's code, such as "bot.stopped" or "90018"; may be empty
	RequestID  string   // DingTalk's, to ask its support about; may be empty
	Scopes     []string // the missing permissions of PermissionDenied, where DingTalk names them
	Detail     string   // DingTalk's message, or what broke the connection; at most 300 bytes

	uncertain bool
	cause     error // one of this package's or context's sentinels; never an error that carries text from outside
}

// Error is for the log.
func (e *Error) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "dingtalk %s: %s", e.API, e.Kind)
	if e.Detail != "" {
		b.WriteString(": " + e.Detail)
	}
	var facts []string
	if e.HTTPStatus != 0 {
		facts = append(facts, fmt.Sprintf("HTTP %d", e.HTTPStatus))
	}
	if e.Code != "" {
		facts = append(facts, e.Code)
	}
	if len(e.Scopes) > 0 {
		facts = append(facts, "needs "+strings.Join(e.Scopes, ", "))
	}
	if e.RequestID != "" {
		facts = append(facts, "request "+e.RequestID)
	}
	if len(facts) > 0 {
		b.WriteString(" (" + strings.Join(facts, "; ") + ")")
	}
	return b.String()
}

// Unwrap lets errors.Is find context.Canceled, context.DeadlineExceeded, [ErrTooLong] and [ErrForeignHost].
func (e *Error) Unwrap() error { return e.cause }

// Uncertain reports whether DingTalk may have done what was asked although the call failed.
// Only calls that change something can be uncertain: sending, direct messages, DINGs, cards, replies and recalling.
func (e *Error) Uncertain() bool { return e.uncertain }

// Retryable reports whether the same call may succeed a few seconds later without anybody changing anything,
// and without the danger of doing it twice.
func (e *Error) Retryable() bool {
	return !e.uncertain && (e.Kind == Throttled || e.Kind == Unavailable)
}
