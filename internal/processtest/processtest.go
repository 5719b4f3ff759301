// Package processtest runs programs as separate processes, for tests of what a program prints, how it ends, and how it
// takes signals. No test leaves a process behind: each ends with its test, or after two minutes.
//
// Start with [Build], which builds a program, and [Start], which runs one as a [Process].
package processtest

import (
	"bufio"
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"licensebot/internal/config"
)

// AsProgram is an environment variable. In a process that [Start] has started, it is set: a test program that finds it
// behaves as the program that it tests.
const AsProgram = "BOT_AS_PROGRAM"

// Patience is how long a process may take for a step; machines that test are slow.
const Patience = 30 * time.Second

// lifetime is how long a process may run at most, and dying how long it may take to say what it was doing.
const (
	lifetime = 2 * time.Minute
	dying    = 5 * time.Second
)

// Process is a running program.
type Process struct {
	Cmd *exec.Cmd
	Out Lines // of standard output
	Err Lines // of standard error
	// Life ends when the process has ended: wait with it for what a dead process can't do.
	Life context.Context

	t       testing.TB
	log     io.Closer // its standard error
	readers sync.WaitGroup
}

// Lines are what a process has printed so far.
type Lines struct {
	mu   sync.Mutex
	all  []string
	more chan struct{} // closed and made anew with every line
	done bool
}

func (l *Lines) read(from io.Reader) {
	s := bufio.NewScanner(from)
	for s.Scan() {
		l.add(s.Text(), false)
	}
	l.add("", true)
}

func (l *Lines) add(line string, done bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.done = done; !done {
		l.all = append(l.all, line)
	}
	close(l.more)
	l.more = make(chan struct{})
}

// String returns the lines so far, without the last line break.
func (l *Lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Join(l.all, "\n")
}

// Start starts a program with this command line and these settings alone: of the environment, it gets everything but
// the settings of licensebot, and a new home. The process ends with the test, if it has not ended. One that runs longer
// than two minutes is ended before, prints what its goroutines were doing, and fails the test.
func Start(t testing.TB, program string, environment map[string]string, args ...string) *Process {
	t.Helper()
	p := &Process{t: t, Cmd: exec.Command(program, args...)}
	p.Out.more, p.Err.more = make(chan struct{}), make(chan struct{})
	for _, variable := range os.Environ() {
		if name, _, _ := strings.Cut(variable, "="); !slices.Contains(config.Names(), name) {
			p.Cmd.Env = append(p.Cmd.Env, variable)
		}
	}
	p.Cmd.Env = append(p.Cmd.Env, AsProgram+"=1", "HOME="+t.TempDir(), "XDG_CACHE_HOME="+t.TempDir())
	for name, value := range environment {
		p.Cmd.Env = append(p.Cmd.Env, name+"="+value)
	}
	out, err := p.Cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	errs, err := p.Cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	p.log = errs
	if err := p.Cmd.Start(); err != nil {
		t.Fatal(err)
	}
	p.readers.Go(func() { p.Out.read(out) })
	p.readers.Go(func() { p.Err.read(errs) })
	var end context.CancelFunc
	p.Life, end = context.WithCancel(t.Context())
	go func() {
		p.readers.Wait()
		end()
	}()
	hangs := time.AfterFunc(lifetime, p.endWithStacks)
	t.Cleanup(func() {
		inTime := hangs.Stop()
		if p.Cmd.ProcessState == nil {
			if inTime && !t.Failed() {
				_ = p.Cmd.Process.Kill()
			} else {
				p.endWithStacks()
			}
			p.readers.Wait()
			_ = p.Cmd.Wait()
		}
		if !inTime {
			t.Errorf("%q was still running after %s", args, lifetime)
		}
		if t.Failed() {
			t.Logf("%q printed\n%s\n%s", args, &p.Out, &p.Err)
		}
	})
	return p
}

// endWithStacks ends the process at once, after it has printed what each of its goroutines was doing. It kills one that
// doesn't even do that.
func (p *Process) endWithStacks() {
	_ = p.Cmd.Process.Signal(syscall.SIGQUIT)
	time.AfterFunc(dying, func() { _ = p.Cmd.Process.Kill() })
}

// Kill ends the process at once, as kill -9 does, and waits until it has ended.
func (p *Process) Kill() {
	_ = p.Cmd.Process.Kill()
	p.readers.Wait()
	_ = p.Cmd.Wait()
}

// CloseErr closes the reader of the process's standard error. Life ends then,
// although the process runs.
func (p *Process) CloseErr() error { return p.log.Close() }

// Prints waits until the process has printed n lines on l that contain text.
func (p *Process) Prints(l *Lines, n int, text string) {
	p.t.Helper()
	late := time.NewTimer(Patience)
	defer late.Stop()
	for {
		l.mu.Lock()
		found, more, done := 0, l.more, l.done
		for _, line := range l.all {
			if strings.Contains(line, text) {
				found++
			}
		}
		l.mu.Unlock()
		if found >= n {
			return
		}
		if done {
			p.t.Fatalf("the process has ended without %q:\n%s\n%s", text, &p.Out, &p.Err)
		}
		select {
		case <-more:
		case <-late.C:
			p.t.Fatalf("%q was not printed:\n%s\n%s", text, &p.Out, &p.Err)
		}
	}
}

// Ends waits for the end of the process, after sending it signals if there are any, and returns its exit code. It fails
// the test if the process doesn't end in time, or ends with a dump.
func (p *Process) Ends(within time.Duration, signals ...syscall.Signal) int {
	p.t.Helper()
	for _, s := range signals {
		if err := p.Cmd.Process.Signal(s); err != nil {
			p.t.Fatal(err)
		}
	}
	late := time.AfterFunc(within, p.endWithStacks)
	p.readers.Wait()
	err := p.Cmd.Wait()
	if !late.Stop() {
		p.t.Fatalf("it did not end within %s:\n%s\n%s", within, &p.Out, &p.Err)
	}
	if exited := new(exec.ExitError); err != nil && !errors.As(err, &exited) {
		p.t.Fatal(err)
	}
	text := p.Err.String()
	if strings.Contains(text, "goroutine ") || strings.Contains(text, "panic") || strings.Contains(text, "DATA RACE") {
		p.t.Errorf("it ended with a dump:\n%s", text)
	}
	return p.Cmd.ProcessState.ExitCode()
}

// Build builds one of our programs, such as licensebot/cmd/bot, for [Start], and returns its path.
func Build(t testing.TB, program string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), filepath.Base(program))
	if out, err := exec.Command("go", "build", "-o", path, program).CombinedOutput(); err != nil {
		t.Fatalf("build %s: %v\n%s", program, err, out)
	}
	return path
}
