// Package cocalc speaks CoCalc's API v2: the specification of a license and its rules, what a license costs,
// and a client whose errors say whether something happened on the server.
//
// The package knows nothing of Slack, orders or storage. Everything it claims about the server was measured; the
// comments name the fact they rest on. The three that shape every caller:
//
//   - The HTTP status says almost nothing. Application errors come as 200 with an "error" field, so every answer
//     is classified into an [Outcome].
//   - Checkout has no idempotency: two that overlap buy twice, and one whose caller hung up goes on. The client
//     never repeats it.
//   - A wrong key and a database outage look like an account without licenses, so an empty list is only believed
//     beside a proof of the key.
package cocalc
