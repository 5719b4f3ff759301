package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/rs/zerolog"

	"licensebot/bot"
	"licensebot/bot/socket"
	"licensebot/cocalc"
	"licensebot/storage"
)

// runCheck looks at everything that the bot needs, changes nothing and spends nothing. Every line says what was found.
func runCheck(ctx context.Context, args []string, c console) error {
	if len(args) > 0 {
		return fmt.Errorf("bot check takes no arguments: %w", errUsage)
	}
	settings, err := readConfig()
	if missing := settings.secrets(); err != nil || missing != nil {
		return joinSettings(err, missing)
	}
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	bad := 0
	say := func(err error, what, good string) {
		if err != nil {
			bad++
			fmt.Fprintf(c.out, "✗ %s: %v\n", what, err)
			return
		}
		fmt.Fprintf(c.out, "✓ %s: %s\n", what, good)
	}
	checkSlackSide(ctx, settings, say)
	checkCoCalcSide(ctx, settings, say)
	ledger, err := storage.OpenReadOnly(settings.Database)
	switch {
	case errors.Is(err, storage.ErrLocked):
		fmt.Fprintf(c.out, "✓ ledger: %s is in use by a running bot\n", settings.Database)
	case err == nil:
		say(ledger.Close(), "ledger", settings.Database+" can be read")
	case isMissing(err):
		fmt.Fprintf(c.out, "✓ ledger: %s does not exist yet; the bot makes it\n", settings.Database)
	default:
		say(err, "ledger", "")
	}
	p := settings.policy()
	switch {
	case p.Everyone:
		fmt.Fprintln(c.out, "✓ buyers: everybody in the workspace")
	case len(p.Buyers) == 0:
		bad++
		fmt.Fprintln(c.out, "✗ buyers: BUYERS is empty, so nobody may buy")
	default:
		fmt.Fprintf(c.out, "✓ buyers: %d\n", len(p.Buyers))
	}
	fmt.Fprintf(c.out, "✓ limits: %s per order, %s per month\n", p.OrderLimit, p.MonthlyBudget)
	if bad > 0 {
		return fmt.Errorf("%d of the checks failed", bad)
	}
	return nil
}

func checkSlackSide(ctx context.Context, settings config, say func(error, string, string)) {
	api := socket.NewAPI(settings.SlackAPIURL, settings.SlackBotToken, settings.SlackAppToken, socket.HTTPClient(), zerolog.Nop())
	who, err := socket.Identify(ctx, socket.Config{API: api, Log: zerolog.Nop()})
	good := ""
	if err == nil {
		good = fmt.Sprintf("%s in %s", who.UserID, who.Team)
		if missing := who.Lacks(bot.BotScopes()...); len(missing) > 0 {
			err = fmt.Errorf("the app lacks %s: install it again from what `bot manifest` prints", strings.Join(missing, ", "))
		}
	}
	say(err, "Slack bot token", good)
	say(socket.CheckSocketMode(ctx, api), "Slack app token", "Socket Mode is on")
}

func checkCoCalcSide(ctx context.Context, settings config, say func(error, string, string)) {
	client, err := cocalc.New(cocalc.Options{BaseURL: settings.CoCalcURL, Key: settings.CoCalcAPIKey})
	if err != nil {
		say(err, "CoCalc", "")
		return
	}
	defer client.Close()
	account, err := client.WhoAmI(ctx)
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
