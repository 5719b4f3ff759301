package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"licensebot/cocalc/cocalctest"
	"licensebot/internal/largeledger/history"
	"licensebot/slacksim"
)

const (
	// patience is how long a start may take.
	patience = 15 * time.Minute
	// steady is how long the memory must stay the same, within a percent, for an idle bot; settling is how long it may
	// take until then, with the verification of the whole ledger.
	steady   = 3 * time.Second
	settling = 15 * time.Minute
	// verified is what the log says once the bot has verified the whole ledger, which begins ten seconds after its start.
	verified = `"message":"verify the ledger"`
)

// site is a simulated Slack and CoCalc for one run of the bot.
type site struct {
	workspace *slacksim.Workspace
	slack     *slacksim.Server
	cocalc    *cocalctest.Server
	account   *cocalctest.Account
	shop      *http.Server
	shopURL   string
}

// openSite opens a site whose CoCalc answers as it is configured.
func openSite(config cocalctest.Config) (*site, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	s := &site{
		workspace: slacksim.New(slacksim.Options{Rates: slacksim.Rates{Off: true}}),
		cocalc:    cocalctest.New(config),
		shopURL:   "http://" + listener.Addr().String(),
	}
	s.account = s.cocalc.Add(cocalctest.NewAccount{ID: history.AccountID, Credit: 100_000_000, Partner: true})
	s.shop = &http.Server{Handler: s.cocalc, ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = s.shop.Serve(listener) }() // ends with close
	if s.slack, err = s.workspace.Listen("127.0.0.1:0", nil); err != nil {
		return nil, errors.Join(err, s.shop.Close())
	}
	return s, nil
}

func (s *site) close() error {
	s.slack.Close()
	s.workspace.Close()
	err := s.shop.Close()
	s.cocalc.Close()
	return err
}

// settings lead a bot to the site.
func (s *site) settings() []string {
	return []string{
		"SLACK_BOT_TOKEN=" + s.workspace.BotToken(), "SLACK_APP_TOKEN=" + s.workspace.AppToken(),
		"SLACK_API_URL=" + s.slack.APIURL, "COCALC_API_KEY=" + s.account.Key(), "COCALC_URL=" + s.shopURL, "BUYERS=*",
	}
}

// measureStart starts the bot, waits until it has answered a command and then until it has verified its ledger and is
// idle, and ends it.
func measureStart(ctx context.Context, of program, ledger string) (out start, err error) {
	s, err := openSite(cocalctest.Config{Seed: 1})
	if err != nil {
		return out, err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	p, err := launch(ctx, of.path, ledger, s.settings(), "run")
	if err != nil {
		return out, err
	}
	p.watch()
	err = s.ask(ctx, p)
	out.took, out.then = time.Since(p.began), p.anonymous()
	if err == nil {
		out.idle, err = idle(ctx, p, !of.first)
	}
	err = errors.Join(err, p.stop())
	out.peak = p.peak
	return out, err
}

// ask sends the first command as soon as the bot has a socket, and returns when it is answered.
func (s *site) ask(ctx context.Context, p *process) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	go func() {
		select {
		case <-p.ended:
			cancel()
		case <-ctx.Done():
		}
	}()
	if err := s.workspace.WaitForSocket(ctx); err != nil {
		return fmt.Errorf("wait for the bot's socket: %w", err)
	}
	alice := s.workspace.Person(slacksim.Alice)
	if err := alice.Command(ctx, slacksim.General, "/license", "help"); err != nil {
		return err
	}
	if _, err := alice.WaitForText(ctx, slacksim.General, "/license buy"); err != nil {
		return fmt.Errorf("wait for the answer: %w", err)
	}
	return nil
}

// idle returns the anonymous memory of the process once it stays the same, if verifies is set after the process has
// verified its ledger. Older bots do that before they answer.
func idle(ctx context.Context, p *process, verifies bool) (int64, error) {
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	began := time.Now()
	last, since := int64(0), began
	for time.Since(began) < settling {
		select {
		case <-ctx.Done():
			return 0, ctx.Err()
		case <-p.ended:
			return 0, errors.New("the bot has ended")
		case <-tick.C:
		}
		now := p.anonymous()
		isWaiting := verifies && !p.errs.contains(verified)
		if isWaiting || now > last+last/100 || now < last-last/100 {
			last, since = now, time.Now()
		}
		if time.Since(since) >= steady {
			return last, nil
		}
	}
	if verifies && !p.errs.contains(verified) {
		return 0, fmt.Errorf("the bot did not verify its ledger within %s", settling)
	}
	return last, nil
}
