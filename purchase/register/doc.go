// Package register stores what happens to orders and to the CoCalc account, with everything that goes with it in one
// transaction: the budget of the month, the audit record, the purchase log, notices and pauses.
//
// [Register] is what the other packages of purchasing share: the ledger, the shop, the policy, three clocks, and what
// is known of the server. [Register.Apply] has an event happen to an order, [Register.Complete] ends one as bought. The
// ledger and the shop that it hands out write to the log. [AfterRestore] prepares a backup for use.
package register
