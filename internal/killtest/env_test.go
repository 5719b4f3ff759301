package killtest

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"licensebot/cocalc/cocalctest"
	"licensebot/internal/failpoint"
	"licensebot/purchase"
	"licensebot/slacksim"
	"licensebot/slacksim/slacktest"
	"licensebot/storage"
)

const (
	// settleAfter is short, so that a few seconds show what takes minutes in earnest; checkoutTimeout must be shorter.
	settleAfter     = 1200 * time.Millisecond
	checkoutTimeout = 800 * time.Millisecond
	// patience is how long nothing may happen: no step of the bot, and no start or end of one. How long a whole scenario
	// takes depends on the machine. mostSteps ends one that never ends by itself.
	patience  = 60 * time.Second
	mostSteps = 5000
)

// errNoEnd says that a scenario doesn't end, errStuck that nothing happens in it any more.
var (
	errNoEnd = errors.New("the scenario has no end")
	errStuck = errors.New("nothing happens any more")
)

// env is a Slack workspace and a CoCalc with an account, and the bot between them, which is killed and started again.
type env struct {
	*testing.T
	ctx      context.Context
	slack    *slacksim.Workspace
	cocalc   *cocalctest.Server
	account  *cocalctest.Account
	settings map[string]string
	ledger   string

	kills     []kill // of the processes to come
	processes []*process
	last      func(context.Context) error // what someone did last

	mu    sync.Mutex
	steps int
	stuck *time.Timer
	end   context.CancelCauseFunc
}

func newEnv(t *testing.T, kills ...kill) *env {
	ctx, cancel := context.WithCancelCause(context.Background())
	t.Cleanup(func() { cancel(nil) })
	dir, err := os.MkdirTemp("", "kill") // a short name: the bot's control socket is there too
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	w := &env{
		T: t, ctx: ctx, kills: kills, end: cancel, ledger: filepath.Join(dir, "ledger.db"),
		slack:  slacksim.New(slacksim.Options{Rates: slacksim.Rates{Off: true}}),
		cocalc: cocalctest.New(cocalctest.Config{Seed: 3, CheckoutTakes: time.Millisecond, Unthrottled: true}),
	}
	w.stuck = time.AfterFunc(patience, func() { cancel(errStuck) })
	t.Cleanup(func() { w.stuck.Stop() })
	w.account = w.cocalc.Add(cocalctest.NewAccount{Credit: 100_000, Partner: true})
	w.settings = map[string]string{
		"SLACK_API_URL": slacktest.Serve(t, w.slack).APIURL, "SLACK_BOT_TOKEN": w.slack.BotToken(),
		"SLACK_APP_TOKEN": w.slack.AppToken(),
		"COCALC_URL":      w.cocalc.Start(t), "COCALC_API_KEY": w.account.Key(), "DATABASE": w.ledger, "HOME": dir,
		"TMPDIR": dir,
		"BUYERS": slacksim.Alice, "CHECKOUT_TIMEOUT": checkoutTimeout.String(), "SETTLE_AFTER": settleAfter.String(),
	}
	t.Cleanup(func() {
		for _, l := range w.processes {
			l.end()
		}
	})
	return w
}

func (w *env) must(err error) {
	w.Helper()
	if err != nil {
		w.Fatalf("%v\n%s", errors.Join(err, context.Cause(w.ctx)), w.transcript())
	}
}

// transcript returns the last steps and the log of each process, for the message of a failure.
func (w *env) transcript() string {
	var s strings.Builder
	for _, l := range w.processes {
		if !l.dead() {
			l.end()
		}
		steps := l.steps()
		s.WriteString("— a process that was to end " + l.ends.String() + ", its last steps:\n")
		for _, each := range steps[max(0, len(steps)-12):] {
			s.WriteString("    " + string(each) + "\n")
		}
		s.WriteString(l.log.String())
	}
	return s.String()
}

// start starts the bot and waits until it is connected to Slack. If it is killed meanwhile, as planned, start starts it
// again.
func (w *env) start() {
	w.Helper()
	for {
		var ends kill
		if len(w.kills) > 0 {
			ends, w.kills = w.kills[0], w.kills[1:]
		}
		l, err := begin(w.settings, ends, w.touch)
		w.must(err)
		w.processes = append(w.processes, l)
		ctx, cancel := w.until(l)
		err = w.slack.WaitForSocket(ctx)
		cancel()
		if !l.dead() {
			w.must(err)
			return
		}
		w.must(l.asPlanned())
	}
}

