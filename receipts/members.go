package receipts

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"
)

// Source names where a list of members comes from. The values are stored.
type Source string

// The sources of member lists, in the order in which they are asked.
const (
	SceneGroup Source = "scene_group" // DingTalk's member list of a scene group
	Chat       Source = "chat"        // a chat that this app created
	Roster     Source = "roster"      // the administrator's configuration
	Learned    Source = "learned"     // who was seen in the group; never known to be complete
)

// Members is who belongs to a group at a moment, as far as one source knows.
// The audience of a message is the Members at the time of its sending.
type Members struct {
	UserIDs []string // without repetition
	// Outsiders counts people from outside the organisation. They have no userId,
	// so that their reads cannot be matched.
	Outsiders int
	Source    Source
	At        time.Time

	// Gone lists who is known to have left, of a Learned list. Who is in neither
	// list may be in the group or not.
	Gone []string
	// Lack is why no source has the whole list, of a Learned one; nil if no other
	// was to be asked. It is not kept.
	Lack error
}

// Without returns the members without the excluded userIds.
func (m Members) Without(excluded []string) Members {
	isExcluded := func(id string) bool { return slices.Contains(excluded, id) }
	m.UserIDs = slices.DeleteFunc(slices.Clone(m.UserIDs), isExcluded)
	m.Gone = slices.DeleteFunc(slices.Clone(m.Gone), isExcluded)
	return m
}

// clocksApart is how much earlier than a list of members a move may seem to be that is
// not in the list yet. One that is there already changes nothing.
const clocksApart = 5 * time.Second

// SyncedUntil is since when moves may not be in the list.
func (m Members) SyncedUntil() time.Time { return m.At.Add(-clocksApart) }

// atPosting returns an audience, which was counted before its message was posted, as it
// was then: moves are of who came or left meanwhile, or did so before and became known
// later, in any order. Who moved at that very moment was there.
func (m Members) atPosting(posted time.Time, moves map[string][]Sighting) Members {
	if len(moves) == 0 {
		return m
	}
	counted := setOf(m.UserIDs)
	var came, left []string
	for _, id := range slices.Sorted(maps.Keys(moves)) {
		last := Sighting{At: m.SyncedUntil(), Here: counted[id]}
		for _, move := range moves[id] {
			if before := move.At.Before(posted) || move.Here && move.At.Equal(posted); before && !move.At.Before(last.At) {
				last = move
			}
		}
		switch {
		case last.Here && !counted[id]:
			came = append(came, id)
		case !last.Here && counted[id]:
			left = append(left, id)
		}
	}
	m = m.Without(left)
	m.UserIDs = append(m.UserIDs, came...)
	return m
}

// EventTime is when something happened that DingTalk pushed.
type EventTime struct {
	Reported time.Time // by DingTalk's clock: it tells which of two pushes is the later one
	Local    time.Time // by this machine's clock: it compares with what was done here
}

// Names maps userIds to the names people know.
type Names map[string]string

var (
	// ErrNoMemberList means that a source can't list this group now and won't
	// soon: it is not that kind of group, a permission is missing, or nothing is
	// configured.
	ErrNoMemberList = errors.New("no member list")
	// ErrPaging means that DingTalk's pages make no sense: a cursor repeated, was
	// missing, or there was no end to them.
	ErrPaging = errors.New("the pages never end or repeat")
)

// MemberSource lists the members of groups.
//
// One of three things happens: the list comes back, the whole one unless the source
// is Learned; ErrNoMemberList says that another source should be asked, and a
// *NoListError that this one not be asked again soon; any other error says that this
// source should have answered and could not. ErrBudgetSpent is one of these, but where
// another source is known to have the list, or none is, the next one is asked.
type MemberSource interface {
	Source() Source
	Members(ctx context.Context, group string, rights Rights) (Members, Names, error)
}

// MemberRecords keep the last known members of each group, and people's names.
type MemberRecords interface {
	// KnownMembers returns nil if none are known, and the Refusals.
	KnownMembers(ctx context.Context, group string) (*Members, []Refusal, error)
	// SaveMembers keeps a list, and in it who came or left while it was made.
	SaveMembers(ctx context.Context, group string, m Members, names Names) error
	// AddMembers and RemoveMembers note who came or left at that moment, unless they
	// are known to have left or come later. They change the known members, if any are
	// known, and the Moves of the messages that were not yet posted then.
	AddMembers(ctx context.Context, group string, userIDs []string, at EventTime) error
	RemoveMembers(ctx context.Context, group string, userIDs []string, at EventTime) error
	RefusalRecords
}

// MemberResolver answers who is in a group: from the cache, or from the first
// source that can tell.
type MemberResolver struct {
	// Refused is told of each refusal that is kept, with its whole error. It may
	// be nil, and is set before the book is used.
	Refused func(ctx context.Context, group string, r Refusal, err error)

	// Since is when it was last changed which sources there are, or what is configured
	// about them: what was found out before is not used again. It may be zero, and is set
	// before the book is used.
	Since time.Time

	sources []MemberSource
	records MemberRecords
	fresh   time.Duration
	now     func() time.Time
}

// audienceFresh is how young a list has to be by which an audience is counted.
const audienceFresh = 10 * time.Minute

