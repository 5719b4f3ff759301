package pagetest

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/input"
	cdplog "github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// Tab is a browser tab with the page. Its methods fail the test if they don't succeed.
type Tab struct {
	tb   testing.TB
	ctx  context.Context
	host string

	mu       sync.Mutex
	problems []string
}

// Open opens address in a new tab with its own profile. The window has 1280×800 CSS pixels, the light color scheme and
// the time zone Europe/Berlin. The tab closes when the test ends.
func Open(tb testing.TB, address string) *Tab {
	tb.Helper()
	browser.Do(start)
	if browser.err != nil {
		tb.Fatal(browser.err)
	}
	u, err := url.Parse(address)
	if err != nil {
		tb.Fatal(err)
	}
	t := &Tab{tb: tb, host: u.Host}
	ctx, cancel := chromedp.NewContext(browser.ctx, chromedp.WithNewBrowserContext(), chromedp.WithListener(t.watch))
	t.ctx = ctx
	tb.Cleanup(func() {
		cancel()
		t.mu.Lock()
		defer t.mu.Unlock()
		for _, p := range t.problems {
			tb.Error("the page:", p)
		}
	})
	// The first command binds the tab to its context, which therefore must not have a deadline.
	if err := chromedp.Do(ctx); err != nil {
		tb.Fatal(fmt.Errorf("open a tab: %w", err))
	}
	call(t, network.Enable, network.EnableParams{})
	call(t, cdplog.Enable, cdp.Empty{})
	call(t, emulation.SetTimezoneOverride, emulation.SetTimezoneOverrideParams{TimezoneID: "Europe/Berlin"})
	call(t, emulation.SetLocaleOverride, emulation.SetLocaleOverrideParams{Locale: "en_US"})
	call(t, page.Enable, page.EnableParams{})
	call(t, page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{Source: filtered})
	t.Size(1280, 800)
	t.run("open "+address, chromedp.Navigate(address))
	t.ready()
	return t
}

// filtered is a script that throws an error if the page has the mark that html/template puts in place of a value that
// it considers dangerous. The value is lost then, and a button without its id does nothing.
const filtered = `new MutationObserver(records => {
	for (const r of records) for (const now of r.type === 'childList' ? r.addedNodes : [r.target]) {
		const text = now.outerHTML ?? now.data ?? '';
		const at = text.indexOf('ZgotmplZ');
		const error = new Error('html/template took out a value: ' + text.slice(Math.max(0, at - 80), at + 20));
		if (at >= 0) queueMicrotask(() => { throw error; });
	}
}).observe(document, {subtree: true, childList: true, attributes: true, characterData: true});`

func (t *Tab) watch(event any) {
	problem := ""
	switch e := event.(type) {
	case *runtime.EventExceptionThrown:
		problem = e.ExceptionDetails.Text
		if x := e.ExceptionDetails.Exception; x != nil {
			problem += " " + x.Description
		}
	case *cdplog.EventEntryAdded:
		// Other entries are about failed requests: some tests stop the server.
		if e.Entry.Source == cdplog.EntrySourceSecurity {
			problem = e.Entry.Text
		}
	case *network.EventRequestWillBeSent:
		if u, err := url.Parse(e.Request.URL); err == nil && u.Host != t.host && u.Scheme != "data" && u.Scheme != "about" &&
			u.Scheme != "blob" {
			problem = "asked for " + e.Request.URL
		}
	}
	if problem != "" {
		t.mu.Lock()
		t.problems = append(t.problems, problem)
		t.mu.Unlock()
	}
}

// run runs actions, within patience.
func (t *Tab) run(what string, actions ...chromedp.Action[chromedp.Void]) {
	t.tb.Helper()
	ctx, cancel := context.WithTimeout(t.ctx, patience)
	defer cancel()
	if err := chromedp.Do(ctx, actions...); err != nil {
		t.tb.Fatalf("%s: %v", what, err)
	}
}

// call sends a command of the DevTools protocol.
func call[P, R any](t *Tab, command cdp.Command[P, R], params P) {
	t.tb.Helper()
	ctx, cancel := context.WithTimeout(t.ctx, patience)
	defer cancel()
	if _, err := chromedp.Call(ctx, command, params); err != nil {
		t.tb.Fatalf("%s: %v", command.Method, err)
	}
}

