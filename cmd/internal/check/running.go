package check

import (
	"context"
	"fmt"
	"strings"
	"time"

	"go.uber.org/zap"

	"whoread/bot"
	"whoread/receipts/dingtalk/budget"
)

// checkBudget looks how much of budget.calls_per_month is left, after the calls of this
// check.
func (c *checker) checkBudget(ctx context.Context) {
	if c.counter == nil {
		c.report.notChecked("the calls of the month are counted in Redis", "budget")
		return
	}
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	state, err := budget.New(c.counter, budget.NewQuota(time.Now), c.config.Budget.Limits(), time.Now, zap.NewNop()).Query(ctx)
	f := Finding{ID: "budget", Status: Right}
	switch {
	case err != nil:
		f.Status, f.Detail = Unknown, err.Error()
	case state.CallsPerMonth == 0:
		f.Detail = fmt.Sprintf("none; %d counted calls this month", state.Used)
	default:
		f.Detail = fmt.Sprintf("%d of %d counted calls of this month are used", state.Used, state.CallsPerMonth)
		if state.Spent || state.Low {
			f.Status = Doubtful
			f.Remedy = "when it is used up, reports are answered from what is known until " + state.MonthEnds.Format("January 2") +
				" (UTC+8): raise budget.calls_per_month if the organisation has more, or sweep and follow up less often"
		}
	}
	c.report.add(f)
}

// checkPushes looks when DingTalk last pushed something to a running bot: no API tells
// whether the bot's receiving mode is Stream, whether the app is published, and which
// events are switched on.
func (c *checker) checkPushes(ctx context.Context) {
	commands := Finding{
		ID: "commands", Status: Unknown, Detail: "not known: no command has ever come. Only a message to the bot tells whether its receiving mode is Stream and the app is published",
		Remedy: "run the bot and say @whoread help in a group", Console: &Place{
			consoleBot.English + "; " + consoleVersions.English, consoleBot.Chinese + "；" + consoleVersions.Chinese,
		},
	}
	events := Finding{
		ID: "events", Status: Unknown, Detail: "not known: no read was ever pushed. Either robot_msg_read is not switched on, or nobody has read since; the bot is right without", Console: consoleEvents,
	}
	if c.records == nil {
		c.report.notChecked("it is recorded in Redis by the bot that runs", commands.ID, events.ID)
		return
	}
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	pushes, err := c.records.Pushes(ctx)
	if err != nil {
		c.report.notChecked(err.Error(), commands.ID, events.ID)
		return
	}
	zone, err := time.LoadLocation(c.config.Reminders.TimeZone)
	if err != nil {
		zone = time.UTC
	}
	at := func(kind string) string { return pushes[kind].In(zone).Format("2006-01-02 15:04") }
	if _, ok := pushes[bot.PushedMessage]; ok {
		commands = Finding{ID: commands.ID, Status: Right, Detail: "the last one came at " + at(bot.PushedMessage)}
	}
	c.report.add(commands)
	var never, others []string
	for _, kind := range bot.EventTypes()[1:] {
		if _, ok := pushes[kind]; ok {
			others = append(others, kind+" "+at(kind))
		} else {
			never = append(never, kind)
		}
	}
	read := bot.EventTypes()[0]
	if _, ok := pushes[read]; ok {
		events = Finding{ID: events.ID, Status: Right, Detail: "the last read was pushed at " + at(read)}
	}
	if len(others) > 0 {
		events.Detail += "; also " + strings.Join(others, ", ")
	}
	if len(never) > 0 && len(never)+len(others) > 0 {
		events.Detail += "; never yet: " + strings.Join(never, ", ")
	}
	c.report.add(events)
}
