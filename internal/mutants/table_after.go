package main

// settling are the safeguards of an order whose outcome is not known.
func settling() []mutant {
	return []mutant{
		{
			"the first settle window, with the item in the cart", "purchase/resolution.go",
			`	if left := b.remains(o.ID, window); left > 0 {
`, `	if left := b.remains(o.ID, window); left > 0 && false {
`,
			[]tests{core("^TestALateCheckoutAfterTheItemWasTakenOut$"), core("^TestEveryFaultOfCoCalc$"), simulated("60")},
		},
		{
			"the second settle window, after the item was taken out", "purchase/resolution.go",
			`	if left := b.remains(o.ID, window); left > 0 {
`, `	if left := b.remains(o.ID, window); left > 0 && o.Hold.Removed.IsZero() {
`,
			[]tests{core("^TestALateCheckoutAfterTheItemWasTakenOut$"), simulated("60")},
		},
		{
			"taking the item out before an unknown order fails", "purchase/resolution.go",
			`if o.Hold.Removed.IsZero() {`, `if false {`,
			[]tests{core("^TestAnUnknownOutcomeHoldsTheAccount$"), core("^TestEveryFaultOfCoCalc$")},
		},
		{
			"looking at the purchases for an order whose item is gone", "purchase/resolution.go",
			`	case len(rows) > 0: // bought`, `	case false: // bought`,
			[]tests{core("^TestAnItemThatWasDeletedAfterItWasBought$")},
		},
		{
			"the proof of the key beside nothing found", "purchase/evidence.go",
			`	_, err = b.shop.WhoAmI(ctx)
	return item, nil, err
`, "	return item, nil, nil\n",
			[]tests{core("^TestNothingFoundWithoutAProofOfTheKey$")},
		},
		{
			"looking at the licenses for an order whose item is gone", "purchase/evidence.go",
			`		if b.provenBy(ctx, o, l) {
`, `		if false {
`,
			[]tests{core("^TestAnItemThatWasDeletedAfterItWasBought$")},
		},
		{
			"only an order that is unknown can be settled", "purchase/adminresolution.go",
			`	if order.State != Unknown {`, `	if false {`,
			[]tests{redactValue("^TestHandler_Submission_Forged$")},
		},
		{
			"the reason of an admin", "purchase/adminresolution.go",
			`if no == nil && s.Reason == "" {`, `if false {`,
			[]tests{redactValue("^TestHandler_Submission_Forged$")},
		},
		{
			"the record of an admin's word", "purchase/adminresolution.go",
			`		err := w.AppendEvent(Event{
			Time: d.now(), Kind: "settled", Order: id, By: click.Who.ID, Place: click.At.Channel,
			Amount: o.Price, Note: note + ": " + s.Reason,
		})
		if err != nil {
			return nil, err
		}
`, "		_ = note\n",
			[]tests{core("^TestAnAdminSettles$")},
		},
		{
			"waiting for a checkout of ours that may still come", "purchase/retry.go",
			`	return b.remains(o.ID, span{
		what: "checkout",`, `	return 0 * b.remains(o.ID, span{
		what: "checkout",`,
			[]tests{core("^TestACheckoutThatComesAfterTheItemWasSold$")},
		},
	}
}

