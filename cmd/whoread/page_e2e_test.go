package main

import (
	"context"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/google/go-cmp/cmp"

	"whoread/store/storetest/need"
)

// TestANewUserTriesItInABrowser is what somebody does who starts the demo and
// opens its page: everything is typed and clicked in a real browser, and every
// answer of the bot's is held against what the page knows to be true.
func TestANewUserTriesItInABrowser(t *testing.T) {
	need.Slow(t)
	t.Parallel()
	chrome := chromium(t)
	for _, language := range []struct {
		name, tag string
		// What is typed.
		announce, unread, whoRead, another string
		// What is answered.
		posted         [2]string
		answer         answerForm
		strip, quoting string
		lost           string
	}{
		{
			name: "Chinese", tag: "zh-CN",
			announce: "公告 周一起启用新门禁\n请带好工牌，访客在前台登记。", unread: "谁没读", whoRead: "谁读了", another: "公告 今天有下午茶",
			posted: [2]string{"已发出 #3，8 人应读", "已发出 #4，8 人应读"},
			answer: chineseAnswers(),
			strip:  "已读 %d / 8", quoting: "回复 whoread", lost: "与服务器的连接断开",
		},
		{
			name: "English", tag: "en-US",
			announce: "announce New badges on Monday\nPlease carry yours; guests register at the desk.", unread: "unread", whoRead: "who read", another: "announce Cake at four",
			posted: [2]string{"Posted as #3 for 8 people", "Posted as #4 for 8 people"},
			answer: englishAnswers(),
			strip:  "Read %d / 8", quoting: "Replying to whoread", lost: "Connection to the server lost",
		},
	} {
		t.Run(language.name, func(t *testing.T) {
			t.Parallel()
			demo := launch(t, "demo", "--listen", "127.0.0.1:0")
			address := demo.prints(`Now you: open (http://127\.0\.0\.1:\d+/) and chat`)[1]
			v := visit(chrome, t, address, language.tag)
			v.sees(".me b", "李雷") // the administrator
			v.sees(".chat-head h1", "项目组")
			v.sees(".message", "本群没有 #9，") // the end of the script

			said := v.commands(language.announce, 2)
			_, words, _ := strings.Cut(language.announce, " ")
			if diff := cmp.Diff(words+"\n\n#3 · 李雷", said[0]); diff != "" {
				t.Errorf("posted (-want +got):\n%s", diff)
			}
			wantIn(t, said[1], language.posted[0])
			title, _, _ := strings.Cut(words, "\n")
			reads := func(n int) { v.reads(title, fmt.Sprintf(language.strip, n)) }
			reads(1)
			for i, name := range []string{"韩梅梅", "张三", "李四"} {
				v.becomes(name)
				reads(i + 2)
			}

			// Whoever asks has read it too.
			answer := language.answer.in(t, v.commands(language.unread, 1)[0])
			want := report{title: "#3 " + title, share: "4/8", unread: []string{"周九", "王五", "赵六", "钱七"}}
			wantReport(t, answer, want)
			read, unread := v.truth(title)
			wantNames(t, "the page's readers", read, []string{"张三", "李四", "李雷", "韩梅梅"})
			wantNames(t, "the page's unread", unread, answer.unread)

			v.becomes("王五")
			reads(5)
			v.quotes(title, language.quoting)
			answer = language.answer.in(t, v.commands(language.whoRead, 1)[0])
			want = report{title: "#3 " + title, share: "5/8", read: []string{"张三", "李四", "李雷", "王五", "韩梅梅"}, unread: []string{"周九", "赵六", "钱七"}}
			wantReport(t, answer, want)
			v.sees(".mine .quoted", title)
			v.shot("exchange-" + language.name)

			// A quotation says which one is meant, also when there is a newer one.
			v.becomes("李雷")
			wantIn(t, v.commands(language.another, 2)[1], language.posted[1])
			v.quotes(title, language.quoting)
			answer = language.answer.in(t, v.commands(language.unread, 1)[0])
			want.read = nil
			wantReport(t, answer, want)
			read, unread = v.truth(title)
			wantNames(t, "the page's readers", read, []string{"张三", "李四", "李雷", "王五", "韩梅梅"})
			wantNames(t, "the page's unread", unread, answer.unread)
			v.shot("demo-" + language.name)

			v.run(chromedp.EmulateViewport(390, 844))
			v.shot("demo-phone-" + language.name)
			v.behaved()
			demo.interrupt()
			v.sees(".lost", language.lost)
		})
	}
}

