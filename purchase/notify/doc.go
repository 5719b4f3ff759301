// Package notify is the outbox of the ledger: what has to be shown to people, until it is.
//
// An [Outbox] has two kinds: messages that show an order, each with the revision that it shows, and notices, which
// belong to no card and are kept until every recipient has them. The publisher of package bot reads and marks both.
package notify
