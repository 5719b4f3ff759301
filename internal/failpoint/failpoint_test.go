package failpoint

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

func TestHit_NotEnabled(t *testing.T) {
	if Enabled() {
		t.Fatal("got failpoints that are enabled without Enable")
	}
	if n := testing.AllocsPerRun(100, func() { Hit(Before, Checkout) }); n != 0 {
		t.Errorf("got %v allocations of a failpoint, want none", n)
	}
}

// At the n-th time of its failpoint the killer kills, and nothing passes a failpoint any more.
func TestKiller_Hit(t *testing.T) {
	path := filepath.Join(t.TempDir(), "steps")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	killed := make(chan struct{})
	k, err := newKiller(path, "2 after cocalc: add", func() { close(killed); runtime.Goexit() })
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range []Point{"before cocalc: add", "after cocalc: add", "before cocalc: tea"} {
		k.hit(p)
	}
	select {
	case <-killed:
		t.Fatal("got a kill at the first time, want it at the second")
	default:
	}
	go k.hit("after cocalc: add")
	<-killed
	text, err := os.ReadFile(path)
	const want = "met before cocalc: add\nmet after cocalc: add\nunlisted before cocalc: tea\nmet after cocalc: add\n" +
		"killed after cocalc: add\n"
	if err != nil || string(text) != want {
		t.Errorf("got the report %q, %v, want %q", text, err, want)
	}
}

func TestEnable_Malformed(t *testing.T) {
	for _, c := range []struct{ variable, value string }{
		{KillAt, "after cocalc: add"},
		{KillAt, "0 after cocalc: add"},
		{KillAt, "1 after cocalc: tea"},
		{KillAt, "1"},
		{FailCommit, "kept"},
		{FailCommit, "0 kept"},
		{FailCommit, "1 gone"},
		{ReportTo, "no/such/file"},
	} {
		err := Enable(func(name string) string {
			if name == c.variable {
				return c.value
			}
			return ""
		})
		if err == nil || Enabled() {
			t.Errorf("%s=%q: got %v, enabled %t, want an error", c.variable, c.value, err, Enabled())
		}
	}
}

func TestEnable_NothingAsked(t *testing.T) {
	if err := Enable(func(string) string { return "" }); err != nil || Enabled() {
		t.Errorf("got %v, enabled %t, want neither", err, Enabled())
	}
}

func TestCommitFailure_Run(t *testing.T) {
	for which, want := range map[string]string{"2 kept": "do do do", "2 lost": "do undo do"} {
		f, err := newCommitFailure(which)
		if err != nil {
			t.Fatal(err)
		}
		var ran []string
		call := func(what string) func() error {
			return func() error { ran = append(ran, what); return nil }
		}
		for n := range 3 {
			if err := f.run(call("do"), call("undo")); errors.Is(err, ErrDisk) != (n == 1) {
				t.Errorf("%s: commit %d: got %v", which, n+1, err)
			}
		}
		if got := strings.Join(ran, " "); got != want {
			t.Errorf("%s: got %q, want %q", which, got, want)
		}
	}
}
