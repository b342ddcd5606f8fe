package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"whoread/receipts/dingtalk/dingtalktest"
	"whoread/store/storetest"
	"whoread/store/storetest/need"
)

// tap stands between the processes and their Redis, and sees each command before
// Redis does and each reply before the process does. What commands of a group meet is
// up to the test.
type tap struct {
	network, target string
	url             string
	work            sync.WaitGroup

	mu       sync.Mutex
	address  string
	listener net.Listener // nil while it is cut
	open     map[net.Conn]bool
	groups   map[string]*snag // by what stands in the commands of the group
}

// snag is what happens to the nth command about a group.
type snag struct {
	nth int // counted from 1; 0 for none
	// done tells that Redis carries the command out, and only its reply is withheld.
	done bool
	// holds keeps the process waiting, for this command and all that come later. Else
	// the connection breaks, once.
	holds bool

	seen    int
	met     bool
	release chan struct{} // ends the waiting
}

// newTap begins to listen. It ends with the test.
func newTap(t *testing.T, redisURL string) *tap {
	t.Helper()
	options, err := redis.ParseURL(redisURL)
	if err != nil {
		t.Fatal(err)
	}
	p := &tap{network: options.Network, target: options.Addr, address: "127.0.0.1:0", open: map[net.Conn]bool{}, groups: map[string]*snag{}}
	p.mend(t)
	p.url = (&url.URL{Scheme: "redis", Host: p.address, User: url.UserPassword(options.Username, options.Password)}).String()
	t.Cleanup(func() {
		p.clear()
		p.cut()
		p.work.Wait()
	})
	return p
}

// snag sets what happens to the commands about a group from now on.
func (p *tap) snag(tag string, s snag) {
	p.mu.Lock()
	defer p.mu.Unlock()
	s.release = make(chan struct{})
	p.groups[tag] = &s
}

// clear lets everything pass, and whatever was held fail.
func (p *tap) clear() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, s := range p.groups {
		close(s.release)
	}
	clear(p.groups)
}

// met tells how many of the snags were met.
func (p *tap) met() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := 0
	for _, s := range p.groups {
		if s.met {
			n++
		}
	}
	return n
}

// seen is how many commands about the group there were.
func (p *tap) seen(tag string) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.groups[tag].seen
}

// meets returns the snag that the command meets, or nil, and whether Redis gets the
// command.
func (p *tap) meets(command []byte) (s *snag, passes bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for tag, s := range p.groups {
		if !bytes.Contains(command, []byte(tag)) {
			continue
		}
		s.seen++
		if s.seen == s.nth || s.holds && s.met {
			s.met = true
			return s, s.done && s.seen == s.nth
		}
	}
	return nil, true
}

// cut takes the Redis away: connections break, and new ones are refused.
func (p *tap) cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.listener != nil {
		_ = p.listener.Close()
		p.listener = nil
	}
	for c := range p.open {
		_ = c.Close()
	}
}

// mend gives it back, at the same address.
func (p *tap) mend(t *testing.T) {
	t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", p.address)
	if err != nil {
		t.Fatal(err)
	}
	p.listener, p.address = l, l.Addr().String()
	p.work.Go(func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			p.work.Go(func() { p.serve(client) })
		}
	})
}

func (p *tap) serve(client net.Conn) {
	defer func() { _ = client.Close() }()
	server, err := net.Dial(p.network, p.target) //nolint:noctx // of this machine
	if err != nil {
		return
	}
	defer func() { _ = server.Close() }()
	if !p.keep(client, server) {
		return
	}
	defer p.drop(client, server)
	commands, replies := bufio.NewReader(client), bufio.NewReader(server)
	for {
		command, err := readValue(commands)
		if err != nil {
			return
		}
		s, passes := p.meets(command)
		if !passes {
			s.wait()
			return
		}
		if _, err := server.Write(command); err != nil {
			return
		}
		reply, err := readValue(replies)
		if err != nil {
			return
		}
		if s != nil {
			s.wait()
			return
		}
		if _, err := client.Write(reply); err != nil {
			return
		}
	}
}

func (s *snag) wait() {
	if s.holds {
		<-s.release
	}
}

