package cocalc

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestClient_MembershipTiers(t *testing.T) {
	c, s := serve(t, map[string][]reply{getMembershipTiers: always(`{"tiers":[
		{"id":"pro","label":"Pro","store_visible":true,"priority":20,
			"price_monthly":"149.0000000000","price_yearly":"1490.5000000000",
			"trial_days":null,"presentation":{"billing":[]}},
		{"id":"basic","label":"Basic","store_visible":true,"priority":10,"price_monthly":24,"price_yearly":"24.0050000000",
			"usage_limits":{"x":1}},
		{"id":"old","store_visible":true,"disabled":true,"price_monthly":null,"label":null},
		{"id":"admin","label":"Admin","store_visible":false,"priority":31,
			"price_monthly":"0.0000000000","price_yearly":"0.0000000000"}],"more":1}`)})
	got, err := c.MembershipTiers(t.Context())
	want := []MembershipTier{
		{ID: "old"},
		{ID: "basic", Label: "Basic", Monthly: "24", Yearly: "24.0050000000", InStore: true, Priority: 10},
		{ID: "pro", Label: "Pro", Monthly: "149.0000000000", Yearly: "1490.5000000000", InStore: true, Priority: 20},
		{ID: "admin", Label: "Admin", Monthly: "0.0000000000", Yearly: "0.0000000000", Priority: 31},
	}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("got the error %v and other tiers (-want +got):\n%s", err, diff)
	}
	if diff := cmp.Diff([]string{getMembershipTiers + " {}"}, s.requests()); diff != "" {
		t.Error(diff)
	}
}

// A price that cannot be read is never shown as another one, and a list that is not there never as an empty one.
func TestClient_MembershipTiers_Malformed(t *testing.T) {
	for _, body := range []string{
		`{}`, `[]`, `{"tiers":null}`, `{"tiers":{}}`, `{"tiers":[{}]}`, `{"tiers":[null]}`, `{"tiers":[{"id":7}]}`,
		`{"tiers":[{"id":"a","price_monthly":"lots"}]}`,
		`{"tiers":[{"id":"a","price_monthly":1e400}]}`, `{"tiers":[{"id":"a","price_monthly":"1,5"}]}`,
		`{"tiers":[{"id":"a","price_yearly":"0x10"}]}`, `{"tiers":[{"id":"a","price_yearly":true}]}`,
		`{"tiers":[{"id":"a","price_yearly":"1/3"}]}`, `{"tiers":[{"id":"a","price_yearly":""}]}`,
	} {
		c, _ := serve(t, map[string][]reply{getMembershipTiers: always(body)})
		tiers, err := c.MembershipTiers(t.Context())
		if e := asError(t, err); e.Outcome != Transient || e.Reason != OtherJSON || tiers != nil {
			t.Errorf("%s: got %v, %v, want the outcome transient and reason %s", body, tiers, e, OtherJSON)
		}
	}
	c, _ := serve(t, map[string][]reply{getMembershipTiers: always(`{"tiers":[]}`)})
	if tiers, err := c.MembershipTiers(t.Context()); err != nil || tiers == nil || len(tiers) != 0 {
		t.Errorf("no tiers: got %v, %v, want an empty list", tiers, err)
	}
}

func TestDollars(t *testing.T) {
	for text, want := range map[Dollars]struct {
		cents Cents
		exact bool
		words string
	}{
		"24.0000000000": {2400, true, "$24.00"}, "0.0000000000": {0, true, "$0.00"}, "1234.5": {123450, true, "$1,234.50"},
		"-2.50":         {-250, true, "-$2.50"},
		"63.7500000001": {0, false, "$63.7500000001"}, "0.0035000000": {0, false, "$0.0035"}, "-0.005": {0, false, "-$0.005"},
		"0.1":                   {10, true, "$0.10"},
		"999999999999999999.99": {0, false, "$999999999999999999.99"}, "": {0, false, ""},
	} {
		cents, exact := text.Cents()
		if cents != want.cents || exact != want.exact || text.String() != want.words {
			t.Errorf("%q: got %d, %v, %q; want %+v", string(text), cents, exact, text.String(), want)
		}
	}
}

// For any price list that is understood, each tier has an id, and prices keep every digit.
func FuzzMembershipTiers(f *testing.F) {
	for _, seed := range []string{
		`{"tiers":[{"id":"a","label":"A","price_monthly":"24.0000000000","price_yearly":240,"store_visible":true}]}`,
		`{"tiers":[{"id":"a","price_monthly":null}]}`,
		`{"tiers":[{"id":"a","price_monthly":"-0.1","disabled":1,"priority":"x"}]}`, `{"tiers":[]}`, `{"tiers":[{"ID":"a"}]}`,
		`[]`, `null`, `{"tiers":[{"id":"a","price_monthly":1E2}]}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		if !json.Valid(body) {
			return
		}
		tiers, err := decodeTiers(body)
		if err != nil {
			return
		}
		if tiers == nil {
			t.Errorf("%s: got no list and no error, want one of them", body)
		}
		for _, tier := range tiers {
			if tier.ID == "" {
				t.Errorf("%s: got a tier without an id, want an error", body)
			}
			for _, price := range []Dollars{tier.Monthly, tier.Yearly} {
				if price != "" && (!strings.Contains(string(body), string(price)) && !strings.Contains(string(body), `\`) ||
					!strings.HasPrefix(strings.TrimPrefix(price.String(), "-"), "$")) {
					t.Errorf("%s: got the price %q, shown as %q, want one of the answer", body, string(price), price)
				}
			}
		}
	})
}