func TestAnUnchangedBotAnswersOnThePageOfDingTalkAlone(t *testing.T) {
	need.Slow(t)
	t.Parallel()
	chrome := chromium(t)
	alone := startDingTalk(t)
	v := visit(chrome, t, alone.page, "zh-CN")
	for _, group := range alone.groups {
		v.sees(`.chat-button[data-group="`+group.id+`"]`, group.title)
	}
	team := alone.groups[0]
	v.clickText(`.chat-button[data-group="`+team.id+`"]`, team.title)
	v.sees(".chat-head h1", team.title)
	v.sees(".count", team.members)

	bot := launch(t, "run", "--config", alone.config)
	v.clickText("#tools-button", "")
	v.clickText("#tab-connections", "")
	v.sees("#panel-connections", "/v1.0/im/bot/messages/get")
	v.clickText("#tools-button", "")

	const title = "周一起启用新门禁"
	wantIn(t, v.commands("公告 "+title+"\n请带好工牌，访客在前台登记。", 2)[1], "已发出 #1，8 人应读")
	v.reads(title, "已读 1 / 8")
	for i, name := range []string{"韩梅梅", "张三", "李四"} {
		v.becomes(name)
		v.reads(title, fmt.Sprintf("已读 %d / 8", i+2))
	}
	v.quotes(title, "回复 whoread")
	want := report{title: "#1 " + title, share: "4/8", unread: []string{"孙八", "王五", "赵六", "钱七"}}
	wantReport(t, chineseAnswers().in(t, v.commands("谁没读", 1)[0]), want)
	v.reads("4 人没读", "已读 1 / 8") // whoever asks looks at the answer
	v.becomes("李雷")
	v.reads("4 人没读", "已读 2 / 8")
	v.shot("exchange")
	want.read = []string{"张三", "李四", "李雷", "韩梅梅"}
	wantReport(t, chineseAnswers().in(t, v.commands("谁读了", 1)[0]), want)
	read, unread := v.truth(title)
	wantNames(t, "the page's readers", read, want.read)
	wantNames(t, "the page's unread", unread, want.unread)
	v.run(chromedp.EmulateViewport(390, 844))
	v.shot("exchange-phone")
	v.run(chromedp.EmulateViewport(1200, 830))
	v.behaved()
	bot.interrupt()
	v.clickText("#tools-button", "")
	v.sees("#panel-connections", "没有 Stream 连接")
	alone.interrupt()
}

func TestDingTalkAlonePrintsWhatAnotherProgramNeeds(t *testing.T) {
	t.Parallel()
	alone := startDingTalk(t)
	if alone.page != alone.api+"/" {
		t.Errorf("the page is %s, the API %s", alone.page, alone.api)
	}
	type group struct{ title, members string }
	var got []group
	for _, g := range alone.groups {
		got = append(got, group{g.title, g.members})
	}
	want := []group{{"项目组", "8"}, {"全体员工", "45"}, {"合作伙伴 Partners", "4"}, {"普通群（没有成员名单）", "8"}}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(group{})); diff != "" {
		t.Errorf("groups (-want +got):\n%s", diff)
	}

	// The written configuration is that of the printed app, works, and keeps its secret.
	content, err := os.ReadFile(alone.config)
	if err != nil {
		t.Fatal(err)
	}
	wantIn(t, string(content), "client_id: "+alone.app["client_id"]+"\n", "client_secret: "+alone.app["client_secret"]+"\n",
		"robot_code: "+alone.app["robot_code"]+"\n", "api_url: "+alone.api+"\n")
	if info, err := os.Stat(alone.config); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("others can read the configuration: %v, %v", info.Mode(), err)
	}
	out, err := exec.CommandContext(within(t), whoread, "check", "--config", alone.config).CombinedOutput()
	if err != nil {
		t.Errorf("check: %v\n%s", err, out)
	}
	wantIn(t, string(out), "✓ config ", "✓ token", "✓ gateway")
	alone.interrupt()
}

