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

// quick has a short deadline for acknowledgements, so that no test waits for three seconds.
var quick = slacksim.Options{AckTimeout: 100 * time.Millisecond}

func TestSocket_Hello_PingsAtOnce(t *testing.T) {
	ws, srv := start(t, slacksim.Options{})
	s := dialURL(t, socketURL(t, ws, srv))
	hello := s.next()
	if hello.Type != "hello" || hello.Sockets != 1 || hello.ConnInfo.AppID != "A0APP" {
		t.Errorf("got %+v, want hello of A0APP with one connection", hello)
	}
	soon, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	select {
	case <-s.pings:
	case <-soon.Done():
		t.Error("got no ping at once, want one; the next regular one is 10 s later")
	}
}

func TestSocket_URL_WorksOnce(t *testing.T) {
	ws, srv := start(t, slacksim.Options{})
	url := socketURL(t, ws, srv)
	dialURL(t, url)
	_, resp, err := websocket.DefaultDialer.DialContext(t.Context(), url, nil)
	if err == nil {
		t.Fatal("second connection to the URL: got no error, want one")
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusNotFound {
		t.Errorf("got status %d, want 404", resp.StatusCode)
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
		t.Errorf("envelopes: got %d and %d, want 2 each", counts[a], counts[b])
	}
	if n := len(a.frames) + len(b.frames); n != 0 {
		t.Errorf("got %d more frames, want none", n)
	}
}

func TestSocket_Connections_AtMostTen(t *testing.T) {
	ws, srv := start(t, slacksim.Options{})
	for range slacksim.MaxSockets {
		dial(t, ws, srv)
	}
	s := dialURL(t, socketURL(t, ws, srv))
	if f := s.next(); f.Type != "disconnect" || f.Reason != slacksim.TooManySockets {
		t.Errorf("the eleventh connection got %+v, want disconnect with %s", f, slacksim.TooManySockets)
	}
	if f := s.next(); f.Type != "" {
		t.Errorf("the eleventh connection got %+v, want its end", f)
	}
}

func TestWorkspace_Disconnect_Reasons(t *testing.T) {
	t.Run("a warned socket gets work only while there is no other, and ends", func(t *testing.T) {
		ws, srv := start(t, slacksim.Options{WarnAhead: 300 * time.Millisecond})
		old := dial(t, ws, srv)
		if n := ws.Disconnect(slacksim.Warning); n != 1 {
			t.Errorf("got %d sockets, want 1", n)
		}
		if f := old.next(); f.Type != "disconnect" || f.Reason != slacksim.Warning {
			t.Fatalf("got %+v, want disconnect with %s", f, slacksim.Warning)
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
			t.Errorf("got %+v, want disconnect with %s", f, slacksim.RefreshRequested)
		}
		if f := old.next(); f.Type != "" {
			t.Errorf("got %+v, want the end of the connection", f)
		}
	})
	for _, reason := range []string{slacksim.RefreshRequested, slacksim.TooManySockets, slacksim.LinkDisabled} {
		t.Run(reason+" ends the socket at once", func(t *testing.T) {
			ws, srv := start(t, slacksim.Options{})
			s := dial(t, ws, srv)
			ws.Disconnect(reason)
			if f := s.next(); f.Type != "disconnect" || f.Reason != reason {
				t.Errorf("got %+v, want disconnect with %s", f, reason)
			}
			if f := s.next(); f.Type != "" {
				t.Errorf("got %+v, want the end of the connection", f)
			}
		})
	}
	t.Run("a network drops sockets without a word", func(t *testing.T) {
		ws, srv := start(t, slacksim.Options{})
		s := dial(t, ws, srv)
		ws.DropSockets()
		if f := s.next(); f.Type != "" {
			t.Errorf("got %+v, want the end of the connection", f)
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
	// A connection that is never read answers no ping.
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
		t.Errorf("got %v, want a wait that ends with its deadline: one socket answers no ping", err)
	}
	dial(t, ws, srv)
	if err := ws.WaitForSockets(patience(t), 2); err != nil {
		t.Error(err)
	}
}
