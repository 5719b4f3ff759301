package main

// ledger are the safeguards of what is written down.
func ledger() []mutant {
	return []mutant{
		{
			"that a failed fsync ends the work with the file", "storage/commit.go",
			`	} else if l.untouched(err, size) {`, `	} else if true || l.untouched(err, size) {`,
			[]tests{kept("^TestLedger_Update_FailedCommit$")},
		},
		{
			"that what was read is durable", "storage/commit.go",
			`	if pending != nil && id > l.known.Load().tx {`, `	if false && pending != nil {`,
			[]tests{kept("^TestLedger_View_WaitsForFsync$")},
		},
		{
			"that an overwritten ledger is noticed", "storage/commit.go",
			`	if l.readOnly || l.isUnchanged() {`, `	if true {`,
			[]tests{kept("^TestLedger_Overwritten$")},
		},
		{
			"that a doubted decision is told of", "purchase/doubts.go",
			`		kept := d.doubts.Keep(doubt)
`, `		var kept error
`,
			[]tests{core("^TestADecisionOnADiskThatFails$")},
		},
		{
			"that a click delivered twice counted, if one delivery did", "purchase/doubts.go",
			`		case e.By == doubt.Who && (kind == "" || e.Kind != "refused"):`, `		case e.By == doubt.Who:`,
			[]tests{core("^TestAClickInDoubtTwice$")},
		},
		{
			"that doubts wait for room on a full disk", "purchase/buyer.go",
			`			if err := d.ResolveDoubts(ctx); err != nil {`, `			if err := error(nil); err != nil {`,
			[]tests{core("^TestADoubtThatWaitsForRoom$")},
		},
		{
			"that a later decision isn't taken for the one in doubt", "purchase/doubts.go",
			`		case !doubt.Failed.IsZero() && e.Time.After(doubt.Failed):`, `		case false:`,
			[]tests{core("^TestADoubtThatWaitsForRoom$")},
		},
		{
			"that the delivery beside one in doubt is in doubt", "purchase/doubts.go",
			`errors.Is(err, ErrStopped) && d.alsoDoubted(doubt):`, `errors.Is(err, ErrStopped) && false:`,
			[]tests{core("^TestADeliveryBesideOneInDoubt$")},
		},
		{
			"that a ledger which is away confirms nothing", "purchase/decision.go",
			`	if kind.buys && d.away(ctx) {`, `	if false {`,
			[]tests{core("^TestALedgerThatIsNotInItsPlace$")},
		},
		{
			"that a ledger which is away pays nothing", "purchase/checkout.go",
			`	if b.away(ctx) {`, `	if false {`,
			[]tests{core("^TestNoCheckoutIsSentFromALedgerThatIsAway$")},
		},
		{
			"that a missing ledger is noticed", "purchase/account.go",
			`			if err != nil || before == 0 {`, `			if true {`,
			[]tests{core("^TestANewLedgerBesidePurchasesOfAnOldOne$")},
		},
		{
			"the link of the chain", "storage/transaction.go",
			`	e.Prev = before.Hash
`, `	_ = before
`,
			[]tests{kept("^TestLedger_Conformance$")},
		},
		{
			"checking the link of the chain", "storage/verify.go",
			`if e.Prev != last.Hash {`, `if false {`,
			[]tests{kept("^TestVerify_FirstBadRecord$")},
		},
		{
			"checking the hash of a record", "storage/verify.go",
			`if hash != e.Hash {`, `if false && hash != e.Hash {`,
			[]tests{kept("^TestVerify_FirstBadRecord$")},
		},
		{
			"hashing what will be read again", "storage/transaction.go",
			`	e = e.Legible()
`, "",
			[]tests{kept("^TestLedger_Conformance$")},
		},
		{
			"the checksum of a record", "storage/records.go",
			`binary.BigEndian.Uint32(record) != checksum(key, record[4:])`, `false`,
			[]tests{kept("^TestVerify_FirstBadRecord$")},
		},
		{
			"the key in a record's checksum", "storage/records.go",
			`crc32.Update(crc32.Checksum(key, castagnoli), castagnoli, data)`,
			`crc32.Update(0*crc32.Checksum(key, castagnoli), castagnoli, data)`,
			[]tests{kept("^TestOpen_OlderSchemas$")},
		},
		{
			"comparing the budgets with the orders", "purchase/consistency.go",
			`		if got.Spent != want.Spent {
`, `		if false {
`,
			[]tests{core("^TestCheckBooks$")},
		},
		{
			"the audit record of a move", "purchase/desk.go",
			`	return w.AppendEvent(Event{
		Time: order.Updated, Kind: string(order.State)`, `	return nil
	return w.AppendEvent(Event{
		Time: order.Updated, Kind: string(order.State)`,
			[]tests{core("^TestACleanPurchase$")},
		},
		{
			"marking a move as to be published", "purchase/transition.go",
			"	after.Rev++\n", "",
			[]tests{redactValue("^TestConversation_BuyAndList$")},
		},
	}
}
