package receipts_test

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"go.uber.org/zap"

	"whoread/receipts"
)

// jobs is a schedule in memory.
type jobs struct {
	mu   sync.Mutex
	wait []receipts.Job
	err  error // of Schedule

	accepted []receipts.Job // each once
}

// Accept implements receipts.Queue.
func (j *jobs) Accept(_ context.Context, job receipts.Job) (bool, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if slices.ContainsFunc(j.accepted, func(known receipts.Job) bool { return known.ID == job.ID }) {
		return false, nil
	}
	j.accepted = append(j.accepted, job)
	return true, nil
}

// Schedule implements receipts.Scheduler.
func (j *jobs) Schedule(_ context.Context, added ...receipts.Job) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.err != nil {
		return j.err
	}
	for _, job := range added {
		j.wait = append(slices.DeleteFunc(j.wait, func(known receipts.Job) bool { return known.ID == job.ID }), job)
	}
	return nil
}

// Cancel implements receipts.Scheduler.
func (j *jobs) Cancel(_ context.Context, ids ...string) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	before := len(j.wait)
	j.wait = slices.DeleteFunc(j.wait, func(job receipts.Job) bool { return slices.Contains(ids, job.ID) })
	return before - len(j.wait), nil
}

// Scheduled implements receipts.Scheduler.
func (j *jobs) Scheduled(_ context.Context, group string) ([]receipts.Job, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	var about []receipts.Job
	for _, job := range j.wait {
		if job.Group == group {
			about = append(about, job)
		}
	}
	slices.SortFunc(about, func(a, b receipts.Job) int { return cmp.Or(a.At.Compare(b.At), strings.Compare(a.ID, b.ID)) })
	return about, nil
}

// dingtalk is all that a Service asks of DingTalk in these tests: what no test here needs
// is nil, and would panic.
type dingtalk struct {
	receipts.Messenger
	*sender
	*readers
	*recalls
	receipts.Directory
}

func (d dingtalk) Fits(p receipts.Post) error { return d.sender.Fits(p) }

func (d dingtalk) Post(ctx context.Context, group string, p receipts.Post) (receipts.Posted, error) {
	return d.sender.Post(ctx, group, p)
}

// presenter says nothing but an announcement, and what became of one that was for later.
type presenter struct{ receipts.Presenter }

func (presenter) Later(v receipts.LaterView) receipts.Post {
	return receipts.Post{Title: "it is " + string(v.Message.State), About: v.Message.Number}
}

func (presenter) Announcement(a receipts.Announcement) receipts.Post { return compose(a) }

// service is a Service of the world, with a schedule.
func (w *world) service(t *testing.T, change func(*receipts.Settings)) (*receipts.Service, *jobs) {
	t.Helper()
	settings := receipts.Settings{
		Policy:    receipts.Policy{Announce: receipts.Admins, Report: receipts.Everyone, Remind: receipts.Admins, Recall: receipts.Author},
		FreshFor:  freshReads,
		CacheFor:  freshMembers,
		Zone:      time.UTC,
		Reminders: receipts.ReminderSettings{By: receipts.Mention, Cooldown: cooldown},
	}
	if change != nil {
		change(&settings)
	}
	schedule := &jobs{}
	return receipts.NewService(receipts.Ports{
		Store: w.records, Pushes: w.records, Platform: dingtalk{sender: w.sender, readers: w.readers, recalls: w.recalls}, Sources: []receipts.MemberSource{w.members},
		Jobs: schedule, Queue: schedule, Presenter: presenter{}, Now: w.clock.now, Log: func(context.Context) *zap.Logger { return zap.NewNop() },
	}, settings), schedule
}

// The people of these tests.
var (
	boss     = receipts.Actor{Person: receipts.Person{UserID: "boss", Name: "Ann"}, Admin: true}
	lilei    = receipts.Actor{Person: receipts.Person{UserID: "li", Name: "李雷"}}
	zhang    = receipts.Actor{Person: receipts.Person{UserID: "zhang"}}
	outsider = receipts.Actor{Person: receipts.Person{UserID: "boss"}, Admin: true, External: true}
	nobody   = receipts.Actor{External: true} // as frames show people from outside
)

