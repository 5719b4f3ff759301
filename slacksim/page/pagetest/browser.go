// Package pagetest drives the page of a simulated Slack workspace in a real Chromium, as
// somebody would with keyboard and mouse:
//
//	func TestMain(m *testing.M) { pagetest.Main(m) }
//
//	tab := pagetest.Open(t, srv.URL)
//	tab.Send("/order 3 coffees")
//	tab.Click("Buy")          // the newest button of this text, in the dialog on top if there is one
//	tab.Click("Yes, buy")     // the confirm dialog is one
//	tab.WaitText("Bought")
//
// One browser serves all tests of a package, with a fresh profile for every tab. Every
// step waits for what it needs and fails the test, with what the page shows, after
// 800 looks at it. A tab also fails its test when the page throws, breaks its own content
// security policy, asks any other host for anything, or shows a value that html/template
// filtered out.
package pagetest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// A step looks up to looks times for what it needs, with a pause between two looks: 20 seconds on an idle machine. It
// counts looks, not seconds, since on a busy machine the page and its contents become slower alike.
const (
	looks = 800
	pause = 25 * time.Millisecond
)

// Patience is how long the browser may take for one command before it counts as hung.
const Patience = 2 * time.Minute

var browser struct {
	sync.Once
	ctx   context.Context
	close func()
	err   error
}

// Main runs the tests of a package and ends the browser that they started, if they did.
// check, if any, runs after that and before the exit, with the tests' exit code; it
// returns the exit code to use: the place to look for goroutines that leak.
func Main(m *testing.M, check ...func(code int) int) {
	code := m.Run()
	if browser.close != nil {
		browser.close()
	}
	for _, c := range check {
		code = c(code)
	}
	os.Exit(code)
}

// executable finds Chromium: CHROMIUM says where it is, else the usual names are tried.
func executable() (string, error) {
	if path := os.Getenv("CHROMIUM"); path != "" {
		return path, nil
	}
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome", "google-chrome-stable"} {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", errors.New("the tests need Chromium: install the package chromium, or set CHROMIUM to its path")
}

func start() {
	path, err := executable()
	if err != nil {
		browser.err = err
		return
	}
	profile, err := os.MkdirTemp("", "pagetest-")
	if err != nil {
		browser.err = fmt.Errorf("make a browser profile: %w", err)
		return
	}
	options := append([]chromedp.ExecAllocatorOption{}, chromedp.DefaultExecAllocatorOptions[:]...)
	options = append(
		options, chromedp.ExecPath(path), chromedp.UserDataDir(profile), chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true), chromedp.Flag("lang", "en-US"),
		chromedp.Flag("no-proxy-server", true), chromedp.WSURLReadTimeout(time.Minute),
	)
	allocator, endAllocator := chromedp.NewExecAllocator(context.Background(), options...)
	ctx, _ := chromedp.NewContext(allocator)
	browser.ctx = ctx
	browser.close = func() {
		// Waits until the process is gone.
		if err := chromedp.Cancel(ctx); err != nil && !errors.Is(err, context.Canceled) {
			fmt.Fprintln(os.Stderr, "end the browser:", err)
		}
		endAllocator()
		os.RemoveAll(profile)
	}
	if err := chromedp.Do(ctx); err != nil {
		browser.err = fmt.Errorf("start Chromium: %w", err)
	}
}
