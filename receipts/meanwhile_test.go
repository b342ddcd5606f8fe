package receipts_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"whoread/receipts"
)

// readPushed has people read message #1 at that time, as DingTalk pushes it.
func (r *records) readPushed(at time.Time, userIDs ...string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, id := range userIDs {
		r.messages[group][0].kept.Reads[id] = receipts.Read{At: at, Exact: true}
	}
}

// become changes the state of message #1.
func (r *records) become(state receipts.State) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.messages[group][0].kept.Message.State = state
}

// reads counts how often what is known was read.
func (r *records) reads() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := 0
	for _, method := range r.calls {
		if method == "Snapshot" {
			n++
		}
	}
	return n
}

// asking are the ways in which DingTalk is asked for something that takes its time: what
// happens meanwhile is done by do.
func asking(do func(w *world)) map[string]func(w *world) {
	return map[string]func(w *world){
		"who has read": func(w *world) {
			w.readers.say(func(context.Context, string) (receipts.ReadersPage, error) {
				do(w)
				return receipts.ReadersPage{}, nil
			})
		},
		"the second page": func(w *world) {
			w.readers.say(func(ctx context.Context, cursor string) (receipts.ReadersPage, error) {
				if cursor != "" {
					do(w)
				}
				return inPages(receipts.ReadersPage{}, receipts.ReadersPage{})(ctx, cursor)
			})
		},
		"who has read, in vain": func(w *world) {
			w.readers.say(func(context.Context, string) (receipts.ReadersPage, error) {
				do(w)
				return receipts.ReadersPage{}, errDown
			})
		},
		"the members": func(w *world) {
			w.members.during = func(context.Context) { do(w) }
			w.clock.advance(freshMembers)
		},
		"the members alone": func(w *world) {
			w.clock.advance(freshMembers)
			if err := w.records.SaveReads(context.Background(), group, 1, nil, w.clock.now(), w.clock.now()); err != nil {
				panic(err)
			}
			w.members.during = func(context.Context) { do(w) }
		},
		"the members, which are nowhere": func(w *world) {
			w.members.fail(&receipts.NoListError{Reason: "no_member_list", Err: errDown})
			w.members.during = func(context.Context) { do(w) }
			w.clock.advance(freshMembers)
		},
	}
}

// A report is of what is known when DingTalk has answered, not of what was known when it was
// asked.
func TestReadsThatArePushedWhileDingTalkIsAskedAreInTheReport(t *testing.T) {
	t.Parallel()
	for name, set := range asking(func(w *world) { w.records.readPushed(w.clock.now(), "zhang", "li") }) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.announce(t)
			set(w)
			r := w.report(t)
			if ids := slices.Sorted(slices.Values(readerIDs(r))); !slices.Equal(ids, []string{"li", "zhang"}) {
				t.Errorf("readers %v", ids)
			}
			if r.Complete() && !slices.Equal(r.Unread, []string{"wang"}) {
				t.Errorf("unread %v", r.Unread)
			}
		})
	}
}

// Of a message that was recalled while DingTalk was asked nobody is called unread.
func TestAMessageThatIsOverMeanwhileHasNobodyUnread(t *testing.T) {
	t.Parallel()
	for _, state := range []receipts.State{receipts.Recalled, receipts.Disbanded, receipts.Expired} {
		for name, set := range asking(func(w *world) { w.records.become(state) }) {
			t.Run(fmt.Sprintf("%s, %s", state, name), func(t *testing.T) {
				t.Parallel()
				w := newWorld(t)
				w.announce(t)
				set(w)
				r, err := w.reporter.Ask(t.Context(), group, 1, receipts.Rights{})
				if err != nil || r.Message.State != state {
					t.Errorf("%s, %v", r.Message.State, err)
				}
				namesNobody(t, r)
				if !slices.ContainsFunc(r.Gaps, func(g receipts.Gap) bool { return g.Part == receipts.ReadersPart && errors.Is(g.Err, receipts.ErrOver) }) {
					t.Errorf("gaps %v", r.Gaps)
				}
			})
		}
	}
}