// NewMemberResolver returns a resolver that asks sources in their order and uses an answer
// again while it is younger than fresh: for an audience while it is younger than 10 minutes,
// and otherwise for as long as no reader contradicts it.
func NewMemberResolver(records MemberRecords, fresh time.Duration, now func() time.Time, sources ...MemberSource) *MemberResolver {
	return &MemberResolver{sources: sources, records: records, fresh: fresh, now: now}
}

// recordsError is a failure of the records. It says nothing about any source of
// members, and trying again may help.
type recordsError struct{ error }

func (e recordsError) Unwrap() error { return e.error }

// Members returns who is in the group, for an audience. ErrNoMemberList means that no source
// can tell; any other error is the failure of the source that should have, or of
// the records. A Learned list is made anew each time: it costs no call, and each
// reader makes it longer.
func (b *MemberResolver) Members(ctx context.Context, group string, rights Rights) (Members, error) {
	members, _, err := b.list(ctx, group, rights, b.forAudience)
	return members, err
}

// forAudience reports whether a list is young enough to count an audience by it, or to remind
// people.
func (b *MemberResolver) forAudience(known Members) bool {
	return young(known.At, b.now(), audienceFresh)
}

// usable reports whether a list need not be asked for anew.
func (b *MemberResolver) usable(known *Members, good func(Members) bool) bool {
	return known != nil && young(known.At, b.now(), b.fresh) && !known.At.Before(b.Since) && good(*known)
}

// atHand returns the members as they were last known, without asking DingTalk, and reports
// whether that is as good as a list that would be asked for.
func (b *MemberResolver) atHand(ctx context.Context, group string, good func(Members) bool) (*Members, bool, error) {
	listed, _, err := b.records.KnownMembers(ctx, group)
	if err != nil {
		return nil, false, err
	}
	if b.usable(listed, good) {
		return listed, true, nil
	}
	known, err := b.Known(ctx, group)
	return known, false, err
}

// good returns what tells whether a list is good enough for a report with these readers: it is
// young enough for an audience, or nobody has read since it was made who is not in it.
func (b *MemberResolver) good(reads Reads) func(known Members) bool {
	return func(known Members) bool {
		if b.forAudience(known) {
			return true
		}
		listed := setOf(known.UserIDs)
		for id, read := range reads {
			if read.At.After(known.At) && !listed[id] {
				return false
			}
		}
		return true
	}
}

// list is Members by a list that is good enough, and reports whether a source was asked that
// is not the records.
func (b *MemberResolver) list(ctx context.Context, group string, rights Rights, good func(known Members) bool) (_ Members, asked bool, _ error) {
	known, refusals, err := b.records.KnownMembers(ctx, group)
	if err != nil {
		return Members{}, false, recordsError{err}
	}
	if b.usable(known, good) {
		return *known, false, nil
	}
	refusals = b.activeRefusals(refusals)
	var reasons []error
	for _, source := range b.sources {
		members, names, err := b.ask(ctx, source, group, rights, refusals)
		asked = asked || !unasked(source, err)
		spent := errors.Is(err, ErrBudgetSpent) && (known == nil || known.Source != source.Source())
		if spent || errors.Is(err, ErrNoMemberList) {
			reasons = append(reasons, err)
			continue
		}
		if err != nil {
			return Members{}, asked, fmt.Errorf("list members from %s: %w", source.Source(), err)
		}
		if members.Source == Learned {
			members.Lack = errors.Join(reasons...)
			return members, asked, nil
		}
		if err := b.records.SaveMembers(ctx, group, members, names); err != nil {
			return Members{}, asked, recordsError{err}
		}
		return members, asked, nil
	}
	return Members{}, asked, errors.Join(append([]error{ErrNoMemberList}, reasons...)...)
}

// unasked reports whether a source gave its answer without asking DingTalk: it is the
// records', a refusal that is remembered, or that nothing is configured.
func unasked(source MemberSource, err error) bool {
	if refused, ok := errors.AsType[*NoListError](err); ok {
		return refused.Err == nil
	}
	return source.Source() == Learned || errors.Is(err, ErrNoMemberList)
}

// Joined notes that people came into the group.
func (b *MemberResolver) Joined(ctx context.Context, group string, userIDs []string, at EventTime) error {
	return b.records.AddMembers(ctx, group, userIDs, at)
}

// Left notes that people are in the group no more.
func (b *MemberResolver) Left(ctx context.Context, group string, userIDs []string, at EventTime) error {
	return b.records.RemoveMembers(ctx, group, userIDs, at)
}

// Known returns the members as they were last known, without asking DingTalk: where
// no list is known, the learned one; nil if there is none either.
func (b *MemberResolver) Known(ctx context.Context, group string) (*Members, error) {
	known, _, err := b.records.KnownMembers(ctx, group)
	if known != nil || err != nil {
		return known, err
	}
	for _, source := range b.sources {
		if source.Source() != Learned {
			continue
		}
		members, _, err := source.Members(ctx, group, Rights{})
		if errors.Is(err, ErrNoMemberList) {
			return nil, nil
		}
		return &members, err
	}
	return nil, nil
}

// young reports whether an answer of that time can still be used. A time that the
// clock of another replica set ahead of ours never can.
func young(at, now time.Time, fresh time.Duration) bool {
	age := now.Sub(at)
	return age >= 0 && age < fresh
}
