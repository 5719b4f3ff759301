package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"licensebot/cocalc/cocalctest"
	"licensebot/internal/app"
	"licensebot/internal/cli"
	"licensebot/internal/config"
	"licensebot/slacksim"
)

// options are the command line.
type options struct {
	addr       string
	data       string
	credit     config.Dollars
	fresh      bool
	withoutBot bool
	history    int    // months before the demo in which people bought; 0: none
	cocalc     string // the preset of the simulated CoCalc; empty: it sells licenses

	patient bool // CoCalc's limits on requests and Slack's three seconds are off: for tests on busy machines
}

// logFile is the log's name in the demo's folder.
const logFile = "bot.log"

// run starts the simulators, and the bot between them, until ctx is done.
func run(ctx context.Context, o options, c stdio) error {
	cli.OutliveReaders()
	sims, err := startSimulators(ctx, o)
	if err != nil {
		return err
	}
	if o.withoutBot {
		return errors.Join(sims.alone(ctx, c), sims.close())
	}
	return errors.Join(sims.withBot(ctx, o, c), sims.close())
}

// withBot runs the bot until ctx is done.
func (s *simulators) withBot(ctx context.Context, o options, c stdio) error {
	settings, err := s.settings(o)
	if err != nil {
		return err
	}
	log, err := os.OpenFile(filepath.Join(o.data, logFile), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("open the demo's log: %w", err)
	}
	defer log.Close()
	wiring, err := settings.AppConfig(settings.Logger(log))
	if err != nil {
		return err
	}
	service, err := app.New(wiring)
	if err != nil {
		return err
	}
	stopped, printed := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(printed)
		select {
		case <-ctx.Done():
		case <-service.Socket.Ready():
			s.welcome(c.out, o)
		}
		select {
		case <-ctx.Done():
			fmt.Fprint(c.out, "\nStopping. A payment in progress finishes first.\n")
		case <-stopped:
		}
	}()
	err = errors.Join(service.Run(ctx), service.Close())
	close(stopped)
	<-printed
	if err != nil {
		return err
	}
	fmt.Fprintf(c.out, "The demo has stopped. Everything is kept in %s: the next demo continues from there, "+
		"and --fresh starts over.\n", o.data)
	return nil
}

// check refuses options that don't make sense together, and parses the text of --credit.
func (o *options) check(credit string) error {
	if err := o.credit.Decode(credit); err != nil || o.credit.None {
		return fmt.Errorf("--credit %q: %w: %w", credit, config.ErrDollars, cli.ErrUsage)
	}
	if o.cocalc != "" && !slices.Contains(presets, o.cocalc) {
		return fmt.Errorf("--cocalc %q: write %s: %w", o.cocalc, strings.Join(presets, " or "), cli.ErrUsage)
	}
	if o.history < 0 || o.history > maxHistory || o.history > 0 && o.withoutBot {
		return fmt.Errorf("--history %d: write 1 to %d months, for a demo with the bot: %w", o.history, maxHistory,
			cli.ErrUsage)
	}
	host, _, err := net.SplitHostPort(o.addr)
	if ip := net.ParseIP(host); err != nil || (host != "localhost" && (ip == nil || !ip.IsLoopback())) {
		return fmt.Errorf("--addr %q: use an address on this machine, such as 127.0.0.1:3000: %w", o.addr, cli.ErrUsage)
	}
	return nil
}

// presets are the presets that --cocalc takes. The page has a switch for each.
var presets = []string{cocalctest.Preset(cocalctest.Successor), cocalctest.Preset(cocalctest.Moved)}

// defaultFolder is where the demo keeps its ledger between runs.
func defaultFolder() string {
	base, err := os.UserCacheDir()
	if err != nil {
		base = os.TempDir()
	}
	return filepath.Join(base, "licensebot-demo")
}

// accountID is the CoCalc account of every demo: its ledger is kept, and a ledger is of one account.
const accountID = "d3300000-0000-4000-8000-000000000001"

// simulators are a Slack workspace and a CoCalc on loopback.
type simulators struct {
	workspace *slacksim.Workspace
	slack     *slacksim.Server
	cocalc    *cocalctest.Server
	account   *cocalctest.Account
	shop      *http.Server
	shopURL   string
	key       string // of the account, in the form that CoCalc takes at the start
	state     *savedState
}

