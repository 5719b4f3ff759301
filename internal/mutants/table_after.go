package main

// settling are the safeguards of an order whose outcome is not known.
func settling() []mutant {
	return []mutant{
		{
			"the first settle window, with the item in the cart",
			"purchase/checkout.(*Worker).resolve",
			never("wk.spans.Remains"),
			[]tests{core("^TestALateCheckoutAfterTheItemWasTakenOut$"), core("^TestEveryFaultOfCoCalc$"), simulated("60")},
		},
		{
			"the second settle window, after the item was taken out",
			"purchase/checkout.(*Worker).resolve",
			swap("left > 0", "left > 0 && o.Unresolved.Removed.IsZero()"),
			[]tests{core("^TestALateCheckoutAfterTheItemWasTakenOut$"), simulated("60")},
		},
		{
			"taking the item out before an unknown order fails",
			"purchase/checkout.(*Worker).resolve",
			never("o.Unresolved.Removed.IsZero()"),
			[]tests{core("^TestAnUnknownOutcomeHoldsTheAccount$"), core("^TestEveryFaultOfCoCalc$")},
		},
		{
			"looking at the purchases for an order whose item is gone",
			"purchase/checkout.(*Worker).resolve",
			never("rows"),
			[]tests{core("^TestAnItemThatWasDeletedAfterItWasBought$")},
		},
		{
			"the proof of the key beside nothing found",
			"purchase/reconcile.(*Reconciler).FindPurchase",
			dropStatement("rc.shop.WhoAmI"),
			[]tests{core("^TestNothingFoundWithoutAProofOfTheKey$")},
		},
		{
			"looking at the licenses for an order whose item is gone",
			"purchase/reconcile.(*Reconciler).FindPurchase",
			never("provenBy"),
			[]tests{core("^TestAnItemThatWasDeletedAfterItWasBought$")},
		},
		{
			"only an order that is unknown can be settled",
			"purchase/orders.(*Service).checkResolve",
			never("order.State"),
			[]tests{shown("^TestHandler_Submission_Forged$")},
		},
		{
			"the reason of an admin",
			"purchase/orders.(*Service).resolve",
			never("s.Reason"),
			[]tests{shown("^TestHandler_Submission_Forged$")},
		},
		{
			"the record of an admin's word",
			"purchase/orders.(*Service).resolve",
			swap("w.AppendEvent", "func(purchase.Event) error { return nil }"),
			[]tests{core("^TestAnAdminSettles$")},
		},
		{
			"waiting for a checkout of ours that may still come",
			"purchase/checkout.(*Worker).checkoutInFlight",
			swap("wk.spans.Remains", "func(purchase.OrderID, register.Span) time.Duration { return 0 }"),
			[]tests{core("^TestACheckoutThatComesAfterTheItemWasSold$")},
		},
	}
}

