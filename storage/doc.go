// Package storage keeps the ledger: orders, the purchase log, budgets, the state of the account and the audit chain, in
// one bbolt file. It stores what package purchase decides and decides nothing itself.
//
// The file is locked while it is open, so only one program works with a ledger. Its meta bucket names the program and
// the schema version; a newer, damaged or foreign file is refused and not changed.
//
// Verify reads a whole ledger and names the first bad record; Backup copies one, also while a bot writes to it; Replace
// puts a backup in a ledger's place.
package storage
