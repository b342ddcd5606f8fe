package store

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"golang.org/x/sync/errgroup"
	"pgregory.net/rapid"

	"whoread/receipts"
	"whoread/store/storetest"
)

// followUpOf is the follow-up that a command begins.
func followUpOf(command string) receipts.FollowUp {
	return receipts.FollowUp{
		ID:      command,
		Plan:    receipts.Plan{Every: []time.Duration{time.Hour}, By: []receipts.Channel{receipts.Mention}, Share: 90, Until: noon.Add(24 * time.Hour)},
		Starter: receipts.Person{UserID: "u1", Name: "李雷"}, Began: noon, Next: noon.Add(time.Hour),
	}
}

// follow records a follow-up, which has to work.
func follow(t *testing.T, s *Store, group string, number int, f receipts.FollowUp) {
	t.Helper()
	recorded, err := s.Follow(t.Context(), group, number, f)
	if diff := cmp.Diff(f, recorded); diff != "" || err != nil {
		t.Fatalf("follow #%d: %v (-want +got):\n%s", number, err, diff)
	}
}

// change records the next version of a follow-up, which has to work.
func change(t *testing.T, s *Store, group string, number int, f receipts.FollowUp) {
	t.Helper()
	if done, err := s.Change(t.Context(), group, number, f); !done || err != nil {
		t.Fatalf("change #%d to version %d: %v, %v", number, f.Version, done, err)
	}
}

// recorded compares what is recorded with what should be.
func recorded(t *testing.T, s *Store, group string, number int, want *receipts.FollowUp) {
	t.Helper()
	if diff := cmp.Diff(want, must(s.FollowUp(t.Context(), group, number))(t)); diff != "" {
		t.Errorf("recorded of #%d (-want +got):\n%s", number, diff)
	}
	if diff := cmp.Diff(want, must(s.Snapshot(t.Context(), group, number))(t).FollowUp); diff != "" {
		t.Errorf("kept of #%d (-want +got):\n%s", number, diff)
	}
}

// followed compares which messages' follow-ups go on.
func followed(t *testing.T, s *Store, group string, want ...int) {
	t.Helper()
	if diff := cmp.Diff(want, must(s.Followed(t.Context(), group))(t), cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("followed (-want +got):\n%s", diff)
	}
}

func TestOfChangesAtOnceOneWins(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, b storetest.Backend) {
		replicas := []*Store{open(t, b), open(t, b)}
		sent(t, replicas[0], group, "msg1", "key1")
		f := followUpOf("command")
		follow(t, replicas[0], group, 1, f)
		for version := 1; version <= 5; version++ {
			won := make([]bool, 20)
			var all errgroup.Group
			for i := range won {
				all.Go(func() (err error) {
					mine := f
					mine.Version, mine.Rounds = version, 100+i
					won[i], err = replicas[i%2].Change(t.Context(), group, 1, mine)
					return err
				})
			}
			if err := all.Wait(); err != nil {
				t.Fatal(err)
			}
			now := must(replicas[0].FollowUp(t.Context(), group, 1))(t)
			if n := count(won); n != 1 || !won[now.Rounds-100] || now.Version != version {
				t.Fatalf("version %d: %d changes won, and that of %d is recorded as version %d", version, n, now.Rounds-100, now.Version)
			}
		}
	})
}

// The domain's stop against rounds of two replicas.
func TestStopWinsAgainstRoundsOfAnotherReplica(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, b storetest.Backend) {
		replicas := []*Store{open(t, b), open(t, b)}
		sent(t, replicas[0], group, "msg1", "key1")
		follow(t, replicas[0], group, 1, followUpOf("command"))
		ctx := t.Context()
		var all errgroup.Group
		for range 2 { // fewer rounds than a stop has tries
			all.Go(func() error {
				f, err := replicas[0].FollowUp(ctx, group, 1)
				if err != nil || f.Ended != "" {
					return err
				}
				f.Rounds++
				f.Version++
				_, err = replicas[0].Change(ctx, group, 1, *f)
				return err
			})
		}
		follower := receipts.FollowUps{Records: replicas[1], Now: func() time.Time { return noon }}
		who := receipts.Person{UserID: "u2", Name: "韩梅梅"}
		all.Go(func() error {
			_, err := follower.Stop(ctx, group, 1, who)
			return err
		})
		if err := all.Wait(); err != nil {
			t.Fatal(err)
		}
		if f := must(replicas[0].FollowUp(ctx, group, 1))(t); f.Ended != receipts.Stopped || f.Stopper != who || f.Version != f.Rounds+1 {
			t.Errorf("recorded %+v", f)
		}
		followed(t, replicas[0], group)
		if _, err := follower.Stop(ctx, group, 2, who); !errors.Is(err, receipts.ErrNotFollowed) {
			t.Errorf("stop what is not there: %v", err)
		}
	})
}

