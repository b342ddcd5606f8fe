package receipts

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"go.uber.org/zap"
)

// LaterMax is how far ahead an announcement may be scheduled.
const LaterMax = 90 * 24 * time.Hour

// SeriesMax is how many series a group may have.
const SeriesMax = 20

const (
	// lateMax is how late an announcement is posted without asking its author.
	lateMax = 30 * time.Minute
	// laterAgain is how long an announcement waits that DingTalk did not take.
	laterAgain = time.Minute
)

var (
	// ErrManySeries means that the group has as many series as it may have.
	ErrManySeries = errors.New("too many series in this group")
	// ErrNothingScheduled means that no announcement of the group waits for its time.
	ErrNothingScheduled = errors.New("nothing is scheduled")
	// ErrBeingSent means that an announcement is being posted just now.
	ErrBeingSent = errors.New("it is being sent")
)

// errErased means that nobody knows any more what was to be posted.
var errErased = errors.New("what was to be sent is erased")

// ManyScheduledError means that several announcements wait for their time, the next first,
// and that it was not said which one is meant.
type ManyScheduledError struct{ Numbers []int }

func (e *ManyScheduledError) Error() string {
	return fmt.Sprintf("%d messages are scheduled", len(e.Numbers))
}

// LaterView is what the bot says about an announcement whose time has come.
type LaterView struct {
	Language string
	// Message is as it is now: Scheduled, and its author is asked whether to send it late; or
	// it was not sent, or perhaps, or else it is not recorded that it was.
	Message Message
	// Mentions reports whether its author is mentioned, by "@userId".
	Mentions bool
}

// dueAnnouncement is the body of a job that posts an announcement.
type dueAnnouncement struct {
	Number int
	// Announcement is what is posted without its text and its author, which the record has.
	Announcement Announcement
}

// planner has announcements posted at their times.
type planner struct {
	settings  Settings
	ports     Ports
	announcer *Announcer
	reporter  *Reporter
	poster    *Poster
	// posted does what is to be done about an announcement that was posted.
	posted func(ctx context.Context, a Announcement, done Announced) (Announced, error)
}

// plan records an announcement for its time. It can be repeated.
func (p *planner) plan(ctx context.Context, a Announcement) (Message, error) {
	a, m, err := p.record(ctx, a)
	if err != nil || m.State != Scheduled { // an earlier try of the same command has come further
		return m, err
	}
	return m, p.schedule(ctx, m, a, m.Due)
}

// submit records an announcement that is due, and has it posted. It can be repeated.
func (p *planner) submit(ctx context.Context, a Announcement) (Message, error) {
	a, m, err := p.record(ctx, a)
	if err != nil || m.State != Scheduled {
		return m, err
	}
	j, err := dueJob(m, a, time.Time{})
	if err == nil {
		_, err = p.ports.Queue.Accept(ctx, j)
	}
	return m, err
}

// record records an announcement that waits, and returns it as one of its series.
func (p *planner) record(ctx context.Context, a Announcement) (Announcement, Message, error) {
	signed := a.longest()
	signed.Deadline = p.settings.deadline(a, a.At)
	if err := p.ports.Platform.Fits(p.ports.Presenter.Announcement(signed)); err != nil {
		return a, Message{}, err
	}
	if a.Again != 0 && a.Series == "" {
		local := a.At.In(p.settings.Zone)
		a.Series, a.Clock = a.Command, ClockTime(local.Hour()*60+local.Minute())
		waiting, err := p.waiting(ctx, a.Group)
		if err != nil {
			return a, Message{}, err
		}
		series := map[string]bool{a.Series: true}
		for _, one := range waiting {
			if one.Announcement.Series != "" {
				series[one.Announcement.Series] = true
			}
		}
		if len(series) > SeriesMax {
			return a, Message{}, ErrManySeries
		}
	}
	author := a.Author
	a.Author = Person{} // the record has it
	content, err := json.Marshal(a)
	if err != nil {
		return a, Message{}, err
	}
	draft := a.draft(p.ports.Now())
	draft.Author, draft.Due, draft.Content, draft.Series, draft.Again = author, a.At, string(content), a.Series, a.Again
	m, _, err := p.ports.Store.Begin(ctx, draft)
	return a, m, err
}

// schedule has a message sent at that time.
func (p *planner) schedule(ctx context.Context, m Message, a Announcement, at time.Time) error {
	j, err := dueJob(m, a, at)
	if err != nil {
		return err
	}
	if err := p.ports.Jobs.Schedule(ctx, j); err != nil {
		return fmt.Errorf("schedule #%d: %w", m.Number, err)
	}
	return nil
}

