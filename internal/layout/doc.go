// Package layout tests the rules of the repository: which packages may import which, what each package comment
// introduces, and how files, lines, tests, log messages and strings are named and sized. docs/architecture.md gives the
// reasons.
//
// Start with the table of packages in layout_test.go. Nothing here runs outside of tests.
package layout
