package purchase_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"licensebot/purchase/orders"

	"licensebot/cocalc/cocalctest"
	"licensebot/purchase"
)

// carted stops the program when an order's item is in the cart and not paid.
func (s *shop) carted() purchase.OrderID {
	s.t.Helper()
	<-time.After(time.Minute) // it is known that the server sells licenses
	s.server.Inject(cocalctest.Fault{Endpoint: paramsPath, Effect: cocalctest.Fail, Times: 1000})
	id := s.buy()
	s.until(id, purchase.Carted)
	s.close()
	s.server.ClearFaults()
	return id
}

// Whatever led there: for an order that says that checkout was sent, it is never sent.
func TestCheckoutIsNeverSentTwice(t *testing.T) {
	inShop(t, 20000, func(s *shop) {
		id := s.carted()
		s.unchecked = true // the books are made wrong here
		s.amend(id, func(o *purchase.Order) { o.CheckoutSent = time.Now() })
		s.open()
		<-time.After(time.Hour)
		if n := s.server.Count(checkoutPath); n != 0 {
			t.Errorf("checkout was sent %d times more", n)
		}
	})
}

// amend writes to the ledger of a stopped program.
func (s *shop) amend(id purchase.OrderID, change func(*purchase.Order)) {
	s.t.Helper()
	ctx := context.Background()
	ledger := s.reopened()
	err := ledger.Update(ctx, func(w purchase.Writer) error {
		o, err := w.Order(id)
		if err != nil {
			return err
		}
		change(&o)
		return w.PutOrder(o)
	})
	if err != nil {
		s.t.Fatal(err)
	}
	if err := ledger.Close(); err != nil {
		s.t.Fatal(err)
	}
}

// An item with the order's tag that is in the cart already is gone on with: nothing is added beside it.
func TestAnAddThatIsAlreadyThere(t *testing.T) {
	inShop(t, 20000, func(s *shop) {
		s.fault("outage")
		id := s.buy()
		<-time.After(10 * time.Second)
		s.close()
		s.server.ClearFaults()
		sp := spec()
		sp.Description = id.Tag()
		s.account.AddToCart("site-license", string(sp.CartDescription(time.Now())))
		before := s.server.Count("shopping/cart/add")
		s.open()
		s.until(id, purchase.Purchased)
		if n := s.server.Count("shopping/cart/add") - before; n != 0 {
			t.Errorf("it was added %d times more", n)
		}
		s.check(1, 6375, 0)
	})
}

// Approvers agreed to what was on their card. When the price has risen since, the requester is asked again, and then
// they.
func TestAPriceThatRoseWhileApproversWereAsked(t *testing.T) {
	inShop(t, 20000, func(s *shop) {
		id := s.buy()
		s.close()
		s.unchecked = true
		s.amend(id, func(o *purchase.Order) { o.Price = 6000 })
		s.open()
		if err := s.approve(id, erin); err != nil {
			t.Fatal(err)
		}
		o := s.order(id)
		if o.State != purchase.Failed || o.Failure.NewPrice != 6375 || o.Failure.Args["was"] != "6000" ||
			o.Failure.Args["now"] != "6375" {
			t.Fatalf("%s, %+v", o.State, o.Failure)
		}
		again, err := s.desk.Decide(context.Background(), byAlice, id, orders.Decision{Kind: orders.ConfirmNewPrice})
		if err != nil || again.State != purchase.AwaitingApproval || again.Price != 6375 {
			t.Errorf("%s at %s (%v)", again.State, again.Price, err)
		}
	}, withApprovers)
}

// That nothing is found says nothing as long as nobody knows whether the key is still good.
func TestNothingFoundWithoutAProofOfTheKey(t *testing.T) {
	inShop(t, 40000, func(s *shop) {
		strangersItem(s)
		if err := s.account.Checkout(); err != nil { // so that the list of licenses is not empty
			t.Fatal(err)
		}
		o := s.held()
		s.server.Inject(cocalctest.Fault{Endpoint: "user-query", Effect: cocalctest.KeyRevoked})
		<-time.After(2 * time.Hour)
		if got := s.order(o.ID).State; got != purchase.Unknown {
			t.Errorf("without a proof of the key the order is %s", got)
		}
		s.server.ClearFaults()
		s.until(o.ID, purchase.Failed)
	})
}

