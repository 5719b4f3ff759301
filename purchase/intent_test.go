package purchase_test

import (
	"context"
	"slices"
	"testing"

	"licensebot/purchase"
)

// witness looks into the ledger in the moment in which a request goes out.
type witness struct {
	*meddler
	unchecking func(item int64)
}

func (w witness) SetChecked(ctx context.Context, id int64, checked bool) (bool, error) {
	if !checked {
		w.unchecking(id)
	}
	return w.Shop.SetChecked(ctx, id, checked)
}

// Whatever changes something at CoCalc is in the ledger before it is sent: that an item is added, that others' items
// are unchecked, that checkout is sent.
func TestWhatIsAboutToBeSentIsWrittenBefore(t *testing.T) {
	sent := map[string]int{}
	var order func() purchase.Order
	m := &meddler{before: func(request string) {
		if request != "add" && request != "checkout" {
			return
		}
		sent[request]++
		o := order()
		if request == "add" && (o.State != purchase.Adding || o.AddSent.IsZero() || len(o.Sent) == 0) {
			t.Errorf("it is added, and the ledger has it %s, sent %s", o.State, o.AddSent)
		}
		if request == "checkout" && (o.State != purchase.Paying || o.CheckoutSent.IsZero() || o.Amount != 6375) {
			t.Errorf("it is checked out, and the ledger has it %s, sent %s, for %s", o.State, o.CheckoutSent, o.Amount)
		}
	}}
	inShop(t, 20000, func(s *shop) {
		strangersItem(s)
		o := s.propose(spec())
		order = func() purchase.Order { return s.order(o.ID) }
		if err := s.confirm(o.ID); err != nil {
			t.Fatal(err)
		}
		s.until(o.ID, purchase.Purchased)
		s.check(1, 6375, 0)
	}, func(s *shop) {
		s.wrap = func(l purchase.Ledger, over purchase.Shop) (purchase.Ledger, purchase.Shop) {
			m.Shop = over
			return l, witness{m, func(item int64) {
				sent["uncheck"]++
				if o := order(); !slices.Contains(o.HeldItems, item) {
					t.Errorf("item %d is unchecked, and the ledger has parked %v", item, o.HeldItems)
				}
			}}
		}
	})
	for _, request := range []string{"add", "uncheck", "checkout"} {
		if sent[request] != 1 {
			t.Errorf("%s was sent %d times", request, sent[request])
		}
	}
}

// After a lost answer the item is looked for, and not added once more.
func TestAnAddWhoseAnswerWasLostIsNotSentAgain(t *testing.T) {
	inShop(t, 20000, func(s *shop) {
		s.fault("lost-add")
		s.until(s.buy(), purchase.Purchased)
		if n := s.server.Count("shopping/cart/add"); n != 1 {
			t.Errorf("it was added %d times", n)
		}
		s.check(1, 6375, 0)
	})
}
