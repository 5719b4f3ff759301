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

// examine verifies the ledger before anything uses it. A file that can't be read completely ends the start, and stays
// as it is for an inspection. A broken audit chain, and books that contradict themselves, pause buying, so that people
// get an answer and an admin decides.
func (s *service) examine(ctx context.Context) error {
	began := time.Now()
	var findings []purchase.Finding
	report, err := s.ledger.Verify(ctx)
	if fault, ok := errors.AsType[*storage.RecordError](err); ok && fault.OfChain() {
		findings = append(findings, brokenChain(fault))
	} else if errors.Is(err, storage.ErrDamaged) {
		return fmt.Errorf("%w\n%s", err, damagedAdvice)
	} else if err != nil {
		return err
	}
	err = s.ledger.View(ctx, func(r purchase.Reader) error {
		more, err := purchase.CheckBooks(r)
		findings = append(findings, more...)
		return err
	})
	if err != nil {
		return fmt.Errorf("check the books: %w", err)
	}
	if len(findings) == 0 {
		s.log.Info().Int("orders", report.Orders).Int("purchases", report.Purchases).Uint64("records", report.Head.Number).Str("head", report.Head.Hash).
			Int64("took_ms", time.Since(began).Milliseconds()).Msg("verify the ledger")
		return nil
	}
	for _, f := range findings {
		s.log.Error().Str("record", f.Record).Msg("find a contradiction in the ledger: " + purchase.ShortenIDs(f.Sentence))
	}
	_, err = s.desk.Distrust(ctx, findings)
	return err
}

// brokenChain is the finding of a broken audit chain: records were changed or removed.
func brokenChain(f *storage.RecordError) purchase.Finding {
	return purchase.NewFinding(f.Record(), purchase.FoundChainBroken, f.Record(), f.What)
}

// noteSettings records the limiting settings in the audit. A full disk is no error: no order is taken then, and the
// next start notes the settings.
func (s *service) noteSettings(ctx context.Context) error {
	err := s.desk.NoteSettings(ctx, s.config.inForce())
	if errors.Is(err, purchase.ErrFull) {
		s.log.Error().Err(err).Msg("fail to record the settings that limit buying")
		return nil
	}
	return err
}

// resolveDoubts notifies people whether their decisions from before the disk failed are in the ledger. What can't be
// read or written now is retried while the bot runs.
func (s *service) resolveDoubts(ctx context.Context) error {
	err := s.desk.ResolveDoubts(ctx)
	if err == nil || errors.Is(err, purchase.ErrUncertain) || errors.Is(err, purchase.ErrStopped) {
		return err
	}
	s.log.Error().Err(err).Msg("put off telling people whether their decisions counted while the disk failed")
	return nil
}

// errLedgerFailed ends the program: only a new start learns what the ledger's file holds.
var errLedgerFailed = errors.New("the ledger can't be used anymore; restart the bot")

// ledgerFails waits until the ledger must no longer be used, or until ctx is done.
func (s *service) ledgerFails(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return nil
	case <-s.ledger.Failed():
	}
	s.log.Error().Err(s.ledger.Failure()).Str("ledger", s.config.Database).Msg("stop: the ledger can't be used anymore; the next start continues with what the file holds")
	return fmt.Errorf("%w: %s: %w", errLedgerFailed, s.config.Database, s.ledger.Failure())
}

// listen lets the program's own commands reach this bot until the returned function is called.
func (s *service) listen(ctx context.Context) (end func()) {
	log := s.log.With().Str("part", "control").Logger()
	server, err := control.Listen(control.Path(s.config.Database), s, log)
	if err != nil {
		log.Warn().Err(err).Msg("run without a control socket: `bot backup` and `bot resume` can't reach this bot")
		return func() {}
	}
	ctx, stop := context.WithCancel(context.WithoutCancel(ctx))
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if err := server.Run(ctx); err != nil {
			log.Error().Err(err).Msg("lose the control socket: `bot backup` and `bot resume` can't reach this bot anymore")
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
