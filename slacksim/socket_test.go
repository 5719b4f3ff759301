package slacksim_test

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"licensebot/slacksim"
)

// quick gives up on the app after a moment, so that no test waits three seconds.
var quick = slacksim.Options{AckTimeout: 100 * time.Millisecond}

func TestSocket_Hello_PingsAtOnce(t *testing.T) {
	ws, srv := start(t, slacksim.Options{})
	s := dialURL(t, socketURL(t, ws, srv))
	hello := s.next()
	if hello.Type != "hello" || hello.Sockets != 1 || hello.ConnInfo.AppID != "A0APP" {
		t.Errorf("hello is %+v", hello)
	}
	soon, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	select {
	case <-s.pings:
	case <-soon.Done():
		t.Error("no ping came at once; the next regular one is 10 s away")
	}
}

func TestSocket_URL_WorksOnce(t *testing.T) {
	ws, srv := start(t, slacksim.Options{})
	url := socketURL(t, ws, srv)
	dialURL(t, url)
	_, resp, err := websocket.DefaultDialer.DialContext(t.Context(), url, nil)
	if err == nil {
		t.Fatal("the URL worked twice")
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusNotFound {
		t.Errorf("status %d", resp.StatusCode)
	}
}

func TestSocket_Envelopes_InTurn(t *testing.T) {
	ws, srv := start(t, slacksim.Options{})
	a, b := dial(t, ws, srv), dial(t, ws, srv)
	alice := ws.Person(slacksim.Alice)
	counts := map[*socket]int{}
	for range 4 {
		done := make(chan error, 1)
		go func() { done <- alice.Command(patience(t), slacksim.General, "/order", "") }()
		select {
		case f := <-a.frames:
			counts[a]++
			a.ack(f, nil)
		case f := <-b.frames:
			counts[b]++
			b.ack(f, nil)
		}
		if err := <-done; err != nil {
			t.Fatal(err)
		}
	}
	if counts[a] != 2 || counts[b] != 2 {
		t.Errorf("%d and %d envelopes, want 2 each", counts[a], counts[b])
	}
	if n := len(a.frames) + len(b.frames); n != 0 {
		t.Errorf("%d frames too many", n)
	}
}

func TestSocket_Connections_AtMostTen(t *testing.T) {
	ws, srv := start(t, slacksim.Options{})
	for range slacksim.MaxSockets {
		dial(t, ws, srv)
	}
	s := dialURL(t, socketURL(t, ws, srv))
	if f := s.next(); f.Type != "disconnect" || f.Reason != slacksim.TooManySockets {
		t.Errorf("the eleventh gets %+v", f)
	}
	if f := s.next(); f.Type != "" {
		t.Errorf("the eleventh stays open and gets %+v", f)
	}
}

func TestWorkspace_Disconnect_Reasons(t *testing.T) {
	t.Run("a warned socket gets work only while there is no other, and ends", func(t *testing.T) {
		ws, srv := start(t, slacksim.Options{WarnAhead: 300 * time.Millisecond})
		old := dial(t, ws, srv)
		if n := ws.Disconnect(slacksim.Warning); n != 1 {
			t.Errorf("%d sockets", n)
		}
		if f := old.next(); f.Type != "disconnect" || f.Reason != slacksim.Warning {
			t.Fatalf("%+v", f)
		}
		fresh := dial(t, ws, srv)
		for range 3 { // in turn, the old one would get at least one of them
			done := make(chan error, 1)
			go func() { done <- ws.Person(slacksim.Bob).Command(patience(t), slacksim.General, "/order", "") }()
			fresh.ack(fresh.next(), nil)
			if err := <-done; err != nil {
				t.Fatal(err)
			}
		}
		if f := old.next(); f.Reason != slacksim.RefreshRequested {
			t.Errorf("%+v", f)
		}
		if f := old.next(); f.Type != "" {
			t.Errorf("still open: %+v", f)
		}
	})
	for _, reason := range []string{slacksim.RefreshRequested, slacksim.TooManySockets, slacksim.LinkDisabled} {
		t.Run(reason+" ends the socket at once", func(t *testing.T) {
			ws, srv := start(t, slacksim.Options{})
			s := dial(t, ws, srv)
			ws.Disconnect(reason)
			if f := s.next(); f.Type != "disconnect" || f.Reason != reason {
				t.Errorf("%+v", f)
			}
			if f := s.next(); f.Type != "" {
				t.Errorf("still open: %+v", f)
			}
		})
	}
	t.Run("a network drops sockets without a word", func(t *testing.T) {
		ws, srv := start(t, slacksim.Options{})
		s := dial(t, ws, srv)
		ws.DropSockets()
		if f := s.next(); f.Type != "" {
			t.Errorf("%+v", f)
		}
		if err := ws.Wait(patience(t), func() bool { return ws.Sockets() == 0 }); err != nil {
			t.Error(err)
		}
	})
}

// An app that stops and starts again leaves its old socket behind for a moment.
func TestWorkspace_WaitForSocket_AnswersPings(t *testing.T) {
	ws, srv := start(t, slacksim.Options{})
	dial(t, ws, srv)
	if err := ws.WaitForSockets(patience(t), 1); err != nil {
		t.Fatal(err)
	}
	// A connection from which no one reads answers no ping.
	conn, resp, err := websocket.DefaultDialer.DialContext(t.Context(), socketURL(t, ws, srv), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	resp.Body.Close()
	if err := ws.Wait(patience(t), func() bool { return ws.Sockets() == 2 }); err != nil {
		t.Fatal(err)
	}
	soon, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	if err := ws.WaitForSockets(soon, 2); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("the silent socket counts: %v", err)
	}
	dial(t, ws, srv)
	if err := ws.WaitForSockets(patience(t), 2); err != nil {
		t.Error(err)
	}
}
