package failpoint

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

// Phase says whether a failpoint is before or after its action: a request, an acknowledgement or a transaction.
type Phase string

const (
	// Before means that nothing was sent, or nothing is durable.
	Before Phase = "before"
	// After means that the other side has acted, or the change is durable, but this program has not used the result.
	After Phase = "after"
)

// Point is a failpoint, such as "after cocalc: add".
type Point string

// Of returns the failpoint before or after an action.
func Of(phase Phase, name Name) Point { return Point(string(phase) + " " + string(name)) }

// All returns every failpoint.
func All() []Point {
	var all []Point
	for _, name := range names() {
		all = append(all, Of(Before, name), Of(After, name))
	}
	return all
}

// The environment variables that Enable reads.
const (
	// ReportTo names a file to which the program adds a line for each failpoint: "met before cocalc: add",
	// "unlisted …" for one that All does not return, and at last "killed …".
	ReportTo = "LICENSEBOT_STEPS"
	// KillAt makes the program kill itself with SIGKILL the n-th time that it hits a failpoint: "2 before cocalc: add".
	KillAt = "LICENSEBOT_KILL_AT"
	// FailCommit makes the n-th commit of the ledger fail as if its last fsync failed: "3 kept" leaves the transaction
	// in the file, "3 lost" doesn't.
	FailCommit = "LICENSEBOT_FAIL_COMMIT"
)

// ErrDisk is the error of a commit that FailCommit makes fail.
var ErrDisk = syscall.EIO

// enabled holds the settings that Enable read; nil if the environment has none.
var enabled atomic.Pointer[settings]

type settings struct {
	killer *killer        // nil if no failpoint is watched
	commit *commitFailure // nil if no commit fails
}

// Enable reads ReportTo, KillAt and FailCommit, and enables failpoints if any of them is set. The program calls it
// once, before its other work. Enable returns an error if a variable is malformed, or if the file of ReportTo can't be
// opened.
func Enable(getenv func(string) string) error {
	commit, err := newCommitFailure(getenv(FailCommit))
	if err != nil {
		return err
	}
	k, err := newKiller(getenv(ReportTo), getenv(KillAt), killSelf)
	if err != nil {
		return err
	}
	if k != nil || commit != nil {
		enabled.Store(&settings{killer: k, commit: commit})
	}
	return nil
}

func killSelf() {
	if p, err := os.FindProcess(os.Getpid()); err == nil {
		_ = p.Kill()
	}
}

// Enabled reports whether Enable enabled failpoints. Otherwise the bot is built without the decorators that call Hit
// and Commit.
func Enabled() bool { return enabled.Load() != nil }

// Hit reports a failpoint, and kills the program if KillAt chose it. It does nothing unless failpoints are enabled.
func Hit(phase Phase, name Name) {
	if s := enabled.Load(); s != nil && s.killer != nil {
		s.killer.hit(Of(phase, name))
	}
}

// Commit returns do(). If FailCommit chose this commit, it runs do ("kept") or undo ("lost"), and returns an error that
// wraps ErrDisk.
func Commit(do, undo func() error) error {
	if s := enabled.Load(); s != nil && s.commit != nil {
		return s.commit.run(do, undo)
	}
	return do()
}

// commitFailure lets one commit fail.
type commitFailure struct {
	left atomic.Int64 // commits until the one that fails
	kept bool
}

func newCommitFailure(which string) (*commitFailure, error) {
	if which == "" {
		return nil, nil
	}
	count, what, _ := strings.Cut(which, " ")
	n, err := strconv.Atoi(count)
	if err != nil || n < 1 || what != "kept" && what != "lost" {
		return nil, fmt.Errorf("%s=%q names no commit", FailCommit, which)
	}
	f := &commitFailure{kept: what == "kept"}
	f.left.Store(int64(n))
	return f, nil
}

func (f *commitFailure) run(do, undo func() error) error {
	if f.left.Add(-1) != 0 {
		return do()
	}
	if f.kept {
		undo = do
	}
	return errors.Join(ErrDisk, undo())
}

// killer reports failpoints and kills the program at one of them.
type killer struct {
	listed []Point
	at     Point
	left   int // hits of at until the kill; 0: no kill
	kill   func()

	mu     sync.Mutex
	report *os.File // nil: hits are not reported
}

// newKiller returns a killer for the values of ReportTo and KillAt; nil if both are empty.
func newKiller(report, kill string, doKill func()) (*killer, error) {
	if report == "" && kill == "" {
		return nil, nil
	}
	k := &killer{listed: All(), kill: doKill}
	if kill != "" {
		times, at, _ := strings.Cut(kill, " ")
		n, err := strconv.Atoi(times)
		if k.at, k.left = Point(at), n; err != nil || n < 1 || !slices.Contains(k.listed, k.at) {
			return nil, fmt.Errorf("%s=%q names no failpoint", KillAt, kill)
		}
	}
	if report != "" {
		var err error
		if k.report, err = os.OpenFile(report, os.O_WRONLY|os.O_APPEND, 0); err != nil {
			return nil, err
		}
	}
	return k, nil
}

// hit reports a failpoint. At the chosen one it kills the program; since it holds mu, no other failpoint is passed
// after that.
func (k *killer) hit(p Point) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if !slices.Contains(k.listed, p) {
		k.say("unlisted", p)
		return
	}
	k.say("met", p)
	if p != k.at || k.left == 0 {
		return
	}
	if k.left--; k.left == 0 {
		k.say("killed", p)
		k.kill()
		select {} // the signal may take a moment
	}
}

func (k *killer) say(word string, p Point) {
	if k.report != nil {
		_, _ = fmt.Fprintf(k.report, "%s %s\n", word, p) // fails if the test has closed its end of the pipe
	}
}
