// Package app builds the bot from its parts: the ledger, CoCalc's client, the desk that buys, and Slack.
//
// Start with [Config] and [New], which builds a [Service]; [Service.Run] runs it. The program, the demo and the tests
// of the whole bot differ in their Config alone.
package app

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/rs/zerolog"
	"github.com/slack-go/slack"
	"golang.org/x/sync/errgroup"

	"licensebot/bot"
	"licensebot/bot/socket"
	"licensebot/cocalc"
	"licensebot/purchase"
	"licensebot/purchase/desk"
	"licensebot/storage"
)

// Service is a bot with everything that it is made of. It is built with [New], works in [Service.Run], or between
// [Service.Start] and [Service.Drain], and ends with [Service.Close].
type Service struct {
	Ledger    *storage.Ledger // nil if Config.Ledger replaces it
	CoCalc    *cocalc.Client  // nil if Config.Shop replaces it
	Slack     *slack.Client
	Access    *socket.Access
	Desk      *desk.Desk
	Handler   *bot.Handler
	Publisher *bot.Publisher
	Socket    *socket.Client // nil if Config.Slack.Front replaces it

	config  Config
	log     zerolog.Logger
	http    *http.Client
	api     bot.WebAPI
	front   Front
	running *running
}

// New builds a bot and opens its ledger. It sends no requests. An error that a changed setting can fix wraps
// [ErrConfig]; the others are those of [storage.Open].
func New(c Config) (*Service, error) {
	s := &Service{config: c, log: c.Log}
	shop, keyName, site := c.Shop, "", purchase.Site("")
	if shop == nil {
		options := c.CoCalc
		options.Log = s.part("cocalc")
		if options.Now == nil {
			options.Now = c.Now
		}
		client, err := cocalc.New(options)
		if err != nil {
			return nil, ConfigError(fmt.Errorf("COCALC_URL or COCALC_API_KEY: %w", err))
		}
		s.CoCalc, shop, keyName, site = client, client, client.KeyName(), client.Site()
	}
	ledger := c.Ledger
	if ledger == nil {
		bolt, err := storage.Open(c.Database, append(c.Decorators.storage(), storage.WithProgress(s.logUpgrade()))...)
		if err != nil {
			return nil, AdviseDamaged(err)
		}
		if kept := bolt.Kept(); kept != "" {
			log := s.part("storage")
			log.Warn().Str("file", kept).Int("schema", storage.SchemaVersion).
				Msg("keep a copy of the ledger from before its upgrade, for older versions")
		}
		s.Ledger, ledger = bolt, decorate(c.Decorators.Ledger, purchase.Ledger(bolt))
	}
	s.connect()
	api := decorate(c.Decorators.API, s.api)
	people := bot.NewPeople(api, c.Policy.Groups(), c.Now, s.part("bot")).WithAccess(s.Access)
	changes := bot.NewChanges(c.Now)
	purchasing := desk.Options{
		Ledger: ledger, Shop: shop, Policy: c.Policy, Timing: c.Timing, KeyName: keyName, Site: site,
		PurchasesChannel: c.PurchasesChannel, ApprovalsChannel: c.ApprovalsChannel,
		LookUp: people.LookUp, Changed: changes.Add, AccessLost: s.accessLost,
		Now: c.Now, NewID: c.NewID, Log: s.part("purchase"),
	}
	if c.Database != "" {
		purchasing.Doubts = storage.DoubtsOf(c.Database)
	}
	s.Desk = desk.New(purchasing)
	s.Access.OnChange(s.Desk.AccessChanged)
	options := bot.Options{
		Desk: s.Desk, Account: s.Desk.Account, Outbox: s.Desk.Outbox, Slack: api, HTTP: s.http, SlackURL: c.Slack.URL,
		Defaults: c.Defaults, Location: c.Location,
		People: people, Changes: changes, Unpaced: c.Slack.Unpaced, Now: c.Now, Log: s.part("bot"),
	}
	options = decorate(c.Decorators.Bot, options)
	s.Handler, s.Publisher = bot.New(options), bot.NewPublisher(options)
	if err := s.open(); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// connect makes the clients of Slack's Web API, and notes their answers in Access.
func (s *Service) connect() {
	c, log := s.config.Slack, s.part("slack")
	if c.HTTP == nil {
		c.HTTP = socket.HTTPClient()
	}
	client := *c.HTTP
	s.http = &client
	s.Access = socket.NewAccess(s.config.Now, log)
	s.Access.ObserveClient(s.http, c.URL)
	s.Slack = socket.NewAPI(c.URL, c.BotToken, c.AppToken, s.http, log)
	if s.api = c.API; s.api == nil {
		s.api = s.Slack
	}
}

// open makes the Front, which receives deliveries from Slack.
func (s *Service) open() (err error) {
	if s.config.Slack.Front != nil {
		s.front = s.config.Slack.Front(s.Handler)
		return nil
	}
	c := s.config.Slack.Socket
	c.API, c.Handler, c.Log = s.Slack, s.Handler, s.part("slack")
	if s.Socket, err = socket.New(c); err != nil {
		return err
	}
	s.front = s.Socket
	return nil
}

// part returns the log of one part of the bot.
func (s *Service) part(name string) zerolog.Logger { return s.log.With().Str("part", name).Logger() }

func (s *Service) accessLost() bool {
	_, lost := s.Access.Lost()
	return lost
}

// Close closes the ledger and the connections. A service that was started must be drained before.
func (s *Service) Close() error {
	if s.CoCalc != nil {
		s.CoCalc.Close()
	}
	s.http.CloseIdleConnections()
	if s.Ledger == nil {
		return nil
	}
	return s.Ledger.Close()
}

// decorate wraps a part; with a nil function, it returns the part.
func decorate[T any](wrap func(T) T, part T) T {
	if wrap == nil {
		return part
	}
	return wrap(part)
}

// Start lets the bot work until [Service.Drain], and returns at once. Call [Service.Prepare] before it.
func (s *Service) Start() {
	// The publisher stops last, so that it shows what the other parts finish at the end.
	showing, stopShowing := context.WithCancel(context.Background())
	shown := make(chan error, 1)
	go func() { shown <- s.Publisher.Run(showing) }()

	working, stop := context.WithCancel(context.Background())
	group, ctx := errgroup.WithContext(working)
	group.Go(func() error { return s.Desk.Run(ctx) })
	group.Go(func() error { return s.front.Run(ctx) })
	if s.Ledger != nil {
		group.Go(func() error { return s.ledgerFails(ctx) })
		group.Go(func() error { return s.maintainLedger(ctx) })
	}
	watch := socket.AccessWatch{
		Access: s.Access, Slack: s.api, Audit: s.Desk.Process, Log: s.log, Every: s.config.Slack.Probe, Now: s.config.Now,
	}
	group.Go(func() error { return watch.Run(ctx) })
	s.running = &running{stop: stop, group: group, ended: ctx.Done(), stopShowing: stopShowing, shown: shown}
}

// Drain ends what Start began: the bot takes no more orders, finishes what is under way, and shows the last changes.
// It returns the errors with which parts ended; one that a changed setting can fix wraps [ErrConfig].
func (s *Service) Drain() error {
	r := s.running
	if r == nil {
		return nil
	}
	r.stop()
	err := r.group.Wait()
	if fatal, ok := errors.AsType[*socket.FatalError](err); ok {
		err = ConfigError(fatal)
	}
	r.stopShowing()
	err = errors.Join(err, <-r.shown)
	last, cancel := context.WithTimeout(context.Background(), flushWithin)
	defer cancel()
	s.Publisher.Flush(last)
	return err
}

// ledgerFails waits until the ledger must no longer be used, or until ctx is done.
func (s *Service) ledgerFails(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return nil
	case <-s.Ledger.Failed():
	}
	s.log.Error().Err(s.Ledger.Failure()).Str("ledger", s.config.Database).
		Msg("stop: the ledger can't be used anymore; the next start continues with what the file holds")
	return fmt.Errorf("%w: %s: %w", ErrLedgerFailed, s.config.Database, s.Ledger.Failure())
}