// saying is an announcement by that command.
func saying(command, title string) receipts.Announcement {
	return receipts.Announcement{Group: group, Command: command, Title: title, Text: "text of " + command}
}

// announced has the service announce something, which has to work.
func announced(t *testing.T, s *receipts.Service, command, title string) receipts.Message {
	t.Helper()
	done, err := s.Announce(t.Context(), boss, saying(command, title))
	if err != nil {
		t.Fatal(err)
	}
	return done.Message
}

func TestWhoMayEnterAndDoWhat(t *testing.T) {
	t.Parallel()
	rights := []receipts.Right{receipts.RightAnnounce, receipts.RightReport, receipts.RightRemind, receipts.RightRecall, receipts.RightAdminister}
	for name, test := range map[string]struct {
		policy  receipts.Policy
		by      receipts.Actor
		enter   error
		refused string // the rule of each right that is not permitted, in their order; "-" where it is
	}{
		"an administrator": {receipts.Policy{Announce: "admins", Report: "everyone", Remind: "admins", Recall: "author"}, boss, nil, "- - - - -"},
		// Of which message is said later: whoever may recall some is let in.
		"a member":                  {receipts.Policy{Announce: "admins", Report: "everyone", Remind: "admins", Recall: "author"}, lilei, nil, "admins - admins - admins"},
		"of the configuration":      {receipts.Policy{Announce: "admins", Report: "admins", Remind: "admins", Recall: "admins", Admins: []string{"li"}}, lilei, nil, "- - - - -"},
		"where everybody may":       {receipts.Policy{Announce: "everyone", Report: "everyone", Remind: "everyone", Recall: "everyone"}, lilei, nil, "- - - - admins"},
		"where only admins may":     {receipts.Policy{Announce: "admins", Report: "admins", Remind: "admins", Recall: "admins"}, lilei, nil, "admins admins admins admins admins"},
		"without rules":             {receipts.Policy{}, boss, nil, "none none none none -"},
		"from outside":              {receipts.Policy{Announce: "everyone", Report: "everyone", Remind: "everyone", Recall: "everyone"}, outsider, receipts.ErrExternal, ""},
		"from outside, without id":  {receipts.Policy{Report: "everyone", Admins: []string{""}}, nobody, receipts.ErrExternal, ""},
		"in another group":          {receipts.Policy{Report: "everyone", Groups: []string{elsewhere}}, boss, receipts.ErrForeignGroup, ""},
		"in one of the groups":      {receipts.Policy{Report: "everyone", Groups: []string{elsewhere, group}}, lilei, nil, "none - none none admins"},
		"from outside, and another": {receipts.Policy{Groups: []string{elsewhere}}, outsider, receipts.ErrExternal, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, _ := newWorld(t).service(t, func(settings *receipts.Settings) { settings.Policy = test.policy })
			if err := s.Enter(test.by, group); !errors.Is(err, test.enter) || (err == nil) != (test.enter == nil) {
				t.Errorf("Enter: %v, want %v", err, test.enter)
			}
			var refused []string
			for _, right := range rights {
				err := s.Permit(test.by, group, right)
				forbidden, ok := errors.AsType[*receipts.ForbiddenError](err)
				switch {
				case test.enter != nil:
					if !errors.Is(err, test.enter) {
						t.Errorf("%s: %v, want %v", right, err, test.enter)
					}
				case err == nil:
					refused = append(refused, "-")
				case ok:
					refused = append(refused, cmp.Or(string(forbidden.Rule), "none"))
				default:
					t.Errorf("%s: %v", right, err)
				}
			}
			if got := strings.Join(refused, " "); got != test.refused {
				t.Errorf("refused %q, want %q", got, test.refused)
			}
		})
	}
}

