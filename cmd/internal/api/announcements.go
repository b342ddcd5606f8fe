package api

import (
	"cmp"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"whoread/receipts"
)

const (
	// sentWithin is how long a program waits for its announcement to be sent.
	sentWithin = 10 * time.Second
	titleMax   = 200 // characters
	listMax    = 100
	listUsual  = 20
)

// announceRequest is the body of POST /v1/announcements.
type announceRequest struct {
	Group    string          `json:"group"`
	Title    string          `json:"title"`
	Text     string          `json:"text"`
	Deadline *time.Time      `json:"deadline"`
	At       *time.Time      `json:"at"`
	Confirm  bool            `json:"confirm"`
	FollowUp *followUpWanted `json:"follow_up"`
}

// followUpWanted is how often an announcement is followed up.
type followUpWanted struct {
	Every string `json:"every"`
}

// wrongFields are what is wrong with the fields of a request.
type wrongFields []Field

func (w *wrongFields) add(name, format string, args ...any) {
	*w = append(*w, Field{name, fmt.Sprintf(format, args...)})
}

// problem returns nil if nothing is wrong.
func (w wrongFields) problem() error {
	if len(w) == 0 {
		return nil
	}
	p := refuse(http.StatusUnprocessableEntity, "bad_fields", w[0].Name+": "+w[0].Detail)
	p.Fields = w
	return p
}

// every reads the interval between two rounds of a follow-up.
func (w *wrongFields) every(name, text string) time.Duration {
	every, err := time.ParseDuration(text)
	if err != nil || every < receipts.EveryMin || every > receipts.EveryMax {
		w.add(name, "is no duration from 5m to 168h, such as 30m")
	}
	return every
}

// deadline reads a deadline of what is posted at that time.
func (w *wrongFields) deadline(name string, given *time.Time, posted time.Time) time.Time {
	if given == nil {
		return time.Time{}
	}
	if !given.After(posted) || given.After(posted.Add(receipts.AheadMax)) {
		w.add(name, "is not within 30 days after the announcement")
	}
	return *given
}

// announcement is what the request wants posted.
func (r announceRequest) announcement(now time.Time) (receipts.Announcement, error) {
	var wrong wrongFields
	a := receipts.Announcement{Title: strings.TrimSpace(r.Title), Text: strings.TrimSpace(r.Text), Confirm: r.Confirm}
	switch {
	case a.Title == "":
		wrong.add("title", "is missing")
	case strings.ContainsAny(a.Title, "\r\n"):
		wrong.add("title", "has more than one line")
	case utf8.RuneCountInString(a.Title) > titleMax:
		wrong.add("title", "has more than %d characters", titleMax)
	}
	a.Text = cmp.Or(a.Text, a.Title)
	posted := now
	if r.At != nil {
		a.At, posted = *r.At, *r.At
		if !posted.After(now) || posted.After(now.Add(receipts.LaterMax)) {
			wrong.add("at", "is not within the next 90 days")
		}
	}
	a.Deadline = wrong.deadline("deadline", r.Deadline, posted)
	if r.FollowUp != nil {
		a.Every = wrong.every("follow_up.every", r.FollowUp.Every)
	}
	return a, wrong.problem()
}

// announce posts an announcement, or has it posted at its time.
func (c *call) announce() (int, any, error) {
	var r announceRequest
	if err := c.read(&r, false); err != nil {
		return 0, nil, err
	}
	if r.Group == "" {
		return 0, nil, wrongFields{{"group", "is missing"}}.problem()
	}
	group, err := c.within(r.Group, receipts.RightAnnounce)
	if err != nil {
		return 0, nil, err
	}
	r.Group = group // however it was called
	a, wrong := r.announcement(c.Now())
	if wrong != nil {
		// What was right then is too late when it is repeated.
		if taken, err := c.keyTaken(); err != nil || !taken {
			return 0, nil, errors.Join(wrong, err)
		}
	}
	a.Group = group
	if a.Command, err = c.command("announce", r); err != nil {
		return 0, nil, err
	}
	m, err := c.service.Submit(c.ctx, c.by(), a)
	if err != nil {
		return 0, nil, err
	}
	if m, err = c.sent(m); err != nil {
		return 0, nil, err
	}
	switch answer := c.announcementOf(m); {
	case m.State == receipts.Failed, m.State == receipts.Uncertain:
		p := problemOf(&receipts.Failure{Reason: m.Reason, Uncertain: m.State == receipts.Uncertain})
		p.Number = m.Number
		return 0, nil, p
	case c.isSending(m):
		return http.StatusAccepted, answer, nil
	default:
		return http.StatusCreated, answer, nil
	}
}

