package killtest

import (
	"flag"
	"fmt"
	"slices"
	"sync"
	"testing"

	"licensebot/internal/failpoint"
)

var (
	full = flag.Bool("full", false, "kill at every step of every scenario, each time that the bot comes there")
	wide = flag.Int("wide", 20, "how many environments there are at the same time")
)

// run plays a scenario in an environment of its own, with the bot killed as planned, and returns its processes.
func (s scenario) run(t *testing.T, kills ...kill) []*process {
	env := newEnv(t, kills...)
	if s.set != nil {
		s.set(env)
	}
	cart := env.account.Cart()
	env.start()
	s.play(env)
	env.waitIdle()
	// it may be about to be killed at its very last step
	for last := env.lastProcess(); last.ends.n > 0; last = env.lastProcess() {
		if env.pause(last); !last.dead() {
			break
		}
		env.waitIdle()
	}
	env.checkEnd(s.ends, cart)
	return env.processes
}

// trial is a scenario with the steps at which the bot is killed, process by process.
type trial struct {
	scenario scenario
	kills    []kill
}

// all runs tests at the same time, more than the machine has processors: they mostly wait.
func all[T any](t *testing.T, of []T, name func(T) string, test func(*testing.T, T)) {
	var running sync.WaitGroup
	room := make(chan struct{}, *wide)
	for _, each := range of {
		running.Go(func() {
			room <- struct{}{}
			defer func() { <-room }()
			t.Run(name(each), func(t *testing.T) { test(t, each) })
		})
	}
	running.Wait()
}

// numbered numbers the steps of a process: how often the bot had come to each of them.
func numbered(steps []failpoint.Point) (all []kill) {
	n := map[failpoint.Point]int{}
	for _, s := range steps {
		n[s]++
		all = append(all, kill{at: s, n: n[s]})
	}
	return all
}

// The bot is killed at every step: once; again at the same step when it comes there after its start; and, killed around
// a checkout, at every step of its recovery. Whatever it was: each order is bought at most once, and exactly once if it
// was confirmed and nothing else went wrong; the ledger says what CoCalc says; the cart is left as it was; everyone
// reads the truth.
func TestBot_KilledAtEveryStep(t *testing.T) {
	undisturbed := &archive{processes: map[string][]*process{}}
	var unkilled []trial
	for _, s := range scenarios() {
		unkilled = append(unkilled, trial{scenario: s})
	}
	undisturbed.run(t, unkilled)
	if t.Failed() {
		return
	}
	once := plan(t, undisturbed)
	killed := &archive{processes: map[string][]*process{}}
	killed.run(t, once)
	if t.Failed() {
		return
	}
	twice := &archive{processes: map[string][]*process{}}
	twice.run(t, planAgain(once, killed))
	t.Logf("%d steps, %d scenarios; killed once in %d trials, twice in %d", len(failpoint.All()), len(scenarios()),
		len(killed.processes), len(twice.processes))
}

// archive keeps the bot's processes of the trials that were run, by name.
type archive struct {
	mu        sync.Mutex
	processes map[string][]*process
}

// run plays trials, several at the same time.
func (a *archive) run(t *testing.T, trials []trial) {
	all(t, trials, trial.name, func(t *testing.T, c trial) {
		processes := c.scenario.run(t, c.kills...)
		for again := 0; len(c.kills) > 0 && processes[0].killed == "" && !*full; again++ {
			// how often it comes to a step is chance
			if again == 5 {
				t.Errorf("got no kill %s, want one", c.kills[0])
				break
			}
			t.Logf("the bot did not come %s; once more", c.kills[0])
			processes = c.scenario.run(t, c.kills...)
		}
		a.mu.Lock()
		defer a.mu.Unlock()
		a.processes[c.name()] = processes
	})
}

func (c trial) name() string {
	name := c.scenario.name
	for i, k := range c.kills {
		name += fmt.Sprintf("%s %s", []string{", killed", ", then"}[min(i, 1)], k)
	}
	return name
}

// unreachablePoints are steps to which no scenario can come yet, and why.
var unreachablePoints = map[failpoint.Name]string{
	failpoint.Transaction("address"): "in every scenario, CoCalc has one address and the ledger is new",
}

// checkoutPoints are the steps at which the bot is killed in every scenario: where money is about to be spent, or was.
var checkoutPoints = []failpoint.Point{
	failpoint.Of(failpoint.Before, failpoint.Transaction("carted, paying")),
	failpoint.Of(failpoint.After, failpoint.Checkout),
}

// plan chooses where the bot is killed first. Every step that is listed must be met by some scenario, unless -run chose
// among the scenarios: the plan is of those then, with every step that they meet.
func plan(t *testing.T, undisturbed *archive) (trials []trial) {
	if len(undisturbed.processes) == 0 {
		t.Fatal("got no scenario, want at least one: -run takes the name of a scenario, without the steps of the kills")
	}
	left := failpoint.All()
	for _, s := range scenarios() {
		processes, ran := undisturbed.processes[s.name]
		if !ran {
			continue
		}
		for _, k := range numbered(processes[0].steps()) {
			i := slices.Index(left, k.at)
			if i >= 0 {
				left = slices.Delete(left, i, i+1)
			}
			if i >= 0 || *full || slices.Contains(checkoutPoints, k.at) && !s.ends.maybe {
				trials = append(trials, trial{s, []kill{k}})
			}
		}
	}
	if len(undisturbed.processes) < len(scenarios()) {
		return trials
	}
	var tolerated []failpoint.Point
	for what := range unreachablePoints {
		tolerated = append(tolerated, failpoint.Of(failpoint.Before, what), failpoint.Of(failpoint.After, what))
	}
	for _, s := range left {
		if !slices.Contains(tolerated, s) {
			t.Errorf("got no scenario that comes to the step %q, want one", s)
		}
	}
	for _, s := range tolerated {
		if !slices.Contains(left, s) {
			t.Errorf("got a scenario that comes to %q, want it removed from unreached", s)
		}
	}
	return trials
}

// planAgain chooses where it is killed once more: where it came again after its start, and, after a kill around the
// checkout of the first scenario (with -full: of every scenario), wherever else it came, the first time that it came
// there. Without -full these are samples: a quarter of the former, and of the latter every second one after a kill
// before the checkout and the others after a kill behind it.
func planAgain(once []trial, killed *archive) (trials []trial) {
	before := failpoint.Of(failpoint.After, failpoint.Transaction("carted, paying"))
	behind := failpoint.Of(failpoint.After, failpoint.Checkout)
	for i, c := range once {
		first := c.kills[0].at
		again := *full || i%4 == 0
		recovering := (first == before || first == behind) && (*full || c.scenario.name == scenarios()[0].name)
		seen := map[failpoint.Point]bool{}
		processes := killed.processes[c.name()]
		if len(processes) < 2 { // it did not come to that step this time
			continue
		}
		for _, k := range numbered(processes[1].steps()) {
			if seen[k.at] {
				continue
			}
			turn := *full || (len(seen)%2 == 0) == (first == before)
			seen[k.at] = true
			if k.at == first && again || recovering && turn {
				trials = append(trials, trial{c.scenario, []kill{c.kills[0], k}})
			}
		}
	}
	return trials
}
