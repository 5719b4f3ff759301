package main

// buying are the safeguards from the promise to the last look before paying.
func buying() []mutant {
	return []mutant{
		{
			"the account's lock",
			"purchase.(*buyer).turn",
			dropEach("b.account"),
			[]tests{core("^TestTwoBuyersTakeTurns$")},
		},
		{
			"one order at a time",
			"purchase.(*buyer).next",
			dropOperand("!held"),
			[]tests{core("^TestAnUnknownOutcomeHoldsTheAccount$"), simulated("60")},
		},
		{
			"the pause, before an order is begun",
			"purchase.(*buyer).next",
			dropOperand("!stopped"),
			[]tests{core("^TestOrdersWaitForTheEndOfAPause$")},
		},
		{
			"the limits, before an order is begun",
			"purchase.(*buyer).stillAllowed",
			dropStatement("b.policy.allows"),
			[]tests{core("^TestALimitThatWasLoweredWhileAnOrderWaited$")},
		},
		{
			"the requester's right, before an order is begun",
			"purchase.(*buyer).notAnyMore",
			dropStatement("b.policy.mayBuy"),
			[]tests{core("^TestWhatChangedWhileAPromisedOrderWaited$")},
		},
		{
			"how many have to agree, before an order is begun",
			"purchase.(*buyer).stillAllowed",
			dropStatement("b.policy.agreed"),
			[]tests{core("^TestWhatChangedWhileAPromisedOrderWaited$")},
		},
		{
			"the intent before it is added",
			"purchase.(*buyer).prepare",
			before(`
				o.AddSent, o.Sent = b.now(), b.description(o)
				if _, err := b.sendAdd(ctx, o); err != nil {
					return 0, err
				}
				_, _, err = b.begin(ctx, o, "")
				return 0, err`, "b.begin", `""`),
			[]tests{core("^TestWhatIsAboutToBeSentIsWrittenBefore$")},
		},
		{
			"the pause, asked again when an order begins",
			"purchase.(*buyer).begin",
			dropStatement("b.stopped"),
			[]tests{core("^TestAPauseWhileTheCartIsLookedAt$"), simulated("60")},
		},
		{
			"looking for the tag after a lost answer, in place of adding again",
			"purchase.(*buyer).sendAdd",
			before("_ = b.shop.AddToCart(ctx, o.Sent, o.Spec.ProjectID)", "b.log.Warn"),
			[]tests{core("^TestAnAddWhoseAnswerWasLostIsNotSentAgain$")},
		},
		{
			"going on with what is in the cart already, in place of adding it",
			"purchase.(*buyer).prepare",
			never("ContainsFunc"),
			[]tests{core("^TestAnAddThatIsAlreadyThere$")},
		},
		{
			"the order's tag",
			"purchase.OrderID.Tag",
			swap("string(id)", `"01JD8Z3V5TQ4X6B7N8M9P0RSTW"`),
			[]tests{core("^TestACleanPurchase$")},
		},
		{
			"comparing the tag with the order's",
			"purchase.carries",
			swap("ok && found == id", "ok || found == id"),
			[]tests{core("^TestATagOfAnotherOrder$"), simulated("60")},
		},
		{
			"reading the item back before it is paid",
			"purchase.(*buyer).look",
			never("mismatch"),
			[]tests{core("^TestTheCartHoldsSomethingElse$")},
		},
		{
			"comparing the item once more at the last look",
			"purchase.(*buyer).check",
			never("mismatch"),
			[]tests{core("^TestAnItemThatSomebodyEditedIsNotAPriceThatMoved$")},
		},
		{
			"comparing the descriptions",
			"cocalc.DescriptionMatches",
			dropStatement(`"the cart item's %s is %s; %s was sent"`),
			[]tests{client("^TestDescriptionMatches$")},
		},
		{
			"parking what others have checked",
			"purchase.(*buyer).park",
			dropStatement("SetChecked"),
			[]tests{core("^TestEveryFaultOfCoCalc$/cart-stranger")},
		},
		{
			"remembering what is parked before it is unchecked",
			"purchase.(*buyer).park",
			dropStatement("b.edit"),
			[]tests{core("^TestWhatIsAboutToBeSentIsWrittenBefore$")},
		},
		{
			"checking again what was parked",
			"purchase.(*buyer).restore",
			dropStatement("SetChecked"),
			[]tests{core("^TestEveryFaultOfCoCalc$")},
		},
		{
			"that only our item is checked at the last look",
			"purchase.(*buyer).check",
			swap("len(look.checked) != 1", "len(look.checked) == 0"),
			[]tests{core("^TestSomebodyAddsBeforeThePayment$")},
		},
		{
			"the price gate",
			"purchase.(*buyer).check",
			never("look.amount > o.Price"),
			[]tests{core("^TestEveryFaultOfCoCalc$")},
		},
		{
			"the credit without the server's slack",
			"purchase.(*buyer).check",
			swap("*look.credit < look.amount", "*look.credit+300 < look.amount"),
			[]tests{core("^TestCreditThatNearlySuffices$")},
		},
		{
			"credit that is not told",
			"purchase.(*buyer).check",
			never("look.credit == nil"),
			[]tests{core("^TestCreditThatCannotBeRead$")},
		},
		{
			"a copy of the item in the last moment",
			"purchase.(*buyer).park",
			never("item.ID != o.ItemID"),
			[]tests{core("^TestACopyOfTheItemJustBeforeItIsPaid$")},
		},
		{
			"a list of purchases to its end",
			"purchase.Sold",
			always("len(page) < salesPage"),
			[]tests{core("^TestPurchasesOnALaterPage$")},
		},
		{
			"the credit that has to stay",
			"purchase.(*buyer).check",
			swap("*look.credit - look.amount", "*look.credit"),
			[]tests{core("^TestCreditThatNearlySuffices$")},
		},
	}
}