// An item that somebody makes dearer in the cart is theirs to explain: its price is not offered as CoCalc's new one.
func TestAnItemThatSomebodyEditedIsNotAPriceThatMoved(t *testing.T) {
	for _, c := range []struct {
		name, endpoint string
		when           cocalctest.Moment
		why            string
	}{
		{"as soon as it was added", "shopping/cart/add", cocalctest.After, "different"},
		{"just before it is paid", paramsPath, cocalctest.Before, "edited"},
	} {
		t.Run(c.name, func(t *testing.T) {
			inShop(t, 100000, func(s *shop) {
				<-time.After(time.Second) // after the server was asked at the same endpoint which store it has
				s.server.Inject(cocalctest.Fault{
					Endpoint: c.endpoint, When: c.when, Effect: cocalctest.Call, Times: 1,
					Do: s.makeDearer,
				})
				o := s.until(s.buy(), purchase.Purchased, purchase.Failed)
				if o.State != purchase.Failed || o.Failure.Code != purchase.FailCart || o.Failure.NewPrice != 0 ||
					o.Failure.Args["why"] != c.why {
					t.Errorf("the order is %s: %+v", o.State, o.Failure)
				}
				s.check(0, 0, 0)
			})
		})
	}
}

// makeDearer edits the newest item of the cart, as its owner can.
func (s *shop) makeDearer(a *cocalctest.Account) {
	body := fmt.Sprintf(
		`{"id":%d,"description":{"type":"quota","ram":16,"cpu":3,"disk":20,"member":true,"uptime":"day","user":"business",`+
			`"boost":false,"period":"yearly","run_limit":9,"title":"bigger","description":%q}}`, a.Cart()[0].ID,
		s.onlyOrder().Tag())
	r, err := http.NewRequest(http.MethodPost, "http://cocalc.test/api/v2/shopping/cart/edit", strings.NewReader(body))
	if err != nil {
		s.t.Error(err)
		return
	}
	r.SetBasicAuth(a.Key(), "")
	r.Header.Set("Content-Type", "application/json")
	answer, err := s.server.Transport().RoundTrip(r)
	if err != nil {
		s.t.Error(err)
		return
	}
	answer.Body.Close()
}

// onlyOrder is the one order that is open.
func (s *shop) onlyOrder() purchase.OrderID {
	s.t.Helper()
	var open []purchase.QueueEntry
	err := s.ledger.View(context.Background(), func(r purchase.Reader) (err error) {
		open, err = r.Queue()
		return err
	})
	if err != nil || len(open) != 1 {
		s.t.Fatalf("open orders: %v (%v)", open, err)
	}
	return open[0].ID
}

// What has to stay on the account cannot be looked at where CoCalc does not tell what is there: then nothing is bought.
func TestCreditThatCannotBeRead(t *testing.T) {
	inShop(t, 100000, func(s *shop) {
		o := s.until(s.buy(), purchase.Purchased, purchase.Failed)
		if o.State != purchase.Failed || o.Failure.Code != purchase.FailNoCredit || o.Failure.Args["told"] != "yes" {
			t.Errorf("it is %s: %+v", o.State, o.Failure)
		}
		if told := s.told(dana.ID, purchase.NotificationTrouble); len(told) != 1 ||
			!strings.Contains(told[0], `why="credit-unknown"`) {
			t.Errorf("the admin reads %q", told)
		}
		s.check(0, 0, 0)
	}, func(s *shop) {
		s.policy.LeastCredit = 100
		s.server = cocalctest.New(cocalctest.Config{Seed: 1, Generation: cocalctest.Older})
	})
}
