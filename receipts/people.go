package receipts

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"golang.org/x/text/width"
)

// Reading is what is known of one person and one message.
type Reading string

// What can be known. Whoever may have read is never called unread.
const (
	HasRead   Reading = "read"
	HasNot    Reading = "unread"
	NotKnown  Reading = "unknown" // the report is not complete
	HasLeft   Reading = "left"    // the group, without having read
	NotForOne Reading = "other"   // the person is not of the audience
)

// PeopleQuery is a question about whether some people have read a message.
type PeopleQuery struct {
	Group string
	Ref   Ref
	Names []string // of people, or parts of them
	// Numbered is the only name with the number beside it. If somebody is called so, the
	// number is of the name and of no message. Without Names the question is about nobody if
	// nobody is.
	Numbered string
	UserIDs  []string // who is meant beside them
}

// PersonReading is one of the people whom a question is about.
type PersonReading struct {
	UserID  string
	Reading Reading
	Read    Read // if they have
	// Confirmed is when they confirmed it; zero if they did not.
	Confirmed time.Time
}

// PeopleReport tells of some people whether they have read a message.
type PeopleReport struct {
	Report  Report
	People  []PersonReading
	Unknown []string // names that nobody has
	Names   Names    // of the people

	audience []string // of the message, whatever is known of it
	known    bool     // whether that is everybody
}

// People tells whether people have read a message. Errors are those of Report.
func (s *Service) People(ctx context.Context, by Actor, q PeopleQuery) (PeopleReport, error) {
	if err := s.Permit(by, q.Group, RightReport); err != nil {
		return PeopleReport{}, err
	}
	if q.Numbered != "" {
		here, err := s.known(ctx, q.Group)
		if err != nil {
			return PeopleReport{}, err
		}
		if found, _ := NamedAs([]string{q.Numbered}, here, s.Names(ctx, q.Group, here)); len(found) > 0 {
			q.Names, q.Ref.Number = []string{q.Numbered}, 0
		}
	}
	report, err := s.report(ctx, by, q.Group, q.Ref, RightReport)
	if err != nil {
		return PeopleReport{}, err
	}
	here, err := s.known(ctx, q.Group)
	if err != nil {
		return PeopleReport{}, err
	}
	snapshot, err := s.ports.Store.Snapshot(ctx, q.Group, report.Message.Number)
	if err != nil {
		return PeopleReport{}, missing(report.Message.Number, err)
	}
	var audience []string
	if snapshot.Audience != nil {
		audience = snapshot.Audience.atPosting(report.Message.posted(), snapshot.Moves).Without(s.Excluded).UserIDs
	}
	candidates := distinct(audience, readersOf(report), here, q.UserIDs)
	report, names, err := s.Named(ctx, report, candidates)
	if err != nil {
		return PeopleReport{}, err
	}
	found, unknown := NamedAs(q.Names, candidates, names)
	answer := PeopleReport{Report: report, Unknown: unknown, Names: names, audience: audience, known: snapshot.Audience != nil}
	return answer.of(distinct(q.UserIDs, found)), nil
}

// PeopleAgain is what People told a while ago, as things stand now by what is known.
func (s *Service) PeopleAgain(ctx context.Context, r PeopleReport) (PeopleReport, error) {
	var ids []string
	for _, p := range r.People {
		ids = append(ids, p.UserID)
	}
	var err error
	r.Report, err = s.Again(ctx, r.Report)
	return r.of(ids), err
}

// of is the report about these people.
func (r PeopleReport) of(userIDs []string) PeopleReport {
	r.People = nil
	for _, id := range userIDs {
		r.People = append(r.People, r.Report.ReadingOf(id, r.known, r.audience))
	}
	return r
}

// known are the members of a group as they were last known.
func (s *Service) known(ctx context.Context, group string) ([]string, error) {
	members, err := s.members.Known(ctx, group)
	if members == nil || err != nil {
		return nil, err
	}
	return members.Without(s.Excluded).UserIDs, nil
}

