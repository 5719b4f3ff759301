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
	"strings"
	"time"

	"github.com/spf13/cobra"

	"licensebot/cocalc/cocalctest"
	"licensebot/internal/slacksim"
)

// demoOptions is the command line of the demo.
type demoOptions struct {
	addr       string
	data       string
	credit     dollars
	withoutBot bool
}

// newDemoCommand starts a simulated Slack and a simulated CoCalc on loopback, and the real bot between them: the same code as in
// production, with other addresses.
func newDemoCommand(c console) *cobra.Command {
	var o demoOptions
	var credit string
	cmd := &cobra.Command{Use: "demo [--addr HOST:PORT] [--data DIR] [--credit DOLLARS] [--without-bot]", Args: noArguments,
		Short: "try everything in a browser, with a simulated Slack and CoCalc"}
	cmd.Flags().StringVar(&o.addr, "addr", "127.0.0.1:3000", "`HOST:PORT` of the page, on this machine")
	cmd.Flags().StringVar(&o.data, "data", demoFolder(), "`DIR` of the ledger and the log; kept, so that a restart shows the history")
	cmd.Flags().StringVar(&credit, "credit", "1000", "`DOLLARS` that the CoCalc account starts with")
	cmd.Flags().BoolVar(&o.withoutBot, "without-bot", false, "start only Slack and CoCalc, and print the settings to connect to them")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if err := o.check(credit); err != nil {
			return err
		}
		return runDemo(cmd.Context(), o, c)
	}
	return cmd
}

func runDemo(ctx context.Context, o demoOptions, c console) error {
	sims, err := startSimulators(o)
	if err != nil {
		return err
	}
	defer sims.close()
	if o.withoutBot {
		return sims.alone(ctx, c)
	}
	settings, err := sims.settings(o)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(o.data, 0o700); err != nil {
		return fmt.Errorf("make the folder of the demo: %w", err)
	}
	log, err := os.OpenFile(filepath.Join(o.data, "bot.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("open the demo's log: %w", err)
	}
	defer log.Close()
	s, err := assemble(settings, settings.logger(log))
	if err != nil {
		return err
	}
	go func() {
		select {
		case <-ctx.Done():
		case <-s.socket.Ready():
			sims.welcome(c.out, o)
		}
	}()
	if err := errors.Join(s.run(ctx), s.close()); err != nil {
		return err
	}
	fmt.Fprintf(c.out, "\nThe demo has stopped. Its ledger is kept in %s: the next demo shows its history.\n", o.data)
	return nil
}

// check refuses options that make no sense together with the text of --credit, and reads it.
func (o *demoOptions) check(credit string) error {
	if err := o.credit.Decode(credit); err != nil || o.credit.None {
		return fmt.Errorf("--credit %q: %w: %w", credit, errDollars, errUsage)
	}
	host, _, err := net.SplitHostPort(o.addr)
	if ip := net.ParseIP(host); err != nil || (host != "localhost" && (ip == nil || !ip.IsLoopback())) {
		return fmt.Errorf("--addr %q: the demo is for this machine only, such as 127.0.0.1:3000: %w", o.addr, errUsage)
	}
	return nil
}

// demoFolder is where the demo keeps its ledger between runs.
func demoFolder() string {
	base, err := os.UserCacheDir()
	if err != nil {
		base = os.TempDir()
	}
	return filepath.Join(base, "licensebot-demo")
}

// demoAccount is the CoCalc account of every demo: its ledger is kept, and a ledger is of one account.
const demoAccount = "d3300000-0000-4000-8000-000000000001"

// simulators are a Slack workspace and a CoCalc on loopback.
type simulators struct {
	workspace *slacksim.Workspace
	slack     *slacksim.Server
	cocalc    *cocalctest.Server
	account   *cocalctest.Account
	shop      *http.Server
	shopURL   string
}

func startSimulators(o demoOptions) (*simulators, error) {
	s := &simulators{
		workspace: demoWorkspace(),
		cocalc:    cocalctest.New(cocalctest.Config{Seed: uint64(time.Now().UnixNano()), CheckoutTakes: 400 * time.Millisecond}),
	}
	s.account = s.cocalc.Add(cocalctest.NewAccount{ID: demoAccount, Email: "licenses@demo-university.example", Credit: int64(o.credit.Max), Partner: true})
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listen for CoCalc: %w", err)
	}
	s.shopURL = "http://" + listener.Addr().String()
	s.shop = &http.Server{Handler: s.cocalc, ReadHeaderTimeout: 10 * time.Second}
	go s.shop.Serve(listener) // ends with close
	if s.slack, err = s.workspace.Listen(o.addr, s.page()); err != nil {
		s.shop.Close()
		s.cocalc.Close()
		return nil, fmt.Errorf("%w; is another demo running? --addr 127.0.0.1:3001 takes another port", err)
	}
	return s, nil
}

