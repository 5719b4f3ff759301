// Package bot is what people see in Slack: it answers /license, shows cards, the form and lists, and keeps every
// message that shows an order up to date.
//
// Commands and clicks come from package socket, what they mean from package commands, and every decision from package
// purchase; this package only asks and shows. Cards are functions of an order: the [Publisher] makes them anew from
// the ledger and tries until Slack took them.
package bot
