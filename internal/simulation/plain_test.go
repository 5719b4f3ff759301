//go:build !race

package simulation

// defaultSeeds is how many seeds are run when nobody says.
const defaultSeeds = 500
