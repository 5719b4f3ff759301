package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"licensebot/cocalc/cocalctest"
	"licensebot/slacksim"
)

// rates are the times between two people who ask for help, who order a license, and who look at something else. Of each
// five orders, four are confirmed and one is cancelled.
type rates struct{ help, order, read time.Duration }

// steadyLoad is more than CoCalc's rate limits would let a team buy.
var steadyLoad = rates{help: time.Second, order: 4 * time.Second, read: 5 * time.Second}

const (
	loadPeople = 60
	// actionPatience is how long people wait for an answer or a receipt.
	actionPatience = time.Minute
	// keptMessages is how long the simulated Slack keeps messages.
	keptMessages = 5 * time.Minute
)

// What the load measures the time of.
const (
	timeHelp     = "`help`"
	timeOrder    = "`/license buy` to its card"
	timePurchase = "confirmation to receipt"
)

// load is a run of the bot under load.
type load struct {
	site   *site
	people []*slacksim.Person
	rates  rates
	began  time.Time
	length time.Duration

	mu       sync.Mutex
	samples  []sample
	took     map[string][]timed
	failures []timed
	bought   int
	orders   int
	problem  error // of the first failure
}

// timed is how long something took that began at a time after the beginning of the load.
type timed struct{ at, took time.Duration }

// measureLoad runs the bot under load for length, prints a line every interval to progress, and the table to out.
func (b *bench) measureLoad(ctx context.Context, r rates, length, interval time.Duration, out io.Writer) (err error) {
	program, ledger := filepath.Join(b.dir, "bot"), filepath.Join(b.dir, "ledger.db")
	if err := build(ctx, program, "-w"); err != nil { // the probe needs its symbols
		return err
	}
	s, err := openSite(cocalctest.Config{Seed: 1, Unthrottled: true})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	settings := append(s.settings(), "LOG_LEVEL=warn", "MONTHLY_BUDGET=none", "PERSON_ORDERS=none")
	p, err := launch(ctx, program, ledger, settings, "run")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.stop()) }()
	if err := s.ask(ctx, p); err != nil {
		return err
	}
	l := &load{site: s, rates: r, length: length, took: map[string][]timed{}}
	l.addPeople()
	watched := newProbe(p.cmd.Process.Pid, program, ledger)
	if err := l.run(ctx, p.ended, interval, func() { l.sample(watched, b.progress) }); err != nil {
		return err
	}
	if err := p.stop(); err != nil {
		return err
	}
	if _, err := measureCommand(ctx, program, ledger, "verify"); err != nil {
		return fmt.Errorf("verify the ledger after the load: %w", err)
	}
	return l.writeTable(out)
}

// addPeople adds people, each with a channel of their own, in which they order.
func (l *load) addPeople() {
	ws := l.site.workspace
	for n := range loadPeople {
		id := fmt.Sprintf("U0P%03d", n)
		ws.AddUser(slacksim.User{ID: id, Name: strings.ToLower(id[2:])})
		ws.AddChannel(slacksim.Channel{
			ID: channelOf(id), Name: strings.ToLower(id[2:]), Members: []string{id, ws.App().BotUserID},
		})
		l.people = append(l.people, ws.Person(id))
	}
}

func channelOf(person string) string { return "C" + person[1:] }

