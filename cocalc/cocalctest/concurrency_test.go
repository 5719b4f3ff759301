package cocalctest_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"licensebot/cocalc/cocalctest"
)

// The trials of testdata/transcripts/double-buy.json, with the durations that were measured.
func TestServer_Checkout_Overlapping(t *testing.T) {
	for _, trial := range []struct {
		name             string
		checkouts, items int
		stagger, takes   time.Duration
		credit           int64
		licenses         int
		balance          int64
	}{
		{"two at once", 2, 1, 0, 30 * time.Millisecond, 10000, 2, 8740},
		{"five at once", 5, 1, 0, 30 * time.Millisecond, 10000, 5, 6850},
		{"second 2 ms later", 2, 1, 2 * time.Millisecond, 30 * time.Millisecond, 10000, 2, 8740},
		{"second 5 ms later", 2, 1, 5 * time.Millisecond, 30 * time.Millisecond, 10000, 2, 8740},
		{"second 10 ms later", 2, 1, 10 * time.Millisecond, 30 * time.Millisecond, 10000, 2, 8740},
		{"second 20 ms later, slow checkout", 2, 1, 20 * time.Millisecond, 30 * time.Millisecond, 10000, 2, 8740},
		{"second 20 ms later, quick checkout", 2, 1, 20 * time.Millisecond, 15 * time.Millisecond, 10000, 1, 9370},
		{
			"second 50 ms later, when the first was answered", 2, 1, 50 * time.Millisecond, 30 * time.Millisecond, 10000, 1,
			9370,
		},
		{"two at once with credit for one", 2, 1, 0, 30 * time.Millisecond, 700, 2, -560},
		{"two at once, two items", 2, 2, 0, 30 * time.Millisecond, 10000, 4, 7480},
	} {
		t.Run(trial.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := cocalctest.New(cocalctest.Config{CheckoutTakes: trial.takes})
				a := s.Add(cocalctest.NewAccount{Credit: trial.credit})
				c := &client{t, s, a, a.Key()}
				for range trial.items {
					a.AddToCart("site-license", cheap)
				}
				var all sync.WaitGroup
				for i := range trial.checkouts {
					all.Add(1)
					go func() {
						defer all.Done()
						time.Sleep(time.Duration(i) * trial.stagger)
						c.want(checkout, "{}", success)
					}()
				}
				all.Wait()
				c.bought(trial.licenses, trial.balance)
				if n := len(a.Subscriptions()); n != trial.licenses {
					t.Errorf("got %d subscriptions, want one for every license: %d", n, trial.licenses)
				}
				marked := 0
				for _, item := range a.Cart() {
					if item.LicenseID != "" {
						marked++
					}
				}
				if marked != trial.items {
					t.Errorf("got %d of %d cart items marked as bought, want all", marked, trial.items)
				}
				itemIDs := map[int64]int{}
				for _, p := range a.Purchases() {
					itemIDs[p.CartItemID]++
				}
				if n := itemIDs[a.Cart()[0].ID]; n != trial.licenses/trial.items {
					t.Errorf("got %d purchases that name the first cart item, want %d", n, trial.licenses/trial.items)
				}
			})
		})
	}
}

// After a double buy the account is overdrawn by more than the slack, and even an empty cart cannot be checked out.
func TestServer_Checkout_Overdraft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := cocalctest.New(cocalctest.Config{})
		a := s.Add(cocalctest.NewAccount{Credit: 700})
		c := &client{t, s, a, a.Key()}
		a.AddToCart("site-license", cheap)
		a.StartCheckout()
		c.want(checkout, "{}", success)
		s.Wait()
		c.bought(2, -560)
		if got := c.post(checkout, "{}"); !strings.Contains(got, "Insufficient credit") {
			t.Errorf("got %s from the next checkout, want insufficient credit", got)
		}
	})
}

// testdata/transcripts/race.json: an item that is removed from the cart while a checkout runs is bought nevertheless.
func TestServer_Checkout_CartChanged(t *testing.T) {
	for _, change := range []struct {
		name      string
		do        func(*cocalctest.Account, int64) bool
		remaining string
	}{
		{"unchecked", func(a *cocalctest.Account, id int64) bool { return a.SetChecked(id, false) }, "unchecked, bought"},
		{"removed", (*cocalctest.Account).Remove, "checked, removed, bought"},
		{"deleted", (*cocalctest.Account).Delete, ""},
	} {
		t.Run(change.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := newClient(t, cocalctest.Config{})
				id := c.account.AddToCart("site-license", cheap)
				c.account.StartCheckout()
				time.Sleep(6 * time.Millisecond)
				if !change.do(c.account, id) {
					t.Error("got the change refused, want it made")
				}
				c.server.Wait()
				c.bought(1, 9370)
				if got := describe(c.account.Cart()); got != change.remaining {
					t.Errorf("got the cart row %q, want %q", got, change.remaining)
				}
				if change.name == "removed" {
					c.want(get, `{"purchased":true}`, "[]")
					c.want(get, `{"removed":true}`, "[]")
					if got := c.post(get, `{"purchased":true,"removed":true}`); !strings.Contains(got, "license_id") {
						t.Errorf("got the bought and removed items %s, want the license", got)
					}
				}
			})
		})
	}
}

func describe(cart []cocalctest.CartItem) string {
	var words []string
	for _, item := range cart {
		words = append(words, map[bool]string{true: "checked", false: "unchecked"}[item.Checked])
		if !item.Removed.IsZero() {
			words = append(words, "removed")
		}
		if item.LicenseID != "" {
			words = append(words, "bought")
		}
	}
	return strings.Join(words, ", ")
}

// testdata/transcripts/disconnect.json: a checkout whose caller disconnected continues.
func TestServer_Checkout_Disconnected(t *testing.T) {
	for _, ms := range []int{1, 2, 5, 10, 20} {
		t.Run(fmt.Sprint(ms, " ms"), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := newClient(t, cocalctest.Config{})
				c.account.AddToCart("site-license", cheap)
				ctx, cancel := context.WithTimeout(context.Background(), time.Duration(ms)*time.Millisecond)
				defer cancel()
				if _, _, err := c.send(ctx, checkout, "{}"); !errors.Is(err, context.DeadlineExceeded) {
					t.Fatalf("got %v, want context.DeadlineExceeded", err)
				}
				c.bought(0, 10000)
				time.Sleep(400 * time.Millisecond)
				c.bought(1, 9370)
			})
		})
	}
}

func TestServer_Checkout_Retried(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newClient(t, cocalctest.Config{})
		c.account.AddToCart("site-license", cheap)
		ctx, cancel := context.WithTimeout(context.Background(), 3*time.Millisecond)
		defer cancel()
		_, _, _ = c.send(ctx, checkout, "{}")
		c.want(checkout, "{}", success)
		c.bought(2, 8740)
	})
}

func TestServer_ServeHTTP_IncompleteRequest(t *testing.T) {
	c := newClient(t, cocalctest.Config{})
	address := strings.TrimPrefix(c.server.Start(t), "http://")
	c.account.AddToCart("site-license", cheap)
	connection, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(connection, "POST /api/v2/%s HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nContent-Type: "+
		"application/json\r\nContent-Length: 20\r\n\r\n{\"half\":", checkout, c.key)
	for c.server.Count(checkout) == 0 { // the request has arrived
		time.Sleep(time.Millisecond)
	}
	connection.Close()
	c.server.Wait()
	c.bought(0, 10000)
}