// watching are the safeguards for what comes late, and for the account as a whole.
func watching() []mutant {
	return []mutant{
		{
			"watching an order that failed",
			"purchase/checkout.(*Worker).fail",
			dropStatement("WatchUntil"),
			[]tests{core("^TestAnAddThatComesLate$")},
		},
		{
			"taking out the late item of a failed order",
			"purchase/checkout.(*Worker).watch",
			never("item.Removed"),
			[]tests{core("^TestAnAddThatComesLate$")},
		},
		{
			"adopting what another checkout has bought",
			"purchase/checkout.(*Worker).notInCart",
			instead(`return 0, wk.fail(ctx, o, *purchase.NewFailure(purchase.FailCart, "why", "removed"))`, "wk.adoptPurchase"),
			[]tests{core("^TestSomebodyBuysOurItem$")},
		},
		{
			"comparing the account's purchases with the ledger",
			"purchase/reconcile.(*Reconciler).compare",
			swap("sold.Rows", "sold.Rows[:0]", "view.load"),
			[]tests{core("^(TestAForeignPurchase|TestACheckoutThatCommitsAnHourLate)$")},
		},
		{
			"that an order which waits for the end of a pause goes on saying so",
			"purchase/checkout.(*Worker).block",
			never("waitsForPause"),
			[]tests{core("^TestAPauseFindsAnItemOutOfTheWay$")},
		},
		{
			"that a checkout of an older server may have read the item before it was edited",
			"purchase/reconcile.olderStore.charged",
			never("matches"),
			[]tests{core("^TestAnItemThatWasMadeDearerOnAnOlderServer$")},
		},
		{
			"checking what was parked again when buying is paused",
			"purchase/checkout.(*Worker).pick",
			dropOperand("stopped && o.State == purchase.Approved"),
			[]tests{core("^TestAPauseFindsAnItemOutOfTheWay$")},
		},
		{
			"whose the key is",
			"purchase/reconcile.(*Reconciler).VerifyAccount",
			always("who.ID"),
			[]tests{core("^TestAKeyOfAnotherAccount$")},
		},
		{
			"whose the key is, before an order is begun",
			"purchase/checkout.(*Worker).advance",
			dropStatement("wk.rec.VerifyAccount"),
			[]tests{core("^(TestAKeyOfAnotherAccount|TestAnOrderWaitsUntilTheKeyIsProven)$")},
		},
		{
			"the cost of an item that was made more expensive, on a server that does not show it",
			"purchase/reconcile.olderStore.charged",
			always("Purchased"),
			[]tests{core("^TestAnItemThatWasMadeDearerOnAnOlderServer$")},
		},
		{
			"what such a license has cost",
			"purchase/reconcile.matches",
			never("asked[name] != has"),
			[]tests{core("^TestAnItemThatWasMadeDearerOnAnOlderServer$")},
		},
		{
			"entering a purchase of a failed order that the comparison finds",
			"purchase/reconcile.kindOf",
			never("purchase.Failed"),
			[]tests{core("^TestACheckoutThatCommitsAnHourLate$")},
		},
		{
			"the proof of the key beside the comparison",
			"purchase/reconcile.currentStore.account",
			dropStatement("WhoAmI"),
			[]tests{core("^TestACheckoutThatCommitsAnHourLate$"), core("^TestTheComparisonProvesTheKey$")},
		},
		{
			"telling of a foreign purchase once",
			"purchase/reconcile.(*Reconciler).finish",
			dropStatement("r.again"),
			[]tests{core("^TestAForeignPurchase$")},
		},
		{
			"that a license with an order's tag is not older than the order",
			"purchase/reconcile.(*Reconciler).provenBy",
			dropOperand("isNewEnough"),
			[]tests{core("^TestATagInAnotherLicense$")},
		},
		{
			"that a license with an order's tag gives what was ordered",
			"purchase/reconcile.(*Reconciler).provenBy",
			dropOperand("matches(o.Sent, l) || !rc.Counts(ctx)"),
			[]tests{core("^TestATagInAnotherLicense$")},
		},
		{
			"that a purchase with an order's tag is not older than the order",
			"purchase/reconcile.kindOf",
			never("MismatchOlder"),
			[]tests{core("^TestATagInAnOlderPurchase$")},
		},
		{
			"that a step of the clock makes no window shorter or longer",
			"purchase/register.(*Spans).Ends",
			always("known"),
			[]tests{core("^TestAWatchWhileTheClockSteps$")},
		},
		{
			"that a stored time that is still to come holds nothing longer than its window",
			"purchase/register.(*Spans).Ends",
			swap("min(max(left, 0), s.Length)", "max(left, 0)"),
			[]tests{core("^(TestAWatchWhileTheClockSteps|TestACardWhileTheClockSteps)$")},
		},
		{
			"that the comparison does not trust a time that is still to come",
			"purchase/reconcile.(*Reconciler).Reconcile",
			dropOperand("deep"),
			[]tests{core("^TestAClockThatStepsAndStepsBack$")},
		},
		{
			"that the account is watched from no time that is still to come",
			"purchase/reconcile.(*Reconciler).beginWatch",
			dropOperand("After"),
			[]tests{core("^TestAFirstStartWithAWrongClock$")},
		},
		{
			"pausing on a purchase that cannot be explained",
			"purchase/reconcile.(*Reconciler).reportUnexplained",
			before("return nil", "register.PauseBuying"),
			[]tests{core("^TestAPurchaseThatCannotBeExplained$")},
		},
		{
			"the people of purchases that a backup lacks",
			"purchase/register.KeepOrders",
			dropStatement("before.Orders", "append"),
			[]tests{core("^TestAPurchaseThatTheBackupLacks$")},
		},
		{
			"that a copy of an order's item is another person's",
			"purchase/reconcile.kindOf",
			never("MismatchCopied"),
			[]tests{core("^TestACopyOfOurItem$"), reconciled("^TestClassify_EveryKind$")},
		},
		{
			"that a report of one charge is no report of another one",
			"purchase/reconcile.reportSet.has",
			swap("number == 0 || row.ID == 0", "true"),
			[]tests{reconciled("^TestClassify_EveryKind$")},
		},
		{
			"that a purchase without a tag belongs to the order of its item",
			"purchase/reconcile.(*LedgerView).orderOf",
			never("Owns"),
			[]tests{reconciled("^TestClassify_EveryKind$"), reconciled("^FuzzClassify_OurPurchase$")},
		},
		{
			"entering what a restore had ended, and was bought",
			"purchase/reconcile.kindOf",
			never("Restored"),
			[]tests{core("^TestAPurchaseThatTheBackupLacks$")},
		},
		{
			"that a tag which is older than the backup is another bot's",
			"purchase.(*Before).MayLack",
			swap("ulid.Time(parsed.Time()).After(b.Last.Add(-slack))", "!ulid.Time(parsed.Time()).IsZero()"),
			[]tests{core("^TestAnOlderTagAfterARestore$")},
		},
		{
			"the sum that an admin sees who resumes buying",
			"purchase.(*Pause).LeftOut",
			always("in.Code"),
			[]tests{core("^TestAResumeNamesWhatIsLeftOut$")},
		},
		{
			"that an incident is recorded and told once",
			"purchase/register.PauseBuying",
			swap("known.Is(in.Cause)", "known.Is(in.Cause) && false"),
			[]tests{core("^TestAnIncidentDuringALongPause$")},
		},
		{
			"that an incident is recorded and told however long the reasons are",
			"purchase/register.(*Register).RaiseAlarm",
			always("isNew"),
			[]tests{core("^TestAnIncidentDuringALongPause$")},
		},
		{
			"buying nothing that an older copy of the ledger promised",
			"purchase/register.AfterRestore",
			dropValue("purchase.Approved"),
			[]tests{core("^TestAfterARestore$")},
		},
		{
			"taking no order before a restored ledger was compared with CoCalc",
			"purchase.refuseRestoring",
			always("Restored"),
			[]tests{core("^TestAfterARestore$")},
		},
		{
			"that only what breaks the cart is taken out",
			"purchase/orders.(*Account).RemoveItem",
			never("item.BreaksCart"),
			[]tests{core("^TestABrokenItemIsNamedAndTakenOut$")},
		},
		{
			"a trigger that comes again after a restart",
			"purchase/orders.(*Service).Propose",
			dropOperand("again"),
			[]tests{shown("^TestTriggers_Claim_AfterRestart$")},
		},
		{
			"a window that began before this run, without CoCalc's time",
			"purchase/register.(*Spans).Ends",
			never("s.Careful"),
			[]tests{core("^TestASlowCheckoutAfterARestartWithAClockAhead$")},
		},
		{
			"purchases that a new ledger found at its beginning",
			"purchase/reconcile.(*LedgerView).kindOfTag",
			never("v.earlier"),
			[]tests{core("^TestAPurchaseAMomentOlderThanANewLedger$")},
		},
		{
			"guests who keep prices out of a channel",
			"bot.OutsideReader",
			swap("s == purchase.Guest || s == purchase.Foreign", "false"),
			[]tests{shown("^TestPublisher_PublishLine_ChannelWithOutsiders$")},
		},
		{
			"channels of another organization get no prices",
			"bot.SharedOutside",
			swap("c.IsExtShared || c.IsPendingExtShared", "false"),
			[]tests{shown("^TestPublisher_PublishLine_ChannelWithOutsiders$")},
		},
		{
			"a guest among the admins gets no notices",
			"bot.(*Publisher).outsiderReason",
			instead(`return ""`, "string(standing)"),
			[]tests{shown("^TestPublisher_OutsiderReason_GuestAmongAdmins$")},
		},
		{
			"a notice is told once to each",
			"purchase/notify.(*Outbox).MarkDelivered",
			dropStatement("DeleteFunc"),
			[]tests{
				core("^(TestAForeignPurchase|TestTheSwitch|TestADoubleBuyIsFound)$"),
				shown("^TestPublisher_SendNotice_FullDisk$"),
			},
		},
		{
			"who has a notice is not told again as a member of a group",
			"purchase.Notification.WithMembers",
			always("n.Delivered"),
			[]tests{shown("^TestPublisher_ExpandGroup$")},
		},
		{
			"the members of a group are told, not the group",
			"bot.(*Publisher).sendNextNotice",
			never("HasPrefix"),
			[]tests{shown("^TestPublisher_ExpandGroup_Empty$")},
		},
	}
}