func (s *simulators) close() {
	s.slack.Close()
	s.shop.Close()
	s.cocalc.Close()
}

// variables are the settings that lead a bot to the simulators, and say who may do what there.
func (s *simulators) variables() []string {
	all := []string{
		"SLACK_BOT_TOKEN=" + s.workspace.BotToken(),
		"SLACK_APP_TOKEN=" + s.workspace.AppToken(),
		"SLACK_API_URL=" + s.slack.APIURL,
		"COCALC_API_KEY=" + s.account.Key(),
		"COCALC_URL=" + s.shopURL,
		"BUYERS=" + ids(func(p demoPerson) bool { return p.buyer }),
		"APPROVERS=" + ids(func(p demoPerson) bool { return p.approver }),
		"ADMINS=" + ids(func(p demoPerson) bool { return p.admin }),
		"APPROVALS_CHANNEL=" + demoApprovals,
	}
	for _, own := range ownSettings {
		all = append(all, own.name+"="+own.now())
	}
	return all
}

// ownSettings are the demo's where the environment has none: the first try is bought at once, one that costs twice as much
// has to be agreed to, and nobody has to wait ten minutes to see how an unknown checkout ends.
var ownSettings = []ownSetting{{"AUTO_APPROVE_LIMIT", "100"}, {"CHECKOUT_TIMEOUT", "15s"}, {"SETTLE_AFTER", "1m"}}

type ownSetting struct{ name, value string }

func (s ownSetting) now() string { return cmp.Or(os.Getenv(s.name), s.value) }

// settings are the environment's, with the simulators in the place of the real services.
func (s *simulators) settings(o demoOptions) (config, error) {
	for _, variable := range s.variables() {
		name, value, _ := strings.Cut(variable, "=")
		if err := os.Setenv(name, value); err != nil {
			return config{}, err
		}
	}
	for _, secret := range []string{"SLACK_BOT_TOKEN_FILE", "SLACK_APP_TOKEN_FILE", "COCALC_API_KEY_FILE"} {
		if err := os.Unsetenv(secret); err != nil {
			return config{}, err
		}
	}
	c, err := readConfig()
	c.Database = filepath.Join(o.data, "licensebot.db")
	return c, err
}

// alone serves the simulators until ctx is done. Only the settings go to standard output.
func (s *simulators) alone(ctx context.Context, c console) error {
	for _, variable := range s.variables() {
		fmt.Fprintln(c.out, variable)
	}
	fmt.Fprintf(c.err, "A Slack workspace without a bot: %s\nCtrl-C ends it.\n", s.slack.URL)
	<-ctx.Done()
	return nil
}

// welcome says where the demo is and what to do first.
func (s *simulators) welcome(out io.Writer, o demoOptions) {
	fmt.Fprintf(out, `The demo runs. Open %s

  Buy       As Alice, in #general, type   %s   and click "Buy for $63.75".
  Approve   As Alice, type   %s
            That is more than she may spend alone: say why, then be Bob in #license-approvals and click "Approve".
  Deny      The same once more, and Bob clicks "Deny …". Alice reads his reason.
  Pause     As Carol, type   %s   and try to buy as Alice. /license resume ends it.

  Olga is a guest and may do none of it. /license budget shows what was spent.
  The panel on the right shows CoCalc's side and breaks it on request.
  Ledger and log are in %s
  Ctrl-C ends it.
`, s.slack.URL, tryBuying, tryAsking, tryPausing, o.data)
}