func startSimulators(ctx context.Context, o options) (*simulators, error) {
	now := time.Now()
	state, err := openState(o, now)
	if err != nil {
		return nil, err
	}
	s := &simulators{
		workspace: newWorkspace(state.keep("slack"), o.patient), state: state,
		cocalc: cocalctest.New(cocalctest.Config{
			Seed: uint64(now.UnixNano()), CheckoutTakes: 400 * time.Millisecond,
			Unthrottled: o.patient, Keep: state.keep("cocalc"),
		}),
	}
	if err := s.listen(ctx, o); err != nil {
		s.workspace.Close()
		s.cocalc.Close()
		return nil, errors.Join(err, state.close())
	}
	return s, nil
}

// listen restores the state of both simulators and serves them.
func (s *simulators) listen(ctx context.Context, o options) error {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return fmt.Errorf("listen for CoCalc: %w", err)
	}
	s.shopURL = "http://" + listener.Addr().String()
	if err = s.remember(ctx, o); err == nil {
		err = s.become(o.cocalc)
	}
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	s.shop = &http.Server{Handler: s.cocalc, ReadHeaderTimeout: 10 * time.Second}
	if s.slack, err = s.workspace.Listen(o.addr, s.page(o.cocalc)); err != nil {
		listener.Close()
		return fmt.Errorf("%w. Is another demo running? Use another port, such as --addr 127.0.0.1:3001", err)
	}
	go func() { _ = s.shop.Serve(listener) }() // ends with close
	return nil
}

// remember gives the simulators the state of the last demo. In the first one, it creates CoCalc's account, with a past
// if the options want one.
func (s *simulators) remember(ctx context.Context, o options) error {
	const advice = "%w; --fresh starts over"
	if s.state.slack != nil {
		if err := s.workspace.Restore(s.state.slack); err != nil {
			return fmt.Errorf(advice, err)
		}
	}
	if s.state.cocalc != nil {
		if err := s.cocalc.Restore(s.state.cocalc); err != nil {
			return fmt.Errorf(advice, err)
		}
	}
	account, ok := s.cocalc.Account(accountID)
	switch {
	case ok && o.history > 0:
		return fmt.Errorf("the demo in %s has begun without this history: leave out --history to continue it, "+
			"or start over with --history %d --fresh", o.data, o.history)
	case ok:
		s.account = account
		return nil
	case o.history > 0:
		if err := s.makePast(ctx, o, time.Now()); err != nil {
			return fmt.Errorf("make the history: %w", err)
		}
		s.account, _ = s.cocalc.Account(accountID)
	default:
		s.account = s.cocalc.Add(newAccount(int64(o.credit.Max)))
	}
	s.state.keep("cocalc")(s.cocalc.Snapshot())
	return nil
}

// newAccount returns CoCalc's account with a credit in cents.
func newAccount(credit int64) cocalctest.NewAccount {
	return cocalctest.NewAccount{
		ID: accountID, Email: "licenses@demo-university.example", Credit: credit, Partner: true,
	}
}

// become makes CoCalc one of the presets; empty leaves it one that sells licenses.
func (s *simulators) become(preset string) error {
	s.key = s.account.Key()
	if preset == "" {
		return nil
	}
	if preset == cocalctest.Preset(cocalctest.Successor) { // it takes keys of its own form only
		if s.key = s.account.SuccessorKey(); s.key == "" {
			s.key = s.account.NewSuccessorKey("licensebot", cocalctest.AccountRead)
			s.state.keep("cocalc")(s.cocalc.Snapshot())
		}
	}
	return s.cocalc.SwitchOn(preset)
}

func (s *simulators) close() error {
	s.slack.Close()
	s.shop.Close()
	s.cocalc.Close()
	return s.state.close()
}

// variables returns the settings that lead a bot to the simulators and give the demo's people their rights.
func (s *simulators) variables() []string {
	all := []string{
		"SLACK_BOT_TOKEN=" + s.workspace.BotToken(),
		"SLACK_APP_TOKEN=" + s.workspace.AppToken(),
		"SLACK_API_URL=" + s.slack.APIURL,
		"COCALC_API_KEY=" + s.key,
		"COCALC_URL=" + s.shopURL,
		"BUYERS=" + ids(func(p person) bool { return p.buyer }),
		"APPROVERS=" + ids(func(p person) bool { return p.approver }),
		"ADMINS=" + ids(func(p person) bool { return p.admin }),
		"APPROVALS_CHANNEL=" + approvalsChannel,
	}
	for _, own := range ownSettings {
		all = append(all, own.name+"="+own.now())
	}
	return all
}

