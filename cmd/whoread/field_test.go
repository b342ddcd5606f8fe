package main

import (
	"bytes"
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"whoread/receipts/dingtalk/dingtalktest"
	"whoread/store/storetest"
)

// These tests are what clients and DingTalk really send, by name, said to the real program. That which shape comes does not matter is
// what all the other tests show: they run on shapes chosen at random.

// shapesOf are the names of the shapes of a kind that can be chosen at random, and of those that can't.
func shapesOf(kind dingtalktest.ShapeKind) (usual, byName []string) {
	for _, s := range dingtalktest.Shapes() {
		switch {
		case s.Kind != kind:
		case s.ByName:
			byName = append(byName, s.Name)
		default:
			usual = append(usual, s.Name)
		}
	}
	return usual, byName
}

// team makes a group of the administrator and of new people: a group may hear at most twenty answers a minute.
func (w *world) team(names ...string) (*dingtalktest.Group, []dingtalktest.Person) {
	people := []dingtalktest.Person{w.admin}
	for _, name := range names {
		people = append(people, w.AddPerson(dingtalktest.Person{Name: name}))
	}
	return w.AddGroup(dingtalktest.GroupOptions{}, people...), people
}

// said is all that the bot says in the group until it has answered a question behind what is said.
func (w *world) said(g *dingtalktest.Group, p dingtalktest.Person, say dingtalktest.Say) []dingtalktest.Message {
	w.t.Helper()
	before := ids(g)
	w.ask(g, p, say)
	return since(g, before)
}

// sends is the administrator saying what is answered by a post of the bot's, and that post.
func (w *world) sends(g *dingtalktest.Group, text string) dingtalktest.Message {
	w.t.Helper()
	before := len(posted(g))
	_, err := g.Say(w.admin, saying(text))
	w.must(err)
	w.must(w.Await(within(w.t), func() bool { return len(posted(g)) > before }))
	return posted(g)[before]
}

// shows is the administrator asking for a picture, and that post, once it is recorded.
func (w *world) shows(g *dingtalktest.Group, text string) dingtalktest.Message {
	w.t.Helper()
	before := ids(g)
	m := w.sends(g, text)
	w.reply(g, before)
	return m
}

// mentioned are the names of who is notified by one of the messages.
func mentioned(all []dingtalktest.Message) string {
	var names []string
	for _, m := range all {
		for _, p := range m.Mentioned {
			names = append(names, p.Name)
		}
	}
	slices.Sort(names)
	return strings.Join(names, " ")
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// Whatever way a mention comes, and wherever it stands, what stands beside it is the command.
func TestFieldMentions(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, b storetest.Backend) {
		w := newWorld(t, b, dingtalktest.Options{})
		w.start(w.config("reminders: {cooldown: 0s}\nreports: {fresh_for: 0s}"))
		usual, byName := shapesOf(dingtalktest.Said)
		for _, shape := range append(usual, byName...) {
			g, people := w.team("张三", "李四")
			asShape := func(text string, at ...dingtalktest.Person) dingtalktest.Say {
				return dingtalktest.Say{Text: text, At: at, Shape: shape}
			}
			acts := slices.Contains(usual, shape)
			announce := dingtalktest.Say{Text: "公告 停机\n请保存", Shape: dingtalktest.ShapeText}
			if acts {
				announce.Shape = shape
			}
			wantIn(t, w.ask(g, w.admin, announce), "#1")
			if all := posted(g); len(all) != 1 || all[0].Title != "停机" || !strings.HasPrefix(all[0].Text, "停机  \n请保存") || strings.Contains(all[0].Text, "whoread") {
				t.Fatalf("%s: posted %+v", shape, all)
			}
			for _, question := range []string{"谁没读", "谁没读🙏", "谁没读[抱拳]", " 谁没读 #1"} {
				if got := w.ask(g, people[1], asShape(question)); !strings.Contains(got, "#1") || !strings.Contains(got, "停机") || !strings.Contains(got, "李四") {
					t.Errorf("%s: %q is answered %q", shape, question, got)
				}
			}
			if !acts {
				continue
			}

			// Who is mentioned in an announcement is mentioned in what is posted, and the answer tells whom, unless it is where it was.
			answer := w.ask(g, w.admin, asShape("公告 会议改到三点，请 @张三 准备材料", people[1]))
			wantIn(t, answer, "#2", "@")
			if all := posted(g); len(all) == 2 && !strings.Contains(all[1].Text, "请 @张三") {
				wantIn(t, answer, "@张三")
			}
			if all := posted(g); len(all) != 2 || !strings.Contains(all[1].Text, "@张三") || !strings.Contains(all[1].Text, "准备材料") {
				t.Errorf("%s: posted %+v", shape, all)
			}

			// Who is mentioned in a reminder is who is reminded, if they have not read.
			if got := mentioned(w.said(g, w.admin, asShape("提醒 #1 @张三", people[1]))); got != "张三" {
				t.Errorf("%s: %q were reminded, not 张三 alone", shape, got)
			}
			w.must(g.Read(people[1], posted(g)[0].ID))
			if got := mentioned(w.said(g, w.admin, asShape("提醒 #1 @张三", people[1]))); got != "" {
				t.Errorf("%s: %q were reminded, of whom 张三 has read", shape, got)
			}
		}
		for _, shape := range []string{"text, two bots", "richText, two bots"} {
			g, _ := w.team("张三")
			w.ask(g, w.admin, saying("公告 停机"))
			if got := mentioned(w.said(g, w.admin, dingtalktest.Say{Text: "提醒 #1", Shape: shape})); got != "" {
				t.Errorf("%s: %q were reminded, of whom nobody was mentioned", shape, got)
			}
		}
	})
}

