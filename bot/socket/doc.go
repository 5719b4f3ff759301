// Package socket holds the bot's Socket Mode connections and its own dispatcher. It knows Slack's envelopes and
// nothing of licenses.
//
// Slack gives three seconds to acknowledge an envelope, delivers at least once, and closes sockets when it likes. So:
// two sockets bridge the gap while one is opened anew; the goroutine that reads a socket only puts what it reads into
// a bounded queue; workers run the [Handler], which makes durable what a click decided, then the acknowledgement is
// sent, and only then come the slow parts ([Reply.After]). An envelope that is delivered twice is answered twice and
// handled once.
package socket
