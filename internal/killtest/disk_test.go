package killtest

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"licensebot/internal/failpoint"
	"licensebot/slacksim"
)

// exitLedgerFailed is the exit code that the README promises for a disk that fails.
const exitLedgerFailed = 74

const (
	unsure      = "counted. I'll tell you."
	noRoom      = "My disk is full"
	look        = "in a few minutes" // where not even the doubt could be kept
	verdict     = "My disk failed"
	didNotCount = "didn't count"
	restarting  = "I'm restarting"
)

// buyOnFailingDisk makes a person buy with one click, and click again only after a message that the click did not
// count.
func (env *testEnv) buyOnFailingDisk() {
	env.start()
	env.untilDone(func() error {
		return env.slack.Person(slacksim.Alice).Command(env.ctx, slacksim.General, "/license", standard)
	}, aCard)
	card, ok := env.button(slacksim.Alice, yes)
	if !ok {
		env.Fatalf("got no button, want one:\n%s", env.screen(slacksim.Alice))
	}
	env.untilDone(func() error {
		return env.slack.Person(slacksim.Alice).Click(env.ctx, card, yes)
	}, "Bought for", "Not bought")
	env.waitIdle()
}

// untilDone makes alice act, and again only when she reads that it did not count, until she reads one of the texts.
// After each failure of the disk the bot is started again, as a supervisor would.
func (env *testEnv) untilDone(act func() error, texts ...string) {
	var failed error // the error that she got from Slack
	for again := true; ; {
		l, before := env.lastProcess(), env.count(slacksim.Alice, unsure)
		late := env.count(slacksim.Alice, noAnswer) + env.count(slacksim.Alice, noRoom)
		verdicts, looks := env.count(slacksim.Alice, verdict), env.count(slacksim.Alice, look)
		refused := env.count(slacksim.Alice, restarting)
		if again {
			if failed = act(); failed != nil && !env.endsSoon(l) {
				if _, late := errors.AsType[*slacksim.Failure](failed); late && env.ctx.Err() == nil {
					continue // Slack waited three seconds for a busy machine
				}
				env.must(failed)
			}
		}
		ctx, cancel := env.until(l)
		repeat := false
		err := env.slack.Wait(ctx, func() bool {
			repeat = env.count(slacksim.Alice, noAnswer)+env.count(slacksim.Alice, noRoom) > late
			return repeat || slices.ContainsFunc(texts, func(text string) bool { return env.count(slacksim.Alice, text) > 0 })
		})
		cancel()
		if again = repeat; repeat {
			continue
		}
		if err == nil {
			return
		}
		if !l.dead() {
			env.must(errors.Join(err, errors.New(env.screen(slacksim.Alice))))
		}
		env.must(l.asPlanned())
		asked := env.count(slacksim.Alice, unsure) > before
		sold := len(env.account.Licenses())
		env.start()
		switch {
		case asked:
			env.must(env.slack.Wait(env.ctx, func() bool { return env.count(slacksim.Alice, verdict) > verdicts }))
			again = env.count(slacksim.Alice, didNotCount) > 0
			if again && sold > 0 {
				env.Errorf("got %d licenses after a message that the click did not count, want none", sold)
			}
			again = again || env.count(slacksim.Alice, "please type it again") > 0
		default:
			_, shown := env.button(slacksim.Alice, yes)
			again = !shown || env.count(slacksim.Alice, look) > looks || failed != nil ||
				env.count(slacksim.Alice, restarting) > refused
		}
	}
}

// endsSoon reports whether a process that refused an action ends within a moment.
func (env *testEnv) endsSoon(l *process) bool {
	for range 50 {
		if env.pause(l); l.dead() {
			return true
		}
	}
	return false
}

// count returns how many messages with a text a person reads.
func (env *testEnv) count(who, text string) (n int) {
	for _, channel := range []string{env.slack.DM(who), slacksim.General} {
		for _, m := range env.slack.Person(who).Messages(channel) {
			n += strings.Count(m.ContentText(), text)
		}
	}
	return n
}

// checkClaims checks that no message claims more than was known.
func (env *testEnv) checkClaims() {
	for _, sentence := range []string{
		"Something went wrong, so that didn't go through", "your order wasn't created",
		"Please click again",
	} {
		if n := env.count(slacksim.Alice, sentence); n > 0 {
			env.Errorf("got the message %q, want none that claims more than was known:\n%s", sentence,
				env.screen(slacksim.Alice))
		}
	}
	if n := len(env.account.Licenses()); n > 1 {
		env.Errorf("got %d licenses, want at most 1", n)
	}
}

