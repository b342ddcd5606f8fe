package dingtalktest

import (
	"cmp"
	"encoding/base64"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Limits of the new API.
const (
	maxPageSize     = 200 // readers of groupMessages/query
	defaultPageSize = 50  // chosen here: it is not documented
	membersPage     = 1000
	maxRecallKeys   = 20
	maxDirectUsers  = 20
	maxDingApp      = 200
	maxDingPhone    = 20 // SMS and calls
	maxTokens       = 1000
)

// tokens are the access tokens of the app.
type tokens struct {
	now func() time.Time
	ttl time.Duration

	mu      sync.Mutex
	current string
	expires time.Time
	issued  []string // the last ones, expired or not
}

// issue is the current token, extended, or else a new one.
func (t *tokens) issue() (token string, seconds int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := t.now()
	if t.current == "" || !now.Before(t.expires) {
		t.current = randomHex(16)
		t.issued = keep(t.issued, t.current, maxTokens)
	}
	t.expires = now.Add(t.ttl)
	return t.current, int64(t.ttl / time.Second)
}

func (t *tokens) check(token string) (good, issued bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	good = token != "" && token == t.current && t.now().Before(t.expires)
	return good, slices.Contains(t.issued, token)
}

func (t *tokens) expire() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.current = ""
}

func (s *Server) accessToken(c *call) (any, *apiError) {
	f := fieldsOf(c)
	key, secret := f.text("appKey"), f.text("appSecret")
	if err := f.end(); err != nil {
		return nil, err
	}
	if key != s.app.ClientID || secret != s.app.ClientSecret {
		return nil, refuse("invalidClientIdOrSecret", "Invalid appKey or appSecret")
	}
	c.entry.Caller = s.app.ClientID
	token, seconds := s.tokens.issue()
	return struct {
		AccessToken string `json:"accessToken"`
		ExpireIn    int64  `json:"expireIn"`
	}{token, seconds}, nil
}

func errRobotNotExist() *apiError {
	return refuse("invalidParameter.robotCode.notExsit", "The bot does not exist")
}

// checkRobot checks the robotCode of a send or recall.
func (s *Server) checkRobot(c *call, robotCode string) *apiError {
	switch robotCode {
	case "":
		return c.careless(refuse("invalidParameter.robotCode.missing", "robotCode is missing"))
	case s.app.RobotCode:
		return nil
	default:
		return errRobotNotExist()
	}
}

func (s *Server) sendToGroup(c *call) (any, *apiError) {
	f := fieldsOf(c)
	id, robot, coolApp := f.text("openConversationId"), f.text("robotCode"), f.text("coolAppCode")
	key, param := f.text("msgKey"), f.text("msgParam")
	if err := f.end(); err != nil {
		return nil, err
	}
	if err := s.checkRobot(c, robot); err != nil {
		return nil, err
	}
	if id == "" {
		return nil, c.careless(c.invalid("openConversationId is missing"))
	}
	m, err := c.messageOf(key, param)
	if err != nil {
		return nil, err
	}
	w := s.world
	w.mu.Lock()
	defer w.mu.Unlock()
	g, ok := w.groups[id]
	switch {
	case !ok || g.Kind == KindDirect:
		return nil, refuse("invalid.openConversationId", "Invalid openConversationId")
	case g.disbanded:
		return nil, refuse("group.disbanded", "The group was disbanded")
	case !g.botIn:
		return nil, errRobotNotExist()
	case !g.botOn:
		return nil, refuse("bot.stopped", "The group bot has been disabled")
	case g.Kind == KindCoolApp && (coolApp != g.CoolAppCode || !g.coolApp):
		return nil, refuse("invalidParameter.robotCode.coolApp", "The cool app code does not match the bot")
	}
	if m.Type == "sampleFile" && s.faults.take(c.route.api, ofFiles) != nil {
		return nil, refuse("resource.not.found", "robot 不存在")
	}
	m.Via, m.ProcessQueryKey = ViaSend, randomBase64(32)
	return map[string]any{"processQueryKey": w.appendLocked(g, m).ProcessQueryKey}, nil
}

