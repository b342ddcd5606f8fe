package dingtalktest_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"whoread/receipts/dingtalk/dingtalktest"
	"whoread/store/storetest/need"
)

// browser starts a headless Chromium for the test.
func browser(t *testing.T) context.Context {
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
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-background-networking", true), chromedp.Flag("disable-component-update", true),
		chromedp.Flag("disable-sync", true), chromedp.Flag("disable-dev-shm-usage", true), chromedp.UserDataDir(t.TempDir()),
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

// tab is a person in front of the page.
type tab struct {
	*client
	ctx context.Context
}

type screen struct {
	width, height int64
	language      string
	dark          bool
}

var desktop = screen{width: 1280, height: 800, language: "en-US"}

// open opens the page of c as somebody with that screen.
func (c *client) open(parent context.Context, s screen) *tab {
	c.Helper()
	ctx, cancel := chromedp.NewContext(parent, chromedp.WithNewBrowserContext())
	c.Cleanup(func() { _ = chromedp.Cancel(ctx); cancel() })
	x := &tab{client: c, ctx: ctx}
	err := chromedp.Listen(ctx, func(ev any) {
		if e, ok := ev.(*runtime.EventExceptionThrown); ok {
			c.Errorf("the page threw: %+v", e.ExceptionDetails)
		}
	})
	if err != nil {
		c.Fatal(err)
	}
	scheme := "light"
	if s.dark {
		scheme = "dark"
	}
	x.run(chromedp.EmulateViewport(s.width, s.height))
	command(x, emulation.SetFocusEmulationEnabled, emulation.SetFocusEmulationEnabledParams{Enabled: true})
	command(x, emulation.SetUserAgentOverride, emulation.SetUserAgentOverrideParams{UserAgent: "Mozilla/5.0 Chrome", AcceptLanguage: s.language})
	command(x, emulation.SetTimezoneOverride, emulation.SetTimezoneOverrideParams{TimezoneID: "Asia/Shanghai"})
	command(x, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}})
	x.run(chromedp.Navigate(c.s.URL() + "/"))
	x.until("the page to be live", `document.querySelector(".me b") !== null && document.querySelector(".budget b") !== null`)
	return x
}

// command sends a command of the browser's protocol.
func command[P, R any](x *tab, cmd cdp.Command[P, R], params P) {
	x.Helper()
	if _, err := chromedp.Call(x.ctx, cmd, params); err != nil {
		x.Fatal(err)
	}
}

// within limits what is done in the page.
func (x *tab) within() (context.Context, context.CancelFunc) {
	return context.WithTimeout(x.ctx, time.Minute)
}

func (x *tab) run(actions ...chromedp.Action[chromedp.Void]) {
	x.Helper()
	ctx, cancel := x.within()
	defer cancel()
	if err := chromedp.Do(ctx, actions...); err != nil {
		x.shot("failed-" + filepath.Base(x.Name()))
		x.Fatal(err)
	}
}

// loadedAnew is in the errors, all with one code, of what was asked of a page that went.
const loadedAnew = "(-32000)"

// until waits for a condition in the page, also while the page is loaded anew.
func (x *tab) until(what, condition string) {
	x.Helper()
	ctx, cancel := x.within()
	defer cancel()
	wait := chromedp.Poll[chromedp.Void](condition, chromedp.WithPollingInterval(30*time.Millisecond), chromedp.WithPollingTimeout(45*time.Second))
	_, err := chromedp.Run(ctx, wait)
	for err != nil && ctx.Err() == nil && strings.Contains(err.Error(), loadedAnew) {
		_, err = chromedp.Run(ctx, wait)
	}
	if err != nil {
		text, _ := chromedp.Run(x.ctx, chromedp.Evaluate[string](`document.body.innerText.slice(-1500)`))
		x.shot("failed-" + filepath.Base(x.Name()))
		x.Fatalf("waiting for %s: %v\n%s", what, err, text)
	}
}

// sees waits until the text of what the selector finds holds the words.
func (x *tab) sees(selector, words string) {
	x.Helper()
	x.until(fmt.Sprintf("%q in %s", words, selector), fmt.Sprintf(`[...document.querySelectorAll(%q)].some((n) => n.innerText.includes(%q))`, selector, words))
}

func (x *tab) js(expression string) string {
	x.Helper()
	ctx, cancel := x.within()
	defer cancel()
	text, err := chromedp.Run(ctx, chromedp.Evaluate[string](`(async () => String(await (`+expression+`)))()`, chromedp.EvalAwaitPromise))
	if err != nil {
		x.Fatalf("%s: %v", expression, err)
	}
	return text
}

func (x *tab) click(selector string) {
	x.Helper()
	x.run(chromedp.Click(chromedp.CSS(selector), chromedp.NodeVisible))
}

