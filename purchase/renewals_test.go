package purchase_test

import (
	"context"
	"testing"
	"time"

	"licensebot/purchase"
)

// A monthly license that is bought on 1 January renews on 1 February: the report names that day, and nothing is due in
// January.
func TestTheNextRenewal(t *testing.T) {
	inShop(t, 40000, func(s *shop) {
		none, err := s.desk.Account.Renewals(context.Background())
		if err != nil || none.Active != 0 || !none.Next.IsZero() {
			s.t.Fatalf("before the first purchase: %+v, %v", none, err)
		}
		s.until(s.buy(), purchase.Purchased)
		first, err := s.desk.Account.Renewals(context.Background())
		if err != nil || first.Active != 1 || first.DueThisMonth != 0 ||
			first.Next.UTC().Format(time.DateOnly) != "2000-02-01" {
			s.t.Fatalf("after the first: %+v, %v", first, err)
		}
		<-time.After(24 * time.Hour)
		s.until(s.buy(), purchase.Purchased)
		if second, err := s.desk.Account.Renewals(context.Background()); err != nil || second.Active != 2 ||
			!second.Next.Equal(first.Next) {
			s.t.Errorf("after a later one the next charge is %v (%v), and was %v", second.Next, err, first.Next)
		}
	})
}