// Each verb asks who may, before it does or tells anything.
func TestEveryVerbIsForThoseWhoMay(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s, schedule := w.service(t, func(settings *receipts.Settings) { settings.Policy.Report = receipts.Admins })
	announced(t, s, "one", "停机")
	ctx, one := t.Context(), receipts.Ref{Number: 1}
	for name, verb := range map[string]func(by receipts.Actor) error{
		"Announce": func(by receipts.Actor) error { _, err := s.Announce(ctx, by, saying("two", "搬家")); return err },
		"Report":   func(by receipts.Actor) error { _, err := s.Report(ctx, by, group, one); return err },
		"Export":   func(by receipts.Actor) error { _, err := s.Export(ctx, by, group, one); return err },
		"List":     func(by receipts.Actor) error { _, err := s.List(ctx, by, group, 10); return err },
		"Remind": func(by receipts.Actor) error {
			_, err := s.Remind(ctx, by, receipts.RemindRequest{Group: group, Ref: one})
			return err
		},
		"Follow": func(by receipts.Actor) error {
			_, _, err := s.Follow(ctx, by, receipts.FollowRequest{Group: group, Ref: one, Every: time.Hour})
			return err
		},
		"Stop":   func(by receipts.Actor) error { _, err := s.Stop(ctx, by, group, one); return err },
		"Recall": func(by receipts.Actor) error { _, err := s.Recall(ctx, by, group, one); return err },
		"Status": func(by receipts.Actor) error { _, err := s.Status(ctx, by, group); return err },
	} {
		if _, ok := errors.AsType[*receipts.ForbiddenError](verb(zhang)); !ok {
			t.Errorf("%s: %v for a member", name, verb(zhang))
		}
		if err := verb(outsider); !errors.Is(err, receipts.ErrExternal) {
			t.Errorf("%s: %v for an outsider", name, err)
		}
	}
	if w.sender.sends() != 1 || w.readers.queries() != 0 || len(w.recalls.keys) != 0 || len(schedule.wait) != 0 {
		t.Error("something was done all the same")
	}
}

