package bot

import (
	"context"
	"fmt"
	"time"

	"licensebot/bot/socket"
)

const (
	// waitsOut is how long an answer to a person waits for the end of a rate limit, each time; longer ones are not waited
	// out, since the person has gone on by then.
	waitsOut = 30 * time.Second
	// waitsTimes is how often an answer is tried again after a rate limit.
	waitsTimes = 2
)

// waitOut makes a call and waits while Slack limits its rate: then nothing was done, and the same call may be made again.
// It returns the last error.
func waitOut(ctx context.Context, call func() error) error {
	for tries := 0; ; tries++ {
		err := call()
		limit := socket.Classify(err)
		if limit.Outcome != socket.OutcomeRateLimited || limit.Wait > waitsOut || tries >= waitsTimes {
			return err
		}
		timer := time.NewTimer(limit.Wait)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return err
		}
	}
}

// noAccessWords say that the bot lacks its access to Slack.
const noAccessWords = "I've lost my access to Slack, so I can't open a form. Please tell your admins: my log says what to fix."

// notOpened says why Slack did not open a form. otherwise is said of what has no reason of its own.
func notOpened(err error, otherwise string) string {
	switch answer := socket.Classify(err); answer.Outcome {
	case socket.OutcomeRateLimited:
		return fmt.Sprintf("Slack is limiting how many forms I can open. Please click again in %s.", seconds(answer.Wait))
	case socket.OutcomeAccessLost:
		return noAccessWords
	}
	return otherwise
}

// seconds is a short time as people say it: "30 seconds".
func seconds(d time.Duration) string {
	return plural(max(int((d+time.Second-1)/time.Second), 1), "second")
}
