package main

// buying returns the mutants from the reservation to the last check before paying.
func buying() []mutant {
	return []mutant{
		{
			"the account's lock",
			"purchase/checkout.(*Worker).runOnce",
			dropEach("wk.reg.Account"),
			[]tests{in("purchase/checkout", "^TestWorker_Run_TwoTakeTurns$")},
		},
		{
			"one order at a time",
			"purchase/checkout.(*Worker).pick",
			dropOperand("!held"),
			[]tests{in("purchase/checkout", "^TestWorker_Resolve_BlocksOtherOrders$"), simulated("60")},
		},
		{
			"the pause, before an order is begun",
			"purchase/checkout.(*Worker).pick",
			dropOperand("!stopped"),
			[]tests{in("purchase/checkout", "^TestWorker_Run_WaitsForResume$")},
		},
		{
			"the limits, before an order is begun",
			"purchase/checkout.(*Worker).stillAllowed",
			dropStatement("wk.policy.CheckLimits"),
			[]tests{in("purchase/checkout", "^TestWorker_Recheck_LimitLowered$")},
		},
		{
			"the requester's right, before an order is begun",
			"purchase/checkout.(*Worker).recheck",
			dropStatement("wk.policy.MayBuy"),
			[]tests{in("purchase/checkout", "^TestWorker_Recheck_PolicyAndPeople$")},
		},
		{
			"how many have to agree, before an order is begun",
			"purchase/checkout.(*Worker).stillAllowed",
			dropStatement("wk.policy.RefuseUnapproved"),
			[]tests{in("purchase/checkout", "^TestWorker_Recheck_PolicyAndPeople$")},
		},
		{
			"the intent before it is added",
			"purchase/checkout.(*Worker).prepare",
			before(`
				o.AddSent, o.Sent = wk.now(), wk.description(o)
				if _, err := wk.sendAdd(ctx, o); err != nil {
					return 0, err
				}
				_, _, err = wk.begin(ctx, o, "", time.Time{})
				return 0, err`, "wk.begin", `""`),
			[]tests{in("purchase/checkout", "^TestWorker_Checkout_RecordedBeforeSent$")},
		},
		{
			"the pause, asked again when an order begins",
			"purchase/checkout.(*Worker).begin",
			dropStatement("wk.reg.RefuseStopped"),
			[]tests{in("purchase/checkout", "^TestWorker_Run_PausedDuringCartRead$"), simulated("60")},
		},
		{
			"looking for the tag after a lost answer, in place of adding again",
			"purchase/checkout.(*Worker).sendAdd",
			before("_ = wk.shop.AddToCart(ctx, o.Sent, o.Spec.ProjectID)", "wk.log.Warn"),
			[]tests{in("purchase/checkout", "^TestWorker_Add_AnswerLost$")},
		},
		{
			"going on with what is in the cart already, in place of adding it",
			"purchase/checkout.(*Worker).prepare",
			never("slices.IndexFunc", "items"),
			[]tests{in("purchase/checkout", "^TestWorker_Add_ItemAlreadyThere$")},
		},
		{
			"looking among what was bought for an order that the ledger had at the start",
			"purchase/checkout.(*Worker).prepare",
			never("wk.inherited"),
			[]tests{in("purchase/checkout", "^TestWorker_Prepare_BoughtAlready$")},
		},
		{
			"the order's tag",
			"purchase.OrderID.Tag",
			swap("string(id)", `"01JD8Z3V5TQ4X6B7N8M9P0RSTW"`),
			[]tests{in("purchase/checkout", "^TestWorker_Run_CleanPurchase$")},
		},
		{
			"comparing the tag with the order's",
			"purchase/reconcile.HasTag",
			swap("ok && found == id", "ok || found == id"),
			[]tests{in("purchase/checkout", "^TestWorker_FindItem_TagOfOtherOrder$"), simulated("60")},
		},
		{
			"reading the item back before it is paid",
			"purchase/checkout.(*Worker).findItem",
			never("mismatch"),
			[]tests{in("purchase/checkout", "^TestWorker_FindItem_DiffersFromSent$")},
		},
		{
			"comparing the item once more at the last look",
			"purchase/checkout.(*Worker).checkCart",
			never("mismatch"),
			[]tests{in("purchase/checkout", "^TestWorker_Checkout_ItemEdited$")},
		},
		{
			"comparing the descriptions",
			"cocalc.DescriptionMatches",
			dropStatement(`"the cart item's %s is %s; %s was sent"`),
			[]tests{client("^TestDescriptionMatches$")},
		},
		{
			"parking what others have checked",
			"purchase/checkout.(*Worker).holdItems",
			dropStatement("SetChecked"),
			[]tests{in("purchase/desk", "^TestDesk_Run_EveryFault$/cart-stranger")},
		},
		{
			"remembering what is parked before it is unchecked",
			"purchase/checkout.(*Worker).holdItems",
			dropStatement("wk.edit"),
			[]tests{in("purchase/checkout", "^TestWorker_Checkout_RecordedBeforeSent$")},
		},
		{
			"checking again what was parked",
			"purchase/checkout.(*Worker).releaseItems",
			dropStatement("SetChecked"),
			[]tests{in("purchase/desk", "^TestDesk_Run_EveryFault$")},
		},
		{
			"that only our item is checked at the last look",
			"purchase/checkout.(*Worker).checkCart",
			swap("len(preview.Checked) != 1", "len(preview.Checked) == 0"),
			[]tests{in("purchase/checkout", "^TestWorker_HoldItems_CheckedBeforePayment$")},
		},
		{
			"the price gate",
			"purchase/checkout.(*Worker).checkCart",
			never("preview.Amount > o.Price"),
			[]tests{in("purchase/desk", "^TestDesk_Run_EveryFault$")},
		},
		{
			"the credit without the server's slack",
			"purchase/checkout.(*Worker).checkCart",
			swap("*preview.Credit < preview.Amount", "*preview.Credit+300 < preview.Amount"),
			[]tests{in("purchase/checkout", "^TestWorker_Checkout_CreditNearlyEnough$")},
		},
		{
			"credit that is not told",
			"purchase/checkout.(*Worker).checkCart",
			never("preview.Credit == nil"),
			[]tests{in("purchase/checkout", "^TestWorker_Checkout_CreditUnknown$")},
		},
		{
			"a copy of the item in the last moment",
			"purchase/checkout.(*Worker).holdItems",
			never("item.ID != o.ItemID"),
			[]tests{in("purchase/checkout", "^TestWorker_Checkout_ItemCopied$")},
		},
		{
			"a list of purchases to its end",
			"purchase/reconcile.listRows",
			always("len(page) < purchasesPage"),
			[]tests{in("purchase/reconcile", "^TestReconciler_PurchasesOf_LaterPage$")},
		},
		{
			"the credit that has to stay",
			"purchase/checkout.(*Worker).checkCart",
			swap("*preview.Credit - preview.Amount", "*preview.Credit"),
			[]tests{in("purchase/checkout", "^TestWorker_Checkout_CreditNearlyEnough$")},
		},
	}
}