// dingtalkAlone is a running `whoread dingtalk`, as its output describes it.
type dingtalkAlone struct {
	*program
	page, api string
	app       map[string]string
	groups    []struct{ id, members, title string }
	config    string
}

func startDingTalk(t *testing.T) *dingtalkAlone {
	t.Helper()
	d := &dingtalkAlone{app: map[string]string{}, config: filepath.Join(t.TempDir(), "whoread.yaml")}
	d.program = launch(t, "dingtalk", "--listen", "127.0.0.1:0", "--write-config", d.config)
	d.prints(`(?m)^config ` + regexp.QuoteMeta(d.config) + `$`)
	for line := range strings.Lines(d.out.String()) {
		word, rest, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		rest = strings.TrimLeft(rest, " ")
		switch word {
		case "page":
			d.page = rest
		case "api":
			d.api = rest
		case "app":
			for pair := range strings.FieldsSeq(rest) {
				key, value, _ := strings.Cut(pair, "=")
				d.app[key] = value
			}
		case "group":
			part := strings.SplitN(rest, " ", 3)
			d.groups = append(d.groups, struct{ id, members, title string }{part[0], part[1], part[2]})
		case "config":
		default:
			t.Errorf("a line that was not promised: %s", line)
		}
	}
	if got := slices.Sorted(maps.Keys(d.app)); !slices.Equal(got, []string{"client_id", "client_secret", "robot_code"}) || slices.Contains(slices.Collect(maps.Values(d.app)), "") {
		t.Fatalf("the app is %v", got)
	}
	if d.page == "" || d.api == "" || len(d.groups) == 0 {
		t.Fatalf("it prints:\n%s", d.out)
	}
	return d
}

// report is an answer of the bot's about who has read a message. Names are sorted.
type report struct {
	title, share string
	read, unread []string
}

// answerForm is how such an answer looks in one language.
type answerForm struct {
	head, share, read, unread *regexp.Regexp
	separator                 string
}

func chineseAnswers() answerForm {
	return answerForm{
		head: regexp.MustCompile(`^.+ (#\d+)「(.+)」`), share: regexp.MustCompile(`(?m)^已读 (\d+/\d+)`),
		read: regexp.MustCompile(`(?m)^已读 (\d+) 人：(.+)$`), unread: regexp.MustCompile(`(?m)^(?:未读|还有) (\d+) 人(?:：|没读 #.*\n)(.+)$`), separator: "、",
	}
}

func englishAnswers() answerForm {
	return answerForm{
		head: regexp.MustCompile(`^.+ (#\d+) "(.+)"`), share: regexp.MustCompile(`(?m)^Read (\d+/\d+)`),
		read: regexp.MustCompile(`(?m)^Read \((\d+)\): (.+)$`), unread: regexp.MustCompile(`(?m)^(?:Unread \()?(\d+)(?:\): | ha(?:s|ve) not read #.*\n)(.+)$`), separator: ", ",
	}
}

func (f answerForm) in(t *testing.T, text string) report {
	t.Helper()
	head, share := f.head.FindStringSubmatch(text), f.share.FindStringSubmatch(text)
	if head == nil || share == nil {
		t.Fatalf("not an answer about who has read a message:\n%s", text)
	}
	names := func(list *regexp.Regexp) []string {
		m := list.FindStringSubmatch(text)
		if m == nil {
			return nil
		}
		names := slices.Sorted(slices.Values(strings.Split(m[2], f.separator)))
		if m[1] != fmt.Sprint(len(names)) {
			t.Errorf("%s are not %s names", m[2], m[1])
		}
		return names
	}
	return report{title: head[1] + " " + head[2], share: share[1], read: names(f.read), unread: names(f.unread)}
}

func wantReport(t *testing.T, got, want report) {
	t.Helper()
	slices.Sort(want.read)
	slices.Sort(want.unread)
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(report{})); diff != "" {
		t.Errorf("the bot's answer (-want +got):\n%s", diff)
	}
}

