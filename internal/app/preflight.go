package app

import (
	"context"
	"errors"
	"time"

	"licensebot/bot"
	"licensebot/bot/socket"
	"licensebot/cocalc"
	"licensebot/internal/diagnosis"
)

// preflight checks both sides before work begins, and logs the result. A wrong Slack token ends the program, since
// people would get no answers. A CoCalc that does not answer doesn't, since it may come back.
func (s *Service) preflight(ctx context.Context) error {
	if err := s.checkSlack(ctx); err != nil {
		if ctx.Err() != nil {
			return nil // stopped while Slack could not be reached
		}
		return err
	}
	if p := s.config.Policy; !p.Everyone && len(p.Buyers) == 0 {
		s.log.Warn().Msg("let no one buy: BUYERS is empty. List users or groups, or use * for everyone")
	}
	if len(s.config.Policy.Admins) == 0 {
		s.log.Warn().Msg("run without admins: ADMINS is empty, so no one can resolve orders in Slack, " +
			"and incidents reach only PURCHASES_CHANNEL")
	}
	if s.CoCalc == nil {
		return nil
	}
	look, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	s.logCoCalc(s.CoCalc.Diagnose(look))
	return nil
}

// logCoCalc logs what kind of server CoCalc is, and which account the key belongs to.
func (s *Service) logCoCalc(d cocalc.Diagnosis) {
	if d.Condition != cocalc.SellsLicenses {
		text, remedy, passing := diagnosis.OfServer(s.config.CoCalc.BaseURL, d)
		line := s.log.Error()
		if passing {
			line = s.log.Warn()
		}
		line.Str("condition", string(d.Condition)).Str("what", text).Str("remedy", remedy).
			Msg("find no CoCalc server that sells licenses; `bot check` says more")
	} else if d.Store == cocalc.StoreOlder {
		s.log.Warn().Msg("find an older CoCalc, from before November 2024: it shows no prices before checkout " +
			"and has no list of purchases")
	}
	switch {
	case d.Key == cocalc.KeyValid:
		s.log.Info().Str("account", d.Account.ID).Str("key", s.CoCalc.KeyName()).Msg("find CoCalc with the key")
	case d.Condition == cocalc.SellsLicenses:
		s.log.Error().Err(d.KeyErr).Str("key", s.CoCalc.KeyName()).Msg("hold orders until CoCalc accepts the key")
	}
}

// checkSlack asks Slack for the identity of the token, until Slack answers. If Slack refuses the token, the error names
// the setting to fix. Missing scopes are logged, so that they are known before a person's first click.
func (s *Service) checkSlack(ctx context.Context) error {
	waits := s.config.Slack.Socket
	waits.API, waits.Log = s.Slack, s.part("slack")
	who, err := socket.Identify(ctx, waits)
	var fatal *socket.FatalError
	switch {
	case errors.As(err, &fatal):
		return ConfigError(fatal)
	case err != nil:
		return err
	}
	s.log.Info().Str("team", who.Team).Str("bot", who.UserID).Msg("find Slack with the bot token")
	if missing := who.MissingScopes(bot.Scopes()...); len(missing) > 0 {
		s.log.Warn().Strs("scopes", missing).Msg("miss scopes: reinstall the app with the output of `bot manifest`")
	}
	return nil
}
