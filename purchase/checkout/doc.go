// Package checkout implements the worker that buys: it takes each approved order through cart and checkout to a
// verified result.
//
// A [Worker] processes one order at a time, since a checkout of CoCalc buys whatever is checked in the account's only
// cart, and buys it twice if two checkouts overlap. [New] returns the worker of one run; [Worker.Run] buys until its
// context is done. Each step has at most one side effect, whose intent is stored before it, so every step can be
// repeated after a crash. Checkout is sent at most once per order; an unclear outcome is resolved by reading from
// CoCalc.
package checkout
