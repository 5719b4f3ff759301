//go:build race

package simulation

// defaultSeeds is how many seeds are run when nobody says: the race detector makes each of them six times dearer, and
// finds what it can find in a few.
const defaultSeeds = 50
