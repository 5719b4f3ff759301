// Package reconcile compares the ledger with CoCalc and with itself.
//
// [Classify] is the one function that decides whose a purchase of the CoCalc account is. A [Reconciler] reads what
// shows that an order was bought ([Reconciler.FindPurchase]), compares all purchases of the account with the ledger
// every ten minutes ([Reconciler.Reconcile]), and enters what a restored backup lacks. [LedgerView.Compare] is the same
// comparison for bot verify --online, and [CheckConsistency] compares the records of a ledger with each other; both
// only read.
package reconcile