// clickText clicks the first thing that the selector finds with the words in it.
func (x *tab) clickText(selector, words string) {
	x.Helper()
	find := fmt.Sprintf(`[...document.querySelectorAll(%q)].find((n) => n.innerText.includes(%q) || (n.getAttribute("aria-label") || "").includes(%q))`, selector, words, words)
	x.until(fmt.Sprintf("%q in %s", words, selector), find+" !== undefined")
	x.js(find + ".click()")
}

// key is one on a keyboard.
type key struct {
	name string
	code int64
	text string
}

var (
	enter    = key{"Enter", 13, "\r"}
	tabKey   = key{"Tab", 9, ""}
	escape   = key{"Escape", 27, ""}
	down     = key{"ArrowDown", 40, ""}
	right    = key{"ArrowRight", 39, ""}
	shiftKey = int64(8)
)

func (x *tab) press(k key, modifiers ...int64) {
	x.Helper()
	p := input.DispatchKeyEventParams{
		Type: input.DispatchKeyEventTypeKeyDown, Key: k.name, Code: k.name, WindowsVirtualKeyCode: k.code, Text: k.text,
	}
	for _, m := range modifiers {
		p.Modifiers |= m
	}
	command(x, input.DispatchKeyEvent, p)
	p.Type, p.Text = input.DispatchKeyEventTypeKeyUp, ""
	command(x, input.DispatchKeyEvent, p)
}

// types puts the text where the focus is, as an input method does.
func (x *tab) types(text string) {
	x.Helper()
	command(x, input.InsertText, input.InsertTextParams{Text: text})
}

// say types into the composer and sends it.
func (x *tab) say(text string) {
	x.Helper()
	x.until("the composer", `!document.querySelector("#composer").disabled && document.querySelector("#composer").offsetParent !== null`)
	x.run(chromedp.Focus(chromedp.CSS("#composer")))
	x.types(text)
	x.press(enter)
	x.until("the composer to be empty", `document.querySelector("#composer").value === ""`)
}

// become chooses whom to be.
func (x *tab) become(name string) {
	x.Helper()
	x.click(".me")
	x.clickText("dialog .people button", name)
	x.sees(".me b", name)
}

// fits asserts that nothing sticks out of the window.
func (x *tab) fits() {
	x.Helper()
	if got := x.js(`[...document.querySelectorAll("body *")].filter((n) => {
		const r = n.getBoundingClientRect();
		return r.width > 0 && r.right > innerWidth + 1 && getComputedStyle(n).position !== "absolute" && !n.closest(".tabs, .skip");
	}).map((n) => n.tagName + "." + n.className + " " + Math.round(n.getBoundingClientRect().right)).slice(0, 5).join("; ")`); got != "" {
		x.Errorf("it sticks out of the window: %s", got)
		x.shot("sticks-out-" + filepath.Base(x.Name()))
	}
}

// shot keeps a picture of the page, if WHOREAD_TEST_SHOTS names a folder.
func (x *tab) shot(name string) {
	x.Helper()
	folder := os.Getenv("WHOREAD_TEST_SHOTS")
	if folder == "" {
		return
	}
	png, err := chromedp.Run(x.ctx, chromedp.CaptureScreenshot())
	if err != nil {
		x.Logf("screenshot %s: %v", name, err)
		return
	}
	if err := os.WriteFile(filepath.Join(folder, name+".png"), png, 0o600); err != nil {
		x.Error(err)
	}
}

// office is a group of eight with a bot that listens, as a test plays it.
type office struct {
	*client
	g      *dingtalktest.Group
	people map[string]dingtalktest.Person
	stream *stream
}

func newOffice(t *testing.T, title string) *office {
	t.Helper()
	c := dingtalk(t, dingtalktest.Options{Page: true})
	o := &office{client: c, people: map[string]dingtalktest.Person{}}
	var all []dingtalktest.Person
	for i, name := range []string{"李雷", "韩梅梅", "张三", "李四", "王五", "Alice Walker", "钱七", "孙八"} {
		p := c.s.AddPerson(dingtalktest.Person{Name: name, Admin: i == 0, Outside: name == "孙八"})
		o.people[name] = p
		all = append(all, p)
	}
	o.g = c.s.AddGroup(dingtalktest.GroupOptions{Title: title}, all...)
	o.stream = c.connect(cardsToo)
	return o
}

// hears is what the bot is told next, acknowledged.
func (o *office) hears() pushed {
	o.Helper()
	p := o.stream.next()
	o.stream.ack(p, 200, "")
	return p
}

// answers is the bot answering by the webhook of what it heard.
func (o *office) answers(p pushed, title, markdown string, at ...string) {
	o.Helper()
	body := obj{"msgtype": "markdown", "markdown": obj{"title": title, "text": markdown}}
	if len(at) > 0 {
		body["at"] = obj{"atUserIds": at, "isAtAll": false}
	}
	o.post(p.data["sessionWebhook"].(string), body).want(o.T, 200, "0")
}
