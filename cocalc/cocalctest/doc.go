// Package cocalctest is a CoCalc that runs in-process: an [http.Handler] that answers the endpoints of API v2 that a
// license desk uses as the recorded server did, flaws included, with faults on demand.
//
// What it imitates was measured; testdata/transcripts holds the recorded requests and answers, and a test replays every
// one of them against the handler. The flaws that matter most to a client that pays:
//
//   - Checkouts that overlap buy twice, because cart and balance are read before the transaction begins.
//   - A checkout continues after its caller disconnected, a GET buys as well, and an empty cart is a success.
//   - shopping/cart/add returns a number of rows, not the item's ID, and accepts anything; one odd item then blocks the
//     whole account.
//   - Edits, renewals and resumptions that overlap are charged twice for one effect, and so are renewals by the server
//     itself if two of its processes run that job: see [Server.RunRenewals].
//   - A wrong key and a database outage look like an account without licenses.
//   - Money is float32, and each look at the cart moves dates of a range.
//
// A server can also be CoCalc's successor, which sells no licenses, or one that has moved and redirects every request:
// [Config] sets that from the start, and the faults of the same names while the server runs. testdata/successor holds
// what was recorded of the successor.
//
// A [Server] knows several accounts, each with keys, a cart, licenses, purchases and subscriptions. Tests read and
// change that state through [Account], and arm a [Fault] for what they want to see go wrong. Everything that waits does
// so on timers of package time, so the server also runs under testing/synctest through [Server.Transport].
//
// The package imports nothing of licensebot/cocalc: client and simulator are written against the same contract
// independently, and so are their price formulas. A test compares the two for every license that can be bought.
package cocalctest
