package app

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"licensebot/bot"
	"licensebot/internal/backoff"
	"licensebot/purchase"
	"licensebot/purchase/reconcile"
	"licensebot/storage"
)

// DamagedAdvice is what to do with a ledger that can't be trusted.
const DamagedAdvice = "Keep the file as it is: it is evidence. " +
	"`bot restore FILE` replaces it with a backup and sets it aside."

// verifyStart verifies what buying reads, before anything uses the ledger: opening it has checked the pages of the file
// and every record that is not in a bundle, among them the open orders, the budgets and the account; verifyStart checks
// the audit records since the last checkpoint, and that the budgets agree with the open orders and the last purchases.
// The rest is verified by verifyAll while the bot works. What is wrong pauses buying, so that people get an answer and
// an admin decides. (A file that can't be opened ends the start, and stays as it is for an inspection.)
func (s *Service) verifyStart(ctx context.Context) error {
	began := time.Now()
	var account purchase.AccountState
	var findings []purchase.Finding
	err := s.Ledger.View(ctx, func(r purchase.Reader) (err error) {
		if account, err = r.Account(); err != nil {
			return err
		}
		findings, err = reconcile.CheckCurrent(r)
		return err
	})
	damage, err := damageIn(err)
	if err != nil {
		return fmt.Errorf("check the budgets and the open orders: %w", err)
	}
	findings = append(findings, damage...)
	head, err := s.Ledger.VerifyTail(ctx, account.Checkpoint)
	if damage, err = damageIn(err); err != nil {
		return err
	}
	findings = append(findings, damage...)
	if len(findings) > 0 {
		return s.pauseInconsistent(ctx, findings)
	}
	line := s.log.Info()
	if account.Checkpoint != nil {
		line = line.Uint64("since", account.Checkpoint.Number)
	}
	line.Uint64("head", head.Number).Str("hash", head.Hash).Int64("took_ms", time.Since(began).Milliseconds()).
		Msg("verify the end of the audit chain, the budgets and the open orders")
	return nil
}

// AdviseDamaged adds advice to an error that means that the ledger is damaged. Other errors stay as they are.
func AdviseDamaged(err error) error {
	if errors.Is(err, storage.ErrDamaged) {
		return fmt.Errorf("%w\n%s", err, DamagedAdvice)
	}
	return err
}

// verifyAll verifies the whole ledger and its books in short steps, while the bot works. Findings pause buying. Without
// findings, it records a checkpoint, from which the next start continues. It returns the findings.
func (s *Service) verifyAll(ctx context.Context) (findings []purchase.Finding, err error) {
	began := time.Now()
	pace := s.pace()
	report, err := s.Ledger.Verify(ctx, pace)
	if findings, err = damageIn(err); err != nil {
		return nil, err
	}
	more, err := reconcile.CheckConsistency(ctx, s.Ledger, pace)
	findings = append(findings, more...)
	if err != nil && len(findings) == 0 {
		if findings, err = damageIn(err); err != nil {
			return nil, fmt.Errorf("check the books: %w", err)
		}
	}
	if len(findings) > 0 {
		return findings, s.pauseInconsistent(ctx, findings)
	}
	s.log.Info().Int("orders", report.Orders).Int("purchases", report.Purchases).
		Uint64("records", report.Head.Number).Str("head", report.Head.Hash).
		Int64("took_ms", time.Since(began).Milliseconds()).Msg("verify the ledger")
	return nil, s.Desk.Process.NoteVerified(ctx, report.Head)
}

// isDamage reports whether a finding means that pages or records are not as they were written. A broken audit chain can
// be of another ledger's copy that is used again, and is bundled as it is.
func isDamage(f purchase.Finding) bool { return f.Code == purchase.FoundDamaged }

// pauseInconsistent logs findings and pauses buying.
func (s *Service) pauseInconsistent(ctx context.Context, findings []purchase.Finding) error {
	for _, f := range findings {
		line := s.log.Error().Str("record", f.Record)
		if isDamage(f) || f.Code == purchase.FoundChainBroken {
			line = line.Str("remedy", DamagedAdvice)
		}
		line.Msg("find a contradiction in the ledger: " + purchase.ShortenIDs(bot.FindingWords(f, bot.Reader{})))
	}
	_, err := s.Desk.PauseInconsistent(ctx, findings)
	return err
}