func TestLookingAMessageUp(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s, _ := w.service(t, nil)
	ctx := t.Context()
	if _, err := s.Report(ctx, lilei, group, receipts.Ref{}); !errors.Is(err, receipts.ErrNothingYet) {
		t.Errorf("before the first: %v", err)
	}
	for i, title := range []string{"停机", "搬家"} {
		announced(t, s, title, title)
		if err := w.records.RecordPost(ctx, group, "chart of "+title, i+1); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.records.RecordPost(ctx, group, "help", 0); err != nil {
		t.Fatal(err)
	}
	quote := func(q receipts.Quote) receipts.Ref { return receipts.Ref{Quote: &q} }
	for name, test := range map[string]struct {
		ref  receipts.Ref
		want int
		err  error
	}{
		"the latest":                  {receipts.Ref{}, 2, nil},
		"a number":                    {receipts.Ref{Number: 1}, 1, nil},
		"a number of nothing":         {receipts.Ref{Number: 3}, 3, receipts.ErrNoMessage},
		"a quotation":                 {quote(receipts.Quote{Key: keyOf(1)}), 1, nil},
		"a number beside one":         {receipts.Ref{Number: 2, Quote: &receipts.Quote{Key: keyOf(1)}}, 2, nil},
		"a chart":                     {quote(receipts.Quote{Key: "chart of 停机"}), 1, nil},
		"help":                        {quote(receipts.Quote{Key: "help"}), 0, receipts.ErrNotMessage},
		"an answer":                   {quote(receipts.Quote{Text: "#1 停机 · 已读 0/3", Number: 1}), 1, nil},
		"an answer about nothing":     {quote(receipts.Quote{Text: "#7 停机", Number: 7}), 7, receipts.ErrNoMessage},
		"somebody's words":            {quote(receipts.Quote{Text: "停机吗"}), 0, receipts.ErrNotMessage},
		"an unknown key, no text":     {quote(receipts.Quote{Key: "other"}), 0, receipts.ErrNotMessage},
		"a number in an announcement": {quote(receipts.Quote{Text: "停机 #2", Number: 2}), 2, nil},
	} {
		r, err := s.Report(ctx, lilei, group, test.ref)
		if !errors.Is(err, test.err) || (err == nil) != (test.err == nil) {
			t.Errorf("%s: %v, want %v", name, err, test.err)
			continue
		}
		if missing, ok := errors.AsType[*receipts.NoSuchMessageError](err); ok && missing.Number != test.want {
			t.Errorf("%s: no message #%d, want #%d", name, missing.Number, test.want)
		}
		if err == nil && r.Message.Number != test.want {
			t.Errorf("%s: #%d, want #%d", name, r.Message.Number, test.want)
		}
	}
	if _, err := s.Report(ctx, lilei, elsewhere, receipts.Ref{Quote: &receipts.Quote{Key: keyOf(1), Text: ""}}); !errors.Is(err, receipts.ErrNotMessage) {
		t.Errorf("another group's key: %v", err)
	}
	// DingTalk is asked about a key that is not known.
	w.readers.sent["foreign"] = group
	for _, test := range []struct {
		number int
		reason receipts.Reason
		want   int
		err    error
		failed receipts.Reason
	}{
		{0, receipts.KeyInvalid, 0, receipts.ErrNotMessage, ""},
		{2, receipts.GroupInvalid, 2, nil, ""},
		{2, receipts.Unavailable, 0, nil, receipts.Unavailable},
	} {
		w.readers.say(refusing(&receipts.Failure{Reason: test.reason}))
		r, err := s.Report(ctx, lilei, group, quote(receipts.Quote{Key: "foreign", Text: "别的消息", Number: test.number}))
		if r.Message.Number != test.want || receipts.ReasonOf(err) != test.failed || test.err != nil && !errors.Is(err, test.err) || test.err == nil && test.failed == "" && err != nil {
			t.Errorf("%s: #%d, %v", test.reason, r.Message.Number, err)
		}
	}
	for _, number := range []int{1, 2} {
		if _, err := w.records.Mark(ctx, group, number, receipts.Change{To: receipts.Expired}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.Report(ctx, lilei, group, receipts.Ref{}); !errors.Is(err, receipts.ErrNothingCurrent) {
		t.Errorf("when all is over: %v", err)
	}
	w.records.fail("Latest")
	if _, err := s.Report(ctx, lilei, group, receipts.Ref{}); !errors.Is(err, errDown) {
		t.Errorf("without the records: %v", err)
	}
}

// What is announced is swept before DingTalk forgets it, and followed up as the words of the
// announcement say, or else the settings of its group, or those of every group.
func TestAnAnnouncementIsSweptAndFollowedUp(t *testing.T) {
	t.Parallel()
	eight := receipts.ClockTime(8 * 60)
	hour := receipts.FollowUpSettings{Every: []time.Duration{time.Hour}}
	own := receipts.FollowUpSettings{Every: []time.Duration{2 * time.Hour}, By: []receipts.Channel{receipts.InPrivate}, Clock: &eight, Share: 50}
	// The world begins at 9:00 in Shanghai, which is 1:00 in UTC.
	tomorrow, at16 := time.Date(2026, 8, 3, 8, 0, 0, 0, time.UTC), time.Date(2026, 8, 3, 16, 0, 0, 0, time.UTC)
	for name, test := range map[string]struct {
		settings map[string]receipts.FollowUpSettings
		change   func(*receipts.Announcement)
		want     *receipts.Plan
		next     time.Duration
	}{
		"no settings":         {nil, nil, nil, 0},
		"of another group":    {map[string]receipts.FollowUpSettings{elsewhere: hour}, nil, nil, 0},
		"of every group":      {map[string]receipts.FollowUpSettings{"*": hour}, nil, &receipts.Plan{Every: hour.Every, By: []receipts.Channel{receipts.Mention}, Share: 100}, time.Hour},
		"of its own":          {map[string]receipts.FollowUpSettings{"*": hour, group: own}, nil, &receipts.Plan{Every: own.Every, By: own.By, Share: 50, Until: tomorrow}, 2 * time.Hour},
		"another interval":    {map[string]receipts.FollowUpSettings{group: own}, func(a *receipts.Announcement) { a.Every = 90 * time.Minute }, &receipts.Plan{Every: []time.Duration{90 * time.Minute}, By: own.By, Share: 50, Until: tomorrow}, 90 * time.Minute},
		"another deadline":    {map[string]receipts.FollowUpSettings{group: own}, func(a *receipts.Announcement) { a.Deadline = at16 }, &receipts.Plan{Every: own.Every, By: own.By, Share: 50, Until: at16}, 2 * time.Hour},
		"a deadline and none": {nil, func(a *receipts.Announcement) { a.Deadline = at16 }, &receipts.Plan{By: []receipts.Channel{receipts.Mention}, Share: 100, Until: at16}, 15 * time.Hour},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			s, schedule := w.service(t, func(settings *receipts.Settings) {
				settings.Reminders.FollowUps, settings.Sweeps = test.settings, []time.Duration{23 * time.Hour, 100 * time.Hour}
			})
			a := saying("one", "停机")
			if test.change != nil {
				test.change(&a)
			}
			var first []receipts.Job
			for try := range 2 { // a repetition posts nothing, and schedules the same
				done, err := s.Announce(t.Context(), boss, a)
				if err != nil || done.Message.State != receipts.Sent || done.Message.Author != boss.Person || w.sender.sends() != 1 {
					t.Fatalf("%+v, %v, %d posts", done, err, w.sender.sends())
				}
				if (done.FollowUp == nil) != (test.want == nil) {
					t.Fatalf("followed up: %+v", done.FollowUp)
				}
				if test.want != nil {
					if diff := gocmp.Diff(*test.want, done.FollowUp.Plan); diff != "" || !done.FollowUp.Next.Equal(morning.Add(test.next)) {
						t.Errorf("next at %v, the plan (-want +got):\n%s", done.FollowUp.Next, diff)
					}
				}
				waiting, err := schedule.Scheduled(t.Context(), group)
				if err != nil {
					t.Fatal(err)
				}
				if try == 0 {
					first = waiting
				}
				if diff := gocmp.Diff(first, waiting); diff != "" {
					t.Errorf("the repetition schedules something else (-first +again):\n%s", diff)
				}
				kinds := map[string]int{}
				for _, j := range waiting {
					kinds[j.Kind]++
				}
				if want := map[bool]int{true: 1}[test.want != nil]; kinds[receipts.SweepJob] != 2 || kinds[receipts.FollowUpJob] != want {
					t.Errorf("scheduled %v", kinds)
				}
			}
			for _, j := range first {
				if after := j.At.Sub(morning); j.Kind == receipts.SweepJob && (after < 20*time.Hour || after > 110*time.Hour) {
					t.Errorf("swept after %v", after)
				}
			}
		})
	}
}

// What was not sent is neither swept nor followed up; what may have been is.
func TestOnlyWhatMayBeThereIsSweptAndFollowedUp(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		err   error
		state receipts.State
		jobs  int
	}{
		"refused":   {&receipts.Failure{Reason: receipts.BotStopped}, receipts.Failed, 0},
		"uncertain": {&receipts.Failure{Reason: receipts.Unavailable, Uncertain: true}, receipts.Uncertain, 2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.sender.err = test.err
			s, schedule := w.service(t, func(settings *receipts.Settings) { settings.Sweeps = []time.Duration{23 * time.Hour} })
			a := saying("one", "停机")
			a.Every = time.Hour
			done, err := s.Announce(t.Context(), boss, a)
			if err != nil || done.Message.State != test.state || !errors.Is(done.Failure, test.err) || len(schedule.wait) != test.jobs {
				t.Errorf("%+v, %v, %d jobs", done, err, len(schedule.wait))
			}
		})
	}
}