// dueJob is the job that posts a message.
func dueJob(m Message, a Announcement, at time.Time) (Job, error) {
	a.Title, a.Text, a.Author = "", "", Person{}
	return jobOf(AnnounceJob, m.Group, strconv.Itoa(m.Number), dueAnnouncement{m.Number, a}, at)
}

func dueID(m Message) string { return jobID(AnnounceJob, m.Group, strconv.Itoa(m.Number)) }

// waiting returns what is to be posted in a group, the next first.
func (p *planner) waiting(ctx context.Context, group string) ([]dueAnnouncement, error) {
	jobs, err := p.ports.Jobs.Scheduled(ctx, group)
	if err != nil {
		return nil, fmt.Errorf("read what is scheduled: %w", err)
	}
	var all []dueAnnouncement
	for _, j := range jobs {
		if j.Kind != AnnounceJob {
			continue
		}
		due, err := BodyOf[dueAnnouncement](j)
		if err != nil {
			return nil, err
		}
		all = append(all, due)
	}
	return all, nil
}

// content is the announcement that a message waits with. It is gone once the message is sent,
// or will not be.
func (p *planner) content(ctx context.Context, m Message) (Announcement, error) {
	text, err := p.ports.Store.Content(ctx, m.Group, m.Number)
	if err != nil {
		return Announcement{}, err
	}
	if text == "" {
		return Announcement{}, errErased
	}
	var a Announcement
	if err := json.Unmarshal([]byte(text), &a); err != nil {
		return Announcement{}, fmt.Errorf("read what is to be sent as #%d: %w", m.Number, err)
	}
	a.Author = m.Author
	return a, nil
}

// run posts an announcement whose time has come. It can be repeated: it is posted once. An
// error means that it should be tried again.
func (p *planner) run(ctx context.Context, j Job) error {
	due, err := BodyOf[dueAnnouncement](j)
	if err != nil {
		return err
	}
	kept, err := p.ports.Store.Snapshot(ctx, j.Group, due.Number)
	if errors.Is(err, ErrNoMessage) { // it was forgotten
		return nil
	}
	if err != nil {
		return fmt.Errorf("send #%d: %w", due.Number, err)
	}
	m := kept.Message
	switch m.State {
	case Scheduled, Sending:
	case Sent, Failed, Uncertain: // an earlier try was perhaps cut off just then
		a := due.Announcement
		a.Author = m.Author
		return p.sent(ctx, a, Announced{Message: m})
	default:
		return nil
	}
	a, err := p.content(ctx, m)
	if errors.Is(err, errErased) || err == nil && !p.settings.Policy.Works(j.Group) { // nothing is said there any more
		_, err := p.callOff(ctx, m)
		return overtaken(err)
	}
	if err != nil {
		return err
	}
	late := m.State == Scheduled && p.ports.Now().Sub(m.Due) > lateMax
	if late {
		if err := p.next(ctx, a); err != nil {
			return err
		}
		return p.ask(ctx, m, a)
	}
	done, err := p.send(ctx, m, a)
	switch {
	case errors.Is(err, ErrWrongState): // it was called off meanwhile
		return nil
	case errors.Is(err, ErrUnrecorded):
		p.ports.Log(ctx).Error("announcement sent but not recorded", zap.Int("number", m.Number), zap.Error(err))
		p.say(ctx, m)
		return nil
	case err != nil || done.Message.State == Scheduled:
		return err
	}
	return p.sent(ctx, a, done)
}

// sent does what is to be done about an announcement that was posted, or that was not, and tells
// its author of that. It can be repeated.
func (p *planner) sent(ctx context.Context, a Announcement, done Announced) error {
	m := done.Message
	if _, err := p.posted(ctx, a, done); err != nil || m.State != Failed && m.State != Uncertain {
		return err
	}
	_, err := p.poster.once(ctx, m.Group, dueID(m), func() error {
		p.say(ctx, m)
		return nil
	})
	return err
}

// send posts an announcement that waits, or has it wait longer where DingTalk can't be reached.
// Its errors are those of Announcer.Later.
func (p *planner) send(ctx context.Context, m Message, a Announcement) (Announced, error) {
	now := a
	now.Deadline = p.settings.deadline(a, p.ports.Now())
	done, err := p.announcer.Later(ctx, m, now, func(ctx context.Context) error { return p.next(ctx, a) })
	switch {
	case err != nil:
		return done, fmt.Errorf("send #%d: %w", m.Number, err)
	case done.Message.State == Scheduled: // DingTalk can't be reached
		p.ports.Log(ctx).Warn("announcement put off", zap.Int("number", m.Number), zap.Error(done.Failure))
		return done, p.schedule(ctx, m, a, p.ports.Now().Add(laterAgain))
	}
	return done, nil
}

