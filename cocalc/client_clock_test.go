package cocalc_test

import (
	"bytes"
	"context"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"

	"licensebot/cocalc"
	"licensebot/cocalc/cocalctest"
)

// dated puts another Date on the answers; "" takes it off.
type dateTransport struct {
	http.RoundTripper
	date *string
}

func (d dateTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := d.RoundTripper.RoundTrip(r)
	if err == nil && d.date != nil {
		resp.Header.Del("Date")
		if *d.date != "" {
			resp.Header.Set("Date", *d.date)
		}
	}
	return resp, err
}

// The client follows CoCalc's clock, whatever this machine's does, and logs once that the two are apart.
func TestClient_Time(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var there, here atomic.Int64
		clock := func(off *atomic.Int64) func() time.Time {
			return func() time.Time { return time.Now().Add(time.Duration(off.Load())).Round(0) }
		}
		server := cocalctest.New(cocalctest.Config{Seed: 1, Now: clock(&there)})
		defer server.Close()
		account := server.Add(cocalctest.NewAccount{})
		var log bytes.Buffer
		c, err := cocalc.New(cocalc.Options{
			BaseURL: "http://cocalc.test", Key: account.Key(), Transport: server.Transport(),
			Now: clock(&here), Log: zerolog.New(&log).Level(zerolog.InfoLevel),
		})
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if _, ok := c.ClockAhead(); ok {
			t.Error("got a difference of the clocks before the first answer, want none")
		}
		for i, step := range []struct {
			there, here time.Duration
			ahead       time.Duration
			lines       int // in the log so far
		}{
			{0, 0, 0, 0},
			{30 * time.Second, 0, 30 * time.Second, 0},
			{90 * time.Second, 0, 90 * time.Second, 1},
			{2 * time.Hour, 0, 2 * time.Hour, 1},
			{2 * time.Hour, 2 * time.Hour, 0, 2},
			{2 * time.Hour, 50 * time.Hour, -48 * time.Hour, 3},
		} {
			there.Store(int64(step.there))
			here.Store(int64(step.here))
			<-time.After(1500 * time.Millisecond)
			if _, err := c.WhoAmI(context.Background()); err != nil {
				t.Fatal(err)
			}
			<-time.After(10 * time.Minute)
			ahead, ok := c.ClockAhead()
			if off := (ahead - step.ahead).Abs(); !ok || off > time.Second {
				t.Errorf("step %d: got CoCalc's clock ahead by %v, want %v", i, ahead, step.ahead)
			}
			now, ok := c.Time()
			if late := time.Now().Add(step.there).Sub(now); !ok || late < 0 || late > time.Second {
				t.Errorf("step %d: got CoCalc's time late by %v, want at most a second", i, late)
			}
			if n := strings.Count(log.String(), "\n"); n != step.lines {
				t.Errorf("step %d: got %d lines in the log, want %d: %s", i, n, step.lines, &log)
			}
		}
	})
}

// A Date that is invalid, or from a clock that was never set, is ignored.
func TestClient_Time_UselessDates(t *testing.T) {
	for _, date := range []string{"", "yesterday", "Thu, 01 Jan 1970 00:00:07 GMT", "Fri, 31 Dec 9999 23:59:59 GMT"} {
		server := cocalctest.New(cocalctest.Config{Seed: 1})
		c, err := cocalc.New(cocalc.Options{
			BaseURL: "http://cocalc.test", Key: server.Add(cocalctest.NewAccount{}).Key(),
			Transport: dateTransport{server.Transport(), &date},
		})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.WhoAmI(context.Background()); err != nil {
			t.Fatal(err)
		}
		if now, ok := c.Time(); ok {
			t.Errorf("Date %q: got the time %v, want none", date, now)
		}
		c.Close()
		server.Close()
	}
}

// fronted is a program in front of CoCalc that answers in its place, with a Date of its own.
type proxyTransport struct {
	status int
	header http.Header
}

func (f proxyTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: f.status, Header: f.header, Body: http.NoBody, Request: r}, nil
}

// The Date of a redirect or of an HTML page is not CoCalc's time: another program answered.
func TestClient_Time_OtherPrograms(t *testing.T) {
	const date = "Mon, 23 Nov 2026 12:00:00 GMT"
	for name, c := range map[string]struct {
		status int
		header http.Header
		counts bool
	}{
		"an answer":     {200, http.Header{"Date": {date}, "Content-Type": {"application/json; charset=utf-8"}}, true},
		"a redirect":    {302, http.Header{"Date": {date}, "Location": {"https://status.example/"}}, false},
		"a page":        {200, http.Header{"Date": {date}, "Content-Type": {"text/html; charset=utf-8"}}, false},
		"a page of 503": {503, http.Header{"Date": {date}, "Content-Type": {"Text/HTML"}}, false},
		"an older page": {502, http.Header{"Date": {date}, "Content-Type": {"application/xhtml+xml"}}, false},
	} {
		t.Run(name, func(t *testing.T) {
			client, err := cocalc.New(cocalc.Options{
				BaseURL: "http://cocalc.test", Key: "sk-" + strings.Repeat("a", 24),
				Transport: proxyTransport{c.status, c.header},
			})
			if err != nil {
				t.Fatal(err)
			}
			defer client.Close()
			_, _ = client.WhoAmI(context.Background())
			if now, ok := client.Time(); ok != c.counts {
				t.Errorf("got CoCalc's time %v, known %t, want known %t", now, ok, c.counts)
			}
		})
	}
}
