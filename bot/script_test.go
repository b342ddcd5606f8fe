package bot_test

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"whoread/bot/command"
	"whoread/bot/reply"
	"whoread/receipts"
	"whoread/receipts/dingtalk/dingtalktest"
	"whoread/receipts/dingtalk/dingtalktest/script"
)

var update = flag.Bool("update", false, "write what the bot says into the scripts of testdata")

// TestConversations plays the scripts of testdata: what people say is in the demo's language,
// and below it stands what came of it. testdata/README explains both.
func TestConversations(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatal("no scripts", err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			t.Parallel()
			scenes := scenesOf(string(data))
			got := make([]string, len(scenes))
			t.Run("scenes", func(t *testing.T) {
				for i, scene := range scenes {
					title, _, _ := strings.Cut(scene, "\n")
					t.Run(strings.TrimPrefix(title, "== "), func(t *testing.T) {
						t.Parallel()
						got[i] = scene // if it can't be played
						got[i] = played(t, scene)
						if diff := cmp.Diff(scene, got[i]); diff != "" && !*update {
							t.Errorf("the bot says something else (-script +bot); -update writes that:\n%s", diff)
						}
					})
				}
			})
			if *update {
				if err := os.WriteFile(file, []byte(strings.Join(got, "")), 0o644); err != nil {
					t.Error(err)
				}
			}
		})
	}
}

// scenesOf cuts a file ahead of each title. What stands above the first is a scene of comments.
func scenesOf(text string) []string {
	var scenes []string
	for _, line := range strings.SplitAfter(text, "\n") {
		if len(scenes) == 0 || strings.HasPrefix(line, "== ") {
			scenes = append(scenes, "")
		}
		scenes[len(scenes)-1] += line
	}
	return scenes
}

// outcome is a line that says what came of the ones above. Lines that are indented go on
// with it.
var outcome = regexp.MustCompile(`^(zh |en )?(<|<<|=|!|~|DING|\$)( |$)`)

// between is what stands between the Chinese and the English of a line.
const between = " || "

// played returns the scene with what came of it. One in two languages is played twice.
func played(t *testing.T, scene string) string {
	title, rest, _ := strings.Cut(scene, "\n")
	if !strings.HasPrefix(title, "== ") {
		return scene
	}
	var lines []string // without the outcomes, but with empty lines in their places
	told := false
	for line := range strings.SplitSeq(strings.TrimSuffix(rest, "\n"), "\n") {
		told = outcome.MatchString(line) || told && strings.HasPrefix(line, " ")
		if !told {
			lines = append(lines, line)
		}
	}
	var came [2][]string
	languages := 1
	if strings.Contains(rest, between) {
		languages = 2
	}
	for language := range languages {
		var in []string
		for _, line := range lines {
			zh, en, both := strings.Cut(line, between)
			if both && language == 1 {
				speaker, _, _ := strings.Cut(zh, ": ")
				if strings.HasPrefix(en, "@") {
					en = speaker + ": " + en
				}
				line = en
			} else {
				line = zh
			}
			in = append(in, line)
		}
		came[language] = play(t, in)
	}
	var b strings.Builder
	b.WriteString(title + "\n")
	for i, line := range lines {
		b.WriteString(line + "\n")
		switch {
		case languages == 1 || came[0][i] == came[1][i]:
			b.WriteString(came[0][i])
		default:
			b.WriteString(inLanguage("zh ", came[0][i]) + inLanguage("en ", came[1][i]))
		}
	}
	return b.String()
}

func inLanguage(prefix, outcomes string) string {
	var b strings.Builder
	for line := range strings.Lines(outcomes) {
		if outcome.MatchString(line) {
			b.WriteString(prefix)
		}
		b.WriteString(line)
	}
	return b.String()
}

