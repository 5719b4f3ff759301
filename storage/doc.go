// Package storage keeps the ledger in one bbolt file: orders, the purchase log, budgets, the state of the account and
// the audit chain. It stores what package purchase decides, and decides nothing itself.
//
// [Open] returns a [Ledger], which implements purchase.Ledger; [OpenReadOnly] opens one for reading, and [ReadCopy]
// reads one that a running bot has open. The file is locked while it is open, so only one program works with a ledger.
// Its meta bucket names the program and the schema version; a newer, damaged or foreign file is refused and not
// changed.
//
// [Verify] reads a whole ledger and names the first bad record in a [RecordError]. [Backup] copies a ledger, also while
// a bot writes to it. [Replace] replaces a ledger by a backup. [Doubts] keeps beside the ledger what it can't store
// when its disk fails.
package storage
