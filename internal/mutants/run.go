package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"
)

// mutant is the program without one of its safeguards.
type mutant struct {
	name   string   // the safeguard that it lacks, in words
	in     string   // the declaration that has the safeguard, as find takes it
	change operator // removes the safeguard
	tests  []tests  // tests that must notice; they run one after the other until one does
}

// tests names tests of a package.
type tests struct {
	pkg  string   // "./purchase"
	run  string   // a regular expression for -run
	args []string // for the test binary
}

// outcome is the result of a mutant: the test that noticed it, none, or an error of the table.
type outcome struct {
	caughtBy string
	took     time.Duration
	err      error
}

// runAll runs the tests of each mutant, first on the unchanged program and then on the mutant, since a test that always
// fails proves nothing.
func runAll(ctx context.Context, all []mutant, together int, within time.Duration) ([]outcome, error) {
	root, err := moduleRoot()
	if err != nil {
		return nil, err
	}
	scratch, err := os.MkdirTemp("", "licensebot-mutants-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(scratch)
	r := &runner{root: root, scratch: scratch, within: within, sound: map[string]func() error{}}
	outcomes := make([]outcome, len(all))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(max(together, 1))
	for i, m := range all {
		group.Go(func() error {
			began := time.Now()
			outcomes[i].caughtBy, outcomes[i].err = r.try(ctx, m, i)
			outcomes[i].took = time.Since(began)
			state := outcomes[i].caughtBy
			if outcomes[i].err != nil {
				state = outcomes[i].err.Error()
			}
			fmt.Fprintf(os.Stderr, "%s: %s\n", m.name, state)
			return ctx.Err()
		})
	}
	return outcomes, group.Wait()
}

type runner struct {
	root, scratch string
	within        time.Duration

	mu    sync.Mutex
	sound map[string]func() error // whether tests pass on the unchanged program; each runs once
}

// try runs a mutant's tests until one notices, and returns its name; empty if none does.
func (r *runner) try(ctx context.Context, m mutant, number int) (caughtBy string, err error) {
	overlay, err := r.overlay(m, number)
	if err != nil {
		return "", err
	}
	for _, t := range m.tests {
		if err := r.passes(ctx, t); err != nil {
			return "", err
		}
		out, failed, err := r.test(ctx, t, "-overlay="+overlay)
		switch {
		case err != nil:
			return "", err
		case failed && strings.Contains(out, "[build failed]"), failed && strings.Contains(out, "[setup failed]"):
			return "", fmt.Errorf("the mutant cannot be built: %s", firstLines(out, 3))
		case failed:
			return strings.TrimPrefix(t.pkg, "./") + " " + failing(out), nil
		}
	}
	return "", nil
}

// overlay writes the changed file and a file for go test -overlay, and returns the path of the latter.
func (r *runner) overlay(m mutant, number int) (string, error) {
	d, err := find(r.root, m.in)
	if err != nil {
		return "", err
	}
	changed, err := d.apply(m.change)
	if err != nil {
		return "", err
	}
	mutated := filepath.Join(r.scratch, fmt.Sprintf("%d.go", number))
	if err := os.WriteFile(mutated, []byte(changed), 0o600); err != nil {
		return "", err
	}
	file := filepath.Join(r.root, filepath.FromSlash(d.file))
	list, err := json.Marshal(map[string]map[string]string{"Replace": {file: mutated}})
	if err != nil {
		return "", err
	}
	overlay := filepath.Join(r.scratch, fmt.Sprintf("%d.json", number))
	return overlay, os.WriteFile(overlay, list, 0o600)
}

// passes returns an error if the tests fail on the unchanged program, or if no test matches.
func (r *runner) passes(ctx context.Context, t tests) error {
	name := strings.Join(append([]string{t.pkg, t.run}, t.args...), " ")
	r.mu.Lock()
	check, known := r.sound[name]
	if !known {
		check = sync.OnceValue(func() error {
			out, failed, err := r.test(ctx, t)
			switch {
			case err != nil:
				return err
			case failed:
				return fmt.Errorf("the tests fail without the mutant too: %s", failing(out))
			case strings.Contains(out, "[no tests to run]"), strings.Contains(out, "[no test files]"):
				return fmt.Errorf("no test of %s is called %s", t.pkg, t.run)
			}
			return nil
		})
		r.sound[name] = check
	}
	r.mu.Unlock()
	return check()
}

// test runs tests. failed is also set if they took too long. Processes that they started end with them.
func (r *runner) test(ctx context.Context, t tests, flags ...string) (out string, failed bool, err error) {
	args := append([]string{"test", "-vet=off", "-failfast", fmt.Sprintf("-timeout=%s", r.within), "-run=" + t.run},
		flags...)
	args = append(args, t.pkg)
	if len(t.args) > 0 {
		args = append(append(args, "-args"), t.args...)
	}
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir = r.root
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	var all bytes.Buffer
	cmd.Stdout, cmd.Stderr = &all, &all
	err = cmd.Run()
	var exit *exec.ExitError
	switch {
	case ctx.Err() != nil:
		return "", false, ctx.Err()
	case errors.As(err, &exit):
		return all.String(), true, nil
	}
	return all.String(), false, err
}

var (
	failLine  = regexp.MustCompile(`(?m)^\s*--- FAIL: (\S+)`)
	panicLine = regexp.MustCompile(`(?m)^(panic: .*|fatal error: .*)$`)
)

// failing returns the name of the failed test or subtest in the output of go test.
func failing(out string) string {
	name := ""
	for _, m := range failLine.FindAllStringSubmatch(out, -1) {
		if name != "" && !strings.HasPrefix(m[1], name+"/") {
			break
		}
		name = m[1]
	}
	p := panicLine.FindString(out)
	switch {
	case strings.Contains(p, "test timed out"):
		return strings.TrimSpace(name + " by not coming to its end")
	case name != "":
		return name
	case p != "":
		return p
	}
	return firstLines(out, 2)
}

func firstLines(text string, n int) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return strings.Join(lines[:min(n, len(lines))], "; ")
}

// moduleRoot returns the folder of go.mod.
func moduleRoot() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir, nil
		}
		up := filepath.Dir(dir)
		if up == dir {
			return "", errors.New("there is no go.mod above the working directory")
		}
		dir = up
	}
}
