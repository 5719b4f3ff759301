package socket

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/rs/zerolog"
	"github.com/slack-go/slack"

	"licensebot/internal/backoff"
)

// HTTPClient returns a client for Slack's Web API and its response URLs. slack-go's default client has no timeout, so
// one request without an answer would keep a socket closed forever. Every 429 becomes a *slack.RateLimitedError.
func HTTPClient() *http.Client { return httpClient(time.Now) }

func httpClient(now func() time.Time) *http.Client {
	dialer := &net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second}
	return &http.Client{
		// Slack answers within seconds, an upload included.
		Timeout: 30 * time.Second,
		Transport: retryAfterFixer{now: now, Transport: &http.Transport{
			Proxy:                 http.ProxyFromEnvironment,
			DialContext:           dialer.DialContext,
			ForceAttemptHTTP2:     true,
			TLSHandshakeTimeout:   10 * time.Second,
			ResponseHeaderTimeout: 25 * time.Second,
			IdleConnTimeout:       90 * time.Second,
			MaxIdleConns:          32,
			MaxIdleConnsPerHost:   16,
		}},
	}
}

// NewAPI returns a client of Slack's Web API. base is the address of the API, https://slack.com/api/ for Slack itself.
// The client repeats no request: the caller decides whether to wait for a rate limit, since a form can be opened for
// three seconds only.
func NewAPI(base, botToken, appToken string, client *http.Client, log zerolog.Logger) *slack.Client {
	if !strings.HasSuffix(base, "/") {
		base += "/" // slack-go appends the method to it as it is
	}
	return slack.New(botToken,
		slack.OptionAppLevelToken(appToken),
		slack.OptionAPIURL(base),
		slack.OptionHTTPClient(client),
		slack.OptionLog(libraryLog{log}),
	)
}

// Identity is what Slack says about the bot token.
type Identity struct {
	TeamID, Team string
	UserID       string   // of the bot's user
	BotID        string   // of its app in this workspace
	URL          string   // of the workspace
	Scopes       []string // granted ones; nil when Slack does not say
}

// MissingScopes returns the needed scopes that are not granted, so that the bot can report them at its start. It
// returns none if Slack does not list the granted ones.
func (i Identity) MissingScopes(needed ...string) []string {
	if i.Scopes == nil {
		return nil
	}
	var missing []string
	for _, scope := range needed {
		if !slices.Contains(i.Scopes, scope) {
			missing = append(missing, scope)
		}
	}
	return missing
}

// Identify asks Slack who the bot token belongs to. It repeats the question, with the waits of cfg, until Slack answers
// or ctx is done. It returns a [*FatalError] when the token or a setting is wrong.
func Identify(ctx context.Context, cfg Config) (Identity, error) {
	orDuration(&cfg.FirstRetry, 500*time.Millisecond)
	orDuration(&cfg.MaxRetry, time.Minute)
	if cfg.Jitter == nil {
		cfg.Jitter = randomJitter
	}
	retries := backoff.Policy{First: cfg.FirstRetry, Max: cfg.MaxRetry, Jitter: cfg.Jitter}
	told := ""
	for failures := 0; ; failures++ {
		who, err := IdentifyOnce(ctx, cfg.API)
		if err == nil {
			return who, nil
		}
		if ctx.Err() != nil {
			return Identity{}, ctx.Err()
		}
		if fatal, ok := errors.AsType[*FatalError](err); ok {
			return Identity{}, fatal
		}
		if kind := reasonOf(err); kind != told {
			told = kind
			cfg.Log.Warn().Str("trouble", kind).Str("cause", redact(err.Error())).
				Msg("retry asking Slack whose the bot token is")
		}
		if backoff.Sleep(ctx, retryDelay(retries, failures, err)) != nil {
			return Identity{}, ctx.Err()
		}
	}
}

// scopes reads the header in which Slack lists what a token may do.
func scopes(header http.Header) []string {
	if len(header.Values("X-OAuth-Scopes")) == 0 {
		return nil
	}
	list := []string{}
	for scope := range strings.SplitSeq(strings.Join(header.Values("X-OAuth-Scopes"), ","), ",") {
		if scope = strings.TrimSpace(scope); scope != "" {
			list = append(list, scope)
		}
	}
	return list
}

// CheckSocketMode asks Slack for a socket's address, which is good once and is not used, to see that the app-level
// token is right and Socket Mode is on. It returns a [*FatalError] when a setting is wrong.
func CheckSocketMode(ctx context.Context, api *slack.Client) error {
	_, _, err := api.StartSocketModeContext(ctx)
	if err == nil {
		return nil
	}
	if fatal := fatalError(methodOpen, err, false); fatal != nil {
		return fatal
	}
	return fmt.Errorf("ask Slack for a socket: %w", err)
}