func TestNothingIsWrittenOfFollowUpsOfWhatIsNotThere(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, b storetest.Backend) {
		s, ctx := open(t, b), t.Context()
		if _, err := s.Follow(ctx, group, 7, followUpOf("command")); !errors.Is(err, receipts.ErrNoMessage) {
			t.Errorf("Follow: %v", err)
		}
		for version := -1; version <= 1; version++ {
			for _, id := range []string{"command", ""} {
				f := followUpOf(id)
				f.Version = version
				if done, err := s.Change(ctx, group, 7, f); done || err != nil {
					t.Errorf("Change of %q to version %d: %v, %v", id, version, done, err)
				}
			}
		}
		if f, err := s.FollowUp(ctx, group, 7); f != nil || err != nil {
			t.Errorf("FollowUp: %+v, %v", f, err)
		}
		followed(t, s, group)
		if keys := written(t, s); len(keys) != 0 {
			t.Errorf("written %q", keys)
		}
	})
}

func TestAFollowUpGoesWithItsMessage(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, b storetest.Backend) {
		s, ctx := open(t, b), t.Context()
		sent(t, s, group, "msg1", "key1")
		const left, slack = 10 * time.Minute, time.Second
		keys := s.keys.group(group)
		if err := s.rdb.PExpire(ctx, keys.message(1), left).Err(); err != nil {
			t.Fatal(err)
		}
		f := followUpOf("first")
		follow(t, s, group, 1, f)
		f.Version = 1
		change(t, s, group, 1, f)
		follow(t, s, group, 1, followUpOf("second"))
		if ttl := must(s.rdb.PTTL(ctx, keys.followUp(1)).Result())(t); ttl > left+slack || ttl < left-time.Minute {
			t.Errorf("it stays for %v; want %v", ttl, left)
		}
		if ttl := must(s.rdb.PTTL(ctx, keys.followed()).Result())(t); ttl > keepFor || ttl < keepFor-time.Minute {
			t.Errorf("the numbers stay for %v; want %v", ttl, keepFor)
		}
	})
}

func TestTimeEndsFollowUps(t *testing.T) {
	t.Parallel()
	b := storetest.Mini(t)
	s := open(t, b)
	sent(t, s, group, "msg1", "key1")
	follow(t, s, group, 1, followUpOf("command"))
	b.Mini.FastForward(keepFor / 2)
	sent(t, s, group, "msg2", "key2")
	follow(t, s, group, 2, followUpOf("command"))
	followed(t, s, group, 1, 2)
	b.Mini.FastForward(keepFor / 2)
	followed(t, s, group, 2)
	b.Mini.FastForward(keepFor / 2)
	followed(t, s, group)
	if diff := cmp.Diff([]string{s.keys.group(group).sequence()}, written(t, s)); diff != "" {
		t.Errorf("what stays (-want +got):\n%s", diff)
	}
}

