package main

// upkeep are the safeguards of decisions about subscriptions.
func subscriptions() []mutant {
	carriedOut := func(run string) []tests { return []tests{in("purchase/upkeep", "^TestWorker_CarryOut_"+run+"$")} }
	return []mutant{
		{
			"the intent before the request about a subscription",
			"purchase/upkeep.(*Worker).send",
			dropStatement("l.Decision.Sent", "s.CurrentPeriodEnd"),
			carriedOut("EndAndKeep"),
		},
		{
			"reading a subscription before anything is sent",
			"purchase/upkeep.(*Worker).advance",
			never("l.Decision.Wish.IsMet"),
			carriedOut("ReadsFirst"),
		},
		{
			"the end of the paid period, after which resuming costs money",
			"purchase/upkeep.(*Worker).advance",
			never("periodMargin"),
			carriedOut("PeriodOver"),
		},
		{
			"the account of the key before a request about a subscription",
			"purchase/upkeep.(*Worker).advance",
			never("wk.rec.VerifyAccount"),
			carriedOut("Closed"),
		},
		{
			"a subscription that changed because of a decision",
			"purchase/register.(*Register).NoteSubscription",
			never("l.Decision.MayBeOf"),
			carriedOut("VeryLate"),
		},
		{
			"the decisions about subscriptions in a restored backup",
			"purchase/register.AfterRestore",
			dropStatement("d.endDecisionsAfterRestore"),
			carriedOut("Restored"),
		},
		{
			"what a person saw of a subscription",
			"purchase.OwnedLicense.Decide",
			never("l.LastDecision"),
			[]tests{in("purchase", "^TestOwnedLicense_Decide$")},
		},
		{
			"whose subscription a person ends",
			"purchase/orders.(*Service).refuseRenewal",
			swap("svc.policy.MayDecideRenewal(bought, who)",
				"(func(*purchase.Purchase) *purchase.Refusal { return nil })(bought)"),
			[]tests{shown("^TestHandler_EndSubscription_Rights$")},
		},
		{
			"that buyers end only what they bought",
			"purchase.Policy.MayDecideRenewal",
			always("OnlyRequester"),
			[]tests{in("purchase", "^TestPolicy_MayDecideRenewal$")},
		},
	}
}
