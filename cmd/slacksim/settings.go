package main

import (
	"flag"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"

	"licensebot/slacksim"
)

const usage = `slacksim starts a simulated Slack workspace, and prints the address and the tokens for an app.

Usage: slacksim [flags]

  --address HOST:PORT   where to listen; port 0 takes a free port (default 127.0.0.1:3000)
  --page=false          serve the workspace without its web page
  --persons NAMES       handles of the people, separated by commas (default alice,bob,carol)
  --help                print this text

The app needs these variables, which slacksim prints as an .env file:

  SLACK_API_URL     the address of the Web API, for slack.OptionAPIURL (slack-go) or clientOptions.slackApiUrl (Bolt)
  SLACK_BOT_TOKEN   the bot token
  SLACK_APP_TOKEN   the app-level token, for Socket Mode

The web page is at the same address, on loopback addresses only. Ctrl-C ends the workspace.
`

// settings are the parsed arguments.
type settings struct {
	address string
	page    bool
	persons []string // handles, without duplicates
}

// parseArgs parses the arguments. The error is flag.ErrHelp for --help.
func parseArgs(args []string) (settings, error) {
	s := settings{}
	flags := flag.NewFlagSet("slacksim", flag.ContinueOnError)
	flags.SetOutput(io.Discard) // run prints errors and the usage
	flags.StringVar(&s.address, "address", "127.0.0.1:3000", "")
	flags.BoolVar(&s.page, "page", true, "")
	persons := flags.String("persons", "alice,bob,carol", "")
	if err := flags.Parse(args); err != nil {
		return settings{}, err
	}
	if flags.NArg() > 0 {
		return settings{}, fmt.Errorf("unknown argument %q", flags.Arg(0))
	}
	for name := range strings.SplitSeq(*persons, ",") {
		name = strings.TrimSpace(name)
		switch {
		case !handle.MatchString(name):
			return settings{}, fmt.Errorf("--persons: %q is not a handle: use a-z, 0-9, dots, dashes and underscores", name)
		case userID(name) == botUserID:
			return settings{}, fmt.Errorf("--persons: the user id of %q is that of the app", name)
		case slices.ContainsFunc(s.persons, func(other string) bool { return userID(other) == userID(name) }):
			return settings{}, fmt.Errorf("--persons: the user id of %q is that of another person", name)
		}
		s.persons = append(s.persons, name)
	}
	return s, nil
}

// handle matches a handle as Slack allows it: up to 21 lower-case letters, digits, dots, dashes and underscores.
var handle = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{0,20}$`)

// userID makes the user id of a person: U0 and the letters and digits of the handle.
func userID(name string) string {
	return "U0" + strings.ToUpper(strings.NewReplacer(".", "", "-", "", "_", "").Replace(name))
}

// newWorkspace makes a workspace with these people. They are members of #general, as the app is, and of #random.
func newWorkspace(persons []string) *slacksim.Workspace {
	var users []slacksim.User
	var ids []string
	for _, name := range persons {
		realName := strings.ToUpper(name[:1]) + name[1:]
		users = append(users, slacksim.User{ID: userID(name), Name: name, RealName: realName})
		ids = append(ids, userID(name))
	}
	return slacksim.New(slacksim.Options{
		App:   slacksim.App{BotUserID: botUserID},
		Users: users,
		Channels: []slacksim.Channel{
			{ID: slacksim.General, Name: "general", Members: append(slices.Clone(ids), botUserID)},
			{ID: slacksim.Random, Name: "random", Members: ids},
		},
	})
}

// botUserID is the user id of the app.
const botUserID = "U0BOT"
