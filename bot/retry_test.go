package bot

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"
	"github.com/slack-go/slack"

	"licensebot/purchase"
)

// purchases are so many orders that were bought, each with a line to post in one channel and a direct message.
func (p *publisherEnv) purchases(n int) {
	for i := range n {
		o := order(bought)
		o.ID = purchase.OrderID(fmt.Sprintf("01JDA8D4G0M6W9Q7VJX2C3%04d", i))
		o.Messages = []purchase.Message{
			{Kind: purchase.MessageLine, Channel: "CMATH"},
			{Kind: purchase.MessageNote, Channel: "DUALICE", TS: "7"},
		}
		p.put(o)
	}
}

// A limit of the rate in a channel holds for everything that is posted there, and for nothing else. The first post that
// is limited lets the channel rest, for as long as Slack says. Then it goes on one by one.
func TestPace_Refused_RestsChannel(t *testing.T) {
	p := newPublisherEnv(t)
	p.purchases(8)
	p.slack.errIn = map[string]error{"CMATH": &slack.RateLimitedError{RetryAfter: 90 * time.Second}}
	if got := p.publishLater(); strings.Count(got, "post to CMATH") != 1 ||
		strings.Count(got, "update 7 in DUALICE") != 8 {
		t.Errorf("got %s, want one line and 8 messages", got)
	}
	for _, after := range []time.Duration{time.Second, 88 * time.Second} {
		p.now = p.now.Add(after)
		if got := p.publishNow(); got != "" {
			t.Errorf("requests to Slack while the channel rests: got %s, want none", got)
		}
	}
	if pause, err := p.publishDue(t.Context()); err != nil || pause != time.Second {
		t.Errorf("next round: got %s (error %v), want %v", pause, err, time.Second)
	}
	p.slack.errIn = nil
	for n := range 8 {
		p.now = p.now.Add(2 * time.Second)
		if got := p.publishNow(); got != "post to CMATH" {
			t.Errorf("requests to Slack %d s after the rest: got %q, want one post to CMATH", 2*n+1, got)
		}
	}
	if got := p.publishLater(); got != "" {
		t.Errorf("requests to Slack when all is posted: got %q, want none", got)
	}
}

// Another failure in a channel concerns the message alone.
func TestPace_Call_FailureInOneChannel(t *testing.T) {
	p := newPublisherEnv(t)
	p.purchases(3)
	p.slack.errIn = map[string]error{"CMATH": errors.New("connection reset")}
	if got := p.publishLater(); strings.Count(got, "post to CMATH") != 3 {
		t.Errorf("requests to Slack: got %s, want 3 posts to CMATH", got)
	}
}

// An order that is clicked on while its line waits is shown at once.
func TestPublisher_Run_ClickWhileLineWaits(t *testing.T) {
	p := newPublisherEnv(t)
	p.purchases(1)
	p.slack.errIn = map[string]error{"CMATH": &slack.RateLimitedError{RetryAfter: time.Minute}}
	p.publishLater()
	p.publishNow() // finds that there is nothing to do before the channel has rested
	id := purchase.OrderID("01JDA8D4G0M6W9Q7VJX2C30000")
	o, err := p.desk.Outbox.Order(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	o.Rev++
	p.put(o)
	if got := p.publishNow(); got != "" {
		t.Errorf("requests to Slack without an announced change: got %s, want none", got)
	}
	p.changes.Add(id)
	if got := p.publishNow(); got != "update 7 in DUALICE" {
		t.Errorf("requests to Slack: got %q, want %q", got, "update 7 in DUALICE")
	}
}

// Why the line could not be posted stands on the receipt, which was shown before that was known.
func TestReceiptCard_ChannelRefusesLine(t *testing.T) {
	p := newPublisherEnv(t)
	o := order(bought)
	o.Messages = []purchase.Message{
		{Kind: purchase.MessageLine, Channel: "CMATH"},
		{Kind: purchase.MessageNote, Channel: "DUALICE", TS: "7", PublishedRev: o.Rev},
	}
	p.put(o)
	p.slack.errIn = map[string]error{"CMATH": slack.SlackErrorResponse{Err: "not_in_channel"}}
	p.expectLater("at first, and when that is known", "post to CMATH; update 7 in DUALICE")
	p.expectLater("after that", "")
	if o, err := p.desk.Outbox.Order(t.Context(), o.ID); err != nil || o.Stale() || lineProblem(o) != "not_in_channel" {
		t.Errorf("got %+v (%v), want the line's problem not_in_channel kept", o.Messages, err)
	}
}

// busySlack limits the rate of the first calls.
type busySlack struct {
	WebAPI
	limit  *slack.RateLimitedError
	times  int
	called []string
}

func (s *busySlack) call(what string) error {
	s.called = append(s.called, what)
	if s.times > 0 {
		s.times--
		return s.limit
	}
	return nil
}

func (s *busySlack) PostEphemeralContext(_ context.Context, _, _ string, options ...slack.MsgOption) (string, error) {
	_, values, err := slack.UnsafeApplyMsgOptions("", "", "", options...)
	if err != nil {
		return "", err
	}
	return "", s.call("say " + values.Get("text"))
}

func (s *busySlack) OpenConversationContext(_ context.Context, p *slack.OpenConversationParameters) (*slack.Channel,
	bool, bool, error,
) {
	return &slack.Channel{}, false, false, s.call("open a conversation")
}

func (s *busySlack) PostMessageContext(context.Context, string, ...slack.MsgOption) (string, string, error) {
	return "", "", s.call("write")
}

func (s *busySlack) OpenViewContext(context.Context, string, slack.ModalViewRequest) (*slack.ViewResponse, error) {
	s.called = append(s.called, "form")
	return nil, s.limit
}

// An answer waits out a short limit, since it is not carried out twice by that. A long one is not waited out: the next
// way to the person is tried at once.
func TestHandler_Reply_RateLimit(t *testing.T) {
	for name, tt := range map[string]struct {
		limit time.Duration
		times int
		took  time.Duration
		last  string
	}{
		"a moment":        {2 * time.Second, 2, 4 * time.Second, "say hello"},
		"again and again": {2 * time.Second, 3, 4 * time.Second, "write"},
		"for long":        {time.Minute, 1, 0, "write"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				api := &busySlack{limit: &slack.RateLimitedError{RetryAfter: tt.limit}, times: tt.times}
				a := &Handler{slack: api, log: zerolog.Nop()}
				began := time.Now()
				a.reply(t.Context(), replyTarget{user: "UALICE", channel: "CMATH"}, textMessage("hello"), false)
				if took, last := time.Since(began), api.called[len(api.called)-1]; took != tt.took || last != tt.last {
					t.Errorf("got %s, %q; want %v, %v last", took, api.called, tt.took, tt.last)
				}
			})
		})
	}
}

