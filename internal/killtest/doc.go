// Package killtest kills the real bot: the released program runs as a process against the simulated Slack and CoCalc,
// is killed with SIGKILL at each step of package failpoint, is started again, and must reach the correct state anyway.
// Other tests let each commit, and each system call that makes it durable, fail once.
//
// Start with the scenarios (type scenario), the environment in which they run (env), the bot's processes (process) and
// checkEnd, which checks the ledger, CoCalc and what people read at the end.
package killtest
