package socket

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/rs/zerolog"
	"github.com/slack-go/slack"
	"github.com/slack-go/slack/socketmode"
	"golang.org/x/sync/errgroup"
)

// ErrFatal is wrapped by errors that trying again does not mend: somebody has to change a setting.
var ErrFatal = errors.New("refused by Slack")

// remedies say what to do about the errors of apps.connections.open that stay. slack-go itself ends on four of them only
// and tries the others for ever.
var remedies = map[string]string{
	"invalid_auth":            "SLACK_APP_TOKEN is not valid: create an app-level token under Basic Information, App-Level Tokens",
	"not_authed":              "SLACK_APP_TOKEN is empty",
	"account_inactive":        "the app was removed from the workspace: install it again",
	"token_revoked":           "SLACK_APP_TOKEN was revoked: create a new app-level token under Basic Information",
	"token_expired":           "SLACK_APP_TOKEN has expired: create a new app-level token under Basic Information",
	"missing_scope":           "SLACK_APP_TOKEN lacks connections:write: create an app-level token with that scope",
	"not_allowed_token_type":  "SLACK_APP_TOKEN is a token of another kind: it must be the app-level token that begins with xapp-",
	"org_login_required":      "the workspace is being moved to an organisation: wait until that is over",
	"team_access_not_granted": "the app was not granted access to this workspace: ask its admins",
	"forbidden_team":          "the app may not be used in this workspace",
	"link_disabled":           "Socket Mode is off: switch it on in the app's settings under Socket Mode",
}

// Fatal says what to do about an error of apps.connections.open that trying again does not mend; nil for one that passes.
func Fatal(err error) error {
	var said slack.SlackErrorResponse
	code := ""
	if errors.As(err, &said) {
		code = said.Err
	} else if err != nil {
		code = err.Error()
	}
	for known, remedy := range remedies {
		if code == known || strings.HasPrefix(code, known+":") {
			return fmt.Errorf("%w: %s (%s)", ErrFatal, remedy, known)
		}
	}
	return nil
}

// connect keeps one socket open until ctx is done, and hands what it reads to take. It returns nil then, or an error
// that wraps ErrFatal.
func (s *Server) connect(ctx context.Context, number int) error {
	log := s.log.With().Int("socket", number).Logger()
	client := socketmode.New(s.api, socketmode.OptionLog(logAdapter{log}))
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error {
		for tries := 0; ; tries++ {
			err := client.RunContext(ctx)
			if ctx.Err() != nil {
				return nil
			}
			if stop := Fatal(err); stop != nil {
				return stop
			}
			log.Warn().Err(err).Msg("the socket ended; opening another")
			timer := time.NewTimer(min(time.Second<<min(tries, 6), time.Minute))
			select {
			case <-ctx.Done():
			case <-timer.C:
			}
			timer.Stop()
		}
	})
	group.Go(func() error {
		up := false
		defer func() {
			if up {
				s.connected.Add(-1)
			}
		}()
		for {
			select {
			case <-ctx.Done():
				return nil
			case event := <-client.Events:
				switch event.Type {
				case socketmode.EventTypeHello:
					if !up {
						up = true
						s.connected.Add(1)
					}
					log.Info().Msg("connected to Slack")
					s.hello()
				case socketmode.EventTypeConnecting:
					if up {
						up = false
						s.connected.Add(-1)
					}
				case socketmode.EventTypeConnectionError:
					if failure, ok := event.Data.(*slack.ConnectionErrorEvent); ok {
						if stop := Fatal(failure.ErrorObj); stop != nil {
							return stop
						}
						if failure.Attempt <= 1 { // told once, not at every try
							log.Warn().Err(failure.ErrorObj).Msg("Slack cannot be reached; trying again")
						}
					}
				default:
					s.take(client, event)
				}
			}
		}
	})
	return group.Wait()
}

// logAdapter gives slack-go's log lines to zerolog, at debug level. They never hold a payload: debugging is off.
type logAdapter struct{ log zerolog.Logger }

func (l logAdapter) Output(_ int, line string) error {
	l.log.Debug().Msg(strings.TrimSpace(line))
	return nil
}

// HTTPClient is what Slack's Web API is called with: slack-go's own has no timeout, so a hung call would hang the bot.
func HTTPClient() *http.Client { return &http.Client{Timeout: 30 * time.Second} }

// Status is how the connection to Slack is.
type Status struct {
	Sockets int       // open now
	Last    time.Time // when the last envelope came; zero: none yet
}

// Status reports how the connection is.
func (s *Server) Status() Status {
	st := Status{Sockets: int(s.connected.Load())}
	if n := s.last.Load(); n != 0 {
		st.Last = time.Unix(0, n)
	}
	return st
}