// ReadingOf tells whether somebody has read, given the audience, if that is known.
func (r Report) ReadingOf(userID string, known bool, audience []string) PersonReading {
	p := PersonReading{UserID: userID}
	i := slices.IndexFunc(r.Read, func(receipt Receipt) bool { return receipt.UserID == userID })
	switch {
	case i >= 0:
		p.Reading, p.Read = HasRead, r.Read[i].Read
		if i := slices.IndexFunc(r.Confirmed, func(receipt Receipt) bool { return receipt.UserID == userID }); i >= 0 {
			p.Confirmed = r.Confirmed[i].At
		}
	case slices.Contains(r.Unread, userID):
		p.Reading = HasNot
	case known && r.Source != Learned && !slices.Contains(audience, userID):
		p.Reading = NotForOne
	case r.Complete() && slices.Contains(audience, userID):
		p.Reading = HasLeft
	default:
		p.Reading = NotKnown
	}
	return p
}

// NamedAs are those of the people whose names hold one of the wanted ones; where somebody is
// called exactly so, only who is. Case, width and white space do not matter. Unknown are the
// wanted ones that nobody has.
func NamedAs(wanted, people []string, names Names) (found, unknown []string) {
	for _, name := range wanted {
		folded := bare(name)
		var whole, part []string
		for _, id := range people {
			switch called := bare(names[id]); {
			case folded == "" || called == "":
			case called == folded:
				whole = append(whole, id)
			case strings.Contains(called, folded):
				part = append(part, id)
			}
		}
		if len(whole) > 0 {
			part = whole
		}
		if len(part) == 0 {
			unknown = append(unknown, name)
		}
		found = append(found, part...)
	}
	return distinct(found), unknown
}

// bare is a text without case, width and white space.
func bare(text string) string {
	return strings.ToLower(strings.Join(strings.Fields(width.Fold.String(text)), ""))
}

func readersOf(r Report) []string {
	ids := make([]string, len(r.Read))
	for i, receipt := range r.Read {
		ids[i] = receipt.UserID
	}
	return ids
}

// distinct are all of the lists, each once, in their order.
func distinct(lists ...[]string) []string {
	var all []string
	seen := map[string]bool{}
	for _, list := range lists {
		for _, id := range list {
			if !seen[id] {
				seen[id] = true
				all = append(all, id)
			}
		}
	}
	return all
}

// SeveralFitError means that a title or a day fits several messages, the newest first.
type SeveralFitError struct{ Numbers []int }

func (e *SeveralFitError) Error() string { return fmt.Sprintf("%d messages fit", len(e.Numbers)) }

// searched is how many of a group's last messages are searched for a title or a day.
const searched = 100

// spokenOf finds the message that a part of its title, or a day, tells.
func (r *Reporter) spokenOf(ctx context.Context, group string, ref Ref) (Message, error) {
	recent, err := r.Records.Recent(ctx, group, searched)
	if err != nil {
		return Message{}, err
	}
	return ref.Among(recent)
}

// Among is the only one of the messages with that part of a title and of that day. The error
// is ErrNoneFits or a *SeveralFitError.
func (r Ref) Among(messages []Message) (Message, error) {
	var fit []Message
	for _, m := range messages {
		day := func() bool {
			at := m.CreatedAt.In(r.On.Location())
			return at.Year() == r.On.Year() && at.YearDay() == r.On.YearDay()
		}
		if strings.Contains(bare(m.Title), bare(r.Topic)) && (r.On.IsZero() || day()) {
			fit = append(fit, m)
		}
	}
	switch len(fit) {
	case 0:
		return Message{}, ErrNoneFits
	case 1:
		return fit[0], nil
	}
	several := &SeveralFitError{}
	for _, m := range fit {
		several.Numbers = append(several.Numbers, m.Number)
	}
	return Message{}, several
}
