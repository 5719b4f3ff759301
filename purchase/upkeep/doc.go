// Package upkeep carries out what people decide about subscriptions: to end one with its paid period, or to keep it.
//
// CoCalc reports success for every cancellation, also of a subscription that is unknown, and sends a message to the
// account's owner for each. So the Worker reads the subscription first, stores the intent, sends one request, and reads
// the subscription back. A decision whose intent is stored is never sent again, also not by the next run.
package upkeep
