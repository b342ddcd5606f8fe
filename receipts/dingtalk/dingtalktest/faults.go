package dingtalktest

import (
	"slices"
	"sync"
	"time"
)

// FaultKind says what goes wrong with a call.
type FaultKind string

// The kinds of fault, in the order in which a call meets them. Faults of different groups can hit the same call; of one group
// a call meets the first that is due.
const (
	// On arrival, before anything is looked at.
	Slow       FaultKind = "slow"       // wait Delay; if the caller gives up meanwhile, nothing is done
	DropBefore FaultKind = "dropBefore" // close the connection; nothing is done
	IPBanHTML  FaultKind = "ipBanHTML"  // the refusal of a banned address: an HTML page, Status 403
	IPBanJSON  FaultKind = "ipBanJSON"  // the same as {"status":1111,"wait":5,"punish":"deny"}, Status 403
	HTMLPage   FaultKind = "htmlPage"   // a page of DingTalk's front that is no ban: Status 503, or 400, 401, 405, 414, 429, ...

	// At the gate, after the token was found good. Not counted.
	Throttled          FaultKind = "throttled"          // QpsLimitForAppkeyAndApi, 90018
	ThrottledPlatform  FaultKind = "throttledPlatform"  // QpsLimitForApi, 90002
	ThrottledPerMinute FaultKind = "throttledPerMinute" // QpmLimitForAppkeyAndApi, 90018
	QuotaSpent         FaultKind = "quotaSpent"         // ApiCountLimitForOrg, 90020
	PermissionDenied   FaultKind = "permissionDenied"   // AccessTokenPermissionDenied; see also [Server.Permissions]
	NotInWhiteList     FaultKind = "notInWhiteList"     // IpNotInWhiteList

	// In the API, instead of what it does. Counted.
	ServerError FaultKind = "serverError" // 500 system.error, -1
	Code        FaultKind = "code"        // Status (default 400), Code and Message
	Undelivered FaultKind = "undelivered" // a card is made and does not get into the group; Message (default "system error") says why
	NoFiles     FaultKind = "noFiles"     // sampleFile is refused with resource.not.found, where other messages go through

	// While it pages (query, members).
	ShortPages     FaultKind = "shortPages"     // at most Size entries a page, fewer than asked for
	EmptyPage      FaultKind = "emptyPage"      // no entries, hasMore, and a cursor to the same place
	RepeatedCursor FaultKind = "repeatedCursor" // hasMore, and the cursor that leads to this page once more
	EndlessCursor  FaultKind = "endlessCursor"  // past the end: no entries, hasMore, and a new cursor, for ever
	LostMore       FaultKind = "lostMore"       // at most Size entries, a cursor to the rest, and hasMore false

	// In the answer of a query: doubt.
	UnknownStatus   FaultKind = "unknownStatus"   // sendStatus is Code (default UNKNOWN), with no readers
	SuccessWithCode FaultKind = "successWithCode" // SUCCESS with no readers, and beside it Code (default system.error) and Message

	// Afterwards: it was done.
	DropAfter        FaultKind = "dropAfter"        // close the connection without an answer
	DoneButError     FaultKind = "doneButError"     // answer 500 unknown.send.result, or Status, Code and Message
	SlowAnswer       FaultKind = "slowAnswer"       // answer after Delay
	TruncatedBody    FaultKind = "truncatedBody"    // close the connection in the middle of the answer
	WrongContentType FaultKind = "wrongContentType" // the answer as text/html
)

// faultKinds are all of them, in their order.
func faultKinds() []FaultKind {
	return []FaultKind{
		Slow, DropBefore, IPBanHTML, IPBanJSON, HTMLPage,
		Throttled, ThrottledPlatform, ThrottledPerMinute, QuotaSpent, PermissionDenied, NotInWhiteList,
		ServerError, Code, Undelivered, NoFiles,
		ShortPages, EmptyPage, RepeatedCursor, EndlessCursor, LostMore,
		UnknownStatus, SuccessWithCode,
		DropAfter, DoneButError, SlowAnswer, TruncatedBody, WrongContentType,
	}
}

type faultStage int

const (
	onArrival faultStage = iota
	atGate
	inAPI
	ofFiles
	ofCards
	whilePaging
	inAnswer
	afterwards
)

func (k FaultKind) stage() faultStage {
	switch k {
	case Slow, DropBefore, IPBanHTML, IPBanJSON, HTMLPage:
		return onArrival
	case Throttled, ThrottledPlatform, ThrottledPerMinute, QuotaSpent, PermissionDenied, NotInWhiteList:
		return atGate
	case NoFiles:
		return ofFiles
	case Undelivered:
		return ofCards
	case ShortPages, EmptyPage, RepeatedCursor, EndlessCursor, LostMore:
		return whilePaging
	case UnknownStatus, SuccessWithCode:
		return inAnswer
	case DropAfter, DoneButError, SlowAnswer, TruncatedBody, WrongContentType:
		return afterwards
	default:
		return inAPI
	}
}

// Fault makes calls go wrong.
type Fault struct {
	API   string    `json:"api"`   // an API constant; empty: any
	Times int       `json:"times"` // how many calls; 0: until [Server.ClearFaults]
	Skip  int       `json:"skip"`  // how many calls pass first
	Kind  FaultKind `json:"kind"`

	Status  int           `json:"status,omitempty"`  // HTTP, of those kinds that say so; the old API always answers 200
	Code    string        `json:"code,omitempty"`    // for the old API a number
	Message string        `json:"message,omitempty"` //
	Delay   time.Duration `json:"delay,omitempty"`   // of Slow and SlowAnswer, by the wall clock
	Size    int           `json:"size,omitempty"`    // of ShortPages and LostMore
}

// faults holds the faults that are switched on, oldest first.
type faults struct {
	feed *feed

	mu  sync.Mutex
	all []*Fault
}

// take is the fault that a call of api meets at the stage, or nil.
func (f *faults) take(api string, at faultStage) *Fault {
	f.mu.Lock()
	defer f.mu.Unlock()
	for i, fault := range f.all {
		if fault.Kind.stage() != at || fault.API != "" && fault.API != api {
			continue
		}
		if fault.Skip > 0 {
			fault.Skip--
			continue
		}
		hit := *fault
		if fault.Times > 0 {
			if fault.Times--; fault.Times == 0 {
				f.all = slices.Delete(f.all, i, i+1)
			}
			f.feed.publish(Change{Kind: FaultsChanged})
		}
		return &hit
	}
	return nil
}

// Inject switches a fault on.
func (s *Server) Inject(f Fault) {
	s.faults.mu.Lock()
	s.faults.all = append(s.faults.all, &f)
	s.faults.mu.Unlock()
	s.feed.publish(Change{Kind: FaultsChanged})
}

// ClearFaults switches the faults of these kinds off, or all of them.
func (s *Server) ClearFaults(kinds ...FaultKind) {
	s.faults.mu.Lock()
	s.faults.all = slices.DeleteFunc(s.faults.all, func(f *Fault) bool { return len(kinds) == 0 || slices.Contains(kinds, f.Kind) })
	s.faults.mu.Unlock()
	s.feed.publish(Change{Kind: FaultsChanged})
}

// Faults are those switched on, with what is left of their Times and Skip.
func (s *Server) Faults() []Fault {
	s.faults.mu.Lock()
	defer s.faults.mu.Unlock()
	out := make([]Fault, len(s.faults.all))
	for i, f := range s.faults.all {
		out[i] = *f
	}
	return out
}
