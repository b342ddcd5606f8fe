package bot

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"whoread/bot/reply"
	"whoread/receipts"
)

// pushes keeps pushed reads in memory, of the messages that are known.
type pushes struct {
	mu    sync.Mutex
	known map[string]bool // by key
	kept  map[string]time.Time
	calls int
	fails error
	hold  chan struct{} // if not nil, a write waits for it
}

// asked is a moment at which things happen.
var asked = time.Date(2026, 8, 3, 6, 35, 0, 0, time.UTC)

func (p *pushes) SavePushedReads(ctx context.Context, group, key string, reads map[string]time.Time) (bool, error) {
	if p.hold != nil {
		select {
		case <-p.hold:
		case <-ctx.Done():
			return false, ctx.Err()
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.calls++
	if p.fails != nil || !p.known[key] {
		return false, p.fails
	}
	for id, at := range reads {
		p.kept[group+"/"+key+"/"+id] = at
	}
	return true, nil
}

func eventBot(t *testing.T, p *pushes) *Bot {
	t.Helper()
	if p.kept == nil {
		p.kept = map[string]time.Time{}
	}
	b := New(eventOptions(p, zap.NewNop()))
	t.Cleanup(b.Close)
	return b
}

// eventOptions are those of a bot that has nothing but p to keep what is pushed.
func eventOptions(p *pushes, log *zap.Logger) Options {
	now := func() time.Time { return asked }
	return Options{
		Service:   receipts.NewService(receipts.Ports{Pushes: p, Now: now, Log: receipts.RequestLog(log), Presenter: reply.Presenter{}}, receipts.Settings{}),
		RobotCode: "robot", Now: now, Log: receipts.RequestLog(log),
	}
}

func readEvent(user, key, operatTime string) []byte {
	return fmt.Appendf(nil, `{"openConversationId":"cid","robotCode":"robot","processQueryKey":%q,"userId":%q,"unionId":"u","operatTime":%s}`, key, user, operatTime)
}

func TestAPushedReadIsKeptWithItsTime(t *testing.T) {
	t.Parallel()
	at := asked.Add(-time.Hour)
	ms := fmt.Sprint(at.UnixMilli())
	for name, operated := range map[string]string{"a text, as documented": `"` + ms + `"`, "a number": ms, "absent: the event's own": "null"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := &pushes{known: map[string]bool{"key": true}}
			if err := eventBot(t, p).Event(t.Context(), eventRead, at, 0, readEvent("zhang", "key", operated)); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(map[string]time.Time{"cid/key/zhang": time.UnixMilli(at.UnixMilli())}, p.kept, cmp.Comparer(time.Time.Equal)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// What DingTalk should push again gets an error; all else is taken for good.
func TestWhichEventsArePushedAgain(t *testing.T) {
	t.Parallel()
	now, ago := fmt.Sprintf("%q", fmt.Sprint(asked.UnixMilli())), fmt.Sprintf("%q", fmt.Sprint(asked.Add(-time.Minute).UnixMilli()))
	down := errors.New("down")
	for _, test := range []struct {
		name string
		kind string
		data []byte
		p    *pushes
		want error
	}{
		{"of a message that may be about to be recorded", eventRead, readEvent("zhang", "new", now), &pushes{}, receipts.ErrNotYetRecorded},
		{"of a message that is not ours", eventRead, readEvent("zhang", "other", ago), &pushes{}, nil},
		{"the records fail", eventRead, readEvent("zhang", "key", ago), &pushes{fails: down}, down},
		{"somebody from outside", eventRead, readEvent("", "key", now), &pushes{fails: down}, nil},
		{"no key", eventRead, readEvent("zhang", "", now), &pushes{fails: down}, nil},
		{"another robot", eventRead, []byte(`{"openConversationId":"cid","robotCode":"other","processQueryKey":"key","userId":"a","operatTime":"1"}`), &pushes{fails: down}, nil},
		{"no group", eventRead, []byte(`{"robotCode":"robot"}`), &pushes{fails: down}, nil},
		{"broken", eventRead, []byte(`{"openConv`), &pushes{fails: down}, nil},
		{"wrong types", eventRead, []byte(`{"openConversationId":"cid","userId":{"a":1},"processQueryKey":["x"],"operatTime":[]}`), &pushes{fails: down}, nil},
		{"no time at all", eventRead, readEvent("zhang", "key", "null"), &pushes{fails: down}, nil},
		{"an unknown event", "chat_new_thing", []byte(`{"openConversationId":"cid"}`), &pushes{fails: down}, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			if err := eventBot(t, test.p).Event(t.Context(), test.kind, time.Time{}, 0, test.data); !errors.Is(err, test.want) {
				t.Errorf("%v, not %v", err, test.want)
			}
		})
	}
}

// One event may tell of several readers.
func TestAPushedReadOfSeveralPeopleIsKept(t *testing.T) {
	t.Parallel()
	p := &pushes{known: map[string]bool{"key": true}}
	data := `{"openConversationId":"cid","processQueryKey":"key","userId":["zhang","li"],"operatTime":"1754215200000"}`
	if err := eventBot(t, p).Event(t.Context(), eventRead, asked, 0, []byte(data)); err != nil {
		t.Fatal(err)
	}
	at := time.UnixMilli(1754215200000)
	if diff := cmp.Diff(map[string]time.Time{"cid/key/zhang": at, "cid/key/li": at}, p.kept, cmp.Comparer(time.Time.Equal)); diff != "" {
		t.Error(diff)
	}
}

// What an administrator has ticked besides, and what is of no group, is nothing to look
// into; what is broken is.
func TestForeignEventsAreIgnored(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		kind, data string
		outcome    Outcome
	}{
		{"user_modify_org", `{"userId":["zhang"],"optStaffId":"li"}`, Ignored},
		{"bpms_task_change", `{"processInstanceId":"p","staffId":"zhang","type":"start"}`, Ignored},
		{"bpms_task_change", `{"openConversationId":"cid"}`, Ignored},
		{eventRead, `{"userId":"zhang","unionId":"u","processQueryKey":"private","operatTime":"1754215200000"}`, Ignored},
		{eventJoin, `{"userId":["zhang"]}`, Ignored},
		{eventRead, `{"openConversationId":"cid","robotCode":"other"}`, Ignored},
		{eventRead, `{}`, Ignored},
		{eventRead, `null`, Dropped},
		{"user_modify_org", `[]`, Dropped},
		{"user_modify_org", `{"userId"`, Dropped},
	} {
		core, logged := observer.New(zap.DebugLevel)
		pushed := &pushedOutcomes{}
		o := eventOptions(&pushes{fails: errors.New("asked")}, zap.New(core))
		o.Observer = pushed
		b := New(o)
		t.Cleanup(b.Close)
		if err := b.Event(t.Context(), test.kind, asked, 0, []byte(test.data)); err != nil {
			t.Errorf("%s: %v", test.data, err)
		}
		if loud := logged.FilterLevelExact(zap.WarnLevel).Len() == 1; pushed.last != test.outcome || loud != (test.outcome == Dropped) || logged.Len() != 1 {
			t.Errorf("%s: %s, logged %v", test.data, pushed.last, logged.All())
		}
	}
}

type pushedOutcomes struct {
	noObserver
	last Outcome
}

func (p *pushedOutcomes) Push(_ string, o Outcome) { p.last = o }

func TestAReadThatCannotBeWrittenInTimeIsNotTaken(t *testing.T) {
	t.Parallel()
	p := &pushes{known: map[string]bool{"key": true}, hold: make(chan struct{})}
	b := eventBot(t, p)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := b.Event(ctx, eventRead, asked, 0, readEvent("zhang", "key", "null")); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	close(p.hold)
}
