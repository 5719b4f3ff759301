package main

// rights are safeguards of rights and evidence whose removal no test used to notice.
func rights() []mutant {
	controlled := func(run string) tests { return tests{pkg: "./internal/control", run: run} }
	return []mutant{
		{
			"the product of an item",
			"purchase/reconcile.differs",
			never("item.Product"),
			[]tests{core("^TestAnItemThatDiffersFromWhatWasSent$")},
		},
		{
			"the project of an item",
			"purchase/reconcile.differs",
			never("item.ProjectID"),
			[]tests{core("^TestAnItemThatDiffersFromWhatWasSent$")},
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
			[]tests{core("^TestWhatIsTheOrdersOwn$")},
		},
		{
			"whose purchase of an item is counted",
			"purchase.(*Order).PurchasesIn",
			dropOperand("o.Owns"),
			[]tests{core("^TestWhosePurchasesAreCounted$")},
		},
		{
			"the channels, asked again at the last yes",
			"purchase/orders.(*Service).reserveApproved",
			dropStatement("svc.policy.AllowsPlace"),
			[]tests{core("^TestTheLastYesToAnOrderOfAClosedChannel$")},
		},
		{
			"the pause at a yes",
			"purchase/orders.(*Service).approve",
			dropStatement("svc.reg.RefuseClosed"),
			[]tests{core("^TestAYesWhileNothingIsBought$")},
		},
		{
			"the end of the program at a yes",
			"purchase/orders.(*Service).approve",
			never("Stopping"),
			[]tests{core("^TestAYesWhileNothingIsBought$")},
		},
		{
			"the room for a new order at a new price",
			"purchase/orders.(*Service).confirmNewPrice",
			dropStatement("svc.checkSpace"),
			[]tests{core("^TestANewPriceOnAFullDisk$")},
		},
		{
			"that outsiders approve nothing",
			"purchase.Actor.Rights",
			dropOperand("RefuseOutsider"),
			[]tests{core("^TestWhoIsAnApprover$")},
		},
		{
			"the first page of the history",
			"purchase/orders.(*Service).History",
			swap("max(1, min(page, h.Pages))", "min(page, h.Pages)"),
			[]tests{core("^TestPagesOfTheHistory$")},
		},
		{
			"the last page of the history",
			"purchase/orders.(*Service).History",
			swap("min(page, h.Pages)", "page"),
			[]tests{core("^TestPagesOfTheHistory$")},
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
			[]tests{core("^TestTheProjectOfALicense$")},
		},
		{
			"the project before buying",
			"purchase/checkout.(*Worker).recheckProject",
			always("ProjectID"),
			[]tests{core("^TestAProjectThatIsGoneWhenBuyingBegins$")},
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
			[]tests{core("^TestThirtyDaysOverAChangeOfTheClock$")},
		},
		{
			"the end that was asked for",
			"purchase.endOf",
			swap("serverLag", "0"),
			[]tests{shown("^TestReceiptCard_EndChanged$")},
		},
	}
}