// until returns a context that ends with the bot's process.
func (w *env) until(l *process) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(w.ctx)
	go func() {
		select {
		case <-l.died:
			cancel()
		case <-ctx.Done():
		}
	}()
	return ctx, cancel
}

// touch notes that something happens: the bot has passed a step, or ended.
func (w *env) touch() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.stuck.Reset(patience)
	if w.steps++; w.steps == mostSteps {
		w.end(errNoEnd)
	}
}

func (w *env) now() *process { return w.processes[len(w.processes)-1] }

// errAgain says that a person saw no result of what they did.
var errAgain = errors.New("nothing happened")

// does performs what a person does, and again if the bot is killed meanwhile or doesn't answer.
func (w *env) does(act func(context.Context) error) {
	w.Helper()
	w.last = act
	for {
		l := w.now()
		ctx, cancel := w.until(l)
		err := act(ctx)
		cancel()
		var slackSays *slacksim.Failure
		switch {
		case l.dead():
			w.restart()
		case err == nil:
			return
		case w.ctx.Err() == nil && (errors.As(err, &slackSays) || errors.Is(err, errAgain)):
			w.moment(l)
		default:
			w.must(err)
		}
	}
}

// moment waits as long as people read Slack's error before they try again, or until the bot's process ends.
func (w *env) moment(l *process) {
	timer := time.NewTimer(100 * time.Millisecond)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-l.died:
	}
}

// sees waits until something is as it should be. If the bot is killed meanwhile, people click again.
func (w *env) sees(what func(context.Context) error) {
	w.Helper()
	for {
		l := w.now()
		ctx, cancel := w.until(l)
		err := what(ctx)
		cancel()
		if !l.dead() {
			w.must(err)
			return
		}
		w.restart()
		if last := w.last; last != nil {
			w.does(last)
		}
	}
}

// restart starts the bot again after a kill. Slack redelivers its last delivery, twice.
func (w *env) restart() {
	w.Helper()
	w.must(w.now().asPlanned())
	w.start()
	for _, e := range slices.Backward(w.slack.Envelopes()) {
		if e.Type == "events_api" {
			continue
		}
		ctx, cancel := w.until(w.now())
		// Slack doesn't care whether these are taken, either. The next act shows whether the bot was killed.
		_ = w.slack.Redeliver(ctx, e)
		_ = w.slack.Repeat(ctx, e)
		cancel()
		break
	}
}

// types returns an act: a person's command in #general. Its context is that of the bot's process.
func (w *env) types(who, text string) func(context.Context) error {
	return func(ctx context.Context) error {
		return w.slack.Person(who).Command(ctx, slacksim.General, "/license", text)
	}
}

// reads returns the newest message with the texts that a person sees, in #general or from the bot directly.
func (w *env) reads(who string, texts ...string) (slacksim.Message, bool) {
	p := w.slack.Person(who)
	for _, channel := range []string{w.slack.DM(who), slacksim.General, slacksim.Random} {
		for _, m := range slices.Backward(p.Messages(channel)) {
			if m.BotID != "" && !slices.ContainsFunc(texts, func(t string) bool {
				return !strings.Contains(m.ContentText(), t)
			}) {
				return m, true
			}
		}
	}
	return slacksim.Message{}, false
}

// reading returns what waits until a person reads a text.
func (w *env) reading(who string, texts ...string) func(context.Context) error {
	return func(ctx context.Context) error {
		err := w.slack.Wait(ctx, func() bool { _, ok := w.reads(who, texts...); return ok })
		if err != nil {
			return errors.Join(err, errors.New(who+" waits for "+strings.Join(texts, " … ")+" and reads:\n"+w.screen(who)))
		}
		return nil
	}
}

// readingAny returns what waits until a person reads one of several texts.
func (w *env) readingAny(who string, texts ...string) func(context.Context) error {
	return func(ctx context.Context) error {
		err := w.slack.Wait(ctx, func() bool {
			return slices.ContainsFunc(texts, func(text string) bool { _, ok := w.reads(who, text); return ok })
		})
		if err != nil {
			return errors.Join(err, errors.New(who+" waits for one of "+strings.Join(texts, " | ")+
				" and reads:\n"+w.screen(who)))
		}
		return nil
	}
}

