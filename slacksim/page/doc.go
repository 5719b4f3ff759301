// Package page is the web page of a simulated Slack workspace: a chat in which anybody
// can be any of its people, type commands, press buttons and fill in modals.
//
// The server renders everything (html/template, from slack-go's block types) and sends
// the parts of the page that changed over server-sent events; a small script puts them
// in place without disturbing what the reader is typing, and reports what they do. There
// is no build step, and nothing is loaded from anywhere else.
//
// The state is the workspace's: two tabs that show the same person show the same. A page
// is for one machine: it answers on loopback addresses only and refuses requests that
// other websites make a browser send.
package page
