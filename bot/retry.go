package bot

import (
	"context"
	"fmt"
	"time"

	"licensebot/bot/socket"
	"licensebot/internal/backoff"
)

const (
	// maxLimitWait is the longest rate limit that an answer waits for, each time. After a longer one the person is gone.
	maxLimitWait = 30 * time.Second
	// maxLimitRetries is how often an answer is retried after a rate limit.
	maxLimitRetries = 2
)

// retryLimited retries a call while Slack limits its rate; a limited call had no effect. It returns the last error.
func retryLimited(ctx context.Context, call func() error) error {
	for tries := 0; ; tries++ {
		err := call()
		limit := socket.Classify(err)
		if limit.Outcome != socket.OutcomeRateLimited || limit.Wait > maxLimitWait || tries >= maxLimitRetries {
			return err
		}
		if backoff.Sleep(ctx, limit.Wait) != nil {
			return err
		}
	}
}

// noAccess is the answer to a request for a form while the bot has no access to Slack.
const noAccess = "I've lost access to Slack, so I can't open a form. Please tell your admins: my log says what " +
	"to fix."

// notOpenedReason returns why Slack did not open a form, or otherwise if the reason is unknown.
func notOpenedReason(err error, otherwise string) string {
	switch answer := socket.Classify(err); answer.Outcome {
	case socket.OutcomeRateLimited:
		return fmt.Sprintf("Slack is limiting how many forms I can open. Please click again in %s.",
			seconds(answer.Wait))
	case socket.OutcomeAccessLost:
		return noAccess
	default:
		return otherwise
	}
}

// seconds prints a short time in words: "30 seconds".
func seconds(d time.Duration) string {
	return plural(max(int((d+time.Second-1)/time.Second), 1), "second")
}
