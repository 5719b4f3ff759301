// Package desk combines the packages of purchasing: people decide about orders (orders), a worker buys (checkout),
// purchases are compared with CoCalc (reconcile), and people are notified (notify).
//
// [New] makes a [Desk] from a ledger and a shop; [Desk.Run] buys until its context is done.
package desk
