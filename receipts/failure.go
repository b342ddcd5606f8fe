package receipts

import "errors"

// Reason is what a failure of DingTalk's means. Its values are stable words: they are
// kept with messages and refusals.
type Reason string

// The reasons.
const (
	// The way to DingTalk and back.
	Unavailable Reason = "unavailable" // no connection, a timeout, or a fault inside DingTalk
	Cancelled   Reason = "cancelled"   // the caller gave up
	BadAnswer   Reason = "bad_answer"  // an answer that is not what DingTalk documents

	// Limits.
	Throttled       Reason = "throttled"        // too many calls a second
	ThrottledMinute Reason = "throttled_minute" // too many calls a minute
	QuotaSpent      Reason = "quota_spent"      // the organisation's calls of this month are used up
	BudgetSpent     Reason = "budget_spent"     // what the bot may use of them is
	DingQuotaSpent  Reason = "ding_quota_spent" // the organisation has no DINGs of this type left
	IPBanned        Reason = "ip_banned"        // this machine's address is refused for some minutes

	// What an administrator has to put right.
	BadCredentials    Reason = "bad_credentials"
	TokenRejected     Reason = "token_rejected"
	PermissionDenied  Reason = "permission_denied"
	AddressNotAllowed Reason = "address_not_allowed"
	WrongRobotCode    Reason = "wrong_robot_code"
	CoolAppNeeded     Reason = "cool_app_needed"

	// The group and the bot in it.
	GroupDisbanded    Reason = "group_disbanded"
	GroupInvalid      Reason = "group_invalid"
	OtherOrganisation Reason = "other_organisation"
	BotStopped        Reason = "bot_stopped"
	BotNotInGroup     Reason = "bot_not_in_group"
	NoMemberList      Reason = "no_member_list"
	SendForbidden     Reason = "send_forbidden"
	MediaRefused      Reason = "media_refused"

	// The message.
	TooLong         Reason = "too_long"
	TextRefused     Reason = "text_refused"
	KeyNotQueryable Reason = "key_not_queryable"
	KeyInvalid      Reason = "key_invalid"
	WebhookExpired  Reason = "webhook_expired"
	ForeignHost     Reason = "foreign_host"

	// The rest.
	UserNotFound Reason = "user_not_found"
	BadRequest   Reason = "bad_request"
	Unknown      Reason = "unknown"

	// Interrupted is the reason of an uncertain message whose sending was cut off, by a
	// crash or a loss of the records.
	Interrupted Reason = "interrupted"
)

// Passes reports whether what failed may succeed a while later without anybody changing
// anything: DingTalk can't be reached, or takes no more calls for now.
func (r Reason) Passes() bool {
	switch r {
	case Unavailable, Cancelled, Throttled, ThrottledMinute, IPBanned:
		return true
	default:
		return false
	}
}

// Failure is what DingTalk did not do, or not certainly.
type Failure struct {
	Reason Reason
	// Uncertain reports whether DingTalk may have done it all the same.
	Uncertain bool
	Err       error // for the log; it holds no secret
}

func (f *Failure) Error() string {
	if f.Err == nil {
		return string(f.Reason)
	}
	return f.Err.Error()
}

func (f *Failure) Unwrap() error { return f.Err }

// ReasonOf returns the reason of a failure of DingTalk's, fresh or remembered; it is empty
// for any other error.
func ReasonOf(err error) Reason {
	if failure, ok := errors.AsType[*Failure](err); ok {
		return failure.Reason
	}
	if refused, ok := errors.AsType[*NoListError](err); ok {
		return refused.Reason
	}
	return ""
}
