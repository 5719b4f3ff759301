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

	"licensebot/internal/failpoint"
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

// kill is a step at which the bot is killed, the n-th time that it comes there. The zero value kills nothing.
type kill struct {
	at   failpoint.Point
	n    int
	disk string   // instead: the commit that fails, as failpoint.FailCommit names it
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

// process is the bot from one start to its end.
type process struct {
	ends kill
	cmd  *exec.Cmd
	log  strings.Builder // of standard error; whole when died is closed
	died chan struct{}

	mu       sync.Mutex
	met      []failpoint.Point
	unlisted []string
	killed   failpoint.Point
}

// begin starts the bot with these settings alone. passed is called at every step.
func begin(settings map[string]string, ends kill, passed func()) (*process, error) {
	l := &process{ends: ends, died: make(chan struct{}), cmd: exec.Command(program, "run")}
	for name, value := range settings {
		l.cmd.Env = append(l.cmd.Env, name+"="+value)
	}
	l.cmd.Env = append(l.cmd.Env, failpoint.ReportTo+"=/dev/fd/3") // the first of ExtraFiles
	if ends.disk != "" {
		l.cmd.Env = append(l.cmd.Env, failpoint.FailCommit+"="+ends.disk)
	}
	if ends.n > 0 {
		l.cmd.Env = append(l.cmd.Env, fmt.Sprintf("%s=%d %s", failpoint.KillAt, ends.n, ends.at))
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

func (p *process) listen(steps io.Reader, passed func()) {
	for lines := bufio.NewScanner(steps); lines.Scan(); {
		word, what, _ := strings.Cut(lines.Text(), " ")
		p.mu.Lock()
		switch word {
		case "met":
			p.met = append(p.met, failpoint.Point(what))
		case "killed":
			p.killed = failpoint.Point(what)
		default:
			p.unlisted = append(p.unlisted, what)
		}
		p.mu.Unlock()
		passed()
	}
}

// steps returns the steps that it has passed.
func (p *process) steps() []failpoint.Point {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]failpoint.Point(nil), p.met...)
}

// passed reports whether it came to a step.
func (p *process) passed(s failpoint.Point) bool { return slices.Contains(p.steps(), s) }

// between reports whether it was killed on the way from one step to another.
func (p *process) between(from, to failpoint.Point) bool {
	steps := slices.DeleteFunc(p.steps(), func(s failpoint.Point) bool { return s != from && s != to })
	return p.killed != "" && len(steps) > 0 && steps[len(steps)-1] == from
}

func (p *process) dead() bool {
	select {
	case <-p.died:
		return true
	default:
		return false
	}
}

// end kills the process if it still runs, and waits for its end.
func (p *process) end() {
	_ = p.cmd.Process.Kill() // it may be dead already
	<-p.died
}

func (p *process) exitCode() int {
	if p.ends.call != nil {
		return p.ends.call.status.ExitStatus()
	}
	return p.cmd.ProcessState.ExitCode()
}

// asPlanned returns an error unless the bot ended as planned: by SIGKILL at its step, or by itself after its disk
// failed.
func (p *process) asPlanned() error {
	if p.ends.disk != "" || p.ends.call != nil {
		code := p.exitCode()
		if !strings.Contains(p.log.String(), "start licensebot") && code == 1 {
			return nil // the ledger could not be created; no person got an answer yet
		}
		if code != exitLedgerFailed {
			return fmt.Errorf("the bot ended with %s %s\n%s", p.cmd.ProcessState, p.ends, &p.log)
		}
		return nil
	}
	status, ok := p.cmd.ProcessState.Sys().(syscall.WaitStatus)
	if !ok || !status.Signaled() || status.Signal() != syscall.SIGKILL || p.killed != p.ends.at || p.killed == "" {
		return fmt.Errorf("the bot ended with %s at %q, and was to be killed at %s\n%s", p.cmd.ProcessState, p.killed, p.ends,
			&p.log)
	}
	return nil
}
