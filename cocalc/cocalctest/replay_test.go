package cocalctest

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// transcript is a recorded scenario: requests, one after the other unless the label says otherwise, and their answers.
type transcript struct {
	Name, Note string
	Steps      []recordedStep
}

type recordedStep struct {
	Label   string
	Request struct {
		Method, Path string
		Auth         struct{ Username string } // of requests whose headers were not kept
		Headers      map[string]any
		Body         string
	}
	Response struct {
		Status  int // 0: the client hung up
		Headers map[string]string
		Body    string
	}
}

// transcriptFiles are in the order of their recording: some scenarios continue with the accounts of earlier ones.
var transcriptFiles = []string{
	"auth-and-user-query", "cart-add", "cart", "balance-and-params", "checkout", "double-buy", "disconnect", "nonsense",
	"after-purchase", "routes", "tag-survival", "database-outage", "race", "misc", "flow",
}

func readTranscripts(t *testing.T, file string) []transcript {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", "transcripts", file+".json"))
	if err != nil {
		t.Fatal(err)
	}
	var list []transcript
	if err := json.Unmarshal(data, &list); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	return list
}

// outOfScope are the recorded steps that the simulator does not have to match, with the reason.
var outOfScope = map[string]string{
	"dbl-2-staggered-2ms[4]": "the balance of this one trial is a float32 sum in another physical order of the " +
		"database's rows (87.4, not 87.399994)",
}

// TestReplay sends every recorded request to a server in the recorded order, and compares status, headers and body of
// the answers. Ids, keys and UUIDs are mapped one to one. Dates are mapped in order, and must be equal if they are not
// the current time.
func TestReplay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPlayer(t)
		defer p.server.Close()
		for _, file := range transcriptFiles {
			p.playFile(file)
		}
		t.Logf("transcripts: %d of %d steps match, %d are out of scope", p.matched, p.total, p.excluded)
		p.judgeHeldOut()
		if p.total < 979 {
			t.Errorf("got %d steps replayed, want the 979 recorded ones", p.total)
		}
		if p.excluded != len(outOfScope) {
			t.Errorf("got %d steps passed over, want the %d that are listed", p.excluded, len(outOfScope))
		}
	})
}

// player replays scenarios against one server.
type player struct {
	t        *testing.T
	server   *Server
	mapping  *mapping
	accounts map[string]*Account // by recorded key
	faults   []*ArmedFault

	mu     sync.Mutex
	offset time.Duration // from the fake clock to the recorded time

	listed                   map[string]string // steps that do not have to match, and why
	total, matched, excluded int
	perFile                  map[string][2]int // how many steps of a file match, and how many there are
}

func newPlayer(t *testing.T) *player {
	p := &player{
		t: t, mapping: newMapping(), accounts: map[string]*Account{}, listed: outOfScope,
		perFile: map[string][2]int{},
	}
	p.server = New(Config{Seed: 1, Now: p.now})
	p.jump(time.Date(2026, 11, 22, 20, 57, 20, 0, time.UTC))
	return p
}

// now returns the recorded time that corresponds to the fake clock.
func (p *player) now() time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	return time.Now().Add(p.offset).UTC().Truncate(time.Millisecond)
}

// jump moves the clock forward to a time, but never back.
func (p *player) jump(to time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if to.After(time.Now().Add(p.offset)) {
		p.offset = time.Until(to)
	}
}

var recordedDay = regexp.MustCompile(`2026-11-(22T2|28T1)\d:\d\d:\d\d\.\d{3}Z`)

// begin returns the first time in a scenario.
func (tr transcript) begin() (first time.Time) {
	for _, step := range tr.Steps {
		for _, text := range recordedDay.FindAllString(step.Response.Body, -1) {
			if at, _ := time.Parse(time.RFC3339, text); first.IsZero() || at.Before(first) {
				first = at
			}
		}
	}
	return first
}

func (p *player) playFile(file string) {
	matched, total := p.matched, p.total
	for _, scenario := range readTranscripts(p.t, file) {
		p.play(scenario)
	}
	p.perFile[file] = [2]int{p.matched - matched, p.total - total}
}

func (p *player) play(tr transcript) {
	setup := setupOf(tr.Name)
	if at := tr.begin(); !at.IsZero() {
		p.jump(at.Add(-100 * time.Millisecond))
	}
	p.mapping.beginScenario(p.server, tr)
	for _, key := range keysOf(tr) {
		p.account(key, setup)
	}
	if setup.begin != nil {
		setup.begin(p, keysOf(tr))
	}
	plan, ok := planConcurrent(tr)
	if ok {
		for _, key := range keysOf(tr) {
			plan.fillCart(p.accounts[key])
		}
	}
	time.Sleep(setup.gapAfter(0))
	for i := 0; i < len(tr.Steps); {
		if before := setup.before[i]; before != nil {
			before(p)
		}
		n := 1
		for strings.HasPrefix(tr.Steps[i].Label, "concurrent checkout") && i+n < len(tr.Steps) &&
			strings.HasPrefix(tr.Steps[i+n].Label, "concurrent checkout") {
			n++
		}
		if n > 1 {
			p.server.SetCheckoutTakes(append(plan.takes, defaultCheckoutTakes)...)
		}
		stagger := plan.stagger
		if after, ok := setup.atOnce[i]; ok {
			n, stagger = 2, after
		}
		answers := p.send(tr, i, n, stagger)
		for k, got := range answers {
			p.judge(tr, i+k, got)
		}
		i += n
		time.Sleep(setup.gapAfter(i))
	}
	p.server.Wait()
}

// reply is the simulator's answer.
type reply struct {
	status int
	header http.Header
	body   string
	err    error
}

