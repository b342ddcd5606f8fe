package ops

import (
	"net/http"
	"runtime"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"go.uber.org/zap/zapcore"

	"whoread/bot"
	"whoread/bot/command"
	"whoread/receipts/dingtalk"
)

// Metrics are what /metrics shows, in a registry of their own. Labels are few fixed words where
// they come from, bot.Observer and dingtalk.Call: never a group, a person, a message or a text
// of anybody's.
type Metrics struct {
	registry *prometheus.Registry

	commands     *prometheus.CounterVec
	commandTime  *prometheus.HistogramVec
	jobs         *prometheus.CounterVec
	pushes       *prometheus.CounterVec
	requests     *prometheus.CounterVec
	calls        *prometheus.CounterVec
	callTime     *prometheus.HistogramVec
	redisTime    *prometheus.HistogramVec
	clockOffset  *prometheus.GaugeVec
	droppedLines *prometheus.CounterVec
	reloads      *prometheus.CounterVec
	reloadedWell prometheus.Gauge
}

// Buckets of how long things take, in seconds. People wait for a command; a call of
// DingTalk's ends after dingtalk.CallTimeout or UploadTimeout, one of Redis after two
// seconds and a repetition.
var (
	commandBuckets = []float64{.05, .1, .25, .5, 1, 2, 3, 5, 10, 30, 60, 120, 300}
	callBuckets    = []float64{.025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60}
	redisBuckets   = []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5}
)

// NewMetrics returns metrics of which nothing has happened yet; version is that of whoread.
func NewMetrics(version string) *Metrics {
	m := &Metrics{registry: prometheus.NewRegistry()}
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		c := prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels)
		m.registry.MustRegister(c)
		return c
	}
	histogram := func(name, help string, buckets []float64, labels ...string) *prometheus.HistogramVec {
		h := prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: name, Help: help, Buckets: buckets}, labels)
		m.registry.MustRegister(h)
		return h
	}
	m.commands = counter("whoread_commands_total",
		`Attempts at commands that ended, by verb ("unknown": not understood; "ignored": thanks and the like) and outcome. `+
			`done, refused (the answer says why not, or asks back), failed (the answer says that DingTalk did not do it) and given_up end a command, and so does ignored (a confirmation for which nobody asked); `+
			`attempt_failed is tried again, up to three times. Any given_up needs a look into the log; many failed ones are DingTalk's, see whoread_dingtalk_calls_total.`,
		"verb", "outcome")
	m.commandTime = histogram("whoread_command_duration_seconds",
		"Time from the arrival of a command's frame to its answer, of those that were answered. Above some seconds people wait: "+
			"see whoread_dingtalk_call_duration_seconds and whoread_inbox_oldest_age_seconds.",
		commandBuckets, "verb")
	m.jobs = counter("whoread_jobs_total",
		`Attempts at what comes by itself, by kind ("sweep" saves reads, "follow_up" reports and reminds) and outcome: done; attempt_failed is tried again, `+
			`up to three times; given_up. Any given_up needs a look into the log.`,
		"kind", "outcome")
	m.pushes = counter("whoread_pushes_total",
		`Pushes of DingTalk's, by type ("message": somebody said something; else the event) and outcome: taken, refused (Redis was away: the sender was told, `+
			`an event is pushed again), repeated (taken before), early (its message is not recorded yet: it is pushed again), `+
			`ignored (for another bot or group, or of no kind that the bot follows), dropped (not understood). Any refused or dropped needs a look into the log.`,
		"type", "outcome")
	m.requests = counter("whoread_api_requests_total",
		`Requests of programs that were answered, by route and by the status of the answer. 401 and 403 are a token or a right that is missing; any 503 means that Redis did not answer.`,
		"route", "status")
	m.calls = counter("whoread_dingtalk_calls_total",
		`Calls of DingTalk's API, each try one, by API, outcome ("ok" or the kind of failure) and whether they count against the organisation's monthly quota. `+
			`permission_denied, bad_credentials and the like need an administrator; throttled and unavailable are tried again.`,
		"api", "outcome", "counted")
	m.callTime = histogram("whoread_dingtalk_call_duration_seconds",
		"Time of one try of a call of DingTalk's API, without waiting for calls_per_second and the token.", callBuckets, "api")
	m.redisTime = histogram("whoread_redis_call_duration_seconds",
		`Time of calls to Redis, waiting for a connection and a repetition included, by outcome ("ok" or "error"); those that wait for work are not counted. `+
			`Above 0.1 s Redis or the way to it is slow; any error means that somebody may have been told that nothing was done.`,
		redisBuckets, "outcome")
	m.clockOffset = prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Name: "whoread_clock_offset_seconds",
		Help: `How far this machine's clock is ahead of another's, below 0 behind it, by whose it is: dingtalk or redis. Absent until known. ` +
			`From 60 on either side times and deadlines are wrong by that, and administrators are told; set the clock by the network.`,
	}, []string{"of"})
	m.registry.MustRegister(m.clockOffset)
	m.droppedLines = counter("whoread_log_lines_dropped_total",
		"Lines that were left out of the log, by level, because the same message came too often within a minute. Above 0 something fails again and again.",
		"level")
	m.reloads = counter("whoread_config_reloads_total",
		"Times that the configuration was read again while running, by outcome: taken, or refused because of a mistake in it (the log says which).",
		"outcome")
	m.reloadedWell = prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "whoread_config_last_reload_successful",
		Help: "1 if the configuration was taken when it was last read; 0: it has a mistake, and the settings are those from before it.",
	})
	m.reloadedWell.Set(1)
	m.registry.MustRegister(m.reloadedWell)
	build := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "whoread_build_info", Help: "1, with the version of whoread and of Go.",
		ConstLabels: prometheus.Labels{"version": version, "goversion": runtime.Version()},
	})
	build.Set(1)
	m.registry.MustRegister(build, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))

	// What has not happened yet is 0, so that the first time is an increase.
	for _, verb := range bot.CommandLabels() {
		for _, outcome := range []bot.Outcome{bot.Done, bot.Refused, bot.Failed, bot.GivenUp, bot.AttemptFailed} {
			m.commands.WithLabelValues(verb, string(outcome))
		}
	}
	m.commands.WithLabelValues(command.Confirm.Label(), string(bot.Ignored))
	for _, kind := range bot.JobLabels() {
		for _, outcome := range []bot.Outcome{bot.Done, bot.GivenUp, bot.AttemptFailed} {
			m.jobs.WithLabelValues(kind, string(outcome))
		}
	}
	for _, kind := range bot.PushLabels() {
		for _, outcome := range []bot.Outcome{bot.Taken, bot.Refused, bot.Repeated, bot.Early, bot.Ignored, bot.Dropped} {
			m.pushes.WithLabelValues(kind, string(outcome))
		}
	}
	for _, level := range []zapcore.Level{zapcore.WarnLevel, zapcore.ErrorLevel} {
		m.droppedLines.WithLabelValues(level.String())
	}
	for _, outcome := range []string{reloadTaken, reloadRefused} {
		m.reloads.WithLabelValues(outcome)
	}
	for _, outcome := range []string{"ok", "error"} {
		m.redisTime.WithLabelValues(outcome)
	}
	return m
}