// A quoted answer or chart means the announcement that it is about, and is none itself.
func TestFieldQuotes(t *testing.T) {
	t.Parallel()
	usual, byName := shapesOf(dingtalktest.Quoted)
	storetest.Each(t, func(t *testing.T, b storetest.Backend) {
		w := newWorld(t, b, dingtalktest.Options{})
		w.start(w.config("reports: {fresh_for: 0s}"))
		sends := map[string]func(*dingtalktest.Group){
			"announcement": func(*dingtalktest.Group) {},
			"chart":        func(g *dingtalktest.Group) { w.shows(g, "曲线 #1") },
			"answer by API": func(g *dingtalktest.Group) {
				w.Inject(dingtalktest.Fault{API: dingtalktest.APIWebhook, Kind: dingtalktest.Code, Code: "300001"})
				w.sends(g, "谁没读 #1")
				w.ClearFaults()
			},
		}
		for what, send := range sends {
			g, people := w.team("张三", "李四")
			w.ask(g, w.admin, saying("公告 一号楼停电"))
			w.ask(g, w.admin, saying("公告 二号楼停水"))
			quoted := posted(g)[0]
			if send(g); len(posted(g)) == 3 {
				quoted = posted(g)[2]
				w.must(g.ReadAll(quoted.ID, people[1], people[2]))
			} else if what != "announcement" {
				t.Fatalf("%s: posted %+v", what, posted(g))
			}
			for n, shape := range append(usual, byName...) {
				if got := w.ask(g, people[n%3], dingtalktest.Say{Text: "谁没读", Quote: quoted.ID, QuoteShape: shape}); !strings.Contains(got, "#1") || !strings.Contains(got, "一号楼停电") || !strings.Contains(got, "1/3") {
					t.Errorf("%s, %s: %q", what, shape, got)
				}
			}
			// It is not announcement #3, and not the latest.
			list := w.ask(g, people[1], saying("列表"))
			wantIn(t, list, "#1", "#2")
			wantNotIn(t, list, "#3", "2/3", "3/3")
			if got := w.ask(g, people[1], saying("谁没读")); !strings.Contains(got, "#2") || !strings.Contains(got, "二号楼停水") || !strings.Contains(got, "1/3") {
				t.Errorf("%s: the latest is %q", what, got)
			}
		}

		// An answer by webhook has no key: its text tells what it is about.
		withText := slices.DeleteFunc(slices.Clone(usual), func(shape string) bool {
			return slices.Contains([]string{"picture", "file", "type only", "card, no content"}, shape)
		})
		g, people := w.team("张三")
		w.ask(g, w.admin, saying("公告 一号楼停电"))
		w.ask(g, w.admin, saying("公告 二号楼停水"))
		before := ids(g)
		w.ask(g, w.admin, saying("谁没读 #1"))
		answer := since(g, before)[0]
		for _, shape := range withText {
			wantIn(t, w.ask(g, people[1], dingtalktest.Say{Text: "谁没读", Quote: answer.ID, QuoteShape: shape}), "#1", "一号楼停电")
		}
		// Without its text nobody knows, and it is a quotation all the same: never the latest.
		unknown := w.ask(g, people[1], dingtalktest.Say{Text: "谁没读", Quote: answer.ID, QuoteShape: dingtalktest.QuoteNone})
		wantNotIn(t, unknown, "#1", "#2", "停")
	})
}