// ownSettings are the demo's defaults. A first order needs no approval, and neither do thirty more like it in a day; an
// order for a whole class does. An unknown checkout is settled within two minutes instead of twenty. An afternoon of
// purchases reaches no limit.
var ownSettings = []ownSetting{
	{"AUTO_APPROVE_LIMIT", "2000"},
	{"CHECKOUT_TIMEOUT", "15s"},
	{"SETTLE_AFTER", "1m"},
	{"ORDER_LIMIT", "10000"},
	{"MONTHLY_BUDGET", "200000"},
	{"PERSON_ORDERS", "1000"},
}

// startCredit is the account's credit at the demo's first start, in dollars: more than the month's budget.
const startCredit = "250000"

type ownSetting struct{ name, value string }

func (s ownSetting) now() string { return cmp.Or(os.Getenv(s.name), s.value) }

// settings are the environment's, with the simulators in the place of the real services.
func (s *simulators) settings(o options) (config.Settings, error) {
	for _, variable := range s.variables() {
		name, value, _ := strings.Cut(variable, "=")
		if err := os.Setenv(name, value); err != nil {
			return config.Settings{}, err
		}
	}
	for _, secret := range []string{"SLACK_BOT_TOKEN_FILE", "SLACK_APP_TOKEN_FILE", "COCALC_API_KEY_FILE"} {
		if err := os.Unsetenv(secret); err != nil {
			return config.Settings{}, err
		}
	}
	c, err := config.Read()
	c.Database = filepath.Join(o.data, ledgerFile)
	return c, err
}

// alone serves the simulators until ctx is done. Only the settings go to standard output.
func (s *simulators) alone(ctx context.Context, c stdio) error {
	for _, variable := range s.variables() {
		fmt.Fprintln(c.out, variable)
	}
	fmt.Fprintf(c.err, "A Slack workspace without a bot: %s\nCtrl-C stops it.\n", s.slack.URL)
	<-ctx.Done()
	return nil
}

// welcome prints the address of the demo and what to do first.
func (s *simulators) welcome(out io.Writer, o options) {
	if o.cocalc != "" {
		fmt.Fprintf(out, `The demo is running. Open %s

  This CoCalc sells no licenses (--cocalc %s).

  Buy       As Alice, in #general, type   %s   and read why there's nothing to buy.
  History   /license history and /license budget show what the ledger has.
  Admin     As Carol, type   /license quote ram=16 cpu=2   and read what licensebot wrote to her.

  Everything is kept in %s for the next demo; --fresh starts over.
%s  Ctrl-C stops it.
`, s.slack.URL, o.cocalc, tryBuying, o.data, s.movedAside())
		return
	}
	fmt.Fprintf(out, `The demo is running. Open %s

  Buy       As Alice, in #general, type   %s   and click "Buy for $63.75".
  Approve   As Alice, type   %s   click "Request approval" and give a reason.
            As Bob, click "Approve" in #license-approvals.
  Deny      Request approval once more. As Bob, click "Deny" and give a reason; Alice gets a message with it.
  Pause     As Carol, type   %s   and try to buy as Alice. /license resume ends the pause.
  Break     Turn on a switch on the right, under "What may go wrong", and buy as Alice.

  Olga is a guest, who can do none of this. /license budget shows what was spent.
%s  Everything is kept in %s for the next demo; --fresh starts over.
%s  Ctrl-C stops it.
`, s.slack.URL, tryBuying, tryAsking, tryPausing, o.past(), o.data, s.movedAside())
}

// past returns where to look for the history that the demo began with.
func (o options) past() string {
	if o.history == 0 {
		return ""
	}
	return "  /license history and /license list all show what was bought before.\n"
}

// movedAside returns where an earlier demo's ledger is, if this demo started over.
func (s *simulators) movedAside() string {
	if s.state.previous == "" {
		return ""
	}
	return "  The previous demo's ledger is in " + s.state.previous + ".\n"
}
