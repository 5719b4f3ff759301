// Package slacktest starts simulated Slack workspaces, and apps that use them, for the length of a test.
//
//	ws := slacksim.New(slacksim.Options{})
//	srv := slacktest.Serve(t, ws)
//	slacktest.RunApp(t, srv, exec.Command("node", "app.js"))
//
// [Serve] is enough for an app in Go that runs inside the test. [RunApp] starts any other program.
package slacktest

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"licensebot/slacksim"
)

// Serve serves ws on a free loopback port until the test ends. It fails the test if the port can't be opened.
func Serve(tb testing.TB, ws *slacksim.Workspace) *slacksim.Server {
	tb.Helper()
	srv, err := ws.Listen("127.0.0.1:0", nil)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(srv.Close)
	return srv
}

// An app gets connectTime to open its first socket, and stopTime to end after SIGTERM.
const (
	connectTime = time.Minute
	stopTime    = 5 * time.Second
)

// RunApp starts app, waits until it has connected to srv, and stops it when the test ends: with SIGTERM, and after 5
// seconds by force. It adds three variables to the app's environment: SLACK_API_URL, SLACK_BOT_TOKEN and
// SLACK_APP_TOKEN. The test fails if the app doesn't start, or doesn't connect within a minute. What the app writes to
// its standard error is logged if the test fails.
//
// RunApp returns the lines that the app prints. The app is blocked while 1,000 lines are unread. app.Stdout and
// app.Stderr must be nil.
func RunApp(tb testing.TB, srv *slacksim.Server, app *exec.Cmd) (lines <-chan string) {
	tb.Helper()
	ws := srv.Workspace()
	if app.Env == nil {
		app.Env = os.Environ()
	}
	app.Env = append(
		app.Env, "SLACK_API_URL="+srv.APIURL, "SLACK_BOT_TOKEN="+ws.BotToken(), "SLACK_APP_TOKEN="+ws.AppToken(),
	)
	var stderr bytes.Buffer // read only after Wait
	app.Stderr = &stderr
	app.WaitDelay = stopTime
	stdout, err := app.StdoutPipe()
	if err != nil {
		tb.Fatal(err)
	}
	connected := ws.Connected()
	if err := app.Start(); err != nil {
		tb.Fatal(err)
	}
	printed, ended := make(chan string, 1000), make(chan struct{})
	go func() {
		defer close(ended)
		defer close(printed)
		readLines(stdout, printed)
	}()
	tb.Cleanup(func() {
		stop(tb, app, printed, ended)
		if s := strings.TrimSpace(stderr.String()); s != "" && tb.Failed() {
			tb.Logf("%s wrote to standard error:\n%s", app, s)
		}
	})
	ctx, cancel := context.WithTimeout(context.Background(), connectTime)
	defer cancel()
	go func() {
		select {
		case <-ended:
			cancel()
		case <-ctx.Done():
		}
	}()
	if err := ws.WaitForReconnect(ctx, connected); err != nil {
		tb.Fatalf("%s did not connect to the workspace: %v", app, err)
	}
	return printed
}

func readLines(r io.Reader, lines chan<- string) {
	scanner := bufio.NewScanner(r)
	scanner.Buffer(nil, 1<<20)
	for scanner.Scan() {
		lines <- scanner.Text()
	}
	_, _ = io.Copy(io.Discard, r) // after a line that is too long: the app must not block
}

// stop ends the process that the test started.
func stop(tb testing.TB, app *exec.Cmd, printed <-chan string, ended <-chan struct{}) {
	tb.Helper()
	if err := app.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		tb.Logf("stop %s: %v", app, err)
	}
	kill := time.AfterFunc(stopTime, func() { _ = app.Process.Kill() })
	defer kill.Stop()
	for range printed { // the app must not block on lines that the test didn't read
	}
	<-ended
	if err := app.Wait(); err != nil && tb.Failed() {
		tb.Logf("%s ended with: %v", app, err)
	}
}
