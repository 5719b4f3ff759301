package main

import (
	"context"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/rs/zerolog"
	"github.com/slack-go/slack"

	"licensebot/bot"
	"licensebot/bot/socket"
	"licensebot/internal/diagnosis"
)

// checkSlack checks both tokens, then the people and channels of the settings.
func (k *checker) checkSlack(ctx context.Context) {
	if !k.usable("SLACK_API_URL") {
		return
	}
	client := socket.HTTPClient()
	client.Transport = k.clocks.watch("Slack", client.Transport)
	defer client.CloseIdleConnections()
	api := socket.NewAPI(k.SlackAPIURL, k.SlackBotToken, k.SlackAppToken, client, zerolog.Nop())
	var who socket.Identity
	known := false
	if k.usable("SLACK_BOT_TOKEN", "SLACK_BOT_TOKEN_FILE") {
		who, known = k.checkBotToken(ctx, api)
	}
	if k.usable("SLACK_APP_TOKEN", "SLACK_APP_TOKEN_FILE") {
		k.checkAppToken(ctx, api, who)
	}
	if !known {
		k.unchecked("people and channels", "", "this needs a bot token that works")
		return
	}
	d := slackDirectory{checker: k, api: api, team: who.TeamID}
	d.checkPeople(ctx)
	d.checkChannels(ctx)
}

// checkBotToken checks which app the bot token belongs to, and compares its scopes with the manifest's.
func (k *checker) checkBotToken(ctx context.Context, api *slack.Client) (who socket.Identity, known bool) {
	const subject = "Slack bot token"
	who, err := socket.IdentifyOnce(ctx, api)
	if err != nil {
		k.slackTrouble(subject, err)
		return who, false
	}
	k.pass(subject, "%s in %s", who.UserID, who.Team)
	const again = "Paste the output of `bot manifest` into the app's manifest, and reinstall the app."
	missing, unused := who.MissingScopes(bot.Scopes()...), who.ExtraScopes(bot.Scopes()...)
	switch {
	case who.Scopes == nil:
		k.unchecked("Slack scopes", "", "Slack doesn't say which scopes the app has")
	case len(missing) > 0:
		k.fail("Slack scopes", again, "the app lacks %s", strings.Join(missing, ", "))
	case len(unused) == 0:
		k.pass("Slack scopes", "those of the manifest")
	}
	if len(unused) > 0 {
		k.warn("Slack scopes", again, "the app has %s, which the bot doesn't use", strings.Join(unused, ", "))
	}
	return who, true
}

// appOfToken finds the app's id in an app-level token: xapp-1-A012BC-….
var appOfToken = regexp.MustCompile(`^xapp-\d+-(A[0-9A-Z]+)-`)

// checkAppToken asks for a socket's address, and checks for other connections of the same app.
func (k *checker) checkAppToken(ctx context.Context, api *slack.Client, who socket.Identity) {
	const subject = "Slack app token"
	if err := socket.CheckSocketMode(ctx, api); err != nil {
		k.slackTrouble(subject, err)
		return
	}
	if of := appOfToken.FindStringSubmatch(k.SlackAppToken); of != nil && who.BotID != "" {
		app, err := api.GetBotInfoContext(ctx, slack.GetBotInfoParameters{Bot: who.BotID})
		if err == nil && app.AppID != "" && app.AppID != of[1] {
			k.fail(subject, "Use both tokens from the same app.",
				"belongs to app %s, but the bot token belongs to app %s, so no command would reach the bot", of[1], app.AppID)
			return
		}
	}
	k.pass(subject, "Socket Mode is on")
	k.checkConnections(ctx, api)
}

// recountAfter is how long Slack may still count a socket of a bot that has stopped.
const recountAfter = 3 * time.Second

// checkConnections warns when another program has sockets open with this app: Slack gives each command to one of them.
func (k *checker) checkConnections(ctx context.Context, api *slack.Client) {
	const subject = "Slack connections"
	if k.inUse {
		k.pass(subject, "the running bot looks for other bots with this app, and warns in its log")
		return
	}
	n, err := socket.CountConnections(ctx, api)
	if err == nil && n > 1 { // Slack counts a closing socket for a moment
		select {
		case <-ctx.Done():
		case <-time.After(recountAfter):
			n, err = socket.CountConnections(ctx, api)
		}
	}
	switch {
	case err != nil:
		k.slackTrouble(subject, err)
	case n > 1:
		k.warn(subject,
			"Stop the other bot, or give each its own app: Slack sends every command and click to only one of them.",
			"%s open with this app besides this check, but no bot runs with this ledger",
			plural(n-1, "socket is", "sockets are"))
	default:
		k.pass(subject, "no other bot uses this app")
	}
}

// slackTrouble adds a line about a wrong or missing answer of Slack.
func (k *checker) slackTrouble(subject string, err error) {
	text, remedy, passing := slackWords(k.SlackAPIURL, err)
	if passing {
		k.unchecked(subject, remedy, "%s", text)
	} else {
		k.fail(subject, remedy, "%s", text)
	}
}

// slackWords returns why Slack did not answer a question, and what to do. passing is set if the cause may pass by
// itself.
func slackWords(address string, err error) (text, remedy string, passing bool) {
	switch answer := socket.Classify(err); {
	case answer.Outcome == socket.OutcomeRateLimited:
		return fmt.Sprintf("Slack limits the rate; try again in %.0f s", answer.Wait.Round(time.Second).Seconds()), "", true
	case answer.Outcome == socket.OutcomeTransient && answer.Code == "":
		return diagnosis.Unreached(address, err)
	case answer.Outcome == socket.OutcomeTransient:
		return "Slack reports a problem: " + answer.Code, "Try again later.", true
	}
	return err.Error(), "", false
}