func (w *env) screen(who string) string {
	var s strings.Builder
	for _, channel := range []string{slacksim.General, w.slack.DM(who)} {
		for _, m := range w.slack.Person(who).Messages(channel) {
			s.WriteString("— " + m.ContentText() + "\n")
		}
	}
	return s.String()
}

// clicks presses the newest button of that name that a person sees. A repeated click is on the same message, as on a
// screen that lags behind.
func (w *env) clicks(who, button string) {
	w.Helper()
	var on *slacksim.Message
	w.does(func(ctx context.Context) error {
		if on == nil {
			m, ok := w.button(who, button)
			if !ok {
				return errors.New(who + " sees no button " + button + ":\n" + w.screen(who))
			}
			on = &m
		}
		late, before := w.count(who, noAnswer), len(w.now().steps())
		if err := w.slack.Person(who).Click(ctx, on, button); err != nil {
			return err
		}
		return w.soon(ctx, func(ctx context.Context) error { return w.heard(ctx, who, late, before) })
	})
}

// noAnswer is what people read who click while the machine is too busy to look them up.
const noAnswer = "tell me who you are"

// heard waits until the bot has decided on a click: before is how many steps it had passed then. A person whom it did
// not recognize, since the machine was busy, has to click again.
func (w *env) heard(ctx context.Context, who string, late, before int) error {
	l := w.now()
	for ctx.Err() == nil && !l.dead() {
		steps := l.steps()
		steps = steps[min(before, len(steps)):]
		if i := slices.Index(steps, failpoint.Of(failpoint.Before, failpoint.AckAction)); i >= 0 {
			if !slices.Contains(steps[:i], failpoint.Of(failpoint.Before, failpoint.Kept("refused"))) {
				return nil
			}
			if slices.Contains(steps, failpoint.Of(failpoint.After, failpoint.Answer)) {
				break
			}
		}
		w.moment(l)
	}
	if w.count(who, noAnswer) > late {
		return errAgain
	}
	return nil
}

func (w *env) button(who, button string) (slacksim.Message, bool) {
	for _, channel := range []string{w.slack.DM(who), slacksim.General} {
		for _, m := range slices.Backward(w.slack.Person(who).Messages(channel)) {
			if _, ok := m.Button(button); ok {
				return m, true
			}
		}
	}
	return slacksim.Message{}, false
}

// asks has alice ask until she sees a card with the text.
func (w *env) asks(text, card string) {
	w.Helper()
	w.does(func(ctx context.Context) error {
		if err := w.types(slacksim.Alice, text)(ctx); err != nil {
			return err
		}
		return w.soon(ctx, w.reading(slacksim.Alice, card))
	})
}

// soon waits a moment for something; a person who sees nothing then tries again.
func (w *env) soon(ctx context.Context, what func(context.Context) error) error {
	short, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	if err := what(short); err != nil && ctx.Err() == nil {
		return errors.Join(errAgain, err)
	}
	return ctx.Err()
}

// rest waits until the bot has nothing left to do: no order that is not over or still to be confirmed, nothing to show
// or to tell.
func (w *env) rest() {
	w.Helper()
	w.sees(func(ctx context.Context) error {
		look := time.NewTicker(100 * time.Millisecond)
		defer look.Stop()
		for {
			busy, err := w.busy(ctx)
			if err == nil && busy == "" {
				return nil
			}
			select {
			case <-look.C:
			case <-ctx.Done():
				return errors.Join(ctx.Err(), err, errors.New("left to do: "+busy+"\n"+w.screen(slacksim.Alice)))
			}
		}
	})
}

func (w *env) busy(ctx context.Context) (left string, err error) {
	err = storage.ReadCopy(ctx, w.ledger, func(r purchase.Reader) error {
		open, err := r.OpenOrders()
		if err != nil {
			return err
		}
		for _, o := range open {
			if o.State != purchase.Proposed {
				left += " order " + string(o.ID) + " is " + string(o.State)
			}
		}
		shown, err := r.Unpublished()
		if err == nil && len(shown) > 0 {
			left += " order " + string(shown[0]) + " is not shown as it is"
		}
		account, err2 := r.Account()
		for _, n := range account.Notifications {
			left += " notice " + n.ID + " is not told to " + strings.Join(n.Pending, ", ")
		}
		return errors.Join(err, err2)
	})
	return left, err
}