// next plans the one of a series that comes after this one. It can be repeated: there is one only,
// whatever has become of it.
func (p *planner) next(ctx context.Context, a Announcement) error {
	if a.Series == "" {
		return nil
	}
	next := a.after(latest(a.At, p.ports.Now()), p.settings.Zone)
	next.Command = fmt.Sprintf("%s/after/%d", a.Series, a.At.Unix())
	if _, err := p.plan(ctx, next); err != nil {
		return fmt.Errorf("plan the next one of the series: %w", err)
	}
	return nil
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// after is the one of the series that comes next after that time. Its deadline is as many
// days later, and at the same time of day, as this one's.
func (a Announcement) after(t time.Time, zone *time.Location) Announcement {
	first := a.At.In(zone)
	for day := 1; ; day++ {
		at := time.Date(first.Year(), first.Month(), first.Day()+day, 0, int(a.Clock), 0, 0, zone)
		if !a.Again.Has(at.Weekday()) || !at.After(t) {
			continue
		}
		if !a.Deadline.IsZero() {
			end := a.Deadline.In(zone)
			a.Deadline = time.Date(end.Year(), end.Month(), end.Day()+day, end.Hour(), end.Minute(), 0, 0, zone)
		}
		a.At = at
		return a
	}
}

// ask asks the author of an announcement that is very late whether it is to be sent all the
// same, once nothing else is that a yes of theirs could mean.
func (p *planner) ask(ctx context.Context, m Message, a Announcement) error {
	if m.Author.UserID != "" {
		may, err := p.ports.Store.Ask(ctx, m.Group, m.Author.UserID, Pending{Kind: PendingSend, Number: m.Number})
		switch {
		case err != nil:
			return err
		case !may:
			return p.schedule(ctx, m, a, p.ports.Now().Add(PendingFor))
		}
	}
	p.ports.Log(ctx).Warn("announcement is late, and its author is asked", zap.Int("number", m.Number), zap.Time("due", m.Due))
	p.say(ctx, m)
	return nil
}

// say tells in the group what became of an announcement, and mentions its author where that
// can be.
func (p *planner) say(ctx context.Context, m Message) {
	log := p.ports.Log(ctx)
	voice, err := p.ports.Store.Voice(ctx, m.Group)
	if err != nil {
		log.Warn("language and webhook unknown", zap.Error(err))
	}
	v := LaterView{Language: voice.Language, Message: m}
	if m.Author.UserID != "" && voice.Webhook.Usable(p.ports.Now()) {
		v.Mentions = true
		err := p.ports.Platform.Reply(ctx, voice.Webhook, p.ports.Presenter.Later(v), []string{m.Author.UserID})
		if failure, known := errors.AsType[*Failure](err); err == nil || known && failure.Uncertain {
			return
		}
		v.Mentions = false
	}
	if err := p.poster.Answer(ctx, Recipient{Group: m.Group}, p.ports.Presenter.Later(v)); err != nil {
		log.Error("author not told", zap.Int("number", m.Number), zap.Error(err))
	}
}

// callOff has a message not be sent. ErrWrongState comes back, with the message as it is,
// where it does not wait any more.
func (p *planner) callOff(ctx context.Context, m Message) (Message, error) {
	off, err := p.ports.Store.Mark(ctx, m.Group, m.Number, Change{To: CalledOff})
	if err != nil {
		return off, err
	}
	if _, err := p.ports.Jobs.Cancel(ctx, dueID(m)); err != nil { // it finds that out by itself
		p.ports.Log(ctx).Warn("job of what was called off is left", zap.Int("number", m.Number), zap.Error(err))
	}
	return off, nil
}

// over calls off all that waits in a group that is gone.
func (p *planner) over(ctx context.Context, group string) error {
	waiting, err := p.waiting(ctx, group)
	if err != nil {
		return err
	}
	for _, one := range waiting {
		if _, err := p.callOff(ctx, Message{Group: group, Number: one.Number}); overtaken(err) != nil {
			return err
		}
	}
	return nil
}

// postpone has an announcement looked at again later that could not be sent now.
func (p *planner) postpone(ctx context.Context, j Job, reason error) {
	p.ports.Log(ctx).Error("announcement put off", zap.String("job", j.ID), zap.Error(reason))
	j.At = p.ports.Now().Add(againAfter)
	if err := p.ports.Jobs.Schedule(ctx, j); err != nil {
		p.ports.Log(ctx).Error("announcement lost", zap.String("job", j.ID), zap.Error(err))
	}
}

// CalledOffMessage is a message that will not be sent.
type CalledOffMessage struct {
	Message Message
	Next    *Message // of its series; nil if there is none
}

// Cancel calls off an announcement that waits for its time; the others of its series are sent
// all the same. Without a Ref it is the only one that waits: otherwise the error is
// ErrNothingScheduled or a *ManyScheduledError. The message comes back as it is then, also
// with an error if it was found. Other errors are those of Permit and of a Ref, and
// ErrWrongState where it does not wait.
func (s *Service) Cancel(ctx context.Context, by Actor, group string, ref Ref) (CalledOffMessage, error) {
	if err := s.Permit(by, group, RightRecall); err != nil {
		return CalledOffMessage{}, err
	}
	if !ref.named() && !ref.described() {
		waiting, err := s.planner.waiting(ctx, group)
		switch {
		case err != nil:
			return CalledOffMessage{}, err
		case len(waiting) == 0:
			return CalledOffMessage{}, ErrNothingScheduled
		case len(waiting) > 1:
			return CalledOffMessage{}, &ManyScheduledError{Numbers: numbersOf(waiting)}
		}
		ref.Number = waiting[0].Number
	}
	m, err := s.find(ctx, by, group, ref)
	if err != nil {
		return CalledOffMessage{}, err
	}
	off := CalledOffMessage{Message: m}
	if err := s.allow(s.Policy.Recall, by, m.Author); err != nil {
		return off, err
	}
	if m.State != Scheduled {
		return off, fmt.Errorf("cancel a message that is %s: %w", m.State, ErrWrongState)
	}
	if m.Series != "" {
		a, err := s.planner.content(ctx, m)
		if err != nil {
			return off, err
		}
		if err := s.planner.next(ctx, a); err != nil {
			return off, err
		}
	}
	if off.Message, err = s.planner.callOff(ctx, m); err != nil || m.Series == "" {
		return off, err
	}
	next, err := s.nextOf(ctx, group, m.Series)
	off.Next = next
	return off, err
}

func numbersOf(waiting []dueAnnouncement) []int {
	numbers := make([]int, len(waiting))
	for i, one := range waiting {
		numbers[i] = one.Number
	}
	return numbers
}

// nextOf is the message of a series that waits for its time; nil if there is none.
func (s *Service) nextOf(ctx context.Context, group, series string) (*Message, error) {
	waiting, err := s.planner.waiting(ctx, group)
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(waiting, func(one dueAnnouncement) bool { return one.Announcement.Series == series })
	if i < 0 {
		return nil, nil
	}
	m, err := s.reporter.Message(ctx, group, waiting[i].Number)
	return &m, missing(waiting[i].Number, err)
}

// endSeries ends the series of a message, and reports whether it had not ended: what waits of it
// is called off, also what waits longer than it should. ErrBeingSent comes back where one of it is
// being posted just now.
func (s *Service) endSeries(ctx context.Context, m Message) (bool, error) {
	if m.Series == "" {
		return false, nil
	}
	waiting, err := s.planner.waiting(ctx, m.Group)
	if err != nil {
		return false, err
	}
	ended := false
	for _, one := range waiting {
		if one.Announcement.Series != m.Series {
			continue
		}
		_, err := s.planner.callOff(ctx, Message{Group: m.Group, Number: one.Number})
		if errors.Is(err, ErrWrongState) {
			err = ErrBeingSent
		}
		if err != nil {
			return false, err
		}
		ended = true
	}
	return ended, nil
}

// Send posts an announcement at once that waits for its time, or that is so late that its
// author was asked; one whose sending was cut off is uncertain from then on. Its errors are those
// of Permit, a *NoSuchMessageError, and ErrWrongState with the message where it does not wait.
func (s *Service) Send(ctx context.Context, by Actor, group string, number int) (Announced, error) {
	if err := s.Permit(by, group, RightAnnounce); err != nil {
		return Announced{}, err
	}
	m, err := s.reporter.numbered(ctx, group, number)
	if err != nil {
		return Announced{}, err
	}
	if m.State != Scheduled && m.State != Sending {
		return Announced{Message: m}, fmt.Errorf("send a message that is %s: %w", m.State, ErrWrongState)
	}
	a, err := s.planner.content(ctx, m)
	if err != nil {
		return Announced{}, err
	}
	done, err := s.planner.send(ctx, m, a)
	if err != nil || done.Message.State == Scheduled {
		return done, err
	}
	return s.posted(ctx, a, done)
}
