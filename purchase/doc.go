// Package purchase is the heart of licensebot: the order, the rights to buy, and the buying itself.
//
// An [Order] moves through the states of [State]; every move is one durable transaction of the [Ledger], and the intent
// is written before each request that changes something at CoCalc. The [Desk] takes orders from people (Propose,
// Confirm, Cancel); its Run method works confirmed orders one at a time, since CoCalc's checkout buys whatever is
// checked in the account's one cart, and buys twice when two checkouts overlap.
//
// The most important rule: checkout is sent at most once per order, ever. Whatever is unclear afterwards is settled by
// reading, never by sending again.
//
// The package imports CoCalc's client and nothing of Slack. Where people see an order (Slack) is stored with the order
// as plain strings, for the publisher.
package purchase