func wantNames(t *testing.T, what string, got, want []string) {
	t.Helper()
	slices.Sort(got)
	if diff := cmp.Diff(slices.Sorted(slices.Values(want)), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

// program is a running whoread whose output is read while it runs.
type program struct {
	*exec.Cmd
	t   *testing.T
	out *output
	log *lockedBuffer
}

// output tells when there is more of it.
type output struct {
	lockedBuffer
	more chan struct{}
}

func (o *output) Write(p []byte) (int, error) {
	n, err := o.lockedBuffer.Write(p)
	select {
	case o.more <- struct{}{}:
	default: // somebody is to be told already
	}
	return n, err
}

// launch starts whoread with the arguments.
func launch(t *testing.T, args ...string) *program {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*patience)
	p := &program{t: t, out: &output{more: make(chan struct{}, 1)}, log: &lockedBuffer{}, Cmd: exec.CommandContext(ctx, whoread, args...)}
	p.Stdout, p.Stderr = p.out, p.log
	if err := p.Start(); err != nil {
		cancel()
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cancel()
		if p.ProcessState == nil {
			_ = p.Wait() // it was killed; why is told by what failed before
		}
		if t.Failed() {
			t.Logf("output of whoread %s:\n%s\n%s", strings.Join(args, " "), p.out, p.log)
		}
	})
	return p
}

// prints waits until the output matches, and returns the groups of the match.
func (p *program) prints(pattern string) []string {
	p.t.Helper()
	expression := regexp.MustCompile(pattern)
	ctx := within(p.t)
	for {
		if m := expression.FindStringSubmatch(p.out.String()); m != nil {
			return m
		}
		select {
		case <-p.out.more:
		case <-ctx.Done():
			p.t.Fatalf("it does not print %s", pattern)
		}
	}
}

// interrupt ends the program by Ctrl-C, and expects it to end well.
func (p *program) interrupt() {
	p.t.Helper()
	if err := p.Process.Signal(os.Interrupt); err != nil {
		p.t.Fatal(err)
	}
	if err := p.Wait(); err != nil {
		p.t.Errorf("whoread ends badly: %v", err)
	}
}

// chromium starts a headless Chromium for the test. Where there is none, the test
// is skipped, or fails if WHOREAD_TEST_REQUIRE lists "browser".
func chromium(t *testing.T) context.Context {
	t.Helper()
	path := ""
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome", "chrome"} {
		if found, err := exec.LookPath(name); err == nil {
			path = found
			break
		}
	}
	if path == "" {
		need.Lacks(t, "browser", "there is no Chromium on this machine: install chromium")
	}
	allocator, stop := chromedp.NewExecAllocator(context.Background(),
		chromedp.ExecPath(path), chromedp.Headless, chromedp.NoSandbox, chromedp.NoFirstRun, chromedp.NoDefaultBrowserCheck, chromedp.DisableGPU,
		chromedp.Flag("disable-background-networking", true), chromedp.Flag("disable-component-update", true), chromedp.Flag("disable-sync", true),
		chromedp.Flag("disable-dev-shm-usage", true), chromedp.UserDataDir(t.TempDir()),
	)
	ctx, cancel := chromedp.NewContext(allocator)
	t.Cleanup(func() {
		_ = chromedp.Cancel(ctx) // closes it and waits
		cancel()
		stop()
	})
	if err := chromedp.Do(ctx); err != nil {
		t.Fatalf("start Chromium: %v", err)
	}
	return ctx
}

// visitor is somebody in front of the page.
type visitor struct {
	t   *testing.T
	ctx context.Context
}

// visit opens the page with a browser of that language, in a profile of its own.
func visit(chrome context.Context, t *testing.T, address, language string) *visitor {
	t.Helper()
	ctx, cancel := chromedp.NewContext(chrome, chromedp.WithNewBrowserContext())
	t.Cleanup(func() {
		_ = chromedp.Cancel(ctx)
		cancel()
	})
	v := &visitor{t: t, ctx: ctx}
	if err := chromedp.Listen(ctx, func(event any) {
		if e, ok := event.(*runtime.EventExceptionThrown); ok {
			t.Errorf("the page threw: %+v", e.ExceptionDetails)
		}
	}); err != nil {
		t.Fatal(err)
	}
	v.run(chromedp.EmulateViewport(1200, 830))
	tell(v, emulation.SetFocusEmulationEnabled, emulation.SetFocusEmulationEnabledParams{Enabled: true})
	tell(v, emulation.SetUserAgentOverride, emulation.SetUserAgentOverrideParams{UserAgent: "Mozilla/5.0 Chrome", AcceptLanguage: language})
	tell(v, emulation.SetTimezoneOverride, emulation.SetTimezoneOverrideParams{TimezoneID: "Asia/Shanghai"})
	v.run(chromedp.Navigate(address))
	v.until("the page to be live", `document.querySelector(".me b") !== null && document.querySelector(".budget b") !== null`)
	return v
}

