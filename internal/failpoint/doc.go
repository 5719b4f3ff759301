// Package failpoint names points in the program at which a test can kill it: one before and one after each request,
// acknowledgement and ledger transaction. The test then starts the program again and checks that it recovers.
//
// Start with Hit, which the program calls at each failpoint, and Enable, without which Hit does nothing.
package failpoint
