package receipts_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"whoread/receipts"
)

// What one replica was refused, no other asks for; the log is told once.
func TestRefusalsHoldForAllReplicasAndAreToldOnce(t *testing.T) {
	t.Parallel()
	l := newLibrary(t)
	denied := errors.New("groupPermissionDenied")
	l.scene.fail(&receipts.NoListError{Reason: "denied", Err: denied})
	l.chat.fail(receipts.ErrNoMemberList) // nothing is configured
	l.roster.set("a")
	var told []receipts.Refusal
	want := receipts.Refusal{Source: receipts.SceneGroup, Reason: "denied", Until: morning.Add(6 * time.Hour)}
	for range 3 {
		replica := receipts.NewMemberResolver(l.records, 0, l.clock.now, l.scene, l.chat, l.roster)
		replica.Refused = func(_ context.Context, in string, r receipts.Refusal, err error) {
			if in != group || !errors.Is(err, denied) {
				t.Errorf("told of %s: %v", in, err)
			}
			told = append(told, r)
		}
		if m, err := replica.Members(t.Context(), group, receipts.Rights{}); err != nil || m.Source != receipts.Roster {
			t.Errorf("Members() = %+v, %v", m, err)
		}
		hold, err := replica.Refusals(t.Context(), group)
		if diff := cmp.Diff([]receipts.Refusal{want}, hold); err != nil || diff != "" {
			t.Errorf("%v, refusals (-want +got):\n%s", err, diff)
		}
	}
	if diff := cmp.Diff([]receipts.Refusal{want}, told); diff != "" {
		t.Errorf("told (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]int{1, 3, 3}, l.asked()); diff != "" {
		t.Errorf("questions to the sources (-want +got):\n%s", diff)
	}
}

func TestRefusalsEndByThemselvesOrWhenTheyAreForgotten(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(l *library) error{
		"after six hours": func(l *library) error { l.clock.advance(6 * time.Hour); return nil },
		"forgotten":       func(l *library) error { return l.DeleteRefusals(t.Context(), group) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := newLibrary(t)
			if _, err := l.Members(t.Context(), group, receipts.Rights{}); !errors.Is(err, receipts.ErrNoMemberList) {
				t.Fatal(err)
			}
			l.scene.set("a")
			if _, err := l.Members(t.Context(), group, receipts.Rights{}); !errors.Is(err, receipts.ErrNoMemberList) {
				t.Errorf("asked again at once: %v", err)
			}
			if err := end(l); err != nil {
				t.Fatal(err)
			}
			if hold, err := l.Refusals(t.Context(), group); err != nil || len(hold) != 0 {
				t.Errorf("Refusals() = %v, %v; want none", hold, err)
			}
			if m, err := l.Members(t.Context(), group, receipts.Rights{}); err != nil || m.Source != receipts.SceneGroup {
				t.Errorf("Members() = %+v, %v", m, err)
			}
		})
	}
}

func TestRefusalsWithoutRecords(t *testing.T) {
	t.Parallel()
	for _, method := range []string{"KnownMembers", "SaveRefusal"} {
		l := newLibrary(t)
		l.records.fail(method)
		if _, err := l.Members(t.Context(), group, receipts.Rights{}); !errors.Is(err, errDown) || errors.Is(err, receipts.ErrNoMemberList) {
			t.Errorf("%s: error %v; want %v", method, err, errDown)
		}
	}
	l := newLibrary(t)
	l.records.fail("Refusals")
	if hold, err := l.Refusals(t.Context(), group); !errors.Is(err, errDown) {
		t.Errorf("Refusals() = %v, %v; want %v", hold, err, errDown)
	}
}
