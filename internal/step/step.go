package step

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
)

// When says on which side of what is done a step lies.
type When string

const (
	// Before means that nothing was sent, nothing is durable.
	Before When = "before"
	// After means that the other side acted, or it is durable, and this program does not know it yet.
	After When = "after"
)

// Step is a moment, such as "after cocalc: add".
type Step string

// Of names the step on one side of what is done.
func Of(when When, what What) Step { return Step(string(when) + " " + string(what)) }

// All lists every step.
func All() []Step {
	var all []Step
	for _, what := range whats() {
		all = append(all, Of(Before, what), Of(After, what))
	}
	return all
}

// At marks a step in the code. It does nothing unless a test armed the program.
func At(when When, what What) {
	if armed != nil {
		armed.meet(Of(when, what))
	}
}

// Armed reports whether a test wants to know of steps, for those who have to work to name one.
func Armed() bool { return armed != nil }

// What arms a program, from its environment.
const (
	// ReportTo names a file to which the program adds a line for each step: "met before cocalc: add", "unlisted …" for
	// one that All does not have, and at last "killed …".
	ReportTo = "LICENSEBOT_STEPS"
	// KillAt has the program killed with SIGKILL at a step, the n-th time that it comes there: "2 before cocalc: add".
	KillAt = "LICENSEBOT_KILL_AT"
)

// FailCommit makes the n-th commit of the ledger fail as if its last fsync failed: "3 kept" for a transaction that is
// in the file anyway, "3 lost" for one that is not.
const FailCommit = "LICENSEBOT_FAIL_COMMIT"

// ErrDisk is the error of a commit that FailCommit makes fail.
var ErrDisk = syscall.EIO

// Commit runs do, or undo if FailCommit loses this commit.
func Commit(do, undo func() error) error {
	if failing == nil {
		return do()
	}
	return failing.commit(do, undo)
}

// failing is set at the program's start and never changes.
var failing = failCommit(os.Getenv(FailCommit))

type failure struct {
	left atomic.Int64 // commits until the one that fails
	kept bool
}

func failCommit(which string) *failure {
	if which == "" {
		return nil
	}
	count, what, _ := strings.Cut(which, " ")
	n, err := strconv.Atoi(count)
	if err != nil || n < 1 || what != "kept" && what != "lost" {
		panic(fmt.Sprintf("%s=%q names no commit", FailCommit, which))
	}
	f := &failure{kept: what == "kept"}
	f.left.Store(int64(n))
	return f
}

func (f *failure) commit(do, undo func() error) error {
	if f.left.Add(-1) != 0 {
		return do()
	}
	if f.kept {
		undo = do
	}
	return errors.Join(ErrDisk, undo())
}

// armed is set when the program starts, and never changed.
var armed = arm(os.Getenv(ReportTo), os.Getenv(KillAt), func() { _ = self().Kill() })

func self() *os.Process {
	p, err := os.FindProcess(os.Getpid())
	if err != nil {
		panic(err)
	}
	return p
}

// killer watches the steps of an armed program.
type killer struct {
	listed []Step
	at     Step
	left   int // times until the kill; 0: it lives
	kill   func()

	mu     sync.Mutex
	report *os.File // nil if no test listens
}

// arm makes a killer; nil when there is nothing to do. What cannot be understood is a mistake of the test, and ends the
// program at once.
func arm(report, kill string, doKill func()) *killer {
	if report == "" && kill == "" {
		return nil
	}
	k := &killer{listed: All(), kill: doKill}
	if kill != "" {
		times, at, _ := strings.Cut(kill, " ")
		n, err := strconv.Atoi(times)
		if k.at, k.left = Step(at), n; err != nil || n < 1 || !slices.Contains(k.listed, k.at) {
			panic(fmt.Sprintf("%s=%q names no step", KillAt, kill))
		}
	}
	if report != "" {
		var err error
		if k.report, err = os.OpenFile(report, os.O_WRONLY|os.O_APPEND, 0); err != nil {
			panic(err)
		}
	}
	return k
}

// meet reports a step. At the one that was chosen the program ends, and no other step is passed any more.
func (k *killer) meet(s Step) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if !slices.Contains(k.listed, s) {
		k.say("unlisted", s)
		return
	}
	k.say("met", s)
	if s != k.at || k.left == 0 {
		return
	}
	if k.left--; k.left == 0 {
		k.say("killed", s)
		k.kill()
		select {} // the signal may take a moment
	}
}

func (k *killer) say(word string, s Step) {
	if k.report != nil {
		_, _ = fmt.Fprintf(k.report, "%s %s\n", word, s) // a listener that is gone has nothing to hear
	}
}
