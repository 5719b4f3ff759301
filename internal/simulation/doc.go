// Package simulation runs the real core of licensebot (handler, publisher, desk, ledger and CoCalc's client) through
// hours of faults in a fraction of a second, on the fake clock of a testing/synctest bubble. It checks after every step
// that no invariant is violated.
//
// Start with [NewPlan], which makes the [Plan] of a seed, and [Run], which plays it and returns an [Outcome].
//
// The Plan says who types and clicks what and when, how often and how late Slack delivers it, who approves which
// orders, what the network loses, when CoCalc and Slack are down, what strangers do with the same cart, when the
// settings change, when the program is killed, and at which commits the disk of the ledger fails, so that only the next
// start learns whether the commit counts. It also says what becomes of licenses at CoCalc: people renew, change, cancel
// and resume them, some twice at the same moment, CoCalc's admins refund charges, its job charges renewals, and in some
// runs weeks pass without the program. A seed always makes the same plan. The fault of a request follows from the seed,
// the endpoint and the number of requests before it, so two runs of a plan meet the same faults as long as they send
// the same requests.
//
// Two runs of a seed can still differ: goroutines that act in the same instant of the fake clock run in an order that
// Go's scheduler chooses. Deliveries, transactions and requests are therefore kept apart by microseconds, so that their
// order nearly always follows from the seed: of 40 seeds that were run twice, 35 had the same trace to the letter, and
// in 3 of the others two lines of one instant were swapped. If a failure does not occur again at once, run its seed a
// few times.
//
// The simulation assumes what the bot assumes: CoCalc is done with a checkout within the settle window of ten minutes
// after it was sent; it carries out no uncheck minutes late; and its price does not move in the milliseconds between
// the last look and the checkout. The price may move if CoCalc carries the checkout out late. Then it charges more than
// was shown, and the bot has to find and report that. What strangers did in that moment is not blamed on the bot: a
// stranger's overlapping checkout may buy an order's item once more, and the bot has to find that purchase.
//
// An observer checks every transaction: what it reserves, approves, denies or begins must be allowed at that moment, by
// the settings of that start and by Slack's answers about people since then. The observer tolerates money that no
// program could have saved: what a stranger's checkout, a late checkout or a charge of CoCalc's spent beyond a
// reservation.
//
// The [Trace] of a run has one line for each thing that happened, with the simulated time. A failing test prints it.
package simulation
