// Command slacksim starts a simulated Slack workspace for an app in any language, and prints the address and the tokens
// that the app needs, in the form of an .env file:
//
//	slacksim > .env &
//	node --env-file=.env app.js
//
// A web page at the same address shows the workspace: there you are its people. See package slacksim for tests.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"licensebot/slacksim"
	"licensebot/slacksim/page"
)

// Exit codes.
const (
	exitOK     = 0
	exitFailed = 1 // the address can't be opened, or the output can't be written
	exitUsage  = 2 // wrong arguments
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// run serves a workspace until ctx ends, and returns the exit code.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	s, err := parseArgs(args)
	if errors.Is(err, flag.ErrHelp) {
		fmt.Fprint(stdout, usage)
		return exitOK
	}
	if err != nil {
		fmt.Fprintf(stderr, "slacksim: %v\nslacksim --help lists the flags.\n", err)
		return exitUsage
	}
	ws := newWorkspace(s.persons)
	var web http.Handler
	if s.page {
		web = page.New(ws, page.Options{})
	}
	srv, err := ws.Listen(s.address, web)
	if err != nil {
		fmt.Fprintf(stderr, "slacksim: %v\n", err)
		return exitFailed
	}
	defer srv.Close()
	if _, err := io.WriteString(stdout, describe(srv, s.page)); err != nil {
		fmt.Fprintf(stderr, "slacksim: print the tokens: %v\n", err)
		return exitFailed
	}
	<-ctx.Done()
	return exitOK
}

// describe lists what an app and its developer need to know: variables, and comments for people.
func describe(srv *slacksim.Server, withPage bool) string {
	ws, out := srv.Workspace(), &strings.Builder{}
	fmt.Fprintf(out, "SLACK_API_URL=%s\n", srv.APIURL)
	fmt.Fprintf(out, "SLACK_BOT_TOKEN=%s\n", ws.BotToken())
	fmt.Fprintf(out, "SLACK_APP_TOKEN=%s\n", ws.AppToken())
	if withPage {
		fmt.Fprintf(out, "# Web page: %s/\n", srv.URL)
	}
	for _, u := range ws.Users() {
		if !u.Bot {
			fmt.Fprintf(out, "# Person: %s (%s)\n", u.Name, u.ID)
		}
	}
	bot := ws.App().BotUserID
	for _, c := range ws.Channels() {
		member := "the app is a member"
		if !c.Has(bot) {
			member = "the app is not a member"
		}
		fmt.Fprintf(out, "# Channel: #%s (%s), %s\n", c.Name, c.ID, member)
	}
	out.WriteString("# Ctrl-C ends the workspace.\n")
	return out.String()
}