func TestStoppingAFollowUp(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s, _ := w.service(t, nil)
	ctx := t.Context()
	stop := func(ref receipts.Ref) (int, error) {
		stopped, err := s.Stop(ctx, boss, group, ref)
		return stopped.Number, err
	}
	if _, err := stop(receipts.Ref{}); !errors.Is(err, receipts.ErrNothingFollowed) {
		t.Errorf("nothing is followed up: %v", err)
	}
	for i := range 3 {
		command := string(rune('a' + i))
		announced(t, s, command, command)
	}
	for _, number := range []int{3, 1} {
		if _, _, err := s.Follow(ctx, boss, receipts.FollowRequest{Group: group, Ref: receipts.Ref{Number: number}, Command: "follow", Every: time.Hour}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := stop(receipts.Ref{Number: 9}); !errors.Is(err, receipts.ErrNoMessage) {
		t.Errorf("no such message: %v", err)
	}
	_, err := stop(receipts.Ref{Number: 2})
	if not, ok := errors.AsType[*receipts.NotFollowedError](err); !ok || not.Number != 2 {
		t.Errorf("not followed up: %v", err)
	}
	_, err = stop(receipts.Ref{})
	if many, ok := errors.AsType[*receipts.ManyFollowedError](err); !ok || !slices.Equal(many.Numbers, []int{1, 3}) {
		t.Errorf("which one: %v", err)
	}
	for _, step := range []struct {
		ref  receipts.Ref
		want int
	}{{receipts.Ref{Quote: &receipts.Quote{Key: keyOf(1)}}, 1}, {receipts.Ref{}, 3}} {
		if number, err := stop(step.ref); number != step.want || err != nil {
			t.Errorf("stopped #%d, %v; want #%d", number, err, step.want)
		}
	}
	if f, err := s.FollowUps(ctx, group, 10); len(f) != 0 || err != nil {
		t.Errorf("still followed up: %v, %v", f, err)
	}
}

func TestRecallingAMessage(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s, schedule := w.service(t, func(settings *receipts.Settings) { settings.Policy.Announce = receipts.Everyone })
	ctx := t.Context()
	if _, err := s.Announce(ctx, lilei, saying("one", "停机")); err != nil {
		t.Fatal(err)
	}
	one := receipts.Ref{Number: 1}
	if _, err := s.Recall(ctx, boss, group, receipts.Ref{Number: 7}); !errors.Is(err, receipts.ErrNoMessage) {
		t.Errorf("no such message: %v", err)
	}
	if m, err := s.Recall(ctx, zhang, group, one); m.Number != 1 || err == nil {
		t.Errorf("another's: %+v, %v", m, err)
	} else if forbidden, ok := errors.AsType[*receipts.ForbiddenError](err); !ok || forbidden.Rule != receipts.Author {
		t.Errorf("another's: %v", err)
	}
	w.recalls.err = &receipts.Failure{Reason: receipts.PermissionDenied}
	if m, err := s.Recall(ctx, lilei, group, one); receipts.ReasonOf(err) != receipts.PermissionDenied || m.State != receipts.Sent {
		t.Errorf("refused by DingTalk: %+v, %v", m, err)
	}
	if len(w.recalls.keys) != 1 {
		t.Errorf("asked DingTalk to recall %v", w.recalls.keys)
	}
	w.recalls.err = nil
	if _, _, err := s.Follow(ctx, boss, receipts.FollowRequest{Group: group, Ref: one, Command: "follow", Every: time.Hour}); err != nil {
		t.Fatal(err)
	}
	if m, err := s.Recall(ctx, lilei, group, one); m.State != receipts.Recalled || err != nil {
		t.Errorf("the author's: %+v, %v", m, err)
	}
	// Its follow-up is looked at now, and says that it is over.
	if len(schedule.wait) != 1 || schedule.wait[0].Kind != receipts.FollowUpJob || !schedule.wait[0].At.Equal(w.clock.now()) {
		t.Errorf("scheduled %+v", schedule.wait)
	}
	if m, err := s.Recall(ctx, boss, group, one); !errors.Is(err, receipts.ErrWrongState) || m.State != receipts.Recalled {
		t.Errorf("again: %+v, %v", m, err)
	}
	if _, _, err := s.Follow(ctx, boss, receipts.FollowRequest{Group: group, Ref: one, Command: "again", Every: time.Hour}); !errors.Is(err, receipts.ErrWrongState) {
		t.Errorf("followed up: %v", err)
	}
}

// A message need not be named by who announced it within the last minute, and no other. It is not
// recalled before the yes.
func TestRecallingWithoutANumber(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		by     receipts.Actor
		ref    receipts.Ref
		recall receipts.Rule // author if empty
		change func(t *testing.T, w *world, s *receipts.Service)
		want   error // *ForbiddenError if nil
	}{
		"just announced":    {by: lilei, want: receipts.ErrAsks},
		"within a minute":   {by: lilei, change: func(_ *testing.T, w *world, _ *receipts.Service) { w.clock.advance(time.Minute) }, want: receipts.ErrAsks},
		"later":             {by: lilei, change: func(_ *testing.T, w *world, _ *receipts.Service) { w.clock.advance(time.Minute + time.Second) }, want: receipts.ErrWhich},
		"another's":         {by: zhang, want: receipts.ErrWhich},
		"an administrator":  {by: boss, want: receipts.ErrWhich},
		"a title":           {by: lilei, ref: receipts.Ref{Topic: "停机"}, want: receipts.ErrWhich},
		"a day":             {by: lilei, ref: receipts.Ref{On: time.Now()}, want: receipts.ErrWhich},
		"who may not":       {by: lilei, recall: receipts.Admins, want: &receipts.ForbiddenError{}},
		"another was later": {by: lilei, change: func(t *testing.T, _ *world, s *receipts.Service) { announced(t, s, "two", "午饭") }, want: receipts.ErrWhich},
		"recalled by now": {by: lilei, change: func(t *testing.T, _ *world, s *receipts.Service) {
			if _, err := s.Recall(t.Context(), lilei, group, receipts.Ref{Number: 1}); err != nil {
				t.Fatal(err)
			}
		}, want: receipts.ErrWhich},
		"perhaps not posted": {by: lilei, change: func(_ *testing.T, w *world, _ *receipts.Service) {
			w.records.find(group, 1).kept.Message.State = receipts.Uncertain
		}, want: receipts.ErrWhich},
		"by a clock behind":     {by: lilei, change: func(_ *testing.T, w *world, _ *receipts.Service) { w.clock.advance(-time.Minute) }, want: receipts.ErrAsks},
		"by a clock far behind": {by: lilei, change: func(_ *testing.T, w *world, _ *receipts.Service) { w.clock.advance(-time.Hour) }, want: receipts.ErrWhich},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			s, _ := w.service(t, func(settings *receipts.Settings) {
				settings.Policy.Announce, settings.Policy.Recall = receipts.Everyone, cmp.Or(test.recall, receipts.Author)
			})
			ctx := t.Context()
			if _, err := s.Announce(ctx, lilei, saying("one", "停机")); err != nil {
				t.Fatal(err)
			}
			if test.change != nil {
				test.change(t, w, s)
			}
			recalled := len(w.recalls.keys)
			m, err := s.Recall(ctx, test.by, group, test.ref)
			if _, forbidden := errors.AsType[*receipts.ForbiddenError](err); !errors.Is(err, test.want) && !forbidden {
				t.Errorf("Recall() = %v, want %v", err, test.want)
			}
			if len(w.recalls.keys) != recalled {
				t.Error("it is recalled before the yes")
			}
			s.UpdateGroup(ctx, group, receipts.GroupUpdate{Speaker: test.by.Person, At: w.clock.now(), Command: "yes"})
			asked, err := s.Pending(ctx, test.by, group, "yes")
			if err != nil {
				t.Fatal(err)
			}
			if asks := errors.Is(test.want, receipts.ErrAsks); asks != (asked != nil) || asks && (asked.Kind != receipts.PendingRecall || asked.Number != 1 || m.Number != 1) {
				t.Errorf("asked about %+v, message #%d", asked, m.Number)
			}
		})
	}
}

