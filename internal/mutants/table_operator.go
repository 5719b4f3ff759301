package main

// operation are the safeguards around settings, checks and the log.
func operation() []mutant {
	return []mutant{
		{
			"the refusal of values in quotes",
			"internal/config.cleanValue",
			never("ends"),
			[]tests{program("^TestSettings_Database_Quoted$"), program("^TestSettings_Read_CleansEveryValue$")},
		},
		{
			"what bot check says of a channel without the bot",
			"cmd/bot.(*slackDirectory).checkChannels",
			never("!c.IsMember"),
			[]tests{program("^TestCheck_Report$")},
		},
		{
			"the comparison of the key's account in bot check",
			"cmd/bot.(*checker).checkKey",
			never("d.Account.ID"),
			[]tests{program("^TestCheck_Report$")},
		},
		{
			"that money paid for renewals is no unused part",
			"purchase.Prepaid.Unused",
			dropOperand("p.Renews"),
			[]tests{in("purchase", "^TestPrepaid_Unused_FixedTerm$"), in("purchase", "^TestPrepaidLicenses_LogEntries$")},
		},
		{
			"that only a ledger with purchases says where to buy",
			"cmd/bot.findServer",
			swap(`found.Entries > 0 && found.Address != ""`, `found.Address != ""`),
			[]tests{program("^TestServer_NoCoCalcURL$")},
		},
		{
			"that the log tells of what is durable alone",
			"purchase/register.(*loggedLedger).Update",
			dropOperand("err == nil"),
			[]tests{in("purchase/register", "^TestRegister_Log_UndoneChange$")},
		},
		{
			"that the log has the end of a license's id alone",
			"purchase/register.(*loggedLedger).logEvent",
			swap("purchase.ShortID(r.LicenseID)", "r.LicenseID"),
			[]tests{in("purchase/register", "^TestRegister_Log_FollowsOrder$")},
		},
		{
			"CoCalc's words in the log",
			"purchase/register.(*loggedShop).noteAnswer",
			never("e.Kind"),
			[]tests{in("purchase/register", "^TestRegister_Log_CoCalcSentence$")},
		},
	}
}