// sent waits for a message to be sent, if it is to be sent now.
func (c *call) sent(m receipts.Message) (receipts.Message, error) {
	waits := time.NewTimer(sentWithin)
	defer waits.Stop()
	for pause := 10 * time.Millisecond; c.isSending(m); pause = min(2*pause, 500*time.Millisecond) {
		select {
		case <-waits.C:
			return m, nil
		case <-c.Context().Done(): // nobody waits any more
			return m, nil
		case <-time.After(pause):
		}
		var err error
		if m, err = c.service.Submitted(c.ctx, c.by(), m.Group, m.Number); err != nil {
			return m, err
		}
	}
	return m, nil
}

// isSending reports whether a message is on its way.
func (c *call) isSending(m receipts.Message) bool {
	return m.State == receipts.Sending || m.State == receipts.Scheduled && !m.Due.After(c.Now())
}

// announcement is one as a program sees it.
type announcement struct {
	Group     string     `json:"group"`
	Number    int        `json:"number"`
	State     string     `json:"state"`
	Reason    string     `json:"reason,omitempty"`
	Title     string     `json:"title"`
	Author    string     `json:"author,omitempty"`
	CreatedAt time.Time  `json:"created_at"`
	DueAt     *time.Time `json:"due_at,omitempty"`
	SentAt    *time.Time `json:"sent_at,omitempty"`
}

func (c *call) announcementOf(m receipts.Message) announcement {
	a := announcement{
		Group: m.Group, Number: m.Number, State: string(m.State), Reason: string(m.Reason), Title: m.Title,
		Author: cmp.Or(m.Author.Name, m.Author.UserID), CreatedAt: m.CreatedAt.UTC(), SentAt: given(m.SentAt),
	}
	switch {
	case c.isSending(m):
		a.State = string(receipts.Sending)
	case m.State == receipts.Scheduled:
		a.DueAt = given(m.Due)
	}
	return a
}

// given is a time; nil if it is zero.
func given(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}

// group is one that a token may use.
type group struct {
	ID    string `json:"id"`
	Name  string `json:"name,omitempty"`
	Title string `json:"title,omitempty"`
}

// mayUse reports whether the token is for a group.
func (t Token) mayUse(id string) bool {
	return slices.Contains(t.Groups, All) || slices.Contains(t.Groups, id)
}

// groups are those of a token.
type groups struct {
	Groups []group `json:"groups"`
}

// groups lists the groups that have a name, or that the token names, and that it may use.
func (c *call) groups() (int, any, error) {
	if !slices.Contains(c.token.May, receipts.RightReport) {
		return 0, nil, &receipts.ForbiddenError{Rule: receipts.Nobody}
	}
	all, named := []group{}, map[string]bool{}
	add := func(name, id string) {
		if c.token.mayUse(id) && c.service.Permit(c.by(), id, receipts.RightReport) == nil {
			all = append(all, group{id, name, c.service.Title(c.ctx, id)})
		}
	}
	for _, name := range slices.Sorted(maps.Keys(c.grants.Groups)) {
		id := c.grants.Groups[name]
		named[id] = true
		add(name, id)
	}
	for _, id := range c.token.Groups {
		if id != All && !named[id] {
			add("", id)
		}
	}
	return http.StatusOK, groups{all}, nil
}

// listed is an announcement with how many are known to have read it.
type listed struct {
	announcement
	Read  int `json:"read"`
	Total int `json:"total"`
}

// page is a part of a list.
type page struct {
	Announcements []listed `json:"announcements"`
	Before        int      `json:"next_before,omitempty"` // of the next page
}

// list lists the announcements of a group, the newest first.
func (c *call) list() (int, any, error) {
	group, err := c.within(c.PathValue("group"), receipts.RightReport)
	if err != nil {
		return 0, nil, err
	}
	var wrong wrongFields
	limit := c.parameter(&wrong, "limit", listUsual, listMax)
	before := c.parameter(&wrong, "before", 0, 1<<31-1)
	if err := wrong.problem(); err != nil {
		return 0, nil, err
	}
	reports, err := c.service.Page(c.ctx, c.by(), group, before, limit)
	if err != nil {
		return 0, nil, err
	}
	shown := page{Announcements: []listed{}}
	for _, r := range reports {
		shown.Announcements = append(shown.Announcements, listed{c.announcementOf(r.Message), len(r.Read), r.Total})
		shown.Before = r.Message.Number
	}
	if shown.Before == 1 {
		shown.Before = 0
	}
	return http.StatusOK, shown, nil
}

