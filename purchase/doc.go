// Package purchase is the domain of licensebot: the order and its rules, without any I/O.
//
// An [Order] is a person's request for one license. [Apply] is the pure function that computes the order after an
// [OrderEvent], and what the event changes in the budget of its month; docs/architecture.md draws the table of
// transitions. [Policy] decides who may buy, approve and administer, and how much may be spent. A rule that forbids
// something returns a [Refusal]. A [Cause] is a reason as a code with arguments, which package bot renders as a
// sentence. [Ledger] and [Shop] are the interfaces to storage and to CoCalc.
//
// Package orders implements what people do with orders, checkout the worker that buys, reconcile the comparison with
// CoCalc, and notify the messages to people. They share package register, and package desk assembles them.
//
// The most important rule: checkout is sent at most once per order. If its outcome is unclear, the bot reads from
// CoCalc what happened, and never sends checkout again.
//
// The package uses CoCalc's types and none of Slack's. The ids of the Slack messages that show an order are stored with
// the order as plain strings.
package purchase
