package bot

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/slack-go/slack"
)

// recordingTransport records the hosts of requests. It answers with a redirect if it has one.
type recordingTransport struct {
	hosts    []string
	redirect string
}

func (m *recordingTransport) RoundTrip(req *http.Request) (*http.Response, error) {
	m.hosts = append(m.hosts, req.URL.Host)
	answer := &http.Response{
		StatusCode: 200, Header: http.Header{}, Body: io.NopCloser(strings.NewReader("ok")),
		Request: req,
	}
	if m.redirect != "" {
		answer.StatusCode = http.StatusTemporaryRedirect
		answer.Header.Set("Location", m.redirect)
	}
	return answer, nil
}

// A payload may name any response URL. The bot posts to Slack's, and to no one else's.
func TestSlackOnly_RoundTrip(t *testing.T) {
	cases := []struct {
		name, url string
		redirect  string
		sent      bool
	}{
		{"Slack", "https://hooks.slack.com/actions/T1/2/abc", "", true},
		{"Slack for governments", "https://hooks.slack-gov.com/actions/T1/2/abc", "", true},
		{"the workspace under SLACK_API_URL", "http://127.0.0.1:4000/actions/T1/2/abc", "", true},
		{"someone else", "https://evil.example/actions/T1/2/abc", "", false},
		{"the cloud's own metadata", "http://169.254.169.254/latest/meta-data/", "", false},
		{"another service on this machine", "http://127.0.0.1:8080/", "", false},
		{"without encryption", "http://hooks.slack.com/actions/T1/2/abc", "", false},
		{"a host that begins like Slack's", "https://hooks.slack.com.evil.example/", "", false},
		{"a host that ends like Slack's", "https://evilhooks.slack.com/", "", false},
		{"a host behind a user", "https://hooks.slack.com@evil.example/", "", false},
		{"another port", "https://hooks.slack.com:8443/", "", false},
		{"a file", "file:///etc/passwd", "", false},
		{"no URL", "hooks.slack.com", "", false},
		{"nothing", "", "", false},
		{"Slack sends it on to someone else", "https://hooks.slack.com/actions/T1/2/abc", "https://evil.example/", false},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			box := &recordingTransport{redirect: c.redirect}
			client := restrictToSlack(&http.Client{Transport: box}, "http://127.0.0.1:4000/api/")
			err := responseURLs{client}.respond(context.Background(), c.url, textMessage("Bought."), false)
			if (err == nil) != c.sent {
				t.Errorf("sent to %q: %v; want %v", box.hosts, err, c.sent)
			}
			for _, host := range box.hosts {
				if strings.Contains(host, "evil") || (!c.sent && c.redirect == "") {
					t.Errorf("got an answer to %q, want none there", host)
				}
			}
		})
	}
}

// Anyone who cannot be answered there is answered in another way.
func TestHandler_Reply_ForgedResponseURL(t *testing.T) {
	box, api := &recordingTransport{}, &ephemeralSlack{}
	a := New(Options{HTTP: &http.Client{Transport: box}, Slack: api, SlackURL: "https://slack.com/api/"})
	a.reply(context.Background(), replyTarget{user: "UALICE", channel: "CMATH", responseURL: "https://evil.example/x"},
		textMessage("Nothing was bought."), false)
	if len(box.hosts) != 0 {
		t.Errorf("the answer went to %q; want none", box.hosts)
	}
	if len(api.sent) != 1 || api.sent[0] != "UALICE in CMATH" {
		t.Errorf("told: %q; want len(api.sent) = 1, api.sent[0] = %q", api.sent, "UALICE in CMATH")
	}
}

// ephemeralSlack is a Slack that records who gets ephemeral messages.
type ephemeralSlack struct {
	WebAPI
	sent []string
}

func (m *ephemeralSlack) PostEphemeralContext(_ context.Context, channel, user string,
	_ ...slack.MsgOption,
) (string, error) {
	m.sent = append(m.sent, user+" in "+channel)
	return "1.1", nil
}