// unserved are the safeguards while the server sells no licenses.
func unserved() []mutant {
	return []mutant{
		{
			"no step of an order but its wait, while the server sells no licenses",
			"purchase/checkout.(*Worker).advance",
			never("wk.reg.Server"),
			[]tests{core("^TestAWaitingOrderGoesOnAfterHalfAnHour$")},
		},
		{
			"a probe before an order ends for a request that failed",
			"purchase/checkout.(*Worker).handleRemoteError",
			never("register.ConcernsServer"),
			[]tests{core("^TestAWaitingOrderGoesOnAfterHalfAnHour$")},
		},
		{
			"an hour before a waiting order ends",
			"purchase/checkout.(*Worker).heldByServer",
			swap("s.Held-began >= leastProbes*wk.timing.Probe", "began >= 0"),
			[]tests{core("^TestAWaitingOrderEndsAfterAnHour$"), core("^TestOnlyAnHourOfTheSameEndsAnOrder$")},
		},
		{
			"no more than one pause of an hour for the time without a probe",
			"purchase/checkout.(*Worker).probe",
			swap("min(max(gap, 0), wk.timing.Probe)", "gap"),
			[]tests{core("^TestOnlyAnHourOfTheSameEndsAnOrder$")},
		},
		{
			"a week before an unknown outcome is released",
			"purchase/checkout.(*Worker).release",
			swap("left > 0", "left < 0"),
			[]tests{core("^TestAnUnknownOutcomeThatCoCalcCannotTell$")},
		},
		{
			"the reservation of a released order",
			"purchase/checkout.(*Worker).release",
			dropStatement("budget.Reserve"),
			[]tests{core("^TestAnUnknownOutcomeThatCoCalcCannotTell$")},
		},
		{
			"the refusal of orders in the transaction, while the server sells no licenses",
			"purchase/register.(*Register).RefuseClosed",
			swap("reg.RefuseNotSold(reg.DiagnosisOf(account))", "nil"),
			[]tests{core("^TestTheDeskKnowsTheServer$")},
		},
		{
			"a second probe before a move is believed",
			"purchase/checkout.serverOf",
			swap("previous != nil", "previous == nil || previous != nil"),
			[]tests{core("^TestOneProbeProvesNoMove$")},
		},
		{
			"two probes before the admins are told",
			"purchase/checkout.provenBy",
			swap("2", "1"),
			[]tests{core("^TestEveryOtherAnswerIsAPage$")},
		},
		{
			"a whole week also after the clock was set",
			"purchase/checkout.(*Worker).release",
			setField("Careful", "false"),
			[]tests{core("^TestAClockAheadReleasesNothing$")},
		},
		{
			"that approvers are asked directly once",
			"purchase/notify.(*Outbox).askDirectly",
			dropOperand("AskedDirectly"),
			[]tests{shown("^TestPublisher_PublishApproval_GuestJoins$")},
		},
		{
			"that an answer doesn't replace a later question's",
			"bot.(*cache).store",
			never("e.began"),
			[]tests{shown("^TestCache_Learn_EarlierQuestion$")},
		},
		{
			"that an admin's word is no proof that nothing was charged",
			"purchase.(*Order).MayBeCharged",
			dropOperand("FailRestored", "o.Failure != nil"),
			[]tests{core("^TestAClickSaysOnlyWhatCoCalcHasShown$")},
		},
	}
}
