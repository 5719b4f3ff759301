package purchase_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"licensebot/cocalc"
	"licensebot/cocalc/cocalctest"
	"licensebot/purchase"
)

const paramsPath = "purchases/get-shopping-cart-checkout-params"

func fixedTerm(length time.Duration) purchase.Spec {
	sp := spec()
	sp.Period, sp.End = cocalc.PeriodRange, time.Now().Add(length)
	return sp
}

// A fixed term that waits in the cart begins later with every look at it. That is nobody's doing, and it costs less.
func TestAFixedTermWaitsInTheCart(t *testing.T) {
	wait := func(t *testing.T, length, stopped time.Duration, ends purchase.State) purchase.Order {
		var o purchase.Order
		inShop(t, 20000, func(s *shop) {
			<-time.After(time.Minute) // it is known that the server sells licenses
			s.server.Inject(cocalctest.Fault{Endpoint: paramsPath, Effect: cocalctest.Fail, Times: 1000})
			o = s.propose(fixedTerm(length))
			if err := s.confirm(o.ID); err != nil {
				t.Fatal(err)
			}
			s.until(o.ID, purchase.Carted)
			s.close()
			<-time.After(stopped)
			s.server.ClearFaults()
			s.open()
			o = s.until(o.ID, ends)
			s.cart()
		})
		return o
	}
	t.Run("over an hour's stop", func(t *testing.T) {
		o := wait(t, 30*24*time.Hour, time.Hour, purchase.Purchased)
		if o.Receipt.Charged >= o.Price || o.Receipt.Expires.Sub(o.Spec.End).Abs() > time.Second {
			t.Errorf("shown %s until %s, receipt %+v", o.Price, o.Spec.End, o.Receipt)
		}
	})
	t.Run("until it is over", func(t *testing.T) {
		if o := wait(t, 3*time.Hour, 150*time.Minute, purchase.Failed); o.Failure.Code != purchase.FailTermOver {
			t.Errorf("it says %+v", o.Failure)
		}
	})
}

// While buying is paused every waiting card says so; afterwards all are bought, and a hiccup of CoCalc gets patience.
func TestOrdersWaitForTheEndOfAPause(t *testing.T) {
	inShop(t, 30000, func(s *shop) {
		ctx := context.Background()
		<-time.After(time.Minute) // it is known whose the key is
		s.fault("outage")
		first, second := s.buy(), s.buy()
		if err := s.desk.SetPaused(ctx, byAdmin, true, "a look"); err != nil {
			t.Fatal(err)
		}
		<-time.After(time.Minute)
		before := s.server.Count("shopping/cart/get")
		<-time.After(time.Hour)
		if n := s.server.Count("shopping/cart/get") - before; n > 0 {
			t.Errorf("the cart was asked for %d times while nothing may be bought", n)
		}
		for _, id := range []purchase.OrderID{first, second} {
			if o := s.order(id); o.State != purchase.Approved || o.Blocked == nil || o.Blocked.Code != purchase.WaitsForResume {
				t.Errorf("order %s: %+v", o.State, o.Blocked)
			}
		}
		if err := s.desk.SetPaused(ctx, byAdmin, false, "all is well"); err != nil {
			t.Fatal(err)
		}
		<-time.After(20 * time.Second)
		if o := s.order(second); o.Blocked != nil && o.Blocked.Code == purchase.WaitsForResume {
			t.Errorf("buying goes on, and the card says %q", o.Blocked.Cause)
		}
		s.server.SwitchOff("outage")
		s.until(first, purchase.Purchased)
		s.until(second, purchase.Purchased)
		s.check(2, 2*6375, 0)
	})
}