// Slack opens a form within three seconds of a click or not at all, so a limit of its rate is said at once.
func TestHandler_OpenView_RateLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api := &busySlack{limit: &slack.RateLimitedError{RetryAfter: 30 * time.Second}}
		a := &Handler{slack: api, log: zerolog.Nop()}
		began := time.Now()
		a.openView(replyTarget{user: "UALICE", channel: "CMATH"}, "trigger", slack.ModalViewRequest{},
			"Slack did not open the form in time.").After(t.Context())
		if took := time.Since(began); took != 0 || len(api.called) != 2 ||
			!strings.Contains(api.called[1], "again in 30 seconds") {
			t.Errorf("got %s, %q; want no wait, 2 requests, the second with %q", took, api.called, "again in 30 seconds")
		}
	})
}

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
				t.Errorf("sent to %q: got error %v, want sent %t", box.hosts, err, c.sent)
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
		t.Errorf("hosts of the answer: got %q, want none", box.hosts)
	}
	if len(api.sent) != 1 || api.sent[0] != "UALICE in CMATH" {
		t.Errorf("sent messages: got %q, want one, %q", api.sent, "UALICE in CMATH")
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

// What still waits for a rate limit when the program stops is posted after the next start, and nothing twice.
func TestPublisher_Flush_RestAtNextStart(t *testing.T) {
	p := newPublisherEnv(t)
	p.purchases(8)
	if got := strings.Count(p.publishNow(), "post to CMATH"); got != channelAllowance.burst {
		t.Errorf("posts before the stop: got %d, want %d", got, channelAllowance.burst)
	}
	p.Publisher = NewPublisher(Options{
		Desk: p.desk, Account: p.desk.Account, Outbox: p.desk.Outbox, Slack: p.slack, HTTP: http.DefaultClient,
		Now: func() time.Time { return p.now }, Log: zerolog.Nop(),
	})
	if got := strings.Count(p.publishLater(), "post to CMATH"); got != 8-channelAllowance.burst {
		t.Errorf("posts after the start: got %d, want %d", got, 8-channelAllowance.burst)
	}
	p.expectLater("afterwards", "")
}

// limitedResponder takes nothing while Slack limits the rate.
type limitedResponder struct {
	limit error
	taken int
}

func (r *limitedResponder) respond(context.Context, string, content, bool) error {
	if r.limit == nil {
		r.taken++
	}
	return r.limit
}

// While Slack limits the rate of response URLs, a card waits. It doesn't continue as a direct message, and the refused
// post costs none of its URL's uses.
func TestPublisher_PublishCard_RateLimit(t *testing.T) {
	p := newPublisherEnv(t)
	cards := &limitedResponder{limit: &slack.RateLimitedError{RetryAfter: 30 * time.Second}}
	p.cards = cards
	o := order(bought)
	o.Messages = []purchase.Message{{
		Kind: purchase.MessageCard, ResponseURL: "https://hooks.slack.com/1", Uses: 4, Expires: at.Add(24 * time.Hour),
	}}
	p.put(o)
	p.expectLater("while the rate is limited", "")
	p.now = p.now.Add(30 * time.Second)
	cards.limit = nil
	if got := p.publishNow(); got != "" || cards.taken != 1 {
		t.Errorf("afterwards: got the calls %q and %d cards, want no calls and 1 card", got, cards.taken)
	}
	stored, err := p.desk.Outbox.Order(t.Context(), o.ID)
	if m := stored.Message(purchase.MessageCard); err != nil || stored.Stale() || m.Uses != 3 {
		t.Errorf("got %+v (%v), want the card shown with 3 uses left", stored.Messages, err)
	}
}
