package main

// books are the safeguards of printed bookkeeping records.
func books() []mutant {
	return []mutant{
		{
			"the entry date that never decreases",
			"cmd/bot.entries",
			always("p.Time.After"),
			[]tests{program("^TestJournal_EntryDates_NeverDecrease$"), program("^TestJournal_Import_MissesNothing$")},
		},
		{
			"the decimal mark of a journal",
			"cmd/bot.(*journal).write",
			swap(`"decimal-mark .\n"`, `""`),
			[]tests{program("^TestJournal_Import_DecimalComma$")},
		},
		{
			"what is no comment in a journal",
			"cmd/bot.prose",
			swap(`strings.NewReplacer(";", ",", "|", "/")`, "strings.NewReplacer()"),
			[]tests{program("^TestJournal_Formats$")},
		},
		{
			"the ids without what a journal takes for something else",
			"cmd/bot.(*journal).transaction",
			swap("identifier(values[key])", "values[key]"),
			[]tests{program("^TestJournal_Titles_StayText$")},
		},
		{
			"the account names that a program takes",
			"cmd/bot.(*journal).checkAccounts",
			never("MatchString"),
			[]tests{program("^TestJournal_AccountNames$")},
		},
		{
			"a joiner that only hides something",
			"internal/escape.characters",
			swap("isJoiner(r) && joined(last) && joined(next)", "isJoiner(r) && (true || joined(last) && joined(next))"),
			[]tests{program("^TestPurchases_Names_Joiners$")},
		},
	}
}
