// Package simulation runs the real core of licensebot (handlers, publisher, desk, ledger, CoCalc's client) through
// hours of misfortune in a fraction of a second, on the fake clock of a testing/synctest bubble, and checks after every
// step what must never be untrue.
//
// From one seed follows the [Plan]: who types and clicks what and when, how often and how late Slack delivers it, who
// agrees to whose orders and who may, what the network loses, when CoCalc and Slack are down, what strangers do with
// the same cart, when the settings change, when the program is killed, and at which commits the disk of the ledger
// fails, so that only the next start learns whether the commit counts. The same seed makes the same plan, always. What
// a request meets on its way is decided by the seed, the endpoint and how many requests came before it, so that two
// runs of a plan meet the same fates as long as they make the same requests.
//
// What may differ between two runs of a seed: goroutines that do something in the same instant of the fake clock run in
// an order that Go's scheduler chooses. Deliveries, transactions and requests are therefore kept apart by microseconds,
// so that their order follows from the seed nearly always: of 40 seeds that were run twice, 35 told the same story to
// the letter, and in 3 of the others two lines of one instant were swapped. When a failure does not show again at once,
// run its seed a few times.
//
// What is assumed, as the bot assumes it: CoCalc is done with a checkout within the settle window of ten minutes after
// it was sent; it carries out no uncheck minutes late; and its price does not move in the milliseconds between the last
// look and the checkout. It may when CoCalc carries the checkout out late: then more is charged than was shown, which
// has to be found and told. What the bot may be blamed for is kept apart from what strangers did in that moment: a
// stranger's overlapping checkout may buy an order's item once more, which then has to be found.
//
// A witness looks into every transaction: what it promises, agrees to, denies or begins has to be allowed at that
// moment, by the settings of that start and by what Slack has told the program of people since then. What no program
// could help is left out of the account: money that a stranger's checkout, a late one or a charge of CoCalc's has spent
// beyond a promise.
//
// A run that fails tells its story: one line for each thing that happened, with the simulated time.
package simulation
