// Package socket holds the bot's Socket Mode connections and its own dispatcher. It knows Slack's envelopes and
// nothing of licenses.
//
// Slack gives three seconds to acknowledge an envelope, delivers at least once, and closes sockets when it likes. So
// several sockets are open at a time, and while one is opened anew another one carries what comes. The
// goroutine that reads a socket only puts what it reads into a bounded queue. Workers run the [Handler], which makes
// durable what a click decided; then the acknowledgement is sent; and only then come the slow parts ([Reply.After]),
// on workers of their own, so that a slow answer never holds up somebody else's acknowledgement. An envelope that is
// delivered twice is acknowledged twice and handled once.
//
// Each socket is a socketmode.Client of slack-go, behind which this package adds what acknowledgements need: the client
// queues them without saying whether they were written, may lose its report of a failed write when the socket ends, and
// closes a socket before it opens the next. So there are two sockets, opened one after the other; an acknowledgement that
// was handed over in the last moment of a connection counts as unsent; and what could not be carried goes another way
// ([Handler.Unsent]).
//
// [Classify] says what each answer of the Web API means. [Access] hears them all, and knows what Slack does not let the
// app do any more.
package socket
