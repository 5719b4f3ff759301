// Package control lets the program's own commands reach a bot that runs on the same machine and holds the ledger's
// lock. It is HTTP over a Unix socket of mode 0600 beside the ledger, so that only the bot's own user (and root) can
// connect.
//
// The bot starts a [Server] with [Listen]; the interface [Bot] is what the server calls. The commands call [Backup]
// and [Resume] with the socket's [Path], and read the ledger's records through [NewRecords]. Each request is bounded in
// time and size:
//
//	POST /backup          {"to": "/absolute/path"}            → a storage.Report of the copy
//	POST /resume          {"by": "operator x", "reason": "…"} → the pause that was ended, or null
//	POST /purchases/range {"since": "…", "before": "…"}       → a records.Range of log entries
//	POST /purchases       {"first": 1, "last": 9}             → its first page
//	POST /events/range    {"since": "…"}                      → a records.Range of audit records
//	POST /events          {"range": {…}, "filter": {…}}       → a records.EventPage
//	POST /summary         {}                                  → a records.Summary
//
// An answer with a status other than 200 is {"error": "words for people"}; 404 means that the bot is older than the
// request. The bot writes a backup itself, and each page of records is a transaction of its own, so that a client that
// hangs never keeps one of the bot's transactions open.
package control
