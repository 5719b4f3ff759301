package cocalc

import (
	"testing"
)

// The recorded answers of both endpoints, and answers that are neither a success nor a refusal. Whatever comes back,
// one request is sent.
func TestClient_ChangeSubscription_Outcomes(t *testing.T) {
	for _, change := range []struct {
		endpoint string
		send     func(*Client) error
	}{
		{"purchases/cancel-subscription", func(c *Client) error { return c.CancelSubscription(t.Context(), 44) }},
		{"purchases/resume-subscription", func(c *Client) error { return c.ResumeSubscription(t.Context(), 44) }},
	} {
		for _, test := range []struct {
			name    string
			answer  reply
			ok      bool
			outcome Outcome
			kind    Kind
		}{
			{"recorded success", reply{body: `{"status":"ok"}`}, true, 0, 0},
			{
				"recorded refusal", reply{body: `{"error":"You can only resume a canceled subscription, but this subscription ` +
					`is \"active\""}`}, false, Rejected, Other,
			},
			{"recorded, no key", reply{body: `{"error":"must be signed in"}`}, false, Rejected, NotSignedIn},
			{"a missing route", reply{status: 404, body: "<html>404"}, false, Rejected, NotSoldHere},
			{"another answer", reply{body: `{}`}, false, Unknown, Other},
			{"a list", reply{body: `[]`}, false, Unknown, Other},
			{"a fault of the server", reply{status: 502}, false, Unknown, Other},
			{"the database is gone", reply{body: `{"error":"Connection terminated unexpectedly"}`}, false, Unknown, Other},
		} {
			c, s := serve(t, map[string][]reply{change.endpoint: {test.answer}, getManaged: always(`[]`)})
			err := change.send(c)
			if (err == nil) != test.ok {
				t.Errorf("%s, %s: got %v, want success %t", change.endpoint, test.name, err, test.ok)
			}
			if err != nil {
				if e := asError(t, err); e.Outcome != test.outcome || e.Kind != test.kind {
					t.Errorf("%s, %s: got %v, kind %v, want the outcome %v, kind %v", change.endpoint, test.name, e, e.Kind,
						test.outcome, test.kind)
				}
			}
			sent := 0
			for _, request := range s.requests() {
				if request == change.endpoint+` {"subscription_id":44}` {
					sent++
				}
			}
			if sent != 1 {
				t.Errorf("%s, %s: got the requests %q, want one with the id", change.endpoint, test.name, s.requests())
			}
		}
	}
}

// Without an id, the server reports success: nothing is sent.
func TestClient_ChangeSubscription_WithoutID(t *testing.T) {
	c, s := serve(t, nil)
	for _, err := range []error{c.CancelSubscription(t.Context(), 0), c.ResumeSubscription(t.Context(), -1)} {
		if e := asError(t, err); e.Outcome != Rejected || e.Kind != NotFound {
			t.Errorf("got %v, want a rejection of kind NotFound", e)
		}
	}
	if sent := s.requests(); len(sent) != 0 {
		t.Errorf("got the requests %q, want none", sent)
	}
}
