// Package simulation runs the real core of licensebot (handlers, publisher, desk, ledger, CoCalc's client) through hours
// of misfortune in a fraction of a second, on the fake clock of a testing/synctest bubble, and checks after every step
// what must never be untrue.
//
// From one seed follows the [Plan]: who types and clicks what and when, how often and how late Slack delivers it, what
// the network loses, when CoCalc and Slack are down, what strangers do with the same cart, and when the program is
// killed. The same seed makes the same plan, always. What a request meets on its way is decided by the seed, the
// endpoint and how many requests came before it, so that two runs of a plan meet the same fates as long as they make the
// same requests.
//
// What may differ between two runs of a seed: goroutines that do something in the same instant of the fake clock run in
// an order that Go's scheduler chooses. People who click in the same instant may come to their turn in another order, and
// then get other order ids. Nearly all runs repeat to the letter; when a failure does not show again at once, run its
// seed a few times.
//
// A run that fails tells its story: one line for each thing that happened, with the simulated time.
package simulation
