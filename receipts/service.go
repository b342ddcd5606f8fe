package receipts

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

// Store keeps all that a Service remembers. Every method is safe to repeat.
type Store interface {
	Records
	NameRecords
	MemberRecords
	SeenRecords
	ReminderRecords
	FollowUpRecords
	QuestionRecords
	GroupRecords
	StepLog
	PendingRecords
	PrivateRecords
}

// Platform is DingTalk.
type Platform interface {
	Messenger
	ReadersSource
	RecallSource
	Directory
}

// Presenter makes posts of values, in the language that a value names.
type Presenter interface {
	// Announcement returns the post of an announcement.
	Announcement(a Announcement) Post
	// Later returns what is said about an announcement whose time has come and that was not
	// sent as it should.
	Later(v LaterView) Post
	// Reminder returns the post that reminds people. A mention has "@userId" of each of
	// them in its text; a DING's text is no markdown.
	Reminder(by Channel, userIDs []string, v ReminderView) Post
	// Together is Reminder of several messages. There are several parts of mentions only.
	Together(by Channel, parts []ReminderPart, v TogetherView) Post
	// Round returns what a round of a follow-up says, and Rounds what several do.
	Round(v RoundView) Post
	Rounds(all []RoundView) Post
}

// Ports are what a Service stands on. All are needed.
type Ports struct {
	Store     Store
	Pushes    PushRecords
	Platform  Platform
	Sources   []MemberSource // in the order in which they are asked
	Jobs      Scheduler
	Queue     Queue
	Presenter Presenter
	Now       func() time.Time
	// Log returns the log for what is done in a context.
	Log func(context.Context) *zap.Logger
}

// Settings are what an administrator decides.
type Settings struct {
	Policy   Policy
	Excluded []string // userIds that are never counted
	// CacheFor is how long a list of members is used again, and MembersSince when the
	// settings about members last changed; zero if they have not.
	CacheFor     time.Duration
	MembersSince time.Time
	FreshFor     time.Duration // how long an answer of DingTalk's is used again
	Limits       Limits
	Sweeps       []time.Duration // from the sending of a message to the saving of its reads
	Reminders    ReminderSettings
	KeepFor      time.Duration // how long a message and what is known of it are kept; 0 for ever
	// Direct sends reports to who asked or began a follow-up, and not to the group.
	Direct   bool
	MaxNames int // of people in one list
	Zone     *time.Location
}

// ReminderSettings are those of reminders and follow-ups.
type ReminderSettings struct {
	By       Channel       // where a command does not say
	Cooldown time.Duration // between two reminders of the same message
	AskAbove int           // a command that would remind more people asks first; 0: never
	Quiet    QuietHours    // in which nothing comes by itself
	// FollowUps are those of every announcement, by openConversationId; "*" is for the
	// groups that have none of their own.
	FollowUps map[string]FollowUpSettings
}

// Service is what whoread does, whichever door a request comes through: a command, an event,
// a job. It is safe for concurrent use.
type Service struct {
	Settings
	*Poster
	Events *Events // what DingTalk pushes

	ports       Ports
	members     *MemberResolver
	names       *NameResolver
	reporter    *Reporter
	announcer   *Announcer
	planner     *planner
	recaller    *Recaller
	reminderKit *reminderKit
	followUps   *follower
	sweeps      *sweeper
	meter       *meter
}

