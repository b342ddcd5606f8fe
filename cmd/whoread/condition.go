package main

import (
	"context"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"whoread/bot/stream"
	"whoread/store"
)

// Bounds of what a scrape asks for.
const (
	conditionWithin = 2 * time.Second
	conditionAgain  = 5 * time.Second // what was found out that recently is used again
)

// condition is what /metrics asks for when somebody looks. However many look, Redis is
// asked once in a few seconds, and a Redis that is away costs the look only what Redis
// knows. It is a prometheus.Collector.
type condition struct {
	redis  func(ctx context.Context) error // as of a few seconds ago; nil: it takes writes
	depth  func(ctx context.Context) (store.Depth, error)
	calls  func(ctx context.Context) (int, error) // that count, of this month
	spent  func() bool                            // of this process
	limit  func() int64                           // of calls in a month; 0 for none
	status func() stream.Status
	now    func() time.Time

	mu    sync.Mutex
	asked time.Time
	known []prometheus.Metric
}

func metric(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc(name, help, labels, nil)
}

var (
	redisUp       = metric("whoread_redis_up", "1 if Redis answers and takes writes, as of a few seconds ago. At 0 whoever asks the bot is told that nothing was done.")
	inboxCommands = metric("whoread_inbox_commands",
		"Commands of all processes (take the max of them, not the sum), by state: waiting for a worker, working, scheduled for later, parked (given up on, the last 1000). "+
			"waiting is near 0 but for moments, or there are too few workers; parked must not grow. Absent while Redis is away.", "state")
	inboxOldest = metric("whoread_inbox_oldest_age_seconds",
		"Age of the oldest command that waits or is worked on, 0 if there is none; the same in all processes. Above a minute commands hang. Absent while Redis is away.")
	budgetUsed = metric("whoread_budget_calls_used",
		"Calls that count against the organisation's quota which all processes of this bot have made this month (UTC+8); take the max. Absent while that can't be found out.")
	budgetLimit = metric("whoread_budget_calls_limit", "budget.calls_per_month; absent if there is none.")
	budgetLeft  = metric("whoread_budget_calls_remaining", "What is left of budget.calls_per_month, at least 0; absent if there is none. At 0 reports are answered from what is known.")
	budgetSpent = metric("whoread_budget_spent", "1 if DingTalk last told this process that the organisation's calls of this month are used up; take the max. Counted calls are tried again every 10 minutes.")
	connections = metric("whoread_stream_connections",
		"Connections to DingTalk of this process, by state: up, and wanted (dingtalk.connections). With up at 0 no command arrives.", "state")
	lastFrame = metric("whoread_stream_last_frame_timestamp_seconds",
		"When DingTalk last pushed anything on any connection of this process, its own pings included, as Unix time. Absent before the first. Minutes ago means that the connections are dead.")
)

// Describe implements prometheus.Collector.
func (c *condition) Describe(all chan<- *prometheus.Desc) {
	for _, desc := range []*prometheus.Desc{redisUp, inboxCommands, inboxOldest, budgetUsed, budgetLimit, budgetLeft, budgetSpent, connections, lastFrame} {
		all <- desc
	}
}

// Collect implements prometheus.Collector.
func (c *condition) Collect(all chan<- prometheus.Metric) {
	spent := 0.0
	if c.spent() {
		spent = 1
	}
	all <- gauge(budgetSpent, spent)
	status := c.status()
	all <- gauge(connections, float64(status.Up()), "up")
	all <- gauge(connections, float64(len(status.Connections)), "wanted")
	var last time.Time
	for _, one := range status.Connections {
		if one.LastFrame.After(last) {
			last = one.LastFrame
		}
	}
	if !last.IsZero() {
		all <- gauge(lastFrame, float64(last.UnixMilli())/1000)
	}
	for _, m := range c.ask() {
		all <- m
	}
}

// ask finds out what Redis knows, as of a few seconds ago.
func (c *condition) ask() []prometheus.Metric {
	c.mu.Lock()
	defer c.mu.Unlock() // who looks at the same time shares the answer
	if age := c.now().Sub(c.asked); age >= 0 && age < conditionAgain {
		return c.known
	}
	ctx, cancel := context.WithTimeout(context.Background(), conditionWithin)
	defer cancel()
	c.known = c.find(ctx)
	c.asked = c.now()
	return c.known
}

func (c *condition) find(ctx context.Context) []prometheus.Metric {
	limit := c.limit()
	var found []prometheus.Metric
	if limit > 0 {
		found = append(found, gauge(budgetLimit, float64(limit)))
	}
	if err := c.redis(ctx); err != nil {
		return append(found, gauge(redisUp, 0))
	}
	found = append(found, gauge(redisUp, 1))
	if d, err := c.depth(ctx); err == nil {
		found = append(found,
			gauge(inboxCommands, float64(d.Waiting), "waiting"), gauge(inboxCommands, float64(d.Working), "working"),
			gauge(inboxCommands, float64(d.Scheduled), "scheduled"), gauge(inboxCommands, float64(d.Parked), "parked"),
			gauge(inboxOldest, d.Oldest.Seconds()))
	}
	if used, err := c.calls(ctx); err == nil {
		found = append(found, gauge(budgetUsed, float64(used)))
		if limit > 0 {
			found = append(found, gauge(budgetLeft, float64(max(0, limit-int64(used)))))
		}
	}
	return found
}

func gauge(d *prometheus.Desc, value float64, labels ...string) prometheus.Metric {
	return prometheus.MustNewConstMetric(d, prometheus.GaugeValue, value, labels...)
}
