package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/rs/zerolog"
	"github.com/slack-go/slack"
	"github.com/spf13/cobra"

	"licensebot/bot"
	"licensebot/bot/socket"
	"licensebot/cocalc"
	"licensebot/storage"
)

// newCheckCommand looks at everything that the bot needs.
func newCheckCommand(c console) *cobra.Command {
	return &cobra.Command{
		Use: "check", Short: "check the settings, the tokens, the key and the ledger, and spend nothing", Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error { return runCheck(cmd.Context(), c) },
	}
}

// runCheck looks at everything that the bot needs, changes nothing and spends nothing. Every line says what was found.
func runCheck(ctx context.Context, c console) error {
	settings := readSettings()
	if err := append(settings.faults, settings.secrets()...).err(); err != nil {
		return err
	}
	return check(ctx, settings, 10*time.Second, c.out)
}

// check does what runCheck says, and gives each question the patience to be answered.
func check(ctx context.Context, settings config, patience time.Duration, out io.Writer) error {
	bad := 0
	say := func(err error, what, good string) {
		if err != nil {
			bad++
			fmt.Fprintf(out, "✗ %s: %v\n", what, err)
			return
		}
		fmt.Fprintf(out, "✓ %s: %s\n", what, good)
	}
	for _, side := range []func(context.Context, config, func(error, string, string)){checkBotToken, checkAppToken, checkCoCalc} {
		ask, cancel := context.WithTimeout(ctx, patience)
		side(ask, settings, say)
		cancel()
	}
	ledger, err := storage.OpenReadOnly(settings.Database)
	switch {
	case errors.Is(err, storage.ErrLocked):
		fmt.Fprintf(out, "✓ ledger: %s is in use by a running bot\n", settings.Database)
	case err == nil:
		say(ledger.Close(), "ledger", settings.Database+" can be read")
	case isMissing(err):
		fmt.Fprintf(out, "✓ ledger: %s does not exist yet; the bot makes it\n", settings.Database)
	default:
		say(err, "ledger", "")
	}
	p := settings.policy()
	switch {
	case p.Everyone:
		fmt.Fprintln(out, "✓ buyers: everybody in the workspace")
	case len(p.Buyers) == 0:
		bad++
		fmt.Fprintln(out, "✗ buyers: BUYERS is empty, so nobody may buy")
	default:
		fmt.Fprintf(out, "✓ buyers: %d\n", len(p.Buyers))
	}
	if len(p.Approvers) > 0 {
		fmt.Fprintf(out, "✓ approvals: %s of %d on the list, asked in %s\n", plural(p.Approvals, "person", "people"), len(p.Approvers), settings.ApprovalsChannel)
	}
	if len(p.Admins) == 0 {
		fmt.Fprintln(out, "✓ admins: none; unknown orders cannot be settled in Slack, and `bot resume` ends a pause")
	} else {
		fmt.Fprintf(out, "✓ admins: %d\n", len(p.Admins))
	}
	fmt.Fprintf(out, "✓ limits: %s per order, %s per month\n", p.OrderLimit, p.MonthlyBudget)
	if bad > 0 {
		return fmt.Errorf("%d of the checks failed", bad)
	}
	return nil
}

func (c config) slackAPI() *slack.Client {
	return socket.NewAPI(c.SlackAPIURL, c.SlackBotToken, c.SlackAppToken, socket.HTTPClient(), zerolog.Nop())
}

func checkBotToken(ctx context.Context, settings config, say func(error, string, string)) {
	who, err := socket.Identify(ctx, socket.Config{API: settings.slackAPI(), Log: zerolog.Nop()})
	good := ""
	switch {
	case errors.Is(err, context.DeadlineExceeded): // it asks until then
		err = fmt.Errorf("there is no answer at %s", settings.SlackAPIURL)
	case err == nil:
		good = fmt.Sprintf("%s in %s", who.UserID, who.Team)
		if missing := who.Lacks(bot.BotScopes()...); len(missing) > 0 {
			err = fmt.Errorf("the app lacks %s: install it again from what `bot manifest` prints", strings.Join(missing, ", "))
		}
	}
	say(err, "Slack bot token", good)
}

func checkAppToken(ctx context.Context, settings config, say func(error, string, string)) {
	say(socket.CheckSocketMode(ctx, settings.slackAPI()), "Slack app token", "Socket Mode is on")
}

func checkCoCalc(ctx context.Context, settings config, say func(error, string, string)) {
	client, err := cocalc.New(cocalc.Options{BaseURL: settings.CoCalcURL, Key: settings.CoCalcAPIKey, Retries: -1})
	if err != nil {
		say(err, "CoCalc", "")
		return
	}
	defer client.Close()
	account, err := client.WhoAmI(ctx)
	if refusal, ok := errors.AsType[*cocalc.Error](err); ok {
		switch {
		case refusal.Kind == cocalc.NotSignedIn:
			err = errors.New("CoCalc does not know COCALC_API_KEY (or its database is down): CoCalc makes keys in the account's settings, under API Keys")
		case refusal.Status == 0:
			err = fmt.Errorf("CoCalc does not answer at %s", settings.CoCalcURL)
		}
	}
	say(err, "CoCalc key "+client.KeyName(), "account "+account.ID)
	if err != nil {
		return
	}
	store, err := client.Store(ctx)
	if err != nil {
		say(errors.New(storeWords(err)), "CoCalc store", "")
		return
	}
	if store == cocalc.StoreOlder {
		say(nil, "CoCalc store", "an older one: no prices before checkout, no list of purchases to count")
		return
	}
	balance, err := client.Balance(ctx)
	say(err, "CoCalc store", balance.String()+" of credit")
}
