// Package desk puts the packages of purchasing together: people decide about orders (orders), a worker buys (checkout)
// and compares with CoCalc (reconcile), and people are told (notify).
//
// [New] makes a [Desk] over a ledger and a shop; [Desk.Run] works until its context is done.
package desk
