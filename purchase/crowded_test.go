package purchase_test

import (
	"context"
	"errors"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"licensebot/purchase/orders"

	"licensebot/cocalc"
	"licensebot/cocalc/cocalctest"
	"licensebot/purchase"
	"licensebot/purchase/register"
	"licensebot/storage"
)

// shifting is a CoCalc whose list of purchases grows between two pages: the last of the first page is the first of the
// second.
type shifting struct {
	purchase.Shop
	bought time.Time
}

func (s shifting) Purchases(ctx context.Context, f cocalc.PurchaseFilter) ([]cocalc.PurchaseRow, error) {
	var rows []cocalc.PurchaseRow
	for id := int64(600); id > 0; id-- {
		rows = append(rows, cocalc.PurchaseRow{ID: id, Time: s.bought, Cost: 100, LicenseID: "license", CartItemID: 5})
	}
	if f.Offset > 0 {
		return rows[f.Offset-1:], nil
	}
	return rows[:f.Limit], nil
}

// A purchase that is on two pages of the list, since it grew meanwhile, is one purchase.
func TestAPurchaseOnTwoPages(t *testing.T) {
	inShop(t, 40000, func(s *shop) {
		<-time.After(time.Minute)
		seen := map[int64]int{}
		for _, stranger := range s.state().UnrecognizedPurchases {
			seen[stranger.PurchaseID]++
		}
		if len(seen) != 600 || len(s.events("foreign-purchase")) != 600 {
			t.Errorf("%d purchases were reported %d times", len(seen), len(s.events("foreign-purchase")))
		}
	}, func(s *shop) {
		s.wrap = func(l purchase.Ledger, shop purchase.Shop) (purchase.Ledger, purchase.Shop) {
			return l, shifting{shop, time.Now().Add(time.Second)}
		}
	})
}

// An order's purchases are counted also when the account buys a hundred others meanwhile.
func TestCountingOnABusyAccount(t *testing.T) {
	inShop(t, 900_000, func(s *shop) {
		id := s.buy()
		s.until(id, purchase.Purchased)
		<-time.After(time.Minute)
		for range 110 {
			s.account.AddToCart("site-license", string(s.description()))
		}
		if err := s.account.Checkout(); err != nil {
			t.Fatal(err)
		}
		<-time.After(2 * time.Hour)
		if e, o := s.events("uncounted"), s.order(id); len(e) > 0 || o.Open() {
			t.Errorf("%+v, open: %v", e, o.Open())
		}
	})
}

// pausing is a ledger to which an admin's pause comes just before the buyer writes that it checks out.
type pausing struct {
	purchase.Ledger
	paused *atomic.Bool
}

func (p pausing) Update(ctx context.Context, change func(purchase.Writer) error) error {
	err := p.Ledger.Update(ctx, func(w purchase.Writer) error {
		open, err := w.Queue()
		if err != nil || p.paused.Load() || !slices.ContainsFunc(open, func(q purchase.QueueEntry) bool {
			return q.State == purchase.Carted
		}) {
			return err
		}
		p.paused.Store(true)
		account, err := w.Account()
		if err != nil {
			return err
		}
		account.Pause = &purchase.Pause{
			Since: time.Now(), By: dana.ID, Name: "dana",
			Incidents: []purchase.Incident{
				{Cause: purchase.Cause{Code: purchase.IncidentSaid, Args: purchase.Args{"reason": "stop"}}, By: dana.ID},
			},
		}
		if err := w.PutAccount(account); err != nil {
			return err
		}
		return w.AppendEvent(purchase.Event{Time: time.Now(), Kind: "paused", By: dana.ID})
	})
	if err != nil {
		return err
	}
	return p.Ledger.Update(ctx, change)
}

// Once a pause is in the ledger no checkout is sent, however close they were.
func TestAPauseInTheLastInstant(t *testing.T) {
	paused := new(atomic.Bool)
	inShop(t, 20000, func(s *shop) {
		id := s.buy()
		o := s.until(id, purchase.Purchased, purchase.Failed)
		if n := s.server.Count(checkoutPath); n != 0 || o.State != purchase.Failed || !paused.Load() {
			t.Errorf("checkout was sent %d times, and the order is %s", n, o.State)
		}
		<-time.After(time.Hour)
		s.check(0, 0, 0)
	}, func(s *shop) {
		s.wrap = func(l purchase.Ledger, shop purchase.Shop) (purchase.Ledger, purchase.Shop) {
			return pausing{l, paused}, shop
		}
	})
}