// Eval returns the value of a JavaScript expression. It waits for a promise.
func Eval[T any](t *Tab, expression string) T {
	t.tb.Helper()
	ctx, cancel := context.WithTimeout(t.ctx, patience)
	defer cancel()
	out, err := chromedp.Run(ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
	if err != nil {
		t.tb.Fatalf("%s: %v", expression, err)
	}
	return out
}

// do runs JavaScript and ignores its value.
func (t *Tab) do(script string) {
	t.tb.Helper()
	Eval[chromedp.Void](t, script)
}

// Until waits until a JavaScript expression is true. what names it in the error.
func (t *Tab) Until(what, expression string) {
	t.tb.Helper()
	t.poll(what, func(ctx context.Context) (bool, error) {
		return chromedp.Run(ctx, chromedp.Evaluate[bool]("!!("+expression+")"))
	})
}

// poll calls ask until it returns true. It ignores errors, because a page that is being loaded can't answer.
func (t *Tab) poll(what string, ask func(context.Context) (bool, error)) {
	t.tb.Helper()
	var err error
	for range looks {
		var ok bool
		if ok, err = t.look(ask); ok && err == nil {
			return
		}
		if waited := chromedp.Do(t.ctx, chromedp.Sleep(pause)); waited != nil {
			t.tb.Fatalf("waiting for %s: %v", what, waited)
		}
	}
	t.tb.Fatalf("waiting for %s: it did not come (%v); the page shows:\n%s", what, err, t.Text())
}

func (t *Tab) look(ask func(context.Context) (bool, error)) (bool, error) {
	ctx, cancel := context.WithTimeout(t.ctx, patience)
	defer cancel()
	return ask(ctx)
}

func (t *Tab) ready() {
	t.tb.Helper()
	t.Until("the page", "document.body && 'ready' in document.body.dataset")
}

// quote returns s as a JavaScript string.
func quote(s string) string {
	b, err := json.Marshal(s)
	if err != nil {
		panic(err) // strings always have a JSON form
	}
	return string(b)
}

// Text returns everything that can be read on the page now.
func (t *Tab) Text() string {
	ctx, cancel := context.WithTimeout(t.ctx, patience)
	defer cancel()
	text, err := chromedp.Run(ctx, chromedp.Evaluate[string]("document.body ? document.body.innerText : ''"))
	if err != nil {
		return fmt.Sprintf("(cannot be read: %v)", err)
	}
	return text
}

// WaitText waits until text can be read on the page.
func (t *Tab) WaitText(text string) {
	t.tb.Helper()
	t.Until(fmt.Sprintf("the text %q", text), "document.body.innerText.includes("+quote(text)+")")
}

// WaitNoText waits until text can't be read on the page.
func (t *Tab) WaitNoText(text string) {
	t.tb.Helper()
	t.Until(fmt.Sprintf("the text %q to go", text), "!document.body.innerText.includes("+quote(text)+")")
}

// Size sets the size of the window in CSS pixels. A window that is up to 480 pixels wide is that of a phone, with
// touch.
func (t *Tab) Size(width, height int64) {
	t.tb.Helper()
	t.resize(width, height, 1)
}

func (t *Tab) resize(width, height int64, scale float64) {
	t.tb.Helper()
	phone := width <= 480
	call(t, emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{
		Width: width, Height: height, DeviceScaleFactor: scale, Mobile: phone,
	})
	call(t, emulation.SetTouchEmulationEnabled, emulation.SetTouchEmulationEnabledParams{Enabled: phone})
}

// Sharp sets the size as Size does, with two device pixels for each CSS pixel: for screenshots in documents.
func (t *Tab) Sharp(width, height int64) {
	t.tb.Helper()
	t.resize(width, height, 2)
}

// Dark turns the dark color scheme on or off.
func (t *Tab) Dark(on bool) {
	t.tb.Helper()
	scheme := "light"
	if on {
		scheme = "dark"
	}
	call(t, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}},
	})
}

// Screenshot writes the content of the window to a PNG file.
func (t *Tab) Screenshot(file string) {
	t.tb.Helper()
	// With running animations, no two pictures would be equal.
	t.do(`(async () => {
		for (const a of document.getAnimations()) { try { a.finish() } catch { a.cancel() } }
		await new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)));
	})()`)
	ctx, cancel := context.WithTimeout(t.ctx, patience)
	defer cancel()
	png, err := chromedp.Run(ctx, chromedp.CaptureScreenshot())
	if err != nil {
		t.tb.Fatal(fmt.Errorf("take a screenshot: %w", err))
	}
	if err := os.WriteFile(file, png, 0o644); err != nil {
		t.tb.Fatal(err)
	}
}

// Press presses a key: Enter, Tab, Escape, ArrowUp, ArrowDown, Shift+Enter, Shift+Tab.
func (t *Tab) Press(key string) {
	t.tb.Helper()
	name, shift := strings.CutPrefix(key, "Shift+")
	code, ok := map[string]int64{"Enter": 13, "Tab": 9, "Escape": 27, "ArrowUp": 38, "ArrowDown": 40}[name]
	if !ok {
		t.tb.Fatalf("no key %q", key)
	}
	// One event that has the text with it, unlike chromedp's own: a page that prevents the default of the key also
	// prevents the text, as with a real keyboard.
	down := input.DispatchKeyEventParams{Type: "rawKeyDown", Key: name, Code: name, WindowsVirtualKeyCode: code}
	if shift {
		down.Modifiers = int64(chromedp.ModifierShift)
	}
	up := down
	up.Type = "keyUp"
	if name == "Enter" {
		down.Type, down.Text, down.UnmodifiedText = "keyDown", "\r", "\r"
	}
	call(t, input.DispatchKeyEvent, down)
	call(t, input.DispatchKeyEvent, up)
}

// Focused returns the label, text or placeholder of the element with the focus.
func (t *Tab) Focused() string {
	t.tb.Helper()
	return Eval[string](
		t,
		`(e => (e.getAttribute('aria-label') || e.innerText || e.placeholder || e.id || e.tagName).trim())
			(document.activeElement)`,
	)
}
