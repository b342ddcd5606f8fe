package ops

import (
	"context"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"whoread/bot/stream"
	"whoread/store"
)

// Bounds of what a scrape asks Redis for.
const (
	queryTimeout = 2 * time.Second
	queryFresh   = 5 * time.Second // what was found out that recently is used again
)

// State collects the metrics that are found out at a scrape. However many scrapes there are,
// Redis is asked once in a few seconds; while it is away, only what it knows is missing. State
// is a prometheus.Collector.
type State struct {
	Redis  func(ctx context.Context) error // as of a few seconds ago; nil: it takes writes
	Depth  func(ctx context.Context) (store.Depth, error)
	Calls  func(ctx context.Context) (int, error) // that count, of this month
	Spent  func() bool                            // of this process
	Limit  func() int64                           // of calls in a month; 0 for none
	Status func() stream.Status
	Now    func() time.Time

	mu      sync.Mutex
	queried time.Time
	found   []prometheus.Metric
}

func desc(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc(name, help, labels, nil)
}

var (
	redisUp       = desc("whoread_redis_up", "1 if Redis answers and takes writes, as of a few seconds ago. At 0 whoever asks the bot is told that nothing was done.")
	inboxCommands = desc("whoread_inbox_commands",
		"Commands of all processes (take the max of them, not the sum), by state: waiting for a worker, working, scheduled for later, parked (given up on, the last 1000). "+
			"waiting is near 0 but for moments, or there are too few workers; parked must not grow. Absent while Redis is away.", "state")
	inboxOldest = desc("whoread_inbox_oldest_age_seconds",
		"Age of the oldest command that waits or is worked on, 0 if there is none; the same in all processes. Above a minute commands hang. Absent while Redis is away.")
	budgetUsed = desc("whoread_budget_calls_used",
		"Calls that count against the organisation's quota which all processes of this bot have made this month (UTC+8); take the max. Absent while that can't be found out.")
	budgetLimit = desc("whoread_budget_calls_limit", "budget.calls_per_month; absent if there is none.")
	budgetLeft  = desc("whoread_budget_calls_remaining", "What is left of budget.calls_per_month, at least 0; absent if there is none. At 0 reports are answered from what is known.")
	budgetSpent = desc("whoread_budget_spent", "1 if DingTalk last told this process that the organisation's calls of this month are used up; take the max. Counted calls are tried again every 10 minutes.")
	connections = desc("whoread_stream_connections",
		"Connections to DingTalk of this process, by state: up, and wanted (dingtalk.connections). With up at 0 no command arrives.", "state")
	lastFrame = desc("whoread_stream_last_frame_timestamp_seconds",
		"When DingTalk last pushed anything on any connection of this process, its own pings included, as Unix time. Absent before the first. Minutes ago means that the connections are dead.")
)

// Describe implements prometheus.Collector.
func (c *State) Describe(all chan<- *prometheus.Desc) {
	for _, desc := range []*prometheus.Desc{redisUp, inboxCommands, inboxOldest, budgetUsed, budgetLimit, budgetLeft, budgetSpent, connections, lastFrame} {
		all <- desc
	}
}

// Collect implements prometheus.Collector.
func (c *State) Collect(all chan<- prometheus.Metric) {
	spent := 0.0
	if c.Spent() {
		spent = 1
	}
	all <- gauge(budgetSpent, spent)
	status := c.Status()
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
	for _, m := range c.refresh() {
		all <- m
	}
}

// refresh returns what Redis knows, as of a few seconds ago.
func (c *State) refresh() []prometheus.Metric {
	c.mu.Lock()
	defer c.mu.Unlock() // who looks at the same time shares the answer
	if age := c.Now().Sub(c.queried); age >= 0 && age < queryFresh {
		return c.found
	}
	ctx, cancel := context.WithTimeout(context.Background(), queryTimeout)
	defer cancel()
	c.found = c.query(ctx)
	c.queried = c.Now()
	return c.found
}

func (c *State) query(ctx context.Context) []prometheus.Metric {
	limit := c.Limit()
	var found []prometheus.Metric
	if limit > 0 {
		found = append(found, gauge(budgetLimit, float64(limit)))
	}
	if err := c.Redis(ctx); err != nil {
		return append(found, gauge(redisUp, 0))
	}
	found = append(found, gauge(redisUp, 1))
	if d, err := c.Depth(ctx); err == nil {
		found = append(found,
			gauge(inboxCommands, float64(d.Waiting), "waiting"), gauge(inboxCommands, float64(d.Working), "working"),
			gauge(inboxCommands, float64(d.Scheduled), "scheduled"), gauge(inboxCommands, float64(d.Parked), "parked"),
			gauge(inboxOldest, d.Oldest.Seconds()))
	}
	if used, err := c.Calls(ctx); err == nil {
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