// damageIn returns the finding of an error that means that the ledger is damaged, and every other error.
func damageIn(err error) ([]purchase.Finding, error) {
	if !errors.Is(err, storage.ErrDamaged) {
		return nil, err
	}
	return []purchase.Finding{damageOf(err)}, nil
}

// damageOf is the finding of an error that means that the ledger is damaged.
func damageOf(err error) purchase.Finding {
	fault, ok := errors.AsType[*storage.RecordError](err)
	switch {
	case ok && fault.OfChain():
		return brokenChain(fault)
	case ok:
		return purchase.NewFinding(fault.Record(), purchase.FoundDamaged, fault.Record(), fault.What)
	}
	what := err.Error()
	if _, detail, found := strings.Cut(what, storage.ErrDamaged.Error()+": "); found {
		what = detail
	}
	return purchase.NewFinding("file", purchase.FoundDamaged, "its file:", what)
}

// brokenChain is the finding of a broken audit chain: records were changed or removed.
func brokenChain(f *storage.RecordError) purchase.Finding {
	return purchase.NewFinding(f.Record(), purchase.FoundChainBroken, f.Record(), f.What)
}

// verifyShare is how long a verification beside the running bot rests after each step, in multiples of the step's
// duration.
const verifyShare = 3

// pace returns a pace that leaves most of a processor to others.
func (s *Service) pace() storage.Pace {
	began := time.Now()
	return func(ctx context.Context) error {
		err := backoff.Sleep(ctx, verifyShare*time.Since(began))
		began = time.Now()
		return err
	}
}

const (
	// verifyAfter is how long after its start the bot begins to verify the whole ledger: first it catches up.
	verifyAfter = 10 * time.Second
	// compactEvery is how often older records of the ledger are bundled.
	compactEvery = time.Hour
	// verifyEvery is how often the whole ledger is verified: a disk can damage what was not read for a year.
	verifyEvery = 24 * time.Hour
)

// prune removes old refusals and proposals from the ledger, if a setting says so.
func (s *Service) prune(ctx context.Context) {
	if s.config.PruneAfter == 0 {
		return
	}
	now := time.Now()
	if s.config.Now != nil {
		now = s.config.Now()
	}
	before := now.Add(-max(s.config.PruneAfter, purchase.LeastPruneAge))
	orders, records, err := s.Ledger.Prune(ctx, before, now, s.pace())
	log := s.part("storage")
	if err != nil && ctx.Err() == nil {
		log.Error().Err(err).Msg("fail to prune the ledger")
	}
	if records > 0 {
		log.Info().Int("orders", orders).Int("records", records).Time("before", before).Msg("prune the ledger")
	}
}

// maintainLedger verifies the ledger soon after the start and every day, prunes it then, and bundles its older records
// every hour, until ctx is done. An error is logged: the next attempt begins an hour later.
func (s *Service) maintainLedger(ctx context.Context) error {
	log := s.part("storage")
	if backoff.Sleep(ctx, cmp.Or(s.config.VerifyAfter, verifyAfter)) != nil {
		return nil
	}
	var verified time.Time // by the monotonic clock
	isSound := false       // bundles are only changed in a file whose pages are as they should be
	for {
		if verified.IsZero() || time.Since(verified) >= verifyEvery {
			findings, err := s.verifyAll(ctx)
			isSound = err == nil && !slices.ContainsFunc(findings, isDamage)
			if ctx.Err() != nil {
				return nil
			}
			if err != nil {
				log.Error().Err(err).Msg("fail to verify the ledger")
			} else {
				verified = time.Now()
			}
			if err == nil && len(findings) == 0 {
				s.prune(ctx)
			}
		}
		if isSound {
			s.compact(ctx)
		} else {
			log.Warn().Msg("leave the ledger as it is, without compacting it: it is damaged, or was not verified")
		}
		debug.FreeOSMemory() // a verification needs many times what the idle bot does, and a compaction some megabytes
		if backoff.Sleep(ctx, compactEvery) != nil {
			return nil
		}
	}
}

// compact bundles the older records of the ledger.
func (s *Service) compact(ctx context.Context) {
	log := s.part("storage")
	switch n, err := s.Ledger.Compact(ctx); {
	case ctx.Err() != nil:
	case err != nil:
		log.Error().Err(err).Msg("fail to compact the ledger")
	case n > 0:
		log.Info().Int("records", n).Msg("compact the ledger")
	}
}