// keep notes open connections; false if it was cut meanwhile.
func (p *tap) keep(conns ...net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range conns {
		p.open[c] = true
	}
	return p.listener != nil
}

func (p *tap) drop(conns ...net.Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range conns {
		delete(p.open, c)
	}
}

// readValue reads one value of Redis's protocol, as it is written.
func readValue(r *bufio.Reader) ([]byte, error) {
	line, err := r.ReadBytes('\n')
	if err != nil || len(line) < 3 {
		return nil, errors.Join(err, io.ErrUnexpectedEOF)
	}
	n, _ := strconv.Atoi(strings.TrimSpace(string(line[1:])))
	switch line[0] {
	case '$', '=', '!':
		if n < 0 {
			return line, nil
		}
		text := make([]byte, n+2)
		_, err := io.ReadFull(r, text)
		return append(line, text...), err
	case '%', '|':
		n *= 2
	case '*', '~', '>':
	default:
		return line, nil
	}
	for range n {
		value, err := readValue(r)
		if err != nil {
			return nil, err
		}
		line = append(line, value...)
	}
	return line, nil
}

// pursued is a group in which people are reminded: by the rounds of a follow-up, or
// by a command.
type pursued struct {
	*dingtalktest.Group
	unread []dingtalktest.Person
	// command is what reminds; empty in a group with a follow-up.
	command string
	before  []int // how often each of the unread had been reminded
	said    map[string]bool
}

// soon is an announcement for 20 minutes later, as pursue understands it.
const soon = "公告 soon发 一"

// pursue makes n groups with an announcement that one has read and two have not, and
// in which the command reminds, or where it is empty a follow-up each 30 minutes; or with an
// announcement for soon.
func (w *traveller) pursue(n int, announce, command string) []*pursued {
	w.t.Helper()
	all := make([]*pursued, n)
	at := w.Clock().Now().In(time.FixedZone("Shanghai", 8*60*60)).Add(20 * time.Minute)
	announce = strings.ReplaceAll(announce, "soon", at.Format("15:04"))
	for i := range all {
		people := w.people(2)
		all[i] = &pursued{Group: w.AddGroup(dingtalktest.GroupOptions{}, append(people, w.admin)...), unread: people, command: command}
		if _, err := all[i].Say(w.admin, saying(announce)); err != nil {
			w.t.Fatal(err)
		}
	}
	for _, g := range all {
		w.reply(g.Group, nil)
		if len(posted(g.Group)) > 0 {
			w.readBy(g.Group, w.admin)
		}
	}
	w.settle()
	return all
}

// begin notes what was there, and begins a round in every group.
func (w *traveller) begin(all []*pursued) {
	w.t.Helper()
	for _, g := range all {
		g.before, g.said = make([]int, len(g.unread)), ids(g.Group)
		for i, p := range g.unread {
			g.before[i] = w.reminded(g.Group, p)
		}
	}
	w.advance(30 * time.Minute)
	said := map[string]bool{} // what is not acknowledged yet; acks of earlier commands may come late
	for _, g := range all {
		if g.command == "" {
			continue
		}
		m, err := g.Say(w.admin, saying(g.command))
		if err != nil {
			w.t.Fatal(err)
		}
		said[m.ID] = true
	}
	if err := w.Await(within(w.t), func() bool {
		for _, ack := range callbacks(w.Server) {
			delete(said, ack.MsgID)
		}
		return len(said) == 0
	}); err != nil {
		w.t.Fatalf("%d commands were not accepted: %v", len(said), err)
	}
}

// round is what people got in one.
type round struct {
	missed int // groups in which nobody was reminded
	silent int // groups in which nothing was said
}

