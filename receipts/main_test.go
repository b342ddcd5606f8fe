package receipts_test

import (
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"whoread/receipts"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	group     = "cid6KeBBL****5x7EeiodoA=="
	elsewhere = "cidAnother****roup=="

	// freshReads and freshMembers are how long answers are used again here.
	freshReads   = 10 * time.Second
	freshMembers = time.Minute

	// cooldown is how long nobody is reminded again here.
	cooldown = 5 * time.Minute
)

// morning is when every test begins.
var morning = time.Date(2026, 8, 3, 9, 0, 0, 0, time.FixedZone("Asia/Shanghai", 8*60*60))

// clock shows the time that a test sets.
type clock struct {
	mu   sync.Mutex
	time time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.time
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.time = c.time.Add(d)
}

// world is a bot and everything around it. Its group is a scene group of 张三,
// 李四 and 王五, and nobody has read anything.
type world struct {
	clock   *clock
	records *records
	members *source
	readers *readers
	sender  *sender

	announcer *receipts.Announcer
	reporter  *receipts.Reporter
	recaller  *receipts.Recaller
	recalls   *recalls
	prompter  *receipts.Reminders
	follower  *receipts.FollowUps
}

func newWorld(t failer) *world {
	c := &clock{time: morning}
	return newWorldAt(t, c, c.now)
}

// newWorldAt makes a world that tells the time by now; in a synctest bubble that
// is time.Now.
func newWorldAt(t failer, c *clock, now func() time.Time) *world {
	w := &world{
		clock:   c,
		records: newRecords(t),
		members: &source{is: receipts.SceneGroup, now: now},
		readers: &readers{sent: map[string]string{}},
	}
	w.members.set("zhang", "li", "wang")
	w.sender = &sender{readers: w.readers, now: now}
	w.recalls = &recalls{}
	book := receipts.NewMemberResolver(w.records, freshMembers, now, w.members)
	w.announcer = &receipts.Announcer{Records: w.records, Members: book, Sender: w.sender, Compose: compose, Now: now}
	w.reporter = &receipts.Reporter{
		Records: w.records, Members: book, Readers: w.readers, Fresh: freshReads, Now: now,
	}
	w.recaller = &receipts.Recaller{Records: w.records, Source: w.recalls, Readers: w.readers}
	w.prompter = &receipts.Reminders{Records: w.records, Cooldown: cooldown, Now: now}
	w.follower = &receipts.FollowUps{Records: w.records, Now: now}
	return w
}

// moment is a moment where both clocks agree.
func moment(at time.Time) receipts.EventTime { return receipts.EventTime{Reported: at, Local: at} }

// maintenance is the announcement of most tests. Its author is not of the group's members.
var maintenance = receipts.Announcement{
	Group: group, Command: "msgId-1", Title: "周五 22:00 停机维护", Text: "请提前保存工作。",
	Author: receipts.Person{UserID: "chen", Name: "陈晨"},
}

// Its post as a quotation shows it, and how it begins without white space.
const (
	posted    = "周五 22:00 停机维护  \n请提前保存工作。"
	beginning = "周五22:00停机维护请提前保存工作。"
)

// announce sends the announcement, which has to work.
func (w *world) announce(t *testing.T) receipts.Message {
	t.Helper()
	done, err := w.announcer.Announce(t.Context(), maintenance)
	if err != nil || done.Message.State != receipts.Sent {
		t.Fatalf("Announce() = %+v, %v; want a sent message", done, err)
	}
	return done.Message
}

// report asks for the report of message #1, which has to come.
func (w *world) report(t *testing.T) receipts.Report {
	t.Helper()
	r, err := w.reporter.Report(t.Context(), group, 1)
	if err != nil {
		t.Fatalf("Report() failed: %v", err)
	}
	return r
}

// kept is what the records hold of message #1.
func (w *world) kept(t *testing.T) receipts.Snapshot {
	t.Helper()
	kept, err := w.records.Snapshot(t.Context(), group, 1)
	if err != nil {
		t.Fatalf("Snapshot() failed: %v", err)
	}
	return kept
}

// readerIDs are the readers of a report, in its order.
func readerIDs(r receipts.Report) []string {
	var ids []string
	for _, receipt := range r.Read {
		ids = append(ids, receipt.UserID)
	}
	return ids
}

// onlyGap returns the one gap of a report.
func onlyGap(t *testing.T, r receipts.Report) receipts.Gap {
	t.Helper()
	if len(r.Gaps) != 1 {
		t.Fatalf("gaps %v; want exactly one", r.Gaps)
	}
	return r.Gaps[0]
}

// namesNobody checks that an incomplete report calls nobody unread.
func namesNobody(t *testing.T, r receipts.Report) {
	t.Helper()
	if r.Complete() || r.AllRead() {
		t.Error("the report passes for complete")
	}
	if len(r.Unread) != 0 {
		t.Errorf("an incomplete report calls %v unread", r.Unread)
	}
}