// parameter reads a number of the query.
func (c *call) parameter(wrong *wrongFields, name string, usual, most int) int {
	if !c.URL.Query().Has(name) {
		return usual
	}
	n, err := strconv.Atoi(c.URL.Query().Get(name))
	if err != nil || n < 1 || n > most {
		wrong.add(name, "is no number from 1 to %d", most)
	}
	return n
}

// one returns the group and the number of a path.
func (c *call) one(right receipts.Right) (string, int, error) {
	group, err := c.within(c.PathValue("group"), right)
	if err != nil {
		return "", 0, err
	}
	number, err := strconv.Atoi(c.PathValue("number"))
	if err != nil || number < 1 {
		return "", 0, receipts.ErrNoMessage
	}
	return group, number, nil
}

// person is somebody of a group.
type person struct {
	UserID string     `json:"user_id"`
	Name   string     `json:"name,omitempty"`
	At     *time.Time `json:"at,omitempty"`
	// Exact tells that At is when they read it, and not only when that became known.
	Exact bool `json:"exact,omitempty"`
}

// gap is a part of a report that is missing.
type gap struct {
	Part string `json:"part"`
	Code string `json:"code"`
}

// report is a report as a program sees it.
type report struct {
	announcement
	Complete bool     `json:"complete"`
	Gaps     []gap    `json:"gaps"`
	Total    int      `json:"total"`
	Read     []person `json:"read"`
	// Confirmed are those who confirmed it, if it asks for that.
	Confirmed []person   `json:"confirmed"`
	Unread    []person   `json:"unread"`
	Left      int        `json:"left"`
	Joined    int        `json:"joined"`
	AsOf      *time.Time `json:"as_of,omitempty"`
}

// report tells who has read an announcement.
func (c *call) report() (int, any, error) {
	group, number, err := c.one(receipts.RightReport)
	if err != nil {
		return 0, nil, err
	}
	var r receipts.Report
	switch c.URL.Query().Get("fresh") {
	case "", "false":
		r, err = c.service.Known(c.ctx, c.by(), group, number)
	case "true":
		r, err = c.service.Report(c.ctx, c.by(), group, receipts.Ref{Number: number})
	default:
		err = wrongFields{{"fresh", "is neither true nor false"}}.problem()
	}
	if err != nil {
		return 0, nil, err
	}
	ids := slices.Clone(r.Unread)
	for _, receipt := range slices.Concat(r.Read, r.Confirmed) {
		ids = append(ids, receipt.UserID)
	}
	names, err := c.Records.Names(c.ctx, group, ids)
	if err != nil {
		return 0, nil, err
	}
	shown := report{
		announcement: c.announcementOf(r.Message), Complete: r.Complete(), Gaps: []gap{}, Total: r.Total, Left: r.Left, Joined: r.Joined,
		Read: receiptsOf(r.Read, names), Confirmed: receiptsOf(r.Confirmed, names), Unread: people(r.Unread, names), AsOf: given(r.AsOf),
	}
	for _, g := range r.Gaps {
		shown.Gaps = append(shown.Gaps, gap{string(g.Part), gapCode(g.Err)})
	}
	return http.StatusOK, shown, nil
}

func receiptsOf(all []receipts.Receipt, names receipts.Names) []person {
	shown := make([]person, len(all))
	for i, receipt := range all {
		shown[i] = person{receipt.UserID, names[receipt.UserID], given(receipt.At), receipt.Exact}
	}
	return shown
}

func people(userIDs []string, names receipts.Names) []person {
	all := make([]person, len(userIDs))
	for i, id := range userIDs {
		all[i] = person{UserID: id, Name: names[id]}
	}
	return all
}

// gapCode is a stable word for why a part of a report is missing.
func gapCode(err error) string {
	for code, known := range map[string]error{
		"not_asked": receipts.ErrLimited, "not_yet": receipts.ErrNotYet, "being_delivered": receipts.ErrDelivering, "over": receipts.ErrOver,
		"budget_spent": receipts.ErrBudgetSpent, "no_read_data": receipts.ErrNoReadData, "group_gone": receipts.ErrGroupGone, "no_member_list": receipts.ErrNoMemberList,
	} {
		if errors.Is(err, known) {
			return code
		}
	}
	return string(cmp.Or(receipts.ReasonOf(err), receipts.Unknown))
}

// recall takes an announcement back, or calls it off if it waits for its time. What is gone is
// gone, whoever says so again.
func (c *call) recall() (int, any, error) {
	group, number, err := c.one(receipts.RightRecall)
	if err != nil {
		return 0, nil, err
	}
	ref := receipts.Ref{Number: number}
	off, err := c.service.Cancel(c.ctx, c.by(), group, ref)
	m := off.Message
	if errors.Is(err, receipts.ErrWrongState) && m.State != receipts.CalledOff {
		m, err = c.service.Recall(c.ctx, c.by(), group, ref)
	}
	if errors.Is(err, receipts.ErrWrongState) && (m.State == receipts.CalledOff || m.State == receipts.Recalled) {
		err = nil
	}
	return http.StatusOK, c.announcementOf(m), err
}