// play plays a scene and returns what came of the step that ends in each line.
func play(t *testing.T, lines []string) []string {
	t.Helper()
	steps, err := script.Parse(strings.NewReader(strings.Join(lines, "\n")), slices.Collect(maps.Keys(words))...)
	if err != nil {
		t.Fatal(err)
	}
	came := make([]string, len(lines))
	s := &stage{t: t, Stage: script.Stage{}}
	for _, step := range steps {
		last := step.Line - 1
		for last+1 < len(lines) && strings.HasPrefix(lines[last+1], " ") {
			last++
		}
		s.step(step)
		if s.world != nil {
			came[last] = s.news()
		}
	}
	return came
}

// stage is where a script is played, in a world that is made when its group is.
type stage struct {
	script.Stage
	t        *testing.T
	setup    setup
	untitled bool // groups have no title
	world    *world
	seen     map[string]bool // messages
	dings    int
	said     []string // lines beside messages
}

func (s *stage) must(step script.Step, err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatalf("line %d: %v", step.Line, err)
	}
}

func (s *stage) step(step script.Step) {
	s.t.Helper()
	switch step.Action {
	case script.Remark:
	case script.Group:
		if s.world == nil {
			s.build()
		}
		if s.untitled {
			step.Title = ""
		}
		s.must(step, s.Do(step, s.setup.group))
		s.world.group = s.Group
	case script.Say:
		said, toBot, err := s.Said(step)
		s.must(step, err)
		said.QuoteFull = true // what a bare quotation means is quotes_test.go's
		speaker := s.Persons(step.People)[0]
		if !toBot {
			m, err := s.Group.Say(speaker, said)
			s.must(step, err)
			s.seen[m.ID] = true
			return
		}
		s.world.carryOut(s.Group, s.world.heard(s.Group, speaker, said))
	case script.Later:
		s.world.pass(step.After)
	case script.Read, script.Join, script.Leave:
		s.must(step, s.Do(step, dingtalktest.GroupOptions{}))
	default:
		s.must(step, words[step.Action](s, step.Text))
	}
}

// build makes the world, whose people are those of every other test.
func (s *stage) build() {
	s.setup.empty = true
	w := newWorld(s.t, s.setup)
	s.world, s.DingTalk, s.seen = w, w.dingtalk, map[string]bool{}
	s.People = map[string]dingtalktest.Person{}
	for _, p := range []dingtalktest.Person{w.lilei, w.hanmeimei, w.zhangsan, w.lisi, w.john} {
		s.People[p.Name] = p
	}
}

// wire changes how the bot is made, or goes on.
func (s *stage) wire(change func(*wiring)) {
	if s.world != nil {
		s.world.reconfigure(change)
		return
	}
	before := s.setup.options
	s.setup.options = func(o *wiring) {
		if before != nil {
			before(o)
		}
		change(o)
	}
}

