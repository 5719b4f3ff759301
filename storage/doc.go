// Package storage keeps the ledger: orders, the purchase log, budgets, the state of the account and the audit chain,
// in one bbolt file. It stores what package purchase decides and decides nothing itself.
//
// The file is locked while it is open, so only one program works with a ledger. Its meta bucket names the program and
// the schema version; a file that is newer, damaged or somebody else's is refused and left as it is.
//
// Verify reads a ledger whole and names the first record that is wrong; Backup copies one, also while a bot writes to it;
// Replace puts a backup in a ledger's place.
package storage
