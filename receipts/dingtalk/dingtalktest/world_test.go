package dingtalktest_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"whoread/receipts/dingtalk/dingtalktest"
)

func TestWhatPeopleCannotDo(t *testing.T) {
	t.Parallel()
	c := dingtalk(t, dingtalktest.Options{})
	p := c.people(3)
	g := c.s.AddGroup(dingtalktest.GroupOptions{}, p[0], p[1])
	open := c.s.AddGroup(dingtalktest.GroupOptions{ShowHistory: true}, p[0])
	gone := c.s.AddGroup(dingtalktest.GroupOptions{}, p...)
	c.send(g, "x")
	c.send(g, "y")
	c.send(open, "x")
	id, recalled, early := g.Messages()[0].ID, g.Messages()[1].ID, open.Messages()[0].ID
	for _, err := range []error{
		g.Recall(p[0], recalled), g.Join(p[0], p[2]), open.Join(p[0], p[2]), gone.Disband(),
		open.Read(p[2], early), g.Read(p[0], id), g.Read(p[0], id),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	stranger := dingtalktest.Person{Name: "?", UnionID: "?"}
	say := func(g *dingtalktest.Group, p dingtalktest.Person, s dingtalktest.Say) error {
		_, err := g.Say(p, s)
		return err
	}
	for name, tc := range map[string]struct{ got, want error }{
		"read by a stranger":            {g.Read(stranger, id), dingtalktest.ErrUnknownPerson},
		"read before joining":           {g.Read(p[2], id), dingtalktest.ErrNotInAudience},
		"read what was recalled":        {g.Read(p[0], recalled), dingtalktest.ErrRecalled},
		"recall twice":                  {g.Recall(p[0], recalled), dingtalktest.ErrRecalled},
		"read an unknown message":       {g.Read(p[0], "?"), dingtalktest.ErrUnknownMessage},
		"read another group's message":  {g.Read(p[0], early), dingtalktest.ErrUnknownMessage},
		"say as a stranger":             {say(g, stranger, dingtalktest.Say{}), dingtalktest.ErrUnknownPerson},
		"say in another group":          {say(open, p[1], dingtalktest.Say{}), dingtalktest.ErrNotMember},
		"say in a disbanded group":      {say(gone, p[0], dingtalktest.Say{}), dingtalktest.ErrDisbanded},
		"quote what was recalled":       {say(g, p[0], dingtalktest.Say{Quote: recalled}), dingtalktest.ErrRecalled},
		"leave a group one is not in":   {open.Leave(p[1]), dingtalktest.ErrNotMember},
		"bring a stranger":              {g.Join(p[0], stranger), dingtalktest.ErrUnknownPerson},
		"rename a disbanded group":      {gone.Rename("x"), dingtalktest.ErrDisbanded},
		"set the status of a non-thing": {g.SetSendStatus("?", dingtalktest.StatusSuccess), dingtalktest.ErrUnknownMessage},
	} {
		if !errors.Is(tc.got, tc.want) {
			t.Errorf("%s: got %v, want %v", name, tc.got, tc.want)
		}
	}
	if err := g.Leave(p[1]); err != nil {
		t.Fatal(err)
	}
	if err := g.Read(p[1], id); !errors.Is(err, dingtalktest.ErrNotMember) {
		t.Errorf("read after leaving: %v", err)
	}
	readers, err := g.Readers(id)
	if err != nil || len(readers) != 1 || readers[0].Person != p[0] {
		t.Errorf("%v, %v: reading twice counts once", readers, err)
	}
	audience, err := g.Audience(id)
	if diff := cmp.Diff(p[:2], audience); diff != "" || err != nil {
		t.Errorf("the audience is who was there: %v %s", err, diff)
	}
	if diff := cmp.Diff([]dingtalktest.Person{p[0], p[2]}, g.Members()); diff != "" {
		t.Error(diff)
	}
}

func TestWatchTellsOfChangesInOrder(t *testing.T) {
	t.Parallel()
	c := dingtalk(t, dingtalktest.Options{})
	ctx, cancel := context.WithCancel(c.ctx)
	changes := c.s.Watch(ctx)
	p := c.people(1)[0]
	g := c.s.AddGroup(dingtalktest.GroupOptions{}, p)
	c.send(g, "x")
	id := g.Messages()[0].ID
	if err := g.Read(p, id); err != nil {
		t.Fatal(err)
	}
	if err := g.Recall(p, id); err != nil {
		t.Fatal(err)
	}
	want := []dingtalktest.ChangeKind{
		dingtalktest.PersonAdded, dingtalktest.GroupAdded, dingtalktest.MessageAdded, dingtalktest.CallMade,
		dingtalktest.MessageRead, dingtalktest.MessageChanged,
	}
	var got []dingtalktest.ChangeKind
	last := uint64(0)
	for range want {
		change := <-changes
		if last != 0 && change.Seq != last+1 {
			t.Errorf("change %d after %d", change.Seq, last)
		}
		last = change.Seq
		if change.Kind == dingtalktest.CallMade && change.Call.API != dingtalktest.APISend {
			t.Errorf("call %+v", change.Call)
		}
		got = append(got, change.Kind)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	cancel()
	if _, open := <-changes; open {
		t.Error("the channel is closed when the context ends")
	}
}

func TestASlowWatcherIsCutOff(t *testing.T) {
	t.Parallel()
	c := dingtalk(t, dingtalktest.Options{})
	changes := c.s.Watch(c.ctx)
	c.people(2000)
	n := 0
	for range changes {
		n++
	}
	if n != 1024 {
		t.Errorf("%d changes", n)
	}
}

func TestWaitMessage(t *testing.T) {
	t.Parallel()
	c := dingtalk(t, dingtalktest.Options{})
	p := c.people(1)[0]
	g := c.s.AddGroup(dingtalktest.GroupOptions{}, p)
	said := make(chan error, 1)
	go func() {
		for _, text := range []string{"a", "b"} {
			if _, err := g.Say(p, dingtalktest.Say{Text: text}); err != nil {
				said <- err
				return
			}
		}
		said <- nil
	}()
	m, err := g.WaitMessage(c.ctx, func(m dingtalktest.Message) bool { return m.Text == "b" })
	if err != nil || m.Text != "b" {
		t.Errorf("%+v, %v", m, err)
	}
	if err := <-said; err != nil {
		t.Error(err)
	}
	never := func(dingtalktest.Message) bool { return false }
	ctx, cancel := context.WithTimeout(c.ctx, time.Millisecond)
	defer cancel()
	if _, err := g.WaitMessage(ctx, never); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
	if err := c.s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := g.WaitMessage(c.ctx, never); !errors.Is(err, dingtalktest.ErrClosed) {
		t.Errorf("got %v", err)
	}
}

func TestListenAndClose(t *testing.T) {
	t.Parallel()
	s := dingtalktest.New(dingtalktest.Options{})
	if err := s.Listen("127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	if err := s.Listen("127.0.0.1:0"); err == nil {
		t.Error("it listens twice")
	}
	taken := dingtalktest.New(dingtalktest.Options{})
	if err := taken.Listen(s.URL()[len("http://"):]); err == nil {
		t.Error("the address is taken")
	}
	for range 2 {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
	if err := s.Listen("127.0.0.1:0"); !errors.Is(err, dingtalktest.ErrClosed) {
		t.Errorf("got %v", err)
	}
}

func BenchmarkGroupOf5000(b *testing.B) {
	s := dingtalktest.New(dingtalktest.Options{CallsPerSecond: -1})
	people := make([]dingtalktest.Person, 5000)
	for i := range people {
		people[i] = s.AddPerson(dingtalktest.Person{})
	}
	for b.Loop() {
		g := s.AddGroup(dingtalktest.GroupOptions{}, people...)
		m, err := g.Say(people[0], dingtalktest.Say{Text: "x", NoAt: true})
		if err != nil {
			b.Fatal(err)
		}
		if err := g.ReadAll(m.ID); err != nil {
			b.Fatal(err)
		}
	}
}

func TestTheWorldCanBeLookedAt(t *testing.T) {
	t.Parallel()
	c := dingtalk(t, dingtalktest.Options{})
	p := c.people(2)
	p[1].Name = "改名"
	if got := c.s.AddPerson(p[1]); got != p[1] {
		t.Errorf("got %+v", got)
	}
	if diff := cmp.Diff(p, c.s.People()); diff != "" {
		t.Error(diff)
	}
	g := c.s.AddGroup(dingtalktest.GroupOptions{Title: "组", Kind: dingtalktest.KindPlain}, p...)
	direct := c.s.Direct(p[0])
	if all := c.s.Groups(); len(all) != 1 || all[0].ID() != g.ID() {
		t.Error("one-to-one chats are not among the groups")
	}
	for _, want := range []*dingtalktest.Group{g, direct} {
		if got, ok := c.s.Group(want.ID()); !ok || got.Title() != want.Title() || got.Kind() != want.Kind() {
			t.Errorf("got %v, %v", got, ok)
		}
	}
	if _, ok := c.s.Group("?"); ok {
		t.Error("a group that is not there")
	}
	m, err := g.Say(p[0], dingtalktest.Say{Text: "大家好", NoAt: true})
	if err != nil {
		t.Fatal(err)
	}
	if err := g.Read(p[1], m.ID); err != nil {
		t.Fatal(err)
	}
	got, err := g.Message(m.ID)
	if err != nil || got.Text != "大家好" || got.Audience != 1 || got.Read != 1 || got.FromBot() {
		t.Errorf("%+v, %v", got, err)
	}
	if err := g.Rename("新"); err != nil || g.Title() != "新" || g.Disbanded() {
		t.Errorf("%v, %s", err, g.Title())
	}
}

func TestAConversationKeepsItsLastMessages(t *testing.T) {
	t.Parallel()
	c := dingtalk(t, dingtalktest.Options{})
	p := c.people(1)[0]
	g := c.s.AddGroup(dingtalktest.GroupOptions{}, p)
	key := c.send(g, "x")
	for range 5000 {
		if _, err := g.Say(p, dingtalktest.Say{Text: "y", NoAt: true}); err != nil {
			t.Fatal(err)
		}
	}
	if all := g.Messages(); len(all) != 5000 || all[0].Text != "y" {
		t.Errorf("%d messages", len(all))
	}
	c.query(g, key).want(t, 400, "invalid.processQueryKey")
}
