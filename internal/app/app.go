// Package app wires the bot: the ledger, CoCalc's client, the desk that buys, and Slack.
//
// Start with [Config] and [New], which builds a [Service]; [Service.Run] runs it. The program, the demo and the tests
// of the whole bot differ in their Config alone.
package app

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/rs/zerolog"
	"github.com/slack-go/slack"

	"licensebot/bot"
	"licensebot/bot/socket"
	"licensebot/cocalc"
	"licensebot/internal/failpoint"
	"licensebot/purchase"
	"licensebot/purchase/desk"
	"licensebot/storage"
)

// Config configures a bot. The zero value of a field means its default, unless its comment says otherwise.
type Config struct {
	// Database is the path of the ledger, which New creates if there is none. It is required, unless Ledger is set.
	Database string
	// CoCalc is the server where licenses are bought, and the key of the account that pays. Both are required, unless
	// Shop is set. New sets its Log, and its Now if that is nil.
	CoCalc cocalc.Options
	// Slack is the workspace.
	Slack Slack

	Policy           purchase.Policy
	Timing           purchase.Timing
	PurchasesChannel string // id of the channel where purchases are announced; empty: the channel of the command
	ApprovalsChannel string // id of the channel where approvers decide
	Defaults         purchase.Spec
	Location         *time.Location // of the dates that people type; nil is UTC
	// Limits are the settings that limit buying, by their names. Their changes are audit records.
	Limits map[string]string
	Log    zerolog.Logger

	// The fields below replace parts, for tests.

	// Ledger is used instead of the file. The service doesn't close it.
	Ledger purchase.Ledger
	// Shop is used instead of a client of CoCalc.
	Shop purchase.Shop
	// Now is the clock, and NewID makes the ids of orders; nil: the system's clock, and ULIDs.
	Now   func() time.Time
	NewID func() purchase.OrderID
}

// Slack says how to reach a workspace.
type Slack struct {
	URL      string // of the Web API, such as https://slack.com/api/
	BotToken string // xoxb-…
	AppToken string // xapp-…

	// HTTP carries all requests to Slack; nil: a client of [socket.HTTPClient]. It is copied.
	HTTP *http.Client
	// Socket sets waits and sizes of the Socket Mode client. New sets its API, Handler and Log.
	Socket socket.Config
	// Probe is the time between two questions whether a lost access is back; 0: 10 s.
	Probe time.Duration

	// API is used instead of the Web API at URL, for tests.
	API bot.WebAPI
	// Front is used instead of Socket Mode, for tests. It is called once, with what handles deliveries.
	Front func(socket.Handler) Front
}

// Front takes deliveries from Slack. *socket.Client is one. Run returns once ctx is done and the handlers have ended.
type Front interface {
	Run(ctx context.Context) error
}

// ErrConfig is wrapped by every error that a changed setting can fix.
var ErrConfig = errors.New("invalid configuration")

// ConfigError puts lines about settings under one heading. It wraps [ErrConfig]; without lines, it is nil.
func ConfigError(lines ...error) error {
	if len(lines) == 0 {
		return nil
	}
	return fmt.Errorf("%w:\n%w", ErrConfig, errors.Join(lines...))
}

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
		if failpoint.Enabled() {
			options.Wrap = cocalc.WithFailpoints
		}
		client, err := cocalc.New(options)
		if err != nil {
			return nil, ConfigError(fmt.Errorf("COCALC_URL or COCALC_API_KEY: %w", err))
		}
		s.CoCalc, shop, keyName, site = client, client, client.KeyName(), client.Site()
	}
	ledger := c.Ledger
	if ledger == nil {
		var options []storage.Option
		if failpoint.Enabled() {
			options = append(options, storage.WithCommit(failpoint.Commit))
		}
		bolt, err := storage.Open(c.Database, options...)
		if err != nil {
			return nil, err
		}
		if kept := bolt.Kept(); kept != "" {
			log := s.part("storage")
			log.Warn().Str("file", kept).Int("schema", storage.SchemaVersion).
				Msg("keep the ledger's file of before its upgrade: older versions need it")
		}
		s.Ledger, ledger = bolt, bolt
		if failpoint.Enabled() {
			ledger = storage.WithFailpoints(bolt)
		}
	}
	s.connect()
	api := s.api
	if failpoint.Enabled() {
		api = bot.WithFailpoints(api)
	}
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
		Desk: s.Desk, Slack: api, HTTP: s.http, SlackURL: c.Slack.URL, Defaults: c.Defaults, Location: c.Location,
		People: people, Changes: changes, Now: c.Now, Log: s.part("bot"),
	}
	if failpoint.Enabled() {
		options = bot.RespondWithFailpoints(options)
	}
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

// open makes what takes deliveries from Slack.
func (s *Service) open() (err error) {
	if s.config.Slack.Front != nil {
		s.front = s.config.Slack.Front(s.Handler)
		return nil
	}
	c := s.config.Slack.Socket
	c.API, c.Handler, c.Log = s.Slack, s.Handler, s.part("slack")
	if failpoint.Enabled() {
		c = socket.WithFailpoints(c)
	}
	if s.Socket, err = socket.New(c); err != nil {
		return err
	}
	s.front = s.Socket
	return nil
}

// part is the log of a part of the bot.
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