// NewService returns a Service.
func NewService(p Ports, settings Settings) *Service {
	s := &Service{Settings: settings, ports: p, Poster: &Poster{p}}
	s.members = NewMemberResolver(p.Store, s.CacheFor, p.Now, p.Sources...)
	s.members.Since = s.MembersSince
	s.members.Refused = func(ctx context.Context, group string, r Refusal, err error) {
		p.Log(ctx).Warn("a source of members will not be asked for a while", zap.String("group", group), zap.String("source", string(r.Source)),
			zap.String("reason", string(r.Reason)), zap.Time("until", r.Until), zap.Error(err))
	}
	s.names = &NameResolver{Records: p.Store, Directory: p.Platform}
	s.reporter = &Reporter{Records: p.Store, Members: s.members, Readers: p.Platform, Excluded: s.Excluded, Fresh: s.FreshFor, Now: p.Now}
	s.announcer = &Announcer{Records: p.Store, Members: s.members, Sender: p.Platform, Compose: p.Presenter.Announcement, Now: p.Now}
	s.recaller = &Recaller{Records: p.Store, Source: p.Platform, Readers: p.Platform}
	s.reminderKit = &reminderKit{
		ports: p, names: s.Names, maxNames: s.MaxNames, poster: s.Poster,
		reminders: &Reminders{Records: p.Store, Cooldown: s.Reminders.Cooldown, Now: p.Now},
	}
	s.followUps = &follower{
		settings: settings, ports: p, records: &FollowUps{Records: p.Store, Now: p.Now}, reporter: s.reporter, reminderKit: s.reminderKit, poster: s.Poster,
	}
	s.meter = &meter{limits: s.Limits, policy: s.Policy, ports: p}
	s.sweeps = &sweeper{after: s.Sweeps, ports: p, reporter: s.reporter}
	s.planner = &planner{settings: settings, ports: p, announcer: s.announcer, reporter: s.reporter, poster: s.Poster, posted: s.posted}
	s.Events = &Events{Records: p.Store, Pushes: p.Pushes, Groups: p.Store, Members: s.members, Wake: s.followUps.wake, CallOff: s.planner.over, Now: p.Now}
	return s
}

// Right is something that not everybody may do.
type Right string

// The rights. Each but Administer is configured.
const (
	RightAnnounce   Right = "announce"
	RightReport     Right = "report"
	RightRemind     Right = "remind"
	RightRecall     Right = "recall" // some message; which ones is Recall's to say
	RightAdminister Right = "administer"
)

// AdminName returns what the first of the configured administrators is called whose name
// is recorded in the group; empty if none is.
func (s *Service) AdminName(ctx context.Context, group string) string {
	names, err := s.ports.Store.Names(ctx, group, s.Policy.Admins)
	if err != nil {
		s.ports.Log(ctx).Warn("administrators' names unknown", zap.String("group", group), zap.Error(err))
	}
	for _, id := range s.Policy.Admins {
		if names[id] != "" {
			return names[id]
		}
	}
	return ""
}

// Permit returns nil if somebody may do something in a group. Otherwise it is ErrExternal,
// ErrForeignGroup, or a *ForbiddenError.
func (s *Service) Permit(by Actor, group string, right Right) error {
	if err := s.Enter(by, group); err != nil {
		return err
	}
	if by.program() {
		if !slices.Contains(by.May, right) {
			return &ForbiddenError{Rule: Nobody}
		}
		return nil
	}
	rule, author := Admins, Person{}
	switch right {
	case RightAnnounce:
		rule = s.Policy.Announce
	case RightReport:
		rule = s.Policy.Report
	case RightRemind:
		rule = s.Policy.Remind
	case RightRecall:
		rule, author = s.Policy.Recall, by.Person
	}
	return s.allow(rule, by, author)
}

// Enter returns nil if somebody may use the bot in a group at all. Otherwise it is
// ErrExternal or ErrForeignGroup.
func (s *Service) Enter(by Actor, group string) error {
	switch {
	case by.External:
		return ErrExternal
	case !s.Policy.Works(group):
		return ErrForeignGroup
	}
	return nil
}

// allow returns nil if the rule lets somebody whom Permit has let pass.
func (s *Service) allow(rule Rule, by Actor, author Person) error {
	if by.program() || s.Policy.Allows(rule, by, author) {
		return nil
	}
	return &ForbiddenError{Rule: rule}
}

