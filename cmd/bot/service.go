package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/rs/zerolog"
	"github.com/slack-go/slack"
	"golang.org/x/sync/errgroup"

	"licensebot/bot"
	"licensebot/bot/socket"
	"licensebot/cocalc"
	"licensebot/purchase"
	"licensebot/storage"
)

// service is the bot with everything it is made of.
type service struct {
	config    config
	log       zerolog.Logger
	ledger    *storage.Bolt
	cocalc    *cocalc.Client
	slack     *slack.Client
	desk      *purchase.Desk
	publisher *bot.Publisher
	socket    *socket.Server
}

// assemble puts the bot together and opens the ledger. It talks to nobody yet.
func assemble(c config, log zerolog.Logger) (*service, error) {
	if err := c.secrets(); err != nil {
		return nil, err
	}
	defaults, err := c.defaults()
	if err != nil {
		return nil, settingsError([]error{err})
	}
	s := &service{config: c, log: log}
	s.cocalc, err = cocalc.New(cocalc.Options{BaseURL: c.CoCalcURL, Key: c.CoCalcAPIKey, CheckoutTimeout: c.CheckoutTimeout,
		Log: log.With().Str("part", "cocalc").Logger()})
	if err != nil {
		return nil, settingsError([]error{fmt.Errorf("COCALC_URL or COCALC_API_KEY: %w", err)})
	}
	if s.ledger, err = storage.Open(c.Database); err != nil {
		return nil, err
	}
	client := socket.HTTPClient()
	s.slack = slack.New(c.SlackBotToken, slack.OptionAppLevelToken(c.SlackAppToken), slack.OptionAPIURL(c.SlackAPIURL),
		slack.OptionHTTPClient(client))
	options := bot.Options{Slack: s.slack, HTTP: client, Defaults: defaults, Location: c.Timezone.Location,
		Log: log.With().Str("part", "bot").Logger()}
	s.desk = purchase.New(purchase.Options{
		Ledger: s.ledger, Shop: s.cocalc, Policy: c.policy(), KeyName: s.cocalc.KeyName(),
		Timing:           purchase.Timing{Settle: c.SettleAfter},
		PurchasesChannel: c.PurchasesChannel,
		Log:              log.With().Str("part", "purchase").Logger(),
		Changed:          func(id purchase.OrderID) { s.publisher.Changed(id) },
	})
	options.Desk = s.desk
	s.publisher = bot.NewPublisher(options)
	s.socket = socket.New(socket.Options{API: s.slack, Handler: bot.New(options), Log: log.With().Str("part", "slack").Logger()})
	return s, nil
}

// run works until ctx is done: then it takes no more orders, finishes what is under way, shows the last changes and
// returns nil.
func (s *service) run(ctx context.Context) error {
	if err := s.greet(ctx); err != nil {
		return err
	}
	// The publisher outlives the others: what they finish at the end is still to be shown.
	showing, stopShowing := context.WithCancel(context.WithoutCancel(ctx))
	defer stopShowing()
	shown := make(chan error, 1)
	go func() { shown <- s.publisher.Run(showing) }()

	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return s.desk.Run(ctx) })
	group.Go(func() error { return s.socket.Run(ctx) })
	err := group.Wait()
	stopShowing()
	err = errors.Join(err, <-shown)
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), flushWithin)
	defer cancel()
	s.publisher.Flush(last)
	return err
}

// flushWithin is how long the last messages may take at the end.
const flushWithin = 10 * time.Second

// greet looks at both sides before work begins, and says in the log what it finds. A Slack token that is wrong ends the
// program, since nobody could be answered; a CoCalc that does not answer does not, since it may come back.
func (s *service) greet(ctx context.Context) error {
	if err := s.checkSlack(ctx); err != nil {
		return err
	}
	if p := s.config.policy(); !p.Everyone && len(p.Buyers) == 0 {
		s.log.Warn().Msg("BUYERS is empty: nobody may buy. Fill in Slack user ids, or * for everybody")
	}
	look, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	if account, err := s.cocalc.WhoAmI(look); err != nil {
		s.log.Error().Err(err).Str("key", s.cocalc.KeyName()).Msg("CoCalc does not say whose key this is; orders wait until it does")
	} else {
		s.log.Info().Str("account", account.ID).Str("key", s.cocalc.KeyName()).Msg("CoCalc knows the key")
	}
	if store, err := s.cocalc.Store(look); err != nil {
		s.log.Error().Err(err).Msg(storeWords(err))
	} else if store == cocalc.StoreOlder {
		s.log.Warn().Msg("this CoCalc is from before November 2024: it tells no prices before checkout, and has no list of purchases to count")
	}
	return nil
}

// storeWords says in words what is wrong with the store.
func storeWords(err error) string {
	var refusal *cocalc.Error
	if errors.As(err, &refusal) && refusal.Kind == cocalc.NotSoldHere {
		return "this CoCalc server does not sell licenses (any more): nothing can be bought with it"
	}
	return "CoCalc does not say yet how it sells licenses; it is asked again before the first purchase"
}

// slackRemedies say what to do about a bot token that Slack refuses.
var slackRemedies = map[string]string{
	"invalid_auth":           "SLACK_BOT_TOKEN is not valid: copy it again from OAuth & Permissions",
	"not_authed":             "SLACK_BOT_TOKEN is empty",
	"account_inactive":       "SLACK_BOT_TOKEN belongs to an app that was removed: install it again, and copy the new token",
	"token_revoked":          "SLACK_BOT_TOKEN was revoked: install the app again, and copy the new token",
	"token_expired":          "SLACK_BOT_TOKEN has expired: switch token rotation off, or copy a new token",
	"not_allowed_token_type": "SLACK_BOT_TOKEN is a token of another kind: it must be the bot token that begins with xoxb-",
}

// checkSlack asks Slack whose token this is. Only a refusal is an error; a Slack that cannot be reached is met again
// when the sockets are opened, which try until it can.
func (s *service) checkSlack(ctx context.Context) error {
	ask, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	who, err := s.slack.AuthTestContext(ask)
	var refusal slack.SlackErrorResponse
	if errors.As(err, &refusal) {
		if remedy, ok := slackRemedies[refusal.Err]; ok {
			return settingsError([]error{errors.New(remedy)})
		}
	}
	if err != nil {
		s.log.Warn().Err(err).Msg("Slack cannot be reached yet; trying until it can")
		return nil
	}
	s.log.Info().Str("team", who.Team).Str("bot", who.User).Msg("Slack knows the bot")
	return nil
}

// close lets go of the ledger and of connections.
func (s *service) close() error {
	s.cocalc.Close()
	return s.ledger.Close()
}