func (s *Server) queryReaders(c *call) (any, *apiError) {
	f := fieldsOf(c)
	id, robot, key := f.text("openConversationId"), f.text("robotCode"), f.text("processQueryKey")
	size, sized := f.integer("maxResults")
	cursor := f.text("nextToken")
	if err := f.end(); err != nil {
		return nil, err
	}
	switch {
	case robot == "":
		return nil, c.careless(refuse("invalidParameter.robotCode.missing", "robotCode is missing"))
	case key == "":
		return nil, c.careless(refuse("invalidParameter.processQueryKey.missing", "processQueryKey is missing"))
	case id == "":
		return nil, c.careless(refuse("openConversationId.notExisted", "openConversationId and token cannot both be empty"))
	case !sized:
		size = defaultPageSize
	case size < 1 || size > maxPageSize:
		return nil, c.careless(refuse("invalidParameter.pageSize.invalid", "Invalid maxResults"))
	}
	offset, ok := parseCursor(key, cursor)
	if !ok {
		return nil, c.careless(refuse("invalidParameter.cursor.invalid", "Invalid nextToken"))
	}
	if robot != s.app.RobotCode {
		return nil, refuse("invalidParameter.robotCode.invalid", "Invalid robotCode")
	}
	w := s.world
	w.mu.Lock()
	defer w.mu.Unlock()
	g, ok := w.groups[id]
	if !ok || g.Kind == KindDirect || g.disbanded {
		return nil, refuse("invalid.openConversationId", "Invalid openConversationId")
	}
	if !g.botIn {
		return nil, errRobotNotExist()
	}
	if !g.botOn {
		return nil, refuse("bot.stopped", "The group bot has been disabled")
	}
	m, ok := w.byKey[key]
	if ok && m.GroupID == id && !w.toldLocked(m.Message) {
		return nil, refuse("invalid.processQueryKey", "Invalid processQueryKey")
	}
	if !ok || m.GroupID != id {
		return nil, c.careless(refuse("invalid.processQueryKey", "Invalid processQueryKey"))
	}
	if age := s.now().Sub(m.At); age < s.keyDelay || age >= s.keyTTL {
		return nil, refuse("processQueryKey.expireTime", "processQueryKey has not generated message query data yet or has expired")
	}
	answer := queryAnswer{SendStatus: m.Status, ReadUserIDs: []string{}}
	if f := s.faults.take(c.route.api, inAnswer); f != nil {
		answer.spoil(f)
		return answer, nil
	}
	page, next, more := c.page(key, cursor, offset, int(size), len(m.readUserIDs))
	answer.ReadUserIDs = append(answer.ReadUserIDs, m.readUserIDs[page[0]:page[1]]...)
	answer.NextToken, answer.HasMore = next, more
	return answer, nil
}

// queryAnswer is what groupMessages/query says. A code beside the status is a fault's.
type queryAnswer struct {
	SendStatus  SendStatus `json:"sendStatus"`
	ReadUserIDs []string   `json:"readUserIds"`
	NextToken   string     `json:"nextToken"`
	HasMore     bool       `json:"hasMore"`
	Code        string     `json:"code,omitempty"`
	Message     string     `json:"message,omitempty"`
}

// spoil makes the answer one that says nothing for certain.
func (a *queryAnswer) spoil(f *Fault) {
	if f.Kind == UnknownStatus {
		a.SendStatus = SendStatus(cmp.Or(f.Code, "UNKNOWN"))
		return
	}
	a.SendStatus, a.Code, a.Message = StatusSuccess, cmp.Or(f.Code, "system.error"), f.Message
}

// newCursor leads to an offset of the list that subject names. No two are the same.
func newCursor(subject string, offset int) string {
	return base64.StdEncoding.EncodeToString(fmt.Appendf(nil, "%d|%s|%s", offset, randomHex(4), subject))
}

// parseCursor is the offset of a cursor that newCursor made for the subject.
func parseCursor(subject, cursor string) (offset int, ok bool) {
	if cursor == "" {
		return 0, true
	}
	raw, err := base64.StdEncoding.DecodeString(cursor)
	if err != nil {
		return 0, false
	}
	parts := strings.SplitN(string(raw), "|", 3)
	if len(parts) != 3 || parts[2] != subject {
		return 0, false
	}
	offset, err = strconv.Atoi(parts[0])
	return offset, err == nil && offset >= 0
}

