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
	ledger    *storage.Ledger
	cocalc    *cocalc.Client
	slack     *slack.Client
	access    *socket.Access
	desk      *purchase.Desk
	publisher *bot.Publisher
	socket    *socket.Client
	socketCfg socket.Config
}

// assemble builds the bot and opens the ledger. It sends no requests yet.
func assemble(c config, log zerolog.Logger) (*service, error) {
	if err := c.secrets().err(); err != nil {
		return nil, err
	}
	defaults, wrong := c.defaults()
	if err := wrong.err(); err != nil {
		return nil, err
	}
	var err error
	s := &service{config: c, log: log}
	s.cocalc, err = cocalc.New(cocalc.Options{
		BaseURL: c.CoCalcURL, Key: c.CoCalcAPIKey, CheckoutTimeout: c.CheckoutTimeout,
		Log: log.With().Str("part", "cocalc").Logger(),
	})
	if err != nil {
		return nil, settingsError([]error{fmt.Errorf("COCALC_URL or COCALC_API_KEY: %w", err)})
	}
	if s.ledger, err = storage.Open(c.Database); err != nil {
		return nil, err
	}
	client := socket.HTTPClient()
	slackLog := log.With().Str("part", "slack").Logger()
	s.access = socket.NewAccess(nil, slackLog)
	s.access.Listen(client, c.SlackAPIURL)
	s.slack = socket.NewAPI(c.SlackAPIURL, c.SlackBotToken, c.SlackAppToken, client, slackLog)
	options := bot.Options{
		Slack: s.slack, HTTP: client, SlackURL: c.SlackAPIURL, Defaults: defaults, Location: c.Timezone.Location,
		Log: log.With().Str("part", "bot").Logger(),
	}
	policy := c.policy()
	// Desk and App share what Slack says of people: the directory comes before both.
	options.People = bot.NewPeople(s.slack, policy.Groups(), nil, options.Log).WithAccess(s.access)
	s.desk = purchase.New(purchase.Options{
		Ledger: s.ledger, Shop: s.cocalc, Policy: policy, KeyName: s.cocalc.KeyName(), Site: s.cocalc.Site(), LookUp: options.People.LookUp,
		Timing:           purchase.Timing{Settle: c.SettleAfter, Approval: c.ApprovalTTL},
		PurchasesChannel: c.PurchasesChannel, ApprovalsChannel: c.ApprovalsChannel,
		Doubts:  storage.DoubtsOf(c.Database),
		Log:     log.With().Str("part", "purchase").Logger(),
		Changed: func(id purchase.OrderID) { s.publisher.Changed(id) },
		AccessLost: func() bool {
			_, lost := s.access.Lost()
			return lost
		},
	})
	s.access.OnChange(s.desk.AccessChanged)
	options.Desk = s.desk
	s.publisher = bot.NewPublisher(options)
	s.socketCfg = socket.Config{API: s.slack, Handler: bot.New(options), Log: slackLog}
	if s.socket, err = socket.New(s.socketCfg); err != nil {
		return nil, errors.Join(err, s.close())
	}
	return s, nil
}

// lastWords is how long the bot may take to end once its ledger must no longer be used: people still get answers, and a
// running request to CoCalc has its time.
const lastWords = time.Minute

// runWhileUsable is run, but waits at most lastWords for work that hangs in a ledger that must no longer be used.
func (s *service) runWhileUsable(ctx context.Context) error {
	ended := make(chan error, 1)
	go func() { ended <- s.run(ctx) }()
	select {
	case err := <-ended:
		return err
	case <-s.ledger.Failed():
	}
	timer := time.NewTimer(lastWords)
	defer timer.Stop()
	select {
	case err := <-ended:
		return err
	case <-timer.C:
		return errLedgerFailed
	}
}