// Announce posts an announcement, has its reads saved before DingTalk forgets them, and
// begins to follow it up if the announcement or the settings say so; or it has all that done
// at its time. A repetition of the same command posts nothing. Its errors are those of Permit,
// ErrTooLong, ErrManySeries, ErrUnrecorded with the message, and those of the records.
func (s *Service) Announce(ctx context.Context, by Actor, a Announcement) (Announced, error) {
	if err := s.Permit(by, a.Group, RightAnnounce); err != nil {
		return Announced{}, err
	}
	a.Author = by.Person
	a.Confirm = a.Confirm || s.followUpOf(a.Group).Confirm
	if !a.At.IsZero() {
		m, err := s.planner.plan(ctx, a)
		if err == nil {
			s.ports.Log(ctx).Info("scheduled", zap.Int("number", m.Number), zap.Time("due", m.Due))
		}
		return Announced{Message: m}, err
	}
	a.Deadline = s.deadline(a, s.ports.Now())
	done, err := s.announcer.Announce(ctx, a)
	if err != nil {
		return done, err
	}
	return s.posted(ctx, a, done)
}

// Submit is Announce for who does not wait: the announcement is recorded, and posted by whoever
// is free to do so, or at its time. A repetition of the same command posts nothing, and returns
// the message as it is by then. Its errors are those of Permit, ErrTooLong and those of the
// records; after one of these a repetition goes on.
func (s *Service) Submit(ctx context.Context, by Actor, a Announcement) (Message, error) {
	if err := s.Permit(by, a.Group, RightAnnounce); err != nil {
		return Message{}, err
	}
	a.Author = by.Person
	if !a.At.IsZero() {
		return s.planner.plan(ctx, a)
	}
	a.At = s.ports.Now()
	return s.planner.submit(ctx, a)
}

// Submitted returns the record of a message that was submitted. Its errors are those of Permit and a
// *NoSuchMessageError.
func (s *Service) Submitted(ctx context.Context, by Actor, group string, number int) (Message, error) {
	if err := s.Permit(by, group, RightAnnounce); err != nil {
		return Message{}, err
	}
	return s.reporter.numbered(ctx, group, number)
}

// posted does what is to be done about an announcement that was posted, or that was not.
func (s *Service) posted(ctx context.Context, a Announcement, done Announced) (Announced, error) {
	m := done.Message
	s.ports.Log(ctx).Log(levelOf(done.Failure), "announced", zap.Int("number", m.Number),
		zap.String("state", string(m.State)), zap.String("reason", string(m.Reason)), zap.Error(done.Failure))
	if done.NoAudience != nil {
		s.ports.Log(ctx).Warn("audience unknown, or as it was last known", zap.Error(done.NoAudience))
	}
	if done.Audience != nil {
		counted := done.Audience.Without(s.Excluded)
		done.Audience = &counted
	}
	if m.State != Sent && m.State != Uncertain { // this may turn out to be sent
		return done, nil
	}
	s.sweeps.schedule(ctx, m)
	var err error
	done.FollowUp, err = s.followUps.announced(ctx, m, a)
	return done, err
}

// Report tells who has read a message. Its errors are those of Permit and of a Ref.
func (s *Service) Report(ctx context.Context, by Actor, group string, ref Ref) (Report, error) {
	return s.report(ctx, by, group, ref, RightReport)
}

// Known is Report of a number by what is known, without asking DingTalk: where that may be out
// of date, ErrLimited is a Gap.
func (s *Service) Known(ctx context.Context, by Actor, group string, number int) (Report, error) {
	if err := s.Permit(by, group, RightReport); err != nil {
		return Report{}, err
	}
	r, err := s.reporter.shared(ctx, question{group: group, number: number, fresh: s.FreshFor}, Asker{Rights: Rights{NoCalls: true}})
	return r, missing(number, err)
}

// Export is Report for who may have it whole, as a file.
func (s *Service) Export(ctx context.Context, by Actor, group string, ref Ref) (Report, error) {
	return s.report(ctx, by, group, ref, RightAdminister)
}

