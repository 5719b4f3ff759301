package purchase_test

import (
	"context"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"licensebot/cocalc/cocalctest"
	"licensebot/purchase"
)

// visits notes the hosts to which requests go.
type visits struct {
	http.RoundTripper
	mu   sync.Mutex
	seen map[string]bool
}

func (v *visits) RoundTrip(r *http.Request) (*http.Response, error) {
	v.mu.Lock()
	v.seen[r.URL.Host] = true
	v.mu.Unlock()
	return v.RoundTripper.RoundTrip(r)
}

// A server that sells no licenses, from the start on or in the middle of a purchase, gets only requests that read; and
// the host of a redirect gets none.
func TestAServerWithoutLicensesIsOnlyRead(t *testing.T) {
	reads := []string{
		"purchases/get-shopping-cart-checkout-params", "shopping/cart/get", "licenses/get-managed", "licenses/get-license",
		"user-query",
		"accounts/profile", "purchases/get-membership-tiers", "purchases/get-purchases", "purchases/get-subscriptions",
	}
	for _, generation := range []cocalctest.Generation{cocalctest.Successor, cocalctest.Moved} {
		t.Run(cocalctest.Preset(generation), func(t *testing.T) {
			hosts := visits{seen: map[string]bool{}}
			inShop(t, 40000, func(s *shop) {
				ctx := context.Background()
				wrong := func(when string) {
					t.Helper()
					for endpoint, n := range s.server.Counts() {
						if !slices.Contains(reads, endpoint) {
							t.Errorf("%s it got %d requests to %s", when, n, endpoint)
						}
					}
				}
				s.server.ForgetRequests()
				waiting, unknown := s.waits(cocalctest.Fault{Endpoint: "nothing"}), purchase.OrderID("")
				s.until(waiting, purchase.Purchased)
				unknown = s.unknown(cocalctest.Fault{Name: "gone", Effect: map[cocalctest.Generation]cocalctest.Effect{
					cocalctest.Successor: cocalctest.SuccessorServer, cocalctest.Moved: cocalctest.MovedServer,
				}[generation]}, cocalctest.After)
				s.server.ForgetRequests()
				for range 3 { // people try everything, for hours
					_, _ = s.desk.Propose(ctx, purchase.Request{Requester: alice, Channel: math, Spec: spec()})
					_, _ = s.desk.Account.Licenses(ctx)
					_, _ = s.desk.Account.Renewals(ctx)
					_, _ = s.desk.History(ctx, 1, 10)
					<-time.After(50 * time.Minute)
				}
				s.restart()
				<-time.After(50 * time.Minute)
				wrong("in the middle of a purchase")
				if o := s.order(unknown); o.State != purchase.Unknown {
					t.Errorf("the order is %s", o.State)
				}
				for host := range hosts.seen {
					if host != "cocalc.test" {
						t.Errorf("%s got a request", host)
					}
				}
			}, func(s *shop) {
				s.transport = func(t http.RoundTripper) http.RoundTripper { hosts.RoundTripper = t; return &hosts }
			})
		})
	}
}
