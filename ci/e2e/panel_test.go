package e2e_test

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	cdplog "github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

const (
	panelTime  = 6 * time.Minute
	panelFlag  = "ff_retry_policy_v2"
	splitTime  = 60 * time.Second
	screenshot = "FIRSTBYTE_SCREENSHOTS" // a folder that keeps what was seen
)

// A panel is a control panel that is being served, with traffic.
type panel struct{ URL, Password string }

// startProxy serves the panel of a real proxy that answers requests of real
// callers, some thirty a second.
func startProxy(t *testing.T) panel {
	t.Helper()
	dir := t.TempDir()
	ca := filepath.Join(dir, "ca.pem")
	write(t, filepath.Join(dir, "quick.yaml"), quickScenario)
	up := launch(t, nil, "fakegemini", "--scenario", filepath.Join(dir, "quick.yaml"), "--arm", "up", "--ca-file", ca)
	proxy := launch(t, []string{"GEMINI_API_KEY=up", "FIRSTBYTE_PROXY_KEYS=" + callerKey}, "proxy", "--listen", "127.0.0.1:0",
		"--upstream", up.URLs["up"], "--upstream-ca-file", ca, "--admin", "127.0.0.1:0", "--store", "sqlite:"+filepath.Join(dir, "store.db"))
	call(t, proxy.URL)
	printed := regexp.MustCompile(`password: (\S+)`)
	for end := time.Now().Add(readyTime); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		if found := printed.FindStringSubmatch(proxy.said()); found != nil {
			return panel{strings.TrimSuffix(proxy.Admin, "/admin/"), found[1]}
		}
	}
	t.Fatalf("the proxy printed no password but %q", proxy.said())
	return panel{}
}

const quickScenario = `name: panel
models: [` + gemini + `]
first_chunk: {median: 20ms}
gap: {median: 1ms}
output: {unit: words, per_chunk: 8}
fallback: {text: Some text., length: {median: 20}}
`

// call asks the proxy for messages until the test ends.
func call(t *testing.T, url string) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	var callers sync.WaitGroup
	t.Cleanup(func() {
		cancel()
		callers.Wait()
	})
	callers.Go(func() {
		tick := time.NewTicker(33 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
				callers.Go(func() { callOnce(ctx, t, url) })
			}
		}
	})
}

func callOnce(ctx context.Context, t *testing.T, url string) {
	const body = `{"model":"` + gemini + `","max_tokens":100,"stream":true,"messages":[{"role":"user","content":"hello"}]}`
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, url+"/v1/messages", strings.NewReader(body))
	if err != nil {
		t.Error(err)
		return
	}
	r.Header.Set("X-Api-Key", callerKey)
	r.Header.Set("Anthropic-Version", "2023-06-01")
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		if ctx.Err() == nil {
			t.Error(err)
		}
		return
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	if ctx.Err() == nil && (err != nil || response.StatusCode != http.StatusOK) {
		t.Errorf("a caller got %s, %v: %s", response.Status, err, text)
	}
}

// startPanel serves the panel over traffic that is made up and follows its
// flags, with credentials in every state there is.
func startPanel(t *testing.T) panel {
	t.Helper()
	bin := filepath.Join(t.TempDir(), "panel")
	build := exec.CommandContext(t.Context(), "go", "test", "-c", "-o", bin, "./refproxy/admin")
	build.Dir = filepath.Join("..", "..")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("go test -c: %v\n%s", err, out)
	}
	cmd := exec.Command(bin, "-test.run", "^TestServe$", "-serve")
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = stdin.Close()
		if err := cmd.Wait(); err != nil {
			t.Errorf("the panel ended with %v", err)
		}
	})
	line, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	var p panel
	if err := json.Unmarshal([]byte(line), &p); err != nil || p.URL == "" {
		t.Fatalf("the panel said %q", line)
	}
	return p
}

