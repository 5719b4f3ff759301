// Package records reads the purchase log and the audit records in pages, so that neither the reader's memory nor its
// transactions grow with the ledger. A running bot reads them for the program's own commands (package control), and a
// command that opens the ledger's file reads them in the same way.
//
// Start with [Source]; [From] returns the source of a ledger. A reader first asks for a [Range], then for the pages of
// that range: [Purchases] and [Events] iterate over them.
//
// Each page is a transaction of its own. Both logs are append-only: their records never change, and new ones get higher
// numbers. So the pages of a range together are what one transaction would have read at the time when the range was
// determined; what is appended later is left out.
package records
