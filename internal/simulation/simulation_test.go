package simulation

import (
	"flag"
	"fmt"
	"os"
	"runtime/debug"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
)

var (
	oneSeed   = flag.Uint64("seed", 0, "run this seed alone, and print its trace")
	manySeeds = flag.Uint64("seeds", defaultSeeds, "how many seeds are run")
	firstSeed = flag.Uint64("from", 1, "the first of them")
)

// No seed violates an invariant. A seed that fails prints its trace; -seed=N runs it again.
func TestSimulation_Seeds(t *testing.T) {
	if *oneSeed != 0 {
		if out := runSeed(t, *oneSeed); len(out.Wrong) == 0 {
			t.Log(out.Trace)
		}
		return
	}
	defer debug.SetGCPercent(debug.SetGCPercent(400)) // a run keeps little memory and allocates much
	const chunk = 1000
	var total totals
	for from := *firstSeed; from < *firstSeed+*manySeeds; from += chunk {
		to := min(from+chunk, *firstSeed+*manySeeds)
		t.Run(fmt.Sprintf("seeds %d to %d", from, to-1), func(t *testing.T) {
			for seed := from; seed < to; seed++ {
				t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
					t.Parallel()
					total.add(seed, runSeed(t, seed))
				})
			}
		})
		if *manySeeds > chunk { // a soak
			fmt.Fprintln(os.Stderr, total.String())
		}
	}
	t.Log(total.String())
	// A simulation without events proves nothing.
	if s, n := total.sum, int(*manySeeds); n >= 100 &&
		(s.Purchases < n || s.Kills < n/2 || s.Faults < n || s.Unknown < n/50 || s.DoubleBuys < n/200 ||
			s.Agreed < n/4 || s.Denied < n/25 || s.Paused < n/5 || s.Uncertain < n/3 ||
			s.Later < n/2 || s.Upkeep < n/2 || s.ChargedTwice < n/10) {
		t.Errorf("got %s, want more of each kind in %d seeds", total.String(), n)
	}
}

type totals struct {
	mu     sync.Mutex
	sum    Summary
	failed []uint64
}

func (t *totals) add(seed uint64, out Outcome) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.sum.Add(out.Summary)
	if len(out.Wrong) > 0 {
		t.failed = append(t.failed, seed)
	}
}

func (t *totals) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.failed) == 0 {
		return t.sum.String()
	}
	return fmt.Sprintf("%s; FAILED: %d", t.sum, t.failed)
}

func runSeed(t *testing.T, seed uint64) (out Outcome) {
	dir := ledgerDir(t)
	synctest.Test(t, func(t *testing.T) { out = Run(NewPlan(seed), dir) })
	if len(out.Wrong) > 0 {
		t.Errorf("seed %d: got\n%s\nwant nothing wrong\n\n%s\n\nRun it again: "+
			"go test ./internal/simulation -run TestSimulation_Seeds -seed=%d",
			seed, strings.Join(out.Wrong, "\n"), out.Trace, seed)
	}
	return out
}

// ledgerDir returns a folder in memory, where there is one: the simulation kills programs and does not cut the power,
// so no file has to outlast the machine.
func ledgerDir(t *testing.T) string {
	t.Helper()
	if info, err := os.Stat("/dev/shm"); err != nil || !info.IsDir() {
		return t.TempDir()
	}
	dir, err := os.MkdirTemp("/dev/shm", "licensebot-simulation-")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}
