package main

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"licensebot/internal/processtest"
	"licensebot/slacksim"
	"licensebot/storage"
)

// demoReader is Alice with her browser, at a demo that runs as a process of its own.
type demoReader struct {
	t       *testing.T
	process *processtest.Process
	url     string
}

func startDemo(t *testing.T, settings map[string]string, args ...string) *demoReader {
	t.Helper()
	p := launch(t, settings, append([]string{"--addr", "127.0.0.1:0"}, args...)...)
	p.Prints(&p.Out, 1, "Ctrl-C stops it.")
	return &demoReader{t, p, regexp.MustCompile(`http://127\.0\.0\.1:\d+`).FindString(p.Out.String())}
}

// page returns the page that Alice sees in #general.
func (r *demoReader) page() string {
	r.t.Helper()
	return r.pageOf(slacksim.Alice, slacksim.General)
}

// pageOf returns the page that a person sees in a channel.
func (r *demoReader) pageOf(who, channel string) string {
	r.t.Helper()
	resp, err := http.Get(r.url + "/?" + url.Values{"as": {who}, "at": {channel}}.Encode())
	if err != nil {
		r.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		r.t.Fatal(err)
	}
	return string(text)
}

func (r *demoReader) do(verb string, deed map[string]any) {
	r.t.Helper()
	deed["as"], deed["at"] = slacksim.Alice, slacksim.General
	body, err := json.Marshal(deed)
	if err != nil {
		r.t.Fatal(err)
	}
	resp, err := http.Post(r.url+"/-/do/"+verb, "application/json", bytes.NewReader(body))
	if err != nil {
		r.t.Fatal(err)
	}
	defer resp.Body.Close()
	if text, err := io.ReadAll(resp.Body); err != nil || strings.TrimSpace(string(text)) != "{}" {
		r.t.Fatalf("%s: got %s (error %v), want {}", verb, text, err)
	}
}

// until reads the page until has returns true.
func (r *demoReader) until(what string, has func(page string) bool) {
	r.t.Helper()
	for began := time.Now(); ; time.Sleep(20 * time.Millisecond) {
		page := r.page()
		if has(page) {
			return
		}
		if time.Since(began) > 100*time.Second { // CoCalc may ask the bot to wait for a minute before its next question
			r.t.Fatalf("waiting for %s: got the page\n%s", what, page)
		}
	}
}

var (
	article   = regexp.MustCompile(`(?s)<article .*?</article>`)
	attribute = regexp.MustCompile(`data-([a-z-]+)="([^"]*)"`)
	soldRow   = regexp.MustCompile(`<dd class="note">order 01[0-9A-Z]{24}</dd>`)
	soldMore  = regexp.MustCompile(`<dt>Older ones</dt><dd>([0-9]+)</dd>`)
)

// click requests a license and clicks Buy on its card.
func (r *demoReader) click() {
	r.t.Helper()
	r.do("say", map[string]any{"text": tryBuying})
	deed := map[string]any{"values": []string{}}
	r.until("the card", func(page string) bool {
		for _, message := range article.FindAllString(page, -1) {
			at := strings.Index(message, `data-action-id="order_buy"`)
			if at < 0 {
				continue
			}
			deed["ts"] = attribute.FindStringSubmatch(message)[2]
			for _, a := range attribute.FindAllStringSubmatch(message[strings.LastIndex(message[:at], "<span"):], 2) {
				deed[strings.TrimSuffix(a[1], "-id")] = a[2]
			}
			return true
		}
		return false
	})
	r.do("use", deed)
}

// sold counts the licenses that the bot bought, on the page's CoCalc side.
func sold(page string) int {
	n := len(soldRow.FindAllString(page, -1))
	if more := soldMore.FindStringSubmatch(page); more != nil {
		older, _ := strconv.Atoi(more[1])
		n += older
	}
	return n
}

// receipts counts the cards of orders that were bought.
func receipts(page string) int { return strings.Count(page, `data-action-id="order_again"`) }

