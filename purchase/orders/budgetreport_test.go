package orders_test

import (
	"context"
	"testing"
	"time"

	"licensebot/purchase"
	"licensebot/purchase/purchasetest"
)

// A monthly license that is bought on 1 January is paid to the end of 1 February, and charged again five days before:
// the report names that day, and counts the charge in January.
func TestService_Renewals_NextCharge(t *testing.T) {
	purchasetest.Run(t, 40000, func(env *purchasetest.Env) {
		none, err := env.Desk.Account.Renewals(context.Background())
		if err != nil || none.Active != 0 || !none.Next.IsZero() {
			env.T.Fatalf("renewals before the first purchase: got %+v (error %v), want none", none, err)
		}
		env.Until(env.Buy(), purchase.Purchased)
		first, err := env.Desk.Account.Renewals(context.Background())
		if err != nil || first.Active != 1 || first.DueThisMonth != 6375 ||
			first.Next.UTC().Format(time.DateOnly) != "2000-01-27" {
			env.T.Fatalf("renewals after the first purchase: got %+v (error %v), want 1, next 2000-01-27, $63.75 due", first,
				err)
		}
		<-time.After(24 * time.Hour)
		env.Until(env.Buy(), purchase.Purchased)
		if second, err := env.Desk.Account.Renewals(context.Background()); err != nil || second.Active != 2 ||
			!second.Next.Equal(first.Next) {
			env.T.Errorf("renewals after a later purchase: got %d, next charge %v (error %v); want 2, next charge %v",
				second.Active, second.Next, err, first.Next)
		}
	})
}
