// Package register stores what happens to orders and to the CoCalc account. Each transaction contains everything that
// belongs to the event: the order, the budget of the month, the purchase log, the audit record, notifications and
// pauses.
//
// [Register] has what the other packages of purchasing share: the ledger, the shop, the policy, three clocks, and the
// condition of the server. [Register.Apply] applies an event to an order, and [Register.Complete] records a purchase.
// The ledger and the shop in [Register.Options] write to the log. [PauseBuying] pauses buying, and [AddNotification]
// adds a notification. [AfterRestore] prepares a backup for use.
package register
