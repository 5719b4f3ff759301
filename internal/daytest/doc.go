// Package daytest lets a busy team use the whole bot for a day on a fake clock, with a real ledger beside a simulated
// Slack and CoCalc, and checks that nothing grows but the ledger: goroutines, memory, caches, queues and maps.
//
// A seed decides what people do. `go test ./internal/daytest -days=7 -seed=N` is a week, with other people.
package daytest
