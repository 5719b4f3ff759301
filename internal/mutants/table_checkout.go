package main

// buying are the safeguards from the promise to the last look before paying.
func buying() []mutant {
	return []mutant{
		{
			"the account's lock", "purchase/buyer.go",
			"	b.account.Lock()\n	defer b.account.Unlock()\n", "",
			[]tests{core("^TestTwoBuyersTakeTurns$")},
		},
		{
			"one order at a time", "purchase/buyer.go",
			`if first != nil && !held && !stopped && due(*first) {`, `if first != nil && !stopped && due(*first) {`,
			[]tests{core("^TestAnUnknownOutcomeHoldsTheAccount$"), simulated("60")},
		},
		{
			"the pause, before an order is begun", "purchase/buyer.go",
			`if first != nil && !held && !stopped && due(*first) {`, `if first != nil && !held && due(*first) {`,
			[]tests{core("^TestOrdersWaitForTheEndOfAPause$")},
		},
		{
			"the limits, before an order is begun", "purchase/recheck.go",
			`			no = b.policy.allows(wish{share, o.Spec, o.Price, o.Confirmed, true}, month)
`, "			_ = share\n",
			[]tests{core("^TestALimitThatWasLoweredWhileAnOrderWaited$")},
		},
		{
			"the requester's right, before an order is begun", "purchase/recheck.go",
			`		no = b.policy.mayBuy(who)
`, "		_ = who\n",
			[]tests{core("^TestWhatChangedWhileAPromisedOrderWaited$")},
		},
		{
			"how many have to agree, before an order is begun", "purchase/recheck.go",
			`			no = b.policy.agreed(o, share)
`, "",
			[]tests{core("^TestWhatChangedWhileAPromisedOrderWaited$")},
		},
		{
			"the intent before it is added", "purchase/cart.go",
			`	o, pause, err := b.begin(ctx, o, "")
	if pause > 0 || err != nil {
		return pause, err
	}
	return b.sendAdd(ctx, o)
`, `	o.AddSent = b.now()
	o.Sent = b.description(o)
	if _, err := b.sendAdd(ctx, o); err != nil {
		return 0, err
	}
	_, err = b.advance(ctx, o, Adding, "", func(_ Writer, live *Order) error {
		live.AddSent, live.Sent = o.AddSent, o.Sent
		return nil
	})
	return 0, err
`,
			[]tests{core("^TestWhatIsAboutToBeSentIsWrittenBefore$")},
		},
		{
			"the pause, asked again when an order begins", "purchase/cart.go",
			`			if no := b.stopped(account); no != nil {
				return no
			}
			if b.diagnosed`, `			if b.diagnosed`,
			[]tests{core("^TestAPauseWhileTheCartIsLookedAt$"), simulated("60")},
		},
		{
			"looking for the tag after a lost answer, in place of adding again", "purchase/cart.go",
			`	case cocalc.Unknown:
		b.log.Warn()`, `	case cocalc.Unknown:
		_ = b.shop.AddToCart(ctx, o.Sent, o.Spec.ProjectID)
		b.log.Warn()`,
			[]tests{core("^TestAnAddWhoseAnswerWasLostIsNotSentAgain$")},
		},
		{
			"going on with what is in the cart already, in place of adding it", "purchase/cart.go",
			`	if slices.ContainsFunc(items, func(i cocalc.CartItem) bool { return carries(i, o.ID) }) {
`, `	if false {
`,
			[]tests{core("^TestAnAddThatIsAlreadyThere$")},
		},
		{
			"the order's tag", "purchase/order.go",
			`func (id OrderID) Tag() string { return tagPrefix + string(id) }`,
			`func (id OrderID) Tag() string { return tagPrefix + "01JD8Z3V5TQ4X6B7N8M9P0RSTW" }`,
			[]tests{core("^TestACleanPurchase$")},
		},
		{
			"comparing the tag with the order's", "purchase/evidence.go",
			`	return ok && found == id
`, `	return ok || found == id
`,
			[]tests{core("^TestATagOfAnotherOrder$"), simulated("60")},
		},
		{
			"reading the item back before it is paid", "purchase/cart.go",
			`if mismatch := b.differs(o, item); mismatch != nil {`, `if mismatch := b.differs(o, item); false {`,
			[]tests{core("^TestTheCartHoldsSomethingElse$")},
		},
		{
			"comparing the item once more at the last look", "purchase/checkout.go",
			`if mismatch := b.differs(o, look.checked[0]); mismatch != nil {`,
			`if mismatch := b.differs(o, look.checked[0]); false {`,
			[]tests{core("^TestAnItemThatSomebodyEditedIsNotAPriceThatMoved$")},
		},
		{
			"comparing the descriptions", "cocalc/description.go",
			"		default:\n			return fmt.Errorf(\"the cart item's %s is %s; %s was sent\"",
			"		case false:\n			return fmt.Errorf(\"the cart item's %s is %s; %s was sent\"",
			[]tests{client("^TestDescriptionMatches$")},
		},
		{
			"parking what others have checked", "purchase/cart.go",
			`		if _, err := b.shop.SetChecked(ctx, item.ID, false); err != nil {
			return o, false, err
		}
	}
`, "	}\n",
			[]tests{core("^TestEveryFaultOfCoCalc$/cart-stranger")},
		},
		{
			"remembering what is parked before it is unchecked", "purchase/cart.go",
			`			if o, err = b.edit(ctx, o, false, func(o *Order) { o.Parked = append(o.Parked, item.ID) }); err != nil {
				return o, false, err
			}
`, "",
			[]tests{core("^TestWhatIsAboutToBeSentIsWrittenBefore$")},
		},
		{
			"checking again what was parked", "purchase/cart.go",
			`			_, err = b.shop.SetChecked(ctx, id, true)
`, `			_ = err
`,
			[]tests{core("^TestEveryFaultOfCoCalc$")},
		},
		{
			"that only our item is checked at the last look", "purchase/checkout.go",
			`if len(look.checked) != 1 || look.checked[0].ID != o.ItemID {`,
			`if len(look.checked) == 0 || look.checked[0].ID != o.ItemID {`,
			[]tests{core("^TestSomebodyAddsBeforeThePayment$")},
		},
		{
			"the price gate", "purchase/checkout.go",
			`if look.amount > o.Price {`, `if false {`,
			[]tests{core("^TestEveryFaultOfCoCalc$")},
		},
		{
			"the credit without the server's slack", "purchase/checkout.go",
			`if look.credit != nil && *look.credit < look.amount {`, `if look.credit != nil && *look.credit+300 < look.amount {`,
			[]tests{core("^TestCreditThatNearlySuffices$")},
		},
		{
			"credit that is not told", "purchase/checkout.go",
			`	if least > 0 && look.credit == nil {`, `	if least > 0 && look.credit == nil && false {`,
			[]tests{core("^TestCreditThatCannotBeRead$")},
		},
		{
			"a copy of the item in the last moment", "purchase/cart.go",
			`			if o.ItemID != 0 && item.ID != o.ItemID {`, `			if false {`,
			[]tests{core("^TestACopyOfTheItemJustBeforeItIsPaid$")},
		},
		{
			"a list of purchases to its end", "purchase/purchaselist.go",
			`		case len(page) < salesPage, older:`, `		case older || true:`,
			[]tests{core("^TestPurchasesOnALaterPage$")},
		},
		{
			"the credit that has to stay", "purchase/checkout.go",
			`least > 0 && *look.credit-look.amount < least {`, `least > 0 && *look.credit < least {`,
			[]tests{core("^TestCreditThatNearlySuffices$")},
		},
	}
}

