package main

import (
	"context"
	"errors"
	"fmt"
)

// runBot runs the bot until it is told to stop.
func runBot(ctx context.Context, args []string, c console) (err error) {
	if len(args) > 0 {
		return fmt.Errorf("bot run takes no arguments: %w", errUsage)
	}
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
	log.Info().Str("version", version).Str("ledger", settings.Database).Msg("licensebot starts")
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
