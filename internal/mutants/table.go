package main

import "slices"

// table is every mutant, in the order of a purchase: what people decide, what is sent to CoCalc, what is believed of
// its answers, what looks after the account, what is written down, and what Slack brings.
func table() []mutant {
	return slices.Concat(deciding(), buying(), paying(), settling(), watching(), unserved(), answers(), ledger(),
		slackSide(), books(), rights(), operator())
}

// Tests that many mutants meet.
func core(run string) tests        { return tests{pkg: "./purchase", run: run} }
func client(run string) tests      { return tests{pkg: "./cocalc", run: run} }
func kept(run string) tests        { return tests{pkg: "./storage", run: run} }
func dispatched(run string) tests  { return tests{pkg: "./bot/socket", run: run} }
func redactValue(run string) tests { return tests{pkg: "./bot", run: run} }
func program(run string) tests     { return tests{pkg: "./cmd/bot", run: run} }

// simulated is a part of the seeds of the simulation.
func simulated(seeds string) tests {
	return tests{pkg: "./internal/simulation", run: "^TestSimulation_Seeds$", args: []string{"-seeds=" + seeds}}
}

// deciding are the safeguards between a click and a promise.
func deciding() []mutant {
	return []mutant{
		{
			"the requester check", "purchase/refusals.go",
			`if who.Is(order.Requester) && (`, `if (who.Is(order.Requester) || true) && (`,
			[]tests{redactValue("^TestHandler_Action_ForgedAndForeign$")},
		},
		{
			"the check of who is a member", "purchase/membership.go",
			"	case who.Standing == Member:\n", "	case true:\n",
			[]tests{redactValue("^TestHandler_Action_ForgedAndForeign$")},
		},
		{
			"the check of the place of a button", "purchase/membership.go",
			`if click.Typed || click.At.Direct ||`, `if true || click.Typed || click.At.Direct ||`,
			[]tests{core("^TestClicksThatOnlyLook$")},
		},
		{
			"the sum of what is not asked about", "purchase/policy.go",
			`(auto+o.Price > p.AutoApprove ||`, `(o.Price > p.AutoApprove ||`,
			[]tests{core("^TestAutomaticApprovalInParts$")},
		},
		{
			"the sum of what is not asked about, before an order is begun", "purchase/recheck.go",
			`	auto := share.Auto[o.Day]
`, "	auto := o.Price\n",
			[]tests{core("^TestALoweredSumWhileOrdersWait$")},
		},
		{
			"withdrawn requests among the day's orders", "purchase/transition.go",
			`	case before.Promised() && after.State == Cancelled && `, `	case false && `,
			[]tests{core("^TestAskingAndWithdrawing$"), core("^TestApply_Purchase_MovesTheReservation$")},
		},
		{
			"the end of a new price's offer", "purchase/decision.go",
			`		if !old.Offers(d.now()) {`, `		if false {`,
			[]tests{core("^TestAnOldNewPrice$")},
		},
		{
			"one budget for two ids", "purchase/twins.go",
			`func (a AccountState) key(p Person) string { return cmp.Or(p.Org, a.Twins[p.ID], p.ID) }`,
			`func (a AccountState) key(p Person) string { return cmp.Or(p.ID, p.Org) }`,
			[]tests{core("^TestTwoIDsHaveOneBudget$")},
		},
		{
			"the pace of cards", "purchase/pace.go",
			`	if c.left < 1 {`, `	if false {`,
			[]tests{core("^TestCardsInAShortTime$")},
		},
		{
			"the pace of recorded refusals", "purchase/pace.go",
			`if len(r.counted) == 0 && r.single < mostRefusals {`, `if true {`,
			[]tests{core("^TestRefusalsAreRecordedTogether$"), core("^TestRefusedClicksAreRecordedTogether$")},
		},
		{
			"the record of counted refusals at the end", "purchase/buyer.go",
			`d.recordCounted(hard, true)`, `d.recordCounted(hard, false)`,
			[]tests{core("^TestRefusalsAreRecordedTogether$")},
		},
		{
			"that no admin settles their own order", "purchase/adminresolution.go",
			`	if who.Is(order.Requester) {`, `	if false {`,
			[]tests{core("^TestAnAdminsOwnOrderIsSettledByAnother$")},
		},
		{
			"what people see who are on no list", "purchase/sight.go",
			`	case p.Everyone, listedIn(p.Buyers, who):`, `	case true:`,
			[]tests{redactValue("^TestHandler_Reveal_WholeID$")},
		},
		{
			"what guests see", "purchase/sight.go",
			"	if who.Standing == Member {\n", "	if true {\n",
			[]tests{redactValue("^TestHandler_Reveal_WholeID$")},
		},
		{
			"what buyers see of other people's money", "purchase/sight.go",
			`return s.All || s.Licenses && s.Own(requester)`, `return s.All || s.Licenses`,
			[]tests{redactValue("^TestHandler_Reveal_Money$")},
		},
		{
			"whose orders a part of an id finds", "purchase/sight.go",
			`if who.Is(o.Requester) && len(ids) < mostMatches`, `if (true || who.Is(o.Requester)) && len(ids) < mostMatches`,
			[]tests{redactValue("^TestHandler_IDSearch_SeveralMatches$")},
		},
		{
			"the look at who clicks in a list", "bot/lists.go",
			`		if err != nil { // in the place of`, `		if false && err != nil { // in the place of`,
			[]tests{redactValue("^TestHandler_ShowPage_FormerBuyer$")},
		},
		{
			"the ids that approvers' cards shorten", "bot/approvalcards.go",
			"	o = withoutIDs(o)\n", "",
			[]tests{redactValue("^TestPublisher_NoWholeIDInChannel$")},
		},
		{
			"the id that the line in the channel shortens", "bot/cards.go",
			`codeSpan(purchase.ShortID(o.Receipt.LicenseID))`, `codeSpan(o.Receipt.LicenseID)`,
			[]tests{redactValue("^TestHandler_Reveal_WholeID$")},
		},
		{
			"the ids that notices in channels shorten", "bot/notification.go",
			`if !isPerson(to) {`, `if false {`,
			[]tests{redactValue("^TestPublisher_NoWholeIDInChannel$")},
		},
		{
			"the record of a refusal", "purchase/decision.go",
			`return d.recordRefusal(w, &recorded, no, id, click.Who, click.At)`, `_ = recorded
		return nil`,
			[]tests{redactValue("^TestHandler_Action_ForgedAndForeign$")},
		},
		{
			"the card that goes on to the changed order", "purchase/transition.go",
			`		o.ReplacedBy, o.Messages = e.Successor, nil
`, ``,
			[]tests{core("^TestALateClickDoesNotTakeBackAChangedCard$")},
		},
		{
			"the record of a refusal of what decides nothing", "purchase/refusals.go",
			`{ return w.AppendEvent(d.refusal(no, id, who, at)) }`, `{ return nil }`,
			[]tests{redactValue("^TestHandler_Approve$")},
		},
		{
			"the once-only confirmation", "purchase/decision.go",
			"	if order.State != Proposed {\n		return d.unlessNotSold(*order, alreadyDecided(*order)), nil\n	}\n", "",
			[]tests{core("^TestClicks$")},
		},
		{
			"the expiry of a card", "purchase/decision.go",
			`if !now.Before(order.Expires) {`, `if false && !now.Before(order.Expires) {`,
			[]tests{redactValue("^TestHandler_Action_OldCard$")},
		},
		{
			"the expiry of a card without a decision", "purchase/deadlines.go",
			"	case o.State == Proposed:\n		return o.Expires, true\n", "",
			[]tests{core("^(TestClicks|TestACardWhileTheClockSteps|TestAWaitingOrderIsLeftAlone)$")},
		},
		{
			"the list of buyers, asked again at the yes", "purchase/decision.go",
			"	if no := d.policy.mayBuy(who); no != nil {\n		return no, nil\n	}\n", "",
			[]tests{core("^TestRightsAndLimitsCountAtTheYes$")},
		},
		{
			"the limits, asked again at the yes", "purchase/decision.go",
			`	return d.policy.allows(wish{share, order.Spec, order.Price, now, false}, budget), nil`, `	_ = share
	return nil, nil`,
			[]tests{core("^TestTheBudgetHoldsUnderConcurrency$"), core("^TestRightsAndLimitsCountAtTheYes$")},
		},
		{
			"the limit of an order", "purchase/limits.go",
			`func (l Limit) allows(amount Cents) bool { return l.None || amount <= l.Max }`,
			`func (l Limit) allows(amount Cents) bool { return l.None || amount <= l.Max+1 }`,
			[]tests{core("^TestWhatTheLimitsLetThrough$")},
		},
		{
			"the reservation", "purchase/desk.go",
			`		if err := w.PutBudget(budget); err != nil {
			return err
		}
	}
	if err := w.PutOrder(order)`, `	}
	if err := w.PutOrder(order)`,
			[]tests{core("^TestTheBudgetHoldsUnderConcurrency$"), redactValue("^TestConversation_Crowd$")},
		},
		{
			"the pause, asked at the yes", "purchase/decision.go",
			"	if no := d.closed(account); no != nil {\n		return no, nil\n	}\n	budget, err", "	_ = account\n	budget, err",
			[]tests{core("^(TestTheSwitch|TestAfterARestore)$")},
		},
		{
			"that people can't approve their own orders", "purchase/policy.go",
			`if who.Is(o.Requester) {`, `if false {`,
			[]tests{core("^TestApprovals$"), redactValue("^TestConversation_Crowd$")},
		},
		{
			"the price again when it was approved", "purchase/approval.go",
			`err == nil && quote.Total > o.Price {`, `err == nil && quote.Total > 2*o.Price {`,
			[]tests{core("^TestAPriceThatRoseBeforeItWasApproved$")},
		},
		{
			"the limits again when it was approved", "purchase/approval.go",
			"		no = d.policy.allows(wish{share, o.Spec, o.Price, o.Confirmed, true}, budget)\n", "		_, no = share, nil\n",
			[]tests{core("^TestApprovals$")},
		},
		{
			"that an order is decided once", "purchase/approval.go",
			`if o.State != AwaitingApproval || !d.now().Before(o.ApproveBy) {`, `if false {`,
			[]tests{redactValue("^TestConversation_Crowd$"), core("^TestApprovals$")},
		},
		{
			"that as many people agree as are asked for", "purchase/approval.go",
			`last := len(counts) >= need`, `last := true`,
			[]tests{core("^TestApprovals$")},
		},
		{
			"that who agreed is an approver still", "purchase/recheck.go",
			`case d.policy.mayApprove(o, who) != nil:`, `case false:`,
			[]tests{core("^TestAnApproverWhoLeftDoesNotCount$")},
		},
		{
			"the list of buyers", "purchase/policy.go",
			"	if p.Everyone || listedIn(p.Buyers, who) {\n", "	if true {\n",
			[]tests{core("^TestWhoMayBuy$")},
		},
		{
			"the budget of the month", "purchase/limits.go",
			`limited && (more > left || left < 0)`, `false && limited && (more > left || left < 0)`,
			[]tests{core("^TestWhatTheLimitsLetThrough$")},
		},
		{
			"the budget of a person", "purchase/limits.go",
			`p.PersonBudget > 0 && (more > left || left < 0)`, `false`,
			[]tests{core("^(TestWhatTheLimitsLetThrough|TestEveryLimitSaysWhatItIs|TestManyPeopleAtOnce)$")},
		},
		{
			"the list of admins", "purchase/policy.go",
			"	if listedIn(p.Admins, who) {\n", "	if true {\n",
			[]tests{redactValue("^TestHandler_Submission_Forged$")},
		},
		{
			"a verdict that says neither", "purchase/adminresolution.go",
			`if no == nil && s.Verdict != WasBought && s.Verdict != WasNotBought {`, `if false {`,
			[]tests{redactValue("^TestHandler_Submission_Forged$")},
		},
	}
}
