//go:build race

package simulation

// defaultSeeds is how many seeds are run without -seeds. The race detector makes each of them six times slower, and
// finds what it can find in a few.
const defaultSeeds = 50
