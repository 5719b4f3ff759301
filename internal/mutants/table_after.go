package main

// settling returns the mutants of orders whose outcome is unknown.
func settling() []mutant {
	return []mutant{
		{
			"the first settle window, with the item in the cart",
			"purchase/checkout.(*Worker).resolve",
			never("wk.spans.Remains"),
			[]tests{
				in("purchase/checkout", "^TestWorker_Resolve_ItemTakenOut$"),
				in("purchase/desk", "^TestDesk_Run_EveryFault$"), simulated("60"),
			},
		},
		{
			"the second settle window, after the item was taken out",
			"purchase/checkout.(*Worker).resolve",
			swap("left > 0", "left > 0 && o.Unresolved.Removed.IsZero()"),
			[]tests{in("purchase/checkout", "^TestWorker_Resolve_ItemTakenOut$"), simulated("60")},
		},
		{
			"taking the item out before an unknown order fails",
			"purchase/checkout.(*Worker).resolve",
			never("o.Unresolved.Removed.IsZero()"),
			[]tests{
				in("purchase/checkout", "^TestWorker_Resolve_BlocksOtherOrders$"),
				in("purchase/desk", "^TestDesk_Run_EveryFault$"),
			},
		},
		{
			"looking at the purchases for an order whose item is gone",
			"purchase/checkout.(*Worker).resolve",
			never("rows"),
			[]tests{in("purchase/reconcile", "^TestReconciler_FindPurchase_ItemDeleted$")},
		},
		{
			"the proof of the key beside nothing found",
			"purchase/reconcile.(*Reconciler).FindPurchase",
			dropStatement("rc.shop.WhoAmI"),
			[]tests{in("purchase/checkout", "^TestWorker_Resolve_KeyNotProven$")},
		},
		{
			"looking at the licenses for an order whose item is gone",
			"purchase/reconcile.(*Reconciler).FindPurchase",
			never("provenBy"),
			[]tests{in("purchase/reconcile", "^TestReconciler_FindPurchase_ItemDeleted$")},
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
			[]tests{in("purchase/orders", "^TestService_Settle_EveryVerdict$")},
		},
		{
			"waiting for a checkout of ours that may still come",
			"purchase/checkout.(*Worker).checkoutInFlight",
			swap("wk.spans.Remains", "func(purchase.OrderID, register.Span) time.Duration { return 0 }"),
			[]tests{in("purchase/checkout", "^TestWorker_Resolve_CheckoutInFlight$")},
		},
	}
}

