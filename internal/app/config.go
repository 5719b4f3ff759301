package app

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/rs/zerolog"

	"licensebot/bot"
	"licensebot/bot/socket"
	"licensebot/cocalc"
	"licensebot/purchase"
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

	// PruneAfter is the age after which refusals and proposals that were never confirmed are removed from the ledger, at
	// least [purchase.LeastPruneAge]; 0: never.
	PruneAfter time.Duration

	// The fields below replace parts, for tests.

	// VerifyAfter is how long after its start the bot begins to verify the whole ledger; 0: 10 s.
	VerifyAfter time.Duration
	// Ledger is used instead of the file. The service doesn't close it.
	Ledger purchase.Ledger
	// Shop is used instead of a client of CoCalc.
	Shop purchase.Shop
	// Now is the clock, and NewID makes the ids of orders; nil: the system's clock, and ULIDs.
	Now   func() time.Time
	NewID func() purchase.OrderID
	// Decorators wrap parts at their interfaces.
	Decorators Decorators
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

	// Unpaced sends messages as to a Slack without rate limits, for tests.
	Unpaced bool
	// API is used instead of the Web API at URL, for tests.
	API bot.WebAPI
	// Front is used instead of Socket Mode, for tests. It is called once, with what handles deliveries.
	Front func(socket.Handler) Front
}

// Front takes deliveries from Slack. *socket.Client is one. Run returns once ctx is done and the handlers have ended.
type Front interface {
	Run(ctx context.Context) error
}

// Decorators wrap the parts of a bot that New makes, at their interfaces. A nil function wraps nothing. The program
// sets them while its failpoints are enabled; requests to CoCalc and the socket have decorators in their own options.
type Decorators struct {
	Commit func(do, undo func() error) error     // of the ledger: see [storage.WithCommit]
	Ledger func(purchase.Ledger) purchase.Ledger // as purchasing sees it
	API    func(bot.WebAPI) bot.WebAPI           // Slack's Web API
	Bot    func(bot.Options) bot.Options         // how response URLs are answered
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
