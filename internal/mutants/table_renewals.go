package main

// renewals are the safeguards of budgets that contain renewals.
func renewals() []mutant {
	budgets := in("purchase/orders", "^TestService_Budget_ContainsRenewals$")
	return []mutant{
		{
			"that renewals are deducted from what a month leaves",
			"purchase.Due.deducted",
			never("d.Counts"),
			[]tests{in("purchase", "^TestPolicy_CheckLimits_Renewals$"), budgets},
		},
		{
			"that an order reserves its renewal in the same month",
			"purchase.(*Order).Reservation",
			swap("o.Price + o.Again", "o.Price"),
			[]tests{budgets},
		},
		{
			"that a purchase commits its renewals at once",
			"purchase/register.(*Register).addEntry",
			always("e.Renews == 0"),
			[]tests{budgets},
		},
		{
			"that CoCalc charges before the period ends",
			"cocalc.Subscription.NextCharge",
			swap("s.CurrentPeriodEnd.Add(-ChargeLead)", "s.CurrentPeriodEnd"),
			[]tests{in("purchase", "^TestCommitted_Add$"), in("purchase", "^TestOwnedLicense_NextCharge$")},
		},
		{
			"the limit of what licenses that renew cost per month",
			"purchase.Policy.CheckLimits",
			never("p.RenewalsLimit > 0"),
			[]tests{in("purchase", "^TestPolicy_CheckLimits_Renewals$"), in("purchase/orders", "^TestService_RenewalsLimit$")},
		},
		{
			"that reserved orders count in that limit",
			"purchase.ReadRecurring",
			never("o.IsReserved()"),
			[]tests{in("purchase/orders", "^TestService_RenewalsLimit$")},
		},
		{
			"that renewals above the budget are only shown after an upgrade",
			"purchase/reconcile.(*Reconciler).putCommitted",
			swap("(was || isFirst) && !rc.fits(c)", "!rc.fits(c)"),
			[]tests{in("purchase/orders", "^TestService_Renewals_PassBudgetLater$")},
		},
	}
}