// watching returns the mutants of late purchases, and of the account as a whole.
func watching() []mutant {
	return []mutant{
		{
			"watching an order that failed",
			"purchase/checkout.(*Worker).fail",
			dropStatement("WatchUntil"),
			[]tests{in("purchase/checkout", "^TestWorker_Add_ComesLate$")},
		},
		{
			"taking out the late item of a failed order",
			"purchase/checkout.(*Worker).watch",
			never("item.Removed"),
			[]tests{in("purchase/checkout", "^TestWorker_Add_ComesLate$")},
		},
		{
			"adopting what another checkout has bought",
			"purchase/checkout.(*Worker).notInCart",
			instead(`return 0, wk.fail(ctx, o, *purchase.NewFailure(purchase.FailCart, "why", "removed"))`, "wk.adoptPurchase"),
			[]tests{in("purchase/checkout", "^TestWorker_Resolve_BoughtByOther$")},
		},
		{
			"comparing the account's purchases with the ledger",
			"purchase/reconcile.(*Reconciler).compare",
			swap("sold.Rows", "sold.Rows[:0]", "view.load"),
			[]tests{in("purchase/reconcile", "^(TestReconciler_Sweep_ForeignPurchase|TestReconciler_Sweep_CheckoutHourLate)$")},
		},
		{
			"that an order which waits for the end of a pause goes on saying so",
			"purchase/checkout.(*Worker).block",
			never("waitsForPause"),
			[]tests{in("purchase/checkout", "^TestWorker_ReleaseItems_DuringPause$")},
		},
		{
			"that a checkout of an older server may have read the item before it was edited",
			"purchase/reconcile.olderStore.charged",
			never("matches"),
			[]tests{in("purchase/reconcile", "^TestOlderStore_Charge_ItemMadeDearer$")},
		},
		{
			"checking what was parked again when buying is paused",
			"purchase/checkout.(*Worker).pick",
			dropOperand("stopped && o.State == purchase.Approved"),
			[]tests{in("purchase/checkout", "^TestWorker_ReleaseItems_DuringPause$")},
		},
		{
			"whose the key is",
			"purchase/reconcile.(*Reconciler).VerifyAccount",
			always("who.ID"),
			[]tests{in("purchase/reconcile", "^TestReconciler_VerifyAccount_OtherAccount$")},
		},
		{
			"whose the key is, before an order is begun",
			"purchase/checkout.(*Worker).advance",
			dropStatement("wk.rec.VerifyAccount"),
			[]tests{
				in("purchase/reconcile", "^TestReconciler_VerifyAccount_OtherAccount$"),
				in("purchase/checkout", "^TestWorker_Run_KeyNotProven$"),
			},
		},
		{
			"the cost of an item that was made more expensive, on a server that does not show it",
			"purchase/reconcile.olderStore.charged",
			always("Purchased"),
			[]tests{in("purchase/reconcile", "^TestOlderStore_Charge_ItemMadeDearer$")},
		},
		{
			"what such a license has cost",
			"purchase/reconcile.matches",
			never("asked[name] != has"),
			[]tests{in("purchase/reconcile", "^TestOlderStore_Charge_ItemMadeDearer$")},
		},
		{
			"entering a purchase of a failed order that the comparison finds",
			"purchase/reconcile.kindOf",
			never("purchase.Failed"),
			[]tests{in("purchase/reconcile", "^TestReconciler_Sweep_CheckoutHourLate$")},
		},
		{
			"the proof of the key beside the comparison",
			"purchase/reconcile.currentStore.account",
			dropStatement("WhoAmI"),
			[]tests{
				in("purchase/reconcile", "^TestReconciler_Sweep_CheckoutHourLate$"),
				in("purchase/reconcile", "^TestReconciler_Sweep_KeyNotProven$"),
			},
		},
		{
			"telling of a foreign purchase once",
			"purchase/reconcile.(*Reconciler).finish",
			dropStatement("r.again"),
			[]tests{in("purchase/reconcile", "^TestReconciler_Sweep_ForeignPurchase$")},
		},
		{
			"that a license with an order's tag is not older than the order",
			"purchase/reconcile.(*Reconciler).provenBy",
			dropOperand("isNewEnough"),
			[]tests{in("purchase/reconcile", "^TestReconciler_FindPurchase_TagInOtherLicense$")},
		},
		{
			"that a license with an order's tag gives what was ordered",
			"purchase/reconcile.(*Reconciler).provenBy",
			dropOperand("matches(o.Sent, l) || !rc.Counts(ctx)"),
			[]tests{in("purchase/reconcile", "^TestReconciler_FindPurchase_TagInOtherLicense$")},
		},
		{
			"that a purchase with an order's tag is not older than the order",
			"purchase/reconcile.kindOf",
			never("MismatchOlder"),
			[]tests{in("purchase/reconcile", "^TestReconciler_Sweep_TagInOlderPurchase$")},
		},
		{
			"that a step of the clock makes no window shorter or longer",
			"purchase/register.(*Spans).Ends",
			always("known"),
			[]tests{in("purchase/desk", "^TestDesk_Clock_StepDuringWatch$")},
		},
		{
			"that a stored time that is still to come holds nothing longer than its window",
			"purchase/register.(*Spans).Ends",
			swap("min(max(left, 0), s.Length)", "max(left, 0)"),
			[]tests{in("purchase/desk", "^(TestDesk_Clock_StepDuringWatch|TestDesk_Clock_StepDuringProposal)$")},
		},
		{
			"that the comparison does not trust a time that is still to come",
			"purchase/reconcile.(*Reconciler).Reconcile",
			dropOperand("deep"),
			[]tests{in("purchase/desk", "^TestDesk_Clock_StepAndBack$")},
		},
		{
			"that the account is watched from no time that is still to come",
			"purchase/reconcile.(*Reconciler).beginWatch",
			dropOperand("After"),
			[]tests{in("purchase/desk", "^TestDesk_Clock_WrongAtFirstStart$")},
		},
		{
			"pausing on a purchase that cannot be explained",
			"purchase/reconcile.(*Reconciler).reportUnexplained",
			before("return nil", "register.PauseBuying"),
			[]tests{in("purchase/reconcile", "^TestReconciler_Sweep_UnexplainedPurchase$")},
		},
		{
			"the people of purchases that a backup lacks",
			"purchase/register.KeepOrders",
			dropStatement("before.Orders", "append"),
			[]tests{in("purchase/reconcile", "^TestReconciler_Restore_PurchaseMissing$")},
		},
		{
			"that a copy of an order's item is another person's",
			"purchase/reconcile.kindOf",
			never("MismatchCopied"),
			[]tests{
				in("purchase/reconcile", "^TestReconciler_Sweep_ItemCopiedInStore$"),
				reconciled("^TestClassify_EveryKind$"),
			},
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
			[]tests{in("purchase/reconcile", "^TestReconciler_Restore_PurchaseMissing$")},
		},
		{
			"that a tag which is older than the backup is another bot's",
			"purchase.(*Before).MayLack",
			swap("ulid.Time(parsed.Time()).After(b.Last.Add(-slack))", "!ulid.Time(parsed.Time()).IsZero()"),
			[]tests{in("purchase/reconcile", "^TestReconciler_Restore_OlderTag$")},
		},
		{
			"the sum that an admin sees who resumes buying",
			"purchase.(*Pause).LeftOut",
			always("in.Code"),
			[]tests{in("purchase/reconcile", "^TestReconciler_Restore_ResumeNamesLeftOut$")},
		},
		{
			"that an incident is recorded and told once",
			"purchase/register.PauseBuying",
			swap("known.Is(in.Cause)", "known.Is(in.Cause) && false"),
			[]tests{in("purchase/register", "^TestRegister_PauseBuying_LongReason$")},
		},
		{
			"that an incident is recorded and told however long the reasons are",
			"purchase/register.(*Register).RaiseAlarm",
			always("isNew"),
			[]tests{in("purchase/register", "^TestRegister_PauseBuying_LongReason$")},
		},
		{
			"buying nothing that an older copy of the ledger promised",
			"purchase/register.AfterRestore",
			dropValue("purchase.Approved"),
			[]tests{in("purchase/register", "^TestAfterRestore_EveryState$")},
		},
		{
			"taking no order before a restored ledger was compared with CoCalc",
			"purchase.refuseRestoring",
			always("Restored"),
			[]tests{in("purchase/register", "^TestAfterRestore_EveryState$")},
		},
		{
			"that only what breaks the cart is taken out",
			"purchase/orders.(*Account).RemoveItem",
			never("item.BreaksCart"),
			[]tests{in("purchase/orders", "^TestService_TakeOut_BrokenItem$")},
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
			[]tests{in("purchase/desk", "^TestDesk_Clock_AheadAfterRestart$")},
		},
		{
			"purchases that a new ledger found at its beginning",
			"purchase/reconcile.(*LedgerView).kindOfTag",
			never("v.earlier"),
			[]tests{in("purchase/reconcile", "^TestReconciler_VerifyAccount_PurchaseJustBefore$")},
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
				in("purchase/reconcile", "^TestReconciler_Sweep_ForeignPurchase$"),
				in("purchase/orders", "^TestService_Pause_AndResume$"), in("purchase/checkout", "^TestWorker_Recount_DoubleBuy$"),
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
			[]tests{in("purchase/checkout", "^TestWorker_Unserved_BackAfterHalfAnHour$")},
		},
		{
			"a probe before an order ends for a request that failed",
			"purchase/checkout.(*Worker).handleRemoteError",
			never("register.ConcernsServer"),
			[]tests{in("purchase/checkout", "^TestWorker_Unserved_BackAfterHalfAnHour$")},
		},
		{
			"an hour before a waiting order ends",
			"purchase/checkout.(*Worker).heldByServer",
			swap("s.Held-began >= leastProbes*wk.timing.Probe", "began >= 0"),
			[]tests{
				in("purchase/checkout", "^TestWorker_Unserved_EndsAfterAnHour$"),
				in("purchase/checkout", "^TestWorker_Unserved_HourOfSameCondition$"),
			},
		},
		{
			"no more than one pause of an hour for the time without a probe",
			"purchase/checkout.(*Worker).probe",
			swap("min(max(gap, 0), wk.timing.Probe)", "gap"),
			[]tests{in("purchase/checkout", "^TestWorker_Unserved_HourOfSameCondition$")},
		},
		{
			"a week before an unknown outcome is released",
			"purchase/checkout.(*Worker).release",
			swap("left > 0", "left < 0"),
			[]tests{in("purchase/checkout", "^TestWorker_Release_OutcomeUnknown$")},
		},
		{
			"the reservation of a released order",
			"purchase/checkout.(*Worker).release",
			dropStatement("budget.Reserve"),
			[]tests{in("purchase/checkout", "^TestWorker_Release_OutcomeUnknown$")},
		},
		{
			"the refusal of orders in the transaction, while the server sells no licenses",
			"purchase/register.(*Register).RefuseClosed",
			swap("reg.RefuseNotSold(reg.DiagnosisOf(account))", "nil"),
			[]tests{in("purchase/register", "^TestRegister_Server_EveryCondition$")},
		},
		{
			"a second probe before a move is believed",
			"purchase/checkout.serverOf",
			swap("previous != nil", "previous == nil || previous != nil"),
			[]tests{in("purchase/checkout", "^TestWorker_Probe_OneProvesNothing$")},
		},
		{
			"two probes before the admins are told",
			"purchase/checkout.provenBy",
			swap("2", "1"),
			[]tests{in("purchase/checkout", "^TestWorker_Probe_EveryOtherAnswerIsPage$")},
		},
		{
			"a whole week also after the clock was set",
			"purchase/checkout.(*Worker).release",
			setField("Careful", "false"),
			[]tests{in("purchase/checkout", "^TestWorker_Release_ClockAhead$")},
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
			[]tests{in("purchase/orders", "^TestService_Refusal_PerhapsCharged$")},
		},
	}
}
