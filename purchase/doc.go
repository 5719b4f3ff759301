// Package purchase is the domain of licensebot: the order and its rules, without any I/O.
//
// An [Order] moves through the states of [State]. [Apply] is the pure function that says what an [OrderEvent] makes of
// an order and of the budget of its month; the table of transitions is drawn in docs/architecture.md. [Policy] says who
// may buy and decide, and what may be spent; a [Refusal] says why not. A [Cause] is a code with arguments: package bot
// says it in words. The [Ledger] and the [Shop] are the interfaces to storage and to CoCalc.
//
// What people do with orders is in package orders, buying in checkout, the comparison with CoCalc in reconcile, what
// people have to be told in notify; register is what these share, and desk puts them together.
//
// The most important rule: checkout is sent at most once per order, ever. Whatever is unclear afterwards is settled by
// reading, never by sending again.
//
// The package knows CoCalc's types and nothing of Slack. Where people see an order (Slack) is stored with the order as
// plain strings, for the publisher.
package purchase