func (s *Service) report(ctx context.Context, by Actor, group string, ref Ref, right Right) (Report, error) {
	if err := s.Permit(by, group, right); err != nil {
		return Report{}, err
	}
	asker := s.meter.asker(ctx, by, group)
	number, err := s.reporter.number(ctx, group, ref, asker)
	if err != nil {
		return Report{}, err
	}
	r, err := s.reporter.shared(ctx, question{group: group, number: number, fresh: s.FreshFor}, asker)
	if err != nil {
		return Report{}, missing(number, err)
	}
	for _, gap := range r.Gaps {
		s.ports.Log(ctx).Warn("report incomplete", zap.String("part", string(gap.Part)), zap.Error(gap.Err))
	}
	return r, nil
}

// find returns the message that somebody means. Only what is quoted may have to be asked for.
func (s *Service) find(ctx context.Context, by Actor, group string, ref Ref) (Message, error) {
	var asker Asker
	if ref.Quote != nil {
		asker = s.meter.asker(ctx, by, group)
	}
	return s.reporter.find(ctx, group, ref, asker)
}

// Named looks up the names of these people, who are in a report. The report comes back as it
// is by then, if that took long.
func (s *Service) Named(ctx context.Context, r Report, userIDs []string) (Report, Names, error) {
	return s.reporter.named(ctx, r, userIDs, s.Names)
}

// Again is a report that was made a while ago, as things stand now by what is known.
func (s *Service) Again(ctx context.Context, r Report) (Report, error) {
	return s.reporter.Again(ctx, r)
}

// Names returns the names of people, as many as can be found.
func (s *Service) Names(ctx context.Context, group string, userIDs []string) Names {
	names, err := s.names.Names(ctx, group, userIDs)
	if err != nil {
		s.ports.Log(ctx).Warn("names missing", zap.Error(err))
	}
	return names
}

// List reports on what waits for its time in a group, and on its last messages, at most limit
// of them, from what is known.
// Its errors are those of Permit.
func (s *Service) List(ctx context.Context, by Actor, group string, limit int) ([]Report, error) {
	if err := s.Permit(by, group, RightReport); err != nil {
		return nil, err
	}
	reports, err := s.reporter.Progress(ctx, group, limit)
	if err != nil {
		return nil, err
	}
	waiting, err := s.planner.waiting(ctx, group)
	if err != nil {
		return nil, err
	}
	var earlier []Report
	for _, one := range waiting[:min(len(waiting), scheduledListed)] {
		if slices.ContainsFunc(reports, func(r Report) bool { return r.Message.Number == one.Number }) {
			continue
		}
		m, err := s.reporter.Message(ctx, group, one.Number)
		if errors.Is(err, ErrNoMessage) {
			continue
		}
		if err != nil {
			return nil, err
		}
		earlier = append(earlier, Report{Message: m})
	}
	return append(earlier, reports...), nil
}

// Page reports on the messages of a group before a number, at most limit of them, the newest
// first; 0 stands for the last ones. They are from what is known. Its errors are those of Permit.
func (s *Service) Page(ctx context.Context, by Actor, group string, before, limit int) ([]Report, error) {
	if err := s.Permit(by, group, RightReport); err != nil {
		return nil, err
	}
	if before == 0 {
		return s.reporter.Progress(ctx, group, limit)
	}
	return s.reporter.before(ctx, group, before, limit)
}

// scheduledListed is how many messages that wait for their time are listed, besides those that
// are among the last.
const scheduledListed = 30

