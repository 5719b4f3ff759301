package bot

import (
	"context"
	"fmt"
	"net/http"
	"net/url"

	"github.com/slack-go/slack"
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
