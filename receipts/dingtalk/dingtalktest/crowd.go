package dingtalktest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"time"
)

// Bounds of a crowd.
const (
	maxCrowd     = 20_000  // people added at once
	maxPeople    = 100_000 // people whom the page may make
	maxReading   = time.Hour
	maxJobs      = 50 // messages that are being read in one group; past it the oldest is left as it is
	readingPause = 100 * time.Millisecond
)

// habit is who reads what is said in a group, by themselves: all of Readers within Over of each message.
type habit struct {
	readers []Person
	over    time.Duration
}

// readingJob is one message being read by people one after the other.
type readingJob struct {
	message string
	people  []Person // in the order in which they read
	begun   time.Time
	over    time.Duration
	done    int
}

// due takes those whose time has come.
func (j *readingJob) due(now time.Time) []Person {
	until := len(j.people)
	if passed := now.Sub(j.begun); passed < j.over {
		until = int(float64(len(j.people)) * float64(passed) / float64(j.over))
	}
	out := j.people[j.done:max(until, j.done)]
	j.done = max(until, j.done)
	return out
}

// readingGroup is the reading that goes on in one group.
type readingGroup struct {
	habit habit
	jobs  []*readingJob
	seen  map[string]struct{} // messages that the habit knows
}

// crowds let people read by themselves. It has one goroutine, from the first use until close.
type crowds struct {
	s    *Server
	ctx  context.Context
	stop context.CancelFunc
	wg   sync.WaitGroup
	once sync.Once
	wake chan struct{} // there may be a new job

	mu     sync.Mutex // taken after the world's lock, never before it
	groups map[string]*readingGroup
}

func newCrowds(s *Server) *crowds {
	ctx, stop := context.WithCancel(context.Background())
	return &crowds{s: s, ctx: ctx, stop: stop, wake: make(chan struct{}, 1), groups: map[string]*readingGroup{}}
}

func (c *crowds) close() {
	c.once.Do(func() {}) // nothing starts any more
	c.stop()
	c.wg.Wait()
}

// groupLocked is the reading of a group, made when first needed.
func (c *crowds) groupLocked(id string) *readingGroup {
	g, ok := c.groups[id]
	if !ok {
		g = &readingGroup{seen: map[string]struct{}{}}
		c.groups[id] = g
	}
	return g
}

// follow makes people read what is said in the group from now on, besides those who do already.
func (c *crowds) follow(g *Group, people []Person, over time.Duration) {
	said := g.messageIDs()
	c.mu.Lock()
	rg := c.groupLocked(g.ID())
	rg.seen = said
	rg.habit.readers = append(rg.habit.readers, people...)
	rg.habit.over = over
	c.mu.Unlock()
	c.start()
}

// unfollow ends the habit of a group.
func (c *crowds) unfollow(g *Group) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if rg, ok := c.groups[g.ID()]; ok {
		rg.habit = habit{}
	}
}

// habitOf says how many read by themselves in a group, and within what time.
func (c *crowds) habitOf(group string) (readers int, over time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if g, ok := c.groups[group]; ok {
		return len(g.habit.readers), g.habit.over
	}
	return 0, 0
}

// read makes people read one message.
func (c *crowds) read(g *Group, message string, people []Person, over time.Duration) {
	c.mu.Lock()
	c.addLocked(c.groupLocked(g.ID()), message, people, over)
	c.mu.Unlock()
	c.start()
}

func (c *crowds) addLocked(g *readingGroup, message string, people []Person, over time.Duration) {
	order := slices.Clone(people)
	rand.Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
	g.jobs = keep(g.jobs, &readingJob{message: message, people: order, begun: c.s.now(), over: over}, maxJobs)
}

// start sees to it that the goroutine runs and looks at the jobs.
func (c *crowds) start() {
	c.once.Do(func() {
		changes := c.s.Watch(c.ctx)
		c.wg.Go(func() { c.run(changes) })
	})
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

func (c *crowds) run(changes <-chan Change) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-c.ctx.Done():
			return
		case change, ok := <-changes:
			switch {
			case !ok: // it fell behind, or the server was closed
				if c.ctx.Err() != nil {
					return
				}
				changes = c.s.Watch(c.ctx)
				c.noticeAll()
			case change.Kind == MessageAdded:
				c.notice(change.GroupID)
			default:
				continue
			}
		case <-c.wake:
			c.noticeAll()
		case <-timer.C:
		}
		if c.advance(c.s.now()) {
			timer.Reset(readingPause)
		}
	}
}