// Every field comes back: from the beginning, from a change, and with what is kept
// of the message.
func TestAnyFollowUpComesBack(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, b storetest.Backend) {
		s, ctx := open(t, b), t.Context()
		n := 0
		rapid.Check(t, func(rt *rapid.T) {
			n++
			m := sent(t, s, group, fmt.Sprint("msg", n), fmt.Sprint("key", n))
			f := receipts.FollowUp{
				ID: anyText.Draw(rt, "id"),
				Plan: receipts.Plan{
					By: rapid.SliceOfN(anyChannel, 1, 4).Draw(rt, "by"), Share: rapid.IntRange(1, 100).Draw(rt, "share"),
					Until: anyTime.Draw(rt, "until"), Tell: anyPeople.Draw(rt, "tell"),
				},
				Starter: anyPerson.Draw(rt, "starter"),
				Began:   anyTime.Draw(rt, "began"), Rounds: rapid.IntRange(0, 1<<40).Draw(rt, "rounds"),
				Next: anyTime.Draw(rt, "next"), Trouble: rapid.Bool().Draw(rt, "trouble"), Stopper: anyPerson.Draw(rt, "stopper"),
				Ended: rapid.SampledFrom([]receipts.End{
					"", receipts.EnoughRead, receipts.DeadlineOver, receipts.WentOnTooLong, receipts.Stopped, receipts.MessageOver, receipts.Unresolved,
				}).Draw(rt, "ended"),
			}
			for _, ms := range rapid.SliceOfN(rapid.Int64Range(1, 1<<40), 0, 4).Draw(rt, "every") {
				f.Every = append(f.Every, time.Duration(ms)*time.Millisecond)
			}
			got, err := s.Follow(ctx, group, m.Number, f)
			if diff := cmp.Diff(f, got, cmpopts.EquateEmpty()); diff != "" || err != nil {
				rt.Fatalf("followed: %v (-want +got):\n%s", err, diff)
			}
			f.Version = 1
			f.Trouble, f.Stopper = !f.Trouble, anyPerson.Draw(rt, "another stopper")
			if done, err := s.Change(ctx, group, m.Number, f); !done || err != nil {
				rt.Fatalf("changed: %v, %v", done, err)
			}
			for what, got := range map[string]*receipts.FollowUp{
				"read": must(s.FollowUp(ctx, group, m.Number))(t), "kept": must(s.Snapshot(ctx, group, m.Number))(t).FollowUp,
			} {
				if diff := cmp.Diff(&f, got, cmpopts.EquateEmpty()); diff != "" {
					rt.Fatalf("%s (-want +got):\n%s", what, diff)
				}
			}
		})
	})
}

func TestNoGroupSeesAnothersFollowUp(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, b storetest.Backend) {
		s := open(t, b)
		for i, g := range lookalikes {
			sent(t, s, g, "msg1", "key1")
			if i%2 == 0 {
				follow(t, s, g, 1, followUpOf(g))
			}
		}
		for i, g := range lookalikes {
			if i%2 == 0 {
				f := followUpOf(g)
				recorded(t, s, g, 1, &f)
				followed(t, s, g, 1)
			} else {
				recorded(t, s, g, 1, nil)
				followed(t, s, g)
			}
		}
	})
}

// Redis did as it was told and its answer was lost on the way: the client asks
// again by itself, and the caller notices nothing.
func TestALostAnswerOfAFollowUpChangesNothing(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, b storetest.Backend) {
		s, p := proxied(t, b)
		sent(t, s, group, "msg1", "key1")
		f := followUpOf("command")
		next := func(ended receipts.End) func() {
			return func() {
				f.Version, f.Rounds, f.Ended = f.Version+1, f.Rounds+1, ended
				change(t, s, group, 1, f)
			}
		}
		for _, step := range []struct {
			what string
			call func()
		}{
			{"Follow", func() { follow(t, s, group, 1, f) }},
			{"Change", next("")},
			{"Change again", next("")},
			{"FollowUp", func() { must(s.FollowUp(t.Context(), group, 1))(t) }},
			{"Followed", func() { followed(t, s, group, 1) }},
			{"the end", next(receipts.EnoughRead)},
			{"Follow after the end", func() {
				f = followUpOf("another")
				follow(t, s, group, 1, f)
			}},
		} {
			p.LoseReply()
			if step.call(); !p.ReplyLost() {
				t.Fatalf("%s: no answer was lost", step.what)
			}
			recorded(t, s, group, 1, &f)
		}
		followed(t, s, group, 1)
	})
}
