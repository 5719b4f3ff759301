// Package control is how the program's own commands reach a bot that runs on the same machine and has the ledger locked:
// HTTP over a Unix socket of mode 0600 beside the ledger, so that only the bot's own user (and root) can ask. There are
// two questions, each bounded in time and size:
//
//	POST /backup {"to": "/absolute/path"}            → a storage.Report of the copy
//	POST /resume {"by": "operator x", "reason": "…"} → the pause that was ended, or null
//
// An answer that is not 200 is {"error": "words for people"}. The bot writes a backup itself, so that a client that hangs
// never holds one of its transactions open.
package control
