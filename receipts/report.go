package receipts

import (
	"cmp"
	"maps"
	"slices"
	"time"
)

// Read is when somebody read a message, as far as it is known.
type Read struct {
	// At is when it was read if Exact; otherwise it was read by then, the first
	// time that a query showed it.
	At time.Time
	// Exact tells that DingTalk pushed the read with its time.
	Exact bool
}

// Better reports whether r says more than known: a time that is exact beats one
// that is not, and of two alike the earlier one is kept.
func (r Read) Better(known Read) bool {
	if r.Exact != known.Exact {
		return r.Exact
	}
	return r.At.Before(known.At)
}

// Reads maps userIds of readers to their reads. A read never un-happens.
type Reads map[string]Read

// with adds who announced the message, to whom it is not new when it is sent, and who confirmed
// it.
func (r Reads) with(m Message, confirmations map[string]time.Time) Reads {
	all := make(Reads, len(r)+len(confirmations)+1)
	maps.Copy(all, r)
	for id, at := range confirmations {
		if known, read := r[id]; !read || at.Before(known.At) {
			all[id] = Read{At: at, Exact: true}
		}
	}
	if m.Author.UserID != "" && m.State.Posted() {
		all[m.Author.UserID] = Read{At: m.SentAt, Exact: true}
	}
	return all
}

// Part names what an incomplete report lacks.
type Part string

// The parts of a report that can be missing.
const (
	ReadersPart  Part = "readers"  // who has read is not fully known
	MembersPart  Part = "members"  // who is in the group now is not known
	AudiencePart Part = "audience" // whom the message was for is not known
)

// Gap is a part that a report lacks, and why.
type Gap struct {
	Part Part
	Err  error
}

// Facts is everything that a report is computed from.
type Facts struct {
	Message  Message
	Audience *Members              // as counted; nil if it is not known
	Moves    map[string][]Sighting // see Snapshot
	Current  *Members              // in the group now; nil if it is not known
	Reads    Reads
	// Confirmations are when people confirmed the message, by userId.
	Confirmations map[string]time.Time
	// AsOf is when DingTalk was last asked for all readers; zero if never.
	AsOf time.Time
	Gaps []Gap
	// Excluded are never counted.
	Excluded  []string
	Reminders map[string]int // of the message, by userId
	FollowUp  *FollowUp      // of the message; nil if there is none
}

// Receipt is one reader's.
type Receipt struct {
	UserID string
	Read
}

// Report tells who has read a message and who has not.
type Report struct {
	Message Message
	Read    []Receipt // of the audience, the earliest known first
	// Unread lists who of the audience is still in the group and has not read.
	// It is empty unless the report is complete: nobody who may have read is
	// ever called unread.
	Unread []string
	// Confirmed is who of the audience confirmed the message, the earliest first, and
	// Unconfirmed who of it is still in the group and did not, readers or not; nobody where it
	// is not known who that is. Who announced the message is in neither.
	Confirmed   []Receipt
	Unconfirmed []string
	// Total is Read plus those who have not read and are still in the group. It
	// is 0 where the audience is not known, and then only Read says anything.
	Total int
	// Left counts who left the group without having read.
	Left int
	// Joined counts who came into the group after the message was sent.
	Joined int
	// Outsiders counts people from outside the organisation.
	Outsiders int
	Source    Source    // of the audience
	Present   Source    // of who is in the group now; empty if that is not known
	Counted   time.Time // when the audience was counted
	AsOf      time.Time
	Gaps      []Gap
	Reminders map[string]int // how often each person was reminded, by userId
	FollowUp  *FollowUp      // nil unless one goes on
}

// Deadline is until when people are to have read the message: its own, which they were told, or
// else the end of a follow-up that was asked for later; zero if there is none.
func (r Report) Deadline() time.Time {
	if r.Message.Deadline.IsZero() && r.FollowUp != nil && !r.FollowUp.Cut {
		return r.FollowUp.Until
	}
	return r.Message.Deadline
}

// Complete reports whether everything that the report should say is known.
func (r Report) Complete() bool { return len(r.Gaps) == 0 }