// A report that was made a while ago is looked at again without asking DingTalk.
func TestAReportAgain(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		meanwhile    func(w *world)
		read, unread []string
	}{
		"nothing":          {func(*world) {}, nil, []string{"li", "wang", "zhang"}},
		"two read":         {func(w *world) { w.records.readPushed(w.clock.now(), "zhang", "li") }, []string{"li", "zhang"}, []string{"wang"}},
		"all read":         {func(w *world) { w.records.readPushed(w.clock.now(), "zhang", "li", "wang") }, []string{"li", "wang", "zhang"}, nil},
		"recalled by then": {func(w *world) { w.records.become(receipts.Recalled) }, nil, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.announce(t)
			before := w.report(t)
			asked := w.readers.queries()
			c.meanwhile(w)
			r, err := w.reporter.Again(t.Context(), before)
			if err != nil {
				t.Fatal(err)
			}
			if ids := slices.Sorted(slices.Values(readerIDs(r))); !slices.Equal(ids, c.read) || !slices.Equal(slices.Sorted(slices.Values(r.Unread)), c.unread) {
				t.Errorf("read %v, unread %v", ids, r.Unread)
			}
			if r.Complete() == (name == "recalled by then") {
				t.Errorf("gaps %v", r.Gaps)
			}
			if len(before.Read) != 0 || len(before.Unread) != 3 || w.readers.queries() != asked {
				t.Errorf("it was %+v before, and DingTalk was asked %d times", before, w.readers.queries())
			}
		})
	}
}

// What is known is read once more after a question, and only then.
func TestWhatIsKnownIsReadAgainOnlyAfterAQuestion(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.announce(t)
	for _, c := range []struct {
		name  string
		set   func()
		reads int
	}{
		{"DingTalk is asked", func() {}, 2},
		{"the answer is fresh", func() {}, 1},
		{"the members are asked for", func() { w.clock.advance(freshMembers - 1); w.report(t); w.clock.advance(1) }, 2},
		{"all have read", func() { w.records.readPushed(morning, "zhang", "li", "wang") }, 1},
		{"it is over", func() { w.records.become(receipts.Recalled) }, 1},
	} {
		c.set()
		before := w.records.reads()
		w.report(t)
		if n := w.records.reads() - before; n != c.reads {
			t.Errorf("%s: what is known was read %d times, not %d", c.name, n, c.reads)
		}
	}
	if n := w.members.questions(); n != 2 { // for the announcement, and once they are old
		t.Errorf("the members were asked for %d times", n)
	}
}

// The answer is as of when DingTalk was asked, not of when the wait for its turn began.
func TestAReportIsAsOfTheFirstPage(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.announce(t)
	pages := inPages(receipts.ReadersPage{}, receipts.ReadersPage{})
	w.readers.say(func(ctx context.Context, cursor string) (receipts.ReadersPage, error) {
		w.clock.advance(time.Minute) // waits for its turn
		at := w.clock.now()
		w.clock.advance(time.Second)
		page, err := pages(ctx, cursor)
		page.At = at
		return page, err
	})
	if r := w.report(t); !r.AsOf.Equal(at(1)) || !w.kept(t).AsOf.Equal(at(1)) {
		t.Errorf("as of %v, recorded %v; want %v", r.AsOf, w.kept(t).AsOf, at(1))
	}
}

// Readers that come with a doubt are readers.
func TestReadersOfAPageInDoubtAreKept(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.announce(t)
	doubt := errors.New("an unknown status")
	w.readers.say(func(context.Context, string) (receipts.ReadersPage, error) {
		return receipts.ReadersPage{UserIDs: []string{"li"}}, doubt
	})
	r := w.report(t)
	namesNobody(t, r)
	if gap := onlyGap(t, r); !errors.Is(gap.Err, doubt) || !slices.Equal(readerIDs(r), []string{"li"}) || !r.AsOf.IsZero() {
		t.Errorf("%+v", r)
	}
}

// manyUnread has as many people in the group, who have not read message #1, reminded in
// private in batches of 20. Between is called after each batch, counted from 1.
func (w *world) manyUnread(t *testing.T, people int, round *receipts.FollowUp, between func(batch int)) (receipts.Reminded, *fakeSender) {
	t.Helper()
	n := &fakeSender{size: 20}
	batch := 0
	n.after = func(receipts.Batch) error { batch++; between(batch); return nil }
	r, err := w.reporter.Ask(t.Context(), group, 1, receipts.Rights{})
	if err != nil || len(r.Unread) != people {
		t.Fatalf("%d unread, %v", len(r.Unread), err)
	}
	done, err := w.prompter.Remind(t.Context(), r, receipts.Prompt{Run: "run", By: receipts.InPrivate, Round: round}, n)
	if err != nil {
		t.Fatal(err)
	}
	return done, n
}

// crowded is a world of a message and 600 people.
func crowded(t *testing.T) (*world, []string) {
	w := newWorld(t)
	people := make([]string, 600)
	for i := range people {
		people[i] = fmt.Sprintf("u%03d", i)
	}
	w.members.set(people...)
	w.announce(t)
	return w, people
}

