package main

// ledger returns the mutants of package storage and of what the ledger stores.
func ledger() []mutant {
	return []mutant{
		{
			"that a failed fsync ends the work with the file",
			"storage.(*Ledger).commit",
			always("untouched"),
			[]tests{kept("^TestLedger_Update_FailedCommit$")},
		},
		{
			"that what was read is durable",
			"storage.(*Ledger).awaitDurable",
			never("l.known"),
			[]tests{kept("^TestLedger_View_WaitsForFsync$")},
		},
		{
			"that an overwritten ledger is noticed",
			"storage.(*Ledger).checkUsable",
			always("readOnly"),
			[]tests{kept("^TestLedger_Update_Overwritten$")},
		},
		{
			"that a doubted decision is told of",
			"purchase/orders.(*Service).keepDoubt",
			swap("svc.doubts.Keep", "func(purchase.Doubt) error { return nil }"),
			[]tests{in("purchase/orders", "^TestService_Doubt_DiskFails$")},
		},
		{
			"that a click delivered twice counted, if one delivery did",
			"purchase/orders.decided",
			dropOperand(`kind == "" || e.Kind != "refused"`),
			[]tests{in("purchase/orders", "^TestService_Doubt_ClickDeliveredTwice$")},
		},
		{
			"that doubts wait for room on a full disk",
			"purchase/orders.(*Process).Run",
			swap("p.ResolveDoubts(ctx)", "error(nil)"),
			[]tests{in("purchase/orders", "^TestService_Doubt_WaitsForRoom$")},
		},
		{
			"that a later decision isn't taken for the one in doubt",
			"purchase/orders.decided",
			never("doubt.Failed"),
			[]tests{in("purchase/orders", "^TestService_Doubt_WaitsForRoom$")},
		},
		{
			"that the delivery beside one in doubt is in doubt",
			"purchase/orders.(*Service).keepDoubt",
			swap("svc.isInDoubt(doubt)", "false"),
			[]tests{in("purchase/orders", "^TestService_Doubt_DeliveryMeanwhile$")},
		},
		{
			"that a ledger which is away confirms nothing",
			"purchase/orders.(*Service).transact",
			never("svc.reg.Away"),
			[]tests{in("purchase/register", "^TestRegister_Away_LedgerNotInPlace$")},
		},
		{
			"that a ledger which is away pays nothing",
			"purchase/checkout.(*Worker).sendCheckout",
			never("wk.reg.Away"),
			[]tests{in("purchase/checkout", "^TestWorker_Checkout_LedgerAway$")},
		},
		{
			"that a missing ledger is noticed",
			"purchase/reconcile.(*Reconciler).VerifyAccount",
			always("before"),
			[]tests{in("purchase/reconcile", "^TestReconciler_VerifyAccount_NewLedger$")},
		},
		{
			"the link of the chain",
			"storage.(*transaction).AppendEvent",
			dropStatement("e.Prev"),
			[]tests{kept("^TestLedger_Conformance$")},
		},
		{
			"checking the link of the chain",
			"storage.checkLink",
			never("e.Prev"),
			[]tests{kept("^TestVerify_FirstBadRecord$")},
		},
		{
			"checking the hash of a record",
			"storage.checkLink",
			never("e.Hash"),
			[]tests{kept("^TestVerify_FirstBadRecord$")},
		},
		{
			"hashing what will be read again",
			"storage.(*transaction).AppendEvent",
			dropStatement("e.Legible"),
			[]tests{kept("^TestLedger_Conformance$")},
		},
		{
			"the checksum of a record",
			"storage.checked",
			dropOperand("checksum"),
			[]tests{kept("^TestVerify_FirstBadRecord$")},
		},
		{
			"that an order which changed since it was bundled counts as it is now",
			"storage.merge",
			dropOperand("bytes.Equal"),
			[]tests{kept("^TestLedger_Compact_ReadsAlike$")},
		},
		{
			"that a license leads to its first entry, also if that is bundled",
			"storage.(*transaction).AddPurchase",
			dropOperand("known"),
			[]tests{kept("^TestLedger_Compact_ReadsAlike$")},
		},
		{
			"that open orders aren't bundled",
			"storage.sizes.closedOrders",
			dropOperand("bucketOpen"),
			[]tests{kept("^TestLedger_Compact_ReadsAlike$")},
		},
		{
			"that no bundle is missing",
			"storage.checkHeads",
			dropOperand("before"),
			[]tests{kept("^TestVerify_Bundles$")},
		},
		{
			"that a period has the records from before a clock was set back",
			"storage.moveToBundle",
			swap("before.newest", "int64(0)"),
			[]tests{kept("^TestLedger_Compact_(Conformance|ReadsAlike)$")},
		},
		{
			"that a period has a record of its first moment",
			"storage.(*bundleReader).firstBundleSince",
			swap("is.newest >= wanted", "is.newest > wanted"),
			[]tests{kept("^TestLedger_Compact_(Conformance|ReadsAlike)$")},
		},
		{
			"that no entry is missing in the output of a command",
			"internal/records.Purchases",
			swap("page[0].Number != r.First", "false"),
			[]tests{in("internal/records", "^TestPurchases_MissingEntry$")},
		},
		{
			"that a command's output doesn't continue with another bot's ledger",
			"internal/control.ask",
			swap("run != c.run", "false"),
			[]tests{in("internal/control", "^TestRecords_BotStops$")},
		},
		{
			"that a command's output doesn't continue with another file",
			"cmd/bot.(*ledgerFile).isReplaced",
			swap("!os.SameFile(f.info, now)", "now == nil"),
			[]tests{program("^TestRecords_LedgerReplacedMeanwhile$")},
		},
		{
			"the key in a record's checksum",
			"storage.checksum",
			swap("crc32.Checksum(key, castagnoli)", "0 * crc32.Checksum(key, castagnoli)"),
			[]tests{kept("^TestOpen_OlderSchemas$")},
		},
		{
			"comparing the budgets with the orders",
			"purchase/reconcile.(*consistency).checkBudgets",
			never("got.Spent"),
			[]tests{in("purchase/reconcile", "^TestCheckConsistency_EveryFinding$")},
		},
		{
			"the audit record of a move",
			"purchase/register.(*Register).Keep",
			instead("return nil", "w.AppendEvent"),
			[]tests{in("purchase/checkout", "^TestWorker_Run_CleanPurchase$")},
		},
		{
			"marking a move as to be published",
			"purchase.Apply",
			dropStatement("after.Rev"),
			[]tests{shown("^TestConversation_BuyAndList$")},
		},
	}
}
