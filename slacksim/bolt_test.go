package slacksim_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"licensebot/slacksim"
	"licensebot/slacksim/slacktest"
)

// An app on the official Bolt for JavaScript checks the workspace independently of this project's reading of Slack.
func TestWorkspace_Apps_Bolt(t *testing.T) {
	t.Parallel()
	ws, srv := start(t, slacksim.Options{})
	startBolt(t, srv)
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
		t.Error("card: got Ephemeral false, want true, for Alice only")
	}
	if err := alice.Command(ctx, slacksim.General, "/order", "in ack"); err != nil {
		t.Fatal(err)
	}
	if _, err := alice.WaitForText(ctx, slacksim.General, "answered in the acknowledgement"); err != nil {
		t.Error(err)
	}

	// It opens a modal, finds an error in a field, and accepts the next submission.
	if err := alice.Click(ctx, card, "Edit"); err != nil {
		t.Fatal(err)
	}
	form, err := alice.WaitForModal(ctx, nil)
	if err != nil {
		t.Fatal(err)
	}
	if got := form.Values("What"); len(got) != 1 || got[0] != "coffee" {
		t.Errorf("form: got %v, want coffee", got)
	}
	for _, try := range []struct{ what, complaint string }{{"tea", "There is no tea."}, {"cocoa", ""}} {
		if err := alice.Fill(ctx, form, "What", try.what); err != nil {
			t.Fatal(err)
		}
		problems, err := alice.Submit(ctx)
		if err != nil || problems["what"] != try.complaint {
			t.Fatalf("%s: got %v, %v; want the problem %q", try.what, problems, err, try.complaint)
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
	if _, err := alice.WaitForHome(
		ctx, func(v slacksim.View) bool { return v.ContentText() == "Your orders" },
	); err != nil {
		t.Error(err)
	}

	// It connects again after a disconnect, and the old card still works. Bolt waits for 5 s.
	before := ws.Connected()
	ws.Disconnect(slacksim.RefreshRequested)
	if err := ws.WaitForReconnect(ctx, before); err != nil {
		t.Fatalf("got %v, want another connection", err)
	}
	if err := alice.Click(ctx, card, "Buy"); err != nil {
		t.Fatal(err)
	}
	if _, err := alice.WaitForUpdate(
		ctx, card, func(m slacksim.Message) bool { return m.Text == "Bought coffee" },
	); err != nil {
		t.Error(err)
	}
	for _, c := range ws.Calls() {
		if c.Error != "" {
			t.Errorf("%s: got %s, want ok", c.Method, c.Error)
		}
	}
}

// startBolt runs the app in testdata/bolt until the test ends.
func startBolt(t *testing.T, srv *slacksim.Server) {
	t.Helper()
	startNode(t, srv, "app.js")
}

// startNode runs one of the programs in testdata/bolt until the test ends, and returns the lines that it prints after
// "ready".
func startNode(t *testing.T, srv *slacksim.Server, program string) <-chan string {
	t.Helper()
	dir := filepath.Join("testdata", "bolt")
	if _, err := os.Stat(filepath.Join(dir, "node_modules", "@slack", "bolt")); err != nil {
		t.Fatalf("got error %v, want Bolt installed: run `make test`, which does `npm ci` in slacksim/%s first", err,
			filepath.ToSlash(dir))
	}
	node, err := exec.LookPath("node")
	if err != nil {
		t.Fatalf("got error %v, want Node.js 20 or newer: install it, then run `make test`", err)
	}
	app := exec.Command(node, program)
	app.Dir = dir
	lines := slacktest.RunApp(t, srv, app)
	if got := <-lines; got != "ready" {
		t.Fatalf("first line of %s: got %q, want ready", program, got)
	}
	return lines
}
