package receipts

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Quote is what a quotation shows of the quoted message.
type Quote struct {
	// Key is the originalProcessQueryKey: the quoted message is the bot's own.
	Key string
	// CreatedAt and Text are of the quoted message. Both may be missing.
	CreatedAt time.Time
	Text      string
	// Number is the #n in the first line of the text, which is the bot's own; 0 if there is
	// none, or somebody else wrote it.
	Number int
	// Signed is the #n of the line by which the bot signs an announcement, if the text ends with
	// one; else 0.
	Signed int
	// Answer reports that the text begins as the bot's answers about #Number do.
	Answer bool
}

// A message is on its way to the group for less than this. An uncertain message
// and a quotation that are further apart do not belong together.
const deliveredWithin = 10 * time.Minute

// healable is how many of a group's last messages are looked through for an
// uncertain one.
const healable = 50

// beginningRunes is how much of a post a quotation has to show.
const beginningRunes = 40

// Beginning returns how the post of an announcement begins, as far as quotations are
// compared with it: its title and its text, without the line by which the bot signs it, which
// a quotation may not show.
func Beginning(title, text string) string {
	if text != title {
		title += text
	}
	beginning := []rune(plain(title))
	return string(beginning[:min(len(beginning), beginningRunes)])
}

// excerptRunes is how much of its text the record of an announcement has.
const excerptRunes = 200

// Excerpt returns the beginning of the text of an announcement, for who does not have it before
// them; empty if it has none but its title. One that is cut ends with an ellipsis.
func Excerpt(title, text string) string {
	if text == title {
		return ""
	}
	all := []rune(strings.TrimSpace(text))
	if len(all) <= excerptRunes {
		return string(all)
	}
	return strings.TrimSpace(string(all[:excerptRunes-1])) + "…"
}

// plain is a text without white space and markdown's marks, of which a quotation shows
// some, or none.
func plain(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) || strings.ContainsRune("\\`*_~#>[]()!|+-", r) {
			return -1
		}
		return r
	}, text)
}

// Quoted finds the message of the group that somebody quoted.
//
// What is recorded of its key comes first: the message with that key, or the one that
// a post with that key is about. Then counts the number that an answer of the bot gives.
// One that an announcement is signed with leaves no other message in question.
// Else the quoted message was sent without its key being recorded, and its text must
// show what it is. If that is how one uncertain message begins, that one was delivered
// after all, and is Sent from now on. If one that is on its way begins like that, it is
// the quoted one as far as anybody can tell yet, and stays as it is. Otherwise, and where
// several uncertain messages begin like that, the quoted message is adopted under a
// number of its own, if DingTalk answers for it in this group.
//
// ErrNotMessage means that it is about none of the messages, or shows too little. Any
// other error is DingTalk's refusal, or that of the records.
func (r *Reporter) Quoted(ctx context.Context, group string, q Quote, by Asker) (Message, error) {
	m, err := r.Records.ByKey(ctx, group, q.Key)
	if !errors.Is(err, ErrNoMessage) {
		return m, err
	}
	signed, err := r.signed(ctx, group, q)
	if err != nil {
		return Message{}, err
	}
	if about := q.about(); about > 0 && signed == 0 {
		if m, err := r.Message(ctx, group, about); !errors.Is(err, ErrNoMessage) {
			return m, err
		}
	}
	text := plain(q.Text)
	if text == "" {
		return Message{}, ErrNotMessage
	}
	recent, err := r.Records.Recent(ctx, group, healable)
	if err != nil {
		return Message{}, err
	}
	var uncertain []Message
	for _, m := range recent {
		if !q.fits(m) || !strings.Contains(text, m.Beginning) || signed > 0 && m.Number != signed {
			continue
		}
		kept, err := r.expireSending(ctx, Snapshot{Message: m})
		if err != nil {
			return Message{}, err
		}
		switch kept.Message.State {
		case Sending:
			return kept.Message, nil
		case Uncertain:
			uncertain = append(uncertain, kept.Message)
		}
	}
	if len(uncertain) != 1 {
		return r.adopt(ctx, group, q, by)
	}
	sent := r.sent(q)
	if q.CreatedAt.IsZero() {
		sent = uncertain[0].CreatedAt
	}
	m, err = r.Records.Mark(ctx, group, uncertain[0].Number, Change{To: Sent, Key: q.Key, SentAt: sent})
	switch {
	case errors.Is(err, ErrWrongState): // meanwhile it turned out to be another one
		return r.adopt(ctx, group, q, by)
	case err != nil:
		return Message{}, fmt.Errorf("heal message: %w", err)
	}
	return m, nil
}

