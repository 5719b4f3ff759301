// Package page is the web page of a simulated Slack workspace: a chat in which a reader can be any person of the
// workspace, type commands, click buttons and fill in modals.
//
//	ws := slacksim.New(slacksim.Options{})
//	srv, err := ws.Listen("127.0.0.1:3000", page.New(ws, page.Options{}))
//
// Start with [New] and [Options]. A [Panel] beside the chat can show facts, and switches, of something else.
//
// The server renders the page (html/template, from slack-go's block types), and sends the parts that change as
// server-sent events. A small script puts them in place without disturbing what the reader is typing, and reports what
// the reader does. There is no build step, and the page loads nothing from other hosts.
//
// All state is in the workspace: two tabs with the same person show the same. The page is for one machine: it answers
// on loopback addresses only, and refuses requests that come from other websites.
package page
