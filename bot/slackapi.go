package bot

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/rs/zerolog"
	"github.com/slack-go/slack"

	"licensebot/bot/socket"
	"licensebot/internal/backoff"
)

// responder posts to the response URL of a command or a click, for the person's eyes alone. With replace, the post
// takes the place of the message that holds the clicked button.
type responder interface {
	respond(ctx context.Context, url string, c content, replace bool) error
}

// responseURLs posts through an HTTP client. It is a responder.
type responseURLs struct{ client *http.Client }

// newResponder returns a responder that posts to Slack alone.
func newResponder(o Options) responder { return responseURLs{restrictToSlack(o.HTTP, o.SlackURL)} }

func (r responseURLs) respond(ctx context.Context, url string, c content, replace bool) error {
	return slack.PostWebhookCustomHTTPContext(ctx, url, r.client, &slack.WebhookMessage{
		Text: cut(c.text, limitFallback), Blocks: &slack.Blocks{BlockSet: c.blocks},
		ResponseType: slack.ResponseTypeEphemeral, ReplaceOriginal: replace,
	})
}

// The hosts of Slack's response URLs: of Slack, and of Slack for governments.
const (
	hooksHost    = "hooks.slack.com"
	govHooksHost = "hooks.slack-gov.com"
)

// slackOnly carries requests to response URLs. Such a URL comes with every payload, and stays in forms and in the
// ledger, so it is checked: it leads to Slack, or nothing is sent. That holds for redirects too, since each of them
// comes through here.
type slackOnly struct {
	api  *url.URL // of Slack's Web API
	next http.RoundTripper
}

// restrictToSlack returns a copy of the client that sends only to Slack's response URLs. api is the address of Slack's
// Web API, which may be another server's.
func restrictToSlack(client *http.Client, api string) *http.Client {
	h := slackOnly{api: &url.URL{}, next: http.DefaultTransport}
	if u, err := url.Parse(api); err == nil {
		h.api = u
	}
	if client == nil {
		client = &http.Client{}
	}
	guarded := *client
	if client.Transport != nil {
		h.next = client.Transport
	}
	guarded.Transport = h
	return &guarded
}

// RoundTrip implements http.RoundTripper.
func (h slackOnly) RoundTrip(req *http.Request) (*http.Response, error) {
	if !h.leadsToSlack(req.URL) {
		if req.Body != nil {
			_ = req.Body.Close() // the request is not sent, so the transport does not close it
		}
		return nil, fmt.Errorf("a response URL leads to %q, which is not Slack: nothing was sent there", req.URL.Host)
	}
	return h.next.RoundTrip(req)
}

// leadsToSlack reports whether a URL leads to Slack.
func (h slackOnly) leadsToSlack(u *url.URL) bool {
	switch {
	case u.Scheme == "https" && (u.Host == hooksHost || u.Host == govHooksHost):
		return true
	case h.api.Host == "":
		return false
	}
	return u.Scheme == h.api.Scheme && u.Host == h.api.Host
}

// refusedBySlack returns the error code with which Slack definitely refused a message, such as channel_not_found;
// definite is false if a retry may help, or if there is no error.
func refusedBySlack(err error) (problem string, definite bool) {
	if answer := socket.Classify(err); answer.Outcome == socket.OutcomeRefused {
		return answer.Code, true
	}
	return "", false
}

const (
	// probeInterval is the pause between two questions to Slack whether lost access is back.
	probeInterval = 10 * time.Second
	// recordLossAfter is how long access must be lost before the audit records it. Shorter losses are only logged.
	recordLossAfter = time.Minute
	// exitAfter is how long Slack must refuse the bot token, and answer nothing else, before the program ends.
	exitAfter = 5 * time.Minute
)

// AccessAudit records in the audit that the bot has lost its access to Slack, with Slack's error code; or, with an
// empty code, that access is back. *orders.Process is one.
type AccessAudit interface {
	NoteAccess(ctx context.Context, code string) error
}

// AccessWatch waits for lost access to Slack to come back: it asks Slack, and records the loss and its end in the
// audit.
type AccessWatch struct {
	Access *socket.Access
	Slack  WebAPI
	Audit  AccessAudit
	Log    zerolog.Logger
	Every  time.Duration    // between two questions; 10 s when it is 0
	Now    func() time.Time // nil is the system's clock
}

// Run watches until ctx is done, and returns nil. It returns a [*socket.FatalError] if Slack has refused the bot token
// for five minutes: without the token, people get no answers.
func (w AccessWatch) Run(ctx context.Context) error {
	if w.Every == 0 {
		w.Every = probeInterval
	}
	if w.Now == nil {
		w.Now = time.Now
	}
	tick := time.NewTicker(w.Every)
	defer tick.Stop()
	noted := false
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		if _, lost := w.Access.Lost(); lost {
			w.Access.Probe(ctx, w.Slack)
		}
		if err := w.Access.LostFor(exitAfter); err != nil {
			return err
		}
		loss, lost := w.Access.Lost()
		if lost == noted || lost && w.Now().Sub(loss.Since) < recordLossAfter {
			continue
		}
		code := ""
		if lost {
			code = loss.Code
		}
		if err := w.Audit.NoteAccess(ctx, code); err != nil {
			w.Log.Error().Err(err).Msg("retry recording the access to Slack in the audit")
			continue
		}
		noted = lost
	}
}

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