// A pause that comes while the buyer looks at the cart for an order keeps it from being begun: it waits for the end of
// the pause, the cart is as it was meanwhile, and then it is bought.
func TestAPauseWhileTheCartIsLookedAt(t *testing.T) {
	ctx := context.Background()
	for at, request := range map[string]int{ // the looks at the cart, and at what was bought from it, are two requests
		"at the first look":                    1,
		"at the look before the order's begin": 4, // when the stranger's item is parked already
	} {
		t.Run(at, func(t *testing.T) {
			m := &meddler{}
			inShop(t, 20000, func(s *shop) {
				strangersItem(s)
				looks := 0
				m.meddle(func(r string) {
					if r != "cart" {
						return
					}
					if looks++; looks == request {
						if err := s.desk.SetPaused(ctx, byAdmin, true, "a look"); err != nil {
							t.Error(err)
						}
					}
				})
				id := s.buy()
				<-time.After(time.Hour)
				if o := s.order(id); o.State != purchase.Approved || o.Blocked == nil ||
					o.Blocked.Code != purchase.WaitsForResume ||
					len(o.HeldItems) > 0 {
					t.Errorf("the order is %s, says %+v, and has parked %v", o.State, o.Blocked, o.HeldItems)
				}
				if items := s.cart(); len(items) != 1 || !items[0].Checked {
					t.Errorf("the cart is not as it was: %+v", items)
				}
				if err := s.desk.SetPaused(ctx, byAdmin, false, "all is well"); err != nil {
					t.Fatal(err)
				}
				s.until(id, purchase.Purchased)
				s.check(1, 6375, 0)
			}, m.with)
		})
	}
}

// Other people's cards expire on time while an order waits, and being woken does not make it ask CoCalc before its
// time.
func TestAWaitingOrderIsLeftAlone(t *testing.T) {
	inShop(t, 20000, func(s *shop) {
		card := s.propose(spec())
		<-time.After(25 * time.Minute)
		s.server.Inject(cocalctest.Fault{
			Endpoint: "shopping/cart/add", Effect: cocalctest.ThrottleNow, Wait: 9 * time.Minute,
			Times: 2,
		})
		id := s.buy()
		<-time.After(time.Second)
		before := s.server.Count("")
		for range 50 {
			if err := s.desk.SetPaused(context.Background(), byAdmin, false, "wakes the buyer"); err == nil {
				t.Fatal("buying was paused")
			}
			<-time.After(time.Second)
		}
		if n := s.server.Count("") - before; n > 0 {
			t.Errorf("woken 50 times, it made %d requests before its time", n)
		}
		<-time.After(4*time.Minute + 30*time.Second)
		if o := s.order(card.ID); o.State != purchase.Expired {
			t.Errorf("after 30 minutes the card is %s", o.State)
		}
		s.until(id, purchase.Purchased)
	})
}

// Somebody else's checkout has begun when a moved price makes us take our item out: CoCalc sells it all the same.
func TestAFailedOrderThatWasBoughtAfterAll(t *testing.T) {
	inShop(t, 20000, func(s *shop) {
		s.server.Inject(cocalctest.Fault{Endpoint: paramsPath, Effect: cocalctest.PriceMoved, Percent: 110})
		s.server.SetCheckoutTakes(30 * time.Second)
		s.server.Inject(cocalctest.Fault{
			Endpoint: "shopping/cart/remove", Effect: cocalctest.Call, Times: 1,
			Do: func(a *cocalctest.Account) { a.StartCheckout() },
		})
		id := s.buy()
		s.until(id, purchase.Failed)
		o := s.until(id, purchase.Purchased)
		if !o.Receipt.Adopted || o.Message(purchase.MessageNote) == nil {
			t.Errorf("receipt %+v, messages %+v", o.Receipt, o.Messages)
		}
		<-time.After(time.Hour)
		s.check(1, o.Receipt.Charged, 0)
	})
}

// Another checkout of the same cart commits minutes after ours was proven and counted.
func TestADoubleBuyThatCommitsLate(t *testing.T) {
	inShop(t, 20000, func(s *shop) {
		s.fault("double-checkout")
		s.server.SetCheckoutTakes(3*time.Minute, 40*time.Millisecond)
		id := s.buy()
		s.until(id, purchase.Purchased)
		<-time.After(30 * time.Minute)
		if o := s.order(id); len(o.Receipt.Duplicates) != 1 || o.Open() {
			t.Errorf("receipt %+v", o.Receipt)
		}
		s.check(2, 2*6375, 0)
		if _, err := s.desk.Propose(context.Background(), purchase.Request{
			Requester: alice, Channel: math,
			Spec: spec(),
		}); err ==
			nil {
			t.Error("buying goes on")
		}
	})
}

