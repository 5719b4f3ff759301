package socket

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/slack-go/slack"
)

// Loss is one access that was lost.
type Loss struct {
	Method string // the method that was refused last
	Code   string // Slack's error code
	Remedy string // whole sentences for the operator
	Since  time.Time
	Last   time.Time // of the newest refusal
	// Refused is how long Slack has refused, without the times in which it did not answer.
	Refused time.Duration
	needed  []string // any of these scopes restores it; empty if Slack named none
}

// maxRefusalGap is how far two refusals may be apart for the time between them to count as refused. While access is
// lost, Slack is asked every ten seconds.
const maxRefusalGap = 30 * time.Second

// recordLoss notes a loss. The loss of a token that Slack has never accepted is not logged here: it ends the start of
// the program.
func (a *Access) recordLoss(of, token, method string, answer Answer, err error) {
	fatal := fatalError(method, err, true)
	a.mu.Lock()
	loss, known := a.losses[of]
	first := len(a.losses) == 0
	now := a.now()
	if !known {
		loss.Since = now
	} else if gap := now.Sub(loss.Last); gap > 0 && gap <= maxRefusalGap {
		loss.Refused += gap
	}
	loss.Last = now
	logged := known && loss.Code == answer.Code || !a.accepted[token]
	loss.Method, loss.Code, loss.Remedy, loss.needed = method, answer.Code, fatal.Remedy, nil
	if answer.Needed != "" {
		loss.needed = strings.Split(answer.Needed, ",")
	}
	a.losses[of] = loss
	a.mu.Unlock()
	if !logged {
		a.log.Error().Str("method", method).Str("code", answer.Code).Str("remedy", fatal.Remedy).
			Msg("pause buying until Slack gives the bot its access back")
	}
	if first {
		a.changed()
	}
}

// methodLossLife is how long the refusal of one method counts if it named no scope. After that, the next call shows
// whether it still holds.
const methodLossLife = time.Minute

// Probe asks Slack whether access is back. It is needed because without access nothing is shown, so no click shows it.
func (a *Access) Probe(ctx context.Context, api interface {
	AuthTestContext(context.Context) (*slack.AuthTestResponse, error)
},
) {
	who, err := api.AuthTestContext(ctx)
	a.Observe(methodTest, err)
	if err != nil {
		return
	}
	granted := scopes(who.Header)
	a.clearLosses(func(of string, l Loss) bool {
		switch {
		case of == methodOpen, !methodCodes[l.Code]: // the sockets ask themselves
			return false
		case len(l.needed) > 0 && granted != nil:
			return slices.ContainsFunc(l.needed, func(scope string) bool {
				return slices.Contains(granted, strings.TrimSpace(scope))
			})
		}
		return a.now().Sub(l.Since) >= methodLossLife
	})
}
