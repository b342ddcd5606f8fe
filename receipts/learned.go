package receipts

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"
)

// Sighting is the last that was noticed of somebody in a group.
type Sighting struct {
	At   time.Time
	Here bool // spoke or came; otherwise left
}

// GroupUpdate is what a command tells of its group, besides what it asks for. All of it may
// be missing.
type GroupUpdate struct {
	Speaker Person // of the organisation
	At      time.Time
	Command string // by which a question that the speaker was asked is given to it
	Title   string // of the group
	// Language is that of the command, in which what comes by itself is said from now on;
	// empty if the command does not tell.
	Language string
	Webhook  Webhook
}

// SeenRecords keep signs of who is in a group.
type SeenRecords interface {
	// Sightings returns who was noticed in a group; who read, of its last messages only, at
	// most limit of them.
	Sightings(ctx context.Context, group string, limit int) (Sightings, error)
	// LastPush returns when the last read of these messages was pushed, by the time of
	// the read; zero if none was.
	LastPush(ctx context.Context, group string, limit int) (time.Time, error)
}

// Sightings is who was noticed in a group, by userId.
type Sightings struct {
	Signs map[string]Sighting // the last of each who spoke, came or left
	// Readers have the last time that they were certainly there to read: that of an exact
	// read, or of the message's sending. A query shows a read some time after it; all that
	// is certain is that it came after the message.
	Readers map[string]time.Time
}

// learnedFrom is how many messages of a group are looked at for readers.
const learnedFrom = 50

// LearnedMembers is the source of groups whose members nobody lists: who spoke to the
// bot, came in or read one of the last messages, and did not leave since. It asks the
// records only.
type LearnedMembers struct {
	Records SeenRecords
	Now     func() time.Time
}

// Source implements MemberSource.
func (LearnedMembers) Source() Source { return Learned }

// Members implements MemberSource. Nobody was noticed: ErrNoMemberList.
func (l LearnedMembers) Members(ctx context.Context, group string, _ Rights) (Members, Names, error) {
	members := Members{Source: Learned, At: l.Now()}
	noticed, err := l.Records.Sightings(ctx, group, learnedFrom)
	if err != nil {
		return Members{}, nil, err
	}
	signs := make(map[string]Sighting, len(noticed.Signs)+len(noticed.Readers))
	maps.Copy(signs, noticed.Signs)
	for id, at := range noticed.Readers {
		if known, ok := signs[id]; !ok || known.At.Before(at) {
			signs[id] = Sighting{At: at, Here: true}
		}
	}
	for _, id := range slices.Sorted(maps.Keys(signs)) {
		if signs[id].Here {
			members.UserIDs = append(members.UserIDs, id)
		} else {
			members.Gone = append(members.Gone, id)
		}
	}
	if len(members.UserIDs) == 0 {
		return Members{}, nil, fmt.Errorf("nobody was noticed: %w", ErrNoMemberList)
	}
	return members, nil, nil
}

// LastPush returns when DingTalk last pushed a read of one of the group's last
// messages; zero if it pushed none.
func (l LearnedMembers) LastPush(ctx context.Context, group string) (time.Time, error) {
	return l.Records.LastPush(ctx, group, learnedFrom)
}

// with adds readers to a Learned audience.
func (m Members) with(reads Reads) Members {
	known := setOf(m.UserIDs)
	m.UserIDs = slices.Clone(m.UserIDs)
	for _, id := range slices.Sorted(maps.Keys(reads)) {
		if !known[id] {
			m.UserIDs = append(m.UserIDs, id)
		}
	}
	return m
}
