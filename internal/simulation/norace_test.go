//go:build !race

package simulation

// defaultSeeds is how many seeds are run without -seeds.
const defaultSeeds = 500
