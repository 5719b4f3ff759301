package orders_test

import (
	"context"
	"testing"
	"time"

	"licensebot/purchase"
	"licensebot/purchase/purchasetest"
)

// A monthly license that is bought on 1 January renews on 1 February: the report names that day, and nothing is due in
// January.
func TestService_Renewals_NextCharge(t *testing.T) {
	purchasetest.Run(t, 40000, func(env *purchasetest.Env) {
		none, err := env.Desk.Account.Renewals(context.Background())
		if err != nil || none.Active != 0 || !none.Next.IsZero() {
			env.T.Fatalf("before the first purchase: %+v, %v", none, err)
		}
		env.Until(env.Buy(), purchase.Purchased)
		first, err := env.Desk.Account.Renewals(context.Background())
		if err != nil || first.Active != 1 || first.DueThisMonth != 0 ||
			first.Next.UTC().Format(time.DateOnly) != "2000-02-01" {
			env.T.Fatalf("after the first: %+v, %v", first, err)
		}
		<-time.After(24 * time.Hour)
		env.Until(env.Buy(), purchase.Purchased)
		if second, err := env.Desk.Account.Renewals(context.Background()); err != nil || second.Active != 2 ||
			!second.Next.Equal(first.Next) {
			env.T.Errorf("after a later one the next charge is %v (%v), and was %v", second.Next, err, first.Next)
		}
	})
}
