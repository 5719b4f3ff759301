package desk_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"licensebot/cocalc/cocalctest"
	"licensebot/purchase"
	"licensebot/purchase/purchasetest"
)

// An order ends with a correct ledger and an unchanged cart if any endpoint fails in any way, once or twelve times,
// before or after the server acts.
func TestDesk_Run_EveryEndpointFails(t *testing.T) {
	endpoints := []string{
		"shopping/cart/get", "shopping/cart/add", "shopping/cart/checked", "shopping/cart/remove",
		"purchases/get-shopping-cart-checkout-params", "purchases/shopping-cart-checkout", "purchases/get-purchases",
		"user-query", "licenses/get-managed",
	}
	effects := []cocalctest.Fault{
		{Effect: cocalctest.LoseAnswer, When: cocalctest.Before},
		{Effect: cocalctest.LoseAnswer, When: cocalctest.After},
		{Effect: cocalctest.Fail, Status: 500, When: cocalctest.Before},
		{Effect: cocalctest.Fail, Status: 500, When: cocalctest.After},
		{Effect: cocalctest.KeyRevoked},
		{Effect: cocalctest.ActLate, Wait: 90 * time.Second},
		{Effect: cocalctest.ThrottleNow, Wait: 40 * time.Second},
	}
	for _, endpoint := range endpoints {
		t.Run(endpoint, func(t *testing.T) {
			t.Parallel()
			for _, fault := range effects {
				if endpoint == "shopping/cart/checked" && fault.Effect == cocalctest.ActLate {
					continue // an uncheck that acts after the item was checked again is like a click by a person
				}
				for _, times := range []int{1, 12} {
					fault.Endpoint, fault.Times = endpoint, times
					t.Run(fmt.Sprint(fault.Effect, " ", fault.When, " ", times), func(t *testing.T) {
						purchasetest.Run(t, 20000, func(env *purchasetest.Env) {
							purchasetest.AddForeignItem(env)
							env.Server.Inject(fault)
							id := env.Buy()
							<-time.After(time.Hour)
							env.Server.ClearFaults()
							env.CheckEnded(id)
							if items := env.Cart(); len(items) != 1 || !items[0].Checked {
								t.Errorf("cart: got %s, want one checked item", purchasetest.FormatCart(items...))
							}
						})
					})
				}
			}
		})
	}
}

// Each named fault of CoCalc leads to one end: the state of the order and its failure, the ledger, and the cart.
func TestDesk_Run_EveryFault(t *testing.T) {
	cases := []struct {
		fault    string
		ends     purchase.State
		licenses int
		spent    purchase.Cents
		code     purchase.FailureCode // if it failed
		args     string               // in the arguments of the failure
	}{
		{"lost-answer", purchase.Purchased, 1, 6375, "", ""},
		{"late-checkout", purchase.Purchased, 1, 6375, "", ""},
		{"server-error", purchase.Failed, 0, 0, purchase.FailSettled, `(answer-lost)`},
		{"error-after-buying", purchase.Purchased, 1, 6375, "", ""},
		{"refused", purchase.Failed, 0, 0, purchase.FailRefused, `told="yes"`},
		{"throttled", purchase.Purchased, 1, 6375, "", ""},
		{"lost-add", purchase.Purchased, 1, 6375, "", ""},
		{"cart-stranger", purchase.Purchased, 1, 6375, "", ""},
		{"price-moved", purchase.Failed, 0, 0, purchase.FailPriceMoved, `now="7013" was="6375"`},
		{"no-credit", purchase.Failed, 0, 0, purchase.FailNoCredit, `missing="6375"`},
		{"key-revoked", purchase.Failed, 0, 0, purchase.FailKey, `told="yes"`},
		{"outage", purchase.Failed, 0, 0, purchase.FailKey, ""},
		{"slow", purchase.Purchased, 1, 6375, "", ""},
	}
	for _, c := range cases {
		t.Run(c.fault, func(t *testing.T) {
			purchasetest.Run(t, 10000, func(env *purchasetest.Env) {
				env.SwitchOn(c.fault)
				id := env.Buy()
				o := env.Until(id, purchase.Purchased, purchase.Failed)
				env.Server.SwitchOff(c.fault)
				if o.State != c.ends {
					t.Fatalf("state: got %s (failure %+v), want %s", o.State, o.Failure, c.ends)
				}
				if c.code != "" && (o.Failure.Code != c.code || !strings.Contains(o.Failure.String(), c.args)) {
					t.Errorf("failure: got %s, want %s %s", o.Failure, c.code, c.args)
				}
				env.Check(c.licenses, c.spent, 0)
				if c.fault == "cart-stranger" {
					items := env.Cart()
					if len(items) != 1 || !items[0].Checked {
						t.Errorf("cart: got %s, want one checked item", purchasetest.FormatCart(items...))
					}
				}
			})
		})
	}
}

