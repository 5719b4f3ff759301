// Package bot is what people see in Slack: it answers /license, shows cards, the form and lists, and keeps every
// message that shows an order up to date.
//
// Start with [Options]. [New] makes the [Handler] of commands and clicks, and [NewPublisher] the [Publisher] of cards
// and notices. [People] looks up who people are and which groups they belong to. [Words] renders every cause of package
// purchase for people; the files text_*.go have the sentences.
//
// Commands and clicks come from package socket, what they mean from package commands, and every decision from package
// purchase; this package only asks and shows. Cards are functions of an order: the Publisher makes them anew from the
// ledger and tries until Slack accepts them.
package bot