// end waits for the end of the round. Nobody may have been reminded twice in it, nor
// only a part of the people; what comes by itself is not said twice, and the answer to
// a command at most twice: nobody knows whether one was given just before a crash.
func (w *traveller) end(what string, all []*pursued) round {
	w.t.Helper()
	w.settle()
	var r round
	for i, g := range all {
		var times []int
		for j, p := range g.unread {
			times = append(times, w.reminded(g.Group, p)-g.before[j])
		}
		switch slices.Max(times) {
		case 0:
			r.missed++
		case 1:
			if slices.Min(times) != 1 {
				w.t.Errorf("%s: group %d: only a part was reminded: %v", what, i, times)
			}
		default:
			w.t.Errorf("%s: group %d: reminded %v times in one round", what, i, times)
		}
		said := since(g.Group, g.said)
		if len(said) == 0 {
			r.silent++
		}
		if said := texts(said); len(said) > 2 || g.command == "" && len(said) == 2 && said[0] == said[1] {
			w.t.Errorf("%s: group %d: said %q", what, i, said)
		}
	}
	w.t.Logf("%s: in %d of %d groups nobody was reminded, in %d nothing was said", what, r.missed, len(all), r.silent)
	return r
}

// tag stands in every command of Redis about the group.
func (w *traveller) tag(g *dingtalktest.Group) string {
	return strings.TrimSuffix(w.keyOf(g, ""), ":")
}

// Wherever in a round, or in a command that reminds, Redis or the processes fail,
// everybody is reminded at most once in it, and the next round comes as if nothing had
// been. Each group meets the failure at another command of Redis: just before it, or
// just after it was carried out.
func TestAFailureAtEachStepRemindsNobodyTwice(t *testing.T) {
	need.Slow(t)
	t.Parallel()
	for _, reminding := range []struct{ name, announce, command string }{
		{"in a round", "公告 每30分钟 一", ""},
		{"in a command", "公告 一", "提醒"},
	} {
		t.Run(reminding.name, func(t *testing.T) {
			t.Parallel()
			storetest.Each(t, func(t *testing.T, b storetest.Backend) {
				w := newTraveller(t, b, dingtalktest.Options{CallsPerSecond: -1, WebhookTTL: 30 * 24 * time.Hour})
				w.failAtEachStep(reminding.announce, reminding.command)
			})
		})
	}
}

// failAtEachStep is that test; people are reminded by the command, or where it is
// empty by the rounds of a follow-up.
func (w *traveller) failAtEachStep(announce, command string) {
	w.t.Helper()
	const replicas = 3 // they carry out more commands at once than there are steps
	p := newTap(w.t, w.backend.URL)
	w.redis = p.url
	config := w.config(anyHour + "\nbudget: {calls_per_second: 1000, calls_per_month: 0}\nreports: {sweep: []}")
	w.start(replicas, config)

	// How many steps there are shows a round in which nothing fails. It is not the
	// first: Redis did not know every script then.
	all := w.pursue(1, announce, command)
	steps := 0
	for range 2 {
		p.snag(w.tag(all[0].Group), snag{})
		w.begin(all)
		if r := w.end("undisturbed", all); r != (round{}) {
			w.t.Fatalf("without any failure: %+v", r)
		}
		steps = p.seen(w.tag(all[0].Group))
	}
	p.clear()
	w.t.Logf("%d steps", steps)
	all = w.pursue(steps+1, announce, command)

	for _, failure := range []struct {
		name   string
		breaks bool // only connections, at once
		strike func()
		doubt  int // in how many groups it may be uncertain whether people were reminded
	}{
		{"a connection breaks", true, func() {}, 0},
		{"Redis is away", false, func() {
			p.cut()
			p.clear()
			w.eventually("the outage is noticed", func() bool { return strings.Contains(w.logs(), "command left to its lease") })
			p.mend(w.t)
		}, 1},
		{"kill -9", false, func() {
			w.killAll()
			p.cut()
			p.clear()
			p.mend(w.t)
			w.start(replicas, config)
		}, 1},
	} {
		for _, done := range []bool{false, true} {
			name := fmt.Sprintf("%s, carried out %t", failure.name, done)
			for i, g := range all[:steps] {
				p.snag(w.tag(g.Group), snag{nth: i + 1, done: done, holds: !failure.breaks})
			}
			// The last step is to take the work out of the inbox, which knows no group.
			p.snag("{"+w.prefix+":inbox}:parked", snag{nth: 1, done: done, holds: !failure.breaks})
			w.begin(all)
			w.eventually(name+": every group meets its failure", func() bool { return p.met() == len(all) })
			failure.strike()
			r := w.end(name, all)
			doubt := failure.doubt
			if !done { // whatever was noted has been done
				doubt = 0
			}
			if r.missed > doubt {
				w.t.Errorf("%s: in %d groups nobody was reminded", name, r.missed)
			}
			if r.silent > doubt {
				w.t.Errorf("%s: in %d groups nothing was said", name, r.silent)
			}
			p.clear()
		}
	}
	w.begin(all)
	if r := w.end("undisturbed again", all); r != (round{}) {
		w.t.Errorf("after all that: %+v", r)
	}
}