func TestWhoReadsWhileOthersAreRemindedIsNotReminded(t *testing.T) {
	t.Parallel()
	w, people := crowded(t)
	read := append(slices.Clone(people[35:47]), people[100:]...)
	done, n := w.manyUnread(t, 600, nil, func(batch int) {
		switch batch {
		case 1:
			w.records.readPushed(w.clock.now(), people[35:47]...)
		case 4:
			w.records.readPushed(w.clock.now(), people[100:]...)
		}
	})
	reminded := slices.DeleteFunc(slices.Clone(people), func(id string) bool { return slices.Contains(read, id) })
	wantPeople(t, "nudged", n.people(), reminded...)
	wantPeople(t, "reached", allReached(done), reminded...)
	wantPeople(t, "had read", done.Read, read...)
	if len(n.nudged) != 5 || done.Halt != (receipts.Halt{}) {
		t.Errorf("%d calls, halted by %+v", len(n.nudged), done.Halt)
	}
}

// A batch that is held up, waiting for its turn or because of a try that DingTalk refused, is
// looked at again before it goes out.
func TestABatchThatIsHeldUpGoesToWhoHasNotReadByThen(t *testing.T) {
	t.Parallel()
	w, people := crowded(t)
	held := 0
	n := &fakeSender{size: 300, held: func() {
		if held++; held <= 2 {
			w.records.readPushed(w.clock.now(), people[held*10:held*10+10]...)
		}
	}}
	r, err := w.reporter.Ask(t.Context(), group, 1, receipts.Rights{})
	if err != nil {
		t.Fatal(err)
	}
	done, err := w.prompter.Remind(t.Context(), r, receipts.Prompt{Run: "run", By: receipts.InPrivate}, n)
	if err != nil {
		t.Fatal(err)
	}
	wantPeople(t, "nudged", n.people(), append(slices.Clone(people[:10]), people[30:]...)...)
	wantPeople(t, "had read", done.Read, people[10:30]...)
	if len(n.nudged) != 2 || len(done.Failed) > 0 || done.Err != nil {
		t.Errorf("%d calls, %+v", len(n.nudged), done.Err)
	}
}

func TestABatchThatIsHeldUpEndsWithWhatItIsAbout(t *testing.T) {
	t.Parallel()
	w, _ := crowded(t)
	n := &fakeSender{size: 300, held: func() { w.records.become(receipts.Recalled) }}
	for range 2 { // a repetition calls nobody uncertain
		r, err := w.reporter.Ask(t.Context(), group, 1, receipts.Rights{})
		if err != nil {
			t.Fatal(err)
		}
		w.records.become(receipts.Sent)
		r.Message.State = receipts.Sent
		if done, err := w.prompter.Remind(t.Context(), r, receipts.Prompt{Run: "run", By: receipts.InPrivate}, n); err != nil || len(done.Uncertain)+len(done.Failed)+len(n.nudged) > 0 {
			t.Errorf("%+v, %v", done, err)
		}
	}
}

// While an announcement is held up, whoever asked was told that it is uncertain and will not
// be sent: then it is not.
func TestAnAnnouncementThatIsHeldUpGoesOutOnlyWhileItIsBeingSent(t *testing.T) {
	t.Parallel()
	for name, during := range map[string]func(*world){"nothing": func(*world) {}, "called uncertain": func(w *world) { w.records.become(receipts.Uncertain) }} {
		w := newWorld(t)
		w.sender.held = func() { during(w) }
		done, err := w.announcer.Announce(t.Context(), maintenance)
		if err != nil {
			t.Fatal(err)
		}
		want, sends := receipts.Sent, 1
		if name != "nothing" {
			want, sends = receipts.Failed, 0
		}
		if done.Message.State != want || w.sender.sends() != sends {
			t.Errorf("%s: %s, sent %d times", name, done.Message.State, w.sender.sends())
		}
	}
}

func TestWhenAllHaveReadMeanwhileNobodyIsReminded(t *testing.T) {
	t.Parallel()
	w, n := newWorld(t), &fakeSender{size: 2}
	w.announce(t)
	w.records.meanwhile("BeginReminder", func(context.Context) error {
		w.records.readPushed(w.clock.now(), "zhang", "li", "wang")
		return nil
	})
	for range 2 {
		done := w.remind(t, "msgId-2", n)
		if len(done.Reached)+len(done.Uncertain)+len(done.Failed) > 0 || done.InGroup {
			t.Errorf("%+v", done)
		}
	}
	wantPeople(t, "nudged", n.people())
}

