package main

// operator are the safeguards around settings, checks and the log.
func operator() []mutant {
	return []mutant{
		{
			"the refusal of values in quotes", "internal/config/faults.go",
			`if begins || ends && marks%2 == 1 {`, `if false && begins && ends {`,
			[]tests{program("^TestSettings_Database_Quoted$"), program("^TestSettings_Read_CleansEveryValue$")},
		},
		{
			"what bot check says of a channel without the bot", "cmd/bot/checkchannels.go",
			`			case !c.IsMember:`, `			case false:`,
			[]tests{program("^TestCheck_Report$")},
		},
		{
			"the comparison of the key's account in bot check", "cmd/bot/diagnosis.go",
			`case k.account != "" && k.account != d.Account.ID:`, `case false:`,
			[]tests{program("^TestCheck_Report$")},
		},
		{
			"that money paid for renewals is no unused part", "purchase/unused.go",
			`case p.Renews() || p.Paid <= 0 || now >= ends:`, `case p.Paid <= 0 || now >= ends:`,
			[]tests{core("^TestUnusedPartOfAFixedTerm$"), core("^TestPrepaidLicenses$")},
		},
		{
			"that only a ledger with purchases says where to buy", "cmd/bot/server.go",
			`case bought && account.Address != "":`, `case account.Address != "":`,
			[]tests{program("^TestServer_NoCoCalcURL$")},
		},
		{
			"that the log tells of what is durable alone", "purchase/chronicle.go",
			`if err == nil && kept != nil {`, `if kept != nil {`,
			[]tests{core("^TestTheLogTellsOfNothingThatWasNotKept$")},
		},
		{
			"that the log has the end of a license's id alone", "purchase/chronicle.go",
			`line.Str("license", ShortID(r.LicenseID))`, `line.Str("license", r.LicenseID)`,
			[]tests{core("^TestTheLogFollowsAnOrder$")},
		},
		{
			"CoCalc's words in the log", "purchase/shoplog.go",
			`case e.Outcome == cocalc.Rejected && e.Kind != cocalc.NotFound:`, `case false:`,
			[]tests{core("^TestTheLogHasCoCalcsWords$")},
		},
	}
}
