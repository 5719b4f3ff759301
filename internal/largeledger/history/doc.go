// Package history writes ledgers that look as if a team had bought licenses for months: for measurements of large
// ledgers, and for a demo with a past. It runs the code with which the bot records orders, decisions and purchases, on
// a clock of its own and without Slack and CoCalc. What people do and when comes from a random generator with a seed.
//
// [Write] fills a new ledger. [Create] makes the file, too.
package history
