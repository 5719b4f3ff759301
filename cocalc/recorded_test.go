package cocalc

import (
	"encoding/json"
	"os"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// recordedReply finds a recorded answer of the server by its name.
func recordedReply(t testing.TB, name string) (endpoint string, a reply) {
	t.Helper()
	data, err := os.ReadFile("testdata/recorded.json")
	if err != nil {
		t.Fatal(err)
	}
	var all []struct {
		Name, Endpoint, Body string
		Status               int
	}
	if err := json.Unmarshal(data, &all); err != nil {
		t.Fatal(err)
	}
	for _, each := range all {
		if each.Name == name {
			return each.Endpoint, reply{status: each.Status, body: each.Body}
		}
	}
	t.Fatalf("got no recording named %q, want one", name)
	return "", reply{}
}

func parseTime(t *testing.T, iso string) time.Time {
	t.Helper()
	at, err := time.Parse(time.RFC3339Nano, iso)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

// replay serves one recorded answer.
func replay(t *testing.T, name string) *Client {
	t.Helper()
	endpoint, a := recordedReply(t, name)
	c, _ := serve(t, map[string][]reply{endpoint: {a}, userQuery: always(whoami)})
	if endpoint == userQuery {
		c, _ = serve(t, map[string][]reply{endpoint: {a}})
	}
	return c
}

func TestClient_WhoAmI_Recorded(t *testing.T) {
	got, err := replay(t, "whose key").WhoAmI(t.Context())
	if want := (Account{ID: "1ca0a361-e153-42a0-b1bc-433e0af789a1", Email: "bot-1ca0a361@example.com"}); err != nil ||
		got != want {
		t.Errorf("got %+v, %v, want %+v", got, err, want)
	}
	if e := asError(t, errorOf(replay(t, "whose key, wrong key").WhoAmI(t.Context()))); e.Kind != NotSignedIn ||
		e.Outcome != Rejected {
		t.Errorf("got %v, want a rejection of kind NotSignedIn", e)
	}
	if balance, err := replay(t, "a balance with a float tail").Balance(t.Context()); err != nil || balance != 9370 {
		t.Errorf("got the balance %v, %v, want $93.70", balance, err)
	}
}

func TestClient_Cart_Recorded(t *testing.T) {
	items, err := replay(t, "one item in the cart").Cart(t.Context(), InCart)
	if err != nil || len(items) != 1 {
		t.Fatalf("got %v, %v, want one item", items, err)
	}
	item := items[0]
	if item.ID != 421 || !item.Checked || item.Product != "site-license" ||
		!item.Added.Equal(parseTime(t, "2026-11-22T21:08:33.312Z")) || !item.Removed.IsZero() ||
		item.Purchased != nil || item.ProjectID != "" || item.Text() != "requested in #math by U123" ||
		item.Title() != "slackbot tag 1234" || item.Problem(testNow) != "" {
		t.Errorf("got %+v, want the recorded item", item)
	}
	items, err = replay(t, "three bought items").Cart(t.Context(), Purchased)
	if err != nil || len(items) != 3 {
		t.Fatalf("got %v, %v, want three items", items, err)
	}
	want := &CartPurchase{
		Time: parseTime(t, "2026-11-22T21:06:21.984Z"), Success: true,
		LicenseID: "db918436-5a10-4f86-971a-c584cf5baaab",
	}
	if diff := cmp.Diff(want, items[0].Purchased); items[0].ID != 378 || diff != "" {
		t.Errorf("got item %d, want 378 (-want +got):\n%s", items[0].ID, diff)
	}
}

func TestClient_CheckoutParams_Recorded(t *testing.T) {
	got, err := replay(t, "params with one item").CheckoutParams(t.Context())
	if err != nil || len(got.Items) != 1 {
		t.Fatalf("got %+v, %v, want one item", got, err)
	}
	if got.Balance != 10000000 || got.MinPayment != 250 || got.MinBalance != 0 || got.AmountDue != 0 ||
		got.Total != 1255875 || got.Items[0].LineItemAmount != 1255875 || got.Items[0].ID != 552 {
		t.Errorf("got %+v, want the recorded amounts", got)
	}
	if empty, err := replay(t, "params of an empty cart").CheckoutParams(t.Context()); err != nil ||
		len(empty.Items) != 0 || empty.Balance != 4000 {
		t.Errorf("got %+v, %v, want no items and the balance $40.00", empty, err)
	}
}

// A price that is not there must not read as no price.
func TestClient_CheckoutParams_Incomplete(t *testing.T) {
	for _, body := range []string{
		`{}`, `{"balance":1,"amountDue":0,"total":0}`, `{"balance":null,"amountDue":0,"total":0,"cart":[]}`,
		`{"balance":"lots","amountDue":0,"total":0,"cart":[]}`,
		`{"balance":1,"amountDue":0,"total":5,"cart":[{"id":1,"product":"site-license"}]}`,
		`{"balance":1,"amountDue":0,"total":5,"cart":[{"lineItemAmount":5}]}`,
		`{"balance":1,"amountDue":0,"total":5,"cart":[null]}`, `{"balance":1e300,"amountDue":0,"total":5,"cart":[]}`,
		`{"balance":1,"amountDue":0,"total":5,"cart":{}}`,
	} {
		c, _ := serve(t, map[string][]reply{checkoutParams: always(body)})
		if e := asError(t, errorOf(c.CheckoutParams(t.Context()))); e.Outcome != Transient || e.Kind != Other {
			t.Errorf("%s: got %v, want the outcome transient, kind Other", body, e)
		}
	}
	c, _ := serve(t, map[string][]reply{checkoutParams: always(`{"balance":"12.3400000000","amountDue":"0",` +
		`"total":"4.45","cart":[{"id":1,"product":"p","lineItemAmount":"4.44"}]}`)})
	if got, err := c.CheckoutParams(t.Context()); err != nil || got.Balance != 1234 || got.Items[0].LineItemAmount != 444 {
		t.Errorf("amounts as text: got %+v, %v, want the balance $12.34 and the price $4.44", got, err)
	}
}

func TestClient_Licenses_Recorded(t *testing.T) {
	licenses, err := replay(t, "three licenses").Licenses(t.Context())
	if err != nil || len(licenses) != 3 {
		t.Fatalf("got %v, %v, want three licenses", licenses, err)
	}
	quota := Quota{RAM: 2, CPU: 1, Disk: 3, User: "academic", Member: true, Uptime: "short"}
	want := License{
		ID: "db918436-5a10-4f86-971a-c584cf5baaab", Title: "range one", Description: "requested in #math by U123",
		Activates: parseTime(t, "2031-01-01T00:00:00Z"), Expires: parseTime(t, "2031-01-15T23:59:59.999Z"),
		Created:  parseTime(t, "2026-11-22T21:06:21.970Z"),
		RunLimit: 1, Quota: quota, IsManager: true,
	}
	if diff := cmp.Diff(want, licenses[0]); diff != "" {
		t.Error(diff)
	}
	own, err := replay(t, "a license, to its manager").License(t.Context(), "f05ae633-48de-49e3-a653-26c58d2fadf0")
	if err != nil || own.SubscriptionID == 0 || own.RunLimit != 2 || !own.IsManager || !own.Created.IsZero() ||
		own.Quota != quota {
		t.Errorf("got %+v, %v, want the recorded license", own, err)
	}
	other, err := replay(t, "a license, to somebody else").License(t.Context(), "db918436-5a10-4f86-971a-c584cf5baaab")
	if err != nil || other.IsManager || other.Title != "range one" || other.Description != "" ||
		other.ID != "db918436-5a10-4f86-971a-c584cf5baaab" {
		t.Errorf("got %+v, %v, want the license as others see it", other, err)
	}
}

// Licenses that other programs made must not hide the rest of the list.
func TestClient_Licenses_OddValues(t *testing.T) {
	c, _ := serve(t, map[string][]reply{getManaged: always(`[
		{"id":"a","title":null,"description":7,"quota":null,"run_limit":"3","expires":null,
			"activates":"2026-01-01T00:00:00.000Z","info":[]},
		{"id":"b","quota":{"ram":"4","always_running":true,"idle_timeout":"short","user":null}},
		{"id":"c","quota":"none","is_manager":1}]`)})
	got, err := c.Licenses(t.Context())
	want := []License{
		{ID: "a", Description: "7", Activates: parseTime(t, "2026-01-01T00:00:00Z")},
		{ID: "b", Quota: Quota{Uptime: "always_running"}},
		{ID: "c"},
	}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("got the error %v and other licenses (-want +got):\n%s", err, diff)
	}
}

func TestClient_Purchases_Recorded(t *testing.T) {
	rows, err := replay(t, "three charges and a credit").Purchases(t.Context(), PurchaseFilter{})
	if err != nil || len(rows) != 4 {
		t.Fatalf("got %v, %v, want four purchases", rows, err)
	}
	want := PurchaseRow{
		ID: 729, Time: parseTime(t, "2026-11-22T21:06:21.970Z"), Cost: 345, Service: "license",
		LicenseID:  "db918436-5a10-4f86-971a-c584cf5baaab",
		CartItemID: 378, PeriodEnd: parseTime(t, "2031-01-15T23:59:59.999Z"), Text: "requested in #math by U123",
	}
	if diff := cmp.Diff(want, rows[0]); diff != "" {
		t.Error(diff)
	}
	if credit := rows[3]; credit.Cost != -50000 || credit.Service != "credit" || credit.CartItemID != 0 ||
		credit.Text != "" {
		t.Errorf("got %+v, want the recorded credit", credit)
	}
	since, err := replay(t, "three charges and a credit").Purchases(t.Context(),
		PurchaseFilter{Since: parseTime(t, "2026-11-22T21:06:21.970Z")})
	if err != nil || len(since) != 3 {
		t.Errorf("since the charges: got %v, %v, want three purchases", since, err)
	}
	odd := `{"purchases":[{"id":1,"cost":null,"description":null},{"id":2,"cost":1,"description":{"item":7,` +
		`"license_id":7}},{"id":3,"cost":2,"description":{"item":{"id":"9","description":5}}}]}`
	c, _ := serve(t, map[string][]reply{getPurchases: always(odd)})
	got, err := c.Purchases(t.Context(), PurchaseFilter{})
	if diff := cmp.Diff([]PurchaseRow{{ID: 1}, {ID: 2, Cost: 100}, {ID: 3, Cost: 200}}, got); err != nil || diff != "" {
		t.Errorf("got the error %v and other purchases (-want +got):\n%s", err, diff)
	}
	for _, body := range []string{`{}`, `{"purchases":null}`, `{"purchases":[{"cost":1}]}`, `[]`, `7`} {
		c, _ := serve(t, map[string][]reply{getPurchases: always(body)})
		if e := asError(t, errorOf(c.Purchases(t.Context(), PurchaseFilter{}))); e.Outcome != Transient {
			t.Errorf("%s: got %v, want the outcome transient", body, e)
		}
	}
}

func TestClient_Subscriptions_Recorded(t *testing.T) {
	got, err := replay(t, "two subscriptions").Subscriptions(t.Context())
	want := []Subscription{
		{
			ID: 469, Cost: 1260, Interval: "month", Status: "active", CurrentPeriodEnd: parseTime(t, "2026-12-22T23:59:59.999Z"),
			LicenseID: "f05ae633-48de-49e3-a653-26c58d2fadf0",
		},
		{
			ID: 468, Cost: 6300, Interval: "year", Status: "active", CurrentPeriodEnd: parseTime(t, "2027-11-22T23:59:59.999Z"),
			LicenseID: "14d63bc0-a0b8-4c97-990a-eec7ccfbde33",
		},
	}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("got the error %v and other subscriptions (-want +got):\n%s", err, diff)
	}
	c, _ := serve(t, map[string][]reply{getSubscriptions: always(`[{"cost":1}]`)})
	if e := asError(t, errorOf(c.Subscriptions(t.Context()))); e.Outcome != Transient {
		t.Errorf("got %v, want the outcome transient", e)
	}
}
