// Package notify is the outbox: it stores the messages and notifications that people should get until Slack has them.
//
// An [Outbox] has two kinds of contents: messages that show an order, each with the revision that it shows, and
// notifications, which are kept until every recipient has received them. The publisher of package bot reads both and
// marks what it delivered. [Outbox.Run] also announces the head of the audit chain once a day.
package notify
