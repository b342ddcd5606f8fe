package dingtalktest

import (
	"sync"
	"time"
)

// What the standard edition allows; for [Options] and [Server.SetQuota].
const (
	StandardCallsPerSecond = 20   // per app and API
	StandardCallsPerMonth  = 5000 // counted calls of the whole organisation
	StandardPushesPerMonth = 3000 // frames over Stream: commands and events
)

// A group's session webhooks take webhookBurst messages a minute together; past it they are muted for webhookMute.
const (
	webhookBurst  = 20
	webhookWindow = time.Minute
	webhookMute   = 10 * time.Minute
)

// window admits at most limit events in any span.
type window struct{ times []time.Time }

func (w *window) admit(now time.Time, span time.Duration, limit int) bool {
	fresh := 0
	for fresh < len(w.times) && now.Sub(w.times[fresh]) >= span {
		fresh++
	}
	w.times = w.times[fresh:]
	if len(w.times) >= limit {
		return false
	}
	w.times = append(w.times, now)
	return true
}

// DingQuota is how many people DINGs can still reach, by type; negative is unlimited. DingTalk sells them by type, and says neither
// what it counts nor to whom a DING goes for which too few are left: here each receiver counts, and it goes to nobody.
type DingQuota struct {
	App  int `json:"app"`
	SMS  int `json:"sms"`
	Call int `json:"call"`
}

// limits counts what clients use.
type limits struct {
	now func() time.Time

	mu           sync.Mutex
	perSecond    int // <= 0: unlimited
	calls        int // a month; <= 0: unlimited
	pushes       int // a month; <= 0: unlimited
	rates        map[string]*window
	month        string
	counted      int
	pushed       int
	dings        DingQuota
	lacking      map[string]bool // permissions
	muteWebhooks bool
	webhooks     map[string]*window   // by conversation
	mutedUntil   map[string]time.Time // by conversation
}

func newLimits(now func() time.Time, perSecond, calls, pushes int) *limits {
	return &limits{
		now: now, perSecond: perSecond, calls: calls, pushes: pushes, dings: DingQuota{App: -1, SMS: -1, Call: -1},
		rates: map[string]*window{}, lacking: map[string]bool{}, webhooks: map[string]*window{}, mutedUntil: map[string]time.Time{},
	}
}

func windowOf(m map[string]*window, key string) *window {
	w, ok := m[key]
	if !ok {
		w = &window{}
		m[key] = w
	}
	return w
}

// rate says whether api may be called now.
func (l *limits) rate(api string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.perSecond <= 0 || windowOf(l.rates, api).admit(l.now(), time.Second, l.perSecond)
}

// turnMonth starts a new count when a month of UTC+8 begins.
func (l *limits) turnMonth() {
	if m := l.now().UTC().Add(8 * time.Hour).Format("2006-01"); m != l.month {
		l.month, l.counted, l.pushed = m, 0, 0
	}
}

// count takes one call from the month, if there is one left.
func (l *limits) count() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.turnMonth()
	if l.calls > 0 && l.counted >= l.calls {
		return false
	}
	l.counted++
	return true
}

// push takes one push from the month, if there is one left.
func (l *limits) push() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.turnMonth()
	if l.pushes > 0 && l.pushed >= l.pushes {
		return false
	}
	l.pushed++
	return true
}

// webhook says whether a session webhook may write into the conversation now.
func (l *limits) webhook(conversation string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.muteWebhooks {
		return true
	}
	now := l.now()
	if now.Before(l.mutedUntil[conversation]) {
		return false
	}
	if windowOf(l.webhooks, conversation).admit(now, webhookWindow, webhookBurst) {
		return true
	}
	l.mutedUntil[conversation] = now.Add(webhookMute)
	delete(l.webhooks, conversation)
	return false
}

// ding takes so many receivers of a DING of the type (remindType) from its quota, if there are enough left.
func (l *limits) ding(remindType int64, receivers int) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	left := map[int64]*int{1: &l.dings.App, 2: &l.dings.SMS, 3: &l.dings.Call}[remindType]
	if *left >= 0 {
		if receivers > *left {
			return false
		}
		*left -= receivers
	}
	return true
}

// Counted is how many calls were counted this month.
func (s *Server) Counted() int {
	s.limits.mu.Lock()
	defer s.limits.mu.Unlock()
	s.limits.turnMonth()
	return s.limits.counted
}

// Pushed is how many pushes were counted this month.
func (s *Server) Pushed() int {
	s.limits.mu.Lock()
	defer s.limits.mu.Unlock()
	s.limits.turnMonth()
	return s.limits.pushed
}

// SetQuota changes what a month allows, from now on: counted calls, and pushes. 0 is unlimited.
func (s *Server) SetQuota(calls, pushes int) {
	s.limits.mu.Lock()
	s.limits.calls, s.limits.pushes = calls, pushes
	s.limits.mu.Unlock()
	s.feed.publish(Change{Kind: FaultsChanged})
}

// SetDingQuota changes how many people DINGs can still reach; unlimited at first. An organisation of the standard edition has no
// DINGs at all: that is [PermissionDenied] on [APIDing].
func (s *Server) SetDingQuota(q DingQuota) {
	s.limits.mu.Lock()
	s.limits.dings = q
	s.limits.mu.Unlock()
	s.feed.publish(Change{Kind: FaultsChanged})
}

// DingQuota is what is left of it.
func (s *Server) DingQuota() DingQuota {
	s.limits.mu.Lock()
	defer s.limits.mu.Unlock()
	return s.limits.dings
}

// MuteWebhooks turns the webhooks' limit on or off: 20 messages a minute to a group, and past it none for 10 minutes. It is
// off at first.
func (s *Server) MuteWebhooks(on bool) {
	s.limits.mu.Lock()
	s.limits.muteWebhooks = on
	clear(s.limits.webhooks)
	clear(s.limits.mutedUntil)
	s.limits.mu.Unlock()
	s.feed.publish(Change{Kind: FaultsChanged})
}
