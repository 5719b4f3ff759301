package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"licensebot/internal/processtest"
	"licensebot/slacksim"
)

// BenchmarkRun_Idle builds the bot as it is released and reports the size of the binary, and the memory of the idle
// process: after its start, and after a purchase and a list.
func BenchmarkRun_Idle(b *testing.B) {
	binary := filepath.Join(b.TempDir(), "bot")
	build := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w", "-o", binary, ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		b.Fatalf("build: got error %v, want none\n%s", err, out)
	}
	info, err := os.Stat(binary)
	if err != nil {
		b.Fatal(err)
	}
	var fresh, used []float64
	for b.Loop() {
		env := newEnv(b)
		bot := processtest.Start(b, binary, env.settings(b), "run")
		if err := env.slack.WaitForSocket(b.Context()); err != nil {
			b.Fatal(err)
		}
		fresh = append(fresh, resident(b, bot))
		card := env.command(b, "buy ram=16 cpu=2", "A CoCalc license for $63.75")
		alice := env.slack.Person(slacksim.Alice)
		if err := alice.Click(b.Context(), card, "Buy for $63.75"); err != nil {
			b.Fatal(err)
		}
		_, err := alice.WaitForUpdate(b.Context(), card, func(m slacksim.Message) bool {
			return strings.Contains(m.ContentText(), "Bought for")
		})
		if err != nil {
			b.Fatal(err)
		}
		env.command(b, "list", "1 active license")
		used = append(used, resident(b, bot))
		if code := bot.Ends(processtest.Patience, syscall.SIGTERM); code != 0 {
			b.Fatalf("got exit code %d, want 0:\n%s", code, &bot.Err)
		}
	}
	b.ReportMetric(float64(info.Size())/1e6, "MB-binary")
	b.ReportMetric(slices.Max(fresh), "MB-started")
	b.ReportMetric(slices.Max(used), "MB-used")
	b.ReportMetric(0, "ns/op")
}

// resident returns a process's resident memory in MB once it has stayed the same, within a percent, for two seconds.
func resident(b *testing.B, p *processtest.Process) float64 {
	b.Helper()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	last, steady := 0.0, 0
	for n := 0; steady < 20 && n < 600; n++ {
		<-tick.C
		now := rss(b, p.Cmd.Process.Pid)
		if now > last*1.01 || now < last*0.99 {
			last, steady = now, 0
		}
		steady++
	}
	return last
}

// rss reads the resident memory of a process from Linux, in MB.
func rss(b *testing.B, pid int) float64 {
	b.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		b.Fatal(err)
	}
	_, after, _ := bytes.Cut(status, []byte("VmRSS:"))
	var kB float64
	if _, err := fmt.Sscan(string(after), &kB); err != nil {
		b.Fatal(err)
	}
	return kB * 1024 / 1e6
}
