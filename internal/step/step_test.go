package step

import (
	"os"
	"path/filepath"
	"runtime"
	"testing"
)

func TestAProgramThatNobodyArmedPassesEveryStep(t *testing.T) {
	if Armed() {
		t.Fatal("this test program is armed")
	}
	if n := testing.AllocsPerRun(100, func() { At(Before, Checkout) }); n != 0 {
		t.Errorf("a step allocates %v times", n)
	}
}

// At the n-th time of its step the killer kills, and nothing passes a step any more.
func TestTheKiller(t *testing.T) {
	path := filepath.Join(t.TempDir(), "steps")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	killed := make(chan struct{})
	k := arm(path, "2 after cocalc: add", func() { close(killed); runtime.Goexit() })
	for _, s := range []Step{"before cocalc: add", "after cocalc: add", "before cocalc: tea"} {
		k.meet(s)
	}
	select {
	case <-killed:
		t.Fatal("it was killed too early")
	default:
	}
	go k.meet("after cocalc: add")
	<-killed
	text, err := os.ReadFile(path)
	const want = "met before cocalc: add\nmet after cocalc: add\nunlisted before cocalc: tea\nmet after cocalc: add\n" +
		"killed after cocalc: add\n"
	if err != nil || string(text) != want {
		t.Errorf("%v; it reported\n%s", err, text)
	}
}

func TestWhatMakesNoSenseEndsTheProgram(t *testing.T) {
	for _, kill := range []string{"after cocalc: add", "0 after cocalc: add", "1 after cocalc: tea", "1"} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%q was taken", kill)
				}
			}()
			arm("", kill, func() {})
		}()
	}
	if arm("", "", nil) != nil {
		t.Error("it is armed for nothing")
	}
}