// words are the actions of tests; testdata/README tells what they do.
var words = map[script.Action]func(s *stage, text string) error{
	"set": func(s *stage, text string) error {
		name, value, _ := strings.Cut(text, " ")
		if set := ofDingTalk[name]; set != nil && s.world == nil {
			return set(s, value)
		}
		set := settings[name]
		if set == nil {
			return fmt.Errorf("no such setting, or it is too late for it: %s", name)
		}
		s.wire(func(o *wiring) {
			if err := set(s, o, value); err != nil {
				s.t.Fatalf("set %s: %v", text, err)
			}
		})
		return nil
	},
	"wait": func(s *stage, text string) error {
		d, err := time.ParseDuration(text)
		s.world.clock.advance(d)
		return err
	},
	"silence": func(s *stage, _ string) error {
		for range 3 {
			s.world.pass(24 * time.Hour)
		}
		if n := len(s.world.inbox.scheduled); n > 0 {
			s.said = append(s.said, fmt.Sprintf("$ %d jobs wait", n))
		}
		return nil
	},
	"calls": func(s *stage, _ string) error {
		of := map[string]int{}
		for name, api := range apis {
			if n := s.DingTalk.CallCount(api); n > 0 && api != dingtalktest.APIWebhook {
				of[name] = n
			}
		}
		line := "$ none"
		for i, name := range slices.Sorted(maps.Keys(of)) {
			if i == 0 {
				line = "$"
			}
			line += fmt.Sprintf(" %s %d", name, of[name])
		}
		s.said = append(s.said, line)
		s.DingTalk.ResetCalls()
		return nil
	},
	"fault": func(s *stage, text string) error {
		fields := strings.Fields(text)
		f := dingtalktest.Fault{API: apis[fields[0]], Message: "secret words of DingTalk's"}
		kind, code, _ := strings.Cut(fields[1], "=")
		f.Kind, f.Code = dingtalktest.FaultKind(kind), code
		if len(fields) == 4 && fields[3] == "times" {
			times, err := strconv.Atoi(fields[2])
			if err != nil {
				return err
			}
			f.Times = times
		}
		s.DingTalk.Inject(f)
		return nil
	},
	"mended": func(s *stage, _ string) error { s.DingTalk.ClearFaults(); return nil },
	"expire": func(s *stage, _ string) error { s.DingTalk.ExpireWebhooks(); return nil },
	"flooded": func(s *stage, names string) error {
		s.DingTalk.FlowControl(true, s.Persons(script.Roles(names))...)
		return nil
	},
	"withdraw": func(s *stage, text string) error {
		m, ok := s.Last(func(m dingtalktest.Message) bool {
			return m.Via == dingtalktest.ViaSend && strings.Contains(m.Text, text)
		})
		if !ok {
			return fmt.Errorf("no message holds %q", text)
		}
		return s.Group.Recall(s.world.lilei, m.ID)
	},
}

// apis are the calls of DingTalk's API as scripts name them.
var apis = map[string]string{
	"send": dingtalktest.APISend, "query": dingtalktest.APIQuery, "recall": dingtalktest.APIRecall, "direct": dingtalktest.APIDirect, "ding": dingtalktest.APIDing,
	"members": dingtalktest.APIMembers, "upload": dingtalktest.APIUpload, "name": dingtalktest.APIUser, "webhook": dingtalktest.APIWebhook,
}

// ofDingTalk are what can be set before there is a group.
var ofDingTalk = map[string]func(s *stage, value string) error{
	"group.kind": func(s *stage, value string) error {
		s.setup.group.Kind = dingtalktest.GroupKind(value)
		return nil
	},
	"group.title":        func(s *stage, value string) error { s.untitled = value == "none"; return nil },
	"group.id":           func(s *stage, value string) error { s.setup.group.ID = value; return nil },
	"group.nicks":        func(s *stage, value string) error { s.setup.group.NoNicks = value == "off"; return nil },
	"members.source":     func(s *stage, value string) error { s.setup.learned = value == "learned"; return nil },
	"dingtalk.published": func(s *stage, value string) error { s.setup.dingtalk.Unpublished = value == "no"; return nil },
	"dingtalk.webhooks": func(s *stage, value string) (err error) {
		s.setup.dingtalk.WebhookTTL, err = time.ParseDuration(value)
		return err
	},
	"dingtalk.keys": func(s *stage, value string) (err error) {
		s.setup.dingtalk.KeyTTL, err = time.ParseDuration(value)
		return err
	},
}

