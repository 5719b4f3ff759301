// Package failpoint names the moments between which the bot can die: before each thing that leaves it or becomes
// durable, and after. At a failpoint that a test chose the program kills itself, so that its next start can be tested.
//
// Start with Hit, which the program calls at each failpoint, and Enable, without which Hit does nothing.
package failpoint
