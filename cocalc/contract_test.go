package cocalc_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"licensebot/cocalc"
	"licensebot/cocalc/cocalctest"
)

// shop is a simulated CoCalc with an account, and a client with its key.
func newClient(t *testing.T, config cocalctest.Config) (*cocalc.Client, *cocalctest.Account, *cocalctest.Server) {
	t.Helper()
	server := cocalctest.New(config)
	account := server.Add(cocalctest.NewAccount{})
	account.AddCredit(500_000, "for tests")
	client, err := cocalc.New(cocalc.Options{
		BaseURL: server.Start(t), Key: account.Key(), Timeout: 10 * time.Second,
		Sleep: func(context.Context, time.Duration) error { return nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return client, account, server
}

func orderSpec(tag string) cocalc.LicenseSpec {
	s := cocalc.DefaultSpec()
	s.RAM, s.CPU, s.Title, s.Description = 16, 2, "team license", tag
	return s
}

func addToCart(t *testing.T, c *cocalc.Client, s cocalc.LicenseSpec) {
	t.Helper()
	if err := c.AddToCart(t.Context(), s.CartDescription(time.Now()), ""); err != nil {
		t.Fatal(err)
	}
}

func outcomeAndKind(t *testing.T, err error) (cocalc.Outcome, cocalc.Kind) {
	t.Helper()
	var e *cocalc.Error
	if !errors.As(err, &e) {
		t.Fatalf("got %v, want a *cocalc.Error", err)
	}
	return e.Outcome, e.Kind
}

// The way of a purchase, step by step, as the package documents it.
func TestClient_BuyLicense(t *testing.T) {
	c, account, _ := newClient(t, cocalctest.Config{})
	ctx := t.Context()
	who, err := c.WhoAmI(ctx)
	if err != nil || who.ID != account.ID() || who.Email != account.Email() {
		t.Fatalf("got %+v, %v, want the account %s", who, err, account.ID())
	}
	for _, spec := range []cocalc.LicenseSpec{
		orderSpec("order 1"),
		func() cocalc.LicenseSpec {
			s := orderSpec("order 2")
			s.Period, s.RunLimit = cocalc.PeriodYearly, 2
			return s
		}(),
		func() cocalc.LicenseSpec {
			s := orderSpec("order 3")
			s.Period, s.End = cocalc.PeriodRange, time.Now().AddDate(0, 0, 40)
			return s
		}(),
	} {
		now := time.Now()
		quote, err := cocalc.Price(spec, now)
		if err != nil {
			t.Fatal(err)
		}
		before, err := c.Balance(ctx)
		if err != nil {
			t.Fatal(err)
		}
		sent := spec.CartDescription(now)
		if err := c.AddToCart(ctx, sent, ""); err != nil {
			t.Fatal(err)
		}
		items, err := c.Cart(ctx, cocalc.InCart)
		if err != nil || len(items) != 1 || items[0].Text() != spec.Description || !items[0].Checked {
			t.Fatalf("got %+v, %v, want the item that was added, checked", items, err)
		}
		if err := cocalc.DescriptionMatches(sent, items[0].Description); err != nil {
			t.Error(err)
		}
		params, err := c.CheckoutParams(ctx)
		if err != nil || len(params.Items) != 1 || params.Items[0].LineItemAmount > quote.Total || params.Balance != before {
			t.Fatalf("got %+v, %v, want one item for at most %s and the balance %s", params, err, quote.Total, before)
		}
		if spec.Period != cocalc.PeriodRange && params.Items[0].LineItemAmount != quote.Total {
			t.Errorf("got the charge %s, want the quoted %s", params.Items[0].LineItemAmount, quote.Total)
		}
		if err := c.Checkout(ctx); err != nil {
			t.Fatal(err)
		}
		item, err := c.CartItem(ctx, items[0].ID)
		if err != nil || item.Purchased == nil || !item.Purchased.Success {
			t.Fatalf("got %+v, %v, want the item purchased", item, err)
		}
		rows, err := c.Purchases(ctx, cocalc.PurchaseFilter{Service: "license", Limit: 1})
		if err != nil || len(rows) != 1 || rows[0].CartItemID != item.ID || rows[0].Cost != params.Items[0].LineItemAmount ||
			rows[0].LicenseID != item.Purchased.LicenseID || rows[0].Text != spec.Description {
			t.Errorf("got %+v, %v, want the purchase of item %d", rows, err, item.ID)
		}
		license, err := c.License(ctx, item.Purchased.LicenseID)
		if err != nil || license.Description != spec.Description || license.RunLimit != spec.RunLimit ||
			license.Quota.RAM != 16 || !license.IsManager {
			t.Errorf("got %+v, %v, want the license as specified", license, err)
		}
		if (license.SubscriptionID != 0) != (spec.Period != cocalc.PeriodRange) {
			t.Errorf("got the subscription %d of a %s license, want one only if it renews", license.SubscriptionID, spec.Period)
		}
		if after, err := c.Balance(ctx); err != nil || after != before-rows[0].Cost {
			t.Errorf("got the balance %s, %v, want %s", after, err, before-rows[0].Cost)
		}
	}
	licenses, err := c.Licenses(ctx)
	subscriptions, err2 := c.Subscriptions(ctx)
	bought, err3 := c.Cart(ctx, cocalc.Purchased)
	if err := errors.Join(err, err2, err3); err != nil || len(licenses) != 3 || len(subscriptions) != 2 ||
		len(bought) != 3 {
		t.Errorf("got %d licenses, %d subscriptions, %d purchased items, %v, want 3, 2 and 3", len(licenses),
			len(subscriptions), len(bought), err)
	}
}

// A cancelled subscription can be resumed as long as its period is paid. A success of cancel proves nothing.
func TestClient_EndAndKeepSubscription(t *testing.T) {
	c, account, _ := newClient(t, cocalctest.Config{})
	ctx := t.Context()
	addToCart(t, c, orderSpec("order 1"))
	if err := c.Checkout(ctx); err != nil {
		t.Fatal(err)
	}
	id := account.Subscriptions()[0].ID
	status := func() string {
		t.Helper()
		all, err := c.Subscriptions(ctx)
		if err != nil || len(all) != 1 {
			t.Fatalf("got %+v, %v, want one subscription", all, err)
		}
		return all[0].Status
	}
	if err := c.CancelSubscription(ctx, id+1); err != nil || status() != "active" {
		t.Errorf("an unknown id: got %v and %s, want a success that changes nothing", err, status())
	}
	if err := c.CancelSubscription(ctx, id); err != nil || status() != "canceled" {
		t.Errorf("cancel: got %v and %s, want it canceled", err, status())
	}
	before, err := c.Balance(ctx)
	if err := errors.Join(err, c.ResumeSubscription(ctx, id)); err != nil || status() != "active" {
		t.Errorf("resume: got %v and %s, want it active", err, status())
	}
	if after, err := c.Balance(ctx); err != nil || after != before {
		t.Errorf("got the balance %s, %v, want %s: resuming is free", after, err, before)
	}
	if o, _ := outcomeAndKind(t, c.ResumeSubscription(ctx, id)); o != cocalc.Rejected {
		t.Errorf("resume again: got the outcome %v, want rejected", o)
	}
}

func TestClient_CartChanges(t *testing.T) {
	c, _, _ := newClient(t, cocalctest.Config{})
	ctx := t.Context()
	addToCart(t, c, orderSpec("a"))
	addToCart(t, c, orderSpec("b"))
	items, err := c.Cart(ctx, cocalc.InCart)
	if err != nil || len(items) != 2 {
		t.Fatalf("got %+v, %v, want two items", items, err)
	}
	b, a := items[0], items[1] // newest first
	if changed, err := c.SetChecked(ctx, a.ID, false); err != nil || !changed {
		t.Errorf("uncheck: got changed %t, %v, want true", changed, err)
	}
	if items, err = c.Cart(ctx, cocalc.InCart); err != nil || items[1].Checked || !items[0].Checked {
		t.Errorf("got %+v, %v, want the older item unchecked alone", items, err)
	}
	for i, want := range []bool{true, false} {
		if removed, err := c.RemoveFromCart(ctx, a.ID); err != nil || removed != want {
			t.Errorf("remove, time %d: got %t, %v, want %t", i+1, removed, err, want)
		}
	}
	removed, err := c.Cart(ctx, cocalc.Removed)
	if err != nil || len(removed) != 1 || removed[0].ID != a.ID || removed[0].Removed.IsZero() {
		t.Errorf("got the removed items %+v, %v, want item %d", removed, err, a.ID)
	}
	if deleted, err := c.DeleteFromCart(ctx, b.ID); err != nil || !deleted {
		t.Errorf("delete: got %t, %v, want true", deleted, err)
	}
	if _, k := outcomeAndKind(t, errorOf(c.CartItem(ctx, b.ID))); k != cocalc.NotFound {
		t.Errorf("a deleted item: got kind %v, want NotFound", k)
	}
}

func errorOf[T any](_ T, err error) error { return err }

// Every fault that people can switch on in the simulator, and the outcomes of the two calls that spend.
func TestClient_ServerFaults(t *testing.T) {
	type expect struct {
		outcome cocalc.Outcome
		kind    cocalc.Kind
		bought  int // licenses in the end
	}
	for name, want := range map[string]expect{
		"lost-answer":        {cocalc.Unknown, cocalc.Other, 1},
		"server-error":       {cocalc.Unknown, cocalc.Other, 0},
		"error-after-buying": {cocalc.Unknown, cocalc.Other, 1},
		"refused":            {cocalc.Rejected, cocalc.Other, 0},
		"no-credit":          {cocalc.Rejected, cocalc.InsufficientCredit, 0},
		"key-revoked":        {cocalc.Rejected, cocalc.NotSignedIn, 0},
		"outage":             {cocalc.Rejected, cocalc.NotSignedIn, 0},
		"older-server":       {cocalc.Rejected, cocalc.CaptchaRequired, 0},
		"no-licenses-sold":   {cocalc.Rejected, cocalc.NotSoldHere, 0},
	} {
		t.Run(name, func(t *testing.T) {
			c, account, server := newClient(t, cocalctest.Config{})
			addToCart(t, c, orderSpec("order 1"))
			if err := server.SwitchOn(name); err != nil {
				t.Fatal(err)
			}
			outcome, k := outcomeAndKind(t, c.Checkout(t.Context()))
			server.Wait()
			if bought := len(account.Licenses()); outcome != want.outcome || k != want.kind || bought != want.bought {
				t.Errorf("got outcome %v, kind %v, %d licenses; want %+v", outcome, k, bought, want)
			}
		})
	}
	for name, want := range map[string]expect{
		"lost-add":  {cocalc.Unknown, cocalc.Other, 1},
		"throttled": {cocalc.Transient, cocalc.Throttled, 0},
		"outage":    {cocalc.Rejected, cocalc.NotSignedIn, 0},
	} {
		t.Run("add "+name, func(t *testing.T) {
			c, account, server := newClient(t, cocalctest.Config{})
			if err := server.SwitchOn(name); err != nil {
				t.Fatal(err)
			}
			outcome, k := outcomeAndKind(t, c.AddToCart(t.Context(), orderSpec("order 1").CartDescription(time.Now()), ""))
			if items := len(account.Cart()); outcome != want.outcome || k != want.kind || items != want.bought {
				t.Errorf("got outcome %v, kind %v, %d items; want %+v", outcome, k, items, want)
			}
		})
	}
}

func TestClient_Licenses_Outage(t *testing.T) {
	c, _, server := newClient(t, cocalctest.Config{})
	addToCart(t, c, orderSpec("order 1"))
	if err := c.Checkout(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := server.SwitchOn("outage"); err != nil {
		t.Fatal(err)
	}
	if _, k := outcomeAndKind(t, errorOf(c.Licenses(t.Context()))); k != cocalc.NotSignedIn {
		t.Errorf("got kind %v, want NotSignedIn", k)
	}
	server.SwitchOff("outage")
	if licenses, err := c.Licenses(t.Context()); err != nil || len(licenses) != 1 {
		t.Errorf("got %v, %v, want one license", licenses, err)
	}
}

func TestClient_Store_Generations(t *testing.T) {
	for generation, want := range map[cocalctest.Generation]cocalc.Store{
		cocalctest.Current: cocalc.StoreCurrent,
		cocalctest.Older:   cocalc.StoreOlder,
	} {
		c, _, server := newClient(t, cocalctest.Config{Generation: generation})
		if store, err := c.Store(t.Context()); err != nil || store != want {
			t.Errorf("got %v, %v; want %v", store, err, want)
		}
		if server.Count("shopping/cart/checkout")+server.Count("purchases/shopping-cart-checkout") != 0 {
			t.Error("got a checkout from Store, want reads alone")
		}
	}
	c, _, _ := newClient(t, cocalctest.Config{Generation: cocalctest.WithoutLicenses})
	if _, k := outcomeAndKind(t, errorOf(c.Store(t.Context()))); k != cocalc.NotSoldHere {
		t.Errorf("got kind %v, want NotSoldHere", k)
	}
}

func TestClient_FindBrokenItem_UnlistableCart(t *testing.T) {
	c, account, server := newClient(t, cocalctest.Config{})
	addToCart(t, c, orderSpec("bought before"))
	if err := c.Checkout(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := server.SwitchOn("cart-broken"); err != nil {
		t.Fatal(err)
	}
	addToCart(t, c, orderSpec("order 1"))
	if outcome, k := outcomeAndKind(t, errorOf(c.Cart(t.Context(), cocalc.InCart))); k != cocalc.CartBroken ||
		outcome != cocalc.Rejected {
		t.Errorf("got outcome %v, kind %v, want a rejection of kind CartBroken", outcome, k)
	}
	item, err := c.FindBrokenItem(t.Context())
	if err != nil || !slices.ContainsFunc(account.Cart(), func(i cocalctest.CartItem) bool { return i.ID == item.ID }) ||
		item.Title() != "Another program's license" {
		t.Fatalf("got %+v, %v, want the other program's item", item, err)
	}
	if removed, err := c.RemoveFromCart(t.Context(), item.ID); err != nil || !removed {
		t.Errorf("remove: got %t, %v, want true", removed, err)
	}
	if items, err := c.Cart(t.Context(), cocalc.InCart); err != nil || len(items) != 1 || items[0].Text() != "order 1" {
		t.Errorf("got %+v, %v, want the order's item alone", items, err)
	}
}
