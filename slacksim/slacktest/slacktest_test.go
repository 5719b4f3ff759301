package slacktest_test

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"

	"github.com/slack-go/slack"
	"github.com/slack-go/slack/socketmode"
	"go.uber.org/goleak"

	"licensebot/slacksim"
	"licensebot/slacksim/slacktest"
)

// The test binary is also an app: with this variable in its environment it runs the app of that name.
const asApp = "SLACKTEST_APP"

func TestMain(m *testing.M) {
	switch os.Getenv(asApp) {
	case "":
		goleak.VerifyTestMain(m)
	case "connects":
		fmt.Println("arguments:", len(os.Args)-1)
		api := slack.New(
			os.Getenv("SLACK_BOT_TOKEN"), slack.OptionAppLevelToken(os.Getenv("SLACK_APP_TOKEN")),
			slack.OptionAPIURL(os.Getenv("SLACK_API_URL")),
		)
		_ = socketmode.New(api).Run()
	case "ends":
		fmt.Fprintln(os.Stderr, "no configuration")
		os.Exit(3)
	}
}

// app returns one of the apps of TestMain.
func app(t *testing.T, name string) *exec.Cmd {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(exe)
	cmd.Env = append(os.Environ(), asApp+"="+name)
	return cmd
}

func TestRunApp_Connects(t *testing.T) {
	ws := slacksim.New(slacksim.Options{})
	srv := slacktest.Serve(t, ws)
	var cmd *exec.Cmd
	t.Run("app", func(t *testing.T) {
		cmd = app(t, "connects")
		lines := slacktest.RunApp(t, srv, cmd)
		if got, want := <-lines, "arguments: 0"; got != want {
			t.Errorf("output of the app: got %q, want %q", got, want)
		}
		if n := ws.Sockets(); n != 1 {
			t.Errorf("got %d connections, want 1", n)
		}
	})
	if cmd.ProcessState == nil {
		t.Error("app after the end of its test: got it running, want it stopped")
	}
}

// failing is a test that notes its failure instead of failing.
type failing struct {
	testing.TB
	failure, log string
}

func (f *failing) Fatalf(format string, args ...any) {
	f.failure = fmt.Sprintf(format, args...)
	runtime.Goexit()
}

func (f *failing) Logf(format string, args ...any) { f.log += fmt.Sprintf(format, args...) + "\n" }
func (f *failing) Failed() bool                    { return f.failure != "" }

func TestRunApp_Ends_BeforeItConnects(t *testing.T) {
	ws := slacksim.New(slacksim.Options{})
	f := &failing{}
	t.Run("app", func(t *testing.T) {
		f.TB = t
		srv := slacktest.Serve(t, ws)
		done := make(chan struct{})
		go func() {
			defer close(done)
			slacktest.RunApp(f, srv, app(t, "ends"))
		}()
		<-done
	})
	if want := "did not connect to the workspace"; !strings.Contains(f.failure, want) {
		t.Errorf("got the failure %q, want %q in it", f.failure, want)
	}
	for _, want := range []string{"no configuration", "exit status 3"} {
		if !strings.Contains(f.log, want) {
			t.Errorf("got the log %q, want %q in it", f.log, want)
		}
	}
}