// chromium finds or installs a browser.
func chromium(t *testing.T) string {
	t.Helper()
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome", "google-chrome-stable"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	const what = "the control panel in a browser"
	if os.Geteuid() != 0 {
		notTestedHere(t, what, "there is no Chromium: apt-get install chromium")
	}
	for _, args := range [][]string{{"update", "-qq"}, {"install", "-qqy", "--no-install-recommends", "chromium"}} {
		ctx, cancel := context.WithTimeout(t.Context(), aptTime)
		out, err := exec.CommandContext(ctx, "apt-get", args...).CombinedOutput()
		cancel()
		if err != nil {
			notTestedHere(t, what, "there is no Chromium, and apt-get %s failed: %v\n%s", strings.Join(args, " "), err, out)
		}
	}
	path, err := exec.LookPath("chromium")
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// A tab is a page in the browser, and what it complained of.
type tab struct {
	context.Context
	mu    sync.Mutex
	wrong []string
}

func openTab(t *testing.T) *tab {
	t.Helper()
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(chromium(t)), chromedp.UserDataDir(t.TempDir()))
	if os.Geteuid() == 0 {
		options = append(options, chromedp.NoSandbox)
	}
	ctx, cancel := context.WithTimeout(t.Context(), panelTime)
	t.Cleanup(cancel)
	ctx, stop := chromedp.NewExecAllocator(ctx, options...)
	t.Cleanup(stop)
	ctx, leave := chromedp.NewContext(ctx)
	t.Cleanup(leave)
	b := &tab{Context: ctx}
	if err := chromedp.Listen(ctx, b.listen); err != nil {
		t.Fatal(err)
	}
	return b
}

// listen notes what the browser's console shows as wrong.
func (b *tab) listen(event any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch e := event.(type) {
	case *runtime.EventExceptionThrown:
		b.wrong = append(b.wrong, e.ExceptionDetails.Text)
	case *runtime.EventConsoleAPICalled:
		if e.Type == runtime.ConsoleAPICalledTypeError || e.Type == runtime.ConsoleAPICalledTypeWarning {
			b.wrong = append(b.wrong, fmt.Sprintf("console: %s", e.Args[0].Value))
		}
	case *cdplog.EventEntryAdded:
		b.wrong = append(b.wrong, fmt.Sprintf("%s: %s (%s)", e.Entry.Level, e.Entry.Text, e.Entry.URL))
	}
}

// An action is one that returns nothing.
type action = chromedp.Action[chromedp.Void]

func (b *tab) run(t *testing.T, actions ...action) {
	t.Helper()
	if err := chromedp.Do(b, actions...); err != nil {
		t.Fatal(err)
	}
}

// value returns what an action does.
func value[V any](t *testing.T, b *tab, a chromedp.Action[V]) V {
	t.Helper()
	v, err := chromedp.Run(b, a)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// eval returns the value of an expression.
func eval[V any](t *testing.T, b *tab, expression string) V {
	t.Helper()
	return value(t, b, chromedp.Evaluate[V](expression, chromedp.EvalAwaitPromise))
}

// quiet fails if the console showed anything.
func (b *tab) quiet(t *testing.T) {
	t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, line := range b.wrong {
		t.Error(line)
	}
	b.wrong = nil
}

// view sets width, height and colours.
func (b *tab) view(t *testing.T, width, height int64, scheme string) {
	t.Helper()
	b.run(t, chromedp.EmulateViewport(width, height),
		chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
			_, err := cdp.Call(ctx, target, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
				Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}},
			})
			return err
		}))
}

// press sends a key as a keyboard does.
func press(key string) action { return chromedp.KeyEvent(key) }

func (b *tab) login(t *testing.T, p panel) {
	t.Helper()
	b.run(t, chromedp.Navigate(p.URL), chromedp.WaitVisible(chromedp.CSS("#password")),
		chromedp.SendKeys(chromedp.CSS("#password"), p.Password+kb.Enter), chromedp.WaitVisible(chromedp.CSS(".tiles")))
}

// TestPanel walks every page of the control panel in a real browser, at the
// widths of a desk and of a phone, in light and dark: nothing may be wider than
// the screen, too faint to read, without a name, or a complaint of the console.
func TestPanel(t *testing.T) {
	p := startPanel(t)
	b := openTab(t)
	b.view(t, 1280, 900, "light")
	b.run(t, chromedp.Navigate(p.URL), chromedp.WaitVisible(chromedp.CSS("#password")))
	keep(t, b, "login")
	b.login(t, p)
	for _, size := range []struct {
		name          string
		width, height int64
	}{{"desk", 1280, 900}, {"phone", 360, 740}} {
		for _, scheme := range []string{"light", "dark"} {
			b.view(t, size.width, size.height, scheme)
			for _, page := range []string{"", "flags", "credentials", "requests", "requests/one", "log", "audit", "password", "credentials/cr-1a2b/delete"} {
				name := strings.Join([]string{strings.ReplaceAll(cmp.Or(page, "overview"), "/", "-"), size.name, scheme}, "-")
				t.Run(name, func(t *testing.T) {
					if page == "requests/one" {
						page = "requests/" + eval[string](t, b, aRequest)
					}
					b.run(t, chromedp.Navigate(p.URL+"/admin/panel/"+page), chromedp.WaitVisible(chromedp.CSS("h1")),
						chromedp.Evaluate[chromedp.Void](`document.getElementById("pause")?.click()`)) // a still page
					keep(t, b, name)
					b.sound(t)
					b.quiet(t)
				})
			}
		}
	}
}

