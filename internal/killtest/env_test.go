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

// testEnv is a Slack workspace and a CoCalc with an account, and the bot between them, which is killed and started
// again.
type testEnv struct {
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

func newEnv(t *testing.T, kills ...kill) *testEnv {
	ctx, cancel := context.WithCancelCause(context.Background())
	t.Cleanup(func() { cancel(nil) })
	dir, err := os.MkdirTemp("", "kill") // a short name: the bot's control socket is there too
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	env := &testEnv{
		T: t, ctx: ctx, kills: kills, end: cancel, ledger: filepath.Join(dir, "ledger.db"),
		slack: slacksim.New(slacksim.Options{Rates: slacksim.Rates{Off: true}}),
		cocalc: cocalctest.New(cocalctest.Config{
			Seed: 3, CheckoutTakes: time.Millisecond, EditTakes: 300 * time.Millisecond, Unthrottled: true,
		}),
	}
	env.stuck = time.AfterFunc(patience, func() { cancel(errStuck) })
	t.Cleanup(func() { env.stuck.Stop() })
	env.account = env.cocalc.Add(cocalctest.NewAccount{Credit: 100_000, Partner: true})
	env.settings = map[string]string{
		"SLACK_API_URL": slacktest.Serve(t, env.slack).APIURL, "SLACK_BOT_TOKEN": env.slack.BotToken(),
		"SLACK_APP_TOKEN": env.slack.AppToken(),
		"COCALC_URL":      env.cocalc.Start(t), "COCALC_API_KEY": env.account.Key(), "DATABASE": env.ledger, "HOME": dir,
		"TMPDIR": dir,
		"BUYERS": slacksim.Alice, "CHECKOUT_TIMEOUT": checkoutTimeout.String(), "SETTLE_AFTER": settleAfter.String(),
	}
	t.Cleanup(func() {
		for _, l := range env.processes {
			l.end()
		}
	})
	return env
}

func (env *testEnv) must(err error) {
	env.Helper()
	if err != nil {
		env.Fatalf("%v\n%s", errors.Join(err, context.Cause(env.ctx)), env.transcript())
	}
}

// transcript returns the last steps and the log of each process, for the message of a failure.
func (env *testEnv) transcript() string {
	var s strings.Builder
	for _, l := range env.processes {
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
func (env *testEnv) start() {
	env.Helper()
	for {
		var ends kill
		if len(env.kills) > 0 {
			ends, env.kills = env.kills[0], env.kills[1:]
		}
		l, err := begin(env.settings, ends, env.touch)
		env.must(err)
		env.processes = append(env.processes, l)
		ctx, cancel := env.until(l)
		err = env.slack.WaitForSocket(ctx)
		cancel()
		if !l.dead() {
			env.must(err)
			return
		}
		env.must(l.asPlanned())
	}
}

// until returns a context that ends with the bot's process.
func (env *testEnv) until(l *process) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(env.ctx)
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
func (env *testEnv) touch() {
	env.mu.Lock()
	defer env.mu.Unlock()
	env.stuck.Reset(patience)
	if env.steps++; env.steps == mostSteps {
		env.end(errNoEnd)
	}
}

func (env *testEnv) lastProcess() *process { return env.processes[len(env.processes)-1] }

// errAgain says that a person saw no result of what they did.
var errAgain = errors.New("nothing happened")

// act performs what a person does, and again if the bot is killed meanwhile or doesn't answer.
func (env *testEnv) act(act func(context.Context) error) {
	env.Helper()
	env.last = act
	for {
		l := env.lastProcess()
		ctx, cancel := env.until(l)
		err := act(ctx)
		cancel()
		var slackSays *slacksim.Failure
		switch {
		case l.dead():
			env.restart()
		case err == nil:
			return
		case env.ctx.Err() == nil && (errors.As(err, &slackSays) || errors.Is(err, errAgain)):
			env.pause(l)
		default:
			env.must(err)
		}
	}
}

// pause waits as long as people read Slack's error before they try again, or until the bot's process ends.
func (env *testEnv) pause(l *process) {
	timer := time.NewTimer(100 * time.Millisecond)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-l.died:
	}
}

// waitFor waits until something is as it should be. If the bot is killed meanwhile, people click again.
func (env *testEnv) waitFor(what func(context.Context) error) {
	env.Helper()
	for {
		l := env.lastProcess()
		ctx, cancel := env.until(l)
		err := what(ctx)
		cancel()
		if !l.dead() {
			env.must(err)
			return
		}
		env.restart()
		if last := env.last; last != nil {
			env.act(last)
		}
	}
}

// restart starts the bot again after a kill. Slack redelivers its last delivery, twice.
func (env *testEnv) restart() {
	env.Helper()
	env.must(env.lastProcess().asPlanned())
	env.start()
	for _, e := range slices.Backward(env.slack.Envelopes()) {
		if e.Type == "events_api" {
			continue
		}
		ctx, cancel := env.until(env.lastProcess())
		// Slack doesn't care whether these are taken, either. The next act shows whether the bot was killed.
		_ = env.slack.Redeliver(ctx, e)
		_ = env.slack.Repeat(ctx, e)
		cancel()
		break
	}
}

// command returns an act: a person's command in #general. Its context is that of the bot's process.
func (env *testEnv) command(who, text string) func(context.Context) error {
	return func(ctx context.Context) error {
		return env.slack.Person(who).Command(ctx, slacksim.General, "/license", text)
	}
}

// findMessage returns the newest message with the texts that a person sees, in #general or from the bot directly.
func (env *testEnv) findMessage(who string, texts ...string) (slacksim.Message, bool) {
	p := env.slack.Person(who)
	for _, channel := range []string{env.slack.DM(who), slacksim.General, slacksim.Random} {
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

// messageShown returns what waits until a person reads a text.
func (env *testEnv) messageShown(who string, texts ...string) func(context.Context) error {
	return func(ctx context.Context) error {
		err := env.slack.Wait(ctx, func() bool { _, ok := env.findMessage(who, texts...); return ok })
		if err != nil {
			return errors.Join(err, errors.New(who+" waits for "+strings.Join(texts, " … ")+" and reads:\n"+env.screen(who)))
		}
		return nil
	}
}

// anyMessageShown returns what waits until a person reads one of several texts.
func (env *testEnv) anyMessageShown(who string, texts ...string) func(context.Context) error {
	return func(ctx context.Context) error {
		err := env.slack.Wait(ctx, func() bool {
			return slices.ContainsFunc(texts, func(text string) bool { _, ok := env.findMessage(who, text); return ok })
		})
		if err != nil {
			return errors.Join(err, errors.New(who+" waits for one of "+strings.Join(texts, " | ")+
				" and reads:\n"+env.screen(who)))
		}
		return nil
	}
}

func (env *testEnv) screen(who string) string {
	var s strings.Builder
	for _, channel := range []string{slacksim.General, env.slack.DM(who)} {
		for _, m := range env.slack.Person(who).Messages(channel) {
			s.WriteString("— " + m.ContentText() + "\n")
		}
	}
	return s.String()
}

// click presses the newest button of that name that a person sees. A repeated click is on the same message, as on a
// screen that lags behind.
func (env *testEnv) click(who, button string) {
	env.Helper()
	var on *slacksim.Message
	env.act(func(ctx context.Context) error {
		if on == nil {
			m, ok := env.button(who, button)
			if !ok {
				return errors.New(who + " sees no button " + button + ":\n" + env.screen(who))
			}
			on = &m
		}
		late, before := env.count(who, noAnswer), len(env.lastProcess().steps())
		if err := env.slack.Person(who).Click(ctx, on, button); err != nil {
			return err
		}
		return env.waitBriefly(ctx, func(ctx context.Context) error { return env.waitDecided(ctx, who, late, before) })
	})
}

// noAnswer is what people read who click while the machine is too busy to look them up.
const noAnswer = "tell me who you are"

// waitDecided waits until the bot has decided on a click: before is how many steps it had passed then. A person whom it
// did not recognize, since the machine was busy, has to click again.
func (env *testEnv) waitDecided(ctx context.Context, who string, late, before int) error {
	l := env.lastProcess()
	for ctx.Err() == nil && !l.dead() {
		steps := l.steps()
		steps = steps[min(before, len(steps)):]
		if i := slices.Index(steps, failpoint.Of(failpoint.Before, failpoint.AckAction)); i >= 0 {
			if !slices.Contains(steps[:i], failpoint.Of(failpoint.Before, failpoint.Transaction("refused"))) {
				return nil
			}
			if slices.Contains(steps, failpoint.Of(failpoint.After, failpoint.Answer)) {
				break
			}
		}
		env.pause(l)
	}
	if env.count(who, noAnswer) > late {
		return errAgain
	}
	return nil
}

func (env *testEnv) button(who, button string) (slacksim.Message, bool) {
	for _, channel := range []string{env.slack.DM(who), slacksim.General} {
		for _, m := range slices.Backward(env.slack.Person(who).Messages(channel)) {
			if _, ok := m.Button(button); ok {
				return m, true
			}
		}
	}
	return slacksim.Message{}, false
}

// requestCard has alice ask until she sees a card with the text.
func (env *testEnv) requestCard(text, card string) {
	env.Helper()
	env.act(func(ctx context.Context) error {
		if err := env.command(slacksim.Alice, text)(ctx); err != nil {
			return err
		}
		return env.waitBriefly(ctx, env.messageShown(slacksim.Alice, card))
	})
}

// waitBriefly waits a moment for something; a person who sees nothing then tries again.
func (env *testEnv) waitBriefly(ctx context.Context, what func(context.Context) error) error {
	short, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	if err := what(short); err != nil && ctx.Err() == nil {
		return errors.Join(errAgain, err)
	}
	return ctx.Err()
}

// waitIdle waits until the bot has nothing left to do: no order that is not over or still to be confirmed, nothing to
// show or to tell.
func (env *testEnv) waitIdle() {
	env.Helper()
	env.waitFor(func(ctx context.Context) error {
		look := time.NewTicker(100 * time.Millisecond)
		defer look.Stop()
		for {
			busy, err := env.pendingWork(ctx)
			if err == nil && busy == "" {
				return nil
			}
			select {
			case <-look.C:
			case <-ctx.Done():
				return errors.Join(ctx.Err(), err, errors.New("left to do: "+busy+"\n"+env.screen(slacksim.Alice)))
			}
		}
	})
}

func (env *testEnv) pendingWork(ctx context.Context) (left string, err error) {
	err = storage.ReadCopy(ctx, env.ledger, func(r purchase.Reader) error {
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
