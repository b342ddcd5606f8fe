package receipts

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"
)

// Source names where a list of members comes from. The values are stored.
type Source string

// The sources of member lists, in the order in which they are asked.
const (
	SceneGroup Source = "scene_group" // DingTalk's member list of a scene group
	Chat       Source = "chat"        // a chat that this app created
	Roster     Source = "roster"      // the administrator's configuration
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
}

// Without returns the members without the excluded userIds.
func (m Members) Without(excluded []string) Members {
	m.UserIDs = slices.DeleteFunc(slices.Clone(m.UserIDs), func(id string) bool {
		return slices.Contains(excluded, id)
	})
	return m
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
// One of three things happens: the whole list comes back; ErrNoMemberList says
// that another source should be asked; any other error says that this source
// should have answered and could not.
type MemberSource interface {
	Source() Source
	Members(ctx context.Context, group string) (Members, Names, error)
}

// MemberRecords keep the last known members of each group, and people's names.
type MemberRecords interface {
	// KnownMembers returns nil if none are known.
	KnownMembers(ctx context.Context, group string) (*Members, error)
	KeepMembers(ctx context.Context, group string, m Members, names Names) error
	// AddMembers and RemoveMembers change the known members; they do nothing where
	// none are known.
	AddMembers(ctx context.Context, group string, userIDs []string) error
	RemoveMembers(ctx context.Context, group string, userIDs []string) error
}

// lastingFor is how long a source that can't list a group is not asked again.
// Its answer costs a counted call and changes only when an administrator acts.
const lastingFor = 6 * time.Hour

// MemberBook answers who is in a group: from the cache, or from the first
// source that can tell.
type MemberBook struct {
	sources []MemberSource
	records MemberRecords
	fresh   time.Duration
	now     func() time.Time

	mu      sync.Mutex
	lasting map[lastingKey]lastingFailure
}

type lastingKey struct {
	group  string
	source Source
}

type lastingFailure struct {
	err   error
	until time.Time
}

// NewMemberBook returns a book that asks sources in their order and uses an
// answer again while it is younger than fresh.
func NewMemberBook(records MemberRecords, fresh time.Duration, now func() time.Time, sources ...MemberSource) *MemberBook {
	return &MemberBook{
		sources: sources, records: records, fresh: fresh, now: now,
		lasting: map[lastingKey]lastingFailure{},
	}
}

// Members returns who is in the group. ErrNoMemberList means that no source
// can tell; any other error is the failure of the source that should have.
func (b *MemberBook) Members(ctx context.Context, group string) (Members, error) {
	known, err := b.records.KnownMembers(ctx, group)
	if err != nil {
		return Members{}, err
	}
	if known != nil && young(known.At, b.now(), b.fresh) {
		return *known, nil
	}
	var reasons []error
	for _, source := range b.sources {
		members, names, err := b.ask(ctx, source, group)
		if errors.Is(err, ErrNoMemberList) {
			reasons = append(reasons, err)
			continue
		}
		if err != nil {
			return Members{}, fmt.Errorf("list members from %s: %w", source.Source(), err)
		}
		if err := b.records.KeepMembers(ctx, group, members, names); err != nil {
			return Members{}, err
		}
		return members, nil
	}
	return Members{}, errors.Join(append([]error{ErrNoMemberList}, reasons...)...)
}

// Joined notes that people came into the group.
func (b *MemberBook) Joined(ctx context.Context, group string, userIDs []string) error {
	return b.records.AddMembers(ctx, group, userIDs)
}

// Left notes that people are in the group no more.
func (b *MemberBook) Left(ctx context.Context, group string, userIDs []string) error {
	return b.records.RemoveMembers(ctx, group, userIDs)
}

// Known returns the members as they were last known, without asking anybody; nil
// if they never were.
func (b *MemberBook) Known(ctx context.Context, group string) (*Members, error) {
	return b.records.KnownMembers(ctx, group)
}

// young tells whether an answer of that time can still be used. A time that the
// clock of another replica set ahead of ours never can.
func young(at, now time.Time, fresh time.Duration) bool {
	age := now.Sub(at)
	return age >= 0 && age < fresh
}

// ask asks one source, unless it said not long ago that it can't tell.
func (b *MemberBook) ask(ctx context.Context, source MemberSource, group string) (Members, Names, error) {
	key, now := lastingKey{group, source.Source()}, b.now()
	b.mu.Lock()
	known, ok := b.lasting[key]
	b.mu.Unlock()
	if ok && now.Before(known.until) {
		return Members{}, nil, known.err
	}
	members, names, err := source.Members(ctx, group)
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.lasting, key)
	if errors.Is(err, ErrNoMemberList) {
		maps.DeleteFunc(b.lasting, func(_ lastingKey, f lastingFailure) bool { return !now.Before(f.until) })
		b.lasting[key] = lastingFailure{err: err, until: now.Add(lastingFor)}
	}
	return members, names, err
}