// watching are the safeguards for what comes late, and for the account as a whole.
func watching() []mutant {
	return []mutant{
		{
			"watching an order that failed", "purchase/buyer.go",
			`			e.WatchUntil = b.watchUntil()
`, `			_ = e
`,
			[]tests{core("^TestAnAddThatComesLate$")},
		},
		{
			"taking out the late item of a failed order", "purchase/watch.go",
			`	case item.ID != 0 && item.Removed.IsZero():
`, `	case false:
`,
			[]tests{core("^TestAnAddThatComesLate$")},
		},
		{
			"adopting what another checkout has bought", "purchase/cart.go",
			`		case items[i].Purchased != nil:
			return b.adopt(ctx, o, items[i])
`, `		case items[i].Purchased != nil:
			return 0, b.fail(ctx, o, *failure(FailCart, "It is gone."))
`,
			[]tests{core("^TestSomebodyBuysOurItem$")},
		},
		{
			"comparing the account's purchases with the ledger", "purchase/sweep.go",
			`		for _, row := range sold.rows {
			if account.reported(row) {`, `		for _, row := range sold.rows[:0] {
			if account.reported(row) {`,
			[]tests{core("^(TestAForeignPurchase|TestACheckoutThatCommitsAnHourLate)$")},
		},
		{
			"that an order which waits for the end of a pause goes on saying so", "purchase/retry.go",
			`	if waitsForPause(o) {
		return d, nil
	}
`, "",
			[]tests{core("^TestAPauseFindsAnItemOutOfTheWay$")},
		},
		{
			"that a checkout of an older server may have read the item before it was edited", "purchase/legacyprice.go",
			"case !gives(item.Description, licenses[i]):", "case false:",
			[]tests{core("^TestAnItemThatWasMadeDearerOnAnOlderServer$")},
		},
		{
			"checking what was parked again when buying is paused", "purchase/buyer.go",
			`left := o.State.Final() || stopped && o.State == Approved && len(o.Parked) > 0`, `left := o.State.Final()`,
			[]tests{core("^TestAPauseFindsAnItemOutOfTheWay$")},
		},
		{
			"whose the key is", "purchase/account.go",
			"account.CoCalc == who.ID {", "true {",
			[]tests{core("^TestAKeyOfAnotherAccount$")},
		},
		{
			"whose the key is, before an order is begun", "purchase/buyer.go",
			`	if pause, err := b.proven(ctx); err != nil {
		return b.unproven(ctx, o, err)
	} else if pause > 0 {
		return pause, nil
	}
`, "",
			[]tests{core("^(TestAKeyOfAnotherAccount|TestAnOrderWaitsUntilTheKeyIsProven)$")},
		},
		{
			"the cost of an item that was made more expensive, on a server that does not show it", "purchase/legacyprice.go",
			"item.Purchased == nil || b.differs(o, item) == nil {", "true {",
			[]tests{core("^TestAnItemThatWasMadeDearerOnAnOlderServer$")},
		},
		{
			"what such a license has cost", "purchase/legacyprice.go",
			"		if asked[name] != has {\n", "		if asked[name] != has && false {\n",
			[]tests{core("^TestAnItemThatWasMadeDearerOnAnOlderServer$")},
		},
		{
			"entering a purchase of a failed order that the comparison finds", "purchase/sweep.go",
			`	case o.State == Failed && !o.NeverAdded():
		return o.ID, nil
`, "",
			[]tests{core("^TestACheckoutThatCommitsAnHourLate$")},
		},
		{
			"the proof of the key beside the comparison", "purchase/sweep.go",
			`	_, err = b.shop.WhoAmI(ctx)
	return s, err
`, "	return s, nil\n",
			[]tests{core("^TestACheckoutThatCommitsAnHourLate$"), core("^TestTheComparisonProvesTheKey$")},
		},
		{
			"telling of a foreign purchase once", "purchase/sweep.go",
			`	account.Strangers = append(slices.Clone(account.Strangers), append(r.again, r.strangers...)...)
`, "",
			[]tests{core("^TestAForeignPurchase$")},
		},
		{
			"that a license with an order's tag is not older than the order", "purchase/evidence.go",
			"id == o.ID && b.couldBe(o, l.Created) && (", "id == o.ID && (",
			[]tests{core("^TestATagInAnotherLicense$")},
		},
		{
			"that a license with an order's tag gives what was ordered", "purchase/evidence.go",
			"(gives(o.Sent, l) || b.older(ctx))", "true",
			[]tests{core("^TestATagInAnotherLicense$")},
		},
		{
			"that a purchase with an order's tag is not older than the order", "purchase/sweep.go",
			"!o.NeverAdded() && !b.couldBe(o, row.Time):", "false:",
			[]tests{core("^TestATagInAnOlderPurchase$")},
		},
		{
			"that a step of the clock makes no window shorter or longer", "purchase/clock.go",
			"	if !known {\n", "	if !known || true {\n",
			[]tests{core("^TestAWatchWhileTheClockSteps$")},
		},
		{
			"that a stored time that is still to come holds nothing longer than its window", "purchase/clock.go",
			"min(max(left, 0), s.length)", "max(left, 0)",
			[]tests{core("^(TestAWatchWhileTheClockSteps|TestACardWhileTheClockSteps)$")},
		},
		{
			"that the comparison does not trust a time that is still to come", "purchase/sweep.go",
			"back.After(from) && !deep {", "back.After(from) {",
			[]tests{core("^TestAClockThatStepsAndStepsBack$")},
		},
		{
			"that the account is watched from no time that is still to come", "purchase/sweep.go",
			"!account.Watching.IsZero() && !account.Watching.After(now) {", "!account.Watching.IsZero() {",
			[]tests{core("^TestAFirstStartWithAWrongClock$")},
		},
		{
			"pausing on a purchase that cannot be explained", "purchase/sweep.go",
			`	_, err := pauseBuying(w, ownPause(b.now(), Cause{Code: IncidentUnexplained, Args: reportArgs(row)}), "")
	return err
`, "	return nil\n",
			[]tests{core("^TestAPurchaseThatCannotBeExplained$")},
		},
		{
			"the people of purchases that a backup lacks", "purchase/restore.go",
			"		before.Orders = append(before.Orders, o)\n", "",
			[]tests{core("^TestAPurchaseThatTheBackupLacks$")},
		},
		{
			"entering what a restore had ended, and was bought", "purchase/sweep.go",
			"	case o.Restored && o.State.CanBecome(Purchased):", "	case false:",
			[]tests{core("^TestAPurchaseThatTheBackupLacks$")},
		},
		{
			"that a tag which is older than the backup is another bot's", "purchase/lost.go",
			"err == nil && ulid.Time(parsed.Time()).After(b.Last.Add(-slack))",
			"err == nil && !ulid.Time(parsed.Time()).IsZero()",
			[]tests{core("^TestAnOlderTagAfterARestore$")},
		},
		{
			"the sum that an admin sees who resumes buying", "purchase/lost.go",
			"if in.Code != IncidentUnexplained {", "if true {",
			[]tests{core("^TestAResumeNamesWhatIsLeftOut$")},
		},
		{
			"that an incident is recorded and told once", "purchase/pause.go",
			"return known.Is(in.Cause) })", "return known.Is(in.Cause) && false })",
			[]tests{core("^TestAnIncidentDuringALongPause$")},
		},
		{
			"that an incident is recorded and told however long the reasons are", "purchase/pause.go",
			"	if err != nil || !isNew {\n		return false, err", "	if err != nil || !isNew || true {\n		return false, err",
			[]tests{core("^TestAnIncidentDuringALongPause$")},
		},
		{
			"buying nothing that an older copy of the ledger promised", "purchase/restore.go",
			`		case Approved, Adding, Carted:
`, `		case Adding, Carted:
`,
			[]tests{core("^TestAfterARestore$")},
		},
		{
			"taking no order before a restored ledger was compared with CoCalc", "purchase/restore.go",
			`	if account.Restored == nil {
		return nil
	}
`, `	if true {
		return nil
	}
`,
			[]tests{core("^TestAfterARestore$")},
		},
		{
			"that only what breaks the cart is taken out", "purchase/brokenitem.go",
			`if now := d.now(); !item.BreaksCart(now) && item.Problem(now) == "" {`,
			`if now := d.now(); false && item.Problem(now) == "" {`,
			[]tests{core("^TestABrokenItemIsNamedAndTakenOut$")},
		},
		{
			"a trigger that comes again after a restart", "purchase/desk.go",
			`	if p, again, err := d.proposedBefore(ctx, ask); again || err != nil {`,
			`	if p, again, err := d.proposedBefore(ctx, ask); false && again || err != nil {`,
			[]tests{redactValue("^TestTriggers_Claim_AfterRestart$")},
		},
		{
			"a window that began before this run, without CoCalc's time", "purchase/clock.go",
			`		case s.careful && `, `		case false && `,
			[]tests{core("^TestASlowCheckoutAfterARestartWithAClockAhead$")},
		},
		{
			"purchases that a new ledger found at its beginning", "purchase/sweep.go",
			`	case errors.Is(err, ErrNoOrder) && !r.earlier.IsZero()`, `	case false && !r.earlier.IsZero()`,
			[]tests{core("^TestAPurchaseAMomentOlderThanANewLedger$")},
		},
		{
			"guests who keep prices out of a channel", "bot/audience.go",
			`return s == purchase.Guest || s == purchase.Foreign`, `return false`,
			[]tests{redactValue("^TestPublisher_PublishLine_ChannelWithOutsiders$")},
		},
		{
			"channels of another organization get no prices", "bot/audience.go",
			`return c.IsExtShared || c.IsPendingExtShared`, `return false`,
			[]tests{redactValue("^TestPublisher_PublishLine_ChannelWithOutsiders$")},
		},
		{
			"a guest among the admins gets no notices", "bot/notification.go",
			`	case purchase.Guest, purchase.Robot, purchase.Foreign, purchase.Deactivated:
		return string(standing)
`, "	case purchase.Unverified:\n		return \"\"\n",
			[]tests{redactValue("^TestPublisher_OutsiderReason_GuestAmongAdmins$")},
		},
		{
			"a notice is told once to each", "purchase/notices.go",
			`		n.Left = slices.DeleteFunc(slices.Clone(n.Left), func(r string) bool { return r == recipient })
`, "",
			[]tests{
				core("^(TestAForeignPurchase|TestTheSwitch|TestADoubleBuyIsFound)$"),
				redactValue("^TestPublisher_SendNotice_FullDisk$"),
			},
		},
		{
			"who has a notice is not told again as a member of a group", "purchase/groupnotices.go",
			"if !slices.Contains(n.Left, m) && !slices.Contains(n.Had, m) {", "if true {",
			[]tests{redactValue("^TestPublisher_ExpandGroup$")},
		},
		{
			"the members of a group are told, not the group", "bot/notification.go",
			`		case strings.HasPrefix(to, "S"):
`, `		case false:
`,
			[]tests{redactValue("^TestPublisher_ExpandGroup_Empty$")},
		},
	}
}

