package main

import (
	"context"
	"errors"

	"github.com/spf13/cobra"
)

// newRunCommand runs the bot, as the program does alone.
func newRunCommand(c console) *cobra.Command {
	return &cobra.Command{
		Use: "run", Short: "run the bot; so does bot alone", Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error { return runBot(cmd.Context(), c) },
	}
}

// runBot runs the bot until ctx is done.
func runBot(ctx context.Context, c console) (err error) {
	settings, err := readConfig()
	if missing := settings.secrets(); err != nil || missing != nil {
		return joinSettings(err, missing)
	}
	log := settings.logger(c.err)
	s, err := assemble(settings, log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	log.Info().Str("version", version).Str("revision", versionLine()).Str("ledger", settings.Database).Msg("licensebot starts")
	if err := s.run(ctx); err != nil {
		return err
	}
	log.Info().Msg("licensebot has stopped; what is not done yet is in the ledger")
	return nil
}

// joinSettings puts the faults of values and the missing ones under one heading.
func joinSettings(errs ...error) error {
	var faults []error
	for _, err := range errs {
		if err == nil {
			continue
		}
		if list, ok := err.(interface{ Unwrap() []error }); ok && len(list.Unwrap()) == 2 {
			faults = append(faults, list.Unwrap()[1])
			continue
		}
		faults = append(faults, err)
	}
	return settingsError(faults)
}