// Wherever a process is killed while DingTalk is being called, by every way to remind
// people: nobody is reminded twice, what certainly did not happen is made up for, and
// the next round comes. Whether DingTalk had done it already, nobody knows: then it is
// not repeated.
func TestAKillDuringACallOfDingTalkRemindsNobodyTwice(t *testing.T) {
	need.Slow(t)
	t.Parallel()
	storetest.Each(t, func(t *testing.T, b storetest.Backend) {
		w := newTraveller(t, b, dingtalktest.Options{CallsPerSecond: -1})
		ways := map[string]*dingtalktest.Group{}
		settings := "\nfollow_up:"
		for _, by := range []string{"mention", "direct", "ding"} {
			ways[by] = w.AddGroup(dingtalktest.GroupOptions{}, append(w.people(2), w.admin)...)
			settings += fmt.Sprintf("\n  %q: {every: [30m], by: [%s]}", ways[by].ID(), by)
		}
		config := w.config(anyHour + "\nreports: {sweep: []}" + settings)
		w.start(2, config)

		// The webhook of the first group is over when the others begin.
		all := w.pursue(1, "公告 每30分钟 一", "")
		w.advance(100 * time.Minute)
		w.settle()
		var talking []*dingtalktest.Group
		for _, by := range []string{"mention", "direct", "ding"} {
			g := ways[by]
			w.tell(g, w.admin, "公告 一")
			w.readBy(g, w.admin)
			talking = append(talking, g)
			all = append(all, &pursued{Group: g, unread: g.Members()[:2]})
		}
		for _, command := range []string{"提醒", "提醒 私信", "提醒 DING"} {
			all = append(all, w.pursue(1, "公告 一", command)...)
		}

		for _, during := range []struct {
			name  string
			calls map[string]int // how many calls are held, of each API
			// before and after are what came of it, where DingTalk had not yet done it
			// and where it had.
			before, after round
		}{
			{"the query", map[string]int{dingtalktest.APIQuery: 7}, round{}, round{}},
			{"the members", map[string]int{dingtalktest.APIMembers: 7}, round{}, round{}},
			{
				"the reminders",
				map[string]int{dingtalktest.APIWebhook: 2, dingtalktest.APIDirect: 3, dingtalktest.APIDing: 2},
				round{missed: 7, silent: 1},
				round{},
			},
			{
				"what is said",
				map[string]int{dingtalktest.APIWebhook: 6, dingtalktest.APISend: 1},
				round{missed: 2, silent: 4},
				round{},
			},
		} {
			for _, fault := range []dingtalktest.FaultKind{dingtalktest.Slow, dingtalktest.SlowAnswer} {
				name := fmt.Sprintf("%s, %s", during.name, fault)
				for _, g := range talking { // a webhook lasts 90 minutes
					w.tell(g, w.admin, "帮助")
				}
				for api, times := range during.calls {
					w.Inject(dingtalktest.Fault{API: api, Times: times, Kind: fault, Delay: time.Hour})
				}
				w.begin(all)
				if err := w.Await(within(t), func() bool { return len(w.Faults()) == 0 }); err != nil {
					t.Fatalf("%s: not every call was made: %v", name, w.Faults())
				}
				w.killAll()
				w.start(2, config)
				want := during.before
				if fault == dingtalktest.SlowAnswer {
					want = during.after
				}
				if got := w.end(name, all); got != want {
					t.Errorf("%s: %+v, want %+v", name, got, want)
				}
			}
		}
		w.begin(all)
		if r := w.end("undisturbed again", all); r != (round{}) {
			t.Errorf("after all that: %+v", r)
		}
	})
}