// tell gives the browser a command of its protocol.
func tell[P, R any](v *visitor, command cdp.Command[P, R], params P) {
	v.t.Helper()
	ctx, cancel := v.within()
	defer cancel()
	if _, err := chromedp.Call(ctx, command, params); err != nil {
		v.t.Fatal(err)
	}
}

// evaluate returns the value of a JavaScript expression.
func evaluate[T any](v *visitor, expression string) T {
	v.t.Helper()
	ctx, cancel := v.within()
	defer cancel()
	value, err := chromedp.Run(ctx, chromedp.Evaluate[T](expression))
	if err != nil {
		v.t.Fatalf("%s: %v", expression, err)
	}
	return value
}

// within bounds what is done in the page.
func (v *visitor) within() (context.Context, context.CancelFunc) {
	return context.WithTimeout(v.ctx, patience)
}

func (v *visitor) run(actions ...chromedp.Action[chromedp.Void]) {
	v.t.Helper()
	ctx, cancel := v.within()
	defer cancel()
	if err := chromedp.Do(ctx, actions...); err != nil {
		v.t.Fatal(err)
	}
}

// until waits for a condition in the page.
func (v *visitor) until(what, condition string) {
	v.t.Helper()
	ctx, cancel := v.within()
	defer cancel()
	wait := chromedp.Poll[chromedp.Void](condition, chromedp.WithPollingInterval(30*time.Millisecond), chromedp.WithPollingTimeout(patience/2))
	if _, err := chromedp.Run(ctx, wait); err != nil {
		v.shot("failed-" + filepath.Base(v.t.Name()))
		v.t.Fatalf("waiting for %s: %v\n%s", what, err, evaluate[string](v, `document.body.innerText.slice(-1500)`))
	}
}

// sees waits until something that the selector finds shows the words.
func (v *visitor) sees(selector, words string) {
	v.t.Helper()
	v.until(fmt.Sprintf("%q in %s", words, selector), fmt.Sprintf(`[...document.querySelectorAll(%q)].some((n) => n.innerText.includes(%q))`, selector, words))
}

// clickText clicks the first thing that the selector finds with the words in it.
func (v *visitor) clickText(selector, words string) {
	v.t.Helper()
	v.click(fmt.Sprintf("%s with %q", selector, words), fmt.Sprintf(`[...document.querySelectorAll(%q)].find((n) => n.innerText.includes(%q))`, selector, words))
}

// click clicks what the expression finds, when it is there.
func (v *visitor) click(what, expression string) {
	v.t.Helper()
	v.until(what, fmt.Sprintf(`!!(%s)`, expression))
	evaluate[any](v, fmt.Sprintf(`void (%s).click()`, expression))
}

// key presses a key that has the same name and code.
func (v *visitor) key(name string, code int64, text string) {
	v.t.Helper()
	p := input.DispatchKeyEventParams{Type: input.DispatchKeyEventTypeKeyDown, Key: name, Code: name, WindowsVirtualKeyCode: code, Text: text}
	tell(v, input.DispatchKeyEvent, p)
	p.Type, p.Text = input.DispatchKeyEventTypeKeyUp, ""
	tell(v, input.DispatchKeyEvent, p)
}

// becomes chooses whom to be; the open group stays open, so that this person
// reads what is on the screen.
func (v *visitor) becomes(name string) {
	v.t.Helper()
	evaluate[any](v, `document.querySelectorAll(".message").forEach((n) => { n.ofTheOneBefore = true; })`)
	v.clickText(".me", "")
	v.clickText("dialog .people button", name)
	v.sees(".me b", name)
	v.until("the messages as "+name+" sees them", `((all) => all.length > 0 && all.every((n) => !n.ofTheOneBefore))([...document.querySelectorAll(".message")])`)
}

// saidToMe are the messages of the bot's since oneself last said something.
const saidToMe = `((all) => all.slice(all.findLastIndex((n) => n.classList.contains("mine")) + 1).filter((n) => n.classList.contains("from-bot")))([...document.querySelectorAll(".message")])`

