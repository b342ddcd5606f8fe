package receipts

import (
	"context"
	"errors"
	"slices"
	"time"
)

// NoListError is why a source can't list a group until somebody changes the group,
// the app or its permissions. It matches ErrNoMemberList. A source that merely has
// nothing configured says ErrNoMemberList itself: to ask it again costs nothing.
type NoListError struct {
	Reason Reason
	// Err is the whole failure; nil if the refusal is remembered.
	Err error
}

func (e *NoListError) Error() string {
	if e.Err == nil {
		return ErrNoMemberList.Error() + ": " + string(e.Reason)
	}
	return ErrNoMemberList.Error() + ": " + e.Err.Error()
}

// Is makes it match ErrNoMemberList.
func (e *NoListError) Is(target error) bool { return target == ErrNoMemberList }

func (e *NoListError) Unwrap() error { return e.Err }

// Refusal is a source that said for a lasting reason that it can't list a group. It
// is not asked again until then: its answer costs a counted call and changes only when
// an administrator acts.
type Refusal struct {
	Source Source
	Reason Reason // as in NoListError
	Until  time.Time
}

// refusedFor is how long a refusal holds.
const refusedFor = 6 * time.Hour

// RefusalRecords keep the refusals of member sources, by group, for all replicas and
// over restarts.
type RefusalRecords interface {
	// Refusals returns what is kept, in any order; some may be over.
	Refusals(ctx context.Context, group string) ([]Refusal, error)
	// SaveRefusal keeps a refusal in place of an earlier one of the source, for the
	// given time.
	SaveRefusal(ctx context.Context, group string, r Refusal, keep time.Duration) error
	DeleteRefusals(ctx context.Context, group string) error
}

// Refusals returns which sources are not asked for this group at present, in the
// order in which they would be.
func (b *MemberResolver) Refusals(ctx context.Context, group string) ([]Refusal, error) {
	kept, err := b.records.Refusals(ctx, group)
	return b.activeRefusals(kept), err
}

// activeRefusals drops expired refusals, and orders the others as their sources are asked.
func (b *MemberResolver) activeRefusals(kept []Refusal) []Refusal {
	var hold []Refusal
	for _, source := range b.sources {
		for _, r := range kept {
			if r.Source == source.Source() && b.now().Before(r.Until) && !r.Until.Add(-refusedFor).Before(b.Since) {
				hold = append(hold, r)
			}
		}
	}
	return hold
}

// DeleteRefusals has every source asked again: something has changed about the
// group.
func (b *MemberResolver) DeleteRefusals(ctx context.Context, group string) error {
	return b.records.DeleteRefusals(ctx, group)
}

// ask asks one source, unless a refusal of its holds.
func (b *MemberResolver) ask(ctx context.Context, source MemberSource, group string, rights Rights, refusals []Refusal) (Members, Names, error) {
	i := slices.IndexFunc(refusals, func(r Refusal) bool { return r.Source == source.Source() })
	if i >= 0 {
		return Members{}, nil, &NoListError{Reason: refusals[i].Reason}
	}
	members, names, err := source.Members(ctx, group, rights)
	if refused, ok := errors.AsType[*NoListError](err); ok {
		r := Refusal{Source: source.Source(), Reason: refused.Reason, Until: b.now().Add(refusedFor)}
		if err := b.records.SaveRefusal(ctx, group, r, refusedFor); err != nil {
			return Members{}, nil, err
		}
		if b.Refused != nil {
			b.Refused(ctx, group, r, err)
		}
	}
	return members, names, err
}