// page is the part of a list of n that is answered, the next cursor, and whether there is more.
func (c *call) page(subject, cursor string, offset, size, n int) (part [2]int, next string, more bool) {
	offset = min(offset, n)
	fault := c.s.faults.take(c.route.api, whilePaging)
	if fault != nil && (fault.Kind == ShortPages || fault.Kind == LostMore) {
		size = min(size, max(fault.Size, 1))
	}
	end := min(offset+size, n)
	if end < n {
		next, more = newCursor(subject, end), true
	}
	if fault != nil {
		switch fault.Kind {
		case EmptyPage:
			return [2]int{offset, offset}, newCursor(subject, offset), true
		case RepeatedCursor:
			if cursor == "" {
				cursor = newCursor(subject, offset)
			}
			return [2]int{offset, end}, cursor, true
		case EndlessCursor:
			return [2]int{offset, end}, newCursor(subject, end), true
		case LostMore:
			return [2]int{offset, end}, newCursor(subject, end), false
		}
	}
	return [2]int{offset, end}, next, more
}

func (s *Server) queryMembers(c *call) (any, *apiError) {
	f := fieldsOf(c)
	id, coolApp, cursor := f.text("openConversationId"), f.text("coolAppCode"), f.text("nextToken")
	size, sized := f.integer("maxResults")
	if err := f.end(); err != nil {
		return nil, err
	}
	if id == "" {
		return nil, c.careless(c.invalid("openConversationId is missing"))
	}
	if !sized || size < 1 {
		return nil, c.careless(c.invalid("maxResults is missing"))
	}
	offset, ok := parseCursor(id, cursor)
	if !ok {
		return nil, c.careless(c.invalid("nextToken"))
	}
	w := s.world
	w.mu.Lock()
	defer w.mu.Unlock()
	g, ok := w.groups[id]
	if !ok || g.Kind == KindDirect {
		return nil, refuse("cidEncryptError", "Invalid openConversationId")
	}
	if err := memberAccess(g, coolApp); err != nil {
		return nil, err
	}
	part, next, more := c.page(id, cursor, offset, membersPage, len(g.members.ids))
	out := struct {
		Success        bool              `json:"success"`
		MemberUserIDs  []string          `json:"memberUserIds"`
		HasMore        bool              `json:"hasMore"`
		NextToken      string            `json:"nextToken"`
		UnionIDList    []string          `json:"unionIdList"`
		StaffIDNickMap map[string]string `json:"staffIdNickMap"`
		UnionIDNickMap map[string]string `json:"unionIdNickMap"`
	}{true, []string{}, more, next, []string{}, map[string]string{}, map[string]string{}}
	for _, p := range w.named(g.members.ids[part[0]:part[1]]) {
		ids, nicks, id := &out.MemberUserIDs, out.StaffIDNickMap, p.UserID
		if p.Outside {
			ids, nicks, id = &out.UnionIDList, out.UnionIDNickMap, p.UnionID
		}
		*ids = append(*ids, id)
		if !g.NoNicks {
			nicks[id] = p.Name
		}
	}
	return out, nil
}

// memberAccess says whether the member API answers for the group.
func memberAccess(g *conversation, coolApp string) *apiError {
	switch {
	case g.disbanded:
		return refuse("permession.checkFailed", "Permission check failed")
	case !g.botIn:
		return refuse("groupPermissionDenied", "No permission for the group")
	case g.Kind == KindScene:
		return nil
	case g.Kind == KindCoolApp && coolApp == "":
		return refuse("groupTemplatePermissionDenied", "The group was not made from a template of this app")
	case g.Kind == KindCoolApp && coolApp != g.CoolAppCode:
		return refuse("coolAppUnexist", "The cool app does not exist")
	case g.Kind == KindCoolApp && g.coolApp:
		return nil
	case coolApp != "":
		return refuse("coolAppUninstalled", "The cool app is not installed in the group")
	default:
		return refuse("groupTemplatePermissionDenied", "The group was not made from a template of this app")
	}
}

