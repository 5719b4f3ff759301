package cocalc

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

const whoami = `{"query":{"accounts":{"account_id":"u","email_address":"bot@example.com"}}}`

func TestClient_Licenses_EmptyNeedsProof(t *testing.T) {
	for _, test := range []struct {
		name     string
		licenses []reply
		whoami   []reply
		want     int  // licenses
		kind     Kind // of the error, if there is one
		fails    bool
	}{
		{"there are some", always(`[{"id":"a"},{"id":"b"}]`), nil, 2, 0, false},
		{"there are none", always(`[]`), always(whoami), 0, 0, false},
		{
			"wrong key", always(`[]`), always(`{"error":"FATAL: anonymous get queries not allowed for table 'accounts'"}`),
			0,
			NotSignedIn, true,
		},
		{"an outage that ended in between", []reply{{body: `[]`}, {body: `[{"id":"a"}]`}}, always(whoami), 1, 0, false},
		{"nobody answers the proof", always(`[]`), []reply{{status: 502}}, 0, Other, true},
		{"no list", always(`{}`), nil, 0, Other, true},
		{"null", always(`null`), nil, 0, Other, true},
		{"a license without an id", always(`[{"title":"x"}]`), nil, 0, Other, true},
	} {
		c, _ := serve(t, map[string][]reply{getManaged: test.licenses, userQuery: test.whoami})
		got, err := c.Licenses(t.Context())
		if len(got) != test.want || (err != nil) != test.fails {
			t.Errorf("%s: got %d licenses, error %v, want %d, an error %t", test.name, len(got), err, test.want, test.fails)
		}
		if test.fails {
			if e := asError(t, err); e.Kind != test.kind {
				t.Errorf("%s: got kind %v of %v, want %v", test.name, e.Kind, e, test.kind)
			}
		}
	}
}

func TestClient_Licenses_Pages(t *testing.T) {
	first, rest := numbersFrom(0, 500), numbersFrom(500, 620)
	// Licenses 7 and 510 have the same creation time: the second request sees them in the other order.
	shuffled := append([]int{7}, slices.DeleteFunc(slices.Clone(rest), func(n int) bool { return n == 510 })...)
	for _, test := range []struct {
		name     string
		pages    []reply
		want     int
		requests int
		fails    bool
	}{
		{"less than a page", []reply{licensePage(rest)}, 120, 1, false},
		{"two pages", []reply{licensePage(first), licensePage(rest)}, 620, 2, false},
		{"exactly a page", []reply{licensePage(first), {body: "[]"}}, 500, 4, false}, // the empty page needs a proof
		{
			"order changes once",
			[]reply{licensePage(first), licensePage(shuffled), licensePage(first), licensePage(rest)},
			620,
			4, false,
		},
		{
			"put together of two passes",
			[]reply{
				licensePage(first), licensePage(shuffled), licensePage(append(numbersFrom(0, 499), 510)),
				licensePage(append([]int{499}, rest[:119]...)),
			},
			620, 4, false,
		},
		{
			"something twice and something never, in every pass",
			slices.Repeat([]reply{licensePage(first), licensePage(shuffled)}, maxPasses), 0, 2 * maxPasses, true,
		},
		{"a server that knows no pages", []reply{licensePage(first)}, 0, 2 * maxPasses, true},
	} {
		c, s := serve(t, map[string][]reply{getManaged: test.pages, userQuery: always(whoami)})
		got, err := c.Licenses(t.Context())
		if len(got) != test.want || (err != nil) != test.fails || len(s.requests()) != test.requests {
			t.Errorf("%s: got %d licenses, error %v, %d requests, want %d, an error %t and %d", test.name, len(got), err,
				len(s.requests()), test.want, test.fails, test.requests)
		}
		seen := map[string]bool{}
		for _, l := range got {
			if seen[l.ID] {
				t.Errorf("%s: got %s twice, want it once", test.name, l.ID)
			}
			seen[l.ID] = true
		}
	}
}

// A whole page of licenses, named by their numbers.
func licensePage(numbers []int) reply {
	var list []string
	for _, n := range numbers {
		list = append(list, fmt.Sprintf(`{"id":"license %d","created":1795381581970}`, n))
	}
	return reply{body: "[" + strings.Join(list, ",") + "]"}
}

func numbersFrom(from, to int) (list []int) {
	for n := from; n < to; n++ {
		list = append(list, n)
	}
	return list
}

func TestClient_License(t *testing.T) {
	const id = "f05ae633-48de-49e3-a653-26c58d2fadf0"
	reduced, missing := `{"title":"x","run_limit":1,"is_manager":false}`, `{"error":"no license with id `+id+`"}`
	full := `{"id":"` + id + `","title":"x","is_manager":true,"subscription_id":469}`
	wrongKey := always(`{"error":"FATAL: anonymous get queries not allowed for table 'accounts'"}`)
	for _, test := range []struct {
		name    string
		answers []reply
		whoami  []reply
		manager bool
		fails   bool
		kind    Kind
	}{
		{"managed", always(full), nil, true, false, 0},
		{"somebody else's", always(reduced), always(whoami), false, false, 0},
		{"reduced for a wrong key", always(reduced), wrongKey, false, true, NotSignedIn},
		{"unknown", always(missing), always(whoami), false, true, NotFound},
		{
			"no uuid", always(`{"error":"invalid input syntax for type uuid: \"abc\""}`), always(whoami), false, true,
			NotFound,
		},
		{"unknown to a wrong key", always(missing), wrongKey, false, true, NotSignedIn},
		{"missing during an outage", []reply{{body: missing}, {body: full}}, always(whoami), true, false, 0},
		{"another license", always(`{"id":"0","is_manager":true}`), nil, false, true, Other},
		{"null", always(`null`), nil, false, true, Other},
	} {
		c, _ := serve(t, map[string][]reply{getLicense: test.answers, userQuery: test.whoami})
		got, err := c.License(t.Context(), strings.ToUpper(id))
		if got.IsManager != test.manager || (err != nil) != test.fails {
			t.Errorf("%s: got %+v, %v, want a manager %t, an error %t", test.name, got, err, test.manager, test.fails)
		}
		if test.fails {
			if e := asError(t, err); e.Kind != test.kind {
				t.Errorf("%s: got kind %v of %v, want %v", test.name, e.Kind, e, test.kind)
			}
		} else if !strings.EqualFold(got.ID, id) {
			t.Errorf("%s: got id %q, want %q", test.name, got.ID, id)
		}
	}
}
