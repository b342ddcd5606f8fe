package check

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"go.uber.org/zap"

	"whoread/bot/stream"
	"whoread/cmd/internal/app"
	"whoread/receipts"
	"whoread/receipts/dingtalk"
	"whoread/receipts/dingtalk/budget"
	"whoread/receipts/platform"
)

// What is named in calls that must do nothing: DingTalk knows none of it.
const (
	unknownGroup   = "cidWhoreadCheckNoSuchGroup=="
	unknownMessage = "whoread-check-no-such-message"
	unknownUserID  = "whoread-check-no-such-user"
)

// clockSkew is how far DingTalk's clock is ahead of this machine's, as the answer that
// came back fastest shows it.
type clockSkew struct {
	mu    sync.Mutex
	known bool
	ahead time.Duration
	took  time.Duration
}

func (s *clockSkew) observe(call dingtalk.Call) {
	if call.Date.IsZero() {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.known || call.Took < s.took {
		s.known, s.took, s.ahead = true, call.Took, -call.ClockAhead(time.Now())
	}
}

// How far apart the clocks may be. A read is dated by DingTalk and a message by this
// machine: by them the bot knows whether DingTalk has no data yet or no more.
const (
	skewWarning = time.Minute
	skewHarmful = 5 * time.Minute
)

// checkDingTalk looks whether DingTalk lets the app do what the configuration needs.
func (c *checker) checkDingTalk(ctx context.Context) {
	coolApp := func(context.Context, string) string { return c.config.DingTalk.CoolAppCode }
	if c.records != nil {
		coolApp = (&platform.CoolApps{Records: c.records, Configured: c.config.DingTalk.CoolAppCode, Log: receipts.RequestLog(zap.NewNop())}).Code
		c.counter = budget.NewCounter(c.records, time.Now, zap.NewNop())
	}
	var counting sync.Mutex
	client, err := app.NewClient(c.config, app.DefaultEnv(""), zap.NewNop(), coolApp, func(call dingtalk.Call) {
		c.skew.observe(call)
		counting.Lock()
		defer counting.Unlock()
		if call.Counted {
			c.report.CountedCalls++
		}
		if c.counter != nil {
			c.counter.Observe(call)
		}
	}, nil, nil, nil)
	if err != nil {
		c.report.add(Finding{ID: "token", Status: Wrong, Detail: err.Error(), Remedy: "correct dingtalk.api_url and oapi_url"})
	} else {
		c.client = client
		err = c.try(ctx, func(ctx context.Context) error { return client.CheckToken(ctx) })
		if err != nil {
			c.report.add(refusedBy("token", "", err))
		} else {
			c.report.ok("token", "DingTalk accepts the credentials")
		}
	}
	c.checkClock()
	if err != nil {
		c.report.notChecked("it needs the token", "permission-robot", "permission-recall", "permission-groups", "permission-contacts", "permission-upload", "cards", "gateway")
		return
	}
	c.checkRobot(ctx)
	c.checkMembers(ctx)
	c.checkContacts(ctx)
	c.checkUpload(ctx)
	c.checkReminding(ctx)
	c.checkCards(ctx)
	c.checkGateway(ctx)
}

func (c *checker) checkClock() {
	c.skew.mu.Lock()
	defer c.skew.mu.Unlock()
	ahead := c.skew.ahead.Round(time.Second)
	f := Finding{ID: "clock", Status: Right, Detail: fmt.Sprintf("%s from DingTalk's", ahead.Abs())}
	switch {
	case !c.skew.known:
		c.report.notChecked("DingTalk did not answer", "clock")
		return
	case ahead.Abs() >= skewHarmful:
		f.Status = Wrong
	case ahead.Abs() > skewWarning:
		f.Status = Doubtful
	}
	if f.Status != Right {
		how := "behind"
		if ahead < 0 {
			how = "ahead of"
		}
		f.Detail = fmt.Sprintf("this machine's clock is %s %s DingTalk's: the ages of messages, times of reads, deadlines and the month's budget are wrong by that", ahead.Abs(), how)
		f.Remedy = "set the clock by the network: timedatectl set-ntp true, chrony or ntpd"
	}
	c.report.add(f)
}

// try makes a call within its time, unless DingTalk is known to answer nothing.
func (c *checker) try(ctx context.Context, call func(context.Context) error) error {
	if c.blocked != nil {
		return c.blocked
	}
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	err := call(ctx)
	if failure, ok := errors.AsType[*dingtalk.Error](err); ok && isBlocking(failure) {
		c.blocked = failure
	}
	return err
}

// skip says that something is not checked because DingTalk answers nothing any more,
// if so.
func (c *checker) skip(ids ...string) bool {
	if c.blocked == nil {
		return false
	}
	c.report.notChecked("after this refusal the next would be the same: "+string(c.blocked.Kind), ids...)
	return true
}

// groups are the groups of the configuration, in a fixed order; further is how many of
// them are not looked at.
func (c *checker) groups() (all []string, further int) {
	all = slices.Concat(c.config.Access.Groups, slices.Sorted(maps.Keys(c.config.Members.Rosters)), slices.Sorted(maps.Keys(c.config.FollowUp)))
	seen := map[string]bool{"*": true}
	all = slices.DeleteFunc(all, func(group string) bool {
		again := seen[group]
		seen[group] = true
		return again
	})
	if !c.all && len(all) > MaxGroups {
		return all[:MaxGroups], len(all) - MaxGroups
	}
	return all, 0
}

// nameOf is how a group of the configuration is shown.
func (c *checker) nameOf(group string) string {
	if name := c.config.Members.Rosters[group].Name; name != "" {
		return group + " (" + name + ")"
	}
	return group
}

// checkRobot asks who has read a message that there is not, in each group, which shows
// whether the app may ask, and whether the bot is in the group; and has that message
// taken back, once.
func (c *checker) checkRobot(ctx context.Context) {
	groups, further := c.groups()
	asked := groups
	if len(asked) == 0 {
		asked = []string{unknownGroup}
	}
	permission, robot := Finding{Status: Unknown}, Finding{ID: "robot-code", Status: Unknown}
	var each []Finding
	for _, group := range asked {
		err := c.try(ctx, func(ctx context.Context) error {
			_, err := c.client.QueryReaders(ctx, group, unknownMessage, "")
			return err
		})
		if permission.Status != Right { // the first answer that proves it counts, or else the last one
			permission = triedBy("permission-robot", "", err, "qyapi_robot_sendmsg: the app may ask who has read; posting needs the same, and is not tried")
		}
		switch kind := kindOf(err); {
		case kind == dingtalk.WrongRobotCode:
			robot = refusedBy(robot.ID, c.config.DingTalk.RobotCode, err)
		case err == nil, kind == dingtalk.KeyInvalid, kind == dingtalk.KeyNotQueryable:
			robot.Status = Right
			each = append(each, Finding{ID: "group", About: c.nameOf(group), Status: Right, Detail: "the bot is in it"})
		case slices.Contains(proving, kind):
			each = append(each, refusedBy("group", c.nameOf(group), err))
		default:
			each = append(each, triedBy("group", c.nameOf(group), err, ""))
		}
		if permission.Status == Wrong || robot.Status == Wrong || c.blocked != nil {
			break // it would be the same in the other groups
		}
	}
	if permission.Status != Right {
		permission.Detail += " (without the permission qyapi_robot_sendmsg the bot can neither post nor ask who has read)"
	}
	c.report.add(permission)
	if permission.Status != Right {
		if !c.skip("robot-code", "permission-recall", "group") {
			c.report.notChecked("it needs that permission", "robot-code", "permission-recall", "group")
		}
		return
	}
	switch robot.Status {
	case Right:
		robot.Detail = c.config.DingTalk.RobotCode + " is the bot of these groups"
	case Unknown:
		robot.Detail = "not known: only a group of the configuration in which the bot is can tell whether " + c.config.DingTalk.RobotCode + " is its code"
	}
	c.report.add(robot)
	c.checkRecall(ctx, asked[0])
	if len(groups) == 0 {
		c.report.add(Finding{ID: "group", Status: Unknown, Detail: "no group is in the configuration: the bot works in all of them, and none is looked at"})
		return
	}
	for _, f := range each {
		c.report.add(f)
	}
	if further > 0 {
		c.report.add(Finding{ID: "group", Status: Unknown, Detail: fmt.Sprintf("%d more groups are not looked at; --all looks at them", further)})
	}
}

func (c *checker) checkRecall(ctx context.Context, group string) {
	if c.skip("permission-recall") {
		return
	}
	err := c.try(ctx, func(ctx context.Context) error {
		_, err := c.client.RecallGroup(ctx, group, unknownMessage)
		return err
	})
	c.report.add(triedBy("permission-recall", "", err, "qyapi_robot_sendmsg: the app may take messages back"))
}

// onePixel is a picture of one white pixel, a GIF.
var onePixel = []byte("GIF89a\x01\x00\x01\x00\x80\x00\x00\xff\xff\xff\x00\x00\x00,\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x02D\x01\x00;")

// checkUpload uploads a picture of one pixel, which nobody sees and which is not counted:
// charts and exports need it.
func (c *checker) checkUpload(ctx context.Context) {
	if c.skip("permission-upload") {
		return
	}
	err := c.try(ctx, func(ctx context.Context) error {
		_, err := c.client.UploadMedia(ctx, dingtalk.MediaImage, "whoread-check.gif", onePixel)
		return err
	})
	if err != nil {
		f := refusedBy("permission-upload", "", err)
		f.Detail += " (chart and export need it)"
		c.report.add(f)
		return
	}
	c.report.ok("permission-upload", "pictures and files can be uploaded, for chart and export")
}

// checkReminding looks whether the app may write to people in private and send DINGs, if
// the configuration has it do so.
func (c *checker) checkReminding(ctx context.Context) {
	channels := []receipts.Channel{c.config.Reminders.By}
	direct := c.config.Reports.To == "direct"
	for _, followUp := range c.config.FollowUp {
		channels = append(channels, followUp.By...)
		direct = direct || len(followUp.Tell) > 0
	}
	if direct || slices.Contains(channels, receipts.InPrivate) {
		c.checkTrial(ctx, "permission-direct", "qyapi_robot_sendmsg: the app may write to people in private", c.client.TryDirect)
	}
	if slices.Contains(channels, receipts.Ding) {
		c.checkTrial(ctx, "permission-ding", "Premium.Ding.Write: the app may send DINGs; whether any are left, only a real one would tell", c.client.TryDing)
	}
}

func (c *checker) checkTrial(ctx context.Context, id, granted string, trial func(context.Context) error) {
	if c.skip(id) {
		return
	}
	switch err := c.try(ctx, trial); {
	case err == nil:
		c.report.ok(id, "%s", granted)
	case errors.Is(err, dingtalk.ErrNotTold):
		c.report.notChecked("only a real message would tell: "+err.Error(), id)
	default:
		c.report.add(refusedBy(id, "", err))
	}
}

// checkCards looks whether announcements can be live cards, by one for a group that there is
// not. Without the permission, or the template, the bot works all the same.
func (c *checker) checkCards(ctx context.Context) {
	const id = "cards"
	if c.skip(id) {
		return
	}
	card := dingtalk.Card{OutTrackID: "whoread-check-" + rand.Text(), TemplateID: dingtalk.PublicCardTemplate, Data: map[string]string{}}
	err := c.try(ctx, func(ctx context.Context) error { return c.client.TryCard(ctx, unknownGroup, card) })
	switch kind := kindOf(err); {
	case err == nil:
		c.report.ok(id, "Card.Instance.Write: the app may send cards, and their template can be used")
	case errors.Is(err, dingtalk.ErrNotTold) && slices.Contains(proving, kind):
		c.report.add(Finding{ID: id, Status: Unknown, Detail: "Card.Instance.Write: the app may send cards; whether their template can be used, only a real one would tell"})
	case errors.Is(err, dingtalk.ErrNotTold):
		c.report.notChecked("only a real card would tell: "+err.Error(), id)
	case kind == dingtalk.PermissionDenied:
		c.report.add(Finding{
			ID: id, Status: Doubtful, Detail: "announcements are plain messages and no live cards: " + err.Error(),
			Remedy: "apply for the permission Card.Instance.Write if they are to show by themselves who has read them", Console: consolePermissions,
		})
	case kind == dingtalk.CardTemplate:
		c.report.add(Finding{
			ID: id, Status: Doubtful, Detail: "announcements are plain messages and no live cards: " + err.Error(),
			Remedy: "build a template of your own in DingTalk's card builder and publish it, if they are to show by themselves who has read them",
		})
	default:
		c.report.add(refusedBy(id, "", err))
	}
}

// unusedTopic is subscribed by the check instead of the bot's own topics, so that no
// command and no press of a card's button is pushed to it. It is that of plug-ins, of which
// whoread is none.
const unusedTopic = "/v1.0/graph/api/invoke"

func (c *checker) checkGateway(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	err := stream.CheckGateway(ctx, stream.Config{
		ClientID: c.config.DingTalk.ClientID, ClientSecret: string(c.config.DingTalk.ClientSecret), APIURL: c.config.DingTalk.APIURL,
		Topics: []string{unusedTopic},
	})
	if err != nil {
		c.report.add(refusedByGateway(err))
		return
	}
	c.report.ok("gateway", "a Stream connection opens")
}

func refusedByGateway(err error) Finding {
	f := Finding{
		ID: "gateway", Status: Wrong, Detail: err.Error(),
		Remedy: "set the bot's message receiving mode to Stream and publish the app; WebSockets (wss) must be allowed out of this network", Console: consoleBot,
	}
	if page, ok := errors.AsType[*stream.PageError](err); ok {
		f.Remedy, f.Console = remedies[dingtalk.BadAnswer].what, nil
		if page.Passing() {
			f.Status, f.Remedy = Failed, checkAgain
		}
		return f
	}
	refused, ok := errors.AsType[*stream.GatewayError](err)
	if !ok {
		return f
	}
	switch kind := dingtalk.KindOfCode(refused.Code); {
	case refused.Status >= 500, kind == dingtalk.Throttled, kind == dingtalk.ThrottledMinute, kind == dingtalk.Unavailable:
		f.Status, f.Remedy, f.Console = Failed, checkAgain, nil
	default:
		if remedy, ok := remedies[kind]; ok {
			f.Remedy, f.Console = remedy.what, remedy.where
		}
	}
	return f
}