func (s *Server) recallFromGroup(c *call) (any, *apiError) {
	f := fieldsOf(c)
	id, robot, keys := f.text("openConversationId"), f.text("robotCode"), f.texts("processQueryKeys")
	if err := f.end(); err != nil {
		return nil, err
	}
	if err := s.checkRobot(c, robot); err != nil {
		return nil, err
	}
	if id == "" || len(keys) == 0 || len(keys) > maxRecallKeys {
		return nil, c.careless(c.invalid("openConversationId and 1 to 20 processQueryKeys are required"))
	}
	w := s.world
	w.mu.Lock()
	defer w.mu.Unlock()
	g, ok := w.groups[id]
	switch {
	case !ok || g.Kind == KindDirect || g.disbanded:
		return nil, refuse("invalid.openConversationId", "Invalid openConversationId")
	case !g.botIn:
		return nil, errRobotNotExist()
	case !g.botOn:
		return nil, refuse("bot.stopped", "The group bot has been disabled")
	}
	done, failed := []string{}, map[string]string{}
	for _, key := range keys {
		m, ok := w.byKey[key]
		switch {
		case !ok || m.GroupID != id:
			failed[key] = "invalid.processQueryKey"
		case m.Status == StatusRecalled:
			failed[key] = "message.recalled"
		default:
			w.recallLocked(g, m)
			done = append(done, key)
		}
	}
	return map[string]any{"successResult": done, "failedResult": failed}, nil
}

func (s *Server) sendDirect(c *call) (any, *apiError) {
	f := fieldsOf(c)
	robot, userIDs := f.text("robotCode"), f.texts("userIds")
	key, param := f.text("msgKey"), f.text("msgParam")
	if err := f.end(); err != nil {
		return nil, err
	}
	if err := s.checkRobot(c, robot); err != nil {
		return nil, err
	}
	if len(userIDs) == 0 {
		return nil, c.careless(refuse("invalidParameter.userIds.empty", "userIds is missing"))
	}
	if len(userIDs) > maxDirectUsers {
		return nil, c.careless(refuse("invalidParameter.userIds.overMax", "userIds holds more than 20"))
	}
	m, err := c.messageOf(key, param)
	if err != nil {
		return nil, err
	}
	people, unknown := s.world.staff(userIDs)
	m.Via, m.ProcessQueryKey = ViaDirect, randomBase64(32)
	w := s.world
	w.mu.Lock()
	defer w.mu.Unlock()
	controlled := []string{}
	for _, p := range people {
		if _, yes := w.controlled[p.UnionID]; yes {
			controlled = append(controlled, p.UserID)
		} else {
			w.appendLocked(w.directLocked(p), m)
		}
	}
	return map[string]any{
		"processQueryKey": m.ProcessQueryKey, "invalidStaffIdList": append([]string{}, unknown...), "flowControlledStaffIdList": controlled,
	}, nil
}

func (s *Server) sendDing(c *call) (any, *apiError) {
	f := fieldsOf(c)
	robot, userIDs, content := f.text("robotCode"), f.texts("receiverUserIdList"), f.text("content")
	kind, _ := f.integer("remindType")
	f.text("callVoice")
	if err := f.end(); err != nil {
		return nil, err
	}
	if robot == "" || kind < 1 || kind > 3 || len(userIDs) == 0 || content == "" {
		return nil, c.careless(c.invalid("robotCode, remindType 1..3, receiverUserIdList and content are required"))
	}
	if robot != s.app.RobotCode {
		return nil, refuse("invalid.chatbotId", "invalid.chatbotId "+robot)
	}
	most := maxDingPhone
	if kind == 1 {
		most = maxDingApp
	}
	if len(userIDs) > most {
		return nil, c.careless(refuse("ding.receivercount.limit", "ding receiver count limit"))
	}
	people, unknown := s.world.staff(userIDs)
	if len(people) == 0 {
		return nil, refuse("miss.staffId", "miss.staffId "+strings.Join(unknown, ","))
	}
	if !s.limits.ding(kind, len(people)) {
		return nil, refuse("ding.serverquota.insufficient", "ding server quota insufficient")
	}
	answer := map[string]any{"openDingId": s.world.addDing(int(kind), people, content).ID}
	if len(unknown) > 0 {
		answer["failedList"] = map[string][]string{"miss.staffId": unknown}
	}
	return answer, nil
}
