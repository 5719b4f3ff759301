// Package control lets the program's own commands reach a bot that runs on the same machine and holds the ledger's
// lock. It is HTTP over a Unix socket of mode 0600 beside the ledger, so that only the bot's own user (and root) can
// connect.
//
// The bot starts a [Server] with [Listen]; the interface [Bot] is what the server calls. The commands call [Backup]
// and [Resume] with the socket's [Path]. There are two requests, each bounded in time and size:
//
//	POST /backup {"to": "/absolute/path"}            → a storage.Report of the copy
//	POST /resume {"by": "operator x", "reason": "…"} → the pause that was ended, or null
//
// An answer with a status other than 200 is {"error": "words for people"}. The bot writes a backup itself, so that a
// client that hangs never keeps one of its transactions open.
package control
