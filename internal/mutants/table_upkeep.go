package main

// upkeep are the safeguards of the later life of licenses.
func upkeep() []mutant {
	return []mutant{
		{
			"that a row of upkeep is entered once",
			"purchase.OwnedLicense.Enter",
			dropOperand("l.hasUpkeep"),
			[]tests{in("purchase", "^TestOwnedLicense_Enter$")},
		},
		{
			"finding a double charge",
			"purchase.OwnedLicense.change",
			never("l.hasDouble"),
			[]tests{
				in("purchase", "^TestOwnedLicense_Enter$"), in("purchase/reconcile", "^TestReconciler_Follow_ChargedTwice$"),
				simulated("60"),
			},
		},
		{
			"that a double charge is found once",
			"purchase.OwnedLicense.change",
			dropOperand("l.hasDouble"),
			[]tests{in("purchase", "^TestOwnedLicense_Enter$")},
		},
		{
			"that a change of what the one before it left is no double charge",
			"purchase.doubleOf",
			dropOperand("c.Before.Same(earlier[len(earlier)-1].After)"),
			[]tests{in("purchase", "^TestOwnedLicense_Enter$"), simulated("60")},
		},
		{
			"that a refund closes one double charge of its moment",
			"purchase.closeDoubles",
			dropOperand("moment[d.With]"),
			[]tests{in("purchase", "^TestOwnedLicense_Enter$")},
		},
		{
			"that a license which CoCalc ended stays ended",
			"purchase.OwnedLicense.Subscribe",
			dropOperand("was == nil || !was.PaidTo.Equal(is.PaidTo)"),
			[]tests{
				in("purchase", "^TestOwnedLicense_Subscribe_AfterRefund$"),
				in("purchase/reconcile", "^TestReconciler_Follow_EndOfRefunded$"),
			},
		},
		{
			"leaving out refunds of other people's purchases",
			"purchase/reconcile.(*followPlan).refunded",
			dropOperand("row != refund.RefundOf"),
			[]tests{in("purchase/reconcile", "^TestReconciler_Follow_Refund$"), simulated("100")},
		},
		{
			"reading again the rows of a license that the log gets late",
			"purchase/reconcile.(*Reconciler).follow",
			never("p.oldest.Before"),
			[]tests{in("purchase/reconcile", "^TestReconciler_Follow_PurchaseEnteredLate$")},
		},
		{
			"leaving out what the account paid for other services",
			"purchase/reconcile.currentStore.account",
			never("s.now().Sub"),
			[]tests{in("purchase/reconcile", "^TestReconciler_Follow_OtherServices$")},
		},
		{
			"a receipt that may learn its purchase after a refund of it",
			"purchase/reconcile.(*followPlan).refunded",
			dropOperand("isKnown"),
			[]tests{in("purchase/reconcile", "^TestReconciler_Follow_RefundOfUncheckedPurchase$")},
		},
		{
			"leaving out other people's rows",
			"purchase/reconcile.(*comparer).classifyUpkeep",
			never(`license == ""`),
			[]tests{in("purchase/reconcile", "^TestLedgerView_Compare_Upkeep$")},
		},
		{
			"reading again what a clock that was ahead hid",
			"purchase/reconcile.followedFrom",
			dropOperand("f.Rows.After"),
			[]tests{in("purchase/reconcile", "^TestReconciler_Follow_ClockWasAhead$")},
		},
		{
			"the five days before the end in which CoCalc charges",
			"cocalc.Subscription.NextCharge",
			swap("ChargeLead", "0"),
			[]tests{in("purchase", "^TestOwnedLicense_NextCharge$"), in("purchase/reconcile", "^TestReconciler_Follow_Year$")},
		},
		{
			"the upkeep of a month in the check of the whole ledger",
			"purchase/reconcile.compareBudget",
			never("got.Upkeep != want.Upkeep"),
			[]tests{in("purchase/reconcile", "^TestCheckConsistency")},
		},
		{
			"the upkeep of a person in the check of the whole ledger",
			"purchase/reconcile.compareBudget",
			never("g.Upkeep != w.Upkeep"),
			[]tests{in("purchase/reconcile", "^TestCheckConsistency")},
		},
		{
			"that upkeep is of a license that was bought",
			"purchase/reconcile.(*screen).judgeUpkeep",
			always("bought || corrected"),
			[]tests{in("purchase/reconcile", "^TestCheckConsistency")},
		},
		{
			"that what was not entered for long is a contradiction",
			"purchase/reconcile.(*comparer).classifyUpkeep",
			always("since.IsZero()"),
			[]tests{in("purchase/reconcile", "^TestLedgerView_Compare_Upkeep")},
		},
	}
}
