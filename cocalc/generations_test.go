package cocalc_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"licensebot/cocalc"
	"licensebot/cocalc/cocalctest"
)

// visit makes a client of a simulated CoCalc with one of its keys.
func newClientWithKey(t *testing.T, server *cocalctest.Server, key string) *cocalc.Client {
	t.Helper()
	client, err := cocalc.New(cocalc.Options{
		BaseURL: server.Start(t), Key: key, Timeout: 10 * time.Second,
		Sleep: func(context.Context, time.Duration) error { return nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return client
}

// mayRead are the endpoints that change nothing. Any other request could spend or change a cart.
var mayRead = []string{
	"user-query", "accounts/profile", "shopping/cart/get", "licenses/get-managed", "licenses/get-license",
	"purchases/get-shopping-cart-checkout-params", "purchases/get-balance", "purchases/get-purchases",
	"purchases/get-subscriptions", "purchases/get-membership-tiers",
}

// readEverything calls every method of a client that only reads.
func readEverything(ctx context.Context, c *cocalc.Client) {
	c.Diagnose(ctx)
	_, _ = c.WhoAmI(ctx)
	_, _ = c.Store(ctx)
	_, _ = c.Balance(ctx)
	for _, which := range []cocalc.CartFilter{
		cocalc.InCart, cocalc.Purchased, cocalc.Removed,
		cocalc.PurchasedAndRemoved,
	} {
		_, _ = c.Cart(ctx, which)
	}
	_, _ = c.CartItem(ctx, 1)
	_, _ = c.FindBrokenItem(ctx)
	_, _ = c.CheckoutParams(ctx)
	_, _ = c.Licenses(ctx)
	_, _ = c.License(ctx, "f05ae633-48de-49e3-a653-26c58d2fadf0")
	_, _ = c.Purchases(ctx, cocalc.PurchaseFilter{})
	_, _ = c.Subscriptions(ctx)
	_, _ = c.Project(ctx, "6dd2fd2a-2b2b-4a3b-9a7c-6d1f3a3f5a11")
	_, _ = c.MembershipTiers(ctx)
}

func TestClient_Diagnose_Generations(t *testing.T) {
	down := cocalctest.Fault{Effect: cocalctest.Fail, Status: 503}
	outage := cocalctest.Fault{Effect: cocalctest.Outage}
	revoked := cocalctest.Fault{Effect: cocalctest.KeyRevoked}
	for _, test := range []struct {
		name       string
		generation cocalctest.Generation
		fault      *cocalctest.Fault
		key        func(*cocalctest.Account) string // nil: the account's first
		want       cocalc.Condition
		store      cocalc.Store
		proof      cocalc.KeyProof
	}{
		{"a current server", cocalctest.Current, nil, nil, cocalc.SellsLicenses, cocalc.StoreCurrent, cocalc.KeyValid},
		{
			"a current server, wrong key", cocalctest.Current, &revoked, nil, cocalc.SellsLicenses, cocalc.StoreCurrent,
			cocalc.KeyRefused,
		},
		{
			"a current server, outage", cocalctest.Current, &outage, nil, cocalc.SellsLicenses, cocalc.StoreCurrent,
			cocalc.KeyRefused,
		},
		{"a current server, maintenance", cocalctest.Current, &down, nil, cocalc.IsDown, 0, ""},
		{"an older server", cocalctest.Older, nil, nil, cocalc.SellsLicenses, cocalc.StoreOlder, cocalc.KeyValid},
		{
			"an older server, outage", cocalctest.Older, &outage, nil, cocalc.SellsLicenses, cocalc.StoreOlder,
			cocalc.KeyRefused,
		},
		{"a server without licenses", cocalctest.WithoutLicenses, nil, nil, cocalc.SellsMemberships, 0, cocalc.KeyValid},
		{"the successor", cocalctest.Successor, nil, nil, cocalc.SellsMemberships, 0, cocalc.KeyValid},
		{"the successor, wrong key", cocalctest.Successor, &revoked, nil, cocalc.SellsMemberships, 0, cocalc.KeyRefused},
		{"the successor, outage", cocalctest.Successor, &outage, nil, cocalc.SellsMemberships, 0, cocalc.KeyUnproven},
		{"the successor, maintenance", cocalctest.Successor, &down, nil, cocalc.IsDown, 0, ""},
		{"a server that has moved, maintenance", cocalctest.Moved, &down, nil, cocalc.IsDown, 0, ""},
		{
			"the successor, a key without rights", cocalctest.Successor, nil, func(a *cocalctest.Account) string {
				return a.NewSuccessorKey("x")
			},
			cocalc.SellsMemberships, 0, cocalc.KeyLimited,
		},
		{"a server that has moved", cocalctest.Moved, nil, nil, cocalc.HasMoved, 0, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			server := cocalctest.New(cocalctest.Config{Generation: test.generation})
			account := server.Add(cocalctest.NewAccount{})
			if test.fault != nil {
				server.Inject(*test.fault)
			}
			key := account.Key()
			if test.key != nil {
				key = test.key(account)
			}
			c := newClientWithKey(t, server, key)
			d := c.Diagnose(t.Context())
			if d.Condition != test.want || d.Store != test.store || d.Key != test.proof ||
				(d.Key == cocalc.KeyValid && d.Account.ID != account.ID()) {
				t.Errorf("got %+v, want %s, store %v, key %q", d, test.want, test.store, test.proof)
			}
			if d.OlderKey {
				t.Errorf("got a key of the older form in %+v, want another", d)
			}
			if again := c.Diagnose(t.Context()); again.Condition != d.Condition || again.Store != d.Store ||
				again.Redirect.Host != d.Redirect.Host {
				t.Errorf("got %+v at first, then %+v, want the same", d, again)
			}
		})
	}
}

// A server that becomes its successor while the bot runs is found out, and so is one that becomes itself again.
func TestClient_Diagnose_ServerChanges(t *testing.T) {
	c, _, server := newClient(t, cocalctest.Config{})
	for _, step := range []struct {
		fault string
		want  cocalc.Condition
	}{
		{"", cocalc.SellsLicenses},
		{"successor", cocalc.SellsMemberships},
		{"", cocalc.SellsLicenses},
		{"moved", cocalc.HasMoved},
		{"older-server", cocalc.SellsLicenses},
		{"", cocalc.SellsLicenses},
	} {
		server.ClearFaults()
		if step.fault != "" {
			if err := server.SwitchOn(step.fault); err != nil {
				t.Fatal(err)
			}
		}
		d := c.Diagnose(t.Context())
		if d.Condition != step.want || d.OlderKey != (step.fault == "successor") {
			t.Errorf("with %q: got %+v, want %s", step.fault, d, step.want)
		}
		store, err := c.Store(t.Context())
		if sells := d.Condition == cocalc.SellsLicenses; sells != (err == nil) || sells && store != d.Store {
			t.Errorf("with %q: got the store %v, %v, want that of %+v", step.fault, store, err, d)
		}
	}
}

// A server that requires another scheme, as after a change of its proxy, names the address to use.
func TestClient_Diagnose_OtherScheme(t *testing.T) {
	c, _, server := newClient(t, cocalctest.Config{})
	own := strings.Replace(string(c.Site()), "http:", "https:", 1)
	fault := server.Inject(cocalctest.Fault{Effect: cocalctest.MovedServer, Text: own})
	if d := c.Diagnose(t.Context()); d.Condition != cocalc.Misaddressed || d.Redirect.Address != own {
		t.Errorf("got %+v, want it misaddressed, with the address %s", d, own)
	}
	err := c.AddToCart(t.Context(), orderSpec("order 1").CartDescription(time.Now()), "")
	if outcome, k := outcomeAndKind(t, err); outcome != cocalc.Unknown || k != cocalc.Redirected {
		t.Errorf("add: got outcome %v, kind %v, want the outcome unknown, kind Redirected", outcome, k)
	}
	fault.Clear()
	if d := c.Diagnose(t.Context()); d.Condition != cocalc.SellsLicenses || d.Key != cocalc.KeyValid {
		t.Errorf("afterwards: got %+v, want a server that sells licenses, and a valid key", d)
	}
}

// Neither the successor nor a server that has moved gets a request that could spend from what reads, and the host
// that the redirect names gets none at all, also not from what spends.
func TestClient_Checkout_WithoutStore(t *testing.T) {
	var elsewhere atomic.Int64
	target := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { elsewhere.Add(1) }))
	defer target.Close()
	for _, generation := range []cocalctest.Generation{
		cocalctest.Successor, cocalctest.Moved,
		cocalctest.WithoutLicenses,
	} {
		server := cocalctest.New(cocalctest.Config{Generation: generation, MovedTo: target.URL})
		account := server.Add(cocalctest.NewAccount{Credit: 100_00})
		for _, key := range []string{account.Key(), "sk-abcdefghijklmnop000001", account.NewSuccessorKey("none")} {
			c := newClientWithKey(t, server, key)
			readEverything(t.Context(), c)
			for endpoint, n := range server.Counts() {
				if !slices.Contains(mayRead, endpoint) {
					t.Errorf("generation %d: got %d requests to %s, want none", generation, n, endpoint)
				}
			}
			if len(server.Counts()) < 5 {
				t.Errorf("generation %d: got requests to %v alone, want at least 5 endpoints", generation, server.Counts())
			}
			server.ForgetRequests()
			// A request that spends is not sent if the store is looked up first; otherwise it has no effect.
			if err := c.Checkout(t.Context()); err == nil {
				t.Errorf("generation %d: got a successful checkout, want an error", generation)
			}
			for endpoint := range server.Counts() {
				if strings.Contains(endpoint, "checkout") && !strings.HasSuffix(endpoint, "-params") {
					t.Errorf("generation %d: got a checkout sent to %s, want none", generation, endpoint)
				}
			}
			if err := c.AddToCart(t.Context(), orderSpec("order 1").CartDescription(time.Now()), ""); err == nil {
				t.Errorf("generation %d: got an item added, want an error", generation)
			}
			server.ForgetRequests()
		}
		if account.Balance() != 100_00 || len(account.Cart()) != 0 || len(account.Licenses()) != 0 {
			t.Errorf("generation %d: got a changed account, want it unchanged", generation)
		}
	}
	if n := elsewhere.Load(); n != 0 {
		t.Errorf("got %d requests to the host that the redirects name, want none", n)
	}
}

