// Package socket holds the bot's Socket Mode connections and its dispatcher. It knows Slack's envelopes and nothing
// about licenses.
//
// Slack gives three seconds to acknowledge an envelope, delivers at least once, and closes sockets at any time. So
// several sockets are open at a time, and one carries deliveries while another reconnects. The goroutine that reads a
// socket only fills a bounded queue. Workers run the [Handler], which makes a click's decision durable; then the
// acknowledgement is sent; then come the slow parts ([Reply.After]), on separate workers, so that a slow answer never
// delays another person's acknowledgement. An envelope that is delivered twice is acknowledged twice and handled once.
//
// Each socket is a socketmode.Client of slack-go. This package adds what acknowledgements need: the client queues them
// without reporting whether they were written, may lose its report of a failed write when the socket ends, and closes a
// socket before it opens the next. So there are two sockets, opened one after the other; an acknowledgement in the last
// moment of a connection counts as unsent; and unsent ones go another way ([Handler.Unsent]).
//
// [Classify] returns what each answer of the Web API means. [Access] sees all answers, and knows what Slack no longer
// lets the app do.
package socket