func TestJobsThatAreNotTheServices(t *testing.T) {
	t.Parallel()
	s, schedule := newWorld(t).service(t, nil)
	for name, job := range map[string]receipts.Job{
		"an unknown kind":    {ID: "odd", Kind: "odd", Group: group, Body: "{}"},
		"a broken sweep":     {ID: "sweep", Kind: receipts.SweepJob, Group: group, Body: "{"},
		"a broken follow-up": {ID: "follow", Kind: receipts.FollowUpJob, Group: group, Body: ""},
	} {
		if err := s.Run(t.Context(), job); err == nil {
			t.Errorf("%s passes for done", name)
		}
	}
	// A message whose time is over leaves nothing to do.
	for _, kind := range []string{receipts.SweepJob, receipts.FollowUpJob} {
		if err := s.Run(t.Context(), receipts.Job{ID: "gone", Kind: kind, Group: group, Body: `{"Number":7}`}); err != nil {
			t.Errorf("%s of what is gone: %v", kind, err)
		}
	}
	// A follow-up that is given up is put off; a sweep is not.
	for _, kind := range []string{receipts.SweepJob, receipts.FollowUpJob} {
		s.GiveUp(t.Context(), receipts.Job{ID: kind, Kind: kind, Group: group, Body: `{"Number":7}`}, errDown)
	}
	if len(schedule.wait) != 1 || schedule.wait[0].Kind != receipts.FollowUpJob || !schedule.wait[0].At.Equal(morning.Add(5*time.Minute)) {
		t.Errorf("scheduled %+v", schedule.wait)
	}
}