// Prepare writes what must be in the ledger before the first order: the settings that limit buying, and whether
// decisions counted that were being written when the disk failed. [Service.Run] calls it; a caller of [Service.Start]
// calls it before.
func (s *Service) Prepare(ctx context.Context) error {
	if err := s.noteLimits(ctx); err != nil {
		return err
	}
	return s.resolveDoubts(ctx)
}

// noteLimits records the limiting settings in the audit. A full disk is no error: no order is taken then, and the next
// start notes the settings.
func (s *Service) noteLimits(ctx context.Context) error {
	err := s.Desk.Process.NoteSettings(ctx, s.config.Limits)
	if errors.Is(err, purchase.ErrFull) {
		s.log.Error().Err(err).Msg("fail to record the settings that limit buying")
		return nil
	}
	return err
}

// resolveDoubts notifies people whether their decisions from before the disk failed are in the ledger. What can't be
// read or written now is retried while the bot runs.
func (s *Service) resolveDoubts(ctx context.Context) error {
	err := s.Desk.Process.ResolveDoubts(ctx)
	if err == nil || errors.Is(err, purchase.ErrUncertain) || errors.Is(err, purchase.ErrStopped) {
		return err
	}
	s.log.Error().Err(err).Msg("put off telling people whether their decisions counted while the disk failed")
	return nil
}

// storage returns the options of the ledger.
func (d Decorators) storage() []storage.Option {
	if d.Commit == nil {
		return nil
	}
	return []storage.Option{storage.WithCommit(d.Commit)}
}
