// Package step names the moments between which the bot can die: before each thing that leaves it or becomes durable,
// and after. At a moment that a test chose the program kills itself, so that what it does at its next start can be
// seen.
package step