// Command implements bot.Observer.
func (m *Metrics) Command(verb string, outcome bot.Outcome, took time.Duration) {
	m.commands.WithLabelValues(verb, string(outcome)).Inc()
	if took > 0 {
		m.commandTime.WithLabelValues(verb).Observe(took.Seconds())
	}
}

// Job implements bot.Observer.
func (m *Metrics) Job(kind string, outcome bot.Outcome) {
	m.jobs.WithLabelValues(kind, string(outcome)).Inc()
}

// Push implements bot.Observer.
func (m *Metrics) Push(kind string, outcome bot.Outcome) {
	m.pushes.WithLabelValues(kind, string(outcome)).Inc()
}

// ObserveCall counts a call of DingTalk's API.
func (m *Metrics) ObserveCall(c dingtalk.Call) {
	outcome := "ok"
	if c.Kind != "" {
		outcome = string(c.Kind)
	}
	m.calls.WithLabelValues(c.API, outcome, strconv.FormatBool(c.Counted)).Inc()
	m.callTime.WithLabelValues(c.API).Observe(c.Took.Seconds())
}

// Request counts a request of a program. It implements api.Observer.
func (m *Metrics) Request(route string, status int, _ time.Duration) {
	m.requests.WithLabelValues(route, strconv.Itoa(status)).Inc()
}

// ObserveRedis counts a call to Redis.
func (m *Metrics) ObserveRedis(took time.Duration, failed bool) {
	outcome := "ok"
	if failed {
		outcome = "error"
	}
	m.redisTime.WithLabelValues(outcome).Observe(took.Seconds())
}

// Outcomes of reading the configuration again.
const (
	reloadTaken   = "taken"
	reloadRefused = "refused"
)

// ConfigReloaded counts a time that the configuration was read again.
func (m *Metrics) ConfigReloaded(taken bool) {
	if taken {
		m.reloads.WithLabelValues(reloadTaken).Inc()
		m.reloadedWell.Set(1)
		return
	}
	m.reloads.WithLabelValues(reloadRefused).Inc()
	m.reloadedWell.Set(0)
}

// ClockOffset notes how far this machine's clock is ahead of another's.
func (m *Metrics) ClockOffset(of string, ahead time.Duration) {
	m.clockOffset.WithLabelValues(of).Set(ahead.Seconds())
}

// LineDropped counts a line that was left out of the log.
func (m *Metrics) LineDropped(level zapcore.Level) {
	m.droppedLines.WithLabelValues(level.String()).Inc()
}

// Watch adds a state to what /metrics shows.
func (m *Metrics) Watch(s *State) { m.registry.MustRegister(s) }

// scrapes is how many may be answered at the same time; the others are told to come again.
const scrapes = 4

// handler answers /metrics. What can't be found out is left out.
func (m *Metrics) handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{ErrorHandling: promhttp.ContinueOnError, MaxRequestsInFlight: scrapes})
}
