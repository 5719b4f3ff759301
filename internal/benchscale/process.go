package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"time"
)

const (
	// sampling is the pause between two readings of a process's memory.
	sampling = 2 * time.Millisecond
	// ending is how long a bot may take to end.
	ending = time.Minute
)

// process is a running program.
type process struct {
	cmd   *exec.Cmd
	began time.Time
	errs  errorLog

	ended    chan struct{} // closed when the process has ended
	err      error         // of its end; read only after ended
	watching sync.WaitGroup
	peak     int64 // of anonymous memory; read only after the end of watching
}

// errorLog keeps what a process writes to its standard error.
type errorLog struct {
	mu   sync.Mutex
	text []byte
}

// Write implements io.Writer.
func (l *errorLog) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.text = append(l.text, p...)
	return len(p), nil
}

// contains reports whether the process has written a text.
func (l *errorLog) contains(text string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return bytes.Contains(l.text, []byte(text))
}

// end returns the last part of what the process has written.
func (l *errorLog) end() []byte {
	l.mu.Lock()
	defer l.mu.Unlock()
	return bytes.Clone(l.text[max(0, len(l.text)-2000):])
}

// launch starts a program with this ledger and these settings alone.
func launch(ctx context.Context, program, ledger string, settings []string, args ...string) (*process, error) {
	p := &process{cmd: exec.CommandContext(ctx, program, args...), ended: make(chan struct{})}
	p.cmd.Env = append([]string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + os.Getenv("HOME"), "TMPDIR=" + os.Getenv("TMPDIR"),
		"DATABASE=" + ledger,
	}, settings...)
	p.cmd.Stderr = &p.errs
	p.began = time.Now()
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		p.err = p.cmd.Wait()
		close(p.ended)
	}()
	return p, nil
}

// watch begins to read the memory of the process, for its peak, until it ends.
func (p *process) watch() { p.watching.Go(p.followPeak) }

func (p *process) followPeak() {
	tick := time.NewTicker(sampling)
	defer tick.Stop()
	for {
		p.peak = max(p.peak, p.anonymous())
		select {
		case <-p.ended:
			return
		case <-tick.C:
		}
	}
}

// anonymous returns the anonymous memory of the process from Linux, in bytes; 0 elsewhere, and after its end.
func (p *process) anonymous() int64 {
	at := probe{pid: p.cmd.Process.Pid}
	return at.status("RssAnon:") * 1024
}

// wait returns when the process has ended, and how it did.
func (p *process) wait() error {
	<-p.ended
	p.watching.Wait()
	if p.err == nil {
		return nil
	}
	return fmt.Errorf("%w\n%s", p.err, p.errs.end())
}

// stop ends the process as an operator does.
func (p *process) stop() error {
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	late := time.AfterFunc(ending, func() { _ = p.cmd.Process.Kill() })
	defer late.Stop()
	return p.wait()
}

// measureCommand runs a command that reads the ledger. What it prints is thrown away.
func measureCommand(ctx context.Context, program, ledger string, args ...string) (usage, error) {
	p, err := launch(ctx, program, ledger, nil, args...)
	if err != nil {
		return usage{}, err
	}
	p.watch()
	err = p.wait()
	return usage{took: time.Since(p.began), peak: p.peak}, err
}
