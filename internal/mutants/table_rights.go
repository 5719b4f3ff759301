package main

// rights are safeguards of rights and evidence whose removal no test used to notice.
func rights() []mutant {
	controlled := func(run string) tests { return tests{pkg: "./internal/control", run: run} }
	return []mutant{
		{
			"the product of an item", "purchase/evidence.go",
			`if item.Product != "site-license" {`, `if false {`,
			[]tests{core("^TestAnItemThatDiffersFromWhatWasSent$")},
		},
		{
			"the project of an item", "purchase/evidence.go",
			`if item.ProjectID != o.Spec.ProjectID {`, `if false {`,
			[]tests{core("^TestAnItemThatDiffersFromWhatWasSent$")},
		},
		{
			"which item an answer is about", "cocalc/cart.go",
			`if err == nil && item.ID != id {`, `if false {`,
			[]tests{client("^TestClient_CartItem_OtherItem$")},
		},
		{
			"the age of an item without a tag", "purchase/evidence.go",
			`return o.madeAfterAdd(at, cocalc.RangeTolerance)`, `return !o.AddSent.IsZero()`,
			[]tests{core("^TestWhatIsTheOrdersOwn$")},
		},
		{
			"whose purchase of an item is counted", "purchase/evidence.go",
			`row.Cost > 0 && o.own(row.Text, row.Time) {`, `row.Cost > 0 {`,
			[]tests{core("^TestWhosePurchasesAreCounted$")},
		},
		{
			"the channels, asked again at the last yes", "purchase/approval.go",
			`		no = d.policy.here(o.Place)
`, ``,
			[]tests{core("^TestTheLastYesToAnOrderOfAClosedChannel$")},
		},
		{
			"the pause at a yes", "purchase/approval.go",
			`		if no := d.closed(account); no != nil {
			return no, nil
		}
		now := d.now()
`, `		_ = account
		now := d.now()
`,
			[]tests{core("^TestAYesWhileNothingIsBought$")},
		},
		{
			"the end of the program at a yes", "purchase/approval.go",
			`	if d.stopping.Load() {
		return Order{}, errStopping()
	}
	requester, approvers`, `	requester, approvers`,
			[]tests{core("^TestAYesWhileNothingIsBought$")},
		},
		{
			"the room for a new order at a new price", "purchase/decision.go",
			`	if no := d.full(ctx); no != nil {
		return Order{}, no
	}
	id := d.newID()
`, `	id := d.newID()
`,
			[]tests{core("^TestANewPriceOnAFullDisk$")},
		},
		{
			"that outsiders approve nothing", "purchase/approval.go",
			`return outsider(who) == nil && listedIn(d.policy.Approvers, who)`, `return listedIn(d.policy.Approvers, who)`,
			[]tests{core("^TestWhoIsAnApprover$")},
		},
		{
			"the first page of the history", "purchase/query.go",
			`h.Page = max(1, min(page, h.Pages))`, `h.Page = min(page, h.Pages)`,
			[]tests{core("^TestPagesOfTheHistory$")},
		},
		{
			"the last page of the history", "purchase/query.go",
			`h.Page = max(1, min(page, h.Pages))`, `h.Page = max(1, page)`,
			[]tests{core("^TestPagesOfTheHistory$")},
		},
		{
			"how many may be at the control socket", "internal/control/server.go",
			`netutil.LimitListener(s.listener, maxClients)`, `netutil.LimitListener(s.listener, 1000)`,
			[]tests{controlled("^TestServer_MaxClients$")},
		},
		{
			"the project before a card", "purchase/desk.go",
			`	if unusable != nil {
`, `	if false {
`,
			[]tests{core("^TestTheProjectOfALicense$")},
		},
		{
			"the project before buying", "purchase/projects.go",
			`	if o.Spec.ProjectID == "" {
		return false, 0, nil
	}
`, `	if true {
		return false, 0, nil
	}
`,
			[]tests{core("^TestAProjectThatIsGoneWhenBuyingBegins$")},
		},
		{
			"that an admin of the site is in no project of others", "cocalc/projects.go",
			`return p, false, noProject(id) // an admin`, `user.Group = RoleOwner // an admin`,
			[]tests{client("^TestClient_Project_OnlyVisible$")},
		},
		{
			"the calendar's days of a term", "purchase/limits.go",
			`	days, rest := CalendarDays(spec.Start, spec.End, loc)
	if rest > 0 {
		days++
	}
	return days
`, `	return int((spec.End.Sub(spec.Start) + 24*time.Hour - 1) / (24 * time.Hour))
`,
			[]tests{core("^TestThirtyDaysOverAChangeOfTheClock$")},
		},
		{
			"the end that was asked for", "purchase/calendar.go",
			`expires.Sub(spec.End).Abs() < serverLag {`, `expires.Sub(spec.End).Abs() < 0 {`,
			[]tests{redactValue("^TestReceiptCard_EndChanged$")},
		},
	}
}