// Shown finds the one of a group's last messages whose post shows this text, or begins with
// it as far as that is recorded. ErrNoMessage means that none does, and ErrNotMessage that
// several do. A message that was not sent is in no group.
func (r *Reporter) Shown(ctx context.Context, group, text string) (Message, error) {
	recent, err := r.Records.Recent(ctx, group, healable)
	if err != nil {
		return Message{}, err
	}
	text = plain(text)
	recent = slices.DeleteFunc(recent, func(m Message) bool {
		rest, begins := strings.CutPrefix(text, m.Beginning)
		return slices.Contains([]State{Scheduled, CalledOff, Failed}, m.State) || m.Beginning == "" || !begins || m.whole() && rest != "" && !m.signs(rest)
	})
	switch len(recent) {
	case 0:
		return Message{}, ErrNoMessage
	case 1:
		return recent[0], nil
	default:
		return Message{}, ErrNotMessage
	}
}

// signed is the number that the quoted text is signed with, if the message of that number shows
// it; else 0.
func (r *Reporter) signed(ctx context.Context, group string, q Quote) (int, error) {
	if q.Signed == 0 {
		return 0, nil
	}
	m, err := r.Message(ctx, group, q.Signed)
	if errors.Is(err, ErrNoMessage) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	_, rest, begins := strings.Cut(plain(q.Text), m.Beginning)
	if m.Beginning == "" || !begins || m.whole() && !m.signs(rest) {
		return 0, nil
	}
	return m.Number, nil
}

// whole reports whether Beginning is all of the post but its signature.
func (m Message) whole() bool { return utf8.RuneCountInString(m.Beginning) < beginningRunes }

// signs reports whether a text, as plain gives it, is the line by which the bot signs the message.
func (m Message) signs(text string) bool {
	number := strconv.Itoa(m.Number)
	return text == number || strings.HasPrefix(text, number+"·")
}

// fits reports whether the quoted message may be m, as far as states and times say.
func (q Quote) fits(m Message) bool {
	if m.State != Uncertain && m.State != Sending || m.Beginning == "" {
		return false
	}
	return q.CreatedAt.IsZero() || q.CreatedAt.Sub(m.CreatedAt).Abs() < deliveredWithin
}

// sent is when the quoted message was sent, which is over, whatever DingTalk's clock
// shows.
func (r *Reporter) sent(q Quote) time.Time {
	if now := r.Now(); q.CreatedAt.IsZero() || q.CreatedAt.After(now) {
		return now
	}
	return q.CreatedAt
}

func (r *Reporter) adopt(ctx context.Context, group string, q Quote, by Asker) (Message, error) {
	sent := r.sent(q)
	title, _, _ := strings.Cut(strings.TrimSpace(q.Text), "\n")
	m := Message{
		Group: group, Title: strings.TrimSpace(title), Key: q.Key, State: Sent,
		CreatedAt: sent, SentAt: sent, Adopted: true,
	}
	if by.NoCalls {
		return Message{}, ErrLimited
	}
	ids, delivery, a := r.readers(ctx, m, by.Rights)
	by.pay(ctx, a.calls)
	if a.gap != nil && !errors.Is(a.gap, ErrNoReadData) {
		return Message{}, fmt.Errorf("look up the quoted message: %w", a.gap)
	}
	m, adoptErr := r.Records.Adopt(ctx, m)
	if adoptErr != nil {
		return Message{}, fmt.Errorf("adopt message: %w", adoptErr)
	}
	if m.Key != q.Key { // by now it is recorded as a post about m, whose readers these are not
		return m, nil
	}
	if a.gap != nil || delivery != Delivered {
		a.asked = time.Time{}
	}
	if err := r.Records.SaveReads(ctx, group, m.Number, ids, r.Now(), a.asked); err != nil {
		return Message{}, fmt.Errorf("keep reads: %w", err)
	}
	return m, nil
}