// run lets people act until the time is over. It calls sample at the beginning, at the end, and every interval. The
// error is that of ctx, or says that the bot has ended.
func (l *load) run(ctx context.Context, ended <-chan struct{}, interval time.Duration, sample func()) error {
	l.began = time.Now()
	var acting sync.WaitGroup
	defer acting.Wait()
	act := func(n int, do func(context.Context, *slacksim.Person) error) {
		person := l.people[n%len(l.people)]
		acting.Go(func() {
			ctx, cancel := context.WithTimeout(ctx, actionPatience)
			defer cancel()
			if err := do(ctx, person); err != nil {
				l.fail(err)
			}
		})
	}
	help, order, read, look := time.NewTicker(l.rates.help), time.NewTicker(l.rates.order),
		time.NewTicker(l.rates.read), time.NewTicker(interval)
	for _, t := range []*time.Ticker{help, order, read, look} {
		defer t.Stop()
	}
	end := time.NewTimer(l.length)
	defer end.Stop()
	sample()
	for asked, ordered, seen := 0, 0, 0; ; {
		select {
		case <-help.C:
			act(asked, l.askForHelp)
			asked++
		case <-order.C:
			confirm := ordered%5 < 4
			act(7*ordered, func(ctx context.Context, p *slacksim.Person) error { return l.order(ctx, p, confirm) })
			ordered++
		case <-read.C:
			what := seen % len(reads)
			act(11*seen, func(ctx context.Context, p *slacksim.Person) error { return l.read(ctx, p, reads[what]) })
			seen++
		case <-look.C:
			l.site.workspace.ForgetMessages(time.Now().Add(-keptMessages))
			sample()
		case <-end.C:
			acting.Wait()
			sample()
			return nil
		case <-ended:
			return errors.New("the bot has ended")
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// reads are the commands with which people look at something, in turn. Each is followed by a look at the Home tab.
var reads = []string{"list", "history", "budget"}

func (l *load) askForHelp(ctx context.Context, p *slacksim.Person) error {
	began := time.Now()
	if err := p.Command(ctx, channelOf(p.ID()), "/license", "help"); err != nil {
		return fmt.Errorf("help: %w", err)
	}
	l.note(timeHelp, began)
	return nil
}

func (l *load) read(ctx context.Context, p *slacksim.Person, command string) error {
	if err := p.Command(ctx, channelOf(p.ID()), "/license", command); err != nil {
		return fmt.Errorf("%s: %w", command, err)
	}
	return p.Home()
}

// order orders a license, and then confirms or cancels the order.
func (l *load) order(ctx context.Context, p *slacksim.Person, confirm bool) error {
	began := time.Now()
	if err := p.Command(ctx, channelOf(p.ID()), "/license", `buy ram=16 cpu=2 reason="a course"`); err != nil {
		return fmt.Errorf("order: %w", err)
	}
	card, err := p.WaitForText(ctx, channelOf(p.ID()), "A CoCalc license for $63.75")
	if err != nil {
		return fmt.Errorf("order: %w", err)
	}
	l.note(timeOrder, began)
	button, result := "Buy for $63.75", "Bought for $63.75"
	if !confirm {
		button, result = "Cancel order", "Order cancelled"
	}
	began = time.Now()
	if err := p.Click(ctx, card, button); err != nil {
		return fmt.Errorf("%s: %w", button, err)
	}
	_, err = p.WaitForUpdate(ctx, card, func(m slacksim.Message) bool { return strings.Contains(m.ContentText(), result) })
	if err != nil {
		return fmt.Errorf("%s: %w", button, err)
	}
	l.mu.Lock()
	l.orders++
	l.mu.Unlock()
	if confirm {
		l.note(timePurchase, began)
	}
	return nil
}

// note keeps how long something took that has just ended.
func (l *load) note(what string, began time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.took[what] = append(l.took[what], timed{began.Sub(l.began), time.Since(began)})
	if what == timePurchase {
		l.bought++
	}
}

// fail counts something that people did without a result in time.
func (l *load) fail(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.failures = append(l.failures, timed{at: time.Since(l.began)})
	if l.problem == nil {
		l.problem = err
	}
}

// sample keeps what the bot uses now.
func (l *load) sample(watched *probe, progress io.Writer) {
	now := watched.look()
	l.mu.Lock()
	defer l.mu.Unlock()
	now.at, now.orders, now.bought = time.Since(l.began), l.orders, l.bought
	l.samples = append(l.samples, now)
	fmt.Fprintf(progress, "%s: %s anonymous, %d threads, %d goroutines at most, %d open files, ledger %s, "+
		"%d orders, %d bought, %d failures\n", now.at.Round(time.Second), megabytes(now.anonymous), now.threads,
		now.goroutines, now.files, megabytes(now.size), now.orders, now.bought, len(l.failures))
}

// writeTable prints the quarters of the load side by side, as a table in Markdown. The error is the first failure.
func (l *load) writeTable(w io.Writer) error {
	fmt.Fprintf(w, "Load of %s: %d orders, %d of them bought; medians of the samples of each quarter.\n\n",
		l.length, l.orders, l.bought)
	fmt.Fprint(w, "| | first quarter | second | third | last quarter |\n|---|---|---|---|---|\n")
	row := func(name string, cell func(quarter int) string) {
		fmt.Fprintf(w, "| %s |", name)
		for quarter := range quarters {
			fmt.Fprintf(w, " %s |", cell(quarter))
		}
		fmt.Fprintln(w)
	}
	used := func(value func(sample) int64, format func(int64) string) func(int) string {
		return func(quarter int) string {
			some := within(l.samples, quarter, l.length, func(s sample) time.Duration { return s.at })
			if len(some) == 0 {
				return "–"
			}
			return format(median(some, value))
		}
	}
	row("anonymous memory", used(func(s sample) int64 { return s.anonymous }, megabytes))
	row("threads", used(func(s sample) int64 { return int64(s.threads) }, count))
	row("goroutines, the most so far", used(func(s sample) int64 { return s.goroutines }, count))
	row("open files", used(func(s sample) int64 { return int64(s.files) }, count))
	row("ledger's file", used(func(s sample) int64 { return s.size }, megabytes))
	for _, what := range []string{timeHelp, timeOrder, timePurchase} {
		row(what+", p50 and p99", func(quarter int) string {
			some := within(l.took[what], quarter, l.length, func(t timed) time.Duration { return t.at })
			if len(some) == 0 {
				return "–"
			}
			slices.SortFunc(some, func(a, b timed) int { return int(a.took - b.took) })
			at := func(percent int) string { return milliseconds(some[(len(some)-1)*percent/100].took) }
			return fmt.Sprintf("%s, %s (%d)", at(50), at(99), len(some))
		})
	}
	row("without an answer in time", func(quarter int) string {
		return fmt.Sprint(len(within(l.failures, quarter, l.length, func(t timed) time.Duration { return t.at })))
	})
	return l.problem
}

const quarters = 4

// within returns what lies within a quarter of length.
func within[T any](all []T, quarter int, length time.Duration, at func(T) time.Duration) (some []T) {
	for _, v := range all {
		if min(int(at(v)*quarters/length), quarters-1) == quarter {
			some = append(some, v)
		}
	}
	return some
}

// count writes a number; "–" for an unknown one.
func count(n int64) string {
	if n == 0 {
		return "–"
	}
	return thousands(int(n))
}

// milliseconds returns a duration with one digit after the point below 10 ms: "0.4 ms", "25 ms".
func milliseconds(d time.Duration) string {
	if d < 10*time.Millisecond {
		return fmt.Sprintf("%.1f ms", d.Seconds()*1000)
	}
	return fmt.Sprintf("%.0f ms", d.Seconds()*1000)
}

// fileSize returns the size of a file in bytes; 0 if there is none.
func fileSize(path string) int64 {
	info, err := os.Stat(path)
	if err != nil {
		return 0
	}
	return info.Size()
}