// paying returns the mutants of the checkout, the one request that spends money, and of the proof of its result.
func paying() []mutant {
	return []mutant{
		{
			"the pause, asked before paying",
			"purchase/checkout.(*Worker).sendCheckout",
			never("wk.policy.RefusePaused"),
			[]tests{in("purchase/checkout", "^TestWorker_Checkout_PausedJustBefore$")},
		},
		{
			"the intent before checkout",
			"purchase.OrderEvent.fill",
			dropStatement("e.Amount"),
			[]tests{in("purchase/checkout", "^TestWorker_Checkout_RecordedBeforeSent$")},
		},
		{
			"the once-only checkout",
			"purchase/checkout.(*Worker).advance",
			before(`
				if o.Answer == purchase.AnswerNone || o.Answer == purchase.AnswerUnclear {
					_ = wk.shop.Checkout(ctx)
				}`, "wk.verifyPurchase"),
			[]tests{
				in("purchase/desk", "^TestDesk_Run_KilledAtEveryMoment$/^the_answer_of_the_checkout_is_lost$"),
				in("purchase/desk", "^TestDesk_Run_EveryFault$"),
				simulated("60"),
			},
		},
		{
			"the last guard against a second checkout",
			"purchase.OrderEvent.validate",
			never("CheckoutSent"),
			[]tests{in("purchase/checkout", "^TestWorker_Checkout_SentByOther$")},
		},
		{
			"the last guard against a checkout above the price",
			"purchase.OrderEvent.validate",
			never("o.Price"),
			[]tests{in("purchase", "^TestApply_WrongEvents_AreRefused$")},
		},
		{
			"the purchase of an order that a copy of the ledger had ended",
			"purchase/reconcile.(*Reconciler).enterAdminPurchases",
			never("purchase.Cancelled"),
			[]tests{in("purchase/reconcile", "^TestReconciler_Restore_EndedInCopy$")},
		},
		{
			"that only a restore makes a withdrawn order a bought one",
			"purchase.OrderEvent.validate",
			never("!o.Restored"),
			[]tests{in("purchase", "^TestApply_WrongEvents_AreRefused$")},
		},
		{
			"taking a checkout of unclear outcome for unclear",
			"purchase/checkout.(*Worker).recordAnswer",
			swap("cocalc.Unknown", "cocalc.Transient"),
			[]tests{in("purchase/desk", "^TestDesk_Run_EveryFault$")},
		},
		{
			"the item that was found, stored with the intent to check out",
			"purchase/checkout.(*Worker).change",
			swap("wk.reg.Apply(w, o, l.found(wk.now()))", "func() error { *o = l.on(*o, wk.now()); return nil }()"),
			[]tests{in("purchase/checkout", "^TestWorker_Run_CleanPurchase$")},
		},
		{
			"what CoCalc has shown, stored before a wait",
			"purchase/checkout.(*Worker).process",
			dropStatement("wk.storeLearned"),
			[]tests{in("purchase/checkout", "^TestWorker_Run_StoresBeforeWait$")},
		},
		{
			"the answer of a checkout, stored with its proof",
			"purchase/checkout.learned.on",
			dropStatement("l.answer"),
			[]tests{in("purchase/checkout", "^TestWorker_Run_StoresWithNextChange$")},
		},
		{
			"what CoCalc has shown, until it is stored",
			"purchase/checkout.(*Worker).change",
			always("err == nil"),
			[]tests{in("purchase/checkout", "^TestWorker_Run_StoresAfterFullDisk$")},
		},
		{
			"the proof after checkout",
			"purchase/checkout.(*Worker).verifyPurchase",
			swap("item.Purchased != nil", "(item.Purchased != nil || o.Answer == purchase.AnswerSuccess)"),
			[]tests{in("purchase/checkout", "^TestWorker_Resolve_SuccessBoughtNothing$"), simulated("60")},
		},
		{
			"looking for a purchase as far back as it could be, if the short list doesn't show it",
			"purchase/reconcile.(*Reconciler).PurchasesSince",
			never("rc.soldFrom"),
			[]tests{in("purchase/checkout", "^TestWorker_Count_ClocksApart$")},
		},
		{
			"the short list, which reaches back by the difference of CoCalc's clocks",
			"purchase/reconcile.(*Reconciler).AddedFrom",
			swap("o.AddedAfter.Add(-purchase.ClocksApart)", "o.AddedAfter"),
			[]tests{in("purchase/checkout", "^TestWorker_Count_ClocksApart$")},
		},
		{
			"that a purchase which wasn't listed is looked for as far back as it could be",
			"purchase/checkout.(*Worker).countPurchases",
			instead("return nil, nil", "wk.rec.PurchasesOf"),
			[]tests{in("purchase/checkout", "^TestWorker_Count_VisibleLate$")},
		},
		{
			"counting from a list that goes back to the order's add",
			"purchase/reconcile.(*Reconciler).Counted",
			dropOperand("rc.last.since"),
			[]tests{in("purchase/checkout", "^TestWorker_Count_ListOfLaterOrder$")},
		},
		{
			"the add of an item that was in the cart before its order began",
			"purchase/checkout.(*Worker).begin",
			never("added.Before"),
			[]tests{in("purchase/checkout", "^TestWorker_Count_ItemAlreadyThere$")},
		},
		{
			"finding a double buy",
			"purchase.NewReceipt",
			dropStatement("r.Duplicates"),
			[]tests{in("purchase/checkout", "^TestWorker_Recount_DoubleBuy$")},
		},
		{
			"pausing after a double buy",
			"purchase/register.(*Register).RecordDuplicates",
			dropStatement("PauseBuying"),
			[]tests{in("purchase/checkout", "^TestWorker_Recount_DoubleBuy$")},
		},
		{
			"pausing after an overcharge",
			"purchase/register.(*Register).CheckCharge",
			instead("return nil", "agreed", "o.Price"),
			[]tests{in("purchase/register", "^TestRegister_RaiseAlarm_UnknownAndOvercharge$")},
		},
		{
			"pausing after the second unknown outcome",
			"purchase/register.(*Register).CheckSecondUnknown",
			always("unresolvedWindow"),
			[]tests{in("purchase/register", "^TestRegister_RaiseAlarm_UnknownAndOvercharge$")},
		},
		{
			"spent money counts in the budget",
			"purchase/register.(*Register).RecordPurchase",
			swap("Spend(w, o, r.Charged, 1)", "nil"),
			[]tests{in("purchase/checkout", "^TestWorker_Run_CleanPurchase$")},
		},
	}
}
