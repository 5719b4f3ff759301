package main

import "slices"

// table returns all mutants, in the order of a purchase: decisions of people, requests to CoCalc and their answers,
// reconciliation, the ledger, and Slack.
func table() []mutant {
	return slices.Concat(deciding(), buying(), paying(), settling(), watching(), unserved(), answers(), ledger(),
		slackSide(), books(), upkeep(), subscriptions(), renewals(), rights(), operation())
}

// Tests that many mutants name.
func reconciled(run string) tests { return tests{pkg: "./purchase/reconcile", run: run} }
func client(run string) tests     { return tests{pkg: "./cocalc", run: run} }
func kept(run string) tests       { return tests{pkg: "./storage", run: run} }
func dispatched(run string) tests { return tests{pkg: "./bot/socket", run: run} }
func shown(run string) tests      { return tests{pkg: "./bot", run: run} }
func program(run string) tests    { return tests{pkg: "./cmd/bot", run: run} }

// in returns tests of one of the packages of purchasing.
func in(pkg, run string) tests { return tests{pkg: "./" + pkg, run: run} }

// simulated returns the tests of some seeds of the simulation.
func simulated(seeds string) tests {
	return tests{pkg: "./internal/simulation", run: "^TestSimulation_Seeds$", args: []string{"-seeds=" + seeds}}
}

