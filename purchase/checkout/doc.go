// Package checkout buys: it brings each approved order through cart and checkout to a proven end.
//
// A [Worker] works on one order at a time, since the checkout of CoCalc buys whatever is checked in the one cart of the
// account, and buys twice when two checkouts overlap. Each step has at most one side effect, the intent to which is
// stored before, so that every step can be repeated after a crash. Checkout is sent at most once per order, ever;
// whatever is unclear afterwards is settled by reading.
package checkout