func (c *crowds) noticeAll() {
	c.mu.Lock()
	ids := make([]string, 0, len(c.groups))
	for id := range c.groups {
		ids = append(ids, id)
	}
	c.mu.Unlock()
	for _, id := range ids {
		c.notice(id)
	}
}

// notice starts reading the messages of the group that the habit does not know yet.
func (c *crowds) notice(group string) {
	g, ok := c.s.Group(group)
	if !ok {
		return
	}
	if readers, _ := c.habitOf(group); readers == 0 {
		return
	}
	said := g.messageIDs()
	c.mu.Lock()
	defer c.mu.Unlock()
	rg := c.groups[group]
	for id := range said {
		if _, known := rg.seen[id]; !known {
			c.addLocked(rg, id, rg.habit.readers, rg.habit.over)
		}
	}
	rg.seen = said
}

func (g *Group) messageIDs() map[string]struct{} {
	defer g.lock()()
	ids := make(map[string]struct{}, len(g.c.messages))
	for _, m := range g.c.messages {
		ids[m.ID] = struct{}{}
	}
	return ids
}

// advance lets those read whose time has come, and says whether there are more to come.
func (c *crowds) advance(now time.Time) (more bool) {
	type visit struct {
		group, message string
		people         []Person
	}
	var visits []visit
	c.mu.Lock()
	for id, g := range c.groups {
		g.jobs = slices.DeleteFunc(g.jobs, func(j *readingJob) bool {
			if people := j.due(now); len(people) > 0 {
				visits = append(visits, visit{id, j.message, people})
			}
			return j.done == len(j.people)
		})
		more = more || len(g.jobs) > 0
	}
	c.mu.Unlock()
	for _, v := range visits {
		if g, ok := c.s.Group(v.group); ok {
			g.readWhoCan(v.message, v.people)
		}
	}
	return more
}

// readWhoCan lets those of the people read the message who still can; the others have left, or it is gone.
func (g *Group) readWhoCan(message string, people []Person) {
	if g.read(message, people) == nil {
		return
	}
	for _, p := range people {
		_ = g.Read(p, message)
	}
}

// inventPeople adds n people with names of their own.
func (s *Server) inventPeople(n int, english, outside bool) []Person {
	first := len(s.People())
	out := make([]Person, n)
	for i := range out {
		out[i] = Person{Name: inventedName(first+i, english), Outside: outside}
	}
	return s.world.addPeople(out)
}

// inventedName is the n-th name; they repeat only with a number behind them.
func inventedName(n int, english bool) string {
	family := []rune("王李张刘陈杨黄赵周吴徐孙马朱胡郭何高林罗郑梁谢宋唐许韩冯邓曹彭曾萧田董袁潘于蒋蔡余杜叶程苏魏吕丁任沈")
	given := []string{
		"伟", "芳", "娜", "秀英", "敏", "静", "丽", "强", "磊", "军", "洋", "勇", "艳", "杰", "娟", "涛", "明", "超", "秀兰", "霞",
		"平", "刚", "桂英", "子涵", "雨桐", "浩然", "欣怡", "宇轩", "思远", "嘉怡",
	}
	if english {
		given = []string{
			"Ada", "Ben", "Clara", "Daniel", "Emma", "Felix", "Grace", "Henry", "Iris", "Jack", "Kate", "Leo", "Mia", "Noah", "Olivia",
			"Paul", "Quinn", "Rosa", "Sam", "Tina",
		}
		surnames := []string{
			"Allen", "Baker", "Clark", "Davis", "Evans", "Foster", "Green", "Hughes", "Irwin", "Jones", "Kelly", "Lewis", "Morgan",
			"Nelson", "Owens", "Parker", "Reed", "Scott", "Turner", "Walsh",
		}
		// Both move on with every person, so that neighbours differ in both names.
		name := given[n%len(given)] + " " + surnames[(n+n/len(given))%len(surnames)]
		return numbered(name, n/(len(given)*len(surnames)))
	}
	name := string(family[n%len(family)]) + given[(n+n/len(family))%len(given)]
	return numbered(name, n/(len(family)*len(given)))
}

func numbered(name string, round int) string {
	if round == 0 {
		return name
	}
	return fmt.Sprintf("%s%d", name, round+1)
}
