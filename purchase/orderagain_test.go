package purchase_test

import (
	"context"
	"testing"
	"time"

	"licensebot/purchase/orders"

	"licensebot/cocalc/cocalctest"
	"licensebot/purchase"
)

// A click that comes too late is not answered with an invitation to order again where no licenses are sold.
func TestNobodyIsToldToOrderAgainWhereNoLicensesAreSold(t *testing.T) {
	inShop(t, 20000, func(s *shop) {
		expired, cancelled := s.propose(spec()), s.propose(spec())
		if _, err := s.desk.Decide(context.Background(), byAlice, cancelled.ID,
			orders.Decision{Kind: orders.Cancel}); err != nil {
			t.Fatal(err)
		}
		moved := s.propose(spec())
		s.close()
		s.unchecked = true
		s.amend(moved.ID, func(o *purchase.Order) {
			o.State = purchase.Failed
			o.Failure = &purchase.Failure{
				Cause: purchase.Cause{Code: purchase.FailPriceMoved}, NewPrice: 7013,
				Until: o.Created.Add(time.Minute),
			}
		})
		s.open()
		s.server.Inject(cocalctest.Fault{Effect: cocalctest.SuccessorServer})
		<-time.After(31 * time.Minute) // the cards' time is over, and the server was looked at
		_, newPrice := s.desk.Decide(context.Background(), byAlice, moved.ID, orders.Decision{Kind: orders.ConfirmNewPrice})
		for what, err := range map[string]error{
			"a card that is too old": s.confirm(expired.ID),
			"a cancelled card":       s.confirm(cancelled.ID), "an old offer": newPrice,
		} {
			if err == nil {
				t.Errorf("%s: people read %v", what, err)
			}
			s.refusedAs(err, purchase.NotSold)
		}
	})
}

// Where CoCalc can't tell any more, an admin's word promises no further look.
func TestAnAdminsWordPromisesNoLookWhereCoCalcCannotTell(t *testing.T) {
	for name, c := range map[string]struct {
		fault cocalctest.Fault
		looks bool
	}{
		"successor":   {cocalctest.Fault{Effect: cocalctest.SuccessorServer}, false},
		"maintenance": {maintenance(), true},
	} {
		t.Run(name, func(t *testing.T) {
			inShop(t, 40000, func(s *shop) {
				id := s.unknown(c.fault, cocalctest.Before)
				<-time.After(30 * time.Minute)
				o, err := s.desk.Decide(context.Background(), byAdmin, id, orders.Decision{
					Kind:    orders.Resolve,
					Verdict: purchase.WasNotBought, Reason: "the statement says so",
				})
				if err != nil {
					t.Fatal(err)
				}
				if looks := o.Failure.Args["watched"] != ""; looks != c.looks {
					t.Errorf("it promises a look: %t: %s", looks, o.Failure)
				}
				s.server.ClearFaults()
			})
		})
	}
}
