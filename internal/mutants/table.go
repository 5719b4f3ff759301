package main

import "slices"

// table is every mutant, in the order of a purchase: what people decide, what is sent to CoCalc, what is believed of
// its answers, what looks after the account, what is written down, and what Slack brings.
func table() []mutant {
	return slices.Concat(deciding(), buying(), paying(), settling(), watching(), unserved(), answers(), ledger(),
		slackSide(), books(), rights(), operation())
}

// Tests that many mutants meet.
func core(run string) tests       { return tests{pkg: "./purchase", run: run} }
func reconciled(run string) tests { return tests{pkg: "./purchase/reconcile", run: run} }
func client(run string) tests     { return tests{pkg: "./cocalc", run: run} }
func kept(run string) tests       { return tests{pkg: "./storage", run: run} }
func dispatched(run string) tests { return tests{pkg: "./bot/socket", run: run} }
func shown(run string) tests      { return tests{pkg: "./bot", run: run} }
func program(run string) tests    { return tests{pkg: "./cmd/bot", run: run} }

// simulated is a part of the seeds of the simulation.
func simulated(seeds string) tests {
	return tests{pkg: "./internal/simulation", run: "^TestSimulation_Seeds$", args: []string{"-seeds=" + seeds}}
}

// deciding are the safeguards between a click and a promise.
func deciding() []mutant {
	return []mutant{
		{
			"the requester check",
			"purchase.OnlyRequester",
			dropOperand("who.Is"),
			[]tests{shown("^TestHandler_Action_ForgedAndForeign$")},
		},
		{
			"the check of who is a member",
			"purchase.RefuseOutsider",
			always("Member"),
			[]tests{shown("^TestHandler_Action_ForgedAndForeign$")},
		},
		{
			"the check of the place of a button",
			"purchase/orders.checkChannel",
			always("action.Typed"),
			[]tests{core("^TestClicksThatOnlyLook$")},
		},
		{
			"the sum of what is not asked about",
			"purchase.Policy.NeedsApproval",
			swap("auto + o.Price", "o.Price"),
			[]tests{core("^TestAutomaticApprovalInParts$")},
		},
		{
			"the sum of what is not asked about, before an order is begun",
			"purchase.Policy.RefuseUnapproved",
			swap("share.Auto[o.Day]", "o.Price"),
			[]tests{core("^TestALoweredSumWhileOrdersWait$")},
		},
		{
			"withdrawn requests among the day's orders",
			"purchase.changeOf",
			never("after.ApproveBy"),
			[]tests{core("^TestAskingAndWithdrawing$"), core("^TestApply_Purchase_MovesTheReservation$")},
		},
		{
			"the end of a new price's offer",
			"purchase/orders.(*Service).confirmNewPrice",
			never("old.Offers"),
			[]tests{core("^TestAnOldNewPrice$")},
		},
		{
			"one budget for two ids",
			"purchase.AccountState.Key",
			swap("cmp.Or(p.Org, a.Twins[p.ID], p.ID)", "cmp.Or(p.ID, p.Org)"),
			[]tests{core("^TestTwoIDsHaveOneBudget$")},
		},
		{
			"the pace of cards",
			"purchase/orders.(*rateLimiter).allowCard",
			never("c.left"),
			[]tests{core("^TestCardsInAShortTime$")},
		},
		{
			"the pace of recorded refusals",
			"purchase/orders.(*rateLimiter).recordSingly",
			always("r.single"),
			[]tests{core("^TestRefusalsAreRecordedTogether$"), core("^TestRefusedClicksAreRecordedTogether$")},
		},
		{
			"the record of counted refusals at the end",
			"purchase/orders.(*Process).Flush",
			swap("p.svc.recordCounted(ctx, true)", "p.svc.recordCounted(ctx, false)"),
			[]tests{core("^TestRefusalsAreRecordedTogether$")},
		},
		{
			"that no admin settles their own order",
			"purchase/orders.(*Service).checkResolve",
			never("who.Is"),
			[]tests{core("^TestAnAdminsOwnOrderIsSettledByAnother$")},
		},
		{
			"what people see who are on no list",
			"purchase.Policy.SightOf",
			always("Everyone"),
			[]tests{shown("^TestHandler_Reveal_WholeID$")},
		},
		{
			"what guests see",
			"purchase.RefuseUnseen",
			always("Membership"),
			[]tests{shown("^TestHandler_Reveal_WholeID$")},
		},
		{
			"what buyers see of other people's money",
			"purchase.Sight.Cost",
			dropOperand("s.Own"),
			[]tests{shown("^TestHandler_Reveal_Money$")},
		},
		{
			"whose orders a part of an id finds",
			"purchase/orders.(*Service).Find",
			dropOperand("who.Is"),
			[]tests{shown("^TestHandler_IDSearch_SeveralMatches$")},
		},
		{
			"the look at who clicks in a list",
			"bot.(*Handler).showPage",
			never("err != nil"),
			[]tests{shown("^TestHandler_ShowPage_FormerBuyer$")},
		},
		{
			"the ids that approvers' cards shorten",
			"bot.approvalCard",
			dropStatement("withoutIDs"),
			[]tests{shown("^TestPublisher_NoWholeIDInChannel$")},
		},
		{
			"the id that the line in the channel shortens",
			"bot.purchaseLine",
			swap("purchase.ShortID(o.Receipt.LicenseID)", "o.Receipt.LicenseID"),
			[]tests{shown("^TestHandler_Reveal_WholeID$")},
		},
		{
			"the ids that notices in channels shorten",
			"bot.(*Publisher).outsiderReason",
			never("isPerson"),
			[]tests{shown("^TestPublisher_NoWholeIDInChannel$")},
		},
		{
			"the record of a refusal",
			"purchase/orders.(*Service).transact",
			instead("return nil", "svc.recordRefusal"),
			[]tests{shown("^TestHandler_Action_ForgedAndForeign$")},
		},
		{
			"the card that goes on to the changed order",
			"purchase.OrderEvent.fill",
			dropStatement("Successor"),
			[]tests{core("^TestALateClickDoesNotTakeBackAChangedCard$")},
		},
		{
			"the record of a refusal of what decides nothing",
			"purchase/orders.(*Service).refuse",
			swap("w.AppendEvent(svc.refusalEvent(no, id, who, at))", "nil"),
			[]tests{shown("^TestHandler_Approve$")},
		},
		{
			"the once-only confirmation",
			"purchase/orders.(*Service).checkConfirm",
			never("purchase.Proposed"),
			[]tests{core("^TestClicks$")},
		},
		{
			"the expiry of a card",
			"purchase/orders.(*Service).checkConfirm",
			never("now.Before"),
			[]tests{shown("^TestHandler_Action_OldCard$")},
		},
		{
			"the expiry of a card without a decision",
			"purchase.(*Order).AwaitsPeople",
			never("Proposed"),
			[]tests{core("^(TestClicks|TestACardWhileTheClockSteps|TestAWaitingOrderIsLeftAlone)$")},
		},
		{
			"the list of buyers, asked again at the yes",
			"purchase/orders.(*Service).checkConfirm",
			dropStatement("svc.policy.MayBuy"),
			[]tests{core("^TestRightsAndLimitsCountAtTheYes$")},
		},
		{
			"the limits, asked again at the yes",
			"purchase/orders.(*Service).checkConfirm",
			instead("return nil, nil", "svc.policy.Allows"),
			[]tests{core("^TestTheBudgetHoldsUnderConcurrency$"), core("^TestRightsAndLimitsCountAtTheYes$")},
		},
		{
			"the limit of an order",
			"purchase.Limit.allows",
			swap("l.Max", "l.Max + 1"),
			[]tests{core("^TestWhatTheLimitsLetThrough$")},
		},
		{
			"the reservation",
			"purchase/register.(*Register).Keep",
			dropStatement("PutBudget"),
			[]tests{core("^TestTheBudgetHoldsUnderConcurrency$"), shown("^TestConversation_Crowd$")},
		},
		{
			"the pause, asked at the yes",
			"purchase/orders.(*Service).checkConfirm",
			dropStatement("svc.reg.RefuseClosed"),
			[]tests{core("^(TestTheSwitch|TestAfterARestore)$")},
		},
		{
			"that people can't approve their own orders",
			"purchase.Policy.MayApprove",
			never("who.Is"),
			[]tests{core("^TestApprovals$"), shown("^TestConversation_Crowd$")},
		},
		{
			"the price again when it was approved",
			"purchase/orders.(*Service).reserveApproved",
			swap("quote.Total > o.Price", "quote.Total > 2*o.Price"),
			[]tests{core("^TestAPriceThatRoseBeforeItWasApproved$")},
		},
		{
			"the limits again when it was approved",
			"purchase/orders.(*Service).reserveApproved",
			dropStatement("svc.policy.Allows"),
			[]tests{core("^TestApprovals$")},
		},
		{
			"that an order is decided once",
			"purchase/orders.(*Service).checkApprover",
			never("purchase.AwaitingApproval"),
			[]tests{shown("^TestConversation_Crowd$"), core("^TestApprovals$")},
		},
		{
			"that as many people agree as are asked for",
			"purchase/orders.(*Service).approve",
			swap("len(counts) >= need", "true"),
			[]tests{core("^TestApprovals$")},
		},
		{
			"that who agreed is an approver still",
			"purchase/register.(*Register).StillAgree",
			never("MayApprove"),
			[]tests{core("^TestAnApproverWhoLeftDoesNotCount$")},
		},
		{
			"the list of buyers",
			"purchase.Policy.MayBuy",
			always("Everyone"),
			[]tests{core("^TestWhoMayBuy$")},
		},
		{
			"the budget of the month",
			"purchase.Policy.Allows",
			never("p.Left"),
			[]tests{core("^TestWhatTheLimitsLetThrough$")},
		},
		{
			"the budget of a person",
			"purchase.Policy.Allows",
			never("p.PersonBudget"),
			[]tests{core("^(TestWhatTheLimitsLetThrough|TestEveryLimitSaysWhatItIs|TestManyPeopleAtOnce)$")},
		},
		{
			"the list of admins",
			"purchase.Policy.MayAdminister",
			always("IsListed"),
			[]tests{shown("^TestHandler_Submission_Forged$")},
		},
		{
			"a verdict that says neither",
			"purchase/orders.(*Service).resolve",
			never("purchase.WasNotBought"),
			[]tests{shown("^TestHandler_Submission_Forged$")},
		},
	}
}
