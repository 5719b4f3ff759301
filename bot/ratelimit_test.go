package bot

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"
	"github.com/slack-go/slack"
)

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
					t.Errorf("after %s: %q; want took = %v, last = %v", took, api.called, tt.took, tt.last)
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
			t.Errorf("after %s: %q; want took = 0, len(api.called) = 2, api.called[1] with %q", took, api.called,
				"again in 30 seconds")
		}
	})
}
