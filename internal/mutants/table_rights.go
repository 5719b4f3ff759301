package main

// rights are safeguards of rights and evidence whose removal no test used to notice.
func rights() []mutant {
	controlled := func(run string) tests { return tests{pkg: "./internal/control", run: run} }
	return []mutant{
		{
			"the product of an item",
			"purchase/reconcile.differs",
			never("item.Product"),
			[]tests{in("purchase/reconcile", "^TestReconciler_Differs_EveryField$")},
		},
		{
			"the project of an item",
			"purchase/reconcile.differs",
			never("item.ProjectID"),
			[]tests{in("purchase/reconcile", "^TestReconciler_Differs_EveryField$")},
		},
		{
			"which item an answer is about",
			"cocalc.(*Client).CartItem",
			never("item.ID"),
			[]tests{client("^TestClient_CartItem_OtherItem$")},
		},
		{
			"the age of an item without a tag",
			"purchase.(*Order).Owns",
			swap("o.CreatedAfterAdd(at, cocalc.RangeTolerance)", "!o.AddSent.IsZero()"),
			[]tests{in("purchase", "^TestOrder_Owns_TagOrAge$")},
		},
		{
			"whose purchase of an item is counted",
			"purchase.(*Order).PurchasesIn",
			dropOperand("o.Owns"),
			[]tests{in("purchase", "^TestOrder_PurchasesIn_OwnItem$")},
		},
		{
			"the channels, asked again at the last yes",
			"purchase/orders.(*Service).reserveApproved",
			dropStatement("svc.policy.CheckChannel"),
			[]tests{in("purchase/orders", "^TestService_Approve_ChannelClosed$")},
		},
		{
			"the pause at a yes",
			"purchase/orders.(*Service).approve",
			dropStatement("svc.reg.RefuseClosed"),
			[]tests{in("purchase/orders", "^TestService_Approve_PausedOrStopping$")},
		},
		{
			"the end of the program at a yes",
			"purchase/orders.(*Service).approve",
			never("Stopping"),
			[]tests{in("purchase/orders", "^TestService_Approve_PausedOrStopping$")},
		},
		{
			"the room for a new order at a new price",
			"purchase/orders.(*Service).transactConfirm",
			dropStatement("svc.checkSpace"),
			[]tests{in("purchase/orders", "^TestService_ConfirmNewPrice_DiskFull$")},
		},
		{
			"that outsiders approve nothing",
			"purchase.Actor.Rights",
			dropOperand("RefuseOutsider"),
			[]tests{in("purchase/orders", "^TestService_IsApprover_Membership$")},
		},
		{
			"the first page of the history",
			"purchase/orders.(*Service).History",
			swap("max(1, min(page, h.Pages))", "min(page, h.Pages)"),
			[]tests{in("purchase/orders", "^TestService_History_Pages$")},
		},
		{
			"the last page of the history",
			"purchase/orders.(*Service).History",
			swap("min(page, h.Pages)", "page"),
			[]tests{in("purchase/orders", "^TestService_History_Pages$")},
		},
		{
			"how many may be at the control socket",
			"internal/control.(*Server).Run",
			swap("maxClients", "1000"),
			[]tests{controlled("^TestServer_MaxClients$")},
		},
		{
			"the project before a card",
			"purchase/orders.(*Service).Propose",
			never("unusable"),
			[]tests{in("purchase/orders", "^TestService_Propose_Project$")},
		},
		{
			"the project before buying",
			"purchase/checkout.(*Worker).recheckProject",
			always("ProjectID"),
			[]tests{in("purchase/checkout", "^TestWorker_Recheck_ProjectGone$")},
		},
		{
			"that an admin of the site is in no project of others",
			"cocalc.(*Client).projectIn",
			instead("user.Group = RoleOwner", "noProject"),
			[]tests{client("^TestClient_Project_OnlyVisible$")},
		},
		{
			"the calendar's days of a term",
			"purchase.termDays",
			before("return int((spec.End.Sub(spec.Start) + 24*time.Hour - 1) / (24 * time.Hour))", "CalendarDays"),
			[]tests{in("purchase/orders", "^TestService_Propose_TermOverClockChange$")},
		},
		{
			"the end that was asked for",
			"purchase.endOf",
			swap("serverLag", "0"),
			[]tests{shown("^TestReceiptCard_EndChanged$")},
		},
	}
}
