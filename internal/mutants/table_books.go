package main

// books are the safeguards of printed bookkeeping records.
func books() []mutant {
	return []mutant{
		{
			"the entry date that never decreases", "cmd/bot/purchases.go",
			"		if p.Time.After(at) {\n", "		if true {\n",
			[]tests{program("^TestJournal_EntryDates_NeverDecrease$"), program("^TestJournal_Import_MissesNothing$")},
		},
		{
			"the decimal mark of a journal", "cmd/bot/journal.go",
			`text.WriteString("decimal-mark .\n" + accounts)`, `text.WriteString(accounts)`,
			[]tests{program("^TestJournal_Import_DecimalComma$")},
		},
		{
			"what is no comment in a journal", "cmd/bot/journal.go",
			`strings.NewReplacer(";", ",", "|", "/").Replace(commands.OneLine(text))`, `commands.OneLine(text)`,
			[]tests{program("^TestJournal_Formats$")},
		},
		{
			"the ids without what a journal takes for something else", "cmd/bot/journal.go",
			`value := identifier(values[key])`, `value := values[key]`,
			[]tests{program("^TestJournal_Titles_StayText$")},
		},
		{
			"the account names that a program takes", "cmd/bot/journal.go",
			`		if !utf8.ValidString(account.name) || !names.MatchString(account.name) {`,
			`		if false && names.MatchString(account.name) {`,
			[]tests{program("^TestJournal_AccountNames$")},
		},
		{
			"a joiner that only hides something", "internal/escape/escape.go",
			`joined(last) && joined(next))`, `(true || joined(last) && joined(next)))`,
			[]tests{program("^TestPurchases_Names_Joiners$")},
		},
	}
}