func TestClient_MembershipTiers_Successor(t *testing.T) {
	server := cocalctest.New(cocalctest.Config{Generation: cocalctest.Successor})
	server.SetMembershipTiers(
		cocalctest.MembershipTier{
			ID: "pro", Label: "Pro", Monthly: "149.0000000000", Yearly: "1490.5000000000", Priority: 20,
			InStore: true,
		},
		cocalctest.MembershipTier{ID: "standard", Label: "Standard", Monthly: "24.0000000000", Priority: 10, InStore: true},
		cocalctest.MembershipTier{ID: "hidden", Priority: 5})
	for key, want := range map[string]int{server.Add(cocalctest.NewAccount{}).Key(): 3, "sk-abcdefghijklmnop000001": 2} {
		tiers, err := newClientWithKey(t, server, key).MembershipTiers(t.Context())
		if err != nil || len(tiers) != want {
			t.Fatalf("got %+v, %v, want %d tiers", tiers, err, want)
		}
		pro, standard := tiers[want-1], tiers[want-2]
		cents, exact := pro.Yearly.Cents()
		if !exact || cents != 149050 || pro.Label != "Pro" || !pro.InStore || standard.Monthly.String() != "$24.00" ||
			standard.Yearly != "" {
			t.Errorf("got %+v, want the tiers that the server was given", tiers)
		}
	}
	// Servers that sell licenses have no such list.
	for _, generation := range []cocalctest.Generation{cocalctest.Current, cocalctest.Older} {
		c, _, _ := newClient(t, cocalctest.Config{Generation: generation})
		if outcome, _ := outcomeAndKind(t, errorOf(c.MembershipTiers(t.Context()))); outcome != cocalc.Rejected {
			t.Errorf("generation %d: got outcome %v, want rejected", generation, outcome)
		}
		if store, err := c.Store(t.Context()); err != nil || store == 0 {
			t.Errorf("generation %d: got the store %v, %v, want a store", generation, store, err)
		}
	}
}