// Readers of a chart are nobody's, whatever became of the announcement that broke off before it.
func TestFieldQuotesHealNoWrongAnnouncement(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, b storetest.Backend) {
		w := newWorld(t, b, dingtalktest.Options{})
		w.start(w.config("reports: {fresh_for: 0s}"))
		for _, kind := range []dingtalktest.FaultKind{dingtalktest.DropBefore, dingtalktest.DropAfter} {
			for _, shape := range []string{"picture", "file", "card, no content", dingtalktest.QuoteNone} {
				g, people := w.team("张三", "李四")
				w.ask(g, w.admin, saying("公告 一号楼停电"))
				for _, title := range []string{"二号楼停水", "三号楼停气"} {
					w.Inject(dingtalktest.Fault{API: dingtalktest.APISend, Times: 1, Kind: kind})
					wantIn(t, w.ask(g, w.admin, saying("公告 "+title)), "不确定")
				}
				chart := w.shows(g, "曲线 #1")
				w.must(g.ReadAll(chart.ID, people[1], people[2]))
				got := w.ask(g, people[1], dingtalktest.Say{Text: "谁没读", Quote: chart.ID, QuoteShape: shape})
				wantIn(t, got, "#1", "一号楼停电", "1/3")
				list := w.ask(g, people[1], saying("列表"))
				if n := strings.Count(list, "不确定"); n != 2 || !strings.Contains(list, "1/3") {
					t.Errorf("%s %s: the list is %q", kind, shape, list)
				}
			}
		}
	})
}

// sendUnrecorded sends an announcement of which the program has no record, and returns it.
func (w *world) sendUnrecorded(g *dingtalktest.Group, title string) dingtalktest.Message {
	w.t.Helper()
	param, err := json.Marshal(map[string]string{"title": title, "text": title})
	w.must(err)
	body, err := json.Marshal(map[string]string{"openConversationId": g.ID(), "robotCode": w.App().RobotCode, "msgKey": "sampleMarkdown", "msgParam": string(param)})
	w.must(err)
	request, err := http.NewRequestWithContext(within(w.t), http.MethodPost, w.URL()+"/v1.0/robot/groupMessages/send", bytes.NewReader(body))
	w.must(err)
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("x-acs-dingtalk-access-token", w.token())
	response, err := http.DefaultClient.Do(request)
	w.must(err)
	w.must(response.Body.Close())
	all := posted(g)
	return all[len(all)-1]
}

// What somebody digs out and quotes is not what was announced last.
func TestFieldAnOldAnnouncementIsNotTheLatest(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, b storetest.Backend) {
		w := newWorld(t, b, dingtalktest.Options{})
		w.start(w.config(""))
		g, people := w.team("张三")
		old := w.sendUnrecorded(g, "去年的通知")
		w.ask(g, w.admin, saying("公告 一号楼停电"))
		wantIn(t, w.ask(g, people[1], dingtalktest.Say{Text: "谁没读", Quote: old.ID, QuoteShape: dingtalktest.QuoteText}), "去年的通知")
		wantIn(t, w.ask(g, people[1], saying("谁没读")), "#1", "一号楼停电")
		if got := w.said(g, w.admin, saying("提醒")); holding(texts(got), "去年的通知") > 0 || holding(texts(got), "一号楼停电") == 0 {
			t.Errorf("reminded of %q", texts(got))
		}
	})
}

// Events of no group, and reads of what is no announcement, are taken at once and quietly.
func TestFieldEvents(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, b storetest.Backend) {
		w := newWorld(t, b, dingtalktest.Options{Seed: 1, KeepAlive: 20 * time.Millisecond}) // with this seed, foreign events come
		w.Events(true)
		p := w.start(w.config("reports: {fresh_for: 0s}\n" + anyPort))
		at := p.endpoint()
		g, people := w.team("张三", "李四", "王五")
		w.ask(g, w.admin, saying("公告 停机"))
		w.must(g.ReadAll(w.shows(g, "曲线 #1").ID))
		w.ask(g, w.admin, saying("提醒 #1 私信"))
		for _, person := range people[1:] {
			direct := w.Direct(person)
			if len(direct.Messages()) != 1 {
				t.Fatalf("%s got %+v", person.Name, direct.Messages())
			}
			w.must(direct.Read(person, direct.Messages()[0].ID))
		}
		w.must(g.Read(people[1], posted(g)[0].ID))
		w.awaitAcks(dingtalktest.EventRead, 4+3+1)
		wantIn(t, w.ask(g, w.admin, saying("谁没读")), "#1", "2/4", "李四", "王五")

		topics := map[string]int{}
		for _, ack := range w.Acks() {
			topics[ack.Topic+ack.EventType]++
			if ack.Code != http.StatusOK || ack.Attempt > 1 || ack.Type == "EVENT" && !strings.Contains(ack.Data, `"SUCCESS"`) {
				t.Errorf("not taken at once: %+v", ack)
			}
		}
		foreign := 0
		for name, n := range topics {
			if event, ok := strings.CutPrefix(name, "*"); ok && event != dingtalktest.EventRead {
				foreign += n
			}
		}
		if foreign == 0 || topics["CONNECTED"] == 0 || topics["REGISTERED"] == 0 || topics["KEEPALIVE"] == 0 {
			t.Errorf("acknowledged: %v", topics)
		}
		got := at.shows("what was ignored", func(s map[string]float64) bool {
			ignored := 0.0
			for series, n := range s {
				if strings.HasPrefix(series, "whoread_pushes_total") && strings.Contains(series, `outcome="ignored"`) {
					ignored += n
				}
			}
			return ignored >= float64(foreign+3)
		})
		for series, n := range got {
			if strings.HasPrefix(series, "whoread_pushes_total") && (strings.Contains(series, `"dropped"`) || strings.Contains(series, `"refused"`)) && n > 0 {
				t.Errorf("%s is %v", series, n)
			}
		}
		for line := range strings.Lines(p.log.String()) {
			if strings.Contains(line, `"level":"warn"`) || strings.Contains(line, `"level":"error"`) {
				t.Errorf("logged: %s", line)
			}
		}
	})
}