func TestAReminderEndsWithWhatItIsAbout(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		happens func(t *testing.T, w *world)
		halt    receipts.Halt
	}{
		"recalled":  {func(_ *testing.T, w *world) { w.records.become(receipts.Recalled) }, receipts.Halt{State: receipts.Recalled}},
		"disbanded": {func(_ *testing.T, w *world) { w.records.become(receipts.Disbanded) }, receipts.Halt{State: receipts.Disbanded}},
		"stopped": {func(t *testing.T, w *world) {
			if _, err := w.follower.Stop(t.Context(), group, 1, chen); err != nil {
				t.Error(err)
			}
		}, receipts.Halt{Superseded: true}},
		"followed anew": {func(t *testing.T, w *world) {
			if _, err := w.follower.Start(t.Context(), w.kept(t).Message, pursuit("another")); err != nil {
				t.Error(err)
			}
		}, receipts.Halt{Superseded: true}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, people := crowded(t)
			f, err := w.follower.Start(t.Context(), w.kept(t).Message, pursuit("follow"))
			if err != nil {
				t.Fatal(err)
			}
			done, n := w.manyUnread(t, 600, &f, func(batch int) {
				if batch == 2 {
					c.happens(t, w)
				}
			})
			wantPeople(t, "nudged", n.people(), people[:40]...)
			wantPeople(t, "reached", allReached(done), people[:40]...)
			if done.Halt != c.halt || done.Err != nil || len(done.Failed)+len(done.Uncertain) > 0 {
				t.Errorf("halted by %+v, %+v", done.Halt, done)
			}
			// A repetition of the run tells the same, and nobody again.
			if done, n := w.again(t, f); done.Halt != c.halt || len(n.people()) > 0 || len(allReached(done)) != 40 {
				t.Errorf("again: %+v, nudged %v", done, n.people())
			}
		})
	}
	t.Run("a command is not a follow-up's", func(t *testing.T) {
		t.Parallel()
		w, people := crowded(t)
		if _, err := w.follower.Start(t.Context(), w.kept(t).Message, pursuit("follow")); err != nil {
			t.Fatal(err)
		}
		_, n := w.manyUnread(t, 600, nil, func(batch int) {
			if batch == 2 {
				if _, err := w.follower.Stop(t.Context(), group, 1, chen); err != nil {
					t.Error(err)
				}
			}
		})
		wantPeople(t, "nudged", n.people(), people...)
	})
}

// again repeats the run of manyUnread by what was then the report.
func (w *world) again(t *testing.T, f receipts.FollowUp) (receipts.Reminded, *fakeSender) {
	t.Helper()
	r := receipts.Report{Message: receipts.Message{Group: group, Number: 1, State: receipts.Sent}, Unread: w.members.ids}
	n := &fakeSender{size: 20}
	done, err := w.prompter.Remind(t.Context(), r, receipts.Prompt{Run: "run", By: receipts.InPrivate, Round: &f}, n)
	if err != nil {
		t.Fatal(err)
	}
	return done, n
}

// pursuit is a follow-up every half hour.
func pursuit(id string) receipts.FollowUp {
	return receipts.FollowUp{ID: id, Plan: receipts.Plan{Every: []time.Duration{30 * time.Minute}, By: []receipts.Channel{receipts.InPrivate}, Share: 100}}
}

// held has who has read answered when the test says so, by people, unless the asker goes
// first.
func (w *world) held(answer ...string) (release func()) {
	answered := make(chan struct{})
	w.readers.say(func(ctx context.Context, _ string) (receipts.ReadersPage, error) {
		select {
		case <-answered:
			return receipts.ReadersPage{UserIDs: answer}, nil
		case <-ctx.Done():
			return receipts.ReadersPage{}, ctx.Err()
		}
	})
	return func() { close(answered) }
}

// Somebody without a right is not answered by what somebody with it was told, nor the other
// way round: who may go past the budget gets the whole answer, whoever asked before.
func TestRightsAreTheAskersOwn(t *testing.T) {
	t.Parallel()
	for _, first := range []receipts.Rights{{}, {PastBudget: true}} {
		t.Run(fmt.Sprintf("%+v first", first), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				c := &clock{}
				w := newWorldAt(t, c, time.Now)
				w.announce(t)
				time.Sleep(time.Hour) // the members are old
				answered := make(chan struct{})
				w.records.before = func(_ context.Context, method string) error {
					if method == "KnownMembers" {
						<-answered
					}
					return nil
				}
				w.readers.budget = errSpent
				reports := map[receipts.Rights]receipts.Report{}
				var mu sync.Mutex
				var all sync.WaitGroup
				for _, rights := range []receipts.Rights{first, {PastBudget: !first.PastBudget}} {
					all.Go(func() {
						r, err := w.reporter.Ask(t.Context(), group, 1, rights)
						if err != nil {
							t.Error(err)
						}
						mu.Lock()
						defer mu.Unlock()
						reports[rights] = r
					})
					synctest.Wait()
				}
				close(answered)
				all.Wait()
				if r := reports[receipts.Rights{PastBudget: true}]; !r.Complete() || len(r.Unread) != 3 {
					t.Errorf("with the right: %+v", r)
				}
				if r := reports[receipts.Rights{}]; r.Complete() || !errors.Is(onlyGap(t, r).Err, receipts.ErrBudgetSpent) {
					t.Errorf("without the right: %+v", r)
				}
			})
		})
	}
}

