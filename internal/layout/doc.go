// Package layout holds the tests that keep the house in order: who may import whom, what is said about every package,
// and how files are named and sized. docs/architecture.md says why the rules are as they are; nothing here runs outside
// of tests.
package layout
