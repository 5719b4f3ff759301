package app

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"

	"licensebot/bot"
	"licensebot/bot/socket"
)

// running is what [Service.Start] has started.
type running struct {
	stop  context.CancelFunc
	group *errgroup.Group
	ended <-chan struct{} // closed when one of the parts has ended

	stopShowing context.CancelFunc
	shown       chan error // the publisher's result
}

// Start lets the bot work until [Service.Drain], and returns at once. Call [Service.Prepare] before it.
func (s *Service) Start() {
	// The publisher outlives the others: what they finish at the end is still to be shown.
	showing, stopShowing := context.WithCancel(context.Background())
	shown := make(chan error, 1)
	go func() { shown <- s.Publisher.Run(showing) }()

	working, stop := context.WithCancel(context.Background())
	group, ctx := errgroup.WithContext(working)
	group.Go(func() error { return s.Desk.Run(ctx) })
	group.Go(func() error { return s.front.Run(ctx) })
	if s.Ledger != nil {
		group.Go(func() error { return s.ledgerFails(ctx) })
	}
	watch := bot.AccessWatch{
		Access: s.Access, Slack: s.api, Desk: s.Desk, Log: s.log, Every: s.config.Slack.Probe, Now: s.config.Now,
	}
	group.Go(func() error { return watch.Run(ctx) })
	s.running = &running{stop: stop, group: group, ended: ctx.Done(), stopShowing: stopShowing, shown: shown}
}

// flushWithin is how long the last messages may take at the end.
const flushWithin = 10 * time.Second

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

// ErrLedgerFailed ends the program: only a new start learns what the ledger's file holds.
var ErrLedgerFailed = errors.New("the ledger can't be used anymore; restart the bot")

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

// lastWords is how long the bot may take to end once its ledger must no longer be used: people still get answers, and a
// running request to CoCalc has its time.
const lastWords = time.Minute

// Run checks the ledger and both sides, and works until ctx is done: then it takes no more orders, finishes what is
// under way, shows the last changes and returns nil. It returns an error that wraps [ErrConfig] if Slack refuses a
// token, [ErrLedgerFailed] if the ledger must no longer be used, and the errors of parts that can't go on. Once the
// ledger has failed, it waits at most a minute for work that hangs in it. Config must not replace the ledger.
func (s *Service) Run(ctx context.Context) error {
	ended := make(chan error, 1)
	go func() { ended <- s.run(ctx) }()
	select {
	case err := <-ended:
		return err
	case <-s.Ledger.Failed():
	}
	timer := time.NewTimer(lastWords)
	defer timer.Stop()
	select {
	case err := <-ended:
		return err
	case <-timer.C:
		return ErrLedgerFailed
	}
}

func (s *Service) run(ctx context.Context) error {
	if err := s.verifyLedger(ctx); err != nil {
		if ctx.Err() != nil {
			return nil // stopped meanwhile
		}
		return err
	}
	if err := s.Prepare(ctx); err != nil {
		return err
	}
	defer s.listen(ctx)() // to the end: a backup can be made as long as the ledger is open
	if err := s.preflight(ctx); err != nil {
		return err
	}
	s.Start()
	select {
	case <-ctx.Done():
	case <-s.running.ended:
	}
	return s.Drain()
}