// settings are what an administrator may write, by the names of the configuration file.
var settings = map[string]func(s *stage, o *wiring, value string) error{
	"announcements.signature": func(_ *stage, o *wiring, value string) error { o.Unsigned = value == "off"; return nil },
	"access.announce":         func(_ *stage, o *wiring, value string) error { o.Policy.Announce = receipts.Rule(value); return nil },
	"access.report":           func(_ *stage, o *wiring, value string) error { o.Policy.Report = receipts.Rule(value); return nil },
	"access.remind":           func(_ *stage, o *wiring, value string) error { o.Policy.Remind = receipts.Rule(value); return nil },
	"access.recall":           func(_ *stage, o *wiring, value string) error { o.Policy.Recall = receipts.Rule(value); return nil },
	"access.groups":           func(_ *stage, o *wiring, value string) error { o.Policy.Groups = strings.Fields(value); return nil },
	"access.admins":           func(s *stage, o *wiring, value string) error { o.Policy.Admins = s.userIDs(value); return nil },
	"members.exclude":         func(s *stage, o *wiring, value string) error { o.Excluded = s.userIDs(value); return nil },
	"reports.to":              func(_ *stage, o *wiring, value string) error { o.Direct = value == "direct"; return nil },
	"reports.language":        func(_ *stage, o *wiring, value string) error { o.Language = command.Language(value); return nil },
	"reports.default":         func(_ *stage, o *wiring, value string) error { o.Default = command.Language(value); return nil },
	"reports.max_names": func(_ *stage, o *wiring, value string) (err error) {
		o.MaxNames, err = strconv.Atoi(value)
		return err
	},
	"clock.dingtalk": func(_ *stage, o *wiring, value string) error { return clockOff(o, reply.DingTalksClock, value) },
	"clock.redis":    func(_ *stage, o *wiring, value string) error { return clockOff(o, reply.RedisClock, value) },
	"reports.keep_for": func(_ *stage, o *wiring, value string) (err error) {
		o.KeepFor, err = time.ParseDuration(value)
		return err
	},
	"reminders.by": func(_ *stage, o *wiring, value string) error {
		o.Reminders.By = receipts.Channel(value)
		return nil
	},
	"reminders.ask_above": func(_ *stage, o *wiring, value string) (err error) {
		o.Reminders.AskAbove, err = strconv.Atoi(value)
		return err
	},
	"reminders.time_zone": func(_ *stage, o *wiring, value string) (err error) {
		o.Zone, err = time.LoadLocation(value)
		return err
	},
	"reminders.quiet_hours": func(_ *stage, o *wiring, value string) error {
		from, to, _ := strings.Cut(value, "-")
		o.Reminders.Quiet = receipts.QuietHours{From: clockTime(from), To: clockTime(to), Zone: o.Zone}
		return nil
	},
	"follow_up.every": func(_ *stage, o *wiring, value string) error {
		return follow(o, func(f *receipts.FollowUpSettings) (err error) {
			for word := range strings.FieldsSeq(value) {
				every, bad := time.ParseDuration(word)
				f.Every, err = append(f.Every, every), bad
			}
			return err
		})
	},
	"follow_up.by": func(_ *stage, o *wiring, value string) error {
		return follow(o, func(f *receipts.FollowUpSettings) error {
			for word := range strings.FieldsSeq(value) {
				f.By = append(f.By, receipts.Channel(word))
			}
			return nil
		})
	},
	"follow_up.until": func(_ *stage, o *wiring, value string) error {
		return follow(o, func(f *receipts.FollowUpSettings) (err error) {
			f.Share, err = strconv.Atoi(strings.TrimSuffix(value, "%"))
			return err
		})
	},
	"follow_up.deadline": func(_ *stage, o *wiring, value string) error {
		return follow(o, func(f *receipts.FollowUpSettings) (err error) {
			if strings.Contains(value, ":") {
				at := clockTime(value)
				f.Clock = &at
				return nil
			}
			f.Within, err = time.ParseDuration(value)
			return err
		})
	},
	"follow_up.tell": func(s *stage, o *wiring, value string) error {
		return follow(o, func(f *receipts.FollowUpSettings) error {
			f.Tell = s.userIDs(value)
			return nil
		})
	},
}

// clockOff has this machine's clock be ahead of another's.
func clockOff(o *wiring, of reply.ClockOwner, value string) error {
	ahead, err := time.ParseDuration(value)
	var all []reply.ClockOff
	if o.ClocksOff != nil {
		all = o.ClocksOff()
	}
	o.ClocksOff = func() []reply.ClockOff { return append(all, reply.ClockOff{Of: of, Ahead: ahead}) }
	return err
}

// follow changes how the announcements of every group are followed up.
func follow(o *wiring, change func(*receipts.FollowUpSettings) error) error {
	f := o.Reminders.FollowUps["*"]
	err := change(&f)
	o.Reminders.FollowUps = map[string]receipts.FollowUpSettings{"*": f}
	return err
}

