package cli

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
	"testing"
)

// hungUp is the setting that makes TestUntilSignal_Hangups the program that is hung up.
const hungUp = "TEST_HUNG_UP"

// A closing terminal sends several SIGHUP, some of them while the program handles the first: they don't end it.
func TestUntilSignal_Hangups(t *testing.T) {
	if os.Getenv(hungUp) != "" {
		ctx := UntilSignal()
		fmt.Println("ready")
		<-ctx.Done()
		if _, err := io.Copy(io.Discard, os.Stdin); err != nil {
			t.Fatal(err)
		}
		return
	}
	// The program must not inherit that these tests run under nohup.
	hangups := make(chan os.Signal, 1)
	signal.Notify(hangups, syscall.SIGHUP)
	t.Cleanup(func() { signal.Stop(hangups) })
	for range 30 {
		cmd := exec.Command(os.Args[0], "-test.run", "^TestUntilSignal_Hangups$")
		cmd.Env = append(os.Environ(), hungUp+"=1", "GORACE=atexit_sleep_ms=0")
		in, err := cmd.StdinPipe()
		if err != nil {
			t.Fatal(err)
		}
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		if line, err := bufio.NewReader(out).ReadString('\n'); line != "ready\n" {
			t.Errorf("got %q and error %v, want ready", line, err)
		}
		for range 200 {
			if err := cmd.Process.Signal(syscall.SIGHUP); err != nil {
				t.Error(err)
				break
			}
		}
		in.Close()
		if err := cmd.Wait(); err != nil {
			t.Fatalf("after 200 SIGHUP: got %v, want exit code 0", err)
		}
	}
}