// On a server of the older kind too, a lost checkout holds others up when somebody else's has bought its item
// meanwhile.
func TestALostCheckoutOnAnOlderServer(t *testing.T) {
	inShop(t, 0, func(s *shop) {
		const checkout = "shopping/cart/checkout"
		s.server.Inject(cocalctest.Fault{
			Endpoint: checkout, Effect: cocalctest.Call, Times: 1,
			Do: func(a *cocalctest.Account) { a.StartCheckout() },
		})
		s.server.Inject(cocalctest.Fault{Endpoint: checkout, Effect: cocalctest.ActLate, Wait: 3 * time.Minute, Times: 1})
		first := s.buy()
		sent := s.until(first, purchase.Purchased).CheckoutSent
		second := s.buy()
		<-time.After(time.Minute)
		if o := s.order(second); o.State != purchase.Approved || sent.IsZero() {
			t.Errorf("the second order is %s", o.State)
		}
		s.until(second, purchase.Purchased)
		<-time.After(time.Hour)
		if e, o := s.events("uncounted"), s.order(first); len(e) > 0 || o.Open() {
			t.Errorf("%+v, open: %v", e, o.Open())
		}
		if n := len(s.account.Licenses()); n != 2 {
			t.Errorf("%d licenses", n)
		}
	}, func(s *shop) { s.server = cocalctest.New(cocalctest.Config{Seed: 1, Generation: cocalctest.Older}) })
}

// An order that is bought after it had failed is one of its requester's day again.
func TestALatePurchaseCountsInItsDay(t *testing.T) {
	inShop(t, 20000, func(s *shop) {
		o := s.lostAndLate(5 * time.Minute)
		if err := s.settle(o.ID, orders.Decision{
			Kind: orders.Resolve, Verdict: purchase.WasNotBought,
			Reason: "a guess",
		}); err != nil {
			t.Fatal(err)
		}
		s.until(o.ID, purchase.Purchased)
		err := s.ledger.View(context.Background(), func(r purchase.Reader) error {
			b, err := r.Budget(o.Month)
			if days := b.People[alice.ID].Days; len(days) != 1 || days["2000-01-01"] != 1 {
				t.Errorf("days %v", days)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	})
}

// accusing says of the order's own item that it breaks the cart.
type accusing struct {
	purchase.Shop
	at *atomic.Int64
}

func (a accusing) FindBrokenItem(ctx context.Context) (cocalc.CartItem, error) {
	return a.Shop.CartItem(ctx, a.at.Load())
}

// Somebody edited our own item so that it breaks the cart. It is ours to take out: nobody is told that it is not mine.
func TestOurOwnItemBreaksTheCart(t *testing.T) {
	at := new(atomic.Int64)
	inShop(t, 20000, func(s *shop) {
		s.server.Inject(cocalctest.Fault{Endpoint: paramsPath, Effect: cocalctest.Refuse, Text: "bug cost must not be null"})
		at.Store(1)
		id := s.buy()
		o := s.until(id, purchase.Failed)
		if e := s.events("broken-item"); len(e) > 0 || o.ItemID != 1 {
			t.Errorf("item %d of ours: %+v", o.ItemID, e)
		}
		<-time.After(time.Hour)
		s.check(0, 0, 0)
	}, func(s *shop) {
		s.wrap = func(l purchase.Ledger, shop purchase.Shop) (purchase.Ledger, purchase.Shop) {
			return l, accusing{shop, at}
		}
	})
}

// A checkout that was sent before an older copy of the ledger was restored may still be at work, and the copy does not
// know of it. It buys whatever is checked, so no order is taken until it is certainly over, although CoCalc could be
// compared at once.
func TestARestoreWaitsForCheckoutsThatItDoesNotKnow(t *testing.T) {
	ctx := context.Background()
	inShop(t, 40000, func(s *shop) {
		s.propose(spec()) // so that the ledger is not empty
		s.close()
		if err := s.restored(); err != nil {
			t.Fatal(err)
		}
		s.open()
		<-time.After(9 * time.Minute)
		_, err := s.desk.Propose(ctx, purchase.Request{Requester: alice, Channel: math, Spec: spec()})
		s.refusedAs(err, purchase.Restoring)
		<-time.After(2 * time.Minute)
		s.until(s.buy(), purchase.Purchased)
	})
}

// restored makes the ledger's file an older copy.
func (s *shop) restored() error {
	ledger, err := storage.Open(s.path)
	if err != nil {
		return err
	}
	err = ledger.Update(context.Background(), func(w purchase.Writer) error {
		return register.AfterRestore(w, time.Now(), "UDANA", s.timing.Settle)
	})
	return errors.Join(err, ledger.Close())
}

// What was under way in a restored copy is watched for as long as the bot was told to give CoCalc, so that an item that
// is added late is taken out, however long that is.
func TestARestoredOrderIsWatchedAsLongAsTheBotWasTold(t *testing.T) {
	inShop(t, 20000, func(s *shop) {
		id, old := s.copyAt(purchase.Approved, false)
		s.close()
		s.path = old
		if err := s.restored(); err != nil {
			t.Fatal(err)
		}
		s.open()
		s.server.ClearFaults()
		<-time.After(50 * time.Minute)
		sp := spec()
		sp.Description = id.Tag()
		s.account.AddToCart("site-license", string(sp.CartDescription(time.Now()))) // the add of the bot from before was slow
		<-time.After(3 * time.Hour)
		if items := s.cart(); len(items) > 0 {
			t.Errorf("the cart holds %+v", items)
		}
	}, func(s *shop) { s.timing.Settle = time.Hour })
}