// A page of DingTalk's front fails the call that got it, and no other; a file that is refused does not mean that the bot is gone.
func TestFieldHTTP(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, b storetest.Backend) {
		w := newWorld(t, b, dingtalktest.Options{})
		w.start(w.config("reports: {fresh_for: 0s}"))
		for _, status := range []int{400, 401, 405, 414, 429} {
			g, people := w.team("张三", "李四")
			w.ask(g, w.admin, saying("公告 停机"))
			w.must(g.Read(people[1], posted(g)[0].ID))
			w.Inject(dingtalktest.Fault{API: dingtalktest.APIQuery, Kind: dingtalktest.HTMLPage, Status: status, Times: 10})
			failed := w.ask(g, people[1], saying("谁没读"))
			wantNotIn(t, failed, "2/3", "李四") // nobody is called unread where nobody was asked
			w.ClearFaults()
			wantIn(t, w.ask(g, people[1], saying("谁没读")), "2/3", "李四")
		}
		g, _ := w.team("张三")
		w.ask(g, w.admin, saying("公告 停机"))
		w.Inject(dingtalktest.Fault{API: dingtalktest.APISend, Kind: dingtalktest.NoFiles})
		wantIn(t, w.ask(g, w.admin, saying("导出 #1")), "已私信给你：#1 的名单。") // that goes into no group
		if files := w.Direct(w.admin).Messages(); len(files) != 1 || files[0].Type != "sampleFile" {
			t.Errorf("sent %+v", files)
		}
	})
}

// The gateway's own page is DingTalk's trouble, and is told as such.
func TestFieldGatewayPage(t *testing.T) {
	t.Parallel()
	w := newWorld(t, storetest.Mini(t), dingtalktest.Options{})
	w.Inject(dingtalktest.Fault{API: dingtalktest.APIGateway, Kind: dingtalktest.HTMLPage, Status: 503, Times: 1})
	p := w.start(w.config(""))
	w.must(w.Await(within(t), func() bool { return strings.Contains(p.log.String(), "503") })) // the other connection may be faster
	wantNotIn(t, p.log.String(), "is there a proxy")
}

// A connection that answers WebSocket pings and on which nothing arrives is replaced; a KEEPALIVE now and then is enough to stay.
func TestFieldSilentConnections(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, b storetest.Backend) {
		const silence = 2 * time.Second
		w := newTraveller(t, b, dingtalktest.Options{KeepAlive: silence / 8})
		g, people := w.team("张三")
		w.launchWith(w.config(""), silenceVariable+"="+silence.String())
		w.ask(g, w.admin, saying("公告 停机"))
		before := connectionIDs(w.Connections())
		beats := func() (n int) {
			for _, ack := range w.Acks() {
				if ack.Topic == "KEEPALIVE" && before[ack.Connection] {
					n++
				}
			}
			return n
		}
		w.must(w.Await(within(t), func() bool { return beats() >= 16*len(before) })) // twice as long as the silence
		if now := connectionIDs(w.Connections()); !maps.Equal(now, before) {
			t.Errorf("replaced in spite of KEEPALIVEs: %v, now %v", before, now)
		}

		w.Silence()
		w.must(w.Await(within(t), func() bool {
			return slices.ContainsFunc(w.Connections(), func(c dingtalktest.Connection) bool { return !before[c.ID] })
		}))
		w.DropConnections(slices.Collect(maps.Keys(before))...) // the other one would wait for its turn, half a minute
		wantIn(t, w.ask(g, people[1], saying("谁没读")), "#1", "停机")
	})
}

func connectionIDs(all []dingtalktest.Connection) map[string]bool {
	ids := map[string]bool{}
	for _, c := range all {
		ids[c.ID] = true
	}
	return ids
}
