package page_test

import (
	"bufio"
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"licensebot/slacksim"
	"licensebot/slacksim/page"
)

// TestPage_Events_Changes follows the stream by itself: everything at first, then what changed.
func TestPage_Events_Changes(t *testing.T) {
	ws := slacksim.New(slacksim.Options{})
	srv, err := ws.Listen("127.0.0.1:0", page.New(ws, page.Options{}))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(srv.Close)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, "GET", srv.URL+"/-/events?as="+slacksim.Bob+"&at="+slacksim.Random, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer http.DefaultClient.CloseIdleConnections()
	defer resp.Body.Close()
	lines := bufio.NewScanner(resp.Body)
	lines.Buffer(nil, 1<<20)
	next := func() (id, html string) {
		for lines.Scan() {
			if data, ok := strings.CutPrefix(lines.Text(), "data: "); ok {
				var part struct{ ID, HTML string }
				if err := json.Unmarshal([]byte(data), &part); err != nil {
					t.Fatal(err)
				}
				return part.ID, part.HTML
			}
		}
		t.Fatalf("got the end of the stream (error %v), want more events", lines.Err())
		return "", ""
	}
	for _, want := range []string{"stage", "sidebar", "modals", "panel"} {
		if id, _ := next(); id != want {
			t.Fatalf("got %s, want %s", id, want)
		}
	}
	if _, err := ws.Person(slacksim.Alice).Say(slacksim.General, "elsewhere"); err != nil {
		t.Fatal(err)
	}
	if id, html := next(); id != "sidebar" || !strings.Contains(html, "1 unread") {
		t.Errorf("event of a message elsewhere: got %s: %s; want the sidebar with 1 unread", id, html)
	}
	if _, err := ws.Person(slacksim.Alice).Say(slacksim.Random, "here"); err != nil {
		t.Fatal(err)
	}
	if id, html := next(); id != "stage" || !strings.Contains(html, "here") {
		t.Errorf("event of a message here: got %s: %s; want the stage with it", id, html)
	}
	// A workspace that closes ends the stream, so that its server can stop.
	go srv.Close()
	for lines.Scan() {
	}
}
