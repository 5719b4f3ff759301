package cocalc

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// A server that sends a byte now and then, or nothing more, holds a caller for at most the timeout. A checkout has its
// own, longer one.
func TestClient_Answer_Endless(t *testing.T) {
	head := "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
	cases := []struct {
		name   string
		answer string
		drip   time.Duration
		hangs  bool
		timed  bool // until the timeout, not before
	}{
		{"a byte of the head every ten seconds", head, 10 * time.Second, false, true},
		{
			"a byte of the body every ten seconds", "HTTP/1.0 200 OK\r\n\r\n" + strings.Repeat(" ", 500), 10 * time.Second,
			false, true,
		},
		{"half an answer and then nothing", head + "Content-Length: 16\r\n\r\n{\"succ", 0, true, true},
		{"nothing", "", 0, true, true},
		{"half an answer and then the end", head + "Content-Length: 16\r\n\r\n{\"succ", 0, false, false},
	}
	for _, c := range cases {
		for what, timeout := range map[string]time.Duration{"checkout": 2 * time.Minute, "reading": 30 * time.Second} {
			t.Run(c.name+", "+what, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					s := &pipeServer{answer: []byte(c.answer), drip: c.drip, hangs: c.hangs}
					client := s.client(t, Options{})
					began := time.Now()
					var err error
					want := Transient
					if what == "checkout" {
						err, want = client.Checkout(context.Background()), Unknown
					} else {
						_, err = client.Cart(context.Background(), InCart)
					}
					took := time.Since(began)
					client.Close()
					s.running.Wait()
					if e := asError(t, err); e.Outcome != want || c.timed && !errors.Is(e, context.DeadlineExceeded) {
						t.Errorf("got %v, want the outcome %v", err, want)
					}
					if c.timed && took != timeout || took > timeout {
						t.Errorf("got the error after %s, want it within the timeout of %s", took, timeout)
					}
				})
			})
		}
	}
}

// Of an answer that is too large no more is read than may be kept, also when it only becomes large as it is unpacked.
func TestClient_Answer_TooLarge(t *testing.T) {
	const most = 1 << 20
	cases := []struct {
		name   string
		answer []byte
		read   int // bytes of it, at most
	}{
		{"without an end", []byte("HTTP/1.1 200 OK\r\n\r\n[" + strings.Repeat("1,", 8<<20)), most + 64<<10},
		{
			"with a length that is a lie", response(200, "["+strings.Repeat("1,", 8<<20), "Content-Length: 99999999999"),
			most + 64<<10,
		},
		{"packed", response(200, gzipText(strings.Repeat(" ", 64<<20)), "Content-Encoding: gzip"), 16 << 10},
		{"a head without an end", []byte("HTTP/1.1 200 OK\r\nX: " + strings.Repeat("y", 32<<20)), 11 << 20},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &pipeServer{answer: c.answer}
				client := s.client(t, Options{MaxAnswer: most})
				_, err := client.Cart(context.Background(), InCart)
				read := asError(t, err)
				err = client.Checkout(context.Background())
				bought := asError(t, err)
				client.Close()
				s.running.Wait()
				if read.Outcome != Transient || bought.Outcome != Unknown {
					t.Errorf("got %v and %v, want the outcomes transient and unknown", read, bought)
				}
				if s.written > 2*c.read {
					t.Errorf("got %d bytes of %d read in two requests, want at most %d", s.written, len(c.answer), 2*c.read)
				}
			})
		})
	}
}
