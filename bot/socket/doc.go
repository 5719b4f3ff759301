// Package socket holds the bot's Socket Mode connections and its own dispatcher. It knows Slack's envelopes and
// nothing of licenses.
//
// Slack gives three seconds to acknowledge an envelope, delivers at least once, and closes sockets when it likes. So
// several sockets are open at a time, and when Slack asks to leave one, the next is opened before it ends. The
// goroutine that reads a socket only puts what it reads into a bounded queue. Workers run the [Handler], which makes
// durable what a click decided; then the acknowledgement is sent; and only then come the slow parts ([Reply.After]),
// on workers of their own, so that a slow answer never holds up somebody else's acknowledgement. An envelope that is
// delivered twice is acknowledged twice and handled once.
//
// Addresses, errors and payloads are slack-go's. Its socketmode.Client is not used, for the sake of the
// acknowledgements: it queues them without saying whether they were written, keeps what it queued for the next socket
// (however late that is), may lose its own report of a failed write when the socket ends, and closes a socket before
// it opens the next. Here a write either succeeded or failed, and what could not be carried goes another way
// ([Handler.Unsent]).
package socket
