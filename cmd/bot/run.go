package main

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"licensebot/internal/app"
	"licensebot/internal/cli"
	"licensebot/internal/config"
)

// newRunCommand runs the bot, like the program without a subcommand.
func newRunCommand(c stdio) *cobra.Command {
	return &cobra.Command{
		Use: "run", Short: "run the bot (also without a command)", Args: cli.NoArguments,
		RunE: func(cmd *cobra.Command, _ []string) error { return runBot(cmd.Context(), c) },
	}
}

// runBot runs the bot until ctx is done.
func runBot(ctx context.Context, c stdio) (err error) {
	cli.OutliveReaders()
	settings := config.Load()
	noted := findServer(ctx, &settings, settings.Database)
	if err := append(settings.Faults, settings.CheckSecrets()...).Err(); err != nil {
		return err
	}
	log := settings.Logger(c.err)
	if noted {
		log.Warn().Str("server", settings.CoCalcURL).
			Msg("use the CoCalc server that the ledger notes, since COCALC_URL is not set: set it to this address")
	}
	wiring, err := settings.AppConfig(log)
	if err != nil {
		return err
	}
	addFailpoints(&wiring)
	s, err := app.New(wiring)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	log.Info().Str("version", version).Str("build", versionLine()).Str("ledger", settings.Database).Msg("start licensebot")
	if err := s.Run(ctx); err != nil {
		return err
	}
	log.Info().Msg("stop licensebot; the next start continues unfinished work")
	return nil
}
