// Package cocalc is a client of CoCalc's API v2, with the specification of a license, its rules, and its price.
//
// Start with [New], which makes a [Client]; its errors are [*Error] and say whether something happened on the server. A
// [LicenseSpec] describes a license; [LicenseSpec.Validate] checks it, [Price] computes what it costs, and
// [LicenseSpec.CartDescription] is what goes into the cart. Money is in [Cents].
//
// The package does not know Slack, orders or storage. Everything that it states about the server was measured, and the
// comments name the observation. Three observations shape every caller:
//
//   - The HTTP status says almost nothing. Application errors have status 200 and an "error" field, so every answer is
//     classified into an [Outcome].
//   - Checkout is not idempotent: two that overlap buy twice, and one whose caller disconnected continues. The client
//     never repeats it.
//   - With a wrong key or while the database is down, an account looks as if it had no licenses. So an empty list
//     counts only together with a proof of the key.
package cocalc
