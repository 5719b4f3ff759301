package killtest

import (
	"flag"
	"fmt"
	"slices"
	"sync"
	"testing"

	"licensebot/internal/step"
)

var (
	full = flag.Bool("full", false, "kill at every step of every story, each time that the bot comes there")
	wide = flag.Int("wide", 20, "how many towns there are at the same time")
)

// tell plays a story in a town of its own, with the bot killed where it is planned, and answers its lives.
func (s story) tell(t *testing.T, kills ...kill) []*life {
	w := newTown(t, kills...)
	if s.set != nil {
		s.set(w)
	}
	cart := w.account.Cart()
	w.live()
	s.play(w)
	w.rest()
	for last := w.now(); last.ends.n > 0; last = w.now() { // it may be about to be killed at its very last step
		if w.moment(last); !last.dead() {
			break
		}
		w.rest()
	}
	w.inTruth(s.ends, cart)
	return w.lives
}

// chapter is a story with the steps at which the bot is killed, life by life.
type chapter struct {
	story story
	kills []kill
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

// counted numbers the steps of a life: how often the bot had come to each.
func counted(steps []step.Step) (all []kill) {
	n := map[step.Step]int{}
	for _, s := range steps {
		n[s]++
		all = append(all, kill{at: s, n: n[s]})
	}
	return all
}

// The bot is killed at every step: once; again at the same step when it comes there after its start; and, killed around
// a checkout, at every step of its recovery. Whatever it was: each order is bought at most once, and exactly once if it
// was confirmed and nothing else went wrong; the ledger says what CoCalc says; the cart is left as it was; everybody
// reads the truth.
func TestBot_KilledAtEveryStep(t *testing.T) {
	undisturbed := &archive{lives: map[string][]*life{}}
	var untold []chapter
	for _, s := range stories() {
		untold = append(untold, chapter{story: s})
	}
	undisturbed.tell(t, untold)
	if t.Failed() {
		return
	}
	once := plan(t, undisturbed)
	killed := &archive{lives: map[string][]*life{}}
	killed.tell(t, once)
	if t.Failed() {
		return
	}
	twice := &archive{lives: map[string][]*life{}}
	twice.tell(t, planAgain(once, killed))
	t.Logf("%d steps, %d stories; killed once in %d tellings, twice in %d", len(step.All()), len(stories()),
		len(killed.lives), len(twice.lives))
}

// archive keeps the lives of the bot in the chapters that were told, by name.
type archive struct {
	mu    sync.Mutex
	lives map[string][]*life
}

// tell plays chapters, several at the same time.
func (a *archive) tell(t *testing.T, chapters []chapter) {
	all(t, chapters, chapter.name, func(t *testing.T, c chapter) {
		lives := c.story.tell(t, c.kills...)
		for again := 0; len(c.kills) > 0 && lives[0].killed == "" && !*full; again++ {
			// how often it comes to a step is chance
			if again == 5 {
				t.Errorf("the bot did not come %s", c.kills[0])
				break
			}
			t.Logf("the bot did not come %s; once more", c.kills[0])
			lives = c.story.tell(t, c.kills...)
		}
		a.mu.Lock()
		defer a.mu.Unlock()
		a.lives[c.name()] = lives
	})
}

func (c chapter) name() string {
	name := c.story.name
	for i, k := range c.kills {
		name += fmt.Sprintf("%s %s", []string{", killed", ", then"}[min(i, 1)], k)
	}
	return name
}

// unreached are steps to which no story can come yet, and why.
var unreached = map[step.What]string{
	step.Kept("address"): "in every story, CoCalc has one address and the ledger is new",
}

// vital are the steps at which the bot is killed in every story: where money is about to be spent, or was.
var vital = []step.Step{step.Of(step.Before, step.Kept("paying")), step.Of(step.After, step.Checkout)}

// plan chooses where the bot is killed first. Every step that is listed must be met by some story, unless -run chose
// among the stories: the plan is of those then, with every step that they meet.
func plan(t *testing.T, undisturbed *archive) (chapters []chapter) {
	if len(undisturbed.lives) == 0 {
		t.Fatal("no story was chosen: -run takes the name of a story, without the steps at which the bot is killed")
	}
	left := step.All()
	for _, s := range stories() {
		lives, told := undisturbed.lives[s.name]
		if !told {
			continue
		}
		for _, k := range counted(lives[0].steps()) {
			i := slices.Index(left, k.at)
			if i >= 0 {
				left = slices.Delete(left, i, i+1)
			}
			if i >= 0 || *full || slices.Contains(vital, k.at) && !s.ends.maybe {
				chapters = append(chapters, chapter{s, []kill{k}})
			}
		}
	}
	if len(undisturbed.lives) < len(stories()) {
		return chapters
	}
	var excused []step.Step
	for what := range unreached {
		excused = append(excused, step.Of(step.Before, what), step.Of(step.After, what))
	}
	for _, s := range left {
		if !slices.Contains(excused, s) {
			t.Errorf("no story comes to the step %q", s)
		}
	}
	for _, s := range excused {
		if !slices.Contains(left, s) {
			t.Errorf("a story comes to %q: it is not out of reach any more", s)
		}
	}
	return chapters
}

// planAgain chooses where it is killed once more: where it came again after its start, and, after a kill around the
// checkout of the first story (with -full: of every story), wherever else it came, the first time that it came there.
// Without -full these are samples: a quarter of the former, and of the latter every second one after a kill before the
// checkout and the others after a kill behind it.
func planAgain(once []chapter, killed *archive) (chapters []chapter) {
	before, behind := step.Of(step.After, step.Kept("paying")), step.Of(step.After, step.Checkout)
	for i, c := range once {
		first := c.kills[0].at
		again := *full || i%4 == 0
		recovering := (first == before || first == behind) && (*full || c.story.name == stories()[0].name)
		seen := map[step.Step]bool{}
		lives := killed.lives[c.name()]
		if len(lives) < 2 { // it did not come to that step this time
			continue
		}
		for _, k := range counted(lives[1].steps()) {
			if seen[k.at] {
				continue
			}
			turn := *full || (len(seen)%2 == 0) == (first == before)
			seen[k.at] = true
			if k.at == first && again || recovering && turn {
				chapters = append(chapters, chapter{c.story, []kill{c.kills[0], k}})
			}
		}
	}
	return chapters
}