func clockTime(text string) receipts.ClockTime {
	hour, minute, _ := strings.Cut(text, ":")
	h, _ := strconv.Atoi(hour)
	m, _ := strconv.Atoi(minute)
	return receipts.ClockTime(h*60 + m)
}

// userIDs are those of the people of every test, who are there before the world is made.
func (*stage) userIDs(names string) []string {
	known := map[string]string{"李雷": "lilei", "韩梅梅": "hanmeimei", "张三": "zhangsan", "李四": "lisi"}
	var ids []string
	for name := range strings.FieldsSeq(names) {
		ids = append(ids, known[name])
	}
	return ids
}

// news is what the bot said since: in the group, then to people alone, then by DING.
func (s *stage) news() string {
	var b strings.Builder
	for _, m := range s.fresh(s.Group) {
		mark := map[dingtalktest.Via]string{dingtalktest.ViaWebhook: "<", dingtalktest.ViaSend: "="}[m.Via]
		b.WriteString(s.shown(mark+" ", m))
		var notified []string
		for _, p := range m.Mentioned {
			notified = append(notified, p.Name)
		}
		if m.MentionsAll {
			notified = append(notified, "everybody")
		}
		if len(notified) > 0 {
			b.WriteString("! " + strings.Join(notified, " ") + "\n")
		}
	}
	// What several people read in the same words stands once.
	var order []string
	readers := map[string][]string{}
	for _, name := range slices.Sorted(maps.Keys(s.People)) {
		for _, m := range s.fresh(s.DingTalk.Direct(s.People[name])) {
			text := s.shown("", m)
			if readers[text] == nil {
				order = append(order, text)
			}
			readers[text] = append(readers[text], name)
		}
	}
	for _, text := range order {
		b.WriteString("<< " + strings.Join(readers[text], " ") + ": " + text)
	}
	all := s.DingTalk.Dings()
	for _, d := range all[s.dings:] {
		var names []string
		for _, p := range d.Receivers {
			names = append(names, p.Name)
		}
		b.WriteString("DING " + strings.Join(names, " ") + ": " + d.Content + "\n")
	}
	s.dings = len(all)
	for _, line := range s.said {
		b.WriteString(line + "\n")
	}
	s.said = nil
	return b.String()
}

// fresh are the messages of the bot's that were not seen yet.
func (s *stage) fresh(g *dingtalktest.Group) []dingtalktest.Message {
	var all []dingtalktest.Message
	for _, m := range g.Messages() {
		if !s.seen[m.ID] && m.FromBot() {
			all = append(all, m)
		}
		s.seen[m.ID] = true
	}
	return all
}

// shown is a message as DingTalk was given it: a line break of markdown is a line, any other
// has a mark. The notification of a phone is shown where it is not the first line.
func (s *stage) shown(mark string, m dingtalktest.Message) string {
	marked := strings.Contains(m.Title, "**") && !strings.Contains(m.Text, `\*\*`) || strings.Contains(m.Title, `\`) && !strings.Contains(m.Text, `\\`)
	if strings.Contains(m.Title, "\n") || marked || m.Title == "" && m.Params == nil {
		s.t.Errorf("a phone shows %q of %q", m.Title, m.Text)
	}
	text := script.Mentions(m)
	switch m.Type {
	case "sampleImageMsg":
		return mark + "[picture]\n"
	case "sampleFile":
		return mark + "[file " + m.Params["fileName"] + "]\n"
	}
	lines := strings.ReplaceAll(strings.ReplaceAll(text, "  \n", "\x00"), "\n", "↵\n")
	out := mark + strings.ReplaceAll(strings.ReplaceAll(lines, "\x00", "\n"), "\n", "\n  ") + "\n"
	first, _, _ := strings.Cut(text, "\n")
	first = strings.TrimRight(first, " ")
	if begins := strings.TrimSuffix(m.Title, "…"); !strings.HasPrefix(first, begins) || begins == m.Title && m.Title != first {
		out += "~ " + m.Title + "\n"
	}
	return out
}