// paying are the safeguards around the one request that spends money, and the proof of what it did.
func paying() []mutant {
	return []mutant{
		{
			"the pause, asked before paying",
			"purchase.(*buyer).pay",
			never("b.policy.closed"),
			[]tests{core("^TestAPauseJustBeforeThePayment$")},
		},
		{
			"the intent before checkout",
			"purchase.OrderEvent.fill",
			dropStatement("e.Amount"),
			[]tests{core("^TestWhatIsAboutToBeSentIsWrittenBefore$")},
		},
		{
			"the once-only checkout",
			"purchase.(*buyer).step",
			before(`
				if o.Answer == AnswerNone || o.Answer == AnswerUnclear {
					_ = b.shop.Checkout(ctx)
				}`, "b.prove"),
			[]tests{
				core("^TestKilledAtEveryMoment$/^the_answer_of_the_checkout_is_lost$"), core("^TestEveryFaultOfCoCalc$"),
				simulated("60"),
			},
		},
		{
			"the last guard against a second checkout",
			"purchase.OrderEvent.check",
			never("CheckoutSent"),
			[]tests{core("^TestCheckoutIsNeverSentAgain$")},
		},
		{
			"the last guard against a checkout above the price",
			"purchase.OrderEvent.check",
			never("o.Price"),
			[]tests{core("^TestApply_WrongEvents_AreRefused$")},
		},
		{
			"the purchase of an order that a copy of the ledger had ended",
			"purchase.(*buyer).enterSettled",
			never("Cancelled"),
			[]tests{core("^TestDesk_Restore_EntersWhatTheCopyHadEnded$")},
		},
		{
			"that only a restore makes a withdrawn order a bought one",
			"purchase.OrderEvent.check",
			never("!o.Restored"),
			[]tests{core("^TestApply_WrongEvents_AreRefused$")},
		},
		{
			"taking a checkout of unclear outcome for unclear",
			"purchase.(*buyer).pay",
			swap("cocalc.Unknown", "cocalc.Transient"),
			[]tests{core("^TestEveryFaultOfCoCalc$")},
		},
		{
			"the proof after checkout",
			"purchase.(*buyer).prove",
			swap("item.Purchased != nil", "(item.Purchased != nil || o.Answer == AnswerSuccess)"),
			[]tests{core("^TestSuccessThatBoughtNothing$"), simulated("60")},
		},
		{
			"finding a double buy",
			"purchase.receipt",
			dropStatement("r.Extra"),
			[]tests{core("^TestADoubleBuyIsFound$")},
		},
		{
			"pausing after a double buy",
			"purchase.(*Desk).enterExtra",
			dropStatement("pauseBuying"),
			[]tests{core("^TestADoubleBuyIsFound$")},
		},
		{
			"pausing after an overcharge",
			"purchase.(*Desk).charged",
			instead("return nil", "agreed", "o.Price"),
			[]tests{core("^TestTheBotPausesItself$")},
		},
		{
			"pausing after the second unknown outcome",
			"purchase.(*Desk).secondUnknown",
			always("unknownsApart"),
			[]tests{core("^TestTheBotPausesItself$")},
		},
		{
			"spent money counts in the budget",
			"purchase.(*Desk).enter",
			swap("spend(w, o, r.Charged, 1)", "nil"),
			[]tests{core("^TestACleanPurchase$")},
		},
	}
}