// The list of purchases cannot be read for a quarter of an hour: the order itself is proven, and others go on.
func TestAnUncountedPurchaseHoldsNobodyUp(t *testing.T) {
	inShop(t, 20000, func(s *shop) {
		outage := s.server.Inject(cocalctest.Fault{Endpoint: "purchases/get-purchases", Effect: cocalctest.Fail})
		first, second := s.buy(), s.buy()
		<-time.After(time.Minute)
		for _, id := range []purchase.OrderID{first, second} {
			if o := s.order(id); o.State != purchase.Purchased || !o.Receipt.Unchecked {
				t.Errorf("%s: %+v", o.State, o.Receipt)
			}
		}
		outage.Clear()
		<-time.After(time.Hour)
		if o := s.order(first); o.Receipt.PurchaseID == 0 || o.Open() {
			t.Errorf("receipt %+v", o.Receipt)
		}
		s.check(2, 2*6375, 0)
	})
}

// What was charged differs from what was known when the purchase was entered: the log is corrected by an entry.
func TestAPurchaseThatCostSomethingElse(t *testing.T) {
	inShop(t, 20000, func(s *shop) {
		purchases := s.server.Inject(cocalctest.Fault{Endpoint: "purchases/get-purchases", Effect: cocalctest.Fail})
		s.server.Inject(cocalctest.Fault{
			Endpoint: "purchases/shopping-cart-checkout", Effect: cocalctest.PriceMoved,
			Percent: 80,
		})
		id := s.buy()
		s.until(id, purchase.Purchased)
		purchases.Clear()
		<-time.After(time.Hour)
		o := s.order(id)
		if o.Receipt.Charged != 5100 {
			t.Errorf("the receipt says %s", o.Receipt.Charged)
		}
		s.check(1, 5100, 0)
	})
}

// A clock that ran ahead and is set back does not hold an order for as long.
func TestTheClockIsSetBack(t *testing.T) {
	var mu sync.Mutex
	ahead := 100 * time.Hour
	inShop(t, 20000, func(s *shop) {
		s.fault("server-error")
		unknown := s.buy()
		s.until(unknown, purchase.Unknown)
		mu.Lock()
		ahead = 0
		mu.Unlock()
		s.restart()
		s.until(unknown, purchase.Failed)
		s.check(0, 0, 0)
	}, func(s *shop) {
		s.now = func() time.Time { mu.Lock(); defer mu.Unlock(); return time.Now().Add(ahead) }
	})
}

// The disk is full for a while, in the middle of everything.
func TestAFullDisk(t *testing.T) {
	full := &fullDisk{}
	inShop(t, 20000, func(s *shop) {
		o := s.propose(spec())
		full.set(3) // the confirmation and two steps of the buyer still fit
		if err := s.confirm(o.ID); err != nil {
			t.Fatal(err)
		}
		<-time.After(5 * time.Minute)
		before := s.server.Count("")
		<-time.After(5 * time.Minute)
		if n := s.server.Count("") - before; n > 40 {
			t.Errorf("%d requests in five minutes", n)
		}
		full.set(-1)
		<-time.After(time.Hour)
		s.ends(o.ID)
	}, func(s *shop) {
		full.set(-1)
		s.wrap = func(l purchase.Ledger, shop purchase.Shop) (purchase.Ledger, purchase.Shop) {
			full.Ledger = l
			return full, shop
		}
	})
}

type fullDisk struct {
	purchase.Ledger
	mu   sync.Mutex
	left int // updates that still fit; negative: any number
}

func (f *fullDisk) set(left int) { f.mu.Lock(); defer f.mu.Unlock(); f.left = left }

func (f *fullDisk) Update(ctx context.Context, change func(purchase.Writer) error) error {
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