// Recall takes a message back, which has to be named, unless it was just announced: then the
// error is ErrAsks. The message comes back as it is then, also with an error if it was found.
// Errors are those of Permit and of a Ref, ErrWhich, ErrWrongState and a *Failure; one that is
// uncertain may be that of a message which is gone.
func (s *Service) Recall(ctx context.Context, by Actor, group string, ref Ref) (Message, error) {
	// Without the message nobody knows its author: who could not recall any is
	// refused before it is looked for.
	if err := s.Permit(by, group, RightRecall); err != nil {
		return Message{}, err
	}
	if !ref.named() {
		return s.asksToRecall(ctx, by, group, ref)
	}
	m, err := s.find(ctx, by, group, ref)
	if err != nil {
		return Message{}, err
	}
	if err := s.allow(s.Policy.Recall, by, m.Author); err != nil {
		return m, err
	}
	recalled, err := s.recaller.Recall(ctx, m)
	if err != nil {
		if _, known := errors.AsType[*Failure](err); known {
			s.ports.Log(ctx).Warn("not recalled", zap.Int("number", m.Number), zap.Error(err))
		}
		return recalled, err
	}
	// A follow-up says by itself that it is over; at the latest when it is due.
	if err := s.followUps.wake(ctx, group, m.Number); err != nil {
		s.ports.Log(ctx).Warn("follow-up not woken", zap.Error(err))
	}
	return recalled, nil
}

// GroupStatus is how the bot is doing in a group.
type GroupStatus struct {
	// Members are without the excluded; nil if nobody can tell, for the reason NoMembers.
	Members   *Members
	NoMembers error
	Refusals  []Refusal // of sources of members
	LastPush  time.Time // of a read of one of the last messages; zero if none was pushed
}

// Status tells an administrator how the bot is doing in a group. Its errors are those of
// Permit and of the records.
func (s *Service) Status(ctx context.Context, by Actor, group string) (GroupStatus, error) {
	if err := s.Permit(by, group, RightAdminister); err != nil {
		return GroupStatus{}, err
	}
	var status GroupStatus
	members, _, err := s.members.list(ctx, group, Rights{}, s.members.good(nil))
	if errors.Is(err, ErrBudgetSpent) {
		known, failure := s.members.Known(ctx, group)
		if failure != nil {
			return GroupStatus{}, failure
		}
		if known != nil {
			members, err = *known, nil
		}
	}
	if err != nil {
		s.ports.Log(ctx).Warn("members unknown", zap.Error(err))
		status.NoMembers = err
	} else {
		members = members.Without(s.Excluded)
		status.Members = &members
	}
	if status.Refusals, err = s.members.Refusals(ctx, group); err != nil {
		return GroupStatus{}, err
	}
	status.LastPush, err = s.ports.Store.LastPush(ctx, group, learnedFrom)
	return status, err
}

// UpdateGroup saves what a command told of its group, if the bot works there. A failure costs
// nothing else: it is kept with the next command.
func (s *Service) UpdateGroup(ctx context.Context, group string, u GroupUpdate) {
	if !s.Policy.Works(group) {
		return
	}
	if err := s.ports.Store.SaveGroupUpdate(ctx, group, u); err != nil {
		s.ports.Log(ctx).Warn("what was heard is not kept", zap.Error(err))
	}
}

// Run does a job of a kind that JobKinds names. An error means that it should be tried again.
func (s *Service) Run(ctx context.Context, j Job) error {
	switch j.Kind {
	case SweepJob:
		return s.sweeps.run(ctx, j)
	case FollowUpJob:
		return s.followUps.run(ctx, j)
	case AnnounceJob:
		return s.planner.run(ctx, j)
	}
	return fmt.Errorf("no such kind of job: %q", j.Kind)
}

// GiveUp is told of a job that could not be done, for the last of several reasons.
func (s *Service) GiveUp(ctx context.Context, j Job, reason error) {
	switch j.Kind {
	case SweepJob: // nobody waits for it
		s.ports.Log(ctx).Error("sweep given up", zap.String("job", j.ID), zap.Error(reason))
	case FollowUpJob:
		s.followUps.postpone(ctx, j, reason)
	case AnnounceJob:
		s.planner.postpone(ctx, j, reason)
	default:
		s.ports.Log(ctx).Error("job given up", zap.String("job", j.ID), zap.Error(reason))
	}
}

// levelOf is that of a line of the log about what worked, or did not and is told to who
// asked.
func levelOf(err error) zapcore.Level {
	if err != nil {
		return zapcore.WarnLevel
	}
	return zapcore.InfoLevel
}