// An order ends correctly after the disk was full during its purchase, and the bot sends few requests meanwhile.
func TestDesk_Run_DiskFull(t *testing.T) {
	full := &fillingLedger{}
	purchasetest.Run(t, 20000, func(env *purchasetest.Env) {
		o := env.Propose(purchasetest.Spec())
		full.set(3) // the confirmation and two steps of the worker still fit
		if err := env.Confirm(o.ID); err != nil {
			t.Fatal(err)
		}
		<-time.After(5 * time.Minute)
		before := env.Server.Count("")
		<-time.After(5 * time.Minute)
		if n := env.Server.Count("") - before; n > 40 {
			t.Errorf("requests in five minutes: got %d, want at most 40", n)
		}
		full.set(-1)
		<-time.After(time.Hour)
		env.CheckEnded(o.ID)
	}, func(env *purchasetest.Env) {
		full.set(-1)
		env.Wrap = func(l purchase.Ledger, shop purchase.Shop) (purchase.Ledger, purchase.Shop) {
			full.Ledger = l
			return full, shop
		}
	})
}

// A server that stops selling licenses in the middle of a purchase gets only requests that read, and the host of a
// redirect gets none.
func TestDesk_Run_ServerWithoutLicenses(t *testing.T) {
	reads := []string{
		"purchases/get-shopping-cart-checkout-params", "shopping/cart/get", "licenses/get-managed", "licenses/get-license",
		"user-query",
		"accounts/profile", "purchases/get-membership-tiers", "purchases/get-purchases", "purchases/get-subscriptions",
	}
	for _, generation := range []cocalctest.Generation{cocalctest.Successor, cocalctest.Moved} {
		t.Run(cocalctest.Preset(generation), func(t *testing.T) {
			hosts := hostRecorder{seen: map[string]bool{}}
			purchasetest.Run(t, 40000, func(env *purchasetest.Env) {
				ctx := context.Background()
				checkReads := func(when string) {
					t.Helper()
					for endpoint, n := range env.Server.Counts() {
						if !slices.Contains(reads, endpoint) {
							t.Errorf("%s: got %d requests to %s, want only reads", when, n, endpoint)
						}
					}
				}
				env.Server.ForgetRequests()
				waiting, unknown := env.ConfirmWithFault(cocalctest.Fault{Endpoint: "nothing"}), purchase.OrderID("")
				env.Until(waiting, purchase.Purchased)
				unknown = env.BuyUnknownWithFault(cocalctest.Fault{
					Name: "gone",
					Effect: map[cocalctest.Generation]cocalctest.Effect{
						cocalctest.Successor: cocalctest.SuccessorServer, cocalctest.Moved: cocalctest.MovedServer,
					}[generation],
				}, cocalctest.After)
				env.Server.ForgetRequests()
				for range 3 { // people try all commands, for hours
					_, _ = env.Desk.Propose(ctx, purchase.Request{
						Requester: purchasetest.Alice, Channel: purchasetest.MathChannel,
						Spec: purchasetest.Spec(),
					})
					_, _ = env.Desk.Account.Licenses(ctx)
					_, _ = env.Desk.Account.Renewals(ctx)
					_, _ = env.Desk.History(ctx, 1, 10)
					<-time.After(50 * time.Minute)
				}
				env.Restart()
				<-time.After(50 * time.Minute)
				checkReads("in the middle of a purchase")
				if o := env.Order(unknown); o.State != purchase.Unknown {
					t.Errorf("state: got %s, want %s", o.State, purchase.Unknown)
				}
				for host := range hosts.seen {
					if host != "cocalc.test" {
						t.Errorf("host of a request: got %s, want cocalc.test", host)
					}
				}
			}, func(env *purchasetest.Env) {
				env.Transport = func(t http.RoundTripper) http.RoundTripper { hosts.RoundTripper = t; return &hosts }
			})
		})
	}
}

// fillingLedger is a ledger whose disk is full after a number of updates.
type fillingLedger struct {
	purchase.Ledger
	mu   sync.Mutex
	left int // updates that still fit; negative: any number
}

func (f *fillingLedger) set(left int) { f.mu.Lock(); defer f.mu.Unlock(); f.left = left }

func (f *fillingLedger) Update(ctx context.Context, change func(purchase.Writer) error) error {
	f.mu.Lock()
	fits := f.left != 0
	if f.left > 0 {
		f.left--
	}
	f.mu.Unlock()
	if !fits {
		return errors.New("no space left on device")
	}
	return f.Ledger.Update(ctx, change)
}

// hostRecorder is a transport that records the hosts of requests.
type hostRecorder struct {
	http.RoundTripper
	mu   sync.Mutex
	seen map[string]bool
}

func (h *hostRecorder) RoundTrip(r *http.Request) (*http.Response, error) {
	h.mu.Lock()
	h.seen[r.URL.Host] = true
	h.mu.Unlock()
	return h.RoundTripper.RoundTrip(r)
}