// run works until ctx is done: then it takes no more orders, finishes what is under way, shows the last changes and
// returns nil.
func (s *service) run(ctx context.Context) error {
	if err := s.examine(ctx); err != nil {
		if ctx.Err() != nil {
			return nil // told to stop meanwhile
		}
		return err
	}
	if err := s.noteSettings(ctx); err != nil {
		return err
	}
	if err := s.resolveDoubts(ctx); err != nil {
		return err
	}
	defer s.listen(ctx)() // to the end: a backup can be made as long as the ledger is open
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
	group.Go(func() error { return s.ledgerFails(ctx) })
	watch := bot.AccessWatch{Access: s.access, Slack: s.slack, Desk: s.desk, Log: s.log}
	group.Go(func() error { return watch.Run(ctx) })
	err := group.Wait()
	if fatal, ok := errors.AsType[*socket.FatalError](err); ok {
		err = settingsError([]error{fatal})
	}
	stopShowing()
	err = errors.Join(err, <-shown)
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), flushWithin)
	defer cancel()
	s.publisher.Flush(last)
	return err
}

// flushWithin is how long the last messages may take at the end.
const flushWithin = 10 * time.Second

// greet checks both sides before work begins, and logs the result. A wrong Slack token ends the program, since people
// would get no answers. A CoCalc that does not answer doesn't, since it may come back.
func (s *service) greet(ctx context.Context) error {
	if err := s.checkSlack(ctx); err != nil {
		if ctx.Err() != nil {
			return nil // told to stop while Slack could not be reached
		}
		return err
	}
	if p := s.config.policy(); !p.Everyone && len(p.Buyers) == 0 {
		s.log.Warn().Msg("let no one buy: BUYERS is empty. List users or groups, or use * for everyone")
	}
	if len(s.config.policy().Admins) == 0 {
		s.log.Warn().Msg("run without admins: ADMINS is empty, so no one can resolve orders in Slack, and incidents reach only PURCHASES_CHANNEL")
	}
	look, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	s.greetCoCalc(s.cocalc.Diagnose(look))
	return nil
}

// greetCoCalc logs what the CoCalc server is, and whose the key is.
func (s *service) greetCoCalc(d cocalc.Diagnosis) {
	if d.Condition != cocalc.SellsLicenses {
		text, remedy, passing := serverWords(s.config.CoCalcURL, d)
		line := s.log.Error()
		if passing {
			line = s.log.Warn()
		}
		line.Str("condition", string(d.Condition)).Str("what", text).Str("remedy", remedy).Msg("find no CoCalc server that sells licenses; `bot check` says more")
	} else if d.Store == cocalc.StoreOlder {
		s.log.Warn().Msg("find an older CoCalc, from before November 2024: it shows no prices before checkout and has no list of purchases")
	}
	switch {
	case d.Key == cocalc.KeyValid:
		s.log.Info().Str("account", d.Account.ID).Str("key", s.cocalc.KeyName()).Msg("find CoCalc with the key")
	case d.Condition == cocalc.SellsLicenses:
		s.log.Error().Err(d.KeyErr).Str("key", s.cocalc.KeyName()).Msg("hold orders until CoCalc accepts the key")
	}
}

// checkSlack asks Slack whose token this is, until Slack answers. The error of a refusal says which setting to fix.
// Missing scopes are reported now, not at a person's first click.
func (s *service) checkSlack(ctx context.Context) error {
	who, err := socket.Identify(ctx, s.socketCfg)
	var fatal *socket.FatalError
	switch {
	case errors.As(err, &fatal):
		return settingsError([]error{fatal})
	case err != nil:
		return err
	}
	s.log.Info().Str("team", who.Team).Str("bot", who.UserID).Msg("find Slack with the bot token")
	if missing := who.Lacks(bot.BotScopes()...); len(missing) > 0 {
		s.log.Warn().Strs("scopes", missing).Msg("miss scopes: reinstall the app with the output of `bot manifest`")
	}
	return nil
}

// close lets go of the ledger and of connections.
func (s *service) close() error {
	s.cocalc.Close()
	return s.ledger.Close()
}