// deciding returns the mutants of the safeguards between a click and a reservation.
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
			[]tests{in("purchase/orders", "^TestService_Allowed_WhoAndWhere$")},
		},
		{
			"the sum of what is not asked about",
			"purchase.Policy.NeedsApproval",
			swap("auto + o.Price", "o.Price"),
			[]tests{in("purchase/orders", "^TestService_AutoApprove_SumOfDay$")},
		},
		{
			"the sum of what is not asked about, before an order is begun",
			"purchase.Policy.RefuseUnapproved",
			swap("share.Auto[o.Day]", "o.Price"),
			[]tests{in("purchase/checkout", "^TestWorker_Recheck_AutoApproveLowered$")},
		},
		{
			"withdrawn requests among the day's orders",
			"purchase.changeOf",
			never("after.ApproveBy"),
			[]tests{
				in("purchase/orders", "^TestService_PersonOrders_WithdrawnCount$"),
				in("purchase", "^TestApply_Purchase_MovesTheReservation$"),
			},
		},
		{
			"the end of a new price's offer",
			"purchase/orders.(*Service).confirmNewPrice",
			never("old.Offers"),
			[]tests{in("purchase/orders", "^TestService_ConfirmNewPrice_Expired$")},
		},
		{
			"one budget for two ids",
			"purchase.AccountState.Key",
			swap("cmp.Or(p.Org, a.Twins[p.ID], p.ID)", "cmp.Or(p.ID, p.Org)"),
			[]tests{in("purchase/orders", "^TestService_Twins_OneBudget$")},
		},
		{
			"the pace of cards",
			"purchase/orders.(*rateLimiter).allowCard",
			never("c.left"),
			[]tests{in("purchase/orders", "^TestService_Pace_Cards$")},
		},
		{
			"the pace of recorded refusals",
			"purchase/orders.(*rateLimiter).recordSingly",
			always("r.single"),
			[]tests{
				in("purchase/orders", "^TestService_Pace_Refusals$"),
				in("purchase/orders", "^TestService_Pace_RefusedClicks$"),
			},
		},
		{
			"the record of counted refusals at the end",
			"purchase/orders.(*Process).Flush",
			swap("p.svc.recordCounted(ctx, true)", "p.svc.recordCounted(ctx, false)"),
			[]tests{in("purchase/orders", "^TestService_Pace_Refusals$")},
		},
		{
			"that no admin settles their own order",
			"purchase/orders.(*Service).checkResolve",
			never("who.Is"),
			[]tests{in("purchase/orders", "^TestService_Settle_OwnOrder$")},
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
			[]tests{shown("^TestConversation_BuyAndList$")},
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
			[]tests{in("purchase/orders", "^TestService_Amend_LateClick$")},
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
			[]tests{in("purchase/orders", "^TestService_Confirm_Clicks$")},
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
			[]tests{
				in("purchase/orders", "^TestService_Confirm_Clicks$"),
				in("purchase/desk", "^TestDesk_Clock_StepDuringProposal$"),
				in("purchase/checkout", "^TestWorker_Run_WokenTooEarly$"),
			},
		},
		{
			"the list of buyers, asked again at the yes",
			"purchase/orders.(*Service).checkConfirm",
			dropStatement("svc.policy.MayBuy"),
			[]tests{in("purchase/orders", "^TestService_Confirm_RightsAndLimits$")},
		},
		{
			"the limits, asked again at the yes",
			"purchase/orders.(*Service).checkConfirm",
			dropStatement("svc.policy.CheckLimits"),
			[]tests{
				in("purchase/orders", "^TestService_Confirm_BudgetManyAtOnce$"),
				in("purchase/orders", "^TestService_Confirm_RightsAndLimits$"),
			},
		},
		{
			"the limit of an order",
			"purchase.Limit.allows",
			swap("l.Max", "l.Max + 1"),
			[]tests{in("purchase", "^TestPolicy_CheckLimits_OrderAndMonth$")},
		},
		{
			"the reservation",
			"purchase/register.(*Register).Keep",
			dropStatement("ChangeBudget"),
			[]tests{in("purchase/orders", "^TestService_Confirm_BudgetManyAtOnce$"), shown("^TestConversation_Crowd$")},
		},
		{
			"the pause, asked at the yes",
			"purchase/orders.(*Service).checkConfirm",
			dropStatement("svc.reg.RefuseClosed"),
			[]tests{
				in("purchase/orders", "^TestService_Pause_AndResume$"),
				in("purchase/register", "^TestAfterRestore_EveryState$"),
			},
		},
		{
			"that people can't approve their own orders",
			"purchase.Policy.MayApprove",
			never("who.Is"),
			[]tests{in("purchase/orders", "^TestService_Approve_RequestToEnd$"), shown("^TestConversation_Crowd$")},
		},
		{
			"the price again when it was approved",
			"purchase/orders.(*Service).reserveApproved",
			swap("quote.Total > o.Price", "quote.Total > 2*o.Price"),
			[]tests{in("purchase/orders", "^TestService_Approve_PriceRoseByUpgrade$")},
		},
		{
			"the limits again when it was approved",
			"purchase/orders.(*Service).reserveApproved",
			dropStatement("svc.policy.CheckLimits"),
			[]tests{in("purchase/orders", "^TestService_Approve_RequestToEnd$")},
		},
		{
			"that an order is decided once",
			"purchase/orders.(*Service).checkApprover",
			never("purchase.AwaitingApproval"),
			[]tests{shown("^TestConversation_Crowd$"), in("purchase/orders", "^TestService_Approve_RequestToEnd$")},
		},
		{
			"that as many people agree as are asked for",
			"purchase/orders.(*Service).approve",
			swap("len(counts) >= need", "true"),
			[]tests{in("purchase/orders", "^TestService_Approve_RequestToEnd$")},
		},
		{
			"that who agreed is an approver still",
			"purchase/register.(*Register).StillAgree",
			never("MayApprove"),
			[]tests{in("purchase/orders", "^TestService_Approve_ApproverLeft$")},
		},
		{
			"the list of buyers",
			"purchase.Policy.MayBuy",
			always("Everyone"),
			[]tests{in("purchase", "^TestPolicy_MayBuy_Lists$")},
		},
		{
			"the budget of the month",
			"purchase.Policy.CheckLimits",
			never("p.Left"),
			[]tests{in("purchase", "^TestPolicy_CheckLimits_OrderAndMonth$")},
		},
		{
			"the budget of a person",
			"purchase.Policy.CheckLimits",
			never("p.PersonBudget"),
			[]tests{
				in("purchase", "^(TestPolicy_CheckLimits_OrderAndMonth|TestPolicy_CheckLimits_EveryLimit)$"),
				in("purchase/orders", "^TestService_Decide_ManyPeopleAtOnce$"),
			},
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