// remindRequest is the body of POST …/remind, which may be empty.
type remindRequest struct {
	By     receipts.Channel `json:"by"`
	People []string         `json:"people"`
}

// channel looks whether it is one.
func (w *wrongFields) channel(by receipts.Channel) {
	if by != "" && !slices.Contains(receipts.Channels(), by) {
		w.add("by", "is not one of mention, direct, ding")
	}
}

// reminded is what came of a reminder. Earlier is when people were reminded so short a time ago
// that nobody was now.
type reminded struct {
	Group     string     `json:"group"`
	Number    int        `json:"number"`
	Complete  bool       `json:"complete"`
	Reached   []person   `json:"reached"`
	Missed    []person   `json:"missed"`
	Uncertain []person   `json:"uncertain"`
	Failed    []person   `json:"failed"`
	Earlier   *time.Time `json:"earlier,omitempty"`
}

// remind reminds who has not read an announcement.
func (c *call) remind() (int, any, error) {
	group, number, err := c.one(receipts.RightRemind)
	if err != nil {
		return 0, nil, err
	}
	var r remindRequest
	if err := c.read(&r, true); err != nil {
		return 0, nil, err
	}
	var wrong wrongFields
	wrong.channel(r.By)
	if err := wrong.problem(); err != nil {
		return 0, nil, err
	}
	command, err := c.command("remind", group, number, r)
	if err != nil {
		return 0, nil, err
	}
	done, err := c.service.Remind(c.ctx, c.by(), receipts.RemindRequest{
		Group: group, Ref: receipts.Ref{Number: number}, Command: command, By: r.By, People: r.People,
	})
	if err != nil {
		return 0, nil, err
	}
	var reached []string
	for _, by := range receipts.Channels() {
		reached = append(reached, done.Reached[by]...)
	}
	missed := append(slices.Clone(done.Missed.Unknown), done.Missed.Flooded...)
	names, err := c.Records.Names(c.ctx, group, slices.Concat(reached, missed, done.Uncertain, done.Failed))
	if err != nil {
		return 0, nil, err
	}
	shown := reminded{
		Group: group, Number: number, Complete: done.Report.Complete(),
		Reached: people(reached, names), Missed: people(missed, names), Uncertain: people(done.Uncertain, names), Failed: people(done.Failed, names),
	}
	if done.Earlier != nil {
		shown.Earlier = given(done.Earlier.At)
	}
	return http.StatusOK, shown, nil
}

// followRequest is the body of POST …/follow.
type followRequest struct {
	Every    string           `json:"every"`
	By       receipts.Channel `json:"by"`
	Until    int              `json:"until"` // percent of readers; 0 for all
	Deadline *time.Time       `json:"deadline"`
}

// followed is a follow-up that has begun.
type followed struct {
	Group  string     `json:"group"`
	Number int        `json:"number"`
	Next   *time.Time `json:"next,omitempty"`
	Ended  string     `json:"ended,omitempty"`
}

// follow begins to follow an announcement up.
func (c *call) follow() (int, any, error) {
	group, number, err := c.one(receipts.RightRemind)
	if err != nil {
		return 0, nil, err
	}
	var r followRequest
	if err := c.read(&r, false); err != nil {
		return 0, nil, err
	}
	var wrong wrongFields
	wanted := receipts.FollowRequest{
		Group: group, Ref: receipts.Ref{Number: number}, By: r.By, Share: r.Until,
		Every: wrong.every("every", r.Every), Until: wrong.deadline("deadline", r.Deadline, c.Now()),
	}
	wrong.channel(r.By)
	if r.Until < 0 || r.Until > 100 {
		wrong.add("until", "is no percentage from 1 to 100")
	}
	if err := wrong.problem(); err != nil {
		return 0, nil, err
	}
	if wanted.Command, err = c.command("follow", group, number, r); err != nil {
		return 0, nil, err
	}
	m, f, err := c.service.Follow(c.ctx, c.by(), wanted)
	if err != nil {
		return 0, nil, err
	}
	shown := followed{Group: group, Number: m.Number, Ended: string(f.Ended)}
	if f.Ended == "" {
		shown.Next = given(f.Next)
	}
	return http.StatusOK, shown, nil
}

//go:embed openapi.json
var openAPI []byte

// openAPI describes all this.
func (c *call) openAPI() (int, any, error) { return http.StatusOK, json.RawMessage(openAPI), nil }
