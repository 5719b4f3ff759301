package app

import (
	"context"
	"errors"
	"time"

	"golang.org/x/sync/errgroup"
)

// running is what [Service.Start] has started.
type running struct {
	stop  context.CancelFunc
	group *errgroup.Group
	ended <-chan struct{} // closed when one of the parts has ended

	stopShowing context.CancelFunc
	shown       chan error // the publisher's result
}

// flushWithin is how long the last messages may take at the end.
const flushWithin = 10 * time.Second

// ErrLedgerFailed means that the program must be restarted: it no longer knows what the ledger's file holds.
var ErrLedgerFailed = errors.New("the ledger can't be used anymore; restart the bot")

// lastWords is how long the bot may take to end after its ledger has failed. Meanwhile people still get answers, and a
// request to CoCalc can finish.
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
	if err := s.verifyStart(ctx); err != nil {
		if ctx.Err() != nil {
			return nil // stopped meanwhile
		}
		return err
	}
	if err := s.Prepare(ctx); err != nil {
		return err
	}
	defer s.listen(ctx)() // until the end, so that a backup can be made while the ledger is open
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

// upgradeLogEvery is how often the progress of an upgrade is logged.
const upgradeLogEvery = 5 * time.Second

// logUpgrade returns a function that logs the progress of the ledger's upgrade.
func (s *Service) logUpgrade() func(done, total int) {
	log, last := s.part("storage"), time.Time{}
	return func(done, total int) {
		if time.Since(last) < upgradeLogEvery && done < total {
			return
		}
		last = time.Now()
		log.Info().Int("records", done).Int("of", total).Msg("upgrade the ledger")
	}
}
