package slacksim_test

import (
	"bytes"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"licensebot/slacksim"
)

func TestWorkspace_Subscribe_Changes(t *testing.T) {
	ws, _ := start(t, slacksim.Options{})
	changes, cancel := ws.Subscribe()
	defer cancel()
	<-changes // the first one is to paint
	before := ws.Version()
	if _, err := ws.Person(slacksim.Alice).Say(slacksim.General, "hi"); err != nil {
		t.Fatal(err)
	}
	select {
	case <-changes:
	case <-patience(t).Done():
		t.Fatal("got no change, want one")
	}
	if ws.Version() == before {
		t.Errorf("got the version %d again, want another", before)
	}
	cancel()
	for range changes { // closed after cancel
	}
}

func TestWorkspace_Wait_Closed(t *testing.T) {
	ws := slacksim.New(slacksim.Options{})
	changes, _ := ws.Subscribe()
	done := make(chan error, 1)
	ctx := patience(t)
	go func() { done <- ws.WaitForSocket(ctx) }()
	ws.Close()
	if err := <-done; !errors.Is(err, slacksim.ErrClosed) {
		t.Errorf("got %v, want ErrClosed", err)
	}
	for range changes {
	}
	after, _ := ws.Subscribe()
	for range after { // closed at once
	}
}

// The pause between warning and end, and the ticket of a socket that is not opened, must not
// keep a workspace from closing.
func TestWorkspace_Close_EndsEverything(t *testing.T) {
	ws := slacksim.New(slacksim.Options{})
	srv, err := ws.Listen("127.0.0.1:0", nil)
	if err != nil {
		t.Fatal(err)
	}
	for range slacksim.MaxSockets {
		dial(t, ws, srv)
	}
	socketURL(t, ws, srv)
	ws.Disconnect(slacksim.Warning)
	if err := ws.Person(slacksim.Alice).Home(); err != nil { // the event is not acknowledged
		t.Fatal(err)
	}
	began := time.Now()
	srv.Close()
	if took := time.Since(began); took > time.Second {
		t.Errorf("got %v for Close, want at most 1 s", took)
	}
}

func TestWorkspace_Log_RequestsAndEnvelopes(t *testing.T) {
	var log bytes.Buffer // read only after Close
	ws, srv := start(t, slacksim.Options{
		Log: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	})
	s := dial(t, ws, srv)
	sent := make(chan error, 1)
	ctx := patience(t)
	go func() { sent <- ws.Person(slacksim.Alice).Command(ctx, slacksim.General, "/order", "") }()
	s.ack(s.next(), nil)
	if err := <-sent; err != nil {
		t.Fatal(err)
	}
	srv.Close()
	for _, want := range []string{"method=apps.connections.open", "type=slash_commands", "receive an acknowledgement"} {
		if got := log.String(); !strings.Contains(got, want) {
			t.Errorf("got the log\n%s\nwant %q in it", got, want)
		}
	}
}

// Old messages are gone for everyone, with the ids that would change them; newer ones stay.
func TestWorkspace_ForgetMessages_OldOnes(t *testing.T) {
	now := time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC)
	ws := slacksim.New(slacksim.Options{Now: func() time.Time { return now }})
	defer ws.Close()
	alice := ws.Person(slacksim.Alice)
	var said []slacksim.Message
	for range 3 {
		m, err := alice.Say(slacksim.General, "hi")
		if err != nil {
			t.Fatal(err)
		}
		said = append(said, m)
		now = now.Add(time.Hour)
	}
	ws.ForgetMessages(now.Add(-2 * time.Hour))
	if got := alice.Messages(slacksim.General); len(got) != 2 || got[0].TS != said[1].TS {
		t.Errorf("got %v, want the two newest of %v", got, said)
	}
	if _, there := ws.Current(said[0]); there {
		t.Error("the oldest message: got it, want it forgotten")
	}
}
