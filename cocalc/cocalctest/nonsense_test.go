package cocalctest_test

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"licensebot/cocalc/cocalctest"
)

// nonsenseCase is a line of testdata/nonsense.json: the effect of an odd item on the recorded account, beside a good
// item.
type nonsenseCase struct {
	Case        string
	Description json.RawMessage
	Product     string
	Add         string
	CartGet     string `json:"cart_get"`
	Params      string
	Checkout    string
	After       struct {
		Licenses int
		Charged  float64
	} `json:"after_checkout"`
	UncheckedGet    string `json:"unchecked_cart_get"`
	UncheckedParams string `json:"unchecked_params"`
	RemovedGet      string `json:"removed_cart_get"`
	RemovedCheckout string `json:"removed_checkout"`
	CartAfter       *int   `json:"cart_after"`
	Licenses        []struct {
		Title    *string
		RunLimit int `json:"run_limit"`
		Quota    json.RawMessage
	}
}

// TestServer_Cart_OddItems adds every recorded odd item to a cart, and checks that its effect is the recorded one.
func TestServer_Cart_OddItems(t *testing.T) {
	data, err := os.ReadFile("testdata/nonsense.json")
	if err != nil {
		t.Fatal(err)
	}
	var cases []nonsenseCase
	if err := json.Unmarshal(data, &cases); err != nil {
		t.Fatal(err)
	}
	if len(cases) != 52 {
		t.Fatalf("got %d cases, want the 52 recorded ones", len(cases))
	}
	for _, n := range cases {
		t.Run(n.Case, n.run)
	}
}

func (n nonsenseCase) run(t *testing.T) {
	// A range that has begun costs only its rest, so the clock has the time of the recording.
	recorded := time.Date(2026, 11, 22, 21, 5, 14, 0, time.UTC)
	s := cocalctest.New(cocalctest.Config{CheckoutTakes: 1, Now: func() time.Time { return recorded }})
	a := s.Add(cocalctest.NewAccount{Credit: 500000})
	c := &client{t, s, a, a.Key()}
	c.want(add, item(strings.Replace(cheap, `"title":"cheap"`, `"title":"good one"`, 1)), "1")
	odd := `{"product":"` + n.Product + `","description":` + string(n.Description) + `}`
	if string(n.Description) == `"(absent)"` {
		odd = `{"product":"` + n.Product + `"}`
	}
	c.want(add, odd, n.Add)

	compare := func(what, got, want string) {
		t.Helper()
		if got != want {
			t.Errorf("%s: got %s, want %s", what, got, want)
		}
	}
	compare("cart/get", summary(c.post(get, "{}")), n.CartGet)
	compare("params", paramsSummary(c.post(params, "{}"), true), n.Params)
	compare("checkout", c.post(checkout, "{}"), n.Checkout)
	c.bought(n.After.Licenses, 500000-int64(n.After.Charged*100+0.5))
	if n.CartAfter != nil {
		left := 0
		for _, item := range a.Cart() {
			if item.LicenseID == "" {
				left++
			}
		}
		compare("items left", fmt.Sprint(left), fmt.Sprint(*n.CartAfter))
	}
	n.compareLicenses(t, a)
	if n.RemovedCheckout == "" {
		return // it was sold
	}
	oddID := a.Cart()[1].ID
	c.want("shopping/cart/checked", fmt.Sprintf(`{"id":%d,"checked":false}`, oddID), "1")
	compare("cart/get, unchecked", strings.TrimSuffix(summary(c.post(get, "{}")), ", 2 items"), n.UncheckedGet)
	compare("params, unchecked", paramsSummary(c.post(params, "{}"), false), n.UncheckedParams)
	c.want("shopping/cart/remove", fmt.Sprintf(`{"id":%d}`, oddID), "1")
	compare("cart/get, removed", strings.TrimSuffix(summary(c.post(get, "{}")), ", 1 items"), n.RemovedGet)
	compare("checkout, removed", c.post(checkout, "{}"), n.RemovedCheckout)
}

func (n nonsenseCase) compareLicenses(t *testing.T, a *cocalctest.Account) {
	t.Helper()
	for i, l := range a.Licenses() {
		if i >= len(n.Licenses) {
			break
		}
		want := n.Licenses[i]
		title := ""
		if want.Title != nil {
			title = *want.Title
		}
		if l.Title != title || l.RunLimit != int64(want.RunLimit) || string(l.Quota) != compact(want.Quota) {
			t.Errorf("license %d: got %q × %d with %s, want %q × %d with %s", i, l.Title, l.RunLimit, l.Quota, title,
				want.RunLimit, want.Quota)
		}
	}
}

func compact(raw json.RawMessage) string {
	return strings.NewReplacer(" ", "", "\n", "").Replace(string(raw))
}

// summary describes a list as the recording does; an error is unchanged.
func summary(body string) string {
	var list []json.RawMessage
	if json.Unmarshal([]byte(body), &list) != nil {
		return body
	}
	return fmt.Sprintf("ok, %d items", len(list))
}

func paramsSummary(body string, items bool) string {
	var p struct {
		Error string
		Total json.Number
		Cart  []struct{ LineItemAmount json.Number }
	}
	if json.Unmarshal([]byte(body), &p) != nil || p.Error != "" {
		return body
	}
	if !items {
		return "ok total " + p.Total.String()
	}
	var amounts []string
	for _, each := range p.Cart {
		amounts = append(amounts, each.LineItemAmount.String())
	}
	return fmt.Sprintf("ok total %s (%d items: %s)", p.Total, len(p.Cart), strings.Join(amounts, ","))
}