// Each start of the demo sells a license, however the one before ended: four end with Ctrl-C, one is killed during a
// checkout, and one when its receipt has just appeared. Messages and licenses are there again. (Two checkouts of
// unknown outcome in a day pause buying, so only one is killed.)
func TestDemo_Restarts(t *testing.T) {
	data := filepath.Join(t.TempDir(), "demo")
	quick := map[string]string{"CHECKOUT_TIMEOUT": "2s", "SETTLE_AFTER": "3s"}
	bought := 0
	ends := []string{"ctrl-c", "killed while it buys", "ctrl-c", "killed after a receipt", "ctrl-c", "ctrl-c"}
	for i, end := range ends {
		r := startDemo(t, quick, "--data", data)
		page := r.page()
		if now := sold(page); now < bought {
			t.Fatalf("start %d: got %d licenses, want at least %d", i+1, now, bought)
		}
		before := receipts(page)
		if before < i {
			t.Errorf("start %d: got %d receipts, want at least one for each start before", i+1, before)
		}
		r.click()
		r.until("the receipt", func(page string) bool { return receipts(page) > before })
		if end == "killed while it buys" {
			r.click()
			r.until("the checkout", func(page string) bool { return strings.Contains(page, "<dd>checked</dd>") })
		}
		bought = sold(r.page())
		if end == "ctrl-c" {
			if code := r.process.Ends(processtest.Patience, syscall.SIGINT); code != 0 || r.process.Err.String() != "" ||
				!strings.Contains(r.process.Out.String(), "A payment in progress finishes first") {
				t.Fatalf("start %d: got exit code %d, want 0:\n%s\n%s", i+1, code, &r.process.Out, &r.process.Err)
			}
			continue
		}
		r.process.Kill()
	}
	if bought < 6 {
		t.Errorf("six starts: got %d licenses, want at least 6", bought)
	}
	log, err := os.ReadFile(filepath.Join(data, logFile))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(log)) {
		if strings.Contains(line, "double") || strings.Contains(line, `"level":"error"`) {
			t.Error(line)
		}
	}

	t.Run("fresh", func(t *testing.T) {
		r := startDemo(t, quick, "--data", data, "--fresh")
		if page := r.page(); sold(page) != 0 || receipts(page) != 0 {
			t.Errorf("a fresh demo: got %d licenses and %d receipts, want none", sold(page), receipts(page))
		}
		r.click()
		r.until("the purchase", func(page string) bool { return sold(page) == 1 })
		aside, err := filepath.Glob(filepath.Join(data, "before-*", ledgerFile))
		if err != nil || len(aside) != 1 || !strings.Contains(r.process.Out.String(), filepath.Dir(aside[0])) {
			t.Errorf("earlier ledgers: got %q (error %v), want one, named in the output\n%s", aside, err, &r.process.Out)
		}
		// A second demo in the same folder cannot move the ledger of the first away.
		second := does(t, "--addr", "127.0.0.1:0", "--data", data, "--fresh")
		if second.code != 1 || !strings.Contains(second.err, "another demo is using "+data) {
			t.Errorf("a second demo: got exit code %d, want 1\n%s%s", second.code, second.out, second.err)
		}
	})
}

// A ledger without a simulated CoCalc may be a real bot's. No demo opens it. With --fresh, the demo moves it, but only
// while no bot runs.
func TestOpenState_LedgerWithoutSimulators(t *testing.T) {
	data := t.TempDir()
	ledger := filepath.Join(data, ledgerFile)
	if err := os.WriteFile(ledger, []byte("a ledger"), 0o600); err != nil {
		t.Fatal(err)
	}
	got := does(t, "--addr", "127.0.0.1:0", "--data", data)
	if got.code != 1 || !strings.Contains(got.err, "is a ledger without a simulated CoCalc") ||
		!strings.Contains(got.err, "--fresh") {
		t.Errorf("got exit code %d\n%s%s\nwant 1, a ledger without a simulated CoCalc, and --fresh", got.code, got.out,
			got.err)
	}
	if content, err := os.ReadFile(ledger); err != nil || string(content) != "a ledger" {
		t.Errorf("got the ledger %q, want it unchanged; error %v", content, err)
	}

	running := filepath.Join(t.TempDir(), "running")
	if err := os.MkdirAll(running, 0o700); err != nil {
		t.Fatal(err)
	}
	open, err := storage.Open(filepath.Join(running, ledgerFile))
	if err != nil {
		t.Fatal(err)
	}
	defer open.Close()
	state, err := openState(options{data: running, fresh: true}, time.Now())
	if err == nil {
		state.close()
	}
	if err == nil || !strings.Contains(err.Error(), "stop it first") {
		t.Errorf("the ledger of a bot that runs: got %v, want an error", err)
	}
}
