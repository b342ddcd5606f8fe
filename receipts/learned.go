package receipts

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"
)

// Sign is the last that was noticed of somebody in a group.
type Sign struct {
	At   time.Time
	Here bool // spoke or came; otherwise left
}

// Heard is what a command tells of its group, besides what it asks for. All of it may
// be missing.
type Heard struct {
	Speaker Person // of the organisation
	At      time.Time
	Title   string // of the group
	// Webhook is the session webhook of the group, a secret, and good until then.
	Webhook      string
	WebhookUntil time.Time
}

// SeenRecords keep signs of who is in a group.
type SeenRecords interface {
	// Signs returns the last sign of everybody who was noticed, by userId.
	Signs(ctx context.Context, group string) (map[string]Sign, error)
	// RecentReads returns the reads of the last messages of a group, at most limit
	// of them, the newest first.
	RecentReads(ctx context.Context, group string, limit int) ([]MessageReads, error)
}

// MessageReads is who read one message.
type MessageReads struct {
	SentAt time.Time // zero if it is not known to have been sent
	Reads  Reads
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
func (l LearnedMembers) Members(ctx context.Context, group string) (Members, Names, error) {
	members := Members{Source: Learned, At: l.Now()}
	signs, err := l.Records.Signs(ctx, group)
	if err != nil {
		return Members{}, nil, err
	}
	messages, err := l.Records.RecentReads(ctx, group, learnedFrom)
	if err != nil {
		return Members{}, nil, err
	}
	signs = maps.Clone(signs)
	if signs == nil {
		signs = map[string]Sign{}
	}
	for _, m := range messages {
		for id, read := range m.Reads {
			// A query shows a read some time after it; all that is certain is that it
			// came after the message.
			at := m.SentAt
			if read.Exact {
				at = read.At
			}
			if known, ok := signs[id]; !ok || known.At.Before(at) {
				signs[id] = Sign{At: at, Here: true}
			}
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
	messages, err := l.Records.RecentReads(ctx, group, learnedFrom)
	if err != nil {
		return time.Time{}, err
	}
	var last time.Time
	for _, m := range messages {
		for _, read := range m.Reads {
			if read.Exact && read.At.After(last) {
				last = read.At
			}
		}
	}
	return last, nil
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
