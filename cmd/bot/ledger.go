package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"licensebot/internal/control"
	"licensebot/purchase"
	"licensebot/storage"
)

// examine verifies the ledger before anything is built upon it. A file or a chain that is broken ends the start: it stays
// as it is, for whoever looks into it. Books that contradict themselves pause buying, so that people get an answer and an
// admin decides.
func (s *service) examine(ctx context.Context) error {
	began := time.Now()
	report, err := s.ledger.Verify(ctx)
	if errors.Is(err, storage.ErrDamaged) {
		return fmt.Errorf("%w\n%s", err, damagedAdvice)
	}
	if err != nil {
		return err
	}
	var findings []purchase.Finding
	err = s.ledger.View(ctx, func(r purchase.Reader) (err error) {
		findings, err = purchase.CheckBooks(r)
		return err
	})
	if err != nil {
		return fmt.Errorf("check the books: %w", err)
	}
	s.log.Info().Int("orders", report.Orders).Int("purchases", report.Purchases).Uint64("records", report.Head.Number).Str("head", report.Head.Hash).
		Dur("took", time.Since(began)).Msg("the ledger is verified")
	if len(findings) == 0 {
		return nil
	}
	for _, f := range findings {
		s.log.Error().Str("record", f.Record).Msg("the ledger contradicts itself: " + f.Sentence)
	}
	_, err = s.desk.Distrust(ctx, findings)
	return err
}

// listen lets the program's own commands reach this bot until the returned function is called.
func (s *service) listen(ctx context.Context) (end func()) {
	log := s.log.With().Str("part", "control").Logger()
	server, err := control.Listen(control.Path(s.config.Database), s, log)
	if err != nil {
		log.Warn().Err(err).Msg("there is no control socket: `bot backup` and `bot resume` cannot reach this bot while it runs")
		return func() {}
	}
	ctx, stop := context.WithCancel(context.WithoutCancel(ctx))
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if err := server.Run(ctx); err != nil {
			log.Error().Err(err).Msg("the control socket failed: `bot backup` and `bot resume` cannot reach this bot any more")
		}
	}()
	return func() {
		stop()
		<-ended
	}
}

// Backup implements control.Bot.
func (s *service) Backup(ctx context.Context, to string) (storage.Report, error) {
	return s.ledger.Backup(ctx, to)
}

// Resume implements control.Bot.
func (s *service) Resume(ctx context.Context, by, reason string) (*purchase.Pause, error) {
	return s.desk.ResumeByOperator(ctx, by, reason)
}
