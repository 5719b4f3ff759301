package cocalc

import (
	"context"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// A server that does not answer is down, and the reason names the missing step.
func TestClient_Diagnose_NoAnswer(t *testing.T) {
	trusted := httptest.NewUnstartedServer(http.NotFoundHandler())
	trusted.Config.ErrorLog = log.New(io.Discard, "", 0) // it is refused on purpose
	trusted.StartTLS()
	defer trusted.Close()
	plain := httptest.NewServer(http.NotFoundHandler())
	defer plain.Close()
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	free := closed.Addr().String()
	_ = closed.Close()
	dns := &http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) {
		return nil,
			&net.OpError{Op: "dial", Err: &net.DNSError{Err: "no such host", Name: "cocalc.example", IsNotFound: true}}
	}}
	for _, test := range []struct {
		name, address string
		transport     http.RoundTripper
		want          Reason
	}{
		{"a name that is not known", "https://cocalc.example", dns, NoHost},
		{"a certificate that is not trusted", trusted.URL, nil, NoTLS},
		{"a server that speaks no TLS", strings.Replace(plain.URL, "http:", "https:", 1), nil, NoTLS},
		{"nothing listens", "http://" + free, nil, NoConnection},
	} {
		c, err := New(Options{BaseURL: test.address, Key: testKey, Transport: test.transport, Retries: -1})
		if err != nil {
			t.Fatal(err)
		}
		d := c.Diagnose(t.Context())
		c.Close()
		if e := asError(t, d.Err); d.Condition != IsDown || d.Reason != test.want || e.Outcome != Transient {
			t.Errorf("%s: got %+v, want the server down, reason %s", test.name, d, test.want)
		}
	}
}

// A server that hangs is down; a caller that does not wait for it has learnt nothing.
func TestClient_Diagnose_HangingServer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &pipeServer{hangs: true}
		c := s.client(t, Options{})
		if d := c.Diagnose(t.Context()); d.Condition != IsDown || d.Reason != NoAnswer {
			t.Errorf("got %+v, want the server down, reason %s", d, NoAnswer)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if d := c.Diagnose(ctx); d.Condition != Undiagnosed || d.Err == nil || c.store != StoreCurrent {
			t.Errorf("got %+v and the store %v, want no diagnosis and the current store", d, c.store)
		}
		c.Close()
		s.running.Wait()
	})
}

// The successor proves a key by the account's profile, and says that its database is down.
func TestClient_WhoAmI_Successor(t *testing.T) {
	for _, test := range []struct {
		name, profile string
		want          Account
		outcome       Outcome
		kind          Kind
	}{
		{"a good key", fullProfile, Account{ID: "u", Email: "bot@example.com"}, 0, 0},
		{"a key without an address", `{"profile":{"account_id":"u"}}`, Account{ID: "u"}, 0, 0},
		{"a wrong key", emptyProfile, Account{}, Rejected, NotSignedIn},
		{"a key that lacks a right", lacksAccount, Account{}, Rejected, CapabilityMissing},
		{"no database", noDatabase, Account{}, Transient, Other},
		{"no profile", `{}`, Account{}, Transient, Other},
		{"null", `{"profile":null}`, Account{}, Transient, Other},
		{"a list", `{"profile":[]}`, Account{}, Transient, Other},
		{"a profile of nobody", `{"profile":{"display_name":"x"}}`, Account{}, Transient, Other},
		{"an id that is none", `{"profile":{"account_id":{}}}`, Account{}, Transient, Other},
	} {
		c, _ := serve(t, map[string][]reply{userQuery: always(keyMayNot), profile: always(test.profile)})
		got, err := c.WhoAmI(t.Context())
		if got != test.want || (err == nil) != (test.want.ID != "") {
			t.Errorf("%s: got %+v, %v, want %+v", test.name, got, err, test.want)
		}
		if err != nil {
			if e := asError(t, err); e.Outcome != test.outcome || e.Kind != test.kind || e.Op != profile {
				t.Errorf("%s: got %v, kind %v, want outcome %v, kind %v", test.name, e, e.Kind, test.outcome, test.kind)
			}
		}
	}
}