// paying are the safeguards around the one request that spends money, and the proof of what it did.
func paying() []mutant {
	return []mutant{
		{
			"the pause, asked before paying", "purchase/checkout.go",
			`if no := b.policy.closed(account); no != nil { // once`, `if no := b.policy.closed(account); false { // once`,
			[]tests{core("^TestAPauseJustBeforeThePayment$")},
		},
		{
			"the intent before checkout", "purchase/transition.go",
			`		o.CheckoutSent, o.PaidAfter, o.Amount = e.Time, e.There, e.Amount
`, "",
			[]tests{core("^TestWhatIsAboutToBeSentIsWrittenBefore$")},
		},
		{
			"the once-only checkout", "purchase/buyer.go",
			`		return b.prove(ctx, o)
`, `		if o.Answer == AnswerNone || o.Answer == AnswerUnclear {
			_ = b.shop.Checkout(ctx)
		}
		return b.prove(ctx, o)
`,
			[]tests{
				core("^TestKilledAtEveryMoment$/^the_answer_of_the_checkout_is_lost$"), core("^TestEveryFaultOfCoCalc$"),
				simulated("60"),
			},
		},
		{
			"the last guard against a second checkout", "purchase/transition.go",
			`		case !o.CheckoutSent.IsZero():
			return errSentBefore`, `		case false:
			return errSentBefore`,
			[]tests{core("^TestCheckoutIsNeverSentAgain$")},
		},
		{
			"the last guard against a checkout above the price", "purchase/transition.go",
			`		case e.Amount > o.Price:`, `		case false:`,
			[]tests{core("^TestApply_WrongEvents_AreRefused$")},
		},
		{
			"the purchase of an order that a copy of the ledger had ended", "purchase/byword.go",
			`			if o.State == Expired || o.State == Cancelled {`, `			if false {`,
			[]tests{core("^TestDesk_Restore_EntersWhatTheCopyHadEnded$")},
		},
		{
			"that only a restore makes a withdrawn order a bought one", "purchase/transition.go",
			`(o.State == Expired || o.State == Cancelled) && !o.Restored {`, `false {`,
			[]tests{core("^TestApply_WrongEvents_AreRefused$")},
		},
		{
			"taking a checkout of unclear outcome for unclear", "purchase/checkout.go",
			`refusal.Outcome != cocalc.Unknown
`, `refusal.Outcome != cocalc.Transient
`,
			[]tests{core("^TestEveryFaultOfCoCalc$")},
		},
		{
			"the proof after checkout", "purchase/checkout.go",
			`	if err == nil && item.Purchased != nil {
		return b.bought(ctx, o, item, false)`, `	if err == nil && (item.Purchased != nil || o.Answer == AnswerSuccess) {
		return b.bought(ctx, o, item, false)`,
			[]tests{core("^TestSuccessThatBoughtNothing$"), simulated("60")},
		},
		{
			"finding a double buy", "purchase/evidence.go",
			`			r.Extra = append(r.Extra, Extra{PurchaseID: row.ID, LicenseID: row.LicenseID, Charged: row.Cost})
`, "",
			[]tests{core("^TestADoubleBuyIsFound$")},
		},
		{
			"pausing after a double buy", "purchase/checkout.go",
			`	if _, err := pauseBuying(w, ownPause(d.now(), cause), ""); err != nil {
		return err
	}
`, "	_ = cause\n",
			[]tests{core("^TestADoubleBuyIsFound$")},
		},
		{
			"pausing after an overcharge", "purchase/pause.go",
			"	case r.Charged > o.Price:\n		agreed = o.Price\n", "	case r.Charged > o.Price:\n		return nil\n",
			[]tests{core("^TestTheBotPausesItself$")},
		},
		{
			"pausing after the second unknown outcome", "purchase/pause.go",
			`d.now().Sub(at) > unknownsApart {`, `true || d.now().Sub(at) > unknownsApart {`,
			[]tests{core("^TestTheBotPausesItself$")},
		},
		{
			"spent money counts in the budget", "purchase/checkout.go", "	return spend(w, o, r.Charged, 1)\n", "	return nil\n",
			[]tests{core("^TestACleanPurchase$")},
		},
	}
}