// unserved are the safeguards while the server sells no licenses.
func unserved() []mutant {
	return []mutant{
		{
			"no step of an order but its wait, while the server sells no licenses", "purchase/buyer.go",
			`	if s := b.Server(); !s.SellsLicenses() {
		return b.stepUnserved`, `	if s := b.Server(); false {
		return b.stepUnserved`,
			[]tests{core("^TestAWaitingOrderGoesOnAfterHalfAnHour$")},
		},
		{
			"a probe before an order ends for a request that failed", "purchase/retry.go",
			`	if speaksOfServer(e) || over && isDown(e) {`, `	if false {`,
			[]tests{core("^TestAWaitingOrderGoesOnAfterHalfAnHour$")},
		},
		{
			"an hour before a waiting order ends", "purchase/unserved.go",
			`	return s.Probes >= leastProbes && s.Held-began >= leastProbes*b.timing.Probe`,
			`	return s.Probes >= leastProbes && began >= 0`,
			[]tests{core("^TestAWaitingOrderEndsAfterAnHour$"), core("^TestOnlyAnHourOfTheSameEndsAnOrder$")},
		},
		{
			"no more than one pause of an hour for the time without a probe", "purchase/probe.go",
			`min(max(gap, 0), b.timing.Probe)`, `gap`,
			[]tests{core("^TestOnlyAnHourOfTheSameEndsAnOrder$")},
		},
		{
			"a week before an unknown outcome is released", "purchase/unserved.go",
			`	if left := b.remains(o.ID, week); left > 0 ||`, `	if left := b.remains(o.ID, week); left < 0 ||`,
			[]tests{core("^TestAnUnknownOutcomeThatCoCalcCannotTell$")},
		},
		{
			"the reservation of a released order", "purchase/unserved.go",
			`		budget.reserve(key, *live, -1)
`, `		_ = key
`,
			[]tests{core("^TestAnUnknownOutcomeThatCoCalcCannotTell$")},
		},
		{
			"the refusal of orders in the transaction, while the server sells no licenses", "purchase/access.go",
			`	return d.notSold(d.diagnosed(account))`, `	return nil`,
			[]tests{core("^TestTheDeskKnowsTheServer$")},
		},
		{
			"a second probe before a move is believed", "purchase/server.go",
			`	proven := was != nil && (was`, `	proven := was == nil || (was`,
			[]tests{core("^TestOneProbeProvesNoMove$")},
		},
		{
			"two probes before the admins are told", "purchase/probe.go",
			`const provenBy = 2`, `const provenBy = 1`,
			[]tests{core("^TestEveryOtherAnswerIsAPage$")},
		},
		{
			"a whole week also after the clock was set", "purchase/unserved.go",
			`length: releaseAfter, careful: true,`, `length: releaseAfter,`,
			[]tests{core("^TestAClockAheadReleasesNothing$")},
		},
		{
			"that approvers are asked directly once", "purchase/outsiders.go",
			`|| !o.AskedDirectly.IsZero() ||`, `||`,
			[]tests{redactValue("^TestPublisher_PublishApproval_GuestJoins$")},
		},
		{
			"that an answer doesn't replace a later question's", "bot/cache.go",
			`ok && old.began.After(e.began) && `, `ok && false && `,
			[]tests{redactValue("^TestCache_Learn_EarlierQuestion$")},
		},
		{
			"that an admin's word is no proof that nothing was charged", "purchase/refusals.go",
			`	return o.Restored || o.Failure != nil && (o`, `	return o.Restored || false && o.Failure != nil && (o`,
			[]tests{core("^TestAClickSaysOnlyWhatCoCalcHasShown$")},
		},
	}
}