// commands types the command to the bot into the composer, sends it, waits for so
// many messages of the bot's, and returns what they say.
func (v *visitor) commands(command string, answers int) []string {
	v.t.Helper()
	const mine = `document.querySelectorAll(".message.mine").length`
	v.until("the composer", `!document.querySelector("#composer").disabled`)
	before := evaluate[int](v, mine)
	v.run(chromedp.Focus(chromedp.CSS("#composer")))
	tell(v, input.InsertText, input.InsertTextParams{Text: "@whoread " + command})
	v.key("Enter", 13, "\r")
	v.until("what one said", fmt.Sprintf(`%s === %d && document.querySelector("#composer").value === ""`, mine, before+1))
	v.until("the answer", fmt.Sprintf(`%s.length >= %d`, saidToMe, answers))
	said := evaluate[[]string](v, saidToMe+`.map((n) => n.querySelector(".content").innerText.trim())`)
	if len(said) != answers {
		v.t.Fatalf("the bot says %d things to %q: %q", len(said), command, said)
	}
	return said
}

// post is the bot's first message with the words: the announcement itself.
func post(words string) string {
	return fmt.Sprintf(`[...document.querySelectorAll(".message.from-bot")].find((n) => n.querySelector(".content").innerText.includes(%q))`, words)
}

// reads waits until the strip below the announcement says so.
func (v *visitor) reads(words, count string) {
	v.t.Helper()
	v.until(count, fmt.Sprintf(`%s?.querySelector(".strip").innerText.includes(%q)`, post(words), count))
}

// quotes begins a message that quotes the announcement.
func (v *visitor) quotes(words, bar string) {
	v.t.Helper()
	v.click("the announcement's quote button", post(words)+`?.querySelector("[data-focus=quote]")`)
	v.sees(".quote-bar", bar)
}

// truth opens the page's list of who has read the announcement.
func (v *visitor) truth(words string) (read, unread []string) {
	v.t.Helper()
	v.click("the announcement's strip", post(words)+`?.querySelector(".strip")`)
	names := func(tab, state string) []string {
		v.t.Helper()
		v.click("tab "+tab, fmt.Sprintf(`document.querySelector("dialog #truth-%s")`, tab))
		v.until("the people of "+tab, fmt.Sprintf(`(() => {
			const tab = document.querySelector("dialog #truth-%s[aria-selected=true]");
			const people = [...document.querySelectorAll("dialog .people li")];
			return tab && people.length === Number(tab.innerText.match(/\d+/)[0]) && people.every((n) => %s n.querySelector("time"));
		})()`, tab, state))
		return evaluate[[]string](v, `[...document.querySelectorAll("dialog .people .person-name")].map((n) => n.innerText)`)
	}
	read, unread = names("read", "!!"), names("unread", "!")
	v.key("Escape", 27, "")
	v.until("the list to close", `document.querySelector("dialog[open]") === null`)
	return read, unread
}

// behaved asserts that the bot broke no rule of DingTalk's.
func (v *visitor) behaved() {
	v.t.Helper()
	ctx, cancel := v.within()
	defer cancel()
	violations, err := chromedp.Run(ctx, chromedp.Evaluate[string](
		`fetch("/_dingtalktest/api/violations").then((r) => r.json()).then((got) => JSON.stringify(got.violations))`, chromedp.EvalAwaitPromise))
	if err != nil {
		v.t.Fatal(err)
	}
	if violations != "[]" {
		v.t.Errorf("the bot did what a careful client never does: %s", violations)
	}
}

// shot keeps a picture of the page, if WHOREAD_TEST_SHOTS names a folder.
func (v *visitor) shot(name string) {
	v.t.Helper()
	folder := os.Getenv("WHOREAD_TEST_SHOTS")
	if folder == "" {
		return
	}
	ctx, cancel := v.within()
	defer cancel()
	png, err := chromedp.Run(ctx, chromedp.CaptureScreenshot())
	if err != nil {
		v.t.Errorf("screenshot %s: %v", name, err)
		return
	}
	if err := os.WriteFile(filepath.Join(folder, name+".png"), png, 0o600); err != nil {
		v.t.Error(err)
	}
}