func TestTheMembersAreAskedForWithTheAskersRights(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.announce(t)
	w.clock.advance(freshMembers)
	if _, err := w.reporter.Ask(t.Context(), group, 1, receipts.Rights{PastBudget: true}); err != nil {
		t.Fatal(err)
	}
	if want := []receipts.Rights{{}, {PastBudget: true, People: 3}}; !slices.Equal(w.members.rights, want) {
		t.Errorf("asked with %+v; want %+v", w.members.rights, want)
	}
}

func TestAQuotedMessageIsLookedUpWithTheAskersRights(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.readers.sent["old"], w.readers.budget = group, errSpent
	quote := receipts.Quote{Key: "old", CreatedAt: morning, Text: "旧公告"}
	if m, err := w.reporter.Quoted(t.Context(), group, quote, receipts.Asker{}); !errors.Is(err, receipts.ErrBudgetSpent) {
		t.Errorf("without the right: %+v, %v", m, err)
	}
	if m, err := w.reporter.Quoted(t.Context(), group, quote, receipts.Asker{Rights: receipts.Rights{PastBudget: true}}); err != nil || !m.Adopted {
		t.Errorf("with the right: %+v, %v", m, err)
	}
}

// Each asker comes back when he gives up, and nobody else does: not even where it was he
// who asked first. The question is given up when nobody waits any more.
func TestCancellationIsTheAskersOwn(t *testing.T) {
	t.Parallel()
	const askers = 3
	for first := range askers { // to go
		t.Run(fmt.Sprint("asker ", first), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newWorldAt(t, &clock{}, time.Now)
				w.announce(t)
				release := w.held("li")
				var reports [askers]receipts.Report
				var errs [askers]error
				var done [askers]bool
				var leave [askers]context.CancelFunc
				var all sync.WaitGroup
				for i := range askers {
					var ctx context.Context
					ctx, leave[i] = context.WithCancel(t.Context())
					defer leave[i]()
					all.Go(func() {
						reports[i], errs[i] = w.reporter.Report(ctx, group, 1)
						done[i] = true
					})
					synctest.Wait()
				}
				leave[first]()
				synctest.Wait()
				if !done[first] || !errors.Is(errs[first], context.Canceled) {
					t.Errorf("who has gone still waits, or with %v", errs[first])
				}
				release()
				all.Wait()
				for i := range askers {
					if i != first && (errs[i] != nil || !slices.Equal(readerIDs(reports[i]), []string{"li"})) {
						t.Errorf("asker %d: %+v, %v", i, reports[i], errs[i])
					}
				}
				if n := w.readers.queries(); n != 1 {
					t.Errorf("%d queries", n)
				}
			})
		})
	}
	t.Run("all of them", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			w := newWorldAt(t, &clock{}, time.Now)
			w.announce(t)
			w.held()
			ctx, leave := context.WithCancel(t.Context())
			defer leave()
			var all sync.WaitGroup
			for range askers {
				all.Go(func() {
					if _, err := w.reporter.Report(ctx, group, 1); !errors.Is(err, context.Canceled) {
						t.Errorf("error %v", err)
					}
				})
			}
			synctest.Wait()
			leave()
			all.Wait()
			synctest.Wait() // the bubble ends with no goroutine left
			w.readers.say(readBy("li"))
			if r := w.report(t); !slices.Equal(readerIDs(r), []string{"li"}) {
				t.Errorf("the next one: %+v", r)
			}
		})
	})
}

// A panic is the asker's, who can be spared by what carries commands out; it does not end
// the process.
func TestAPanicReachesTheAsker(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.announce(t)
	w.records.before = func(_ context.Context, method string) error {
		if method == "Snapshot" {
			panic("broken")
		}
		return nil
	}
	defer func() {
		if p := recover(); p != "broken" {
			t.Errorf("recovered %v", p)
		}
	}()
	_, err := w.reporter.Report(t.Context(), group, 1)
	t.Errorf("no panic, %v", err)
}