// aRequest finds a recent request that needed more than one attempt.
const aRequest = `fetch("/admin/requests?limit=200").then(r => r.json()).then(d => (d.requests.find(r => r.attempts.length > 1) || d.requests[0]).id)`

// sound holds what everyone needs of a page.
func (b *tab) sound(t *testing.T) {
	t.Helper()
	if wide := eval[int](t, b, `document.documentElement.scrollWidth - innerWidth`); wide > 0 {
		t.Errorf("%d pixels wider than the screen", wide)
	}
	for _, line := range eval[[]string](t, b, nameless) {
		t.Error("without a name: " + line)
	}
	for _, line := range eval[[]string](t, b, faint) {
		t.Error("too faint: " + line)
	}
}

// nameless lists what takes input and has no name for those who cannot see.
const nameless = `[...document.querySelectorAll("a, button, input:not([type=hidden]), select, textarea, svg[role=img]")]
	.filter(e => e.checkVisibility())
	.filter(e => !(e.getAttribute("aria-label") || (e.labels && e.labels.length) || e.textContent.trim() || e.querySelector("img[alt]:not([alt=''])")))
	.map(e => e.outerHTML.slice(0, 120))`

// faint lists texts whose contrast with what is behind them is below 4.5:1, by
// the formula of WCAG 2.2; of lists the first entries.
const faint = `(() => {
	const parse = c => (c.match(/[\d.]+/g) || []).map(Number);
	const light = ([r, g, b]) => [r, g, b].map(v => v / 255).map(v => v <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4)
		.reduce((sum, v, i) => sum + v * [.2126, .7152, .0722][i], 0);
	const behind = e => {
		for (; e; e = e.parentElement) {
			const c = parse(getComputedStyle(e).backgroundColor);
			if (c.length === 3 || c[3] === 1) return c;
		}
		return [255, 255, 255];
	};
	const found = [];
	for (const e of document.querySelectorAll("body *")) {
		const own = [...e.childNodes].some(n => n.nodeType === 3 && n.textContent.trim());
		if (!own || !e.checkVisibility() || e.closest("svg, .hide, .skip, option, :disabled, tr:nth-child(n+6), li:nth-child(n+6)")) continue;
		const [a, b] = [light(parse(getComputedStyle(e).color)), light(behind(e))];
		const contrast = (Math.max(a, b) + .05) / (Math.min(a, b) + .05);
		if (contrast < 4.5) found.push(contrast.toFixed(2) + " " + e.outerHTML.slice(0, 100));
	}
	return found;
})()`

// TestPanelMovesTraffic sets a flag of a real proxy by keyboard alone, sees the
// new percentage read back, and sees the split of live traffic follow; then it
// rolls back.
func TestPanelMovesTraffic(t *testing.T) {
	p := startProxy(t)
	b := openTab(t)
	b.view(t, 1280, 900, "light")
	b.login(t, p)
	b.run(t, chromedp.Navigate(p.URL+"/admin/panel/flags"), chromedp.WaitVisible(chromedp.CSS("#percent-"+panelFlag)))
	if got := b.percent(t); got != 0 {
		t.Fatalf("the flag begins at %v %%", got)
	}

	b.tabTo(t, fmt.Sprintf(`document.activeElement.dataset.for === "percent-%s"`, panelFlag))
	for range 40 {
		b.run(t, press(kb.ArrowRight))
	}
	if got := eval[string](t, b, fmt.Sprintf(`document.getElementById("percent-%s").value`, panelFlag)); got != "40" {
		t.Fatalf("40 presses of a key moved the slider to %s", got)
	}
	b.tabTo(t, `document.activeElement.ariaLabel === "Apply to `+panelFlag+`"`)
	b.run(t, press(kb.Enter), chromedp.WaitVisible(chromedp.CSS(".note")))
	if got := eval[string](t, b, `document.querySelector(".note").textContent`); !strings.Contains(got, panelFlag+" is now on for 40\u00a0% of requests") {
		t.Errorf("the page says %q", got)
	}
	if got := b.percent(t); got != 40 {
		t.Errorf("the API reads back %v %%", got)
	}
	keep(t, b, "flag-applied")
	b.waitShare(t, func(percent float64) bool { return percent > 32 && percent < 48 })
	keep(t, b, "flag-moved")

	b.tabTo(t, `document.activeElement.ariaLabel === "Roll back `+panelFlag+` to 0 %"`)
	b.run(t, press(kb.Enter))
	b.says(t, panelFlag+" is rolled back")
	if got := b.percent(t); got != 0 {
		t.Errorf("after the rollback the API reads back %v %%", got)
	}
	b.waitShare(t, func(percent float64) bool { return percent < 1 })
	b.quiet(t)
}

