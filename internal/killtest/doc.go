// Package killtest holds the test that kills the real bot: the released program runs as a process against the simulated
// Slack and CoCalc, is killed with SIGKILL at each step of package step, is started again, and must reach the correct
// state anyway.
package killtest
