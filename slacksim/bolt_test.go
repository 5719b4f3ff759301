package slacksim_test

import (
	"bufio"
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"licensebot/slacksim"
)

// TestBoltApp checks the workspace with the official Bolt for JavaScript, so that it is
// not only this project's own reading of Slack that it agrees with.
func TestBoltApp(t *testing.T) {
	t.Parallel()
	ws, srv := start(t, slacksim.Options{})
	startBolt(t, ws, srv)
	ctx := patience(t)
	if err := ws.WaitForSocket(ctx); err != nil {
		t.Fatal(err)
	}
	alice := ws.Person(slacksim.Alice)

	// It acknowledges and responds.
	if err := alice.Command(ctx, slacksim.General, "/order", "coffee"); err != nil {
		t.Fatal(err)
	}
	card, err := alice.WaitForText(ctx, slacksim.General, "*coffee*")
	if err != nil {
		t.Fatal(err)
	}
	if !card.Ephemeral() {
		t.Error("the card is for everybody")
	}
	if err := alice.Command(ctx, slacksim.General, "/order", "in ack"); err != nil {
		t.Fatal(err)
	}
	if _, err := alice.WaitForText(ctx, slacksim.General, "answered in the acknowledgement"); err != nil {
		t.Error(err)
	}

	// It opens a modal, complains about a field and takes the submission.
	if err := alice.Click(ctx, card, "Edit"); err != nil {
		t.Fatal(err)
	}
	form, err := alice.WaitForModal(ctx, nil)
	if err != nil {
		t.Fatal(err)
	}
	if got := form.Values("What"); len(got) != 1 || got[0] != "coffee" {
		t.Errorf("the form holds %v", got)
	}
	for _, try := range []struct{ what, complaint string }{{"tea", "There is no tea."}, {"cocoa", ""}} {
		if err := alice.Fill(ctx, form, "What", try.what); err != nil {
			t.Fatal(err)
		}
		problems, err := alice.Submit(ctx)
		if err != nil || problems["what"] != try.complaint {
			t.Fatalf("%s: %v, %v", try.what, problems, err)
		}
	}
	if err := alice.WaitForNoModal(ctx); err != nil {
		t.Error(err)
	}
	if _, err := alice.WaitForText(ctx, slacksim.General, "Saved cocoa"); err != nil {
		t.Error(err)
	}

	// It publishes a Home tab.
	if err := alice.Home(); err != nil {
		t.Fatal(err)
	}
	if _, err := alice.WaitForHome(ctx, func(v slacksim.View) bool { return v.ContentText() == "Your orders" }); err != nil {
		t.Error(err)
	}

	// It survives a disconnect, and the old card still works. Bolt waits 5 s before it
	// connects anew.
	before := ws.Connected()
	ws.Disconnect(slacksim.RefreshRequested)
	if err := ws.WaitForReconnect(ctx, before); err != nil {
		t.Fatal("it did not connect again")
	}
	if err := alice.Click(ctx, card, "Buy"); err != nil {
		t.Fatal(err)
	}
	if _, err := alice.WaitForUpdate(ctx, card, func(m slacksim.Message) bool { return m.Text == "Bought coffee" }); err != nil {
		t.Error(err)
	}
	for _, c := range ws.Calls() {
		if c.Error != "" {
			t.Errorf("%s was answered with %s", c.Method, c.Error)
		}
	}
}

// startBolt runs the app in testdata/bolt until the test ends.
func startBolt(t *testing.T, ws *slacksim.Workspace, srv *slacksim.Server) {
	t.Helper()
	startNode(t, "app.js", ws, srv)
}

// startNode runs one of the programs in testdata/bolt until the test ends, and returns what it prints after "ready", a line at a
// time.
func startNode(t *testing.T, program string, ws *slacksim.Workspace, srv *slacksim.Server) <-chan string {
	t.Helper()
	dir := filepath.Join("testdata", "bolt")
	if _, err := os.Stat(filepath.Join(dir, "node_modules", "@slack", "bolt")); err != nil {
		t.Fatalf("Bolt is not installed: run `make test`, which does `npm ci` in slacksim/%s first", filepath.ToSlash(dir))
	}
	node, err := exec.LookPath("node")
	if err != nil {
		t.Fatal("node is missing: install Node.js 20 or newer, then run `make test`")
	}
	cmd := exec.Command(node, program)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "SLACK_BOT_TOKEN="+ws.BotToken(), "SLACK_APP_TOKEN="+ws.AppToken(), "SLACK_API_URL="+srv.APIURL)
	var complaints bytes.Buffer // read only after Wait
	cmd.Stderr = &complaints
	cmd.WaitDelay = 5 * time.Second
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := make(chan string, 100)
	t.Cleanup(func() {
		stopProcess(t, cmd)
		if s := strings.TrimSpace(complaints.String()); s != "" && t.Failed() {
			t.Logf("%s said:\n%s", program, s)
		}
	})
	printed := bufio.NewScanner(out)
	if !printed.Scan() || printed.Text() != "ready" {
		t.Fatalf("%s did not start: %q, %v", program, printed.Text(), printed.Err())
	}
	go func() { // ends with the process
		defer close(lines)
		for printed.Scan() {
			lines <- printed.Text()
		}
	}()
	return lines
}

// stopProcess ends the process that the test started: politely, then for certain.
func stopProcess(t *testing.T, cmd *exec.Cmd) {
	t.Helper()
	_ = cmd.Process.Signal(syscall.SIGTERM)
	kill := time.AfterFunc(5*time.Second, func() { _ = cmd.Process.Kill() })
	defer kill.Stop()
	if err := cmd.Wait(); err != nil {
		t.Logf("Bolt ended with %v", err)
	}
}
