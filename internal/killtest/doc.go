// Package killtest holds the test that kills the real bot: the program that everybody gets, as a process of its own against
// the simulated Slack and CoCalc, is ended with SIGKILL at each step of package step, started again, and must come to the
// truth all the same.
package killtest
