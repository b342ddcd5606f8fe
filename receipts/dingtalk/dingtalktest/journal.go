package dingtalktest

import (
	"slices"
	"sync"
	"time"
)

// Bounds of the journal; the oldest entries go first, [Server.CallCount] goes on counting.
const (
	maxCalls      = 5000
	maxViolations = 1000
	maxAcks       = 20000
	maxBodyBytes  = 1024 // of a request or an answer, kept in a [Call]
)

// Call is one request that a client made.
type Call struct {
	Seq      uint64        `json:"seq"`
	At       time.Time     `json:"at"`
	Took     time.Duration `json:"took"` // by the wall clock
	API      string        `json:"api"`  // one of the API constants
	Method   string        `json:"method"`
	Caller   string        `json:"caller"` // the clientId that the token was given to; empty without a good token
	Status   int           `json:"status"` // HTTP; 0 if the connection was closed without an answer
	Code     string        `json:"code"`   // of the error, or the errcode; empty if there was none
	Counted  bool          `json:"counted"`
	Request  string        `json:"request,omitempty"`  // the first bytes of a JSON body; never of one with credentials
	Response string        `json:"response,omitempty"` // likewise
}

// Violation is something that a careful client never does.
type Violation struct {
	At   time.Time `json:"at"`
	API  string    `json:"api"` // an API constant, or "stream"
	What string    `json:"what"`
}

// Ack is a client's answer to a frame.
type Ack struct {
	At         time.Time `json:"at"`
	Connection string    `json:"connection"`
	MessageID  string    `json:"messageId"` // headers.messageId
	Type       string    `json:"type"`      // SYSTEM, CALLBACK or EVENT
	Topic      string    `json:"topic"`
	EventType  string    `json:"eventType,omitempty"`
	EventID    string    `json:"eventId,omitempty"`
	MsgID      string    `json:"msgId,omitempty"` // of the message that was pushed
	Attempt    int       `json:"attempt"`         // 1 is the first delivery
	Code       int       `json:"code"`
	Data       string    `json:"data"`
}

// journal remembers what clients did.
type journal struct {
	now  func() time.Time
	feed *feed

	mu         sync.Mutex
	seq        uint64
	calls      []Call
	counts     map[string]int // calls by API
	violations []Violation
	acks       []Ack
}

func newJournal(now func() time.Time, f *feed) *journal {
	return &journal{now: now, feed: f, counts: map[string]int{}}
}

// keep appends e to list, which holds at most limit entries.
func keep[T any](list []T, e T, limit int) []T {
	if len(list) >= limit {
		list = list[len(list)-limit+1:]
	}
	return append(list, e)
}

func (j *journal) call(c Call) {
	j.mu.Lock()
	j.seq++
	c.Seq = j.seq
	j.calls = keep(j.calls, c, maxCalls)
	j.counts[c.API]++
	j.mu.Unlock()
	j.feed.publish(Change{Kind: CallMade, Call: &c})
}

func (j *journal) violation(api, what string) {
	j.mu.Lock()
	j.violations = keep(j.violations, Violation{At: j.now(), API: api, What: what}, maxViolations)
	j.mu.Unlock()
	j.feed.publish(Change{Kind: ClientErred})
}

func (j *journal) ack(a Ack) {
	a.At = j.now()
	j.mu.Lock()
	j.acks = keep(j.acks, a, maxAcks)
	j.mu.Unlock()
	j.feed.publish(Change{Kind: FrameAcked})
}

// Calls are the requests so far, oldest first: the last 5,000.
func (s *Server) Calls() []Call {
	s.journal.mu.Lock()
	defer s.journal.mu.Unlock()
	return slices.Clone(s.journal.calls)
}

// CallCount is how often api was called since the start or [Server.ResetCalls], refused calls included.
func (s *Server) CallCount(api string) int {
	s.journal.mu.Lock()
	defer s.journal.mu.Unlock()
	return s.journal.counts[api]
}

// ResetCalls forgets the calls, but not what they used of the month.
func (s *Server) ResetCalls() {
	s.journal.mu.Lock()
	defer s.journal.mu.Unlock()
	s.journal.calls = nil
	clear(s.journal.counts)
}

// Violations are what a careful client would not have done, oldest first: the last 1,000. A test asserts that there are none.
func (s *Server) Violations() []Violation {
	s.journal.mu.Lock()
	defer s.journal.mu.Unlock()
	return slices.Clone(s.journal.violations)
}

// Acks are the answers to pushed frames, oldest first: the last 20,000.
func (s *Server) Acks() []Ack {
	s.journal.mu.Lock()
	defer s.journal.mu.Unlock()
	return slices.Clone(s.journal.acks)
}