// TestPanelPassword changes the password, goes on in the same session, and logs in
// anew with the new one.
func TestPanelPassword(t *testing.T) {
	p := startPanel(t)
	b := openTab(t)
	b.view(t, 1280, 900, "light")
	b.login(t, p)
	const next = "a password of the test"
	b.run(t, chromedp.Navigate(p.URL+"/admin/panel/password"), chromedp.WaitVisible(chromedp.CSS("#current")),
		chromedp.SendKeys(chromedp.CSS("#current"), p.Password),
		chromedp.SendKeys(chromedp.CSS("#new"), next),
		chromedp.SendKeys(chromedp.CSS("#again"), next+kb.Enter), chromedp.WaitVisible(chromedp.CSS(".note")))
	if got := eval[string](t, b, `document.querySelector(".note").textContent`); !strings.Contains(got, "The password is changed") {
		t.Errorf("the page says %q", got)
	}
	keep(t, b, "password-changed")
	b.run(t, chromedp.Click(chromedp.CSS(`form[action="/admin/panel/logout"] button`)), chromedp.WaitVisible(chromedp.CSS("#password")))
	p.Password = next
	b.login(t, p)
	b.quiet(t)
}

// tabTo presses the tabulator until the condition holds of the focused element,
// which must show that it has the focus.
func (b *tab) tabTo(t *testing.T, condition string) {
	t.Helper()
	for range 60 {
		if eval[bool](t, b, condition) {
			if eval[string](t, b, `getComputedStyle(document.activeElement).outlineStyle`) == "none" {
				t.Errorf("where %s the focus cannot be seen", condition)
			}
			return
		}
		b.run(t, press(kb.Tab))
	}
	t.Fatalf("60 tabs do not lead to where %s", condition)
}

// says waits until the page's note has the text: that of the page before may still
// be there.
func (b *tab) says(t *testing.T, text string) {
	t.Helper()
	got := ""
	for end := time.Now().Add(splitTime); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		// An error is a page that is being left.
		got, _ = chromedp.Run(b, chromedp.Evaluate[string](`document.querySelector(".note")?.textContent ?? ""`))
		if strings.Contains(got, text) {
			return
		}
	}
	t.Fatalf("the page says %q, not %q", got, text)
}

// percent returns what the API says of the flag.
func (b *tab) percent(t *testing.T) float64 {
	t.Helper()
	return eval[float64](t, b, fmt.Sprintf(`fetch("/admin/flags/%s").then(r => r.json()).then(f => f.percent)`, panelFlag))
}

// waitShare waits until the live share of the flag is as wanted.
func (b *tab) waitShare(t *testing.T, want func(percent float64) bool) {
	t.Helper()
	text := ""
	for end := time.Now().Add(splitTime); time.Now().Before(end); time.Sleep(250 * time.Millisecond) {
		text = eval[string](t, b, fmt.Sprintf(`document.querySelector("#seen-%s [data-share]").dataset.share`, panelFlag))
		if got, err := strconv.ParseFloat(text, 64); err == nil && want(got) {
			return
		}
	}
	t.Errorf("after %v the share is %q", splitTime, text)
}

// keep writes what is seen to a folder, if one is asked for.
func keep(t *testing.T, b *tab, name string) {
	t.Helper()
	dir := os.Getenv(screenshot)
	if dir == "" {
		dir = t.TempDir()
	}
	png := value(t, b, chromedp.FullScreenshot(100))
	if err := os.WriteFile(filepath.Join(dir, name+".png"), png, 0o600); err != nil {
		t.Fatal(err)
	}
}