// Shown returns whom an account of the report names, in lists of at most limit people: the
// unread, who confirmed and who did not if that is asked for, and the readers too if they are
// listed.
func (r Report) Shown(limit int, withReaders bool) []string {
	ids := slices.Clone(r.Unread[:min(len(r.Unread), limit)])
	if r.Message.Confirm {
		ids = append(ids, r.Unconfirmed[:min(len(r.Unconfirmed), limit)]...)
		onlyRead := r.OnlyRead()
		ids = append(ids, onlyRead[:min(len(onlyRead), limit)]...)
		for _, receipt := range r.Confirmed[:min(len(r.Confirmed), limit)] {
			ids = append(ids, receipt.UserID)
		}
	}
	if withReaders {
		for _, receipt := range r.Read[:min(len(r.Read), limit)] {
			ids = append(ids, receipt.UserID)
		}
	}
	return ids
}

// AllRead reports whether everybody has certainly read. Of a learned audience that is
// never certain.
func (r Report) AllRead() bool {
	return r.Complete() && r.Source != Learned && r.Total > 0 && len(r.Read) == r.Total
}

// Percent is the share of readers, rounded down: 100 only when all have read, of
// whom is known.
func (r Report) Percent() int {
	if r.Total == 0 {
		return 0
	}
	return len(r.Read) * 100 / r.Total
}

// Compute makes the report that follows from the facts.
//
// Who announced the message has read it when it was sent, as far as they are of the
// audience.
//
// A reader of the audience stays a reader after leaving the group. Somebody of
// the audience who is known to have left without reading is counted apart, and
// so is everybody who came later, reader or not.
//
// The audience is who was in the group when the message was posted, however late that
// became known.
//
// A Learned audience is not complete. Whoever has read was in it all the same, and is
// added to it; of the others nobody can tell whether they came later. Nor did
// somebody leave who is only missing from a Learned list.
func Compute(f Facts) Report {
	r := Report{Message: f.Message, AsOf: f.AsOf, Gaps: slices.Clone(f.Gaps), Reminders: f.Reminders}
	reads := f.Reads.with(f.Message, f.Confirmations)
	if f.FollowUp != nil && f.FollowUp.Ended == "" {
		r.FollowUp = f.FollowUp
	}
	if f.Audience == nil {
		if !slices.ContainsFunc(r.Gaps, func(g Gap) bool { return g.Part == AudiencePart }) {
			r.Gaps = append(r.Gaps, Gap{Part: AudiencePart, Err: ErrNoMemberList})
		}
		excluded := setOf(f.Excluded)
		for id, known := range reads {
			if !excluded[id] {
				r.Read = append(r.Read, f.receipt(id, known))
				f.addConfirmed(&r, id)
			}
		}
		sortReceipts(r.Read)
		sortReceipts(r.Confirmed)
		return r
	}

	audience := f.Audience.atPosting(f.Message.posted(), f.Moves).Without(f.Excluded)
	if audience.Source == Learned {
		audience = audience.with(reads).Without(f.Excluded)
	}
	r.Source, r.Counted, r.Outsiders = audience.Source, audience.At, audience.Outsiders
	here := func(string) bool { return true }
	if f.Current != nil {
		current := f.Current.Without(f.Excluded)
		r.Present = current.Source
		asked, present, gone := setOf(audience.UserIDs), setOf(current.UserIDs), setOf(current.Gone)
		here = func(id string) bool { return present[id] || current.Source == Learned && !gone[id] }
		for id := range present {
			if !asked[id] && audience.Source != Learned {
				r.Joined++
			}
		}
		if current.Source != Learned { // which knows nobody from outside
			r.Outsiders = current.Outsiders
		}
	}
	var unread, unconfirmed []string
	for _, id := range audience.UserIDs {
		if !f.addConfirmed(&r, id) && here(id) && id != f.Message.Author.UserID {
			unconfirmed = append(unconfirmed, id)
		}
		known, read := reads[id]
		switch {
		case read:
			r.Read = append(r.Read, f.receipt(id, known))
		case !here(id):
			r.Left++
		default:
			unread = append(unread, id)
		}
	}
	sortReceipts(r.Read)
	sortReceipts(r.Confirmed)
	r.Total = len(r.Read) + len(unread)
	if f.Message.Confirm && !r.lacks(MembersPart) && !r.lacks(AudiencePart) {
		r.Unconfirmed = unconfirmed
	}
	if r.Complete() {
		r.Unread = unread
	}
	return r
}

