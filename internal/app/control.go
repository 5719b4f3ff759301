package app

import (
	"context"

	"licensebot/internal/control"
	"licensebot/internal/records"
	"licensebot/purchase"
	"licensebot/storage"
)

// listen lets the program's own commands reach this bot until the returned function is called.
func (s *Service) listen(ctx context.Context) (end func()) {
	log := s.part("control")
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
			log.Error().Err(err).
				Msg("lose the control socket: `bot backup` and `bot resume` can't reach this bot anymore")
		}
	}()
	return func() {
		stop()
		<-ended
	}
}

// Backup implements control.Bot.
func (s *Service) Backup(ctx context.Context, to string) (storage.Report, error) {
	return s.Ledger.Backup(ctx, to)
}

// Resume implements control.Bot.
func (s *Service) Resume(ctx context.Context, by, reason string) (*purchase.Pause, error) {
	return s.Desk.Process.Resume(ctx, by, reason)
}

// Records implements control.Bot.
func (s *Service) Records() records.Source { return records.From(s.Ledger.View, purchase.PageSize) }