// send sends n steps at once, each a little after the one before.
func (p *player) send(tr transcript, at, n int, stagger time.Duration) []reply {
	replies := make([]reply, n)
	var wait sync.WaitGroup
	for k := range n {
		wait.Add(1)
		go func() {
			defer wait.Done()
			time.Sleep(time.Duration(k) * stagger)
			replies[k] = p.do(tr.Steps[at+k])
		}()
	}
	wait.Wait()
	return replies
}

var dropped = regexp.MustCompile(`(\d+) ms`)

func (p *player) do(step recordedStep) reply {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	if step.Response.Status == 0 {
		ms, _ := strconv.Atoi(dropped.FindStringSubmatch(step.Label)[1])
		ctx, cancel = context.WithTimeout(ctx, time.Duration(ms)*time.Millisecond)
		defer cancel()
		defer p.slowAnswer(step)()
	}
	body := p.mapping.request(step.Request.Path, expand(step.Request.Body))
	request, err := http.NewRequestWithContext(ctx, step.Request.Method, "http://cocalc.test"+step.Request.Path,
		strings.NewReader(body))
	if err != nil {
		return reply{err: err}
	}
	for name, value := range step.Request.Headers {
		if name != "Content-Length" {
			request.Header.Set(name, p.header(name, fmt.Sprint(value)))
		}
	}
	if key := step.Request.Auth.Username; key != "" && request.Header.Get("Authorization") == "" {
		request.SetBasicAuth(p.simulatedKeys(key), "")
	}
	response, err := p.server.Transport().RoundTrip(request)
	if err != nil {
		return reply{err: err}
	}
	defer response.Body.Close()
	got, err := io.ReadAll(response.Body)
	return reply{response.StatusCode, response.Header, string(got), err}
}

// slowAnswer delays a request that was dropped beyond its caller's timeout, since its work takes no time here.
func (p *player) slowAnswer(step recordedStep) func() {
	path := strings.TrimPrefix(step.Request.Path, apiRoot)
	return p.server.Inject(Fault{Endpoint: path, When: After, Effect: Delay, Wait: time.Second, Times: 1}).Clear
}

// header replaces the recorded key of a header by the simulated one.
func (p *player) header(name, value string) string {
	if name != "Authorization" {
		return value
	}
	if encoded, ok := strings.CutPrefix(value, "Basic "); ok {
		decoded, _ := base64.StdEncoding.DecodeString(encoded)
		return "Basic " + base64.StdEncoding.EncodeToString([]byte(p.simulatedKeys(string(decoded))))
	}
	return p.simulatedKeys(value)
}

var keySyntax = regexp.MustCompile(`sk-[A-Za-z0-9]{22}`)

func (p *player) simulatedKeys(text string) string {
	return keySyntax.ReplaceAllStringFunc(text, func(key string) string {
		if to, ok := p.mapping.keys[key]; ok {
			return to
		}
		return key
	})
}

var clipped = regexp.MustCompile(`(.)\.\.\.\[(\d+) chars in all\]$`)

// expand restores a request whose long title was cut in the recording.
func expand(body string) string {
	m := clipped.FindStringSubmatch(body)
	if m == nil {
		return body
	}
	const tail = `","description":"requested in #math by U123"}}`
	length, _ := strconv.Atoi(m[2])
	head := clipped.ReplaceAllString(body, m[1])
	return head + strings.Repeat(m[1], length-len(head)-len(tail)) + tail
}

// judge compares an answer with the recorded one, and counts it.
func (p *player) judge(tr transcript, at int, got reply) {
	p.total++
	name := fmt.Sprintf("%s[%d]", tr.Name, at)
	difference := p.difference(tr.Steps[at], got)
	reason, excluded := p.listed[name]
	switch {
	case excluded && difference == "":
		p.t.Errorf("%s: got a match, want it out of scope as listed (%s)", name, reason)
	case excluded:
		p.excluded++
	case difference == "":
		p.matched++
	default:
		p.t.Errorf("%s %s %s %s: got another answer than was recorded: %s", name, tr.Steps[at].Label,
			tr.Steps[at].Request.Path, tr.Steps[at].Request.Body, difference)
	}
}

func (p *player) difference(step recordedStep, got reply) string {
	want := step.Response
	switch {
	case want.Status == 0 && got.err == nil:
		return "the recorded client hung up, this one was answered"
	case want.Status == 0:
		return ""
	case got.err != nil:
		return got.err.Error()
	case want.Status != got.status:
		return fmt.Sprintf("got status %d, want %d: %s", got.status, want.Status, got.body)
	}
	for _, name := range []string{"content-type", "cache-control", "location", "refresh"} {
		if want.Headers[name] != got.header.Get(name) {
			return fmt.Sprintf("header %s: got %q, want %q", name, got.header.Get(name), want.Headers[name])
		}
	}
	if want.Body == got.body && want.Headers["content-length"] != "" &&
		want.Headers["content-length"] != got.header.Get("Content-Length") &&
		want.Status != http.StatusNotModified {
		return fmt.Sprintf("content-length: got %q, want %q", got.header.Get("Content-Length"),
			want.Headers["content-length"])
	}
	if strings.HasPrefix(want.Headers["content-type"], "text/html") {
		const says = "This page could not be found"
		if !strings.Contains(want.Body, says) || !strings.Contains(got.body, says) {
			return "the page says something else: " + got.body
		}
		return ""
	}
	if !strings.HasPrefix(want.Headers["content-type"], "application/json") || want.Body == "" {
		if want.Body != got.body {
			return fmt.Sprintf("body: got %q, want %q", got.body, want.Body)
		}
		return ""
	}
	return p.mapping.compare(want.Body, got.body)
}