// addConfirmed adds somebody of the audience to who confirmed, and reports whether they did.
func (f Facts) addConfirmed(r *Report, userID string) bool {
	at, confirmed := f.Confirmations[userID]
	if !confirmed || userID == f.Message.Author.UserID {
		return false
	}
	r.Confirmed = append(r.Confirmed, f.receipt(userID, Read{At: at, Exact: true}))
	return true
}

// lacks reports whether a part of the report is missing.
func (r Report) lacks(part Part) bool {
	return slices.ContainsFunc(r.Gaps, func(g Gap) bool { return g.Part == part })
}

// Asked is the report with what the message asks for in the place of reading, if that is to
// confirm it: that is known, whatever DingTalk tells of its readers.
func (r Report) Asked() Report {
	if !r.Message.Confirm {
		return r
	}
	r.Read, r.Unread = r.Confirmed, r.Unconfirmed
	r.Total = len(r.Read) + len(r.Unread)
	if r.Message.State == Sent {
		r.Gaps = slices.DeleteFunc(slices.Clone(r.Gaps), func(g Gap) bool { return g.Part == ReadersPart })
	}
	return r
}

// OnlyRead is who of those in the group has read the message and not confirmed it.
func (r Report) OnlyRead() []string {
	read := setOf(readersOf(r))
	return slices.DeleteFunc(slices.Clone(r.Unconfirmed), func(id string) bool { return !read[id] })
}

// AllConfirmed reports whether everybody who is asked to has certainly confirmed the message.
func (r Report) AllConfirmed() bool {
	asked := r.Asked()
	return r.Message.Confirm && asked.Complete() && r.Source != Learned && asked.Total > 0 && len(asked.Unread) == 0
}

// only is the report where nobody lacks anything but these people.
func (r Report) only(people []string) Report {
	r.Unread, r.Unconfirmed = among(people, r.Unread), among(people, r.Unconfirmed)
	return r
}

// ReadByOthers reports whether anybody is known to have read but who announced the message.
func (r Report) ReadByOthers() bool {
	return slices.ContainsFunc(r.Read, func(receipt Receipt) bool { return receipt.UserID != r.Message.Author.UserID })
}

// sparing is the report without who has the others reminded, and needs no reminder.
func (r Report) sparing(by Person) Report {
	r.Unread = slices.DeleteFunc(slices.Clone(r.Unread), func(id string) bool { return id == by.UserID })
	return r
}

// since is the report where those have read and confirmed who are known to have by now.
func (r Report) since(now Snapshot) Report {
	reads, facts := now.Reads.with(now.Message, now.Confirmations), Facts{Message: r.Message, Confirmations: now.Confirmations}
	unconfirmed := r.Unconfirmed
	r.Confirmed, r.Unconfirmed = slices.Clone(r.Confirmed), nil
	for _, id := range unconfirmed {
		if !facts.addConfirmed(&r, id) {
			r.Unconfirmed = append(r.Unconfirmed, id)
		}
	}
	sortReceipts(r.Confirmed)
	unread := r.Unread
	r.Read, r.Unread = slices.Clone(r.Read), nil
	for _, id := range unread {
		if known, read := reads[id]; read {
			r.Read = append(r.Read, facts.receipt(id, known))
		} else {
			r.Unread = append(r.Unread, id)
		}
	}
	sortReceipts(r.Read)
	return r
}

// receipt is a reader's. Nobody reads before the message was sent: an earlier time is
// that of a clock which is behind.
func (f Facts) receipt(userID string, known Read) Receipt {
	if known.At.Before(f.Message.SentAt) {
		known.At = f.Message.SentAt
	}
	return Receipt{userID, known}
}

func sortReceipts(receipts []Receipt) {
	slices.SortFunc(receipts, func(a, b Receipt) int {
		return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.UserID, b.UserID))
	})
}

func setOf(ids []string) map[string]bool {
	set := make(map[string]bool, len(ids))
	for _, id := range ids {
		set[id] = true
	}
	return set
}
