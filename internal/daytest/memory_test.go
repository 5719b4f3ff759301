package daytest_test

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"runtime"
	"slices"
	"strings"
)

// memory is what is in use on the heap, in bytes, by the function of ours that allocated it. It comes from Go's memory
// profile, so it is an estimate from samples. What the simulators and the test hold is left out.
type memory map[string]float64

// readMemory collects garbage and returns what is left.
func readMemory() memory {
	runtime.GC() // the profile is as old as the last collection but one
	runtime.GC()
	var records []runtime.MemProfileRecord
	for n, ok := runtime.MemProfile(nil, false); !ok; {
		records = make([]runtime.MemProfileRecord, n+100)
		n, ok = runtime.MemProfile(records, false)
		records = records[:min(n, len(records))]
	}
	m := memory{}
	for _, r := range records {
		if by := allocator(r.Stack()); by != "" {
			m[by] += scaled(r)
		}
	}
	return m
}

// scaled estimates the bytes that a record of the profile stands for, as pprof does: a block of some size is sampled
// with a probability of 1-exp(-size/rate).
func scaled(r runtime.MemProfileRecord) float64 {
	if r.InUseObjects() == 0 {
		return 0
	}
	size := float64(r.InUseBytes()) / float64(r.InUseObjects())
	return float64(r.InUseBytes()) / (1 - math.Exp(-size/profileRate))
}

// allocator returns the innermost function of this repository in a stack, or the outermost of all if there is none. It
// is empty for the simulators, their HTTP servers, and the tests.
func allocator(stack []uintptr) string {
	frames, last := runtime.CallersFrames(stack), ""
	for more := true; more; {
		var f runtime.Frame
		f, more = frames.Next()
		name, ours := strings.CutPrefix(f.Function, "licensebot/")
		if ours {
			for _, other := range []string{"slacksim", "cocalc/cocalctest", "internal/daytest"} {
				if strings.HasPrefix(name, other) {
					return ""
				}
			}
			return name
		}
		if f.Function != "runtime.goexit" {
			last = f.Function
		}
	}
	if last == "net/http.(*conn).serve" {
		return ""
	}
	return last
}

func (m memory) total() (bytes float64) {
	for _, n := range m {
		bytes += n
	}
	return bytes
}

// mean returns the mean of several readings.
func mean(all []memory) memory {
	m := memory{}
	for _, one := range all {
		for by, n := range one {
			m[by] += n / float64(len(all))
		}
	}
	return m
}

// growth describes which functions hold the most more than before.
func (m memory) growth(before memory) string {
	by := slices.Collect(maps.Keys(m))
	more := func(f string) float64 { return m[f] - before[f] }
	slices.SortFunc(by, func(a, b string) int { return cmp.Compare(more(b), more(a)) })
	var text strings.Builder
	for _, f := range by[:min(len(by), 12)] {
		fmt.Fprintf(&text, "%8.1f kB  %s\n", more(f)/1000, f)
	}
	return text.String()
}
