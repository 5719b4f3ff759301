package killtest

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	"licensebot/internal/step"
)

// program is the bot, built once for all tests.
var program string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "bot")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	program = filepath.Join(dir, "bot")
	code := 1
	if out, err := exec.Command("go", "build", "-o", program, "licensebot/cmd/bot").CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "%s%v\n", out, err)
	} else {
		code = m.Run()
	}
	os.RemoveAll(dir)
	os.Exit(code)
}

// kill is a step at which a life of the bot ends, the n-th time that it comes there. The zero value lets it live.
type kill struct {
	at   step.Step
	n    int
	disk string   // instead: the commit that fails, as step.FailCommit names it
	call *badCall // instead: the system calls that fail
}

func (k kill) String() string {
	switch {
	case k.call != nil:
		return k.call.String()
	case k.disk != "":
		return "when commit " + k.disk + " fails"
	}
	switch k.n {
	case 0:
		return "nowhere"
	case 1:
		return string(k.at)
	}
	return fmt.Sprintf("%s (%d)", k.at, k.n)
}

// life is the bot from one start to its end.
type life struct {
	ends kill
	cmd  *exec.Cmd
	log  strings.Builder // of standard error; whole when died is closed
	died chan struct{}

	mu       sync.Mutex
	met      []step.Step
	unlisted []string
	killed   step.Step
}

// begin starts the bot with these settings alone. passed is called at every step.
func begin(settings map[string]string, ends kill, passed func()) (*life, error) {
	l := &life{ends: ends, died: make(chan struct{}), cmd: exec.Command(program, "run")}
	for name, value := range settings {
		l.cmd.Env = append(l.cmd.Env, name+"="+value)
	}
	l.cmd.Env = append(l.cmd.Env, step.ReportTo+"=/dev/fd/3") // the first of ExtraFiles
	if ends.disk != "" {
		l.cmd.Env = append(l.cmd.Env, step.FailCommit+"="+ends.disk)
	}
	if ends.n > 0 {
		l.cmd.Env = append(l.cmd.Env, fmt.Sprintf("%s=%d %s", step.KillAt, ends.n, ends.at))
	}
	steps, report, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	l.cmd.ExtraFiles, l.cmd.Stderr = []*os.File{report}, &l.log
	wait := l.cmd.Wait
	if ends.call != nil {
		wait, err = trace(l.cmd, ends.call)
	} else {
		err = l.cmd.Start()
	}
	report.Close() // the bot has its own
	if err != nil {
		steps.Close()
		return nil, err
	}
	go func() {
		defer close(l.died)
		l.listen(steps, passed)
		steps.Close()
		_ = wait() // how it ended is in ProcessState
		passed()
	}()
	return l, nil
}

func (l *life) listen(steps io.Reader, passed func()) {
	for lines := bufio.NewScanner(steps); lines.Scan(); {
		word, what, _ := strings.Cut(lines.Text(), " ")
		l.mu.Lock()
		switch word {
		case "met":
			l.met = append(l.met, step.Step(what))
		case "killed":
			l.killed = step.Step(what)
		default:
			l.unlisted = append(l.unlisted, what)
		}
		l.mu.Unlock()
		passed()
	}
}

// steps are those that it has passed.
func (l *life) steps() []step.Step {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]step.Step(nil), l.met...)
}

// passed reports whether it came to a step.
func (l *life) passed(s step.Step) bool { return slices.Contains(l.steps(), s) }

// between reports whether it was killed on the way from one step to another.
func (l *life) between(from, to step.Step) bool {
	steps := slices.DeleteFunc(l.steps(), func(s step.Step) bool { return s != from && s != to })
	return l.killed != "" && len(steps) > 0 && steps[len(steps)-1] == from
}

func (l *life) dead() bool {
	select {
	case <-l.died:
		return true
	default:
		return false
	}
}

// end ends it if it still lives, without a warning, and waits for its end.
func (l *life) end() {
	_ = l.cmd.Process.Kill() // it may be dead already
	<-l.died
}

func (l *life) exitCode() int {
	if l.ends.call != nil {
		return l.ends.call.status.ExitStatus()
	}
	return l.cmd.ProcessState.ExitCode()
}

// asPlanned is an error unless the bot was ended as planned: by SIGKILL at its step, or by itself after its disk
// failed.
func (l *life) asPlanned() error {
	if l.ends.disk != "" || l.ends.call != nil {
		code := l.exitCode()
		if !strings.Contains(l.log.String(), "start licensebot") && code == 1 {
			return nil // the ledger could not be made; nobody was answered yet
		}
		if code != exitLedgerFailed {
			return fmt.Errorf("the bot ended with %s %s\n%s", l.cmd.ProcessState, l.ends, &l.log)
		}
		return nil
	}
	status, ok := l.cmd.ProcessState.Sys().(syscall.WaitStatus)
	if !ok || !status.Signaled() || status.Signal() != syscall.SIGKILL || l.killed != l.ends.at || l.killed == "" {
		return fmt.Errorf("the bot ended with %s at %q, and was to be killed at %s\n%s", l.cmd.ProcessState, l.killed, l.ends,
			&l.log)
	}
	return nil
}
