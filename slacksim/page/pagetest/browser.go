// Package pagetest uses the page of a simulated Slack workspace in a real Chromium, with keyboard and mouse:
//
//	func TestMain(m *testing.M) { pagetest.Main(m) }
//
//	tab := pagetest.Open(t, srv.URL)
//	tab.Send("/order 3 coffees")
//	tab.Click("Buy")          // the newest button with this text; in the topmost dialog if one is open
//	tab.Click("Yes, buy")     // in the confirm dialog
//	tab.WaitText("Bought")
//
// Start with [Open], which returns a [Tab]. [Main] ends the browser after the tests. All tests of a package share one
// browser, and every tab has a profile of its own. The browser is the one that the variable CHROMIUM names, or Chromium
// or Chrome in PATH.
//
// A step waits until it is possible, for about 20 seconds, and then fails the test with the text of the page. A tab
// also fails its test if the page throws an error, violates its content security policy, sends a request to another
// host, or shows a value that html/template has filtered out.
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

// A step tries up to looks times, with a pause between two tries: 20 seconds on an idle machine. It counts tries and
// not seconds, since on a busy machine the page becomes slower as the tries do.
const (
	looks = 800
	pause = 25 * time.Millisecond
)

// patience is how long one command of the browser may take.
const patience = 2 * time.Minute

var browser struct {
	sync.Once
	ctx   context.Context
	close func()
	err   error
}

// Main runs the tests of a package, ends the browser, and exits. Call it from TestMain. Each check runs between the end
// of the browser and the exit: it gets the exit code and returns the one to use, such as for leaked goroutines.
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

// executable finds the browser: the path in CHROMIUM, or one of the usual names in PATH.
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
		// Cancel waits until the process has ended.
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