// runOnFailingDisk makes one purchase with a fault of the disk, and reports whether the fault occurred.
func runOnFailingDisk(t *testing.T, fault kill) (came bool) {
	env := newEnv(t, fault)
	cart := env.account.Cart()
	env.buyOnFailingDisk()
	env.checkClaims()
	if fault.call != nil {
		fault.call.mu.Lock()
		came = fault.call.came
		fault.call.mu.Unlock()
	} else {
		came = len(env.processes) > 1
	}
	env.checkEnd(ending{bought: 1, maybe: came}, cart)
	return came
}

// Every commit of a purchase fails once, with its transaction in the file and without it.
func TestBot_EveryCommitFails(t *testing.T) {
	env := newEnv(t)
	env.buyOnFailingDisk()
	commits := 0
	for _, s := range env.lastProcess().steps() {
		if strings.HasPrefix(string(s), string(failpoint.After)+" ledger:") {
			commits++
		}
	}
	var faults []kill
	for n := range commits {
		for _, what := range []string{"kept", "lost"} {
			faults = append(faults, kill{disk: fmt.Sprintf("%d %s", n+1, what)})
		}
	}
	if commits < 10 {
		t.Fatalf("got %d commits of a purchase, want at least 10", commits)
	}
	var chosen, came atomic.Int64
	all(t, faults, kill.String, func(t *testing.T, k kill) {
		chosen.Add(1)
		for range 2 { // how many changes share a commit is chance
			if runOnFailingDisk(t, k) {
				came.Add(1)
				break
			}
		}
	})
	if n := came.Load(); n == 0 || n < chosen.Load()-6 {
		t.Errorf("got %d failures of %d commits, want nearly all", n, chosen.Load())
	}
}

// badCall is a system call on a file of the ledger that fails once.
type badCall struct {
	class string // "fsync", "pwrite", "ftruncate", "rename"
	n     int    // which one, from 1
	errno syscall.Errno
	also  string // a class of which every call fails after that one

	mu     sync.Mutex
	seen   map[string]int // calls so far, by class
	came   bool
	status syscall.WaitStatus // how the process ended
}

func (b *badCall) String() string {
	name := fmt.Sprintf("when %s %d says %q", b.class, b.n, b.errno)
	if b.also != "" {
		name += ", and so does every " + b.also + " behind it"
	}
	return name
}

// Every system call that makes a purchase durable fails once. Without -full every fourth pwrite is a sample of the
// hundreds of them. Where the system does not allow tracing, TestBot_EveryCommitFails has to do.
func TestBot_EverySystemCallFails(t *testing.T) {
	if err := traceable(); err != nil {
		t.Logf("no system calls can be made to fail here: %v", err)
		return
	}
	undisturbed := &badCall{}
	env := newEnv(t, kill{call: undisturbed})
	env.buyOnFailingDisk()
	env.lastProcess().end()
	var faults []kill
	for class, n := range undisturbed.seen {
		for i := range n {
			for _, errno := range []syscall.Errno{syscall.EIO, syscall.ENOSPC} {
				if *full || class != "pwrite" || i%4 == 0 {
					faults = append(faults, kill{call: &badCall{class: class, n: i + 1, errno: errno}})
				}
				if class == "fsync" && (*full || i%4 == 0) {
					faults = append(faults, kill{call: &badCall{class: class, n: i + 1, errno: errno, also: "rename"}})
				}
			}
		}
	}
	t.Logf("a purchase has %v; %d fail", undisturbed.seen, len(faults))
	for class, least := range map[string]int{"fsync": 24, "pwrite": 48, "rename": 1} {
		if undisturbed.seen[class] < least {
			t.Errorf("got %d calls of %s in a purchase, want more", undisturbed.seen[class], class)
		}
	}
	var chosen, came atomic.Int64
	all(t, faults, kill.String, func(t *testing.T, k kill) {
		chosen.Add(1)
		if runOnFailingDisk(t, k) {
			came.Add(1)
		}
	})
	if n := came.Load(); n == 0 || n < chosen.Load()*9/10 { // how many changes share a commit is chance
		t.Errorf("got %d failures of %d system calls, want nearly all", n, chosen.Load())
	}
}
